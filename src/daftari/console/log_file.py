"""The log as a file: each act as a line of CSV, in the words of its page. Knows no page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from markupsafe import Markup, escape

from daftari.console import log_words
from daftari.console.languages import END, ISOLATE
from daftari.files.csv_injection import make_safe
from daftari.model.time import format_time
from daftari.rules.log.reading import Entry

HEADER = b"number,at,who,what,about,request,undone_by\r\n"

_MARKS = dict.fromkeys(map(ord, (ISOLATE, END)))
"""What pages have around names, and no spreadsheet shows."""


def write_lines(entries: Iterable[Entry]) -> bytes:
    """Acts as lines of CSV. A spreadsheet runs none of their cells."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(map(_as_line, entries))
    return file.getvalue().encode(errors="replace")


def _as_line(entry: Entry) -> list[str]:
    cells = (
        str(entry.seq),
        format_time(entry.at),
        log_words.author(entry),
        log_words.what(entry, _no_link),
        Markup("; ").join(log_words.about(entry, _no_link)),
        entry.request_id,
        "" if entry.undone_by is None else str(entry.undone_by),
    )
    return [make_safe(_as_text(cell)) for cell in cells]


def _as_text(shown: str) -> str:
    """What a page shows, without its tags and marks."""
    return Markup(escape(shown)).striptags().translate(_MARKS)


def _no_link(place: str, name: object) -> str:
    return ""
