"""No transaction writes both to system tables and to a project's: what is to follow is written after the commit."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest

from daftari.errors import StoreBusy, Unauthenticated
from daftari.model.jobs import JobKind
from daftari.model.projects import NO_PROJECT, Actor, Project
from daftari.rules.access import projects
from daftari.rules.contacts import groups
from daftari.store import Store, SystemTx, Tx, WriteTx
from daftari.store.catalog import list_tables
from daftari.store.engine import SYSTEM_TABLES, MisplacedWrite
from daftari.store.engine import TABLES as WRITTEN_TABLES
from daftari.store.jobs import hint_job, request_job
from daftari.store.projects import close_book
from daftari.store.purge import TABLES
from daftari.store.queries import load_queries
from daftari.worker import run_worker
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW
from tests.support.schema import execute

PROJECT_TABLES = {table.name for table in TABLES}
_WRITE = re.compile(r"\b(?:INSERT|DELETE|UPDATE)\b(?! OF| SET)")


@pytest.fixture
def book(store: Store) -> Project:
    return calls.create_project(store)


def test_every_table_is_the_system_s_or_a_project_s() -> None:
    assert {table.name for table in list_tables()} == SYSTEM_TABLES | PROJECT_TABLES
    assert not SYSTEM_TABLES & PROJECT_TABLES
    assert WRITTEN_TABLES.keys() <= PROJECT_TABLES


def test_every_query_that_writes_says_so_by_its_first_words() -> None:
    queries = load_queries("sqlite").values()
    text = {query.name: query.text.replace("DO UPDATE", "").replace("FOR UPDATE", "") for query in queries}
    assert {query.name for query in queries if query.writes} == {name for name in text if _WRITE.search(text[name])}
    assert {query.writes for query in queries if query.writes} <= SYSTEM_TABLES | PROJECT_TABLES


def test_a_project_s_transaction_writes_to_no_system_table(store: Store, book: Project, database: str) -> None:
    with pytest.raises(MisplacedWrite):
        store.write(book, ACTOR, NOW, request_job, project_id=book.id, kind=JobKind.PURGE)
    with pytest.raises(MisplacedWrite):
        store.purge(book, ACTOR, NOW, request_job, project_id=book.id, kind=JobKind.PURGE)
    assert rows_of(database, "SELECT * FROM job") == []


def test_a_system_transaction_writes_to_no_project_s_table(store: Store, book: Project, database: str) -> None:
    with pytest.raises(MisplacedWrite):
        store.system_write(NOW, close_book)
    assert rows_of(database, "SELECT closed FROM book") == [(0,)]


# ---- what follows a commit ------------------------------------------------------------------------------


def test_what_follows_is_written_after_the_commit_and_not_without_it(
    store: Store, book: Project, database: str
) -> None:
    seen: list[object] = []

    def write(tx: WriteTx, *, error: Exception | None) -> None:
        tx.follow_up(NO_PROJECT, lambda tx: seen.append(rows_of(database, "SELECT COUNT(*) FROM contact_group")))
        groups.create_group(tx, name="VIP")
        if error is not None:
            raise error

    with pytest.raises(LookupError):
        store.write(book, ACTOR, NOW, write, error=LookupError())
    assert seen == []
    store.write(book, ACTOR, NOW, write, error=None)
    assert seen == [[(1,)]]


def test_a_write_is_done_even_if_what_follows_is_lost(store: Store, book: Project) -> None:
    def refuse(tx: Tx) -> None:
        raise StoreBusy

    def write(tx: Tx) -> str:
        tx.follow_up(NO_PROJECT, refuse)
        return "written"

    assert store.write(book, ACTOR, NOW, write) == "written"


def test_a_write_to_a_project_follows_a_system_write_under_its_lock_and_saves_its_counters(
    store: Store, book: Project, database: str
) -> None:
    def write(tx: SystemTx, *, error: Exception | None = None) -> None:
        tx.follow_up_write(book, Actor(None, "r1"), lambda tx: groups.create_group(tx, name=f"VIP {tx.book.next_seq}"))
        if error is not None:
            raise error

    with pytest.raises(LookupError):
        store.system_write(NOW, write, error=LookupError())
    assert rows_of(database, "SELECT * FROM journal") == []
    for _ in range(2):
        store.system_write(NOW, write)
    assert rows_of(database, "SELECT seq, request_id FROM journal ORDER BY seq") == [(1, "r1"), (2, "r1")]
    assert rows_of(database, "SELECT name FROM contact_group ORDER BY id") == [("VIP 1",), ("VIP 2",)]


@pytest.mark.parametrize("is_gone", [False, True])
def test_no_write_follows_to_a_project_that_was_deleted(
    store: Store, book: Project, database: str, is_gone: bool
) -> None:
    store.system_write(NOW, projects.delete_project, name=book.name)
    if is_gone:
        run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    called: list[WriteTx] = []
    store.system_write(NOW, lambda tx: tx.follow_up_write(book, ACTOR, called.append))
    assert called == []
    assert rows_of(database, "SELECT COUNT(*) FROM book") == [(0 if is_gone else 1,)]


def test_a_hint_requests_a_job_once_the_transaction_is_committed(store: Store, book: Project, database: str) -> None:
    store.write(book, ACTOR, NOW, hint_job, kind=JobKind.EXPORT, subject="7", due_at=NOW + 9)
    assert rows_of(database, "SELECT project_id, kind, subject, due_at FROM job") == [(book.id, "export", "7", NOW + 9)]


@pytest.fixture
def lose_what_follows(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on no transaction is followed by another one."""
    return partial(monkeypatch.setattr, "daftari.store.engine.Transaction.follow_up", lambda *_: None)


def test_a_project_whose_book_was_lost_gets_it_with_the_first_write(
    store: Store, database: str, lose_what_follows: Callable[[], None]
) -> None:
    lose_what_follows()
    project = calls.create_project(store, "Shopify", first_id=456)
    assert rows_of(database, "SELECT * FROM book") == []
    assert calls.list_contacts(store, project).total == 0
    calls.create_contacts(store, project, [{"mobile": "0722000001"}])
    assert rows_of(database, "SELECT id FROM contact") == [(456,)]


def test_a_deleted_project_without_a_book_gets_none(
    store: Store, database: str, lose_what_follows: Callable[[], None]
) -> None:
    lose_what_follows()
    project = calls.create_project(store)
    store.system_write(NOW, projects.delete_project, name=project.name)
    with pytest.raises(Unauthenticated):
        calls.create_contacts(store, project, [{"mobile": "0722000001"}])
    assert rows_of(database, "SELECT * FROM book") == []


def test_a_deleted_project_whose_book_was_not_closed_is_purged_whole(
    store: Store, book: Project, database: str, lose_what_follows: Callable[[], None]
) -> None:
    calls.create_contacts(store, book, [{"mobile": "0722000001"}], group="VIP")
    lose_what_follows()
    store.system_write(NOW, projects.delete_project, name=book.name)
    assert rows_of(database, "SELECT closed FROM book") == [(0,)]
    execute(database, f"UPDATE job SET due_at = {NOW}")
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    for table in ("project", "book", "contact", "job"):
        assert rows_of(database, f"SELECT * FROM {table}") == []
