"""A connection to the fake Shopify with its app's webhooks, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from typing import Any

from daftari.model.inbound import InboundRequest
from daftari.model.projects import Project
from daftari.rules.access.inbound_tokens import find_connection_token
from daftari.rules.connections import addresses, webhook_events
from daftari.store import Store
from tests.support.crm_sync import CrmSync
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import CLIENT_SECRET

PUBLIC_URL = "https://book.example"


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

    def announce(self) -> int:
        """Deliver what was not delivered yet and has a webhook. Returns how many new events are kept."""
        happened, self.fake.truth.happened = self.fake.truth.happened, []
        count = 0
        for one in happened:
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
