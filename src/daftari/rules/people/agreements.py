"""That one person agreed, as a user writes it down, and whether it allows what it is about. No SQL."""

from __future__ import annotations

from daftari.rules.consent import facts
from daftari.rules.consent.decisions import Question, judge
from daftari.rules.consent.facts import Given
from daftari.store import WriteTx, consent


def record_agreement(tx: WriteTx, *, given: Given) -> bool:
    """Record one opt-in. Returns whether all that it is about is allowed now: an opt-out may be later, or wider."""
    facts.record_given(tx, given=given, kind="opt_in")
    (agreed,) = given.facts
    known = consent.find_facts(tx, mobiles=[agreed.mobile]).get(agreed.mobile, [])
    question = Question(agreed.scope.channel, agreed.scope.sender, agreed.scope.purpose)
    return judge(known, question, require_opt_in=tx.project.consent.require_opt_in).allowed
