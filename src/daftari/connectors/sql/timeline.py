"""The column ``updated_at``: its values as times, and the bounds of a window as values of the column. No SQL.

A naive time is on the wall clock of a zone. Where that clock is set back, an hour comes twice; bounds near it are
widened, so that a row may be read again but none is passed over.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

SECOND = 1_000_000
SET_BACK = timedelta(hours=3)
"""No wall clock is set back by more."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(r"\d{4}-\d\d-\d\d(?P<divider>[T ])\d\d:\d\d(:\d\d(\.\d+)?)? ?(?P<offset>Z|[+-]\d\d:?\d\d)?")
_UNITS = ((10**11, SECOND), (10**14, 1_000), (10**17, 1))
"""Below which number a time is in seconds, milliseconds or microseconds, and the microseconds of each."""

Key = str | int | float
"""A value of the column as the cursor holds it."""
Bound = datetime | str | int | float
"""A value of the column as the database is asked for it."""


class UnknownTime(ValueError):
    """A value is no time. The message says which, and what would be right."""


class Timeline(Struct, frozen=True):
    """How the column holds times: with a zone, on a wall clock, as text, or as a number of ``unit`` microseconds."""

    kind: Literal["aware", "naive", "text", "number"]
    zone: ZoneInfo
    unit: int = SECOND
    divider: str = " "
    offset: str = ""

    def lower(self, at: int) -> Bound:
        """The value from which rows are read, so that none written at ``at`` or later is missed."""
        return self._bound(at, -max(self._clock(at) - self._clock(at, later=SET_BACK), timedelta(0)))

    def upper(self, at: int) -> Bound:
        """The value before which rows are read, so that none written before ``at`` is missed."""
        return self._bound(at, max(self._clock(at, later=-SET_BACK) - self._clock(at), timedelta(0)))

    def key(self, value: object) -> Key:
        """A value of the column as the cursor holds it. Raises ``UnknownTime``."""
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        if isinstance(value, str | int | float):
            return value
        raise UnknownTime(f'"{value}" is no time')

    def bound_of(self, key: Key) -> Bound:
        """A value of the cursor as the database is asked for it."""
        return datetime.fromisoformat(key) if self.kind in ("aware", "naive") and isinstance(key, str) else key

    def _clock(self, at: int, *, later: timedelta = timedelta(0)) -> timedelta:
        """How far the column's clock is ahead of UTC at a moment."""
        if self.kind in ("aware", "number") or self.offset:
            return timedelta(0)
        return (_moment(at) + later).astimezone(self.zone).utcoffset() or timedelta(0)

    def _bound(self, at: int, widened: timedelta) -> Bound:
        if self.kind == "number":
            return at // self.unit
        moment = _moment(at)
        if self.kind == "aware":
            return moment
        if self.offset:
            ahead = datetime.fromisoformat(f"2000-01-01T00:00:00{self.offset}").utcoffset() or timedelta(0)
        else:
            ahead = self._clock(at)
        wall = (moment + ahead + widened).replace(tzinfo=None)
        # Without an offset: a shorter text comes before a longer one that begins with it.
        return wall.isoformat(self.divider, "microseconds") if self.kind == "text" else wall


def timeline_of(column: str, kind: str, sample: object, *, zone: ZoneInfo) -> Timeline:
    """Returns how a column holds times. ``kind`` is the column's own; ``sample`` its newest value, ``None`` for none.

    Raises ``UnknownTime``.
    """
    if kind == "aware":
        return Timeline("aware", zone)
    if kind in ("naive", "utc"):
        return Timeline("naive", ZoneInfo("UTC") if kind == "utc" else zone)
    if isinstance(sample, int | float | Decimal) and not isinstance(sample, bool):
        for most, unit in _UNITS:
            if 10**8 <= sample < most:
                return Timeline("number", zone, unit)
        raise UnknownTime(f'"{column}" holds {sample}, which is no time in seconds or milliseconds since 1970')
    if kind == "date":
        raise UnknownTime(f'"{column}" holds days; a column with a time of day is needed')
    if kind in ("integer", "decimal", "double") and sample is None:
        return Timeline("number", zone)
    if sample is None and kind in ("anything", "text", "char"):
        return Timeline("text", zone)
    if isinstance(sample, str) and (found := _TEXT.fullmatch(sample)):
        return Timeline("text", zone, divider=found["divider"], offset=(found["offset"] or "").replace("Z", "+00:00"))
    raise UnknownTime(f'"{column}" holds "{sample}", which is no time; write 2026-11-27 13:02:00')


def _moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
