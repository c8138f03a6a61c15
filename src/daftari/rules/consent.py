"""The rule of consent: from the facts about a number to what it may be sent. The contract's section 5, and no more.

A cell is one channel, one sender and one purpose. It is blocked while some opt-out covers it that no later opt-in
lifts. Later means later in event time; on a tie the opt-out wins. Everything here is a plain function of facts, so
that late, repeated and reordered ones lead to the same state. This room must not know a transaction, nor where facts
come from or go to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import msgspec
from msgspec import Struct

from daftari.model import ANY, CHANNELS, PURPOSES, Fact, FactKind, Scope, Source

OWN_SOURCES: frozenset[Source] = frozenset({"inbound", "provider", "form", "delete", "erasure"})
"""Where a fact is the person's own word, which nothing that is done in bulk may lift."""
BULK_SOURCES: frozenset[Source] = frozenset({"import", "bulk"})

CONSENT_KINDS: frozenset[FactKind] = frozenset({"opt_out", "opt_in"})
OTHERS = ANY
"""In a state: every sender that is not named."""
ALL = (1 << len(CHANNELS) * len(PURPOSES)) - 1
"""The mask of every channel and purpose."""

Mask = int
"""A bit for each channel and purpose, the channels in their order and the purposes within."""


class State(Struct, frozen=True, omit_defaults=True):
    """What follows from a number's facts: by folded sender, what is blocked and what was opted in to."""

    cells: dict[str, tuple[Mask, Mask]] = {}
    left: tuple[tuple[int, str], ...] = ()
    """Groups that the person left by their own word: id and folded name."""
    subscribed: tuple[tuple[str, str], ...] = ()
    """Paid services that are active: folded sender and keyword."""

    @property
    def is_suppressed(self) -> bool:
        """Blocked for every channel, any sender and any purpose."""
        return bool(self.cells) and all(blocked == ALL for blocked, _ in self.cells.values())

    def has_left(self, group_id: int, folded: str) -> bool:
        """Whether the person left this group, or one that had its name."""
        return any(group_id == known_id or folded == name for known_id, name in self.left)


NOTHING_KNOWN = State()


class Question(Struct, frozen=True):
    """What is to be sent: an absent sender or purpose asks for all of them."""

    channel: str
    """``ANY`` asks for all of them too."""
    sender: str = ANY
    purpose: str = ANY
    keyword: str = ""


class Verdict(Struct, frozen=True):
    """The answer to a question about one number, and the facts that it rests on."""

    allowed: bool
    code: str
    facts: tuple[Fact, ...] = ()
    still_billed: bool = False


_encode_state = msgspec.json.Encoder(order="sorted").encode
_decode_state = msgspec.json.Decoder(State).decode


# ---- scopes -----------------------------------------------------------------------------------------


def fold_sender(sender: str) -> str:
    """What spellings of a sender have in common: numeric ones are their digits, others in any case and spacing."""
    text = sender.strip()
    digits = "".join(character for character in text if character.isdigit())
    if digits and all(character.isdigit() or character in "+-() " for character in text):
        return digits
    return " ".join(text.casefold().split())


def fold_keyword(keyword: str) -> str:
    """What spellings of a premium keyword have in common."""
    return " ".join(keyword.casefold().split())


def mask_of(channel: str, purpose: str) -> Mask:
    """The bits of a channel and a purpose, each of which may be ``ANY``."""
    return _MASKS[channel, purpose]


def _mask(channel: str, purpose: str) -> Mask:
    bits = 0
    for place, (one, other) in enumerate(product(CHANNELS, PURPOSES)):
        bits |= (channel in (ANY, one) and purpose in (ANY, other)) << place
    return bits


_MASKS = {(c, p): _mask(c, p) for c in (*CHANNELS, ANY) for p in (*PURPOSES, ANY)}


def _covers(wide: Scope, narrow: Scope) -> bool:
    """Whether each part of a scope is any or equals the other's."""
    return (
        wide.channel in (ANY, narrow.channel)
        and wide.purpose in (ANY, narrow.purpose)
        and (wide.sender == ANY or (narrow.sender != ANY and fold_sender(wide.sender) == fold_sender(narrow.sender)))
    )


def meets(one: Scope, other: Scope) -> bool:
    """Whether two scopes have a cell in common."""
    return (
        bool(mask_of(one.channel, one.purpose) & mask_of(other.channel, other.purpose))
        and (ANY in (one.sender, other.sender) or fold_sender(one.sender) == fold_sender(other.sender))
    )  # fmt: skip


def is_own(fact: Fact) -> bool:
    """Whether a fact is the person's own word."""
    return fact.source in OWN_SOURCES


def _counts(opt_in: Fact, opt_out: Fact) -> bool:
    """Whether an opt-in lifts an opt-out in what both are about."""
    if opt_in.at <= opt_out.at:
        return False
    if is_own(opt_out) and opt_in.source in BULK_SOURCES and not opt_in.override:
        return False
    return is_own(opt_in) or _covers(opt_in.scope, opt_out.scope)


# ---- the state --------------------------------------------------------------------------------------


def derive_state(facts: Sequence[Fact]) -> State:
    """What follows from everything that is known about a number, in whatever order it came."""
    if len(facts) == 1 and facts[0].kind == "opt_out" and facts[0].scope.sender == ANY:
        # By far the most numbers of which anything is known opted out once.
        return _ONE_OPT_OUT[facts[0].scope]
    latest = _latest_of_each(without_retracted(facts))
    opt_outs = [fact for fact in latest if fact.kind == "opt_out"]
    opt_ins = [fact for fact in latest if fact.kind == "opt_in"]
    named = {fold_sender(fact.scope.sender) for fact in (*opt_outs, *opt_ins) if fact.scope.sender != ANY}
    cells: dict[str, tuple[Mask, Mask]] = {}
    if opt_outs or opt_ins:
        cells[OTHERS] = _masks(OTHERS, opt_outs, opt_ins)
    for sender in sorted(named):
        masks = _masks(sender, opt_outs, opt_ins)
        if masks != cells[OTHERS]:
            cells[sender] = masks
    left = {
        (fact.group_id or 0, fact.keyword)
        for fact in latest
        if fact.kind == "left_group"
        if not any(_counts(opt_in, fact) and meets(opt_in.scope, fact.scope) for opt_in in opt_ins)
    }
    return State(cells=cells, left=tuple(sorted(left)), subscribed=_subscribed(latest))


_ONE_OPT_OUT = {
    Scope(channel, ANY, purpose): State(cells={OTHERS: (mask, 0)}) for (channel, purpose), mask in _MASKS.items()
}


def without_retracted(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that nobody took back, and no retractions."""
    retracted = {fact.retracts for fact in facts if fact.kind == "retraction"}
    return [fact for fact in facts if fact.id not in retracted and fact.kind != "retraction"]


def _latest_of_each(facts: Iterable[Fact]) -> list[Fact]:
    """The latest of those that differ in time alone: an earlier one changes nothing beside it."""
    latest: dict[tuple[object, ...], Fact] = {}
    for fact in facts:
        bulk = fact.source in BULK_SOURCES and not fact.override
        sender = fold_sender(fact.scope.sender)
        same = (
            fact.kind, fact.scope.channel, sender, fact.scope.purpose, fact.keyword, fact.group_id, is_own(fact), bulk,
        )  # fmt: skip
        known = latest.get(same)
        if known is None or known.at < fact.at:
            latest[same] = fact
    return list(latest.values())


def _masks(sender: str, opt_outs: Sequence[Fact], opt_ins: Sequence[Fact]) -> tuple[Mask, Mask]:
    """What is blocked for a sender, and what was opted in to."""
    blocked = 0
    for opt_out in opt_outs:
        if not _is_about(opt_out, sender):
            continue
        mask = mask_of(opt_out.scope.channel, opt_out.scope.purpose)
        for opt_in in opt_ins:
            if _is_about(opt_in, sender) and _counts(opt_in, opt_out):
                mask &= ~mask_of(opt_in.scope.channel, opt_in.scope.purpose)
        blocked |= mask
    opted_in = 0
    for opt_in in opt_ins:
        if _is_about(opt_in, sender):
            opted_in |= mask_of(opt_in.scope.channel, opt_in.scope.purpose)
    return blocked, opted_in


def _is_about(fact: Fact, sender: str) -> bool:
    """Whether a fact's scope holds a sender; of the others, only what is about any sender."""
    return fact.scope.sender == ANY or (sender != OTHERS and fold_sender(fact.scope.sender) == sender)


def _subscribed(facts: Iterable[Fact]) -> tuple[tuple[str, str], ...]:
    """The paid services whose latest word is that they began; on a tie they ended."""
    last: dict[tuple[str, str], tuple[int, bool]] = {}
    for fact in facts:
        if fact.kind in ("activated", "deactivated"):
            service = (fold_sender(fact.scope.sender), fact.keyword)
            word = (fact.at, fact.kind == "deactivated")
            last[service] = max(last.get(service, word), word)
    return tuple(sorted(service for service, (_, ended) in last.items() if not ended))


def encode_state(state: State) -> str:
    """A state as it is kept; equal states have equal texts."""
    return _encode_state(state).decode()


def decode_state(text: str) -> State:
    """A state that was kept."""
    return _decode_state(text)


# ---- decisions --------------------------------------------------------------------------------------


def is_blocked(state: State, question: Question) -> bool:
    """Whether any cell that the question meets is blocked."""
    mask = mask_of(question.channel, question.purpose)
    return any(blocked & mask for blocked, _ in _met(state, question))


def is_opted_in(state: State, question: Question) -> bool:
    """Whether every cell that the question meets was opted in to."""
    mask = mask_of(question.channel, question.purpose)
    met = _met(state, question)
    return bool(met) and all(opted_in & mask == mask for _, opted_in in met)


def _met(state: State, question: Question) -> list[tuple[Mask, Mask]]:
    """What is blocked and opted in to for the senders that a question asks about."""
    if question.sender == ANY:
        return list(state.cells.values())
    masks = state.cells.get(fold_sender(question.sender), state.cells.get(OTHERS))
    return [] if masks is None else [masks]


def judge_state(state: State, question: Question, *, require_opt_in: bool) -> str:
    """The reason's code alone, from the state as it is now."""
    if is_blocked(state, question):
        return "opted_out"
    if require_opt_in and not is_opted_in(state, question):
        return "no_opt_in"
    if question.channel == "premium_sms" and question.keyword and not find_services(state, question):
        return "not_subscribed"
    return "opted_in" if is_opted_in(state, question) else "no_opt_out"


ALLOWING = frozenset({"no_opt_out", "opted_in"})
"""The reasons for which a number may be messaged."""


def judge(facts: Sequence[Fact], question: Question, *, require_opt_in: bool) -> Verdict:
    """The answer with the facts that it rests on."""
    facts = without_retracted(facts)
    state = derive_state(facts)
    code = judge_state(state, question, require_opt_in=require_opt_in)
    billed = find_services(state, question) if question.channel == "premium_sms" else ()
    still_billed = code == "opted_out" and bool(billed)
    resting_on: tuple[Fact, ...] = ()
    if code == "opted_out":
        resting_on = tuple(_standing_opt_outs(facts, question))
    elif code == "opted_in":
        resting_on = tuple(_opt_ins_met(facts, question))[-1:]
    if still_billed:
        resting_on += tuple(_activations(facts, billed))
    return Verdict(allowed=code in ALLOWING, code=code, facts=resting_on, still_billed=still_billed)


def find_services(state: State, question: Question) -> tuple[tuple[str, str], ...]:
    """The active paid services of the sender and keyword that a question names; all of them where it names none."""
    sender, keyword = fold_sender(question.sender), fold_keyword(question.keyword)
    return tuple(
        service
        for service in state.subscribed
        if question.sender in (ANY, "") or service[0] == sender
        if not keyword or service[1] == keyword
    )


def in_force(facts: Sequence[Fact]) -> list[Fact]:
    """The opt-outs of which something still holds."""
    return _standing_opt_outs(without_retracted(facts), None)


def _standing_opt_outs(facts: Sequence[Fact], question: Question | None) -> list[Fact]:
    """The opt-outs that block some cell of a question, or any cell at all, in order of time."""
    opt_ins = [fact for fact in _latest_of_each(facts) if fact.kind == "opt_in"]
    named = {fold_sender(fact.scope.sender) for fact in facts if fact.kind in CONSENT_KINDS} - {OTHERS}
    mask = ALL if question is None else mask_of(question.channel, question.purpose)
    asks_all = question is None or question.sender == ANY
    senders = {OTHERS, *named} if question is None or asks_all else {fold_sender(question.sender)}
    standing = [
        fact
        for fact in facts
        if fact.kind == "opt_out" and any(_masks(sender, [fact], opt_ins)[0] & mask for sender in senders)
    ]
    return sorted(standing, key=lambda fact: (fact.at, fact.id))


def _opt_ins_met(facts: Sequence[Fact], question: Question) -> list[Fact]:
    asked = Scope(question.channel, question.sender, question.purpose)
    met = [fact for fact in facts if fact.kind == "opt_in" and meets(fact.scope, asked)]
    return sorted(met, key=lambda fact: (fact.at, fact.id))


def _activations(facts: Sequence[Fact], services: Iterable[tuple[str, str]]) -> list[Fact]:
    """The last activation of each service."""
    last: dict[tuple[str, str], Fact] = {}
    for fact in sorted(facts, key=lambda fact: (fact.at, fact.id)):
        if fact.kind == "activated":
            last[fold_sender(fact.scope.sender), fact.keyword] = fact
    return [last[service] for service in services]


def is_refused(opt_in: Fact, facts: Sequence[Fact]) -> bool:
    """Whether an opt-in that was given in bulk meets a person's own opt-out that holds against it."""
    if opt_in.source not in BULK_SOURCES or opt_in.override:
        return False
    scope = opt_in.scope
    standing = _standing_opt_outs(
        [*without_retracted(facts), opt_in], Question(scope.channel, scope.sender, scope.purpose)
    )
    return any(is_own(fact) for fact in standing)
