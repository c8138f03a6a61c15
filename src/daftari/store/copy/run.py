"""Copies a database to another one of either engine, and compares every row at the end.

There is no record of how far a copy is. Each run reads one snapshot of the source in the order of keys, keeps the rows
that the target already has, deletes from the first row that differs with the rows that depend on it, and appends the
rest in batches of one transaction each. So a run that was killed is continued by the next one, which also corrects what
changed in the source meanwhile. Until a run ends with an equal copy, the target's schema version is below 0 and it is
not served. What a table is for, and how progress is shown, belongs to other modules.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import blake2b
from itertools import chain, zip_longest
from typing import Literal, cast

import msgspec
from msgspec import Struct

from daftari.errors import BadSettings, SchemaMismatch
from daftari.store.catalog import Table, dependents, list_tables
from daftari.store.copy.database import Database
from daftari.store.database_url import dialect_of, masked, sqlite_path
from daftari.store.engine import Row, Value
from daftari.store.epoch import forget_epoch
from daftari.store.erasure_key import default_secret_file, find_secret_text, fingerprint_of, key_of, save_secret
from daftari.store.schema import (
    latest_version,
    migrate,
    open_store,
    refuse_other_schema,
    schema_version,
)

BATCH_ROWS = 10_000
"""Rows written or deleted in one transaction."""
BATCH_BYTES_MAX = 16 * 1024 * 1024
"""The size of such a batch at most, as MessagePack."""

Doing = Literal["copying", "comparing"]
End = Literal["done", "different", "changed", "stopped"]
"""``changed``: the source was written to meanwhile. ``stopped``: the caller asked for it."""

_encode = msgspec.msgpack.encode


class Progress(Struct, frozen=True):
    """How far a run is: its table, and how many of all rows are done, kept ones included."""

    doing: Doing
    table: str
    rows: int
    rows_in_all: int


class Difference(Struct, frozen=True):
    """A table and project whose rows differ: how many rows each side has, and the first key that differs."""

    table: str
    project: str | None
    source_rows: int
    target_rows: int
    first: str


class Outcome(Struct, frozen=True):
    """The result of a run. ``rows``: how many the source has. ``written``: how many of them the target did not have."""

    end: End
    rows: int = 0
    projects: int = 0
    written: int = 0
    differences: tuple[Difference, ...] = ()


class _Stopped(Exception):
    """The caller asked the run to stop."""


def copy_database(
    source: str,
    target: str,
    *,
    secret: str | None,
    secret_file: str | None,
    should_stop: Callable[[], bool],
    note: Callable[[Progress], None],
    batch_rows: int = BATCH_ROWS,
) -> Outcome:
    """Make ``target`` equal to ``source``, compare every row, and let the target be served.

    ``secret`` and ``secret_file`` are the source's, as for ``open_store``. ``should_stop`` is called before each batch
    of ``batch_rows``. Raises ``SchemaMismatch``, ``StoreUnavailable``, and ``BadSettings`` when the target holds
    anything else.
    """
    _refuse_same(source, target)
    open_store(source, threads=1, secret=secret, secret_file=secret_file).close()
    text = find_secret_text(source, secret=secret, secret_file=secret_file)
    assert text is not None
    _make_tables(target)
    with _both(source, target) as (here, there), there.owned():
        _begin(there, target, text)
        run = _Run(here, there, should_stop=should_stop, note=note, batch_rows=batch_rows)
        try:
            outcome = run.copy()
        except _Stopped:
            return Outcome("stopped", written=run.written)
        if outcome.end == "done":
            there.settle()
            with there.writing():
                there.save_system(version=latest_version(), fingerprint=fingerprint_of(key_of(text)))
        return outcome


def compare_databases(
    source: str, target: str, *, should_stop: Callable[[], bool], note: Callable[[Progress], None]
) -> Outcome:
    """Compare two databases, table by table and project by project. Writes nothing."""
    refuse_other_schema(source)
    if abs(schema_version(target)) != latest_version():
        refuse_other_schema(target)
    with _both(source, target) as (here, there):
        run = _Run(here, there, should_stop=should_stop, note=note, batch_rows=BATCH_ROWS)
        try:
            with here.reading():
                return run.compare()
        except _Stopped:
            return Outcome("stopped")


# ---- before the first row -----------------------------------------------------------------------------


def _refuse_same(source: str, target: str) -> None:
    both = {source, target}
    if {dialect_of(name) for name in both} == {"sqlite"}:
        both = {str(sqlite_path(name).resolve()) for name in both}
    if len(both) == 1:
        raise BadSettings("The source and the target of a copy are the same database.")


def _make_tables(target: str) -> None:
    """Migrate a target that has no projects to this version's schema."""
    found = schema_version(target)
    if found == 0:
        migrate(target)
    elif 0 < found < latest_version():
        with closing(_opened(target)) as there, there.speaking():
            _refuse_full(there, target)
        migrate(target)
    elif found > 0:
        refuse_other_schema(target)


def _begin(there: Database, target: str, secret: str) -> None:
    """Mark the target as an unfinished copy with the source's secret. Raises when it is anything else."""
    version, known = there.read_system()
    if version > 0:
        _refuse_full(there, target)
    elif version != -latest_version():
        raise SchemaMismatch(f"{masked(target)} was begun by another version of Daftari; name an empty one.")
    fingerprint = fingerprint_of(key_of(secret))
    if known not in (None, fingerprint):
        raise BadSettings(f"{masked(target)} has another secret than the source; name a target that is new.")
    if dialect_of(target) == "sqlite":
        _save_secret(target, secret)
        # What is there belongs to a database that is no more.
        forget_epoch(sqlite_path(target))
    with there.writing():
        there.save_system(version=-latest_version(), fingerprint=fingerprint)


def _refuse_full(there: Database, target: str) -> None:
    if there.has_projects():
        raise BadSettings(f"{masked(target)} has projects already; a copy goes to an empty database only.")


def _save_secret(target: str, secret: str) -> None:
    kept = find_secret_text(target, secret=None, secret_file=None)
    if kept is None:
        kept = secret if save_secret(target, secret) == key_of(secret) else None
    if kept != secret:
        raise BadSettings(f"{default_secret_file(target)} holds another secret than the source's; move it away first.")


@contextmanager
def _both(source: str, target: str) -> Iterator[tuple[Database, Database]]:
    with ExitStack() as stack:
        opened = []
        for database in (source, target):
            connection = stack.enter_context(closing(_opened(database)))
            stack.enter_context(connection.speaking())
            opened.append(connection)
        yield opened[0], opened[1]


def _opened(database: str) -> Database:
    # Imported when it is named, as in ``schema``.
    if dialect_of(database) == "postgres":
        from daftari.store.copy.postgres import PostgresDatabase

        return PostgresDatabase(database)
    from daftari.store.copy.sqlite import SqliteDatabase

    return SqliteDatabase(database)


# ---- a run ----------------------------------------------------------------------------------------------


class _Run:
    """One walk through both databases."""

    def __init__(
        self,
        source: Database,
        target: Database,
        *,
        should_stop: Callable[[], bool],
        note: Callable[[Progress], None],
        batch_rows: int,
    ) -> None:
        self._source = source
        self._target = target
        self._tables = list_tables()
        self._should_stop = should_stop
        self._note = note
        self._batch_rows = batch_rows
        self._rows = 0
        self._rows_in_all = 0
        self.written = 0

    def copy(self) -> Outcome:
        """Copy and compare one snapshot of the source, then check whether the source has changed since."""
        with self._source.reading():
            seen = self._pulse()
            self._begin_counting()
            for table, project_id in self._places():
                if table.is_single:
                    self._copy_single(table, project_id)
                else:
                    self._copy_rows(table, project_id)
            outcome = self.compare()
        if outcome.end != "done":
            return outcome
        with self._source.reading():
            return outcome if self._pulse() == seen else msgspec.structs.replace(outcome, end="changed")

    def compare(self) -> Outcome:
        """Compare all rows of both. The caller has begun ``reading`` the source."""
        self._begin_counting()
        names = self._source.project_names()
        with self._target.reading():
            names = self._target.project_names() | names
            found = [self._compare_rows(table, project_id, names) for table, project_id in self._places()]
        differences = tuple(filter(None, found))
        end: End = "different" if differences else "done"
        return Outcome(end, self._rows, len(self._source.project_names()), self.written, differences)

    def _places(self) -> Iterator[tuple[Table, int | None]]:
        """Tables without a project, then the tables of each project that have rows on either side, then ``system``."""
        shared = [table for table in self._tables if not table.by_project]
        yield from [(table, None) for table in shared if not table.is_single]
        of_projects = {
            table.name: {*self._source.list_projects(table), *self._target.list_projects(table)}
            for table in self._tables
            if table.by_project
        }
        for project_id in sorted(set[int]().union(*of_projects.values())):
            for table in self._tables:
                if project_id in of_projects.get(table.name, ()):
                    yield table, project_id
        yield from [(table, None) for table in shared if table.is_single]

    def _pulse(self) -> bytes:
        """A digest that changes with every write to the source: of the system tables and each project's counters.

        Only the worker's purges do not change it, and a copy needs none of what they delete.
        """
        state = blake2b(digest_size=16)
        for table in self._tables:
            if table.is_single or not table.by_project:
                with closing(self._source.rows(table, None)) as rows:
                    for row in rows:
                        state.update(_encode(row))
        return state.digest()

    # ---- copying ------------------------------------------------------------------------------------

    def _copy_single(self, table: Table, project_id: int | None) -> None:
        row = self._source.find_row(table, project_id)
        if row is None:
            self._delete_after(table, project_id, None)
        elif row != self._target.find_row(table, project_id):
            with self._target.writing():
                self._target.put(table, row)
            self.written += 1
        self._count("copying", table, 1 if row else 0)

    def _copy_rows(self, table: Table, project_id: int | None) -> None:
        with closing(self._source.rows(table, project_id)) as wanted:
            last, waiting, is_same = self._skip_kept(table, project_id, wanted)
            if not is_same:
                self._delete_after(table, project_id, table.place(last, project_id) if last else None)
            for batch in _batches(chain(waiting, wanted), batch_rows=self._batch_rows):
                self._ask()
                with self._target.writing():
                    self._target.insert(table, batch)
                self.written += len(batch)
                self._count("copying", table, len(batch))

    def _skip_kept(
        self, table: Table, project_id: int | None, wanted: Generator[Row, None, None]
    ) -> tuple[Row | None, list[Row], bool]:
        """Skip the rows that the target already has.

        Returns the last row that both have, the row of the source that was read after it, and whether the target has no
        row after it.
        """
        last: Row | None = None
        with self._target.reading(), closing(self._target.rows(table, project_id)) as kept:
            for number, row in enumerate(kept, start=1):
                other = next(wanted, None)
                if row != other:
                    return last, [] if other is None else [other], False
                last = row
                self._count("copying", table, 1, report=number % self._batch_rows == 0)
        return last, [], True

    def _delete_after(self, table: Table, project_id: int | None, place: tuple[Value, ...] | None) -> None:
        """Delete the target's rows after a place, and before them the rows of all tables that depend on them."""
        for other in reversed(dependents(table, tables=self._tables)):
            self._delete(other, project_id, None)
        self._delete(table, project_id, place)

    def _delete(self, table: Table, project_id: int | None, place: tuple[Value, ...] | None) -> None:
        more = True
        while more:
            self._ask()
            with self._target.writing():
                more = self._target.delete_some(table, project_id, after=place, limit=self._batch_rows)

    # ---- comparing ----------------------------------------------------------------------------------

    def _compare_rows(self, table: Table, project_id: int | None, names: dict[int, str]) -> Difference | None:
        here = self._digest(self._source, table, project_id, counted=True)
        there = self._digest(self._target, table, project_id, counted=False)
        if here == there:
            return None
        project = None if project_id is None else names.get(project_id, str(project_id))
        return Difference(table.name, project, here[0], there[0], self._first_difference(table, project_id))

    def _digest(self, database: Database, table: Table, project_id: int | None, *, counted: bool) -> tuple[int, bytes]:
        """The number of rows, and a digest of them in the order of their keys."""
        state = blake2b(digest_size=16)
        number = 0
        with closing(database.rows(table, project_id)) as rows:
            for number, row in enumerate(rows, start=1):
                state.update(_encode(row))
                if number % self._batch_rows == 0:
                    self._count("comparing", table, self._batch_rows if counted else 0)
        self._count("comparing", table, number % self._batch_rows if counted else 0)
        return number, state.digest()

    def _first_difference(self, table: Table, project_id: int | None) -> str:
        with (
            closing(self._source.rows(table, project_id)) as rows,
            closing(self._target.rows(table, project_id)) as others,
        ):
            for row, other in zip_longest(rows, others):
                if row != other:
                    return _shown(table, project_id, row, other)
        return ""

    # ---- progress -----------------------------------------------------------------------------------

    def _begin_counting(self) -> None:
        self._rows = 0
        self._rows_in_all = self._rows_in_all or sum(self._source.count_rows(table) for table in self._tables)

    def _count(self, doing: Doing, table: Table, rows: int, *, report: bool = True) -> None:
        self._rows += rows
        if report:
            self._ask()
            self._note(Progress(doing, table.name, self._rows, self._rows_in_all))

    def _ask(self) -> None:
        if self._should_stop():
            raise _Stopped


def _batches(rows: Iterable[Row], *, batch_rows: int) -> Iterator[list[Row]]:
    """Batches of at most ``batch_rows`` rows and about ``BATCH_BYTES_MAX`` bytes."""
    batch: list[Row] = []
    weight = 0
    for row in rows:
        batch.append(row)
        weight += len(_encode(row))
        if len(batch) == batch_rows or weight > BATCH_BYTES_MAX:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _shown(table: Table, project_id: int | None, row: Row | None, other: Row | None) -> str:
    """The smaller key of two rows that differ, which one side lacks or has with other values."""
    columns = table.order(project_id) or table.key
    found = [[one[table.columns.index(column)] for column in columns] for one in (row, other) if one is not None]
    # A key has numbers and texts, and each column has one type.
    first = min(cast("list[list[int | str]]", found))
    return ", ".join(f"{column} {value}" for column, value in zip(columns, first, strict=True))
