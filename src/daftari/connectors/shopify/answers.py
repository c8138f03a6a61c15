"""Shopify's answers as records. What is not needed is not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct, field

from daftari.connectors.times import read_time

T = TypeVar("T")
Word = str
"""A state of consent: ``SUBSCRIBED``, ``UNSUBSCRIBED``, ``NEVER_SUBSCRIBED``, ``PENDING`` or ``REDACTED``."""


def read_id(gid: str) -> str:
    """The number in a global id such as ``gid://shopify/Customer/7``. Raises ``ValueError``."""
    number = gid.rpartition("/")[2].partition("?")[0]
    if not (number.isascii() and number.isdecimal()):
        raise ValueError(f"the id {gid[:60]!r} has no number")
    return number


# ---- what is around an answer -----------------------------------------------------------------------


class Throttle(Struct, rename="camel"):
    """The bucket of cost points that the shop keeps for the app."""

    maximum_available: float
    currently_available: float
    restore_rate: float


class Cost(Struct, rename="camel"):
    requested_query_cost: float | None = None
    throttle_status: Throttle | None = None


class Extensions(Struct):
    cost: Cost | None = None


class ErrorExtensions(Struct):
    code: str = ""


class Error(Struct):
    message: str = ""
    extensions: ErrorExtensions = field(default_factory=ErrorExtensions)


class Envelope(Struct):
    """A response of the GraphQL API; ``errors`` is a text where the API was not reached at all."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Error] | str | dict[str, object] | None = None
    extensions: Extensions = field(default_factory=Extensions)

    @property
    def faults(self) -> list[Error]:
        if isinstance(self.errors, list):
            return self.errors
        return [Error(str(self.errors))] if self.errors else []


class Token(Struct):
    """A token of an app."""

    access_token: str
    expires_in: float | None = None


class OAuthError(Struct):
    error: str = ""
    error_description: str = ""
    errors: str | dict[str, object] = ""

    @property
    def says(self) -> str:
        return self.error_description or self.error or str(self.errors or "no reason given")


class PageInfo(Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class Connection(Struct, Generic[T], rename="camel"):
    nodes: list[T]
    page_info: PageInfo


class Listed(Struct, Generic[T]):
    """A list of which only the first page is wanted."""

    nodes: list[T]


# ---- the shop ---------------------------------------------------------------------------------------


class ShopFacts(Struct, rename="camel"):
    name: str
    myshopify_domain: str
    iana_timezone: str = "UTC"


class AccessScope(Struct):
    handle: str


class Installation(Struct, rename="camel"):
    access_scopes: list[AccessScope]


class Shop(Struct, rename="camel"):
    shop: ShopFacts
    current_app_installation: Installation

    @property
    def scopes(self) -> set[str]:
        """What the app may do. The right to write has that to read in it."""
        found = {one.handle for one in self.current_app_installation.access_scopes}
        return found | {f"read_{one.removeprefix('write_')}" for one in found if one.startswith("write_")}


class _Count(Struct):
    count: int


class Count(Struct, rename="camel"):
    customers_count: _Count | None = None


# ---- customers --------------------------------------------------------------------------------------


class Consent(Struct, rename="camel"):
    """What a customer said about a channel. Shopify keeps the newest by ``updatedAt``."""

    state: Word
    updated_at: str | None = None

    @property
    def at(self) -> int | None:
        return read_time(self.updated_at)


class Phone(Struct, rename="camel"):
    sms_marketing_consent: Consent
    whats_app_marketing_consent: Consent
    phone_number: str | None = None


class Email(Struct, rename="camel"):
    email_address: str | None = None


class Address(Struct, rename="camel"):
    phone: str | None = None
    city: str | None = None
    company: str | None = None
    country_code_v2: str | None = None


class Customer(Struct, rename="camel"):
    id: str
    updated_at: str
    first_name: str | None = None
    last_name: str | None = None
    tags: list[str] = []
    default_phone_number: Phone | None = None
    default_email_address: Email | None = None
    default_address: Address | None = None

    def __post_init__(self) -> None:
        self.id = read_id(self.id)

    @property
    def version(self) -> int:
        return read_time(self.updated_at) or 0

    @property
    def is_nameless(self) -> bool:
        """Whether nothing says who it is. Shopify keeps no such customer, but one that was redacted."""
        phone, email, address = self.default_phone_number, self.default_email_address, self.default_address
        said = [self.first_name, self.last_name, phone and phone.phone_number, email and email.email_address]
        said += [address.phone, address.city, address.company] if address else []
        return not any(said)

    @property
    def phones(self) -> list[str]:
        """Its own number, to which its consent belongs, then that of its address."""
        own = self.default_phone_number.phone_number if self.default_phone_number else None
        other = self.default_address.phone if self.default_address else None
        return [*dict.fromkeys(one for one in (own, other) if one)]

    def consents(self) -> Iterator[tuple[str, Consent]]:
        """What it said, by the name of the channel."""
        if self.default_phone_number is not None:
            yield "sms", self.default_phone_number.sms_marketing_consent
            yield "whatsapp", self.default_phone_number.whats_app_marketing_consent

    def values(self) -> dict[str, object]:
        """Its fields by the names that settings use."""
        email, address = self.default_email_address, self.default_address
        return {
            "phones": self.phones,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": email.email_address if email else None,
            "city": address.city if address else None,
            "company": address.company if address else None,
            "country": address.country_code_v2 if address else None,
            "tags": self.tags,
            **{f"{channel}_consent": said.state for channel, said in self.consents()},
            **{f"{channel}_consent_at": said.updated_at for channel, said in self.consents()},
        }


class Customers(Struct):
    customers: Connection[Customer]


class CustomersById(Struct):
    """Customers in the order of their ids; ``None`` for one that is not there."""

    nodes: list[Customer | None]


class Id(Struct):
    id: str

    def __post_init__(self) -> None:
        self.id = read_id(self.id)


class CustomerIds(Struct):
    customers: Connection[Id]


class _Consenting(Struct, rename="camel"):
    id: str
    default_phone_number: Phone | None = None

    def __post_init__(self) -> None:
        self.id = read_id(self.id)

    def consent(self, channel: str) -> Consent | None:
        phone = self.default_phone_number
        if phone is None:
            return None
        return phone.sms_marketing_consent if channel == "sms" else phone.whats_app_marketing_consent


class Consents(Struct):
    nodes: list[_Consenting | None]


# ---- segments and tags ------------------------------------------------------------------------------


class Segment(Id):
    name: str = ""


class _Tagged(Struct, rename="camel"):
    customer_tags: Listed[str]


class Groups(Struct):
    segments: Connection[Segment]
    shop: _Tagged


class _Edge(Struct):
    node: Id


class _Members(Struct, rename="camel"):
    edges: list[_Edge]
    page_info: PageInfo
    total_count: int


class Members(Struct, rename="camel"):
    customer_segment_members: _Members

    @property
    def ids(self) -> list[int]:
        return [int(edge.node.id) for edge in self.customer_segment_members.edges]


# ---- what is written --------------------------------------------------------------------------------


class UserError(Struct):
    message: str = ""
    field: list[str] | None = None
    code: str | None = None


class _Payload(Struct, rename="camel"):
    user_errors: list[UserError] = []


class Written(Struct):
    written: _Payload | None = None

    @property
    def refusal(self) -> str:
        """Why it was refused; blank where it was written."""
        if self.written is None:
            return "no reason given"
        errors = self.written.user_errors
        return " ".join(dict.fromkeys(one.message for one in errors)) or "no reason given" if errors else ""


# ---- orders -----------------------------------------------------------------------------------------


class _Address(Struct):
    phone: str | None = None


class Sale(Struct, rename="camel"):
    id: str
    created_at: str
    phone: str | None = None
    email: str | None = None
    checkout_token: str | None = None
    cart_token: str | None = None
    customer: Id | None = None
    shipping_address: _Address | None = None

    @property
    def phones(self) -> Sequence[str]:
        other = self.shipping_address.phone if self.shipping_address else None
        return [one for one in (self.phone, other) if one]


class Checkout(Struct, rename="camel"):
    id: str
    completed_at: str | None = None


class Sales(Struct):
    cart: Listed[Sale] | None = None
    person: Listed[Sale] | None = None
    checkouts: Listed[Checkout] | None = None


# ---- webhooks ---------------------------------------------------------------------------------------


class Webhook(Struct):
    id: str
    topic: str
    uri: str = ""


class Webhooks(Struct, rename="camel"):
    webhook_subscriptions: Listed[Webhook]


class MadeWebhook(Struct):
    made: _Payload | None = None


class Deleted(Struct):
    deleted: _Payload | None = None
