"""A fake Shopify whose carts are followed up: its connection, a sender, and triggers on its carts, on one clock.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from daftari.model.carts import StoredCart, StoredOrder
from daftari.model.messages import StoredMessage
from daftari.model.projects import Project
from daftari.model.triggers import StoredEvent
from daftari.store import Store, Tx, carts, triggers
from tests.support.connection_steps import mobile
from tests.support.fake_crm.shopify_truth import Checkout
from tests.support.message_steps import Sending
from tests.support.shopify_sync import ShopifySync
from tests.support.triggers import Triggers

MINUTE, HOUR = 60.0, 3_600.0


class CartShop:
    """A live connection to a shop, whose webhooks come at once. Nothing is sent before ``work``."""

    sync: ClassVar[Any] = ShopifySync
    """The connection to a shop of another kind, in a class of its own."""

    def __init__(self, store: Store, project: Project, **given: Any) -> None:
        self.shop = self.sync(store, project, **given)
        self.truth = self.shop.fake.truth
        self.shop.pass_time(60.0)
        self.shop.start()
        self.shop.run()
        self.triggers = Triggers(
            Sending(store, project, now=self.shop.now, in_flight=100, purpose="marketing", hours="off")
        )
        self.triggers.sending.now = self.shop.now

    @property
    def now(self) -> int:
        return self.shop.clock.moment

    def remind(self, **given: Any) -> int:
        """A trigger on the shop's carts. Returns its id."""
        self.triggers.sending.now = self.now
        text = "Your cart waits: {{ event.url }}"
        return self.triggers.add(**{"on": {"event": "checkout"}, "unless": [], "text": text, **given})

    def leave(self, number: int = 1, **given: Any) -> Checkout:
        """Someone begins a checkout, and agrees to messages."""
        checkout = self.truth.start_checkout(**{"phone": f"+{mobile(number)}", "accepts": True, **given})
        self.shop.announce()
        return checkout

    def pass_time(self, seconds: float) -> None:
        self.shop.pass_time(seconds)

    def run_for(self, seconds: float) -> None:
        """Time passes while the connection's job looks every few minutes, as it does when the service runs."""
        ends_at = self.shop.clock.at + seconds
        while (left := ends_at - self.shop.clock.at) > 0:
            self.pass_time(min(left, 9 * MINUTE))
            self.shop.run()

    def claim(self) -> list[StoredMessage]:
        """What goes out now, and is taken by the provider."""
        self.triggers.sending.now = self.now
        return self.triggers.sent()

    def work(self) -> list[str]:
        """The workers of the sender and of the connection do what is due now. Returns the texts that went out."""
        sent = self.claim()
        self.shop.run()
        sent += self.claim()
        return [message.text for message in sent]

    def reasons(self) -> list[tuple[str, str]]:
        """State and reason of each message."""
        self.triggers.sending.now = self.now
        return self.triggers.states()

    def asked(self) -> int:
        """How often the shop was asked about a cart."""
        return sum(name == "Sales" for name in self.shop.fake.calls)

    # ---- what is stored ---------------------------------------------------------------------------------

    def cart(self, checkout: Checkout) -> StoredCart:
        (found,) = self._read(_find_carts, self.shop.id, [checkout.token])
        return found

    def orders(self, *names: str) -> list[StoredOrder]:
        return self._read(_find_orders, self.shop.id, names)

    def events(self, number: int = 1) -> list[StoredEvent]:
        return self._read(_list_events, mobile(number))

    def _read(self, rule: Any, *args: Any) -> Any:
        return self.shop.store.read(self.shop.project, self.now, rule, *args)


def _find_carts(tx: Tx, connection_id: int, keys: list[str]) -> list[StoredCart]:
    return carts.find_carts(tx, connection_id=connection_id, keys=keys)


def _find_orders(tx: Tx, connection_id: int, names: list[str]) -> list[StoredOrder]:
    return carts.find_orders(tx, connection_id=connection_id, names=names)


def _list_events(tx: Tx, number: int) -> list[StoredEvent]:
    return triggers.list_events_of(tx, mobile=number, after=0, limit=1_000)
