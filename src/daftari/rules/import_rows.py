"""How a file's records become rows of an import: contacts, groups and facts, and why a record is none.

Everything that needs no database happens here, in a process of its own. This room must not know a transaction, nor
what is in the book.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, cast

import msgspec
from msgspec import Raw, Struct
from pyroaring import BitMap64

from daftari.errors import UnreadableMobile
from daftari.files import ColumnUse, Layout, Record, split_name
from daftari.mobile import reader_for
from daftari.model import (
    FACTS_PER_CALL_MAX,
    ID_MAX,
    TEXT_FIELDS,
    AttributeValue,
    ContactGiven,
    ContactRow,
    NewFact,
    written_time,
)
from daftari.rules.consent import fold_sender
from daftari.rules.facts import read_facts
from daftari.rules.import_fields import (
    decoded,
    is_listed,
    mended,
    noting,
    read_consent,
    read_created_at,
    read_groups,
    read_id,
)
from daftari.rules.rows import Errors, read_plain, read_row
from daftari.rules.texts import digits_in, fold_name
from daftari.store.imports import CHUNK_RECORDS, Reject

ImportKind = Literal["contacts", "opt_outs", "opt_ins"]
Values = list[Any] | dict[str, Any]

GROUPS_PER_FILE_MAX = 100_000
"""Different groups that one file may name: more are a column of something else."""
NUMBERS_PER_ROW_MAX = 9
"""Columns of a table that may hold the number."""
RECORD_TEXT_MAX = 20_000
"""Characters of a record that are kept when it cannot be taken."""

SAID_MAX = 500
"""Different things that a list of opt-outs or opt-ins may say, each with a set of numbers of its own."""
REFUSED_MAX = 10_000
"""What was no number, and is remembered."""

_RUINED = re.compile(r"\d(?:[.,]\d+)?[Ee]\+?\d+")
_ESCAPE = re.compile(r"\\u00[01][0-9a-f]")
"""How JSON writes a character that nobody sees: its digits are none of the record's."""
_encode = msgspec.json.encode


class Reading(Struct, frozen=True):
    """All that is needed to read a file's records as rows, again and again in the same way.

    ``attributes``: columns that are nothing else become attributes. ``keep_ids``: ids and times of creation are the
    file's. ``common``: members of facts that the records do not name. ``created_at``: that of new contacts.
    ``chunk_records``: how many records a chunk has, kept so that an import that has begun goes on with the same ones.
    """

    layout: Layout
    uses: tuple[ColumnUse, ...]
    region: str
    kind: ImportKind
    attributes: bool
    keep_ids: bool
    common: dict[str, Any]
    created_at: int
    chunk_records: int = CHUNK_RECORDS


class ReadChunk(Struct, frozen=True, array_like=True):
    """Up to a thousand records as they were read. Rows and facts have their record's number as index.

    ``groups``: names, and the records by which somebody is to join. ``again``: the same, for those whose number was to
    join that group by a record before in the file. ``ids``: by number. ``repeats``: records whose number came before in
    the file. ``others``: records that are about no contact. ``values``: each record, should it be rejected later.
    ``bytes_read``: of the file so far.
    """

    number: int
    first: int
    count: int
    rows: list[ContactRow]
    groups: dict[str, list[int]]
    again: dict[str, list[int]]
    ids: dict[int, int]
    facts: list[NewFact]
    repeats: list[int]
    others: list[int]
    rejects: list[Reject]
    values: Raw
    bytes_read: int


class _Row(Struct):
    """What one record says."""

    contact: ContactRow | None
    facts: list[NewFact]
    groups: list[str]
    id: int | None = None
    mobile: int = 0


class RowReader:
    """Reads the records of one file in their order, and knows which numbers came before."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._created_at = written_time(reading.created_at)
        self._seen = BitMap64()
        self._others = BitMap64()
        self._ids = BitMap64()
        self._said: dict[tuple[int, str, str, str], BitMap64] = {}
        self._named: dict[str, BitMap64] = {}
        self._take = _value_taker(reading)
        self._columns = _Columns(reading)
        self._reader = _remembering(reader_for(reading.region))

    def read_chunk(self, records: Sequence[Record], *, number: int, bytes_read: int) -> ReadChunk:
        """Some records that follow one another."""
        chunk = ReadChunk(
            number, records[0].number, len(records),
            [], {}, {}, {}, [], [], [], [], _raw_values(records), bytes_read,
        )  # fmt: skip
        read = self._read_contacts if self._reading.kind == "contacts" else self._read_facts
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
            return "The record comes after one that tells what is known of its number alone; put it before."
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
            (chunk.again if mobile in named else chunk.groups).setdefault(name, []).append(number)
            named.add(mobile)

    def _read_plain(self, record: Record) -> ContactRow | None:
        """The contact in a record of a table that holds nothing else, as nearly all are; ``None`` for any other."""
        places, values = self._columns.plain, record.values
        if places is None or not isinstance(values, list):
            return None
        mobile = values[places[0]]
        if not isinstance(mobile, str) or "." in mobile:
            return None
        # A table of texts holds nothing else.
        cells = cast("tuple[str | None, ...]", tuple([None if place < 0 else values[place] for place in places[1:]]))
        return read_plain(record.number, mobile, cells, self._reader, self._created_at)

    def _read_contact(self, record: Record) -> _Row | str:
        """What a record says, or why it says nothing."""
        if record.values is None:
            return record.why or "cannot be read."
        given, more = self._columns.read(record.values, self._take)
        errors: Errors = {}
        mobile = mended(given.mobile)
        if isinstance(mobile, str) and _RUINED.fullmatch(mobile):
            errors["mobile"] = [f"was shortened by a spreadsheet to {mobile}: its last digits are lost."]
        given.mobile = mobile
        created_at, contact_id = self._created_at, None
        if self._reading.keep_ids:
            created_at = noting(errors, "created_at", more, read_created_at) or created_at
            contact_id = noting(errors, "id", more, read_id)
        groups = noting(errors, "groups", more, read_groups) or []
        if not self._is_bare(record.values, more):
            row = read_row(record.number, (given, errors) if errors else given, self._reader, created_at)
            if not isinstance(row, ContactRow):
                return sentences(row)
            number, contact = row.mobile, row
        else:
            number, contact = self._read_number(given.mobile, errors), None
        facts: list[NewFact] = []
        if self._columns.is_ours or is_listed(more.get("consent")):
            now = self._reading.created_at
            facts = noting(errors, "consent", more, lambda value: read_consent(value, record.number, number, now)) or []
        if errors:
            return sentences(errors)
        return _Row(contact, facts, groups if contact is not None else [], contact_id, number)

    def _is_bare(self, values: Values, more: Mapping[str, Any]) -> bool:
        """Whether a record of our own exports tells what is known of a number, and of no contact."""
        if more.get("id") or not more.get("consent"):
            return False
        if isinstance(values, dict) and values.keys() <= {"id", "mobile", "consent"}:
            return is_listed(more["consent"])
        return self._columns.is_ours

    def _read_number(self, written: object, errors: Errors) -> int:
        row = read_row(0, ContactGiven(mobile=cast(str, written)), self._reader, self._created_at)
        if isinstance(row, ContactRow):
            return row.mobile
        errors |= row
        return 0

    def _read_facts(self, records: Sequence[Record], chunk: ReadChunk) -> None:
        """What records of a list say, of each number that they hold: whoever opted out did so with all of them."""
        items: list[object] = []
        owners: list[Record] = []
        for record in records:
            if record.values is None:
                chunk.rejects.append(reject(record.number, record.why or "cannot be read.", record_json(record)))
                continue
            told = self._columns.read_facts(record.values, self._take)
            items += told
            owners += [record] * len(told)
        reading = self._reading
        kind: Literal["opt_out", "opt_in"] = "opt_out" if reading.kind == "opt_outs" else "opt_in"
        fresh: dict[int, bool] = {}
        for first in range(0, len(items), FACTS_PER_CALL_MAX):
            some, numbers = items[first : first + FACTS_PER_CALL_MAX], owners[first : first + FACTS_PER_CALL_MAX]
            given = read_facts(some, common=reading.common, kind=kind, region=reading.region, now=reading.created_at)
            for fact in given.facts:
                number = numbers[fact.index].number
                fresh[number] = self._is_fresh(fact) or fresh.get(number, False)
                chunk.facts.append(msgspec.structs.replace(fact, index=number))
            for index, errors in given.invalid.items():
                record = numbers[index]
                said = " ".join(sentence for said in errors.values() for sentence in said)
                chunk.rejects.append(reject(record.number, said, record_json(record)))
        chunk.repeats.extend(number for number, is_fresh in fresh.items() if not is_fresh)

    def _is_fresh(self, fact: NewFact) -> bool:
        """Whether the file has not said this before; it says so from now on."""
        scope = fact.scope
        said = (fact.at, scope.channel, fold_sender(scope.sender), scope.purpose)
        seen, key = self._said.get(said), fact.mobile
        if seen is None and len(self._said) < SAID_MAX:
            seen = self._said.setdefault(said, BitMap64())
        elif seen is None:
            # So many different things are told by their hash, which takes ten times the memory.
            seen, key = self._seen, hash((fact.mobile, *said)) & ID_MAX
        if key in seen:
            return False
        seen.add(key)
        return True


def _remembering(reader: Callable[[str | int], int]) -> Callable[[str | int], int]:
    """A reader that remembers what was no number, which takes longest: it is asked twice, and often comes again."""
    refused: dict[str | int, str] = {}

    def read(written: str | int) -> int:
        if written in refused:
            raise UnreadableMobile(refused[written])
        try:
            return reader(written)
        except UnreadableMobile as error:
            if len(refused) < REFUSED_MAX:
                refused[written] = error.message
            raise

    return read


def sentences(errors: Errors) -> str:
    """What is wrong with a record's fields, in whole sentences."""
    return " ".join(
        f"The {name} field {sentence}" if name else f"The record {sentence}"
        for name, said in errors.items()
        for sentence in said
    )


def reject(number: int, why: str, record: str) -> Reject:
    """A record that cannot be taken."""
    return Reject(number, why, record, digits_in(_ESCAPE.sub("", record)))


def record_json(record: Record) -> str:
    """A record as it is kept: a list, an object or a text."""
    kept: object = record.text if record.text is not None else record.values
    written = _encode(kept).decode()
    return written if len(written) <= RECORD_TEXT_MAX else _encode(written[:RECORD_TEXT_MAX]).decode()


def _raw_values(records: Sequence[Record]) -> Raw:
    """The records' values as bytes that nobody has to look at."""
    values = [record.values if record.text is None else record.text for record in records]
    try:
        return Raw(msgspec.msgpack.encode(values))
    except OverflowError:
        return Raw(msgspec.msgpack.encode(_bounded(values)))


# ---- columns ----------------------------------------------------------------------------------------

Taker = Callable[[Values, "int | str"], Any]


def _value_taker(reading: Reading) -> Taker:
    """How a column's value is taken from a record: tables by place, others by name."""
    if reading.layout.format in ("csv", "xlsx", "ods"):
        return lambda values, place: cast("list[Any]", values)[cast(int, place)]
    return lambda values, name: cast("dict[str, Any]", values).get(cast(str, name))


class _Columns:
    """Which columns of a file mean what, each by its place or name."""

    def __init__(self, reading: Reading) -> None:
        table = reading.layout.format in ("csv", "xlsx", "ods")
        places: dict[str, int | str] = {}
        self._attributes: list[tuple[str, str, int | str]] = []
        self._known = {use.name for use in reading.uses} | {"why"}
        self._takes_others = reading.attributes and not table
        for place, use in enumerate(reading.uses):
            where: int | str = place if table else use.name
            if use.field is None:
                if reading.attributes and use.name.strip() and use.name != "why":
                    self._attributes.append((use.name.strip(), "text", where))
            elif use.field.startswith("attributes."):
                name, _, kind = use.field.removeprefix("attributes.").partition(":")
                self._attributes.append((name, kind or "text", where))
            else:
                places[use.field] = where
        self._texts = [(field, places[field]) for field in TEXT_FIELDS if field in places]
        numbered = ["mobile", *(f"mobile.{number}" for number in range(2, NUMBERS_PER_ROW_MAX + 1))]
        self._mobiles = [places[field] for field in numbered if field in places]
        self._name = places.get("name")
        self._more = [(field, places[field]) for field in MORE_FIELDS if field in places]
        self._facts = [(field, places[field]) for field in FACT_FIELDS if field in places]
        self._are_opt_outs = reading.kind == "opt_outs"
        tagged = places.get("groups")
        self._tags = tagged is not None and reading.uses[_place_of(reading.uses, tagged)].name.casefold() == "tags"
        self.plain = _plain_places(reading, places) if table and not self._attributes else None
        """Where a table has the number and the texts, -1 for those that it has not, when it has nothing else."""
        self.is_ours = reading.kind == "contacts" and {"id", "consent"} <= {*reading.layout.columns} & places.keys()

    def read(self, values: Values, take: Taker) -> tuple[ContactGiven, dict[str, Any]]:
        """What a record says of a contact, and of all else by field."""
        given = ContactGiven()
        for field, place in self._texts:
            setattr(given, field, _text(take(values, place)))
        given.mobile = self._read_mobile(values, take)
        if self._name is not None:
            _take_name(given, take(values, self._name))
        more = {field: value for field, place in self._more if (value := take(values, place)) not in (None, "")}
        if self._tags and isinstance(tags := more.get("groups"), str):
            more["groups"] = [tag.strip() for tag in next(csv.reader([tags], skipinitialspace=True))]
        attributes = _attributes_of(more.pop("attributes", None))
        for name, kind, place in self._attributes:
            value = _attribute(take(values, place), kind)
            if value is not None:
                attributes[name] = value
        if self._takes_others and isinstance(values, dict):
            # Only the first objects were looked at for their columns.
            for name in values.keys() - self._known:
                value = _attribute(values[name], "text")
                if value is not None:
                    attributes[name] = value
        if attributes:
            given.attributes = attributes
        return given, more

    def read_facts(self, values: Values, take: Taker) -> list[dict[str, Any]]:
        """What a record of a list of opt-outs or opt-ins says, of each number in it; of none, where it has none."""
        item: dict[str, Any] = {}
        for field, place in self._facts:
            value = take(values, place)
            if field == "at" and self._are_opt_outs and _is_zoneless(value):
                # Nobody is messaged for want of a zone: it counts from when the file came.
                continue
            if value not in (None, ""):
                item["evidence" if field == "note" else field] = {"note": str(value)} if field == "note" else value
        written = [value for place in self._mobiles if (value := take(values, place)) not in (None, "")]
        return [{"mobile": mended(number), **item} for number in written or [None]]

    def _read_mobile(self, values: Values, take: Taker) -> Any:
        for place in self._mobiles:
            value = take(values, place)
            if value not in (None, ""):
                return value
        return None


def _is_zoneless(value: object) -> bool:
    """Whether a cell is a time as most programs write it, which may be that of any zone."""
    with suppress(ValueError):
        return isinstance(value, str) and datetime.fromisoformat(value.strip()).tzinfo is None
    return False


def _plain_places(reading: Reading, places: Mapping[str, int | str]) -> tuple[int, ...] | None:
    if reading.layout.format != "csv" or {field.partition(".")[0] for field in places} - {"mobile", *TEXT_FIELDS}:
        return None
    return tuple(cast(int, places.get(field, -1)) for field in ("mobile", *TEXT_FIELDS))


MORE_FIELDS = ("group", "groups", "attributes", "id", "created_at", "consent")
FACT_FIELDS = ("channel", "sender", "purpose", "at", "note")


def _place_of(uses: Sequence[ColumnUse], where: int | str) -> int:
    return where if isinstance(where, int) else next(place for place, use in enumerate(uses) if use.name == where)


def _take_name(given: ContactGiven, written: object) -> None:
    """A whole name counts where its parts are not given."""
    name = _text(written)
    if name and not given.fname and not given.lname:
        given.fname, given.mname, given.lname = split_name(name)


def _text(value: object) -> str | None:
    """A cell as text: a spreadsheet holds 7 and true where a person meant the words."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else _encode(value).decode()


def _bounded(value: Any) -> Any:
    """The same, long whole numbers as text: they fit in no database, nor through to the process that asked."""
    if isinstance(value, dict):
        return {name: _bounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    return str(value) if isinstance(value, int) and abs(value) > ID_MAX else value


def _attributes_of(value: Any) -> dict[str, AttributeValue]:
    """A cell with attributes as JSON, or an object of them; something else is one attribute, and named as wrong."""
    if isinstance(value, str):
        try:
            value = decoded(value, Any)
        except msgspec.DecodeError:
            return {"attributes": value}
    return {name: _bounded(one) for name, one in value.items()} if isinstance(value, dict) else {}


def _attribute(value: object, kind: str) -> AttributeValue:
    """An attribute of a kind; what cannot be one stays the text that it is."""
    if value is None or value == "":
        return None
    if kind == "number" and isinstance(value, str):
        return _number(value)
    if kind == "boolean" and isinstance(value, str):
        return _TRUTHS.get(value.strip().casefold(), value)
    if isinstance(value, str | int | float | bool):
        kept: AttributeValue = _bounded(value)
        return kept
    return _encode(value).decode()


_TRUTHS = {
    "true": True,
    "yes": True,
    "1": True,
    "ndiyo": True,
    "false": False,
    "no": False,
    "0": False,
    "hapana": False,
}


def _number(written: str) -> int | float | str:
    try:
        whole: int | str = _bounded(int(written))
        return whole
    except ValueError:
        pass
    try:
        number = float(written)
    except ValueError:
        return written
    return number if math.isfinite(number) else written
