"""WhatsApp persons' ids, the numbers that they stand for, and what is held of those whose number is not known.

An id belongs to the inbound token by which it came. What an event means belongs to the rules.
"""

from __future__ import annotations

import msgspec

from daftari.model.inbound import HeldEvent, InboundMessage, InboundSignal
from daftari.store.engine import Tx, WriteTx

_encode = msgspec.json.encode
_read_event = msgspec.json.Decoder(InboundMessage | InboundSignal).decode

# ---- ids ------------------------------------------------------------------------------------------------


def get_user(tx: Tx, *, token_id: int, user_id: str) -> int | None:
    """The number that an id stands for."""
    return tx.fetch_one(int, "get_whatsapp_user", token=token_id, user_id=user_id)


def list_users(tx: Tx, *, mobile: int) -> list[tuple[int, str]]:
    """The ids that stand for a number, each with its token."""
    return tx.fetch(tuple[int, str], "list_whatsapp_users", subject_id=mobile)


def save_user(tx: WriteTx, *, token_id: int, user_id: str, mobile: int) -> None:
    """Remember the number that an id stands for, and note it on what the person said before."""
    tx.run("save_whatsapp_user", token=token_id, user_id=user_id, subject_id=mobile)
    tx.run("name_user_reviews", token=token_id, user_id=user_id, subject_id=mobile)


def delete_users(tx: WriteTx, *, mobile: int) -> int:
    """Delete the ids of a number. Returns how many there were."""
    return tx.run("delete_whatsapp_users", subject_id=mobile)


# ---- held events ----------------------------------------------------------------------------------------


def insert_held(
    tx: WriteTx,
    *,
    token_id: int,
    received_at: int,
    receipt: int,
    message_digest: str,
    event: InboundMessage | InboundSignal,
) -> None:
    """Hold an event of a person without a known number, once for each message digest.

    ``receipt``: the place of its receipt in the order of the project's.
    """
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_held_event",
        id=number,
        token=token_id,
        user_id=event.user_id,
        received_at=received_at,
        receipt=receipt,
        message_digest=message_digest,
        event=_encode(event).decode(),
    )


def find_held(tx: Tx, *, token_id: int, user_id: str) -> list[HeldEvent]:
    """What a person said, in the order of arrival."""
    return _fetch_held(tx, "find_held_events", token=token_id, user_id=user_id)


def list_held(tx: Tx, *, after: int, limit: int) -> list[HeldEvent]:
    """At most ``limit`` held events after an id."""
    return _fetch_held(tx, "list_held_events", after=after, limit=limit)


def update_held(tx: WriteTx, *, held: HeldEvent, event: InboundMessage | InboundSignal) -> None:
    """Replace what was said."""
    tx.run("update_held_event", id=held.id, event=_encode(event).decode())


def release_held(tx: WriteTx, *, held: HeldEvent) -> None:
    """Delete a held event whose sender became known, and settle its review if it is open."""
    tx.run("settle_held_review", message_digest=held.message_digest, settled_as="opt_out", now=tx.now)
    delete_held(tx, message_digest=held.message_digest)


def delete_held(tx: WriteTx, *, message_digest: str) -> int:
    """Delete a held event. Returns how many there were."""
    return tx.run("delete_held_event", message_digest=message_digest)


def _fetch_held(tx: Tx, query: str, **values: int | str) -> list[HeldEvent]:
    rows = tx.fetch(tuple[int, int, int, str, str], query, **values)
    return [HeldEvent(*row[:4], _read_event(row[4])) for row in rows]
