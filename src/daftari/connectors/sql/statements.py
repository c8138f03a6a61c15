"""The SELECTs, all of them: one row a record, in pages by key, so that a late page costs no more than the first.

No connection, and no SQL of anyone else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import BindParameter, ColumnClause, Select, bindparam, column, func, select, table
from sqlalchemy.types import NULLTYPE

from daftari.connectors.sql.settings import SqlSettings
from daftari.connectors.sql.timeline import Bound
from daftari.connectors.sql.values import VALUE_CHARACTERS_MAX, Column

Rows = Select[Any]


class After(Struct, frozen=True):
    """The last row that was read: its ``updated_at`` and id, as the database is asked for them."""

    time: Bound
    id: object


class Statements:
    """What is asked of one table. A row is id, ``updated_at`` and ``deleted`` if there are such, then the fields."""

    def __init__(self, settings: SqlSettings, *, fields: Sequence[Column]) -> None:
        schema, name = settings.schema_and_table
        columns = settings.columns
        own = [columns.id, *filter(None, (columns.updated_at, columns.deleted))]
        by_name: dict[str, ColumnClause[Any]] = {
            wanted: column(wanted) for wanted in dict.fromkeys([*own, *(field.name for field in fields)])
        }
        self._table = table(name, *by_name.values(), schema=schema)
        self._id = by_name[columns.id]
        self._time = by_name[columns.updated_at] if columns.updated_at else None
        wanted: list[Any] = [by_name[one].label(f"own_{place}") for place, one in enumerate(own)]
        # A text that is too long is not brought here as a whole.
        for place, field in enumerate(fields):
            stored = by_name[field.name]
            taken = func.substr(stored, 1, VALUE_CHARACTERS_MAX + 1) if field.kind == "text" else stored
            wanted.append(taken.label(f"field_{place}"))
        self._rows = select(*wanted).select_from(self._table)

    def by_id(self, after: object) -> Rows:
        """Rows in the order of their ids, after one of them if that is not ``None``."""
        return self._by_id(self._rows, after)

    def ids(self, after: object) -> Rows:
        """Ids in their order."""
        return self._by_id(select(self._id).select_from(self._table), after)

    def newest_by_id(self) -> Rows:
        """The rows with the last ids."""
        return self._rows.where(self._id.is_not(None)).order_by(self._id.desc())

    def same_time(self, after: After) -> Rows:
        """Rows of one time, after an id. A statement of its own, which an index answers on every engine."""
        wanted = self._rows.where(self._of_time() == _given(after.time), self._id > _given(after.id))
        return wanted.order_by(self._id)

    def window(self, lower: Bound, upper: Bound, *, after: After | None) -> Rows:
        """Rows from a time on and before another, in the order of time and id."""
        time = self._of_time()
        begins = time >= _given(lower) if after is None else time > _given(after.time)
        return self._rows.where(begins, time < _given(upper)).order_by(time, self._id)

    def some(self, ids: list[object]) -> Rows:
        """Rows with one of these ids."""
        return self._rows.where(self._id.in_(_given(ids)))

    def times(self, ids: list[object]) -> Rows:
        """The ids and times of rows with one of these ids."""
        return select(self._id, self._of_time()).select_from(self._table).where(self._id.in_(_given(ids)))

    def newest_time(self) -> Rows:
        """The last time there is."""
        return select(func.max(self._of_time())).select_from(self._table)

    def count(self) -> Rows:
        """How many rows there are, how many of them have no id and, if there is such a column, no time."""
        missing: list[Any] = [func.count() - func.count(one) for one in (self._id, self._time) if one is not None]
        return select(func.count(), *missing).select_from(self._table)

    def repeated_id(self) -> Rows:
        """An id that more than one row has."""
        return select(self._id).select_from(self._table).group_by(self._id).having(func.count() > 1).limit(1)

    def _by_id(self, wanted: Rows, after: object) -> Rows:
        begins = self._id.is_not(None) if after is None else self._id > _given(after)
        return wanted.where(begins).order_by(self._id)

    def _of_time(self) -> ColumnClause[Any]:
        assert self._time is not None
        return self._time


def _given(value: object) -> BindParameter[Any]:
    """A value without a type, so that the database compares it as one of the column's own type."""
    return bindparam(None, value, type_=NULLTYPE, unique=True, expanding=isinstance(value, list))
