"""What acts of users changed, a row a contact and act, for their undo.

What a row says, and which act may be undone, belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from daftari.store.engine import Tx, WriteTx

GROUPS = 0
"""In place of a contact: the row that says what the act did to groups."""
NO_CONTACT = -1
"""No contact's id."""


class StoredBefore(Struct, frozen=True):
    """What an act changed of a contact, as JSON. ``mobile``: its number before. ``new_mobile``: another one after."""

    contact_id: int
    mobile: int
    new_mobile: int | None
    expires_at: int
    before: str


def insert_before(tx: WriteTx, *, seq: int, rows: Iterable[StoredBefore]) -> None:
    """Keep what an act changed."""
    project = tx.project.id
    tx.insert_many(
        "contact_before",
        [(project, seq, row.contact_id, row.mobile, row.new_mobile, row.expires_at, row.before) for row in rows],
    )


def get_act_before(tx: Tx, *, seq: int) -> StoredBefore | None:
    """What an act did to groups, if anything is kept of the act."""
    return tx.fetch_one(StoredBefore, "get_act_before", seq=seq)


def find_acts(tx: Tx, *, seqs: Sequence[int]) -> list[tuple[int, int, str]]:
    """Act, when it expires, and what it did to groups, for those of some acts of which anything is kept."""
    return tx.fetch(tuple[int, int, str], "find_acts_before", seqs=seqs) if seqs else []


def find_contact_before(tx: Tx, *, contact_id: int, seqs: Sequence[int]) -> list[tuple[int, int, str]]:
    """Act, when it expires, and what it changed of a contact, for those of some acts of which it is kept."""
    if not seqs:
        return []
    return tx.fetch(tuple[int, int, str], "find_contact_before", contact=contact_id, seqs=seqs)


def list_contacts(tx: Tx, *, mobile: int) -> list[int]:
    """The contacts that had a number before an act that changed them."""
    return tx.fetch(int, "list_contacts_before", mobile=mobile)


def list_before(tx: Tx, *, seq: int) -> list[StoredBefore]:
    """What an act changed of contacts, in order."""
    return tx.fetch(StoredBefore, "list_before", seq=seq)


def list_acts(tx: Tx, *, contact_id: int, before: int, limit: int) -> list[int]:
    """The newest acts before one of which something is kept about a contact."""
    return tx.fetch(int, "list_acts", contact=contact_id, before=before, limit=limit)


def save_act_before(tx: WriteTx, *, seq: int, before: str) -> None:
    """Replace what is kept of an act's groups."""
    tx.run("save_act_before", seq=seq, before=before)


def delete_act_contacts(tx: WriteTx, *, seq: int) -> None:
    """Forget what an act changed of contacts."""
    tx.run("delete_act_contacts", seq=seq)


def delete_person_before(tx: WriteTx, *, contact_id: int | None, mobile: int) -> int:
    """Forget what acts changed of a contact, and of contacts that had a number; returns how many rows there were."""
    return tx.run("delete_person_before", contact=NO_CONTACT if contact_id is None else contact_id, mobile=mobile)


def has_expired_before(tx: Tx) -> bool:
    """Whether something is no longer to be kept."""
    return tx.one("find_expired_before", now=tx.now) is not None


def delete_expired_before(tx: WriteTx, *, limit: int) -> None:
    """Delete up to ``limit`` rows that are no longer to be kept."""
    tx.run("delete_expired_before", now=tx.now, limit=limit)
