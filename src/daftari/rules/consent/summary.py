"""Sums up what holds for a number: in a word, by channel and sender, and what is left out. No SQL, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact
from daftari.rules.consent.decisions import Question, judge
from daftari.rules.consent.state import ALL, NOTHING_KNOWN, OTHERS, Mask, State, derive_state, fold_sender, mask_of
from daftari.rules.consent.views import Cell, show_mask

Answer = Literal["yes", "part", "no"]
"""Whether a number may be messaged: by every way, by some, or by none."""
ANSWERS: tuple[Answer, ...] = ("yes", "part", "no")


class Judged(Struct, frozen=True):
    """Whether messages of one purpose are allowed, and the fact that says so, if one does."""

    allowed: bool
    fact: int | None


class Way(Struct, frozen=True):
    """A channel and a sender, or with ``sender`` ``None`` all that are not named; an answer for each purpose."""

    channel: str
    sender: str | None
    purposes: tuple[Judged, ...]
    has_named: bool = False
    """Whether something else holds for a sender of this channel, which has a row of its own."""


class Named(Struct, frozen=True):
    """Channels and purposes, ``None`` being any, of a sender, or of all that are not named."""

    cell: Cell
    sender: str | None


class Summary(Struct, frozen=True):
    """What holds for a number.

    ``only``: whether ``ways`` are the ones that are allowed; else those that are not. ``also`` and ``less``: what named
    senders may in addition, and what they may not.
    """

    answer: Answer
    suppressed: bool
    only: bool
    ways: list[Named]
    also: list[Named]
    less: list[Named]
    matrix: list[Way]


def sum_up(state: State, *, require_opt_in: bool) -> Answer:
    """Whether a number in this state may be messaged, in a word."""
    masks = [_allowed(*masks, require_opt_in=require_opt_in) for masks in state.cells.values()]
    masks = masks or [_allowed(0, 0, require_opt_in=require_opt_in)]
    if all(mask == ALL for mask in masks):
        return "yes"
    return "part" if any(masks) else "no"


def summarize(facts: Sequence[Fact], *, require_opt_in: bool) -> Summary:
    """All that holds, from everything that is known about a number."""
    state = derive_state(facts) if facts else NOTHING_KNOWN
    allowed = {sender: _allowed(*masks, require_opt_in=require_opt_in) for sender, masks in state.cells.items()}
    others = allowed.pop(OTHERS, _allowed(0, 0, require_opt_in=require_opt_in))
    written = {fold_sender(fact.scope.sender): fact.scope.sender for fact in facts}
    named = {written.get(sender, sender): mask for sender, mask in allowed.items() if mask != others}
    only = require_opt_in
    ways = _name(others if only else ALL & ~others, None)
    also = [way for sender, mask in named.items() for way in _name(mask & ~others, sender)]
    less = [way for sender, mask in named.items() for way in _name(others & ~mask, sender)]
    matrix = [way for channel in CHANNELS for way in _list_ways(facts, channel, others, named, only)]
    return Summary(sum_up(state, require_opt_in=only), state.is_suppressed, only, ways, also, less, matrix)


def _allowed(blocked: Mask, opted_in: Mask, *, require_opt_in: bool) -> Mask:
    return (opted_in if require_opt_in else ALL) & ~blocked


def _name(mask: Mask, sender: str | None) -> list[Named]:
    return [Named(cell, sender) for cell in show_mask(mask)]


def _list_ways(
    facts: Sequence[Fact], channel: str, others: Mask, named: dict[str, Mask], require_opt_in: bool
) -> list[Way]:
    """A row for each sender of a channel for whom something else holds, then one for all others."""
    of_channel = mask_of(channel, ANY)
    own = {sender: mask for sender, mask in named.items() if (mask ^ others) & of_channel}

    def judged(sender: str, mask: Mask) -> tuple[Judged, ...]:
        return tuple(
            Judged(
                bool(mask & mask_of(channel, purpose)),
                _deciding(facts, Question(channel, sender, purpose), require_opt_in),
            )
            for purpose in PURPOSES
        )

    rows = [Way(channel, sender, judged(sender, mask)) for sender, mask in own.items()]
    return [*rows, Way(channel, None, judged(ANY, others), has_named=bool(own))]


def _deciding(facts: Sequence[Fact], question: Question, require_opt_in: bool) -> int | None:
    """The last fact that an answer rests on; for senders that are not named, of those about any sender."""
    resting_on = judge(facts, question, require_opt_in=require_opt_in).facts
    if question.sender == ANY:
        resting_on = tuple(fact for fact in resting_on if fact.scope.sender == ANY)
    return resting_on[-1].id if resting_on else None
