"""The registry of connectors: what each kind needs, and how it is made. A new system needs a line here."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from msgspec import Struct

from daftari.connectors import pipedrive, shopify, woocommerce
from daftari.connectors.calls import Caller
from daftari.connectors.hubspot import HubSpot
from daftari.connectors.odoo import Odoo
from daftari.connectors.pipedrive import Pipedrive
from daftari.connectors.protocol import Connection, Connector, DeliveryProof, Doorbell, Facts, WebhookEvent
from daftari.connectors.shopify import Shopify
from daftari.connectors.sql import Allowed, open_connector, open_doorbell, read_sql_settings
from daftari.connectors.sql.settings import SQL_FACTS, TITLES, Kind
from daftari.connectors.woocommerce import WooCommerce
from daftari.model.inbound import InboundRequest


class Opening(Struct, frozen=True):
    """What a connector is made of: the connection, what it calls by, and which databases the operator allows."""

    connection: Connection
    caller: Caller
    databases: Allowed = Allowed()


class Webhooks(Struct, frozen=True, kw_only=True):
    """How a system announces changes. ``headers``: those of a delivery that are kept, by lower-case names.

    ``read`` is pure: the events of a delivery, none where it is about nothing of ours. It raises ``Forged`` before
    ``Malformed``. ``secrets``: which of the credentials prove deliveries, each by itself; none where Daftari chooses
    the secret, and gives it to the system with the webhook. ``by_hand``: whether people make webhooks on a page of the
    system, for which they need the address. ``look_hours``: how often it is looked whether it is still there.
    """

    headers: tuple[str, ...]
    read: Callable[[InboundRequest, DeliveryProof], Sequence[WebhookEvent]]
    secrets: tuple[str, ...] = ()
    by_hand: bool = False
    look_hours: int = 24


class ConnectorKind(Struct, frozen=True, kw_only=True):
    """What is known of a kind before a connection of it is used.

    ``credentials``: the secrets that it takes. ``ways``: the sets of them with which it can be called, where one is
    enough; all are needed where none is named. ``push_way``: those with which it is never called, since its deliveries
    say what there is to know; it may be made before they are known, as its address is needed to get them.

    ``settings`` are those that it needs, ``more_settings`` those that it takes; ``read_settings`` reads them where they
    are more than texts, and raises ``ConnectorFailed``. ``in_records``: what a group may be made of that each record
    says itself, and ``walked`` that has to be walked; both are what stands before the colon, as in ``list:12``.
    ``fields``: what they are used for unless it is said. ``announces``: whether by these settings the system says when
    something has changed, so that ``open_doorbell`` hears it.
    """

    title: str
    facts: Facts
    open: Callable[[Opening], Connector]
    record_url: Callable[[Connection, str], str] = lambda connection, record_id: ""
    """Where a person sees a record there; blank where there is no such place."""
    credentials: tuple[str, ...] = ()
    ways: tuple[tuple[str, ...], ...] = ()
    push_way: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    more_settings: tuple[str, ...] = ()
    read_settings: Callable[[Mapping[str, Any]], object] | None = None
    in_records: tuple[str, ...] = ()
    walked: tuple[str, ...] = ()
    fields: Mapping[str, str] = {}
    announces: Callable[[Mapping[str, Any]], bool] = lambda settings: False
    open_doorbell: Callable[[Opening], Doorbell] | None = None
    own_prefix: str = ""
    """How the names of fields begin that are ours: opt-outs are written to them, and they are not read."""
    webhooks: Webhooks | None = None
    carts: bool = False
    """Whether its deliveries bring the carts and orders of a shop."""
    mark_channels: tuple[str, ...] = ("sms", "whatsapp")
    """The channels of which an opt-out can be written there."""

    def can_call(self, credentials: Container[str]) -> bool:
        """Whether the system can be called with these credentials, by their names."""
        return any(all(name in credentials for name in way) for way in self.ways or (self.credentials,))


def _database(kind: Kind, *, credentials: tuple[str, ...] = ("password",)) -> ConnectorKind:
    def open_table(opening: Opening) -> Connector:
        connection = opening.connection
        return open_connector(
            read_sql_settings({**connection.settings, "kind": kind}),
            password=connection.credentials.get("password", ""),
            fields=connection.fields,
            allowed=opening.databases,
        )

    def listen(opening: Opening) -> Doorbell:
        connection = opening.connection
        return open_doorbell(
            read_sql_settings({**connection.settings, "kind": kind}),
            password=connection.credentials.get("password", ""),
            allowed=opening.databases,
        )

    return ConnectorKind(
        title=TITLES[kind],
        facts=SQL_FACTS,
        open=open_table,
        credentials=credentials,
        read_settings=lambda given: read_sql_settings({**given, "kind": kind}),
        announces=lambda given: read_sql_settings({**given, "kind": kind}).notify,
        open_doorbell=listen,
    )


CONNECTORS: dict[str, ConnectorKind] = {
    "hubspot": ConnectorKind(
        title=HubSpot.facts.title,
        facts=HubSpot.facts,
        open=lambda opening: HubSpot(opening.connection, opening.caller),
        record_url=HubSpot.record_url,
        credentials=("key",),
        more_settings=("base_url",),
        walked=("list",),
        own_prefix=HubSpot.own_prefix,
        fields={"mobilephone": "mobile", "phone": "mobile", "firstname": "fname", "lastname": "lname"},
    ),
    "pipedrive": ConnectorKind(
        title=Pipedrive.facts.title,
        facts=Pipedrive.facts,
        open=lambda opening: Pipedrive(opening.connection, opening.caller),
        record_url=Pipedrive.record_url,
        credentials=("token",),
        settings=("company",),
        more_settings=("base_url", "daily_tokens"),
        in_records=("label",),
        walked=("filter",),
        fields={"phones": "mobile", "first_name": "fname", "last_name": "lname"},
        webhooks=Webhooks(headers=pipedrive.PROOF_HEADERS, read=pipedrive.read_delivery),
    ),
    "shopify": ConnectorKind(
        title=Shopify.facts.title,
        facts=Shopify.facts,
        open=lambda opening: Shopify(opening.connection, opening.caller),
        record_url=Shopify.record_url,
        credentials=("client_id", "client_secret", "token", "webhook_secret"),
        ways=(("client_id", "client_secret"), ("token",)),
        push_way=("webhook_secret",),
        settings=("shop",),
        more_settings=("base_url",),
        in_records=("tag",),
        walked=("segment",),
        fields={
            "phones": "mobile",
            "first_name": "fname",
            "last_name": "lname",
            "sms_consent": "status.sms.marketing",
            "sms_consent_at": "opt_out_at.sms",
            "whatsapp_consent": "status.whatsapp.marketing",
            "whatsapp_consent_at": "opt_out_at.whatsapp",
        },
        webhooks=Webhooks(
            headers=shopify.PROOF_HEADERS,
            read=shopify.read_delivery,
            secrets=("webhook_secret", "client_secret"),
            by_hand=True,
        ),
        carts=True,
    ),
    "odoo": ConnectorKind(
        title=Odoo.facts.title,
        facts=Odoo.facts,
        open=lambda opening: Odoo(opening.connection, opening.caller),
        record_url=Odoo.record_url,
        credentials=("key",),
        settings=("url",),
        more_settings=("database",),
        in_records=("category",),
        fields={
            "phones": "mobile",
            "name": "name",
            "email": "email",
            "city": "city",
            "commercial_company_name": "company",
            "sms_blacklisted": "opt_out.sms.marketing",
            "blacklisted_at": "opt_out_at",
        },
        mark_channels=("sms",),
    ),
    "woocommerce": ConnectorKind(
        title=WooCommerce.facts.title,
        facts=WooCommerce.facts,
        open=lambda opening: WooCommerce(opening.connection, opening.caller),
        record_url=WooCommerce.record_url,
        credentials=("consumer_key", "consumer_secret"),
        settings=("url",),
        more_settings=("base_url",),
        in_records=("role",),
        fields={"phones": "mobile", "first_name": "fname", "last_name": "lname"},
        own_prefix=WooCommerce.own_prefix,
        webhooks=Webhooks(headers=woocommerce.PROOF_HEADERS, read=woocommerce.read_delivery, look_hours=1),
        carts=True,
    ),
    "postgresql": _database("postgresql"),
    "mysql": _database("mysql"),
    "sqlite": _database("sqlite", credentials=()),
}
