"""What carts and orders hold about a person: erased, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from daftari.model.carts import CartState, StoredCart, StoredOrder
from daftari.model.erasures import Person, Removed
from daftari.model.members import Text, Time
from daftari.model.time import format_time
from daftari.rules.carts.states import name_person
from daftari.store import Tx, WriteTx, carts, connections

_read_fields = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode


class CartView(Struct, frozen=True):
    """A cart of a connected shop."""

    connection: Text
    """The connection's name."""
    key: Text
    """The cart's token there."""
    state: CartState
    email: Text | None
    customer: Text | None
    """The id of the shop's customer."""
    began_at: Time
    at: Time
    """When it last changed there."""
    fields: dict[str, Annotated[str | int | float | bool | None, Meta(description="A field of the cart.")]]


class CartOrderView(Struct, frozen=True):
    """An order of a connected shop."""

    connection: Text
    """The connection's name."""
    id: Text
    """The order's id there."""
    at: Time


def erase(tx: WriteTx, person: Person) -> Removed:
    """Take the person out of every cart with the number, and delete the orders that name them.

    A cart's key and times stay, so that an earlier delivery which comes again does not bring the person back.
    """
    found = carts.find_carts_of_numbers(tx, mobiles=[person.mobile])
    carts.save_carts(tx, carts=[_without_person(cart) for cart in found])
    orders = [*carts.find_orders_of(tx, mobile=person.mobile), *_find_orders_by_end(tx, person.mobile)]
    for cart in found:
        names = [f"email:{cart.email}", f"customer:{cart.customer_id}"]
        orders += carts.find_orders(tx, connection_id=cart.connection_id, names=names)
    carts.delete_orders(tx, orders=orders)
    return {"carts": len(found) + len({(order.connection_id, order.order_id) for order in orders})}


def _find_orders_by_end(tx: Tx, mobile: int) -> list[StoredOrder]:
    """The names of orders by the end of a number which they have with another one, or which no one can read."""
    names = name_person(customer_id="", email="", phones=[str(mobile)])
    found = [
        order
        for stored in connections.list_connections(tx)
        for order in carts.find_orders(tx, connection_id=stored.id, names=names)
    ]
    return [order for order in found if name_person(customer_id="", email="", phones=[str(order.subject_id)]) != names]


def forget_customers(tx: WriteTx, *, connection_id: int, ids: Sequence[str]) -> list[StoredCart]:
    """Take customers whom their shop erased out of their carts, and delete the orders that name them.

    Returns the carts as they were.
    """
    found = carts.find_carts_of_customers(tx, connection_id=connection_id, customer_ids=sorted(ids))
    carts.save_carts(tx, carts=[_without_person(cart) for cart in found])
    names = {f"customer:{one}" for one in ids} | {f"email:{cart.email}" for cart in found if cart.email}
    carts.delete_orders(tx, orders=carts.find_orders(tx, connection_id=connection_id, names=sorted(names)))
    return found


def _without_person(cart: StoredCart) -> StoredCart:
    kept = StoredCart(
        cart.connection_id, cart.key, cart_id=cart.cart_id, cart_token=cart.cart_token, counted=cart.counted
    )
    times = replace(kept, began_at=cart.began_at, at=cart.at, received_at=cart.received_at, expires_at=cart.expires_at)
    return replace(times, state="bought" if cart.state == "bought" else "closed")


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Every cart and order of the number that is still kept."""
    names = {stored.id: stored.name for stored in connections.list_connections(tx)}
    orders = {(order.connection_id, order.order_id): order for order in carts.find_orders_of(tx, mobile=person.mobile)}
    return {
        "carts": [
            CartView(
                connection=names.get(cart.connection_id, str(cart.connection_id)),
                key=cart.key,
                state=cart.state,
                email=cart.email or None,
                customer=cart.customer_id or None,
                began_at=format_time(cart.began_at),
                at=format_time(cart.at),
                fields=_read_fields(cart.fields),
            )
            for cart in carts.find_carts_of_numbers(tx, mobiles=[person.mobile])
        ],
        "cart_orders": [
            CartOrderView(
                connection=names.get(order.connection_id, str(order.connection_id)),
                id=order.order_id,
                at=format_time(order.at),
            )
            for order in orders.values()
        ],
    }
