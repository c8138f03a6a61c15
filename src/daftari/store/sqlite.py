"""The SQLite engine: one file, a reading connection a thread, one writing connection a process.

There is one writing connection a process, because SQLite drops a connection's cache when another one has written.
Readers never wait for a writer (WAL). Writers of all processes take the fair lock before ``BEGIN IMMEDIATE``, so that
none starves. ``synchronous=FULL``: what was acknowledged survives a power cut.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import apsw
import msgspec

from daftari.errors import DaftariError, StoreBusy, StoreUnavailable
from daftari.model.projects import NO_PROJECT, Project
from daftari.model.time import current_time
from daftari.store.boot_clock import boot_id, boot_microseconds
from daftari.store.database_url import sqlite_path
from daftari.store.engine import (
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
from daftari.store.epoch import begin_epoch, derive_epoch, goes_on, keep_epoch, read_epoch
from daftari.store.fair_lock import FairLock
from daftari.store.file_modes import make_private
from daftari.store.nul import refuse_nul, refuse_nul_in_rows
from daftari.store.queries import Query, load_queries

APPLICATION_ID = 0x44414654
"""What the file says it is: "DAFT"."""
SQLITE_VERSION_MIN = (3, 51, 3)
"""Before this, a WAL database used by several processes could be corrupted."""
READER_CACHE_KIB = 30 * 1024
"""Page cache of the main thread, which answers reads without a thread of the pool."""
WRITER_CACHE_KIB = 30 * 1024
"""Page cache of a process's one writer."""
SMALL_CACHE_KIB = 1024
"""Page cache of every other connection: most threads of the pool only look up keys."""
BUSY_SECONDS = 5
"""How long a read waits for a program that has the whole file locked."""
WAL_BYTES_MAX = 256 * 1024 * 1024
"""Above this the worker takes the lock and restarts the WAL from its beginning."""
JOURNAL_BYTES_MAX = 64 * 1024 * 1024
"""What the WAL's file shrinks to after that."""
EPOCH_SECONDS = 60.0
"""How often the worker notes how far the feeds are."""
READERS_MILLISECONDS = 100
"""How long that waits for readers of the old WAL. Writers wait as long; it is tried again soon."""

OUTAGES = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.ReadOnlyError,
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.PermissionsError,
    apsw.ProtocolError,
)
"""Errors with a cause outside the program. Other errors of SQLite are bugs and are not caught."""

PASSING = (apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError, apsw.ProtocolError)
"""Outages that may end by themselves."""

_encode = msgspec.json.encode


class SqliteTransaction(Transaction):
    """A transaction on one connection."""

    __slots__ = ("_connection", "_epoch", "_fair_lock", "_queries")

    def __init__(
        self,
        connection: apsw.Connection,
        queries: Mapping[str, Query],
        project: Project,
        now: int,
        erasure_key: bytes,
        epoch: str,
        fair_lock: FairLock | None = None,
    ) -> None:
        super().__init__(project, now, erasure_key)
        self._epoch = epoch
        self._connection = connection
        self._queries = queries
        self._fair_lock = fair_lock

    def _rows(self, query: str, values: dict[str, Value | RowSet]) -> list[Row]:
        return cast("list[Row]", self._execute(query, values).fetchall())

    def run(self, query: str, **values: Value | RowSet) -> int:
        """Run a named query for its effect. Returns how many rows it changed."""
        self._execute(query, values)
        return self._connection.changes()

    def insert_many(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Insert rows into one of ``TABLES``."""
        columns = TABLES[table]
        refuse_nul_in_rows(columns, rows)
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def is_awaited(self) -> bool:
        """Whether another process, or another thread's write to a project, waits for the fair lock."""
        return self._fair_lock is not None and self._fair_lock.is_awaited()

    def lease_clock(self) -> LeaseClock:
        """The machine's: all processes that have the file open are on one."""
        return LeaseClock(boot_id(), boot_microseconds())

    def epoch(self) -> str:
        """What is kept next to the file."""
        return self._epoch

    def _execute(self, name: str, values: dict[str, Value | RowSet]) -> apsw.Cursor:
        query = self._queries[name]
        self._refuse_misplaced(query)
        refuse_nul(values)
        values.setdefault("project", self.project.id)
        for row_set, columns in query.row_sets.items():
            rows = values[row_set]
            assert isinstance(rows, list | tuple)
            refuse_nul_in_rows(columns, rows)
            values[row_set] = _encode(rows).decode()
        return self._connection.execute(query.text, values)


class SqliteStore(Store):
    """A database file. Any number of processes of one machine may have it open."""

    reads_wait = False

    def __init__(self, path: Path, *, erasure_key: bytes) -> None:
        super().__init__()
        self._path = path
        self._erasure_key = erasure_key
        self._queries = load_queries("sqlite")
        self._fair_lock = FairLock(path)
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._writer: apsw.Connection | None = None
        self._file = _identity(path)
        self._epoch = ""
        self._epoch_kept_at = time.monotonic()

    def answers(self) -> None:
        """Return if the file is there and answers."""
        try:
            connection = self._connection()
            refuse_moved(connection, self._path)
            connection.execute("SELECT schema_version FROM system").fetchall()
        except OUTAGES as error:
            raise translate_error(error) from error

    def settle_epoch(self) -> None:
        """Read the epoch next to the file, or begin one when there is none or when an earlier file was brought back."""
        try:
            # Other processes may begin one too: under the lock, one of them does.
            self._epoch = self._find_epoch() or self.system_write(current_time(), lambda _: self._begin_epoch())
        except StoreUnavailable:
            # Where nothing can be written, the feeds get no change, and can be read to their end.
            self._epoch = derive_epoch((), key=self._erasure_key)

    def _find_epoch(self) -> str:
        kept = read_epoch(self._path)
        return kept.epoch if kept is not None and goes_on(kept, self._next_changes()) else ""

    def _begin_epoch(self) -> str:
        return self._find_epoch() or begin_epoch(self._path, self._next_changes())

    def _next_changes(self) -> dict[int, int]:
        """How far the feed of each project is."""
        rows = self._connection().execute("SELECT project_id, next_change FROM book").fetchall()
        return dict(cast("list[tuple[int, int]]", rows))

    def _keep_epoch(self) -> None:
        """Note how far the feeds are, so that an earlier file is recognised. A full disk is no reason to stop."""
        self._epoch_kept_at = time.monotonic()
        with suppress(StoreUnavailable, *OUTAGES):
            keep_epoch(self._path, self._epoch, self._next_changes())

    def maintain(self) -> None:
        """Move the WAL into the file; restart a very long WAL under the lock; note how far the feeds are."""
        try:
            connection = self._connection()
            refuse_moved(connection, self._path)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            wal = Path(f"{self._path}-wal")
            if wal.exists() and wal.stat().st_size > WAL_BYTES_MAX:
                with self._fair_lock.held(until=self._wait_until()):
                    _restart_wal(connection)
        except OUTAGES as error:
            raise translate_error(error) from error
        except OSError as error:
            raise self._locks_unusable(error) from error
        if time.monotonic() - self._epoch_kept_at >= EPOCH_SECONDS:
            self._keep_epoch()

    def close(self) -> None:
        """Close every connection of this process."""
        if self._epoch:
            self._keep_epoch()
        while self._connections:
            self._connections.pop().close(True)
        self._local = threading.local()
        self._writer = None
        self._fair_lock.close()

    def _snapshot(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return body(SqliteTransaction(connection, self._queries, project, now, self._erasure_key, self._epoch))
            finally:
                connection.execute("COMMIT")
        except OUTAGES as error:
            raise translate_error(error) from error

    def _unisolated(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        try:
            return body(
                SqliteTransaction(self._connection(), self._queries, project, now, self._erasure_key, self._epoch)
            )
        except OUTAGES as error:
            raise translate_error(error) from error

    def _exclusive(self, project: Project, now: int, until: float, body: Callable[[Transaction], T]) -> T:
        try:
            # Jobs and keys can wait for a long transaction, such as an import's.
            with self._fair_lock.held(until=until, is_urgent=project is not NO_PROJECT):
                connection = self._writer = self._writer or self._opened(WRITER_CACHE_KIB)
                refuse_moved(connection, self._path)
                # For a program that writes to the file without the fair lock.
                connection.set_busy_timeout(max(0, int(1000 * (until - time.monotonic()))))
                connection.execute("BEGIN IMMEDIATE")
                try:
                    tx = SqliteTransaction(
                        connection, self._queries, project, now, self._erasure_key, self._epoch, self._fair_lock
                    )
                    result = body(tx)
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                return result
        except OUTAGES as error:
            raise translate_error(error) from error
        except OSError as error:
            raise self._locks_unusable(error) from error

    def _locks_unusable(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(f"The lock files next to {self._path} cannot be used: {error.strerror}.")

    def _connection(self) -> apsw.Connection:
        """The connection that this thread reads with."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            main = threading.current_thread() is threading.main_thread()
            connection = self._local.connection = self._opened(READER_CACHE_KIB if main else SMALL_CACHE_KIB)
        return connection

    def _opened(self, cache_kib: int) -> apsw.Connection:
        if _identity(self._path) != self._file:
            raise _moved(self._path)
        connection = connect(self._path, cache_kib=cache_kib, create=False)
        self._connections.append(connection)
        return connection


def open_engine(database: str, *, threads: int, erasure_key: bytes) -> Store:
    """The store in a file whose schema is this version's. ``threads`` does not matter: writers take turns."""
    return SqliteStore(sqlite_path(database), erasure_key=erasure_key)


def read_version(database: str) -> int | None:
    """The schema a file has; 0 when it is empty, below 0 for a copy that is not finished, ``None`` before version 1."""
    path = sqlite_path(database)
    if path.is_dir():
        raise StoreUnavailable(f"{path} is a folder; name a file in it with --database.", is_mistake=True)
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(BUSY_SECONDS * 1000)
            application = connection.execute("PRAGMA application_id").fetchone()
            tables = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
            if application == (APPLICATION_ID,):
                if connection.execute(f"SELECT 1 FROM sqlite_schema WHERE name = '{EARLIER_TABLE}'").fetchone():
                    return None
                row = connection.execute("SELECT schema_version FROM system").fetchone()
                return int(row[0]) if row else 0
        finally:
            connection.close()
    except apsw.NotADBError as error:
        why = f"{path} is not a database; name another file with --database."
        raise StoreUnavailable(why, is_mistake=True) from error
    except apsw.Error as error:
        is_mistake = not isinstance(error, PASSING)
        raise StoreUnavailable(f"{path} cannot be opened: {error}.", is_mistake=is_mistake) from error
    if tables == (0,):
        return 0
    why = f"{path} is a database of another program; name another file with --database."
    raise StoreUnavailable(why, is_mistake=True)


def apply_migrations(database: str, *, due: list[Migration]) -> None:
    """Make or change a file's schema."""
    path = sqlite_path(database)
    if tuple(map(int, apsw.sqlite_lib_version().split("."))) < SQLITE_VERSION_MIN:
        raise StoreUnavailable(f"SQLite {apsw.sqlite_lib_version()} is too old; install the apsw of the lock file.")
    make_private(path)
    try:
        connection = connect(path, cache_kib=WRITER_CACHE_KIB, create=True)
        try:
            connection.execute("PRAGMA foreign_keys = OFF").fetchall()
            for migration in due:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(migration.text)
                connection.execute("UPDATE system SET schema_version = ?", (migration.number,))
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
                connection.execute("COMMIT")
        finally:
            connection.close(True)
    except OUTAGES as error:
        raise StoreUnavailable(f"{path} cannot be made or changed: {error}.") from error


def connect(path: Path, *, cache_kib: int, create: bool) -> apsw.Connection:
    """A connection with the settings that all of ours have. Raises ``apsw.Error``."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_SECONDS * 1000)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "mmap_size = 0",
        "temp_store = MEMORY",
        f"cache_size = -{cache_kib}",
        f"journal_size_limit = {JOURNAL_BYTES_MAX}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    # Otherwise SQLite plans a query with a range or a LIMIT again whenever its values change.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


def _restart_wal(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(READERS_MILLISECONDS)
    try:
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    finally:
        connection.set_busy_timeout(BUSY_SECONDS * 1000)


def refuse_moved(connection: apsw.Connection, path: Path) -> None:
    """Raise ``StoreUnavailable`` when the open file is no longer the one at its path: writes would be lost."""
    moved = ctypes.c_int(0)
    connection.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(moved))
    if moved.value:
        raise _moved(path)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at a path; ``None`` when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _moved(path: Path) -> StoreUnavailable:
    return StoreUnavailable(f"The database file {path} was moved or removed; put it back or restart the service.")


def translate_error(error: apsw.Error) -> DaftariError:
    """The error of ours for an error of SQLite."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreBusy()
    if isinstance(error, apsw.FullError):
        return StoreUnavailable("The disk is full; nothing was written.", retry_after_seconds=30)
    if isinstance(error, apsw.ReadOnlyError):
        return StoreUnavailable("The database file is read-only; nothing was written.", retry_after_seconds=30)
    return StoreUnavailable(f"The database does not answer: {error}.")
