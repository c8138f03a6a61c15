"""Keeps what an act of a user changes of contacts and groups, so that it can be undone. No HTTP, no SQL.

Calls of programs keep nothing: they cost what they cost before. Imports keep their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from daftari.model.limits import UNDO_DAYS
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.events import Event, GroupCreated, GroupDeleted, GroupJoined, GroupLeft
from daftari.store import Tx, WriteTx, before, contacts
from daftari.store.before import GROUPS, StoredBefore
from daftari.store.contacts import NewCard, StoredContact


class ChangedCard(Struct, frozen=True):
    """A card that an act changes. ``before`` is ``None`` for a new contact, ``after`` for one that was removed.

    ``mobile``: the number before, or that of a new contact; ``new_mobile``: another one that the act gives it.
    """

    contact_id: int
    mobile: int
    before: str | None
    after: str | None
    new_mobile: int | None = None


class ContactBefore(Struct, frozen=True, omit_defaults=True):
    """What an act changed of a contact: a card that it changed, made or removed, and the groups joined and left."""

    card: str | None | UnsetType = UNSET
    """The card before, if the act changed it; ``None`` if there was no contact."""
    after: str | None = None
    """The card after it; ``None`` if the contact was removed."""
    joined: tuple[int, ...] = ()
    left: tuple[int, ...] = ()


class Renamed(Struct, frozen=True):
    """A group's names, before and after."""

    group_id: int
    before: str
    after: str


class GroupsBefore(Struct, frozen=True, omit_defaults=True):
    """What an act did to groups, and whether it was undone."""

    created: tuple[int, ...] = ()
    """New groups; an undo deletes those that are empty."""
    deleted: tuple[int, ...] = ()
    restored: tuple[int, ...] = ()
    """Groups that an undo brought back."""
    renamed: Renamed | None = None
    undone_by: int | None = None
    """The undo, in the journal."""


_read_contact = msgspec.json.Decoder(ContactBefore).decode
_read_groups = msgspec.json.Decoder(GroupsBefore).decode


def keeps(tx: WriteTx) -> bool:
    """Whether what is written now is kept for an undo: what a user does, and no program, import or command."""
    return tx.actor.user_id is not None


def keep(
    tx: WriteTx,
    *,
    seq: int,
    happened: Iterable[Event] = (),
    cards: Sequence[ChangedCard] = (),
    groups: GroupsBefore | None = None,
) -> None:
    """Keep what an act changed: cards, and from its events the memberships and groups. ``groups``: what else it did.

    Only for the acts of users: ask ``keeps`` where it costs something to find out what changed.
    """
    if not keeps(tx):
        return
    found = {card.contact_id: ContactBefore(card.before, card.after) for card in cards}
    mobiles = {card.contact_id: card.mobile for card in cards}
    new_mobiles = {card.contact_id: card.new_mobile for card in cards}
    of_groups = groups or GroupsBefore()
    joined: dict[int, list[int]] = {}
    left: dict[int, list[int]] = {}
    for event in happened:
        match event:
            case GroupJoined():
                _note(joined, event.group_id, event.contacts)
            case GroupLeft():
                _note(left, event.group_id, event.contacts)
            case GroupCreated():
                of_groups = replace(of_groups, created=(*of_groups.created, event.group_id))
            case GroupDeleted():
                of_groups = replace(of_groups, deleted=(*of_groups.deleted, event.group_id))
            case _:
                pass
    ids = joined.keys() | left.keys()
    unknown = sorted(ids - mobiles.keys())
    if unknown:
        mobiles |= {contact.id: contact.mobile for contact in contacts.find_contact_numbers(tx, ids=unknown)}
    for contact_id in ids:
        found[contact_id] = replace(
            found.get(contact_id, ContactBefore()),
            joined=tuple(joined.get(contact_id, ())),
            left=tuple(left.get(contact_id, ())),
        )
    until = tx.now + UNDO_DAYS * DAY_MICROSECONDS
    rows = [StoredBefore(GROUPS, 0, None, until, _write(of_groups))]
    rows += [
        StoredBefore(contact_id, mobiles[contact_id], new_mobiles.get(contact_id), until, _write(one))
        for contact_id, one in sorted(found.items())
    ]
    before.insert_before(tx, seq=seq, rows=rows)


def _note(found: dict[int, list[int]], group_id: int, ids: Collection[int]) -> None:
    for contact_id in ids:
        found.setdefault(contact_id, []).append(group_id)


def changed_cards(stored: Iterable[StoredContact], after: Mapping[int, NewCard]) -> list[ChangedCard]:
    """Those of some contacts whose cards change."""
    return [ChangedCard(one.id, one.mobile, one.card, after[one.id].card) for one in stored if one.id in after]


def removed_cards(stored: Iterable[StoredContact]) -> list[ChangedCard]:
    """Contacts that are removed."""
    return [ChangedCard(one.id, one.mobile, one.card, None) for one in stored]


def new_cards(cards: Iterable[NewCard]) -> list[ChangedCard]:
    """Contacts that are made."""
    return [ChangedCard(one.id, one.mobile, None, one.card) for one in cards]


# ---- read again -----------------------------------------------------------------------------------------


def read_groups(tx: Tx, *, seq: int) -> GroupsBefore | None:
    """What an act did to groups; ``None`` if nothing is kept of the act."""
    stored = before.get_act_before(tx, seq=seq)
    return None if stored is None or stored.expires_at <= tx.now else _read_groups(stored.before)


def find_groups(tx: Tx, *, seqs: Sequence[int]) -> dict[int, GroupsBefore]:
    """As ``read_groups``, for some acts."""
    stored = before.find_acts(tx, seqs=seqs)
    return {seq: _read_groups(kept) for seq, expires_at, kept in stored if expires_at > tx.now}


def read_contacts(tx: Tx, *, seq: int) -> dict[int, ContactBefore]:
    """What an act changed of contacts, by id."""
    return {row.contact_id: _read_contact(row.before) for row in before.list_before(tx, seq=seq)}


def find_contact(tx: Tx, *, contact_id: int, seqs: Sequence[int]) -> dict[int, ContactBefore]:
    """What some acts changed of a contact, by act, where that is kept."""
    stored = before.find_contact_before(tx, contact_id=contact_id, seqs=seqs)
    return {seq: _read_contact(kept) for seq, expires_at, kept in stored if expires_at > tx.now}


def mark_undone(tx: WriteTx, *, seq: int, groups: GroupsBefore, by: int) -> None:
    """Note that an act was undone, and forget what it changed."""
    before.save_act_before(tx, seq=seq, before=_write(replace(groups, undone_by=by)))
    before.delete_act_contacts(tx, seq=seq)


def _write(one: ContactBefore | GroupsBefore) -> str:
    return msgspec.json.encode(one).decode()
