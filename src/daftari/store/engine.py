"""What a store is: the transactions of either engine, and how a rule is called with one.

A rule never sees a connection. It gets a transaction, names queries, and returns; the engine begins, locks, commits,
retries, and translates errors. No HTTP. What a query means is known here only of the counters that the engine keeps:
those of a project's book and of the system.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from msgspec import Struct
from msgspec.structs import asdict, astuple

from daftari.errors import StoreBusy, StoreUnavailable, Unauthenticated
from daftari.model.projects import NO_PROJECT, Actor, Project
from daftari.store.queries import Query

P = ParamSpec("P")
T = TypeVar("T")
Value = int | str | bytes | None
Row = tuple[int | str | bytes | None, ...]
RowSet = Sequence[int] | Sequence[str] | Sequence[tuple[Value, ...]]

TABLES: dict[str, tuple[str, ...]] = {
    "contact": ("project_id", "id", "mobile", "card", "card_version", "updated_at", "consent_status"),
    "contact_group": ("project_id", "id", "name", "folded", "created_at"),
    "membership": ("project_id", "group_id", "contact_id"),
    "journal": (
        *("project_id", "seq", "at", "key_id", "user_id", "request_id", "action", "group_id", "contacts"),
        *("first_fact", "last_fact", "left_groups", "detail"),
    ),
    "change": (
        *("project_id", "seq", "journal_seq", "type", "group_id", "former_name", "contacts"),
        *("first_fact", "last_fact", "detail", "at", "request_id"),
    ),
    "removal": ("project_id", "seq", "mobile", "at", "reason"),
    "bulk_part": ("project_id", "bulk_id", "number", "first_id", "last_id", "ids", "seq"),
    "contact_before": ("project_id", "seq", "contact_id", "mobile", "new_mobile", "expires_at", "before"),
    "fact": (
        *("project_id", "subject_id", "id", "kind", "channel", "sender", "purpose", "at", "recorded_at", "source"),
        *("keyword", "group_id", "override", "retracts", "message_digest", "key_id", "user_id", "evidence", "given_at"),
        *("receipt", "single", "from_file"),
    ),
    "search_entry": ("project_id", "contact_id", "mobile", "words"),
    "search_posting": ("project_id", "block", "token", "ids"),
    "audience_part": ("project_id", "audience_id", "part", "first_mobile", "last_mobile", "mobiles"),
    "file_part": ("project_id", "file_id", "part", "bytes"),
    "message": (
        *("project_id", "id", "sender_id", "origin_id", "subject_id", "key", "state", "reason", "code", "purpose"),
        *("attempt", "due_at", "until", "claim", "claimed_at", "settled_at", "parts", "text", "says"),
    ),
    "event": (
        *("project_id", "id", "subject_id", "name", "key", "at", "given_at", "received_at", "fields", "is_contact"),
        *("expires_at", "connection_id"),
    ),
    "report": ("project_id", "sender_id", "provider_id", "id", "subject_id", "expires_at", "report"),
    "external_link": (
        *("project_id", "connection_id", "external_id", "mobile", "version", "values_digest", "link_state"),
        *("group_ids", "seen_in", "flags", "problems", "why"),
    ),
    "import_join": ("project_id", "import_id", "chunk", "group_id", "contacts"),
    "import_reject": ("project_id", "import_id", "number", "reason", "cell", "record", "digits", "taken"),
}
"""The tables for ``insert_many``, and the order of columns in their rows."""
SYSTEM_TABLES = frozenset({
    *("system", "project", "project_name", "key", "inbound_token", "job"),
    *("console_user", "user_role", "user_session", "user_link", "sign_in_attempt"),
})  # fmt: skip
"""The tables of the whole database. No transaction writes both to one of them and to a table of a project."""
AWAY = "The database does not answer."
WRITE_WAIT_SECONDS_MAX = 5.0
"""How long a write waits in all: in the queue of its process, for its turn, and for the locks of the database."""
FOLLOWING_WAIT_SECONDS_MAX = 1.0
"""The same for what follows a write, for which the write's caller waits."""
EARLIER_TABLE = "house"
"""A table that only a schema from before version 1 has."""


class Migration(Struct, frozen=True):
    """One step of a schema: its number and its SQL."""

    number: int
    text: str


class Book(Struct):
    """A project's counters while its write lock is held; the engine saves them before COMMIT."""

    next_id: int
    next_group_id: int
    next_seq: int
    next_fact: int
    next_item: int
    """For audiences, erasures, exports, imports, reviews and quarantined requests."""
    next_change: int
    join_triggers: int
    """The triggers that a join may fire."""
    write_backs: int
    """The connections that opt-outs are written back to."""


class MisplacedWrite(Exception):
    """A write to system tables in a transaction of a project, or the other way around: a mistake in the program."""


class Tx(Protocol):
    """One transaction. Every query also gets ``:project``, the id of the project that the transaction is for."""

    project: Project
    now: int
    """When the request came, in microseconds: a transaction never asks a clock."""
    erasure_key: bytes
    """What keys the hashes of erased numbers, and what the key of sealed values is derived from."""

    def one(self, query: str, **values: Value | RowSet) -> Row | None:
        """The first row of a named query, or ``None``."""

    def all(self, query: str, **values: Value | RowSet) -> list[Row]:
        """All rows of a named query."""

    def fetch(self, kind: type[T], query: str, **values: Value | RowSet) -> list[T]:
        """All rows of a named query as ``kind``.

        A Struct is made of the columns in their order, a tuple type is the row as it is, and anything else is the type
        of the first column.
        """

    def fetch_one(self, kind: type[T], query: str, **values: Value | RowSet) -> T | None:
        """The first row of a named query as ``kind``, like ``fetch``; ``None`` when there is none."""

    def run(self, query: str, **values: Value | RowSet) -> int:
        """Run a named query for its effect. Returns how many rows it changed."""

    def lease_clock(self) -> LeaseClock:
        """What the database's clock says. For leases alone: everything else is given its time."""

    def follow_up(self, project: Project, rule: Callable[[Tx], object]) -> None:
        """Have ``rule`` called once this is committed, in a transaction of its own: a project's, or ``NO_PROJECT``'s.

        It may be lost. Whatever it writes is a hint, or is made up for later.
        """

    def epoch(self) -> str:
        """The name of the feeds of this database, which a restored or copied one does not have."""


class WriteTx(Tx, Protocol):
    """A transaction that holds the write lock of its project."""

    book: Book
    actor: Actor

    def insert_many(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Insert rows into one of ``TABLES`` in the fastest way that the engine has."""

    def is_awaited(self) -> bool:
        """Whether another writer waits for the lock."""


class LeaseClock(Struct, frozen=True):
    """What the database's own clock says, for leases: the same for every process, whatever their clocks say.

    ``start`` names the start of the machine from which a clock counts; empty for one that does not count from there.
    """

    start: str
    microseconds: int


class SystemTx(Tx, Protocol):
    """A transaction that holds the lock of the system tables."""

    def take_id(self) -> int:
        """A system id that no other row of the system tables has or had; later ones are larger."""

    def follow_up_write(self, project: Project, actor: Actor, rule: Callable[[WriteTx], object]) -> None:
        """As ``follow_up``, under the write lock of a project. Where the project is deleted, nothing is called."""


class Transaction(ABC):
    """The base of both engines' transactions: ``Tx``, ``WriteTx`` and ``SystemTx`` in one."""

    __slots__ = ("actor", "book", "erasure_key", "following", "next_system_id", "now", "project")

    book: Book
    actor: Actor
    next_system_id: int

    def __init__(self, project: Project, now: int, erasure_key: bytes) -> None:
        self.project = project
        self.now = now
        self.erasure_key = erasure_key
        self.following: list[tuple[Project, Callable[[Tx], object]]] = []

    def follow_up(self, project: Project, rule: Callable[[Tx], object]) -> None:
        """Have ``rule`` called once this is committed; see ``Tx``."""
        self.following.append((project, rule))

    def follow_up_write(self, project: Project, actor: Actor, rule: Callable[[WriteTx], object]) -> None:
        """Have ``rule`` called under the write lock of a project, once this is committed; see ``SystemTx``."""

        def locked(tx: Tx) -> None:
            assert isinstance(tx, Transaction)
            with suppress(Unauthenticated):
                if not _lock_book(tx, actor):
                    _saving_book(tx, lambda: rule(tx))

        self.following.append((project, locked))

    def _refuse_misplaced(self, query: Query) -> None:
        """Raise ``MisplacedWrite`` if a query writes to other tables than the transaction is for."""
        if query.writes and (query.writes in SYSTEM_TABLES) != (self.project is NO_PROJECT):
            raise MisplacedWrite(f"{query.name} writes to {query.writes} in a transaction of other tables")

    @abstractmethod
    def _rows(self, query: str, values: dict[str, Value | RowSet]) -> list[Row]:
        """All rows of a named query. ``values`` may be changed."""

    def one(self, query: str, **values: Value | RowSet) -> Row | None:
        """The first row of a named query, or ``None``."""
        rows = self._rows(query, values)
        return rows[0] if rows else None

    def all(self, query: str, **values: Value | RowSet) -> list[Row]:
        """All rows of a named query."""
        return self._rows(query, values)

    @abstractmethod
    def run(self, query: str, **values: Value | RowSet) -> int:
        """Run a named query for its effect. Returns how many rows it changed."""

    def fetch(self, kind: type[T], query: str, **values: Value | RowSet) -> list[T]:
        """All rows of a named query as ``kind``; see ``Tx``."""
        return _as_kind(kind, self._rows(query, values))

    def fetch_one(self, kind: type[T], query: str, **values: Value | RowSet) -> T | None:
        """The first row of a named query as ``kind``; see ``Tx``."""
        rows = self._rows(query, values)
        return _as_kind(kind, rows[:1])[0] if rows else None

    @abstractmethod
    def insert_many(self, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Insert rows into one of ``TABLES``."""

    @abstractmethod
    def is_awaited(self) -> bool:
        """Whether another writer waits for the lock."""

    @abstractmethod
    def lease_clock(self) -> LeaseClock:
        """What the database's clock says."""

    @abstractmethod
    def epoch(self) -> str:
        """The name of the feeds of this database."""

    def take_id(self) -> int:
        """A system id that no other row of the system tables has or had; later ones are larger."""
        self.next_system_id += 1
        return self.next_system_id - 1


class Store(ABC):
    """A database of either engine.

    The first four methods call ``rule(tx, *args, **kwargs)`` inside one transaction and return what it returns.
    All raise ``StoreBusy`` when others hold a lock for too long, ``StoreUnavailable`` when the database fails. What a
    write raises ``StoreBusy`` itself for was not done.
    """

    reads_wait: bool
    """Whether a read may block on something outside this process."""

    def __init__(self) -> None:
        self._waiting = threading.local()

    @contextmanager
    def waiting_since(self, began: float) -> Iterator[None]:
        """The wait of a write in the block counts from ``began``, a time of ``time.monotonic``, not from its call."""
        self._waiting.began = began
        try:
            yield
        finally:
            self._waiting.began = None

    @abstractmethod
    def settle_epoch(self) -> None:
        """Find out the epoch, where that has to be done once, before the first transaction of a rule."""

    def _wait_until(self) -> float:
        """When the wait of the write that this thread begins is over."""
        began: float | None = getattr(self._waiting, "began", None)
        return (time.monotonic() if began is None else began) + WRITE_WAIT_SECONDS_MAX

    def read(
        self, project: Project, now: int, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call ``rule`` with one snapshot of a project."""
        return self._snapshot(project, now, lambda tx: rule(tx, *args, **kwargs))

    def read_unisolated(
        self, project: Project, now: int, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like ``read``, for a rule whose statements need not agree: each has a snapshot of its own.

        It saves the transaction around them, which is half the work of finding one row.
        """
        return self._unisolated(project, now, lambda tx: rule(tx, *args, **kwargs))

    def system_read(self, now: int, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``rule`` with one snapshot of the system tables."""
        return self._snapshot(NO_PROJECT, now, lambda tx: rule(tx, *args, **kwargs))

    def write(
        self,
        project: Project,
        actor: Actor,
        now: int,
        rule: Callable[Concatenate[WriteTx, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``rule`` under the project's write lock; what it wrote is durable on return.

        Raises ``Unauthenticated`` if the project was deleted.
        """

        def locked(tx: Transaction) -> T:
            if _lock_book(tx, actor):
                raise Unauthenticated
            return _saving_book(tx, lambda: rule(tx, *args, **kwargs))

        return self._committed(project, now, locked)

    def purge(
        self,
        project: Project,
        actor: Actor,
        now: int,
        rule: Callable[Concatenate[WriteTx, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like ``write``, for deleted projects too."""

        def locked(tx: Transaction) -> T:
            _lock_book(tx, actor)
            return _saving_book(tx, lambda: rule(tx, *args, **kwargs))

        return self._committed(project, now, locked)

    def system_write(
        self, now: int, rule: Callable[Concatenate[SystemTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call ``rule`` under the lock of the system tables."""

        def locked(tx: Transaction) -> T:
            row = tx.one("lock_system")
            if row is None or not isinstance(row[0], int):
                raise StoreUnavailable("The table system is empty; this is not a whole Daftari database.")
            tx.next_system_id = first = row[0]
            result = rule(tx, *args, **kwargs)
            if tx.next_system_id != first:
                tx.run("save_system", next_id=tx.next_system_id)
            return result

        return self._committed(NO_PROJECT, now, locked)

    def _committed(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        """Call ``body`` in a transaction that may write, and then what is to follow it."""

        def noted(tx: Transaction) -> tuple[T, list[tuple[Project, Callable[[Tx], object]]]]:
            return body(tx), tx.following

        result, following = self._exclusive(project, now, self._wait_until(), noted)
        for place, rule in following:
            # The write is done, even if this is lost.
            with suppress(StoreBusy):
                self._exclusive(place, now, time.monotonic() + FOLLOWING_WAIT_SECONDS_MAX, rule)
        return result

    @abstractmethod
    def answers(self) -> None:
        """Return if the database answers; raise ``StoreUnavailable`` if not."""

    @abstractmethod
    def maintain(self) -> None:
        """Do the maintenance that the engine needs every so often."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection of this process."""

    @abstractmethod
    def _snapshot(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        """Call ``body`` in a transaction that reads one state."""

    @abstractmethod
    def _unisolated(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        """Call ``body`` without a transaction around its statements."""

    @abstractmethod
    def _exclusive(self, project: Project, now: int, until: float, body: Callable[[Transaction], T]) -> T:
        """Call ``body`` in a transaction that may write, then COMMIT. ``NO_PROJECT`` means the system tables.

        Raises ``StoreBusy`` when it would have to wait for locks longer than until that time of ``time.monotonic``.
        """


def _lock_book(tx: Transaction, actor: Actor) -> bool:
    """Take the project's lock and read its counters. Returns whether the project was deleted."""
    row = tx.one("lock_book") or _open_book(tx)
    if row is None:
        raise Unauthenticated
    *counters, closed = cast("tuple[int, ...]", row)
    tx.book = Book(*counters)
    tx.actor = actor
    return bool(closed)


def _open_book(tx: Transaction) -> Row | None:
    """Insert the counters of a project that has just been created, and lock them; ``None`` if it is deleted."""
    first_id = tx.fetch_one(int, "get_first_id", id=tx.project.id)
    if first_id is None:
        return None
    tx.run("insert_book", first_id=first_id)
    return tx.one("lock_book")


def _saving_book(tx: Transaction, work: Callable[[], T]) -> T:
    before = astuple(tx.book)
    result = work()
    if astuple(tx.book) != before:
        tx.run("save_book", **asdict(tx.book))
    return result


def _as_kind(kind: type[T], rows: list[Row]) -> list[T]:
    """Rows as ``kind``: the one place that trusts a caller's types for the columns of a query."""
    if getattr(kind, "__origin__", None) is tuple:
        return cast("list[T]", rows)
    if issubclass(kind, Struct):
        return [kind(*row) for row in rows]
    return cast("list[T]", [row[0] for row in rows])
