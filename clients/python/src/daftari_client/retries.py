"""Whether and when a failed call is sent again: exponential back-off with full jitter, within a number and a time.

No HTTP library, and no waiting.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from daftari_client.errors import DaftariError, read_error
from daftari_client.flows import Flow, Pause, Request, Response, RunBlocking, T


class Retries(Struct, frozen=True, kw_only=True):
    """How often, and for how long, a call is tried.

    ``tries_max`` includes the first try. No try starts after ``total_seconds_max``. The pause before a try is random,
    up to a limit that starts at ``first_pause_seconds``, doubles, and ends at ``pause_seconds_max``; the server's
    ``Retry-After`` is added to it. ``clock`` and ``chance`` are the sources of time and of numbers below 1.
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
    """The tries and the time that one call has left."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._failed = 0
        self._end = retries.clock() + retries.total_seconds_max

    def seconds_before_next(self, error: DaftariError) -> float | None:
        """How long to pause after this failure; ``None`` if there is no other try."""
        self._failed += 1
        left = self._end - self._retries.clock()
        asked = error.retry_after_seconds or 0.0
        if not error.retryable or self._failed >= self._retries.tries_max or asked >= left:
            return None
        doublings = min(self._failed - 1, 30)
        limit = min(self._retries.first_pause_seconds * 2.0**doublings, self._retries.pause_seconds_max)
        return min(asked + self._retries.chance() * limit, left)


NO_RETRIES = Retries(tries_max=1)


def retry(attempt: Callable[[], Flow[T]], retries: Retries) -> Flow[T]:
    """The result of the first attempt that succeeds. Raises the error of the last one."""
    budget = retries.begin()
    while True:
        try:
            return (yield from attempt())
        except DaftariError as error:
            pause = budget.seconds_before_next(error)
            if pause is None:
                raise
        yield Pause(pause)


def send(request: Request, retries: Retries) -> Flow[Response]:
    """The successful response to a request. A body that is a file is read again at each try, from where it was.

    Raises the error of the last try.
    """
    content = request.content
    if content is None or isinstance(content, bytes):
        return (yield from retry(partial(_try_once, request), retries))
    if not content.seekable():
        return (yield from _try_once(request))
    file, start = content, content.tell()

    def attempt() -> Flow[Response]:
        yield RunBlocking(lambda: file.seek(start))
        return (yield from _try_once(request))

    return (yield from retry(attempt, retries))


def _try_once(request: Request) -> Flow[Response]:
    response: Response = yield request
    if not 200 <= response.status < 300:
        raise read_error(response.status, response.headers, response.body)
    return response
