"""Reads the cells of one record by the columns' uses. No transaction, no book."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import getitem, itemgetter
from typing import Any, cast

import msgspec
from msgspec import Struct

from daftari.files import LABEL, ColumnUse, Record, find_member, label_rank, plain_value, split_name
from daftari.files.blanks import is_no_number, is_no_value
from daftari.files.consent_columns import ConsentColumn, read_consent_field
from daftari.mobile import Reader
from daftari.model.contacts import TEXT_FIELDS, AttributeValue, ContactGiven
from daftari.model.limits import ID_MAX
from daftari.rules.imports.cells import (
    TWO_NUMBERS_CHARS_MIN,
    FoundNumber,
    find_numbers,
    first_value,
    is_readable,
    may_hold_two,
    messageable,
    number_in,
    plain_text,
    repair_number,
)
from daftari.rules.imports.fields import decode_cell
from daftari.rules.imports.model import FACT_FIELDS, ImportSettings, Values

NUMBERS_PER_ROW_MAX = 9
"""Columns of a table that may hold the number."""
MORE_FIELDS = ("group", "groups", "attributes", "id", "created_at", "consent")
"""Fields of a record that are not a contact's own."""
_TABLES = ("csv", "xlsx", "ods")
"""Formats whose records are cells in the order of the columns."""
NUMBER_STARTS = frozenset("+0123456789")
_encode = msgspec.json.encode
Taker = Callable[[Values, "int | str"], Any]
PlainTaker = Callable[[Sequence[Any]], tuple[Any, ...]]


class MobileCells(Struct):
    """What the columns for the number hold: the number that is taken, or what is most like one, and the rest.

    ``shown``: the cell that it stands in. ``passed_over``: cells that hold something else than a number.
    """

    written: Any = None
    name: str | None = None
    shown: object = None
    passed_over: list[object] = []


class ConsentUse(Struct, frozen=True):
    """A column about consent, and where it is."""

    name: str
    column: ConsentColumn
    where: int | str


def value_taker(settings: ImportSettings) -> Taker:
    """How a column's value is taken from a record: tables by place, others by name."""
    if settings.layout.format in _TABLES:
        return cast(Taker, getitem)
    return lambda values, name: find_member(cast("dict[str, Any]", values), cast(str, name))


class Columns:
    """Which columns of a file mean what, each by its place or name."""

    def __init__(self, settings: ImportSettings) -> None:
        table = settings.layout.format in _TABLES
        places: dict[str, int | str] = {}
        self._attributes: list[tuple[str, str, int | str]] = []
        self.consents: list[ConsentUse] = []
        """Columns that say whether a person may be messaged."""
        self._known = {use.name for use in settings.uses} | {"why"}
        self._takes_others = settings.attributes and not table
        for place, use in enumerate(settings.uses):
            where: int | str = place if table else use.name
            consent = None if use.field is None else read_consent_field(use.field)
            if consent is not None:
                self.consents.append(ConsentUse(use.name, consent, where))
            if use.field is None or consent is not None:
                if settings.attributes and use.name.strip() and use.name != "why":
                    self._attributes.append((use.name.strip(), "text", where))
            elif use.field.startswith("attributes."):
                name, _, kind = use.field.removeprefix("attributes.").partition(":")
                self._attributes.append((name, kind or "text", where))
            else:
                places[use.field] = where
        self._texts = [(field, places[field]) for field in TEXT_FIELDS if field in places]
        numbered = ["mobile", *(f"mobile.{number}" for number in range(2, NUMBERS_PER_ROW_MAX + 1))]
        self._mobiles = [places[field] for field in numbered if field in places]
        self._labels = {
            places[field]: places[label]
            for field in numbered
            if field in places and (label := LABEL + field.removeprefix("mobile")) in places
        }
        self._name = places.get("name")
        self._more = [(field, places[field]) for field in MORE_FIELDS if field in places]
        self._facts = [(field, places[field]) for field in FACT_FIELDS if field in places]
        tagged = places.get("groups")
        self._tags = tagged is not None and settings.uses[_place_of(settings.uses, tagged)].name.casefold() == "tags"
        is_plain = table and not self._attributes and not self.consents
        self.take_plain = _plain_taker(settings, places) if is_plain else None
        """Takes the number and the texts from a row and a ``None`` behind it, of a table that has nothing else."""
        self.is_ours = settings.kind == "contacts" and {"id", "consent"} <= {*settings.layout.columns} & places.keys()
        is_own = {"id", "mobile", "created_at", *TEXT_FIELDS} <= {*settings.layout.columns}
        self.is_verbatim = self.is_ours or is_own or settings.streamed
        """Whether a program wrote the records, so that what stands in them is meant."""
        if "consent" in places and not self.is_ours:
            # Other people's column of that name says yes or no.
            self.consents.append(ConsentUse("consent", ConsentColumn("accepts"), places["consent"]))
        self._is_list = table and not settings.layout.header and len(self._mobiles) == len(settings.uses) > 1
        """Whether there is nothing but numbers, each of a person: no name of a column says that they are one's."""
        self.at = places.get("at")
        self._id = places.get("id")

    def read(self, values: Values, take: Taker, mobile: MobileCells) -> tuple[ContactGiven, dict[str, Any]]:
        """The contact in a record, and its other fields by name."""
        given = ContactGiven()
        for field, place in self._texts:
            setattr(given, field, self._clean(take(values, place)))
        given.mobile = mobile.written
        if self._name is not None:
            _take_name(given, self._clean(take(values, self._name)))
        if mobile.name is not None:
            _take_name(given, mobile.name)
        more = {field: value for field, place in self._more if not is_no_value(value := take(values, place))}
        if self._tags and isinstance(tags := more.get("groups"), str) and {",", '"'} & {*tags}:
            more["groups"] = [tag.strip() for tag in next(csv.reader([tags], skipinitialspace=True))]
        attributes = _attributes_of(more.pop("attributes", None))
        for name, kind, place in self._attributes:
            written = take(values, place)
            value = None if is_no_value(written) else _attribute(written, kind)
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

    def find_mobile(self, values: Values, take: Taker, reader: Reader) -> MobileCells:
        """The first number that can be read, in the order of its columns; else what stands in the first of them."""
        found = MobileCells(passed_over=[])
        for place in self._mobiles_in(values, take):
            cell = take(values, place)
            if type(cell) is str and cell[:1] in NUMBER_STARTS and is_readable(cell, reader):
                # As nearly all are.
                found.written = found.shown = cell
                return found
            if is_no_number(cell):
                found.shown = cell if found.shown is None else found.shown
                continue
            if self.is_verbatim:
                found.written, found.shown = repair_number(cell), cell
                return found
            numbers = find_numbers(cell, reader=reader)
            if kept := messageable(numbers):
                found.written, found.name, found.shown = kept[0].text, kept[0].name, cell
                # Those that can be read are records of their own.
                found.passed_over += [one.text for one in kept[1:]]
                return found
            found.shown = cell if found.shown is None else found.shown
            if not numbers:
                found.passed_over.append(cell)
        if found.passed_over:
            found.shown = found.passed_over.pop(0)
            repaired = repair_number(found.shown)
            found.written = number_in(repaired) if isinstance(repaired, str) else repaired
        return found

    def find_all_mobiles(self, values: Values, take: Taker, reader: Reader) -> Iterator[tuple[FoundNumber, object]]:
        """Every number of a record with its cell, those that cannot be read among them."""
        for place in self._mobiles_in(values, take):
            cell = take(values, place)
            if type(cell) is str and cell[:1] in NUMBER_STARTS and is_readable(cell, reader):
                yield FoundNumber(cell), cell
            elif not is_no_number(cell):
                for number in find_numbers(cell, reader=reader) or [FoundNumber(repair_number(cell))]:
                    yield number, cell

    def find_divisible(self, records: Sequence[Record], take: Taker) -> list[int]:
        """The places of those records that may have several numbers in one cell, by simple looks."""
        if self._is_list:
            return [place for place, record in enumerate(records) if record.values is not None]
        if self.is_verbatim:
            return []
        found: set[int] = set()
        for where in self._mobiles:
            found.update([
                place for place, record in enumerate(records)
                if record.values is not None and (cell := take(record.values, where)) is not None
                and (type(cell) is not str or len(cell) >= TWO_NUMBERS_CHARS_MIN) and may_hold_two(cell)
            ])  # fmt: skip
        return sorted(found)

    def divide(self, values: Values, take: Taker, reader: Reader) -> list[Values]:
        """The record once for each of the numbers in the cell that its number is taken from; empty when it is one."""
        if self._is_list:
            return self._divide_list(values, take, reader)
        for place in self._mobiles_in(values, take):
            cell = take(values, place)
            numbers = [] if is_no_number(cell) else messageable(find_numbers(cell, reader=reader))
            if numbers:
                found = [_with_number(values, place, one) for one in numbers]
                for other in found[1:] if self._id is not None else ():
                    # It is that of the first one.
                    cast(Any, other)[self._id] = None
                return found if len(found) > 1 else []
        return []

    def _divide_list(self, values: Values, take: Taker, reader: Reader) -> list[Values]:
        """A record of nothing but numbers once for each of them; empty when it is one."""
        found: list[Values] = []
        for number, _ in self.find_all_mobiles(values, take, reader):
            alone: Any = [None] * len(values)
            alone[self._mobiles[0]] = number.text if number.name is None else f"{number.text} - {number.name}"
            found.append(alone)
        return found if len(found) > 1 else []

    def read_members(self, values: Values, take: Taker) -> dict[str, Any]:
        """The members of the facts in a record of a list, by field; blank members are left out."""
        return {field: value for field, place in self._facts if not is_no_value(value := take(values, place))}

    def _mobiles_in(self, values: Values, take: Taker) -> list[int | str]:
        """Where a record has numbers, those first that their labels call mobiles; without fax and pager."""
        if not self._labels:
            return self._mobiles
        labels = ((place, self._labels.get(place)) for place in self._mobiles)
        ranks = {place: label_rank(None if label is None else take(values, label)) for place, label in labels}
        found = [(rank, place) for place, rank in ranks.items() if rank is not None]
        return [place for _, place in sorted(found, key=lambda one: one[0])]

    def _clean(self, cell: object) -> str | None:
        """A cell as text, without what programs write for nothing and around texts."""
        text = _text(cell)
        if text is None or self.is_verbatim:
            return text
        text = first_value(plain_text(text))
        return None if is_no_value(text) else text


def _with_number(values: Values, place: int | str, number: FoundNumber) -> Values:
    """A copy of a record with one number alone in a cell."""
    cell = number.text if number.name is None else f"{number.text} - {number.name}"
    copy = values.copy()
    cast(Any, copy)[place] = cell
    return copy


def _plain_taker(settings: ImportSettings, places: Mapping[str, int | str]) -> PlainTaker | None:
    if settings.layout.format != "csv" or {field.partition(".")[0] for field in places} - {"mobile", *TEXT_FIELDS}:
        return None
    return itemgetter(*(cast(int, places.get(field, -1)) for field in ("mobile", *TEXT_FIELDS)))


def _place_of(uses: Sequence[ColumnUse], where: int | str) -> int:
    return where if isinstance(where, int) else next(place for place, use in enumerate(uses) if use.name == where)


def _take_name(given: ContactGiven, written: object) -> None:
    """A whole name counts where its parts are not given."""
    name = _text(written)
    if name and not given.fname and not given.lname:
        given.fname, given.mname, given.lname = split_name(name)


def _text(value: object) -> str | None:
    """A cell as text: a spreadsheet holds 7 and true where a person meant the words."""
    if isinstance(value, list | dict) and (plain := plain_value(value)) is not None:
        value = plain
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else _encode(value).decode()


def bounded_value(value: Any) -> Any:
    """The same, long whole numbers as text: they fit in no database, nor through to the process that asked."""
    if isinstance(value, dict):
        return {name: bounded_value(one) for name, one in value.items()}
    if isinstance(value, list):
        return [bounded_value(one) for one in value]
    return str(value) if isinstance(value, int) and abs(value) > ID_MAX else value


def _attributes_of(value: Any) -> dict[str, AttributeValue]:
    """A cell with attributes as JSON, or an object of them; something else is one attribute, and named as wrong."""
    if isinstance(value, str):
        try:
            value = decode_cell(value, Any)
        except msgspec.DecodeError:
            return {"attributes": value}
    if isinstance(value, dict):
        return {name: bounded_value(one) for name, one in value.items()}
    # An empty list is PHP's empty object.
    return {} if value is None or value == [] else {"attributes": bounded_value(value)}


def _attribute(value: object, kind: str) -> AttributeValue:
    """An attribute of a kind; what cannot be one stays the text that it is."""
    if value is None or value == "":
        return None
    if kind == "number" and isinstance(value, str):
        return _number(value)
    if kind == "boolean" and isinstance(value, str):
        return _TRUTHS.get(value.strip().casefold(), value)
    if isinstance(value, str | int | float | bool):
        kept: AttributeValue = bounded_value(value)
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
        whole: int | str = bounded_value(int(written))
        return whole
    except ValueError:
        pass
    try:
        number = float(written)
    except ValueError:
        return written
    return number if math.isfinite(number) else written
