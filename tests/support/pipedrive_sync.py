"""A connection to the fake Pipedrive with its webhooks, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.projects import Project
from daftari.rules.access.inbound_tokens import find_connection_token
from daftari.rules.connections import addresses, webhook_events
from daftari.store import Store
from tests.support.crm_sync import CrmSync
from tests.support.fake_crm import Clock, FakePipedrive
from tests.support.fake_crm.pipedrive_truth import Event

PUBLIC_URL = "https://book.example"
TOKENS = 10_000_000
FIELDS = {"phones": "mobile", "first_name": "fname", "last_name": "lname"}


class PipedriveSync(CrmSync):
    """A connection to a fake Pipedrive. Nothing is read, and no webhook made, before ``run``."""

    def __init__(
        self,
        store: Store,
        project: Project,
        *,
        seed: int = 1,
        public_url: str | None = PUBLIC_URL,
        daily_tokens: int = TOKENS,
        **given: Any,
    ) -> None:
        clock = Clock()
        self.fake = FakePipedrive(seed, clock, daily_tokens=daily_tokens)
        values = {
            "name": "sales",
            "kind": "pipedrive",
            "credentials": {"token": self.fake.token},
            "settings": {"base_url": "https://ziwa.example", "company": "ziwa", "daily_tokens": str(daily_tokens)},
            "fields": FIELDS,
            **given,
        }
        super().__init__(store, project, fake=self.fake, clock=clock, values=values, public_url=public_url)

    def announce(self, events: Iterable[Event] | None = None) -> int:
        """Deliver events, or all that were not delivered yet. Returns how many new ones are kept."""
        count = 0
        for event in self.fake.truth.take_events() if events is None else events:
            for url, headers, body in self.fake.deliver(event):
                count += self.receive(url, headers, body)
        return count

    def receive(self, url: str, headers: dict[str, str], body: bytes) -> int:
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

    def is_refused(self, url: str, headers: dict[str, str], body: bytes) -> bool:
        try:
            self.receive(url, headers, body)
        except (Forged, Malformed):
            return True
        return False
