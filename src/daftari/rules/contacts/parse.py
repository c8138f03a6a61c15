"""Parses contacts from JSON: good rows, and every field that is wrong.

All reading, normalising and encoding happens here, before any lock is taken. No transaction, no stored contacts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from daftari.errors import Malformed, ValidationFailed
from daftari.mobile import AmbiguousMobile, Reader, UnreadableMobile, Written, reader_for
from daftari.model.contacts import TEXT_FIELDS, AttributeValue, Card, Change, ContactGiven, ContactRow
from daftari.model.limits import ATTRIBUTE_NAME_MAX, ATTRIBUTE_TEXT_MAX, ATTRIBUTES_MAX, CONTACTS_PER_CALL_MAX, TEXT_MAX
from daftari.model.time import format_time
from daftari.rules.fields import NOT_A_TEXT, WITH_GAPS, Errors, Problems, read_text
from daftari.rules.numbers import NOT_A_NUMBER, ambiguous, find_known, read_number_with
from daftari.store import Tx

T = TypeVar("T")
PlainText = str | None | msgspec.UnsetType

_decode_all = msgspec.json.Decoder(list[ContactGiven]).decode
_decode_any = msgspec.json.Decoder(Any).decode
_encode = msgspec.json.Encoder().encode
_TAIL = len(b'{"id":0')
_NOT_AN_ATTRIBUTE = "must be a text, a number, true or false."
TOO_MANY_ATTRIBUTES = f"must not have more than {ATTRIBUTES_MAX} attributes."


class Rows(Struct, frozen=True):
    """The rows of a create as they were read.

    ``rows`` are the good ones, as they came. ``unique`` has one row a number, later ones of the call merged over
    earlier ones; ``duplicates`` are the indexes of those later ones with their numbers. ``errors`` maps fields to
    sentences, ``invalid`` indexes to the same.
    """

    count: int
    rows: list[ContactRow]
    unique: list[ContactRow]
    duplicates: list[tuple[int, int]]
    invalid: dict[int, Errors]
    field: str
    one: bool = False
    """Whether the call gave one row by itself, and no array of them."""

    def path(self, index: int) -> str:
        """What errors call a row."""
        return self.field if self.one else f"{self.field}.{index}"

    @property
    def errors(self) -> Errors:
        """Every wrong field."""
        return {field: sentences for errors in self.invalid.values() for field, sentences in errors.items()}


def refuse_ambiguous(tx: Tx, *, rows: Rows) -> Rows:
    """The rows, those invalid whose digits are a number of the region and another one that the project knows."""
    known = find_known(tx, [row.digits for row in rows.rows if row.digits is not None])
    return _without(rows, known) if known else rows


def _without(rows: Rows, known: AbstractSet[int]) -> Rows:
    read = {row.index for row in rows.rows}
    invalid = {index: errors for index, errors in rows.invalid.items() if index not in read}
    good = []
    for row in rows.rows:
        if row.digits is None or row.digits not in known:
            good.append(row)
            continue
        problems = Problems(rows.path(row.index))
        problems.add("mobile", ambiguous(row.mobile, row.digits))
        invalid[row.index] = problems.errors
    unique, duplicates, refused = merge_duplicates(good)
    invalid |= {index: too_many_attributes(rows.path(index)) for index in refused}
    return replace(rows, rows=good, unique=unique, duplicates=duplicates, invalid=invalid)


def read_contacts(raw: bytes, *, field: str, region: str, now: int) -> Rows:
    """The rows in a JSON array. Raises ``ValidationFailed`` when it is no array, is empty or too long."""
    items = _decode_list(raw, field)
    rows: list[ContactRow] = []
    invalid: dict[int, Errors] = {}
    missing: list[int] = []
    reader = reader_for(region)
    created_at = format_time(now)
    for index, item in enumerate(items):
        row = _read_quickly(index, item, reader, created_at)
        if row is None:
            problems = Problems(f"{field}.{index}")
            row = read_carefully(index, item, reader, created_at, problems)
            if row is None:
                invalid[index] = problems.errors
                if isinstance(item, ContactGiven) and item.mobile is UNSET:
                    missing.append(index)
                continue
        rows.append(row)
    if missing:
        # Only now does it matter what else was in the records.
        untyped = _decode_untyped(raw)
        for index in missing:
            problems = Problems(f"{field}.{index}")
            read_carefully(index, untyped[index], reader, created_at, problems)
            invalid[index] = problems.errors
    unique, duplicates, refused = merge_duplicates(rows)
    invalid |= {index: too_many_attributes(f"{field}.{index}") for index in refused}
    return Rows(count=len(items), rows=rows, unique=unique, duplicates=duplicates, invalid=invalid, field=field)


def read_contact(raw: bytes, *, field: str, region: str, now: int) -> Rows:
    """The one row in a JSON object. Raises ``ValidationFailed`` when it is no object."""
    problems = Problems(field)
    row = read_carefully(0, _decode_object(raw, field), reader_for(region), format_time(now), problems)
    invalid = {} if row is not None else {0: problems.errors}
    unique = [] if row is None else [row]
    return Rows(count=1, rows=unique, unique=unique, duplicates=[], invalid=invalid, field=field, one=True)


def read_change(raw: bytes, *, field: str, region: str) -> Change:
    """What an update gives. Raises ``ValidationFailed`` with every wrong field."""
    problems = Problems(field)
    given = _read_types(_decode_object(raw, field), problems)
    texts: dict[str, str | None] = {}
    for name in TEXT_FIELDS:
        value = getattr(given, name)
        if value is not UNSET and not problems.has(name):
            texts[name] = problems.read(name, value, read_text)
    reading = None
    if given.mobile is not UNSET and not problems.has("mobile"):
        reading = problems.read("mobile", given.mobile, partial(read_number_with, reader_for(region)))
    attributes = {} if isinstance(given.attributes, list) else given.attributes
    if isinstance(attributes, dict) and not problems.has("attributes"):
        attributes = _read_attributes(attributes, problems)
    problems.refuse()
    mobile, digits = (None, None) if reading is None else (reading.number, reading.digits)
    return Change(mobile=mobile, digits=digits, texts=texts, attributes=attributes)


def encode_card(card: Card) -> str:
    """A card as it is stored and served."""
    return _encode(card).decode()


def merged_attributes(
    old: dict[str, AttributeValue], new: dict[str, AttributeValue]
) -> dict[str, AttributeValue] | msgspec.UnsetType:
    """Attributes by name, new over old, those that became ``None`` gone; ``UNSET`` when none is left."""
    merged: dict[str, AttributeValue] = {name: value for name, value in {**old, **new}.items() if value is not None}
    return merged or UNSET


def has_too_many(attributes: dict[str, AttributeValue] | msgspec.UnsetType) -> bool:
    """Whether a contact would have more attributes than it may."""
    return isinstance(attributes, dict) and len(attributes) > ATTRIBUTES_MAX


def too_many_attributes(path: str) -> Errors:
    """What is wrong with a contact that would have too many."""
    problems = Problems(path)
    problems.add("attributes", TOO_MANY_ATTRIBUTES)
    return problems.errors


def _decode_list(raw: bytes, field: str) -> Sequence[object]:
    """The items of an array: decoded in one go where all types are right, else as they come."""
    items: Sequence[object]
    try:
        items = _decode(raw, _decode_all)
    except msgspec.ValidationError:
        found = _decode_untyped(raw)
        if not isinstance(found, list):
            raise _one_error(field, f"must be an array{_array_hint(found)}.") from None
        items = found
    if not items:
        raise _one_error(field, "is required.")
    if len(items) > CONTACTS_PER_CALL_MAX:
        raise _one_error(field, f"must not have more than {CONTACTS_PER_CALL_MAX} items.")
    return items


def _decode_object(raw: bytes, field: str) -> object:
    found = _decode_untyped(raw)
    if found == []:
        # PHP's empty object.
        return {}
    if not isinstance(found, dict):
        raise _one_error(field, f"must be an object{_kind_hint(found)}.")
    return found


def _array_hint(found: object) -> str:
    """How a value of another kind than an array of contacts probably came to be written."""
    match found:
        case dict() if "mobile" in found:
            return ": put one contact in brackets, or send it as contact"
        case dict() if found and all(name.isdecimal() for name in found):
            return WITH_GAPS
        case str() if not found.lstrip().startswith(("{", "[")):
            return ' such as [{"mobile": "0722000001"}]'
        case _:
            return _kind_hint(found)


def _kind_hint(found: object) -> str:
    """How a value of another kind than a contact probably came to be written."""
    match found:
        case str() if found.lstrip().startswith(("{", "[")):
            return ", and is a text that holds JSON: it was encoded twice"
        case str():
            return ' such as {"mobile": "0722000001"}'
        case list():
            return ": send several as contacts"
        case _:
            return ""


def _read_types(item: object, problems: Problems) -> ContactGiven:
    """One item, its members taken singly so that every wrong type is named."""
    given = ContactGiven()
    if item == []:
        return given
    if not isinstance(item, dict):
        problems.add("", f"must be an object{_kind_hint(item)}.")
        return given
    for name in TEXT_FIELDS:
        value = item.get(name, UNSET)
        if value is UNSET or value is None or isinstance(value, str):
            setattr(given, name, value)
        else:
            problems.add(name, NOT_A_TEXT)
    mobile = item.get("mobile", UNSET)
    if mobile is UNSET and (wrapper := _wrapper_of(item)):
        problems.add("mobile", f"is required; it stands within {wrapper}: send what {wrapper} holds.")
    elif isinstance(mobile, str | int | float | None | msgspec.UnsetType) and not isinstance(mobile, bool):
        given.mobile = mobile
    else:
        problems.add("mobile", NOT_A_NUMBER)
    attributes = item.get("attributes", UNSET)
    if attributes is UNSET or attributes is None or attributes == [] or isinstance(attributes, dict):
        given.attributes = attributes
    else:
        problems.add("attributes", "must be an object.")
    return given


def _wrapper_of(item: dict[str, Any]) -> str | None:
    """The member that holds the contact, as an item of n8n has it in ``json``."""
    named = ((name, one) for name, one in item.items() if name.isascii() and isinstance(one, dict))
    return next((name[:TEXT_MAX] for name, one in named if "mobile" in one), None)


def _read_quickly(index: int, given: object, reader: Reader, created_at: str) -> ContactRow | None:
    """The row as nearly all are; ``None`` for one that wants a careful look."""
    if not isinstance(given, ContactGiven) or given.attributes:
        return None
    texts = (given.fname, given.mname, given.lname, given.email, given.city, given.company)
    return read_plain(index, given.mobile, texts, reader, created_at)


def read_plain(
    index: int, mobile: object, given: Sequence[PlainText], reader: Reader, created_at: str
) -> ContactRow | None:
    """A row of a number and texts in the order of ``TEXT_FIELDS``, in a quarter of the time of a careful look.

    ``None`` for one that wants such a look: perhaps it is wrong.
    """
    fname, mname, lname, email, city, company = given
    texts = (
        fname := fname.strip() or None if fname else None,
        mname := mname.strip() or None if mname else None,
        lname := lname.strip() or None if lname else None,
        email := email.strip() or None if email else None,
        city := city.strip() or None if city else None,
        company := company.strip() or None if company else None,
    )
    together = f"{fname}{mname}{lname}{email}{city}{company}"
    if len(together) > TEXT_MAX or not together.isprintable() or not isinstance(mobile, Written) or not mobile:
        return None
    digits = None
    try:
        number = reader(mobile)
    except AmbiguousMobile as error:
        number, digits = error.number, error.digits
    except UnreadableMobile:
        return None
    return ContactRow(index, number, texts, None, created_at, _tail(number, texts, None, created_at), digits)


def read_carefully(index: int, item: object, reader: Reader, created_at: str, problems: Problems) -> ContactRow | None:
    """Any row, field by field; ``None`` with each wrong one among ``problems``."""
    given = item if isinstance(item, ContactGiven) else _read_types(item, problems)
    if problems.has(""):
        return None
    texts = tuple(
        None if problems.has(name) or not (value := getattr(given, name)) else problems.read(name, value, read_text)
        for name in TEXT_FIELDS
    )
    attributes: dict[str, AttributeValue] | None = None
    if isinstance(given.attributes, list) and given.attributes:
        problems.add("attributes", "must be an object.")
    elif isinstance(given.attributes, dict):
        attributes = merged_attributes({}, _read_attributes(given.attributes, problems)) or None
    reading = None
    if not problems.has("mobile"):
        written = None if given.mobile is UNSET else given.mobile
        reading = problems.read("mobile", written, partial(read_number_with, reader))
    if problems or reading is None:
        return None
    tail = _tail(reading.number, texts, attributes, created_at)
    return ContactRow(index, reading.number, texts, attributes, created_at, tail, reading.digits)


def _read_attributes(given: dict[str, AttributeValue], problems: Problems) -> dict[str, AttributeValue]:
    read: dict[str, AttributeValue] = {}
    if len(given) > ATTRIBUTES_MAX:
        problems.add("attributes", TOO_MANY_ATTRIBUTES)
        return read
    for written, value in given.items():
        try:
            name = read_text(written, most=ATTRIBUTE_NAME_MAX)
            if name is None:
                raise ValueError("must have a name.")
            read[name] = _read_attribute(value)
        except ValueError as error:
            # A name may hold half of a surrogate pair, which no answer can be encoded with.
            path = f"attributes.{written[:ATTRIBUTE_NAME_MAX]}"
            problems.add(path.encode(errors="replace").decode(), str(error))
    return read


def _read_attribute(value: object) -> AttributeValue:
    if isinstance(value, str):
        return read_text(value, most=ATTRIBUTE_TEXT_MAX)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(_NOT_AN_ATTRIBUTE)


def _tail(
    mobile: int, texts: tuple[str | None, ...], attributes: dict[str, AttributeValue] | None, created_at: str
) -> str:
    """The card's JSON after its id: made before the lock, while the id is not known."""
    fname, mname, lname, email, city, company = texts
    card = Card(
        0,
        fname,
        mname,
        lname,
        str(mobile),
        email,
        city,
        company,
        created_at,
        UNSET if attributes is None else attributes,
    )
    return _encode(card)[_TAIL:].decode()


def merge_duplicates(
    rows: list[ContactRow],
) -> tuple[list[ContactRow], list[tuple[int, int]], list[int]]:
    """One row a number; the later ones merged into it; and those that would give it too many attributes."""
    unique = {row.mobile: row for row in rows}
    duplicates: list[tuple[int, int]] = []
    refused: list[int] = []
    if len(unique) == len(rows):
        return rows, duplicates, refused
    unique.clear()
    for row in rows:
        first = unique.setdefault(row.mobile, row)
        if first is row:
            continue
        attributes = {**(first.attributes or {}), **(row.attributes or {})} or None
        if attributes and len(attributes) > ATTRIBUTES_MAX:
            refused.append(row.index)
            continue
        duplicates.append((row.index, row.mobile))
        texts = tuple(new or old for old, new in zip(first.texts, row.texts, strict=True))
        tail = _tail(row.mobile, texts, attributes, first.created_at)
        unique[row.mobile] = ContactRow(first.index, row.mobile, texts, attributes, first.created_at, tail)
    return list(unique.values()), duplicates, refused


def _decode(raw: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(raw)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body is not JSON: {error}.") from None


def _decode_untyped(raw: bytes) -> Any:
    try:
        return _decode(raw, _decode_any)
    except msgspec.ValidationError as error:
        raise Malformed(f"The body has a number that is out of range: {error}.") from None


def _one_error(field: str, sentence: str) -> ValidationFailed:
    return ValidationFailed({field: [f"The {field} field {sentence}"]})
