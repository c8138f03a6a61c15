"""Who may be sent a message now, and why others may not: said of the plain book, one number at a time.

This module must not know the code that it judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from daftari.rules.consent.decisions import Question
from tests.oracles.book import Refused
from tests.oracles.facts import FactBook

HOUR = 3_600_000_000
KENYA_HOURS = 3
RANKS = {"waiting": 0, "sending": 1, "unknown": 2, "accepted": 3, "expired": 4, "failed": 5, "delivered": 6}
"""Within an attempt a state never falls, but for what was provably not taken."""
SETTLED = ("delivered", "failed", "expired", "skipped", "cancelled")
ENDS = ("unknown", "accepted", *SETTLED)
NEXT: dict[str, dict[str, set[str]]] = {
    "claim": {
        "waiting": {"waiting", "sending", "skipped", "expired", "cancelled"},
        "failed": {"waiting", "sending", "skipped", "expired"},
        "unknown": {"waiting", "sending", "skipped", "expired"},
    },
    "answer": {"sending": {"waiting", "unknown", "accepted", "delivered", "failed", "expired"}},
    "take over": {"sending": {"waiting", "unknown"}},
    "erase": {"waiting": {"skipped"}},
    "change": {"waiting": {"cancelled"}},
}
"""What each step may make of a message; a report may only raise its rank."""


@dataclass(frozen=True)
class Whom:
    """Whom a campaign is for: everyone, or the members of any or all of some groups; without those of others."""

    everyone: bool
    groups: tuple[str, ...]
    match: str
    without: tuple[str, ...]


@dataclass
class SendingBook(FactBook):
    """A book whose people are messaged by one sender."""

    names: list[str] = field(default_factory=list)
    """Under which people answer the sender."""

    def refusals(self, mobile: int, purpose: str) -> set[str]:
        """What consent says against a message: of any name of the sender."""
        answers = [self.judge(mobile, Question("sms", name, purpose)) for name in self.names]
        return {code for allowed, code in answers if not allowed}

    def find_ids(self, names: Iterable[str]) -> frozenset[int]:
        """The groups of these names. Raises ``Refused`` when there is none of a name."""
        return frozenset(self.named_group(name) for name in names)

    def reach(self, whom: Whom, purpose: str) -> tuple[set[int], int]:
        """The numbers that a campaign is for, and how many it leaves out."""
        try:
            wanted, unwanted = self.find_ids(whom.groups), self.find_ids(whom.without)
        except Refused as refused:
            raise Refused("VALIDATION_FAILED", ["groups"]) from refused
        mine = {number: self.groups_of(number) for number in self.contacts}
        meant = {
            number
            for number, groups in mine.items()
            if whom.everyone or (wanted <= groups if whom.match == "all" else wanted & groups)
        }
        kept = {int(self.contacts[number]["mobile"]) for number in meant if not unwanted & mine[number]}
        reached = {mobile for mobile in kept if not self.refusals(mobile, purpose)}
        return reached, len(meant) - len(reached)

    def groups_of(self, number: int) -> frozenset[int]:
        return frozenset(group for group, found in self.groups.items() if number in found.members and not found.deleted)

    def strays(self, mobile: int, wanted: frozenset[int], unwanted: frozenset[int], match: str) -> set[str]:
        """Why someone of the audience is no longer meant."""
        number = self.by_mobile(mobile)
        if number is None:
            return {"removed"}
        mine = self.groups_of(number)
        has_left = bool(wanted) and not (wanted <= mine if match == "all" else wanted & mine)
        return {"left_group"} if has_left or unwanted & mine else set()

    def lacks_name(self, mobile: int) -> bool:
        number = self.by_mobile(mobile)
        return number is None or not self.contacts[number].get("fname")


def is_closed(at: int, hours: str) -> bool:
    """Whether nothing is sent at a time; ``hours`` are off, or from 08:00 to 18:00 in Kenya."""
    return hours != "off" and not 8 <= (at // HOUR + KENYA_HOURS) % 24 < 18


@dataclass
class Bucket:
    """How many parts may go out: a second's worth at most, and none after a takeover."""

    speed: int
    at: int
    level: float = 0.0

    def take(self, parts: int, now: int) -> bool:
        """Whether so many may go out now. All of them are taken."""
        level = min(self.speed, self.level + max(0, now - self.at) * self.speed / 1_000_000)
        self.level, self.at = level - parts, now
        return parts <= level + 1e-6 or parts == 0
