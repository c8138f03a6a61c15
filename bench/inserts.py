"""The same rows into the same tables with nothing around them: ``executemany`` on SQLite, ``COPY`` on PostgreSQL.

Contacts and memberships, in transactions of a given size, with Daftari's own connection settings; no HTTP, no merge,
no directory, no journal. Rows are made before the clock starts. This runs in a process of its own and prints what it
measured. Only this module and the row of killed workers know Daftari's tables.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import Any

import apsw
import msgspec
import psycopg
from msgspec import Struct

from bench.contacts import new_texts_of
from bench.settings import ROOT, BenchFailed

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-30720")
"""As Daftari's writer sets them."""
COLUMNS = {
    "contact": ("project_id", "id", "mobile", "card", "card_version", "updated_at"),
    "membership": ("project_id", "group_id", "contact_id"),
}
GROUP_ID = 1_000_000
"""A group that no dataset has."""

Rows = dict[str, list[tuple[object, ...]]]


class Inserted(Struct, frozen=True):
    """The rows that were inserted, the time of their transactions, and the number after the last one used."""

    rows: int
    seconds: float
    next: int

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def run_inserts(database: str, *, rows: int, first: int, seconds: int) -> Inserted:
    """Insert into Big in another process. Raises ``BenchFailed``."""
    values = {"database": database, "rows": rows, "first": first, "seconds": seconds}
    command = [sys.executable, "-m", "bench.inserts", *(f"--{name}={value}" for name, value in values.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, check=False)
    if done.returncode:
        raise BenchFailed(f"The bare inserts failed:\n{done.stderr}")
    return msgspec.json.decode(done.stdout, type=Inserted)


def insert(database: str, *, rows: int, first: int, seconds: float) -> Inserted:
    """Transactions of ``rows`` contacts, each also into a group, until they have taken so many seconds."""
    is_sqlite = not database.startswith("postgresql")
    connection: Any = _open_sqlite(database) if is_sqlite else psycopg.connect(database, autocommit=True)
    write = _insert_sqlite if is_sqlite else _copy_postgres
    ((project_id,),) = connection.execute("SELECT id FROM project WHERE name = 'Big'").fetchall()
    connection.execute(
        "INSERT INTO contact_group (project_id, id, name, folded, created_at)"
        f" VALUES ({project_id}, {GROUP_ID}, 'bare', 'bare', 0) ON CONFLICT DO NOTHING"
    )
    query = f"SELECT COALESCE(MAX(id), 0) FROM contact WHERE project_id = {project_id}"
    ((last_id,),) = connection.execute(query).fetchall()
    ((sample, version, now),) = connection.execute(
        "SELECT card, card_version, updated_at FROM contact ORDER BY project_id DESC, id LIMIT 1"
    ).fetchall()
    card = msgspec.json.decode(sample, type=dict[str, Any])

    def contact(number: int, mobile: int) -> tuple[object, ...]:
        texts = msgspec.json.encode({**card, "id": number, "mobile": str(mobile), **new_texts_of(mobile)}).decode()
        return project_id, number, mobile, texts, version, now

    mobile, spent, inserted = first, 0.0, 0
    while spent < seconds:
        contacts = [contact(last_id + at + 1, mobile + at) for at in range(rows)]
        members: list[tuple[object, ...]] = [(project_id, GROUP_ID, each[1]) for each in contacts]
        started = time.perf_counter()
        write(connection, {"contact": contacts, "membership": members})
        spent += time.perf_counter() - started
        last_id, mobile, inserted = last_id + rows, mobile + rows, inserted + rows
    return Inserted(inserted, spent, mobile)


def _open_sqlite(database: str) -> apsw.Connection:
    connection = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READWRITE)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def _insert_sqlite(connection: apsw.Connection, tables: Rows) -> None:
    """One transaction, durable on return."""
    connection.execute("BEGIN IMMEDIATE")
    for table, rows in tables.items():
        columns = COLUMNS[table]
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    connection.execute("COMMIT")


def _copy_postgres(connection: psycopg.Connection[Any], tables: Rows) -> None:
    """One transaction, durable on return."""
    with connection.transaction(), connection.cursor() as cursor:
        for table, rows in tables.items():
            with cursor.copy(f"COPY {table} ({', '.join(COLUMNS[table])}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)


def main() -> None:
    """Insert, and print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    for name in ("--rows", "--first", "--seconds"):
        parser.add_argument(name, required=True, type=int)
    given = parser.parse_args()
    inserted = insert(given.database, rows=given.rows, first=given.first, seconds=given.seconds)
    sys.stdout.write(msgspec.json.encode(inserted).decode())


if __name__ == "__main__":
    main()
