"""The carts and orders of connected shops, and the outcomes of carts by day. What follows is decided by the rules."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict, astuple

from daftari.model.carts import CartFigures, StoredCart, StoredOrder
from daftari.store.engine import Tx, WriteTx

CartName = tuple[int, str]
"""A connection, and the key of a cart."""


def find_carts(tx: Tx, *, connection_id: int, keys: Sequence[str]) -> list[StoredCart]:
    """Some carts of a connection by their keys."""
    return tx.fetch(StoredCart, "find_carts", connection=connection_id, keys=keys) if keys else []


def find_carts_by_id(tx: Tx, *, connection_id: int, cart_ids: Sequence[str]) -> list[StoredCart]:
    """Some carts of a connection by the shop's other name for them."""
    return tx.fetch(StoredCart, "find_carts_by_id", connection=connection_id, cart_ids=cart_ids) if cart_ids else []


def find_carts_by_token(tx: Tx, *, connection_id: int, cart_tokens: Sequence[str]) -> list[StoredCart]:
    """The carts of a connection that have some tokens which are not their keys."""
    if not cart_tokens:
        return []
    return tx.fetch(StoredCart, "find_carts_by_token", connection=connection_id, cart_tokens=cart_tokens)


def find_carts_of_customers(tx: Tx, *, connection_id: int, customer_ids: Sequence[str]) -> list[StoredCart]:
    """The carts of some of a shop's customers."""
    if not customer_ids:
        return []
    return tx.fetch(StoredCart, "find_carts_of_customers", connection=connection_id, customer_ids=customer_ids)


def find_carts_of_emails(tx: Tx, *, connection_id: int, emails: Sequence[str]) -> list[StoredCart]:
    """The carts that have some e-mail addresses, as they are stored."""
    return tx.fetch(StoredCart, "find_carts_of_emails", connection=connection_id, emails=emails) if emails else []


def find_carts_of_numbers(tx: Tx, *, mobiles: Sequence[int]) -> list[StoredCart]:
    """The carts of all connections that have some numbers."""
    return tx.fetch(StoredCart, "find_carts_of_numbers", subject_ids=mobiles) if mobiles else []


def list_idle_carts(tx: Tx, *, connection_id: int, limit: int) -> list[StoredCart]:
    """At most ``limit`` carts that count as abandoned by now, the longest first."""
    return tx.fetch(StoredCart, "list_idle_carts", connection=connection_id, now=tx.now, limit=limit)


def list_due_questions(tx: Tx, *, connection_id: int, limit: int) -> list[StoredCart]:
    """At most ``limit`` carts of which the shop is to be asked now, those first that have waited longest."""
    return tx.fetch(StoredCart, "list_due_questions", connection=connection_id, now=tx.now, limit=limit)


def find_next_question(tx: Tx, *, connection_id: int) -> int | None:
    """When a shop is to be asked about a cart next."""
    return tx.fetch_one(int, "find_next_question", connection=connection_id)


def list_carts(tx: Tx, *, connection_id: int, before: tuple[int, str], limit: int) -> list[StoredCart]:
    """At most ``limit`` carts before a time of receipt and a key, those first that were heard of last."""
    at, key = before
    return tx.fetch(StoredCart, "list_carts", connection=connection_id, before=at, before_key=key, limit=limit)


def save_carts(tx: WriteTx, *, carts: Sequence[StoredCart]) -> None:
    """Insert carts, each once, or save them."""
    if carts:
        tx.run("save_carts", items=[astuple(cart) for cart in carts])


def delete_carts(tx: WriteTx, *, names: Sequence[CartName]) -> None:
    """Delete some carts."""
    if names:
        tx.run("delete_carts", items=names)


# ---- orders ---------------------------------------------------------------------------------------------


def find_orders(tx: Tx, *, connection_id: int, names: Sequence[str]) -> list[StoredOrder]:
    """The orders of a connection that have some names."""
    return tx.fetch(StoredOrder, "find_orders", connection=connection_id, names=names) if names else []


def save_orders(tx: WriteTx, *, orders: Sequence[StoredOrder]) -> None:
    """Insert names of orders, each once; one that is there stays, and is kept for longer."""
    if orders:
        tx.run("save_orders", items=[astuple(order) for order in orders])


def find_orders_of(tx: Tx, *, mobile: int) -> list[StoredOrder]:
    """The names of the orders of a number, in order."""
    found = tx.fetch(StoredOrder, "find_orders_of", subject_ids=[mobile])
    return sorted(found, key=lambda order: (order.connection_id, order.name, order.order_id))


def delete_orders(tx: WriteTx, *, orders: Sequence[StoredOrder]) -> None:
    """Delete some names of orders."""
    if orders:
        tx.run("delete_orders", items=[(order.connection_id, order.name, order.order_id) for order in orders])


def find_last_received(tx: Tx, *, connection_id: int) -> int:
    """When a delivery about a cart or an order of a connection came last; 0 for never."""
    carts = tx.fetch_one(int, "find_last_cart", connection=connection_id)
    orders = tx.fetch_one(int, "find_last_order", connection=connection_id)
    return max(carts or 0, orders or 0)


# ---- kept -----------------------------------------------------------------------------------------------


def has_expired_cart(tx: Tx) -> bool:
    """Whether a cart is to be looked at."""
    return tx.one("has_expired_cart", now=tx.now) is not None


def list_expired_carts(tx: Tx, *, limit: int) -> list[StoredCart]:
    """At most ``limit`` carts that are to be looked at, the longest first."""
    return tx.fetch(StoredCart, "list_expired_carts", now=tx.now, limit=limit)


def has_expired_order(tx: Tx) -> bool:
    """Whether an order is to be looked at."""
    return tx.one("has_expired_order", now=tx.now) is not None


def list_expired_orders(tx: Tx, *, limit: int) -> list[StoredOrder]:
    """At most ``limit`` names of orders that are to be looked at, the longest first."""
    return tx.fetch(StoredOrder, "list_expired_orders", now=tx.now, limit=limit)


def delete_some_rows(tx: WriteTx, *, connection_id: int, limit: int) -> int:
    """Delete some carts, orders and figures of a connection. Returns how many there were."""
    queries = ("delete_some_carts", "delete_some_orders", "delete_some_figures")
    return sum(tx.run(query, connection=connection_id, limit=limit) for query in queries)


# ---- figures --------------------------------------------------------------------------------------------


def add_figures(tx: WriteTx, *, connection_id: int, figures: CartFigures) -> None:
    """Add to the figures of a day."""
    tx.run("add_cart_figures", connection=connection_id, **asdict(figures))


def list_figures(tx: Tx, *, connection_id: int, since: int) -> list[CartFigures]:
    """The figures of a connection since a day, in order."""
    return tx.fetch(CartFigures, "list_cart_figures", connection=connection_id, since=since)
