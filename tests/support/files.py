"""Files of people for the tests: made here, read and written through the layer's own functions."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from daftari.errors import UnreadableFile
from daftari.files import Cell, Layout, Record, Row, open_writer, read_layout, read_records

ODS_HEAD = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
)
ODS_MANIFEST = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
ODS_TAIL = "</office:spreadsheet></office:body></office:document-content>"


def put(folder: Path, name: str, content: bytes | str) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def layout_of(path: str, *, name: str | None = None, media_type: str | None = None) -> Layout:
    return read_layout(path, name=name or Path(path).name, media_type=media_type)


def read(path: str, *, name: str | None = None) -> list[Record]:
    """All records of a file, numbered from 1 without a gap."""
    records = read_records(path, layout=layout_of(path, name=name))
    found = [record for batch in records for record in batch]
    assert [record.number for record in found] == list(range(1, len(found) + 1))
    assert all((record.values is None) == (record.why is not None) for record in found)
    return found


def values(path: str, *, name: str | None = None) -> list[Any]:
    return [record.values for record in read(path, name=name)]


def refusal(path: str, *, name: str | None = None) -> str:
    """Why a file is refused, in a sentence with its name before it."""
    try:
        layout_of(path, name=name)
    except UnreadableFile as error:
        said, _, sentence = error.message.partition(": ")
        assert said == (name or Path(path).name)
        assert sentence[0].isupper() and sentence.endswith(".")
        return sentence
    raise AssertionError("the file was not refused")


def write(path: str, layout: Layout, rows: Iterable[Row]) -> str:
    with open(path, "wb") as file:
        writer = open_writer(file, layout=layout)
        writer.write(rows)
        writer.close()
        assert not file.closed
    return path


def xlsx(path: Path, *sheets: Sequence[Sequence[Cell]]) -> str:
    """A workbook made by another hand than ours: numbers are numbers."""
    with xlsxwriter.Workbook(str(path)) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return str(path)


def ods(path: Path, rows: str) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", ODS_MANIFEST)
        archive.writestr("content.xml", f'{ODS_HEAD}<table:table table:name="A">{rows}</table:table>{ODS_TAIL}')
    return str(path)


def rezip(path: str, **entries: bytes) -> str:
    """The zip with more entries, or others in place of its own; ``__`` stands for a slash, ``_xml`` for its ending."""
    named = {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in entries.items()}
    held = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename not in named:
                new.writestr(info.filename, old.read(info))
        for name, content in named.items():
            new.writestr(name, content)
    Path(path).write_bytes(held.getvalue())
    return path
