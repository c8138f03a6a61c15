"""What a sender sent lately: its speed in parts, its 24 hours, and how its provider answered. Pure; no SQL, no clock.

The speed is a token bucket that holds a second's parts. One worker at a time sends for a sender, so that one bucket is
exact for any number of processes.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daftari.model.messages import SenderDefinition

HOUR_MICROSECONDS = 3_600_000_000
HOURS = 24
RECENT_MAX = 200
"""Answers of the provider that are looked at."""
REFUSED_SHARE_MAX = 0.5
"""A sender of which more than this share of ``RECENT_MAX`` was refused pauses."""
STOPS_MAX = 3
"""So many answers in a row that nothing will be taken pause a sender."""
REFUSED, STOPPED, TAKEN = "r", "s", "t"


class Meter(Struct, omit_defaults=True):
    """``level``: parts that may go out at ``at``; below 0 after a long text.

    ``slow_until``: the provider asked to wait until then. ``resumed_at``: when a person resumed it.
    ``hours``: messages by hour since 1970. ``recent``: a letter an answer, the latest last.
    ``last_campaign``, ``last_due``: the campaign, and the other origin, that was claimed from last.
    ``epoch``: of the database in which it may send.
    """

    level: float = 0.0
    at: int = 0
    slow_until: int = 0
    resumed_at: int = 0
    hours: dict[int, int] = {}
    recent: str = ""
    last_campaign: int = 0
    last_due: int = -1
    epoch: str = ""

    def fill(self, definition: SenderDefinition, *, now: int) -> None:
        """Add the parts of the time that went by. A clock that was set back adds none."""
        speed = definition.parts_per_second
        gained = max(0, now - self.at) * speed / 1_000_000
        self.level = min(float(speed), self.level + gained)
        self.at = now

    def capacity(self, definition: SenderDefinition, *, now: int) -> int:
        """How many messages of one part may go out now."""
        if now < self.slow_until:
            return 0
        capacity = int(self.level)
        if definition.daily_max:
            capacity = min(capacity, definition.daily_max - self.sent_in_a_day(now=now))
        return max(0, capacity)

    def sent_in_a_day(self, *, now: int) -> int:
        """Messages of the last 24 hours, the hour in which they began included."""
        first = now // HOUR_MICROSECONDS - HOURS
        return sum(count for hour, count in self.hours.items() if hour >= first)

    def opens_at(self, definition: SenderDefinition, *, now: int) -> int:
        """When a message may go out at the earliest."""
        if now < self.slow_until:
            return self.slow_until
        if definition.daily_max and self.sent_in_a_day(now=now) >= definition.daily_max:
            first = now // HOUR_MICROSECONDS - HOURS
            return (min(hour for hour in self.hours if hour >= first) + HOURS + 1) * HOUR_MICROSECONDS
        missing = max(0.0, 1.0 - self.level)
        return now + int(missing * 1_000_000 / definition.parts_per_second) + 1

    def count(self, *, messages: int, parts: int, now: int) -> None:
        """Count what goes out."""
        self.level -= parts
        hour = now // HOUR_MICROSECONDS
        self.hours = {each: count for each, count in self.hours.items() if each >= hour - HOURS}
        if messages:
            self.hours[hour] = self.hours.get(hour, 0) + messages

    def note(self, answers: str) -> None:
        """Note how the provider answered, a letter a message."""
        self.recent = (self.recent + answers)[-RECENT_MAX:]

    def must_pause(self) -> bool:
        """Whether the provider takes nothing, or refuses most."""
        if self.recent.endswith(STOPPED * STOPS_MAX):
            return True
        return len(self.recent) == RECENT_MAX and self.recent.count(REFUSED) > RECENT_MAX * REFUSED_SHARE_MAX


read_meter = msgspec.json.Decoder(Meter).decode


def write_meter(meter: Meter) -> str:
    """A meter as it is stored."""
    return msgspec.json.encode(meter).decode()


def taken_over(stored: str, *, now: int) -> str:
    """The meter of a sender that another worker takes over: the bucket begins empty, the 24 hours continue."""
    meter = read_meter(stored)
    meter.level, meter.at = 0.0, now
    return write_meter(meter)
