"""A PostgreSQL or Citus database as the source or target of a copy."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from daftari.errors import StoreUnavailable
from daftari.store.catalog import Table
from daftari.store.copy.database import Database
from daftari.store.database_url import masked
from daftari.store.engine import Row, Value
from daftari.store.postgres import OUTAGES, connect, copy_line, first_line, translate_error

OTHER_COPY_MILLISECONDS = 2_000
"""How long to wait for the end of another copy."""


class PostgresDatabase(Database):
    """A database named by a URL. A second connection keeps other copies out while this one owns it."""

    def __init__(self, database: str) -> None:
        self._database = database
        with self.speaking():
            self._connection = connect(database)

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Inside, errors of PostgreSQL become ``StoreBusy`` or ``StoreUnavailable``."""
        try:
            yield
        except OUTAGES as error:
            raise translate_error(error) from error
        except (pg.DataError, pg.IntegrityError) as error:
            raise StoreUnavailable(f"{masked(self._database)} does not take a row: {first_line(error)}.") from error

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Inside, a lock is held that only a copy takes: readers, writers and vacuums of other tables do not wait."""
        with connect(self._database) as connection, connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = {OTHER_COPY_MILLISECONDS}".encode())
            connection.execute("LOCK TABLE system IN SHARE UPDATE EXCLUSIVE MODE")
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One snapshot."""
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One write transaction."""
        self._connection.execute("BEGIN")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        if not self._connection.closed and self._connection.pgconn.transaction_status != idle:
            self._connection.execute("ROLLBACK")

    def fetch(self, text: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows that a statement finds."""
        with self._connection.cursor(binary=True) as cursor:
            return cursor.execute(self._written(text), values).fetchall()

    def run(self, text: str, values: Sequence[Value] = ()) -> int:
        """Run a statement for its effect. Returns how many rows it changed."""
        return self._connection.execute(self._written(text), values).rowcount

    def stream(self, text: str, values: Sequence[Value], *, at_once: int) -> Generator[Row, None, None]:
        """The rows that a statement finds, through a server-side cursor."""
        with self._connection.cursor("rows", binary=True) as cursor:
            cursor.itersize = at_once
            cursor.execute(self._written(text), values)
            yield from cursor

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows, by COPY."""
        columns = ", ".join(table.columns)
        copying = f"COPY {table.name} ({columns}) FROM STDIN".encode()
        with self._connection.cursor() as cursor, cursor.copy(copying) as copy:
            copy.write("".join([copy_line(row) for row in rows]))

    def settle(self) -> None:
        """Collect statistics, without which the first queries would be planned for empty tables."""
        # A locked table is being analyzed by the server itself, or is ``system``, which has one row.
        self._connection.execute("ANALYZE (SKIP_LOCKED)")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _written(self, text: str) -> bytes:
        return text.replace("?", "%s").encode()
