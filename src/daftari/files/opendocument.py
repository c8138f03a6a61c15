"""Writes an ODS workbook, the smallest that spreadsheets open, row by row.

No meaning of cells.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from html import escape
from typing import BinaryIO

from daftari.files.csv_injection import make_safe
from daftari.files.record import Cell, Layout, Row, as_cells

_MEDIA_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_SPACE = "urn:oasis:names:tc:opendocument:xmlns"
_MANIFEST = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="{_SPACE}:manifest:1.0" manifest:version="1.2">
<manifest:file-entry manifest:full-path="/" manifest:media-type="{_MEDIA_TYPE}"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>
</manifest:manifest>
"""
_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="{_SPACE}:office:1.0" xmlns:table="{_SPACE}:table:1.0"
 xmlns:text="{_SPACE}:text:1.0" office:version="1.2"><office:body><office:spreadsheet>
<table:table table:name="Sheet1">
"""
_TAIL = "</table:table></office:spreadsheet></office:body></office:document-content>\n"
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n|\n|\r")
_SPACES = re.compile("(?<= ) +|^ +| +$")


class OpenDocumentWriter:
    """Writes cells as text, so that no spreadsheet changes a number; true and false as they are."""

    def __init__(self, file: BinaryIO, *, layout: Layout) -> None:
        self._columns = layout.columns
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._archive.writestr("mimetype", _MEDIA_TYPE, zipfile.ZIP_STORED)
        self._archive.writestr("META-INF/manifest.xml", _MANIFEST)
        self._content = self._archive.open("content.xml", "w", force_zip64=True)
        self._content.write(_HEAD.encode())
        self.write([layout.columns])

    def write(self, rows: Iterable[Row]) -> None:
        written = "".join(
            f"<table:table-row>{''.join(map(_written_cell, row))}</table:table-row>\n"
            for row in as_cells(rows, columns=self._columns)
        )
        self._content.write(written.encode())

    def close(self) -> None:
        self._content.write(_TAIL.encode())
        self._content.close()
        self._archive.close()


def _written_cell(cell: Cell) -> str:
    if cell is None or cell == "":
        return "<table:table-cell/>"
    if isinstance(cell, bool):
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(cell).lower()}"/>'
    text = _NOT_XML.sub("", make_safe(str(cell)))
    paragraphs = "".join(f"<text:p>{_written_text(line)}</text:p>" for line in _LINE_END.split(text))
    return f'<table:table-cell office:value-type="string">{paragraphs}</table:table-cell>'


def _written_text(line: str) -> str:
    """A line with the spaces kept that would run together. A tab stays one: its own element is lost on many readers."""
    return _SPACES.sub(lambda found: f'<text:s text:c="{len(found[0])}"/>', escape(line, quote=False))
