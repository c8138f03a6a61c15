"""The first page of a project: what waits for someone, and figures; or how to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

from daftari.console import home_words
from daftari.console.charts import Bars, Line, draw_bars, draw_line
from daftari.console.home_words import ALL_CHANNELS
from daftari.console.page import Page
from daftari.model.consent import CHANNELS
from daftari.rules.daily import EPOCH
from daftari.rules.home.figures import ByKey, Figures, get_figures
from daftari.rules.home.waiting import Waiting, list_waiting
from daftari.web.responses import Response

DAYS = 14
"""Days of the charts of what happened by day."""
DAYS_BY_DAY = 62
"""Longer charts of contacts have a value a month."""
COLOURS = dict(zip((*CHANNELS, ALL_CHANNELS), ("c1", "c2", "c3", "c4"), strict=True))


class Growth(Struct, frozen=True):
    """How many contacts there were at the end of days, or of months, with the chart."""

    ends: Sequence[tuple[date, int]]
    by_month: bool
    chart: Line | None
    """``None`` where there is one day only."""


class Daily(Struct, frozen=True):
    """How much there was of something on each day by channel, with the chart, which may begin before the first day."""

    days: Sequence[tuple[date, ByKey]]
    drawn: Sequence[date]
    channels: Mapping[str, str]
    """Those that there are, with their colours."""
    chart: Bars

    @property
    def totals(self) -> list[tuple[int, date]]:
        """How much there was on each day."""
        return [(sum(parts.values()), day) for day, parts in self.days]


class Shown(Struct, frozen=True):
    """A line of what waits: what to do about it, or who can."""

    tone: str
    line: home_words.Line
    url: str
    who: str


def show(page: Page) -> Response:
    """``GET /p/{project}``."""
    figures = page.read(get_figures)
    waiting = page.read(list_waiting, to_review=page.overview.to_review)
    # The first day is still ahead where days were counted from tomorrow on, or in a zone further east.
    since = min(figures.counted.since, figures.today) if figures.counted else figures.today
    return page.show(
        "home.html",
        waiting=[_show(page, one) for one in waiting],
        figures=figures,
        today=_date(figures.today),
        since=_date(since),
        counted_at=figures.counted.at if figures.counted else 0,
        growth=_growth(figures) if figures.counted else None,
        opt_outs=_daily(figures.opt_outs, figures.today, since),
        sent=_daily(figures.sent, figures.today, min(since, *figures.sent) if figures.sent else since),
        sent_in_month=sum(sum(parts.values()) for parts in figures.sent.values()),
        opt_outs_in_month=sum(sum(parts.values()) for parts in figures.opt_outs.values()),
        yesterday=_date(figures.today - 1),
    )


def _show(page: Page, one: Waiting) -> Shown:
    line = home_words.line(one)
    if not page.may(one.act):
        return Shown(one.tone, line, "", home_words.who(one.act))
    return Shown(one.tone, line, page.link(line.path) if page.leads_to(line.section) else "", "")


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _growth(figures: Figures) -> Growth:
    ends = [(_date(day), contacts) for day, contacts in figures.ends]
    by_month = len(ends) > DAYS_BY_DAY
    if by_month:
        following = [*(day for day, _ in ends[1:]), None]
        ends = [end for end, after in zip(ends, following, strict=True) if after is None or after.day == 1]
    return Growth(ends, by_month, draw_line([contacts for _, contacts in ends]) if len(ends) > 1 else None)


def _daily(counts: Mapping[int, ByKey], today: int, since: int) -> Daily:
    days = range(today - DAYS + 1, today + 1)
    shown = [(_date(day), counts.get(day, {})) for day in days if day >= since]
    found = {channel: colour for channel, colour in COLOURS.items() if any(channel in parts for _, parts in shown)}
    drawn = draw_bars([counts.get(day, {}) if day >= since else {} for day in days], found)
    return Daily(shown, [*map(_date, days)], found, drawn)
