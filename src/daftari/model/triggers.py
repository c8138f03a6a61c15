"""Records of triggers and of events. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daftari.model.messages import Content, MessageCounts, MessagePurpose

TriggerState = Literal["on", "paused", "deleted"]
ConditionKind = Literal["event", "in", "leaves"]

JOINED = ""
"""The name of the events that the book itself reports: a number joined a group."""


class Condition(Struct, frozen=True, omit_defaults=True):
    """What stops a message: an event by its folded name, or a group that the number is in, or no longer in."""

    kind: ConditionKind
    written: str
    """The name as it was given."""
    event_name: str = ""
    group_id: int = 0


class TriggerDefinition(Struct, frozen=True, omit_defaults=True):
    """What was asked for. ``written``: the event or group that it is on. Durations are in microseconds."""

    name: str
    written: str
    content: Content
    purpose: MessagePurpose
    wait: int
    late: int
    again: int | None = 0
    """How long a number gets no second message; ``None``: forever."""
    unless: tuple[Condition, ...] = ()


class TriggerProgress(MessageCounts, omit_defaults=True):
    """The counts of a trigger's messages. ``redated``: the last message that was given an earlier time by an edit."""

    redated: int | None = None
    provider_says: str = ""
    """Why the provider refused the template, which paused the trigger."""


class StoredTrigger(Struct, frozen=True):
    """A trigger as it is stored; ``definition`` and ``progress`` are JSON."""

    id: int
    sender_id: int
    state: TriggerState
    group_id: int
    event_name: str
    definition: str
    progress: str
    created_at: int
    key_id: int | None


class StoredEvent(Struct, frozen=True):
    """What happened to a number; ``fields`` is JSON. ``given_at`` is 0 where no time came with it.

    ``connection_id``: the connection whose system said so; 0 for programs and joins.
    """

    id: int
    subject_id: int
    name: str
    key: str
    at: int
    given_at: int
    received_at: int
    fields: str
    is_contact: int
    expires_at: int
    connection_id: int = 0
