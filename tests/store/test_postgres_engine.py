"""PostgreSQL when it is in trouble: transactions that meet, locks that others hold, connections that are gone.

All of it is provoked on the real server by a second connection. A call either goes through or says that it may be
tried again; nothing is half done.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from daftari.errors import StoreBusy, StoreUnavailable
from daftari.model.projects import Project
from daftari.rules.contacts import groups
from daftari.store import Tx, WriteTx
from daftari.store import engine as store_engine
from daftari.store import postgres as postgres_engine
from daftari.store.postgres import PostgresStore
from tests.support import calls, postgres
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, broken_in
from tests.support.stores import open_store
from tests.support.waiting import WAIT_SECONDS_MAX, wait_for

THREADS = 4
LATER = math.inf


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "postgres"


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    opened = open_store(database, threads=THREADS)
    assert isinstance(opened, PostgresStore)
    yield opened
    opened.close()


@pytest.fixture
def book(store: PostgresStore) -> Project:
    project = calls.create_project(store)
    calls.create_group(store, project, "Farmers")
    return project


@contextmanager
def _session(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another program's connection, in a transaction from its first statement on."""
    with psycopg.connect(database) as session:
        yield session
        session.rollback()


def _waiting(database: str) -> int:
    """How many of the store's connections wait for a lock."""
    return int(
        rows_of(
            database,
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'daftari' AND wait_event_type = 'Lock'",
        )[0][0]
    )


def _kill_connections(database: str) -> None:
    """As a restart of the server does."""
    rows_of(
        database,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'daftari'",
    )


# ---- transactions that meet -------------------------------------------------------------------------


def test_a_serialization_failure_is_tried_again(store: PostgresStore, book: Project, database: str) -> None:
    tries = []

    def rename(tx: WriteTx) -> None:
        tries.append(groups.get_group(tx, name="Farmers").name)
        if len(tries) == 1:
            with psycopg.connect(database, autocommit=True) as other:
                other.execute("UPDATE contact_group SET created_at = created_at + 1")
        tx.run("rename_group", id=1, name="Fishers", folded="fishers")

    store._tried("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE", LATER, book, NOW, rename)
    assert tries == ["Farmers", "Farmers"]
    assert calls.list_groups(store, book)[0].name == "Fishers"


def test_a_transaction_that_never_gets_through_is_busy_and_leaves_nothing(
    store: PostgresStore, book: Project, database: str
) -> None:
    tries = []

    def rename(tx: WriteTx) -> None:
        tries.append(groups.get_group(tx, name="Farmers").name)
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("UPDATE contact_group SET created_at = created_at + 1")
        tx.run("rename_group", id=1, name="Fishers", folded="fishers")

    with pytest.raises(StoreBusy) as raised:
        store._tried("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE", LATER, book, NOW, rename)
    assert raised.value.code == "BUSY" and raised.value.retry_after_seconds >= 1
    assert len(tries) == postgres_engine.TRIES_MAX
    assert calls.list_groups(store, book)[0].name == "Farmers"


def test_a_deadlock_with_another_program_is_tried_again_and_written_once(
    store: PostgresStore, book: Project, database: str
) -> None:
    """It holds the group and wants the book, while we hold the book and want the group."""
    tries = []
    has_book = threading.Event()

    def hold_and_ask() -> None:
        with _session(database) as other:
            other.execute("SELECT 1 FROM contact_group FOR UPDATE")
            has_group.set()
            assert has_book.wait(WAIT_SECONDS_MAX)
            # The session that waited first finds the deadlock first, and is the one rolled back.
            wait_for(lambda: _waiting(database) == 1)
            other.execute("SELECT 1 FROM book FOR UPDATE")

    def rename(tx: WriteTx) -> None:
        tries.append(1)
        has_book.set()
        groups.update_group(tx, name="Farmers", new_name="Fishers")

    has_group = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(hold_and_ask)
        assert has_group.wait(WAIT_SECONDS_MAX)
        store.write(book, ACTOR, NOW, rename)
        other.result()
    assert len(tries) == 2
    assert calls.list_groups(store, book)[0].name == "Fishers"
    assert rows_of(database, "SELECT action FROM journal ORDER BY seq") == [("create_group",), ("update_group",)]
    assert broken_in(store, book) == []


# ---- locks that others hold -------------------------------------------------------------------------


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_engine, "WRITE_WAIT_SECONDS_MAX", 0.3)


def test_a_lock_that_is_held_for_too_long_is_busy_and_then_free(
    short_wait: None, store: PostgresStore, book: Project, database: str
) -> None:
    with _session(database) as other:
        other.execute("SELECT 1 FROM book FOR UPDATE")
        with pytest.raises(StoreBusy) as raised:
            calls.create_group(store, book, "Coast")
        assert raised.value.code == "BUSY"
        assert [group.name for group in calls.list_groups(store, book)] == ["Farmers"]
    calls.create_group(store, book, "Coast")
    assert broken_in(store, book) == []


def test_a_lock_that_is_freed_in_time_is_waited_for(store: PostgresStore, book: Project, database: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        with _session(database) as other:
            other.execute("SELECT 1 FROM book FOR UPDATE")
            asked = thread.submit(calls.create_group, store, book, "Coast")
            wait_for(lambda: _waiting(database) == 1)
        assert asked.result().id == 2


def test_reads_never_wait_for_a_writer(store: PostgresStore, book: Project, database: str) -> None:
    with _session(database) as other:
        other.execute("SELECT 1 FROM book FOR UPDATE")
        other.execute("UPDATE contact_group SET name = 'Fishers'")
        assert calls.get_group(store, book, "Farmers").name == "Farmers"
        assert calls.list_contacts(store, book).total == 0


def test_at_most_half_of_the_threads_wait_for_one_project_while_another_is_served(
    store: PostgresStore, book: Project, database: str
) -> None:
    kalro = calls.create_project(store, "Kalro")
    with ThreadPoolExecutor(THREADS) as threads:
        with _session(database) as other:
            other.execute("SELECT 1 FROM book WHERE project_id = %s FOR UPDATE", [book.id])
            waiting = [threads.submit(calls.create_group, store, book, f"Group {n}") for n in range(THREADS // 2)]
            wait_for(lambda: _waiting(database) == THREADS // 2)
            for _ in range(3):
                with pytest.raises(StoreBusy):
                    calls.create_group(store, book, "One too many")
            for number in range(3):
                threads.submit(calls.create_group, store, kalro, f"Group {number}").result()
            assert not any(asked.done() for asked in waiting)
        assert sorted(asked.result().id for asked in waiting) == [2, 3]
    assert calls.create_group(store, book, "Not too many now").id == 4
    assert len(calls.list_groups(store, kalro)) == 3


def test_a_store_of_one_thread_lets_that_one_wait(database: str, book: Project) -> None:
    store = open_store(database, threads=1)
    assert calls.create_group(store, book, "Coast").id == 2
    store.close()


# ---- connections that are gone ----------------------------------------------------------------------


def test_after_the_server_dropped_idle_connections_every_way_in_works(
    store: PostgresStore, book: Project, database: str
) -> None:
    ways: list[Callable[[], object]] = [
        lambda: calls.create_group(store, book, "Coast"),
        lambda: calls.list_groups(store, book),
        lambda: store.read_unisolated(book, NOW, groups.list_groups, after=0, limit=9),
        store.answers,
    ]
    for ask in ways:
        _kill_connections(database)
        ask()
    assert len(calls.list_groups(store, book)) == 2


def test_a_connection_lost_in_a_write_is_unavailable_and_leaves_nothing(
    store: PostgresStore, book: Project, database: str
) -> None:
    def create_and_lose(tx: WriteTx) -> None:
        groups.create_group(tx, name="Coast")
        _kill_connections(database)
        groups.create_group(tx, name="North")

    with pytest.raises(StoreUnavailable):
        store.write(book, ACTOR, NOW, create_and_lose)
    assert [group.name for group in calls.list_groups(store, book)] == ["Farmers"]
    assert calls.create_group(store, book, "Coast").id == 2
    assert broken_in(store, book) == []


def test_a_connection_lost_before_commit_is_unavailable_and_leaves_nothing(
    store: PostgresStore, book: Project, database: str
) -> None:
    def create_and_lose(tx: WriteTx) -> None:
        groups.create_group(tx, name="Coast")
        _kill_connections(database)

    with pytest.raises(StoreUnavailable):
        store.write(book, ACTOR, NOW, create_and_lose)
    assert [group.name for group in calls.list_groups(store, book)] == ["Farmers"]


def test_a_connection_lost_in_a_look_is_replaced_and_the_rule_asked_again(
    store: PostgresStore, book: Project, database: str
) -> None:
    tries = []

    def look(tx: Tx) -> int:
        tries.append(1)
        if len(tries) == 1:
            _kill_connections(database)
        return len(groups.list_groups(tx, after=0, limit=9))

    assert store.read_unisolated(book, NOW, look) == 1
    assert len(tries) == 2


def test_a_database_that_is_gone_is_unavailable_by_every_way_in(
    store: PostgresStore, book: Project, database: str, postgres_server: str
) -> None:
    postgres.drop_database(postgres_server, urlsplit(database).path[1:])
    ways: list[Callable[[], object]] = [
        lambda: calls.create_group(store, book, "Coast"),
        lambda: calls.list_groups(store, book),
        lambda: calls.get_contact(store, book, "1"),
        store.answers,
    ]
    for ask in (*ways, *ways):
        with pytest.raises(StoreUnavailable) as raised:
            ask()
        assert raised.value.retry_after_seconds >= 1
        with ThreadPoolExecutor(1) as thread, pytest.raises(StoreUnavailable):
            thread.submit(ask).result()


def test_a_statement_that_an_operator_cancelled_is_busy(store: PostgresStore, book: Project, database: str) -> None:
    with ThreadPoolExecutor(1) as thread, _session(database) as other:
        other.execute("SELECT 1 FROM book FOR UPDATE")
        asked = thread.submit(calls.create_group, store, book, "Coast")
        wait_for(lambda: _waiting(database) == 1)
        rows_of(database, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with pytest.raises(StoreBusy):
            asked.result()
    assert calls.create_group(store, book, "Coast").id == 2


def test_a_write_that_sleeps_frees_its_locks_and_leaves_nothing(
    store: PostgresStore, book: Project, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_engine, "IDLE_SECONDS", 0.2)
    other = open_store(database, threads=THREADS)

    def sleep(tx: WriteTx) -> None:
        groups.create_group(tx, name="Sleeping")
        calls.create_group(other, book, "Waiting")
        groups.create_group(tx, name="Late")

    with pytest.raises(StoreBusy):
        store.write(book, ACTOR, NOW, sleep)
    other.close()
    calls.create_group(store, book, "Awake")
    assert [group.name for group in calls.list_groups(store, book)] == ["Farmers", "Waiting", "Awake"]
