"""Reads what an export writes, in large steps, and stores exports with their progress.

Groups are read as ids, because many contacts have the same groups. The format of a file belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daftari.model.exports import GroupName, StoredExport
from daftari.model.limits import PARTS_PER_STEP
from daftari.store.engine import Tx, WriteTx
from daftari.store.file_parts import delete_parts, list_parts

MEMBERSHIPS_PER_STEP = 100_000
"""Memberships read at a time: usually all those of one step's contacts."""

WalkedContact = tuple[int, int | None, str]
"""A contact's id, its number if that has a state, and its card."""
GroupKey = int | tuple[int, ...] | None
"""The groups of a contact, by id: one, several or none."""


# ---- what an export reads -------------------------------------------------------------------------------


def walk_contacts(tx: Tx, *, group_id: int | None, limit: int) -> Iterator[list[WalkedContact]]:
    """The whole book or a group in order of id, ``limit`` contacts at a time."""
    after = -1
    while True:
        if group_id is None:
            found = tx.fetch(tuple[int, int | None, str], "walk_contacts", after=after, limit=limit)
        else:
            found = tx.fetch(tuple[int, int | None, str], "walk_members", group=group_id, after=after, limit=limit)
        if not found:
            return
        yield found
        after = found[-1][0]


def list_group_keys(tx: Tx, *, ids: Sequence[int], whole: bool) -> list[GroupKey]:
    """The groups of each of these contacts, ascending. Deleted groups count until they are purged.

    ``whole``: no other contact has an id between the first and the last of these.
    """
    pairs = _walk_memberships(tx, ids) if whole else _find_memberships(tx, ids)
    # Most contacts are in one group; when all of them are, one dict of the pairs is the whole answer.
    single = dict(pairs)
    if len(single) == len(pairs):
        return list(map(single.get, ids))
    several: dict[int, list[int]] = {}
    for contact_id, group_id in pairs:
        several.setdefault(contact_id, []).append(group_id)
    keys = {number: group_ids[0] if len(group_ids) == 1 else tuple(group_ids) for number, group_ids in several.items()}
    return list(map(keys.get, ids))


def _walk_memberships(tx: Tx, ids: Sequence[int]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    place = (ids[0], -1)
    while True:
        after, group = place
        last, limit = ids[-1], MEMBERSHIPS_PER_STEP
        found = tx.fetch(tuple[int, int], "walk_memberships", after=after, group=group, last=last, limit=limit)
        if len(found) < MEMBERSHIPS_PER_STEP:
            return pairs + found if pairs else found
        pairs += found
        place = found[-1]


def _find_memberships(tx: Tx, ids: Sequence[int]) -> list[tuple[int, int]]:
    return tx.fetch(tuple[int, int], "find_memberships", ids=ids)


def find_group_names(tx: Tx, *, ids: Sequence[int]) -> dict[int, GroupName]:
    """The names of those of some groups that are not deleted."""
    rows = tx.fetch(tuple[int, str, str], "find_group_names", ids=ids) if ids else []
    return {group_id: GroupName(name, folded) for group_id, name, folded in rows}


def walk_numbers(tx: Tx, *, limit: int) -> Iterator[list[int]]:
    """Numbers with a state but no contact, ascending, those among ``limit`` numbers at a time."""
    after = 0
    while rows := tx.fetch(tuple[int, int | None], "list_known_numbers", after=after, limit=limit):
        yield [mobile for mobile, contact_id in rows if contact_id is None]
        after = rows[-1][0]


# ---- the exports that are kept --------------------------------------------------------------------------


def insert_export(tx: WriteTx, *, settings: str, until: int) -> StoredExport:
    """Insert a queued export."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run("insert_export", id=number, settings=settings, until=until, now=tx.now)
    return StoredExport(number, tx.now, until, "queued", 0, 0, settings, "{}")


def list_exports(tx: Tx) -> list[StoredExport]:
    """All exports in order of creation: a few. A removed one counts until its file is deleted."""
    return tx.fetch(StoredExport, "list_exports")


def get_export(tx: Tx, *, export_id: int) -> StoredExport | None:
    """One export."""
    return tx.fetch_one(StoredExport, "get_export", id=export_id)


def update_export(tx: WriteTx, *, export: StoredExport) -> None:
    """Save the state and progress of an export."""
    tx.run(
        "update_export",
        id=export.id,
        state=export.state,
        attempts=export.attempts,
        parts=export.parts,
        progress=export.progress,
        until=export.expires_at,
    )


def delete_export(tx: WriteTx, *, export_id: int) -> None:
    """Delete an export that has no file."""
    tx.run("delete_export", id=export_id)


def walk_file(tx: Tx, *, export: StoredExport) -> Iterator[bytes]:
    """The bytes of an export's file, part by part."""
    for first in range(0, export.parts, PARTS_PER_STEP):
        yield from list_parts(tx, file_id=export.id, first=first, limit=PARTS_PER_STEP)


def clear_file(tx: WriteTx, *, export_id: int) -> bool:
    """Delete some parts of an export's file. Returns whether there may be more."""
    return delete_parts(tx, file_id=export_id, limit=PARTS_PER_STEP) == PARTS_PER_STEP
