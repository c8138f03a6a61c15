"""A SQLite file as the source or target of a copy."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import apsw

from daftari.errors import StoreUnavailable
from daftari.store.catalog import Table
from daftari.store.copy.database import Database
from daftari.store.database_url import sqlite_path
from daftari.store.engine import Row, Value
from daftari.store.fair_lock import FairLock
from daftari.store.sqlite import OUTAGES, WRITER_CACHE_KIB, connect, refuse_moved, translate_error


class SqliteDatabase(Database):
    """A file, whose write lock is taken for each transaction."""

    def __init__(self, database: str) -> None:
        self._path = sqlite_path(database)
        with self.speaking():
            self._connection = connect(self._path, cache_kib=WRITER_CACHE_KIB, create=False)

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Inside, errors of SQLite become ``StoreBusy`` or ``StoreUnavailable``."""
        try:
            yield
        except OUTAGES as error:
            raise translate_error(error) from error
        except apsw.ConstraintError as error:
            raise StoreUnavailable(f"{self._path} does not take a row: {error}.") from error

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Inside, the fair lock is held: another copy waits, and so does a service."""
        fair_lock = FairLock(self._path)
        try:
            with fair_lock.held(until=math.inf):
                yield
        finally:
            fair_lock.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One read transaction."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One write transaction."""
        refuse_moved(self._connection, self._path)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def fetch(self, text: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows that a statement finds."""
        return cast("list[Row]", self._connection.execute(text, values).fetchall())

    def run(self, text: str, values: Sequence[Value] = ()) -> int:
        """Run a statement for its effect. Returns how many rows it changed."""
        self._connection.execute(text, values)
        return self._connection.changes()

    def stream(self, text: str, values: Sequence[Value], *, at_once: int) -> Generator[Row, None, None]:
        """The rows that a statement finds, read while they are taken."""
        cursor = self._connection.cursor()
        try:
            yield from cast("Iterator[Row]", cursor.execute(text, values))
        finally:
            cursor.close(True)

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows."""
        marks = ", ".join("?" * len(table.columns))
        self._connection.executemany(f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})", rows)

    def settle(self) -> None:
        """Move the WAL into the file."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close(True)
