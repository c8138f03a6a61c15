"""What the ledger holds about a person: moved to a keyed hash, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from daftari.model.consent import FirstReceipt, NewFact, Scope
from daftari.model.erasures import Person, Removed
from daftari.rules.consent.facts import show_near_misses
from daftari.rules.consent.ledger import stored_state
from daftari.rules.consent.questions import show_known
from daftari.rules.consent.state import derive_state
from daftari.rules.consent.times import count_from
from daftari.store import Tx, WriteTx, consent

NEAR_MISSES_MAX = 1_000
"""Near misses of a number in an export; it has one for each key or user and way."""


def erase(tx: WriteTx, person: Person) -> Removed:
    """Move opt-outs and opt-ins to the number's hash, without evidence, and opt the hash out of everything."""
    subject_id = consent.erased_subject_id(tx, mobile=person.mobile)
    moved, gone = consent.move_facts(tx, mobile=person.mobile, subject_id=subject_id)
    known = consent.find_subject_facts(tx, subject_ids=[subject_id]).get(subject_id, [])
    given = NewFact(0, person.mobile, "opt_out", Scope(), None, "erasure")
    receipt = FirstReceipt(consent.next_receipt(tx), tx.now)
    at = count_from(given, known=known, receipt=receipt, is_first=True)
    number = consent.take_fact_id(tx)
    fact = consent.as_fact(
        given,
        number=number,
        at=at,
        receipt=receipt,
        message_digest=None,
        key_id=tx.actor.key_id,
        user_id=tx.actor.user_id,
        now=tx.now,
    )
    consent.insert_facts(tx, facts=[(subject_id, fact)])
    consent.save_consent(tx, states={subject_id: stored_state(derive_state([*known, fact]))})
    return {"evidence": moved + gone}


def erase_near_misses(tx: WriteTx, person: Person) -> Removed:
    """Forget who tried to bring the number back."""
    consent.delete_number_near_misses(tx, mobile=person.mobile)
    return {}


def export_near_misses(tx: Tx, person: Person) -> dict[str, object]:
    """Who tried to bring the number back, after it opted out."""
    misses = consent.list_number_near_misses(tx, mobile=person.mobile, limit=NEAR_MISSES_MAX)
    return {"near_misses": show_near_misses(tx, misses)}


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Every fact, and what follows from them."""
    return {"consent": show_known(tx, mobile=person.mobile)}
