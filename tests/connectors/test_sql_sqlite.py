"""A file of SQLite as a shop's own database: it is only read, and its times are texts or numbers."""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql import SqlColumns, open_connector
from daftari.connectors.sql import connector as sql_connector
from daftari.connectors.sql import sqlite as sql_sqlite
from tests.support.sql_shops import Shop, ids_of, now, read_all


@pytest.fixture
def kind() -> str:
    return "sqlite"


def test_the_file_is_never_written(shop: Shop) -> None:
    connector = shop.open("phone")
    statement = "INSERT INTO customers (id) VALUES (1)"
    with pytest.raises(ConnectorFailed, match="readonly"), connector._transaction() as connection:
        connection.exec_driver_sql(statement)
    raw = connector._pool.raw_connection()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        raw.cursor().execute(statement)
    raw.close()


def test_another_program_writes_while_it_reads(shop: Shop) -> None:
    shop.run("PRAGMA journal_mode = wal")
    connector = shop.open("phone")
    _, page = read_all(connector)
    with closing(sqlite3.connect(shop.settings.database)) as other:
        other.execute("INSERT INTO customers (id, phone) VALUES (1, '0722000001')")
        records, page = read_all(connector, page.cursor)
        assert records == []
        other.commit()
    assert ids_of(read_all(connector, page.cursor)[0]) == ["1"]


def test_a_locked_file_is_tried_again_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sqlite, "LOCK_SECONDS", 0)
    connector = shop.open("phone")
    _, page = read_all(connector)
    shop.run("BEGIN EXCLUSIVE")
    with pytest.raises(ConnectorFailed) as caught:
        connector.read_changes(page.cursor, now=now())
    assert (caught.value.kind, caught.value.code) == ("again", "locked")


def test_a_statement_that_takes_too_long_is_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sqlite, "STATEMENT_SECONDS", 0.05)
    shop.run(
        "CREATE VIEW slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, i AS phone, NULL AS updated_at, 0 AS deleted FROM n WHERE i < 0"
    )
    with pytest.raises(ConnectorFailed) as caught:
        read_all(shop.open("phone", settings=replace(shop.settings, table="slow")))
    assert (caught.value.kind, caught.value.code) == ("again", "slow")


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("TEXT", "strftime('%Y-%m-%d %H:%M:%S', {0}, 'unixepoch')"),
        ("DATETIME", "strftime('%Y-%m-%dT%H:%M:%SZ', {0}, 'unixepoch')"),
        ("TEXT", "strftime('%Y-%m-%d %H:%M:%S+03:00', {0} + 10800, 'unixepoch')"),
        ("INTEGER", "{0}"),
        ("INTEGER", "{0} * 1000"),
        ("REAL", "{0} + 0.25"),
    ],
)
def test_times_are_read_however_a_program_writes_them(shop: Shop, declared: str, written: str) -> None:
    shop.run(f"CREATE TABLE clients (id INTEGER PRIMARY KEY, updated_at {declared})")
    connector = shop.open(settings=replace(shop.settings, table="clients", columns=SqlColumns("id", "updated_at")))

    def write(row: int, seconds_ago: int) -> None:
        shop.run(f"INSERT INTO clients VALUES ({row}, {written.format(int(time.time()) - seconds_ago)})")

    write(1, 3600)
    records, page = read_all(connector)
    assert ids_of(records) == ["1"]
    write(2, 30)
    write(3, 0)
    records, page = read_all(connector, page.cursor)
    assert ids_of(records) == ["2", "3"]


def test_types_are_as_declared_and_values_as_they_are(shop: Shop) -> None:
    shop.run("CREATE TABLE mixed (id, flag BOOLEAN, tags JSON, any, bytes BLOB)")
    shop.run(
        """INSERT INTO mixed VALUES ('a', 1, '["vip"]', 722000001.0, x'ff'), ('b', 0, '{', x'41' || char(0), NULL)"""
    )
    shop.run("INSERT INTO mixed VALUES (NULL, 0, NULL, NULL, NULL), ('', 0, NULL, NULL, NULL)")
    connector = shop.open(settings=replace(shop.settings, table="mixed", columns=SqlColumns("id")))
    records, page = read_all(connector)
    assert [record.values for record in records] == [
        {"id": "a", "flag": True, "tags": ["vip"], "any": 722000001, "bytes": "ff"},
        {"id": "b", "flag": False},
    ]
    assert records[1].unreadable == {"tags": "is not JSON", "any": "has a NUL character"}
    assert page.warnings == ['Rows left out: 1. "" in id is no id; it must have 1 to 200 characters.']
    assert "Rows left out because id is empty: 1." in connector.check().warnings


@pytest.mark.parametrize("declared", ["", "NUMERIC", "INTEGER", "TEXT", "BLOB"])
def test_ids_of_a_column_without_a_type_are_read_page_by_page(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, declared: str
) -> None:
    """Without a type, a number is less than every text."""
    for name in ("PAGE_ROWS_MAX", "IDS_MAX"):
        monkeypatch.setattr(sql_connector, name, 2)
    shop.run(f"CREATE TABLE loose (id {declared}, phone TEXT)")
    shop.run("INSERT INTO loose VALUES (1, 'x'), (2, 'x'), (10, 'x'), (11, 'x'), ('a', 'x'), ('b', 'x'), ('c', 'x')")
    if declared == "BLOB":
        shop.run("DELETE FROM loose WHERE typeof(id) = 'text'")
    connector = shop.open("phone", settings=replace(shop.settings, table="loose", columns=SqlColumns("id")))
    ids = sorted(["1", "2", "10", "11"] + ([] if declared == "BLOB" else ["a", "b", "c"]))
    assert sorted(ids_of(read_all(connector)[0])) == ids
    assert sorted(one for piece in connector.list_ids() for one in piece) == ids
    assert sorted(ids_of(connector.read_records(ids))) == ids


def test_what_is_no_database_is_said(shop: Shop) -> None:
    path = Path(shop.settings.database)
    (path.parent / "text.db").write_text("phone,name\n" * 1000)
    with pytest.raises(ConnectorFailed) as caught:
        shop.open(settings=replace(shop.settings, database=str(path.parent / "text.db"))).check()
    assert (caught.value.kind, caught.value.code) == ("broken", "file")
    assert caught.value.message.endswith("cannot be read as a SQLite database: file is not a database.")


def test_without_the_extra_packages_the_sentence_says_what_to_install(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("sqlalchemy", "daftari.connectors.sql.connector"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConnectorFailed) as caught:
        open_connector(shop.settings, password="", fields=(), allowed=shop.allowed)
    assert (caught.value.kind, caught.value.code) == ("broken", "not_installed")
    assert caught.value.message == (
        'Reading databases needs sqlalchemy: pip install "daftari[sql]", then start Daftari again.'
    )
