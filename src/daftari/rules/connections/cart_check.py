"""Carts that have an order and do not count as bought, which ``daftari check`` reports and repairs. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterator

from daftari.model.carts import StoredCart
from daftari.rules.carts.states import as_bought, name_id, name_token
from daftari.rules.connections.carts import CartChange, save_changes
from daftari.rules.connections.model import get_connection
from daftari.rules.connections.webhook_events import NEWEST
from daftari.store import Tx, WriteTx, carts, connections

CARTS_PER_STEP = 1_000


def find_unsold_carts(tx: Tx) -> Iterator[StoredCart]:
    """The carts of which an order is known by a token or their id, and that count as open all the same."""
    for stored in connections.list_connections(tx):
        place = NEWEST
        while some := carts.list_carts(tx, connection_id=stored.id, before=place, limit=CARTS_PER_STEP):
            place = some[-1].received_at, some[-1].key
            names = {
                cart.key: {name_token(cart.key), name_token(cart.cart_token), name_id(cart.cart_id)} for cart in some
            }
            wanted = sorted({name for mine in names.values() for name in mine} - {""})
            ordered = {order.name for order in carts.find_orders(tx, connection_id=stored.id, names=wanted)}
            yield from (cart for cart in some if cart.state in ("open", "abandoned") and names[cart.key] & ordered)


def repair_carts(tx: WriteTx) -> None:
    """Have those count as bought."""
    for cart in [*find_unsold_carts(tx)]:
        opened = get_connection(tx, connection_id=cart.connection_id)
        save_changes(tx, opened, [CartChange(cart, as_bought(cart))])
