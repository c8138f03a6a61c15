"""The five calls: one number is one contact, a create merges, an update moves, a delete holds.

Whoever calls brings rows that were read before any lock (``rows``). This room must not know HTTP or how a list is
stored.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from daftari.errors import AmbiguousContact, ContactNotFound, MobileTaken, UnreadableMobile, ValidationFailed
from daftari.mobile import reader_for
from daftari.model import (
    ID_MAX,
    MOBILE_TEXT_MAX,
    TEXT_FIELDS,
    Card,
    Change,
    ContactRow,
    CreateOutcome,
    Outcome,
    Page,
    RowOutcome,
    written_time,
)
from daftari.rules.groups import use_group
from daftari.rules.rows import (
    TOO_MANY_ATTRIBUTES,
    Errors,
    Rows,
    encode_card,
    merged_attributes,
    name_errors,
    too_many_attributes,
)
from daftari.rules.texts import fold_name
from daftari.store import Tx, WriteTx, contacts, directory, groups, journal
from daftari.store.contacts import NewCard, StoredContact

REMOVAL = "removal"
"""The one reason of a delete that is no opt-out."""

_read_card = msgspec.json.Decoder(Card).decode


class Reference(Struct, frozen=True):
    """What a path names: perhaps an id, perhaps a mobile, perhaps either; nothing can match what is neither."""

    written: str
    region: str

    @property
    def id(self) -> int | None:
        """The id, if these are digits without a leading 0."""
        digits = self.written.isascii() and self.written.isdigit() and self.written[0] != "0"
        if not digits or len(self.written) > MOBILE_TEXT_MAX:
            return None
        return number if (number := int(self.written)) <= ID_MAX else None

    @property
    def mobile(self) -> int | None:
        """The number, if one can be read. Not needed, and not cheap, where an id was found already."""
        try:
            return reader_for(self.region)(self.written)
        except UnreadableMobile:
            return None


# ---- reading ----------------------------------------------------------------------------------------


def get_contact(tx: Tx, *, reference: Reference, include: frozenset[str]) -> bytes:
    """A contact's JSON; its statements need not agree. Raises ``ContactNotFound``."""
    found = _get_by_id(tx, reference) or _get_by_mobile(tx, reference)
    if found is None:
        raise ContactNotFound
    return _with_members(tx, [found], include) if include else found.card.encode()


def list_contacts(tx: Tx, *, group: str | None, page: int, per_page: int, include: frozenset[str]) -> Page:
    """One page of the book or of a group; an unknown group is an empty list, as is a page past the end."""
    group_id = groups.find_group_id(tx, folded=fold_name(group)) if group is not None else None
    if group is not None and group_id is None:
        return Page(cards=b"", count=0, total=0)
    list_id = directory.BOOK if group_id is None else group_id
    total, start = directory.find_page(tx, list_id=list_id, skip=(page - 1) * per_page)
    if start is None:
        return Page(cards=b"", count=0, total=total)
    if not include:
        count, cards = contacts.list_cards(tx, group_id=group_id, start=start, limit=per_page)
        return Page(cards=cards, count=count, total=total)
    found = contacts.list_contacts(tx, group_id=group_id, start=start, limit=per_page)
    return Page(cards=_with_members(tx, found, include), count=len(found), total=total)


def _with_members(tx: Tx, found: list[StoredContact], include: frozenset[str]) -> bytes:
    """Cards joined with commas, each with the members that were asked for."""
    names = groups.list_group_names(tx, ids=[contact.id for contact in found]) if "groups" in include else {}
    cards = []
    for contact in found:
        more: dict[str, object] = {}
        if "groups" in include:
            more["groups"] = names[contact.id]
        if "updated_at" in include:
            more["updated_at"] = written_time(contact.updated_at)
        cards.append(contact.card.encode()[:-1] + b"," + msgspec.json.encode(more)[1:])
    return b",".join(cards)


# ---- create -----------------------------------------------------------------------------------------


def create_contacts(
    tx: WriteTx, *, rows: Rows, group: str | None, skip: bool, results: bool, now: int
) -> CreateOutcome:
    """Create or merge rows, and let all of them join the group.

    ``skip``: write the good rows beside bad ones. ``results``: an
    outcome for each row. Raises ``ValidationFailed``, with nothing written, when a row is bad and is not skipped.
    """
    book = _find_changes(tx, rows.unique)
    late = {index: name_errors({"attributes": [TOO_MANY_ATTRIBUTES]}, rows.path(index)) for index in book.refused}
    invalid = {**rows.invalid, **late}
    if invalid and not skip:
        raise ValidationFailed({path: said for index in sorted(invalid) for path, said in invalid[index].items()})
    first = tx.book.next_id
    tx.book.next_id += len(book.new)
    new = [
        NewCard(number, row.mobile, f'{{"id":{number}{row.tail}') for number, row in enumerate(book.new, start=first)
    ]
    if new:
        contacts.insert_contacts(tx, cards=new, now=now)
    if book.changed:
        contacts.update_contacts(tx, cards=book.changed.values(), now=now)
    new_ids = range(first, first + len(new))
    joined, group_id = _join(tx, new_ids, book, group, now)
    lists: dict[int, Iterable[int]] = {directory.BOOK: new_ids}
    if group_id is not None:
        lists[group_id] = joined
    if new or joined:
        directory.change_directory(tx, joined=lists, left={})
    touched = {*new_ids, *joined, *book.changed}
    if touched:
        journal.insert_journal(tx, action="create_contacts", contacts=touched, group_id=group_id, now=now)
    return _outcome(rows, book, new, book.changed.keys() | set(joined), invalid, results)


class _Found(Struct):
    """What rows mean for the book as it is: new ones, contacts there are, and their changed cards."""

    new: list[ContactRow]
    there: dict[int, StoredContact]
    """Contacts that are there, by number."""
    changed: dict[int, NewCard]
    """Changed cards by id."""
    refused: set[int]
    """Indexes of rows whose contact would have too many attributes."""


def _find_changes(tx: Tx, rows: list[ContactRow]) -> _Found:
    stored = contacts.find_contacts_by_mobile(tx, mobiles=[row.mobile for row in rows]) if rows else []
    there = {found.mobile: found for found in stored}
    if not there:
        return _Found(new=rows, there=there, changed={}, refused=set())
    result = _Found(new=[row for row in rows if row.mobile not in there], there=there, changed={}, refused=set())
    for row in rows:
        found = there.get(row.mobile)
        if found is None:
            continue
        card = _read_card(found.card)
        merged = _merge(card, row)
        if too_many_attributes(merged.attributes):
            result.refused.add(row.index)
            del there[row.mobile]
        elif merged is not card and (text := encode_card(merged)) != found.card:
            result.changed[found.id] = NewCard(found.id, found.mobile, text)
    return result


def _merge(card: Card, row: ContactRow) -> Card:
    """The card with what the row gives; blank or absent keeps what is there."""
    given = {name: text for name, text in zip(TEXT_FIELDS, row.texts, strict=True) if text is not None}
    attributes = card.attributes
    if row.attributes:
        attributes = merged_attributes(attributes or {}, row.attributes)
    return replace(card, **given, attributes=attributes) if given or row.attributes else card


def _join(tx: WriteTx, new_ids: range, found: _Found, group: str | None, now: int) -> tuple[list[int], int | None]:
    """Let new contacts and those that were there join the group; returns who joined, and the group's id."""
    there = sorted(contact.id for contact in found.there.values())
    if group is None or not (new_ids or there):
        return [], None
    group_id = use_group(tx, name=group, now=now)
    inside = groups.find_members(tx, group_id=group_id, ids=there) if there else set()
    joining = [*(number for number in there if number not in inside), *new_ids]
    if joining:
        groups.insert_members(tx, group_id=group_id, ids=joining)
    return joining, group_id


def _outcome(
    rows: Rows, found: _Found, new: list[NewCard], touched: set[int], invalid: dict[int, Errors], results: bool
) -> CreateOutcome:
    updated = sum(contact.id in touched for contact in found.there.values())
    counts = CreateOutcome(
        created=len(new),
        updated=updated,
        unchanged=len(found.there) - updated,
        duplicate=len(rows.duplicates),
        invalid=len(invalid),
        suppressed=0,
        rows=_row_outcomes(rows, found, new, touched, invalid) if results else [],
    )
    return counts


def _row_outcomes(
    rows: Rows, found: _Found, new: list[NewCard], touched: set[int], invalid: dict[int, Errors]
) -> list[RowOutcome]:
    ids = {card.mobile: card.id for card in new} | {mobile: contact.id for mobile, contact in found.there.items()}
    outcomes = [RowOutcome(index=index, outcome="invalid", errors=errors) for index, errors in invalid.items()]
    for index, mobile in rows.duplicates:
        outcomes.append(RowOutcome(index=index, outcome="duplicate", id=ids.get(mobile), mobile=str(mobile)))
    for row in rows.unique:
        if row.index in invalid:
            continue
        outcome: Outcome = "created"
        if row.mobile in found.there:
            outcome = "updated" if ids[row.mobile] in touched else "unchanged"
        outcomes.append(RowOutcome(index=row.index, outcome=outcome, id=ids[row.mobile], mobile=str(row.mobile)))
    return sorted(outcomes, key=lambda outcome: outcome.index)


# ---- update and delete ------------------------------------------------------------------------------


def update_contact(
    tx: WriteTx, *, reference: Reference, change: Change | None, group: str | None, move: bool, now: int
) -> None:
    """Change fields and group. ``move``: leave all other groups.

    Raises ``ContactNotFound``, ``AmbiguousContact``, and ``MobileTaken`` when another contact has the new number.
    """
    found = _find_one(tx, reference)
    card = _read_card(found.card)
    changed = _changed(card, change) if change is not None else card
    mobile = int(changed.mobile)
    if mobile != found.mobile:
        other = contacts.get_contact_by_mobile(tx, mobile=mobile)
        if other is not None:
            raise MobileTaken(mobile, other.id)
    # The texts are compared, not the records: to Python 1 and true are the same attribute.
    text = encode_card(changed)
    if text != found.card:
        contacts.update_contacts(tx, cards=[NewCard(found.id, mobile, text)], now=now)
    moved, group_id = _move(tx, found.id, group, move, now) if group is not None else (False, None)
    if moved or text != found.card:
        journal.insert_journal(tx, action="update_contact", contacts=(found.id,), group_id=group_id, now=now)


def _changed(card: Card, change: Change) -> Card:
    """The card with the change; ``None`` clears."""
    attributes = card.attributes
    if change.attributes is None:
        attributes = UNSET
    elif change.attributes is not UNSET:
        attributes = merged_attributes(attributes or {}, change.attributes)
        if too_many_attributes(attributes):
            raise ValidationFailed(name_errors({"attributes": [TOO_MANY_ATTRIBUTES]}, "contact"))
    mobile = card.mobile if change.mobile is None else str(change.mobile)
    return replace(card, **change.texts, mobile=mobile, attributes=attributes)


def _move(tx: WriteTx, contact_id: int, group: str, move: bool, now: int) -> tuple[bool, int]:
    """Join a group, and with ``move`` leave all others. Returns whether anything changed, and the group's id."""
    group_id = use_group(tx, name=group, now=now)
    inside = groups.list_contact_groups(tx, contact_id=contact_id)
    leaving = [other for other in inside if other != group_id] if move else []
    for other in leaving:
        groups.delete_members(tx, group_id=other, ids=[contact_id])
    joining = group_id not in inside
    if joining:
        groups.insert_members(tx, group_id=group_id, ids=[contact_id])
    if joining or leaving:
        directory.change_directory(
            tx,
            joined={group_id: [contact_id]} if joining else {},
            left={other: [contact_id] for other in leaving},
        )
    return joining or bool(leaving), group_id


def delete_contact(
    tx: WriteTx, *, reference: Reference, reason: str | None, purpose: str | None, at: int, now: int
) -> int | None:
    """Delete a contact and keep its number, time and reason.

    Returns its id, or ``None`` when no contact has the number: its opt-out is kept all the same. Raises
    ``ContactNotFound`` when there is nothing to keep, and ``AmbiguousContact``.
    """
    try:
        found = _find_one(tx, reference)
    except ContactNotFound:
        mobile = reference.mobile
        if mobile is None or reason == REMOVAL:
            raise
        seq = journal.insert_journal(tx, action="delete_contact", contacts=(), group_id=None, now=now)
        journal.insert_deletion(tx, seq=seq, mobile=mobile, at=at, reason=reason, purpose=purpose)
        return None
    inside = groups.list_contact_groups(tx, contact_id=found.id)
    groups.delete_contact_memberships(tx, contact_id=found.id)
    left = dict.fromkeys([directory.BOOK, *inside], (found.id,))
    directory.change_directory(tx, joined={}, left={**left})
    contacts.delete_contact(tx, contact_id=found.id)
    seq = journal.insert_journal(tx, action="delete_contact", contacts=(found.id,), group_id=None, now=now)
    journal.insert_deletion(tx, seq=seq, mobile=found.mobile, at=at, reason=reason, purpose=purpose)
    return found.id


def _find_one(tx: Tx, reference: Reference) -> StoredContact:
    """The one contact that a write names. Raises ``ContactNotFound`` and ``AmbiguousContact``."""
    by_id, by_mobile = _get_by_id(tx, reference), _get_by_mobile(tx, reference)
    if by_id is not None and by_mobile is not None and by_id.id != by_mobile.id:
        raise AmbiguousContact(by_id.id, by_mobile.mobile)
    found = by_id or by_mobile
    if found is None:
        raise ContactNotFound
    return found


def _get_by_id(tx: Tx, reference: Reference) -> StoredContact | None:
    contact_id = reference.id
    return None if contact_id is None else contacts.get_contact(tx, contact_id=contact_id)


def _get_by_mobile(tx: Tx, reference: Reference) -> StoredContact | None:
    mobile = reference.mobile
    return None if mobile is None else contacts.get_contact_by_mobile(tx, mobile=mobile)
