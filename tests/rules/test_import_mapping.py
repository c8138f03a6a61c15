"""The columns of a file that waits: proposed, remembered, chosen and planned again; and what a plan shows."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import ValidationFailed, WrongImportState
from daftari.rules.erasure import erase
from daftari.rules.imports import lifecycle, views
from daftari.rules.imports.mapping import choose_columns, find_remembered, list_columns, recall_columns
from daftari.rules.imports.model import Import
from daftari.rules.imports.request import keep_file
from daftari.store import Store
from tests.support import calls
from tests.support.cases import each
from tests.support.imports import KEY, NOW, Office

TABLE = "Phone,Name,Card\n0722000001,Wanjiru,1\n0722000002,Lucy,2\nnone,Ali,3\n"


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, "Shopify"))


def hold(office: Office, text: str = TABLE, **wanted: Any) -> Import:
    """A file that waits for its columns."""
    settings = office.settings(text.encode(), planned=True, **wanted)
    number = keep_file(
        lambda rule, **values: office.store.write(office.project, KEY, office.tick(), rule, **values),
        io.BytesIO(text.encode()),
        settings=settings,
    )
    return office.command(lifecycle.hold_import, number)


def plan(office: Office, found: Import, *fields: str) -> Import:
    """Its plan, with these columns."""
    settings = choose_columns(found.settings, fields=fields) if fields else found.settings
    while office.command(lifecycle.clear_plan, found.id):
        pass
    office.command(lifecycle.save_columns, found.id, settings=settings, planned=True)
    office.work()
    return office.get(found.id)


# ---- choosing -------------------------------------------------------------------------------------------


def test_a_file_waits_for_its_columns_and_no_worker_takes_it(office: Office) -> None:
    found = hold(office)
    assert found.is_new
    assert office.store.read(office.project, NOW, lifecycle.find_work) is None
    planned = plan(office, found)
    assert planned.progress.counts == {"created": 2, "invalid": 1}
    assert not planned.is_new


def test_columns_are_chosen_by_place_and_may_have_one_name(office: Office) -> None:
    found = hold(office, "Phone,Note,Note\n0722000001,a,b\n", mapping={"Phone": "mobile"})
    settings = choose_columns(found.settings, fields=["mobile", "-", "attributes.Note"])
    assert [use.field for use in settings.uses] == ["mobile", None, "attributes.Note"]
    assert [column.field for column in list_columns(settings)] == ["mobile", "-", "attributes.Note"]
    two = choose_columns(found.settings, fields=["mobile", "mobile", "-"])
    assert [use.field for use in two.uses] == ["mobile", "mobile.2", None]


@each(
    "fields, path",
    [
        (("-", "name", "-"), "map"),
        (("mobile", "name"), "map"),
        (("mobile", "name", "name"), "map.2"),
        (("mobile", "shoe", "-"), "map.1"),
        (("mobile", "channel", "-"), "map.1"),
    ],
    ids=["no number", "too few", "twice", "no field", "of another kind"],
)
def test_a_choice_that_makes_no_sense_is_refused(office: Office, fields: tuple[str, ...], path: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        choose_columns(hold(office).settings, fields=fields)
    assert list(refused.value.errors) == [path]


def test_no_plan_is_made_while_no_column_is_the_number(office: Office) -> None:
    found = hold(office, "Wer,Was\na,b\n", mapped_later=True)
    assert [column.field for column in list_columns(found.settings)] == ["-", "-"]
    with pytest.raises(ValidationFailed):
        office.command(lifecycle.save_columns, found.id, settings=found.settings, planned=True)


def test_the_last_file_with_the_same_header_row_is_remembered_once_it_was_planned(office: Office) -> None:
    first = hold(office)
    settings = first.settings

    def remembered(**changed: Any) -> int | None:
        asked = replace(settings, **changed)
        found = office.store.read(office.project, NOW, find_remembered, settings=asked)
        return None if found is None else found.id

    assert remembered() is None
    plan(office, first, "mobile", "lname", "attributes.Card")
    second = hold(office)
    assert remembered() == first.id
    assert remembered(kind="opt_outs") is None
    assert remembered(layout=replace(settings.layout, columns=("Phone", "name", "Card"))) is None
    assert remembered(layout=replace(settings.layout, format="xlsx")) is None
    found = office.store.read(office.project, NOW, find_remembered, settings=second.settings, before=second.id)
    assert found is not None
    recalled = recall_columns(second.settings, found)
    assert [column.field for column in list_columns(recalled)] == ["mobile", "lname", "attributes.Card"]
    plan(office, second)
    assert remembered() == second.id


# ---- planned again --------------------------------------------------------------------------------------


def test_a_plan_that_is_made_again_has_nothing_of_the_one_before(office: Office) -> None:
    text = "Phone,Other\n" + "".join(f"0722{n:06} / 0733{n:06},0711{n:06}\n" for n in range(5)) + "x1,y1\n"
    planned = plan(office, hold(office, text, chunk_records=2), "mobile", "-")
    assert (planned.progress.rows, len(office.rows(planned.id))) == (11, 11)
    again = plan(office, planned, "-", "mobile")
    assert (again.progress.rows, len(office.rows(planned.id))) == (6, 6)
    assert [number for number, _ in office.rejects(planned.id)] == [6]
    applied = office.apply(planned.id)
    assert applied.progress.counts == again.progress.counts
    with pytest.raises(WrongImportState):
        office.command(lifecycle.reopen_plan, planned.id)


def test_a_plan_that_is_reopened_is_made_from_its_beginning_when_it_is_resumed(office: Office) -> None:
    planned = plan(office, hold(office, chunk_records=1))
    office.command(lifecycle.reopen_plan, planned.id)
    office.command(lifecycle.clear_plan, planned.id)
    with pytest.raises(WrongImportState):
        office.command(lifecycle.apply_import, planned.id)
    office.command(lifecycle.resume_import, planned.id)
    office.work()
    assert office.get(planned.id).progress.counts == planned.progress.counts


# ---- what a plan shows ----------------------------------------------------------------------------------


def test_a_plan_shows_contacts_that_would_change_as_they_would_be(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": f"072200000{n}", "city": "Meru"} for n in range(4)])
    text = "phone,city\n0722000000,Thika\n0722000001,Meru\n0722000002,Embu\n0722000003,Embu\n0722000002,Isiolo\n"
    planned = plan(office, hold(office, text, chunk_records=2))
    changes = office.store.read(office.project, NOW, views.list_changes, found=planned)
    assert [(change.row, change.now.city, change.then.city) for change in changes] == [
        (1, "Meru", "Thika"),
        (4, "Meru", "Embu"),
    ]
    applied = office.apply(planned.id)
    assert applied.progress.samples == ()
    undone = office.undo(planned.id)
    assert undone.progress.undone is not None
    assert undone.progress.undone["reversed"] == 3
    assert {row[2].partition('"city":')[2][:6] for row in office.table("contact", "id, mobile, card")} == {'"Meru"'}


def test_an_erasure_leaves_nothing_of_what_a_plan_shows(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001", "city": "Meru"}])
    planned = plan(office, hold(office, "phone,city\n0722000001,Thika\n"))
    assert len(office.table("import_change", "contact_id, card")) == 1
    office.store.write(office.project, KEY, office.tick(), erase.erase_number, mobile=254722000001)
    assert office.table("import_change", "contact_id, card") == []
    assert office.get(planned.id).stored.state == "cancelled"


def test_rows_of_an_outcome_are_found_wherever_they_are(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "LOOKED_AT_MAX", 40)
    rows = [f"0722{n:06}" if n % 30 else "none" for n in range(1, 101)]
    found = office.bring("phone\n" + "\n".join(rows) + "\n", chunk_records=7)

    def walk(choice: str) -> list[int]:
        after: int | None = 0
        numbers = []
        while after is not None:
            some = office.store.read(
                office.project, NOW, views.find_rows, import_id=found.id, choice=choice, after=after, limit=3
            )
            numbers += [row.row for row in some.rows]
            assert some.following is None or some.following > after
            after = some.following
        return numbers

    assert walk("rejected") == [30, 60, 90]
    assert walk("created") == [n for n in range(1, 101) if n % 30]
    assert walk("suppressed") == []
    reasons = office.store.read(office.project, NOW, views.explain_rejects, found=found)
    assert [(one.count, one.row, one.cell) for one in reasons] == [(3, 30, "'none'")]
