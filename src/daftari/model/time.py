"""What time it is, and how times are written and read: whole microseconds since 1970, in UTC. No time zones."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

DAY_MICROSECONDS = 86_400_000_000
LEAP_SECOND = 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[ Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


def format_time(microseconds: int) -> str:
    """``2024-03-21T07:06:37.000000Z`` for microseconds since 1970 in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def read_rfc_3339(text: str) -> int | None:
    """A time with its zone as RFC 3339 has it, in microseconds; ``None`` for any other text.

    A space may stand for the T, as the RFC's note allows. A fraction of any length is cut after microseconds. A leap
    second is one only at the end of a month in UTC, and is the first second of the next day.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    *date_and_time, fraction, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = map(int, date_and_time)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime(year, month, day, hour, minute, min(second, LEAP_SECOND - 1), tzinfo=UTC)
        moment += offset if sign == "-" else -offset
        if second == LEAP_SECOND:
            moment += timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    if second > LEAP_SECOND or (second == LEAP_SECOND and (moment.day, moment.hour, moment.minute) != (1, 0, 0)):
        return None
    return (moment - _EPOCH) // _MICROSECOND + int(f"{fraction or '':0<6.6}")


def current_time() -> int:
    """The time now, in microseconds. Only the outermost code asks it; other code is given ``now``."""
    return time.time_ns() // 1000
