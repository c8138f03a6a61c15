"""Derives the state of a number from its facts: the consent rule of ``docs/consent.md``, and no more.

A cell is one channel, one sender and one purpose. It is blocked while an opt-out covers it that no later opt-in lifts.
Later means later in event time; on a tie the opt-out wins. Everything here is a pure function of facts, so late,
repeated and reordered facts lead to the same state. No transaction, no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import msgspec
from msgspec import Struct

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact, FactKind, Scope, Source

OWN_SOURCES: frozenset[Source] = frozenset({"inbound", "provider", "form", "delete", "erasure"})
"""Where a fact is the person's own word."""
BULK_SOURCES: frozenset[Source] = frozenset({"import", "bulk", "sync"})
"""Where an opt-in is one of many."""
TEAM_SOURCES: frozenset[Source] = frozenset({"api", "console"})
"""Where an opt-in is what a user or a key writes down of one person's wish."""

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


def is_single(fact: Fact) -> bool:
    """Whether it is an opt-out that a key gave for one number alone."""
    return fact.single and fact.source == "api" and fact.kind == "opt_out"


def is_bulk(opt_in: Fact) -> bool:
    """Whether an opt-in is one of many. So is each one of a file, whatever the file says that it comes from."""
    return opt_in.source in BULK_SOURCES or opt_in.from_file


def holds_against(opt_out: Fact, opt_in: Fact) -> bool:
    """Whether an opt-out is of a kind that an opt-in of this kind does not lift, whatever their times and scopes.

    Against one of many holds what a person said, and what the team wrote down of one person. Against one that the team
    wrote down holds what the person said. ``override`` says that there is evidence enough.
    """
    if opt_in.override:
        return False
    if is_bulk(opt_in):
        # A file that brings both shows how one followed the other.
        of_one_file = opt_in.from_file and opt_out.from_file and opt_in.receipt == opt_out.receipt
        of_one_person = opt_out.source == "console" or is_single(opt_out)
        return (is_own(opt_out) or of_one_person) and not (of_one_file and opt_in.source not in BULK_SOURCES)
    return opt_in.source in TEAM_SOURCES and is_own(opt_out)


def _counts(opt_in: Fact, opt_out: Fact) -> bool:
    """Whether an opt-in lifts an opt-out in what both are about."""
    if opt_in.at <= opt_out.at or holds_against(opt_out, opt_in):
        return False
    return is_own(opt_in) or _covers(opt_in.scope, opt_out.scope)


# ---- the state --------------------------------------------------------------------------------------


def derive_state(facts: Sequence[Fact]) -> State:
    """What follows from everything that is known about a number, in whatever order it came."""
    if len(facts) == 1 and facts[0].kind == "opt_out" and facts[0].scope.sender == ANY:
        # By far the most numbers of which anything is known opted out once.
        return _ONE_OPT_OUT[facts[0].scope]
    latest = latest_of_each(without_retracted(facts))
    opt_outs = [fact for fact in latest if fact.kind == "opt_out"]
    opt_ins = [fact for fact in latest if fact.kind == "opt_in"]
    named = {fold_sender(fact.scope.sender) for fact in (*opt_outs, *opt_ins) if fact.scope.sender != ANY}
    cells: dict[str, tuple[Mask, Mask]] = {}
    if opt_outs or opt_ins:
        cells[OTHERS] = masks_of(OTHERS, opt_outs, opt_ins)
    for sender in sorted(named):
        masks = masks_of(sender, opt_outs, opt_ins)
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
    """The facts that were not retracted, without the retractions."""
    retracted = {fact.retracts for fact in facts if fact.kind == "retraction"}
    return [fact for fact in facts if fact.id not in retracted and fact.kind != "retraction"]


def latest_of_each(facts: Iterable[Fact]) -> list[Fact]:
    """The latest of those that differ in time alone: an earlier one changes nothing."""
    latest: dict[tuple[object, ...], Fact] = {}
    for fact in facts:
        sender = fold_sender(fact.scope.sender)
        same = (
            fact.kind, fact.scope.channel, sender, fact.scope.purpose, fact.keyword, fact.group_id,
            fact.source, fact.override, fact.single, fact.receipt if fact.from_file else None,
        )  # fmt: skip
        known = latest.get(same)
        if known is None or known.at < fact.at:
            latest[same] = fact
    return list(latest.values())


def masks_of(sender: str, opt_outs: Sequence[Fact], opt_ins: Sequence[Fact]) -> tuple[Mask, Mask]:
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
