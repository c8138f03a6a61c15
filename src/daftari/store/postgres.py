"""The PostgreSQL engine: a connection a thread, a lock a project, retries where the database asks for them.

Its statements run unchanged on Citus as single-shard statements. A read is one ``REPEATABLE READ READ ONLY`` snapshot.
At most half of a process's threads wait for one project; the next caller gets ``StoreBusy``, so that other projects
never wait.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daftari.errors import BadSettings, DaftariError, StoreBusy, StoreUnavailable
from daftari.model.projects import Project
from daftari.store.database_url import masked
from daftari.store.engine import (
    AWAY,
    EARLIER_TABLE,
    TABLES,
    LeaseClock,
    Migration,
    Row,
    RowSet,
    Store,
    T,
    Transaction,
    Value,
)
from daftari.store.epoch import derive_epoch
from daftari.store.nul import refuse_nul, refuse_nul_in_rows
from daftari.store.queries import Query, load_queries

SERVER_VERSION_MIN = 150_000
"""PostgreSQL 15, as the server numbers itself."""
LOCK_SECONDS = 5
"""How long a read waits for a lock, such as that of another program that changes a table."""
IDLE_SECONDS = 30
"""How long a write may leave its locks unused: its process is stopped, or its machine is cut off, and others wait."""
CONNECT_SECONDS = 5
"""How long a new connection may take."""
SETTLED_MILLISECONDS = 100
"""How much less than that a transaction may wait without a timeout of its own, which costs a statement."""
AWAY_SECONDS = 1.0
"""How long no connection is tried after one failed, so that calls are answered at once while the server is away."""
SILENCE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""After how many seconds, and for unanswered data milliseconds, the network gives up a server that is silent."""
TRIES_MAX = 6
"""How often a transaction is tried when it conflicts with others."""
OUTAGES = (
    *(psycopg.OperationalError, psycopg.InterfaceError, pg.ReadOnlySqlTransaction, pg.IdleInTransactionSessionTimeout),
)
"""Errors with a cause outside the program. Other errors are bugs and are not caught."""

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_BUSY = (pg.LockNotAvailable, pg.QueryCanceled, pg.TooManyConnections, pg.IdleInTransactionSessionTimeout)
_MISTAKES = re.compile(
    r"authentication failed|no password supplied|no such (user|database)|(role|database) \".*\" does not exist"
    r"|no pg_hba.conf entry|permission denied|not permitted to log in|server does not support SSL|certificate"
    r"|connection is bad: (?!connection to server)|transaction blocks not allowed"
)
_FIND_WAITING = b"""
SELECT 1 FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.wait_event_type = 'Lock' AND pg_backend_pid() = ANY (pg_blocking_pids(a.pid))
LIMIT 1
"""
"""A connection that waits for a lock which this one holds."""
_READ_CLOCK = b"SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
_READ_IDENTITY = b"""
SELECT s.system_identifier, c.timeline_id, CAST(d.oid AS bigint), CAST(CAST('system' AS regclass) AS bigint)
FROM pg_control_system() AS s, pg_control_checkpoint() AS c, pg_database AS d WHERE d.datname = current_database()
"""
"""The cluster, its timeline, which every recovery changes, the database, and a table that every dump makes again."""
_FIND_EARLIER = b"""
SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'schema_version' AND NOT attisdropped
"""
"""Whether a table is of a schema from before version 1, and not another program's of that name."""
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class PostgresTransaction(Transaction):
    """A transaction on one connection."""

    __slots__ = ("_cursor", "_queries")

    def __init__(
        self, cursor: psycopg.Cursor[Row], queries: Mapping[str, Query], project: Project, now: int, erasure_key: bytes
    ) -> None:
        super().__init__(project, now, erasure_key)
        self._cursor = cursor
        self._queries = queries

    def _rows(self, query: str, values: dict[str, Value | RowSet]) -> list[Row]:
        self._execute(query, values)
        return self._cursor.fetchall()

    def run(self, query: str, **values: Value | RowSet) -> int:
        """Run a named query for its effect. Returns how many rows it changed."""
        self._execute(query, values)
        return self._cursor.rowcount

    def insert_many(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Insert rows into one of ``TABLES``: by COPY, which is faster from two rows on."""
        refuse_nul_in_rows(TABLES[table], rows)
        columns = ", ".join(TABLES[table])
        if len(rows) == 1:
            marks = ", ".join(["%s"] * len(TABLES[table]))
            self._cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})".encode(), rows[0])
        elif rows:
            with self._cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                copy.write("".join([copy_line(row) for row in rows]))

    def is_awaited(self) -> bool:
        """Whether another connection waits for a lock that this one holds."""
        return self._cursor.execute(_FIND_WAITING).fetchone() is not None

    def lease_clock(self) -> LeaseClock:
        """The server's."""
        row = self._cursor.execute(_READ_CLOCK).fetchone()
        assert row is not None and isinstance(row[0], int)
        return LeaseClock("", row[0])

    def epoch(self) -> str:
        """What the server knows this database by."""
        identity = self._cursor.execute(_READ_IDENTITY).fetchone()
        assert identity is not None
        return derive_epoch(identity, key=self.erasure_key)

    def _execute(self, name: str, values: dict[str, Value | RowSet]) -> None:
        query = self._queries[name]
        self._refuse_misplaced(query)
        refuse_nul(values)
        values.setdefault("project", self.project.id)
        given: dict[str, object] = dict(values)
        for row_set, columns in query.row_sets.items():
            rows = given.pop(row_set)
            assert isinstance(rows, list | tuple)
            refuse_nul_in_rows(columns, rows)
            arrays = [rows] if len(columns) == 1 else [[row[place] for row in rows] for place in range(len(columns))]
            given |= {f"{row_set}_{place}": list(array) for place, array in enumerate(arrays)}
        self._cursor.execute(query.text.encode(), given)


class PostgresStore(Store):
    """A PostgreSQL or Citus database, named by a URL."""

    reads_wait = True

    def __init__(self, url: str, *, threads: int, erasure_key: bytes) -> None:
        super().__init__()
        self._url = url
        self._erasure_key = erasure_key
        self._queries = load_queries("postgres")
        self._local = threading.local()
        self._connections: list[psycopg.Connection[Row]] = []
        self._queue = _Queue(most=max(1, threads // 2))
        self._away_until = 0.0

    def answers(self) -> None:
        """Return if the database answers."""
        self.system_read(0, lambda tx: tx.one("list_projects"))

    def maintain(self) -> None:
        """Do nothing: PostgreSQL maintains itself."""

    def settle_epoch(self) -> None:
        """Do nothing: PostgreSQL is asked in each transaction."""

    def close(self) -> None:
        """Close every connection of this process."""
        while self._connections:
            self._connections.pop().close()
        self._local = threading.local()

    def _snapshot(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        until = time.monotonic() + LOCK_SECONDS
        return self._tried(READ, until, project, now, body)

    def _unisolated(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        connection = self._kept()
        # Outside of a transaction, a pooler may have the statement run where the lock timeout is another.
        if connection is None or is_pooled(connection):
            return self._snapshot(project, now, body)
        try:
            with connection.cursor(binary=True) as cursor:
                return body(PostgresTransaction(cursor, self._queries, project, now, self._erasure_key))
        except OUTAGES as error:
            if not connection.broken:
                raise translate_error(error) from error
            self._forget(connection)
        return self._snapshot(project, now, body)

    def _exclusive(self, project: Project, now: int, until: float, body: Callable[[Transaction], T]) -> T:
        with self._queue.place(project.id):
            return self._tried(WRITE, until, project, now, body)

    def _tried(self, statement: str, until: float, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        tried = 0
        while True:
            tried += 1
            try:
                return self._once(statement, until, project, now, body)
            except (pg.SerializationFailure, pg.DeadlockDetected) as error:
                if tried >= TRIES_MAX or time.monotonic() >= until:
                    raise StoreBusy from error
                time.sleep(random.uniform(0.002, 0.02) * tried)
            except OUTAGES as error:
                raise translate_error(error) from error

    def _once(self, statement: str, until: float, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        connection = self._begun(statement, until)
        try:
            with connection.cursor(binary=True) as cursor:
                result = body(PostgresTransaction(cursor, self._queries, project, now, self._erasure_key))
            connection.execute("COMMIT")
            return result
        finally:
            self._leave(connection)

    def _begun(self, statement: str, until: float) -> psycopg.Connection[Row]:
        """A connection with a transaction begun, which waits for locks until then at most.

        A kept connection that no longer works is replaced.
        """
        kept = self._kept()
        if kept is not None:
            try:
                begin(kept, statement, until=until)
                return kept
            except OUTAGES:
                self._forget(kept)
        connection = self._connected()
        begin(connection, statement, until=until)
        return connection

    def _kept(self) -> psycopg.Connection[Row] | None:
        """This thread's connection, if it has one."""
        kept: psycopg.Connection[Row] | None = getattr(self._local, "connection", None)
        return kept

    def _connected(self) -> psycopg.Connection[Row]:
        """A new connection for this thread. While the server is away, only one is tried every ``AWAY_SECONDS``."""
        if time.monotonic() < self._away_until:
            raise StoreUnavailable(AWAY)
        try:
            connection = connect(self._url)
        except OUTAGES:
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise
        self._connections.append(connection)
        self._local.connection = connection
        return connection

    def _leave(self, connection: psycopg.Connection[Row]) -> None:
        """Roll back what is still open. A connection that cannot do that is dropped."""
        status = connection.pgconn.transaction_status
        if status == psycopg.pq.TransactionStatus.IDLE:
            return
        try:
            connection.execute("ROLLBACK")
        except OUTAGES:
            self._forget(connection)

    def _forget(self, connection: psycopg.Connection[Row]) -> None:
        connection.close()
        self._local.connection = None
        if connection in self._connections:
            self._connections.remove(connection)


class _Queue:
    """Limits how many threads write to a project or wait to: ``most``. Raises ``StoreBusy`` for the next one."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._inside: Counter[int] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, project_id: int) -> Iterator[None]:
        with self._lock:
            if self._inside[project_id] >= self._most:
                raise StoreBusy
            self._inside[project_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[project_id] -= 1
                if not self._inside[project_id]:
                    del self._inside[project_id]


def open_engine(database: str, *, threads: int, erasure_key: bytes) -> Store:
    """The store in a database whose schema is this version's."""
    return PostgresStore(database, threads=threads, erasure_key=erasure_key)


def read_version(database: str) -> int | None:
    """The schema a database has; 0 for none, below 0 for a copy that is not finished, ``None`` before version 1."""
    try:
        # In a transaction, so that a pooler that allows none is noticed.
        with connect(database) as connection, connection.transaction():
            if connection.info.server_version < SERVER_VERSION_MIN:
                found = connection.info.server_version // 10_000
                why = f"PostgreSQL {found} is too old; {SERVER_VERSION_MIN // 10_000} is needed."
                raise StoreUnavailable(why, is_mistake=True)
            if connection.execute("SELECT to_regclass('system')").fetchone() == (None,):
                earlier = connection.execute(_FIND_EARLIER, [EARLIER_TABLE]).fetchone()
                return None if earlier else 0
            row = connection.execute("SELECT schema_version FROM system").fetchone()
            return int(row[0] or 0) if row else 0
    except psycopg.Error as error:
        why = f"{masked(database)} cannot be reached: {first_line(error)}"
        raise StoreUnavailable(why, is_mistake=is_mistake(error)) from error


def apply_migrations(database: str, *, due: list[Migration]) -> None:
    """Make or change a database's schema."""
    try:
        with connect(database) as connection:
            for migration in due:
                with connection.transaction():
                    connection.execute(f"SET LOCAL lock_timeout = {1000 * LOCK_SECONDS}".encode())
                    connection.execute(migration.text.encode())
                    connection.execute("UPDATE system SET schema_version = %s", (migration.number,))
    except psycopg.Error as error:
        raise StoreUnavailable(f"{masked(database)} cannot be migrated: {first_line(error)}") from error


def connect(url: str) -> psycopg.Connection[Row]:
    """A connection with the settings that all of ours have. Raises ``psycopg.OperationalError``.

    Nothing is prepared behind a pooler: it may have other clients' statements of the same name run in our place.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The library's own sentence may quote a part of the password.
        raise BadSettings(f"{masked(url)} is not an address of PostgreSQL: a parameter in it is unknown.") from None
    connection: psycopg.Connection[Row] = psycopg.connect(
        make_conninfo("", **(SILENCE | given)),
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        client_encoding="UTF8",
        application_name="daftari",
    )
    # Not among the options of the connection, which poolers refuse.
    if connection.execute(b"SELECT pg_backend_pid()").fetchone() == (connection.info.backend_pid,):
        connection.execute(f"SET lock_timeout = {1000 * LOCK_SECONDS}".encode())
    else:
        connection.prepare_threshold = None
    return connection


def is_pooled(connection: psycopg.Connection[Row]) -> bool:
    """Whether a pooler stands between, which may run each transaction in another session of the server."""
    return connection.prepare_threshold is None


def begin(connection: psycopg.Connection[Row], statement: str, *, until: float) -> None:
    """Begin a transaction that waits for a lock until then at most."""
    milliseconds = max(1, int(1000 * min(until - time.monotonic(), LOCK_SECONDS)))
    if is_pooled(connection) or milliseconds < 1000 * LOCK_SECONDS - SETTLED_MILLISECONDS:
        statement += f"; SET LOCAL lock_timeout = {milliseconds}"
    if statement.startswith(WRITE):
        statement += f"; SET LOCAL idle_in_transaction_session_timeout = {int(1000 * IDLE_SECONDS)}"
    # One round trip, which only a statement that is not prepared can be.
    connection.execute(statement.encode(), prepare=None if statement == READ else False)


def is_mistake(error: psycopg.Error) -> bool:
    """Whether a connection failed for a reason that an operator has to remove.

    The server's own words say so, as no code comes with them. In another language than English they are not understood,
    and the connection is tried again.
    """
    return not isinstance(error, psycopg.OperationalError) or _MISTAKES.search(str(error)) is not None


def translate_error(error: psycopg.Error) -> DaftariError:
    """The error of ours for an error of PostgreSQL."""
    if isinstance(error, _BUSY):
        return StoreBusy()
    if isinstance(error, pg.DiskFull):
        return StoreUnavailable("The disk is full; nothing was written.", retry_after_seconds=30)
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return StoreUnavailable("The database is read-only; nothing was written.", retry_after_seconds=30)
    return StoreUnavailable(AWAY)


def copy_line(row: tuple[Value, ...]) -> str:
    """A row as COPY takes it."""
    return "\t".join([_copy_field(value) for value in row]) + "\n"


def _copy_field(value: Value) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return value.translate(_COPY_ESCAPES)


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).splitlines() or ["no reason given"])[0]
