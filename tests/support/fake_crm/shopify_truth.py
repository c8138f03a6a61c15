"""The truth of the fake Shopify: customers, their consents and search index, segments, checkouts, orders. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from tests.support.fake_crm.exchange import Clock

NAIROBI = timezone(timedelta(hours=3))
CHANNELS = ("sms", "whatsapp")


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def local(seconds: float | None) -> str | None:
    """As deliveries have it: in the shop's zone."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), NAIROBI).isoformat()


@dataclass(frozen=True)
class Consent:
    state: str = "NEVER_SUBSCRIBED"
    at: float | None = None
    level: str | None = None
    source: str | None = None


@dataclass
class Indexed:
    """A customer as the search index has it, from a moment on; ``there`` is false when it is not in it."""

    visible_at: float
    updated: int
    tags: tuple[str, ...]
    there: bool


@dataclass
class Customer:
    id: int
    updated: int
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    consents: dict[str, Consent] = field(default_factory=lambda: dict.fromkeys(CHANNELS, Consent()))
    deleted: bool = False
    merged_into: int | None = None
    indexed: list[Indexed] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return not self.deleted and self.merged_into is None

    @property
    def is_redacted(self) -> bool:
        """Whether nothing is left that says who it is; Shopify keeps no other customer without a name and a number."""
        return not (self.first_name or self.last_name or self.phone or self.email or self.address)


@dataclass
class Checkout:
    id: int
    token: str
    cart_token: str
    created: int
    updated: int
    phone: str | None = None
    email: str | None = None
    customer: int | None = None
    shipping_phone: str | None = None
    accepts: bool = False
    total: str = "2450.00"
    items: tuple[str, ...] = ("Kikoy",)
    completed: int | None = None
    deleted: bool = False


@dataclass
class Order:
    id: int
    created: int
    updated: int
    checkout: Checkout | None = None
    phone: str | None = None
    email: str | None = None
    customer: int | None = None
    cancelled: int | None = None
    test: bool = False
    visible_at: float = 0.0


@dataclass
class Happening:
    """What a webhook announces: its topic and the body as it was then."""

    topic: str
    body: dict[str, Any]
    at: float


class ShopifyTruth:
    """One shop. Times are whole seconds since 1970, as Shopify's are.

    ``lag_seconds``: how late a change reaches the search index, at most. ``consent_is_change`` is what no documentation
    says: whether a consent moves a customer's time of change.
    """

    def __init__(self, seed: int, clock: Clock, *, lag_seconds: float = 20.0) -> None:
        self.random = Random(seed)
        self.clock = clock
        self.lag_seconds = lag_seconds
        self.consent_is_change = self.random.random() < 0.5
        self.domain = "ziwa.myshopify.com"
        self.name = "Ziwa"
        self.customers: dict[int, Customer] = {}
        self.segments: dict[int, tuple[str, set[int]]] = {}
        self.checkouts: dict[str, Checkout] = {}
        self.orders: dict[int, Order] = {}
        self.happened: list[Happening] = []
        self.subscribers: set[int] = set()
        """Customers whom another program subscribes again at once, whenever someone says otherwise."""
        self._next_id = 706_405_506_930_370_000

    @property
    def now(self) -> int:
        return int(self.clock.now())

    def new_id(self) -> int:
        self._next_id += self.random.randint(1, 9)
        return self._next_id

    # ---- customers ------------------------------------------------------------------------------------

    def create(self, first_name: str = "", phone: str = "", **more: Any) -> int:
        customer = Customer(self.new_id(), self.now, first_name or None, phone=phone or None, **more)
        self.customers[customer.id] = customer
        self._changed(customer, "customers/create")
        return customer.id

    def edit(self, customer_id: int, **changes: Any) -> None:
        self.edit_all([customer_id], **changes)

    def edit_all(self, ids: Iterable[int], **changes: Any) -> None:
        """One bulk edit: all of them have the same time of change."""
        for customer_id in ids:
            customer = self.customers[customer_id]
            for name, value in changes.items():
                setattr(customer, name, value)
            if changes.get("phone"):  # Consent belongs to a number.
                customer.consents = dict.fromkeys(CHANNELS, Consent())
            customer.updated = self.now
            self._changed(customer, "customers/update")

    def delete(self, customer_id: int) -> None:
        customer = self.customers[customer_id]
        customer.deleted = True
        self._leave_segments(customer_id)
        self._index(customer)
        self._announce("customers/delete", {"id": customer_id})

    def merge(self, one: int, other: int) -> int:
        """Merge two customers; Shopify chooses the winner."""
        kept, lost = self.random.sample([one, other], 2)
        winner, loser = self.customers[kept], self.customers[lost]
        winner.phone = winner.phone or loser.phone
        winner.tags = tuple(dict.fromkeys((*winner.tags, *loser.tags)))
        winner.updated = self.now
        loser.merged_into = kept
        self._leave_segments(lost)
        self._index(loser)
        self._index(winner)
        body = {"admin_graphql_api_customer_kept_id": gid(kept), "admin_graphql_api_customer_deleted_id": gid(lost)}
        self._announce("customers/merge", {**body, "status": "completed", "errors": []})
        self._announce("customers/delete", {"id": lost})
        return kept

    def redact(self, customer_id: int) -> None:
        customer = self.customers[customer_id]
        body = {"shop_id": 954_889, "shop_domain": self.domain, "orders_to_redact": []}
        body["customer"] = {"id": customer_id, "email": customer.email, "phone": customer.phone}
        customer.first_name = customer.last_name = customer.phone = customer.email = None
        customer.address, customer.tags = {}, ()
        customer.consents = dict.fromkeys(CHANNELS, Consent("REDACTED"))
        customer.updated = self.now
        self._index(customer)
        self._announce("customers/redact", body)

    def consent(
        self, customer_id: int, channel: str, state: str, *, at: float | None = None, source: str = "SHOPIFY"
    ) -> None:
        """Someone says yes or no; the newest by its own time counts."""
        customer = self.customers[customer_id]
        wanted = Consent(state, self.clock.now() if at is None else at, "SINGLE_OPT_IN", source)
        known = customer.consents[channel]
        if known.at is not None and wanted.at is not None and wanted.at < known.at:
            return
        customer.consents = {**customer.consents, channel: wanted}
        if self.consent_is_change:
            customer.updated = self.now
            self._index(customer)
        topic = "customers_marketing_consent" if channel == "sms" else "customers_whats_app_marketing_consent"
        said = {"state": state.lower(), "opt_in_level": "single_opt_in", "consent_updated_at": local(wanted.at)}
        member = "sms_marketing_consent" if channel == "sms" else "whats_app_marketing_consent"
        self._announce(f"{topic}/update", {"id": customer_id, "phone": customer.phone, member: said})
        if customer_id in self.subscribers and state != "SUBSCRIBED":
            self.consent(customer_id, channel, "SUBSCRIBED", at=wanted.at, source="OTHER")

    def make_segment(self, segment_id: int, name: str, members: Iterable[int] = ()) -> None:
        self.segments[segment_id] = (name, set(members))

    def join_segment(self, segment_id: int, customer_id: int) -> None:
        self.segments[segment_id][1].add(customer_id)
        self._announce(
            "customer.joined_segment", {"customerId": gid(customer_id), "segmentId": gid(segment_id, "Segment")}
        )

    def leave_segment(self, segment_id: int, customer_id: int) -> None:
        self.segments[segment_id][1].discard(customer_id)
        self._announce(
            "customer.left_segment", {"customerId": gid(customer_id), "segmentId": gid(segment_id, "Segment")}
        )

    # ---- checkouts and orders ---------------------------------------------------------------------------

    def start_checkout(self, **given: Any) -> Checkout:
        checkout = Checkout(self.new_id(), f"c{self.new_id():x}", f"ca{self.new_id():x}", self.now, self.now, **given)
        self.checkouts[checkout.token] = checkout
        self._announce("checkouts/create", self.show_checkout(checkout))
        return checkout

    def change_checkout(self, checkout: Checkout, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(checkout, name, value)
        checkout.updated = self.now
        self._announce("checkouts/update", self.show_checkout(checkout))

    def delete_checkout(self, checkout: Checkout) -> None:
        checkout.deleted = True
        self._announce("checkouts/delete", {"id": checkout.id, "presentment_currency": "KES"})

    def complete(self, checkout: Checkout, **given: Any) -> Order:
        """The buyer pays; the checkout is an order from now on."""
        checkout.completed = checkout.updated = self.now
        person = {"phone": checkout.phone, "email": checkout.email, "customer": checkout.customer}
        order = self.order(checkout=checkout, **{**person, **given})
        self._announce("checkouts/update", self.show_checkout(checkout))
        return order

    def order(self, **given: Any) -> Order:
        order = Order(self.new_id(), self.now, self.now, **given)
        order.visible_at = self.clock.now() + self.random.random() * self.lag_seconds
        self.orders[order.id] = order
        self._announce("orders/create", self.show_order(order))
        return order

    # ---- as deliveries have it --------------------------------------------------------------------------

    def show_customer(self, customer: Customer) -> dict[str, Any]:
        said = {name: _show_consent(one) for name, one in customer.consents.items()}
        return {
            "id": customer.id,
            "created_at": local(customer.updated),
            "updated_at": local(customer.updated),
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "state": "disabled",
            "phone": customer.phone,
            "email": customer.email,
            "currency": "KES",
            "addresses": [],
            "sms_marketing_consent": said["sms"] if customer.phone else None,
            "admin_graphql_api_id": gid(customer.id),
            **({"default_address": self._show_address(customer.address)} if customer.address else {}),
        }

    def _show_address(self, address: Mapping[str, str]) -> dict[str, Any]:
        names = ("first_name", "last_name", "phone", "city", "company", "country_code")
        return {name: address.get(name) for name in names}

    def show_checkout(self, checkout: Checkout) -> dict[str, Any]:
        customer = self.customers.get(checkout.customer or 0)
        shipping = {"first_name": "Amina", "phone": checkout.shipping_phone, "city": "Kisumu", "country_code": "KE"}
        return {
            "id": checkout.id,
            "token": checkout.token,
            "cart_token": checkout.cart_token,
            "email": checkout.email,
            "phone": checkout.phone,
            "sms_marketing_phone": None,
            "buyer_accepts_marketing": False,
            "buyer_accepts_sms_marketing": checkout.accepts,
            "customer_locale": "en-KE",
            "created_at": local(checkout.created),
            "updated_at": local(checkout.updated),
            "completed_at": local(checkout.completed),
            "closed_at": None,
            "abandoned_checkout_url": f"https://{self.domain}/checkouts/ac/{checkout.token}/recover",
            "currency": "KES",
            "presentment_currency": "KES",
            "total_price": checkout.total,
            "line_items": [{"title": title, "quantity": 1} for title in checkout.items],
            "shipping_address": shipping if checkout.shipping_phone else [],
            "billing_address": [],
            **({"customer": self.show_customer(customer)} if customer else {}),
        }

    def show_order(self, order: Order) -> dict[str, Any]:
        customer = self.customers.get(order.customer or 0)
        return {
            "id": order.id,
            "checkout_id": order.checkout.id if order.checkout else None,
            "checkout_token": order.checkout.token if order.checkout else None,
            "cart_token": order.checkout.cart_token if order.checkout else None,
            "created_at": local(order.created),
            "cancelled_at": local(order.cancelled),
            "test": order.test,
            "email": order.email,
            "phone": order.phone,
            "financial_status": "pending",
            "shipping_address": None,
            **({"customer": self.show_customer(customer)} if customer else {}),
        }

    # ---- what can be asked ------------------------------------------------------------------------------

    def live(self) -> dict[int, Customer]:
        return {customer.id: customer for customer in self.customers.values() if customer.is_live}

    def search(self) -> Iterator[tuple[Customer, Indexed]]:
        """All customers that the index has now, by id, as it has them."""
        now = self.clock.now()
        for customer in self.customers.values():
            while len(customer.indexed) > 1 and customer.indexed[1].visible_at <= now:
                customer.indexed.pop(0)
            first = customer.indexed[0]
            if first.visible_at <= now and first.there:
                yield customer, first

    def _changed(self, customer: Customer, topic: str) -> None:
        self._index(customer)
        self._announce(topic, self.show_customer(customer))

    def _index(self, customer: Customer) -> None:
        last = customer.indexed[-1].visible_at if customer.indexed else 0.0
        at = max(last, self.clock.now() + self.random.random() * self.lag_seconds)
        customer.indexed.append(Indexed(at, customer.updated, customer.tags, customer.is_live))

    def _leave_segments(self, customer_id: int) -> None:
        for _, members in self.segments.values():
            members.discard(customer_id)

    def _announce(self, topic: str, body: dict[str, Any]) -> None:
        self.happened.append(Happening(topic, body, self.clock.now()))


def gid(customer_id: int, kind: str = "Customer") -> str:
    return f"gid://shopify/{kind}/{customer_id}"


def _show_consent(consent: Consent) -> dict[str, Any]:
    known = replace(consent, state=consent.state if consent.state != "NEVER_SUBSCRIBED" else "NOT_SUBSCRIBED")
    return {"state": known.state.lower(), "opt_in_level": "single_opt_in", "consent_updated_at": local(known.at)}
