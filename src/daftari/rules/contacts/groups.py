"""Groups: created on first use, found in any case and spacing, with exact counts; joining and leaving them. No SQL."""

from __future__ import annotations

from collections.abc import Sequence

from daftari.errors import GroupIsMirrored, GroupNotFound, GroupTaken
from daftari.model.contacts import Group, MembershipOutcome
from daftari.model.jobs import JobKind
from daftari.model.limits import UNDO_DAYS
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules import events
from daftari.rules.before import GroupsBefore, Renamed, keep, keeps
from daftari.rules.consent import ledger
from daftari.rules.events import Action, GroupCreated, GroupDeleted, GroupJoined, GroupLeft, GroupRenamed
from daftari.rules.fields import fold_name
from daftari.rules.numbers import WrittenNumber, choose_numbers
from daftari.store import Tx, WriteTx, connections, contacts, directory, groups
from daftari.store.contacts import ContactNumber, StoredContact
from daftari.store.groups import FoundGroup, StoredGroup
from daftari.store.jobs import hint_job


def list_groups(tx: Tx, *, after: int, limit: int) -> list[Group]:
    """Groups in order of creation, from the one after ``after`` on."""
    return groups.list_groups(tx, after=after, limit=limit)


def get_group(tx: Tx, *, name: str) -> Group:
    """One group with its exact count. Raises ``GroupNotFound``."""
    group = groups.get_group(tx, folded=fold_name(name))
    if group is None:
        raise GroupNotFound
    return group


def create_group(tx: WriteTx, *, name: str) -> Group:
    """A new, empty group. Raises ``GroupTaken``."""
    taken = groups.get_group(tx, folded=fold_name(name))
    if taken is not None:
        raise GroupTaken(taken.name)
    group = groups.insert_group(tx, name=name, folded=fold_name(name))
    created = GroupCreated(group.id)
    keep(tx, seq=events.record(tx, Action.CREATE_GROUP, created, group_id=group.id), happened=[created])
    return group


def use_group(tx: WriteTx, *, name: str, folded: str, connection_id: int = 0) -> int:
    """The id of the group with this name, created if it is new.

    Raises ``GroupIsMirrored`` for one that a connection keeps in step, unless it is this connection that asks.
    """
    found = groups.find_group(tx, folded=folded)
    if found is None:
        return groups.insert_group(tx, name=name, folded=folded).id
    refuse_mirrored(tx, found, connection_id=connection_id)
    return found.id


def refuse_mirrored(tx: Tx, group: Group | FoundGroup, *, connection_id: int = 0) -> None:
    """Raise ``GroupIsMirrored`` for a group that a connection keeps in step, unless it is this connection that asks."""
    if group.mirrored_by not in (0, connection_id):
        raise GroupIsMirrored(group.name, mirror_of(tx, group))


def refuse_mirrored_name(tx: Tx, name: str | None) -> None:
    """Raise ``GroupIsMirrored`` for the name of such a group, in any spelling."""
    found = None if name is None else groups.find_group(tx, folded=fold_name(name))
    if found is not None:
        refuse_mirrored(tx, found)


def mirror_of(tx: Tx, group: Group | FoundGroup) -> str:
    """The name of the connection that keeps a group in step."""
    connection = connections.get_connection(tx, connection_id=group.mirrored_by)
    assert connection is not None, "a connection that is removed keeps no group in step"
    return connection.name


def update_group(tx: WriteTx, *, name: str, new_name: str) -> Group:
    """Another name for a group; one that is kept in step stays so.

    Raises ``GroupNotFound``, and ``GroupTaken`` or ``GroupIsMirrored`` when another group has the name.
    """
    group = get_group(tx, name=name)
    taken = groups.get_group(tx, folded=fold_name(new_name))
    if taken is not None and taken.id != group.id:
        refuse_mirrored(tx, taken)
        raise GroupTaken(taken.name)
    if new_name != group.name:
        groups.rename_group(tx, group_id=group.id, name=new_name, folded=fold_name(new_name))
        left: list[GroupLeft] = []
        if fold_name(new_name) != fold_name(group.name):
            left = ledger.settle_named_group(tx, folded=fold_name(new_name))
        seq = events.record(tx, Action.UPDATE_GROUP, GroupRenamed(group.id, group.name), *left, group_id=group.id)
        keep(tx, seq=seq, happened=left, groups=GroupsBefore(renamed=Renamed(group.id, group.name, new_name)))
    return get_group(tx, name=new_name)


def delete_group(tx: WriteTx, *, name: str) -> None:
    """Delete a group at once for everyone; the worker clears its members. They stay contacts.

    One that a user deletes keeps its members, invisible, for as long as it can be brought back.

    Raises ``GroupNotFound`` and ``GroupIsMirrored``.
    """
    group = get_group(tx, name=name)
    refuse_mirrored(tx, group)
    deleted = hide_group(tx, group)
    keep(tx, seq=events.record(tx, Action.DELETE_GROUP, deleted, group_id=group.id), happened=[deleted])


def hide_group(tx: WriteTx, group: Group | StoredGroup) -> GroupDeleted:
    """Hide a group until it is purged: at once, or when what a user did can no longer be undone."""
    if keeps(tx):
        groups.hide_group(tx, group_id=group.id, purge_at=tx.now + UNDO_DAYS * DAY_MICROSECONDS)
    else:
        groups.hide_group(tx, group_id=group.id, purge_at=tx.now)
        hint_job(tx, kind=JobKind.PURGE)
    return GroupDeleted(group.id, group.name)


def join_group(
    tx: WriteTx, *, name: str, ids: Sequence[int], mobiles: Sequence[WrittenNumber], fire_triggers: bool = False
) -> MembershipOutcome:
    """Contacts join a group, named by id or number. ``fire_triggers``: also where more than one is named.

    Raises ``GroupNotFound`` and ``GroupIsMirrored``.
    """
    group = get_group(tx, name=name)
    refuse_mirrored(tx, group)
    named, unknown = _find_named(tx, ids=ids, mobiles=mobiles)
    excluded = ledger.find_excluded(tx, found=named.values(), group_id=group.id, folded=fold_name(name))
    ledger.note_near_misses(tx, source="join_group", mobiles=excluded.mobiles)
    inside = groups.find_members(tx, group_id=group.id, ids=sorted(named))
    joining = [number for number in sorted(named) if number not in inside and number not in excluded]
    if joining:
        groups.insert_members(tx, group_id=group.id, ids=joining)
        directory.change_directory(tx, joined={group.id: joining}, left={})
        joined = GroupJoined(group.id, joining, fire_triggers or len(ids) + len(mobiles) == 1)
        keep(tx, seq=events.record(tx, Action.JOIN_GROUP, joined, group_id=group.id), happened=[joined])
    return MembershipOutcome(
        changed=len(joining),
        already=len(inside),
        unknown=unknown,
        suppressed=len(excluded.suppressed),
        kept_out=len(excluded.kept_out),
    )


def leave_group(tx: WriteTx, *, name: str, ids: Sequence[int], mobiles: Sequence[WrittenNumber]) -> MembershipOutcome:
    """Contacts leave a group, named by id or number. Raises ``GroupNotFound`` and ``GroupIsMirrored``."""
    group = get_group(tx, name=name)
    refuse_mirrored(tx, group)
    named, unknown = _find_named(tx, ids=ids, mobiles=mobiles)
    leaving = sorted(groups.find_members(tx, group_id=group.id, ids=sorted(named)))
    if leaving:
        groups.delete_members(tx, group_id=group.id, ids=leaving)
        directory.change_directory(tx, joined={}, left={group.id: leaving})
        left = GroupLeft(group.id, leaving)
        keep(tx, seq=events.record(tx, Action.LEAVE_GROUP, left, group_id=group.id), happened=[left])
    return MembershipOutcome(changed=len(leaving), already=len(named) - len(leaving), unknown=unknown)


def _find_named(
    tx: Tx, *, ids: Sequence[int], mobiles: Sequence[WrittenNumber]
) -> tuple[dict[int, ContactNumber | StoredContact], int]:
    """The contacts that are named, by id; and how many names fit none."""
    wanted_ids, wanted_mobiles = sorted(set(ids)), sorted(set(choose_numbers(tx, mobiles)))
    by_id = contacts.find_contact_numbers(tx, ids=wanted_ids) if wanted_ids else []
    by_mobile = contacts.find_contacts_by_mobile(tx, mobiles=wanted_mobiles) if wanted_mobiles else []
    unknown = len(wanted_ids) - len(by_id) + len(wanted_mobiles) - len(by_mobile)
    named: dict[int, ContactNumber | StoredContact] = {found.id: found for found in by_id}
    named.update({found.id: found for found in by_mobile})
    return named, unknown
