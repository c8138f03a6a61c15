"""The clock of a machine: how long it has been up. No one sets it, and all of its processes have the same. No SQL."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It counts sleep, where the system has such a clock."""


def boot_microseconds() -> int:
    """Microseconds since the machine was started."""
    return time.clock_gettime_ns(_CLOCK) // 1000


@cache
def boot_id() -> str:
    """A name of this start of the machine; empty where the system gives none."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
