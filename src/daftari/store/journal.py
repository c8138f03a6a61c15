"""The journal: one gapless numbered row a write, with who did it. It names contacts by id only.

A DELETE's number, time and reason go to a table of their own, for the opt-outs that they are. This room must not
know why something was written.
"""

from __future__ import annotations

from collections.abc import Iterable

from daftari.store.engine import WriteTx


def insert_journal(tx: WriteTx, *, action: str, contacts: Iterable[int], group_id: int | None, now: int) -> int:
    """Write one row; returns its number."""
    seq = tx.book.next_seq
    tx.book.next_seq = seq + 1
    key_id, request_id = tx.actor.key_id, tx.actor.request_id
    written = written_ranges(contacts)
    tx.insert_many("journal", [(tx.project_id, seq, now, key_id, request_id, action, group_id, written)])
    return seq


def insert_deletion(tx: WriteTx, *, seq: int, mobile: int, at: int, reason: str | None, purpose: str | None) -> None:
    """Keep what a DELETE said of a number."""
    tx.insert_many("deletion", [(tx.project_id, seq, mobile, at, reason, purpose)])


def written_ranges(ids: Iterable[int]) -> str:
    """``1-1000,1003`` for ids in any order."""
    ranges: list[list[int]] = []
    for number in sorted(ids):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
