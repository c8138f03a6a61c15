"""Changes of many contacts at once, each one act: into a group, from one to another, out of the book. No SQL.

A call takes up to 1,000 of them; ``rules/bulk`` does more in parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from daftari.errors import ContactNotFound, ValidationFailed
from daftari.model.contacts import Group, MembershipOutcome
from daftari.rules import events
from daftari.rules.before import keep, removed_cards
from daftari.rules.consent import facts, ledger
from daftari.rules.consent.facts import FactsOutcome
from daftari.rules.contacts.contacts import REMOVAL
from daftari.rules.contacts.groups import get_group, hide_group, refuse_mirrored, use_group
from daftari.rules.events import Action, ContactsDeleted, Event, GroupCreated, GroupJoined, GroupLeft
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, contacts, directory, groups, journal, purge
from daftari.store.consent import SUPPRESSED
from daftari.store.contacts import StoredContact


def add_to_group(tx: WriteTx, *, ids: Sequence[int], name: str) -> MembershipOutcome:
    """Contacts join a group, which is created if it is new. Raises ``GroupIsMirrored``."""
    return _into_group(tx, ids=ids, name=name, action=Action.JOIN_GROUP)


def move_to_group(tx: WriteTx, *, ids: Sequence[int], name: str, out_of: str | None) -> MembershipOutcome:
    """Contacts join a group and leave another one, or all others that no connection keeps in step.

    Who may not join stays where they are. ``already``: who had not to leave or join any. Raises ``GroupNotFound`` for
    the group to leave, and ``GroupIsMirrored``.
    """
    if out_of is None:
        return _into_group(tx, ids=ids, name=name, action=Action.MOVE_CONTACTS)
    other = get_group(tx, name=out_of)
    refuse_mirrored(tx, other)
    return _into_group(tx, ids=ids, name=name, action=Action.MOVE_CONTACTS, leaving_id=other.id)


def _into_group(
    tx: WriteTx, *, ids: Sequence[int], name: str, action: Action, leaving_id: int | None = None
) -> MembershipOutcome:
    first_group, folded = tx.book.next_group_id, fold_name(name)
    group_id = use_group(tx, name=name, folded=folded)
    happened: list[Event] = [GroupCreated(new) for new in range(first_group, tx.book.next_group_id)]
    wanted = sorted(set(ids))
    found = {contact.id: contact for contact in contacts.find_contact_numbers(tx, ids=wanted)}
    excluded = ledger.find_excluded(tx, found=found.values(), group_id=group_id, folded=folded)
    ledger.note_near_misses(tx, source="join_group", mobiles=excluded.mobiles)
    coming = [number for number in sorted(found) if number not in excluded]
    inside = groups.find_members(tx, group_id=group_id, ids=coming)
    left: dict[int, list[int]] = {}
    for membership in groups.list_memberships(tx, ids=coming) if action == Action.MOVE_CONTACTS else ():
        if membership.group_id == group_id or membership.folded is None or membership.mirrored_by:
            continue
        if leaving_id in (None, membership.group_id):
            left.setdefault(membership.group_id, []).append(membership.contact_id)
    happened += leave_groups(tx, left)
    joining = [number for number in coming if number not in inside]
    if joining:
        groups.insert_members(tx, group_id=group_id, ids=joining)
        directory.change_directory(tx, joined={group_id: joining}, left={})
        happened.append(GroupJoined(group_id, joining, fires=len(wanted) == 1))
    if happened:
        keep(tx, seq=events.record(tx, action, *happened, group_id=group_id), happened=happened)
    changed = {*joining, *(number for members in left.values() for number in members)}
    return MembershipOutcome(
        changed=len(changed),
        already=len(coming) - len(changed),
        unknown=len(wanted) - len(found),
        suppressed=len(excluded.suppressed),
        kept_out=len(excluded.kept_out),
    )


def leave_groups(tx: WriteTx, left: Mapping[int, Collection[int]]) -> list[GroupLeft]:
    """Take members out of groups. Returns the events."""
    for group_id, members in left.items():
        groups.delete_members(tx, group_id=group_id, ids=sorted(members))
    if left:
        directory.change_directory(tx, joined={}, left={**left})
    return [GroupLeft(group_id, members) for group_id, members in sorted(left.items())]


# ---- out of the book ------------------------------------------------------------------------------------


def remove_contacts(tx: WriteTx, *, ids: Sequence[int]) -> int:
    """Remove contacts from the book, which is no opt-out. Returns how many there were."""
    found = contacts.find_contacts(tx, ids=sorted(set(ids)))
    if found:
        _write_removal(tx, Action.DELETE_CONTACTS, found, [])
    return len(found)


def record_and_remove(tx: WriteTx, *, contact_id: int, given: facts.Given, removes: bool) -> FactsOutcome:
    """Record that a person opted out, and with ``removes`` take the contact out of the book. Its opt-outs stay.

    It is one act, so that its undo takes back both. Raises ``ContactNotFound``.
    """
    found = contacts.get_contact(tx, contact_id=contact_id)
    if found is None:
        raise ContactNotFound
    if not removes:
        return facts.record_given(tx, given=given, kind="opt_out")
    outcome, happened = facts.write_given(tx, given=given)
    _write_removal(tx, Action.DELETE_CONTACT, contacts.find_contacts(tx, ids=[contact_id]), happened)
    return outcome


def _write_removal(tx: WriteTx, action: Action, found: Sequence[StoredContact], before: Sequence[Event]) -> None:
    happened = [*before, *take_away(tx, found)]
    seq = events.record(tx, action, *happened)
    note_removals(tx, seq=seq, removed=found)
    keep(tx, seq=seq, happened=happened, cards=removed_cards(found))


def take_away(tx: WriteTx, found: Sequence[StoredContact]) -> list[Event]:
    """Delete contacts and take them off every list first. Returns the events."""
    ids = [contact.id for contact in found]
    left: dict[int, list[int]] = {}
    for membership in groups.list_memberships(tx, ids=ids):
        left.setdefault(membership.group_id, []).append(membership.contact_id)
    listed = [contact.id for contact in found if contact.consent_status != SUPPRESSED]
    contacts.delete_contacts(tx, ids=ids)
    directory.change_directory(tx, joined={}, left={directory.BOOK: ids, directory.LISTED: listed, **left})
    return [*(GroupLeft(group_id, members) for group_id, members in sorted(left.items())), ContactsDeleted(ids)]


def note_removals(tx: WriteTx, *, seq: int, removed: Iterable[StoredContact]) -> None:
    """Keep the numbers of removed contacts, as those of other deletes are."""
    journal.insert_removals(tx, seq=seq, mobiles=[one.mobile for one in removed], at=tx.now, reason=REMOVAL)


# ---- groups ---------------------------------------------------------------------------------------------


def merge_groups(tx: WriteTx, *, name: str, into: str) -> MembershipOutcome:
    """The members of a group join another one, and the group is deleted. Those who may not join are not brought along.

    Raises ``GroupNotFound``, ``GroupIsMirrored``, and ``ValidationFailed`` for a group with itself.
    """
    group, other = get_group(tx, name=name), get_group(tx, name=into)
    refuse_same(group, other)
    refuse_mirrored(tx, group)
    refuse_mirrored(tx, other)
    members = purge.list_first_members(tx, group_id=group.id, limit=group.contacts)
    found = contacts.find_contact_numbers(tx, ids=members) if members else []
    excluded = ledger.find_excluded(tx, found=found, group_id=other.id, folded=fold_name(into))
    inside = groups.find_members(tx, group_id=other.id, ids=members) if members else set()
    joining = [number for number in members if number not in inside and number not in excluded]
    happened: list[Event] = []
    if joining:
        groups.insert_members(tx, group_id=other.id, ids=joining)
        directory.change_directory(tx, joined={other.id: joining}, left={})
        happened.append(GroupJoined(other.id, joining, fires=False))
    end_merged(tx, group=group, into=other, before=happened)
    suppressed, kept_out = len(excluded.suppressed), len(excluded.kept_out)
    return MembershipOutcome(len(joining), len(inside), 0, suppressed, kept_out)


def end_merged(tx: WriteTx, *, group: Group, into: Group, before: Sequence[Event] = ()) -> int:
    """Delete a group whose members joined another one. Returns the number of the act. Raises ``GroupIsMirrored``."""
    refuse_mirrored(tx, group)
    happened = [*before, hide_group(tx, group)]
    seq = events.record(tx, Action.MERGE_GROUPS, *happened, group_id=into.id)
    keep(tx, seq=seq, happened=happened)
    return seq


def refuse_same(group: Group, other: Group) -> None:
    """Raise ``ValidationFailed`` for a merge of a group with itself."""
    if group.id == other.id:
        raise ValidationFailed({"into": ["The into field must be another group."]})


def list_who_may_join(tx: Tx, *, ids: Sequence[int], group: Group) -> list[int]:
    """Those of some contacts who may be in a group, in order."""
    found = contacts.find_contact_numbers(tx, ids=ids)
    excluded = ledger.find_excluded(tx, found=found, group_id=group.id, folded=fold_name(group.name))
    return sorted(one.id for one in found if one.id not in excluded)


def has_group(tx: Tx, *, name: str) -> bool:
    """Whether there is a group of this name, in any spelling."""
    return groups.find_group(tx, folded=fold_name(name)) is not None
