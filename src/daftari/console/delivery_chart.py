"""The chart of when a campaign was delivered, with the words around it. Knows no page."""

from __future__ import annotations

from msgspec import Struct

from daftari.console.charts import Bars, draw_bars
from daftari.console.languages import format_clock, format_day, format_moment
from daftari.console.languages import gettext as _
from daftari.rules.campaigns.deliveries import DAY_MINUTES, Deliveries
from daftari.rules.messages.campaigns import MINUTE_MICROSECONDS

HOUR_MINUTES = 60
COLOUR = "c2"


class Row(Struct, frozen=True):
    """A line of the table behind the chart."""

    label: str
    people: int


class Chart(Struct, frozen=True):
    """What a page shows. ``column``: what the labels of ``rows`` are; ``marks``: the times below the bars."""

    title: str
    column: str
    finding: str
    bars: Bars
    marks: tuple[str, ...]
    rows: tuple[Row, ...]


def draw(found: Deliveries) -> Chart:
    """The chart of some deliveries."""
    counts = [bar.people for bar in found.bars] + ([found.later] if found.later else [])
    labels = [_label(found, bar.at) for bar in found.bars]
    later = [_("later")] if found.later else []
    return Chart(
        title=_title(found.minutes),
        column=_("Day") if found.minutes >= DAY_MINUTES else _("Time"),
        finding=_finding(found),
        bars=draw_bars([{COLOUR: count} for count in counts], {COLOUR: COLOUR}),
        marks=tuple(_choose_marks(labels, later)),
        rows=tuple(Row(label, count) for label, count in zip([*labels, *later], counts, strict=True) if count),
    )


def _title(minutes: int) -> str:
    if minutes == 1:
        return _("Delivered, by minute")
    if minutes < HOUR_MINUTES:
        return _("Delivered, by %(count)s minutes", count=minutes)
    if minutes == HOUR_MINUTES:
        return _("Delivered, by hour")
    if minutes < DAY_MINUTES:
        return _("Delivered, by %(count)s hours", count=minutes // HOUR_MINUTES)
    if minutes == DAY_MINUTES:
        return _("Delivered, by day")
    return _("Delivered, by %(count)s days", count=minutes // DAY_MINUTES)


def _label(found: Deliveries, at: int) -> str:
    """A time of the chart: its hour, with the day where there are several."""
    if found.minutes >= DAY_MINUTES:
        return format_day(at)
    is_one_day = format_day(found.bars[0].at) == format_day(max(found.last_at, found.end_at - 1))
    return format_clock(at) if is_one_day else format_moment(at)


def _choose_marks(labels: list[str], later: list[str]) -> list[str]:
    """The first time, the one in the middle, and what is last."""
    return [labels[0], labels[len(labels) // 2], later[0] if later else labels[-1]]


def _finding(found: Deliveries) -> str:
    """What the chart shows, as a sentence."""
    first, last = _find_most(found)
    return _(
        "Most were delivered from %(begin)s to %(end)s; the last: %(last)s.",
        begin=_label(found, found.bars[first].at),
        end=_label(found, found.bars[last].at + found.minutes * MINUTE_MICROSECONDS),
        last=_label(found, found.last_at),
    )


def _find_most(found: Deliveries) -> tuple[int, int]:
    """The fewest bars in a row that have more than half of all, the first of these: its first and last place."""
    counts = [bar.people for bar in found.bars]
    half = (sum(counts) + found.later) / 2
    best = (0, len(counts) - 1)
    first, within = 0, 0
    for last, count in enumerate(counts):
        within += count
        while within - counts[first] > half:
            within -= counts[first]
            first += 1
        if within > half and last - first < best[1] - best[0]:
            best = (first, last)
    return best
