"""A connection to a database of one's own, as a worker reads it: a file of SQLite with a table of customers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from daftari.connectors import Allowed, Page, Record
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.rules.connections import lifecycle
from daftari.rules.connections.check import ask_account, open_check, write_check
from daftari.store import Store
from daftari.worker import Provider
from daftari.worker.connections import SyncWork, divide_pages
from tests.support import calls
from tests.support.connection_steps import Syncing, mobile
from tests.support.sql_shops import CUSTOMERS


class ShopSync(Syncing):
    """A connection to a shop's own database, in real time."""

    def __init__(self, store: Store, project: Project, folder: Path) -> None:
        self.store, self.project, self.folder = store, project, folder
        self.shop = apsw.Connection(str(folder / "shop.db"))
        self.shop.execute(CUSTOMERS["sqlite"])
        self.allowed = Allowed(folders=(str(folder),))
        self.now = current_time()
        values: dict[str, Any] = {
            "name": "shop",
            "kind": "sqlite",
            "settings": {
                "database": str(folder / "shop.db"),
                "table": "customers",
                "columns": {"id": "id", "updated_at": "updated_at", "deleted": "deleted"},
            },
            "fields": {"phone": "mobile", "name": "fname"},
            "groups": [{"from": "all", "to": "shop"}],
        }
        self.id = self.write(lifecycle.create_connection, values=values).id

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.shop.execute(
                "INSERT INTO customers (id, phone, name, updated_at) VALUES (?, ?, ?, datetime('now', '-5 minutes'))",
                (number, f"+{mobile(number)}", f"F{number}"),
            )

    def check(self, *, databases: Allowed) -> Any:
        to_check = self.store.read(self.project, self.now, open_check, connection_id=self.id)
        found = ask_account(to_check, allowed_hosts=(), databases=databases)
        return self.write(write_check, connection_id=self.id, found=found, address=None)

    def run(self) -> None:
        with OutboundClient(allowed_hosts=()) as client:
            provider = Provider(client, databases=self.allowed)
            work = SyncWork(
                self.store, self.project, subject=str(self.id), may_continue=lambda: True, provider=provider
            )
            with work:
                while work.step():
                    pass
        self.now = current_time()


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> ShopSync:
    folder = tmp_path / "shop"
    folder.mkdir()
    return ShopSync(store, calls.create_project(store), folder)


def test_a_table_is_checked_read_and_compared(shop: ShopSync) -> None:
    shop.add(1, 2, 3)
    check = shop.check(databases=shop.allowed)
    assert check.works and check.records == 3, check
    assert {record.mobile for record in check.sample} == {str(mobile(number)) for number in (1, 2, 3)}
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    assert shop.open().stored.state == "live", shop.open().stored.reason
    assert shop.members("shop") == {mobile(1), mobile(2), mobile(3)}
    shop.shop.execute("DELETE FROM customers WHERE id = 2")
    shop.write(lifecycle.compare_connection, connection_id=shop.id)
    shop.run()
    assert shop.states()["2"] == "gone" and shop.members("shop") == {mobile(1), mobile(3)}


def test_a_check_shows_no_group_of_a_record_without_a_contact(shop: ShopSync) -> None:
    shop.add(1)
    shop.shop.execute("INSERT INTO customers (id, phone, name) VALUES (2, '12', 'Lucy')")
    sample = {record.id: (record.state, record.groups) for record in shop.check(databases=shop.allowed).sample}
    assert sample == {"1": ("live", ["shop"]), "2": ("unreadable", [])}


def test_a_group_is_made_of_the_value_of_a_column(shop: ShopSync) -> None:
    shop.add(1, 2)
    groups = [{"from": "property:id=2", "to": "second"}]
    shop.write(lifecycle.update_connection, connection_id=shop.id, values={"groups": groups})
    shop.check(databases=shop.allowed)
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    assert (shop.members("second"), len(shop.book())) == ({mobile(2)}, 2)


def test_a_view_that_was_emptied_by_mistake_is_corrected_and_compared_again(shop: ShopSync) -> None:
    shop.add(*range(1, 61))
    shop.check(databases=shop.allowed)
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    shop.shop.execute("CREATE TABLE kept AS SELECT * FROM customers; DELETE FROM customers")
    shop.write(lifecycle.compare_connection, connection_id=shop.id)
    shop.run()
    assert shop.open().stored.state == "needs_confirmation"
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    assert shop.open().stored.state == "needs_confirmation" and len(shop.members("shop")) == 60
    shop.shop.execute("INSERT INTO customers SELECT * FROM kept")
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    opened = shop.open()
    assert (opened.stored.state, opened.progress.comparison) == ("live", None)
    assert len(shop.members("shop")) == 60 and set(shop.states().values()) == {"live"}


def test_a_long_page_is_written_in_pieces_behind_the_cursor_before_it(shop: ShopSync) -> None:
    page = Page([Record(str(number), 1) for number in range(2_500)], "behind", 7, False, ["wait"], 8)
    pieces = [*divide_pages([Page([], "between", None, True), page], "before")]
    assert [(len(one.records), one.cursor, one.complete_until, one.has_more) for (one,) in pieces] == [
        (0, "between", None, True),
        (1_000, "between", None, True),
        (1_000, "between", None, True),
        (500, "behind", 7, False),
    ]
    assert [one.seen_until for (one,) in pieces] == [None, None, None, 8]
    assert [*divide_pages([page], "before")][-1][0].records[-1].id == "2499"
    shop.add(*range(1, 2_300))
    shop.check(databases=shop.allowed)
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    assert shop.open().progress.counts["live"] == 2_299 and shop.open().stored.state == "live"


def test_a_database_that_the_operator_does_not_allow_is_not_read(shop: ShopSync) -> None:
    check = shop.check(databases=Allowed())
    assert not check.works and cast(str, check.says) and shop.open().stored.state == "new"
