"""The journal: one gapless numbered row a write, with who did it. It names contacts by id only.

This room must not know why something was written.
"""

from __future__ import annotations

from collections.abc import Iterable

from daftari.store.engine import Tx, WriteTx


def insert_journal(tx: WriteTx, *, action: str, contacts: Iterable[int], group_id: int | None) -> int:
    """Write one row; returns its number."""
    seq = tx.book.next_seq
    tx.book.next_seq = seq + 1
    key_id, request_id = tx.actor.key_id, tx.actor.request_id
    written = written_ranges(contacts)
    tx.insert_many("journal", [(tx.project.id, seq, tx.now, key_id, request_id, action, group_id, written)])
    return seq


def insert_removals(tx: WriteTx, *, seq: int, mobiles: Iterable[int], at: int, reason: str | None) -> None:
    """Keep the numbers, time and reason of a delete that is no opt-out; those of the others are facts."""
    tx.insert_many("removal", [(tx.project.id, seq, mobile, at, reason) for mobile in mobiles])


def list_removals(tx: Tx, *, mobile: int) -> list[tuple[int, str | None]]:
    """When and why contacts with a number were removed."""
    return tx.fetch(tuple[int, str | None], "list_removals", mobile=mobile)


def delete_removals(tx: WriteTx, *, mobile: int) -> int:
    """Forget the removals of a number; returns how many there were."""
    return tx.run("delete_removals", mobile=mobile)


def written_ranges(ids: Iterable[int]) -> str:
    """``1-1000,1003`` for ids in any order."""
    ranges: list[list[int]] = []
    for number in sorted(ids):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return _write_ranges((first, last) for first, last in ranges)


def _write_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def names_contact(contacts: str, *, contact_id: int) -> bool:
    """Whether written ranges hold an id."""
    return any(first <= contact_id <= last for first, last in _read_ranges(contacts))


def without_contact(contacts: str, *, contact_id: int) -> str:
    """Written ranges without an id."""
    if not names_contact(contacts, contact_id=contact_id):
        return contacts
    pieces: list[tuple[int, int]] = []
    for first, last in _read_ranges(contacts):
        if first <= contact_id <= last:
            pieces += [(first, contact_id - 1), (contact_id + 1, last)]
        else:
            pieces.append((first, last))
    return _write_ranges((first, last) for first, last in pieces if first <= last)


def read_ids(contacts: str) -> list[int]:
    """The ids in written ranges, in ascending order."""
    return [number for first, last in _read_ranges(contacts) for number in range(first, last + 1)]


def _read_ranges(contacts: str) -> list[tuple[int, int]]:
    ranges = [piece.partition("-") for piece in contacts.split(",") if piece]
    return [(int(first), int(last or first)) for first, _, last in ranges]
