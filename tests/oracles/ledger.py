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


@dataclass(frozen=True)
class Arrival:
    """When something came for the first time: the how manieth it was, and what the clock said.

    ``again``: it was kept since, in quarantine, for review or in a file, and is recorded now.
    """

    place: int
    clock: int
    again: bool = False
    in_file: bool = False


@dataclass
class Ledger:
    """Facts by number, in the order of recording; those that were kept under a hash are no less known."""

    facts: dict[int, list[Fact]] = field(default_factory=dict)
    hashed: set[int] = field(default_factory=set)
    """Facts of an erased number that moved to its hash."""
    next_id: int = 1
    arrivals: int = 0

    def history(self, mobile: int) -> list[Fact]:
        """Everything that was recorded, what was taken back too."""
        return self.facts.get(mobile, [])

    def of(self, mobile: int, *, now: int = 0, at: int | None = None, known_at: int | None = None) -> list[Fact]:
        """The facts that count."""
        return without_retracted(rule.known(self.history(mobile), now=now, at=at, known_at=known_at))

    def arrive(self, now: int) -> Arrival:
        """Something comes that never came before."""
        self.arrivals += 1
        return Arrival(self.arrivals, now)

    def record(self, given: NewFact, now: int, arrival: Arrival) -> str:
        """``recorded``; ``unchanged`` when it was said before; ``refused`` when an opt-in lifts less than it says."""
        known = self.facts.setdefault(given.mobile, [])
        if any(is_repeated(given, other, arrival) for other in known):
            return "unchanged"
        fact = Fact(
            id=self.next_id,
            kind=given.kind,
            scope=given.scope,
            at=counted_from(given, known, arrival),
            recorded_at=now,
            source=given.source,
            keyword=given.keyword,
            group_id=given.group_id,
            override=given.override,
            retracts=given.retracts,
            message_digest=given.message_id,
            given_at=given.at,
            receipt=arrival.place,
            single=given.single,
            from_file=arrival.in_file,
        )
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
        at = max([now, *(fact.at + 1 for fact in kept)])
        erasure = Fact(self.next_id, "opt_out", Scope(), at, now, "erasure", receipt=self.arrive(now).place)
        self.next_id += 1
        self.facts[mobile] = [*kept, erasure]
        self.hashed |= {fact.id for fact in self.facts[mobile]}
        return len(held)


def without_retracted(facts: list[Fact]) -> list[Fact]:
    """What was said, and was not taken back as if it never had been."""
    retracted = {fact.retracts for fact in facts}
    return [fact for fact in facts if fact.kind != "retraction" and fact.id not in retracted]


def counted_from(given: NewFact, known: list[Fact], arrival: Arrival) -> int:
    """When a fact counts from, as the page says it."""
    if given.kind == "retraction":
        assert given.at is not None
        return given.at
    is_no = given.kind in ("opt_out", "left_group", "deactivated")
    if given.at is None:
        earlier = known
        if arrival.again:
            earlier = [fact for fact in known if is_no and fact.receipt < arrival.place]
        at = max([arrival.clock, *(fact.at + 1 for fact in earlier)])
    else:
        at = min(given.at, arrival.clock)
    yes, noes = "opt_in", ("opt_out", "left_group")
    counting = [fact for fact in without_retracted(known) if rule.meet(fact.scope, given.scope)]
    if given.kind in ("activated", "deactivated"):
        yes, noes = "activated", ("deactivated",)
        counting = [fact for fact in counting if fact.keyword == given.keyword]
    if is_no and given.at is not None:
        own = at
        for other in counting:
            came_before = other.kind == yes and other.receipt < arrival.place
            if came_before and own >= min(other.at, arrival.clock) - rule.FIVE_MINUTES:
                at = max(at, other.at + 1)
    if given.kind == yes:
        claimed = at
        for no in counting:
            came_after = no.kind in noes and no.receipt > arrival.place
            said_at = claimed if no.given_at is None else no.given_at
            if came_after and said_at >= min(claimed, no.recorded_at) - rule.FIVE_MINUTES:
                at = min(at, no.at)
    return at


def is_repeated(given: NewFact, other: Fact, arrival: Arrival) -> bool:
    """Whether both say the same, in the same message; where none is named, at the same time or in the same call."""
    if not (
        (given.kind, given.scope.channel, given.scope.purpose) == (other.kind, other.scope.channel, other.scope.purpose)
        and rule.folded(given.scope.sender) == rule.folded(other.scope.sender)
        and (given.keyword, given.group_id) == (other.keyword, other.group_id)
        and (given.source, given.override, given.retracts) == (other.source, other.override, other.retracts)
    ):
        return False
    if given.message_id is not None:
        return given.message_id == other.message_digest
    if given.at is not None:
        return given.at == other.at or (given.at == other.given_at and other.message_digest is None)
    return other.message_digest is None and other.given_at is None and other.receipt == arrival.place


def is_refused(opt_in: Fact, facts: list[Fact]) -> bool:
    """Whether some place that the opt-in is about stays blocked by an opt-out that it had no right to lift.

    Of what the team writes down, also where it is too narrow for the person's own, or too early.
    """
    if opt_in.kind != "opt_in" or (opt_in.source in rule.OWN_OPT_IN and not opt_in.from_file):
        return False
    written_down = opt_in.source in rule.WRITTEN_DOWN and not opt_in.from_file
    theirs = [
        fact
        for fact in facts
        if fact.kind == "opt_in"
        or rule.is_proof_against(fact, opt_in)
        or (written_down and fact.source in rule.OWN_OPT_OUT)
    ]
    cells = rule.blocked_cells(theirs, rule.named_senders(facts))
    return any(rule.covers_cell(opt_in.scope, cell) for cell in cells)
