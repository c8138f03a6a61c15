"""Quiet hours: the hours of the day in which a project sends. No clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

OFF = "off"
REGION_HOURS = {"KE": "08:00-18:00 Africa/Nairobi"}
"""Sending hours by region where a project sets none; elsewhere there are none."""

DAYS_MAX = 4

_WRITTEN = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2}) (\S+)")


def read_hours(text: str) -> str:
    """Sending hours as they are kept. Raises ``ValueError`` with the end of a sentence."""
    written = " ".join(text.split())
    if written.casefold() == OFF:
        return OFF
    try:
        _parse(written)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise ValueError("must be such as '08:00-18:00 Africa/Nairobi', or off.") from None
    return written


def is_quiet(at: int, *, hours: str | None, region: str) -> bool:
    """Whether nothing is to be sent at a time in microseconds: before the first minute, or from the last one on."""
    written = hours or REGION_HOURS.get(region, OFF)
    if written == OFF:
        return False
    first, last, zone = _parse(written)
    local = datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(zone).time()
    # Hours may go over midnight.
    return not (first <= local < last if first < last else local >= first or local < last)


def opens_at(at: int, *, hours: str | None, region: str) -> int:
    """When something may be sent at the earliest, from a time in microseconds on: then, or at the next first minute."""
    if not is_quiet(at, hours=hours, region=region):
        return at
    first, _, zone = _parse(hours or REGION_HOURS[region])
    today = datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(zone).date()
    # A clock that is put forward may leave out the hours of a day, all of them or the first minute.
    for days in range(DAYS_MAX):
        opening = datetime.combine(today + timedelta(days), first, zone)
        found = round(opening.timestamp()) * 1_000_000
        if found > at and not is_quiet(found, hours=hours, region=region):
            return found
    raise LookupError(f"{hours!r} never begins after {at}")


def _parse(written: str) -> tuple[time, time, ZoneInfo]:
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise ValueError(written)
    first, last = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if first == last:
        raise ValueError(written)
    return first, last, ZoneInfo(found[5])
