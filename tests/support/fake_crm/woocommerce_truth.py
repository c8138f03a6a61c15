"""The truth of the fake WooCommerce: accounts, orders, and what happened to them. No HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from tests.support.fake_crm.exchange import Clock

NAIROBI = timezone(timedelta(hours=3))
ADDRESS = ("first_name", "last_name", "company", "address_1", "city", "state", "postcode", "country", "email", "phone")


def gmt(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def local(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, NAIROBI).replace(tzinfo=None).isoformat()


def dates(created: int | None, modified: int | None) -> dict[str, str | None]:
    return {
        "date_created": local(created),
        "date_created_gmt": gmt(created),
        "date_modified": local(modified),
        "date_modified_gmt": gmt(modified),
    }


def address(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in ADDRESS}


@dataclass
class Person:
    """What accounts and orders share."""

    id: int
    created: int
    modified: int
    billing: dict[str, str] = field(default_factory=dict)
    shipping: dict[str, str] = field(default_factory=dict)
    meta: dict[str, tuple[int, object]] = field(default_factory=dict)

    def show_meta(self) -> list[dict[str, object]]:
        return [{"id": number, "key": key, "value": value} for key, (number, value) in self.meta.items()]


@dataclass
class User(Person):
    role: str = "customer"
    email: str = ""
    first_name: str = ""
    last_name: str = ""

    def show(self) -> dict[str, object]:
        return {
            "id": self.id,
            **dates(self.created, self.modified),
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "role": self.role,
            "username": f"u{self.id}",
            "billing": address(self.billing),
            "shipping": address(self.shipping),
            "is_paying_customer": False,
            "avatar_url": "",
            "meta_data": self.show_meta(),
        }


@dataclass
class Order(Person):
    status: str = "processing"
    customer: int = 0
    via: str = "checkout"
    method: str = "mpesa"
    items: tuple[str, ...] = ("Kikoy",)
    total: str = "2450.00"

    @property
    def key(self) -> str:
        return f"wc_order_{self.id:06}"

    def show(self) -> dict[str, object]:
        pays = self.status in ("pending", "failed", "checkout-draft")
        return {
            "id": self.id,
            "parent_id": 0,
            "number": str(self.id),
            "order_key": self.key,
            "created_via": self.via,
            "status": self.status,
            "currency": "KES",
            **dates(self.created, self.modified),
            "total": self.total,
            "customer_id": self.customer,
            "billing": address(self.billing),
            "shipping": address(self.shipping),
            "payment_method": self.method,
            "payment_method_title": self.method.title(),
            "date_paid_gmt": gmt(self.modified) if self.status in ("processing", "completed") else None,
            "cart_hash": "5f1d0c0e6b7a4f",
            "meta_data": self.show_meta(),
            "line_items": [{"id": 1, "name": one, "quantity": 1} for one in self.items],
            "payment_url": f"https://ziwa.example/checkout/order-pay/{self.id}/?pay_for_order=true&key={self.key}",
            "needs_payment": pays and self.status != "checkout-draft",
        }


@dataclass
class Happening:
    """What a webhook is about. A delivery has what is so when it is sent."""

    topic: str
    id: int


class WooTruth:
    """One shop in Nairobi. Times are whole seconds since 1970."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.random = Random(seed)
        self.clock = clock
        self.home = "https://ziwa.example"
        self.name = "Ziwa"
        self.users: dict[int, User] = {}
        self.orders: dict[int, Order] = {}
        self.happened: list[Happening] = []
        self._next_user, self._next_order, self._next_meta = 1, 100, 500

    @property
    def now(self) -> int:
        return int(self.clock.now())

    # ---- accounts -------------------------------------------------------------------------------------

    def register(self, first_name: str = "", phone: str = "", *, email: str = "", role: str = "customer") -> int:
        self._next_user += self.random.randint(1, 3)
        user = User(self._next_user, self.now, self.now, role=role, email=email, first_name=first_name)
        user.billing = {"phone": phone, "email": email} if phone else {}
        self.users[user.id] = user
        self._announce("customer.created", user.id)
        return user.id

    def edit(self, user_id: int, **billing: str) -> None:
        user = self.users[user_id]
        user.billing |= billing
        user.modified = self.now
        self._announce("customer.updated", user_id)

    def set_meta(self, person: Person, key: str, value: object) -> None:
        """What a plugin does by itself: it moves no time, and no webhook announces it."""
        number = person.meta[key][0] if key in person.meta else self._new_meta()
        person.meta[key] = (number, value)

    def save_meta(self, user_id: int, metas: list[dict[str, Any]]) -> None:
        """What a call does: the account is saved."""
        user = self.users[user_id]
        for one in metas:
            self.set_meta(user, str(one["key"]), one["value"])
        user.modified = self.now
        self._announce("customer.updated", user_id)

    def delete_user(self, user_id: int) -> None:
        """An account; its orders stay, and name it still."""
        user = self.users.pop(user_id)
        if user.role == "customer":  # WooCommerce announces no other.
            self._announce("customer.deleted", user_id)

    def link_orders(self, user_id: int) -> None:
        """Give an account the orders that were made with its e-mail, as WooCommerce does when one is made."""
        for order in self.orders.values():
            if not order.customer and order.billing.get("email") == self.users[user_id].email:
                order.customer = user_id

    # ---- orders ---------------------------------------------------------------------------------------

    def order(self, phone: str = "", *, email: str = "", first_name: str = "", customer: int = 0, **more: Any) -> int:
        self._next_order += self.random.randint(1, 3)
        order = Order(self._next_order, self.now, self.now, customer=customer, **more)
        order.billing = {"phone": phone, "email": email, "first_name": first_name, "country": "KE"}
        self.orders[order.id] = order
        if customer and phone:  # The checkout keeps the address with the account.
            self.users[customer].billing |= {"phone": phone, "first_name": first_name}
            self.users[customer].modified = self.now
        self._announce("order.created", order.id)
        return order.id

    def change(self, order_id: int, **changes: Any) -> None:
        order = self.orders[order_id]
        for name, value in changes.items():
            setattr(order, name, value)
        order.modified = self.now
        topic = {"trash": "order.deleted"}.get(changes.get("status", ""), "order.updated")
        self._announce(topic, order_id)

    def trash(self, order_id: int) -> None:
        self.change(order_id, status="trash")

    def restore(self, order_id: int, status: str = "processing") -> None:
        self.change(order_id, status=status)
        self.happened[-1].topic = "order.restored"

    def delete_order(self, order_id: int) -> None:
        """Permanently, which no webhook announces."""
        del self.orders[order_id]

    # ---- what follows ---------------------------------------------------------------------------------

    def _announce(self, topic: str, number: int) -> None:
        self.happened.append(Happening(topic, number))

    def _new_meta(self) -> int:
        self._next_meta += 1
        return self._next_meta
