"""What a search of the log is about: a number, contacts, or a group. No HTTP, no SQL."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from daftari.model.contacts import Card
from daftari.model.limits import ID_MAX
from daftari.rules.fields import fold_name
from daftari.rules.numbers import read_number
from daftari.rules.people.listing import find_elsewhere
from daftari.rules.search.query import read_query
from daftari.store import Tx, before, consent, contacts, groups, journal
from daftari.store.journal import JournalRow, read_left, read_ranges

PEOPLE_MAX = 10
"""Contacts of one name whose acts are looked for."""
NUMBER_END_MIN = 5
"""Digits that may be the end of a number; fewer are a contact's id alone."""


class Subject(Struct, frozen=True):
    """Acts that name any of these contacts, brought any of these facts, or are about the group.

    ``rows``: other rows of the journal. ``is_cut``: whether more contacts fit, whose acts are not found.
    """

    contacts: Sequence[int] = ()
    """In order."""
    facts: AbstractSet[int] = frozenset()
    rows: AbstractSet[int] = frozenset()
    group_id: int | None = None
    is_cut: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is called so."""
        return not self.contacts and not self.facts and not self.rows and self.group_id is None

    def is_of(self, row: JournalRow) -> bool:
        """Whether an act is about this."""
        if row.seq in self.rows or (self.contacts and self._is_named(row.contacts)):
            return True
        if row.first_fact is not None and row.last_fact is not None:
            first, last = row.first_fact, row.last_fact
            if any(first <= fact <= last for fact in self.facts):
                return True
        return self.group_id is not None and (
            row.group_id == self.group_id or self.group_id in read_left(row.left_groups)
        )

    def _is_named(self, written: str) -> bool:
        """Whether ranges of ids, which hold those too who left groups, have one of the contacts."""
        for first, last in read_ranges(written):
            place = bisect_left(self.contacts, first)
            if place < len(self.contacts) and self.contacts[place] <= last:
                return True
        return False


def find_subject(tx: Tx, *, text: str) -> Subject:
    """What a text means: a number, else the name of a group or of contacts, and a contact's id."""
    try:
        written = read_number(text, region=tx.project.region)
    except ValueError:
        pass
    else:
        return _find_numbers(tx, {mobile for mobile in (written.number, written.digits) if mobile is not None})
    group_id = groups.find_group_id(tx, folded=fold_name(text))
    number = _read_id(text)
    found = [] if number is not None and len(text) < NUMBER_END_MIN else _find_people(tx, text)
    ids = {card.id for card in found[:PEOPLE_MAX]} | ({number} if number is not None else set())
    return Subject(contacts=sorted(ids), group_id=group_id, is_cut=len(found) > PEOPLE_MAX)


def _find_people(tx: Tx, text: str) -> list[Card]:
    try:
        query = read_query(text, region=tx.project.region)
    except ValueError:
        return []
    return find_elsewhere(tx, query=query, most=PEOPLE_MAX + 1)


def _read_id(text: str) -> int | None:
    """The id that a text may be."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(ID_MAX)) else None


def _find_numbers(tx: Tx, mobiles: set[int]) -> Subject:
    """The contacts that have or had these numbers, and what was said of the numbers; nothing of erased ones."""
    ids: set[int] = set()
    rows: set[int] = set()
    for mobile in mobiles:
        found = contacts.get_contact_by_mobile(tx, mobile=mobile)
        ids.update(before.list_contacts(tx, mobile=mobile))
        rows.update(journal.list_removal_seqs(tx, mobile=mobile))
        if found is not None:
            ids.add(found.id)
    said = consent.find_subject_facts(tx, subject_ids=sorted(mobiles))
    return Subject(
        contacts=sorted(ids),
        facts={fact.id for facts in said.values() for fact in facts},
        rows=rows,
    )
