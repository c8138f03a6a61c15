"""Senders: how each sends, its sealed credentials, and the fence that only one worker at a time holds.

What a definition and a meter say belongs to the rules.
"""

from __future__ import annotations

from daftari.model.messages import StoredSender
from daftari.store.engine import Tx, WriteTx


def insert_sender(
    tx: WriteTx, *, channel: str, name: str, folded: str, definition: str, credentials: bytes, meter: str
) -> int:
    """Insert a sender. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_sender",
        id=number, channel=channel, name=name, folded=folded, definition=definition, credentials=credentials,
        meter=meter, now=tx.now,
    )  # fmt: skip
    return number


def get_sender(tx: Tx, *, sender_id: int) -> StoredSender | None:
    """One sender, a deleted one too."""
    return tx.fetch_one(StoredSender, "get_sender", id=sender_id)


def list_senders(tx: Tx) -> list[StoredSender]:
    """The senders that are not deleted, in order of creation."""
    return tx.fetch(StoredSender, "list_senders")


def update_sender(tx: WriteTx, *, sender: StoredSender, folded: str | None) -> None:
    """Save a sender as people set it; neither its fence nor its meter."""
    tx.run(
        "update_sender",
        id=sender.id, name=sender.name, folded=folded, definition=sender.definition, credentials=sender.credentials,
        paused=sender.paused, deleted_at=sender.deleted_at,
    )  # fmt: skip


def save_meter(tx: WriteTx, *, sender_id: int, meter: str, paused: str) -> None:
    """Save what a sender sent lately, and why it pauses."""
    tx.run("save_meter", id=sender_id, meter=meter, paused=paused)


def raise_fence(tx: WriteTx, *, sender_id: int, meter: str) -> int:
    """Take a sender over. Returns the fence, which no other worker has."""
    tx.run("raise_fence", id=sender_id, meter=meter)
    fence = tx.fetch_one(int, "get_fence", id=sender_id)
    assert fence is not None, "a sender is never deleted from the table"
    return fence


def get_fence(tx: Tx, *, sender_id: int) -> int:
    """The fence that was raised last; 0 for a sender that is not there."""
    return tx.fetch_one(int, "get_fence", id=sender_id) or 0
