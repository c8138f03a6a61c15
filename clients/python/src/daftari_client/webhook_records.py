"""What the calls about webhooks return, as ``records``."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from daftari_client.records import Record


class Webhook(Record, frozen=True, kw_only=True):
    """Where the feed is delivered to. ``reason`` says why it is paused or disabled, ``problem`` how a call failed."""

    id: int
    url: str
    types: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    state: str
    reason: str | None = None
    after: int
    behind: int = 0
    replay: int = 0
    attempts: int = 0
    problem: str | None = None
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None
    former_secret_until: datetime | None = None
    created_at: datetime | None = None


class WebhookWithSecret(Record, frozen=True, kw_only=True):
    """A webhook, and the secret that signs its calls from now on. No other call returns it."""

    webhook: Webhook
    secret: str | None = None


class WebhookTest(Record, frozen=True, kw_only=True):
    """What came of a test. ``status`` is ``None`` when there was no answer."""

    taken: bool
    status: int | None = None
    milliseconds: int = 0
    error: str | None = None


class Delivery(Record, frozen=True, kw_only=True):
    """One call to a webhook and its repetitions: the changes from ``first`` to ``last``, and what came of it."""

    id: int
    kind: str
    first: int
    last: int
    changes: int = 0
    replay: int = 0
    state: str
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    milliseconds: int = 0
    created_at: datetime | None = None
    tried_at: datetime | None = None
