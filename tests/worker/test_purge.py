"""What was deleted is gone for everyone at once, and cleared up in small turns with a sound book between any two."""

from __future__ import annotations

import pytest

from daftari.errors import GroupNotFound, ProjectNotFound, Unauthenticated
from daftari.model.projects import Project
from daftari.rules.access import keys, projects
from daftari.rules.access.projects import get_project
from daftari.rules.erasure import purge
from daftari.store import Store
from daftari.store.jobs import take_job
from daftari.store.purge import TABLES
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import NOW, WORKER, broken_in
from tests.support.schema import end_leases

PEOPLE = [{"mobile": 254_722_000_000 + number} for number in range(35)]
ROWS_PER_STEP = 10
PROJECT_TABLES = tuple(table.name for table in TABLES)


@pytest.fixture(autouse=True)
def small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_STEP", ROWS_PER_STEP)


@pytest.fixture
def book(store: Store) -> Project:
    """35 contacts, all of them in Farmers, ten of them in Coast too."""
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE, group="Farmers")
    calls.create_contacts(store, project, PEOPLE[20:30], group="Coast")
    return project


@pytest.fixture
def key(store: Store, book: Project) -> str:
    secret, _ = store.system_write(NOW, keys.create_key, project=book, label="Ana", kind="write", expires_at=None)
    return secret


def _shape(store: Store, project: Project) -> dict[str, int]:
    return {group.name: group.contacts for group in calls.list_groups(store, project)}


def _rows(database: str, project: Project) -> dict[str, int]:
    counted = {
        table: rows_of(database, f"SELECT COUNT(*) FROM {table} WHERE project_id = {project.id}")[0][0]
        for table in PROJECT_TABLES
    }
    return {table: count for table, count in counted.items() if count}


# ---- a group ----------------------------------------------------------------------------------------


def test_a_deleted_group_is_gone_at_once_and_its_members_stay_contacts(store: Store, book: Project) -> None:
    calls.delete_group(store, book, " FARMERS")
    assert _shape(store, book) == {"Coast": 10}
    with pytest.raises(GroupNotFound):
        calls.get_group(store, book, "Farmers")
    assert calls.list_contacts(store, book, group="Farmers").total == 0
    assert calls.list_contacts(store, book).total == 35
    assert '"groups":[]' in calls.get_contact(store, book, "1", include=frozenset({"groups"}))
    assert '"groups":["Coast"]' in calls.get_contact(store, book, "21", include=frozenset({"groups"}))


def test_a_deleted_group_s_name_is_free_at_once(store: Store, book: Project) -> None:
    calls.delete_group(store, book, "Farmers")
    calls.create_contacts(store, book, PEOPLE[:2], group="farmers")
    assert _shape(store, book) == {"Coast": 10, "farmers": 2}
    while calls.purge_group(store, book):
        assert broken_in(store, book) == []
    assert _shape(store, book) == {"Coast": 10, "farmers": 2}
    assert calls.list_contacts(store, book, group="FARMERS").count == 2


def test_a_deleted_group_goes_in_small_turns_with_a_sound_book_between_any_two(
    store: Store, book: Project, database: str
) -> None:
    calls.delete_group(store, book, "Farmers")
    left = []
    assert broken_in(store, book) == []
    while calls.purge_group(store, book):
        assert broken_in(store, book) == []
        assert _shape(store, book) == {"Coast": 10}
        left.append(_rows(database, book)["membership"] - 10)
    assert left == [25, 15, 5, 0, 0]
    assert _rows(database, book)["contact_group"] == 1
    assert rows_of(database, "SELECT DISTINCT list FROM directory ORDER BY list") == [(-1,), (0,), (2,)]


def test_writes_between_two_turns_meet_no_trace_of_the_group(store: Store, book: Project) -> None:
    calls.delete_group(store, book, "Farmers")
    calls.purge_group(store, book)
    calls.delete_contact(store, book, "12")
    calls.update_contact(store, book, "13", None, group="Coast")
    calls.update_contact(store, book, "14", None, group="Farmers", move=False)
    calls.delete_contact(store, book, "35")
    assert broken_in(store, book) == []
    while calls.purge_group(store, book):
        assert broken_in(store, book) == []
    assert _shape(store, book) == {"Coast": 11, "Farmers": 1}
    assert calls.list_contacts(store, book).total == 33


def test_several_deleted_groups_go_one_after_the_other(store: Store, book: Project, database: str) -> None:
    calls.delete_group(store, book, "Coast")
    calls.delete_group(store, book, "Farmers")
    turns = 0
    while calls.purge_group(store, book):
        turns += 1
        assert broken_in(store, book) == []
    assert turns == 4 + 1 + 1 + 1
    assert set(_rows(database, book)) == {"book", "contact", "directory", "journal", "change"}


def test_a_purge_leaves_no_row_in_the_journal(store: Store, book: Project, database: str) -> None:
    calls.delete_group(store, book, "Farmers")
    before = rows_of(database, "SELECT * FROM journal ORDER BY seq")
    while calls.purge_group(store, book):
        pass
    assert rows_of(database, "SELECT * FROM journal ORDER BY seq") == before


def test_deleting_a_group_asks_the_worker_for_a_purge_in_the_same_transaction(
    store: Store, book: Project, database: str
) -> None:
    with pytest.raises(GroupNotFound):
        calls.delete_group(store, book, "Nobody")
    assert rows_of(database, "SELECT * FROM job") == []
    calls.delete_group(store, book, "Farmers")
    assert rows_of(database, "SELECT project_id, kind, lease_owner FROM job") == [(book.id, "purge", None)]


def test_without_a_deleted_group_there_is_nothing_to_purge(store: Store, book: Project, database: str) -> None:
    before = _rows(database, book)
    assert not calls.purge_group(store, book)
    assert _rows(database, book) == before


# ---- a project --------------------------------------------------------------------------------------


def _delete(store: Store, name: str = "Shopify") -> None:
    store.system_write(NOW + 1, projects.delete_project, name=name)


def test_a_deleted_project_s_keys_are_refused_at_once(store: Store, key: str) -> None:
    assert store.system_read(NOW, keys.find_key, api_key=key).project.name == "Shopify"
    _delete(store)
    with pytest.raises(Unauthenticated):
        store.system_read(NOW, keys.find_key, api_key=key)
    assert store.system_read(NOW, keys.list_keys) == []


def test_a_deleted_project_is_gone_at_once_for_operators(store: Store, book: Project) -> None:
    _delete(store, " SHOPIFY ")
    assert store.system_read(NOW, projects.list_projects) == []
    with pytest.raises(ProjectNotFound):
        store.system_read(NOW, projects.find_project, name="Shopify")
    with pytest.raises(ProjectNotFound):
        _delete(store)


def test_no_write_enters_a_deleted_project_not_even_one_that_was_accepted_before(store: Store, book: Project) -> None:
    _delete(store)
    with pytest.raises(Unauthenticated):
        calls.create_contacts(store, book, PEOPLE)
    with pytest.raises(Unauthenticated):
        calls.delete_contact(store, book, "1")


def test_a_deleted_project_s_name_is_free_at_once(store: Store, book: Project, database: str) -> None:
    _delete(store)
    new = calls.create_project(store, "SHOPIFY")
    assert new.id != book.id
    calls.create_contacts(store, new, PEOPLE[:3])
    _purge_whole_project(store, book)
    assert calls.list_contacts(store, new).total == 3
    assert store.system_read(NOW, projects.find_project, name="shopify") == new
    assert broken_in(store, new) == []


def test_a_deleted_project_goes_in_small_turns_with_a_sound_book_between_any_two(
    store: Store, book: Project, database: str, key: str
) -> None:
    for number in range(25):
        calls.delete_contact(store, book, f"0733 000 {number:03}")
    _delete(store)
    before = _rows(database, book)
    assert broken_in(store, book) == []
    while store.purge(book, WORKER, NOW, purge.purge_book):
        assert broken_in(store, book) == []
        after = _rows(database, book)
        for table in ("contact", "journal", "fact", "consent"):
            assert before.get(table, 0) - after.get(table, 0) <= ROWS_PER_STEP
        before = after
    assert _rows(database, book) == {}
    assert not store.read(book, NOW, purge.has_book)
    store.system_write(NOW, purge.purge_project, project_id=book.id)
    for table in ("project", "project_name", "key"):
        assert rows_of(database, f"SELECT * FROM {table}") == []


def test_a_deleted_project_with_a_half_deleted_group_goes_too(store: Store, book: Project, database: str) -> None:
    calls.delete_group(store, book, "Farmers")
    calls.purge_group(store, book)
    _delete(store)
    _purge_whole_project(store, book)
    assert _rows(database, book) == {}


def test_the_purge_of_a_project_touches_no_other(store: Store, book: Project, database: str) -> None:
    kalro = calls.create_project(store, "Kalro")
    calls.create_contacts(store, kalro, PEOPLE, group="Farmers")
    calls.delete_contact(store, kalro, "3")
    before = _rows(database, kalro)
    _delete(store)
    _purge_whole_project(store, book)
    assert _rows(database, kalro) == before
    assert broken_in(store, kalro) == []
    assert store.system_read(NOW, projects.find_project, name="Kalro").id == kalro.id


def test_a_project_s_purge_survives_a_worker_that_dies_between_any_two_turns(
    store: Store, book: Project, database: str
) -> None:
    """Each turn's own worker finds where the one before it stopped."""
    _delete(store)
    turns = 0
    while (job := store.system_write(NOW, take_job, owner=f"worker {turns}")) and turns < 50:
        end_leases(database)
        turns += 1
        project = store.system_read(NOW, get_project, project_id=job.project_id)
        assert project is not None
        if not store.read(project, NOW, purge.has_book):
            break
        store.purge(project, WORKER, NOW, purge.purge_book)
    assert turns < 50
    assert _rows(database, book) == {}


def _purge_whole_project(store: Store, project: Project) -> None:
    while store.purge(project, WORKER, NOW, purge.purge_book):
        pass
    store.system_write(NOW, purge.purge_project, project_id=project.id)
