"""Waiting for work in the server: ask, pause a little longer each time, ask again."""

from __future__ import annotations

from collections.abc import Callable

from daftari_client.errors import WaitedTooLong
from daftari_client.flows import Flow, Pause, T

UNDER_WAY = frozenset({"queued", "running"})
"""States of an import or an export that the server will leave by itself."""
FIRST_PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 5.0
_GROWTH = 1.5


def wait_until(
    get: Callable[[], Flow[T]],
    is_done: Callable[[T], bool],
    *,
    timeout_seconds: float | None,
    pause_seconds_max: float,
    on_poll: Callable[[T], object] | None,
    clock: Callable[[], float],
) -> Flow[T]:
    """The first thing that ``get`` returns for which ``is_done`` holds. ``on_poll`` sees every one, that one too.

    Raises ``WaitedTooLong`` after ``timeout_seconds``. What ``on_poll`` raises ends the waiting.
    """
    end = None if timeout_seconds is None else clock() + timeout_seconds
    pause = min(FIRST_PAUSE_SECONDS, pause_seconds_max)
    while True:
        found = yield from get()
        if on_poll is not None:
            on_poll(found)
        if is_done(found):
            return found
        if end is not None and clock() + pause > end:
            raise WaitedTooLong(f"It was not done after {timeout_seconds} seconds, and is still running.")
        yield Pause(pause)
        pause = min(pause * _GROWTH, pause_seconds_max)
