"""Tables as people have them come into the book by their columns, on every engine: the right numbers and the names."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import xlsxwriter

from daftari.errors import UnreadableFile, ValidationFailed
from daftari.rules.imports.rejects import write_rejects
from daftari.store import Store
from tests.support import calls
from tests.support.calls import broken_in
from tests.support.cases import ON_SQLITE
from tests.support.imports import Office


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, "Shop"))


def people(office: Office) -> dict[int, str]:
    """The names of the contacts by number."""
    cards = [json.loads(row[2]) for row in office.book()["contact"]]
    assert broken_in(office.store, office.project) == []
    return {
        int(card["mobile"]): " ".join(card[name] for name in ("fname", "mname", "lname") if card[name])
        for card in cards
    }


def workbook(path: Path, **sheets: list[list[str | int]]) -> bytes:
    """A workbook; a sheet whose name begins with ``hidden`` is hidden."""
    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            if name.startswith("hidden"):
                sheet.hide()
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return path.read_bytes()


TABLES = {
    "a blank telephone": (
        "No.,Full Name,Phone\n23456781,Mary Njeri,0722001101\n23456782,John Ouma,\n",
        {254722001101: "Mary Njeri"},
    ),
    "titles and plurals": (
        "KANISA LA BAHATI\nAs at,21/11/2026\nS/No,FULL NAMES,CONTACTS\n1,Mary Njeri Kamau,0722001101\n",
        {254722001101: "Mary Njeri Kamau"},
    ),
    "the second telephone": (
        "Jina,Mobile,Phone 2\nMary,,0722001101\nJohn,0722001102,0733001102\n",
        {254722001101: "Mary", 254722001102: "John"},
    ),
    "labels": (
        "Name,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n"
        "Fax,Work Fax,0202012399,Mobile,0722001101\nWork,Work,0202012345,Mobile,0722001102\n"
        "Alone,Home,0722001103,,\nTwo,Mobile,0722001104,Mobile,0722001105\n",
        {254722001101: "Fax", 254722001102: "Work", 254722001103: "Alone", 254722001104: "Two"},
    ),
    "no header": ("1,Mary Njeri,0722001101\n2,Al,0722001102\n", {254722001101: "Mary Njeri", 254722001102: "Al"}),
    "a list of numbers in a line": (
        "0722001101,0722001102,0722001101,0733001103\n+254 722 001104,,,\n",
        {254722001101: "", 254722001102: "", 254733001103: "", 254722001104: ""},
    ),
    "names before numbers": (
        "Mary Njeri - 0722001101\nJohn 0722001102\n",
        {254722001101: "Mary Njeri", 254722001102: "John"},
    ),
    "another language": (
        "Nom;Prénom;N° de téléphone\nKamau;Mary;0722001101\n",
        {254722001101: "Mary Kamau"},
    ),
}


@ON_SQLITE
@pytest.mark.parametrize("name", TABLES)
def test_a_table_gives_people_their_own_numbers_and_names(office: Office, name: str) -> None:
    text, expected = TABLES[name]
    office.bring(text)
    assert people(office) == expected


def test_a_fax_is_never_a_number_even_alone(office: Office) -> None:
    found = office.bring("Name,Phone 1 - Label,Phone 1 - Value\nMary,Home Fax,0722001101\nJohn,Pager,0722001102\n")
    assert found.progress.counts == {"invalid": 2}
    assert people(office) == {}


def test_the_fax_of_a_list_of_opt_outs_is_left_out_too(office: Office) -> None:
    text = "Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\nWork Fax,0722001101,Mobile,0722001102\n"
    found = office.bring(text, kind="opt_outs")
    assert found.progress.counts == {"recorded": 1} and found.progress.facts == 1


def test_labels_that_google_gives_everyone_are_no_groups(office: Office) -> None:
    text = (
        "Phone,Labels\n0722001101,Chama ::: * myContacts\n0722001102,* starred ::: * friends\n0722001103,My Contacts\n"
    )
    office.bring(text)
    assert {name: len(mobiles) for name, mobiles in office.members().items()} == {"Chama": 1, "friends": 1}


def test_a_group_with_a_mark_that_is_not_shown_is_the_same_group(office: Office) -> None:
    office.bring(
        "name;phone;group\nMary;0722001111;Chama\nAli;0722001114;Chama\u200b\nAsha;0722001115;\ufeffCha\u00adma\n"
    )
    assert {name: len(mobiles) for name, mobiles in office.members().items()} == {"Chama": 3}


# ---- objects ------------------------------------------------------------------------------------------

OBJECTS = {
    "a list of values": ([{"value": "0722001101", "label": "mobile"}], [254722001101]),
    "a list of texts": (["0722001101", "0733001101"], [254722001101, 254733001101]),
    "labels": (
        [{"type": "work fax", "value": "0722001103"}, {"type": "home", "value": "0722001102"},
         {"type": "mobile", "value": "0722001101"}],
        [254722001101],
    ),
    "no mobile": ([{"type": "fax", "value": "0722001103"}, {"type": "home", "value": "0722001101"}], [254722001101]),
    "a blank mobile": ([{"label": "mobile", "value": ""}, {"label": "work", "value": "0722001101"}], [254722001101]),
    "by label": ({"mobile": "", "home": "0722001101", "fax": "0722001103"}, [254722001101]),
    "an object": ({"country": "KE", "number": "0722001101"}, [254722001101]),
}  # fmt: skip


@ON_SQLITE
@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("member", ["phone", "phones", "phoneNumbers"])
def test_telephones_of_an_object_are_read_as_other_systems_write_them(office: Office, name: str, member: str) -> None:
    value, expected = OBJECTS[name]
    person = {"name": "Mary Njeri", member: value, "emails": [{"value": "m@x.example"}]}
    found = office.bring(json.dumps([person]), name="a.json")
    assert [*people(office)] == expected and {*people(office).values()} == {"Mary Njeri"}
    assert json.loads(office.book()["contact"][0][2])["email"] == "m@x.example"
    assert set(found.progress.counts) == {"created"}


def test_a_member_of_a_member_is_taken_by_its_path(office: Office) -> None:
    shop = {"first_name": "Mary", "phone": None, "default_address": {"phone": "0722001101", "city": "Nyeri"}}
    office.bring(json.dumps({"customers": [shop]}), name="a.json")
    assert people(office) == {254722001101: "Mary"}
    assert json.loads(office.book()["contact"][0][2])["city"] == "Nyeri"


def test_tags_are_divided_by_commas_or_by_semicolons(office: Office) -> None:
    office.bring('Phone,Tags\n0722001101,"VIP, Farmers"\n0722001102,VIP;Farmers\n0722001103,"""VIP"""\n')
    assert {name: len(mobiles) for name, mobiles in office.members().items()} == {"VIP": 3, "Farmers": 2}


# ---- sheets -------------------------------------------------------------------------------------------

COVER: list[list[str | int]] = [["Members of 2026"]]
MARY: list[list[str | int]] = [["Name", "Phone"], ["Mary", "0722001101"]]
JOHN: list[list[str | int]] = [["Jina", "Simu"], ["John", "0722001102"]]


@pytest.mark.parametrize(
    ("asked", "expected", "left"),
    [
        ({}, {254722001101: "Mary"}, ("Cover", "hidden John", "John")),
        ({"sheet": "john"}, {254722001102: "John"}, ("Cover", "hidden John", "Mary")),
        ({"sheet": "hidden John"}, {254722001102: "John"}, ("Cover", "Mary", "John")),
        ({"sheet": "4"}, {254722001102: "John"}, ("Cover", "hidden John", "Mary")),
    ],
)
def test_the_first_visible_sheet_with_telephones_is_read_or_the_one_that_is_named(
    office: Office, tmp_path: Path, asked: dict[str, str], expected: dict[int, str], left: tuple[str, ...]
) -> None:
    sheets = {"Cover": COVER, "hidden John": JOHN, "Mary": MARY, "John": JOHN, "Blank": []}
    data = workbook(tmp_path / "a.xlsx", **sheets)
    found = office.bring(data, name="a.xlsx", **asked)
    assert people(office) == expected
    assert found.settings.layout.other_sheets == left
    assert found.settings.layout.contents == (), "what was found in the cells is not kept"


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(office: Office, tmp_path: Path) -> None:
    data = workbook(tmp_path / "a.xlsx", Nairobi=MARY, Mombasa=JOHN)
    with pytest.raises(UnreadableFile, match=r"no sheet 'Kisumu' that is filled; there are 'Nairobi', 'Mombasa'"):
        office.real_settings(data, name="a.xlsx", sheet="Kisumu")
    with pytest.raises(UnreadableFile, match=r"visible sheets of the workbook are empty; hidden are 'hidden'"):
        office.real_settings(workbook(tmp_path / "b.xlsx", A=[], hidden=MARY), name="b.xlsx")


def test_a_cover_without_the_row_that_is_given_does_not_matter(office: Office, tmp_path: Path) -> None:
    rows: list[list[str | int]] = [["List"], ["x", "y"], ["Jina", "Simu"], ["Mary", "0722001101"]]
    found = office.bring(workbook(tmp_path / "a.xlsx", Cover=COVER, People=rows), name="a.xlsx", header_row=3)
    assert people(office) == {254722001101: "Mary"} and found.settings.layout.sheet == "People"
    with pytest.raises(UnreadableFile, match="header_row is 9"):
        office.real_settings(workbook(tmp_path / "b.xlsx", People=rows), name="b.xlsx", header_row=9)


def test_rejects_of_a_file_without_a_header_are_read_by_their_fields(office: Office) -> None:
    found = office.bring("1,Mary Njeri,0722001101\n2,John Ouma,07220\n3,Asha Ali,0722001103\n")
    file = io.BytesIO()
    office.store.read(office.project, office.now, write_rejects, import_id=found.id, file=file)
    assert file.getvalue().splitlines()[0] == b"column 1,name,mobile,why"
    office.bring(file.getvalue().replace(b"07220,", b"0722001102,"))
    assert people(office)[254722001102] == "John Ouma"


def test_without_a_telephone_it_is_said_what_can_be_done(office: Office, tmp_path: Path) -> None:
    data = workbook(tmp_path / "a.xlsx", Nairobi=[["Name", "Town"], ["Mary", "Nyeri"]], hidden=MARY)
    refused = {
        "a.xlsx": (data, ["Map one", "--map", "--header-row", "'Nairobi'", "--sheet", "'hidden'"]),
        "a.csv": (b"Name,Town\nMary,Nyeri\n", ["'Name', 'Town'", "Map one", "--map", "--header-row"]),
        "a.ndjson": (b'{"name":"Mary"}\n', ["'name'", "Map one", "--map"]),
    }
    for name, (content, words) in refused.items():
        with pytest.raises(ValidationFailed) as error:
            office.real_settings(content, name=name)
        (said,) = error.value.errors["map"]
        assert said.startswith("No column is the mobile.") and all(word in said for word in words), said


@pytest.mark.parametrize(
    ("asked", "field"), [({"sheet": "A"}, "sheet"), ({"header_row": 2, "name": "a.ndjson"}, "header_row")]
)
def test_an_option_that_a_format_cannot_have_is_refused(office: Office, asked: dict[str, str], field: str) -> None:
    data = b'{"phone":"0722001101"}\n' if "name" in asked else b"phone\n0722001101\n"
    with pytest.raises(ValidationFailed) as refused:
        office.real_settings(data, **asked)
    assert list(refused.value.errors) == [field]


def test_the_row_of_the_header_may_be_given_for_a_workbook(office: Office, tmp_path: Path) -> None:
    rows: list[list[str | int]] = [["a", "b"], ["Naam", "Kontakt"], ["Mary", 722001101], ["John", 722001102]]
    office.bring(workbook(tmp_path / "a.xlsx", A=rows), name="a.xlsx", header_row=2, mapping={"Naam": "name"})
    assert people(office) == {254722001101: "Mary", 254722001102: "John"}
