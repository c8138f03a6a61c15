"""Delivers the feed to a webhook: what goes out next, and what follows from its answer.

A batch is fixed before its first attempt, and nothing passes it: it is tried until it was taken, so that changes arrive
in order, each at least once. The call itself is made outside of any transaction. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import SealBroken
from daftari.model.feed import CHANGE_TYPES, ChangeType
from daftari.model.jobs import JobKind
from daftari.model.limits import CHANGES_PER_DELIVERY_MAX, FEED_DAYS, WEBHOOK_FAILING_DAYS
from daftari.model.secrets import Secret
from daftari.model.time import format_time
from daftari.model.webhooks import Batch, DeliveryState, StoredDelivery, StoredWebhook
from daftari.rules import feed
from daftari.rules.events import Action, record
from daftari.rules.feed import ChangeView, FeedPlace
from daftari.rules.webhooks.calls import GONE, Answer, Attempt, write_changes, write_reset
from daftari.rules.webhooks.groups import follow_groups
from daftari.rules.webhooks.model import decode_batch, decode_definition, encode, read_secrets
from daftari.store import Tx, WriteTx, webhooks
from daftari.store.jobs import hint_job

DAY_MICROSECONDS = 24 * 3_600 * 1_000_000
FIRST_PAUSE_SECONDS = 5.0
"""The pause after the first attempt that failed; each further one doubles it."""
PAUSE_SECONDS_MAX = 3_600.0
DOUBLINGS_MAX = 20
RESTORED = (
    "The database was restored or copied since, so that another one may deliver the same changes. Resume the webhook "
    "where it is to be delivered from now on; it then gets feed.reset."
)
UNSEALED = (
    "Its secret cannot be read: it was sealed with another secret than that of DAFTARI_SECRET or its file. Give the "
    "right one, or rotate the webhook's secret; then resume it."
)
TAKES_NO_MORE = "It answered 410, which says that it wants no more deliveries."


class Claim(Struct, frozen=True):
    """What is to be delivered now, if anything; whether there may be more to do afterwards; and why it was disabled."""

    attempt: Attempt | None
    has_more: bool
    disabled: str = ""


NOTHING = Claim(None, False)


# ---- what goes out --------------------------------------------------------------------------------------


def list_open_webhooks(tx: Tx) -> list[str]:
    """The webhooks that have something to deliver now."""
    return [str(webhook_id) for webhook_id in webhooks.list_open_webhooks(tx, epoch=tx.epoch())]


def claim_batch(tx: WriteTx, *, webhook_id: int) -> Claim:
    """The next attempt of a webhook: of the batch that was not taken yet, or of a new one that is fixed by this.

    Nothing is delivered in another feed than before, or with a secret that cannot be read: the webhook is disabled.
    """
    webhook = webhooks.get_webhook(tx, webhook_id=webhook_id)
    if webhook is None or webhook.state != "enabled" or webhook.due_at > tx.now:
        return NOTHING
    if webhook.epoch != tx.epoch():
        return Claim(None, False, _disable(tx, webhook, RESTORED))
    try:
        secrets = [one.text for one in read_secrets(tx, webhook)]
    except SealBroken:
        return Claim(None, False, _disable(tx, webhook, UNSEALED))
    place = feed.find_place(tx)
    batch = decode_batch(webhook)
    if not place.continues_after(webhook.after_seq):
        webhook = reset(tx, webhook, place)
        batch = decode_batch(webhook)
    if batch is not None:
        return Claim(_begin(tx, webhook, batch, _read_again(tx, batch), secrets), True)
    return _claim_new(tx, webhook, place, secrets)


def _claim_new(tx: WriteTx, webhook: StoredWebhook, place: FeedPlace, secrets: Sequence[Secret]) -> Claim:
    """Fix the next batch. Where everything is left out by types and groups, the webhook moves on without a call."""
    definition = follow_groups(tx, decode_definition(webhook.definition))
    group_ids = [number for group in definition.groups for number in group.ids]
    found = feed.read_window(
        tx,
        after=webhook.after_seq,
        limit=CHANGES_PER_DELIVERY_MAX,
        types=_chosen(definition.types),
        group_ids=group_ids,
    )
    webhook = replace(webhook, definition=encode(definition))
    if not found.changes:
        if found.next > webhook.after_seq:
            webhooks.update_webhook(tx, webhook=replace(webhook, after_seq=found.next))
        return Claim(None, found.next < place.last)
    batch = Batch(
        id=webhooks.take_item(tx),
        kind="changes",
        first=found.changes[0].seq,
        last=found.changes[-1].seq,
        count=len(found.changes),
        created_at=tx.now,
        types=definition.types,
        group_ids=tuple(group_ids),
    )
    return Claim(_begin(tx, webhook, batch, found.changes, secrets), True)


def reset(tx: WriteTx, webhook: StoredWebhook, place: FeedPlace) -> StoredWebhook:
    """Have a webhook deliver next that the feed does not continue, and then the feed from its beginning."""
    replace_batch(tx, webhook)
    batch = Batch(
        id=webhooks.take_item(tx), kind="reset", first=place.oldest, last=place.last, count=0, created_at=tx.now
    )
    return replace(
        webhook, epoch=tx.epoch(), after_seq=place.oldest - 1, batch=encode(batch), attempts=0, failing_since=0
    )


def replace_batch(tx: WriteTx, webhook: StoredWebhook) -> None:
    """Note in the log that what a webhook was about to deliver is delivered otherwise."""
    batch = decode_batch(webhook)
    if batch is not None:
        webhooks.replace_delivery(tx, delivery_id=batch.id)


def _begin(
    tx: WriteTx, webhook: StoredWebhook, batch: Batch, changes: Sequence[ChangeView], secrets: Sequence[Secret]
) -> Attempt:
    """Save the batch, and make an attempt of it that is recorded under its own fence."""
    webhook = replace(webhook, batch=encode(batch), fence=webhook.fence + 1)
    webhooks.update_webhook(tx, webhook=webhook)
    if batch.kind == "changes":
        body = write_changes(webhook.id, epoch=webhook.epoch, changes=changes)
    else:
        place = FeedPlace(batch.first, batch.last)
        body = write_reset(webhook.id, epoch=webhook.epoch, place=place, at=format_time(batch.created_at))
    return Attempt(
        webhook_id=webhook.id,
        fence=webhook.fence,
        url=decode_definition(webhook.definition).url,
        message_id=write_message_id(tx.project.id, webhook.id, webhook.epoch, batch, replay=webhook.replay),
        body=body,
        secrets=secrets,
    )


def write_message_id(project_id: int, webhook_id: int, epoch: str, batch: Batch, *, replay: int) -> str:
    """The ``webhook-id`` of a batch: the webhook, the first and the last change, and how often it was set back.

    The epoch is part of it, because a restored database numbers other changes alike.
    """
    kind = "" if batch.kind == "changes" else f"{batch.kind}-"
    return f"{epoch}-{project_id}-{webhook_id}-{kind}{batch.first}-{batch.last}-{replay}"


def _read_again(tx: Tx, batch: Batch) -> list[ChangeView]:
    if batch.kind == "reset":
        return []
    return feed.read_again(
        tx, first=batch.first, last=batch.last, types=_chosen(batch.types), group_ids=batch.group_ids
    )


def _chosen(types: Sequence[ChangeType]) -> Sequence[ChangeType]:
    return types or CHANGE_TYPES


# ---- what came of it ------------------------------------------------------------------------------------


def record_attempt(tx: WriteTx, *, attempt: Attempt, answer: Answer, jitter: float) -> str:
    """Record how an attempt ended, unless another one was begun since. Returns why the webhook is disabled by it.

    ``jitter``: a number from 0 to 1, so that what failed together is not tried again together.
    """
    webhook = webhooks.get_webhook(tx, webhook_id=attempt.webhook_id)
    batch = None if webhook is None else decode_batch(webhook)
    if webhook is None or batch is None or webhook.fence != attempt.fence:
        return ""
    webhook = replace(webhook, attempts=webhook.attempts + 1, problem=answer.error)
    _log(tx, webhook, batch, answer, state="failing" if answer.error else "delivered")
    if not answer.error:
        after_seq = batch.last if batch.kind == "changes" else webhook.after_seq
        done = replace(webhook, after_seq=after_seq, batch="", attempts=0, failing_since=0, due_at=0)
        webhooks.update_webhook(tx, webhook=done)
        return ""
    webhook = replace(webhook, failing_since=webhook.failing_since or tx.now)
    if answer.status == GONE:
        return _disable(tx, webhook, TAKES_NO_MORE)
    if tx.now - webhook.failing_since >= WEBHOOK_FAILING_DAYS * DAY_MICROSECONDS:
        since = format_time(webhook.failing_since)
        return _disable(tx, webhook, f"It took nothing since {since}. {answer.error}")
    seconds = find_pause(webhook.attempts, retry_after_seconds=answer.retry_after_seconds, jitter=jitter)
    webhook = replace(webhook, due_at=tx.now + round(seconds * 1_000_000))
    webhooks.update_webhook(tx, webhook=webhook)
    if webhook.state == "enabled":
        hint_job(tx, kind=JobKind.DELIVER, subject=str(webhook.id), due_at=webhook.due_at)
    return ""


def find_pause(attempts: int, *, retry_after_seconds: float | None, jitter: float) -> float:
    """Seconds until the next attempt, after so many that failed: never fewer than the server asks for."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, DOUBLINGS_MAX), PAUSE_SECONDS_MAX)
    return max(longest * (0.75 + 0.25 * jitter), retry_after_seconds or 0.0)


def _log(tx: WriteTx, webhook: StoredWebhook, batch: Batch, answer: Answer, *, state: DeliveryState) -> None:
    delivery = StoredDelivery(
        id=batch.id,
        webhook_id=webhook.id,
        kind=batch.kind,
        first_seq=batch.first,
        last_seq=batch.last,
        count=batch.count,
        replay=webhook.replay,
        state=state,
        attempts=webhook.attempts,
        status=answer.status,
        error=answer.error,
        created_at=batch.created_at,
        tried_at=tx.now,
        milliseconds=answer.milliseconds,
        expires_at=batch.created_at + FEED_DAYS * DAY_MICROSECONDS,
    )
    webhooks.save_delivery(tx, delivery=delivery)


def _disable(tx: WriteTx, webhook: StoredWebhook, reason: str) -> str:
    """Deliver nothing more until a person resumes it. How far it is, and its batch, are kept."""
    webhooks.update_webhook(tx, webhook=replace(webhook, state="disabled", reason=reason))
    record(tx, Action.DISABLE_WEBHOOK, detail={"webhook": webhook.id})
    return reason
