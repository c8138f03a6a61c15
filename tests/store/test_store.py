"""What both engines promise alike: one state a read, all or nothing a write, every text and number as it was given."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import StoreBusy, Unauthenticated
from daftari.model.projects import NO_PROJECT, Actor, Project
from daftari.rules.contacts import contacts, groups
from daftari.store import Store, Tx, WriteTx
from daftari.store.contacts import list_contacts_among
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOTHING, NOW, broken_in
from tests.support.stores import open_store

WRITERS = 3


@pytest.fixture
def book(store: Store) -> Project:
    return calls.create_project(store)


def test_a_read_sees_one_state_whatever_is_written_meanwhile(store: Store, book: Project) -> None:
    calls.create_contacts(store, book, [{"mobile": "0722000000"}], group="Farmers")

    def read_twice(tx: Tx) -> list[tuple[int, int]]:
        seen = []
        for _ in range(2):
            page = contacts.list_contacts(tx, group="Farmers", page=1, per_page=9, include=NOTHING, suppressed=False)
            seen.append((page.total, page.count))
            with ThreadPoolExecutor(1) as other:
                other.submit(calls.create_contacts, store, book, _row(len(seen)), group="Farmers").result()
        return seen

    assert store.read(book, NOW, read_twice) == [(1, 1), (1, 1)]
    assert calls.list_contacts(store, book, group="Farmers").total == 3


def test_a_look_sees_what_was_written_between_two_of_its_statements(store: Store, book: Project) -> None:
    def look_twice(tx: Tx) -> list[int]:
        seen = []
        for _ in range(2):
            seen.append(len(groups.list_groups(tx, after=0, limit=9)))
            with ThreadPoolExecutor(1) as other:
                other.submit(calls.create_group, store, book, f"Group {len(seen)}").result()
        return seen

    assert store.read_unisolated(book, NOW, look_twice) == [0, 1]


@pytest.mark.parametrize("error", [LookupError, OSError, KeyboardInterrupt, StoreBusy])
def test_a_write_that_raises_leaves_nothing_and_the_next_one_goes_through(
    store: Store, book: Project, error: type[BaseException]
) -> None:
    def write_and_fail(tx: WriteTx) -> None:
        groups.create_group(tx, name="Farmers")
        raise error

    with pytest.raises((error, StoreBusy)):
        store.write(book, ACTOR, NOW, write_and_fail)
    assert calls.list_groups(store, book) == []
    assert calls.create_group(store, book, "Farmers").id == 1
    assert broken_in(store, book) == []


def test_a_rule_that_reads_and_fails_leaves_no_transaction_open(store: Store, book: Project) -> None:
    def fail(tx: Tx) -> None:
        groups.list_groups(tx, after=0, limit=9)
        raise LookupError

    for ask in (store.read, store.read_unisolated):
        with pytest.raises(LookupError):
            ask(book, NOW, fail)
        calls.create_group(store, book, f"After {ask.__name__}")
    assert len(calls.list_groups(store, book)) == 2


def test_a_project_that_never_was_has_no_book_to_write_in(store: Store) -> None:
    with pytest.raises(Unauthenticated):
        store.write(replace(NO_PROJECT, id=77), ACTOR, NOW, groups.create_group, name="Farmers")


# ---- values -----------------------------------------------------------------------------------------

TEXTS = [
    "tab\tand\nnew\r\nline",
    "\\N",
    "\\",
    "back\\slash \\t \\x41",
    "quotes ' \" `",
    '{"id":1,"mobile":"2"}',
    "%s %(project)s :project $1 ?",
    "Zoë 愛 ☎ 🇰🇪 \u2028 \x7f \x01",
    "null",
    "x" * 255,
]


@pytest.mark.parametrize("fillers", [0, 200], ids=["a few rows", "many rows"])
def test_every_text_comes_back_as_it_was_given(store: Store, book: Project, fillers: int) -> None:
    """Few rows and many take different ways into PostgreSQL."""
    given: list[dict[str, Any]] = [
        {"mobile": 254_722_000_000 + number, "fname": text, "attributes": {"note": text}}
        for number, text in enumerate(TEXTS)
    ]
    calls.create_contacts(store, book, [*given, *_row(0, many=fillers)])
    for number in range(len(TEXTS)):
        calls.update_contact(store, book, str(number + 1), {"lname": TEXTS[number]})
    shown = json.loads(b"[" + calls.list_contacts(store, book, per_page=len(TEXTS)).cards + b"]")
    found = [(card["fname"], card["lname"], card["attributes"]["note"]) for card in shown]
    assert found == [(text, text, text) for text in TEXTS]
    assert broken_in(store, book) == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_can_be_a_group_s_name_without_what_nobody_sees(store: Store, book: Project, name: str) -> None:
    seen = name.translate(dict.fromkeys(map(ord, "\u2028\x7f\x01"))).strip()
    calls.create_contacts(store, book, _row(1), group=name)
    assert calls.get_group(store, book, name).name == seen
    assert json.loads(calls.get_contact(store, book, "1", include=frozenset({"groups"})))["groups"] == [seen]


def test_ids_may_be_as_large_as_the_databases_can_hold(store: Store) -> None:
    first = 2**62 - 1
    book = calls.create_project(store, "Late", first_id=first)
    calls.create_contacts(store, book, _row(0, many=130), group="Farmers")
    assert json.loads(calls.get_contact(store, book, str(first + 129)))["id"] == first + 129
    last = calls.list_contacts(store, book, group="Farmers", page=13, per_page=10)
    assert (last.total, last.count, json.loads(b"[" + last.cards + b"]")[9]["id"]) == (130, 10, first + 129)
    assert calls.leave_group(store, book, "Farmers", ids=[first, 2**63 - 1], mobiles=[]).changed == 1
    assert calls.delete_contact(store, book, str(first + 64)) == first + 64
    assert broken_in(store, book) == []


# ---- several at once --------------------------------------------------------------------------------


def _row(number: int, *, many: int = 1) -> list[dict[str, Any]]:
    return [{"mobile": 254_733_000_000 + number + place} for place in range(many)]


def _create_the_same(database: str, project_id: int, number: int) -> list[int]:
    """What one process does: its own store, and the same hundred numbers as the others, one call each."""
    store = open_store(database, threads=2)
    project = Project(project_id, "Shopify", "KE", "refuse", NOW)
    actor = Actor(None, f"process {number}")
    try:
        return [
            calls.create_contacts(store, project, _row(place), group=f"Group {place % 3}", actor=actor).created
            for place in range(100)
        ]
    finally:
        store.close()


def test_processes_that_create_the_same_numbers_at_once_make_each_contact_once(
    store: Store, book: Project, database: str
) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WRITERS, mp_context=context) as processes:
        asked = [processes.submit(_create_the_same, database, book.id, number) for number in range(WRITERS)]
        created = [future.result() for future in asked]
    assert [sum(of_one) for of_one in zip(*created, strict=True)] == [1] * 100
    assert [group.contacts for group in calls.list_groups(store, book)] == [34, 33, 33]
    assert calls.list_contacts(store, book).total == 100
    assert broken_in(store, book) == []
    numbers = rows_of(database, "SELECT seq FROM journal ORDER BY seq")
    assert numbers == [(number,) for number in range(1, 101)]


def test_threads_that_write_into_two_projects_at_once_keep_them_apart(store: Store, book: Project) -> None:
    other = calls.create_project(store, "Kalro")

    def write(project: Project) -> None:
        for place in range(30):
            calls.create_contacts(store, project, _row(place), group="Farmers")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, [book, other]))
    for project in (book, other):
        assert [group.contacts for group in calls.list_groups(store, project)] == [30]
        assert broken_in(store, project) == []


def test_a_store_that_was_closed_can_be_opened_again(database: str, store: Store, book: Project) -> None:
    calls.create_group(store, book, "Farmers")
    store.close()
    again = open_store(database, threads=1)
    assert [group.name for group in calls.list_groups(again, book)] == ["Farmers"]
    again.close()
    if not database.startswith("postgres"):
        assert not Path(f"{database}-wal").exists()


@pytest.mark.parametrize("ids", [[1, 2, 3, 4, 5], [2, 4, 5, 6], [1, 40], [7, 8]])
def test_contacts_are_found_by_ascending_ids_with_and_without_gaps(store: Store, book: Project, ids: list[int]) -> None:
    calls.create_contacts(store, book, [{"mobile": f"+25472200000{place}"} for place in range(5)])
    found = store.read(book, NOW, list_contacts_among, ids=ids)
    assert [contact.id for contact in found] == [one for one in ids if one <= 5]
