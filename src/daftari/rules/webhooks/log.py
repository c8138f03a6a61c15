"""The log of deliveries: what was delivered to a webhook and how it answered, without its text. No HTTP, no SQL."""

from __future__ import annotations

from msgspec import Struct

from daftari.model.limits import ID_MAX
from daftari.model.members import Count, Number, Text, Time
from daftari.model.time import format_time
from daftari.model.webhooks import DeliveryKind, DeliveryState, StoredDelivery
from daftari.rules.webhooks.lifecycle import get_webhook
from daftari.store import Tx, WriteTx, webhooks

ROWS_PER_STEP = 1_000
"""Deliveries that one step deletes."""


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One delivery: a call, and its repetitions."""

    id: Number
    kind: DeliveryKind
    """`changes`: some changes. `reset`: the message that the feed does not continue."""
    first: Number
    """The number of the first change; of a reset, of the oldest one that was kept."""
    last: Count
    """The number of the last change."""
    changes: Count
    """How many changes it has."""
    replay: Count
    """How often the webhook had been replayed."""
    state: DeliveryState
    """`failing`: it was not taken yet. `replaced`: a replay or a reset came in its place."""
    attempts: Count
    status: int | None
    """The status of the last answer; `null` when there was none."""
    error: Text | None
    """How the last attempt failed."""
    milliseconds: Count
    """How long the last attempt took."""
    created_at: Time
    """When it was tried first."""
    tried_at: Time
    """When it was tried last."""


class DeliveryPage(Struct, frozen=True):
    """Some deliveries, and the cursor of the ones before them."""

    deliveries: list[DeliveryView]
    following: int | None


def list_deliveries(tx: Tx, *, webhook_id: int, before: int | None, limit: int) -> DeliveryPage:
    """Deliveries of a webhook, the newest first. Raises ``WebhookNotFound``."""
    get_webhook(tx, webhook_id=webhook_id)
    found = webhooks.list_deliveries(tx, webhook_id=webhook_id, before=before or ID_MAX, limit=limit + 1)
    shown = [_show(delivery) for delivery in found[:limit]]
    return DeliveryPage(shown, shown[-1].id if len(found) > limit else None)


def _show(delivery: StoredDelivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        kind=delivery.kind,
        first=delivery.first_seq,
        last=delivery.last_seq,
        changes=delivery.count,
        replay=delivery.replay,
        state=delivery.state,
        attempts=delivery.attempts,
        status=delivery.status or None,
        error=delivery.error or None,
        milliseconds=delivery.milliseconds,
        created_at=format_time(delivery.created_at),
        tried_at=format_time(delivery.tried_at),
    )


def has_expired_delivery(tx: Tx) -> bool:
    """Whether a delivery was kept long enough."""
    return webhooks.has_expired_delivery(tx)


def expire_deliveries(tx: WriteTx) -> None:
    """Delete some of those."""
    webhooks.delete_expired_deliveries(tx, limit=ROWS_PER_STEP)
