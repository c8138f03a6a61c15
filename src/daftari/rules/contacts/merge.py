"""What rows mean for the stored contacts, and how they are written: one contact a number, blank keeps.

First found, then written, so that an import can plan without writing. The caller holds the project's lock for both, or
only reads. No HTTP, no file formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model.contacts import TEXT_FIELDS, Card, ContactRow
from daftari.rules.consent import ledger
from daftari.rules.consent.state import State
from daftari.rules.contacts.groups import refuse_mirrored, use_group
from daftari.rules.contacts.parse import encode_card, has_too_many, merged_attributes
from daftari.rules.events import ContactsCreated, ContactsUpdated, Event, GroupCreated, GroupJoined
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, contacts, directory, groups
from daftari.store.consent import CLEAR
from daftari.store.contacts import NewCard, StoredContact

TIME_AND_BRACE = len('"2024-03-21T07:06:37.000000Z"}')
"""How a card without attributes ends: with when it was created, which no row changes."""

NO_GROUP = -1
"""No group's id: that of a group which is made when it is written."""

read_card = msgspec.json.Decoder(Card).decode


class NamedGroup(Struct, frozen=True):
    """A group that rows are to join: all of them, or those with these numbers."""

    name: str
    mobiles: AbstractSet[int] | None = None


class Joining(Struct):
    """Who joins one group: contacts that are there, by id, and new ones, but for the numbers that may not."""

    group: NamedGroup
    folded: str
    group_id: int | None
    """``None`` for a group that is made when it is written."""
    existing: list[int]
    kept_out: set[int]
    """Numbers whose people left this very group."""
    excluded: set[int]
    """These, and the suppressed."""

    @property
    def takes_all(self) -> bool:
        """Whether every new contact joins."""
        return self.group.mobiles is None and not self.excluded

    def takes(self, mobile: int) -> bool:
        """Whether a new contact with this number joins."""
        wanted = self.group.mobiles
        return mobile not in self.excluded and (wanted is None or mobile in wanted)


class Merge(Struct):
    """What rows mean for the book as it is."""

    new: list[ContactRow]
    existing: dict[int, StoredContact]
    """Contacts that are there, by number."""
    changed: dict[int, NewCard]
    """Changed cards by id."""
    refused: set[int]
    """Indexes of rows whose contact would have too many attributes."""
    known: dict[int, State]
    joinings: list[Joining]

    @property
    def suppressed(self) -> set[int]:
        """Numbers that join nothing."""
        return {mobile for mobile, state in self.known.items() if state.is_suppressed}

    @property
    def kept_out(self) -> set[int]:
        """Numbers whose people left a group that they were to join."""
        return {mobile for joining in self.joinings for mobile in joining.kept_out}


class Merged(Struct):
    """What was written: new contacts, the ids that joined each group, and the events."""

    new: list[NewCard]
    joined: dict[int, Sequence[int]]
    events: list[Event]

    @property
    def joined_ids(self) -> set[int]:
        """The ids that joined any group."""
        return {number for ids in self.joined.values() for number in ids}


# ---- finding ----------------------------------------------------------------------------------------


def find_merge(
    tx: Tx,
    *,
    rows: list[ContactRow],
    named: Sequence[NamedGroup],
    foreseen: Mapping[int, State] | None = None,
    connection_id: int = 0,
) -> Merge:
    """What rows of different numbers mean for the book. ``foreseen``: states that numbers would have by then.

    ``connection_id``: the connection that brings the rows. Raises ``GroupIsMirrored`` for a group that another one
    keeps in step.
    """
    stored = contacts.find_contacts_by_mobile(tx, mobiles=[row.mobile for row in rows]) if rows else []
    merge = Merge(rows, {found.mobile: found for found in stored}, {}, set(), {}, [])
    if merge.existing:
        _find_changes(merge, rows)
    merge.known = _find_known(tx, merge)
    if foreseen:
        merge.known |= {row.mobile: foreseen[row.mobile] for row in rows if row.mobile in foreseen}
    if merge.new or merge.existing:
        merge.joinings = [_find_joining(tx, merge, group, connection_id) for group in named]
    return merge


def _find_changes(merge: Merge, rows: list[ContactRow]) -> None:
    existing = merge.existing
    merge.new = [row for row in rows if row.mobile not in existing]
    for row in rows:
        found = existing.get(row.mobile)
        if found is None or _is_unchanged(found, row):
            continue
        card = read_card(found.card)
        merged = _merge_row(card, row)
        if has_too_many(merged.attributes):
            merge.refused.add(row.index)
            del existing[row.mobile]
        elif merged is not card and (text := encode_card(merged)) != found.card:
            merge.changed[found.id] = NewCard(found.id, found.mobile, text)


def _is_unchanged(found: StoredContact, row: ContactRow) -> bool:
    """Whether a row equals its contact's card, compared without decoding the card: most rows that are sent again do."""
    head = len(f'{{"id":{found.id}')
    return (
        row.attributes is None
        and len(found.card) == head + len(row.tail)
        and found.card.startswith(row.tail[:-TIME_AND_BRACE], head)
    )


def _merge_row(card: Card, row: ContactRow) -> Card:
    """The card with what the row gives; blank or absent keeps what is there."""
    given = {name: text for name, text in zip(TEXT_FIELDS, row.texts, strict=True) if text is not None}
    attributes = card.attributes
    if row.attributes:
        attributes = merged_attributes(attributes or {}, row.attributes)
    return replace(card, **given, attributes=attributes) if given or row.attributes else card


def _find_known(tx: Tx, merge: Merge) -> dict[int, State]:
    """The states of numbers with facts; an existing contact's status says whether to look."""
    mobiles = [row.mobile for row in merge.new]
    mobiles += [contact.mobile for contact in merge.existing.values() if contact.consent_status != CLEAR]
    return ledger.find_states(tx, mobiles=mobiles) if mobiles else {}


def _find_joining(tx: Tx, merge: Merge, group: NamedGroup, connection_id: int) -> Joining:
    folded = fold_name(group.name)
    found = groups.find_group(tx, folded=folded)
    if found is not None:
        refuse_mirrored(tx, found, connection_id=connection_id)
    group_id = None if found is None else found.id
    wanted, known = group.mobiles, merge.known
    # Many groups with few members each: the cost of one depends on those that are to join it alone.
    asked = known.keys() if wanted is None else known.keys() & wanted
    excluded = {mobile for mobile in asked if ledger.is_kept_out(known[mobile], group_id or NO_GROUP, folded)}
    mobiles = merge.existing.keys() if wanted is None else merge.existing.keys() & wanted
    existing = [merge.existing[mobile].id for mobile in mobiles if mobile not in excluded]
    inside = groups.find_members(tx, group_id=group_id, ids=existing) if existing and group_id is not None else set()
    return Joining(
        group=group,
        folded=folded,
        group_id=group_id,
        existing=sorted(number for number in existing if number not in inside),
        kept_out={mobile for mobile in excluded if not known[mobile].is_suppressed},
        excluded=excluded,
    )


# ---- writing ----------------------------------------------------------------------------------------


def write_merge(tx: WriteTx, *, merge: Merge, ids: Mapping[int, int] | None = None, fires: bool = False) -> Merged:
    """Write what was found. New contacts get the ids by number that are given, else the next ones of the book.

    ``fires``: joins fire triggers.
    """
    statuses = {mobile: ledger.consent_status_of(state) for mobile, state in merge.known.items()}
    new_ids = _take_ids(tx, merge.new, ids)
    new = [
        NewCard(number, row.mobile, f'{{"id":{number}{row.tail}', statuses.get(row.mobile, CLEAR))
        for number, row in zip(new_ids, merge.new, strict=True)
    ]
    if new:
        contacts.insert_contacts(tx, cards=new)
    if merge.changed:
        contacts.update_contacts(tx, cards=merge.changed.values())
    by_mobile = {} if all(joining.takes_all for joining in merge.joinings) else {card.mobile: card.id for card in new}
    first_group = tx.book.next_group_id
    joined = {_group_id(tx, joining): _join(joining, new_ids, by_mobile) for joining in merge.joinings}
    for group_id, members in joined.items():
        if members:
            groups.insert_members(tx, group_id=group_id, ids=members)
    _change_lists(tx, merge, new_ids, joined)
    happened: list[Event] = [GroupCreated(group_id) for group_id in range(first_group, tx.book.next_group_id)]
    if new:
        happened.append(ContactsCreated(new_ids))
    if merge.changed:
        happened.append(ContactsUpdated(merge.changed.keys()))
    happened += [GroupJoined(group_id, members, fires) for group_id, members in joined.items() if members]
    return Merged(new, joined, happened)


def _take_ids(tx: WriteTx, new: list[ContactRow], ids: Mapping[int, int] | None) -> Sequence[int]:
    if ids is None:
        taken = range(tx.book.next_id, tx.book.next_id + len(new))
        tx.book.next_id = taken.stop
        return taken
    # Rows without an id get one that no row of this batch uses.
    given = [ids[row.mobile] for row in new if row.mobile in ids]
    tx.book.next_id = max([tx.book.next_id, *(number + 1 for number in given)])
    numbers = []
    for row in new:
        number = ids.get(row.mobile)
        if number is None:
            number, tx.book.next_id = tx.book.next_id, tx.book.next_id + 1
        numbers.append(number)
    return numbers


def _group_id(tx: WriteTx, joining: Joining) -> int:
    if joining.group_id is not None:
        return joining.group_id
    return use_group(tx, name=joining.group.name, folded=joining.folded)


def _join(joining: Joining, new_ids: Sequence[int], by_mobile: Mapping[int, int]) -> Sequence[int]:
    """The ids that join a group; those of new contacts as they are, where that is all of them."""
    wanted = joining.group.mobiles
    if joining.takes_all:
        new: Sequence[int] = new_ids
    else:
        mobiles = (by_mobile.keys() if wanted is None else by_mobile.keys() & wanted) - joining.excluded
        new = sorted(by_mobile[mobile] for mobile in mobiles)
    return [*joining.existing, *new] if joining.existing else new


def _change_lists(tx: WriteTx, merge: Merge, new_ids: Sequence[int], joined: Mapping[int, Sequence[int]]) -> None:
    """New contacts are in the book, and in the default list if anything may be sent; who joined is in the group."""
    if not new_ids and not any(joined.values()):
        return
    suppressed = merge.suppressed
    listed = new_ids
    if suppressed:
        pairs = zip(new_ids, merge.new, strict=True)
        listed = [number for number, row in pairs if row.mobile not in suppressed]
    lists: dict[int, Iterable[int]] = {directory.BOOK: new_ids, directory.LISTED: listed, **joined}
    directory.change_directory(tx, joined=lists, left={})
