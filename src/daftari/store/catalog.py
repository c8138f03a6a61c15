"""The tables of the schema, with their columns, keys and references, read from what the migrations make.

The migrations are applied to an empty SQLite database in memory. So a new table is known here without being named, and
another program's table in the same database is never taken for ours. What a table is for belongs to its own module.
"""

from __future__ import annotations

import apsw
from msgspec import Struct

from daftari.store.engine import Row, Value
from daftari.store.schema import list_migrations

ROWS_AT_ONCE = 1_000
"""Rows fetched at a time."""
HEAVY_ROWS_AT_ONCE = 32
"""The same for tables that hold bytes, whose rows may be a megabyte each."""
_FEW_BYTES = frozenset({"search_posting"})
"""The tables that hold bytes, but only a few thousand in a row."""
_SYSTEM = "system"
_PROJECT = "project_id"


class Table(Struct, frozen=True):
    """One table. ``references``: the tables that must have a row before this one may."""

    name: str
    columns: tuple[str, ...]
    """All but the schema's version, which is never copied."""
    key: tuple[str, ...]
    references: tuple[str, ...]
    rows_at_once: int

    @property
    def by_project(self) -> bool:
        """Whether each of its rows belongs to a project."""
        return self.key[0] == _PROJECT

    @property
    def is_single(self) -> bool:
        """Whether a project, or the whole database, has at most one row."""
        return self.key == (_PROJECT,) or self.name == _SYSTEM

    def order(self, project_id: int | None) -> tuple[str, ...]:
        """The columns that order the rows of one project or, with ``None``, all rows."""
        return self.key if project_id is None else self.key[1:]

    def place(self, row: Row, project_id: int | None) -> tuple[Value, ...]:
        """The values of a row in the columns of ``order``."""
        return tuple(row[self.columns.index(column)] for column in self.order(project_id))


def list_tables() -> list[Table]:
    """Every table, each after those that it references; the row of ``system`` comes last."""
    connection = apsw.Connection(":memory:")
    try:
        for migration in list_migrations("sqlite"):
            connection.execute(migration.text)
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall()
        found = [_read_table(connection, str(name)) for (name,) in names]
    finally:
        connection.close()
    return sorted(_in_order(found), key=lambda table: table.name == _SYSTEM)


def dependents(table: Table, *, tables: list[Table]) -> list[Table]:
    """The tables that reference a table, directly or not, each after those that it references itself."""
    names = {table.name}
    found = []
    for other in tables:
        if names & set(other.references):
            names.add(other.name)
            found.append(other)
    return found


def _read_table(connection: apsw.Connection, name: str) -> Table:
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    key = [str(row[1]) for row in sorted(columns, key=lambda row: int(str(row[5]))) if row[5]]
    references = sorted({str(row[2]) for row in connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()})
    own = tuple(str(row[1]) for row in columns if row[1] != "schema_version")
    heavy = any(row[2] == "BLOB" for row in columns) and name not in _FEW_BYTES
    return Table(name, own, tuple(key), tuple(references), HEAVY_ROWS_AT_ONCE if heavy else ROWS_AT_ONCE)


def _in_order(tables: list[Table]) -> list[Table]:
    """Each table after those that it references."""
    done: list[Table] = []
    waiting = tables
    while waiting:
        names = {table.name for table in done}
        ready = [table for table in waiting if names.issuperset(set(table.references) - {table.name})]
        assert ready, "tables reference one another in a cycle"
        done += ready
        waiting = [table for table in waiting if table not in ready]
    return done
