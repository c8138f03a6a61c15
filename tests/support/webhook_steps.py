"""A webhook and what it is delivered, claimed and answered step by step without a network. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from daftari.model.projects import Project
from daftari.model.secrets import Secret
from daftari.rules.webhooks import delivery, lifecycle
from daftari.rules.webhooks.calls import Answer, Attempt
from daftari.rules.webhooks.lifecycle import WebhookView
from daftari.rules.webhooks.log import DeliveryView, list_deliveries
from daftari.rules.webhooks.model import write_secret
from daftari.store import Store, WriteTx
from tests.support.calls import WORKER
from tests.support.stores import NOW

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
URL = "https://crm.example/hooks/daftari"

P = ParamSpec("P")
T = TypeVar("T")


class Delivering:
    """One webhook of a project, and the worker that delivers to it. Time stands still until ``wait`` is called."""

    def __init__(self, store: Store, project: Project, *, now: int = NOW, url: str = URL, **given: Any) -> None:
        self.store, self.project, self.now = store, project, now
        self.secret: Secret = write_secret()
        values = {"url": url, **given}
        self.id = self.write(lifecycle.create_webhook, values=values, allowed_hosts=(), secret=self.secret).id

    def write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.store.write(self.project, WORKER, self.now, rule, *args, **kwargs)

    def wait(self, microseconds: int) -> None:
        self.now += microseconds

    def is_open(self) -> bool:
        """Whether a worker that looks finds something to deliver."""
        return str(self.id) in self.store.read(self.project, self.now, delivery.list_open_webhooks)

    def claim(self) -> Attempt | None:
        """What goes out now, past all that is left out."""
        while True:
            found = self.write(delivery.claim_batch, webhook_id=self.id)
            if found.attempt is not None or not found.has_more:
                return found.attempt

    def claimed(self) -> Attempt:
        found = self.claim()
        assert found is not None, "there is nothing to deliver"
        return found

    def answer(self, attempt: Attempt, status: int = 204, *, retry_after: float | None = None) -> str:
        error = "" if 200 <= status <= 299 else f"It answered {status}."
        answer = Answer(status, error, 83, retry_after)
        return self.write(delivery.record_attempt, attempt=attempt, answer=answer, jitter=0.5)

    def deliver(self) -> list[dict[str, Any]]:
        """Everything there is to deliver now, taken at once: the bodies."""
        bodies = []
        while (attempt := self.claim()) is not None:
            bodies.append(body_of(attempt))
            self.answer(attempt)
        return bodies

    def seqs(self) -> list[int]:
        """The same as the numbers of the changes."""
        return [change["seq"] for body in self.deliver() for change in body["data"].get("changes", [])]

    def show(self) -> WebhookView:
        return self.store.read(
            self.project, self.now, lambda tx: lifecycle.show_webhook(tx, lifecycle.get_webhook(tx, webhook_id=self.id))
        )

    def update(self, **values: Any) -> WebhookView:
        return self.write(lifecycle.update_webhook, webhook_id=self.id, values=values, allowed_hosts=())

    def pause(self) -> None:
        self.write(lifecycle.pause_webhook, webhook_id=self.id)

    def resume(self) -> WebhookView:
        return self.write(lifecycle.resume_webhook, webhook_id=self.id)

    def replay(self, after: int) -> WebhookView:
        return self.write(lifecycle.replay_webhook, webhook_id=self.id, after=after)

    def log(self) -> list[DeliveryView]:
        """What was delivered, the oldest first."""
        page = self.store.read(self.project, self.now, list_deliveries, webhook_id=self.id, before=None, limit=1_000)
        return page.deliveries[::-1]


def body_of(attempt: Attempt) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(attempt.body)
    return body
