"""Contacts: a row holds the number as an integer and the card, which is the contact's JSON as it is served.

SQL never looks inside a card. Making and merging cards belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct

from daftari.store.directory import PageStart
from daftari.store.engine import Tx, WriteTx

CARD_VERSION = 1
"""The shape of the cards that this version writes."""
GAPS_MAX = 3
"""Of so many ids one is asked for at least where contacts are read as a range."""

_id_of = attrgetter("id")


class StoredContact(Struct, frozen=True):
    """A contact as it is stored; ``card`` is its JSON."""

    id: int
    mobile: int
    card: str
    updated_at: int = 0
    consent_status: int = 0
    """What is known of the number: see ``daftari.store.consent``."""


class ListedCards(Struct, frozen=True):
    """Part of a list: how many contacts, their cards joined with commas, and what identifies the book's state."""

    count: int
    cards: bytes
    state: bytes


class ContactNumber(Struct, frozen=True):
    """A contact's number and consent status."""

    id: int
    mobile: int
    consent_status: int


class NewCard(Struct, frozen=True):
    """A contact as it is to be stored; ``consent_status`` counts for a new one only."""

    id: int
    mobile: int
    card: str
    consent_status: int = 0


def get_contact(tx: Tx, *, contact_id: int) -> StoredContact | None:
    """One contact by its id."""
    return tx.fetch_one(StoredContact, "get_contact", id=contact_id)


def get_contact_by_mobile(tx: Tx, *, mobile: int) -> StoredContact | None:
    """One contact by its number."""
    return tx.fetch_one(StoredContact, "get_contact_by_mobile", mobile=mobile)


def find_contacts_by_mobile(tx: Tx, *, mobiles: Sequence[int]) -> list[StoredContact]:
    """The contacts that have some of these numbers."""
    return tx.fetch(StoredContact, "find_contacts_by_mobile", mobiles=mobiles)


def find_contact_numbers(tx: Tx, *, ids: Sequence[int]) -> list[ContactNumber]:
    """Those of some ids that are contacts, without their cards."""
    return tx.fetch(ContactNumber, "find_contact_numbers", ids=ids)


def list_contact_numbers(
    tx: Tx, *, group_id: int | None, only_known: bool, after: int, limit: int
) -> list[ContactNumber]:
    """At most ``limit`` contacts of the book or of a group after an id, without their cards.

    ``only_known``: those of the book of whose numbers something is known.
    """
    if group_id is not None:
        return tx.fetch(ContactNumber, "list_member_numbers", group=group_id, after=after, limit=limit)
    name = "list_numbers_with_consent" if only_known else "list_contact_numbers"
    return tx.fetch(ContactNumber, name, after=after, limit=limit)


def find_contacts(tx: Tx, *, ids: Sequence[int]) -> list[StoredContact]:
    """Those of some ids that are contacts."""
    return tx.fetch(StoredContact, "find_contacts", ids=ids) if ids else []


def list_contacts_among(tx: Tx, *, ids: Sequence[int]) -> list[StoredContact]:
    """Those of some ascending ids that are contacts, in order."""
    if ids[-1] - ids[0] >= GAPS_MAX * len(ids):
        return sorted(find_contacts(tx, ids=ids), key=_id_of)
    # They lie together, and are read as a range in a fraction of the time of as many look-ups.
    wanted = frozenset(ids)
    found = tx.fetch(StoredContact, "list_contacts_between", first=ids[0], last=ids[-1])
    return [contact for contact in found if contact.id in wanted]


def has_contacts(tx: Tx) -> bool:
    """Whether the project has any contact."""
    return tx.one("has_contacts") is not None


def list_cards(tx: Tx, *, group_id: int | None, consent_status: int, start: PageStart, limit: int) -> ListedCards:
    """Part of the book or of a group, as one text.

    ``consent_status``: contacts of the book above it are passed over.
    """
    if group_id is None:
        name, which = "list_contact_cards", {"consent_status": consent_status}
    else:
        name, which = "list_member_cards", {"group": group_id}
    ((count, cards, state),) = tx.fetch(
        tuple[int, bytes | None, str], name, first=start.first, skip=start.skip, limit=limit, **which
    )
    return ListedCards(count, cards or b"", state.encode())


def list_contacts(
    tx: Tx, *, group_id: int | None, consent_status: int, start: PageStart, limit: int
) -> list[StoredContact]:
    """Like ``list_cards``, a record a contact."""
    if group_id is None:
        name, which = "list_contact_rows", {"consent_status": consent_status}
    else:
        name, which = "list_member_rows", {"group": group_id}
    return tx.fetch(StoredContact, name, first=start.first, skip=start.skip, limit=limit, **which)


def find_listed_id(tx: Tx, *, group_id: int | None, consent_status: int, start: PageStart) -> int | None:
    """The id of the contact of the book or of a group that is at this place."""
    if group_id is None:
        name, which = "find_contact_id_after", {"consent_status": consent_status}
    else:
        name, which = "find_member_id_after", {"group": group_id}
    return tx.fetch_one(int, name, first=start.first, skip=start.skip, **which)


def count_in_block(tx: Tx, *, group_id: int | None, consent_status: int, first: int, last: int) -> int:
    """How many contacts of the book or of a group have an id from ``first`` to ``last``, which are near each other."""
    if group_id is None:
        name, which = "count_contacts", {"consent_status": consent_status}
    else:
        name, which = "count_members", {"group": group_id}
    (count,) = tx.fetch(int, name, first=first, last=last, **which)
    return count


def insert_contacts(tx: WriteTx, *, cards: Iterable[NewCard]) -> None:
    """Insert contacts, whose ids are taken from the book."""
    project = tx.project.id
    tx.insert_many(
        "contact", [(project, new.id, new.mobile, new.card, CARD_VERSION, tx.now, new.consent_status) for new in cards]
    )


def update_contacts(tx: WriteTx, *, cards: Iterable[NewCard]) -> None:
    """Replace cards and numbers of contacts."""
    tx.run("update_contacts", items=[(new.id, new.mobile, new.card) for new in cards], version=CARD_VERSION, now=tx.now)


def set_consent_status(tx: WriteTx, *, ids: Sequence[int], consent_status: int) -> None:
    """Set the consent status of contacts."""
    tx.run("set_consent_status", ids=ids, consent_status=consent_status)


def delete_contact(tx: WriteTx, *, contact_id: int) -> None:
    """Delete a contact that has no memberships and no directory entries."""
    tx.run("delete_contact", id=contact_id)


def delete_contacts(tx: WriteTx, *, ids: Sequence[int]) -> None:
    """Delete contacts with their memberships."""
    tx.run("delete_memberships", ids=ids)
    tx.run("delete_contacts", ids=ids)
