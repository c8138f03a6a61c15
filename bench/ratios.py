"""Comparing on a noisy machine: sides take turns in every round, and the median of the rounds' ratios counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")

HOLDS_MIN = 0.97
EXPLAINED_MIN = 0.95


class Line(Struct, frozen=True, kw_only=True):
    """A line of the table: the work, its goal, what was measured, and whether the goal is met (``None``: no goal)."""

    what: str
    goal: str
    measured: str
    met: bool | None


def interleave(sides: Mapping[str, Callable[[], T]], *, rounds: int, warm_up: bool = True) -> dict[str, list[T]]:
    """Run each side once a round, in an order that is reversed every round; a warm-up is a turn that is not counted.

    Returns one list a side, with an item a round.
    """
    if warm_up:
        for side in sides.values():
            side()
    found: dict[str, list[T]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            found[name].append(sides[name]())
    return found


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, round by round."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return median(ratios(ours, theirs))


def judge(ratio: float) -> str:
    """``holds`` from 0.97 on; ``explain`` from 0.95 on, when the cause must be written down; else ``fails``."""
    return "holds" if ratio >= HOLDS_MIN else "explain" if ratio >= EXPLAINED_MIN else "fails"


def at_least(what: str, ratio: float, goal: float, *, of: str, rates: str) -> Line:
    """A ratio that should be ``goal`` or more."""
    return Line(what=what, goal=f"≥ {goal:g} × {of}", measured=f"{ratio:.2f} × ({rates})", met=ratio >= goal)


def at_most(what: str, ratio: float, goal: float, *, of: str, rates: str) -> Line:
    """A ratio that should be ``goal`` or less."""
    return Line(what=what, goal=f"≤ {goal:g} × {of}", measured=f"{ratio:.2f} × ({rates})", met=ratio <= goal)


def remark(what: str, measured: str) -> Line:
    """Something measured that has no goal."""
    return Line(what=what, goal="", measured=measured, met=None)


def show_rate(rate: float) -> str:
    """A rate in about three figures."""
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.1f}/s"
