"""Waiting until something is true, instead of for a fixed time. Nothing here knows for what."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_SECONDS_MAX = 60.0


def wait_for(is_so: Callable[[], object], *, poll_seconds: float = 0.01, seconds_max: float = WAIT_SECONDS_MAX) -> None:
    """Wait until it is so. Fails the test when it takes too long."""
    end = time.monotonic() + seconds_max
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(poll_seconds)
