"""The journal: one row a write, numbered without a gap, who did what to which ids, and nothing about a person.

What a DELETE says about a number is a fact of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from daftari.errors import DaftariError
from daftari.model.consent import NewFact, Scope
from daftari.model.inbound import InboundMessage
from daftari.model.limits import ID_MAX
from daftari.model.projects import Actor, Project
from daftari.model.time import format_time
from daftari.rules import events
from daftari.rules.consent import ledger
from daftari.rules.erasure.subject_export import export_number
from daftari.rules.events import Action
from daftari.rules.numbers import Reference
from daftari.store import Store, WriteTx
from daftari.store.journal import list_journal, read_left, written_left, written_ranges
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.calls import NOW
from tests.support.cases import each

ANA = Actor(41, "7f3c-ana")
BEN = Actor(None, "daftari check --repair")
PEOPLE: list[Any] = [{"mobile": 254_722_000_000 + number, "fname": "Wanjiku"} for number in range(5)]

Journal = Callable[[], list[tuple[Any, ...]]]
Write = Callable[[Store, Project, Actor, int], object]


@pytest.fixture
def book(store: Store) -> Project:
    """Wanjiku five times, with ids 1 to 5 in Farmers, and an empty group Coast: two rows."""
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE, group="Farmers")
    calls.create_group(store, project, "Coast")
    return project


@pytest.fixture
def journal(database: str, book: Project) -> Journal:
    """The rows that came after the first two."""
    columns = "seq, at, key_id, request_id, action, group_id, contacts"
    return lambda: rows_of(
        database, f"SELECT {columns} FROM journal WHERE project_id = {book.id} AND seq > 2 ORDER BY seq"
    )


WRITES: dict[str, tuple[Write, str, int | None, str]] = {
    "new contacts into a group": (
        lambda store, book, actor, now: calls.create_contacts(
            store, book, [{"mobile": "0733000001"}, {"mobile": "0733000002"}], group="Coast", now=now, actor=actor
        ),
        "create_contacts",
        2,
        "6-7",
    ),
    "new, changed and unchanged contacts": (
        lambda store, book, actor, now: calls.create_contacts(
            store,
            book,
            [{"mobile": "0733000001"}, PEOPLE[0], {**PEOPLE[2], "fname": "Achieng"}, PEOPLE[4]],
            now=now,
            actor=actor,
        ),
        "create_contacts",
        None,
        "3,6",
    ),
    "contacts that are there, into a new group": (
        lambda store, book, actor, now: calls.create_contacts(
            store, book, [PEOPLE[0], PEOPLE[1], PEOPLE[3]], group="New", now=now, actor=actor
        ),
        "create_contacts",
        3,
        "1-2,4",
    ),
    "another name for a contact": (
        lambda store, book, actor, now: calls.update_contact(
            store, book, "3", {"fname": "Achieng"}, now=now, actor=actor
        ),
        "update_contact",
        None,
        "3",
    ),
    "another mobile for a contact": (
        lambda store, book, actor, now: calls.update_contact(
            store, book, "0722000002", {"mobile": "0733000009"}, now=now, actor=actor
        ),
        "update_contact",
        None,
        "3",
    ),
    "a move": (
        lambda store, book, actor, now: calls.update_contact(
            store, book, "3", None, group="coast ", now=now, actor=actor
        ),
        "update_contact",
        2,
        "3",
    ),
    "a delete": (
        lambda store, book, actor, now: calls.delete_contact(store, book, "3", now=now, actor=actor),
        "delete_contact",
        None,
        "3",
    ),
    "a delete of a number that no contact has": (
        lambda store, book, actor, now: calls.delete_contact(store, book, "0733000001", now=now, actor=actor),
        "delete_contact",
        None,
        "",
    ),
    "a new group": (
        lambda store, book, actor, now: calls.create_group(store, book, "New", now=now, actor=actor),
        "create_group",
        3,
        "",
    ),
    "another name for a group": (
        lambda store, book, actor, now: calls.update_group(store, book, "COAST", "Pwani", now=now, actor=actor),
        "update_group",
        2,
        "",
    ),
    "another spelling of a group's name": (
        lambda store, book, actor, now: calls.update_group(store, book, "coast", "COAST", now=now, actor=actor),
        "update_group",
        2,
        "",
    ),
    "a group deleted": (
        lambda store, book, actor, now: calls.delete_group(store, book, "Farmers", now=now, actor=actor),
        "delete_group",
        1,
        "",
    ),
    "some who join": (
        lambda store, book, actor, now: calls.join_group(
            store, book, "Coast", ids=[5, 1, 99], mobiles=[254_722_000_001], now=now, actor=actor
        ),
        "join_group",
        2,
        "1-2,5",
    ),
    "some who leave": (
        lambda store, book, actor, now: calls.leave_group(
            store, book, "Farmers", ids=[5, 5, 99], mobiles=[254_722_000_003], now=now, actor=actor
        ),
        "leave_group",
        1,
        "4-5",
    ),
}


@pytest.mark.parametrize("actor", [ANA, BEN], ids=["a key", "a command"])
@pytest.mark.parametrize("what", WRITES)
def test_a_write_leaves_one_row_that_says_who_did_what_to_which_ids(
    store: Store, book: Project, journal: Journal, what: str, actor: Actor
) -> None:
    write, action, group_id, contacts = WRITES[what]
    write(store, book, actor, NOW + 7)
    assert journal() == [(3, NOW + 7, actor.key_id, actor.request_id, action, group_id, contacts)]


NOTHING_NEW: dict[str, Write] = {
    "contacts as they are": lambda store, book, actor, now: calls.create_contacts(store, book, PEOPLE),
    "blank fields": lambda store, book, actor, now: calls.create_contacts(
        store, book, [{"mobile": "0722000000", "fname": " ", "city": None, "attributes": {"plot": ""}}]
    ),
    "contacts into a group that they are in": lambda store, book, actor, now: calls.create_contacts(
        store, book, PEOPLE[:2], group=" FARMERS"
    ),
    "nothing but invalid rows": lambda store, book, actor, now: calls.create_contacts(
        store, book, [{"mobile": "abc"}], group="New", skip=True
    ),
    "a contact sent back as it was read": lambda store, book, actor, now: calls.update_contact(
        store, book, "1", {"id": 1, "mobile": "254722000000", "fname": "Wanjiku", "lname": None, "created_at": "x"}
    ),
    "a move to where a contact is": lambda store, book, actor, now: calls.update_contact(
        store, book, "1", None, group="Farmers"
    ),
    "a group's own name": lambda store, book, actor, now: calls.update_group(store, book, "coast", "Coast"),
    "members who join again": lambda store, book, actor, now: calls.join_group(
        store, book, "Farmers", ids=[1, 2], mobiles=[]
    ),
    "no known contact who joins": lambda store, book, actor, now: calls.join_group(
        store, book, "Coast", ids=[99], mobiles=[254_733_000_000]
    ),
    "no member who leaves": lambda store, book, actor, now: calls.leave_group(
        store, book, "Coast", ids=[1, 99], mobiles=[]
    ),
}


@each("what", NOTHING_NEW)
def test_a_write_that_changes_nothing_leaves_no_row(
    store: Store, book: Project, journal: Journal, database: str, what: str
) -> None:
    tables = ("book", "contact", "contact_group", "membership", "directory", "fact", "consent")
    before = [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables]
    NOTHING_NEW[what](store, book, ANA, NOW + 7)
    assert journal() == []
    assert [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables] == before


def test_a_value_of_another_kind_is_a_change_even_where_python_finds_it_equal(
    store: Store, book: Project, journal: Journal
) -> None:
    values = [1, True, 1.0, 0, False]
    for value in values:
        given = {"mobile": "0722000000", "attributes": {"plot": value}}
        assert calls.create_contacts(store, book, [given]).updated == 1
        assert f'"plot":{json.dumps(value)}' in calls.get_contact(store, book, "1")
    for value in values:
        calls.update_contact(store, book, "1", {"attributes": {"plot": value}})
        assert f'"plot":{json.dumps(value)}' in calls.get_contact(store, book, "1")
    assert len(journal()) == 2 * len(values)


REFUSED: dict[str, Write] = {
    "a wrong row among good ones": lambda store, book, actor, now: calls.create_contacts(
        store, book, [{"mobile": "0733000001"}, {"mobile": "abc"}], group="New"
    ),
    "a mobile that is taken": lambda store, book, actor, now: calls.update_contact(
        store, book, "1", {"mobile": "0722000001", "fname": "Achieng"}, group="New"
    ),
    "an update of no contact": lambda store, book, actor, now: calls.update_contact(
        store, book, "99", {"fname": "Achieng"}, group="New"
    ),
    "a removal of no contact": lambda store, book, actor, now: calls.delete_contact(
        store, book, "0733000001", reason="removal"
    ),
    "a delete of what is no number": lambda store, book, actor, now: calls.delete_contact(store, book, "99"),
    "a name that is taken": lambda store, book, actor, now: calls.update_group(store, book, "Coast", "farmers"),
    "a group that is there": lambda store, book, actor, now: calls.create_group(store, book, "COAST"),
    "a group that is not": lambda store, book, actor, now: calls.join_group(store, book, "New", ids=[1], mobiles=[]),
}


@each("what", REFUSED)
def test_a_write_that_is_refused_leaves_no_row_and_nothing_else(
    store: Store, book: Project, journal: Journal, database: str, what: str
) -> None:
    tables = ("book", "contact", "contact_group", "membership", "directory", "fact", "consent")
    before = [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables]
    with pytest.raises(DaftariError):
        REFUSED[what](store, book, ANA, NOW + 7)
    assert journal() == []
    assert [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables] == before


def test_no_number_name_or_card_is_ever_in_the_journal(store: Store, book: Project, database: str) -> None:
    for write, *_ in WRITES.values():
        try:
            write(store, book, ANA, NOW + 7)
        except DaftariError:
            continue
    rows = rows_of(database, "SELECT * FROM journal")
    assert len(rows) > 10
    for personal in ("2547", "07220", "07330", "Wanjiku", "Achieng", "Farmers", "Coast", "Pwani", "fname"):
        assert personal not in str([row[4:] for row in rows])


def test_the_rows_are_numbered_without_a_gap_despite_refusals_between(
    store: Store, book: Project, database: str
) -> None:
    for write in (*(write for write, *_ in WRITES.values()), *NOTHING_NEW.values(), *REFUSED.values()):
        try:
            write(store, book, ANA, NOW + 7)
        except DaftariError:
            continue
    numbers = [row[0] for row in rows_of(database, "SELECT seq FROM journal ORDER BY seq")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert rows_of(database, "SELECT next_seq, oldest_seq FROM book") == [(len(numbers) + 1, 1)]


def test_a_delete_keeps_number_time_reason_and_purpose(store: Store, book: Project, database: str) -> None:
    calls.delete_contact(store, book, "0722 000 002", reason="STOP", purpose="marketing", at=NOW - 60, now=NOW)
    calls.delete_contact(store, book, "5", reason="removal", at=NOW, now=NOW)
    calls.delete_contact(store, book, "+256 772 123456", at=NOW - 3, now=NOW, actor=BEN)
    columns = "project_id, subject_id, id, kind, channel, sender, purpose, at, recorded_at, source, key_id, evidence"
    assert rows_of(database, f"SELECT {columns} FROM fact ORDER BY id") == [
        (
            *(book.id, 254_722_000_002, 1, "opt_out", "*", "*", "marketing", NOW - 60, NOW, "delete", 9),
            '{"note":"STOP"}',
        ),
        (book.id, 256_772_123_456, 2, "opt_out", "*", "*", "*", NOW - 3, NOW, "delete", None, None),
    ]
    assert [row[0] for row in rows_of(database, "SELECT contacts FROM journal WHERE seq > 2 ORDER BY seq")] == [
        "3",
        "5",
        "",
    ]


def test_a_number_deleted_at_another_time_is_kept_each_time(store: Store, book: Project, database: str) -> None:
    for later in range(3):
        calls.delete_contact(store, book, "0722000002", at=NOW + later, now=NOW + 3)
    facts = "SELECT id, subject_id, at FROM fact ORDER BY id"
    kept = [(number, 254_722_000_002, NOW + number - 1) for number in (1, 2, 3)]
    assert rows_of(database, facts) == kept
    calls.delete_contact(store, book, "0722000002", at=NOW + 1, now=NOW + 3)
    assert rows_of(database, facts) == kept


def test_projects_number_their_journals_apart(store: Store, book: Project, database: str) -> None:
    kalro = calls.create_project(store, "Kalro")
    calls.create_contacts(store, kalro, PEOPLE)
    calls.create_group(store, book, "New")
    found = rows_of(database, "SELECT project_id, seq FROM journal ORDER BY project_id, seq")
    assert found == [(book.id, 1), (book.id, 2), (book.id, 3), (kalro.id, 1)]


# ---- which facts, and who left which group ----------------------------------------------------------


@pytest.fixture
def reported(store: Store, book: Project) -> Callable[[], list[tuple[Any, ...]]]:
    """Of the rows after the first two: action, first and last fact, and the contacts by the group that they left."""

    def reported() -> list[tuple[Any, ...]]:
        rows = store.read(book, NOW, list_journal, first=3, last=ID_MAX, limit=1_000)
        return [(row.action, row.first_fact, row.last_fact, read_left(row.left_groups)) for row in rows]

    return reported


Reported = Callable[[], list[tuple[Any, ...]]]


def test_a_write_without_facts_names_none(store: Store, book: Project, database: str, reported: Reported) -> None:
    calls.create_contacts(store, book, [{"mobile": "0733000001"}])
    assert reported() == [("create_contacts", None, None, {})]
    assert rows_of(database, "SELECT first_fact, last_fact, left_groups FROM journal WHERE seq = 3") == [
        (None, None, "")
    ]


def test_a_move_names_which_groups_were_left(store: Store, book: Project, reported: Reported) -> None:
    calls.join_group(store, book, "Coast", ids=[3, 4], mobiles=[])
    calls.update_contact(store, book, "3", None, group="New")
    calls.update_contact(store, book, "4", None, group="Farmers")
    calls.update_contact(store, book, "4", None, group="Another", move=False)
    assert reported()[1:] == [
        ("update_contact", None, None, {1: [3], 2: [3]}),
        ("update_contact", None, None, {2: [4]}),
        ("update_contact", None, None, {}),
    ]


def test_leaving_a_group_names_who_left(store: Store, book: Project, reported: Reported) -> None:
    calls.leave_group(store, book, "Farmers", ids=[1, 2, 5], mobiles=[])
    assert reported() == [("leave_group", None, None, {1: [1, 2, 5]})]


def test_a_delete_names_its_fact_and_the_groups_that_were_left(store: Store, book: Project, reported: Reported) -> None:
    calls.join_group(store, book, "Coast", ids=[2], mobiles=[])
    calls.delete_contact(store, book, "2")
    calls.delete_contact(store, book, "3", reason="removal")
    calls.delete_contact(store, book, "0733000001", at=NOW)
    calls.delete_contact(store, book, "0733000001", at=NOW)
    assert reported()[1:] == [
        ("delete_contact", 1, 1, {1: [2], 2: [2]}),
        ("delete_contact", None, None, {1: [3]}),
        ("delete_contact", 2, 2, {}),
        ("delete_contact", None, None, {}),
    ]


def test_a_stop_names_its_fact_and_the_groups_that_were_left(store: Store, book: Project, reported: Reported) -> None:
    calls.join_group(store, book, "Coast", ids=[1, 2], mobiles=[])
    for number, text in enumerate(["STOP", "STOP COAST", "START"]):
        heard = InboundMessage(f"+25472200000{number}", "sms", "20880", text, None, None)
        consent_calls.receive_events(store, book, [heard], now=NOW + 1 + number)
    assert reported()[1:] == [
        ("inbound", 1, 1, {1: [1], 2: [1]}),
        ("inbound", 2, 2, {2: [2]}),
        ("inbound", 3, 3, {}),
    ]


def test_opt_outs_in_bulk_name_all_their_facts_and_who_left_what(
    store: Store, book: Project, reported: Reported
) -> None:
    calls.join_group(store, book, "Coast", ids=[2], mobiles=[])
    given = ["+254722000000", "+254722000001", "+254722000003", "+254733000001"]
    consent_calls.record_given(store, book, given, common={}, kind="opt_out", now=NOW)
    consent_calls.record_given(store, book, given, common={"at": format_time(NOW)}, kind="opt_out", now=NOW)
    assert reported()[1:] == [("opt_outs", 1, 4, {1: [1, 2, 4], 2: [2]})]


def test_a_group_that_takes_the_name_of_one_that_was_left_names_who_leaves_it(
    store: Store, book: Project, reported: Reported
) -> None:
    heard = InboundMessage("+254722000000", "sms", "20880", "STOP FARMERS", None, None)
    consent_calls.receive_events(store, book, [heard], now=NOW + 1)
    calls.update_group(store, book, "Farmers", "Elders")
    calls.join_group(store, book, "Coast", ids=[1, 2], mobiles=[])
    calls.update_group(store, book, "Coast", "Farmers")
    assert reported()[-1] == ("update_group", None, None, {2: [1]})


def test_an_erasure_names_its_fact_and_neither_it_nor_an_earlier_row_names_the_contact(
    store: Store, book: Project, reported: Reported
) -> None:
    calls.join_group(store, book, "Coast", ids=[2, 3], mobiles=[])
    calls.update_contact(store, book, "3", None, group="Farmers")
    calls.leave_group(store, book, "Farmers", ids=[2, 3, 4], mobiles=[])
    calls.join_group(store, book, "Farmers", ids=[3], mobiles=[])
    consent_calls.erase_number(store, book, 254_722_000_002, now=NOW)
    assert reported()[-1] == ("erase_number", 1, 1, {})
    consent_calls.clear_journal(store, book)
    assert [left for *_, left in reported()] == [{}, {}, {1: [2, 4]}, {}, {}]
    rows = store.read(book, NOW, list_journal, first=1, last=ID_MAX, limit=1_000)
    assert not any(row.names(3) for row in rows)
    assert any(row.names(2) and row.names(4) for row in rows)


def test_what_a_person_left_is_in_their_export(store: Store, book: Project) -> None:
    heard = InboundMessage("+254722000000", "sms", "20880", "STOP FARMERS", None, None)
    consent_calls.receive_events(store, book, [heard], now=NOW + 1)
    calls.update_group(store, book, "Farmers", "Elders")
    calls.join_group(store, book, "Coast", ids=[1], mobiles=[])
    calls.update_group(store, book, "Coast", "Farmers")
    found = store.read(book, NOW, export_number, reference=Reference("1", "KE"))
    actions = [entry.action for entry in found.journal]
    assert actions == ["create_contacts", "inbound", "join_group", "update_group"]


def test_each_of_several_acts_in_one_transaction_names_its_own_facts(
    store: Store, book: Project, reported: Reported
) -> None:
    def write_twice(tx: WriteTx) -> None:
        for seconds, action in ((1, Action.RECEIVE_INBOUND), (2, Action.RECORD_OPT_OUTS)):
            given = NewFact(0, 254_733_000_001, "opt_out", Scope("sms"), NOW + seconds, "api")
            events.record(tx, action, *ledger.record_facts(tx, facts=[given]).events)
        events.record(tx, Action.FREEZE_AUDIENCE)

    store.write(book, ANA, NOW, write_twice)
    assert reported() == [("inbound", 1, 1, {}), ("opt_outs", 2, 2, {}), ("freeze_audience", None, None, {})]


@pytest.mark.parametrize(
    ("left", "written"),
    [
        ({}, ""),
        ({5: [4]}, "5:4"),
        ({5: [4], 2: [7, 1, 3, 2]}, "2:1-3,7;5:4"),
    ],
)
def test_who_left_is_written_by_group(left: dict[int, list[int]], written: str) -> None:
    assert written_left(left) == written
    assert read_left(written) == {group_id: sorted(ids) for group_id, ids in left.items()}


# ---- how ids are written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "written"),
    [
        ([], ""),
        ([5], "5"),
        ([2, 1], "1-2"),
        ([1, 3, 1], "1,3"),
        ([9, 1, 2, 3, 7, 8], "1-3,7-9"),
        ([1, 3, 5], "1,3,5"),
        (range(1, 1_001), "1-1000"),
        ({2**62, 2**62 + 1}, f"{2**62}-{2**62 + 1}"),
    ],
)
def test_ids_are_written_as_ranges(ids: list[int], written: str) -> None:
    assert written_ranges(ids) == written
