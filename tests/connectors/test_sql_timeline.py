"""The column with the times of rows: bounds of a window, on wall clocks that are set back, in texts and numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors.sql.timeline import EPOCH, SECOND, Timeline, UnknownTime, timeline_of

ZONES = ("Africa/Nairobi", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
YEAR = 366 * 24 * 3600 * SECOND
BASE = 1_790_000_000 * SECOND
moments = st.integers(BASE, BASE + YEAR)


def stored(at: int, timeline: Timeline) -> object:
    """What a row of a moment has in the column."""
    moment = EPOCH + timedelta(microseconds=at)
    if timeline.kind == "aware":
        return moment
    wall = moment.astimezone(timeline.zone).replace(tzinfo=None)
    if timeline.kind == "number":
        return at // timeline.unit
    return wall.isoformat(timeline.divider, "seconds") if timeline.kind == "text" else wall


@given(st.sampled_from(ZONES), st.sampled_from(["naive", "aware"]), st.lists(moments, min_size=3, max_size=3))
def test_a_row_between_two_moments_is_between_their_bounds(zone: str, kind: str, drawn: list[int]) -> None:
    since, at, until = sorted(drawn)
    timeline = timeline_of("updated_at", kind, None, zone=ZoneInfo(zone))
    assert timeline.lower(since) <= stored(at, timeline)
    if at < until:
        assert stored(at, timeline) < timeline.upper(until)


@pytest.mark.parametrize("zone", ZONES)
def test_no_row_is_passed_over_in_any_minute_of_the_night_when_clocks_are_set_back(zone: str) -> None:
    timeline = Timeline("naive", ZoneInfo(zone))
    for day in (
        datetime(2026, 10, 25, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2027, 4, 3, tzinfo=UTC),
    ):
        begin = int(day.timestamp()) * SECOND
        for minute in range(0, 24 * 60, 7):
            since = begin + minute * 60 * SECOND
            for later in range(0, 180, 13):
                at = since + later * 60 * SECOND
                assert timeline.lower(since) <= stored(at, timeline) < timeline.upper(at + 1)


@pytest.mark.parametrize(
    ("sample", "bound"),
    [
        ("2026-11-27 13:02:00", "2026-11-27 10:00:00.000000"),
        ("2026-11-27T13:02:00.5", "2026-11-27T10:00:00.000000"),
        ("2026-11-27T13:02:00Z", "2026-11-27T07:00:00.000000"),
        ("2026-11-27 13:02:00+02:00", "2026-11-27 09:00:00.000000"),
        (1_795_762_800, 1_795_762_800),
        (1_795_762_800_123, 1_795_762_800_000),
        (Decimal("1795762800123456"), 1_795_762_800_000_000),
    ],
)
def test_times_are_asked_for_as_the_column_writes_them(sample: object, bound: object) -> None:
    timeline = timeline_of("updated_at", "anything", sample, zone=ZoneInfo("Africa/Nairobi"))
    assert timeline.lower(1_795_762_800 * SECOND) == bound


@pytest.mark.parametrize(
    ("kind", "sample", "says"),
    [
        ("date", datetime(2026, 1, 1, tzinfo=UTC).date(), "a column with a time of day"),
        ("anything", "27/11/2026", 'holds "27/11/2026", which is no time; write 2026-11-27 13:02:00'),
        ("integer", 17, "holds 17, which is no time in seconds"),
        ("boolean", True, "which is no time"),
    ],
)
def test_a_column_without_times_is_refused(kind: str, sample: object, says: str) -> None:
    with pytest.raises(UnknownTime, match=says):
        timeline_of("updated_at", kind, sample, zone=ZoneInfo("UTC"))
