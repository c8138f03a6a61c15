"""Messages as callers see them. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, get_args

from msgspec import Meta, Struct

from daftari.errors import MessageNotFound
from daftari.model.limits import MESSAGE_KEY_MAX
from daftari.model.members import Count, Mobile, Number, Time
from daftari.model.messages import CALLS, MessagePurpose, MessageState, StoredMessage
from daftari.model.time import format_time
from daftari.model.triggers import StoredTrigger
from daftari.rules.firing import event_key_of, read_definition
from daftari.rules.messages.content import kept_content
from daftari.rules.messages.progress import read_definition as read_campaign
from daftari.store import Tx, campaigns, messages, senders, triggers

SCANNED_MAX = 10_000
"""Messages that one page looks at where a state is asked for."""
PER_STEP = 1_000
STATES: tuple[MessageState, ...] = get_args(MessageState)


class ReplyView(Struct, frozen=True):
    """What a person wrote after a message."""

    at: Time
    text: str


class MessageView(Struct, frozen=True, kw_only=True):
    """One text to one number."""

    id: Number
    mobile: Mobile | None
    """`null` once the number was erased."""
    sender: str
    """What the person sees it come from."""
    channel: str
    origin: Annotated[str, Meta(extra_json_schema={"enum": ["call", "campaign", "trigger"]})]
    campaign: Number | None
    """The campaign that it is of."""
    trigger: Number | None
    """The trigger that it is of."""
    key: Annotated[str, Meta(max_length=MESSAGE_KEY_MAX)]
    """The caller's own key, or the place in its call; of a trigger, the key of the event."""
    purpose: MessagePurpose
    state: MessageState
    """`unknown`: it is not known whether the provider took it. `accepted`: it took it, and no report came yet."""
    reason: str | None
    """Why it was not sent, or did not arrive."""
    code: str | None
    """The provider's last code."""
    says: str | None
    """The provider's words, where it refused the message or reported that it failed."""
    attempt: Number
    text: str
    """As it was sent; of a WhatsApp template, its name. Empty once the number was erased."""
    parts: Count
    """0 until it was rendered."""
    due_at: Time | None
    """When it is to be sent; `null` for at once."""
    until: Time | None
    """When it is too late."""
    sent_at: Time | None
    """When it was claimed to be sent the last time."""
    settled_at: Time | None
    """When its end became known."""
    provider_ids: list[str]
    """What the provider calls it, an id for each attempt that it took."""
    replies: list[ReplyView]
    """What the person wrote after it, until the next message."""


def get_message(tx: Tx, *, message_id: int) -> MessageView:
    """One message. Raises ``MessageNotFound``."""
    found = messages.find_messages(tx, ids=[message_id])
    if not found:
        raise MessageNotFound
    return show_messages(tx, [*found.values()])[0]


class MessagePage(Struct, frozen=True):
    """Some messages, and the cursor of the next ones."""

    messages: list[MessageView]
    following: int | None


def list_messages(
    tx: Tx, *, mobile: int | None, state: MessageState | None, after: int, limit: int, trigger_id: int | None = None
) -> MessagePage:
    """Messages in order of id: to one number, in one state, of one trigger.

    A page may be short and have a cursor all the same.
    """
    chosen: list[StoredMessage] = []
    scanned = 0
    while scanned < SCANNED_MAX:
        found = _list_some(tx, mobile=mobile, state=state, after=after, trigger_id=trigger_id)
        for message in found:
            if state in (None, message.state) and trigger_id in (None, message.origin_id):
                if len(chosen) == limit:
                    return MessagePage(show_messages(tx, chosen), chosen[-1].id)
                chosen.append(message)
        if len(found) < PER_STEP:
            return MessagePage(show_messages(tx, chosen), None)
        scanned += len(found)
        after = found[-1].id
    return MessagePage(show_messages(tx, chosen), after)


def list_newest_messages(tx: Tx, *, mobile: int, before: int, limit: int) -> MessagePage:
    """What a number was sent, the newest first, before a cursor; 0 means from the newest on."""
    found = messages.list_newest_messages_of(tx, mobile=mobile, before=before, limit=limit + 1)
    shown = found[:limit]
    return MessagePage(show_messages(tx, shown), shown[-1].id if len(found) > limit else None)


def name_origins(tx: Tx, *, found: Sequence[MessageView]) -> dict[int, str]:
    """What the campaigns and triggers of messages are called, by id: no two of them have the same one."""
    fired = triggers.find_triggers(tx, ids=sorted({one.trigger for one in found if one.trigger is not None}))
    names = {trigger_id: read_definition(trigger.definition).name for trigger_id, trigger in fired.items()}
    for campaign_id in {one.campaign for one in found if one.campaign is not None}:
        campaign = campaigns.get_campaign(tx, campaign_id=campaign_id)
        if campaign is not None:
            names[campaign_id] = read_campaign(campaign.definition).name
    return names


def _list_some(
    tx: Tx, *, mobile: int | None, state: MessageState | None, after: int, trigger_id: int | None
) -> Sequence[StoredMessage]:
    """Messages among which those that are wanted are found with the least reading."""
    if mobile is not None:
        return messages.list_messages_of(tx, mobile=mobile, after=after, limit=PER_STEP)
    if trigger_id is not None and trigger_id in triggers.find_triggers(tx, ids=[trigger_id]):
        states = STATES if state is None else (state,)
        return messages.list_in_states(tx, origin_id=trigger_id, states=states, after=after, limit=PER_STEP)
    return [] if trigger_id is not None else messages.list_messages(tx, after=after, limit=PER_STEP)


def show_messages(tx: Tx, found: Sequence[StoredMessage]) -> list[MessageView]:
    """Messages as callers see them."""
    ids = [message.id for message in found]
    attempts: dict[int, list[str]] = {}
    for attempt in messages.list_attempts(tx, ids=ids) if ids else ():
        if attempt.provider_id:
            attempts.setdefault(attempt.message_id, []).append(attempt.provider_id)
    replies: dict[int, list[ReplyView]] = {}
    for reply in messages.list_replies(tx, ids=ids):
        replies.setdefault(reply.message_id, []).append(ReplyView(format_time(reply.at), reply.text))
    names = {
        sender_id: (stored.name, stored.channel)
        for sender_id in {message.sender_id for message in found}
        if (stored := senders.get_sender(tx, sender_id=sender_id)) is not None
    }
    fired = triggers.find_triggers(tx, ids=sorted({message.origin_id for message in found} - {CALLS}))
    return [
        _show(
            message,
            names[message.sender_id],
            fired.get(message.origin_id),
            attempts.get(message.id, []),
            replies.get(message.id, []),
        )
        for message in found
    ]


def _show(
    message: StoredMessage,
    sender: tuple[str, str],
    trigger: StoredTrigger | None,
    provider_ids: list[str],
    replies: list[ReplyView],
) -> MessageView:
    name, channel = sender
    campaign = None if message.origin_id == CALLS or trigger is not None else message.origin_id
    return MessageView(
        id=message.id,
        mobile=str(message.subject_id) if message.subject_id > 0 else None,
        sender=name,
        channel=channel,
        origin="trigger" if trigger is not None else "call" if campaign is None else "campaign",
        campaign=campaign,
        trigger=None if trigger is None else trigger.id,
        key=message.key if trigger is None else "" if trigger.group_id else event_key_of(message.key),
        purpose=message.purpose,
        state=message.state,
        reason=message.reason or None,
        code=message.code or None,
        says=message.says or None,
        attempt=message.attempt,
        text=_said(message, channel, trigger),
        parts=message.parts,
        due_at=_time(message.due_at) if message.state != "unknown" else None,
        until=_time(message.until),
        sent_at=_time(message.claimed_at),
        settled_at=_time(message.settled_at),
        provider_ids=provider_ids,
        replies=replies,
    )


def _said(message: StoredMessage, channel: str, trigger: StoredTrigger | None) -> str:
    """The text; the name of a template, and before it was rendered the text as it was given."""
    if trigger is not None and message.state == "waiting" and not message.claimed_at:
        content = read_definition(trigger.definition).content
        return content.template or content.text
    if not message.text or (message.claimed_at and channel != "whatsapp"):
        return message.text
    content = kept_content(message.text)
    return content.template or content.text


def _time(at: int) -> str | None:
    return format_time(at) if at else None
