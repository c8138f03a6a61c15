"""Carts and orders that are no longer needed are deleted: kept as long as events. No HTTP, no SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.rules.triggers.events import AWAITED_MICROSECONDS, find_kept_for
from daftari.store import Tx, WriteTx, carts, triggers

ROWS_PER_STEP = 1_000


def has_expired_cart(tx: Tx) -> bool:
    """Whether it is to be looked at whether a cart is still needed."""
    return carts.has_expired_cart(tx)


def expire_carts(tx: WriteTx) -> None:
    """Delete some carts that are older than the longest wait and a day, unless a message waits for their number.

    One that put its number in a group is kept while the number is in it by the cart.
    """
    found = carts.list_expired_carts(tx, limit=ROWS_PER_STEP)
    kept_for = find_kept_for(tx)
    awaited = triggers.find_awaited(tx, mobiles=sorted({cart.subject_id for cart in found if cart.subject_id}))
    over = {
        (cart.connection_id, cart.key)
        for cart in found
        if cart.received_at + kept_for <= tx.now and cart.subject_id not in awaited and not cart.group_id
    }
    carts.delete_carts(tx, names=sorted(over))
    later = [cart for cart in found if (cart.connection_id, cart.key) not in over]
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
