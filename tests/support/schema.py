"""The tables of a database as they are, on either engine, and a row of each for a project. Knows no table by name."""

from __future__ import annotations

import apsw
import psycopg

from daftari.store.catalog import list_tables
from tests.support.builders import rows_of

LITERALS = {"INTEGER": "1", "TEXT": "'x'", "BLOB": "x'78'"}
POSTGRES_TYPES = {"bigint": "INTEGER", "text": "TEXT", "bytea": "BLOB"}
CHECKED = {
    ("bulk", "state"): "'done'",
    ("fact", "kind"): "'opt_out'",
    ("import", "state"): "'done'",
    ("import", "phase"): "'apply'",
    ("export", "state"): "'done'",
    ("job", "kind"): "'import'",
    ("key", "kind"): "'read'",
    ("user_role", "role"): "'viewer'",
    ("message", "state"): "'waiting'",
    ("campaign", "state"): "'draft'",
    ("webhook", "state"): "'enabled'",
    ("webhook_delivery", "state"): "'failing'",
    ("trigger", "state"): "'on'",
    ("connection", "state"): "'new'",
    ("webhook_event", "state"): "'settled'",
    ("cart", "state"): "'open'",
    ("cart", "answer"): "'open'",
    ("write_back", "state"): "'written'",
    ("write_back", "word"): "'out'",
    ("write_back", "written"): "'out'",
}
"""Columns that may hold some words only."""

Schema = dict[str, dict[str, str]]
"""The type of each column, by table and column."""


def read_schema(database: str) -> Schema:
    """Every table with its columns, in their order, and their types as SQLite calls them."""
    schema: Schema = {}
    if is_postgres(database):
        listed = (
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        )
        for table, column, kind in rows_of(database, listed):
            schema.setdefault(table, {})[column] = POSTGRES_TYPES.get(kind, kind)
        return schema
    for (table,) in rows_of(database, "SELECT name FROM sqlite_schema WHERE type = 'table'"):
        columns = rows_of(database, f"SELECT name, type FROM pragma_table_info('{table}')")
        schema[table] = dict(columns)
    return schema


def insert_rows(database: str, *, project_id: int) -> list[str]:
    """Put a made-up row for a project into every table that has rows of projects; returns the tables."""
    schema = read_schema(database)
    tables = [table.name for table in list_tables() if "project_id" in table.columns]
    for table in tables:
        there = rows_of(database, f"SELECT 1 FROM {quoted(table)} WHERE project_id = {project_id}")
        if not there:
            literals = {column: _literal(database, table, column, kind) for column, kind in schema[table].items()}
            literals["project_id"] = str(project_id)
            columns = ", ".join(map(quoted, literals))
            execute(database, f"INSERT INTO {quoted(table)} ({columns}) VALUES ({', '.join(literals.values())})")
    return tables


def end_leases(database: str) -> None:
    """Every lease is over, as if its worker had been silent for too long."""
    execute(database, "UPDATE job SET lease_until = 0")


def execute(database: str, sql: str) -> None:
    """Change the database itself, as no call does."""
    if is_postgres(database):
        with psycopg.connect(database, autocommit=True) as server:
            server.execute(sql.encode())
        return
    file = apsw.Connection(database)
    file.set_busy_timeout(10_000)
    try:
        file.execute(sql)
    finally:
        file.close()


def is_postgres(database: str) -> bool:
    return database.startswith("postgresql://")


def quoted(name: str) -> str:
    return f'"{name}"'


def _literal(database: str, table: str, column: str, kind: str) -> str:
    if kind == "BLOB" and is_postgres(database):
        return "'x'::bytea"
    return CHECKED.get((table, column), LITERALS[kind])
