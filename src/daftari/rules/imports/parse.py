"""Parses a file's records into rows of an import: contacts, groups and facts, and why a record is rejected.

Everything that needs no database happens here, in the sandboxed process. No transaction, no stored contacts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, cast

import msgspec
from msgspec import Raw, Struct
from pyroaring import BitMap64

from daftari.files import IsTelephone, Record
from daftari.mobile import AmbiguousMobile, Reader, UnreadableMobile, Written, own_form_reader, reader_for
from daftari.model.consent import NewFact
from daftari.model.contacts import TEXT_FIELDS, ContactRow
from daftari.model.limits import FACTS_PER_CALL_MAX, ID_MAX
from daftari.model.time import format_time
from daftari.rules.consent.facts import read_facts
from daftari.rules.consent.state import fold_sender
from daftari.rules.contacts.parse import read_carefully, read_plain
from daftari.rules.fields import Problems, digits_in, fold_name
from daftari.rules.imports.columns import Columns, bounded_value, encode, value_taker
from daftari.rules.imports.fields import (
    is_listed,
    read_consent,
    read_created_at,
    read_groups,
    read_id,
    read_more,
    repair_number,
)
from daftari.rules.imports.model import ImportSettings, ReadChunk, Values
from daftari.rules.numbers import read_number_with
from daftari.store.imports import Reject

OWN_COLUMNS = ("id", "mobile", "created_at", *TEXT_FIELDS)
"""Columns that the files of our own exports have."""
GROUPS_PER_FILE_MAX = 100_000
"""Different groups that one file may name: more are a column of something else."""
RECORD_TEXT_MAX = 20_000
"""Characters of a record that are kept when it cannot be taken."""

SAID_MAX = 500
"""Different things that a list of opt-outs or opt-ins may say, each with a set of numbers of its own."""
REFUSED_MAX = 10_000
"""What was no number, and is remembered."""

_ESCAPE = re.compile(r"\\u00[01][0-9a-f]")
"""How JSON writes an invisible character: its digits are not the record's."""


class _Row(Struct):
    """What one record says."""

    contact: ContactRow | None
    facts: list[NewFact]
    groups: list[str]
    id: int | None = None
    mobile: int = 0


class RowReader:
    """Reads the records of one file in their order, and knows which numbers came before."""

    def __init__(self, settings: ImportSettings) -> None:
        self._settings = settings
        self._created_at = format_time(settings.created_at)
        self._seen = BitMap64()
        self._others = BitMap64()
        self._ids = BitMap64()
        self._said: dict[tuple[int | None, str, str, str], BitMap64] = {}
        self._named: dict[str, BitMap64] = {}
        self._take = value_taker(settings)
        self._columns = Columns(settings)
        # In a file of our own, bare digits are what an answer has: no number of the region is written so.
        is_own = settings.keep_ids or set(OWN_COLUMNS) <= set(settings.layout.columns)
        self._reader = _remembering((own_form_reader if is_own else reader_for)(settings.region))

    def read_chunk(self, records: Sequence[Record], *, number: int, bytes_read: int) -> ReadChunk:
        """Some records that follow one another."""
        chunk = ReadChunk(
            number, records[0].number, len(records),
            [], {}, {}, {}, [], [], [], [], _raw_values(records), bytes_read,
        )  # fmt: skip
        read = self._read_contacts if self._settings.kind == "contacts" else self._read_facts
        read(records, chunk)
        return chunk

    def note_seen(self, mobiles: Iterable[int]) -> None:
        """Numbers that came before."""
        self._seen.update(mobiles)

    def _read_contacts(self, records: Sequence[Record], chunk: ReadChunk) -> None:
        seen, rows, read_plain_row = self._seen, chunk.rows, self._read_plain
        for record in records:
            contact = read_plain_row(record)
            if contact is not None:
                rows.append(contact)
                if contact.mobile in seen:
                    chunk.repeats.append(record.number)
                else:
                    seen.add(contact.mobile)
                continue
            row = self._read_contact(record)
            if isinstance(row, str):
                chunk.rejects.append(reject(record.number, row, record_json(record)))
                continue
            why = self._refuse(row)
            if why is not None:
                chunk.rejects.append(reject(record.number, why, record_json(record)))
                continue
            self._take_row(row, record.number, chunk)

    def _refuse(self, row: _Row) -> str | None:
        """Why a record cannot be taken after those before it."""
        if row.id is not None and row.mobile not in self._seen and row.id in self._ids:
            return "The id field is that of a record before."
        if row.contact is not None and row.mobile in self._others and row.mobile not in self._seen:
            return "The record comes after one that holds the consent of its number alone; put it before."
        new = sum(fold_name(name) not in self._named for name in row.groups)
        if new and len(self._named) + new > GROUPS_PER_FILE_MAX:
            return f"The groups field names one beyond the {GROUPS_PER_FILE_MAX} different ones that a file may name."
        return None

    def _take_row(self, row: _Row, number: int, chunk: ReadChunk) -> None:
        mobile, seen = row.mobile, self._seen
        chunk.facts.extend(row.facts)
        if row.contact is None:
            if mobile in seen or mobile in self._others:
                chunk.repeats.append(number)
            self._others.add(mobile)
            chunk.others.append(number)
            return
        chunk.rows.append(row.contact)
        if mobile in seen:
            chunk.repeats.append(number)
        else:
            seen.add(mobile)
            if row.id is not None:
                self._ids.add(row.id)
                chunk.ids[mobile] = row.id
        for name in row.groups:
            named = self._named.setdefault(fold_name(name), BitMap64())
            (chunk.repeat_groups if mobile in named else chunk.groups).setdefault(name, []).append(number)
            named.add(mobile)

    def _read_plain(self, record: Record) -> ContactRow | None:
        """The contact in a record of a table that holds nothing else, as nearly all are; ``None`` for any other."""
        places, values = self._columns.plain, record.values
        if places is None or not isinstance(values, list):
            return None
        mobile = values[places[0]]
        if not isinstance(mobile, str):
            return None
        # A table of texts holds nothing else.
        cells = cast("tuple[str | None, ...]", tuple([None if place < 0 else values[place] for place in places[1:]]))
        return read_plain(record.number, mobile, cells, self._reader, self._created_at)

    def _read_contact(self, record: Record) -> _Row | str:
        """What a record says, or why it says nothing."""
        if record.values is None:
            return record.why or "cannot be read."
        given, more = self._columns.read(record.values, self._take)
        problems = Problems()
        given.mobile = repair_number(given.mobile)
        created_at, contact_id = self._created_at, None
        if self._settings.keep_ids:
            created_at = read_more(problems, "created_at", more, read_created_at) or created_at
            contact_id = read_more(problems, "id", more, read_id)
        groups = read_more(problems, "groups", more, read_groups) or []
        contact, mobile, digits = None, None, None
        if not self._is_bare(record.values, more):
            contact = read_carefully(record.number, given, self._reader, created_at, problems)
            mobile = None if contact is None else contact.mobile
        elif number := problems.read("mobile", given.mobile, partial(read_number_with, self._reader)):
            mobile, digits = number.number, number.digits
        if mobile is None:
            return problems.text()
        facts: list[NewFact] = []
        if self._columns.is_ours or is_listed(more.get("consent")):
            read = partial(read_consent, number=record.number, mobile=mobile)
            facts = read_more(problems, "consent", more, read) or []
            if digits is not None:
                facts = [msgspec.structs.replace(fact, digits=digits) for fact in facts]
        if problems:
            return problems.text()
        return _Row(contact, facts, groups if contact is not None else [], contact_id, mobile)

    def _is_bare(self, values: Values, more: Mapping[str, Any]) -> bool:
        """Whether a record of our own exports holds the consent of a number without a contact."""
        if more.get("id") or not more.get("consent"):
            return False
        if isinstance(values, dict) and values.keys() <= {"id", "mobile", "consent"}:
            return is_listed(more["consent"])
        return self._columns.is_ours

    def _read_facts(self, records: Sequence[Record], chunk: ReadChunk) -> None:
        """Read the facts of a list's records, one for each number in a record."""
        items: list[object] = []
        owners: list[Record] = []
        for record in records:
            if record.values is None:
                chunk.rejects.append(reject(record.number, record.why or "cannot be read.", record_json(record)))
                continue
            facts = self._columns.read_facts(record.values, self._take)
            items += facts
            owners += [record] * len(facts)
        settings = self._settings
        kind: Literal["opt_out", "opt_in"] = "opt_out" if settings.kind == "opt_outs" else "opt_in"
        fresh: dict[int, bool] = {}
        for first in range(0, len(items), FACTS_PER_CALL_MAX):
            some, numbers = items[first : first + FACTS_PER_CALL_MAX], owners[first : first + FACTS_PER_CALL_MAX]
            given = read_facts(
                some, common=settings.common, kind=kind, writer="import", region=settings.region, now=None
            )
            for fact in given.facts:
                number = numbers[fact.index].number
                fresh[number] = self._is_fresh(fact) or fresh.get(number, False)
                chunk.facts.append(msgspec.structs.replace(fact, index=number))
            for index, errors in given.invalid.items():
                record = numbers[index]
                why = " ".join(sentence for sentences in errors.values() for sentence in sentences)
                chunk.rejects.append(reject(record.number, why, record_json(record)))
        chunk.repeats.extend(number for number, is_fresh in fresh.items() if not is_fresh)

    def _is_fresh(self, fact: NewFact) -> bool:
        """Whether the file has not said this before; it says so from now on."""
        scope = fact.scope
        said = (fact.at, scope.channel, fold_sender(scope.sender), scope.purpose)
        seen, key = self._said.get(said), fact.mobile
        if seen is None and len(self._said) < SAID_MAX:
            seen = self._said.setdefault(said, BitMap64())
        elif seen is None:
            # So many different facts are remembered by their hash, which takes ten times the memory.
            seen, key = self._seen, hash((fact.mobile, *said)) & ID_MAX
        if key in seen:
            return False
        seen.add(key)
        return True


def telephone_test(region: str) -> IsTelephone:
    """Whether people of a region dial what is in a cell, for a file whose columns are not known yet."""
    read = reader_for(region)

    def is_telephone(written: str | int) -> bool:
        try:
            read(written)
        except UnreadableMobile as error:
            return isinstance(error, AmbiguousMobile)
        return True

    return is_telephone


def _remembering(reader: Reader) -> Reader:
    """A reader that remembers what was no number, which takes longest: it is asked twice, and often comes again."""
    refused: dict[Written, str] = {}

    def read(written: Written) -> int:
        if written in refused:
            raise UnreadableMobile(refused[written])
        try:
            return reader(written)
        except AmbiguousMobile:
            raise
        except UnreadableMobile as error:
            if len(refused) < REFUSED_MAX:
                refused[written] = str(error)
            raise

    return read


def reject(number: int, why: str, record: str) -> Reject:
    """A record that cannot be taken."""
    return Reject(number, why, record, digits_in(_ESCAPE.sub("", record)))


def record_json(record: Record) -> str:
    """A record as it is kept: a list, an object or a text."""
    kept: object = record.text if record.text is not None else record.values
    written = encode(kept).decode()
    return written if len(written) <= RECORD_TEXT_MAX else encode(written[:RECORD_TEXT_MAX]).decode()


def _raw_values(records: Sequence[Record]) -> Raw:
    """The records' values as opaque bytes."""
    values = [record.values if record.text is None else record.text for record in records]
    try:
        return Raw(msgspec.msgpack.encode(values))
    except OverflowError:
        return Raw(msgspec.msgpack.encode(bounded_value(values)))
