"""What is known of every number, in plain lists: facts as they came, and what the contract's rule makes of them.

Nothing is stored derived; every question goes through the facts again. This module must not know contacts or groups,
nor the code that it judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from daftari.model.consent import ANY, Fact, NewFact, Scope
from daftari.model.projects import StopScope
from tests.oracles import consent as rule

KEPT_KINDS = ("opt_out", "opt_in", "left_group", "retraction")
"""Facts that outlive an erasure."""


def stop_scope(setting: StopScope, *, channel: str = ANY, sender: str = ANY) -> Scope:
    """What a plain STOP is about that came this way."""
    scopes: dict[StopScope, Scope] = {
        "everything": Scope(),
        "channel": Scope(channel),
        "sender": Scope(channel, sender),
        "marketing": Scope(purpose="marketing"),
    }
    return scopes[setting]


@dataclass
class Ledger:
    """Facts by number, in the order of recording; those that were kept under a hash are no less known."""

    facts: dict[int, list[Fact]] = field(default_factory=dict)
    hashed: set[int] = field(default_factory=set)
    """Facts of an erased number that moved to its hash."""
    next_id: int = 1

    def history(self, mobile: int) -> list[Fact]:
        """Everything that was recorded, what was taken back too."""
        return self.facts.get(mobile, [])

    def of(self, mobile: int, *, at: int | None = None, known_at: int | None = None) -> list[Fact]:
        """The facts that count: that had happened at a time, as they were known at another."""
        return without_retracted(rule.known(self.history(mobile), at=at, known_at=known_at))

    def record(self, given: NewFact, now: int) -> str:
        """``recorded``; ``unchanged`` when it was said before; ``refused`` when a bulk opt-in meets a person's word."""
        fact = Fact(
            id=self.next_id,
            kind=given.kind,
            scope=given.scope,
            at=given.at,
            recorded_at=now,
            source=given.source,
            keyword=given.keyword,
            group_id=given.group_id,
            override=given.override,
            retracts=given.retracts,
            message_digest=given.message_id,
        )
        known = self.facts.setdefault(given.mobile, [])
        if any(is_repeated(fact, other) for other in known):
            return "unchanged"
        self.next_id += 1
        known.append(fact)
        return "refused" if is_refused(fact, without_retracted(known)) else "recorded"

    def is_suppressed(self, mobile: int) -> bool:
        return bool(self.of(mobile)) and rule.is_suppressed(self.of(mobile))

    def has_left(self, mobile: int, group_id: int, name: str) -> bool:
        """Whether the person left this group, or one that had its name; ``name`` is folded."""
        return any(group_id == left_id or name == left for left_id, left in rule.left_groups(self.of(mobile)))

    def is_still_billed(self, mobile: int) -> bool:
        """Whether a paid service is active while some premium message is blocked."""
        facts = self.of(mobile)
        if not rule.subscriptions(facts):
            return False
        cells = rule.blocked_cells(facts, rule.named_senders(facts))
        return any(cell.channel == "premium_sms" for cell in cells)

    def forget(self, mobile: int, now: int) -> int:
        """Erase a number: consents stay, the rest goes, an opt-out of everything comes. How many facts there were."""
        held = [fact for fact in self.history(mobile) if fact.id not in self.hashed]
        kept = [fact for fact in self.history(mobile) if fact.kind in KEPT_KINDS]
        erasure = Fact(self.next_id, "opt_out", Scope(), now, now, "erasure")
        self.next_id += 1
        self.facts[mobile] = [*kept, erasure]
        self.hashed |= {fact.id for fact in self.facts[mobile]}
        return len(held)


def without_retracted(facts: list[Fact]) -> list[Fact]:
    """What was said, and was not taken back as if it never had been."""
    retracted = {fact.retracts for fact in facts}
    return [fact for fact in facts if fact.kind != "retraction" and fact.id not in retracted]


def is_repeated(fact: Fact, other: Fact) -> bool:
    """Whether both say the same, in the same message; where none is named, at the same time."""
    return (
        (fact.kind, fact.scope.channel, fact.scope.purpose) == (other.kind, other.scope.channel, other.scope.purpose)
        and rule.folded(fact.scope.sender) == rule.folded(other.scope.sender)
        and (fact.keyword, fact.group_id) == (other.keyword, other.group_id)
        and (fact.source, fact.override, fact.retracts) == (other.source, other.override, other.retracts)
        and fact.message_digest == other.message_digest
        and (fact.message_digest is not None or fact.at == other.at)
    )


def is_refused(opt_in: Fact, facts: list[Fact]) -> bool:
    """Whether some place that a bulk opt-in is about stays blocked by a person's own opt-out."""
    if opt_in.kind != "opt_in" or opt_in.source not in rule.BULK or opt_in.override:
        return False
    theirs = [fact for fact in facts if fact.kind == "opt_in" or fact.source in rule.OWN_OPT_OUT]
    cells = rule.blocked_cells(theirs, rule.named_senders(facts))
    return any(rule.covers_cell(opt_in.scope, cell) for cell in cells)
