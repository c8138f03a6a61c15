"""The webhooks that an app has Shopify call."""

from __future__ import annotations

import pytest

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.shopify.webhooks import MORE_TOPICS, TOPICS
from daftari.model.secrets import Secret
from tests.connectors.connections import shopify
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import CLIENT_SECRET

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


def test_where_the_secret_is_that_of_the_shops_own_page_none_is_made(fake: FakeShopify, clock: Clock) -> None:
    """Shopify would sign with the app's secret, which proves nothing there."""
    assert shopify(fake, clock).require_webhook(URL, secret=Secret("other")) is False
    fake.client = ("", "")
    without = shopify(fake, clock)
    assert without.require_webhook(URL, secret=Secret("other")) is False
    without.remove_webhook(URL)
    assert not fake.calls
