"""Waiting for what goes on in the server: ask, pause a little longer each time, ask again."""

from __future__ import annotations

from collections.abc import Callable

from daftari_client.errors import WaitedTooLong
from daftari_client.flows import Flow, Pause, T

_FIRST_PAUSE_SECONDS = 0.1
_PAUSE_SECONDS_MAX = 5.0
_GROWTH = 1.5


def wait_until(
    get: Callable[[], Flow[T]],
    is_done: Callable[[T], bool],
    *,
    timeout_seconds: float | None,
    clock: Callable[[], float],
) -> Flow[T]:
    """What ``get`` finds when it is done."""
    end = None if timeout_seconds is None else clock() + timeout_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        found = yield from get()
        if is_done(found):
            return found
        if end is not None and clock() + pause > end:
            raise WaitedTooLong(f"After {timeout_seconds} seconds it still goes on.")
        yield Pause(pause)
        pause = min(pause * _GROWTH, _PAUSE_SECONDS_MAX)
