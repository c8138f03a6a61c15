"""The same rows into the same tables with nothing around them: ``executemany`` on SQLite, ``COPY`` on PostgreSQL.

Contacts and memberships, in transactions of a given size, with Daftari's own connection settings; no HTTP, no
merge, no directory, no journal. Rows are made before the clock starts. Runs in a process of its own and prints
what it measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

import msgspec
import psycopg
from msgspec import Struct

from bench.data import Book
from bench.people import fresh_texts_of
from bench.plan import HOME, BenchFailed, Plan
from daftari.model.contacts import TEXT_FIELDS, Card
from daftari.model.time import format_time
from daftari.store.contacts import CARD_VERSION
from daftari.store.sqlite import WRITER_CACHE_KIB, connect

GROUP_ID = 1_000_000
"""A group that no book of the bench has yet."""
NOW = 1_711_004_797_000_000

ContactTuple = tuple[int, int, int, str, int, int]
MembershipTuple = tuple[int, int, int]


class Poured(Struct, frozen=True):
    """What went in, how long the transactions took, and the number after the last one used."""

    rows: int
    seconds: float
    next: int

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def run_bare(plan: Plan, *, book: Book, rows: int, first: int) -> Poured:
    """Pour for the plan's seconds, as one client of a server would."""
    command = [
        sys.executable, "-m", "bench.bare", "--database", book.database, "--project", str(book.project_id),
        "--rows", str(rows), "--first", str(first), "--seconds", str(plan.seconds),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=HOME,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HOME / "src"), str(HOME)])},
    )
    if done.returncode:
        raise BenchFailed(f"The bare pouring failed:\n{done.stderr}")
    return msgspec.json.decode(done.stdout, type=Poured)


class Sink(ABC):
    """Where rows go."""

    @abstractmethod
    def last_id(self, project_id: int) -> int:
        """The largest contact id; also makes the group, if it is not there."""

    @abstractmethod
    def pour(self, contacts: list[ContactTuple], memberships: list[MembershipTuple]) -> None:
        """One transaction, durable on return."""


class SqliteSink(Sink):
    """``executemany`` on one connection."""

    def __init__(self, database: str) -> None:
        self._connection = connect(Path(database), cache_kib=WRITER_CACHE_KIB, create=False)

    def last_id(self, project_id: int) -> int:
        """The largest contact id."""
        self._connection.execute(
            "INSERT OR IGNORE INTO contact_group (project_id, id, name, folded, created_at) VALUES (?, ?, ?, ?, ?)",
            (project_id, GROUP_ID, "bare", "bare", NOW),
        )
        row = self._connection.execute("SELECT MAX(id) FROM contact WHERE project_id = ?", (project_id,)).fetchone()
        return int(row[0]) if row else 0

    def pour(self, contacts: list[ContactTuple], memberships: list[MembershipTuple]) -> None:
        """One transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO contact (project_id, id, mobile, card, card_version, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
            contacts,
        )
        self._connection.executemany(
            "INSERT INTO membership (project_id, group_id, contact_id) VALUES (?, ?, ?)", memberships
        )
        self._connection.execute("COMMIT")


class PostgresSink(Sink):
    """``COPY`` on one connection."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg.connect(database)

    def last_id(self, project_id: int) -> int:
        """The largest contact id."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO contact_group (project_id, id, name, folded, created_at) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (project_id, GROUP_ID, "bare", "bare", NOW),
            )
            row = self._connection.execute(
                "SELECT MAX(id) FROM contact WHERE project_id = %s", (project_id,)
            ).fetchone()
        return int(row[0]) if row else 0

    def pour(self, contacts: list[ContactTuple], memberships: list[MembershipTuple]) -> None:
        """One transaction."""
        with self._connection.cursor() as cursor:
            with cursor.copy(
                "COPY contact (project_id, id, mobile, card, card_version, updated_at) FROM STDIN"
            ) as copy:
                for contact in contacts:
                    copy.write_row(contact)
            with cursor.copy("COPY membership (project_id, group_id, contact_id) FROM STDIN") as copy:
                for membership in memberships:
                    copy.write_row(membership)
        self._connection.commit()


def pour(sink: Sink, *, project_id: int, rows: int, first: int, seconds: float) -> Poured:
    """Transactions of ``rows`` contacts, each into the group too, until their own time is used up."""
    contact_id = sink.last_id(project_id)
    mobile, spent, poured = first, 0.0, 0
    while spent < seconds:
        contacts = [_contact(project_id, contact_id + at + 1, mobile + at) for at in range(rows)]
        memberships = [(project_id, GROUP_ID, contact[1]) for contact in contacts]
        started = time.perf_counter()
        sink.pour(contacts, memberships)
        spent += time.perf_counter() - started
        contact_id, mobile, poured = contact_id + rows, mobile + rows, poured + rows
    return Poured(poured, spent, mobile)


def _contact(project_id: int, contact_id: int, mobile: int) -> ContactTuple:
    texts = fresh_texts_of(mobile)
    fname, mname, lname, email, city, company = (texts.get(field) for field in TEXT_FIELDS)
    card = Card(contact_id, fname, mname, lname, str(mobile), email, city, company, format_time(NOW))
    return project_id, contact_id, mobile, msgspec.json.encode(card).decode(), CARD_VERSION, NOW


def main() -> None:
    """Pour, and print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    for name in ("--project", "--rows", "--first", "--seconds"):
        parser.add_argument(name, required=True, type=int)
    given = parser.parse_args()
    is_sqlite = not given.database.startswith("postgresql")
    sink: Sink = SqliteSink(given.database) if is_sqlite else PostgresSink(given.database)
    poured = pour(sink, project_id=given.project, rows=given.rows, first=given.first, seconds=given.seconds)
    sys.stdout.write(msgspec.json.encode(poured).decode())


if __name__ == "__main__":
    main()
