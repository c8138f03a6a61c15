"""The webhooks that an app has Shopify call: looked for, made, and looked for again, since some are not made silently.

Those that the shop's owner makes on its admin page are seen by no app.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.shopify import answers
from daftari.connectors.shopify.api import Api
from daftari.connectors.shopify.operations import CREATE_WEBHOOK, DELETE_WEBHOOK, WEBHOOKS

TOPICS = (
    *("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE"),
    *("CUSTOMERS_MARKETING_CONSENT_UPDATE", "CUSTOMERS_WHATS_APP_MARKETING_CONSENT_UPDATE"),
    *("CUSTOMER_TAGS_ADDED", "CUSTOMER_TAGS_REMOVED", "CUSTOMER_JOINED_SEGMENT", "CUSTOMER_LEFT_SEGMENT"),
    *("CHECKOUTS_CREATE", "CHECKOUTS_UPDATE", "CHECKOUTS_DELETE", "ORDERS_CREATE"),
)
MORE_TOPICS = ("CUSTOMERS_MERGE", "DRAFT_ORDERS_CREATE")
"""Those that need a scope which not every app has: they are made where they can be."""


def require_webhooks(api: Api, url: str, *, needs_all: bool) -> bool:
    """Have Shopify call an address, and no former one with its token. Returns whether a webhook was made.

    Raises ``ConnectorFailed``, where all are needed also when Shopify made none of a topic.
    """
    found = _find_webhooks(api, url)
    for one in found:
        if one.uri != url:
            _delete(api, one)
    there = {one.topic for one in found if one.uri == url}
    for topic in TOPICS:
        if topic not in there:
            api.ask(CREATE_WEBHOOK, {"topic": topic, "uri": url}, answers.MadeWebhook)
    for topic in MORE_TOPICS:
        if topic not in there:
            with suppress(ConnectorFailed):
                api.ask(CREATE_WEBHOOK, {"topic": topic, "uri": url}, answers.MadeWebhook)
    now = {one.topic for one in _find_webhooks(api, url)}
    if needs_all and (lacking := [topic for topic in TOPICS if topic not in now]):
        says = (
            f"Shopify made no webhook for {', '.join(lacking)}: the app may not see that data. Make these on the "
            "shop's own page, under Settings, Notifications, Webhooks, with the address that the connection shows, and "
            "give the signing key of that page as webhook_secret."
        )
        raise ConnectorFailed("again", "webhooks_missing", says)
    return bool(now - there)


def remove_webhooks(api: Api, url: str) -> None:
    """Have Shopify no longer call an address with this token, which is its last part."""
    for one in _find_webhooks(api, url):
        _delete(api, one)


def _find_webhooks(api: Api, url: str) -> list[answers.Webhook]:
    """Those that call an address with the same token, at any host."""
    found = api.ask(WEBHOOKS, {}, answers.Webhooks).webhook_subscriptions.nodes
    return [one for one in found if _token_of(one.uri) == _token_of(url)]


def _delete(api: Api, webhook: answers.Webhook) -> None:
    api.ask(DELETE_WEBHOOK, {"id": webhook.id}, answers.Deleted)


def _token_of(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]
