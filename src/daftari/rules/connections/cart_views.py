"""The carts of a connection as callers see them: what each is by now, and why no message follows it. No SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from msgspec import Struct

from daftari.errors import ValidationFailed, quote
from daftari.model.carts import CHECKOUT, CartState, StoredCart
from daftari.model.members import GroupName, Mobile, Number, Text, Time
from daftari.model.messages import MessageState, StoredMessage
from daftari.model.time import format_time
from daftari.rules.carts.figures import may_follow
from daftari.rules.connections.lifecycle import look_at_connection
from daftari.rules.connections.model import Opened
from daftari.rules.connections.webhook_events import NEWEST, read_place, write_place
from daftari.rules.firing import find_last_rounds
from daftari.store import Tx, carts, exports, triggers

CART_STATES: tuple[CartState, ...] = get_args(CartState)
LOOKED_AT = 1_000
"""Carts that a search for those in a state looks at together."""
WHY: Mapping[CartState, str] = {"bought": "ordered", "closed": "cart_closed"}
"""Why no message follows a cart in such a state."""
ENDED: tuple[MessageState, ...] = ("skipped", "expired", "failed", "cancelled")
"""The states of a message that did not arrive and is not tried again by itself."""


class CartMessageView(Struct, frozen=True, kw_only=True):
    """The last message of a trigger about a cart."""

    id: Number
    trigger: Number
    state: MessageState
    reason: str | None
    """Why it was not sent, or did not arrive."""
    due_at: Time | None
    """When it is to be sent."""


class ConnectionCartView(Struct, frozen=True, kw_only=True):
    """A cart of a connected shop, as it is known here."""

    key: Text
    """Its token there, which is the key of its event `checkout` and of its order."""
    id: Text | None
    """Its id there."""
    state: CartState
    """`abandoned`: nothing came of it for ten minutes. `closed`: the shop deleted or ended it without an order."""
    mobile: Mobile | None
    """`null` where it has no number that can be read, or the number was erased."""
    accepted: bool
    """Whether the buyer agreed to messages."""
    began_at: Time | None
    at: Time
    """When it last changed there."""
    received_at: Time
    """When that came."""
    abandoned_at: Time | None
    """When it counts as abandoned unless it changes; `null` once it does, or when it is not open."""
    group: GroupName | None
    """The group that it put its number in."""
    answer: Literal["open", "bought", "unknown", "unreachable"] | None
    """What the shop answered last when it was asked about the cart; `unknown` where its answer does not fit."""
    asked_at: Time | None
    """When the shop was asked last."""
    sent_at: Time | None
    """When a message was last sent for it."""
    messages: list[CartMessageView]
    """The last message of each trigger on `checkout` about it."""
    why: Text | None
    """Why no message follows: `ordered`, `cart_closed`, `no_number`, `not_accepted`, `no_trigger`, or the reason of its
    last message; `null` where one waits or was sent."""


class CartPage(Struct, frozen=True):
    """Some carts, and the cursor of the ones before them."""

    carts: list[ConnectionCartView]
    following: str | None


def list_carts(tx: Tx, *, connection_id: int, state: str, after: str, limit: int) -> CartPage:
    """Carts of a connection, in a state or all, those first that were heard of last.

    Raises ``ConnectionNotFound`` and ``ValidationFailed``.
    """
    opened = look_at_connection(tx, connection_id=connection_id)
    if state and state not in CART_STATES:
        said = f"is {quote(state)}; it must be one of: {', '.join(CART_STATES)}."
        raise ValidationFailed({"state": [f"The state field {said}"]})
    place = read_place(after) if after else NEWEST
    found: list[StoredCart] = []
    count = LOOKED_AT if state else limit + 1
    while len(found) <= limit:
        some = carts.list_carts(tx, connection_id=connection_id, before=place, limit=count)
        found += [cart for cart in some if state in ("", cart.state)]
        if len(some) < count:
            break
        place = some[-1].received_at, some[-1].key
    shown = found[:limit]
    following = write_place(shown[-1].received_at, shown[-1].key) if len(found) > limit else None
    return CartPage(_show(tx, opened, shown), following)


def _show(tx: Tx, opened: Opened, shown: Sequence[StoredCart]) -> list[ConnectionCartView]:
    names = exports.find_group_names(tx, ids=sorted({cart.group_id for cart in shown} - {0}))
    on = [trigger.id for trigger in triggers.list_triggers(tx) if trigger.event_name == CHECKOUT]
    rounds = {(trigger_id, cart.subject_id, cart.key) for cart in shown if cart.subject_id for trigger_id in on}
    about: dict[tuple[int, str], list[StoredMessage]] = {}
    for (_, mobile, key), message in find_last_rounds(tx, rounds).items():
        about.setdefault((mobile, key), []).append(message)
    return [
        _show_cart(
            opened,
            cart,
            sorted(about.get((cart.subject_id, cart.key), ()), key=lambda one: one.id),
            group=names[cart.group_id].name if cart.group_id in names else None,
        )
        for cart in shown
    ]


def _show_cart(
    opened: Opened, cart: StoredCart, about: Sequence[StoredMessage], *, group: str | None
) -> ConnectionCartView:
    return ConnectionCartView(
        key=cart.key,
        id=cart.cart_id or None,
        state=cart.state,
        mobile=str(cart.subject_id) if cart.subject_id else None,
        accepted=bool(cart.accepted),
        began_at=_time(cart.began_at),
        at=format_time(cart.at),
        received_at=format_time(cart.received_at),
        abandoned_at=_time(cart.idle_at),
        group=group,
        answer=cart.answer or None,
        asked_at=_time(cart.asked_at),
        sent_at=_time(cart.sent_at),
        messages=[
            CartMessageView(
                id=one.id,
                trigger=one.origin_id,
                state=one.state,
                reason=one.reason or None,
                due_at=_time(one.due_at),
            )
            for one in about
        ],
        why=_find_why(opened, cart, about) or None,
    )


def _find_why(opened: Opened, cart: StoredCart, about: Sequence[StoredMessage]) -> str:
    """Why no message follows a cart; blank where one waits or was sent."""
    last = about[-1] if about else None
    if cart.sent_at and (last is None or last.state not in (*ENDED, "waiting")):
        return ""
    if cart.state in WHY:
        return WHY[cart.state]
    if not may_follow(opened.definition, cart):
        return "not_accepted" if cart.subject_id else "no_number"
    if last is None:
        return "no_trigger"
    return (last.reason or last.state) if last.state in ENDED else ""


def _time(at: int) -> str | None:
    return format_time(at) if at else None
