"""Waiting for what goes on in the server: ask, pause a little longer each time, ask again."""

from __future__ import annotations

from collections.abc import Callable

from daftari_client.errors import WaitedTooLong
from daftari_client.plans import Pause, Plan, T

_FIRST_PAUSE_SECONDS = 0.1
_PAUSE_SECONDS_MAX = 5.0
_GROWTH = 1.5


def wait_until(
    look: Callable[[], Plan[T]],
    is_over: Callable[[T], bool],
    *,
    timeout_seconds: float | None,
    clock: Callable[[], float],
) -> Plan[T]:
    """What ``look`` finds when it is over."""
    end = None if timeout_seconds is None else clock() + timeout_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        found = yield from look()
        if is_over(found):
            return found
        if end is not None and clock() + pause > end:
            raise WaitedTooLong(f"After {timeout_seconds} seconds it still goes on.")
        yield Pause(pause)
        pause = min(pause * _GROWTH, _PAUSE_SECONDS_MAX)
