"""What time it is, and how times are written: whole microseconds since 1970, in UTC. No time zones."""

from __future__ import annotations

import time
from datetime import UTC, datetime

DAY_MICROSECONDS = 86_400_000_000


def format_time(microseconds: int) -> str:
    """``2024-03-21T07:06:37.000000Z`` for microseconds since 1970 in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def current_time() -> int:
    """The time now, in microseconds. Only the outermost code asks it; other code is given ``now``."""
    return time.time_ns() // 1000
