"""The process that reads a file has a limit to its time, and what is written to cost time costs little."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daftari.errors import StoreBusy, UnreadableFile
from daftari.files import Layout, TableOptions, match_columns
from daftari.rules.imports.model import ImportSettings
from daftari.sandbox import process as sandbox
from daftari.sandbox.process import ChunkReader, ReaderEnded, read_layout
from tests.support.files import ods, put, rezip, xlsx

pytestmark = pytest.mark.usefixtures("started_readers")

CPU_SECONDS = 4
"""Far more than any file below takes, and far less than one that is read in quadratic time."""
XML_BYTES = 15_000_000
"""A workbook may have so many before its ratio counts."""
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nTEL:0722000001\n%s\nEND:VCARD\n"


@pytest.fixture
def run_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has each process that reads a file run some shell first."""

    def run_first(script: str) -> None:
        path = Path(put(tmp_path, "python", f'#!/bin/sh\n{script}\nexec {sys.executable} "$@"\n'))
        path.chmod(0o700)
        monkeypatch.setattr(sandbox.sys, "executable", str(path))

    return run_first


def layout_in(path: str) -> Layout:
    with Path(path).open("rb") as file:
        return read_layout(file, name=Path(path).name, media_type=None, region="KE", options=TableOptions())


def outcomes(path: str) -> tuple[int, int]:
    """How many records of a file were taken and how many were rejected."""
    layout = layout_in(path)
    columns = layout.columns or ("mobile",)
    settings = ImportSettings(path, 0, layout, match_columns(columns, given={}), "KE", 1)
    taken = rejected = 0
    with Path(path).open("rb") as file, ChunkReader(file, settings=settings, first_chunk=0) as chunks:
        while some := chunks.take(10):
            taken += sum(len(chunk.rows) for chunk in some)
            rejected += sum(len(chunk.rejects) for chunk in some)
    return taken, rejected


# ---- limits -------------------------------------------------------------------------------------------


def test_a_file_that_takes_too_much_processor_time_is_refused(tmp_path: Path, run_first: Callable[[str], None]) -> None:
    run_first("ulimit -t 1")
    path = put(tmp_path, "a.json", '[{"phone": 1},' + "[]," * 1_000_000 + "1]")
    with pytest.raises(UnreadableFile, match=r"^a\.json: The file takes too long to be read; save it as CSV\.$"):
        layout_in(path)


def test_a_file_that_takes_too_long_to_be_understood_is_not_the_files_fault(
    tmp_path: Path, run_first: Callable[[str], None]
) -> None:
    run_first("kill -s ALRM $$")
    with pytest.raises(StoreBusy, match="too busy to read the file"):
        layout_in(put(tmp_path, "a.csv", "phone\n0722000001\n"))


@pytest.mark.parametrize(("signal", "error"), [("XCPU", UnreadableFile), ("ALRM", ReaderEnded)])
def test_reading_records_ends_in_the_same_two_ways(
    tmp_path: Path, run_first: Callable[[str], None], signal: str, error: type[Exception]
) -> None:
    path = put(tmp_path, "a.csv", "phone\n0722000001\n")
    settings = ImportSettings(path, 0, layout_in(path), match_columns(("phone",), given={}), "KE", 1)
    run_first(f"kill -s {signal} $$")
    with (
        Path(path).open("rb") as file,
        ChunkReader(file, settings=settings, first_chunk=0) as chunks,
        pytest.raises(error),
    ):
        chunks.take(1)


# ---- what is written to cost time -----------------------------------------------------------------------


def _workbook(folder: Path, sheet: str) -> str:
    path = xlsx(folder / "a.xlsx", [["Phone"], ["0722000001"]])
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return rezip(path, xl__worksheets__sheet1_xml=f"{head}{sheet}</sheetData></worksheet>".encode())


def _sheets_in_one_file(folder: Path) -> str:
    path = xlsx(folder / "a.xlsx", [["Phone"], ["0722000001"]])
    head = (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    )
    sheets = "".join(f'<sheet name="s{number}" sheetId="{number}" r:id="rId1"/>' for number in range(1, 3_000))
    return rezip(path, xl__workbook_xml=f"{head}{sheets}</sheets></workbook>".encode())


WORKBOOKS: dict[str, Callable[[Path], str]] = {
    "a long comment": lambda folder: _workbook(folder, f"<!--{'x' * XML_BYTES}-->"),
    "a long attribute": lambda folder: _workbook(folder, f'<row x="{"x" * XML_BYTES}"/>'),
    "a long comment, ODS": lambda folder: ods(folder / "a.ods", f"<!--{'x' * XML_BYTES}-->"),
    "a long place of a shared text": lambda folder: _workbook(folder, f'<c t="s"><v>{"1" * XML_BYTES}</v></c>'),
    "the same cell again and again": lambda folder: rezip(
        _workbook(folder, '<c r="A2"><v/></c>' * 1_700_000), xl__media__image1_png=os.urandom(200_000)
    ),
    "many sheets in one file": _sheets_in_one_file,
}


@pytest.mark.parametrize("make", WORKBOOKS.values(), ids=WORKBOOKS.keys())
def test_a_workbook_made_to_cost_time_is_refused(
    tmp_path: Path, run_first: Callable[[str], None], make: Callable[[Path], str]
) -> None:
    path = make(tmp_path)
    run_first(f"ulimit -t {CPU_SECONDS}")
    with pytest.raises(UnreadableFile) as refused:
        layout_in(path)
    assert sandbox.TOO_SLOW not in refused.value.message


CARDS = {
    "a name that ends in a backslash": (f"N:{'a' * 60_000}\\", (1, 0)),
    "parameters without an end": (f"TEL;TYPE={','.join('a' * 60)}", (1, 0)),
    "many parameters without an end": (f"TEL;TYPE={','.join('a' * 30_000)}", (1, 0)),
    "parameters in quotes without an end": (f'TEL;TYPE={",".join(["a"] * 60)},"b:1', (1, 1)),
    "many parameters": (f"TEL{';TYPE=cell' * 5_000}:0722000002", (2, 0)),
    "many numbers": ("\n".join(f"TEL:0722{number:06}" for number in range(4_000)), (0, 1)),
    "many lines": ("X:\n" * 5_000, (1, 0)),
    "many folds": ("NOTE:" + "\n a" * 20_000, (1, 0)),
    "many lines of quoted-printable": ("NOTE;ENCODING=QUOTED-PRINTABLE:" + "=\n" * 20_000, (1, 0)),
}


@pytest.mark.parametrize(("lines", "expected"), CARDS.values(), ids=CARDS.keys())
def test_a_card_made_to_cost_time_is_read_or_rejected(
    tmp_path: Path, run_first: Callable[[str], None], lines: str, expected: tuple[int, int]
) -> None:
    path = put(tmp_path, "a.vcf", CARD % lines)
    run_first(f"ulimit -t {CPU_SECONDS}")
    assert outcomes(path) == expected


def test_parameters_in_every_form_are_still_read(tmp_path: Path) -> None:
    lines = (
        'item1.TEL;TYPE="cell,home";PREF=1:0722000002',
        "TEL;CELL;HOME:0722000003",
        "TEL;TYPE=cell,\n home:0722000004",
        'TEL;;X-A="a:b;c",d:0722000005',
        "NOTE;ENCODING=QUOTED-PRINTABLE:a=\nTEL;b,c=\nd",
    )
    assert outcomes(put(tmp_path, "a.vcf", CARD % "\n".join(lines))) == (5, 0)


TABLES = {
    "a wide table with short lines": (",".join(["Phone", *map(str, range(999))]) + "\n" + "1\n" * 5_000, (0, 5_000)),
    "quotes that never end": ("Phone,Name\n" + '0722000001,"a\n' * 20_000, (10_000, 0)),
    "apostrophes": ("Phone,Name\n" + "0722000001," + "'" * 500_000 + "\n", (0, 1)),
    "spaces": ("Phone,Name\n" + "0722000001," + " " * 500_000 + "x\n", (1, 0)),
}


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES.keys())
def test_a_table_made_to_cost_time_is_read(
    tmp_path: Path, run_first: Callable[[str], None], text: str, expected: tuple[int, int]
) -> None:
    path = put(tmp_path, "a.csv", text)
    run_first(f"ulimit -t {2 * CPU_SECONDS}")
    assert outcomes(path) == expected


OBJECTS = {
    "an open string": '[{"phone": "0722000001"},{"a":"' + "x" * 3_000_000,
    "empty objects": '[{"phone": "0722000001"},' + "{}" * 20_000 + "]",
    "values without commas": '[{"phone": "0722000001"},' + "1 " * 500_000 + "]",
    "backslashes": '[{"phone": "0722000001", "a": "' + "\\\\" * 500_000 + '"}]',
    "spaces": '[{"phone": "0722000001"},' + " " * 5_000_000 + "]",
    "other members in each object": json.dumps(
        [{"phone": "0722000001"}, *({f"{row} {name}": 1 for name in range(500)} for row in range(300))]
    ),
}


@pytest.mark.parametrize("text", OBJECTS.values(), ids=OBJECTS.keys())
def test_json_made_to_cost_time_is_read(tmp_path: Path, run_first: Callable[[str], None], text: str) -> None:
    path = put(tmp_path, "a.json", text)
    run_first(f"ulimit -t {2 * CPU_SECONDS}")
    assert sum(outcomes(path)) > 0
