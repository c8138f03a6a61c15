"""What uses a group, and what its deletion means: for triggers, campaigns, connections and frozen audiences. No SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct

from daftari.rules.audiences import count_frozen_of
from daftari.rules.connections.model import open_stored
from daftari.rules.contacts.groups import get_group
from daftari.rules.fields import fold_name
from daftari.rules.firing import read_definition as read_trigger
from daftari.rules.messages.progress import read_definition as read_campaign
from daftari.store import Tx, campaigns, connections, triggers

Effect = Literal[
    "fires_no_more",
    "stops_no_more",
    "sends_no_more",
    "cannot_start",
    "pauses",
    "skips_members",
    "leaves_no_one_out",
    "makes_it_again",
    "puts_carts_in_again",
]
"""What follows for a user of the group: for triggers, then for campaigns, then for connections.

``sends_no_more``: everyone counts as having left. ``pauses``: when it is to start. ``skips_members``: those to whom a
campaign that runs did not send yet; ``leaves_no_one_out``: those that it was not for. The last two make a new group of
this name when they need it.
"""


class GroupUse(Struct, frozen=True):
    """A trigger, campaign or connection that uses a group."""

    id: int
    name: str
    effect: Effect


class GroupUses(Struct, frozen=True):
    """All that uses a group. ``frozen``: audiences that were frozen from it, and keep their numbers."""

    uses: list[GroupUse]
    frozen: int


def find_group_uses(tx: Tx, *, name: str) -> GroupUses:
    """What uses a group. Raises ``GroupNotFound``."""
    group = get_group(tx, name=name)
    folded = fold_name(group.name)

    def is_it(group_id: int, written: str) -> bool:
        return group_id == group.id if group_id else bool(written) and fold_name(written) == folded

    uses = [*_of_triggers(tx, group.id), *_of_campaigns(tx, group.id, folded), *_of_connections(tx, is_it)]
    return GroupUses(uses, count_frozen_of(tx, folded=folded))


def _of_triggers(tx: Tx, group_id: int) -> Iterator[GroupUse]:
    for trigger in triggers.list_triggers(tx):
        definition = read_trigger(trigger.definition)
        if trigger.group_id == group_id:
            yield GroupUse(trigger.id, definition.name, "fires_no_more")
        for condition in definition.unless:
            if condition.group_id == group_id:
                effect: Effect = "sends_no_more" if condition.kind == "leaves" else "stops_no_more"
                yield GroupUse(trigger.id, definition.name, effect)


def _of_campaigns(tx: Tx, group_id: int, folded: str) -> Iterator[GroupUse]:
    for campaign in campaigns.list_open_campaigns(tx):
        definition = read_campaign(campaign.definition)
        if campaign.audience_id:
            if group_id in definition.group_ids:
                yield GroupUse(campaign.id, definition.name, "skips_members")
            if group_id in definition.not_ids:
                yield GroupUse(campaign.id, definition.name, "leaves_no_one_out")
        elif folded in map(fold_name, (*definition.groups, *definition.without)):
            yield GroupUse(campaign.id, definition.name, "cannot_start" if campaign.state == "draft" else "pauses")


def _of_connections(tx: Tx, is_it: Callable[[int, str], bool]) -> Iterator[GroupUse]:
    for stored in connections.list_connections(tx):
        if stored.state == "removed":
            continue
        definition = open_stored(stored).definition
        if any(is_it(mapping.group_id, mapping.group) for mapping in definition.groups):
            yield GroupUse(stored.id, stored.name, "makes_it_again")
        if is_it(definition.carts_group_id, definition.carts_group):
            yield GroupUse(stored.id, stored.name, "puts_carts_in_again")
