"""The contacts that an audience may reach, and frozen audiences: ascending numbers, 8 bytes each, in parts of 1,000.

A frozen number keeps its place, so that pages never change; an erased one leaves a 0. Who may be messaged belongs to
the rules.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from daftari.model.audiences import FrozenAudience
from daftari.store.contacts import ContactNumber
from daftari.store.engine import Tx, WriteTx

PART_NUMBERS = 1_000
"""Numbers in a part of a frozen audience."""
PARTS_PER_STEP = 20
"""Parts read at once."""


# ---- whom it reaches ----------------------------------------------------------------------------------


def list_reachable(tx: Tx, *, group_id: int | None, after: int, limit: int) -> list[ContactNumber]:
    """At most ``limit`` contacts of the default list or of a group after an id, in order of id."""
    if group_id is None:
        return tx.fetch(ContactNumber, "list_reachable", after=after, limit=limit)
    return tx.fetch(ContactNumber, "list_reachable_members", group=group_id, after=after, limit=limit)


def list_member_ids(tx: Tx, *, group_id: int, after: int, last: int, limit: int) -> list[int]:
    """At most ``limit`` ids of a group's members after one id and up to another, in order."""
    return tx.fetch(int, "list_member_ids", group=group_id, after=after, last=last, limit=limit)


# ---- frozen ones ----------------------------------------------------------------------------------------


def insert_audience(
    tx: WriteTx, *, definition: str, mobiles: array[int], erased: int, digest: str, excluded: str, until: int
) -> FrozenAudience:
    """Freeze numbers. They ascend, but for a 0 in the place of each erased number."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    count = len(mobiles)
    tx.run(
        "insert_audience",
        id=number,
        now=tx.now,
        until=until,
        definition=definition,
        count=count,
        erased=erased,
        digest=digest,
        excluded=excluded,
    )
    parts = [mobiles[first : first + PART_NUMBERS] for first in range(0, count, PART_NUMBERS)]
    project = tx.project.id
    tx.insert_many(
        "audience_part",
        [(project, number, place, *_ends(part), _packed(part)) for place, part in enumerate(parts)],
    )
    return FrozenAudience(number, tx.now, until, definition, count, erased, digest, excluded)


def get_audience(tx: Tx, *, audience_id: int) -> FrozenAudience | None:
    """A frozen audience that has not expired."""
    return tx.fetch_one(FrozenAudience, "get_audience", id=audience_id, now=tx.now)


def list_audiences(tx: Tx, *, before: int, limit: int) -> list[FrozenAudience]:
    """At most ``limit`` frozen audiences before an id that have not expired, the newest first."""
    return tx.fetch(FrozenAudience, "list_audiences", before=before, now=tx.now, limit=limit)


def list_definitions(tx: Tx) -> list[str]:
    """The definitions of all frozen audiences that have not expired."""
    return tx.fetch(str, "list_audience_definitions", now=tx.now)


def list_parts(tx: Tx, *, audience_id: int, first: int) -> Iterator[tuple[int, array[int]]]:
    """The parts from ``first`` on, each with the place of its first number. A 0 stands for an erased number."""
    while rows := tx.fetch(
        tuple[int, bytes], "list_audience_parts", audience=audience_id, first=first, limit=PARTS_PER_STEP
    ):
        for part, mobiles in rows:
            yield part * PART_NUMBERS, _unpacked(mobiles)
        first = rows[-1][0] + 1


def read_numbers(tx: Tx, *, audience_id: int, first: int, limit: int) -> array[int]:
    """At most ``limit`` numbers from a place on, fewer at the end of a part. A 0 stands for an erased number."""
    part, place = divmod(first, PART_NUMBERS)
    packed = tx.fetch(tuple[int, bytes], "list_audience_parts", audience=audience_id, first=part, limit=1)
    return _unpacked(packed[0][1])[place : place + limit] if packed else array("q")


def list_audiences_with(tx: Tx, *, mobile: int) -> list[int]:
    """The frozen audiences that hold a number."""
    return [audience_id for audience_id, _, _ in _parts_with(tx, mobile)]


def erase_from_audiences(tx: WriteTx, *, mobile: int) -> int:
    """Replace a number by 0 in every frozen audience. Returns in how many it was."""
    found = _parts_with(tx, mobile)
    for audience_id, part, mobiles in found:
        mobiles[mobiles.index(mobile)] = 0
        first, last = _ends(mobiles)
        tx.run(
            "update_audience_part",
            audience=audience_id,
            part=part,
            mobiles=_packed(mobiles),
            first=first,
            last=last,
        )
        tx.run("increment_erased", audience=audience_id)
    return len(found)


def _parts_with(tx: Tx, mobile: int) -> list[tuple[int, int, array[int]]]:
    """The parts that hold a number, at most one an audience: audience id, part and numbers."""
    found = []
    for audience_id in tx.fetch(int, "list_audience_ids"):
        row = tx.fetch_one(tuple[int, bytes], "find_audience_part", audience=audience_id, mobile=mobile)
        if row is not None and mobile in (mobiles := _unpacked(row[1])):
            found.append((audience_id, row[0], mobiles))
    return found


def find_expired_audience(tx: Tx) -> int | None:
    """The id of a frozen audience that has expired."""
    return tx.fetch_one(int, "find_expired_audience", now=tx.now)


def delete_audience(tx: WriteTx, *, audience_id: int) -> None:
    """Delete a frozen audience with its numbers."""
    tx.run("delete_audience_parts", audience=audience_id)
    tx.run("delete_audience", audience=audience_id)


def _ends(mobiles: array[int]) -> tuple[int, int]:
    """The first and last number of a part that is not erased; zeros when all are."""
    left = [mobile for mobile in mobiles if mobile] or [0]
    return left[0], left[-1]


def _packed(mobiles: array[int]) -> bytes:
    """8 bytes a number, big-endian on every machine."""
    packed = mobiles[:]
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _unpacked(mobiles: bytes) -> array[int]:
    unpacked = array("q", mobiles)
    if sys.byteorder == "little":
        unpacked.byteswap()
    return unpacked
