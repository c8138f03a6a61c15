"""Takes back what a user wrote down of someone's consent: exactly these facts, and no other one. No HTTP, no SQL.

What a person, a provider, a form or the deletion of a contact said is not taken back here; the review list is
for that.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.model.consent import Fact, NewFact, Scope, Source
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import in_force
from daftari.rules.consent.state import is_own, meets
from daftari.rules.events import Event
from daftari.rules.undo.contacts import Rejoined, rejoin
from daftari.store import WriteTx, consent
from daftari.store.journal import JournalRow, read_left


class StillOptedOut(Struct, frozen=True):
    """An opt-out that holds although another one was taken back: of which number, when, and whose word it is."""

    mobile: int
    at: int
    source: Source
    scope: Scope
    user_id: int | None
    """The user who wrote it down, if one did."""


class Retracted(Struct, frozen=True):
    """What was taken back."""

    facts: int
    kept: int
    """Facts that were taken back before, or whose number was erased."""
    still_opted_out: list[StillOptedOut]
    rejoined: Rejoined
    events: list[Event]


def retract(tx: WriteTx, *, row: JournalRow) -> Retracted:
    """Take back the facts of an act. Who left groups by it comes back, unless they are suppressed all the same."""
    given = [
        (mobile, fact)
        for mobile, fact in consent.list_facts_between(tx, first=row.first_fact or 0, last=row.last_fact or 0)
        if fact.kind in ("opt_out", "opt_in") and not is_own(fact)
    ]
    mobiles = sorted({mobile for mobile, _ in given if mobile > 0})
    known = consent.find_facts(tx, mobiles=mobiles)
    gone = {fact.retracts for facts in known.values() for fact in facts if fact.kind == "retraction"}
    taken_back = [(mobile, fact) for mobile, fact in given if mobile > 0 and fact.id not in gone]
    recorded = ledger.record_facts(
        tx,
        facts=[
            NewFact(
                index, mobile, "retraction", fact.scope, None, "console",
                keyword=fact.keyword, group_id=fact.group_id, retracts=fact.id,
            )
            for index, (mobile, fact) in enumerate(taken_back)
        ],
    )  # fmt: skip
    rejoined = rejoin(tx, read_left(row.left_groups))
    return Retracted(
        facts=len(taken_back),
        kept=len(given) - len(taken_back),
        still_opted_out=_find_still(tx, taken_back),
        rejoined=rejoined,
        events=[*recorded.events, *rejoined.events],
    )


def _find_still(tx: WriteTx, taken_back: list[tuple[int, Fact]]) -> list[StillOptedOut]:
    """The opt-outs that hold for what the opt-outs that were taken back were about."""
    scopes: dict[int, list[Scope]] = {}
    for mobile, fact in taken_back:
        if fact.kind == "opt_out":
            scopes.setdefault(mobile, []).append(fact.scope)
    known = consent.find_facts(tx, mobiles=sorted(scopes)) if scopes else {}
    return [
        StillOptedOut(mobile, fact.at, fact.source, fact.scope, fact.user_id)
        for mobile, asked in scopes.items()
        for fact in in_force(known[mobile])
        if any(meets(fact.scope, scope) for scope in asked)
    ]
