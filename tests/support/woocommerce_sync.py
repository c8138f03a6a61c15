"""A connection to the fake WooCommerce with its webhooks, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from typing import Any

from daftari.errors import Forged
from daftari.model.inbound import InboundRequest
from daftari.model.projects import Project
from daftari.rules.access.inbound_tokens import find_connection_token
from daftari.rules.connections import addresses, webhook_events
from daftari.store import Store
from tests.support.crm_sync import CrmSync
from tests.support.fake_crm import Call, Clock, FakeWooCommerce

PUBLIC_URL = "https://book.example"


class WooSync(CrmSync):
    """A connection to a fake WooCommerce. Nothing is read, and no webhook made, before ``run``."""

    def __init__(
        self, store: Store, project: Project, *, seed: int = 1, public_url: str | None = PUBLIC_URL, **given: Any
    ) -> None:
        clock = Clock()
        self.fake = FakeWooCommerce(seed, clock)
        key, secret = self.fake.key
        values = {
            "name": "shop",
            "kind": "woocommerce",
            "credentials": {"consumer_key": key, "consumer_secret": secret},
            "settings": {"url": "https://ziwa.example"},
            **given,
        }
        super().__init__(store, project, fake=self.fake, clock=clock, values=values, public_url=public_url)

    def announce(self) -> int:
        """Deliver what was not delivered yet and has a webhook. Returns how many new events are kept."""
        happened, self.fake.truth.happened = self.fake.truth.happened, []
        count = 0
        for one in happened:
            for webhook, call in self.fake.deliver(one):
                try:
                    count += self.receive(call)
                    self.fake.note_answer(webhook, 200)
                except Forged:
                    self.fake.note_answer(webhook, 401)
        return count

    def receive(self, call: Call) -> int:
        """What the service does with a delivery. Returns how many new events are kept."""
        now = self.clock.moment
        token = self.store.system_read(now, find_connection_token, written=call.path.rpartition("/")[2])
        headers = {name: value for name, value in call.headers.items() if name in addresses.list_kept_headers(token)}
        request = InboundRequest("POST", call.path, "", call.headers["content-type"], headers, call.body)
        account = self.store.read(self.project, now, addresses.read_account, connection_id=self.id)
        events = addresses.read_delivery(token, request, account=account)
        self.now = now
        return self.write(
            webhook_events.receive_events, connection_id=self.id, token_id=token.token.id, deliveries=[events]
        )
