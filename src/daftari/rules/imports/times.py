"""Reads the times in lists of opt-outs and opt-ins: every form that has one meaning, and no other.

A time without a zone, or a date alone, is a span: the first and the last moment that it may be anywhere on earth. The
order of day and month comes from the other cells of the column or from who sends the file, never from a default
(docs/decisions/0032).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from daftari.files.letters import fold_letters, word_set
from daftari.model.time import DAY_MICROSECONDS, read_rfc_3339

Order = Literal["DMY", "MDY", "YMD"]
"""How a date of three numbers is written."""
ORDERS: frozenset[Order] = frozenset(("DMY", "MDY", "YMD"))
DateOrder = Literal["day_first", "month_first"]
"""What the owner of a file may say of it."""
_SAID: dict[DateOrder, frozenset[Order]] = {
    "day_first": frozenset(("DMY", "YMD")),
    "month_first": frozenset(("MDY", "YMD")),
}
EARLIEST_YEAR = 2000
"""An earlier date is a program's empty one, or none at all."""
TIME_TEXT_MAX = 100
"""Characters of a time that is looked at."""

_HOUR, _SECOND = 3_600_000_000, 1_000_000
_ZONE_FIRST, _ZONE_LAST = 14 * _HOUR, 12 * _HOUR
"""How far local time may be ahead of UTC, and behind it."""
_SERIAL_MIN, _SERIAL_MAX = 36_526, 109_575
"""Days since 1899-12-30, as a spreadsheet counts them: of 2000 and 2200."""
_SERIAL_ZERO = date(1899, 12, 30)
_EPOCH_MIN = 946_684_800
"""2000 in seconds since 1970; less is a number of another kind."""
_EPOCH_UNITS = ((10**11, 1_000_000), (10**14, 1_000), (10**17, 1))
"""Below each limit a number counts seconds, milliseconds or microseconds, by how many microseconds each has."""

_MONTHS: dict[str, int] = {
    name: month
    for month, names in enumerate(
        (
            "jan january janvier janv janeiro enero ene januari",
            "feb february fevrier fevr fev fevereiro febrero februari",
            "mar march mars marco marzo machi",
            "apr april avril avr abril abr aprili",
            "may mai maio mayo mei",
            "jun june juin junho junio juni",
            "jul july juillet juil julho julio julai",
            "aug august aout agosto ago agosti",
            "sep sept september septembre setembro set septiembre septemba",
            "oct october octobre outubro out octubre oktoba okt",
            "nov november novembre novembro noviembre novemba",
            "dec december decembre dezembro dez diciembre dic desemba des",
        ),
        1,
    )
    for name in names.split()
}
_PASSED_OVER = word_set(
    """mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday lundi
    mardi mercredi jeudi vendredi samedi dimanche lunes martes miercoles jueves viernes sabado domingo segunda
    terca quarta quinta sexta feira jumatatu jumanne jumatano alhamisi ijumaa jumamosi jumapili at on of the de
    del le el em as a las tarehe"""
)
"""Days of the week, and words around a date."""
_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "wet": 0, "wat": 60, "cet": 60, "west": 60, "cat": 120, "sast": 120,
    "cest": 120, "eet": 120, "eat": 180, "eest": 180, "msk": 180, "est": -300, "edt": -240, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420,
}  # fmt: skip
"""Minutes before UTC of the abbreviations that mean one zone; of any other the zone is unknown."""
_UNKNOWN_ZONES = word_set("ist bst cst cdt ast adt sst gst")

_YEAR_FIRST = re.compile(r"\s*\d{4}[-/.]")
"""So begins nearly every time that a program writes; month and day follow in this order."""
_TIME = re.compile(
    r"(?<![\d:])(\d{1,2})(?:[:h](\d{2})(?::(\d{2})(?:[.,:](\d{1,9}))?)?)?(?![\d:])\s*([ap])?(?(5)\.?\s?m\b\.?)"
    r"(?:\s*(?:gmt|utc)?\s*([+-])(\d{1,2}):?(\d{2})?(?!\d))?"
)
_ISO_BASIC = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:\s?(\d{2})(\d{2})(\d{2})?(?:[.,]\d+)?)?(?!\d)")
_ISO_WEEK = re.compile(r"\d{4}-?w\d{2}(?:-?\d)?|\d{4}-\d{3}")
_NUMBERS = re.compile(r"(\d{1,4})\s*([/.\- ])\s*(\d{1,2})\s*\2\s*(\d{1,4})\.?")
_MONTH_ONLY = re.compile(r"(\d{4})[/.-](\d{1,2})|(\d{1,2})[/.-](\d{4})")
_ZONE_NAME = re.compile(r"\s*[\[(]?\b([A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?)[\])]?\s*$")
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)\s*$")
_SCIENCE = re.compile(r"\d[.,](\d+)e\+?(\d+)")


class Span(Struct, frozen=True):
    """When something happened, in microseconds: at the earliest and at the latest."""

    first: int
    last: int


def read_span(value: object, *, orders: frozenset[Order], now: int) -> Span | None:
    """The time in a cell; ``None`` when it has no meaning, or more than one that differ.

    ``orders``: those that the column's other cells allow. ``now``: a reading that is later is none.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _in_time(_read_number(float(value)), now)
    if not isinstance(value, str) or len(value) > TIME_TEXT_MAX:
        return None
    found = {span for order, span in _readings(value, now) if order is None or order in orders}
    return found.pop() if len(found) == 1 else None


def find_orders(value: object, *, now: int) -> frozenset[Order] | None:
    """The orders that a cell can be read in; ``None`` when it says nothing of them."""
    if not isinstance(value, str) or len(value) > TIME_TEXT_MAX or _YEAR_FIRST.match(value):
        return None
    orders = frozenset(order for order, _ in _readings(value, now) if order is not None)
    return orders or None


class OrderFinder:
    """Narrows down in which order the dates of a column are written, cell by cell.

    A column whose cells exclude each other has none: then only cells with one reading are read. ``said``: the
    order, where its owner knows it.
    """

    def __init__(self, now: int, *, said: DateOrder | None = None) -> None:
        self._now = now
        self._possible = ORDERS if said is None else _SAID[said]
        self._orders = self._possible
        self._is_mixed = False

    def add(self, value: object) -> None:
        found = find_orders(value, now=self._now)
        if found is not None and not self._is_mixed:
            self._orders &= found
            self._is_mixed = not self._orders

    @property
    def orders(self) -> frozenset[Order]:
        return self._possible if self._is_mixed else self._orders


# ---- texts ------------------------------------------------------------------------------------------


class _Clock(Struct, frozen=True):
    """A time of day in microseconds, and how many minutes local time is ahead of UTC where that is known."""

    at: int
    minutes: int | None


def _readings(written: str, now: int) -> Iterator[tuple[Order | None, Span]]:
    """Each meaning that a text may have, with the order of day and month that it supposes."""
    text = written.strip().strip("'\u2019\u2018\"").strip()
    if _YEAR_FIRST.match(text) and (at := read_rfc_3339(text)) is not None:
        span = _in_time(Span(at, at), now)
        if span is not None:
            yield None, span
        return
    number = _as_number(text)
    if number is not None:
        span = _in_time(_read_number(number), now)
        if span is not None:
            yield None, span
            return
    zone_name = _ZONE_NAME.search(text)
    if zone_name is not None:
        text = text[: zone_name.start()]
    for order, day, clock in _days_and_clocks(_fold(_IN_BRACKETS.sub("", text))):
        span = _in_time(_span(day, clock, zone_name[1] if zone_name else None), now)
        if span is not None:
            yield order, span


def _days_and_clocks(text: str) -> Iterator[tuple[Order | None, tuple[date, date], _Clock | None]]:
    """Each first and last day that a text may name, with its time of day."""
    if found := _ISO_BASIC.match(text):
        rest = text[found.end() :].strip()
        zone = _ZONES.get(rest, None if rest else 0)
        if zone is not None or rest in _UNKNOWN_ZONES:
            day = _day(int(found[1]), int(found[2]), int(found[3]))
            clock = None
            if found[4]:
                clock = _clock(int(found[4]), int(found[5]), int(found[6] or 0), 0, _ZONES.get(rest))
            if day is not None and (clock is not None or not found[4]):
                yield None, (day, day), clock
        return
    clock, rest, is_whole = _take_clock(text)
    if is_whole:
        yield from ((order, days, clock) for order, days in _days(rest))


def _take_clock(text: str) -> tuple[_Clock | None, str, bool]:
    """The time of day in a text, the text without it, and whether there is none that is wrong."""
    for found in _TIME.finditer(text):
        hour, minute, second, fraction, half, sign, ahead, ahead_minutes = found.groups()
        if minute is None and half is None:
            continue
        if half is not None:
            if not 1 <= int(hour) <= 12:
                return None, text, False
            hour = str(int(hour) % 12 + (12 if half == "p" else 0))
        rest, zone = _take_zone(f"{text[: found.start()]} {text[found.end() :]}")
        minutes = zone
        if sign is not None:
            minutes = (int(ahead) * 60 + int(ahead_minutes or 0)) * (1 if sign == "+" else -1)
            if abs(minutes) > 14 * 60:
                return None, text, False
        micros = int((fraction or "").ljust(6, "0")[:6])
        clock = _clock(int(hour), int(minute or 0), int(second or 0), micros, minutes)
        return clock, rest, clock is not None
    rest, _ = _take_zone(text)
    return None, rest, True


def _clock(hour: int, minute: int, second: int, micros: int, minutes: int | None) -> _Clock | None:
    if hour > 23 or minute > 59 or second > 60:
        return None
    return _Clock(((hour * 60 + minute) * 60 + min(second, 59)) * _SECOND + micros, minutes)


def _take_zone(text: str) -> tuple[str, int | None]:
    """The text without an abbreviation of a zone, and what it is ahead of UTC where that is known."""
    words = text.split()
    zones = [word for word in words if word in _ZONES or word in _UNKNOWN_ZONES]
    rest = " ".join(word for word in words if word not in zones)
    return rest, _ZONES.get(zones[0]) if len({*zones}) == 1 else None


def _days(text: str) -> Iterator[tuple[Order | None, tuple[date, date]]]:
    """Each first and last day that a text without a time may name."""
    text = text.strip()
    if _ISO_WEEK.fullmatch(text):
        day = _iso_day(text)
        if day is not None:
            yield None, (day, day)
    elif found := _NUMBERS.fullmatch(text):
        for order, day in _three_numbers(found[1], found[3], found[4]):
            yield order, (day, day)
    elif found := _MONTH_ONLY.fullmatch(text):
        yield from _month(int(found[1] or found[4]), int(found[2] or found[3]))
    else:
        yield from _named_month(text)


def _three_numbers(first: str, second: str, third: str) -> Iterator[tuple[Order | None, date]]:
    a, b, c = int(first), int(second), int(third)
    if len(first) == 4:
        # A year in front is followed by month and day, everywhere.
        day = _day(a, b, c) if len(third) <= 2 else None
        if day is not None:
            yield None, day
        return
    if len(first) > 2 or len(third) not in (2, 4):
        return
    readings: list[tuple[Order, tuple[int, int, int]]] = [("DMY", (c, b, a)), ("MDY", (c, a, b))]
    if len(third) == 2:
        readings = [(order, (2000 + year, month, day)) for order, (year, month, day) in readings]
        if len(first) == 2:
            readings.append(("YMD", (2000 + a, b, c)))
    for order, (year, month, number) in readings:
        day = _day(year, month, number)
        if day is not None:
            yield order, day


def _named_month(text: str) -> Iterator[tuple[Order | None, tuple[date, date]]]:
    """``6 may 2024``, ``may 6 2024``, ``2024 may 6``, ``6-may-24``, ``may 2024``: a month by its name."""
    words = [word for word in re.split(r"[\s/.,-]+", text) if word and word not in _PASSED_OVER]
    months = [word for word in words if word in _MONTHS]
    numbers = [re.sub(r"(?:st|nd|rd|th|er|o)$", "", word) for word in words if word not in _MONTHS]
    if len(months) != 1 or not 1 <= len(numbers) <= 2 or not all(number.isdecimal() for number in numbers):
        return
    month = _MONTHS[months[0]]
    if len(numbers) == 1:
        if len(numbers[0]) == 4:
            yield from _month(int(numbers[0]), month)
        return
    first, second = numbers
    if len(first) == 4 and len(second) <= 2:
        day = _day(int(first), month, int(second))
    elif len(first) <= 2 and len(second) in (2, 4):
        day = _day(int(second) + (2000 if len(second) == 2 else 0), month, int(first))
    else:
        day = None
    if day is not None:
        yield None, (day, day)


def _month(year: int, month: int) -> Iterator[tuple[Order | None, tuple[date, date]]]:
    first = _day(year, month, 1)
    if first is not None and year < date.max.year:
        following = _day(year + month // 12, month % 12 + 1, 1)
        if following is not None:
            yield None, (first, following - timedelta(days=1))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _iso_day(text: str) -> date | None:
    try:
        if "w" in text:
            return date.fromisoformat(text.upper())
        year, day = int(text[:4]), int(text[5:])
        found = date(year, 1, 1) + timedelta(days=day - 1)
        return found if found.year == year else None
    except (ValueError, OverflowError):
        return None


def _fold(text: str) -> str:
    """Lower case without accents, T between date and time as a space, and no commas."""
    plain = re.sub(r"(?<=\d)t(?=\d)", " ", fold_letters(text))
    plain = re.sub(r"(?<=\d)z\b", " z", plain)
    plain = re.sub(r",(?!\d)|(?<=\d{4}),", " ", plain)
    return " ".join(plain.split())


# ---- numbers and spans ------------------------------------------------------------------------------


def _as_number(text: str) -> float | None:
    if science := _SCIENCE.fullmatch(text.casefold()):
        # A spreadsheet may have shortened it; then the time is no longer in it.
        return float(text.replace(",", ".")) if len(science[1]) >= int(science[2]) else None
    if not text.isascii() or not re.fullmatch(r"[1-9]\d{3,19}(?:\.\d{1,12})?", text):
        return None
    return float(text)


def _read_number(number: float) -> Span | None:
    """A spreadsheet's days since 1899-12-30, which have no zone, or seconds to microseconds since 1970."""
    if not math.isfinite(number):
        return None
    if _SERIAL_MIN <= number < _SERIAL_MAX:
        whole = int(number)
        day = _SERIAL_ZERO + timedelta(days=whole)
        is_day = number == whole
        clock = None if is_day else _Clock(round((number - whole) * 86_400) * _SECOND, None)
        return _span((day, day), clock, None)
    for limit, unit in _EPOCH_UNITS:
        if _EPOCH_MIN * (_SECOND // unit) <= number < limit:
            at = round(number * unit)
            return Span(at, at)
    return None


def _span(days: tuple[date, date], clock: _Clock | None, zone_name: str | None) -> Span | None:
    midnight, last_midnight = (_midnight(day) for day in days)
    if clock is None:
        first, last = midnight, last_midnight + DAY_MICROSECONDS - 1
    else:
        first = last = midnight + clock.at
        if clock.minutes is not None:
            at = first - clock.minutes * 60 * _SECOND
            return Span(at, at)
    if zone_name is not None:
        ahead = _zone_ahead(zone_name, first), _zone_ahead(zone_name, last)
        if ahead[0] is not None and ahead[1] is not None:
            return Span(first - ahead[0], last - ahead[1])
    return Span(first - _ZONE_FIRST, last + _ZONE_LAST)


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_MICROSECONDS


def _zone_ahead(name: str, local: int) -> int | None:
    """How far a zone is ahead of UTC at a local time, in microseconds."""
    try:
        zone = ZoneInfo(name)
        offset = (datetime.fromtimestamp(local // _SECOND, UTC).replace(tzinfo=zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        return None
    return None if offset is None else round(offset.total_seconds()) * _SECOND


_EARLIEST = _midnight(date(EARLIEST_YEAR, 1, 1))


def _in_time(span: Span | None, now: int) -> Span | None:
    """A span that has begun, and is no program's empty date."""
    return span if span is not None and span.first >= _EARLIEST and span.first <= now else None
