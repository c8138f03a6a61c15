"""What changed in a database's table, page by page: everything once, then each change, and nothing passed over."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql import SqlColumns
from daftari.connectors.sql import connector as sql_connector
from tests.support.sql_shops import AGO, Shop, ids_of, now, read_all

SetMost = Callable[[str, int], None]


@pytest.fixture
def set_most(monkeypatch: pytest.MonkeyPatch) -> SetMost:
    """Makes a limit of the connector smaller: ``set_most("PAGE_ROWS_MAX", 3)``."""
    return lambda name, most: monkeypatch.setattr(sql_connector, name, most)


def test_everything_is_read_once_and_then_what_changed(shop: Shop) -> None:
    shop.add("0722000001", "0722000002", "0722000003", minutes=3)
    connector = shop.open("phone", "name")

    records, page = read_all(connector)
    assert ids_of(records) == ["1", "2", "3"]
    assert records[0].values == {"phone": "0722000001"}
    assert page.complete_until is not None and page.complete_until <= now()
    assert read_all(connector, page.cursor)[0] == []

    shop.add("0722000004", first=4, minutes=0)
    records, page = read_all(connector, page.cursor)
    assert ids_of(records) == ["4"]


def test_a_new_row_is_there_at_once_and_comes_again_when_its_time_is_complete(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = shop.open("phone")
    _, page = read_all(connector)
    shop.add("0722000001", minutes=0)
    records, page = read_all(connector, page.cursor)
    assert ids_of(records) == ["1"]

    monkeypatch.setattr(sql_connector, "MARGIN_OF_DATABASE", 0)
    assert ids_of(read_all(connector, page.cursor)[0]) == ["1"]


@pytest.mark.parametrize("rows", [6, 7, 8, 9])
def test_rows_of_one_time_are_read_page_by_page(shop: Shop, set_most: SetMost, rows: int) -> None:
    """A bulk update gives a million rows one time: the page continues by id."""
    set_most("PAGE_ROWS_MAX", 3)
    set_most("EARLY_ROWS_MAX", -1)
    connector = shop.open("phone")
    _, page = read_all(connector)
    set_most("MARGIN_OF_DATABASE", 0)
    shop.add(*(f"07220000{place:02}" for place in range(rows)), minutes=0)
    shop.add("0733000001", first=50, minutes=0)

    records, _ = read_all(connector, page.cursor)
    assert ids_of(records) == [*map(str, range(1, rows + 1)), "50"]


def test_a_row_that_is_written_between_two_statements_of_a_page_comes_once_as_it_is(
    shop: Shop, set_most: SetMost, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_most("PAGE_ROWS_MAX", 2)
    connector = shop.open("phone")
    _, page = read_all(connector)
    cursor = page.cursor.replace(f'"since":{json.loads(page.cursor)["since"]}', '"since":1')
    shop.add("0722000001", "0722000002", "0722000003", minutes=5)
    page = connector.read_changes(cursor, now=now())
    assert ids_of(page.records) == ["1", "2"]

    read = connector._read

    def read_and_write(*args: Any, **given: Any) -> Any:
        found = read(*args, **given)
        shop.run(f"UPDATE customers SET phone = '07', updated_at = {AGO[shop.settings.kind].format(3)} WHERE id = 3")
        return found

    monkeypatch.setattr(connector, "_read", read_and_write)
    page = connector.read_changes(page.cursor, now=now())
    assert [(record.id, record.values["phone"]) for record in page.records] == [("3", "07")]


def test_a_flag_says_that_a_row_is_deleted(shop: Shop) -> None:
    shop.add("0722000001", "0722000002")
    shop.run("UPDATE customers SET deleted = true WHERE id = 2")
    records, _ = read_all(shop.open("phone"))
    assert [record.gone for record in records] == [None, "deleted"]


def test_without_a_time_the_whole_table_is_read_each_time(shop: Shop, set_most: SetMost) -> None:
    set_most("PAGE_ROWS_MAX", 2)
    shop.add("0722000001", "0722000002", "0722000003")
    connector = shop.open("phone", settings=replace(shop.settings, columns=SqlColumns("id")))
    began = now()
    records, page = read_all(connector)
    assert ids_of(records) == ["1", "2", "3"]
    assert page.cursor == "" and page.complete_until is not None and began <= page.complete_until <= now()

    shop.run("UPDATE customers SET phone = '0733000001' WHERE id = 1")
    records, _ = read_all(connector, page.cursor)
    assert [record.values["phone"] for record in records] == ["0733000001", "0722000002", "0722000003"]


def test_a_row_without_a_time_is_unreadable(shop: Shop) -> None:
    shop.run("INSERT INTO customers (id, phone, updated_at) VALUES (1, '0722000001', NULL)")
    ((record,), _) = read_all(shop.open("phone"))
    assert record.unreadable == {"updated_at": "is empty, so that no change of the row would be seen"}


def test_after_a_backup_was_restored_everything_is_read_again(shop: Shop) -> None:
    def ago(minutes: int) -> str:
        return AGO[shop.settings.kind].format(minutes)

    shop.add(*["0722000001"] * 8, minutes=60)
    connector = shop.open("phone")
    shop.run(f"UPDATE customers SET updated_at = {ago(10)} WHERE id > 2")
    _, page = read_all(connector)

    shop.run("DELETE FROM customers WHERE id > 4")
    assert read_all(connector, page.cursor)[0] == []

    shop.run(f"UPDATE customers SET updated_at = {ago(60)}")
    shop.add("0722000009", first=9, minutes=0)
    page = connector.read_changes(page.cursor, now=now())
    (warning,) = page.warnings
    assert warning.startswith("The newest rows of customers are gone or older than they were, as after a backup")
    assert page.has_more
    assert ids_of(read_all(connector, page.cursor)[0]) == ["1", "2", "3", "4", "9"]


def test_an_id_that_two_rows_have_stops_the_reading(shop: Shop) -> None:
    shop.add("0722000001", "0722000002")
    shop.run("CREATE VIEW doubled AS SELECT 7 AS id, phone, updated_at, deleted FROM customers")
    connector = shop.open("phone", settings=replace(shop.settings, table="doubled"))
    for look in (connector.check, lambda: read_all(connector)):
        with pytest.raises(ConnectorFailed, match='More than one row has "7" in id; it must name one row of doubled'):
            look()


def test_a_page_with_long_texts_ends_early_and_the_next_one_continues(shop: Shop, set_most: SetMost) -> None:
    set_most("PAGE_CHARACTERS_MAX", 2_000)
    set_most("BATCH_ROWS", 2)
    shop.add(*["x" * 900] * 7)
    connector = shop.open("phone")
    page = connector.read_changes("", now=now())
    assert len(page.records) == 4 and page.has_more
    assert ids_of(read_all(connector, page.cursor)[0]) == ["5", "6", "7"]


def test_all_ids_come_ascending_in_pieces_and_records_by_their_ids(shop: Shop, set_most: SetMost) -> None:
    set_most("IDS_MAX", 2)
    shop.add("0722000001", "0722000002", "0722000003", first=9)
    connector = shop.open("phone")
    assert list(connector.list_ids()) == [["9", "10"], ["11"]]
    assert list(connector.list_ids(after="10")) == [["11"]]

    records = connector.read_records(["10", "12", "no number"])
    assert [(record.id, record.values) for record in records] == [("10", {"phone": "0722000002"})]
    assert connector.read_records([]) == []


def test_a_table_has_no_lists_and_is_never_written(shop: Shop) -> None:
    connector = shop.open("phone")
    with pytest.raises(ConnectorFailed, match='A table has no lists; "list:1" is none'):
        next(iter(connector.list_ids(group="list:1")))
    assert connector.write_back([], now=now()) == []


@pytest.mark.parametrize("seed", range(5))
def test_whatever_changes_between_polls_the_last_state_of_each_row_arrives(
    shop: Shop, set_most: SetMost, seed: int
) -> None:
    set_most("PAGE_ROWS_MAX", 4)
    set_most("MARGIN_OF_DATABASE", 0)
    chance = random.Random(seed)
    stamp = AGO[shop.settings.kind].format(0)
    connector = shop.open("phone")
    truth: dict[str, Any] = {}
    book: dict[str, Any] = {}
    cursor = ""
    for step in range(60):
        row = str(chance.randint(1, 20))
        phone = f"07220000{step:02}"
        if row in truth:
            shop.run(f"UPDATE customers SET phone = '{phone}', updated_at = {stamp} WHERE id = {row}")
        else:
            shop.run(f"INSERT INTO customers (id, phone) VALUES ({row}, '{phone}')")
        truth[row] = phone
        if chance.random() < 0.3:
            # One page only, at times: the rest comes with the next.
            page = connector.read_changes(cursor, now=now())
            book |= {record.id: record.values["phone"] for record in page.records}
            cursor = page.cursor
    for _ in range(2):
        records, page = read_all(connector, cursor)
        book |= {record.id: record.values["phone"] for record in records}
        cursor = page.cursor
    assert book == truth


HOSTILE = ('a"b', "a`b", "a%b", "a%(id)s", "a:b", "a]b", "x; DROP TABLE customers --", "a'b", "select", "Ä b")


def test_names_of_tables_and_columns_are_only_names(shop: Shop) -> None:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    table = 'cust"omers % :x'
    shop.run(f"CREATE TABLE {quoted(table)} (id bigint PRIMARY KEY, {', '.join(f'{quoted(n)} text' for n in HOSTILE)})")
    shop.run(f"INSERT INTO {quoted(table)} VALUES (1, {', '.join(['NULL'] * len(HOSTILE))})")
    shop.run(f"UPDATE {quoted(table)} SET " + ", ".join(f"{quoted(name)} = 'y'" for name in HOSTILE))
    connector = shop.open(*HOSTILE, settings=replace(shop.settings, table=table, columns=SqlColumns("id", None, "a'b")))
    ((record,), _) = read_all(connector)
    assert record.values == dict.fromkeys(HOSTILE, "y")
    assert record.gone == "deleted"
    assert connector.check().count == 1
