"""A count of the records there, compared with those that are known here. No network, no SQL.

It finds what a system shows nowhere, such as a contact that was erased there, sooner than the comparison of each night.
It is asked for when the deleted records that the system does show have all been read, so these are not taken for
missing ones.
"""

from __future__ import annotations

from msgspec.structs import replace

from daftari.connectors import Usage
from daftari.model.connections import LINK_STATES, ConnectionProgress
from daftari.rules.connections.model import ERASED, GONE, MERGED
from daftari.rules.connections.sync import COMPARE_MIN, STOPPED, Done, find_held, save_step
from daftari.store import WriteTx

THERE = [name for number, name in enumerate(LINK_STATES) if number not in (GONE, MERGED, ERASED)]
"""The states of links whose records are there. Of a number that was erased here this is not known."""


def take_count(tx: WriteTx, *, connection_id: int, fence: int, count: int | None, usage: Usage) -> Done:
    """Have everything compared if fewer records are there than here. ``count``: ``None`` where it was not given."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    progress = replace(
        opened.progress,
        count=replace(opened.progress.count, is_due=False),
        day=usage.day,
        used=usage.used,
        allowed=usage.allowed,
    )
    if count is not None:
        progress = _judge(progress, count, now=tx.now)
    return save_step(tx, replace(opened, progress=progress), has_more=False)


def _judge(progress: ConnectionProgress, count: int, *, now: int) -> ConnectionProgress:
    """More records there than here are no reason: they came since, and the next reading brings them."""
    last = progress.count
    fewer = sum(progress.counts.get(name, 0) for name in THERE) - count
    unexplained = last.unexplained
    is_first = last.at < progress.compared_at
    if is_first:
        # What a comparison did not find is not missing. What is missing only since it is.
        unexplained = max(0, min(last.fewer, fewer))
    compares = not is_first and fewer > unexplained and now - progress.compared_at >= COMPARE_MIN
    return replace(
        progress,
        compares=progress.compares or compares,
        count=replace(last, at=now, found=count, fewer=fewer, unexplained=unexplained),
    )
