"""When a sender sends: in its own hours, and marketing in the project's too. No SQL, no clock."""

from __future__ import annotations

from daftari.model.messages import MessagePurpose, SenderDefinition
from daftari.model.projects import Project
from daftari.rules.consent.quiet_hours import is_quiet, opens_at
from daftari.rules.senders.meter import HOUR_MICROSECONDS, HOURS

MINUTE_MICROSECONDS = 60_000_000
WEEK_MICROSECONDS = 7 * 24 * HOUR_MICROSECONDS


class Hours:
    """The hours in which messages of each purpose may be sent."""

    def __init__(self, project: Project, definition: SenderDefinition, *, now: int) -> None:
        self._now, self._region = now, project.region
        self._own, self._marketing = definition.hours, project.consent.quiet_hours
        self._found: dict[MessagePurpose, int] = {}

    def opens_at(self, purpose: MessagePurpose) -> int:
        """When a message may be sent at the earliest: now, or later."""
        if purpose not in self._found:
            self._found[purpose] = self.opens_after(self._now, purpose)
        return self._found[purpose]

    def opens_after(self, at: int, purpose: MessagePurpose) -> int:
        """When a message may be sent at the earliest from a time on."""
        opening = opens_at(at, hours=self._own, region=self._region)
        # Two kinds of hours may never be open together; a week shows it.
        while purpose == "marketing" and opening < at + WEEK_MICROSECONDS:
            both = opens_at(opening, hours=self._marketing, region=self._region)
            opening = opens_at(both, hours=self._own, region=self._region)
            if opening == both:
                break
        return opening

    def find_end(self, purpose: MessagePurpose) -> int | None:
        """When the hours that are open now end; ``None`` where they do not within a day."""
        at = self._now
        for _ in range(HOURS):
            until = at + HOUR_MICROSECONDS
            closes_at = self.closes_before(at, until, purpose)
            if closes_at < until:
                return closes_at
            at = until
        return None

    def closes_before(self, at: int, until: int, purpose: MessagePurpose) -> int:
        """The minute at which hours that are open at a time end, if before ``until``; otherwise ``until``."""
        if not self._is_closed(until, purpose):
            return until
        opened, closed = at, until
        while closed - opened > MINUTE_MICROSECONDS:
            middle = (opened + closed) // 2
            opened, closed = (opened, middle) if self._is_closed(middle, purpose) else (middle, closed)
        return closed // MINUTE_MICROSECONDS * MINUTE_MICROSECONDS

    def _is_closed(self, at: int, purpose: MessagePurpose) -> bool:
        if is_quiet(at, hours=self._own, region=self._region):
            return True
        return purpose == "marketing" and is_quiet(at, hours=self._marketing, region=self._region)
