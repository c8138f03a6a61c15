"""Has the records of numbers looked at when a person said something: which mark they are to have. No HTTP, no SQL.

It is asked for in the transaction of the facts. Which mark a record is to have, if any, is decided from what is known
when it is due (``connections``), so that a fact that is taken back meanwhile is not written back.
"""

from __future__ import annotations

from collections.abc import Collection

from daftari.model.jobs import JobKind
from daftari.store import WriteTx, connections
from daftari.store.jobs import hint_job

MARK_CHANNELS = ("sms", "whatsapp")
"""The channels that have a mark in other systems, each in a field of its own. What counts is the marketing on them."""
SYNCED_SECONDS = 600
"""How long an opt-out that came from one connected system waits before it is written to others: it may be undone."""


def ask_write_backs(tx: WriteTx, *, mobiles: Collection[int], connection_id: int) -> None:
    """Have the records of numbers looked at, in every connection that opt-outs are written back to.

    ``connection_id``: the one whose records said so, to which nothing is written back; 0 for none.
    """
    due_at = tx.now + SYNCED_SECONDS * 1_000_000 if connection_id else tx.now
    asked = connections.ask_write_backs(
        tx, mobiles=sorted(mobiles), channels=MARK_CHANNELS, due_at=due_at, other_than=connection_id
    )
    for one in sorted(asked):
        hint_job(tx, kind=JobKind.SYNC, subject=str(one), due_at=due_at if connection_id else None)
