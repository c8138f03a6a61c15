"""Calls that wait for a change: held on the event loop, without a thread, until it comes or their time is over.

All that wait for the same thing share one look at it every ``POLL_SECONDS``. What is looked at belongs to the handlers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable

from msgspec import Struct

from daftari.errors import DaftariError, StoreBusy
from daftari.web.responses import LongPoll
from daftari.web.streaming import InPool

POLL_SECONDS = 0.25
"""How often there is a look at what calls wait for."""


class _Subject(Struct):
    """What calls wait for: the task that looks at it, and the number that each call has seen."""

    task: asyncio.Task[None]
    seen: dict[asyncio.Future[None], int]


class LongPolls:
    """The calls of one server process that wait. All methods are for the event loop's thread."""

    def __init__(self, in_pool: InPool, *, most: int) -> None:
        self._in_pool = in_pool
        self._most = most
        self._count = 0
        self._subjects: dict[Hashable, _Subject] = {}
        self._is_stopping = False

    async def wait(self, poll: LongPoll) -> bool:
        """Wait until the number has risen or the time is over. Returns whether the call must be answered now.

        Raises ``StoreBusy`` when too many calls wait.
        """
        if self._is_over(poll):
            return True
        if self._count >= self._most:
            raise StoreBusy("Too many calls wait for changes; try again.")
        risen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        subject = self._subjects.get(poll.subject)
        if subject is None:
            seen: dict[asyncio.Future[None], int] = {}
            subject = _Subject(asyncio.create_task(self._watch(poll.look, seen)), seen)
            self._subjects[poll.subject] = subject
        subject.seen[risen] = poll.seen
        self._count += 1
        try:
            await asyncio.wait({risen}, timeout=poll.until - time.monotonic())
        finally:
            self._count -= 1
            del subject.seen[risen]
            if not subject.seen:
                del self._subjects[poll.subject]
                subject.task.cancel()
        return self._is_over(poll)

    def _is_over(self, poll: LongPoll) -> bool:
        return self._is_stopping or time.monotonic() >= poll.until

    def stop(self) -> None:
        """Let every call that waits be answered now, and no other one wait."""
        self._is_stopping = True
        for subject in self._subjects.values():
            _end(subject.seen)

    async def _watch(self, look: Callable[[], int], seen: dict[asyncio.Future[None], int]) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                number = await self._in_pool(look)
            except DaftariError:
                # Busy or away: the calls are answered when their time is over.
                continue
            _end([risen for risen, known in seen.items() if number > known])


def _end(waiting: list[asyncio.Future[None]] | dict[asyncio.Future[None], int]) -> None:
    for risen in waiting:
        if not risen.done():
            risen.set_result(None)
