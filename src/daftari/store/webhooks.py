"""Webhooks, how far each is in the feed, and the log of what was delivered.

What a definition and a batch say belongs to the rules.
"""

from __future__ import annotations

from msgspec.structs import asdict

from daftari.model.webhooks import StoredDelivery, StoredWebhook
from daftari.store.engine import Tx, WriteTx


def take_item(tx: WriteTx) -> int:
    """An id that no webhook, delivery, import or similar thing of the project has or had."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    return number


def insert_webhook(tx: WriteTx, *, webhook: StoredWebhook) -> None:
    """Insert a webhook."""
    tx.run("insert_webhook", **asdict(webhook))


def get_webhook(tx: Tx, *, webhook_id: int) -> StoredWebhook | None:
    """One webhook."""
    return tx.fetch_one(StoredWebhook, "get_webhook", id=webhook_id)


def list_webhooks(tx: Tx) -> list[StoredWebhook]:
    """All webhooks, in order of creation."""
    return tx.fetch(StoredWebhook, "list_webhooks")


def update_webhook(tx: WriteTx, *, webhook: StoredWebhook) -> None:
    """Save a webhook."""
    values = asdict(webhook)
    del values["created_at"]
    tx.run("update_webhook", **values)


def delete_webhook(tx: WriteTx, *, webhook_id: int) -> None:
    """Delete a webhook. The log of its deliveries expires."""
    tx.run("delete_webhook", id=webhook_id)


def list_open_webhooks(tx: Tx, *, epoch: str) -> list[int]:
    """The enabled webhooks that have something to deliver now, or are not of this epoch."""
    return tx.fetch(int, "list_open_webhooks", now=tx.now, epoch=epoch)


def list_idle_webhooks(tx: Tx, *, last: int) -> list[int]:
    """The enabled webhooks that had every change up to a number."""
    return tx.fetch(int, "list_idle_webhooks", last=last)


def get_slowest_seq(tx: Tx) -> int | None:
    """The number of the last change that the slowest enabled webhook has had."""
    return tx.fetch_one(int, "get_slowest_webhook")


# ---- deliveries -----------------------------------------------------------------------------------------


def save_delivery(tx: WriteTx, *, delivery: StoredDelivery) -> None:
    """Insert a delivery, or save its next attempt."""
    tx.run("save_delivery", **asdict(delivery))


def replace_delivery(tx: WriteTx, *, delivery_id: int) -> None:
    """Note that a delivery is not tried again, because something else is delivered instead."""
    tx.run("replace_delivery", id=delivery_id)


def list_deliveries(tx: Tx, *, webhook_id: int, before: int, limit: int) -> list[StoredDelivery]:
    """At most ``limit`` deliveries of a webhook before an id, the newest first."""
    return tx.fetch(StoredDelivery, "list_deliveries", webhook_id=webhook_id, before=before, limit=limit)


def has_expired_delivery(tx: Tx) -> bool:
    """Whether a delivery was kept long enough."""
    return tx.one("has_expired_delivery", now=tx.now) is not None


def delete_expired_deliveries(tx: WriteTx, *, limit: int) -> None:
    """Delete some deliveries that were kept long enough."""
    tx.run("delete_expired_deliveries", now=tx.now, limit=limit)
