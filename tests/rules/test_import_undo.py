"""Undo: the book is as it was, but for what others have changed since; no one joins or comes back by it."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest

from daftari.errors import ValidationFailed, WrongImportState
from daftari.model.consent import NewFact, Scope
from daftari.model.limits import ID_MAX
from daftari.rules.consent import ledger
from daftari.rules.imports import lifecycle
from daftari.rules.imports.model import Import
from daftari.store import Store, journal
from tests.api.test_erasures import tables
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, broken_in
from tests.support.imports import Office

GONE = 254711223344
FILE = """phone,first name,city,groups
0722000001,Wanjiru,Nairobi,
0722000002,Otieno,,VIP;Farmers
0722000003,Achieng,,
0722000004,,,VIP
+254722000001,,Mombasa,VIP
0722000002,,Kisumu,
"""
_names = (f"Project {number}" for number in itertools.count())


@pytest.fixture
def office(store: Store, database: str) -> Office:
    office = Office(store, database, calls.create_project(store, next(_names)))
    given = [{"mobile": "0722000003", "fname": "Achi", "company": "Duka"}, {"mobile": "0722000004"}]
    calls.create_contacts(store, office.project, given, group="Old")
    return office


def _undone(found: Import) -> dict[str, int]:
    return {name: many for name, many in (found.progress.undone or {}).items() if many}


def _say(office: Office, kind: Any, mobile: int, **values: Any) -> None:
    fact = NewFact(0, mobile, kind, Scope(), office.tick(), values.pop("source", "api"), **values)
    office.store.write(office.project, ACTOR, office.now, ledger.record_facts, facts=[fact])


def _people(office: Office) -> dict[str, Any]:
    """The book, but for groups that are empty now and for ids that were used."""
    book = office.book()
    filled = {row[0] for row in book["membership"]}
    book["contact_group"] = [row for row in book["contact_group"] if row[0] in filled]
    return book


def test_an_undo_puts_everything_back_as_it_was(office: Office) -> None:
    before = _people(office)
    found = office.bring(FILE, chunk_records=1, group="New")
    assert _people(office) != before
    undone = office.undo(found.id)
    assert _people(office) == before
    assert (undone.stored.state, undone.stored.phase) == ("done", "undo")
    assert _undone(undone) == {"reversed": 4}
    assert broken_in(office.store, office.project) == []
    assert office.table("import_change", "contact_id") == office.table("import_join", "chunk") == []


@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_undo_counts_each_contact_once_however_the_file_was_cut(office: Office, size: int) -> None:
    found = office.bring(FILE, chunk_records=size, batch=3)
    assert _undone(office.undo(found.id)) == {"reversed": 4}


def test_removals_are_kept_and_are_no_opt_outs(office: Office) -> None:
    found = office.bring(FILE)
    office.undo(found.id, reason="the wrong list")
    assert office.table("removal", "mobile, reason") == [
        (254722000001, "the wrong list"), (254722000002, "the wrong list"),
    ]  # fmt: skip
    assert office.table("fact", "subject_id") == []


def test_what_others_have_changed_since_is_kept(office: Office) -> None:
    found = office.bring(FILE)
    store, project = office.store, office.project
    calls.create_contacts(store, project, [{"mobile": "0722000001", "lname": "Edited"}], now=office.tick())
    calls.create_contacts(store, project, [{"mobile": "0722000002"}], group="Another", now=office.tick())
    calls.create_contacts(store, project, [{"mobile": "0722000003", "city": "Edited"}], now=office.tick())
    kept = [row for row in office.book()["contact"] if row[1] != 254722000004]
    undone = office.undo(found.id)
    assert _undone(undone) == {"kept": 3, "reversed": 1}
    assert [row for row in office.book()["contact"] if row[1] != 254722000004] == kept
    assert office.members()["VIP"] == ["254722000001", "254722000002"]
    assert broken_in(store, project) == []


def test_a_contact_that_was_deleted_and_made_again_since_is_another_one(office: Office) -> None:
    found = office.bring(FILE)
    store, project = office.store, office.project
    calls.delete_contact(store, project, "254722000001", reason="removal", now=office.tick())
    calls.create_contacts(store, project, [{"mobile": "0722000001", "fname": "Anew"}], now=office.tick())
    calls.delete_contact(store, project, "254722000003", reason="removal", now=office.tick())
    undone = office.undo(found.id)
    assert _undone(undone) == {"kept": 2, "reversed": 2}
    names = {row[1]: row[2].partition('"fname":')[2].partition(",")[0] for row in office.book()["contact"]}
    assert names == {254722000001: '"Anew"', 254722000004: "null"}


def test_a_contact_whose_number_changed_since_is_kept_under_the_new_one(office: Office) -> None:
    found = office.bring(FILE)
    calls.update_contact(office.store, office.project, "254722000003", {"mobile": "0722000099"}, now=office.tick())
    assert _undone(office.undo(found.id)) == {"kept": 1, "reversed": 3}
    assert {row[1] for row in office.book()["contact"]} == {254722000004, 254722000099}


def test_no_one_joins_anything_by_an_undo_not_even_who_opted_out_since(office: Office) -> None:
    found = office.bring(FILE)
    _say(office, "opt_out", 254722000004)
    office.undo(found.id)
    assert "254722000004" not in {mobile for mobiles in office.members().values() for mobile in mobiles}
    assert [row[3] for row in office.book()["contact"] if row[1] == 254722000004] == [2]
    assert broken_in(office.store, office.project) == []


def test_a_group_that_was_deleted_since_keeps_no_one(office: Office) -> None:
    found = office.bring(FILE)
    calls.delete_group(office.store, office.project, "VIP", now=office.tick())
    assert _undone(office.undo(found.id)) == {"reversed": 4}
    while calls.purge_group(office.store, office.project):
        pass
    assert broken_in(office.store, office.project) == []


# ---- consent ----------------------------------------------------------------------------------------


def test_its_opt_ins_are_taken_back_so_that_earlier_opt_outs_hold_again(office: Office) -> None:
    _say(office, "opt_out", 254722000003)
    before = office.book()["consent"]
    found = office.bring("phone\n0722000003\n0722000004\n", kind="opt_ins", chunk_records=1)
    assert office.book()["consent"] != before
    undone = office.undo(found.id)
    assert _undone(undone) == {"retracted": 2}
    states = {row[0]: row[1] for row in office.book()["consent"]}
    assert states == {254722000003: 1, 254722000004: 0}
    assert broken_in(office.store, office.project) == []


def test_its_opt_outs_are_taken_back_only_when_asked_explicitly_with_a_reason(office: Office) -> None:
    text = "phone\n0722000003\n0722000009\n"
    found = office.bring(text, kind="opt_outs")
    with pytest.raises(ValidationFailed, match="reason"):
        office.undo(found.id, opt_outs=True)
    assert _undone(office.undo(found.id)) == {}
    assert {row[0]: row[1] for row in office.book()["consent"]} == {254722000003: 1, 254722000009: 1}
    other = office.bring(text, kind="opt_outs")
    assert _undone(office.undo(other.id, opt_outs=True, reason="another company's list")) == {"retracted": 2}
    assert {row[0]: row[1] for row in office.book()["consent"]} == {254722000003: 1, 254722000009: 1}


def test_opt_outs_that_were_taken_back_hold_no_more_and_restore_no_group(office: Office) -> None:
    found = office.bring("phone\n0722000003\n", kind="opt_outs")
    undone = office.undo(found.id, opt_outs=True, reason="another company's list")
    assert _undone(undone) == {"retracted": 1}
    assert {row[0]: row[1] for row in office.book()["consent"]} == {254722000003: 0}
    assert office.members()["Old"] == ["254722000004"]
    evidence = [row for row in office.table("fact", "kind, evidence") if row[0] == "retraction"]
    assert "another company's list" in evidence[0][1]


def test_a_row_that_only_brought_a_fact_is_not_a_failure_of_the_undo(office: Office) -> None:
    says = '"[{""kind"":""opt_in"",""source"":""form"",""at"":""2023-01-01T00:00:00.000000Z""}]"'
    found = office.bring(f"id,mobile,consent\n1,0722000003,{says}\n", chunk_records=1)
    assert office.outcomes(found.id) == ["updated"]
    assert _undone(office.undo(found.id)) == {"retracted": 1}


# ---- its rows in the journal ------------------------------------------------------------------------


def _reported(office: Office, since: int = 1) -> list[tuple[Any, ...]]:
    """Of the rows from a number on: action, contacts, first and last fact, and contacts by the group that they left."""
    rows = office.store.read(office.project, NOW, journal.list_journal, first=since, last=ID_MAX, limit=1_000)
    return [
        (row.action, row.contacts, row.first_fact, row.last_fact, journal.read_left(row.left_groups)) for row in rows
    ]


def test_the_journal_names_the_facts_of_an_import_and_of_its_undo_and_who_left_what(office: Office) -> None:
    found = office.bring("phone\n0722000003\n0722000009\n0722000004\n", kind="opt_outs", chunk_records=2, batch=2)
    office.undo(found.id, opt_outs=True, reason="another company's list")
    assert _reported(office, 2) == [
        ("create_import", "", None, None, {}),
        ("import_consent", "1", 1, 2, {1: [1]}),
        ("import_consent", "2", 3, 3, {1: [2]}),
        ("finish_import", "", None, None, {}),
        ("undo_import", "", None, None, {}),
        ("undo_import", "1", 4, 5, {}),
        ("undo_import", "2", 6, 6, {}),
        ("finish_import", "", None, None, {}),
    ]


def test_the_journal_names_whom_an_undo_takes_out_of_groups_and_whom_it_removes(office: Office) -> None:
    found = office.bring(FILE, group="New", chunk_records=100)
    office.undo(found.id)
    left_by_action = {action: left for action, _, _, _, left in _reported(office, 2) if left}
    groups = {name: number for number, name in office.table("contact_group", "id, name")}
    new, vip, farmers = groups["New"], groups["VIP"], groups["Farmers"]
    assert left_by_action == {
        "undo_import": {new: [1, 2], vip: [2]},
        "delete_contacts": {new: [3, 4], vip: [3, 4], farmers: [4]},
    }


# ---- erasure ----------------------------------------------------------------------------------------


def _erase(office: Office) -> None:
    consent_calls.erase_number(office.store, office.project, GONE, now=office.tick())
    consent_calls.clear_journal(office.store, office.project)


def _traces(office: Office) -> list[str]:
    """The tables that hold an erased number, in whatever form; the waiting file excepted."""

    def holds(value: object) -> bool:
        if isinstance(value, int):
            return abs(value) == GONE
        if isinstance(value, bytes | memoryview):
            held = bytes(value)
            return struct.pack("<q", GONE) in held or struct.pack(">q", GONE) in held or str(GONE)[3:].encode() in held
        return str(GONE)[3:] in "".join(filter(str.isdecimal, str(value)))

    return [
        table
        for table in tables(office.database)
        if table != "file_part"
        and any(holds(value) for row in rows_of(office.database, f'SELECT * FROM "{table}"') for value in row)
    ]


def _contact_ids(office: Office, number: int) -> set[int]:
    return {row["id"] for row in office.rows(number) if row["id"]}


@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_of_an_erased_person_is_left_in_an_import_and_an_undo_brings_no_one_back(
    office: Office, is_there: bool
) -> None:
    store, project = office.store, office.project
    if is_there:
        calls.create_contacts(store, project, [{"mobile": str(GONE), "fname": "Before"}])
    text = f"phone,first name,groups\n0722000001,A,\n0{str(GONE)[3:]},Gone,VIP\nnone,see {GONE},\n"
    text += f"+254 711 223 344 x,٠٧١١٢٢٣٣٤٤,\n{GONE}.0,Again,Farmers\n"
    found = office.bring(text, chunk_records=1)
    assert {"contact", "import_reject"} <= set(_traces(office))
    gone = next(row["id"] for row in office.rows(found.id) if row["row"] == 2)
    office.work_for_real()
    _erase(office)
    assert _traces(office) == []
    assert gone not in _contact_ids(office, found.id)
    assert [row for row, _ in office.rejects(found.id)] == [3, 4]
    office.undo(found.id)
    assert _traces(office) == []
    assert {row[1] for row in office.book()["contact"]} == {254722000003, 254722000004}
    assert broken_in(store, project) == []


def test_who_is_erased_after_a_file_came_is_refused_and_not_named(office: Office) -> None:
    text = f"phone,email,groups\n0722000001,,\n0{str(GONE)[3:]},,VIP\nbad,call {GONE},\n0722000002,,\nbad,0722,\n"
    number = office.queue(text.encode(), office.settings(text.encode(), chunk_records=1))
    _erase(office)
    assert _traces(office) == []
    office.work()
    assert office.outcomes(number) == ["created", "invalid", "invalid", "created", "invalid"]
    assert _traces(office) == []
    assert (2, "The number was erased after this file came.") in office.rejects(number)
    kept = [row[1] != "null" for row in office.table("import_reject", "number, record")]
    assert kept == [False, False, True]
    assert office.get(number).stored.state == "done"


def test_an_erased_number_is_refused_in_lists_too(office: Office) -> None:
    settings = office.settings(f"phone\n{GONE}\n0722000001\n".encode(), kind="opt_ins")
    number = office.queue(f"phone\n{GONE}\n0722000001\n".encode(), settings)
    _erase(office)
    office.work()
    assert office.outcomes(number) == ["invalid", "recorded"]
    assert _traces(office) == []


# ---- pause, resume and cancel -----------------------------------------------------------------------


def test_an_undo_that_is_paused_and_resumed_puts_all_back(office: Office) -> None:
    before = _people(office)
    found = office.bring(FILE, chunk_records=1)
    office.command(lifecycle.undo_import, found.id, opt_outs=False, reason=None)
    office.command(lifecycle.pause_import, found.id)
    office.work()
    assert office.get(found.id).stored.state == "paused"
    office.command(lifecycle.resume_import, found.id)
    office.work()
    assert _people(office) == before


def test_an_undo_that_was_cancelled_can_be_begun_again(office: Office) -> None:
    before = _people(office)
    found = office.bring(FILE, chunk_records=1)
    office.command(lifecycle.undo_import, found.id, opt_outs=False, reason=None)
    office.command(lifecycle.cancel_import, found.id)
    assert office.undo(found.id).stored.state == "done"
    assert _people(office) == before


def test_an_undo_is_done_once(office: Office) -> None:
    found = office.bring(FILE)
    office.undo(found.id)
    with pytest.raises(WrongImportState, match="once"):
        office.undo(found.id)


def test_what_a_cancelled_import_wrote_can_be_undone(office: Office) -> None:
    before = _people(office)
    number = office.queue(FILE.encode(), office.settings(FILE.encode(), chunk_records=1))
    work = office.get(number)
    chunks = list(office.chunks(work))
    office.take(work, chunks[:3])
    office.command(lifecycle.cancel_import, number)
    assert not office.take(work, chunks[3:])
    assert [row[1] for row in office.book()["contact"] if row[0] > 2] == [254722000001, 254722000002]
    assert _undone(office.undo(number)) == {"reversed": 3}
    assert _people(office) == before
