"""The journal: one numbered row a write, without a gap: who wrote, which facts it brought, who left which group.

It names contacts by id only. Why something was written belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from daftari.store.engine import Tx, WriteTx


class JournalRow(Struct, frozen=True):
    """A row of the journal.

    ``contacts``: ranges of ids. ``first_fact`` to ``last_fact``: the facts that the write recorded, if any.
    ``left_groups``: the contacts that left groups by it, see ``read_left``. ``detail``: what else it was about.
    """

    seq: int
    at: int
    key_id: int | None
    user_id: int | None
    request_id: str
    action: str
    group_id: int | None
    contacts: str
    first_fact: int | None
    last_fact: int | None
    left_groups: str
    detail: str

    def names(self, contact_id: int) -> bool:
        """Whether the row names a contact."""
        left = (ids for _, ids in _split_left(self.left_groups))
        return any(names_contact(ids, contact_id=contact_id) for ids in (self.contacts, *left))

    def without(self, contact_id: int) -> JournalRow:
        """The row, naming all contacts but one."""
        left = ((group, without_contact(ids, contact_id=contact_id)) for group, ids in _split_left(self.left_groups))
        return replace(
            self,
            contacts=without_contact(self.contacts, contact_id=contact_id),
            left_groups=";".join(f"{group}:{ids}" for group, ids in left if ids),
        )


def insert_journal(
    tx: WriteTx,
    *,
    action: str,
    contacts: Iterable[int],
    group_id: int | None,
    facts: tuple[int, int] | None,
    left: Mapping[int, Iterable[int]],
    detail: str,
) -> int:
    """Insert a row. ``facts``: the first and the last one. ``left``: contacts by the group that they left.

    Returns the row's number. Only ``rules/events.py`` calls this.
    """
    seq = tx.book.next_seq
    tx.book.next_seq = seq + 1
    row = (tx.project.id, seq, tx.now, tx.actor.key_id, tx.actor.user_id, tx.actor.request_id, action, group_id)
    first, last = facts or (None, None)
    tx.insert_many("journal", [(*row, written_ranges(contacts), first, last, written_left(left), detail)])
    return seq


def list_journal(tx: Tx, *, first: int, last: int, limit: int) -> list[JournalRow]:
    """At most ``limit`` rows in order, from one number to another."""
    return tx.fetch(JournalRow, "list_journal", first=first, last=last, limit=limit)


def list_newest_journal(tx: Tx, *, after: int, before: int, limit: int) -> list[JournalRow]:
    """At most ``limit`` rows between two numbers, the newest first."""
    return tx.fetch(JournalRow, "list_newest_journal", after=after, before=before, limit=limit)


def list_newest_journal_of_user(tx: Tx, *, user_id: int, after: int, before: int, limit: int) -> list[JournalRow]:
    """The same for what one user did."""
    return tx.fetch(JournalRow, "list_newest_journal_of_user", user=user_id, after=after, before=before, limit=limit)


def list_newest_journal_of_action(tx: Tx, *, action: str, after: int, before: int, limit: int) -> list[JournalRow]:
    """The same for one of the acts that are rare, which alone are in the index of acts."""
    return tx.fetch(JournalRow, "list_newest_journal_of_action", action=action, after=after, before=before, limit=limit)


def update_journal(tx: WriteTx, *, row: JournalRow) -> None:
    """Change the contacts that a row names."""
    tx.run("update_journal", seq=row.seq, contacts=row.contacts, left_groups=row.left_groups)


def insert_removals(tx: WriteTx, *, seq: int, mobiles: Iterable[int], at: int, reason: str | None) -> None:
    """Keep the numbers, time and reason of a delete that is no opt-out; those of the others are facts."""
    tx.insert_many("removal", [(tx.project.id, seq, mobile, at, reason) for mobile in mobiles])


def list_removals(tx: Tx, *, mobile: int) -> list[tuple[int, str | None]]:
    """When and why contacts with a number were removed."""
    return tx.fetch(tuple[int, str | None], "list_removals", mobile=mobile)


def list_removed(tx: Tx, *, seq: int) -> list[int]:
    """The numbers of a delete that is no opt-out, by its row."""
    return tx.fetch(int, "list_removed", seq=seq)


def list_removal_seqs(tx: Tx, *, mobile: int) -> list[int]:
    """The journal rows of deletes of a number that are no opt-outs."""
    return tx.fetch(int, "list_removal_seqs", mobile=mobile)


def delete_removals(tx: WriteTx, *, mobile: int) -> int:
    """Forget the removals of a number; returns how many there were."""
    return tx.run("delete_removals", mobile=mobile)


def written_ranges(ids: Iterable[int]) -> str:
    """``1-1000,1003`` for ids in any order."""
    if isinstance(ids, range) and ids and ids.step == 1:
        return _write_ranges([(ids[0], ids[-1])])
    ordered = sorted(set(ids))
    if ordered and ordered[-1] - ordered[0] == len(ordered) - 1:
        # Those of new contacts.
        return _write_ranges([(ordered[0], ordered[-1])])
    ranges: list[list[int]] = []
    for number in ordered:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return _write_ranges((first, last) for first, last in ranges)


def _write_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def written_left(left: Mapping[int, Iterable[int]]) -> str:
    """``2:1-3,7;5:4``: contacts 1, 2, 3 and 7 left group 2, and contact 4 left group 5."""
    return ";".join(f"{group_id}:{written_ranges(ids)}" for group_id, ids in sorted(left.items()))


def read_left(written: str) -> dict[int, list[int]]:
    """The contacts that left groups, by group, from a row's ``left_groups``."""
    return {group_id: read_ids(ids) for group_id, ids in _split_left(written)}


def _split_left(written: str) -> list[tuple[int, str]]:
    pieces = (piece.partition(":") for piece in written.split(";") if piece)
    return [(int(group_id), ids) for group_id, _, ids in pieces]


def names_contact(contacts: str, *, contact_id: int) -> bool:
    """Whether written ranges hold an id."""
    return any(first <= contact_id <= last for first, last in read_ranges(contacts))


def without_contact(contacts: str, *, contact_id: int) -> str:
    """Written ranges without an id."""
    if not names_contact(contacts, contact_id=contact_id):
        return contacts
    pieces: list[tuple[int, int]] = []
    for first, last in read_ranges(contacts):
        if first <= contact_id <= last:
            pieces += [(first, contact_id - 1), (contact_id + 1, last)]
        else:
            pieces.append((first, last))
    return _write_ranges((first, last) for first, last in pieces if first <= last)


def read_ids(contacts: str) -> list[int]:
    """The ids in written ranges, in ascending order."""
    return [number for first, last in read_ranges(contacts) for number in range(first, last + 1)]


def read_ranges(contacts: str) -> list[tuple[int, int]]:
    """The first and last id of each written range, in ascending order."""
    ranges = [piece.partition("-") for piece in contacts.split(",") if piece]
    return [(int(first), int(last or first)) for first, _, last in ranges]
