"""The page directory: how many members each block of ids has, for every list, at three levels.

It makes a list's total a sum over a few rows, and finds any page in a few steps, whatever the size. Each write changes
it in its own transaction. Which contacts belong to a list is for the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from daftari.errors import StoreUnavailable
from daftari.model.limits import ID_MAX
from daftari.store.engine import Tx, WriteTx

LEVEL_SHIFTS = {1: 6, 2: 12, 3: 18}
"""A level's blocks hold 2 ** shift ids. Measured: with steps of 64 the last page costs about as much as the first."""
FANOUT = 64
"""Blocks of one level within a block of the next, and ids within a block of the first."""
BOOK = 0
"""The list of all contacts; a group's list has the group's id."""
LISTED = -1
"""The default list: all contacts but those that opted out of everything."""


class PageStart(Struct, frozen=True):
    """Where a page begins: at the ``skip``-th member whose id is at least ``first``."""

    first: int
    skip: int


def count_list(tx: Tx, *, list_id: int) -> int:
    """A list's exact total."""
    row = tx.one("count_list", list=list_id)
    return int(row[0] or 0) if row else 0


def find_page(tx: Tx, *, list_id: int, skip: int) -> tuple[int, PageStart | None]:
    """A list's exact total, and where its member number ``skip`` (from 0) is; ``None`` past the end.

    Goes down the levels: through the few largest blocks, then through the 64 blocks of the one that holds it, twice.
    """
    blocks = _list_blocks(tx, list_id, level=3, first=0, last=ID_MAX)
    total = sum(members for _, members in blocks)
    if skip == 0 or skip >= total:
        return total, PageStart(first=0, skip=0) if skip < total else None
    block, skip = _step(blocks, skip)
    for level in (2, 1):
        blocks = _list_blocks(tx, list_id, level=level, first=block * FANOUT, last=block * FANOUT + FANOUT - 1)
        block, skip = _step(blocks, skip)
    return total, PageStart(first=block * FANOUT, skip=skip)


def find_block(tx: Tx, *, list_id: int, contact_id: int) -> tuple[int, int, int]:
    """A list's exact total, how many members are in the blocks before an id's block, and the first id of that block."""
    blocks = _list_blocks(tx, list_id, level=3, first=0, last=ID_MAX)
    total = sum(members for _, members in blocks)
    before = sum(members for block, members in blocks if block < contact_id >> LEVEL_SHIFTS[3])
    for level in (2, 1):
        first = (contact_id >> LEVEL_SHIFTS[level + 1]) * FANOUT
        last = (contact_id >> LEVEL_SHIFTS[level]) - 1
        if last >= first:
            before += sum(members for _, members in _list_blocks(tx, list_id, level=level, first=first, last=last))
    return total, before, contact_id >> LEVEL_SHIFTS[1] << LEVEL_SHIFTS[1]


def list_spans(tx: Tx, *, list_id: int) -> list[tuple[int, int]]:
    """The first and last id of each of the largest blocks that have members of a list, in order."""
    shift = LEVEL_SHIFTS[3]
    blocks = sorted(block for block, _ in _list_blocks(tx, list_id, level=3, first=0, last=ID_MAX))
    return [(block << shift, (block + 1 << shift) - 1) for block in blocks]


def _list_blocks(tx: Tx, list_id: int, *, level: int, first: int, last: int) -> list[tuple[int, int]]:
    return tx.fetch(tuple[int, int], "list_blocks", list=list_id, level=level, first=first, last=last)


def _step(blocks: list[tuple[int, int]], skip: int) -> tuple[int, int]:
    """The block that holds member number ``skip``, and the member's number within that block."""
    for block, members in blocks:
        if skip < members:
            return block, skip
        skip -= members
    raise StoreUnavailable("The page directory does not add up; run: daftari check --repair")


def change_directory(tx: WriteTx, *, joined: dict[int, Iterable[int]], left: dict[int, Iterable[int]]) -> None:
    """Count ids that joined and left lists, by list. No id may be in both for one list."""
    grown = _blocks(joined)
    shrunk = _blocks(left)
    grown.subtract(shrunk)
    changes = [(*block, change) for block, change in sorted(grown.items()) if change]
    if changes:
        tx.run("change_directory", items=changes)
    if shrunk:
        tx.run("clear_directory", items=sorted(shrunk))


def _blocks(ids_by_list: dict[int, Iterable[int]]) -> Counter[tuple[int, int, int]]:
    blocks: Counter[tuple[int, int, int]] = Counter()
    for list_id, ids in ids_by_list.items():
        low = _lowest_blocks(ids)
        for level, shift in LEVEL_SHIFTS.items():
            for block, count in low.items():
                blocks[list_id, level, block >> (shift - LEVEL_SHIFTS[1])] += count
    return blocks


def _lowest_blocks(ids: Iterable[int]) -> Counter[int]:
    """How many ids each block of the first level gets; of a range, as new contacts have, without looking at each id."""
    shift = LEVEL_SHIFTS[1]
    if not isinstance(ids, range) or not ids or ids.step != 1:
        return Counter([number >> shift for number in ids])
    first, last = ids[0], ids[-1]
    return Counter(
        {
            block: min(last, (block + 1 << shift) - 1) - max(first, block << shift) + 1
            for block in range(first >> shift, (last >> shift) + 1)
        }
    )
