"""Workbooks: cells as they were meant, and nothing opened that is not what it seems."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter

from daftari.files import Cell, Format, Layout, read_records
from daftari.files.zip_bombs import refuse_bombs
from tests.support.files import layout_of, ods, put, read, refusal, rezip, values, write, xlsx

CELL = '<table:table-cell office:value-type="string"{}><text:p>{}</text:p></table:table-cell>'


def ods_row(*cells: str, times: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{times}">{"".join(cells)}</table:table-row>'


def sheet_xml(cells: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'.encode()


# ---- what is read -------------------------------------------------------------------------------------


def test_cells_come_as_they_were_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("empty")
        sheet = book.add_worksheet("people")
        sheet.write_row(2, 1, ["name", "phone", "since", "rate", "vip"])
        sheet.write_row(4, 1, ["Zoë\nB.", 254722000000.0])
        sheet.write_datetime(4, 3, date(2024, 3, 21), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_row(4, 4, [1.5, True])
        sheet.write_row(5, 1, ["Ben", "2.547E+11"])
        sheet.write_datetime(
            5, 3, datetime.fromisoformat("2024-03-21T07:06:37"), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        )
    layout = layout_of(str(path))
    assert (layout.format, layout.sheet) == ("xlsx", "people")
    assert layout.columns == ("name", "phone", "since", "rate", "vip")
    assert values(str(path)) == [
        ["Zoë\nB.", 254722000000, "2024-03-21", 1.5, True],
        ["Ben", "2.547E+11", "2024-03-21T07:06:37", None, None],
    ]


def test_repeated_cells_and_rows_of_ods_are_read(tmp_path: Path) -> None:
    blank = '<table:table-cell table:number-columns-repeated="16000"/>'
    rows = (
        ods_row(CELL.format("", "name"), CELL.format("", "phone"), blank)
        + ods_row(CELL.format(' table:number-columns-repeated="2"', "أمل"), blank, times=2)
        + ods_row(blank, times=1_048_000)
    )
    path = ods(tmp_path / "a.ods", rows)
    assert layout_of(path).columns == ("name", "phone")
    assert values(path) == [["أمل", "أمل"]] * 2


def test_a_sheet_without_a_header_is_read_whole(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["Ana", 254725164293], ["Ben", 254722503129]])
    assert layout_of(path).columns == ("column 1", "column 2")
    assert values(path) == [["Ana", 254725164293], ["Ben", 254722503129]]


def test_a_stray_cell_beyond_the_header_makes_one_row_unreadable(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["phone", "name"], [1, "Ana"], [2, "Ben", None, "x"], [3]])
    first, stray, last = read(path)
    assert (first.values, last.values) == ([1, "Ana"], [3, None])
    assert stray.why == "has 4 cells where the header has 2"


def test_more_than_one_batch_is_read_without_a_gap(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["phone"], *([n] for n in range(2_500))])
    assert values(path) == [[n] for n in range(2_500)]
    records = read_records(path, layout=layout_of(path))
    seen = [records.bytes_read for _ in records]
    assert seen == sorted(seen) and records.bytes_read == Path(path).stat().st_size


@pytest.mark.parametrize("format", ["xlsx", "ods"])
def test_what_is_written_is_read_back(tmp_path: Path, format: Format) -> None:
    rows: list[list[Cell]] = [
        ["=1+1", "'@x", "  two  spaces ", "tab\there", "line\nend", "<&>", True, None, "254725164293"],
        ["😀", "مريم", "\t=", "-1", "+254", "0", False, "x", "אביגיל"],
    ]
    layout = Layout(format=format, columns=tuple("abcdefghi"))
    path = write(str(tmp_path / "a"), layout, rows)
    assert layout_of(path).columns == layout.columns
    assert values(path) == rows


def test_numbers_are_written_as_text(tmp_path: Path) -> None:
    path = write(str(tmp_path / "a"), Layout(format="xlsx", columns=("id", "mobile")), [[7, 254725164293]])
    assert values(path) == [["7", "254725164293"]]


# ---- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsx", b"", "is empty"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b" \r\n\n", "is empty"),
        ("a.csv", b"\xef\xbb\xbf", "is empty"),
        ("a.csv", b"%PDF-1.7\n1 0 obj", "is a PDF"),
        ("a.csv", b"\x89PNG\r\n\x1a\n0", "is a picture"),
        ("a.xlsx", b"\xff\xd8\xff\xe0JFIF", "is a picture"),
        ("a.csv", gzip.compress(b"phone\n1\n", mtime=0), "gzip"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "old Excel format; save it as XLSX or CSV"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        ("a.xlsx", b"PK\x03\x04 and no more", "damaged or cut off"),
        ("a.xls", b"<html><table><tr><td>phone", "web page"),
        ("a.csv", bytes(range(256)) * 40, "not text"),
        ("a.vcf", b"phone\n0725164293\n", "holds no vCard"),
        ("a.json", b"phone\n0725164293\n", "no JSON array"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert said in refusal(put(tmp_path, name, content))


def test_a_table_that_is_called_a_workbook_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = put(tmp_path, "a.xlsx", "phone,name\n1,Ana\n")
    assert layout_of(path).format == "csv"


def test_a_workbook_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = Path(xlsx(tmp_path / "a.xlsx", [["phone"], [1]])).read_bytes()
    assert "cut off" in refusal(put(tmp_path, "b.xlsx", whole[: len(whole) // 2]))
    middle = len(whole) // 3
    refusal(put(tmp_path, "c.xlsx", whole[:middle] + b"\xff" * 40 + whole[middle + 40 :]))


def test_a_workbook_without_a_cell_is_empty(tmp_path: Path) -> None:
    assert "is empty" in refusal(xlsx(tmp_path / "a.xlsx", [], []))


def test_any_other_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("a.txt", "phone")
    assert "is a zip archive" in refusal(str(tmp_path / "a.xlsx"))


def test_two_cells_that_stand_for_billions_are_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["phone"], [1]])
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "cells" in refusal(rezip(path, xl__worksheets__sheet1_xml=sheet_xml(cells)))


def test_a_small_table_of_many_cells_is_refused(tmp_path: Path) -> None:
    row = ods_row(CELL.format(' table:number-columns-repeated="1000"', "x"), times=1_000_000)
    assert "cells" in refusal(ods(tmp_path / "a.ods", row))


def test_a_text_that_many_cells_share_is_weighed_for_each(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["x" * 30_000]])
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 2_000))
    assert "characters" in refusal(rezip(path, xl__worksheets__sheet1_xml=sheet_xml(cells)))
    spaces = ods_row('<table:table-cell><text:p><text:s text:c="99999999"/></text:p></table:table-cell>')
    assert "characters" in refusal(ods(tmp_path / "a.ods", spaces))


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["phone"], [1]])
    assert "save it as CSV" in refusal(rezip(path, xl__media__image1_xml=b" " * 20_000_000))


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["phone"], [1]])
    size = 3_000_000
    held = Path(rezip(path, xl__more_xml=b"<a>" + b" " * (size - 7) + b"</a>")).read_bytes()
    assert held.count(size.to_bytes(4, "little")) >= 2
    lying = put(tmp_path, "b.xlsx", held.replace(size.to_bytes(4, "little"), (1_000).to_bytes(4, "little")))
    assert "too large" in refusal(lying)


def test_the_limit_of_cells_is_the_one_that_is_reported(tmp_path: Path) -> None:
    thousand = CELL.format(' table:number-columns-repeated="1000"', "x")
    refuse_bombs(ods(tmp_path / "a.ods", ods_row(thousand, times=500)))
    assert "more than 500,000 cells" in refusal(ods(tmp_path / "b.ods", ods_row(thousand, times=501)))
