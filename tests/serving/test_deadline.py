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

from daftari.store import Store
from daftari.store.fair_lock import FairLock
from tests.conftest import People, Serve
from tests.support.builders import assert_sound, create, page, rows, rows_of
from tests.support.clients import Answer

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


@pytest.fixture(params=HOLDERS)
def holder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(holder: str) -> str:
    """The one that has what is held."""
    return HOLDERS[holder][0]


def test_a_write_that_waits_for_too_long_is_answered_503_and_was_not_done(
    serve: Serve, database: str, people: People, store: Store, holder: str
) -> None:
    ana = serve(database, "--no-worker").client.with_key(people.ana)
    create(ana, *rows(1))

    def write(number: int) -> Answer:
        return ana.post("/v1/contacts", {"contacts": rows(1, first=number), "group": "Late"})

    with HOLDERS[holder][1](database), ThreadPoolExecutor(WRITES) as threads:
        answers = list(threads.map(write, range(1, 1 + WRITES)))
    assert {(answer.status, answer.json()["error_code"]) for answer in answers} == {(503, "BUSY")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    # Had one still been waiting, it would be written now.
    assert write(100).status == 201
    assert page(ana)["total"] == 2
    assert rows_of(database, "SELECT COUNT(*) FROM contact_group") == [(1,)]
    assert_sound(store, people.shopify)
