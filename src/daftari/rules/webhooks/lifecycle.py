"""Webhooks as people make and change them. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import (
    FeedReset,
    SealBroken,
    ValidationFailed,
    WebhookNotFound,
    WebhooksFull,
    quote,
)
from daftari.model.feed import CHANGE_TYPES, ChangeType
from daftari.model.jobs import JobKind
from daftari.model.limits import WEBHOOK_GROUPS_MAX, WEBHOOK_URL_MAX, WEBHOOKS_MAX
from daftari.model.members import Count, GroupName, Number, Text, Time
from daftari.model.secrets import Secret
from daftari.model.time import format_time
from daftari.model.webhooks import StoredWebhook, WebhookDefinition, WebhookState
from daftari.rules import feed
from daftari.rules.events import Action, record
from daftari.rules.fields import Problems, read_group_name, read_text
from daftari.rules.webhooks.delivery import replace_batch, reset
from daftari.rules.webhooks.groups import find_watched, follow_groups
from daftari.rules.webhooks.model import (
    SigningSecret,
    decode_batch,
    decode_definition,
    encode,
    fingerprint_of,
    read_secrets,
    seal_secrets,
    with_new_secret,
)
from daftari.store import Tx, WriteTx, webhooks
from daftari.store.jobs import hint_job

FIELDS = ("url", "types", "groups")
"""What a webhook is given as."""


class WebhookView(Struct, frozen=True, kw_only=True):
    """A webhook, without its secret."""

    id: Number
    url: Text
    """What is called. Only a key of kind `manage` sees more than the host."""
    types: list[ChangeType]
    """The types of the changes that are delivered; empty for all of them."""
    groups: list[GroupName]
    """The groups that the changes are about; empty for all changes."""
    state: WebhookState
    """`paused`: by a person. `disabled`: by the service. Neither delivers anything until it is resumed."""
    reason: Text | None
    """Why it is paused or disabled."""
    after: Count
    """The number of the last change that it has had."""
    behind: Count
    """How many changes of the feed it has not had yet, those that are left out included."""
    replay: Count
    """How often it was replayed; the last part of `webhook-id`."""
    attempts: Count
    """How often the next delivery was tried."""
    problem: Text | None
    """How the last attempt failed."""
    failing_since: Time | None
    """Since when nothing was taken."""
    next_attempt_at: Time | None
    """When the next delivery is tried again, if it failed."""
    former_secret_until: Time | None
    """Until when the secret before signs too."""
    created_at: Time


# ---- what one is given as -------------------------------------------------------------------------------


def read_definition(
    tx: Tx, given: Mapping[str, object], *, before: WebhookDefinition | None, allowed_hosts: Iterable[str]
) -> WebhookDefinition:
    """Read a webhook's fields; where there is one already, those that are left out stay as they are.

    Types and groups that are blank are all. Raises ``ValidationFailed``, which names every field that is wrong.
    """
    problems = Problems()
    known = before or WebhookDefinition(url="")
    url, types, groups = known.url, known.types, known.groups
    if before is None or "url" in given:
        url = problems.read("url", given.get("url"), _read_url) or ""
        if url and (mistake := _find_mistake(url, allowed_hosts)):
            problems.include({"url": [mistake]})
    if "types" in given:
        types = problems.read("types", given["types"], _read_types) or ()
    if "groups" in given:
        names = problems.read("groups", given["groups"], _read_groups) or []
        groups = problems.read_part(lambda: find_watched(tx, names)) or ()
    problems.refuse()
    return WebhookDefinition(url, types, groups)


def _read_url(value: object) -> str:
    text = read_text(value, most=WEBHOOK_URL_MAX)
    if text is None:
        raise ValueError("is required: what is called, such as https://crm.example/hooks/daftari.")
    return text


def _find_mistake(url: str, allowed_hosts: Iterable[str]) -> str | None:
    # Imported where it is needed: hardly any process makes a webhook.
    from daftari.outbound.client import find_url_mistake

    return find_url_mistake(url, allowed_hosts=allowed_hosts)


def _read_types(value: object) -> tuple[ChangeType, ...]:
    names = _split(value, "types")
    for name in names:
        if name not in CHANGE_TYPES:
            raise ValueError(f"has {quote(name)}; it must be some of: {', '.join(CHANGE_TYPES)}.")
    return cast("tuple[ChangeType, ...]", tuple(name for name in CHANGE_TYPES if name in names))


def _read_groups(value: object) -> list[str]:
    names = [name for written in _split(value, "names of groups") if (name := read_group_name(written))]
    if len(names) > WEBHOOK_GROUPS_MAX:
        raise ValueError(f"must not have more than {WEBHOOK_GROUPS_MAX} items.")
    return names


def _split(value: object, what: str) -> list[object]:
    """A list, or a text with commas."""
    if value is None:
        return []
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = msgspec.json.decode(value)
            except msgspec.DecodeError:
                raise ValueError(f"must be a list of {what}.") from None
        else:
            value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of {what}.")
    return [part for part in value if part not in ("", None)]


# ---- made, changed, deleted -----------------------------------------------------------------------------


def create_webhook(
    tx: WriteTx, *, values: Mapping[str, object], allowed_hosts: Iterable[str], secret: Secret
) -> WebhookView:
    """A new webhook, which gets what changes from now on. Raises ``ValidationFailed`` and ``WebhooksFull``."""
    definition = read_definition(tx, values, before=None, allowed_hosts=allowed_hosts)
    if len(webhooks.list_webhooks(tx)) >= WEBHOOKS_MAX:
        raise WebhooksFull(WEBHOOKS_MAX)
    number = webhooks.take_item(tx)
    webhook = StoredWebhook(
        id=number,
        definition=encode(definition),
        secrets=seal_secrets(tx, [SigningSecret(secret)], webhook_id=number),
        state="enabled",
        reason="",
        epoch=tx.epoch(),
        after_seq=feed.get_last_seq(tx),
        replay=0,
        batch="",
        attempts=0,
        problem="",
        failing_since=0,
        due_at=0,
        fence=0,
        created_at=tx.now,
    )
    webhooks.insert_webhook(tx, webhook=webhook)
    record(tx, Action.CREATE_WEBHOOK, detail={"webhook": webhook.id})
    return show_webhook(tx, webhook)


def update_webhook(
    tx: WriteTx, *, webhook_id: int, values: Mapping[str, object], allowed_hosts: Iterable[str]
) -> WebhookView:
    """Change what is given. What failed is tried again at once, and what was tried already goes out as it was.

    Raises ``WebhookNotFound`` and ``ValidationFailed``.
    """
    before = get_webhook(tx, webhook_id=webhook_id)
    known = decode_definition(before.definition)
    definition = read_definition(tx, values, before=known, allowed_hosts=allowed_hosts)
    return _save(tx, _soon(replace(before, definition=encode(definition))), Action.UPDATE_WEBHOOK)


def delete_webhook(tx: WriteTx, *, webhook_id: int) -> None:
    """Delete a webhook and its secrets. Raises ``WebhookNotFound``."""
    get_webhook(tx, webhook_id=webhook_id)
    webhooks.delete_webhook(tx, webhook_id=webhook_id)
    record(tx, Action.DELETE_WEBHOOK, detail={"webhook": webhook_id})


def pause_webhook(tx: WriteTx, *, webhook_id: int) -> WebhookView:
    """Deliver nothing until it is resumed. Raises ``WebhookNotFound``."""
    before = get_webhook(tx, webhook_id=webhook_id)
    paused = replace(before, state="paused", reason="paused by a person")
    return _save(tx, before if before.state == "disabled" else paused, Action.UPDATE_WEBHOOK)


def resume_webhook(tx: WriteTx, *, webhook_id: int) -> WebhookView:
    """Deliver again from where it was, whether a person paused it or the service disabled it.

    In another feed than before it says so first. Raises ``WebhookNotFound``.
    """
    before = get_webhook(tx, webhook_id=webhook_id)
    if before.epoch != tx.epoch():
        before = reset(tx, before, feed.find_place(tx))
    return _save(tx, _soon(replace(before, state="enabled", reason="")), Action.UPDATE_WEBHOOK)


def replay_webhook(tx: WriteTx, *, webhook_id: int, after: int) -> WebhookView:
    """Deliver again what was delivered after a change.

    Raises ``WebhookNotFound``, ``ValidationFailed``, and ``FeedReset`` when the feed does not go back so far.
    """
    before = get_webhook(tx, webhook_id=webhook_id)
    place, epoch = feed.find_place(tx), tx.epoch()
    if before.epoch != epoch:
        why = "The book was restored or copied since; resume the webhook"
        raise FeedReset(why, epoch=epoch, oldest=place.oldest, last=place.last)
    if after > before.after_seq:
        said = f"must be at most {before.after_seq}: later changes were not delivered yet, and will be."
        raise ValidationFailed({"after": [f"The after field {said}"]})
    if after < place.oldest - 1:
        why = f"The feed begins with change {place.oldest}; those after {after} are no longer kept"
        raise FeedReset(why, epoch=epoch, oldest=place.oldest, last=place.last)
    batch = decode_batch(before)
    set_back = replace(before, after_seq=after, replay=before.replay + 1)
    if batch is None or batch.kind == "changes":
        replace_batch(tx, before)
        set_back = replace(set_back, batch="")
    return _save(tx, _soon(set_back), Action.REPLAY_WEBHOOK)


def rotate_secret(tx: WriteTx, *, webhook_id: int, secret: Secret) -> WebhookView:
    """Sign with another secret; the one before signs too for a day. Raises ``WebhookNotFound``."""
    before = get_webhook(tx, webhook_id=webhook_id)
    try:
        known = read_secrets(tx, before)
    except SealBroken:
        known = []
    sealed = seal_secrets(tx, with_new_secret(known, secret, now=tx.now), webhook_id=webhook_id)
    return _save(tx, replace(before, secrets=sealed), Action.ROTATE_WEBHOOK)


def _soon(webhook: StoredWebhook) -> StoredWebhook:
    """A webhook after a person did something about it: what failed is tried at once, and has five days again.

    An attempt that is under way is not recorded: how it ends says nothing of what was changed.
    """
    return replace(webhook, due_at=0, failing_since=0, attempts=0, fence=webhook.fence + 1)


def _save(tx: WriteTx, webhook: StoredWebhook, action: Action) -> WebhookView:
    webhooks.update_webhook(tx, webhook=webhook)
    record(tx, action, detail={"webhook": webhook.id})
    if webhook.state == "enabled":
        hint_job(tx, kind=JobKind.DELIVER, subject=str(webhook.id))
    return show_webhook(tx, webhook)


# ---- shown ----------------------------------------------------------------------------------------------


def get_webhook(tx: Tx, *, webhook_id: int) -> StoredWebhook:
    """One webhook. Raises ``WebhookNotFound``."""
    found = webhooks.get_webhook(tx, webhook_id=webhook_id)
    if found is None:
        raise WebhookNotFound
    return found


def list_webhooks(tx: Tx) -> list[WebhookView]:
    """All webhooks, in order of creation."""
    return [show_webhook(tx, webhook) for webhook in webhooks.list_webhooks(tx)]


def show_webhook(tx: Tx, webhook: StoredWebhook) -> WebhookView:
    """A webhook as callers see it."""
    definition = follow_groups(tx, decode_definition(webhook.definition))
    try:
        former_until = max((one.until for one in read_secrets(tx, webhook) if one.until is not None), default=None)
    except SealBroken:
        former_until = None
    return WebhookView(
        id=webhook.id,
        url=definition.url,
        types=[*definition.types],
        groups=[group.name for group in definition.groups],
        state=webhook.state,
        reason=webhook.reason or None,
        after=webhook.after_seq,
        behind=max(0, feed.get_last_seq(tx) - webhook.after_seq),
        replay=webhook.replay,
        attempts=webhook.attempts,
        problem=webhook.problem or None,
        failing_since=_time(webhook.failing_since),
        next_attempt_at=_time(webhook.due_at),
        former_secret_until=None if former_until is None else format_time(former_until),
        created_at=format_time(webhook.created_at),
    )


def hide_path(view: WebhookView) -> WebhookView:
    """A webhook without the path of its URL: who knows that can send in our name to those that verify nothing."""
    parts = urlsplit(view.url)
    return replace(view, url=f"{parts.scheme}://{parts.netloc}/…")


def find_secret(tx: Tx, *, webhook_id: int, fingerprint: str) -> Secret | None:
    """One of the secrets of a webhook, if it still signs."""
    webhook = webhooks.get_webhook(tx, webhook_id=webhook_id)
    try:
        known = [] if webhook is None else read_secrets(tx, webhook)
    except SealBroken:
        known = []
    return next((one.text for one in known if fingerprint_of(one.text) == fingerprint), None)


def _time(at: int) -> str | None:
    return format_time(at) if at else None
