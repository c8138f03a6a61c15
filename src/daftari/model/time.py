"""How times are written. No time zones, no clock."""

from __future__ import annotations

from datetime import UTC, datetime


def format_time(microseconds: int) -> str:
    """``2024-03-21T07:06:37.000000Z`` for microseconds since 1970 in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"
