"""Schemas: both engines get the same one, once, and a database with another is refused with what mends it."""

from __future__ import annotations

from pathlib import Path

import apsw
import psycopg
import pytest

from daftari.errors import BadSettings, SchemaMismatch, StoreUnavailable
from daftari.store import is_new, migrate
from daftari.store.database_url import masked
from daftari.store.queries import read_queries
from daftari.store.schema import latest_version, schema_version
from tests.conftest import NewDatabase
from tests.support.stores import open_store

Columns = set[tuple[str, str, str, bool]]
Keys = set[tuple[str, bool, tuple[str, ...]]]
ForeignKeys = set[tuple[str, tuple[str, ...], str]]

KINDS = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea"}


def _sqlite_schema(path: str) -> tuple[Columns, Keys, ForeignKeys]:
    connection = apsw.Connection(path)
    columns: Columns = set()
    keys: Keys = set()
    foreign: ForeignKeys = set()
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        info = connection.execute(f"PRAGMA table_info({table})").fetchall()
        for _, name, kind, not_null, _, in_key in info:
            columns.add((table, name, KINDS[kind], bool(not_null or in_key)))
        primary = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
        keys.add((table, True, primary))
        for _, index, unique, _, _ in connection.execute(f"PRAGMA index_list({table})").fetchall():
            named = tuple(row[2] for row in connection.execute(f"PRAGMA index_info({index})").fetchall())
            keys.add((table, bool(unique), named))
        links: dict[int, list[tuple[str, str]]] = {}
        for row in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall():
            links.setdefault(row[0], []).append((row[3], row[2]))
        foreign |= {(table, tuple(source for source, _ in link), link[0][1]) for link in links.values()}
    return columns, keys, foreign


def _postgres_schema(url: str) -> tuple[Columns, Keys, ForeignKeys]:
    with psycopg.connect(url) as connection:
        columns = {
            (table, name, kind, nullable == "NO")
            for table, name, kind, nullable in connection.execute(
                "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
                "WHERE table_schema = 'public'"
            ).fetchall()
        }
        keys = {
            (table, unique, tuple(named))
            for table, unique, named in connection.execute(
                "SELECT i.indrelid::regclass::text, i.indisunique, array_agg(a.attname::text ORDER BY k.place) "
                "FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place) "
                "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
                "JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace "
                "GROUP BY i.indexrelid, i.indrelid, i.indisunique"
            ).fetchall()
        }
        foreign = {
            (table, tuple(named), other)
            for table, named, other in connection.execute(
                "SELECT c.conrelid::regclass::text, array_agg(a.attname::text ORDER BY k.place), "
                "c.confrelid::regclass::text FROM pg_constraint c "
                "CROSS JOIN unnest(c.conkey) WITH ORDINALITY AS k(number, place) "
                "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number "
                "WHERE c.contype = 'f' GROUP BY c.oid, c.conrelid, c.confrelid"
            ).fetchall()
        }
    return columns, keys, foreign


def test_both_engines_get_the_same_tables_columns_and_keys(new_database: NewDatabase) -> None:
    sqlite = _sqlite_schema(new_database("sqlite"))
    postgres = _postgres_schema(new_database("postgres"))
    assert sqlite[0] == postgres[0]
    assert sqlite[1] == postgres[1]
    assert sqlite[2] == postgres[2]
    assert len(sqlite[0]) > 40


def test_both_engines_are_at_the_same_version() -> None:
    assert latest_version("sqlite") == latest_version("postgres")


def test_a_migration_is_applied_once(new_database: NewDatabase, engine: str) -> None:
    database = new_database(engine, empty=True)
    assert schema_version(database) == 0
    assert migrate(database) == list(range(1, latest_version("sqlite") + 1))
    assert migrate(database) == []
    assert schema_version(database) == latest_version("sqlite")


def test_a_database_without_our_schema_is_refused_with_the_command_that_mends_it(
    new_database: NewDatabase, engine: str
) -> None:
    database = new_database(engine, empty=True)
    with pytest.raises(SchemaMismatch, match="daftari migrate --database"):
        open_store(database, threads=1)


def test_a_newer_schema_is_refused(database: str, engine: str) -> None:
    if engine == "sqlite":
        apsw.Connection(database).execute("UPDATE house SET schema_version = 99")
    else:
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE house SET schema_version = 99")
    with pytest.raises(SchemaMismatch, match="newer"):
        open_store(database, threads=1)


def test_a_file_that_is_not_there_or_empty_is_new(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert is_new(str(path))
    path.touch()
    assert is_new(f"sqlite:///{path}")
    migrate(str(path))
    assert not is_new(str(path))


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Wanjiru, " * 1_000)
    before = path.read_bytes()
    for refuse in (migrate, lambda database: open_store(database, threads=1)):
        with pytest.raises(StoreUnavailable, match="is not a database"):
            refuse(str(path))
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="another program"):
        migrate(str(path))
    assert apsw.Connection(str(path)).execute("SELECT name FROM sqlite_schema").fetchall() == [("orders",)]


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        migrate("postgresql://daftari:s3cret@127.0.0.1:1/daftari")
    assert "s3cret" not in caught.value.message
    assert "127.0.0.1:1" in caught.value.message


def test_a_name_of_neither_engine_says_what_would_be_right() -> None:
    with pytest.raises(BadSettings, match=r"postgresql://"):
        open_store("mysql://root@localhost/daftari", threads=1)


def test_a_password_is_masked_and_nothing_else() -> None:
    assert masked("postgresql://daftari:p@ss@host/db") == "postgresql://daftari:***@host/db"
    assert masked("postgresql://daftari@host/db") == "postgresql://daftari@host/db"
    assert masked("postgresql://host/db?user=ana&password=s3cret") == "postgresql://host/db?user=ana&password=***"
    assert masked("./daftari.db") == "./daftari.db"


def test_a_row_set_becomes_json_on_one_engine_and_arrays_on_the_other() -> None:
    source = (
        "-- name: find\n-- For a test.\nSELECT a.id FROM rows(:ids AS a, id bigint, card text) WHERE a.id % 2 = :x;\n"
    )
    (sqlite,) = read_queries(source, "sqlite")
    (postgres,) = read_queries(source, "postgres")
    assert "json_each(:ids)" in sqlite.text and "value ->> 1 AS card" in sqlite.text
    assert "unnest(%(ids_0)s::bigint[], %(ids_1)s::text[]) AS a(id, card)" in postgres.text
    assert "%% 2 = %(x)s" in postgres.text
    assert sqlite.row_sets == {"ids": 2}
