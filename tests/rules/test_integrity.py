"""Each thing that must hold of a book is broken by hand, found by its name, and repaired where it can be.

What is broken here no rule would break, and the databases' own constraints stand in the way of most of it: they are
taken away first.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw
import psycopg
import pytest

from daftari.errors import StoreUnavailable
from daftari.model.projects import Project
from daftari.rules.contacts import groups
from daftari.rules.integrity.check import repair_project
from daftari.store import Store, WriteTx
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, broken_in
from tests.support.cases import each

PEOPLE = 130

Break = Callable[..., None]


@pytest.fixture
def book(store: Store) -> Project:
    """130 contacts from id 1 on, all of them in Farmers; the last one was deleted."""
    project = calls.create_project(store)
    given = [{"mobile": 254_722_000_000 + number, "fname": f"N{number}"} for number in range(PEOPLE)]
    calls.create_contacts(store, project, given, group="Farmers")
    calls.delete_contact(store, project, "130")
    assert broken_in(store, project) == []
    return project


@pytest.fixture
def break_with(database: str) -> Break:
    """Runs statements that no rule makes, in a database whose constraints were taken away."""

    def break_with(*statements: str) -> None:
        if not database.startswith("postgres"):
            connection = apsw.Connection(database)
            connection.execute("PRAGMA foreign_keys = OFF").fetchall()
            for statement in statements:
                connection.execute(statement)
            connection.close()
            return
        with psycopg.connect(database) as session:
            owners = session.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"
            ).fetchall()
            for table, name in owners:
                session.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
            for statement in statements:
                session.execute(statement.encode())

    return break_with


def repair(store: Store, project: Project) -> None:
    store.write(project, ACTOR, NOW + 1, repair_project)


REPAIRABLE = {
    "a number too large in the directory of the book, at the first level": (
        "directory",
        1,
        "UPDATE directory SET members = members + 1 WHERE list = 0 AND level = 1 AND block = 1",
    ),
    "a number too small in the directory of the book, at the second level": (
        "directory",
        1,
        "UPDATE directory SET members = members - 1 WHERE list = 0 AND level = 2",
    ),
    "a wrong total": ("directory", 1, "UPDATE directory SET members = 7 WHERE list = 0 AND level = 3"),
    "a row missing in the directory of a group": ("directory", 2, "DELETE FROM directory WHERE list = 1 AND level > 1"),
    "a row too many in the directory": (
        "directory",
        1,
        "INSERT INTO directory (project_id, list, level, block, members) SELECT project_id, 9, 1, 5, 3 FROM book",
    ),
    "a row of no contact left in the directory": (
        "directory",
        1,
        "INSERT INTO directory (project_id, list, level, block, members) SELECT project_id, 0, 1, 99, 0 FROM book",
    ),
    "a card with another id": ("card", 1, """UPDATE contact SET card = replace(card, '"id":7,', '"id":8,')"""),
    "a card with another mobile": (
        "card",
        1,
        "UPDATE contact SET card = replace(card, '254722000006', '254722999999')",
    ),
    "a row with another mobile than its card": ("card", 1, "UPDATE contact SET mobile = 254733000000 WHERE id = 3"),
    "a next id that a contact has": ("ids", 1, "UPDATE book SET next_id = 129"),
    "a next group id that a group has": ("ids", 1, "UPDATE book SET next_group_id = 1"),
}


@each("what", REPAIRABLE)
def test_what_can_be_repaired_is_named_and_repaired(store: Store, book: Project, break_with: Break, what: str) -> None:
    invariant, times, statement = REPAIRABLE[what]
    break_with(statement)
    assert broken_in(store, book) == [(invariant, True)] * times
    repair(store, book)
    assert broken_in(store, book) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO membership (project_id, group_id, contact_id) SELECT project_id, 1, 5000 FROM book",
        "INSERT INTO membership (project_id, group_id, contact_id) SELECT project_id, 9, 5 FROM book",
        "DELETE FROM contact WHERE id = 64",
        "DELETE FROM contact_group WHERE id = 1",
    ],
    ids=["no contact", "no group", "contact gone", "group gone"],
)
def test_a_membership_of_no_contact_is_named_and_goes(
    store: Store, book: Project, break_with: Break, statement: str
) -> None:
    break_with(statement)
    names = {invariant for invariant, repairable in broken_in(store, book) if repairable}
    assert {"membership"} <= names <= {"membership", "directory"}
    repair(store, book)
    assert broken_in(store, book) == []


def test_more_memberships_of_no_contact_than_a_check_names_go_in_one_repair(
    store: Store, book: Project, break_with: Break
) -> None:
    absent = ", ".join(f"({number})" for number in range(2_000, 4_500))
    break_with(
        f"INSERT INTO membership (project_id, group_id, contact_id) SELECT project_id, 1, column1"
        f" FROM book CROSS JOIN (VALUES {absent}) AS absent"
    )
    assert broken_in(store, book).count(("membership", True)) == 1_000
    repair(store, book)
    assert broken_in(store, book) == []


def test_a_repaired_card_keeps_the_contact_s_other_fields(store: Store, book: Project, break_with: Break) -> None:
    before = calls.get_contact(store, book, "7")
    break_with("""UPDATE contact SET card = replace(card, '"mobile":"254722000006"', '"mobile":"1"') WHERE id = 7""")
    assert calls.get_contact(store, book, "7") != before
    repair(store, book)
    assert calls.get_contact(store, book, "7") == before


def test_two_contacts_with_one_number_are_named_and_left_to_people(
    store: Store, book: Project, break_with: Break
) -> None:
    break_with(
        "DROP INDEX contact_mobile",
        "UPDATE contact SET mobile = 254722000000, card = replace(card, '254722000001', '254722000000') WHERE id = 2",
    )
    assert broken_in(store, book) == [("mobile", False)]
    repair(store, book)
    assert broken_in(store, book) == [("mobile", False)]


@pytest.mark.parametrize("card", ["no JSON", "[]", '{"id":7}'])
def test_a_card_that_cannot_be_read_is_named_and_left_to_people(
    store: Store, book: Project, break_with: Break, card: str
) -> None:
    break_with(f"UPDATE contact SET card = '{card}' WHERE id = 7")
    assert broken_in(store, book) == [("card", False)]
    repair(store, book)
    assert broken_in(store, book) == [("card", False)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 2",
        "UPDATE journal SET seq = 9 WHERE seq = 2",
        "UPDATE book SET next_seq = 9",
        "UPDATE book SET oldest_seq = 0",
        "DELETE FROM journal",
    ],
)
def test_a_gap_in_the_journal_is_named_and_left_to_people(
    store: Store, book: Project, break_with: Break, statement: str
) -> None:
    break_with(statement)
    assert broken_in(store, book) == [("journal", False)]
    if "next_seq" not in statement:
        repair(store, book)
        assert broken_in(store, book) == [("journal", False)]


def test_a_project_without_its_book_is_named(store: Store, book: Project, break_with: Break) -> None:
    break_with("DELETE FROM book")
    assert ("book", False) in broken_in(store, book)


def test_another_project_s_breakage_is_not_this_one_s(store: Store, book: Project, break_with: Break) -> None:
    other = calls.create_project(store, "Kalro")
    calls.create_group(store, other, "Farmers")
    break_with(
        f"UPDATE directory SET members = members + 1 WHERE project_id = {book.id}",
        f"DELETE FROM journal WHERE project_id = {book.id}",
        f"INSERT INTO membership (project_id, group_id, contact_id) VALUES ({book.id}, 9, 9)",
    )
    assert broken_in(store, other) == []
    assert {invariant for invariant, _ in broken_in(store, book)} == {"directory", "journal", "membership"}


def test_a_repair_of_a_sound_book_changes_nothing(store: Store, book: Project, database: str) -> None:
    tables = ("book", "contact", "contact_group", "membership", "directory", "journal", "fact", "consent")
    before = [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables]
    repair(store, book)
    assert [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables] == before


def test_a_list_whose_directory_does_not_add_up_is_refused_in_words_that_name_the_repair(
    store: Store, book: Project, break_with: Break
) -> None:
    break_with("DELETE FROM directory WHERE list = -1 AND level = 1")
    with pytest.raises(StoreUnavailable, match="daftari check --repair"):
        calls.list_contacts(store, book, page=3, per_page=50)
    assert calls.list_contacts(store, book, page=3, per_page=50, suppressed=True).count == 29
    repair(store, book)
    assert calls.list_contacts(store, book, page=3, per_page=50).count == 29


def test_a_write_that_fails_half_way_leaves_a_sound_book(store: Store, book: Project) -> None:
    def leave_and_fail(tx: WriteTx) -> None:
        groups.leave_group(tx, name="Farmers", ids=[1, 2, 3], mobiles=[])
        groups.create_group(tx, name="Coast")
        raise LookupError

    with pytest.raises(LookupError):
        store.write(book, ACTOR, NOW, leave_and_fail)
    assert broken_in(store, book) == []
    assert [(group.name, group.contacts) for group in calls.list_groups(store, book)] == [("Farmers", PEOPLE - 1)]
