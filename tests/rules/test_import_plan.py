"""A plan shows what would happen and changes nothing; applied, it does just that, or names what changed meanwhile."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings

from daftari.errors import WrongImportState
from daftari.model.consent import NewFact, Scope
from daftari.rules.consent import ledger
from daftari.rules.imports import lifecycle
from daftari.store import Store
from tests.oracles import imports as model
from tests.support import calls
from tests.support.calls import ACTOR, broken_in
from tests.support.imports import Office, shown

EXAMPLES = {"sqlite": settings().max_examples // 2, "postgres": settings().max_examples // 6}
"""What is shown of rows has little to do with the engine."""
EVERYTHING = {
    "contact": "id, mobile, card, consent_status, updated_at",
    "contact_group": "*",
    "membership": "*",
    "directory": "*",
    "fact": "*",
    "consent": "*",
    "near_miss": "*",
    "journal": "*",
    "removal": "*",
    "import_change": "*",
    "import_join": "*",
}
FILE = "phone,first name,groups\n" + "".join(
    f"07220000{number:02},Person {number},{'VIP' if number % 2 else ''}\n" for number in range(1, 9)
)
REPEATED = FILE + FILE.partition("\n")[2].replace("0722", "+254 722 ").replace("Person", "Again")
_names = (f"Project {number}" for number in itertools.count())


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return new_office(store, database)


def new_office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, next(_names)))


def _everything(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    tables = {table: office.table(table, columns) for table, columns in EVERYTHING.items()}
    # That a file came is written down.
    tables["journal"] = [row for row in tables["journal"] if "create_import" not in row]
    # So are the first contacts that would change, as they would be.
    del tables["import_change"]
    return tables


# ---- nothing changes --------------------------------------------------------------------------------


def _an_apply_does_what_the_plan_said(
    store: Store, database: str, rows: list[model.Row], people: dict[int, model.Person]
) -> None:
    office, other = new_office(store, database), new_office(store, database)
    for one in (office, other):
        model.settle(one, people)
    before = _everything(office)
    group = "Own" if len(rows) % 2 else None
    plan = office.bring(model.table(rows), planned=True, group=group, batch=3)
    foreseen, counts, rejects = office.outcomes(plan.id), shown(plan), office.rejects(plan.id)
    assert _everything(office) == before
    applied = office.apply(plan.id, batch=1)
    counts.pop("facts", None)
    assert (office.outcomes(plan.id), shown(applied), office.rejects(plan.id)) == (foreseen, counts, rejects)
    assert applied.progress.plan == plan.progress.counts
    other.now = plan.settings.created_at - 1_000_000
    other.bring(model.table(rows), group=group)
    assert office.book() == other.book()


def test_an_apply_does_exactly_what_its_plan_said(store: Store, database: str, engine: str) -> None:
    asked = given(rows=model.rows, people=model.people)(_an_apply_does_what_the_plan_said)
    settings(max_examples=EXAMPLES[engine])(asked)(store, database)


def test_a_plan_of_facts_foresees_them_and_whom_they_suppress(office: Office) -> None:
    says = '"[{""kind"":""opt_out"",""source"":""inbound"",""at"":""2023-01-01T00:00:00.000000Z""}]"'
    text = f"id,mobile,groups,consent\n1,0722000001,VIP,{says}\n2,0722000002,VIP,\n,0722000003,,{says}\n"
    plan = office.bring(text, planned=True)
    foreseen = office.outcomes(plan.id)
    assert foreseen == ["created s", "created j", "updated"]
    assert office.table("fact", "subject_id") == []
    applied = office.apply(plan.id)
    assert office.outcomes(plan.id) == foreseen
    assert shown(applied) == {"created": 2, "updated": 1, "suppressed": 1, "joined": 1, "facts": 2}


def test_a_plan_of_opt_outs_shows_what_would_be_recorded(office: Office) -> None:
    then = "2023-01-01T00:00:00Z"
    text = f"phone,sender,at\n0722000001,DUKA,\n0722000002,,{then}\n+254722000001,duka,\n0722000009,,\nno,,\n"
    _opt_out(office, 254722000002, at=1_672_531_200_000_000)
    plan = office.bring(text, kind="opt_outs", planned=True, chunk_records=1)
    counts = shown(plan)
    assert len(office.table("fact", "subject_id")) == 1
    applied = office.apply(plan.id)
    assert {name: many for name, many in shown(applied).items() if name != "facts"} == counts
    assert counts == {"recorded": 2, "unchanged": 1, "duplicate": 1, "invalid": 1}


def _opt_out(office: Office, mobile: int, *, at: int) -> None:
    fact = NewFact(0, mobile, "opt_out", Scope(), at, "import")
    office.store.write(office.project, ACTOR, at, ledger.record_facts, facts=[fact])


# ---- something changed meanwhile --------------------------------------------------------------------


def _edit(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001", "city": "Nyeri"}])


def _delete(office: Office) -> None:
    calls.delete_contact(office.store, office.project, "254722000002", reason="removal", now=office.tick())


def _join(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000003"}], group="VIP")


def _stop(office: Office) -> None:
    _opt_out(office, 254722000004, at=office.tick())


def _create(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000005"}])


@pytest.mark.parametrize(
    ("change", "place"),
    [(_edit, 0), (_delete, 1), (_join, 2), (_stop, 3), (_create, 4)],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
@pytest.mark.parametrize("batch", [1, 9])
def test_exactly_the_rows_whose_contacts_changed_are_named_and_left_alone(
    office: Office, change: Any, place: int, batch: int
) -> None:
    there = [{"mobile": f"072200000{number}"} for number in range(1, 5)]
    calls.create_contacts(office.store, office.project, there)
    plan = office.bring(REPEATED, planned=True)
    foreseen = office.outcomes(plan.id)
    change(office)
    left = [row for row in office.book()["contact"] if row[1] == 254722000001 + place]
    applied = office.apply(plan.id, batch=batch)
    expected = list(foreseen)
    expected[place] = expected[place + 8] = "changed"
    assert office.outcomes(plan.id) == expected
    assert shown(applied)["changed"] == 2
    assert [row for row in office.book()["contact"] if row[1] == 254722000001 + place] == left
    assert office.rejects(plan.id) == [(number, f"The record {WHY}") for number in (place + 1, place + 9)]
    assert broken_in(office.store, office.project) == []


WHY = "was not applied: its contact has changed since the plan was made."


def test_what_joined_another_group_or_was_written_again_as_it_was_is_no_change(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001", "fname": "Person 1"}])
    plan = office.bring(FILE, planned=True)
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001"}], group="Another")
    applied = office.apply(plan.id)
    assert "changed" not in shown(applied)


def test_only_a_plan_that_is_done_can_be_applied_and_once(office: Office) -> None:
    settings = office.settings(FILE.encode(), planned=True)
    number = office.queue(FILE.encode(), settings)
    with pytest.raises(WrongImportState, match="only a plan that is done"):
        office.apply(number)
    office.work()
    office.apply(number)
    with pytest.raises(WrongImportState):
        office.apply(number)


def test_a_plan_for_many_rows_keeps_no_file_after_its_apply(office: Office) -> None:
    plan = office.bring(FILE, planned=True)
    office.work_for_real()
    assert office.table("file_part", "part")
    office.command(lifecycle.apply_import, plan.id)
    office.work_for_real()
    assert office.table("file_part", "part") == []
    assert shown(office.get(plan.id)) == {"created": 8, "joined": 4}
