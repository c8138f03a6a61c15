"""The peer's dataset: the same contacts in the peer's own tables, inserted directly."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from bench.contacts import group_name, members_of, mobile_of, texts_of
from bench.peer import TEXTS, metadata, open_engine
from bench.postgres import Postgres
from bench.settings import FOLDER, GROUPS

KEY = "peer_0123456789abcdefghijABCDEFGHIJ0123456789"
CREATED = "2024-03-21T07:06:37.000000Z"
CONTACT_COLUMNS = ("id", "project_id", *TEXTS, "mobile", "created_at")


def make_sqlite_peer(rows: int) -> Path:
    """The file, made once for a number of rows."""
    file = FOLDER / f"peer-{rows}.db"
    if file.exists():
        return file
    unfinished = file.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    _create_tables(f"sqlite:///{unfinished}")
    connection = sqlite3.connect(unfinished)
    with connection:
        for table, columns, values in _tables(rows):
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    unfinished.rename(file)
    return file


def make_postgres_peer(rows: int, postgres: Postgres) -> str:
    """The database's name, made once for a number of rows."""
    name = f"peer_{rows}"
    if postgres.has_database(name):
        return name
    unfinished = f"{name}_unfinished"
    postgres.create_database(unfinished)
    _create_tables(peer_url(postgres, unfinished))
    with psycopg.connect(postgres.url(unfinished)) as connection, connection.cursor() as cursor:
        for table, columns, values in _tables(rows):
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            with cursor.copy(statement) as copy:
                for row in values:
                    copy.write_row(row)
        for table in ("contact", "contact_group", "project"):
            cursor.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT MAX(id) FROM {}))").format(
                    sql.Literal(table), sql.Identifier(table)
                )
            )
    postgres.settle(unfinished)
    postgres.rename_database(unfinished, to=name)
    return name


def peer_url(postgres: Postgres, database: str) -> str:
    """A database as SQLAlchemy names it."""
    return postgres.url(database).replace("postgresql://", "postgresql+psycopg://", 1)


def _create_tables(url: str) -> None:
    engine = open_engine(url)
    metadata.create_all(engine)
    engine.dispose()


def _tables(rows: int) -> Iterator[tuple[str, tuple[str, ...], Iterable[tuple[object, ...]]]]:
    yield "project", ("id", "name", "region"), [(1, "Big", "KE")]
    yield "api_key", ("hash", "project_id", "read_only"), [(hashlib.sha256(KEY.encode()).hexdigest(), 1, False)]
    names = [(group, 1, group_name(group), group_name(group).casefold()) for group in range(1, GROUPS + 1)]
    yield "contact_group", ("id", "project_id", "name", "folded"), names
    yield "contact", CONTACT_COLUMNS, (_contact(number) for number in range(1, rows + 1))
    members = ((group, number) for group in range(1, GROUPS + 1) for number in members_of(group, rows))
    yield "membership", ("group_id", "contact_id"), members


def _contact(number: int) -> tuple[object, ...]:
    mobile = mobile_of(number)
    texts = texts_of(mobile)
    return (number, 1, *map(texts.get, TEXTS), str(mobile), CREATED)
