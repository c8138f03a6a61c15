"""Writes that arrive together: each is written once, those that wait together, and a failure is everyone's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from daftari.web.batches import Batches
from tests.support.waiting import wait_for


def test_what_arrives_alone_is_written_alone() -> None:
    batches: Batches[int] = Batches()
    written: list[list[int]] = []
    for number in range(3):
        batches.write("a", number, lambda items: written.append([*items]))
    assert written == [[0], [1], [2]]


def test_what_arrives_while_another_is_written_is_written_together_and_once() -> None:
    batches: Batches[int] = Batches()
    written: list[list[int]] = []
    begun, may_end = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        begun.set()
        assert may_end.wait(10)
        written.append([*items])

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batches.write, "a", 0, write)
        assert begun.wait(10)
        others = [pool.submit(batches.write, "a", number, write) for number in range(1, 9)]
        wait_for(lambda: batches.count_waiting("a") == 8)
        assert not any(one.done() for one in (first, *others))
        may_end.set()
        for one in (first, *others):
            one.result(10)
    assert [sorted(some) for some in written] == [[0], [*range(1, 9)]]


def test_other_keys_do_not_wait() -> None:
    batches: Batches[int] = Batches()
    written: list[int] = []
    batches.write("a", 1, lambda _: batches.write("b", 2, written.extend))
    assert written == [2]


def test_a_failure_is_that_of_each_that_was_written_together_and_of_no_later_one() -> None:
    batches: Batches[int] = Batches()

    def fail(items: Sequence[int]) -> None:
        raise LookupError("away")

    with pytest.raises(LookupError):
        batches.write("a", 1, fail)
    written: list[int] = []
    batches.write("a", 2, written.extend)
    assert written == [2]


def test_no_one_takes_what_failed_unexpectedly_for_written() -> None:
    batches: Batches[int] = Batches()
    begun, may_end = threading.Event(), threading.Event()

    def fail(items: Sequence[int]) -> None:
        begun.set()
        assert may_end.wait(10)
        raise LookupError("a mistake")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(batches.write, "a", 0, fail)
        assert begun.wait(10)
        others = [pool.submit(batches.write, "a", number, fail) for number in (1, 2)]
        wait_for(lambda: batches.count_waiting("a") == 2)
        may_end.set()
        for one in (first, *others):
            assert isinstance(one.exception(10), LookupError | RuntimeError)


def test_many_threads_write_each_item_once() -> None:
    batches: Batches[int] = Batches()
    written: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(batches.write, number % 3, number, written.extend) for number in range(600)]:
            one.result(10)
    assert sorted(written) == [*range(600)]
