"""Each invariant of the ledger is broken by hand, found by its name, and repaired to what it was.

Erased people are in the book too: their facts have no number, only a hash that stands for it.
"""

from __future__ import annotations

from typing import Any

import apsw
import psycopg
import pytest

from daftari.model.consent import ANY, FactKind, NewFact, Scope, Source
from daftari.model.projects import Project
from daftari.rules.consent import ledger
from daftari.rules.erasure.erase import erase_number
from daftari.rules.integrity.check import check_project, repair_project
from daftari.store import Store, WriteTx
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, broken_in
from tests.support.cases import each

NUMBERS = 254_722_000_000
CLEAR, NO_MARKETING, SUPPRESSED, LEFT_COAST, ERASED_AND_BACK, OPTED_IN_AGAIN, FAR = 1, 2, 3, 4, 5, 6, 200
UNKNOWN, ERASED = 300, 301
"""Whose numbers something is known of, and who are not in the book."""
FARMERS, COAST = 1, 2
TABLES = ("consent", "fact", "contact", "membership", "directory", "contact_group", "journal", "book")

Finding = tuple[str, bool]
CONSENT, STATUS, IDS = ("consent", True), ("consent_status", True), ("ids", True)
DIRECTORY = [("directory", True)] * 3
"""All three levels."""


def number(who: int) -> int:
    return NUMBERS + who


def know(
    store: Store,
    book: Project,
    who: int,
    scope: Scope,
    *,
    kind: FactKind = "opt_out",
    source: Source = "inbound",
    at: int = NOW,
    **more: Any,
) -> None:
    fact = NewFact(0, number(who), kind, scope, at, source, **more)

    def record(tx: WriteTx) -> None:
        ledger.record_facts(tx, facts=[fact])

    store.write(book, ACTOR, max(at, NOW), record)


@pytest.fixture
def book(store: Store) -> Project:
    """200 people, all of them in Farmers and in Coast but for what was said since."""
    project = calls.create_project(store)
    people = [{"mobile": number(who)} for who in range(1, FAR + 1)]
    everything = Scope()
    know(store, project, UNKNOWN, everything)
    for who in (ERASED_AND_BACK, OPTED_IN_AGAIN, ERASED):
        know(store, project, who, Scope("sms"))
        store.write(project, ACTOR, NOW, erase_number, mobile=number(who))
    know(store, project, OPTED_IN_AGAIN, everything, kind="opt_in", at=NOW + 9)
    for group in ("Farmers", "Coast"):
        calls.create_contacts(store, project, people, group=group)
    know(store, project, NO_MARKETING, Scope("sms", ANY, "marketing"), source="api")
    for who in (SUPPRESSED, FAR):
        know(store, project, who, everything)
    know(store, project, LEFT_COAST, Scope("sms"), kind="left_group", keyword="coast", group_id=COAST)
    assert broken_in(store, project) == []
    return project


@pytest.fixture
def contents(database: str) -> Any:
    """All rows of the book's tables, in an order, but for the number that a repair takes."""
    columns = dict.fromkeys(TABLES, "*") | {"book": "next_id, next_group_id, next_seq, next_fact"}
    return lambda: {
        table: sorted(map(str, rows_of(database, f"SELECT {columns[table]} FROM {table}"))) for table in TABLES
    }


def execute(database: str, *statements: str) -> None:
    if database.startswith("postgresql://"):
        with psycopg.connect(database) as session:
            for statement in statements:
                session.execute(statement.encode())
        return
    connection = apsw.Connection(database)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def repair(store: Store, book: Project) -> None:
    store.write(book, ACTOR, NOW + 1, repair_project)


def join(group: int, contact: int) -> str:
    return f"INSERT INTO membership (project_id, group_id, contact_id) SELECT project_id, {group}, {contact} FROM book"


def state_of(who: int, change: str) -> str:
    return f"UPDATE consent SET {change} WHERE subject_id = {number(who)}"


BREAKAGES: dict[str, tuple[list[Finding], str]] = {
    "another state": ([CONSENT], state_of(NO_MARKETING, """state = '{"cells":{"*":[2,0]}}'""")),
    "another spelling of the state": ([CONSENT], state_of(NO_MARKETING, """state = '{"cells": {"*": [1, 0]}}'""")),
    "a state that allows everything again": ([CONSENT], state_of(SUPPRESSED, "state = '{}', suppressed = 0")),
    "a state that cannot be read": ([CONSENT], state_of(SUPPRESSED, "state = 'no JSON'")),
    "a state of no one in the book": ([CONSENT], state_of(UNKNOWN, "state = '{}'")),
    "a number that is not suppressed and looks so": ([CONSENT], state_of(NO_MARKETING, "suppressed = 1")),
    "a suppressed number that does not look so": ([CONSENT], state_of(SUPPRESSED, "suppressed = 0")),
    "a state that is missing": ([CONSENT], f"DELETE FROM consent WHERE subject_id = {number(SUPPRESSED)}"),
    "all states missing": ([CONSENT] * 9, "DELETE FROM consent"),
    "a state without facts": (
        [CONSENT],
        "INSERT INTO consent (project_id, subject_id, suppressed, state) SELECT project_id, 254733000000, 1,"
        """ '{"cells":{"*":[63,0]}}' FROM book""",
    ),
    "an erased number's other state": ([CONSENT] * 3, "UPDATE consent SET state = '{}' WHERE subject_id < 0"),
    "an erased number's missing state": ([CONSENT] * 3, "DELETE FROM consent WHERE subject_id < 0"),
    "a state without facts of an erased number": (
        [CONSENT],
        "INSERT INTO consent (project_id, subject_id, suppressed, state) SELECT project_id, -5, 0, '{}' FROM book",
    ),
    "a state of one who opted in again after the erasure": ([CONSENT], state_of(OPTED_IN_AGAIN, "suppressed = 1")),
    "one of whom nothing is known, listed as known": (
        [STATUS],
        f"UPDATE contact SET consent_status = 1 WHERE id = {CLEAR}",
    ),
    "one of whom something is known, listed as if not": (
        [STATUS],
        f"UPDATE contact SET consent_status = 0 WHERE id = {NO_MARKETING}",
    ),
    "one who may be messaged, listed as suppressed": (
        [STATUS, *DIRECTORY],
        f"UPDATE contact SET consent_status = 2 WHERE id = {CLEAR}",
    ),
    "one who is suppressed, listed as if not": (
        [STATUS, *DIRECTORY],
        f"UPDATE contact SET consent_status = 1 WHERE id = {SUPPRESSED}",
    ),
    "one who is suppressed, listed as unknown": (
        [STATUS, *DIRECTORY],
        f"UPDATE contact SET consent_status = 0 WHERE id = {FAR}",
    ),
    "one who was erased and is back, listed as unknown": (
        [STATUS, *DIRECTORY],
        f"UPDATE contact SET consent_status = 0 WHERE id = {ERASED_AND_BACK}",
    ),
    "everyone listed as suppressed": ([STATUS] * 197, "UPDATE contact SET consent_status = 2"),
    "one who is suppressed in a group": ([STATUS, *DIRECTORY], join(FARMERS, SUPPRESSED)),
    "one who was erased and is back in a group": ([STATUS, *DIRECTORY], join(COAST, ERASED_AND_BACK)),
    "one who left a group back in it": ([STATUS, *DIRECTORY], join(COAST, LEFT_COAST)),
    "a number too large in the directory of the default list": (
        [("directory", True)],
        "UPDATE directory SET members = members + 1 WHERE list = -1 AND level = 1 AND block = 0",
    ),
    "a number too small in the directory of the default list": (
        [("directory", True)],
        "UPDATE directory SET members = members - 1 WHERE list = -1 AND level = 3",
    ),
    "no directory of the default list": ([("directory", True)] * 6, "DELETE FROM directory WHERE list = -1"),
    "a next fact that is there": ([IDS], "UPDATE book SET next_fact = next_fact - 1"),
    "the first fact next": ([IDS], "UPDATE book SET next_fact = 1"),
}


@each("what", BREAKAGES)
def test_what_is_broken_is_named_and_repaired_to_what_it_was(
    store: Store, book: Project, database: str, contents: Any, what: str
) -> None:
    findings, statement = BREAKAGES[what]
    before = contents()
    execute(database, statement)
    assert contents() != before
    found = broken_in(store, book)
    if what.startswith("everyone"):
        found = [finding for finding in found if finding != ("directory", True)]
    assert found == findings
    repair(store, book)
    assert broken_in(store, book) == []
    assert contents() == before


@pytest.mark.parametrize("who", [NO_MARKETING, SUPPRESSED])
def test_where_the_facts_are_gone_nothing_is_known(store: Store, book: Project, database: str, who: int) -> None:
    """What is lost cannot be repaired; what followed from it is found and goes."""
    execute(database, f"DELETE FROM fact WHERE subject_id = {number(who)}")
    assert broken_in(store, book)[:2] == [CONSENT, STATUS]
    repair(store, book)
    assert broken_in(store, book) == []
    assert rows_of(database, f"SELECT * FROM consent WHERE subject_id = {number(who)}") == []
    assert rows_of(database, f"SELECT consent_status FROM contact WHERE id = {who}") == [(0,)]


def test_an_opt_out_that_was_lost_on_the_way_counts_once_it_is_back(store: Store, book: Project, database: str) -> None:
    """A fact by hand is no state yet: the check finds what should follow, and the repair lets it."""
    execute(
        database,
        "INSERT INTO fact (project_id, subject_id, id, kind, channel, sender, purpose, at, recorded_at, source,"
        f" keyword, override, receipt, single, from_file)"
        f" SELECT project_id, {number(CLEAR)}, next_fact, 'opt_out', '*', '*', '*', 1, 1, 'inbound', '', 0, 1, 0, 0"
        " FROM book",
    )
    assert broken_in(store, book) == [IDS, CONSENT, STATUS, STATUS, STATUS]
    repair(store, book)
    assert broken_in(store, book) == []
    assert rows_of(database, f"SELECT consent_status FROM contact WHERE id = {CLEAR}") == [(2,)]
    assert rows_of(database, f"SELECT * FROM membership WHERE contact_id = {CLEAR}") == []


def test_a_finding_names_the_contact_the_subject_and_the_list(store: Store, book: Project, database: str) -> None:
    execute(
        database,
        state_of(UNKNOWN, "state = '{}'"),
        f"UPDATE contact SET consent_status = 1 WHERE id = {CLEAR}",
        join(COAST, LEFT_COAST),
        "UPDATE directory SET members = 9 WHERE list = -1 AND level = 3",
    )
    sentences = " ".join(finding.sentence for finding in store.read(book, NOW, check_project))
    for part in (f"subject {number(UNKNOWN)}", f"Contact {CLEAR} ", f"Contact {LEFT_COAST} is in group {COAST}"):
        assert part in sentences
    assert "the default list says 9" in sentences


def test_a_repair_of_a_sound_ledger_changes_nothing(store: Store, book: Project, contents: Any) -> None:
    before = contents()
    repair(store, book)
    assert contents() == before


def test_another_project_s_facts_are_not_this_one_s(store: Store, book: Project, database: str) -> None:
    kalro = calls.create_project(store, "Kalro")
    calls.create_contacts(store, kalro, [{"mobile": number(SUPPRESSED)}], group="Farmers")
    execute(database, f"DELETE FROM consent WHERE project_id = {book.id}")
    assert broken_in(store, kalro) == []
    assert rows_of(database, f"SELECT consent_status FROM contact WHERE project_id = {kalro.id}") == [(0,)]
