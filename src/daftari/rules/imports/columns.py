"""Reads the cells of one record by the columns' uses. No transaction, no book."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

import msgspec

from daftari.files import LABEL, ColumnUse, label_rank, split_name
from daftari.model.contacts import TEXT_FIELDS, AttributeValue, ContactGiven
from daftari.model.limits import ID_MAX
from daftari.rules.imports.fields import (
    decode_cell,
    repair_number,
)
from daftari.rules.imports.model import ImportSettings, Values

NUMBERS_PER_ROW_MAX = 9
"""Columns of a table that may hold the number."""
encode = msgspec.json.encode
Taker = Callable[[Values, "int | str"], Any]


def value_taker(settings: ImportSettings) -> Taker:
    """How a column's value is taken from a record: tables by place, others by name."""
    if settings.layout.format in ("csv", "xlsx", "ods"):
        return lambda values, place: cast("list[Any]", values)[cast(int, place)]
    return lambda values, name: cast("dict[str, Any]", values).get(cast(str, name))


class Columns:
    """Which columns of a file mean what, each by its place or name."""

    def __init__(self, settings: ImportSettings) -> None:
        table = settings.layout.format in ("csv", "xlsx", "ods")
        places: dict[str, int | str] = {}
        self._attributes: list[tuple[str, str, int | str]] = []
        self._known = {use.name for use in settings.uses} | {"why"}
        self._takes_others = settings.attributes and not table
        for place, use in enumerate(settings.uses):
            where: int | str = place if table else use.name
            if use.field is None:
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
        self._are_opt_outs = settings.kind == "opt_outs"
        tagged = places.get("groups")
        self._tags = tagged is not None and settings.uses[_place_of(settings.uses, tagged)].name.casefold() == "tags"
        self.plain = _plain_places(settings, places) if table and not self._attributes else None
        """Where a table has the number and the texts, -1 for those that it has not, when it has nothing else."""
        self.is_ours = settings.kind == "contacts" and {"id", "consent"} <= {*settings.layout.columns} & places.keys()

    def read(self, values: Values, take: Taker) -> tuple[ContactGiven, dict[str, Any]]:
        """The contact in a record, and its other fields by name."""
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
                # An opt-out must not be lost for a missing zone: it counts from when the file came.
                continue
            if value not in (None, ""):
                item["evidence" if field == "note" else field] = {"note": str(value)} if field == "note" else value
        written = [
            value for place in self._mobiles_in(values, take) if (value := take(values, place)) not in (None, "")
        ]
        return [{"mobile": repair_number(number), **item} for number in written or [None]]

    def _mobiles_in(self, values: Values, take: Taker) -> list[int | str]:
        """Where a record has numbers, those first that their labels call mobiles; without fax and pager."""
        if not self._labels:
            return self._mobiles
        labels = ((place, self._labels.get(place)) for place in self._mobiles)
        ranks = {place: label_rank(None if label is None else take(values, label)) for place, label in labels}
        found = [(rank, place) for place, rank in ranks.items() if rank is not None]
        return [place for _, place in sorted(found, key=lambda one: one[0])]

    def _read_mobile(self, values: Values, take: Taker) -> Any:
        for place in self._mobiles_in(values, take):
            value = take(values, place)
            if value not in (None, ""):
                return value
        return None


def _is_zoneless(value: object) -> bool:
    """Whether a cell is a time as most programs write it, which may be that of any zone."""
    with suppress(ValueError):
        return isinstance(value, str) and datetime.fromisoformat(value.strip()).tzinfo is None
    return False


def _plain_places(settings: ImportSettings, places: Mapping[str, int | str]) -> tuple[int, ...] | None:
    if settings.layout.format != "csv" or {field.partition(".")[0] for field in places} - {"mobile", *TEXT_FIELDS}:
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
    return str(value) if isinstance(value, int | float) else encode(value).decode()


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
    return {name: bounded_value(one) for name, one in value.items()} if isinstance(value, dict) else {}


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
    return encode(value).decode()


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
