"""Stopping long work: Ctrl-C and SIGTERM are remembered, and the work stops at its next safe point."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CHECK_SECONDS = 0.1
"""How often a pause checks whether it should end."""

ShouldStop = Callable[[], bool]
"""Whether Ctrl-C or SIGTERM has come."""


@contextmanager
def catch_stop_signals() -> Iterator[ShouldStop]:
    """Until the block ends, Ctrl-C and SIGTERM do not end the process but are remembered."""
    is_stopping = False

    def stop(*_: object) -> None:
        nonlocal is_stopping
        is_stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: is_stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pause(seconds: float, *, should_stop: ShouldStop) -> None:
    """Waits for so long, or until the work should stop."""
    until = time.monotonic() + seconds
    while not should_stop() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, CHECK_SECONDS))
