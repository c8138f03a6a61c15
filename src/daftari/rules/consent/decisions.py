"""Decides whether a number may be messaged, and which facts say why. Pure functions; no SQL, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.consent import ANY, Fact, Scope
from daftari.rules.consent.state import (
    ALL,
    CONSENT_KINDS,
    OTHERS,
    TEAM_SOURCES,
    Mask,
    State,
    derive_state,
    fold_keyword,
    fold_sender,
    holds_against,
    is_bulk,
    is_own,
    latest_of_each,
    mask_of,
    masks_of,
    meets,
    without_retracted,
)


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


def judge_sender(state: State, question: Question, *, names: Sequence[str], require_opt_in: bool) -> str:
    """As ``judge_state``, under each name of a sender: one no is a no, and a paid service may be of any of them."""
    code = "no_opt_out"
    asked = [replace(question, sender=name) for name in names]
    for each in asked:
        code = judge_state(state, replace(each, keyword=""), require_opt_in=require_opt_in)
        if code not in ALLOWING:
            return code
    is_service = question.channel == "premium_sms" and bool(question.keyword)
    if is_service and not any(find_services(state, each) for each in asked):
        return "not_subscribed"
    return code


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
    opt_ins = [fact for fact in latest_of_each(facts) if fact.kind == "opt_in"]
    named = {fold_sender(fact.scope.sender) for fact in facts if fact.kind in CONSENT_KINDS} - {OTHERS}
    mask = ALL if question is None else mask_of(question.channel, question.purpose)
    asks_all = question is None or question.sender == ANY
    senders = {OTHERS, *named} if question is None or asks_all else {fold_sender(question.sender)}
    standing = [
        fact
        for fact in facts
        if fact.kind == "opt_out" and any(masks_of(sender, [fact], opt_ins)[0] & mask for sender in senders)
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
    """Whether an opt-in, which may be one of many, leaves an opt-out in force that it should have lifted.

    One that the team wrote down is also refused where a person's own opt-out is wider or later.
    """
    if is_own(opt_in) and not is_bulk(opt_in):
        return False
    scope = opt_in.scope
    standing = _standing_opt_outs(
        [*without_retracted(facts), opt_in], Question(scope.channel, scope.sender, scope.purpose)
    )
    return any(
        holds_against(fact, opt_in) or (is_own(fact) and opt_in.source in TEAM_SOURCES and not is_bulk(opt_in))
        for fact in standing
    )
