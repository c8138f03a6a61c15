"""Where a table begins: titles above the header, headers in two rows, none at all, and lines that were joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from daftari.errors import UnreadableFile, ValidationFailed
from daftari.files import Layout, TableOptions, match_columns, read_layout, read_records
from tests.support.files import layout_of, put, refusal, values, xlsx


def uses(layout: Layout) -> dict[str, str]:
    found = match_columns(layout.columns, given={}, contents=layout.contents)
    return {use.name: use.field for use in found if use.field is not None}


def is_kenyan(cell: object) -> bool:
    return str(cell).startswith(("07", "2547"))


def laid_out(folder: Path, text: str, options: TableOptions) -> Layout:
    return read_layout(put(folder, "a.csv", text), name="a.csv", media_type=None, options=options)


# ---- titles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("DUKA LETU,,\nAs at 21/11/2026,,\n,,\nS/No,Customer Name,Mobile No.\n1,Mary Njeri,0722000304\n", 4),
        ("CUSTOMER LIST\n\nName;Phone;Town\nMary;0722000304;Nyeri\nJohn;0722000305;Kisumu\n", 3),
        ("Church members, 2026\nName\tSimu\tKikundi\nMary\t0722000304\tChoir\nJohn\t0722000305\tYouth\n", 2),
        ("Printed:,2026-11-21\nFrom 01/01/2026,to 21/11/2026\nJina,Namba ya simu\nMary,0722000304\n", 3),
        ("Duka Letu,Tel:,020 2012345\n,,\nFull Names,Contact,Town\nMary Njeri,0722000304,Nyeri\n", 3),
        ("Prepared by,Contact: John\nName,Contacts\nMary Njeri,0722000304\nJohn Ouma,0722000305\n", 2),
        ("sep=;\nList\nName;Phone\nMary;0722000304\n", 3),
        ("Nom du client,Téléphone\nMary,0722000304\n", 1),
        ("Name,Phone,01/11/2026,08/11/2026\nMary,0722000304,present,absent\n", 1),
    ],
    ids=["duka", "one-cell", "tabs", "dates", "telephone", "contact", "sep", "none", "dates-as-columns"],
)
def test_the_header_is_found_below_titles(tmp_path: Path, text: str, row: int) -> None:
    path = put(tmp_path, "a.csv", text)
    layout = layout_of(path)
    assert (layout.header, layout.header_row) == (True, row)
    assert "mobile" in uses(layout).values()
    assert all("0722000304" in record for record in values(path)[:1])


def test_titles_of_a_workbook_are_passed_over_too(tmp_path: Path) -> None:
    rows = [["DUKA LETU LTD"], [], ["As at", "2026-11-21"], ["No.", "Names", "Tel. No."], [1, "Mary Njeri", 722000304]]
    path = xlsx(tmp_path / "a.xlsx", rows)
    assert layout_of(path).header_row == 4
    assert uses(layout_of(path)) == {"Names": "name", "Tel. No.": "mobile"}
    assert values(path) == [[1, "Mary Njeri", 722000304]]


def test_what_stands_in_a_row_of_people_is_no_header(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "Mary,0722000304,Home\nJohn,,Mobile\nAsha,0722000305,Phone\n")
    assert layout_of(path).header is False
    assert len(values(path)) == 3


def test_a_header_without_a_name_that_is_known_is_the_first_row(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "Naam,Afdeling\nMary,Nyeri\nJohn,Kisumu\n")
    assert layout_of(path).columns == ("Naam", "Afdeling")
    assert len(values(path)) == 2


def test_a_line_with_a_number_is_no_header(tmp_path: Path) -> None:
    sheets = [["Fill in the sheet"], ["Contact: 0700000000"]], [["fname", "mobile"], ["Mary", "0722000304"]]
    assert layout_of(xlsx(tmp_path / "a.xlsx", *sheets)).sheet == "Sheet2"


def test_titles_are_told_from_the_table_by_their_width_where_no_name_is_known(tmp_path: Path) -> None:
    titles = "Organization Name:,DUKA\nShort Code:,600111\nPeriod:,November\n\n"
    rows = "R1,Paid,254722001101 - MARY NJERI,x\nR2,Paid,254722001102 - JOHN OUMA,y\n"
    path = put(tmp_path, "a.csv", f"{titles}Receipt,Status,Other Party Info,A/C\n{rows}")
    assert layout_of(path).header_row == 5
    assert layout_of(path).columns == ("Receipt", "Status", "Other Party Info", "A/C")
    bare = put(tmp_path, "b.csv", f"WATEJA\n{rows}")
    assert (layout_of(bare).header, len(values(bare))) == (False, 2)


# ---- headers in two rows ------------------------------------------------------------------------------


CELLS = {"First Name": "fname", "Last Name": "lname", "Name": "name", "Town": "city", "Email": "email"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Name,Phone,,Town\n,Mobile,Home,", {"Mobile": "mobile", "Phone Home": "mobile.2"}),
        ("Member,,Contact,\nFirst Name,Last Name,Phone,Email", {"Phone": "mobile"}),
        ("Jina,Simu,Mji\nName,Phone,Town", {"Phone": "mobile"}),
        ("Name,Phone,,Town\n,Primary,Secondary,", {"Phone Primary": "mobile", "Phone Secondary": "mobile.2"}),
    ],
)
def test_a_header_of_two_rows_is_one(tmp_path: Path, header: str, expected: dict[str, str]) -> None:
    rows = [["Mary", "0722000304", "0733000304", "Nyeri"], ["John", "0722000305", "", "Kisumu"]]
    if header.startswith("Member"):
        rows = [["Mary", "Njeri", "0722000304", "m@x.example"], ["John", "Ouma", "0722000305", ""]]
    elif header.startswith("Jina"):
        rows = [["Mary", "0722000304", "Nyeri"], ["John", "0722000305", "Kisumu"]]
    path = put(tmp_path, "a.csv", "\n".join([header, *map(",".join, rows)]))
    found = uses(layout_of(path))
    assert {name: field for name, field in found.items() if field.startswith("mobile")} == expected
    assert all(CELLS[name] == field for name, field in found.items() if name not in expected)
    assert len(found) == len(rows[0])
    assert values(path) == rows


@pytest.mark.parametrize("first", ["Mary,,Nyeri", "Mary,none,Nyeri", "Mary Njeri,hana simu,", "Mary,Phone,"])
def test_a_person_without_a_number_is_no_second_row_of_a_header(tmp_path: Path, first: str) -> None:
    path = put(tmp_path, "a.csv", f"Name,Phone,\n{first}\nJohn,0722000305,Kisumu\nAsha,0722000306,\n")
    assert len(values(path)) == 3


# ---- none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mary Njeri,0722000304\nJohn Ouma,0722000305\n", {"column 1": "name", "column 2": "mobile"}),
        ("1,0722000304,Nyeri\n2,0722000305,Kisumu\n", {"column 2": "mobile"}),
        ("0722000304,mary@x.example\n0722000305,\n", {"column 1": "mobile", "column 2": "email"}),
        ("23456789;254722000304\n23456780;254722000305\n", {"column 2": "mobile"}),
        ("0722000304\n0722000305\n", {"mobile": "mobile"}),
        ("254722000801 - MARY NJERI,500\n254722000802 - JOHN OUMA,200\n", {"column 1": "mobile"}),
    ],
)
def test_a_file_without_a_header_is_read_by_what_stands_in_it(
    tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    path = put(tmp_path, "a.csv", text)
    found = read_layout(
        path, name="a.csv", media_type=None, is_telephone=lambda cell: str(cell).startswith(("07", "2547"))
    )
    assert found.header is False and found.header_row is None
    assert uses(found) == expected
    assert len(values(path)) == 2


# ---- as it is asked for -------------------------------------------------------------------------------


def test_the_row_of_the_header_can_be_given(tmp_path: Path) -> None:
    text = "A,B\n,\nNaam,Nummer\nMary,0722000304\nJohn,0722000305\n"
    for row in (2, 3):
        layout = laid_out(tmp_path, text, TableOptions(header_row=row))
        assert (layout.columns, layout.header_row) == (("Naam", "Nummer"), 3)
    found = [record.values for batch in read_records(str(tmp_path / "a.csv"), layout=layout) for record in batch]
    assert found == [["Mary", "0722000304"], ["John", "0722000305"]]
    assert laid_out(tmp_path, text, TableOptions(header_row=0)).columns == ("column 1", "column 2")
    with pytest.raises(UnreadableFile, match="header_row is 9, but only the rows up to 5"):
        laid_out(tmp_path, text, TableOptions(header_row=9))


def test_the_header_is_where_a_name_of_the_map_is(tmp_path: Path) -> None:
    text = "DUKA,2026\nJumla,2\nMteja,Kadi\nMary,0722000304\nJohn,0722000305\n"
    assert laid_out(tmp_path, text, TableOptions(columns=("kadi",))).header_row == 3


# ---- joined lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "Phone,Name\n0722005030,Mary\n0722005031,John\n"),
        ("a.csv", "Name,Phone\nMary,0722005030\nJohn,0722005031\n"),
        ("a.csv", "Name,Phone,Town\nMary,0722 005 030,Nyeri\nJohn,0722 005 031,Kisumu\n"),
        ("a.csv", '"Name","Phone"\n"Mary","+254722005030"\n'),
        ("a.csv", "phone\n0722005030\n0722005031\n"),
        ("a.csv", "0722005030\n0722005031\n"),
        ("a.csv", "+254722005030\n+254722005031\n"),
        ("a.csv", "Name;Phone;Email\nMary;0722005030;m@x.example\nJohn;0722005031;j@x.example\n"),
        ("a.ndjson", '{"mobile":"0722005030"}\n{"mobile":"0722005031"}\n'),
        ("a.vcf", "BEGIN:VCARD\nVERSION:3.0\nFN:Mary\nTEL:0722005030\nEND:VCARD\n"),
    ],
)
def test_a_file_whose_line_ends_were_lost_is_refused_with_the_way_to_send_it(
    tmp_path: Path, name: str, text: str
) -> None:
    assert "--data-binary" in refusal(put(tmp_path, name, text.replace("\n", "")))
    layout_of(put(tmp_path, name, text))


@pytest.mark.parametrize(
    "text",
    [
        *("Phone,Name", "Phone,Name\n", "Mary,0722005030", "mary0722005030@x.example,0722005030", "0722005030"),
        *("Mary,0722005030,Mobile", "Asha,Student,0722005030", "0722005030,0722005031,Nyeri 10100"),
    ],
)
def test_a_file_of_one_line_may_be_whole(tmp_path: Path, text: str) -> None:
    assert layout_of(put(tmp_path, "a.csv", text)).columns


@pytest.mark.parametrize("text", ["mary@x.example\njohn@x.example\n", "mary@x.example\n"])
def test_a_list_of_nothing_but_emails_has_no_telephones(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationFailed, match="No column is the mobile"):
        uses(layout_of(put(tmp_path, "a.csv", text)))


def test_columns_without_a_name_at_the_end_are_columns_where_something_is_in_them(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "Name,Phone,,,\nMary,0722000304,,,\nJohn,0722000305,,late,\n")
    assert layout_of(path).columns == ("Name", "Phone", "column 3", "column 4")
    assert values(path) == [["Mary", "0722000304", "", ""], ["John", "0722000305", "", "late"]]
    assert layout_of(put(tmp_path, "b.csv", "Name,Phone,,,\nMary,0722000304,,,\n")).columns == ("Name", "Phone")
