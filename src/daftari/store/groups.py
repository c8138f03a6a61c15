"""Groups and their members. A name is stored as it was first written and found by its folded form.

A deleted group keeps its row, without a folded name, until the worker has purged its memberships. Which contact may
join belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from daftari.model.contacts import Group
from daftari.store.engine import Tx, WriteTx


class Membership(Struct, frozen=True):
    """One contact in one group. A deleted group has no folded name."""

    contact_id: int
    group_id: int
    name: str
    folded: str | None
    mirrored_by: int


class FoundGroup(Struct, frozen=True):
    """A group without its count. ``mirrored_by``: the connection that alone decides who is in it; 0 for none."""

    id: int
    name: str
    folded: str
    created_at: int
    mirrored_by: int


class StoredGroup(Struct, frozen=True):
    """A group as its id finds it. A deleted one has no folded name, and is purged from ``purge_at`` on."""

    id: int
    name: str
    folded: str | None
    mirrored_by: int
    purge_at: int | None


def get_group(tx: Tx, *, folded: str) -> Group | None:
    """One group by its folded name, with its exact count."""
    return tx.fetch_one(Group, "get_counted_group", folded=folded)


def find_group(tx: Tx, *, folded: str) -> FoundGroup | None:
    """One group by its folded name."""
    return tx.fetch_one(FoundGroup, "get_group", folded=folded)


def list_mirrored_groups(tx: Tx) -> list[FoundGroup]:
    """The groups that connections keep in step, in order of creation."""
    return sorted(tx.fetch(FoundGroup, "list_mirrored_groups"), key=lambda group: group.id)


def set_mirror(tx: WriteTx, *, group_id: int, connection_id: int) -> None:
    """Set the connection that alone decides who is in a group; 0 for none."""
    tx.run("set_group_mirror", id=group_id, connection=connection_id)


def find_group_id(tx: Tx, *, folded: str) -> int | None:
    """The id of the group with this folded name."""
    return tx.fetch_one(int, "get_group", folded=folded)


def list_groups(tx: Tx, *, after: int, limit: int) -> list[Group]:
    """At most ``limit`` groups after an id, in order of creation."""
    rows = tx.fetch(tuple[int, str, str, int, int, int], "list_groups", after=after, limit=limit)
    return [
        Group(group_id, name, contacts, created_at, mirrored_by)
        for group_id, name, _, created_at, mirrored_by, contacts in rows
    ]


def insert_group(tx: WriteTx, *, name: str, folded: str) -> Group:
    """Insert an empty group."""
    group_id = tx.book.next_group_id
    tx.book.next_group_id = group_id + 1
    tx.insert_many("contact_group", [(tx.project.id, group_id, name, folded, tx.now)])
    return Group(id=group_id, name=name, contacts=0, created_at=tx.now)


def rename_group(tx: WriteTx, *, group_id: int, name: str, folded: str) -> None:
    """Set a group's name."""
    tx.run("rename_group", id=group_id, name=name, folded=folded)


def hide_group(tx: WriteTx, *, group_id: int, purge_at: int) -> None:
    """Free a group's name and hide it; its memberships are purged from a time on."""
    tx.run("hide_group", id=group_id, now=tx.now, purge_at=purge_at)


def show_group(tx: WriteTx, *, group_id: int, folded: str) -> None:
    """Bring back a hidden group, with its members."""
    tx.run("show_group", id=group_id, folded=folded)


def find_groups(tx: Tx, *, ids: Sequence[int]) -> dict[int, StoredGroup]:
    """Those of a few ids that are groups, by id. Deleted groups count until they are purged."""
    found = (tx.fetch_one(StoredGroup, "get_group_by_id", id=number) for number in ids)
    return {group.id: group for group in found if group is not None}


def list_contact_groups(tx: Tx, *, contact_id: int) -> list[int]:
    """The groups of a contact. Deleted groups count until they are purged."""
    return tx.fetch(int, "list_contact_groups", contact=contact_id)


def list_memberships(tx: Tx, *, ids: Sequence[int]) -> list[Membership]:
    """The groups of some contacts. Deleted groups count until they are purged."""
    return tx.fetch(Membership, "list_memberships", ids=ids)


def list_group_names(tx: Tx, *, ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the groups of some contacts, by contact."""
    names: dict[int, list[str]] = {number: [] for number in ids}
    for contact_id, name in tx.fetch(tuple[int, str], "list_group_names", ids=ids):
        names[contact_id].append(name)
    return names


def find_members(tx: Tx, *, group_id: int, ids: Sequence[int]) -> set[int]:
    """Those of some contacts that are in a group."""
    return set(tx.fetch(int, "find_members", group=group_id, ids=ids))


def list_members_between(tx: Tx, *, group_id: int, first: int, last: int) -> list[int]:
    """The members of a group from one id to another, in order."""
    return tx.fetch(int, "list_members_between", group=group_id, first=first, last=last)


def list_members_outside(tx: Tx, *, group_id: int, other_id: int, after: int, limit: int) -> list[int]:
    """At most ``limit`` members of a group after an id that are not in another one, in order."""
    return tx.fetch(int, "list_members_outside", group=group_id, other=other_id, after=after, limit=limit)


def insert_members(tx: WriteTx, *, group_id: int, ids: Sequence[int]) -> None:
    """Insert memberships of contacts that are not in the group."""
    project = tx.project.id
    tx.insert_many("membership", [(project, group_id, number) for number in ids])


def delete_members(tx: WriteTx, *, group_id: int, ids: Sequence[int]) -> None:
    """Delete memberships of contacts that are in the group."""
    tx.run("delete_members", group=group_id, ids=ids)


def delete_contact_memberships(tx: WriteTx, *, contact_id: int) -> None:
    """Delete all memberships of a contact."""
    tx.run("delete_contact_memberships", contact=contact_id)
