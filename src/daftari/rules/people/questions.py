"""May these numbers be messaged: the answers that programs get, with the facts and the people behind them. No SQL."""

from __future__ import annotations

from msgspec import Struct

from daftari.model.consent import Fact
from daftari.model.contacts import Card
from daftari.rules.consent import questions
from daftari.rules.consent.questions import Asked
from daftari.rules.consent.views import Judgement
from daftari.rules.numbers import WrittenNumber
from daftari.rules.people.opt_outs import find_cards
from daftari.store import Tx, consent


class Answered(Struct, frozen=True):
    """The answer about one number. ``mobile``: ``None`` where what was asked is none; ``facts``: what it rests on."""

    judgement: Judgement
    mobile: int | None
    card: Card | None
    facts: list[Fact]


def answer(tx: Tx, *, asked: Asked) -> list[Answered]:
    """One answer a number, in the order asked."""
    judgements = questions.may_message(tx, asked=asked)
    readings = [one for one in asked.mobiles if isinstance(one, WrittenNumber)]
    # Where digits are two numbers, the answer may rest on a fact about the other one.
    mobiles = sorted({number for one in readings for number in (one.number, one.digits) if number is not None})
    known = consent.find_facts(tx, mobiles=mobiles) if mobiles else {}
    by_id = {fact.id: fact for facts in known.values() for fact in facts}
    cards = find_cards(tx, mobiles=mobiles)
    answers = []
    for one, judgement in zip(asked.mobiles, judgements, strict=True):
        mobile = int(judgement.mobile or 0) if isinstance(one, WrittenNumber) else None
        facts = [by_id[reason.fact.id] for reason in judgement.reasons if reason.fact is not None]
        answers.append(Answered(judgement, mobile, None if mobile is None else cards.get(mobile), facts))
    return answers
