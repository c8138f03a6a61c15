"""What is kept of a record that is rejected, or taken with a warning, and how reasons are counted. No database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from daftari.errors import quote
from daftari.files import Record
from daftari.rules.fields import digits_in
from daftari.rules.imports.model import Tally
from daftari.store.imports import Reject

RECORD_TEXT_MAX = 20_000
"""Characters of a record that are kept when it cannot be taken."""
REASONS_MAX = 100
"""Different reasons that an import counts; the rest are counted together."""
TALLY_ROWS_MAX = 3
"""First rows that are named of each reason."""
OTHER_REASONS = "Other reasons."

_ESCAPE = re.compile(r"\\u00[01][0-9a-f]")
"""How JSON writes an invisible character: its digits are not the record's."""


def reject(number: int, why: str, record: str, *, cell: str) -> Reject:
    """A record that cannot be taken, as JSON. ``cell``: what the reason is about, quoted; blank for all of it."""
    return Reject(number, why, cell, record, _digits(record))


def warn(record: Record, why: str, *, cell: str) -> Reject:
    """What is to be said of a record that is taken. Its digits are kept, by which an erasure finds it."""
    return Reject(record.number, why, cell, "null", _digits(record_json(record)), taken=True)


def record_json(record: Record) -> str:
    """A record as it is kept: a list, an object or a text."""
    kept: object = record.text if record.text is not None else record.values
    written = msgspec.json.encode(kept).decode()
    if len(written) <= RECORD_TEXT_MAX:
        return written
    return msgspec.json.encode(written[:RECORD_TEXT_MAX]).decode()


def without_quote(why: str, written: object) -> str:
    """A reason as it is counted: what was written is kept apart from it."""
    return why.replace(f"{quote(written)} ", "it ", 1) if isinstance(written, str | int) else why


def count_reasons(counted: Mapping[str, Tally], added: Iterable[Reject]) -> dict[str, Tally]:
    """How many records have each reason, with some more."""
    tallies = dict(counted)
    for one in added:
        why = one.reason if one.reason in tallies or len(tallies) < REASONS_MAX else OTHER_REASONS
        before = tallies.get(why, Tally(0, ()))
        rows = before.rows if len(before.rows) >= TALLY_ROWS_MAX else (*before.rows, one.number)
        tallies[why] = Tally(before.count + 1, rows)
    return tallies


def _digits(record: str) -> str:
    return digits_in(_ESCAPE.sub("", record))
