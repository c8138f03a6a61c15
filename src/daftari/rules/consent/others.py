"""An opt-out of digits that are two numbers: one that the project knows, and another one of its region.

It is the known one's. The other number is opted out too, so that no STOP is lost, and listed for review. No
HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.consent import FirstReceipt, NewFact
from daftari.model.inbound import DAFTARI, Review
from daftari.rules.consent import ledger
from daftari.rules.events import ConsentChanged, GroupLeft
from daftari.rules.numbers import NOW, find_known
from daftari.store import Tx, WriteTx, consent, inbound
from daftari.store.numbers import Mark


class Meant(Struct, frozen=True):
    """Facts about the numbers that are meant, and the same of numbers that may be meant instead."""

    facts: list[NewFact]
    others: list[NewFact]


def choose_facts(tx: Tx, *, facts: Sequence[NewFact], before: Mark = NOW) -> Meant:
    """Facts as they were read, about the numbers that are meant, in the same order."""
    known = find_known(tx, (fact.digits for fact in facts), before=before)
    meant, others = [], []
    for fact in facts:
        if fact.digits is None or fact.digits not in known:
            meant.append(fact)
            continue
        meant.append(replace(fact, mobile=fact.digits))
        if fact.kind == "opt_out":
            others.append(fact)
    return Meant(meant, others)


def record_others(
    tx: WriteTx, *, others: Sequence[NewFact], received: FirstReceipt | None = None
) -> list[ConsentChanged | GroupLeft]:
    """Opt out the numbers that may be meant, and list them for review. Returns the events.

    ``received``: when the opt-outs first came, where that was before.
    """
    if not others:
        return []
    receipt = received or FirstReceipt(consent.next_receipt(tx), tx.now)
    facts = []
    for fact in others:
        said = f"ambiguous:{fact.digits}:{fact.mobile}:{fact.message_id or fact.at or receipt.order}"
        facts.append(replace(fact, message_id=said))
        why = (
            f"may be meant by an opt-out of {fact.digits}, which is another number; it was opted out too. "
            "Settle it as retract if the person did not ask for it"
        )
        scope = fact.scope
        at = receipt.at if fact.at is None else min(fact.at, receipt.at)
        review = Review(
            0, fact.mobile, at, DAFTARI, scope.channel, scope.sender, why, "",
            given_at=fact.at, received_at=receipt.at, receipt=receipt.order,
        )  # fmt: skip
        digest = consent.message_digest(tx, message_id=said)
        inbound.insert_review(tx, given=review, message_digest=digest)
    return ledger.record_facts(tx, facts=facts, received=received).events
