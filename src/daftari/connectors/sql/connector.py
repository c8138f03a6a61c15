"""The connector: pages of changes, records by id, all ids, and a check, over one connection to one table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from heapq import nlargest
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from daftari.connectors.protocol import (
    Account,
    ConnectorFailed,
    Facts,
    FieldSource,
    GroupSource,
    Mark,
    MarkOutcome,
    Page,
    Record,
)
from daftari.connectors.sql.access import addresses_finder, refuse_own
from daftari.connectors.sql.engine import Engine
from daftari.connectors.sql.failures import STATEMENT_SECONDS, failure, words_of
from daftari.connectors.sql.mysql import MySql
from daftari.connectors.sql.postgres import Postgres
from daftari.connectors.sql.settings import RECORDS_MAX, SQL_FACTS, Allowed, SqlSettings, broken
from daftari.connectors.sql.sqlite import Sqlite
from daftari.connectors.sql.statements import After, Rows, Statements
from daftari.connectors.sql.timeline import Timeline, UnknownTime, timeline_of
from daftari.connectors.sql.values import (
    Column,
    Unreadable,
    id_key,
    id_text,
    id_value,
    id_values,
    is_set,
    is_usable_id,
    read_value,
)
from daftari.connectors.sql.window import (
    MARGIN_OF_DATABASE,
    MARGIN_OF_PROGRAMS,
    NEWEST,
    State,
    close_window,
    find_warnings,
    open_window,
)
from daftari.model.limits import EXTERNAL_ID_MAX
from daftari.outbound.network import Resolve, resolve_name

PAGE_ROWS_MAX = 10_000
PAGE_ROWS_MIN = 500
PAGE_CHARACTERS_MAX = 16 * 1024 * 1024
"""Characters of texts in a page; it ends early when it has so many."""
COLUMNS_SHOWN = 20
"""Names of columns in a sentence."""
BATCH_ROWS = 500
"""Rows that are fetched at a time."""
EARLY_ROWS_MAX = 1_000
"""Rows after the end of a window that are read before it is their turn, while few change."""
IDS_MAX = 50_000
"""Ids in a piece of the list of all ids."""
SAMPLE_ROWS = 10
SLOW_SECONDS = 5.0
"""The next page is half as long when one took longer, to leave the other database to its own work."""
QUICK_SECONDS = 1.0
RECYCLE_SECONDS = 300
"""How long a connection is kept."""


Found = Sequence[Any]
"""A row as the driver gives it."""


class Shape(msgspec.Struct, frozen=True):
    """The table as it is: the columns that the connection knows by their meaning, and the wanted fields."""

    id: Column
    time: Column | None
    deleted: Column | None
    fields: Sequence[Column]
    columns: Sequence[Column]
    statements: Statements


class SqlConnector:
    """Reads one table or view. One thread may use it at a time; ``close`` gives its connection back.

    ``fields``: the columns that are wanted; none means all.
    """

    facts: ClassVar[Facts] = SQL_FACTS

    def __init__(
        self,
        settings: SqlSettings,
        *,
        password: str,
        fields: Sequence[str],
        allowed: Allowed,
        resolve: Resolve = resolve_name,
    ) -> None:
        self._settings = settings
        self._secret = password
        self._fields = fields
        self._engine = _engine_for(settings, password=password, allowed=allowed, resolve=resolve)
        self._page_rows = PAGE_ROWS_MAX
        self._shape: Shape | None = None
        self._timeline: Timeline | None = None
        # The driver's connection is made by us: no URL, which could be shown, has the password.
        self._pool = create_engine(
            self._engine.url,
            creator=self._engine.connect,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
            hide_parameters=True,
        )
        event.listen(self._pool, "connect", self._forget_shape)
        event.listen(self._pool, "handle_error", _close_cursor)

    def close(self) -> None:
        """Close the connection."""
        self._pool.dispose()

    # ---- what every connector does -----------------------------------------------------------------------

    def check(self) -> Account:
        """Look at the table, its columns, its rows, and what the role may do."""
        settings = self._settings
        with self._transaction() as connection:
            shape = self._get_shape(connection)
            self._get_timeline(connection, shape)
            rights = self._engine.rights(connection)
            indexed = shape.time is None or self._engine.has_index(connection)
            newest = connection.execute(shape.statements.newest_by_id().limit(SAMPLE_ROWS)).all()
        sample, warnings = self._records(newest, shape)
        warnings = [*rights.warnings, *warnings]
        if rights.overlap and shape.time is not None:
            warnings.append(rights.overlap)
        if shape.time is None:
            warnings.append("Without a column for `updated_at` the whole table is read each time.")
        elif not indexed:
            index = f"CREATE INDEX ON {settings.table} ({shape.time.name}, {shape.id.name})"
            warnings.append(f"No index begins with {shape.time.name}, so each poll reads the whole table: {index}.")
        count, missing = self._count(shape)
        return Account(
            id=settings.place,
            name=f"{settings.title}, {settings.table} in {settings.place}",
            time_zone=settings.time_zone,
            count=count,
            missing=(),
            groups=(),
            fields=[FieldSource(column.name, column.name, column.title) for column in shape.columns],
            warnings=[*warnings, *missing],
            sample=sample,
        )

    def read_changes(self, cursor: str, *, now: int) -> Page:
        """The next page. The first reading goes by id; then each window is read by ``updated_at`` and id."""
        state = msgspec.json.decode(cursor, type=State) if cursor else State()
        # Each statement sees what is committed when it begins, so the rows are never older than the fence.
        with self._transaction() as connection:
            shape = self._get_shape(connection)
            timeline = self._get_timeline(connection, shape)
            if timeline is None:
                if state.until is None:
                    state = State(until=now, complete_until=now)
                return self._read_by_id(connection, state, shape, None)
            is_new = state.until is None
            if not is_new:
                warnings: list[str] = []
            elif self._was_restored(connection, state, shape, timeline):
                gone = f"The newest rows of {self._settings.table} are gone or older than they were, as after a backup"
                return Page((), "", None, True, [f"{gone} was restored; everything is read again."])
            else:
                warnings = self._open_window(connection, state, now=now)
            if state.until is None:
                early, ended = self._read_early(connection, state.since, state, shape, timeline)
                records, unusable = self._records(early, shape)
                seen_until = now if ended else None
                return Page(records, _cursor_of(state), state.complete_until, False, [*warnings, *unusable], seen_until)
            if state.filling:
                page = self._read_by_id(connection, state, shape, timeline)
            else:
                # What is committed while a window is read in several pages may be missed until the next one.
                page = self._read_window(connection, state, shape, timeline, now=now if is_new else None)
            return replace(page, warnings=[*warnings, *page.warnings])

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        """Rows as they are now."""
        with self._transaction() as connection:
            shape = self._get_shape(connection)
            wanted = id_values(ids[:RECORDS_MAX], shape.id)
            rows = connection.execute(shape.statements.some(wanted)).all() if wanted else []
        return self._records(rows, shape)[0]

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        """All ids, ascending as the database orders them, each piece in a transaction of its own."""
        if group:
            raise broken("no_groups", f'A table has no lists; "{group}" is none.')
        last: int | str = after
        while True:
            with self._transaction() as connection:
                shape = self._get_shape(connection)
                wanted = shape.statements.ids(None if last == "" else id_value(last, shape.id)).limit(IDS_MAX)
                with connection.execute(wanted.execution_options(stream_results=True)) as found:
                    values = [value for (value,) in found]
            ids = [one for value in values if is_usable_id(one := id_text(value, shape.id))]
            if ids:
                yield ids
            if len(values) < IDS_MAX:
                return
            last = id_key(values[-1], shape.id)

    def list_groups(self) -> Sequence[GroupSource]:
        """A table has no lists."""
        return ()

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        """Nothing is written to another's database."""
        return [MarkOutcome(mark.record_id, "refused", "Databases are only read.") for mark in marks]

    # ---- pages -------------------------------------------------------------------------------------------

    def _open_window(self, connection: Connection, state: State, *, now: int) -> list[str]:
        """Ask for the fence; returns warnings."""
        sight = self._engine.look(connection, now=now)
        by_database = self._settings.times_set_by == "database"
        open_window(state, sight, margin=MARGIN_OF_DATABASE if by_database else MARGIN_OF_PROGRAMS, now=now)
        return find_warnings(sight, zone=self._settings.zone)

    def _read_by_id(self, connection: Connection, state: State, shape: Shape, timeline: Timeline | None) -> Page:
        """A page of the whole table. Without ``updated_at`` its end is followed by its beginning."""
        after = None if state.after_id is None else id_value(state.after_id, shape.id)
        rows, ended = self._read(connection, shape.statements.by_id(after), limit=self._page_rows)
        records, warnings = self._records(rows, shape)
        if timeline is not None:
            _remember(state, rows, shape, timeline)
        if not ended:
            state.after_id = id_key(rows[-1][0], shape.id)
            return Page(records, _cursor_of(state), None, True, warnings)
        complete_until = state.complete_until
        close_window(state)
        return Page(records, _cursor_of(state) if timeline else "", complete_until, False, warnings)

    def _read_window(
        self, connection: Connection, state: State, shape: Shape, timeline: Timeline, *, now: int | None
    ) -> Page:
        """A page of a window; with its last rows come some that are newer than it, if few changed.

        ``now``: for a window that begins here.
        """
        assert state.until is not None
        statements, limit = shape.statements, self._page_rows
        upper = timeline.upper(state.until)
        rows: list[Found] = []
        after, ended = None, True
        if state.after_id is not None and state.after_time is not None:
            after = After(timeline.bound_of(state.after_time), id_value(state.after_id, shape.id))
            rows, ended = self._read(connection, statements.same_time(after), limit=limit)
        if ended:
            wanted = statements.window(timeline.lower(state.lower), upper, after=after)
            more, ended = self._read(connection, wanted, limit=limit - len(rows))
            rows = _with_newer(rows, more)
        seen_until = None
        if ended and len(rows) <= EARLY_ROWS_MAX:
            early, is_all = self._read_early(connection, state.until, state, shape, timeline)
            rows = _with_newer(rows, early)
            seen_until = now if is_all else None
        records, warnings = self._records(rows, shape)
        _remember(state, rows, shape, timeline)
        if not ended:
            state.after_time, state.after_id = timeline.key(rows[-1][1]), id_key(rows[-1][0], shape.id)
            return Page(records, _cursor_of(state), None, True, warnings)
        close_window(state)
        return Page(records, _cursor_of(state), state.complete_until, False, warnings, seen_until)

    def _read_early(
        self, connection: Connection, since: int, state: State, shape: Shape, timeline: Timeline
    ) -> tuple[list[Found], bool]:
        """Rows that are newer than all that is read: a few, so that they need not wait, and whether these are all.

        They come again.
        """
        if EARLY_ROWS_MAX <= 0:
            return [], False
        wanted = shape.statements.window(timeline.upper(since), timeline.upper(state.ahead), after=None)
        return self._read(connection, wanted, limit=EARLY_ROWS_MAX)

    def _read(self, connection: Connection, wanted: Rows, *, limit: int) -> tuple[list[Found], bool]:
        """Rows, and whether there are no more. Fewer than were asked for when their texts are long."""
        rows: list[Found] = []
        size = 0
        began = time.monotonic()
        # On the statement: on the connection it would not be obeyed, and the driver would fetch everything.
        with connection.execute(wanted.limit(limit).execution_options(stream_results=True)) as result:
            for batch in result.partitions(BATCH_ROWS):
                rows += batch
                size += sum([len(value) for row in batch for value in row if isinstance(value, str | bytes)])
                if size > PAGE_CHARACTERS_MAX:
                    break
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            self._page_rows = max(self._page_rows // 2, PAGE_ROWS_MIN)
        elif seconds < QUICK_SECONDS:
            self._page_rows = min(self._page_rows * 2, PAGE_ROWS_MAX)
        return rows, len(rows) < limit and size <= PAGE_CHARACTERS_MAX

    def _was_restored(self, connection: Connection, state: State, shape: Shape, timeline: Timeline) -> bool:
        """Whether none of the rows that were the newest is as new as it was: one can be deleted, hardly all of them."""
        if len(state.newest) < NEWEST:
            return False
        before = {one: key for key, one in state.newest}
        wanted = shape.statements.times(id_values(before, shape.id))
        found: Sequence[Found] = connection.execute(wanted).all()
        there = {id_text(one, shape.id): timeline.key(at) for one, at in found if at is not None}
        return not any(_sortable(at) >= _sortable(before[one]) for one, at in there.items() if one in before)

    # ---- rows --------------------------------------------------------------------------------------------

    def _records(self, rows: Sequence[Found], shape: Shape) -> tuple[list[Record], list[str]]:
        """Records, and warnings about rows that cannot be any. Raises ``ConnectorFailed`` for a repeated id."""
        ids = [id_text(row[0], shape.id) for row in rows]
        if len(set(ids)) < len(ids):
            twice = next(one for place, one in enumerate(ids) if one in ids[:place])
            raise self._not_unique(twice)
        unusable = [one for one in ids if not is_usable_id(one)]
        found = [self._record(one, row, shape) for one, row in zip(ids, rows, strict=True) if is_usable_id(one)]
        if not unusable:
            return found, []
        what = f'Rows left out: {len(unusable):,}. "{unusable[0][:40]}" in {shape.id.name} is no id'
        return found, [f"{what}; it must have 1 to {EXTERNAL_ID_MAX} characters."]

    def _record(self, record_id: str, row: Found, shape: Shape) -> Record:
        values: dict[str, object] = {}
        unreadable: dict[str, str] = {}
        zone = self._settings.zone
        own = 1 + (shape.time is not None) + (shape.deleted is not None)
        for column, stored in zip(shape.fields, row[own:], strict=True):
            try:
                value = read_value(stored, column, zone=zone)
            except Unreadable as error:
                unreadable[column.name] = str(error)
                continue
            if value is not None:
                values[column.name] = value
        if shape.time is not None and row[1] is None:
            unreadable[shape.time.name] = "is empty, so that no change of the row would be seen"
        gone = False
        if shape.deleted is not None:
            try:
                gone = is_set(read_value(row[own - 1], shape.deleted, zone=zone))
            except Unreadable as error:
                unreadable[shape.deleted.name] = str(error)
        return Record(record_id, 0, values, gone="deleted" if gone else None, unreadable=unreadable)

    def _count(self, shape: Shape) -> tuple[int | None, list[str]]:
        """How many rows there are, and warnings. Raises ``ConnectorFailed`` when an id is there twice."""
        try:
            with self._transaction() as connection:
                count, *missing = list(connection.execute(shape.statements.count()).one())
                twice = connection.scalar(shape.statements.repeated_id())
        except ConnectorFailed as error:
            if error.code != "slow":
                raise
            return None, [f"The rows could not be counted within {STATEMENT_SECONDS} s."]
        if twice is not None:
            raise self._not_unique(id_text(twice, shape.id))
        sentences = ["Rows left out because {} is empty"]
        sentences.append("Rows rejected because {} is empty, so that no change of them would be seen")
        columns = [column.name for column in (shape.id, shape.time) if column]
        return count, [
            f"{sentence.format(name)}: {rows:,}."
            for rows, sentence, name in zip(missing, sentences, columns, strict=False)
            if rows
        ]

    def _not_unique(self, twice: str) -> ConnectorFailed:
        column = self._settings.columns.id
        return broken(
            "ids", f'More than one row has "{twice}" in {column}; it must name one row of {self._settings.table}.'
        )

    # ---- the table ---------------------------------------------------------------------------------------

    def _forget_shape(self, *_: object) -> None:
        """A new connection may lead to another server, whose table is looked at again."""
        self._shape = None

    def _get_shape(self, connection: Connection) -> Shape:
        if self._shape is not None:
            return self._shape
        settings = self._settings
        if self._engine.is_own(connection):
            raise refuse_own(settings)
        columns = self._engine.columns(connection)
        if not columns:
            raise failure("table", settings, "")
        by_name = {column.name: column for column in columns}
        own = settings.columns
        wanted = [*filter(None, (own.id, own.updated_at, own.deleted)), *self._fields]
        for name in wanted:
            if name not in by_name:
                there = ", ".join(list(by_name)[:COLUMNS_SHOWN])
                raise broken("columns", f'{settings.table} has no column "{name}"; it has {there}.')
        fields = [by_name[name] for name in dict.fromkeys(self._fields)] or columns
        self._shape = Shape(
            by_name[own.id],
            by_name[own.updated_at] if own.updated_at else None,
            by_name[own.deleted] if own.deleted else None,
            fields,
            columns,
            Statements(settings, fields=fields),
        )
        return self._shape

    def _get_timeline(self, connection: Connection, shape: Shape) -> Timeline | None:
        """How ``updated_at`` holds times, ``None`` without one. Raises ``ConnectorFailed`` when they are no times."""
        if shape.time is None or self._timeline is not None:
            return self._timeline
        kind = shape.time.kind
        sample = None if kind in ("aware", "naive", "utc") else connection.scalar(shape.statements.newest_time())
        try:
            timeline = timeline_of(shape.time.name, kind, sample, zone=self._settings.zone)
        except UnknownTime as error:
            raise broken("updated_at", f"{error}.") from None
        if sample is not None or timeline.kind in ("aware", "naive"):
            self._timeline = timeline
        return timeline

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction that can only read. Raises ``ConnectorFailed`` for whatever the driver says."""
        try:
            with self._pool.connect() as connection:
                self._engine.begin(connection)
                yield connection
        except DBAPIError as error:
            cause = error.orig or error
            code = self._engine.code_of(cause)
            raise failure(code, self._settings, words_of(cause, secret=self._secret)) from None
        except SQLAlchemyError as error:
            raise failure("failed", self._settings, words_of(error, secret=self._secret)) from None
        except Unreadable as error:
            raise broken("columns", f"{self._settings.columns.id} {error}.") from None


def _close_cursor(context: ExceptionContext) -> None:
    """Close the cursor of a statement whose connection was lost, which is left open otherwise."""
    execution = context.execution_context
    if execution is not None and execution.cursor is not None:
        with suppress(Exception):
            execution.cursor.close()


def _engine_for(settings: SqlSettings, *, password: str, allowed: Allowed, resolve: Resolve) -> Engine:
    if settings.kind == "sqlite":
        return Sqlite(settings, allowed=allowed)
    find_addresses = addresses_finder(allowed, resolve=resolve)
    engine = Postgres if settings.kind == "postgresql" else MySql
    return engine(settings, password=password, find_addresses=find_addresses)


def _with_newer(rows: list[Found], newer: list[Found]) -> list[Found]:
    """The rows of two statements: one that was written between them is in both, and the second has it as it is."""
    ids = {row[0] for row in newer}
    return [row for row in rows if row[0] not in ids] + newer


def _remember(state: State, rows: Sequence[Found], shape: Shape, timeline: Timeline) -> None:
    """Keep the newest of the rows that were read until now."""
    newest = nlargest(NEWEST, (row for row in rows if row[1] is not None), key=lambda row: _sortable(row[1]))
    times = {one: key for key, one in state.newest}
    times |= {id_text(row[0], shape.id): timeline.key(row[1]) for row in newest}
    state.newest = nlargest(NEWEST, ((key, one) for one, key in times.items()), key=lambda pair: _sortable(pair[0]))


def _sortable(time: object) -> tuple[bool, Any]:
    """A file of SQLite may hold numbers and texts in one column; numbers come first there too."""
    return isinstance(time, str), time


def _cursor_of(state: State) -> str:
    return msgspec.json.encode(state).decode()
