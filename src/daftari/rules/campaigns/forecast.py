"""When a campaign would be at its end: by its sender's speed, hours and daily quota. Pure; no SQL, no clock."""

from __future__ import annotations

from daftari.model.messages import MessagePurpose, SenderDefinition
from daftari.rules.senders.hours import Hours
from daftari.rules.senders.meter import HOUR_MICROSECONDS, HOURS, Meter

FORECAST_HOURS_MAX = 366 * 24


def find_end(
    meter: Meter,
    definition: SenderDefinition,
    hours: Hours,
    *,
    purpose: MessagePurpose,
    begins_at: int,
    messages: int,
    parts: int,
) -> int | None:
    """When the last of so many messages goes out, if nothing else is sent meanwhile; ``None`` if not within a year.

    How often WhatsApp takes a message to one person plays no part: a campaign sends each person one.
    """
    if not messages:
        return begins_at
    sent = dict(meter.hours)
    per_message = parts / messages
    at, last = max(begins_at, meter.slow_until), begins_at + FORECAST_HOURS_MAX * HOUR_MICROSECONDS
    left = float(messages)
    while at < last:
        at = hours.opens_after(at, purpose)
        hour = at // HOUR_MICROSECONDS
        ends_at = hours.closes_before(at, (hour + 1) * HOUR_MICROSECONDS, purpose)
        by_speed = (ends_at - at) / 1_000_000 * definition.parts_per_second / per_message
        goes = min(left, by_speed)
        if definition.daily_max:
            goes = max(0.0, min(goes, definition.daily_max - _sent_in_a_day(sent, hour)))
        if goes >= left:
            return at + round(left * per_message / definition.parts_per_second * 1_000_000)
        left -= goes
        sent[hour] = sent.get(hour, 0) + round(goes)
        at = max(ends_at, at + 1)
    return None


def _sent_in_a_day(sent: dict[int, int], hour: int) -> int:
    return sum(sent.get(each, 0) for each in range(hour - HOURS, hour + 1))
