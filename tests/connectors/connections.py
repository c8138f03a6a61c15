"""Connections to the fake CRMs, for the tests of connectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daftari.connectors.calls import Caller, Usage
from daftari.connectors.hubspot import HubSpot
from daftari.connectors.odoo import Odoo
from daftari.connectors.pipedrive import Pipedrive
from daftari.connectors.protocol import Cart, CartQuestion, Connection
from daftari.connectors.shopify import Shopify
from daftari.connectors.woocommerce import WooCommerce
from daftari.model.secrets import Secret
from tests.support.fake_crm import (
    Clock,
    FakeHubSpot,
    FakeOdoo,
    FakePipedrive,
    FakeShopify,
    FakeWooCommerce,
    directly,
)

FIELDS = ("firstname", "lastname", "mobilephone", "phone", "city")


def hubspot(
    fake: FakeHubSpot,
    clock: Clock,
    *,
    fields: Sequence[str] = FIELDS,
    groups: Sequence[str] = (),
    account: str = "62515",
    write_back: bool = True,
    key: str = "",
    usage: Usage | None = None,
    latency_seconds: float = 0.05,
) -> HubSpot:
    connection = Connection(
        name="crm",
        account=account,
        time_zone="Africa/Nairobi",
        fields=fields,
        groups=groups,
        write_back=write_back,
        settings={"base_url": "https://hubspot.example"},
        credentials={"key": Secret(key or fake.key)},
    )
    send = directly(fake, clock, latency_seconds=latency_seconds)
    return HubSpot(connection, Caller(send, clock, usage=usage))


PERSON_FIELDS = ("name", "first_name", "phones")


def pipedrive(
    fake: FakePipedrive,
    clock: Clock,
    *,
    fields: Sequence[str] = PERSON_FIELDS,
    groups: Sequence[str] = (),
    account: str = "100",
    token: str = "",
    daily_tokens: int = 30_000,
    usage: Usage | None = None,
) -> Pipedrive:
    connection = Connection(
        name="crm",
        account=account,
        time_zone="Africa/Nairobi",
        fields=fields,
        groups=groups,
        write_back=True,
        settings={"company": "ziwa", "daily_tokens": str(daily_tokens)},
        credentials={"token": Secret(token or fake.token)},
    )
    return Pipedrive(connection, Caller(directly(fake, clock), clock, usage=usage))


CUSTOMER_FIELDS = (
    "phones",
    "first_name",
    "city",
    "sms_consent",
    "whatsapp_consent",
    "sms_consent_at",
    "whatsapp_consent_at",
)


def shopify(
    fake: FakeShopify,
    clock: Clock,
    *,
    fields: Sequence[str] = CUSTOMER_FIELDS,
    groups: Sequence[str] = (),
    account: str = "ziwa.myshopify.com",
    shop: str = "ziwa",
    token: str = "",
    write_back: bool = True,
    write_back_opt_ins: bool = False,
    credentials: Mapping[str, Secret] | None = None,
) -> Shopify:
    """A connection by the app, unless a token or other credentials are given."""
    client_id, client_secret = fake.client
    app = {"client_id": Secret(client_id), "client_secret": Secret(client_secret)}
    connection = Connection(
        name="shop",
        account=account,
        time_zone="Africa/Nairobi",
        fields=fields,
        groups=groups,
        write_back=write_back,
        write_back_opt_ins=write_back_opt_ins,
        settings={"shop": shop},
        credentials=credentials or ({"token": Secret(token)} if token else app),
    )
    return Shopify(connection, Caller(directly(fake, clock), clock))


PARTNER_FIELDS = ("phones", "name", "city", "is_company", "sms_blacklisted", "blacklisted_at")


def odoo(
    fake: FakeOdoo,
    clock: Clock,
    *,
    fields: Sequence[str] = PARTNER_FIELDS,
    groups: Sequence[str] = (),
    account: str = "odoo.example",
    url: str = "https://odoo.example",
    database: str = "",
    key: str = "",
    write_back: bool = True,
    write_back_opt_ins: bool = False,
) -> Odoo:
    connection = Connection(
        name="erp",
        account=account,
        time_zone="Africa/Nairobi",
        fields=fields,
        groups=groups,
        write_back=write_back,
        write_back_opt_ins=write_back_opt_ins,
        settings={"url": url, **({"database": database} if database else {})},
        credentials={"key": Secret(key or fake.key)},
    )
    return Odoo(connection, Caller(directly(fake, clock), clock))


ACCOUNT_FIELDS = ("phones", "first_name", "city", "role", "meta.sms_opt_in")


def woocommerce(
    fake: FakeWooCommerce,
    clock: Clock,
    *,
    fields: Sequence[str] = ACCOUNT_FIELDS,
    account: str = "ziwa.example",
    url: str = "https://ziwa.example",
    secret: str = "",
    write_back: bool = True,
) -> WooCommerce:
    connection = Connection(
        name="shop",
        account=account,
        time_zone="Africa/Nairobi",
        fields=fields,
        write_back=write_back,
        settings={"url": url},
        credentials={"consumer_key": Secret(fake.key[0]), "consumer_secret": Secret(secret or fake.key[1])},
    )
    return WooCommerce(connection, Caller(directly(fake, clock), clock))


def question_about(cart: Cart) -> CartQuestion:
    """The question about a cart that a delivery said."""
    return CartQuestion(
        key=cart.key,
        id=cart.id,
        cart_token=cart.cart_token,
        customer_id=cart.customer_id,
        email=cart.email,
        phones=cart.phones,
        began_at=cart.began_at or 0,
    )
