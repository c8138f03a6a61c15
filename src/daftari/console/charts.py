"""The shapes of charts, which templates write as SVG, with their words and the table behind each. Knows no page.

A chart is ``WIDTH`` × ``HEIGHT`` units and is stretched to its place: words stand around it, never within.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

WIDTH, HEIGHT = 600, 144
STEPS = (1, 2, 5)
"""A step between two lines of a chart is one of these, ten times one of them, and so on."""
BAR_SHARE = 2 / 3
"""How much of a day's width its bar has."""
GAP = 1
"""Between the parts of a bar."""


class Bar(Struct, frozen=True):
    """A part of a bar, with its colour."""

    colour: str
    x: float
    y: float
    width: float
    height: float


class Line(Struct, frozen=True):
    """A line and the area below it, with the numbers at its top, in its middle and at its foot."""

    levels: tuple[int, int, int]
    points: str
    area: str


class Bars(Struct, frozen=True):
    """Bars that are made of parts, with the numbers at their top, in their middle and at their foot."""

    levels: tuple[int, int, int]
    bars: tuple[Bar, ...]


def draw_line(values: Sequence[int]) -> Line:
    """The line through values that are equally far apart; at least two."""
    low, step = _find_scale(min(values), max(values))
    gap, height = WIDTH / (len(values) - 1), HEIGHT / (2 * step)
    points = " ".join(
        f"{_short(place * gap)},{_short(HEIGHT - (value - low) * height)}" for place, value in enumerate(values)
    )
    return Line((low + 2 * step, low + step, low), points, f"M0 {HEIGHT}L{points.replace(' ', 'L')}L{WIDTH} {HEIGHT}z")


def draw_bars(days: Sequence[Mapping[str, int]], colours: Mapping[str, str]) -> Bars:
    """A bar for each day, its parts in the order of ``colours``, upwards."""
    _, step = _find_scale(0, max((sum(parts.values()) for parts in days), default=0))
    return Bars((2 * step, step, 0), tuple(_list_parts(days, colours, 2 * step)))


def _list_parts(days: Sequence[Mapping[str, int]], colours: Mapping[str, str], most: int) -> Iterator[Bar]:
    slot = WIDTH / len(days)
    for place, parts in enumerate(days):
        foot = float(HEIGHT)
        for name, colour in colours.items():
            height = parts.get(name, 0) * HEIGHT / most
            if height:
                x = place * slot + slot * (1 - BAR_SHARE) / 2
                # What there was of something is seen, however little it was.
                drawn = max(GAP, height - GAP)
                yield Bar(colour, _short(x), _short(foot - drawn), _short(slot * BAR_SHARE), _short(drawn))
                foot -= height


def _find_scale(least: int, most: int) -> tuple[int, int]:
    """Where a chart begins, and the step, of which two reach the most. It begins at 0 unless all is far above that."""
    begins_at_zero = least < 0.75 * most or least == most
    for step in _steps():
        low = 0 if begins_at_zero else least // step * step
        if low + 2 * step >= most:
            return low, step
    raise AssertionError("steps have no end")


def _steps() -> Iterator[int]:
    size = 1
    while True:
        yield from (size * step for step in STEPS)
        size *= 10


def _short(number: float) -> float:
    return round(number, 1)
