"""The truth of the fake HubSpot: contacts with their bin, merges and search index, lists, properties. No HTTP."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.support.fake_crm.exchange import Clock

DEFAULT_PROPERTIES = {
    "firstname": "string",
    "lastname": "string",
    "email": "string",
    "city": "string",
    "company": "string",
    "phone": "string",
    "mobilephone": "string",
    "lastmodifieddate": "datetime",
    "createdate": "datetime",
    "hs_object_id": "number",
    "hs_merged_object_ids": "string",
}


@dataclass
class Indexed:
    """A contact as the search index has it, from a moment on; ``properties`` is ``None`` when it is not in it."""

    visible_at: float
    modified: int
    properties: Mapping[str, str] | None


@dataclass
class Contact:
    id: int
    properties: dict[str, str]
    created: int
    modified: int
    archived_at: int | None = None
    merged_into: int | None = None
    merged: list[int] = field(default_factory=list)
    indexed: list[Indexed] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return self.archived_at is None and self.merged_into is None

    def all_properties(self) -> dict[str, str]:
        merged = {"hs_merged_object_ids": ";".join(map(str, self.merged))} if self.merged else {}
        return {**self.properties, **merged, "hs_object_id": str(self.id)}


@dataclass
class ContactList:
    id: int
    name: str
    object_type: str = "0-1"
    members: dict[int, int] = field(default_factory=dict)
    added_at: int | None = None
    removed_at: int | None = None


@dataclass
class Property:
    name: str
    type: str
    label: str = ""
    group: str = "contactinformation"
    options: tuple[str, ...] = ()


class HubSpotTruth:
    """One account. Times are milliseconds since 1970, as HubSpot's are.

    ``lag_seconds``: how late a change reaches the search index, at most. ``losers_in_bin`` and ``restore_is_change``
    are what no documentation says: each seed has its own answer.
    """

    def __init__(self, seed: int, clock: Clock, *, lag_seconds: float = 20.0) -> None:
        self.random = Random(seed)
        self.clock = clock
        self.lag_seconds = lag_seconds
        self.losers_in_bin = self.random.random() < 0.5
        self.restore_is_change = self.random.random() < 0.5
        self.portal = 62_515
        self.time_zone = "Africa/Nairobi"
        self.contacts: dict[int, Contact] = {}
        self.lists: dict[int, ContactList] = {}
        self.groups = {"contactinformation"}
        self.properties = {name: Property(name, kind, name) for name, kind in DEFAULT_PROPERTIES.items()}
        self.rejects: set[int] = set()
        """Contacts that the account's own validation rules let no program write."""
        self._ids: list[int] = []
        self._next_id = 101

    @property
    def now(self) -> int:
        return int(self.clock.now() * 1_000)

    # ---- what people do there -------------------------------------------------------------------------

    def create(self, **properties: str) -> int:
        now = self.now
        contact = Contact(self._next_id, dict(properties), now, now)
        self._next_id += self.random.randint(1, 9)
        self.contacts[contact.id] = contact
        self._ids.append(contact.id)
        self._index(contact)
        return contact.id

    def edit(self, contact_id: int, **properties: str) -> None:
        self.edit_all([contact_id], **properties)

    def edit_all(self, ids: Iterable[int], **properties: str) -> None:
        """One bulk edit: all of them have the same time of change."""
        now = self.now
        for contact_id in ids:
            contact = self.contacts[contact_id]
            contact.properties.update(properties)
            contact.modified = now
            self._index(contact)

    def delete(self, contact_id: int) -> None:
        contact = self.contacts[contact_id]
        contact.archived_at = self.now
        self._leave_lists(contact_id)
        self._index(contact)

    def restore(self, contact_id: int) -> None:
        contact = self.contacts[contact_id]
        contact.archived_at = None
        if self.restore_is_change:
            contact.modified = self.now
        self._index(contact)

    def erase(self, contact_id: int) -> None:
        """Delete for privacy: it is in no list of anything, and in no bin."""
        self._leave_lists(contact_id)
        contact = self.contacts.pop(contact_id)
        self._ids.remove(contact_id)
        contact.indexed.clear()

    def merge(self, primary_id: int, other_id: int, *, makes_new: bool) -> int:
        """Merge two contacts; the winner is the primary one, or a third that is made for it."""
        primary, other = self.contacts[primary_id], self.contacts[other_id]
        winner = primary
        losers = [other]
        properties = other.properties | primary.properties
        if makes_new:
            winner = self.contacts[self.create(**properties)]
            losers = [primary, other]
        winner.properties = dict(properties)
        winner.modified = self.now
        for loser in losers:
            winner.merged += [*loser.merged, loser.id]
            loser.merged_into = winner.id
            # It enters the bin moments after the winner has its time of change.
            loser.archived_at = self.now + self.random.randint(0, 5) if self.losers_in_bin else None
            self._leave_lists(loser.id)
            self._index(loser)
        self._index(winner)
        return winner.id

    def make_list(self, list_id: int, name: str, members: Iterable[int] = (), *, object_type: str = "0-1") -> None:
        self.lists[list_id] = ContactList(list_id, name, object_type)
        self.join(list_id, *members)

    def join(self, list_id: int, *ids: int) -> None:
        for contact_id in ids:
            self.lists[list_id].members[contact_id] = self.now
            self.lists[list_id].added_at = self.now

    def leave(self, list_id: int, *ids: int) -> None:
        for contact_id in ids:
            if self.lists[list_id].members.pop(contact_id, None) is not None:
                self.lists[list_id].removed_at = self.now

    # ---- what can be asked ------------------------------------------------------------------------------

    def winner(self, contact_id: int) -> Contact | None:
        """The contact with this id, or that it was merged into; ``None`` when it is erased or deleted."""
        contact = self.contacts.get(contact_id)
        while contact is not None and contact.merged_into is not None:
            contact = self.contacts.get(contact.merged_into)
        return contact if contact is not None and contact.is_live else None

    def live(self) -> dict[int, Contact]:
        return {contact.id: contact for contact in self.contacts.values() if contact.is_live}

    def from_id(self, first: int) -> Iterator[Contact]:
        """All contacts from an id on, ascending."""
        for place in range(bisect_right(self._ids, first - 1), len(self._ids)):
            yield self.contacts[self._ids[place]]

    def search(self, contact: Contact) -> Indexed | None:
        """A contact as the index has it now."""
        now = self.clock.now()
        while len(contact.indexed) > 1 and contact.indexed[1].visible_at <= now:
            contact.indexed.pop(0)
        first = contact.indexed[0] if contact.indexed else None
        return first if first is not None and first.visible_at <= now and first.properties is not None else None

    def _index(self, contact: Contact) -> None:
        last = contact.indexed[-1].visible_at if contact.indexed else 0.0
        at = max(last, self.clock.now() + self.random.random() * self.lag_seconds)
        properties = contact.all_properties() if contact.is_live else None
        contact.indexed.append(Indexed(at, contact.modified, properties))

    def _leave_lists(self, contact_id: int) -> None:
        for list_id in self.lists:
            self.leave(list_id, contact_id)
