"""The webhooks that an app has Shopify call."""

from __future__ import annotations

import pytest

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.shopify.webhooks import MORE_TOPICS, TOPICS
from daftari.model.secrets import Secret
from tests.connectors.connections import shopify
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import CLIENT_SECRET, TOKEN

URL = "https://book.example/v1/connections/hook/daf_token"
SECRET = Secret(CLIENT_SECRET)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeShopify:
    return FakeShopify(1, clock)


def topics(fake: FakeShopify, url: str = URL) -> set[str]:
    return {topic for topic, uri in fake.webhooks.values() if uri == url}


def test_webhooks_are_made_once(fake: FakeShopify, clock: Clock) -> None:
    connector = shopify(fake, clock)
    assert connector.require_webhook(URL, secret=SECRET) is True
    assert topics(fake) == {*TOPICS, *MORE_TOPICS}
    assert connector.require_webhook(URL, secret=SECRET) is False
    assert len(fake.webhooks) == len(TOPICS) + len(MORE_TOPICS)


def test_webhooks_that_shopify_deleted_are_made_again(fake: FakeShopify, clock: Clock) -> None:
    connector = shopify(fake, clock)
    connector.require_webhook(URL, secret=SECRET)
    fake.webhooks = dict([*fake.webhooks.items()][3:])
    assert connector.require_webhook(URL, secret=SECRET) is True
    assert topics(fake) == {*TOPICS, *MORE_TOPICS}


def test_webhooks_at_a_former_address_are_removed_and_others_stay(fake: FakeShopify, clock: Clock) -> None:
    connector = shopify(fake, clock)
    former = URL.replace("book", "former")
    connector.require_webhook(former, secret=SECRET)
    fake.webhooks[1] = ("ORDERS_CREATE", "https://other.example/hook")
    connector.require_webhook(URL, secret=SECRET)
    assert not topics(fake, former) and topics(fake) == {*TOPICS, *MORE_TOPICS}
    connector.remove_webhook(URL)
    assert [*fake.webhooks.values()] == [("ORDERS_CREATE", "https://other.example/hook")]


def test_a_topic_that_is_silently_not_made_is_named(fake: FakeShopify, clock: Clock) -> None:
    fake.silent_topics = {"CHECKOUTS_UPDATE", "CUSTOMERS_MERGE"}
    with pytest.raises(ConnectorFailed, match="made no webhook for CHECKOUTS_UPDATE: the app may not see") as caught:
        shopify(fake, clock).require_webhook(URL, secret=SECRET)
    assert (caught.value.kind, caught.value.code) == ("again", "webhooks_missing")


def test_without_an_app_or_its_secret_none_is_made(fake: FakeShopify, clock: Clock) -> None:
    page = Secret("5f1d0c0e6b7a4f")
    without = shopify(fake, clock, credentials={"webhook_secret": page})
    assert without.require_webhook(URL, secret=page) is False
    without.remove_webhook(URL)
    token = Secret(TOKEN)
    assert (
        shopify(fake, clock, credentials={"token": token, "webhook_secret": page}).require_webhook(URL, secret=page)
        is False
    )
    with pytest.raises(ConnectorFailed, match="give client_secret with the token") as caught:
        shopify(fake, clock, credentials={"token": token}).require_webhook(URL, secret=Secret(""))
    assert (caught.value.kind, caught.value.code) == ("again", "no_secret")
    assert not fake.calls and not fake.webhooks


def test_what_an_app_may_not_have_is_left_to_the_shops_own_page(fake: FakeShopify, clock: Clock) -> None:
    fake.silent_topics = {"CHECKOUTS_UPDATE"}
    client_id, client_secret = (Secret(one) for one in fake.client)
    both = {"client_id": client_id, "client_secret": client_secret, "webhook_secret": Secret("5f1d0c0e6b7a4f")}
    connector = shopify(fake, clock, credentials=both)
    assert connector.require_webhook(URL, secret=SECRET) is True
    assert topics(fake) == {*TOPICS, *MORE_TOPICS} - {"CHECKOUTS_UPDATE"}
    assert connector.require_webhook(URL, secret=SECRET) is False
