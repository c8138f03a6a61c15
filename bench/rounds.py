"""Comparing on a noisy machine: sides take turns in every round, and the median of the rounds' ratios counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")


class Line(Struct, frozen=True, kw_only=True):
    """One goal: what it is about, what it asks, what was measured, and whether that meets it (``None``: no goal)."""

    what: str
    goal: str
    measured: str
    met: bool | None


def interleave(sides: Mapping[str, Callable[[], T]], *, rounds: int) -> dict[str, list[T]]:
    """Each side once a round, in an order that turns around every round, after one uncounted turn each."""
    for side in sides.values():
        side()
    found: dict[str, list[T]] = {name: [] for name in sides}
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        for name in names:
            found[name].append(sides[name]())
    return found


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Ours over theirs, round by round, and the median of that."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def at_least(what: str, ratio: float, goal: float, *, of: str, rates: str) -> Line:
    """A goal that a ratio reaches from below."""
    return Line(what=what, goal=f"≥ {goal:g} × {of}", measured=f"{ratio:.2f} × ({rates})", met=ratio >= goal)


def at_most(what: str, ratio: float, goal: float, *, of: str, rates: str) -> Line:
    """A goal that a ratio stays below."""
    return Line(what=what, goal=f"≤ {goal:g} × {of}", measured=f"{ratio:.2f} × ({rates})", met=ratio <= goal)


def remark(what: str, measured: str) -> Line:
    """Something measured that no goal is about."""
    return Line(what=what, goal="", measured=measured, met=None)


def shown_rate(rate: float) -> str:
    """A rate in three figures or so."""
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.1f}/s"
