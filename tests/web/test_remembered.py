"""What was looked up is remembered for less than a second, and what failed is not."""

from __future__ import annotations

import pytest

from daftari.web.remembered import REMEMBERED_MAX, REMEMBERED_MICROSECONDS, Remembered


def test_what_was_found_is_looked_up_once_in_a_while() -> None:
    remembered: Remembered[int] = Remembered()
    looked: list[int] = []

    def look_up() -> int:
        looked.append(1)
        return len(looked)

    found = [remembered.find("a", look_up, now=now) for now in (5, 6, REMEMBERED_MICROSECONDS + 4)]
    assert found == [1, 1, 1]
    assert remembered.find("a", look_up, now=REMEMBERED_MICROSECONDS + 5) == 2
    assert remembered.find("b", look_up, now=REMEMBERED_MICROSECONDS + 5) == 3
    assert remembered.find("a", look_up, now=4) == 4


def test_a_failure_is_not_remembered() -> None:
    remembered: Remembered[int] = Remembered()

    def fail() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        remembered.find("a", fail, now=1)
    assert remembered.find("a", lambda: 7, now=1) == 7


def test_it_does_not_grow_without_end() -> None:
    remembered: Remembered[int] = Remembered()
    for number in range(3 * REMEMBERED_MAX):
        remembered.find(str(number), lambda: 1, now=1)
        assert len(remembered._known) <= REMEMBERED_MAX
