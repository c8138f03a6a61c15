"""Schemas: both engines get the same one, once, and a database with another is refused with what repairs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import apsw
import psycopg
import pytest

from daftari.errors import BadSettings, SchemaMismatch, StoreUnavailable
from daftari.store import is_new, migrate, sqlite
from daftari.store.copy.run import copy_database
from daftari.store.database_url import masked
from daftari.store.queries import read_queries, translate_migration
from daftari.store.schema import latest_version, list_migrations, schema_version
from tests.conftest import NewDatabase
from tests.support.commands import runner_for
from tests.support.stores import SECRET, open_store
from tests.support.waiting import wait_for

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
    sqlite, postgres = list_migrations("sqlite"), list_migrations("postgres")
    assert [one.number for one in sqlite] == [one.number for one in postgres] == list(range(1, latest_version() + 1))


def test_a_migration_is_translated_for_postgres() -> None:
    source = (
        "CREATE TABLE part (\n    id INTEGER,\n    text TEXT NOT NULL\n) STRICT, WITHOUT ROWID;\n"
        "CREATE TABLE book (\n    bytes BLOB\n) STRICT; -- postgres: WITH (fillfactor = 50)\n"
    )
    assert translate_migration(source, "sqlite") == source
    assert translate_migration(source, "postgres") == (
        'CREATE TABLE part (\n    id bigint,\n    text text COLLATE "C" NOT NULL\n);\n'
        "CREATE TABLE book (\n    bytes bytea\n) WITH (fillfactor = 50);\n"
    )


def test_rows_that_change_often_leave_space_on_their_pages_of_postgres(new_database: NewDatabase) -> None:
    with psycopg.connect(new_database("postgres")) as connection:
        found = connection.execute(
            "SELECT relname::text FROM pg_class WHERE reloptions = ARRAY['fillfactor=50'] ORDER BY relname"
        ).fetchall()
    assert found == [("book",), ("directory",)]


def test_a_migration_is_applied_once(new_database: NewDatabase, engine: str) -> None:
    database = new_database(engine, empty=True)
    assert schema_version(database) == 0
    assert migrate(database) == list(range(1, latest_version() + 1))
    assert migrate(database) == []
    assert schema_version(database) == latest_version()


def test_a_database_without_our_schema_is_refused_with_the_command_that_repairs_it(
    new_database: NewDatabase, engine: str
) -> None:
    database = new_database(engine, empty=True)
    with pytest.raises(SchemaMismatch, match="daftari migrate --database"):
        open_store(database, threads=1)


BROKEN_OFF = """
import sys
from daftari.store import postgres, sqlite
from daftari.store.engine import Migration
from daftari.store.schema import list_migrations

database, dialect, slow = sys.argv[1:]
engine = {"postgres": postgres, "sqlite": sqlite}[dialect]
[first, *_] = list_migrations(dialect)
engine.apply_migrations(database, due=[Migration(1, f"{first.text};{slow}")])
"""
"""Makes all tables and then takes so long that it can be killed before it commits."""
SLOW = {
    "sqlite": "SELECT COUNT(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)",
    "postgres": "SELECT pg_sleep(60)",
}


def test_a_migration_that_is_killed_leaves_nothing_and_can_be_begun_again(
    new_database: NewDatabase, engine: str
) -> None:
    database = new_database(engine, empty=True)
    with subprocess.Popen([sys.executable, "-c", BROKEN_OFF, database, engine, SLOW[engine]]) as process:
        wait_for(lambda: _is_migrating(database, engine))
        process.send_signal(signal.SIGKILL)
    if engine == "postgres":
        # The server has not noticed yet that its client is gone.
        with psycopg.connect(database) as connection:
            connection.execute(ENDED)
    assert schema_version(database) == 0
    assert migrate(database) == list(range(1, latest_version() + 1))
    open_store(database, threads=1).close()


MIGRATING = "datname = current_database() AND wait_event = 'PgSleep'"
ENDED = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {MIGRATING}"


def _is_migrating(database: str, engine: str) -> bool:
    if engine == "postgres":
        with psycopg.connect(database) as connection:
            found = connection.execute(f"SELECT 1 FROM pg_stat_activity WHERE {MIGRATING}")
            return found.fetchone() is not None
    if not Path(database).exists():
        return False
    connection = apsw.Connection(database)
    try:
        connection.execute("BEGIN IMMEDIATE; ROLLBACK")
    except apsw.BusyError:
        return True
    finally:
        connection.close()
    return False


def make_earlier(database: str, engine: str) -> None:
    """Give an empty database what distinguishes a schema of before version 1 from all others."""
    table = "CREATE TABLE house (id integer PRIMARY KEY, schema_version integer NOT NULL, next_id integer NOT NULL)"
    row = "INSERT INTO house VALUES (1, 3, 1)"
    if engine == "postgres":
        with psycopg.connect(database) as connection:
            connection.execute(table)
            connection.execute(row)
        return
    connection = apsw.Connection(database)
    for statement in (f"PRAGMA application_id = {sqlite.APPLICATION_ID}", table, row):
        connection.execute(statement).fetchall()
    connection.close()


COMMANDS = (
    ("migrate",),
    ("serve", "--port", "1"),
    ("worker",),
    ("check",),
    ("project", "list"),
    ("key", "list"),
    ("opt-out", "0722000000", "--project", "Shopify"),
    ("may-message", "0722000000", "--project", "Shopify", "--channel", "sms"),
    ("audience", "--project", "Shopify", "--channel", "sms", "--everyone"),
    ("export", "--project", "Shopify"),
    ("imports", "list", "--project", "Shopify"),
    ("inbound", "list"),
    ("erase", "0722000000", "--project", "Shopify", "--yes"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_every_command_refuses_a_database_of_before_version_1_and_says_what_to_do(
    new_database: NewDatabase, engine: str, words: tuple[str, ...]
) -> None:
    database = new_database(engine, empty=True)
    make_earlier(database, engine)
    result = runner_for(database)(*words, code=1)
    [line] = result.stderr.splitlines()
    assert "was made by an earlier Daftari" in line
    for what in ("export", "the version that made it", "daftari migrate", "import"):
        assert what in line


def test_a_copy_from_or_to_a_database_of_before_version_1_is_refused(new_database: NewDatabase, engine: str) -> None:
    earlier, other = new_database(engine, empty=True), new_database("sqlite")
    make_earlier(earlier, engine)
    for source, target in ((earlier, other), (other, earlier)):
        with pytest.raises(SchemaMismatch, match="was made by an earlier Daftari"):
            copy_database(source, target, secret=SECRET, secret_file=None, should_stop=bool, note=print)


def test_a_table_of_another_program_that_has_the_earlier_name_is_left_alone(new_database: NewDatabase) -> None:
    database = new_database("postgres", empty=True)
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE house (street text)")
    assert migrate(database) == [1]


def test_a_newer_schema_is_refused(database: str, engine: str) -> None:
    if engine == "sqlite":
        apsw.Connection(database).execute("UPDATE system SET schema_version = 99")
    else:
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE system SET schema_version = 99")
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


def test_a_server_that_is_not_there_is_reported_without_its_password() -> None:
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
    assert sqlite.row_sets == {"ids": ("id", "card")}
