"""A trigger as callers see it, with the counts of its messages. No HTTP, no SQL."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct
from msgspec import field as member

from daftari.model.carts import CHECKOUT
from daftari.model.connections import ConnectionDefinition
from daftari.model.consent import Channel
from daftari.model.limits import EVENT_NAME_MAX, SENDER_MAX, TEXT_MAX
from daftari.model.members import Count, Number, Text, Time
from daftari.model.messages import MessagePurpose, MessageState
from daftari.model.time import format_time
from daftari.model.triggers import Condition, StoredTrigger
from daftari.rules.firing import read_definition, read_progress
from daftari.rules.triggers.draft import write_again
from daftari.rules.triggers.durations import write_duration
from daftari.store import Tx, connections, exports, senders

_read_connection = msgspec.json.Decoder(ConnectionDefinition).decode

Duration = Annotated[
    str,
    Meta(title="Duration", min_length=2, description="How long: numbers with d, h, m or s, such as `1h` or `1h30m`."),
]
NamedGroup = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
NamedEvent = Annotated[str, Meta(min_length=1, max_length=EVENT_NAME_MAX)]


class OnView(Struct, frozen=True, omit_defaults=True):
    """What a trigger is on; it has one member."""

    event: NamedEvent | None = None
    """An event of this name that `POST /v1/events` reports."""
    joins: NamedGroup | None = None
    """A contact joins this group."""


class ConditionView(Struct, frozen=True, omit_defaults=True):
    """What stops a message; it has one member."""

    event: NamedEvent | None = None
    """An event of this name happened to the number."""
    in_: NamedGroup | None = member(name="in", default=None)
    """The person is in this group."""
    leaves: NamedGroup | None = None
    """The person is no longer in this group."""


class TriggerView(Struct, frozen=True, kw_only=True):
    """What is sent after an event, and how many of its messages were sent."""

    id: Number
    name: Text
    """What you call it; the people who are messaged do not see it."""
    state: Literal["on", "paused"]
    on: OnView
    wait: Duration
    """How long after the latest event the message is sent."""
    unless: list[ConditionView]
    again: str
    """How often a number may get it: `always`, `once`, or not for a while after the last one, such as `7d`."""
    late: Duration
    """How late the message may be; after that it is not sent."""
    sender: Annotated[str, Meta(min_length=1, max_length=SENDER_MAX)]
    """What people see the messages come from."""
    channel: Channel
    purpose: MessagePurpose
    text: str | None
    """What is said, with its fields; `null` on WhatsApp."""
    plain: bool
    """Whether typographic characters are replaced, so that more fits into a part."""
    template: str | None
    """The approved WhatsApp template."""
    language: str | None
    params: list[str]
    warning: str | None
    """What is wrong with it: a group of it was deleted, who joins its group by a cart fires nothing, or the provider
    refused its template, which paused it."""
    sender_paused: str | None
    """Why the sender sends nothing at present; `null` while it sends."""
    states: Annotated[
        dict[str, Count],
        Meta(
            description="How many of its messages are in each state.",
            extra_json_schema={"propertyNames": {"enum": sorted(get_args(MessageState))}},
        ),
    ]
    reasons: Annotated[
        dict[str, Count],
        Meta(description="Why some were skipped, failed or expired, and how many for each reason."),
    ]
    parts: Count
    """How many parts were handed to the provider, or perhaps were."""
    key_id: Number | None
    """The key that made it; `null` for a command."""
    created_at: Time


def show_trigger(tx: Tx, trigger: StoredTrigger) -> TriggerView:
    """A trigger as callers see it. A group has the name that it has now."""
    definition, progress = read_definition(trigger.definition), read_progress(trigger.progress)
    sender = senders.get_sender(tx, sender_id=trigger.sender_id)
    assert sender is not None, "a sender's row stays after its deletion"
    content = definition.content
    ids = sorted({trigger.group_id, *(condition.group_id for condition in definition.unless)} - {0})
    names = {group_id: found.name for group_id, found in exports.find_group_names(tx, ids=ids).items()}
    on = OnView(joins=names.get(trigger.group_id, definition.written))
    return TriggerView(
        id=trigger.id,
        name=definition.name,
        state="paused" if trigger.state == "paused" else "on",
        on=on if trigger.group_id else OnView(event=definition.written),
        wait=write_duration(definition.wait),
        unless=[_show_condition(condition, names.get(condition.group_id)) for condition in definition.unless],
        again=write_again(definition.again),
        late=write_duration(definition.late),
        sender=sender.name,
        channel=sender.channel,
        purpose=definition.purpose,
        text=None if content.template else content.text,
        plain=content.plain,
        template=content.template or None,
        language=content.language or None,
        params=[*content.params],
        warning=progress.provider_says
        or _find_warning(trigger, definition.written, definition.unless, names)
        or _find_carts_warning(tx, group_id=trigger.group_id),
        sender_paused=sender.paused or None,
        states={state: many for state, many in sorted(progress.states.items()) if many},
        reasons={reason: many for reason, many in sorted(progress.reasons.items()) if many},
        parts=progress.parts,
        key_id=trigger.key_id,
        created_at=format_time(trigger.created_at),
    )


def _show_condition(condition: Condition, name: str | None) -> ConditionView:
    named = name or condition.written
    if condition.kind == "event":
        return ConditionView(event=condition.written)
    return ConditionView(in_=named) if condition.kind == "in" else ConditionView(leaves=named)


def _find_warning(
    trigger: StoredTrigger, written: str, unless: tuple[Condition, ...], names: dict[int, str]
) -> str | None:
    """What a deleted group means for a trigger."""
    if trigger.group_id and trigger.group_id not in names:
        return f"The group {written!r} was deleted, so that nothing fires this trigger: add another one."
    for condition in unless:
        if condition.group_id and condition.group_id not in names:
            means = "no message is sent" if condition.kind == "leaves" else "it no longer stops a message"
            return f"The group {condition.written!r} of unless was deleted, so that {means}: change unless."
    return None


def _find_carts_warning(tx: Tx, *, group_id: int) -> str | None:
    """What a group of who left a cart means for a trigger on it."""
    shops = connections.list_connections(tx) if group_id else []
    if not any(_read_connection(shop.definition).carts_group_id == group_id for shop in shops):
        return None
    return f"Who leaves a cart joins this group and fires no trigger: for them add one on the event {CHECKOUT!r}."
