"""A connected shop and its carts as they are stored, step by step without a network. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from daftari.connectors import Cart, Order, WebhookEvent
from daftari.model.carts import StoredCart
from daftari.model.messages import StoredMessage
from daftari.model.projects import Project
from daftari.rules.carts import figures
from daftari.rules.connections import abandoned, sync
from daftari.rules.connections.cart_views import CartPage, list_carts
from daftari.rules.connections.carts import receive_sales
from daftari.rules.connections.views import ConnectionView, show_connection
from daftari.store import Store, carts, messages
from tests.support.connection_steps import Syncing, mobile


class Shop(Syncing):
    """A connection to a shop that is live."""

    def __init__(self, store: Store, project: Project, *, name: str = "shop", **given: Any) -> None:
        values = {
            "kind": "shopify",
            "credentials": {"client_id": "c", "client_secret": "s"},
            "settings": {"shop": "ziwa"},
            **given,
        }
        super().__init__(store, project, name=name, **values)

    def put(self, key: str, *, number: int = 0, **given: Any) -> StoredCart:
        """A cart as it is stored, of a person with a number of their own; of no number unless one is given."""
        cart = StoredCart(self.id, key, subject_id=mobile(number) if number else 0, at=self.now, received_at=self.now)
        stored = replace(cart, **{"accepted": 1, "expires_at": self.now, **given})
        self.write(carts.save_carts, carts=[stored])
        return stored

    def cart(self, key: str) -> StoredCart:
        (found,) = self.store.read(self.project, self.now, carts.find_carts, connection_id=self.id, keys=[key])
        return found

    def count(self, key: str, **given: Any) -> None:
        """A cart changes, and what it comes to is counted."""
        changed = replace(self.cart(key), **given)
        counted = self.write(figures.count_carts, connection_id=self.id, changed=[changed])
        self.write(carts.save_carts, carts=counted)

    def take(self, key: str) -> None:
        """A provider takes a message about a cart."""
        cart = self.cart(key)
        (number,) = self.write(messages.take_message_ids, count=1)
        self.write(carts.save_carts, carts=[replace(cart, message_id=number, sent_at=self.now)])
        message = StoredMessage(
            id=number, sender_id=1, origin_id=1, subject_id=cart.subject_id, key=key, state="accepted", reason="",
            code="", purpose="marketing", attempt=1, due_at=0, until=0, claim=0, claimed_at=0, settled_at=0, parts=1,
            text="",
        )  # fmt: skip
        self.write(figures.count_asked, taken=[message])

    def follow(self) -> None:
        """The worker has carts count as abandoned whose time has come."""
        named = {"connection_id": self.id, "fence": self.fence}
        while self.write(sync.claim_task, **named).task == "idle_carts":
            self.write(abandoned.take_idle_carts, **named)

    def hear(self, *said: Cart | Order) -> None:
        """A delivery of each comes; all are received together."""
        events = [
            WebhookEvent(str(place), "carts", [], None, cart=one)
            if isinstance(one, Cart)
            else WebhookEvent(str(place), "orders", [], None, order=one)
            for place, one in enumerate(said)
        ]
        self.write(receive_sales, connection_id=self.id, events=events)

    def come_back(self, key: str, **given: Any) -> None:
        """A cart changes, and its number leaves the group."""
        before = self.cart(key)
        self.write(carts.save_carts, carts=[replace(before, group_id=0, **given)])
        self.write(abandoned.leave_groups, came_back=[before])

    def list(self, *, state: str = "", after: str = "", limit: int = 100) -> CartPage:
        return self.store.read(
            self.project, self.now, list_carts, connection_id=self.id, state=state, after=after, limit=limit
        )

    def view(self) -> ConnectionView:
        return self.store.read(self.project, self.now, show_connection, connection_id=self.id)

    def figures(self) -> dict[str, int]:
        """The figures of the last days that are not 0."""
        shown = self.view().cart_figures
        assert shown is not None, "a shop has carts"
        return {name: count for name in figures.NAMES if (count := getattr(shown, name))}
