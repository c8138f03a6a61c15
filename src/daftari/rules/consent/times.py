"""When a fact counts from: the time that came with it, or the time and place of its receipt.

No clock is trusted to be the right one: servers' clocks differ and are set back, so what was received first is known by
the order of receipts. Pure functions; no SQL, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from daftari.model.consent import Fact, FactKind, FirstReceipt, NewFact
from daftari.model.limits import CLOCK_AHEAD_SECONDS_MAX
from daftari.rules.consent.state import meets, without_retracted

LIFTED_BY: dict[FactKind, FactKind] = {"opt_out": "opt_in", "left_group": "opt_in", "deactivated": "activated"}
"""What a person withdraws, and the later word that undoes it."""
SERVICE_KINDS: frozenset[FactKind] = frozenset({"activated", "deactivated"})
CLOCKS_DIFFER_MICROSECONDS = CLOCK_AHEAD_SECONDS_MAX * 1_000_000


def count_from(given: NewFact, *, known: Sequence[Fact], receipt: FirstReceipt, is_first: bool) -> int:
    """When a fact counts from. ``known``: all facts about its number. ``is_first``: it is received now, and never was.

    A time ahead of the receipt is the receipt's. Without a time a fact is later than all that was known when it was
    received, but for an opt-in that is replayed, redelivered or from a file: it has the time of its receipt. A paid
    service that begins or ends is treated as an opt-in or an opt-out.
    """
    if given.kind == "retraction" and given.at is not None:
        return given.at
    if given.at is None:
        at = receipt.at
        if is_first or given.kind in LIFTED_BY:
            at = max([at, *(fact.at + 1 for fact in known if is_first or fact.receipt < receipt.order)])
    else:
        at = min(given.at, receipt.at)
        if known and given.kind in LIFTED_BY:
            return _after_opt_ins(given, at, known=known, receipt=receipt)
    if known and given.kind in LIFTED_BY.values() and not is_first:
        return _before_opt_outs(given, at, known=known, receipt=receipt)
    return at


def _after_opt_ins(given: NewFact, at: int, *, known: Sequence[Fact], receipt: FirstReceipt) -> int:
    """An opt-out is later than the opt-ins that were received before it, unless its own time is long before theirs."""
    before = [
        fact.at
        for fact in without_retracted(known)
        if fact.kind == LIFTED_BY[given.kind]
        and fact.receipt < receipt.order
        and _concern_the_same(fact, given)
        and not _is_long_before(at, fact.at, clock=receipt.at)
    ]
    return max([at, *(other + 1 for other in before)])


def _before_opt_outs(given: NewFact, at: int, *, known: Sequence[Fact], receipt: FirstReceipt) -> int:
    """The same for an opt-in that is recorded after opt-outs that were received after it: on a tie the opt-out wins."""
    after = [
        fact.at
        for fact in without_retracted(known)
        if LIFTED_BY.get(fact.kind) == given.kind
        and fact.receipt > receipt.order
        and _concern_the_same(fact, given)
        and (fact.given_at is None or not _is_long_before(fact.given_at, at, clock=fact.recorded_at))
    ]
    return min([at, *after])


def _concern_the_same(one: Fact, other: NewFact) -> bool:
    """Whether two facts have a cell in common, or are about one paid service."""
    return meets(one.scope, other.scope) and (other.kind not in SERVICE_KINDS or one.keyword == other.keyword)


def _is_long_before(opt_out_at: int, opt_in_at: int, *, clock: int) -> bool:
    """Whether an opt-out's own time is so far before an opt-in's that it cannot be an error of clocks.

    ``clock``: when the opt-out was received. An opt-in that was received before and has a later time came from a clock
    that is ahead.
    """
    return opt_out_at < min(opt_in_at, clock) - CLOCKS_DIFFER_MICROSECONDS
