"""Calls that wait for a change: how they are held, what they share, and what ends the wait."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from daftari.errors import StoreBusy
from daftari.web import long_polling
from daftari.web.long_polling import LongPolls
from daftari.web.responses import LongPoll, Response


class Number:
    """A number that is looked at."""

    def __init__(self) -> None:
        self.value = 0
        self.looks = 0
        self.is_away = False

    def look(self) -> int:
        self.looks += 1
        if self.is_away:
            raise StoreBusy
        return self.value

    def poll(self, *, subject: str = "", until: float = math.inf) -> LongPoll:
        return LongPoll(subject, self.value, until, self.look, lambda is_last: Response(200, b""))


async def at_once(work: Callable[[], Any]) -> Any:
    return work()


async def until(is_so: Callable[[], object]) -> None:
    while not is_so():
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_polling, "POLL_SECONDS", 0)


def run(act: Callable[[LongPolls, Number], Awaitable[None]], *, most: int = 100) -> None:
    async def main() -> None:
        await act(LongPolls(at_once, most=most), Number())

    asyncio.run(main())


def test_a_call_waits_until_the_number_rises() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        waiting = asyncio.create_task(polls.wait(number.poll()))
        await until(lambda: number.looks > 3)
        assert not waiting.done()
        number.value = 1
        assert await waiting is False

    run(act)


def test_a_call_whose_time_is_over_must_be_answered() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        assert await polls.wait(number.poll(until=time.monotonic() + 0.01)) is True
        assert await polls.wait(number.poll(until=time.monotonic())) is True

    run(act)


def test_calls_that_wait_for_the_same_share_one_look() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        other = Number()
        waiting = [asyncio.create_task(polls.wait(number.poll())) for _ in range(50)]
        apart = asyncio.create_task(polls.wait(other.poll(subject="other")))
        await until(lambda: number.looks > 3 and other.looks > 3)
        assert abs(number.looks - other.looks) <= 1
        number.value = 1
        assert await asyncio.gather(*waiting) == [False] * 50
        assert not apart.done()
        apart.cancel()

    run(act)


def test_nothing_is_looked_at_when_no_call_waits() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        waiting = asyncio.create_task(polls.wait(number.poll()))
        await until(lambda: number.looks)
        number.value = 1
        await waiting
        looks = number.looks
        for _ in range(10):
            await asyncio.sleep(0)
        assert number.looks == looks

    run(act)


def test_a_store_that_is_away_is_looked_at_again() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        number.is_away = True
        waiting = asyncio.create_task(polls.wait(number.poll()))
        await until(lambda: number.looks > 3)
        number.value, number.is_away = 1, False
        assert await waiting is False

    run(act)


def test_a_stop_ends_every_wait_and_begins_none() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        waiting = [asyncio.create_task(polls.wait(number.poll(subject=subject))) for subject in "aab"]
        await until(lambda: number.looks)
        polls.stop()
        assert await asyncio.gather(*waiting) == [True] * 3
        assert await polls.wait(number.poll()) is True

    run(act)


def test_only_so_many_calls_wait() -> None:
    async def act(polls: LongPolls, number: Number) -> None:
        waiting = [asyncio.create_task(polls.wait(number.poll())) for _ in range(2)]
        await until(lambda: number.looks)
        with pytest.raises(StoreBusy):
            await polls.wait(number.poll())
        number.value = 1
        await asyncio.gather(*waiting)
        number.value = 2
        third = asyncio.create_task(polls.wait(number.poll()))
        await until(lambda: number.looks)
        polls.stop()
        assert await third is True

    run(act, most=2)
