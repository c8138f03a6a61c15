"""When a campaign was delivered, as bars of a chart that add up to everyone it was delivered to. No HTTP, no SQL.

A delivery belongs to the minute in which we learned of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from daftari.rules.access.zones import zone_of
from daftari.rules.messages.campaigns import MINUTE_MICROSECONDS
from daftari.store import Tx, campaigns

BARS_MIN, BARS_MAX = 12, 24
LATER_PERCENT = 5
"""At most so many of a hundred are left to ``later``: the reports of phones that were off."""
DAY_MINUTES = 1_440
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, DAY_MINUTES, 7 * DAY_MINUTES, 28 * DAY_MINUTES)
"""How many minutes a bar may be."""


class Bar(Struct, frozen=True):
    """To how many people it was delivered from a time on, in microseconds."""

    at: int
    people: int


class Deliveries(Struct, frozen=True):
    """Bars of ``minutes`` each, one behind the other, and how many came later than the last of them."""

    minutes: int
    bars: tuple[Bar, ...]
    later: int
    last_at: int
    """The minute of the last delivery."""

    @property
    def end_at(self) -> int:
        """Where the last bar ends."""
        return self.bars[-1].at + self.minutes * MINUTE_MICROSECONDS


def find_deliveries(tx: Tx, *, campaign_id: int) -> Deliveries | None:
    """The bars of a campaign, none of which is older than its first delivery; ``None`` when nothing was delivered."""
    found = campaigns.list_deliveries(tx, campaign_id=campaign_id)
    return draw_bars(found, zone=zone_of(tx.project)) if found else None


def draw_bars(found: list[tuple[int, int]], *, zone: str) -> Deliveries:
    """The shortest bars that leave few people to later. ``found``: minutes since 1970, in order, and people."""
    first = found[0][0]
    end, offset = _find_end(found), _offset(first, zone)
    starts = {step: (first + offset) // step * step - offset for step in STEPS}
    step = next((step for step, start in starts.items() if (end - start) // step < BARS_MAX), STEPS[-1])
    start = starts[step]
    counts = [0] * min(max((found[-1][0] - start) // step + 1, BARS_MIN), BARS_MAX)
    later = 0
    for minute, people in found:
        place = (minute - start) // step
        if place < len(counts):
            counts[place] += people
        else:
            later += people
    bars = [Bar((start + place * step) * MINUTE_MICROSECONDS, people) for place, people in enumerate(counts)]
    return Deliveries(step, tuple(bars), later, found[-1][0] * MINUTE_MICROSECONDS)


def _find_end(found: list[tuple[int, int]]) -> int:
    """The minute at which so many were delivered that the others may be left to later."""
    left = sum(people for _, people in found) * (100 - LATER_PERCENT)
    for minute, people in found:
        left -= 100 * people
        if left <= 0:
            return minute
    return found[-1][0]


def _offset(minute: int, zone: str) -> int:
    """How many minutes the clocks of a zone are ahead, so that bars begin with its hours and days."""
    ahead = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds()) // 60
