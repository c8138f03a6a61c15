"""What a trigger sent, what it did not send and why, with the contacts that it was for. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from daftari.model.contacts import Card
from daftari.model.limits import ID_MAX
from daftari.model.messages import MessageState, StoredMessage
from daftari.rules.messages.views import MessageView, show_messages
from daftari.rules.triggers.lifecycle import get_trigger
from daftari.rules.triggers.views import TriggerView, show_trigger
from daftari.store import Tx, contacts, messages

LAST = 10
"""Messages that are shown of what was sent, and of what was not."""

_decode_card = msgspec.json.Decoder(Card).decode


class Fired(Struct, frozen=True):
    """A message of a trigger, and the contact that has its number now, if one has."""

    message: MessageView
    card: Card | None


class History(Struct, frozen=True):
    """A trigger with the last messages that were sent, or perhaps were; and the last that reached no one."""

    trigger: TriggerView
    went: list[Fired]
    stayed: list[Fired]


class FiredPage(Struct, frozen=True):
    """Some messages of a trigger, the newest first, and the id before which there are more."""

    trigger: TriggerView
    messages: list[Fired]
    following: int | None


def show_history(tx: Tx, *, trigger_id: int) -> History:
    """What a trigger did last. Raises ``TriggerNotFound``."""
    trigger = show_trigger(tx, get_trigger(tx, trigger_id=trigger_id))
    went = messages.list_last_went(tx, origin_id=trigger_id, limit=LAST)
    stayed = messages.list_last_stayed(tx, origin_id=trigger_id, limit=LAST)
    return History(trigger, _show(tx, went), _show(tx, stayed))


def list_fired(tx: Tx, *, trigger_id: int, state: MessageState, reason: str, before: int, limit: int) -> FiredPage:
    """Messages of a trigger in a state before an id, 0 for the newest; for a reason, unless it is empty.

    Raises ``TriggerNotFound``.
    """
    trigger = show_trigger(tx, get_trigger(tx, trigger_id=trigger_id))
    found = messages.list_newest_in_state(
        tx, origin_id=trigger_id, state=state, reason=reason, before=before or ID_MAX, limit=limit + 1
    )
    shown = found[:limit]
    return FiredPage(trigger, _show(tx, shown), shown[-1].id if len(found) > limit else None)


def _show(tx: Tx, found: Sequence[StoredMessage]) -> list[Fired]:
    mobiles = sorted({message.subject_id for message in found if message.subject_id > 0})
    people = contacts.find_contacts_by_mobile(tx, mobiles=mobiles) if mobiles else []
    cards = {str(person.mobile): _decode_card(person.card) for person in people}
    return [Fired(message, cards.get(message.mobile or "")) for message in show_messages(tx, found)]
