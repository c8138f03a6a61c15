"""The peer's book: the same people in the peer's own tables, put there the quick way."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from bench.peer import TEXTS, metadata, open_engine
from bench.people import group_name, group_of, mobile_of, texts_of
from bench.plan import FOLDER, GROUPS, Plan
from bench.postgres import Postgres

KEY = "peer_0123456789abcdefghijABCDEFGHIJ0123456789"
CREATED = "2024-03-21T07:06:37.000000Z"
CONTACT_COLUMNS = ("id", "project_id", *TEXTS, "mobile", "created_at")


def make_sqlite_peer(plan: Plan) -> Path:
    """The file, made once for a number of rows."""
    file = FOLDER / f"peer-{plan.rows}.db"
    if file.exists():
        return file
    FOLDER.mkdir(parents=True, exist_ok=True)
    making = file.with_suffix(".making")
    making.unlink(missing_ok=True)
    engine = open_engine(f"sqlite:///{making}")
    metadata.create_all(engine)
    engine.dispose()
    connection = sqlite3.connect(making)
    with connection:
        for table, columns, rows in _tables(plan.rows):
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    making.rename(file)
    return file


def make_postgres_peer(plan: Plan, postgres: Postgres) -> str:
    """The database's name, made once for a number of rows."""
    name = f"peer_{plan.rows}"
    if postgres.has_database(name):
        return name
    making = f"{name}_making"
    postgres.create_database(making)
    engine = open_engine(peer_url(postgres, making))
    metadata.create_all(engine)
    engine.dispose()
    with psycopg.connect(postgres.url(making)) as connection, connection.cursor() as cursor:
        for table, columns, rows in _tables(plan.rows):
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        for table in ("contact", "contact_group", "project"):
            cursor.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT MAX(id) FROM {}))").format(
                    sql.Literal(table), sql.Identifier(table)
                )
            )
    postgres.settle(making)
    postgres.rename_database(making, to=name)
    return name


def peer_url(postgres: Postgres, database: str) -> str:
    """A database as SQLAlchemy names it."""
    return postgres.url(database).replace("postgresql://", "postgresql+psycopg://", 1)


def _tables(rows: int) -> Iterator[tuple[str, tuple[str, ...], Iterable[tuple[object, ...]]]]:
    yield "project", ("id", "name", "region"), [(1, "Big", "KE")]
    yield "api_key", ("hash", "project_id", "read_only"), [(hashlib.sha256(KEY.encode()).hexdigest(), 1, False)]
    names = [(group, 1, group_name(group), group_name(group).casefold()) for group in range(1, GROUPS + 1)]
    yield "contact_group", ("id", "project_id", "name", "folded"), names
    yield "contact", CONTACT_COLUMNS, (_contact(number) for number in range(1, rows + 1))
    members = ((group_of(number), number) for group in range(1, GROUPS + 1) for number in members_of(group, rows))
    yield "membership", ("group_id", "contact_id"), members


def _contact(number: int) -> tuple[object, ...]:
    mobile = mobile_of(number)
    texts = texts_of(mobile)
    return (number, 1, *(texts.get(name) for name in TEXTS), str(mobile), CREATED)


def members_of(group: int, rows: int) -> range:
    """Who is in a group, by id."""
    first = (group - 1) or GROUPS
    return range(first, rows + 1, GROUPS)
