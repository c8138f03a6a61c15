"""A reader that keeps a copy of a book: a walk through its contacts, then the feed from the walk's first number on.

It asks as an outside program would, and may stop between any two calls. This module must not know what is in a book.
"""

from __future__ import annotations

import json
from typing import Any

from daftari.model.projects import Project
from daftari.rules import feed
from daftari.rules.contacts import contacts
from daftari.rules.feed import ChangeView
from daftari.store import Store
from tests.support import calls
from tests.support.calls import NOW

GROUPS = frozenset({"groups"})
CONTACTS_PER_PAGE = 2
CHANGES_PER_PAGE = 3

Copy = dict[int, tuple[str, frozenset[str]]]
"""Each contact's card as JSON, and the names of its groups, by id."""


class FeedReader:
    """A copy of one project's book, as far as it was read."""

    def __init__(self, store: Store, project: Project) -> None:
        self._store = store
        self._project = project
        self._after_id: int | None = 0
        self._seq: int | None = None
        self._epoch: str | None = None
        self.copy: Copy = {}
        self.seqs: list[int] = []

    def step(self) -> bool:
        """Read the next page of contacts, or of the feed. Returns whether there may be more."""
        if self._after_id is None:
            return self._read_feed()
        self._after_id = self._read_contacts(self._after_id)
        return True

    def finish(self) -> Copy:
        """The copy, once everything is read."""
        while self.step():
            pass
        return self.copy

    def _read_contacts(self, after_id: int) -> int | None:
        page = calls.list_contacts_after(
            self._store, self._project, after_id,
            group=None, per_page=CONTACTS_PER_PAGE, include=GROUPS, suppressed=True,
        )  # fmt: skip
        if self._seq is None:
            self._seq = page.last_change
        self._take(page.cards)
        return page.last_id if page.total - page.before > page.count else None

    def _read_feed(self) -> bool:
        page = self._store.read(
            self._project, NOW, feed.read_changes, after=self._seq, limit=CHANGES_PER_PAGE, epoch=self._epoch
        )
        self.seqs += [change.seq for change in page.changes]
        for change in page.changes:
            self._follow(change)
        self._seq, self._epoch = page.next, page.epoch
        return bool(page.changes)

    def _follow(self, change: ChangeView) -> None:
        """Ask what is there now of what a change is about."""
        ids = [number for first, last in change.contact_ids or () for number in range(first, last + 1)]
        if change.type in ("contacts.deleted", "contacts.erased"):
            for number in ids:
                self.copy.pop(number, None)
        elif change.type in ("group.renamed", "group.deleted"):
            self._ask_again(self._members_of({change.group, change.former_name} - {None}))
        elif ids:
            self._ask_again(ids)

    def _members_of(self, names: set[str | None]) -> list[int]:
        """Who is in groups, here or in the book."""
        ids = {number for number, (_, groups) in self.copy.items() if groups & names}
        for name in names:
            page = calls.list_contacts(self._store, self._project, group=name)
            ids |= {card["id"] for card in json.loads(b"[" + page.cards + b"]")}
        return sorted(ids)

    def _ask_again(self, ids: list[int]) -> None:
        found = self._store.read(self._project, NOW, contacts.find_contacts, ids=ids, include=GROUPS)
        self._take(found.cards)
        for number in found.missing or ():
            self.copy.pop(number, None)

    def _take(self, cards: bytes) -> None:
        self.copy |= copy_of(cards)


def copy_of(cards: bytes) -> Copy:
    """Contacts with their groups, from their JSON."""
    found: list[dict[str, Any]] = json.loads(b"[" + cards + b"]")
    return {card["id"]: (_without(card), frozenset(card["groups"])) for card in found}


def _without(card: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in card.items() if name not in ("groups", "suppressed")})
