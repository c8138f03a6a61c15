"""Carts and orders that are no longer needed are deleted: kept as long as events. No HTTP, no SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.model.carts import StoredCart
from daftari.model.limits import CART_GROUP_DAYS
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.connections.abandoned import leave_groups
from daftari.rules.triggers.events import AWAITED_MICROSECONDS, find_kept_for
from daftari.store import Tx, WriteTx, carts, triggers

ROWS_PER_STEP = 1_000


def has_expired_cart(tx: Tx) -> bool:
    """Whether it is to be looked at whether a cart is still needed."""
    return carts.has_expired_cart(tx)


def expire_carts(tx: WriteTx) -> None:
    """Delete some carts that are older than the longest wait and a day, unless a message waits for their number.

    One that put its number in a group is kept for longer, so that an order that is late takes it out; then it is over.
    """
    found = carts.list_expired_carts(tx, limit=ROWS_PER_STEP)
    kept_for = find_kept_for(tx)
    awaited = triggers.find_awaited(tx, mobiles=sorted({cart.subject_id for cart in found if cart.subject_id}))
    kept_in_group = max(kept_for, CART_GROUP_DAYS * DAY_MICROSECONDS)
    over: list[StoredCart] = []
    later: list[StoredCart] = []
    for cart in found:
        until = cart.received_at + (kept_in_group if cart.group_id else kept_for)
        (over if until <= tx.now and cart.subject_id not in awaited else later).append(cart)
    carts.delete_carts(tx, names=[(cart.connection_id, cart.key) for cart in over])
    leave_groups(tx, over)
    carts.save_carts(tx, carts=[replace(cart, expires_at=tx.now + AWAITED_MICROSECONDS) for cart in later])


def has_expired_order(tx: Tx) -> bool:
    """Whether it is to be looked at whether an order is still needed."""
    return carts.has_expired_order(tx)


def expire_orders(tx: WriteTx) -> None:
    """Delete some orders that are older than the longest wait and a day. Known carts have states of their own."""
    found = carts.list_expired_orders(tx, limit=ROWS_PER_STEP)
    until = tx.now - find_kept_for(tx)
    carts.delete_orders(tx, orders=[order for order in found if order.received_at <= until])
    later = [order for order in found if order.received_at > until]
    carts.save_orders(tx, orders=[replace(order, expires_at=tx.now + AWAITED_MICROSECONDS) for order in later])
