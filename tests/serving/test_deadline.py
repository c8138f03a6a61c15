"""One deadline for all that a write waits for: a lock that is never freed is answered 503, and nothing was written.

No time is asserted: each answer has to come while the lock is still held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from math import inf
from pathlib import Path

import apsw
import psycopg
import pytest
from msgspec import Struct

from daftari.store import Store
from daftari.store.fair_lock import FairLock
from tests.conftest import NewDatabase, People, Serve
from tests.support.builders import assert_sound, create, page, rows, rows_of
from tests.support.clients import Answer, Client
from tests.support.stores import open_store

WRITES = 12
"""More than there are threads, so that some wait in the queue of the process."""

Hold = Callable[[str], AbstractContextManager[None]]


@contextmanager
def hold_turn(database: str) -> Iterator[None]:
    fair_lock = FairLock(Path(database))
    with fair_lock.held(until=inf):
        yield
    fair_lock.close()


@contextmanager
def hold_file(database: str) -> Iterator[None]:
    """As a program does that knows nothing of turns."""
    connection = apsw.Connection(database)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def hold_rows(table: str) -> Hold:
    @contextmanager
    def hold(database: str) -> Iterator[None]:
        with psycopg.connect(database) as session:
            session.execute(f"SELECT 1 FROM {table} FOR UPDATE".encode())
            yield
            session.rollback()

    return hold


@contextmanager
def hold_table(database: str) -> Iterator[None]:
    """As a program does that changes a table."""
    with psycopg.connect(database) as session:
        session.execute("LOCK TABLE contact IN ACCESS EXCLUSIVE MODE")
        yield
        session.rollback()


HOLDERS: dict[str, tuple[str, Hold]] = {
    "the turn": ("sqlite", hold_turn),
    "the file": ("sqlite", hold_file),
    "the book": ("postgres", hold_rows("book")),
    "a table": ("postgres", hold_table),
}


class Book(Struct, frozen=True):
    """A database with one contact, a server on it, and what will be held in it."""

    name: str
    hold: Hold
    database: str
    store: Store
    people: People
    ana: Client


@pytest.fixture
def books(new_database: NewDatabase, introduce: Callable[[Store], People], serve: Serve) -> Iterator[list[Book]]:
    made = []
    for name, (engine, hold) in HOLDERS.items():
        database = new_database(engine)
        store = open_store(database, threads=2)
        people = introduce(store)
        ana = serve(database, "--no-worker").client.with_key(people.ana)
        create(ana, *rows(1))
        made.append(Book(name, hold, database, store, people, ana))
    yield made
    for book in made:
        book.store.close()


def test_a_write_that_waits_for_too_long_is_answered_503_and_was_not_done(books: list[Book]) -> None:
    """Whatever it waits for: all of it at once, because each takes as long as a write may wait."""
    with ThreadPoolExecutor(len(books)) as threads:
        every_answer = list(threads.map(_write_while_held, books))
    for book, answers in zip(books, every_answer, strict=True):
        assert {(answer.status, answer.json()["error_code"]) for answer in answers} == {(503, "BUSY")}, book.name
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers), book.name
        # Had one still been waiting, it would be written now.
        assert _write(book, 100).status == 201, book.name
        assert page(book.ana)["total"] == 2, book.name
        assert rows_of(book.database, "SELECT COUNT(*) FROM contact_group") == [(1,)], book.name
        assert_sound(book.store, book.people.shopify)


def _write_while_held(book: Book) -> list[Answer]:
    with book.hold(book.database), ThreadPoolExecutor(WRITES) as threads:
        return list(threads.map(lambda number: _write(book, number), range(1, 1 + WRITES)))


def _write(book: Book, number: int) -> Answer:
    return book.ana.post("/v1/contacts", {"contacts": rows(1, first=number), "group": "Late"})
