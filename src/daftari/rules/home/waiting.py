"""What waits for someone: everything that continues only when a person does something, with who may. No HTTP, no SQL.

Each kind costs a statement or two, which looks at few rows: a page of the newest ones, or what a project has few of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from daftari.gateways import GATEWAYS
from daftari.model.connections import ConnectionState
from daftari.model.limits import CAMPAIGNS_PER_PAGE_MAX
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.access.roles import Act
from daftari.rules.firing import read_definition as read_trigger
from daftari.rules.firing import read_progress as read_fired
from daftari.rules.imports.lifecycle import list_imports
from daftari.rules.messages.progress import read_definition, read_progress
from daftari.rules.senders.lifecycle import PAUSED
from daftari.rules.senders.meter import HOUR_MICROSECONDS, read_meter
from daftari.rules.senders.model import decode_definition, find_wait
from daftari.rules.webhooks.model import decode_definition as decode_webhook
from daftari.store import Tx, campaigns, connections, consent, exports, inbound, keys, senders, triggers, webhooks

RECENT_DAYS = 7
"""What is over, and no one has to settle, is shown for so long."""
KEY_DAYS = 7
"""A key that ends so soon is shown."""
IMPORTS_MAX = 50
"""The newest imports, which are looked at."""
SOURCES_MAX = 100
"""Sources of near misses, which are looked at."""
SILENT_HOURS = 2
"""A provider that takes messages and reports nothing for so long is silent."""

Kind = Literal[
    "reviews",
    "near_misses",
    "import_new",
    "import_planned",
    "import_paused",
    "import_failed",
    "export_failed",
    "connection",
    "campaign_paused",
    "campaign_unknown",
    "trigger_stopped",
    "sender_paused",
    "sender_waits",
    "sender_silent",
    "inbound_refused",
    "webhook_disabled",
    "webhook_failing",
    "key_ends",
]
Tone = Literal["bad", "warn"]

_CONNECTIONS: Mapping[ConnectionState, Tone] = {
    "broken": "bad",
    "needs_confirmation": "bad",
    "behind": "warn",
    "limited": "warn",
    "paused": "warn",
    "new": "warn",
    "checked": "warn",
}
"""The states of connections in which they wait for someone, or are late."""


class Waiting(Struct, frozen=True, kw_only=True):
    """One thing that waits. ``bad``: something does not work; ``warn``: something is to be decided, or late.

    ``act``: what settles it. ``id``, ``name``: of the thing. ``count``: how much there is of it. ``at``: since or until
    when. ``why``: the reason, where there is one.
    """

    kind: Kind
    tone: Tone
    act: Act
    id: str = ""
    name: str = ""
    count: int = 0
    at: int = 0
    why: str = ""


def list_waiting(tx: Tx, *, to_review: int) -> list[Waiting]:
    """Everything that waits, the worst first. ``to_review``: how many messages wait for a person to read them."""
    found = [
        *_find_in_sending(tx),
        *_find_connections(tx),
        *_find_webhooks(tx),
        *_find_reviews(tx, to_review),
        *_find_files(tx),
        *_find_keys(tx),
        *_find_near_misses(tx),
    ]
    return sorted(found, key=lambda one: one.tone)


# ---- people's words ---------------------------------------------------------------------------------------


def _find_reviews(tx: Tx, to_review: int) -> Iterator[Waiting]:
    if to_review:
        oldest = inbound.list_reviews(tx, after=0, limit=1)
        at = oldest[0].at if oldest else tx.now
        yield Waiting(kind="reviews", tone="warn", act=Act.RECORD_CONSENT, count=to_review, at=at)


def _find_near_misses(tx: Tx) -> Iterator[Waiting]:
    """Who tried lately to bring back people who opted out."""
    since = tx.now - RECENT_DAYS * DAY_MICROSECONDS
    lately = [miss.last_at for miss in consent.list_near_misses(tx, limit=SOURCES_MAX) if miss.last_at >= since]
    if lately:
        yield Waiting(kind="near_misses", tone="warn", act=Act.RECORD_CONSENT, count=len(lately), at=max(lately))


# ---- files ------------------------------------------------------------------------------------------------


def _find_files(tx: Tx) -> Iterator[Waiting]:
    since = tx.now - RECENT_DAYS * DAY_MICROSECONDS
    for found in list_imports(tx, before=0, limit=IMPORTS_MAX):
        state, phase, progress = found.stored.state, found.stored.phase, found.progress
        at = progress.finished_at or found.stored.created_at
        one = Waiting(
            kind="import_planned", tone="warn", act=Act.IMPORT, id=str(found.id), name=found.settings.name, at=at
        )
        if found.is_new:
            yield replace(one, kind="import_new")
        elif state == "done" and phase == "plan":
            yield one
        elif state == "paused":
            yield replace(one, kind="import_paused")
        elif state == "failed" and at >= since:
            yield replace(one, kind="import_failed", tone="bad", why=progress.error or "")
    for export in exports.list_exports(tx):
        if export.state == "failed":
            yield Waiting(kind="export_failed", tone="warn", act=Act.DOWNLOAD, id=str(export.id), at=export.created_at)


# ---- sending ----------------------------------------------------------------------------------------------


def _find_in_sending(tx: Tx) -> Iterator[Waiting]:
    yield from _find_senders(tx)
    since = tx.now - RECENT_DAYS * DAY_MICROSECONDS
    for campaign in campaigns.list_campaigns(tx, before=0, limit=CAMPAIGNS_PER_PAGE_MAX):
        progress = read_progress(campaign.progress)
        one = Waiting(
            kind="campaign_paused",
            tone="warn",
            act=Act.SEND,
            id=str(campaign.id),
            name=read_definition(campaign.definition).name,
        )
        unknown = progress.states.get("unknown", 0)
        if campaign.state == "paused":
            is_refused = campaign.reason == "template"
            yield replace(one, tone="bad" if is_refused else "warn", why=progress.provider_says or campaign.reason)
        elif campaign.state == "finished" and unknown and progress.finished_at >= since:
            yield replace(one, kind="campaign_unknown", count=unknown)
    for trigger in triggers.list_triggers(tx):
        says = read_fired(trigger.progress).provider_says
        if trigger.state == "paused" and says:
            name = read_trigger(trigger.definition).name
            yield Waiting(
                kind="trigger_stopped", tone="bad", act=Act.TURN_ON_TRIGGERS, id=str(trigger.id), name=name, why=says
            )


def _find_senders(tx: Tx) -> Iterator[Waiting]:
    """Senders that do not send, and those whose providers report nothing; addresses where nothing is believed."""
    counts = {count.token_id: count for count in inbound.list_counts(tx)}
    heard: dict[str | int, int] = {}
    for stored in inbound.list_project_tokens(tx, project=tx.project) if counts else ():
        token = stored.token
        count = counts.get(token.id)
        if count is None:
            continue
        received, refused = count.last_received_at or 0, count.last_refused_at or 0
        if refused > received and refused >= tx.now - RECENT_DAYS * DAY_MICROSECONDS:
            yield Waiting(
                kind="inbound_refused",
                tone="bad",
                act=Act.INBOUND,
                id=token.start,
                name=token.label or token.provider,
                count=count.refused,
                at=refused,
            )
        # Reports of all senders of a provider may come to an address that is no sender's own.
        whose = token.provider if token.sender_id is None else token.sender_id
        heard[whose] = max(heard.get(whose, 0), received)
    for sender in senders.list_senders(tx):
        definition = decode_definition(sender.definition)
        one = Waiting(kind="sender_paused", tone="warn", act=Act.SENDERS, id=str(sender.id), name=sender.name)
        if sender.paused:
            yield replace(one, tone="warn" if sender.paused == PAUSED else "bad", why=sender.paused)
        elif wait := find_wait(definition):
            yield replace(one, kind="sender_waits", why=wait)
        elif definition.gateway in GATEWAYS:
            before = (tx.now - SILENT_HOURS * HOUR_MICROSECONDS) // HOUR_MICROSECONDS
            sent = [hour for hour in read_meter(sender.meter).hours if hour < before]
            last = max(heard.get(sender.id, 0), heard.get(definition.gateway, 0))
            if sent and last < max(sent) * HOUR_MICROSECONDS:
                yield replace(one, kind="sender_silent", at=last)


# ---- systems ----------------------------------------------------------------------------------------------


def _find_connections(tx: Tx) -> Iterator[Waiting]:
    for connection in connections.list_connections(tx):
        tone = _CONNECTIONS.get(connection.state)
        if tone is not None:
            yield Waiting(
                kind="connection",
                tone=tone,
                act=Act.CONNECTIONS,
                id=str(connection.id),
                name=connection.name,
                at=connection.complete_until,
                why=connection.state,
            )


def _find_webhooks(tx: Tx) -> Iterator[Waiting]:
    for webhook in webhooks.list_webhooks(tx):
        host = urlsplit(decode_webhook(webhook.definition).url).hostname or ""
        one = Waiting(kind="webhook_failing", tone="warn", act=Act.WEBHOOKS, id=str(webhook.id), name=host)
        if webhook.state == "disabled":
            yield replace(one, kind="webhook_disabled", tone="bad", why=webhook.reason)
        elif webhook.state == "enabled" and webhook.failing_since:
            yield replace(one, at=webhook.failing_since, why=webhook.problem)


def _find_keys(tx: Tx) -> Iterator[Waiting]:
    for key in keys.list_project_keys(tx):
        if key.revoked_at is None and key.expires_at is not None:
            left, name = key.expires_at - tx.now, key.label or key.start
            if 0 < left <= KEY_DAYS * DAY_MICROSECONDS:
                yield Waiting(kind="key_ends", tone="warn", act=Act.KEYS, id=key.start, name=name, at=key.expires_at)
