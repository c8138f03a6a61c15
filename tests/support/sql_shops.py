"""A shop's own database with a table of customers, a connector that reads it, and what its pages hold."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg

from daftari.connectors.protocol import Page, Record
from daftari.connectors.sql import Allowed, SqlColumns, SqlSettings, open_connector
from daftari.connectors.sql.connector import SqlConnector
from tests.support.relay import Relay, relay_to

CUSTOMERS = {
    "sqlite": "CREATE TABLE customers (id INTEGER PRIMARY KEY, phone TEXT, name TEXT, "
    "updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')), deleted BOOLEAN)",
    "postgresql": "CREATE TABLE customers (id bigint PRIMARY KEY, phone text, name text, "
    "updated_at timestamptz DEFAULT now(), deleted boolean)",
}
AGO = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-{} minutes')",
    "postgresql": "now() - interval '{} minutes'",
}


_numbers = itertools.count(1)


class Shop:
    """A database with the table ``customers``, and its owner, who may do everything in it."""

    def __init__(self, settings: SqlSettings, allowed: Allowed, run: Callable[[str], None]) -> None:
        self.settings = settings
        self.allowed = allowed
        self.run = run
        self.opened: list[SqlConnector] = []

    def open(self, *fields: str, settings: SqlSettings | None = None) -> SqlConnector:
        """A connector for the table, with these columns as fields."""
        wanted = settings or self.settings
        self.opened.append(open_connector(wanted, password="s3cret", fields=fields, allowed=self.allowed))
        return self.opened[-1]

    def add(self, *phones: str, first: int = 1, minutes: int = 1) -> None:
        """Customers who were last changed that many minutes ago."""
        ago = AGO[self.settings.kind].format(minutes)
        rows = ", ".join(f"({first + place}, '{phone}', {ago})" for place, phone in enumerate(phones))
        self.run(f"INSERT INTO customers (id, phone, updated_at) VALUES {rows}")


class PostgresShop(Shop):
    """One of PostgreSQL. ``relay``: the network before it."""

    def __init__(self, settings: SqlSettings, relay: Relay, owner: psycopg.Connection) -> None:
        allowed = Allowed(hosts=frozenset({("127.0.0.1", relay.port)}))
        super().__init__(settings, allowed, self._run)
        self.relay = relay
        self._owner = owner

    def _run(self, sql: str) -> None:
        self._owner.execute(sql.encode())

    def sessions(self) -> list[str]:
        """What each session of the reading role did last."""
        found = self._owner.execute("SELECT query FROM pg_stat_activity WHERE usename = %s", [self.settings.user])
        return [query for (query,) in found]


@contextmanager
def reader_role(server: str) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"reader_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        yield name
        connection.execute(f"DROP ROLE {name}".encode())


@contextmanager
def postgres_shop(server: str, database: str, *, role: str) -> Iterator[PostgresShop]:
    """A shop in an empty database of a server, whose role may read all tables."""
    with ExitStack() as stack:
        relay = stack.enter_context(relay_to(server))
        owner = stack.enter_context(psycopg.connect(database, autocommit=True))
        owner.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}".encode())
        owner.execute(f"GRANT pg_read_all_stats TO {role}".encode())
        settings = SqlSettings(
            kind="postgresql",
            host="127.0.0.1",
            port=relay.port,
            database=owner.info.dbname,
            user=role,
            table="customers",
            columns=SqlColumns("id", "updated_at", "deleted"),
            times_set_by="database",
        )
        shop = PostgresShop(settings, relay, owner)
        yield shop
        for connector in shop.opened:
            connector.close()
        owner.execute(f"DROP OWNED BY {role}".encode())


def now() -> int:
    return time.time_ns() // 1000


def read_all(connector: SqlConnector, cursor: str = "") -> tuple[list[Record], Page]:
    """All records from a cursor on, and the last page."""
    records: list[Record] = []
    while True:
        page = connector.read_changes(cursor, now=now())
        records += page.records
        cursor = page.cursor
        if not page.has_more:
            return records, page


def ids_of(records: Sequence[Record]) -> list[str]:
    return [record.id for record in records]
