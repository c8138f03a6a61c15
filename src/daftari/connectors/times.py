"""Times as other systems write them, and the ends of their days. Moments are microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND = 1_000_000
_EPOCH, _MICROSECOND = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def read_time(written: str | int | None) -> int | None:
    """A moment from ISO 8601 or from milliseconds since 1970; ``None`` when it is neither. Without a zone it is UTC."""
    if not written and not isinstance(written, int):
        return None
    try:
        if isinstance(written, int) or written.isdecimal():
            moment = int(written) * 1_000
        else:
            read = datetime.fromisoformat(written)
            moment = to_moment(read if read.tzinfo else read.replace(tzinfo=UTC))
    except ValueError:
        return None
    return moment if _FIRST <= moment <= _LAST else None


def to_moment(read: datetime) -> int:
    """The moment of a time with a zone, exactly."""
    return (read - _EPOCH) // _MICROSECOND


def write_time(moment: int, *, timespec: str = "milliseconds") -> str:
    """ISO 8601 in UTC, with ``Z``."""
    return (
        datetime.fromtimestamp(moment // SECOND, UTC)
        .replace(microsecond=moment % SECOND)
        .isoformat(timespec=timespec)
        .removesuffix("+00:00")
        + "Z"
    )


def find_zone(name: str) -> ZoneInfo:
    """The zone of this IANA name; UTC when it is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def next_midnight(moment: int, zone: ZoneInfo) -> int:
    """When the day of a moment ends in this zone."""
    day = datetime.fromtimestamp(moment / SECOND, zone).date()
    return to_moment(datetime.combine(day + timedelta(days=1), time(), zone))


def show_clock(moment: int, zone: ZoneInfo) -> str:
    """Hour and minute, for a sentence."""
    return datetime.fromtimestamp(moment / SECOND, zone).strftime("%H:%M")
