"""Whether a message about a cart may still be sent, asked inside the claim: from rows alone, without a call.

A message is sent only while nothing known speaks for an order: neither a state, nor an order that came, nor what the
shop itself answered within the last minute. Where the shop has to be asked, that is noted in the cart's row, and the
message waits; the job of the connection asks. What cannot be known in time is not sent. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model.carts import CHECKOUT, StoredCart, StoredOrder
from daftari.model.connections import WORKING, ConnectionDefinition, StoredConnection
from daftari.model.jobs import JobKind
from daftari.model.messages import StoredMessage
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.carts.states import EARLIER_MICROSECONDS, is_order_of, names_of, was_away
from daftari.store import Tx, WriteTx, carts, connections, messages, triggers
from daftari.store.jobs import hint_job

SECOND = 1_000_000
MINUTE = 60 * SECOND
FRESH_MICROSECONDS = MINUTE
"""How long an answer of the shop may be relied on."""
BACKLOG_MICROSECONDS = 10 * MINUTE
"""How long a message waits until everything that the shop announced before it was read."""
SILENT_MICROSECONDS = DAY_MICROSECONDS
"""A shop that cannot be asked must have said something of carts or orders within this time."""
TRIES_MAX = 2
"""After so many questions without an answer the message is not sent."""
WAIT_MIN, WAIT_MAX = 5 * SECOND, MINUTE
"""When a message that waits is looked at again, unless an answer comes before."""


class _Webhook(Struct, frozen=True):
    read_at: int = 0


class _Progress(Struct, frozen=True):
    """What is used of a connection's progress."""

    epoch: str = ""
    restored_at: int = 0
    away_until: int = 0
    read_at: int = 0
    webhook: _Webhook = _Webhook()


_decode = msgspec.json.Decoder(ConnectionDefinition).decode
_read_progress = msgspec.json.Decoder(_Progress).decode

CartName = tuple[int, str]
"""A connection, and the key of a cart."""


class AboutCart(Struct, frozen=True):
    """A message that is due and the cart that it is about; ``until``: when it is too late to be sent."""

    message_id: int
    mobile: int
    cart: CartName
    due_at: int
    until: int


class Held(Struct, frozen=True):
    """Why a message is not sent now: it waits until ``again_at``, or it ends for a reason."""

    again_at: int = 0
    state: Literal["skipped", "expired"] = "skipped"
    reason: str = ""


class _Shop(Struct, frozen=True):
    """A connection as the messages about its carts need it.

    ``waiting_from``: when that came which waits longest to be read; 0 where nothing waits.
    """

    stored: StoredConnection
    definition: ConnectionDefinition
    progress: _Progress
    waiting_from: int
    last_received: int

    @property
    def is_push_only(self) -> bool:
        """Whether the shop cannot be asked."""
        return self.definition.push_only

    def was_away(self, now: int) -> bool:
        """Whether deliveries may have found no one, which the connection's job has not noted yet."""
        looked_at = max(self.progress.read_at, self.progress.webhook.read_at)
        return was_away(looked_at=looked_at, poll_seconds=self.definition.poll_seconds, now=now)


class OpenCarts:
    """The carts that some messages are about, within one claim."""

    def __init__(self, tx: Tx, about: Sequence[AboutCart]) -> None:
        self._now, self._epoch = tx.now, tx.epoch()
        self._about = {one.message_id: one for one in about}
        self._carts: dict[CartName, StoredCart] = {}
        self._changed: dict[CartName, StoredCart] = {}
        self._asked: set[int] = set()
        self._shops: dict[int, _Shop] = {}
        self._orders: dict[tuple[int, str], list[StoredOrder]] = {}
        self._of_number: dict[int, set[CartName]] = {}
        self._sent: dict[int, int] = {}
        if about:
            self._load(tx, about)

    def _load(self, tx: Tx, about: Sequence[AboutCart]) -> None:
        numbers = sorted({one.mobile for one in about})
        found = carts.find_carts_of_numbers(tx, mobiles=numbers)
        by_connection: dict[int, list[str]] = {}
        for one in about:
            by_connection.setdefault(one.cart[0], []).append(one.cart[1])
        for connection_id, keys in sorted(by_connection.items()):
            mine = carts.find_carts(tx, connection_id=connection_id, keys=sorted({*keys}))
            found += mine
            named = [cart for cart in found if cart.connection_id == connection_id]
            names = sorted({name for cart in named for name in names_of(cart)})
            for order in carts.find_orders(tx, connection_id=connection_id, names=names):
                self._orders.setdefault((connection_id, order.name), []).append(order)
            stored = connections.get_connection(tx, connection_id=connection_id)
            if stored is not None and stored.state != "removed":
                self._shops[connection_id] = _Shop(
                    stored,
                    _decode(stored.definition),
                    _read_progress(stored.progress),
                    connections.find_first_unread(tx, connection_id=connection_id) or 0,
                    carts.find_last_received(tx, connection_id=connection_id),
                )
        self._carts = {(cart.connection_id, cart.key): cart for cart in found}
        for name, cart in self._carts.items():
            self._of_number.setdefault(cart.subject_id, set()).add(name)
        self._find_sent(tx, numbers)

    def _find_sent(self, tx: Tx, numbers: Sequence[int]) -> None:
        """When each number was last sent a message about a cart. One that a provider did not take is none."""
        since = self._now - DAY_MICROSECONDS
        ids = sorted({cart.message_id for cart in self._carts.values() if cart.sent_at > since})
        sent = [
            (message.subject_id, message.claimed_at)
            for message in messages.find_messages(tx, ids=ids).values()
            if message.state in ("sending", "unknown", "accepted", "delivered")
        ]
        for trigger in triggers.find_fired(tx, fired=[(0, CHECKOUT)]):
            sent += messages.find_last_sent_by(tx, origin_id=trigger.id, mobiles=numbers).items()
        for mobile, at in sent:
            self._sent[mobile] = max(at, self._sent.get(mobile, 0))

    # ---- no ---------------------------------------------------------------------------------------------

    def refuse(self, message_id: int) -> str:
        """Why a message is not to be sent at all; empty when nothing that is known here speaks against it."""
        about = self._about.get(message_id)
        if about is None:
            return ""
        shop, cart = self._shops.get(about.cart[0]), self._carts.get(about.cart)
        if shop is None:
            return "connection_removed"
        if cart is None or cart.state == "closed":
            return "cart_closed"
        if cart.state == "bought" or self._has_order(cart, cart):
            return "ordered"
        if cart.subject_id != about.mobile:
            return "superseded"
        if not cart.accepted and shop.definition.carts_need == "accepted":
            return "not_accepted"
        others = [self._carts[name] for name in self._of_number.get(about.mobile, ()) if name != about.cart]
        mine = [one for one in others if one.connection_id == cart.connection_id and one.state != "closed"]
        if any(self._is_bought_since(one, cart) for one in mine):
            return "ordered"
        if any(_order(one) > _order(cart) and one.at > self._now - DAY_MICROSECONDS for one in mine):
            return "superseded"
        return "shop_silent" if shop.is_push_only and self._is_silent(shop, cart) else ""

    def _is_silent(self, shop: _Shop, cart: StoredCart) -> bool:
        """Whether deliveries may be missing: none came for long, or the service was away since the cart's came."""
        is_missing = shop.last_received <= self._now - SILENT_MICROSECONDS
        return is_missing or cart.received_at <= max(shop.progress.restored_at, shop.progress.away_until)

    def _is_bought_since(self, other: StoredCart, cart: StoredCart) -> bool:
        """Whether another cart of the number was bought since a cart was begun, or perhaps was."""
        since = cart.began_at - EARLIER_MICROSECONDS
        is_bought = other.state == "bought" and max(other.at, other.asked_at) >= since
        return is_bought or self._has_order(other, cart)

    def _has_order(self, cart: StoredCart, asked: StoredCart) -> bool:
        """Whether a cart has an order; for another one that is asked about, one that was made since that was begun."""
        found = (order for name in names_of(cart) for order in self._orders.get((cart.connection_id, name), ()))
        since = asked.began_at - EARLIER_MICROSECONDS
        return any(is_order_of(order, cart) and (asked is cart or order.at >= since) for order in found)

    # ---- not now ----------------------------------------------------------------------------------------

    def hold(self, message_id: int) -> Held | None:
        """Why a message that nothing else speaks against is not sent now; ``None`` for one that is to be sent."""
        about = self._about.get(message_id)
        if about is None:
            return None
        shop, cart = self._shops[about.cart[0]], self._carts[about.cart]
        if shop.stored.state not in WORKING or shop.progress.epoch != self._epoch:
            return Held(self._now + WAIT_MAX)
        if shop.stored.state == "limited" and shop.stored.due_at > self._now:
            return Held(shop.stored.due_at + WAIT_MIN)
        if shop.is_push_only and shop.was_away(self._now):
            return Held(self._now + WAIT_MIN)
        sent_at = self._sent.get(about.mobile, 0)
        if sent_at > self._now - DAY_MICROSECONDS:
            again_at = sent_at + DAY_MICROSECONDS
            return Held(again_at) if again_at < about.until else Held(reason="sent_before")
        if cart.waits_from < about.due_at:
            # It never waited, or for an earlier message.
            cart = self._save(replace(cart, waits_from=self._now))
        is_fresh = self._is_fresh(cart)
        if is_fresh and cart.answer in ("unknown", "unreachable") and cart.tries >= TRIES_MAX:
            self._save(replace(cart, waits_from=0))
            return Held(state="expired", reason="shop_unreachable")
        # What came before the answer must be read; without an app, before the message was due first or a minute ago.
        read_until = max(cart.waits_from, self._now - FRESH_MICROSECONDS)
        if not shop.is_push_only:
            read_until = cart.asked_at if is_fresh else self._now
        has_backlog = 0 < shop.waiting_from <= read_until
        if has_backlog and self._now - cart.waits_from > BACKLOG_MICROSECONDS:
            self._save(replace(cart, waits_from=0))
            return Held(state="expired", reason="connection_behind")
        if not shop.is_push_only and not (is_fresh and cart.answer == "open"):
            return Held(self._ask(cart))
        return Held(self._now + WAIT_MIN) if has_backlog else None

    def _is_fresh(self, cart: StoredCart) -> bool:
        """Whether the shop was asked since the cart changed, and a moment ago."""
        return not cart.ask_at and cart.received_at <= cart.asked_at and self._now - cart.asked_at <= FRESH_MICROSECONDS

    def _ask(self, cart: StoredCart) -> int:
        """Have the shop asked, unless it is to be asked already. Returns when the message is looked at again."""
        if not cart.ask_at:
            cart = self._save(replace(cart, ask_at=self._now, tries=0))
            self._asked.add(cart.connection_id)
        waited = (max(self._now, cart.ask_at) - cart.waits_from) // 2
        return max(self._now, cart.ask_at) + min(max(waited, WAIT_MIN), WAIT_MAX)

    # ---- saved ------------------------------------------------------------------------------------------

    def note(self, message: StoredMessage) -> None:
        """Note that a message is sent now, if it is."""
        about = self._about.get(message.id)
        if about is not None and message.state == "sending":
            cart = self._carts[about.cart]
            self._save(replace(cart, message_id=message.id, sent_at=self._now, waits_from=0))
            self._sent[about.mobile] = self._now

    def _save(self, cart: StoredCart) -> StoredCart:
        name = (cart.connection_id, cart.key)
        self._carts[name] = self._changed[name] = cart
        return cart

    def save(self, tx: WriteTx) -> None:
        """Save what changed, and have the jobs of the connections look whose shops are to be asked."""
        carts.save_carts(tx, carts=[*self._changed.values()])
        for connection_id in sorted(self._asked):
            hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id))


def _order(cart: StoredCart) -> tuple[int, int, str]:
    return cart.at, cart.began_at, cart.key
