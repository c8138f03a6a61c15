"""Records of webhooks, which the store and the rules share. No rules, no SQL, no HTTP."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daftari.model.feed import ChangeType

WebhookState = Literal["enabled", "paused", "disabled"]
"""``paused``: by a person. ``disabled``: by the service, since nothing could be delivered."""
DeliveryKind = Literal["changes", "reset"]
DeliveryState = Literal["failing", "delivered", "replaced"]
"""``failing``: it was tried, and is tried again. ``replaced``: something else is delivered instead."""


class WatchedGroup(Struct, frozen=True):
    """A group that a webhook is about: what it was called last, and its ids.

    A group with the name of one that was deleted counts as the same group.
    """

    name: str
    ids: tuple[int, ...]


class WebhookDefinition(Struct, frozen=True, omit_defaults=True):
    """What people set of a webhook. No types or no groups: all of them."""

    url: str
    types: tuple[ChangeType, ...] = ()
    groups: tuple[WatchedGroup, ...] = ()


class Batch(Struct, frozen=True, omit_defaults=True):
    """What one delivery is about, fixed at its first attempt; what it says is read from the feed at each.

    Of changes those from ``first`` to ``last`` of some types and groups, ``count`` of them. Of a reset, where the feed
    begins and ends.
    """

    id: int
    kind: DeliveryKind
    first: int
    last: int
    count: int
    created_at: int
    types: tuple[ChangeType, ...] = ()
    group_ids: tuple[int, ...] = ()


class StoredWebhook(Struct, frozen=True):
    """A row of the table; the schema says what its columns are."""

    id: int
    definition: str
    secrets: bytes
    state: WebhookState
    reason: str
    epoch: str
    after_seq: int
    replay: int
    batch: str
    attempts: int
    problem: str
    failing_since: int
    due_at: int
    fence: int
    created_at: int


class StoredDelivery(Struct, frozen=True):
    """A row of the log of deliveries."""

    id: int
    webhook_id: int
    kind: DeliveryKind
    first_seq: int
    last_seq: int
    count: int
    replay: int
    state: DeliveryState
    attempts: int
    status: int
    error: str
    created_at: int
    tried_at: int
    milliseconds: int
    expires_at: int
