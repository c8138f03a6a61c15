"""Being told to stop while long work runs: Ctrl-C and SIGTERM are noted, and the work ends where it may.

This room must not know what the work is.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.1
"""How often a pause looks whether it should end."""

Stop = Callable[[], bool]
"""Whether somebody has said so."""


@contextmanager
def told_to_stop() -> Iterator[Stop]:
    """Whether Ctrl-C was pressed or SIGTERM came: the batch in hand is finished first."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pause(seconds: float, *, told: Stop) -> None:
    """Wait so long, or until told to stop."""
    until = time.monotonic() + seconds
    while not told() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_SECONDS))
