"""The consent rule cell by cell: who may be messaged, as the contract describes it.

A cell is one channel, one sender and one purpose; every question is asked of every cell there is, and every cell of
every fact. Nothing is derived, kept or encoded, and it is never fast. This module must not know the code that it
judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact, Scope

OWN_OPT_OUT = ("inbound", "provider", "form", "delete", "erasure")
OWN_OPT_IN = ("inbound", "provider", "form")
BULK = ("import", "bulk")
WRITTEN_DOWN = ("api", "console")
FIVE_MINUTES = 300_000_000
UNNAMED = "a sender that no fact names"


@dataclass(frozen=True)
class Cell:
    """One place where a message may be: each part is one, never any."""

    channel: str
    sender: str
    purpose: str


# ---- senders and cells --------------------------------------------------------------------------------


def folded(sender: str) -> str:
    """A sender as it is compared: trimmed and caseless; one of digits and signs alone as its digits."""
    trimmed = " ".join(sender.split()).casefold()
    digits = "".join(character for character in trimmed if character in "0123456789")
    signs_only = all(character in "0123456789+-() " for character in trimmed)
    return digits if digits and signs_only else trimmed


def named_senders(facts: Iterable[Fact], asked: str | None = None) -> set[str]:
    """Every sender that a fact or the question names, as it is compared, and one that neither names."""
    named = {folded(fact.scope.sender) for fact in facts if fact.scope.sender != ANY}
    return named | {UNNAMED} | ({folded(asked)} if asked is not None else set())


def cells_of(senders: Iterable[str]) -> set[Cell]:
    """Every cell of these senders."""
    return {Cell(channel, sender, purpose) for channel in CHANNELS for sender in senders for purpose in PURPOSES}


# ---- covering -----------------------------------------------------------------------------------------


def covers_cell(scope: Scope, cell: Cell) -> bool:
    """Whether each part of the scope is any, or the cell's."""
    return (
        scope.channel in (ANY, cell.channel)
        and (scope.sender == ANY or folded(scope.sender) == cell.sender)
        and scope.purpose in (ANY, cell.purpose)
    )


def covers_scope(wide: Scope, narrow: Scope) -> bool:
    """Whether each part of the one scope is any, or the other's."""
    same_sender = narrow.sender != ANY and folded(wide.sender) == folded(narrow.sender)
    return (
        wide.channel in (ANY, narrow.channel)
        and (wide.sender == ANY or same_sender)
        and wide.purpose in (ANY, narrow.purpose)
    )


# ---- the rule -----------------------------------------------------------------------------------------


def lifts(opt_in: Fact, opt_out: Fact) -> bool:
    """Whether the opt-in counts against the opt-out, wherever the two of them meet."""
    later = opt_in.at > opt_out.at
    wide_enough = covers_scope(opt_in.scope, opt_out.scope) or opt_in.source in OWN_OPT_IN
    return later and wide_enough and not is_proof_against(opt_out, opt_in)


def is_in_bulk(opt_in: Fact) -> bool:
    """Whether this opt-in is one of many: of a list, or a row of a file."""
    return opt_in.source in BULK or opt_in.from_file


def is_proof_against(opt_out: Fact, opt_in: Fact) -> bool:
    """Whether this opt-out asks for more than such an opt-in has. ``override``: evidence that is enough."""
    if opt_in.override:
        return False
    if not is_in_bulk(opt_in):
        return opt_in.source in WRITTEN_DOWN and opt_out.source in OWN_OPT_OUT
    if opt_in.source not in BULK and opt_out.from_file and opt_out.receipt == opt_in.receipt:
        # One export has both, in the order in which its book had them.
        return False
    of_one_number = opt_out.source == "console" or (opt_out.source == "api" and opt_out.single)
    return opt_out.source in OWN_OPT_OUT or of_one_number


def blocked(facts: Iterable[Fact], cell: Cell) -> bool:
    """Whether some opt-out covers the cell and no opt-in that counts against it does."""
    facts = list(facts)
    opt_ins = [fact for fact in facts if fact.kind == "opt_in" and covers_cell(fact.scope, cell)]
    return any(
        covers_cell(fact.scope, cell) and not any(lifts(opt_in, fact) for opt_in in opt_ins)
        for fact in facts
        if fact.kind == "opt_out"
    )


def blocked_cells(facts: Iterable[Fact], senders: Iterable[str]) -> set[Cell]:
    """Those cells of these senders, written as they are compared, that are blocked."""
    facts = list(facts)
    return {cell for cell in cells_of(senders) if blocked(facts, cell)}


def is_suppressed(facts: Iterable[Fact]) -> bool:
    """Whether every cell there is is blocked."""
    facts = list(facts)
    every_cell = cells_of(named_senders(facts))
    return all(blocked(facts, cell) for cell in every_cell)


# ---- premium services and groups ----------------------------------------------------------------------


def subscriptions(facts: Iterable[Fact]) -> set[tuple[str, str]]:
    """The sender and keyword of every paid service that is active."""
    facts = list(facts)
    active = set()
    for fact in facts:
        if fact.kind == "activated":
            service = (folded(fact.scope.sender), fact.keyword.strip().casefold())
            ends = [
                other.at
                for other in facts
                if other.kind == "deactivated"
                and (folded(other.scope.sender), other.keyword.strip().casefold()) == service
            ]
            if all(fact.at > end for end in ends):
                active.add(service)
    return active


def left_groups(facts: Iterable[Fact]) -> set[tuple[int | None, str]]:
    """The id and folded name of every group that was left by the person's own word, and is still."""
    facts = list(facts)
    opt_ins = [fact for fact in facts if fact.kind == "opt_in"]
    return {
        (fact.group_id, fact.keyword)
        for fact in facts
        if fact.kind == "left_group"
        and not any(lifts(opt_in, fact) and meet(opt_in.scope, fact.scope) for opt_in in opt_ins)
    }


def meet(one: Scope, other: Scope) -> bool:
    """Whether any cell is covered by both."""
    senders = {folded(scope.sender) for scope in (one, other) if scope.sender != ANY} | {UNNAMED}
    return any(covers_cell(one, cell) and covers_cell(other, cell) for cell in cells_of(senders))


# ---- questions ----------------------------------------------------------------------------------------


def known(facts: Iterable[Fact], *, now: int = 0, at: int | None = None, known_at: int | None = None) -> list[Fact]:
    """The facts that count: all of them, but for a question about the past, or about what was known then."""
    if known_at is not None:
        facts = [fact for fact in facts if fact.recorded_at <= known_at]
    if at is not None and (known_at is not None or at < now - FIVE_MINUTES):
        facts = [fact for fact in facts if fact.at <= at]
    return list(facts)


def may_message(
    facts: Iterable[Fact],
    channel: str,
    *,
    sender: str | None,
    purpose: str | None,
    keyword: str | None,
    require_opt_in: bool,
) -> tuple[bool, str]:
    """Whether a message may be sent, and the reason's code. An absent sender or purpose asks for all of them."""
    facts = list(facts)
    met = [
        cell
        for cell in cells_of(named_senders(facts, sender))
        if cell.channel == channel
        and (sender is None or cell.sender == folded(sender))
        and (purpose is None or cell.purpose == purpose)
    ]
    opt_ins = [fact for fact in facts if fact.kind == "opt_in"]
    opted_in = all(any(covers_cell(fact.scope, cell) for fact in opt_ins) for cell in met)
    if any(blocked(facts, cell) for cell in met):
        return False, "opted_out"
    if require_opt_in and not opted_in:
        return False, "no_opt_in"
    if channel == "premium_sms" and keyword is not None and not _is_subscribed(facts, sender, keyword):
        return False, "not_subscribed"
    return True, "opted_in" if opted_in else "no_opt_out"


def _is_subscribed(facts: Iterable[Fact], sender: str | None, keyword: str) -> bool:
    """Whether the keyword is paid for: of that sender, or of any when none is named."""
    return any(
        service_keyword == keyword.strip().casefold() and (sender is None or service_sender == folded(sender))
        for service_sender, service_keyword in subscriptions(facts)
    )
