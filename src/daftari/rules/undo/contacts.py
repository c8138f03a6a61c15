"""Undoes what an act changed of contacts and groups, and leaves alone what was changed since. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from daftari.rules.before import ChangedCard, ContactBefore, GroupsBefore, Renamed, read_contacts
from daftari.rules.consent import ledger
from daftari.rules.contacts.groups import hide_group
from daftari.rules.contacts.many import leave_groups, take_away
from daftari.rules.contacts.merge import read_card
from daftari.rules.events import (
    ContactsCreated,
    ContactsUpdated,
    Event,
    GroupCreated,
    GroupJoined,
    GroupRenamed,
)
from daftari.rules.fields import fold_name
from daftari.store import WriteTx, contacts, directory, groups, purge
from daftari.store.consent import CLEAR, SUPPRESSED
from daftari.store.contacts import NewCard, StoredContact
from daftari.store.groups import StoredGroup

MEMBERS_AT_ONCE = 10_000
"""Members of a group that comes back, in one change of the feed."""


class Reverted(Struct):
    """What an undo did: contacts by id, the events, and what its own undo needs."""

    reversed: set[int]
    """Contacts of which something was undone."""
    kept: set[int]
    """Contacts of which something was left alone: it was changed since, or its place is taken."""
    stayed_out: set[int]
    """Contacts that did not come back to a group: they opted out, or left it by their own word."""
    events: list[Event]
    cards: list[ChangedCard]
    removed: list[StoredContact]
    groups: GroupsBefore
    announced: list[Event]
    """The groups that came back, and their members, whom the undo of this need not know."""
    groups_kept: int = 0
    """Groups that were left alone."""


def revert(tx: WriteTx, *, seq: int, of_groups: GroupsBefore) -> Reverted:
    """Undo what an act changed of contacts and groups."""
    done = Reverted(set(), set(), set(), [], [], [], GroupsBefore(), [])
    before = read_contacts(tx, seq=seq)
    found = {contact.id: contact for contact in contacts.find_contacts(tx, ids=sorted(before))}
    _show_groups(tx, of_groups, done)
    _rename(tx, of_groups.renamed, done)
    _remove_new(tx, before, found, done)
    _restore_cards(tx, before, found, done)
    _restore_removed(tx, before, found, done)
    _leave(tx, before, done)
    rejoined = rejoin(tx, _by_group((contact_id, one.left) for contact_id, one in before.items()))
    done.events += rejoined.events
    done.reversed |= rejoined.joined
    done.stayed_out |= rejoined.stayed_out
    done.kept |= rejoined.kept
    _hide_groups(tx, of_groups, done)
    return done


# ---- contacts -------------------------------------------------------------------------------------------


def _remove_new(
    tx: WriteTx, before: Mapping[int, ContactBefore], found: Mapping[int, StoredContact], done: Reverted
) -> None:
    """Remove contacts that the act made, unless they were changed or joined another group since."""
    made = {number: one for number, one in before.items() if one.card is None}
    inside: dict[int, set[int]] = {}
    for membership in groups.list_memberships(tx, ids=sorted(made)) if made else ():
        inside.setdefault(membership.contact_id, set()).add(membership.group_id)
    going = []
    for contact_id, one in made.items():
        contact = found.get(contact_id)
        if contact is None or contact.card != one.after or not inside.get(contact_id, set()) <= set(one.joined):
            done.kept.add(contact_id)
        else:
            going.append(contact)
    if going:
        done.events += take_away(tx, going)
        done.removed += going
        done.cards += [ChangedCard(one.id, one.mobile, one.card, None) for one in going]
        done.reversed.update(one.id for one in going)


def _restore_cards(
    tx: WriteTx, before: Mapping[int, ContactBefore], found: Mapping[int, StoredContact], done: Reverted
) -> None:
    """Restore cards that are as the act left them, unless another contact has the number."""
    cards: list[NewCard] = []
    wanted = {
        number: (one.card, _mobile(one.card))
        for number, one in before.items()
        if isinstance(one.card, str) and one.after is not None
    }
    taken = _find_taken(tx, {number: mobile for number, (_, mobile) in wanted.items()})
    for contact_id, (card, mobile) in wanted.items():
        contact = found.get(contact_id)
        if contact is None or contact.card != before[contact_id].after or contact_id in taken:
            done.kept.add(contact_id)
            continue
        cards.append(NewCard(contact_id, mobile, card))
        new_mobile = mobile if mobile != contact.mobile else None
        done.cards.append(ChangedCard(contact_id, contact.mobile, contact.card, card, new_mobile))
    if cards:
        contacts.update_contacts(tx, cards=cards)
        ids = [card.id for card in cards]
        done.events.append(ContactsUpdated(ids))
        done.reversed.update(ids)
        # What is known of the number that a contact has now counts from now on.
        changed = [
            replace(found[card.id], mobile=card.mobile) for card in cards if card.mobile != found[card.id].mobile
        ]
        if changed:
            states = ledger.find_states(tx, mobiles=[contact.mobile for contact in changed])
            done.events += ledger.settle_contacts(tx, found=changed, states=states).events


def _restore_removed(
    tx: WriteTx, before: Mapping[int, ContactBefore], found: Mapping[int, StoredContact], done: Reverted
) -> None:
    """Bring back contacts that the act removed, with their ids, unless another contact has the number."""
    wanted = {
        number: (one.card, _mobile(one.card))
        for number, one in before.items()
        if isinstance(one.card, str) and one.after is None
    }
    taken = _find_taken(tx, {number: mobile for number, (_, mobile) in wanted.items()}) | found.keys()
    done.kept |= wanted.keys() & taken
    returning = {number: both for number, both in wanted.items() if number not in taken}
    if not returning:
        return
    states = ledger.find_states(tx, mobiles=[mobile for _, mobile in returning.values()])
    cards = [
        NewCard(number, mobile, card, ledger.consent_status_of(states[mobile]) if mobile in states else CLEAR)
        for number, (card, mobile) in sorted(returning.items())
    ]
    contacts.insert_contacts(tx, cards=cards)
    listed = [card.id for card in cards if card.consent_status != SUPPRESSED]
    ids = [card.id for card in cards]
    directory.change_directory(tx, joined={directory.BOOK: ids, directory.LISTED: listed}, left={})
    done.events.append(ContactsCreated(ids))
    done.cards += [ChangedCard(card.id, card.mobile, None, card.card) for card in cards]
    done.reversed.update(ids)


def _mobile(card: str) -> int:
    return int(read_card(card).mobile)


def _find_taken(tx: WriteTx, wanted: Mapping[int, int]) -> set[int]:
    """Contacts whose number, wanted by id, another contact has, or another one of them wants."""
    owners = {one.mobile: one.id for one in contacts.find_contacts_by_mobile(tx, mobiles=sorted(wanted.values()))}
    return {number for number, mobile in wanted.items() if owners.setdefault(mobile, number) != number}


# ---- memberships ----------------------------------------------------------------------------------------


def _leave(tx: WriteTx, before: Mapping[int, ContactBefore], done: Reverted) -> None:
    """Who joined a group by the act leaves it, if they are in it still and no connection keeps it in step."""
    joined = _by_group((number, one.joined) for number, one in before.items() if one.card is not None)
    known = groups.find_groups(tx, ids=sorted(joined))
    left: dict[int, list[int]] = {}
    for group_id, members in joined.items():
        inside = groups.find_members(tx, group_id=group_id, ids=members) if group_id in known else set()
        if inside and known[group_id].mirrored_by:
            done.kept |= inside
        elif inside:
            left[group_id] = sorted(inside)
            done.reversed |= inside
    done.events += leave_groups(tx, left)


class Rejoined(Struct):
    """Who came back to groups, who did not because of what they said, and whose group is gone or kept in step."""

    joined: set[int]
    stayed_out: set[int]
    kept: set[int]
    events: list[GroupJoined]


def rejoin(tx: WriteTx, left: Mapping[int, Collection[int]]) -> Rejoined:
    """Contacts come back to groups that they left, but for those who may not be in them."""
    done = Rejoined(set(), set(), set(), [])
    known = groups.find_groups(tx, ids=sorted(left))
    for group_id, members in sorted(left.items()):
        group = known.get(group_id)
        found = contacts.find_contact_numbers(tx, ids=sorted(members))
        ids = [contact.id for contact in found]
        # A group that a user deleted has to have its members when it comes back.
        if group is None or group.mirrored_by or _is_purged(tx, group):
            done.kept.update(ids)
            continue
        excluded = ledger.find_excluded(tx, found=found, group_id=group_id, folded=fold_name(group.name))
        inside = groups.find_members(tx, group_id=group_id, ids=ids) if ids else set()
        joining = sorted(number for number in ids if number not in inside and number not in excluded)
        done.stayed_out |= excluded.suppressed | excluded.kept_out
        if joining:
            groups.insert_members(tx, group_id=group_id, ids=joining)
            directory.change_directory(tx, joined={group_id: joining}, left={})
            done.joined.update(joining)
            done.events.append(GroupJoined(group_id, joining, fires=False))
    return done


def _by_group(pairs: Iterable[tuple[int, Iterable[int]]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for contact_id, group_ids in pairs:
        for group_id in group_ids:
            found.setdefault(group_id, []).append(contact_id)
    return found


# ---- groups ---------------------------------------------------------------------------------------------


def _show_groups(tx: WriteTx, of_groups: GroupsBefore, done: Reverted) -> None:
    """Bring back groups that the act deleted, with those members who may be in them, unless the name is taken."""
    for group in groups.find_groups(tx, ids=of_groups.deleted).values():
        folded = fold_name(group.name)
        if group.folded is not None or _is_purged(tx, group) or groups.find_group(tx, folded=folded) is not None:
            done.groups_kept += 1
            continue
        groups.show_group(tx, group_id=group.id, folded=folded)
        left = ledger.settle_named_group(tx, folded=folded)
        done.announced.append(GroupCreated(group.id))
        done.announced += [GroupJoined(group.id, members, fires=False) for members in _list_members(tx, group.id)]
        done.events += [event for event in left if event.group_id != group.id]
        done.groups = replace(done.groups, restored=(*done.groups.restored, group.id))
    done.groups_kept += len(of_groups.deleted) - len(groups.find_groups(tx, ids=of_groups.deleted))


def _is_purged(tx: WriteTx, group: StoredGroup) -> bool:
    """Whether a worker may have begun to purge a group."""
    return group.purge_at is not None and group.purge_at <= tx.now


def _list_members(tx: WriteTx, group_id: int) -> Iterator[list[int]]:
    members = purge.list_first_members(tx, group_id=group_id, limit=directory.count_list(tx, list_id=group_id))
    return (members[first : first + MEMBERS_AT_ONCE] for first in range(0, len(members), MEMBERS_AT_ONCE))


def _rename(tx: WriteTx, renamed: Renamed | None, done: Reverted) -> None:
    """Give a group its name back, unless it has a third one by now, or another group has the name."""
    if renamed is None:
        return
    group = groups.find_groups(tx, ids=[renamed.group_id]).get(renamed.group_id)
    folded = fold_name(renamed.before)
    other = groups.find_group(tx, folded=folded)
    is_taken = other is not None and other.id != renamed.group_id
    if group is None or group.folded is None or group.name != renamed.after or is_taken:
        done.groups_kept += 1
        return
    groups.rename_group(tx, group_id=group.id, name=renamed.before, folded=folded)
    done.events.append(GroupRenamed(group.id, group.name))
    if folded != group.folded:
        done.events += ledger.settle_named_group(tx, folded=folded)
    done.groups = replace(done.groups, renamed=Renamed(group.id, group.name, renamed.before))


def _hide_groups(tx: WriteTx, of_groups: GroupsBefore, done: Reverted) -> None:
    """Delete groups that the act made, if they are empty, and those that an undo had brought back."""
    for group in groups.find_groups(tx, ids=[*of_groups.created, *of_groups.restored]).values():
        is_used = group.id in of_groups.created and directory.count_list(tx, list_id=group.id) > 0
        if group.folded is None or group.mirrored_by or is_used:
            done.groups_kept += 1
            continue
        done.events.append(hide_group(tx, group))
