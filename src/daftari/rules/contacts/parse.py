"""How contacts that somebody gives are read: rows that are good, and every field that is wrong.

All reading, normalising and encoding happens here, before any lock is taken. This room must not know a
transaction, nor what is in the book already.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct

from daftari.errors import Malformed, UnreadableMobile, ValidationFailed
from daftari.mobile import reader_for
from daftari.model.contacts import TEXT_FIELDS, AttributeValue, Card, Change, ContactGiven, ContactRow
from daftari.model.limits import ATTRIBUTE_NAME_MAX, ATTRIBUTE_TEXT_MAX, ATTRIBUTES_MAX, CONTACTS_PER_CALL_MAX, TEXT_MAX
from daftari.model.time import format_time
from daftari.rules.fields import NOT_A_TEXT, read_text

T = TypeVar("T")
Errors = dict[str, list[str]]
Reader = Callable[[str | int], int]
PlainText = str | None | msgspec.UnsetType

_decode_all = msgspec.json.Decoder(list[ContactGiven]).decode
_decode_any = msgspec.json.Decoder(Any).decode
_encode = msgspec.json.Encoder().encode
_CREATED_AT = '"created_at":"'
_TAIL = len(b'{"id":0')
_NOT_AN_ATTRIBUTE = "must be a text, a number, true or false."


class Rows(Struct, frozen=True):
    """The rows of a create as they were read.

    ``unique`` has one row a number, later ones of the call merged over earlier ones; ``duplicates`` are the indexes
    of those later ones with their numbers. ``errors`` maps fields to sentences, ``invalid`` indexes to the same.
    """

    count: int
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


def read_contacts(raw: bytes, *, field: str, region: str, now: int) -> Rows:
    """The rows in a JSON array. Raises ``ValidationFailed`` when it is no array, is empty or too long."""
    given = _given_list(raw, field)
    rows: list[ContactRow] = []
    invalid: dict[int, Errors] = {}
    reader = reader_for(region)
    created_at = format_time(now)
    for index, item in enumerate(given):
        row = read_row(index, item, reader, created_at)
        if isinstance(row, ContactRow):
            rows.append(row)
        else:
            invalid[index] = name_errors(row, f"{field}.{index}")
    unique, duplicates, refused = merge_duplicates(rows)
    invalid |= {index: name_errors({"attributes": [TOO_MANY_ATTRIBUTES]}, f"{field}.{index}") for index in refused}
    return Rows(count=len(given), unique=unique, duplicates=duplicates, invalid=invalid, field=field)


def read_contact(raw: bytes, *, field: str, region: str, now: int) -> Rows:
    """The one row in a JSON object. Raises ``ValidationFailed`` when it is no object."""
    item = _given_one(_decode_untyped(raw), field)
    created_at = format_time(now)
    row = read_row(0, item, reader_for(region), created_at)
    if isinstance(row, ContactRow):
        return Rows(count=1, unique=[row], duplicates=[], invalid={}, field=field, one=True)
    return Rows(count=1, unique=[], duplicates=[], invalid={0: name_errors(row, field)}, field=field, one=True)


def read_change(raw: bytes, *, field: str, region: str) -> Change:
    """What an update gives. Raises ``ValidationFailed`` with every wrong field."""
    item = _given_one(_decode_untyped(raw), field)
    given, errors = item if isinstance(item, tuple) else (item, {})
    texts: dict[str, str | None] = {}
    for name in TEXT_FIELDS:
        value = getattr(given, name)
        if value is not UNSET and name not in errors:
            texts[name] = _read_text(errors, name, value)
    mobile = None
    if given.mobile is not UNSET and "mobile" not in errors:
        mobile = _read_mobile(given.mobile, reader_for(region), errors)
    attributes = given.attributes
    if isinstance(attributes, dict) and "attributes" not in errors:
        attributes = _read_attributes(attributes, errors)
    if errors:
        raise ValidationFailed(name_errors(errors, field))
    return Change(mobile=mobile, texts=texts, attributes=attributes)


def encode_card(card: Card) -> str:
    """A card as it is stored and served."""
    return _encode(card).decode()


def merged_attributes(
    old: dict[str, AttributeValue], new: dict[str, AttributeValue]
) -> dict[str, AttributeValue] | msgspec.UnsetType:
    """Attributes by name, new over old, those that became ``None`` gone; ``UNSET`` when none is left."""
    merged: dict[str, AttributeValue] = {name: value for name, value in {**old, **new}.items() if value is not None}
    return merged or UNSET


def too_many_attributes(attributes: dict[str, AttributeValue] | msgspec.UnsetType) -> bool:
    """Whether a contact would have more of them than it may."""
    return isinstance(attributes, dict) and len(attributes) > ATTRIBUTES_MAX


TOO_MANY_ATTRIBUTES = f"must not have more than {ATTRIBUTES_MAX} attributes."


def name_errors(errors: Errors, field: str) -> Errors:
    """Errors by a member's name as errors by its whole path, in whole sentences."""
    return {
        (path := f"{field}.{name}" if name else field): [f"The {path} field {sentence}" for sentence in sentences]
        for name, sentences in errors.items()
    }


Given = ContactGiven | tuple[ContactGiven, Errors]
"""A contact as given, with the members whose type is wrong when there are any."""


def _given_list(raw: bytes, field: str) -> list[ContactGiven] | list[Given]:
    """The items of an array: in one go where all types are right, else one by one."""
    items: list[ContactGiven] | list[Given]
    try:
        items = _decode(raw, _decode_all)
    except msgspec.ValidationError:
        found = _decode_untyped(raw)
        if not isinstance(found, list):
            raise _one_error(field, "must be an array.") from None
        _refuse_count(len(found), field)
        items = [_given(item) for item in found]
    _refuse_count(len(items), field)
    return items


def _refuse_count(count: int, field: str) -> None:
    if count == 0:
        raise _one_error(field, "is required.")
    if count > CONTACTS_PER_CALL_MAX:
        raise _one_error(field, f"must not have more than {CONTACTS_PER_CALL_MAX} items.")


def _given_one(found: object, field: str) -> Given:
    if not isinstance(found, dict):
        raise _one_error(field, "must be an object.")
    return _given(found)


def _given(item: object) -> Given:
    """One item, its members taken singly so that every wrong type is named."""
    if not isinstance(item, dict):
        return ContactGiven(), {"": ["must be an object."]}
    given = ContactGiven()
    errors: Errors = {}
    for name in TEXT_FIELDS:
        value = item.get(name, UNSET)
        if value is UNSET or value is None or isinstance(value, str):
            setattr(given, name, value)
        else:
            errors[name] = [NOT_A_TEXT]
    mobile = item.get("mobile", UNSET)
    if isinstance(mobile, str | int | None | msgspec.UnsetType) and not isinstance(mobile, bool):
        given.mobile = mobile
    else:
        errors["mobile"] = ["must be a telephone number."]
    attributes = item.get("attributes", UNSET)
    if attributes is UNSET or attributes is None or isinstance(attributes, dict):
        given.attributes = attributes
    else:
        errors["attributes"] = ["must be an object."]
    return (given, errors) if errors else given


def read_row(index: int, item: Given, reader: Reader, created_at: str) -> ContactRow | Errors:
    """A good row, or its wrong fields by member name."""
    if isinstance(item, ContactGiven):
        row = _read_plain(index, item, reader, created_at)
        if row is not None:
            return row
    return _read_careful(index, item, reader, created_at)


def _read_plain(index: int, given: ContactGiven, reader: Reader, created_at: str) -> ContactRow | None:
    """The row as nearly all are; ``None`` for one that wants a careful look."""
    if given.attributes:
        return None
    texts = (given.fname, given.mname, given.lname, given.email, given.city, given.company)
    return read_plain(index, given.mobile, texts, reader, created_at)


def read_plain(
    index: int, mobile: object, given: tuple[PlainText, ...], reader: Reader, created_at: str
) -> ContactRow | None:
    """A row of a number and texts in the order of ``TEXT_FIELDS``, in a quarter of the time of a careful look.

    ``None`` for one that wants such a look: perhaps it is wrong.
    """
    fname, mname, lname, email, city, company = given
    texts = (
        fname.strip() or None if fname else None,
        mname.strip() or None if mname else None,
        lname.strip() or None if lname else None,
        email.strip() or None if email else None,
        city.strip() or None if city else None,
        company.strip() or None if company else None,
    )
    together = f"{texts[0]}{texts[1]}{texts[2]}{texts[3]}{texts[4]}{texts[5]}"
    if len(together) > TEXT_MAX or not together.isprintable() or not isinstance(mobile, str | int) or not mobile:
        return None
    try:
        number = reader(mobile)
    except UnreadableMobile:
        return None
    return ContactRow(index, number, texts, None, _tail(number, texts, None, created_at))


def _read_careful(index: int, item: Given, reader: Reader, created_at: str) -> ContactRow | Errors:
    """Any row, field by field, so that each wrong one is named."""
    given, errors = item if isinstance(item, tuple) else (item, {})
    if "" in errors:
        return errors
    texts = tuple(
        None if name in errors or not (value := getattr(given, name)) else _read_text(errors, name, value)
        for name in TEXT_FIELDS
    )
    attributes: dict[str, AttributeValue] | None = None
    if given.attributes:
        read = _read_attributes(given.attributes, errors)
        attributes = merged_attributes({}, read) or None
    mobile = 0 if "mobile" in errors else _read_mobile(given.mobile, reader, errors)
    if errors or mobile is None:
        return errors
    return ContactRow(index, mobile, texts, attributes, _tail(mobile, texts, attributes, created_at))


def _read_mobile(value: object, reader: Reader, errors: Errors) -> int | None:
    if value is UNSET or value is None or value == "" or (isinstance(value, str) and not value.strip()):
        errors["mobile"] = ["is required."]
        return None
    assert isinstance(value, str | int)
    try:
        return reader(value)
    except UnreadableMobile as error:
        errors["mobile"] = [error.message]
        return None


def _read_attributes(given: dict[str, AttributeValue], errors: Errors) -> dict[str, AttributeValue]:
    read: dict[str, AttributeValue] = {}
    if len(given) > ATTRIBUTES_MAX:
        errors["attributes"] = [TOO_MANY_ATTRIBUTES]
        return read
    for written, value in given.items():
        path = f"attributes.{written[:ATTRIBUTE_NAME_MAX]}"
        try:
            name = read_text(written, most=ATTRIBUTE_NAME_MAX)
            if name is None:
                raise ValueError("must have a name.")
            read[name] = _read_attribute(value)
        except ValueError as error:
            errors[path.encode(errors="replace").decode()] = [str(error)]
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
        tail = _tail(row.mobile, texts, attributes, _created_at(first))
        unique[row.mobile] = ContactRow(first.index, row.mobile, texts, attributes, tail)
    return list(unique.values()), duplicates, refused


def _created_at(row: ContactRow) -> str:
    """When the contact would be created; a text within the card has its quotes escaped, and cannot be taken for it."""
    start = row.tail.index(_CREATED_AT) + len(_CREATED_AT)
    return row.tail[start : row.tail.index('"', start)]


def _read_text(errors: Errors, name: str, value: object) -> str | None:
    """A text, or ``None`` with its sentence among the errors."""
    try:
        return read_text(value)
    except ValueError as error:
        errors[name] = [str(error)]
        return None


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
