"""Records of the carts and orders of connected shops. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

CHECKOUT, ORDER = "checkout", "order"
"""The names of the events that a connected shop's carts and orders are."""

CartState = Literal["open", "abandoned", "bought", "closed"]
"""``closed``: the shop deleted it, or ended it without an order."""
LastAnswer = Literal["", "open", "bought", "unknown", "unreachable"]
"""``unknown``: the shop's answer does not fit the question. ``unreachable``: it gave none."""


class StoredCart(Struct, frozen=True):
    """A cart of a connected shop; the schema says what its columns are."""

    connection_id: int
    key: str
    cart_id: str = ""
    cart_token: str = ""
    state: CartState = "open"
    subject_id: int = 0
    accepted: int = 0
    customer_id: str = ""
    email: str = ""
    fields: str = "{}"
    began_at: int = 0
    at: int = 0
    received_at: int = 0
    idle_at: int = 0
    group_id: int = 0
    counted: int = 0
    answer: LastAnswer = ""
    asked_at: int = 0
    ask_at: int = 0
    tries: int = 0
    waits_from: int = 0
    message_id: int = 0
    sent_at: int = 0
    expires_at: int = 0


class StoredOrder(Struct, frozen=True):
    """One name of an order of a connected shop; the schema says what its columns are."""

    connection_id: int
    name: str
    order_id: str
    at: int
    received_at: int
    subject_id: int
    expires_at: int


class CartFigures(Struct, frozen=True):
    """Outcomes of carts on a day, in days since 1970: how many of each."""

    day: int
    abandoned: int = 0
    bought_in_time: int = 0
    asked: int = 0
    came_back: int = 0
    no_number: int = 0
    not_accepted: int = 0
