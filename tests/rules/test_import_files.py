"""Files as people and their enemies send them, the whole way: rows, or one clear sentence, and the worker lives on."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import settings

from daftari.errors import UnreadableFile
from daftari.files import Layout, match_columns
from daftari.rules.imports.model import ImportSettings
from daftari.sandbox.limits import MEMORY_BYTES_MAX
from daftari.sandbox.process import ChunkReader, ReaderEnded
from daftari.store import Store
from tests.conftest import ROOT, NewDatabase
from tests.support import calls
from tests.support.calls import broken_in
from tests.support.imports import Office, shown
from tests.support.stores import open_store

pytestmark = pytest.mark.usefixtures("started_readers")

LINE_BYTES = 1_000_000_000 if settings().max_examples > 1_000 else 40_000_000
MEMORY_BYTES_GOAL = 200 * 1024 * 1024
TODAY = 4_000_000_000_000_000


@pytest.fixture
def store(new_database: NewDatabase) -> Iterator[Store]:
    """What is in a file has nothing to do with the engine."""
    opened = open_store(new_database("sqlite"), threads=4)
    yield opened
    opened.close()


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store, "", calls.create_project(store), now=TODAY)


def _import(office: Office, data: bytes, *, name: str) -> dict[str, int]:
    """The counts of an import whose file was read twice in processes of its own."""
    number = office.queue(data, office.real_settings(data, name=name))
    office.work_for_real()
    found = office.get(number)
    assert found.stored.state == "done", found.progress.error
    assert broken_in(office.store, office.project) == []
    return shown(found)


def _bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(120):
                sheet.write(bytes(1_000_000))
    return file.getvalue()


REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("a.csv", lambda: b"", "is empty"),
    "blanks only": ("a.csv", lambda: b" \n\n", "is empty"),
    "a workbook of 0 bytes": ("a.xlsx", lambda: b"", "is empty"),
    "a zip bomb": ("a.xlsx", _bomb, "workbook"),
    "10 M columns": ("a.csv", lambda: b",".join([b"a"] * 10_000_000) + b"\n", "columns"),
    "one line without an end": ("a.csv", lambda: b"x" * 20_000_000, "line of more than"),
    "a PDF": ("people.csv", lambda: b"%PDF-1.7 x", "PDF"),
    "noise": ("people.csv", lambda: bytes(range(256)) * 100, "not text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_of_people_is_refused_with_one_sentence_before_anything_is_kept(
    office: Office, name: str
) -> None:
    called, make, said = REFUSED[name]
    with pytest.raises(UnreadableFile, match=said) as refused:
        office.real_settings(make(), name=called)
    assert refused.value.message.count("\n") == 0


CARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Mwangi;Wanji\r\n ku;;;\r\nTEL;TYPE=CELL:+254 722 000 001\r\n"
    "PHOTO;ENCODING=b;TYPE=JPEG:" + "\r\n ".join([base64.b64encode(bytes(54)).decode()] * 3_000) + "\r\n"
    "NOTE:fol\r\n ded\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nFN:Otieno\r\nTEL:0722000002\r\nEND:VCARD\r\n"
)
READ: dict[str, tuple[str, bytes, dict[str, int]]] = {
    "a header and nothing else": ("a.csv", b"phone,name\n", {}),
    "no newline at the end": ("a.csv", b"phone\n0722000001\n0722000002", {"created": 2}),
    "mixed encodings": (
        "a.csv",
        "phone;first name\n0722000001;José\n".encode() + "0722000002;Zoë\n".encode("cp1252"),
        {"created": 2},
    ),
    "numbers as floats and dates as numbers": (
        "a.csv",
        b"phone,born\n254722000001.0,45123\n2.54722E+11,45124\n722000002.00,45125\n",
        {"created": 2, "invalid": 1},
    ),
    "names from right to left and groups of emoji": (
        "a.csv",
        "phone,first name,groups\n0722000001,שרה,🏠;العائلة\n+254722000001,,🏠\n".encode(),
        {"created": 1, "duplicate": 1, "joined": 1},
    ),
    "folded cards with a photo": ("a.vcf", CARD.encode(), {"created": 2}),
    "a line of 5 MB among others": (
        "a.csv",
        b"phone\n0722000001\n" + b"x" * 5_000_000 + b"\n0722000002\n",
        {"created": 2, "invalid": 1},
    ),
    "NUL bytes and an open quote": ("a.csv", b'phone,n\n0722000001,\x00\n0722000002,"x\n', {"invalid": 2}),
}


@pytest.mark.parametrize("name", READ)
def test_whatever_can_be_read_becomes_rows(office: Office, name: str) -> None:
    called, data, expected = READ[name]
    assert _import(office, data, name=called) == expected


def test_a_file_that_breaks_off_is_imported_up_to_there_and_says_so(office: Office) -> None:
    people = ",".join(f'{{"mobile": "0722{number:06}"}}' for number in range(5_000))
    data = f'[{people},{{"mobile": "07'.encode()
    number = office.queue(data, office.real_settings(data, name="a.json"))
    office.work_for_real(chunks_a_batch=3)
    found = office.get(number)
    assert found.stored.state in ("done", "failed")
    assert shown(found)["created"] == 5_000
    assert _import(office, b"phone\n0733000001\n", name="b.csv") == {"created": 1}


# ---- memory and kills -------------------------------------------------------------------------------


def _settings(columns: tuple[str, ...]) -> ImportSettings:
    layout = Layout(format="csv", columns=columns, encoding="utf-8", delimiter=",", header=True)
    uses = match_columns(columns, given={})
    return ImportSettings("people.csv", 0, layout, uses, "KE", 1)


def test_a_line_without_end_takes_little_memory_and_stops_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"phone,first name\n0722000001,Before\n")
        file.seek(LINE_BYTES, os.SEEK_CUR)
        file.write(b"\n0722000002,After\n")
    peaks = [0]
    with (
        path.open("rb") as opened,
        ChunkReader(opened, settings=_settings(("phone", "first name")), first_chunk=0) as it,
    ):
        watcher = threading.Thread(target=_watch, args=(_reader(), peaks))
        watcher.start()
        (chunk,) = it.take(10)
        watcher.join()
    assert [row.mobile for row in chunk.rows] == [254722000001, 254722000002]
    assert [one.number for one in chunk.rejects] == [2]
    assert 0 < max(peaks) < MEMORY_BYTES_GOAL


DEEP = "[" * 5_000
LONG = 89254021234567890123


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.csv", f"phone,groups\n0722000001,A\n0722000002,{DEEP}\n0722000003,B\n", {}),
        ("a.csv", f"phone,attributes\n0722000001,\n0722000002,{DEEP}\n0722000003,\n", {}),
        ("a.csv", f'id,phone,consent\n,0722000001,\n,0722000002,"[{{""a"":{DEEP}"\n,0722000003,\n', {}),
        ("a.csv", f"phone,x\n0722000001,{LONG}\n0722000003,\n", {"mapping": {"x": "attributes.x:number"}}),
        ("a.csv", f'phone,attributes\n0722000001,"{{""x"":{LONG}}}"\n0722000003,\n', {}),
        ("a.ndjson", f'{{"phone":"0722000001","x":{LONG}}}\n{{"phone":"0722000003"}}\n', {"attributes": True}),
        ("a.ndjson", f'{{"phone":"0722000001"}}\n{{"phone":{LONG}}}\n{{"phone":"0722000003"}}\n', {}),
    ],
)
def test_a_cell_made_to_harm_ends_no_import(office: Office, name: str, text: str, wanted: dict[str, Any]) -> None:
    data = text.encode()
    number = office.queue(data, office.real_settings(data, name=name, **wanted))
    office.work_for_real()
    found = office.get(number)
    assert found.stored.state == "done"
    assert shown(found)["created"] == 2


def test_long_records_wait_outside_of_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("w") as file:
        file.write("phone,notes\n")
        file.writelines(f"07220{number:05},{'x' * 5_000}\n" for number in range(20_000))
    with path.open("rb") as taken, ChunkReader(taken, settings=_settings(("phone", "notes")), first_chunk=0) as chunks:
        counts = []
        while some := chunks.take(10):
            counts.append(len(some))
    assert counts == [4] * 5


def _reader() -> psutil.Process:
    """The process that reads a file for this one."""
    (reader,) = (one for one in psutil.Process().children() if "daftari.sandbox.child" in one.cmdline())
    return reader


def _watch(reader: psutil.Process, peaks: list[int]) -> None:
    """The most memory that a process ever had, asked until it is gone."""
    status = Path(f"/proc/{reader.pid}/status")
    while reader.is_running() and reader.status() != psutil.STATUS_ZOMBIE:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                peaks.append(int(line.split()[1]) * 1024)


def test_the_process_that_reads_has_a_limit_to_its_memory() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"phone\n" + b"0722000001\n" * 2_000_000)
        file.flush()
        with ChunkReader(file, settings=_settings(("phone",)), first_chunk=0) as chunks:
            assert chunks.take(1)
            reader = _reader()
            assert reader.rlimit(psutil.RLIMIT_AS) == (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX)


def test_the_process_that_reads_keeps_to_a_smaller_limit_that_it_is_under(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"phone\n0722000001\n")
    read = """
import os, resource
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (800 << 20, 800 << 20))
from daftari.rules.imports.request import ImportRequest
from daftari.sandbox.process import ChunkReader, read_request
with open("people.csv", "rb") as file:
    settings = read_request(file, request=ImportRequest(name="people.csv"), region="KE", now=1)
print(settings.layout.columns)
"""
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    found = subprocess.run([sys.executable, "-c", read], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert found.stdout == "('phone',)\n", found.stderr


def test_a_reader_that_was_killed_says_so_as_often_as_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"phone\n" + b"0722000001\n" * 500_000)
    with path.open("rb") as file, ChunkReader(file, settings=_settings(("phone",)), first_chunk=0) as chunks:
        assert len(chunks.take(2)) == 2
        reader = _reader()
        reader.kill()
        # What it had said before is not lost.
        assert _take_until_the_end(chunks) < 498
        with pytest.raises(ReaderEnded):
            chunks.take(7)


def _take_until_the_end(chunks: ChunkReader) -> int:
    taken = 0
    with suppress(ReaderEnded):
        while some := chunks.take(7):
            taken += len(some)
    return taken


def test_a_file_that_ends_its_reader_again_and_again_fails_with_a_sentence(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"phone\n0722000001\n"
    number = office.queue(data, office.real_settings(data))
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/bin/false")
        office.work_for_real()
    found = office.get(number)
    assert found.stored.state == "failed"
    assert (
        found.progress.error
        == "The file cannot be read to its end: it is damaged, or needs too much memory. Save it as CSV."
    )
    assert _import(office, data, name="b.csv") == {"created": 1}
