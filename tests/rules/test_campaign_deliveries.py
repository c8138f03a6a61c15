"""When a campaign was delivered: bars that leave no one out, whatever the times are."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from daftari.rules.campaigns.deliveries import BARS_MAX, BARS_MIN, DAY_MINUTES, LATER_PERCENT, Deliveries, draw_bars

START = 29_000_000
"""A minute since 1970."""


@given(
    st.dictionaries(st.integers(0, 100_000), st.integers(1, 100_000), min_size=1, max_size=60),
    st.sampled_from(["UTC", "Africa/Nairobi", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_bars_and_later_add_up_to_everyone_and_are_few(after: dict[int, int], zone: str) -> None:
    found = sorted((START + minute, people) for minute, people in after.items())
    drawn, everyone = draw_bars(found, zone=zone), sum(after.values())
    assert sum(bar.people for bar in drawn.bars) + drawn.later == everyone
    assert BARS_MIN <= len(drawn.bars) <= BARS_MAX
    assert drawn.later * 100 <= everyone * LATER_PERCENT
    assert drawn.last_at == found[-1][0] * 60_000_000
    assert drawn.bars[0].at <= found[0][0] * 60_000_000 < drawn.bars[0].at + drawn.minutes * 60_000_000


def test_a_quick_campaign_is_shown_by_minute_and_late_phones_come_later() -> None:
    drawn = draw_bars([(START, 40), (START + 2, 57), (START + 900, 3)], zone="UTC")
    assert (drawn.minutes, [bar.people for bar in drawn.bars], drawn.later) == (1, [40, 0, 57, *[0] * 21], 3)


def test_bars_of_a_day_begin_at_midnight_where_the_project_is() -> None:
    drawn = draw_bars([(START + day * DAY_MINUTES, 1) for day in range(20)], zone="Asia/Kathmandu")
    assert drawn.minutes == DAY_MINUTES
    assert first_moment(drawn, "Asia/Kathmandu") == "00:00"


def first_moment(drawn: Deliveries, zone: str) -> str:
    return f"{datetime.fromtimestamp(drawn.bars[0].at / 1_000_000, UTC).astimezone(ZoneInfo(zone)):%H:%M}"
