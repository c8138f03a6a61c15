"""A connected shop and its carts as they are stored, step by step without a network. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from daftari.model.carts import StoredCart
from daftari.model.projects import Project
from daftari.rules.connections import cart_figures
from daftari.rules.connections.cart_views import CartPage, list_carts
from daftari.rules.connections.views import ConnectionView, show_connection
from daftari.store import Store, carts
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
        counted = self.write(cart_figures.count_carts, opened=self.open(), changed=[changed])
        self.write(carts.save_carts, carts=counted)

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
        return {name: count for name in cart_figures.NAMES if (count := getattr(shown, name))}
