"""A connection to the fake Shopify with its app's webhooks, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daftari.model.inbound import InboundRequest
from daftari.model.projects import Project
from daftari.rules.access.inbound_tokens import find_connection_token
from daftari.rules.connections import addresses, webhook_events
from daftari.store import Store
from tests.support.crm_sync import CrmSync
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import CLIENT_SECRET, WEBHOOK_SECRET
from tests.support.fake_crm.shopify_truth import Happening

PUBLIC_URL = "https://book.example"
PAGE_TOPICS = frozenset(
    {
        *("customers/create", "customers/update", "customers/delete", "customers_marketing_consent/update"),
        *("checkouts/create", "checkouts/update", "checkouts/delete", "orders/create"),
    }
)
"""What the owner of the shop has webhooks for on its page."""


class ShopifySync(CrmSync):
    """A connection to a fake Shopify. Nothing is read, and no webhook made, before ``run``."""

    def __init__(
        self, store: Store, project: Project, *, seed: int = 1, public_url: str | None = PUBLIC_URL, **given: Any
    ) -> None:
        clock = Clock()
        self.fake = FakeShopify(seed, clock)
        client_id, client_secret = self.fake.client
        values = {
            "name": "shop",
            "kind": "shopify",
            "credentials": {"client_id": client_id, "client_secret": client_secret},
            "settings": {"shop": "ziwa"},
            **given,
        }
        super().__init__(store, project, fake=self.fake, clock=clock, values=values, public_url=public_url)

    @property
    def url(self) -> str:
        """The address of the connection, as its owner gives it to the shop's page."""
        found = addresses.ensure_addresses(self.store, self.project, now=self.clock.moment)
        shown = addresses.show_address(found, connection_id=self.id, kind="shopify", public_url=PUBLIC_URL)
        assert shown is not None and shown.url is not None, "it has an address"
        return shown.url

    def take_happened(self) -> list[Happening]:
        """What has happened in the shop since this was asked last."""
        happened, self.fake.truth.happened = self.fake.truth.happened, []
        return happened

    def announce_by_page(self, happened: Iterable[Happening] | None = None) -> int:
        """Deliver it as the webhooks of the shop's page do, if one is there. Returns how many new events are kept."""
        count = 0
        for one in self.take_happened() if happened is None else happened:
            if one.topic in PAGE_TOPICS:
                call = self.fake.deliver(one, secret=WEBHOOK_SECRET)
                count += self.receive(self.url, call.headers, call.body)
        return count

    def announce(self, happened: Iterable[Happening] | None = None) -> int:
        """Deliver what was not delivered yet and has a webhook of the app. Returns how many new events are kept."""
        count = 0
        for one in self.take_happened() if happened is None else happened:
            topic = one.topic.replace("/", "_").replace(".", "_").upper()
            for url in {url for name, url in self.fake.webhooks.values() if name == topic}:
                call = self.fake.deliver(one, secret=CLIENT_SECRET)
                count += self.receive(url, call.headers, call.body)
        return count

    def receive(self, url: str, headers: Any, body: bytes) -> int:
        """What the service does with a delivery. Returns how many new events are kept."""
        now = self.clock.moment
        token = self.store.system_read(now, find_connection_token, written=url.rpartition("/")[2])
        request = InboundRequest("POST", url, "", "application/json", headers, body)
        account = self.store.read(self.project, now, addresses.read_account, connection_id=self.id)
        events = addresses.read_delivery(token, request, account=account)
        self.now = now
        return self.write(
            webhook_events.receive_events, connection_id=self.id, token_id=token.token.id, deliveries=[events]
        )
