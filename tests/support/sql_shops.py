"""A shop's own database with a table of customers, a connector that reads it, and what its pages hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from daftari.connectors.protocol import Page, Record
from daftari.connectors.sql import Allowed, SqlSettings, open_connector
from daftari.connectors.sql.connector import SqlConnector

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
