"""A database that announces its changes: who listens, and what happens when nothing is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from daftari.connectors.sql.postgres import ANNOUNCEMENT
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.rules.connections import lifecycle, listening, sync
from daftari.rules.connections.check import ask_account, open_check, write_check
from daftari.rules.connections.views import show_connection
from daftari.store import Store
from daftari.worker import Provider, run_worker
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.connection_steps import Syncing, mobile, person
from tests.support.sql_shops import CUSTOMERS, PostgresShop, postgres_shop, reader_role
from tests.support.waiting import wait_for

on_one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""For what our own database cannot make different."""
RARELY = 3_600
"""So many seconds between two polls that a change which is here was announced."""


class AnnouncedSync(Syncing):
    """A connection to a table of PostgreSQL that announces its changes, in real time."""

    def __init__(self, store: Store, project: Project, shop: PostgresShop, **given: Any) -> None:
        self.store, self.project, self.shop = store, project, shop
        self.now = current_time()
        settings = {name: value for name, value in msgspec.to_builtins(shop.settings).items() if name != "kind"}
        values: dict[str, Any] = {
            "name": "shop",
            "kind": "postgresql",
            "credentials": {"password": "none"},
            "settings": {**settings, "notify": True},
            "fields": {"phone": "mobile", "name": "fname"},
            "groups": [{"from": "all", "to": "shop"}],
            "poll_seconds": RARELY,
            **given,
        }
        self.id = self.write(lifecycle.create_connection, values=values).id
        to_check = store.read(project, self.now, open_check, connection_id=self.id)
        found = ask_account(to_check, allowed_hosts=(), databases=shop.allowed)
        assert self.write(write_check, connection_id=self.id, found=found, address=None).works, found
        self.write(lifecycle.start_connection, connection_id=self.id)

    def add(self, number: int) -> None:
        self.shop.run(f"INSERT INTO customers (id, phone) VALUES ({number}, '+{mobile(number)}')")

    def is_here(self, number: int) -> bool:
        self.now = current_time()
        return mobile(number) in self.members("shop")

    def warnings(self) -> list[str]:
        return self.store.read(self.project, current_time(), show_connection, connection_id=self.id).warnings

    def change(self, rule: Callable[..., Any], **given: Any) -> None:
        self.now = current_time()
        self.write(rule, connection_id=self.id, **given)

    def listening(self) -> int:
        """The sessions that listen at the shop's database."""
        return sum(query.startswith("LISTEN") for query in self.shop.sessions())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that looks often and tries again soon."""
    monkeypatch.setattr("daftari.worker.listening.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("daftari.worker.listening.RETRY_SECONDS", 0.1)


@pytest.fixture
def shop(postgres_server: str, new_database: NewDatabase) -> Iterator[PostgresShop]:
    with (
        reader_role(postgres_server) as role,
        postgres_shop(postgres_server, new_database("postgres", empty=True), role=role) as shop,
    ):
        shop.run(CUSTOMERS["postgresql"])
        shop.run(ANNOUNCEMENT.format(table="customers"))
        yield shop


@pytest.fixture
def connection(store: Store, shop: PostgresShop) -> AnnouncedSync:
    return AnnouncedSync(store, calls.create_project(store), shop)


@contextmanager
def working(connection: AnnouncedSync) -> Iterator[None]:
    """A worker in a thread of this process, which listens when the block begins."""
    stopping = Event()
    with OutboundClient(allowed_hosts=()) as client:
        provider = Provider(client, databases=connection.shop.allowed)
        given = {"store": connection.store, "provider": provider}
        thread = Thread(target=run_worker, args=(stopping.wait,), kwargs=given)
        thread.start()
        try:
            wait_for(lambda: connection.listening() == 1 and connection.open().stored.state != "importing")
            yield
        finally:
            stopping.set()
            thread.join()


def test_a_change_that_is_heard_is_here_without_a_poll(connection: AnnouncedSync) -> None:
    with working(connection):
        for number in (1, 2, 3):
            connection.add(number)
            wait_for(partial(connection.is_here, number))
        connection.shop.run("UPDATE customers SET deleted = true, updated_at = now() WHERE id = 2")
        wait_for(lambda: not connection.is_here(2))
        assert connection.warnings() == []
    wait_for(lambda: connection.listening() == 0)


@on_one_engine
def test_of_two_workers_one_listens_and_the_other_takes_over(connection: AnnouncedSync) -> None:
    with working(connection):
        with working(connection):
            connection.add(1)
            wait_for(lambda: connection.is_here(1))
            assert connection.listening() == 1
        wait_for(lambda: connection.listening() == 1)
        connection.add(2)
        wait_for(lambda: connection.is_here(2))


@on_one_engine
def test_what_was_not_heard_while_the_network_was_away_is_found_when_it_is_back(connection: AnnouncedSync) -> None:
    with working(connection):
        connection.add(1)
        wait_for(lambda: connection.is_here(1))
        connection.shop.relay.cut()
        connection.add(2)
        wait_for(lambda: connection.is_here(2))


@on_one_engine
def test_polls_go_on_where_nothing_can_be_heard(
    store: Store, shop: PostgresShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = AnnouncedSync(store, calls.create_project(store), shop, poll_seconds=5)
    with monkeypatch.context() as broken, working(connection):
        broken.setattr("daftari.connectors.sql.doorbell.CHANNEL", "*, as on a replica")
        connection.shop.relay.cut()
        wait_for(connection.warnings)
        (warning,) = connection.warnings()
        assert warning.startswith("Changes are not announced, and are found by polls alone: PostgreSQL at 127.0.0.1")
        connection.add(1)
        wait_for(lambda: connection.is_here(1))
        assert connection.open().stored.state == "live" and connection.warnings() == [warning]
        broken.undo()
        wait_for(lambda: not connection.warnings())


@on_one_engine
def test_a_connection_is_listened_to_as_long_as_it_is_set_so(connection: AnnouncedSync) -> None:
    with working(connection):
        connection.change(lifecycle.pause_connection)
        wait_for(lambda: connection.listening() == 0)
        connection.add(1)
        connection.change(lifecycle.start_connection)
        wait_for(lambda: connection.listening() == 1 and connection.is_here(1))
        settings = {**connection.open().definition.settings, "notify": False}
        connection.change(lifecycle.update_connection, values={"settings": settings})
        wait_for(lambda: connection.listening() == 0)


@on_one_engine
def test_a_broken_connection_is_not_listened_to(connection: AnnouncedSync) -> None:
    with working(connection):
        connection.shop.run("ALTER TABLE customers RENAME COLUMN phone TO mobile")
        connection.shop.run("INSERT INTO customers (id) VALUES (1)")
        wait_for(lambda: connection.open().stored.state == "broken")
        wait_for(lambda: connection.listening() == 0)


def test_what_is_heard_while_a_page_is_read_is_read_next(store: Store) -> None:
    crm = Syncing(store, calls.create_project(store))
    crm.wait(3_600_000_000)
    named = {"connection_id": crm.id, "fence": crm.fence}
    assert crm.write(sync.claim_task, **named).task == "poll"
    crm.write(listening.note_change, connection_id=crm.id)
    crm.read(person(1))
    assert crm.write(sync.claim_task, **named).task == "poll", "the page may have been read before the change"
    crm.read()
    assert crm.write(sync.claim_task, **named).task == "nothing"


def test_a_reading_that_a_person_asks_for_while_a_page_is_read_follows_it(store: Store) -> None:
    crm = Syncing(store, calls.create_project(store))
    crm.wait(3_600_000_000)
    named = {"connection_id": crm.id, "fence": crm.fence}
    assert crm.write(sync.claim_task, **named).task == "poll"
    crm.write(lifecycle.sync_connection, connection_id=crm.id)
    crm.read(person(1))
    assert crm.write(sync.claim_task, **named).task == "poll"


def test_only_postgresql_announces_changes(store: Store) -> None:
    project = calls.create_project(store)
    settings = {"database": "/srv/shop.db", "table": "customers", "columns": {"id": "id"}, "notify": "true"}
    values = {"name": "s", "kind": "sqlite", "settings": settings, "fields": {"phone": "mobile"}}
    with pytest.raises(Exception, match="SQLite announces no changes: leave out `notify`, which is for PostgreSQL"):
        store.write(project, calls.WORKER, current_time(), lifecycle.create_connection, values=values)
