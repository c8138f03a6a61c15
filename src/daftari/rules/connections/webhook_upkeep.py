"""The webhook that a system calls: made there, looked at daily, and removed. No network, no SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.connectors import ConnectorFailed, Usage
from daftari.model.connections import WebhookProgress
from daftari.model.time import format_time
from daftari.rules.connections.model import Opened, encode, get_connection
from daftari.rules.connections.rows import kind_of, poll_seconds_of
from daftari.rules.connections.sync import SECOND, STOPPED, Done, find_held, save_step
from daftari.store import WriteTx, connections

HOUR = 3_600 * SECOND
NEEDS_URL = (
    "No public_url is set (DAFTARI_PUBLIC_URL), so that there is no address at which {title} could call: nothing can "
    "be known of it."
)
REMOVAL_TRIES_MAX = 3


def note_no_address(tx: WriteTx, *, connection_id: int, fence: int) -> Done:
    """Note that the system cannot call, since no setting says where this service is reached."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    note = (
        f"No public_url is set (DAFTARI_PUBLIC_URL), so that {opened.title} cannot announce changes: they are found by "
        f"polling alone, every {poll_seconds_of(opened)} seconds."
    )
    if opened.definition.push_only:
        note = NEEDS_URL.format(title=opened.title)
    return _save(tx, opened, replace(opened.progress.webhook, note=note, made_at=0), next_in=HOUR)


def note_webhook(tx: WriteTx, *, connection_id: int, fence: int, made: bool, usage: Usage) -> Done:
    """Note that the webhook is there, and whether it had to be made."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    webhook = opened.progress.webhook
    note = ""
    if made and webhook.made_at:
        note = f"The webhook was missing in {opened.title}, and was made again at {format_time(tx.now)}."
    made_at = tx.now if made else webhook.made_at or tx.now
    opened = _with_usage(opened, usage)
    webhooks = kind_of(opened).webhooks
    assert webhooks is not None, "a kind without webhooks has none to look at"
    return _save(tx, opened, replace(webhook, made_at=made_at, note=note), next_in=webhooks.look_hours * HOUR)


def note_failure(tx: WriteTx, *, connection_id: int, fence: int, failure: ConnectorFailed, usage: Usage) -> Done:
    """Note why the webhook could not be looked at or made. Reading continues."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    webhook = opened.progress.webhook
    note = f"The webhook could not be looked at: {failure.message}"
    if failure.code == "webhooks_missing":
        # The others are there.
        note = failure.message
        webhook = replace(webhook, made_at=webhook.made_at or tx.now)
    elif not webhook.made_at:
        note = f"The webhook could not be made, so that changes are found by polling alone: {failure.message}"
    opened = _with_usage(opened, usage)
    next_in = HOUR if failure.until is None else max(HOUR, failure.until - tx.now)
    return _save(tx, opened, replace(webhook, note=note), next_in=next_in)


def _with_usage(opened: Opened, usage: Usage) -> Opened:
    progress = replace(opened.progress, day=usage.day, used=usage.used, allowed=usage.allowed)
    return replace(opened, progress=progress)


def _save(tx: WriteTx, opened: Opened, webhook: WebhookProgress, *, next_in: int) -> Done:
    webhook = replace(webhook, looked_at=tx.now, look_again_at=tx.now + next_in)
    return save_step(tx, replace(opened, progress=replace(opened.progress, webhook=webhook)), has_more=True)


def forget_webhook(tx: WriteTx, *, connection_id: int, fence: int, removed: bool) -> bool:
    """Forget the credentials of a removed connection, when its webhook there is removed or that failed too often.

    Returns ``False`` when it is to be tried again.
    """
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state != "removed":
        return True
    opened = get_connection(tx, connection_id=connection_id)
    tries = opened.progress.webhook.removal_tries + 1
    is_over = removed or tries >= REMOVAL_TRIES_MAX
    webhook = WebhookProgress() if is_over else replace(opened.progress.webhook, removal_tries=tries)
    stored = replace(stored, progress=encode(replace(opened.progress, webhook=webhook)))
    if is_over:
        stored = replace(stored, credentials=b"", address=b"")
    connections.update_connection(tx, connection=stored, folded=None)
    return is_over
