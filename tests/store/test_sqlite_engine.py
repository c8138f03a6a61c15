"""SQLite as several processes use it: writers in turn, foreign programs that lock, and a log that is kept short.

What happens to the file itself is in ``test_sqlite_file``. Fairness is counted in turns taken, never in seconds.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import apsw
import pytest

from daftari.errors import StoreBusy, StoreUnavailable
from daftari.model.projects import Actor, Project
from daftari.rules.contacts import groups
from daftari.store import Store, Tx, WriteTx
from daftari.store import engine as store_engine
from daftari.store import sqlite as sqlite_engine
from daftari.store.fair_lock import FairLock
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, broken_in
from tests.support.stores import open_store
from tests.support.waiting import WAIT_SECONDS_MAX, wait_for

SMALL_WRITERS = 3
SMALL_WRITES = 30
BULK_ROWS = 400
BULK_TURNS_MAX = 20
"""Bulk writes in a row while small writers want to write: 1 when they are all awake, 40 to 1,000 without turns."""

spawning = multiprocessing.get_context("spawn")


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


@pytest.fixture
def book(store: Store) -> Project:
    return calls.create_project(store)


@contextmanager
def _foreign(database: str) -> Iterator[apsw.Connection]:
    """A program that knows nothing of the fair_lock."""
    connection = apsw.Connection(database)
    try:
        yield connection
    finally:
        connection.close(True)


# ---- as the file is opened --------------------------------------------------------------------------


def test_every_connection_is_durable_checked_and_of_a_known_size(database: str) -> None:
    connection = sqlite_engine.connect(Path(database), cache_kib=1_000, create=False)
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()
        for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size", "cache_size", "journal_size_limit")
    }
    connection.close()
    assert found == {
        "journal_mode": ("wal",),
        "synchronous": (2,),
        "foreign_keys": (1,),
        "mmap_size": (0,),
        "cache_size": (-1_000,),
        "journal_size_limit": (64 * 1024 * 1024,),
    }


def test_what_refers_to_no_contact_is_refused_by_the_database_itself(store: Store, book: Project) -> None:
    def join_no_contact(tx: WriteTx) -> None:
        tx.insert_many("membership", [(tx.project.id, 1, 1)])

    with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
        store.write(book, ACTOR, NOW, join_no_contact)


def test_sqlite_is_new_enough_for_several_processes() -> None:
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= sqlite_engine.SQLITE_VERSION_MIN


# ---- writers in turn --------------------------------------------------------------------------------


def _write_small(database: str, project: Project, name: str, ready: Barrier) -> None:
    store = open_store(database, threads=1)
    ready.wait(WAIT_SECONDS_MAX)
    for number in range(SMALL_WRITES):
        calls.create_group(store, project, f"{name} {number}", actor=Actor(None, name))
    store.close()


def _write_bulk(database: str, project: Project, done: Event, ready: Barrier) -> None:
    """Wants the next turn as soon as it had one, which SQLite's own lock would always give it."""
    store = open_store(database, threads=1)

    def write_bulk(tx: WriteTx) -> None:
        first = groups.create_group(tx, name=f"Bulk {tx.book.next_seq}").id
        # Work that takes long, so that a writer without a fair lock is asleep when it ends.
        for _ in range(BULK_ROWS):
            tx.run("rename_group", id=first, name="Bulk", folded=f"bulk {first}")

    ready.wait(WAIT_SECONDS_MAX)
    while not done.is_set():
        store.write(project, Actor(None, "bulk"), NOW, write_bulk)
    store.close()


def test_small_writers_get_their_turns_during_a_bulk_writer(store: Store, book: Project, database: str) -> None:
    ready, done = spawning.Barrier(SMALL_WRITERS + 1), spawning.Event()
    bulk = spawning.Process(target=_write_bulk, args=(database, book, done, ready))
    small = [
        spawning.Process(target=_write_small, args=(database, book, f"small {number}", ready))
        for number in range(SMALL_WRITERS)
    ]
    for process in (bulk, *small):
        process.start()
    for process in small:
        process.join(WAIT_SECONDS_MAX)
    done.set()
    bulk.join(WAIT_SECONDS_MAX)
    assert [process.exitcode for process in (bulk, *small)] == [0] * (1 + SMALL_WRITERS)
    turns = [row[0] for row in rows_of(database, "SELECT request_id FROM journal ORDER BY seq")]
    asked = [place for place, who in enumerate(turns) if who != "bulk"]
    assert len(asked) == SMALL_WRITERS * SMALL_WRITES
    waits = [later - earlier - 1 for earlier, later in pairwise(asked)]
    assert sum(waits) <= len(asked), f"{sum(waits)} bulk writes among {len(asked)} small ones"
    assert max(waits) <= BULK_TURNS_MAX, f"{max(waits)} bulk writes while no other writer got a turn"
    assert broken_in(store, book) == []


def _take_turn_and_die(database: str) -> None:
    with FairLock(Path(database)).held(until=math.inf):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_in_its_turn_frees_it(store: Store, book: Project, database: str) -> None:
    killed = spawning.Process(target=_take_turn_and_die, args=(database,))
    killed.start()
    killed.join(WAIT_SECONDS_MAX)
    assert killed.exitcode == -signal.SIGKILL
    assert calls.create_group(store, book, "Farmers").id == 1


def test_an_error_in_a_turn_frees_it(store: Store, book: Project, database: str) -> None:
    def fail(tx: Tx) -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            store.write(book, ACTOR, NOW, fail)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(calls.create_group, store, book, "Farmers").result(WAIT_SECONDS_MAX).id == 1


def test_one_thread_at_a_time_passes_the_fair_lock(tmp_path: Path) -> None:
    fair_lock, turns, inside = FairLock(tmp_path / "book.db"), [], []
    both = threading.Barrier(2)

    def take_turns(who: str) -> None:
        both.wait(WAIT_SECONDS_MAX)
        for _ in range(100):
            with fair_lock.held(until=math.inf):
                inside.append(who)
                assert inside == [who]
                turns.append(who)
                time.sleep(0.000_5)  # so that the other thread would get in
                inside.clear()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(take_turns, ["ana", "ben"]))
    fair_lock.close()
    assert sorted(turns) == ["ana"] * 100 + ["ben"] * 100


def _late() -> float:
    return time.monotonic()


def test_a_turn_that_does_not_come_in_time_is_busy_and_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    ours, other, third = FairLock(path), FairLock(path), FairLock(path)
    with other.held(until=math.inf):
        for _ in range(3):
            with pytest.raises(StoreBusy), ours.held(until=_late()):
                raise AssertionError
        assert other.is_awaited()
    # A turn that no writer wants is given up.
    with third.held(until=math.inf):
        assert not third.is_awaited()
    with ours.held(until=math.inf), pytest.raises(StoreBusy), third.held(until=_late()):
        raise AssertionError


def test_the_place_of_a_writer_that_gave_up_is_the_next_ones(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    ours, other, third = FairLock(path), FairLock(path), FairLock(path)
    order: list[str] = []

    def take(lock: FairLock, who: str) -> None:
        with lock.held(until=math.inf):
            order.append(who)

    with ThreadPoolExecutor(2) as threads:
        with other.held(until=math.inf):
            with pytest.raises(StoreBusy), ours.held(until=_late()):
                raise AssertionError
            wait_for(other.is_awaited)
            waiting = [threads.submit(take, third, "third"), threads.submit(take, ours, "ours")]
            wait_for(lambda: ours._inside.locked() and third._inside.locked())
        for taken in waiting:
            taken.result(WAIT_SECONDS_MAX)
    assert order == ["ours", "third"]


def test_a_write_sees_a_thread_that_waits_to_write_to_a_project_and_none_that_waits_for_system_rows(
    store: Store, book: Project
) -> None:
    def look(tx: WriteTx) -> None:
        assert not tx.is_awaited()
        waiting.append(threads.submit(store.system_write, NOW, lambda tx: None))
        wait_for(waiting[0].running)
        assert not tx.is_awaited()
        waiting.append(threads.submit(calls.create_group, store, book, "Farmers"))
        wait_for(tx.is_awaited)

    waiting: list[Future[Any]] = []
    with ThreadPoolExecutor(2) as threads:
        store.write(book, ACTOR, NOW, look)
    for written in waiting:
        written.result(WAIT_SECONDS_MAX)


# ---- foreign programs -------------------------------------------------------------------------------


def test_a_foreign_program_that_writes_for_too_long_is_busy_and_then_free(
    monkeypatch: pytest.MonkeyPatch, database: str, book: Project
) -> None:
    monkeypatch.setattr(store_engine, "WRITE_WAIT_SECONDS_MAX", 1)
    store = open_store(database, threads=1)
    with _foreign(database) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy) as raised:
            calls.create_group(store, book, "Farmers")
        assert raised.value.code == "BUSY" and raised.value.retryable
        assert calls.list_groups(store, book) == []
        other.execute("ROLLBACK")
    assert calls.create_group(store, book, "Farmers").id == 1
    store.close()


def test_a_foreign_program_that_ends_in_time_is_waited_for(store: Store, database: str, book: Project) -> None:
    asked = threading.Event()

    def create() -> int:
        asked.set()
        return calls.create_group(store, book, "Farmers").id

    with ThreadPoolExecutor(1) as thread:
        with _foreign(database) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = thread.submit(create)
            assert asked.wait(WAIT_SECONDS_MAX)
            other.execute("ROLLBACK")
        assert waiting.result(WAIT_SECONDS_MAX) == 1


def test_reads_never_wait_for_a_writer(store: Store, book: Project, database: str) -> None:
    calls.create_group(store, book, "Farmers")
    with _foreign(database) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE contact_group SET name = 'Fishers'")
        assert [group.name for group in calls.list_groups(store, book)] == ["Farmers"]
        with FairLock(Path(database)).held(until=math.inf):
            assert calls.list_contacts(store, book).total == 0
            store.answers()
        other.execute("ROLLBACK")


# ---- the file and its log ---------------------------------------------------------------------------


def test_a_file_that_was_moved_takes_no_more_writes_and_says_so(store: Store, book: Project, database: str) -> None:
    calls.create_group(store, book, "Farmers")
    moved = Path(database).rename(f"{database}.moved")
    for ask in (lambda: calls.create_group(store, book, "Coast"), store.answers, store.maintain):
        with pytest.raises(StoreUnavailable, match="moved or removed"):
            ask()
    assert not Path(database).exists()
    moved.rename(database)
    store.answers()
    assert calls.create_group(store, book, "Coast").id == 2


def test_a_thread_that_comes_after_the_file_was_moved_gets_the_same_error(
    store: Store, book: Project, database: str
) -> None:
    Path(database).rename(f"{database}.moved")
    with ThreadPoolExecutor(1) as thread, pytest.raises(StoreUnavailable):
        thread.submit(calls.list_groups, store, book).result()
    assert not Path(database).exists()


def _log_bytes(database: str) -> int:
    return Path(f"{database}-wal").stat().st_size


def test_a_long_log_is_restarted(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    """A reader who stays keeps the log growing; when it is gone, maintenance and a write make the log short."""
    monkeypatch.setattr(sqlite_engine, "WAL_BYTES_MAX", 1_000_000)
    monkeypatch.setattr(sqlite_engine, "JOURNAL_BYTES_MAX", 100_000)
    store = open_store(database, threads=1)
    book = calls.create_project(store)
    with _foreign(database) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM system").fetchall()
        while _log_bytes(database) <= 6_000_000:
            calls.create_contacts(store, book, _fresh(store, book))
        store.maintain()
        assert _log_bytes(database) > 6_000_000
        reader.execute("COMMIT")
    total = calls.list_contacts(store, book).total
    store.maintain()
    calls.create_group(store, book, "Farmers")
    assert _log_bytes(database) <= 100_000
    assert calls.list_contacts(store, book).total == total
    assert broken_in(store, book) == []
    store.close()


def test_a_short_log_is_moved_into_the_file_without_a_turn(store: Store, book: Project, database: str) -> None:
    """A writer at that time is not waited for."""
    calls.create_contacts(store, book, _fresh(store, book))
    before = Path(database).stat().st_size
    with FairLock(Path(database)).held(until=math.inf):
        store.maintain()
    assert Path(database).stat().st_size > before


def test_maintenance_waits_for_no_reader_and_loses_nothing(store: Store, book: Project, database: str) -> None:
    with _foreign(database) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT COUNT(*) FROM contact").fetchall() == [(0,)]
        calls.create_contacts(store, book, _fresh(store, book))
        store.maintain()
        assert reader.execute("SELECT COUNT(*) FROM contact").fetchall() == [(0,)]
    assert calls.list_contacts(store, book).total == 1_000


def _fresh(store: Store, book: Project) -> list[dict[str, int]]:
    """A thousand contacts that are not there yet."""
    first = 254_722_000_000 + calls.list_contacts(store, book, per_page=1).total
    return [{"mobile": first + number} for number in range(1_000)]
