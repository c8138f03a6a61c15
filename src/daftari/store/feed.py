"""The feed: one numbered row a change, without a gap. A write brings none, one, or several.

What a change is made of, and who may need it for how long, belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from daftari.model.feed import ChangeType
from daftari.store.engine import Tx, WriteTx


class NewChange(Struct, frozen=True):
    """A change as it is to be stored; see ``StoredChange``."""

    type: ChangeType
    contacts: str = ""
    group_id: int | None = None
    former_name: str | None = None
    facts: tuple[int, int] | tuple[None, None] = (None, None)
    detail: str = ""


class StoredChange(Struct, frozen=True):
    """A row of the feed, with what is known of its write. ``action``: of its journal row; empty when it has none.

    ``contacts``: ranges of ids. ``former_name``: what a group that was renamed or deleted was called. ``first_fact`` to
    ``last_fact``: the facts of a change of consent. ``detail``: further members of the change, as JSON.
    """

    seq: int
    at: int
    type: ChangeType
    key_id: int | None
    user_id: int | None
    request_id: str
    action: str
    group_id: int | None
    former_name: str | None
    contacts: str
    first_fact: int | None
    last_fact: int | None
    detail: str


class ChangeContacts(Struct, frozen=True):
    """The contacts that a change names, as ranges of ids."""

    seq: int
    type: ChangeType
    contacts: str


def insert_changes(tx: WriteTx, *, journal_seq: int | None, changes: Sequence[NewChange]) -> None:
    """Insert the changes of a write, in their order. Only ``rules/events.py`` calls this.

    ``journal_seq``: its journal row; ``None`` when it has none, so that the changes themselves say when, and by whom.
    """
    first = tx.book.next_change
    tx.book.next_change = first + len(changes)
    at, request_id = (tx.now, tx.actor.request_id) if journal_seq is None else (None, None)
    rows = [
        (
            *(tx.project.id, seq, journal_seq, new.type, new.group_id, new.former_name, new.contacts),
            *(*new.facts, new.detail, at, request_id),
        )
        for seq, new in enumerate(changes, start=first)
    ]
    tx.insert_many("change", rows)


def get_last_seq(tx: Tx) -> int:
    """The number of the last change; 0 when there was none."""
    return (tx.fetch_one(int, "get_last_change") or 1) - 1


def get_oldest_seq(tx: Tx) -> int | None:
    """The number of the oldest change that is kept, if any is."""
    return tx.fetch_one(int, "get_oldest_change")


def list_changes(tx: Tx, *, after: int, last: int, types: Sequence[str], limit: int) -> list[StoredChange]:
    """At most ``limit`` changes of some types after a number and up to another one, in order."""
    return tx.fetch(StoredChange, "list_changes", after=after, last=last, types=list(types), limit=limit)


def list_fact_mobiles(tx: Tx, *, first: int, last: int) -> list[tuple[int, int]]:
    """Facts from one id to another, with their numbers. Those of erased numbers are left out."""
    return tx.fetch(tuple[int, int], "list_fact_mobiles", first=first, last=last)


def list_former_names(tx: Tx, *, ids: Sequence[int]) -> list[tuple[int, int, str]]:
    """Group, change and name: what groups were called until that change, in order."""
    return tx.fetch(tuple[int, int, str], "list_former_names", ids=ids)


def find_key_starts(tx: Tx, *, ids: Sequence[int]) -> dict[int, str]:
    """The first characters of keys, by the keys' ids."""
    return dict(tx.fetch(tuple[int, str], "list_key_starts", ids=ids))


def list_naming_changes(tx: Tx, *, mobile: int) -> list[int]:
    """The changes of consent that are about facts of a number, without repetition."""
    return list(dict.fromkeys(tx.fetch(int, "list_naming_changes", mobile=mobile)))


def list_change_contacts(tx: Tx, *, first: int, last: int, limit: int) -> list[ChangeContacts]:
    """At most ``limit`` changes from one number to another, in order."""
    return tx.fetch(ChangeContacts, "list_change_contacts", first=first, last=last, limit=limit)


def update_changes(tx: WriteTx, *, changes: Iterable[ChangeContacts]) -> None:
    """Replace the contacts that changes name."""
    for change in changes:
        tx.run("update_change", seq=change.seq, contacts=change.contacts)


def list_change_times(tx: Tx, *, limit: int) -> list[tuple[int, int]]:
    """The numbers and times of the first changes that are kept."""
    return tx.fetch(tuple[int, int], "list_change_times", limit=limit)


def delete_changes(tx: WriteTx, *, last: int) -> None:
    """Delete the changes up to a number."""
    tx.run("delete_changes", last=last)
