"""Parses a file's records into rows of an import: contacts, groups and facts, and why a record is rejected.

Everything that needs no database happens here, in the sandboxed process. No transaction, no stored contacts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct
from pyroaring import BitMap64

from daftari.errors import UnreadableFile, quote
from daftari.files import Record
from daftari.files.blanks import NO_VALUES, is_no_value
from daftari.files.consent_columns import names_detail, names_time
from daftari.mobile import AmbiguousMobile, Reader, UnreadableMobile, Written, own_form_reader, reader_for
from daftari.model.consent import ANY, NewFact, Scope
from daftari.model.contacts import TEXT_FIELDS, ContactGiven, ContactRow
from daftari.model.limits import IMPORT_ROWS_MAX
from daftari.model.time import format_time
from daftari.rules.consent.views import cut_evidence, write_evidence
from daftari.rules.contacts.parse import read_carefully, read_plain
from daftari.rules.fields import Problems, fold_name
from daftari.rules.imports.columns import NUMBER_STARTS, Columns, ConsentUse, MobileCells, bounded_value, value_taker
from daftari.rules.imports.fields import (
    is_listed,
    read_consent,
    read_created_at,
    read_groups,
    read_id,
    read_more,
)
from daftari.rules.imports.lists import TIME_UNREAD, ListReader
from daftari.rules.imports.model import ImportSettings, ReadChunk, Values
from daftari.rules.imports.opt_outs import read_channels, read_consent_cell, scopes_of
from daftari.rules.imports.reasons import record_json, reject, warn, without_quote
from daftari.rules.imports.times import ORDERS, OrderFinder, find_orders, read_span
from daftari.rules.numbers import WrittenNumber, read_number_with

OWN_COLUMNS = ("id", "mobile", "created_at", *TEXT_FIELDS)
"""Columns that the files of our own exports have."""
OWN_NUMBER_COLUMNS = {"mobile", "consent"}
"""Those of an export of numbers that no contact has."""
GROUPS_PER_FILE_MAX = 100_000
"""Different groups that one file may name: more are a column of something else."""
REFUSED_MAX = 10_000
"""What was no number, and is remembered."""

_PLAIN_MEMBERS = frozenset(("mobile", *TEXT_FIELDS, "groups", "record"))
_TEXT_TYPES = frozenset((str, type(None)))
_FORMULA_OR_SEVERAL = re.compile('"=|:::')
"""In a card's JSON: a cell that wants a careful look."""
_PASSED_OVER = "A cell that is no telephone number was passed over; the record has another number."
_LIKE_OPT_OUT = (
    "The name of a group reads like an opt-out: none was recorded. Import these numbers as a list of opt-outs."
)
_UNCLEAR = "is about consent, and holds neither a yes nor a no: no opt-out was recorded."


class _Row(Struct):
    """What one record says. ``why``: why it is rejected; its opt-outs count all the same."""

    contact: ContactRow | None = None
    facts: list[NewFact] = []
    groups: list[str] = []
    id: int | None = None
    mobile: int = 0
    why: str | None = None
    cell: str = ""


class _Said(Struct):
    """What the columns about consent say of a record, without its number, and what could not be understood."""

    opt_outs: list[tuple[Scope, int | None, str]] = []
    unclear: list[tuple[str, str]] = []


class RowReader:
    """Reads the records of one file in their order, and knows which numbers came before."""

    def __init__(self, settings: ImportSettings) -> None:
        self._settings = settings
        self._created_at = format_time(settings.created_at)
        self._seen = BitMap64()
        self._others = BitMap64()
        self._ids = BitMap64()
        self._named: dict[str, BitMap64] = {}
        self._as_written: dict[str, BitMap64] = {}
        """The same by the name as it stands in records, of which nothing needs to be said."""
        self._take = value_taker(settings)
        self._columns = Columns(settings)
        self._is_of_objects = settings.streamed and settings.kind == "contacts"
        """Whether a program sends objects, whose members mean what they are called."""
        # In a file of our own, bare digits are what an answer has: no number of the region is written so.
        columns = set(settings.layout.columns)
        is_own = settings.keep_ids or columns >= set(OWN_COLUMNS) or columns - {"id"} == OWN_NUMBER_COLUMNS
        self._reader = _remembering((own_form_reader if is_own else reader_for)(settings.region))
        places = [] if self._columns.at is None or settings.kind == "contacts" else [self._columns.at]
        places += [use.where for use in self._columns.consents if use.column.kind == "opt_out"]
        self._orders = {place: OrderFinder(settings.created_at, said=settings.date_order) for place in places}
        self._lists = ListReader(settings, self._columns, take=self._take, reader=self._reader, orders=self._orders)
        self._added = 0
        """How many records more than the file has: those with several numbers count once for each."""

    @property
    def has_times(self) -> bool:
        """Whether all records have to be given to ``note_times`` before the first one is read."""
        return bool(self._orders)

    def note_times(self, records: Iterable[Record]) -> None:
        """Look at how some records write their times: what one of them leaves open another one may decide."""
        for record in records:
            if record.values is not None:
                for place, finder in self._orders.items():
                    finder.add(self._take(record.values, place))

    def divide(self, records: Sequence[Record]) -> list[Record]:
        """The records, those of a person with several numbers in one cell once for each, and all numbered again.

        Raises ``UnreadableFile`` when the file has too many.
        """
        found = list(records) if self._settings.kind != "contacts" else self._divide(records)
        if found and found[-1].number > IMPORT_ROWS_MAX:
            raise UnreadableFile(
                f"The file has more than the {IMPORT_ROWS_MAX:,} rows that an import takes; divide it."
            )
        return found

    def _divide(self, records: Sequence[Record]) -> list[Record]:
        found: list[Record] = []
        done = 0
        for place in self._columns.find_divisible(records, self._take):
            record = records[place]
            found += self._renumbered(records[done:place])
            values = cast(Values, record.values)
            divided = self._columns.divide(values, self._take, self._reader) or [values]
            for number, values in enumerate(divided, record.number + self._added):
                found.append(Record(number, values, record.why, record.text))
            self._added += len(divided) - 1
            done = place + 1
        found += self._renumbered(records[done:])
        return found

    def _renumbered(self, records: Sequence[Record]) -> Sequence[Record]:
        """Records, with those counted that the file has not."""
        if not self._added:
            return records
        return [Record(record.number + self._added, record.values, record.why, record.text) for record in records]

    def read_chunk(self, records: Sequence[Record], *, number: int, bytes_read: int) -> ReadChunk:
        """Some records that follow one another."""
        chunk = ReadChunk(
            number, records[0].number, len(records),
            [], {}, {}, {}, [], [], [], [], _raw_values(records), bytes_read, [], [],
        )  # fmt: skip
        if self._settings.kind == "contacts":
            self._read_contacts(records, chunk)
        else:
            self._lists.read(records, chunk)
        return chunk

    def note_seen(self, mobiles: Iterable[int]) -> None:
        """Numbers that came before."""
        self._seen.update(mobiles)

    def _read_contacts(self, records: Sequence[Record], chunk: ReadChunk) -> None:
        seen, rows, read_plain_row = self._seen, chunk.rows, self._read_plain
        raw = bytes(chunk.values)
        wants_care = b"=" in raw or b":::" in raw
        for record in records:
            contact = read_plain_row(record)
            if contact is not None and not (wants_care and _FORMULA_OR_SEVERAL.search(contact.tail)):
                rows.append(contact)
                if contact.mobile in seen:
                    chunk.repeats.append(record.number)
                else:
                    seen.add(contact.mobile)
                if self._is_of_objects:
                    self._join_named(cast("dict[str, Any]", record.values).get("groups", ()), contact, chunk)
                continue
            row = self._read_contact(record, chunk)
            why = row.why or self._refuse(row)
            if why is None:
                self._take_row(row, record.number, chunk)
            else:
                chunk.rejects.append(reject(record.number, why, record_json(record), cell=row.cell))
                # An opt-out must not be lost for what else is wrong.
                chunk.facts.extend(fact for fact in row.facts if fact.kind == "opt_out")

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
        self._join_named(row.groups, row.contact, chunk)

    def _join_named(self, names: Iterable[str], contact: ContactRow, chunk: ReadChunk) -> None:
        mobile = contact.mobile
        for name in names:
            named = self._named_by(name)
            (chunk.repeat_groups if mobile in named else chunk.groups).setdefault(name, []).append(contact.index)
            named.add(mobile)

    def _named_by(self, name: str) -> BitMap64:
        """Who is to join a group that is written in this way."""
        named = self._as_written.get(name)
        if named is None:
            named = self._named.setdefault(fold_name(name), BitMap64())
            if not _is_like_opt_out(name):
                self._as_written[name] = named
        return named

    def _read_plain(self, record: Record) -> ContactRow | None:
        """The contact in a record of a table that holds nothing else, as nearly all are; ``None`` for any other.

        Texts that are a formula or several values are left as they stand.
        """
        take, values = self._columns.take_plain, record.values
        if self._is_of_objects:
            return self._read_plain_object(record)
        if take is None or not isinstance(values, list):
            return None
        cells = take((*values, None))
        contact = read_plain(record.number, cells[0], cells[1:], self._reader, self._created_at)
        if contact is not None and not NO_VALUES.isdisjoint(contact.texts) and not self._columns.is_verbatim:
            texts = [None if is_no_value(cell) else cell for cell in cells[1:]]
            contact = read_plain(record.number, cells[0], texts, self._reader, self._created_at)
        return contact

    def _read_plain_object(self, record: Record) -> ContactRow | None:
        """The same of an object with nothing but a number, texts, and groups that were named before."""
        values = record.values
        if not isinstance(values, dict) or not values.keys() <= _PLAIN_MEMBERS:
            return None
        mobile, texts = values.get("mobile"), [values.get(name) for name in TEXT_FIELDS]
        if type(mobile) is not str or mobile[:1] not in NUMBER_STARTS:
            return None
        if not _TEXT_TYPES.issuperset(map(type, texts)):
            return None
        groups = values.get("groups", ())
        if not isinstance(groups, list | tuple) or not all(
            isinstance(name, str) and name in self._as_written for name in groups
        ):
            return None
        return read_plain(record.number, mobile, texts, self._reader, self._created_at)

    def _read_contact(self, record: Record, chunk: ReadChunk) -> _Row:
        """What a record says, or why it says nothing."""
        if record.values is None:
            return _Row(why=record.why or "cannot be read.")
        cells = self._columns.find_mobile(record.values, self._take, self._reader)
        given, more = self._columns.read(record.values, self._take, cells)
        problems = Problems()
        created_at, contact_id = self._created_at, None
        if self._settings.keep_ids:
            created_at = read_more(problems, "created_at", more, read_created_at) or created_at
            contact_id = read_more(problems, "id", more, read_id)
        groups = read_more(problems, "groups", more, read_groups) or []
        is_bare = self._is_bare(record.values, more)
        contact = None if is_bare else read_carefully(record.number, given, self._reader, created_at, problems)
        if contact is None:
            number = self._read_number(given, problems)
        else:
            number = WrittenNumber(contact.mobile, contact.digits)
        facts = self._read_facts(record, more, number, problems)
        said = self._read_opt_outs(record.values)
        if number is None:
            if said.opt_outs:
                chunk.unread_opt_outs.append(record.number)
        else:
            facts += [_opt_out(record.number, number, *one) for one in said.opt_outs]
            warnings = [*said.unclear, *((_PASSED_OVER, quote(cell)) for cell in cells.passed_over)]
            refusals = (name for name in groups if not said.opt_outs and _is_like_opt_out(name))
            warnings += [(_LIKE_OPT_OUT, quote(name)) for name in refusals]
            chunk.warnings.extend(warn(record, why, cell=cell) for why, cell in warnings)
        if problems or number is None:
            why, cell = without_quote(problems.text(), given.mobile), _wrong_cell(problems, given, cells)
            return _Row(facts=facts, mobile=number.number if number else 0, why=why, cell=cell)
        return _Row(contact, facts, groups if contact is not None else [], contact_id, number.number)

    def _read_number(self, given: ContactGiven, problems: Problems) -> WrittenNumber | None:
        """The number of a record that is no contact, or whose other fields are wrong."""
        if problems.has("mobile"):
            return None
        return problems.read("mobile", given.mobile, partial(read_number_with, self._reader))

    def _read_facts(
        self, record: Record, more: Mapping[str, Any], number: WrittenNumber | None, problems: Problems
    ) -> list[NewFact]:
        """The facts in a record of our own exports."""
        if number is None or not (self._columns.is_ours or is_listed(more.get("consent"))):
            return []
        read = partial(read_consent, number=record.number, mobile=number.number)
        facts = read_more(problems, "consent", more, read) or []
        return [msgspec.structs.replace(fact, digits=number.digits) for fact in facts]

    def _read_opt_outs(self, values: Values) -> _Said:
        """What the columns about consent say: a no is an opt-out, a yes is nothing."""
        said = _Said([], [])
        for use in self._columns.consents:
            cell = self._take(values, use.where)
            if isinstance(cell, list) and not any(isinstance(one, dict) for one in cell):
                cell = ", ".join(map(str, cell))
            if not is_no_value(cell) and not is_listed(cell) and not self._is_divided(use, cell):
                self._read_opt_out(use, cell, said)
        return said

    def _is_divided(self, use: ConsentUse, cell: object) -> bool:
        """Whether an object's members are columns about consent themselves."""
        return isinstance(cell, dict) and any(one.name.startswith(f"{use.name}.") for one in self._columns.consents)

    def _read_opt_out(self, use: ConsentUse, cell: object, said: _Said) -> None:
        kind, at = use.column.kind, None
        meaning = read_consent_cell(cell, kind)
        if meaning == "unclear":
            orders = self._orders[use.where].orders if kind == "opt_out" else ORDERS
            span = read_span(cell, orders=orders, now=self._settings.created_at)
            if span is not None or find_orders(cell, now=self._settings.created_at):
                # When they opted out; or when they agreed, which is no opt-out.
                meaning = "opted_out" if kind == "opt_out" else "nothing"
                at = None if span is None else min(span.last, self._settings.created_at)
                if span is None and kind == "opt_out":
                    said.unclear.append((TIME_UNREAD, quote(cell)))
            elif kind == "opt_out" and (names_detail(use.name) or read_channels(cell) is not None):
                meaning = "opted_out"
                if names_time(use.name):
                    said.unclear.append((TIME_UNREAD, quote(cell)))
        if meaning == "opted_out":
            for channel, purpose in scopes_of(use.column, cell):
                said.opt_outs.append((Scope(channel, ANY, purpose), at, f"{use.name}: {cell}"))
        elif meaning == "unclear":
            said.unclear.append((f"The column {quote(use.name)} {_UNCLEAR}", quote(cell)))

    def _is_bare(self, values: Values, more: Mapping[str, Any]) -> bool:
        """Whether a record of our own exports holds the consent of a number without a contact."""
        if more.get("id") or not more.get("consent"):
            return False
        if isinstance(values, dict) and values.keys() <= {"id", "mobile", "consent"}:
            return is_listed(more["consent"])
        return self._columns.is_ours


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


def _is_like_opt_out(group: str) -> bool:
    """Whether the name of a group is one that is warned of."""
    return read_consent_cell(group, "status") == "opted_out"


def _opt_out(index: int, number: WrittenNumber, scope: Scope, at: int | None, note: str) -> NewFact:
    evidence = write_evidence(note=cut_evidence(note))
    return NewFact(index, number.number, "opt_out", scope, at, "import", evidence=evidence, digits=number.digits)


def _wrong_cell(problems: Problems, given: ContactGiven, cells: MobileCells) -> str:
    """The cell that the first problem of a record is about, quoted; blank where there is none."""
    field = next(iter(problems.errors), "")
    cell = cells.shown if field == "mobile" else getattr(given, field, None)
    return quote(cell) if isinstance(cell, str | int | float | list | dict) else ""


def _raw_values(records: Sequence[Record]) -> Raw:
    """The records' values as opaque bytes."""
    values = [record.values if record.text is None else record.text for record in records]
    try:
        return Raw(msgspec.msgpack.encode(values))
    except OverflowError:
        return Raw(msgspec.msgpack.encode(bounded_value(values)))
