"""What triggers do with events, said of plain lists: which events are one, what is due, and what stops it.

This module must not know the code that it judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
JOINED = "joined"


@dataclass(frozen=True)
class Happened:
    """An event: ``given_at`` is ``None`` where no time came with it. A join has its group's id as its key."""

    mobile: int
    name: str
    key: str
    at: int
    given_at: int | None
    received_at: int
    place: int
    is_contact: bool


@dataclass
class Plan:
    """A trigger as it was asked for. ``again``: 0 for always, ``None`` for once."""

    id: int
    name: str
    wait: int
    late: int
    again: int | None
    unless: tuple[tuple[str, str | int], ...]
    text: str
    state: str = "on"

    def is_on(self, event: Happened) -> bool:
        """Whether the event fires it. A trigger on a group's joins is named by the group's id."""
        return self.name == (f"{JOINED} {event.key}" if event.name == JOINED else event.name)


@dataclass
class History:
    """Everything that was reported of numbers, in order."""

    events: list[Happened] = field(default_factory=list)
    reported: int = 0

    def report(
        self, mobile: int, name: str, key: str, given_at: int | None, now: int, *, is_contact: bool
    ) -> tuple[bool, Happened | None]:
        """Whether an event is new; and it, where it is the latest of its number, name and key."""
        mine = [event for event in self.events if (event.mobile, event.name, event.key) == (mobile, name, key)]
        for event in mine:
            if given_at is not None and event.given_at == given_at:
                return False, None
            if given_at is None and key and event.given_at is None and event.received_at > now - DAY:
                return False, None
        self.reported += 1
        at = now if given_at is None else min(given_at, now)
        new = Happened(mobile, name, key, at, given_at, now, self.reported, is_contact)
        self.events.append(new)
        return True, new if all(event.at <= at for event in mine) else None

    def latest(self, mobile: int, plan: Plan, key: str) -> Happened | None:
        """The event that a message is about."""
        mine = [event for event in self.events if event.mobile == mobile and event.key == key and plan.is_on(event)]
        return max(mine, key=lambda event: (event.at, event.given_at or 0, event.place), default=None)

    def has_stopped(self, name: str, about: Happened) -> bool:
        """Whether an event happened that stops the message about another one."""
        key = "" if about.name == JOINED else about.key
        since = about.at - 5 * MINUTE
        return any(
            event.key == key if event.key and key else event.at >= since or event.received_at >= since
            for event in self.events
            if event.mobile == about.mobile and event.name == name
        )
