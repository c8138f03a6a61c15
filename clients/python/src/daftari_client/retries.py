"""Whether and when a call that failed is sent again: back-off with full jitter, within a number of tries and a time.

This module must not know how anything is sent, nor wait itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import BinaryIO

from msgspec import Struct

from daftari_client.errors import DaftariError, read_error
from daftari_client.flows import Flow, Pause, Request, Response


class Retries(Struct, frozen=True, kw_only=True):
    """How often and for how long to try.

    ``tries_max`` counts the first one. After ``total_seconds_max`` no other try begins. Pauses are random up to a
    limit that begins with ``first_pause_seconds``, doubles, and stops at ``pause_seconds_max``; what the server says in
    ``Retry-After`` comes before that. ``clock`` and ``chance`` are the sources of time and of numbers under 1.
    """

    tries_max: int = 6
    total_seconds_max: float = 60.0
    first_pause_seconds: float = 0.5
    pause_seconds_max: float = 20.0
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def begin(self) -> RetryBudget:
        return RetryBudget(self)


class RetryBudget:
    """What is left of the tries and the time of one call."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._failed = 0
        self._end = retries.clock() + retries.total_seconds_max

    def seconds_before_next(self, error: DaftariError) -> float | None:
        """How long to pause after this failure, ``None`` when it is the last word."""
        self._failed += 1
        left = self._end - self._retries.clock()
        asked = error.retry_after_seconds or 0.0
        if not error.retryable or self._failed >= self._retries.tries_max or asked >= left:
            return None
        return min(asked + self._retries.chance() * self._pause_max(), left)

    def _pause_max(self) -> float:
        doublings = min(self._failed - 1, 30)
        return min(self._retries.first_pause_seconds * 2.0**doublings, self._retries.pause_seconds_max)


NO_RETRIES = Retries(tries_max=1)


def send(request: Request, retries: Retries) -> Flow[Response]:
    """The good answer to a request, or the error of its last try. A body that is a file is read again each time."""
    budget = retries.begin()
    again = _find_rewind(request.content)
    while True:
        try:
            answer: Response = yield request
            if not 200 <= answer.status < 300:
                raise read_error(answer.status, answer.headers, answer.body)
            return answer
        except DaftariError as error:
            pause = budget.seconds_before_next(error) if again else None
            if again is None or pause is None:
                raise
        yield Pause(pause)
        again()


def _find_rewind(content: bytes | BinaryIO | None) -> Callable[[], object] | None:
    """What makes a body ready to be sent again; ``None`` when it cannot be, as that of a pipe."""
    if content is None or isinstance(content, bytes):
        return lambda: None
    if not content.seekable():
        return None
    file, start = content, content.tell()
    return lambda: file.seek(start)
