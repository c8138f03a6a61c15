"""Sending hours where clocks are changed: in every zone, around every change, and over midnight."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from msgspec.structs import replace

from daftari.model.messages import SenderDefinition
from daftari.model.projects import NO_PROJECT
from daftari.rules.senders.hours import Hours

YEAR = 2026
WEEK = timedelta(7)
MINUTE = timedelta(minutes=1)
STEP = timedelta(minutes=30)
"""How far apart the moments are at which is asked."""
AROUND = timedelta(hours=20)
WINDOWS = {"08:00-18:00": (8, 18), "22:00-06:00": (22, 6), "00:00-12:00": (0, 12)}
PROJECT = replace(NO_PROJECT, region="DE")


@cache
def find_changes() -> dict[tuple[object, ...], tuple[str, datetime]]:
    """A zone for each kind of change in the year, and the minute of it: most zones change as others do."""
    found: dict[tuple[object, ...], tuple[str, datetime]] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        week = datetime(YEAR, 1, 1, tzinfo=UTC)
        for _ in range(52):
            before, after = (moment.astimezone(zone).utcoffset() for moment in (week, week + WEEK))
            if before != after:
                at = _bisect(week, zone)
                local = at.astimezone(zone)
                found.setdefault((before, after, local.time(), local.weekday()), (name, at))
            week += WEEK
    return found


def _bisect(week: datetime, zone: ZoneInfo) -> datetime:
    opened, closed, before = week, week + WEEK, week.astimezone(zone).utcoffset()
    while closed - opened > MINUTE:
        middle = opened + (closed - opened) // 2
        opened, closed = (middle, closed) if middle.astimezone(zone).utcoffset() == before else (opened, middle)
    return closed.replace(second=0, microsecond=0)


def is_open(at: datetime, zone: ZoneInfo, hours: tuple[int, int]) -> bool:
    """By the clock on the wall."""
    first, last = time(hours[0]), time(hours[1])
    local = at.astimezone(zone).time()
    return first <= local < last if first < last else not last <= local < first


def moments(at: datetime) -> Iterator[datetime]:
    moment = at - AROUND
    while moment <= at + AROUND:
        yield moment
        moment += STEP


def hours_at(moment: datetime, written: str, zone: str) -> Hours:
    definition = SenderDefinition(gateway="log", hours=f"{written} {zone}")
    return Hours(PROJECT, definition, now=micro(moment))


def micro(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000


def test_every_kind_of_change_of_a_clock_is_looked_at() -> None:
    assert len(find_changes()) > 20


@pytest.mark.parametrize("written", WINDOWS)
def test_around_every_change_of_a_clock_messages_go_out_in_the_hours_and_in_no_other(written: str) -> None:
    for name, change in find_changes().values():
        zone = ZoneInfo(name)
        for moment in moments(change):
            now = micro(moment)
            opens = hours_at(moment, written, name).opens_at("transactional")
            assert (opens == now) is is_open(moment, zone, WINDOWS[written]), (name, moment)
            opening = datetime.fromtimestamp(opens / 1_000_000, UTC)
            assert is_open(opening, zone, WINDOWS[written]), (name, moment)
            # Nothing that could have gone out earlier waits: on the way there, all is closed.
            between = moment
            while between < opening - STEP:
                assert not is_open(between, zone, WINDOWS[written]), (name, moment, between)
                between += STEP


@pytest.mark.parametrize("written", WINDOWS)
def test_what_a_provider_gets_is_delivered_before_the_hours_end_on_the_day_of_a_change_too(written: str) -> None:
    for name, change in find_changes().values():
        zone = ZoneInfo(name)
        for moment in moments(change):
            if not is_open(moment, zone, WINDOWS[written]):
                continue
            end = hours_at(moment, written, name).find_end("transactional")
            assert end is not None, (name, moment)
            closing = datetime.fromtimestamp(end / 1_000_000, UTC)
            assert moment <= closing <= moment + timedelta(hours=15), (name, moment)
            assert not is_open(closing + MINUTE, zone, WINDOWS[written]), (name, moment, closing)
            between = moment
            while between < closing - STEP:
                assert is_open(between, zone, WINDOWS[written]), (name, moment, between)
                between += STEP
