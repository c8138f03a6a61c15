"""What waits for a person to review it, with what was done meanwhile and whose words they are. No SQL."""

from __future__ import annotations

from msgspec import Struct

from daftari.model.consent import Fact
from daftari.model.contacts import Card
from daftari.model.inbound import Review
from daftari.rules.consent.decisions import in_force
from daftari.rules.consent.state import derive_state, without_retracted
from daftari.rules.inbound import review as reviews
from daftari.rules.people.opt_outs import find_cards
from daftari.store import Tx, consent, whatsapp_users


class Waiting(Struct, frozen=True):
    """A review that waits, and the contact that has its number, if one does.

    ``recorded``: what was written down because of the message, and was not taken back; ``still_out``: the opt-outs
    among it that are in force. ``is_suppressed``: the number opted out of everything, by whatever words. ``is_held``:
    the message is kept until the number of the person is known.
    """

    review: Review
    card: Card | None
    recorded: list[Fact]
    still_out: list[Fact]
    is_suppressed: bool
    is_held: bool


class ToReview(Struct, frozen=True):
    """Some of what waits, in the order of arrival. ``next``: the review after which there is more."""

    waiting: list[Waiting]
    next: int | None


def list_waiting(tx: Tx, *, after: int, limit: int) -> ToReview:
    """What waits after a review."""
    found = reviews.list_reviews(tx, after=after, limit=limit + 1)
    shown = found[:limit]
    mobiles = sorted({review.mobile for review in shown if review.mobile is not None})
    known = consent.find_facts(tx, mobiles=mobiles) if mobiles else {}
    cards = find_cards(tx, mobiles=mobiles)
    waiting = []
    for review in shown:
        facts = known.get(review.mobile or 0, [])
        recorded = [fact for fact in without_retracted(facts) if fact.message_digest == review.message_digest]
        holding = {fact.id for fact in in_force(facts)}
        one = Waiting(
            review=review,
            card=cards.get(review.mobile or 0),
            recorded=recorded,
            still_out=[fact for fact in recorded if fact.id in holding],
            is_suppressed=derive_state(facts).is_suppressed,
            is_held=_is_held(tx, review),
        )
        waiting.append(one)
    return ToReview(waiting, shown[-1].id if len(found) > limit else None)


def _is_held(tx: Tx, review: Review) -> bool:
    if review.mobile is not None or not review.user_id:
        return False
    held = whatsapp_users.find_held(tx, token_id=review.token_id, user_id=review.user_id)
    return any(one.message_digest == review.message_digest for one in held)
