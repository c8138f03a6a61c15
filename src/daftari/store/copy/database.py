"""What a copy needs of a database: reading, writing and deleting rows of any table in the order of its key.

The SQL is composed of a table's name, columns and key, which come from the catalog and never from outside. What differs
between the engines is in their own modules; what is copied is decided in ``run``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager

from daftari.store.catalog import Table
from daftari.store.engine import Row, Value


class Database(ABC):
    """One connection to a database of either engine, for one thread.

    SQL texts write a value as ``?``. Where a method takes a project's id, ``None`` means the rows of all projects.
    """

    @abstractmethod
    def speaking(self) -> AbstractContextManager[None]:
        """Inside, errors of the database become ``StoreBusy`` or ``StoreUnavailable``."""

    @abstractmethod
    def owned(self) -> AbstractContextManager[None]:
        """Inside, no other copy writes to this database."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Inside, everything is read from one state of the database."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """One transaction, committed at the end."""

    @abstractmethod
    def fetch(self, text: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows that a statement finds."""

    @abstractmethod
    def run(self, text: str, values: Sequence[Value] = ()) -> int:
        """Run a statement for its effect. Returns how many rows it changed."""

    @abstractmethod
    def stream(self, text: str, values: Sequence[Value], *, at_once: int) -> Generator[Row, None, None]:
        """The rows that a statement finds, ``at_once`` in memory at a time. Must be closed before ``reading`` ends."""

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows in the fastest way that the engine has."""

    @abstractmethod
    def settle(self) -> None:
        """Do the maintenance that the engine needs after many inserts."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    # ---- reading ------------------------------------------------------------------------------------

    def rows(self, table: Table, project_id: int | None) -> Generator[Row, None, None]:
        """The rows of a project in the order of their keys."""
        where, values = _where(table, project_id, after=None)
        order = ", ".join(table.order(project_id) or table.key)
        text = f"SELECT {', '.join(table.columns)} FROM {table.name}{where} ORDER BY {order}"
        return self.stream(text, values, at_once=table.rows_at_once)

    def find_row(self, table: Table, project_id: int | None) -> Row | None:
        """The row of a table that has at most one."""
        where, values = _where(table, project_id, after=None)
        found = self.fetch(f"SELECT {', '.join(table.columns)} FROM {table.name}{where}", values)
        return found[0] if found else None

    def count_rows(self, table: Table) -> int:
        """How many rows a table has."""
        return _number(self.fetch(f"SELECT COUNT(*) FROM {table.name}")[0][0])

    def list_projects(self, table: Table) -> list[int]:
        """The projects that have rows in a table, found by one look-up each in its key."""
        found: list[int] = []
        [(project_id,)] = self.fetch(f"SELECT MIN(project_id) FROM {table.name}")
        while project_id is not None:
            found.append(_number(project_id))
            [(project_id,)] = self.fetch(f"SELECT MIN(project_id) FROM {table.name} WHERE project_id > ?", [project_id])
        return found

    def project_names(self) -> dict[int, str]:
        """The name of each project, by id."""
        return {_number(project_id): str(name) for project_id, name in self.fetch("SELECT id, name FROM project")}

    def has_projects(self) -> bool:
        """Whether the database has any project."""
        return bool(self.fetch("SELECT id FROM project LIMIT 1"))

    def read_system(self) -> tuple[int, bytes | None]:
        """The schema's version, below 0 while a copy is not finished, and the erasure key's fingerprint."""
        [(version, fingerprint)] = self.fetch("SELECT schema_version, erasure_key_fingerprint FROM system WHERE id = 1")
        return _number(version), fingerprint if isinstance(fingerprint, bytes) else None

    # ---- writing ------------------------------------------------------------------------------------

    def save_system(self, *, version: int, fingerprint: bytes) -> None:
        """Save the schema's version, below 0 while a copy is not finished, and the erasure key's fingerprint."""
        text = "UPDATE system SET schema_version = ?, erasure_key_fingerprint = ? WHERE id = 1"
        self.run(text, [version, fingerprint])

    def put(self, table: Table, row: Row) -> None:
        """Insert or replace the row of a table that has at most one."""
        places = dict(zip(table.columns, row, strict=True))
        rest = [column for column in table.columns if column not in table.key]
        changes = ", ".join(f"{column} = ?" for column in rest)
        found = " AND ".join(f"{column} = ?" for column in table.key)
        values = [places[column] for column in (*rest, *table.key)]
        if not self.run(f"UPDATE {table.name} SET {changes} WHERE {found}", values):
            self.insert(table, [row])

    def delete_some(self, table: Table, project_id: int | None, *, after: Sequence[Value] | None, limit: int) -> bool:
        """Delete the first ``limit`` rows of a project after a place in its order. Returns whether more may be left."""
        where, values = _where(table, project_id, after=after)
        order = ", ".join(table.order(project_id))
        end: Row | None = None
        if order:
            text = f"SELECT {order} FROM {table.name}{where} ORDER BY {order} LIMIT 1 OFFSET {limit - 1}"
            found = self.fetch(text, values)
            end = found[0] if found else None
        upto = "" if end is None else f"{' AND' if where else ' WHERE'} ({order}) <= ({_marks(len(end))})"
        self.run(f"DELETE FROM {table.name}{where}{upto}", [*values, *(end or ())])
        return end is not None


def _where(table: Table, project_id: int | None, *, after: Sequence[Value] | None) -> tuple[str, list[Value]]:
    """The condition for the rows of a project after a place, and its values."""
    parts: list[str] = []
    values: list[Value] = []
    if project_id is not None:
        parts.append("project_id = ?")
        values.append(project_id)
    if after is not None:
        parts.append(f"({', '.join(table.order(project_id))}) > ({_marks(len(after))})")
        values += after
    return f" WHERE {' AND '.join(parts)}" if parts else "", values


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value
