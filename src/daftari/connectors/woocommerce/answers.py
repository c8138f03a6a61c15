"""WooCommerce's answers as records. What is not needed is not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from daftari.connectors.phones import find_end
from daftari.connectors.times import read_time

Judgement = Literal["cart", "pending", "bought", "closed", "nothing"]
"""What an order is. ``pending``: its payment may be under way, so it counts as bought, and may still fail."""

CHECKOUTS = ("checkout", "store-api")
"""How an order was made that a buyer began."""
PAID_AT_ONCE = ("stripe", "woocommerce_payments", "ppcp", "ppec", "paypal", "square", "braintree")
"""How the names of payments begin that end while the buyer is on the page. Any other one may be M-Pesa, whose payment
comes when the buyer has left it."""
META = "meta."
"""How the names of fields begin that are meta fields there."""
ACCEPTS = "daftari_accepts_sms"
"""The meta field of an order in which a shop keeps whether the buyer agreed to messages."""
TITLES_MAX = 3
"""Things in an order that are named."""
TEXT_MAX = 200


class Index(Struct):
    """How WordPress describes itself to everyone."""

    name: str = ""
    home: str = ""
    timezone_string: str = ""
    gmt_offset: float | str = 0

    @property
    def zone(self) -> str:
        """An IANA name; UTC where the shop has an offset that none has."""
        if self.timezone_string:
            return self.timezone_string
        try:
            hours = float(self.gmt_offset)
        except ValueError:
            return "UTC"
        # The names count from the other side: Etc/GMT-3 is three hours ahead.
        return f"Etc/GMT{-int(hours):+d}" if hours == int(hours) and hours else "UTC"


class Error(Struct):
    code: str | int = ""
    message: str = ""


class Address(Struct):
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    city: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None


class Meta(Struct):
    key: str = ""
    value: object = None


class _Person(Struct, kw_only=True):
    """What customers and orders share. PHP has a list for an object without members, and an object for a list."""

    id: int
    billing: Address | list[object] | None = None
    shipping: Address | list[object] | None = None
    meta_data: list[Meta] | dict[str, Meta] | None = None
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None

    @property
    def addresses(self) -> tuple[Address, Address]:
        """Of the bill and of the delivery."""
        billing, shipping = (one if isinstance(one, Address) else Address() for one in (self.billing, self.shipping))
        return billing, shipping

    @property
    def phones(self) -> list[str]:
        """The number of the bill, then that of the delivery."""
        return [*dict.fromkeys(phone for one in self.addresses if (phone := (one.phone or "").strip()))]

    @property
    def ends(self) -> list[str]:
        """By which its numbers are compared."""
        return [*dict.fromkeys(end for one in self.phones if (end := find_end(one)))]

    @property
    def modified_at(self) -> int | None:
        return read_time(self.date_modified_gmt) or read_time(self.date_created_gmt)

    @property
    def created_at(self) -> int | None:
        return read_time(self.date_created_gmt)

    def metas(self) -> Iterator[Meta]:
        found = self.meta_data or []
        yield from found.values() if isinstance(found, dict) else found

    def meta(self, key: str) -> object:
        """The value of a meta field, if it is a text, a number, a yes or no, or a list of texts."""
        for one in self.metas():
            if one.key == key:
                value = one.value
                if isinstance(value, list):
                    return [item for item in value if isinstance(item, str)]
                return value if isinstance(value, str | int | float | bool) else None
        return None

    def _shared(self, name: str) -> object:
        billing, shipping = self.addresses
        match name:
            case "phones":
                return self.phones
            case "first_name" | "last_name" | "company" | "city" | "country":
                return getattr(billing, name) or getattr(shipping, name)
            case _:
                return self.meta(name.removeprefix(META)) if name.startswith(META) else None


class Customer(_Person, kw_only=True):
    """Someone with an account."""

    role: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    is_paying_customer: bool | None = None

    @property
    def version(self) -> int:
        return self.modified_at or 0

    def value(self, name: str) -> object:
        """A field by the name that settings use."""
        match name:
            case "email":
                return self.email or self.addresses[0].email
            case "role":
                return self.role
            case "paying":
                return bool(self.is_paying_customer)
            case "first_name" | "last_name":
                return getattr(self, name) or self._shared(name)
            case _:
                return self._shared(name)


class Item(Struct):
    name: str | None = None
    quantity: int | float | None = None


class Order(_Person, kw_only=True):
    """An order, or a cart on its way to be one."""

    status: str = ""
    order_key: str = ""
    created_via: str | None = None
    payment_method: str | None = None
    customer_id: int = 0
    currency: str | None = None
    total: str | None = None
    payment_url: str | None = None
    needs_payment: bool | None = None
    line_items: list[Item] | None = None

    @property
    def judgement(self) -> Judgement:
        """What its status says. One of the shop's own counts as bought: who is in doubt gets no reminder."""
        is_buyers = (self.created_via or "") in CHECKOUTS
        match self.status:
            case "checkout-draft":
                return "cart"
            case "failed":
                return "cart" if is_buyers else "nothing"
            case "pending":
                is_left = is_buyers and (self.payment_method or "").lower().startswith(PAID_AT_ONCE)
                return "cart" if is_left else "pending"
            case "cancelled" | "trash":
                return "closed"
            case "" | "draft" | "auto-draft" | "new":
                return "nothing"
            case _:
                return "bought"

    @property
    def country(self) -> str:
        """Where it is paid, or goes to."""
        billing, shipping = self.addresses
        return billing.country or shipping.country or ""

    @property
    def is_guests(self) -> bool:
        """Whether it makes a guest known: it counts as bought, and no account has made it."""
        return not self.customer_id and self.judgement == "bought" and bool(self.ends)

    @property
    def accepts(self) -> bool:
        """Whether the buyer agreed to messages, if the shop asks."""
        for one in self.metas():
            key = one.key.strip("_").replace("/", "_").replace("-", "_")
            if key.endswith(ACCEPTS):
                return str(one.value).strip().lower() in ("1", "yes", "true", "on")
        return False

    @property
    def items(self) -> str:
        """The first things in it."""
        names = [one.name for one in self.line_items or [] if one.name]
        return ", ".join(names[:TITLES_MAX])[:TEXT_MAX]

    @property
    def item_count(self) -> int:
        return sum(int(one.quantity or 0) for one in self.line_items or [])

    def value(self, name: str) -> object:
        """A field of the guest who made it, by the name that settings use."""
        match name:
            case "email":
                return self.addresses[0].email
            case "role":
                return "guest"
            case "paying":
                return True
            case _:
                return self._shared(name)


CUSTOMER_FIELDS = ",".join(Customer.__struct_fields__)
ORDER_FIELDS = ",".join(
    one for one in Order.__struct_fields__ if one not in ("line_items", "payment_url", "needs_payment")
)
"""What is asked for; WooCommerce does not work out what is not."""


class BatchItem(Struct):
    id: int = 0
    error: Error | None = None


class Batch(Struct):
    update: Sequence[BatchItem] = ()


class Webhook(Struct):
    id: int
    status: str = ""
    topic: str = ""
    delivery_url: str = ""


def read_error(body: bytes) -> Error:
    """The error of a response; one without members when the body is anything else."""
    try:
        return msgspec.json.decode(body, type=Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Error()
