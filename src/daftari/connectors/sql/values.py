"""What a column holds, in words and in values: texts, numbers, booleans or lists of them. No SQL, no driver."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from daftari.model.limits import EXTERNAL_ID_MAX

VALUE_CHARACTERS_MAX = 4_000
"""Characters of a value; a longer one is not taken."""
SINGLE_MAX = 2**24
"""Up to here a single-precision number holds every whole number; a phone number is far above."""
DOUBLE_MAX = 2**53
_ZERO_DATE = re.compile(r"0000-00-00( 00:00:00(\.0+)?)?")
_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"", "0", "f", "false", "n", "no", "off"})

TITLES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("integer", "decimal", "double", "single"), "number"),
        **dict.fromkeys(("text", "char", "uuid"), "text"),
        **dict.fromkeys(("aware", "naive", "utc"), "time"),
    }
)
"""Kinds of columns that are called otherwise where a person chooses a field."""


class Column(Struct, frozen=True):
    """A column. ``kind`` is a word of ours: ``integer``, ``text``, ``anything`` for a column that takes any value …"""

    name: str
    kind: str

    @property
    def title(self) -> str:
        """What the kind is called where a person chooses a field."""
        return TITLES.get(self.kind, self.kind)


class Unreadable(ValueError):
    """A value cannot be taken. The message continues a sentence that begins with the column's name."""


def read_value(value: object, column: Column, *, zone: ZoneInfo) -> object:
    """Returns the value as a record holds it, ``None`` for a blank one. Raises ``Unreadable``."""
    if isinstance(value, str):
        return _read_text(value, column, zone)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return bool(value) if column.kind == "boolean" else value
    if isinstance(value, float):
        return _read_float(value, column)
    if isinstance(value, Decimal):
        return _read_decimal(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=_zone(column, zone))).isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return _read_bytes(bytes(value), column)
    if isinstance(value, list | tuple | set):
        return _read_list(list(value), column, zone)
    if isinstance(value, dict):
        return _read_text(msgspec.json.encode(value, enc_hook=str).decode(), Column(column.name, "text"), zone)
    # A day, a time of day, a UUID, an address, an interval: as they are written.
    return value.isoformat() if isinstance(value, date | time) else str(value)


def id_text(value: object, column: Column) -> str:
    """Returns a row's id as text. Raises ``Unreadable`` when its type is not one of an id."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    if isinstance(value, str):
        return value.rstrip() if column.kind == "char" else value
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    raise Unreadable(f'holds "{value}", which is no id: a whole number, a text or a UUID is needed')


def is_usable_id(text: str) -> bool:
    """Returns whether a record can have this id."""
    return 0 < len(text) <= EXTERNAL_ID_MAX and "\0" not in text


def id_key(value: object, column: Column) -> int | str:
    """Returns a row's id as the cursor holds it: a number stays one, which a column without a type compares as such."""
    return value if isinstance(value, int) and not isinstance(value, bool) else id_text(value, column)


def id_value(key: int | str, column: Column) -> object:
    """Returns an id as the database is asked for it. Raises ``ValueError`` for one that the column cannot hold."""
    if isinstance(key, int) or column.kind == "integer":
        return int(key)
    if column.kind == "decimal":
        return Decimal(int(key))
    return bytes.fromhex(key) if column.kind == "bytes" else key


def id_values(texts: Iterable[str], column: Column) -> list[object]:
    """Returns ids as the database is asked for them, without those that the column cannot hold."""
    wanted: list[object] = []
    for text in texts:
        with suppress(ValueError):
            wanted.append(id_value(text, column))
            if column.kind == "anything":
                wanted.append(int(text))
    return wanted


def is_set(value: object) -> bool:
    """Returns whether a flag is set; a time, such as when a row was deleted, sets it. Raises ``Unreadable``."""
    if isinstance(value, str):
        if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        if not value[:1].isdigit():
            raise Unreadable(f'holds "{value[:40]}", which is no flag and no time; write true or false')
    return bool(value)


def _read_text(value: str, column: Column, zone: ZoneInfo) -> object:
    if column.kind == "json":
        try:
            return read_value(msgspec.json.decode(value), Column(column.name, "list"), zone=zone)
        except msgspec.DecodeError:
            raise Unreadable("is not JSON") from None
    text = value.rstrip() if column.kind == "char" else value
    if not text or text.isspace() or (text.startswith("0000-") and _ZERO_DATE.fullmatch(text)):
        return None
    if "\0" in text:
        raise Unreadable("has a NUL character")
    if len(text) > VALUE_CHARACTERS_MAX:
        raise Unreadable(f"is longer than {VALUE_CHARACTERS_MAX:,} characters")
    return text.split(",") if column.kind == "set" else text


def _read_float(value: float, column: Column) -> object:
    if not math.isfinite(value):
        raise Unreadable(f"holds {value}, which is no number")
    if not value.is_integer():
        return value
    if abs(value) > (SINGLE_MAX if column.kind == "single" else DOUBLE_MAX):
        raise Unreadable(f"holds {value:.7g}: a column of this type has lost the last digits; make it a text")
    return int(value)


def _read_decimal(value: Decimal) -> object:
    if not value.is_finite():
        raise Unreadable(f"holds {value}, which is no number")
    return int(value) if value == value.to_integral_value() else format(value, "f")


def _read_bytes(value: bytes, column: Column) -> object:
    if column.kind == "boolean":
        return any(value)
    if column.kind == "integer":
        return int.from_bytes(value, "big")
    if 2 * len(value) > VALUE_CHARACTERS_MAX:
        raise Unreadable(f"is longer than {VALUE_CHARACTERS_MAX // 2:,} bytes")
    return value.hex() or None


def _read_list(value: list[object], column: Column, zone: ZoneInfo) -> object:
    read = [read_value(entry, Column(column.name, "text"), zone=zone) for entry in value]
    if any(isinstance(entry, list) for entry in read):
        raise Unreadable("is a list of lists")
    if sum(len(entry) for entry in read if isinstance(entry, str)) > VALUE_CHARACTERS_MAX:
        raise Unreadable(f"is longer than {VALUE_CHARACTERS_MAX:,} characters")
    return [entry for entry in read if entry is not None] or None


def _zone(column: Column, zone: ZoneInfo) -> ZoneInfo:
    return ZoneInfo("UTC") if column.kind == "utc" else zone
