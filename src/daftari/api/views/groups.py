"""What the calls under ``/v1/groups`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import GROUPS_PER_PAGE_MAX
from daftari.model.members import Count, Cursor, GroupName, Time
from daftari.rules.connections.freshness import GroupConnection


class GroupView(Struct, frozen=True, omit_defaults=True):
    """A group of contacts."""

    name: GroupName
    contacts: Count
    """How many contacts are in the group. It is exact, and 0 is shown too."""
    created_at: Time
    """When the group was made."""
    connections: list[GroupConnection] = []
    """The connections that fill the group, and how fresh it is; only in the answers of `GET`."""


class GroupList(Struct, frozen=True):
    groups: Annotated[list[GroupView], Meta(max_length=GROUPS_PER_PAGE_MAX)]
    """The groups, in the order in which they were made."""
    next: Cursor | None
    """What to send as `after` for the groups that follow; `null` when these are the last."""


class GroupAnswer(Struct, frozen=True):
    group: GroupView


class GroupCreated(Struct, frozen=True, tag_field="message", tag="Group created successfully"):
    group: GroupView


class GroupUpdated(Struct, frozen=True, tag_field="message", tag="Group updated successfully"):
    group: GroupView


class GroupDeleted(Struct, frozen=True, tag_field="message", tag="Group deleted successfully"):
    pass


class GroupJoined(Struct, frozen=True, tag_field="message", tag="Contacts added to group successfully"):
    joined: Count
    """Contacts that joined the group."""
    already: Count
    """Contacts that were in it already."""
    unknown: Count
    """Ids and mobiles that no contact of the project has."""
    suppressed: Count
    """Contacts that have opted out of everything and joined nothing."""
    kept_out: Count
    """Contacts whose people left this very group by their own word, and did not join it again."""


class GroupLeft(Struct, frozen=True, tag_field="message", tag="Contacts removed from group successfully"):
    left: Count
    """Contacts that left the group."""
    already: Count
    """Contacts that were not in it."""
    unknown: Count
    """Ids and mobiles that no contact of the project has."""
