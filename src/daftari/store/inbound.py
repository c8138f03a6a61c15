"""What providers bring: tokens in the house, and in each project counts, what waits for a person's eye, and quarantine.

This room must not know any provider, nor what a message means.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import Struct

from daftari.model.inbound import InboundCount, InboundRequest, InboundToken, Quarantined, Review, StoredToken
from daftari.model.projects import OnError
from daftari.store.engine import SystemTx, Tx, WriteTx
from daftari.store.projects import read_project


class _Head(Struct, frozen=True):
    """A request without its body."""

    method: str
    url: str
    query: str
    media_type: str
    headers: dict[str, str]


_encode = msgspec.json.encode
_read_head = msgspec.json.Decoder(_Head).decode

# ---- tokens -------------------------------------------------------------------------------------------


def get_token(tx: Tx, *, start: str) -> StoredToken | None:
    """A token by its first characters."""
    row = tx.fetch_one(
        tuple[
            int, int, str, str, str, int, int | None, bytes, str | None, str | None,
            int, str, str, OnError, int, str,
        ],
        "get_inbound_token",
        start=start,
    )  # fmt: skip
    return None if row is None else StoredToken(InboundToken(*row[:7]), *row[7:10], read_project(*row[10:]))


def list_tokens(tx: Tx) -> list[InboundToken]:
    """All tokens of all projects, in order of creation."""
    return tx.fetch(InboundToken, "list_inbound_tokens")


def insert_token(
    tx: SystemTx, *, token: InboundToken, token_hash: bytes, signing_secret: str | None, verify_token: str | None
) -> None:
    """A new token, whose id was taken from the house."""
    tx.run(
        "insert_inbound_token",
        id=token.id,
        project_id=token.project_id,
        provider=token.provider,
        label=token.label,
        start=token.start,
        hash=token_hash,
        signing_secret=signing_secret,
        verify_token=verify_token,
        now=token.created_at,
    )


def update_signing_secret(tx: SystemTx, *, token_id: int, signing_secret: str) -> None:
    """Another secret of the provider's."""
    tx.run("update_signing_secret", id=token_id, signing_secret=signing_secret)


def revoke_token(tx: SystemTx, *, token_id: int) -> None:
    """A token stops working."""
    tx.run("revoke_inbound_token", id=token_id, now=tx.now)


# ---- counts ---------------------------------------------------------------------------------------------


def count_received(tx: WriteTx, *, token_id: int) -> None:
    """One request more that was taken in."""
    tx.run("count_inbound", token=token_id, received=1, refused=0, received_at=tx.now, refused_at=None)


def count_refused(tx: WriteTx, *, token_id: int) -> None:
    """One request more that was refused."""
    tx.run("count_inbound", token=token_id, received=0, refused=1, received_at=None, refused_at=tx.now)


def list_counts(tx: Tx) -> list[InboundCount]:
    """What each token of the project brought."""
    return tx.fetch(InboundCount, "list_inbound_counts")


# ---- review ---------------------------------------------------------------------------------------------


def insert_review(tx: WriteTx, *, given: Review, message_digest: str) -> None:
    """Something for a person's eye; a message that is there already is not kept twice. ``given.id`` does not count."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_review",
        id=number,
        subject_id=given.mobile or 0,
        at=given.at,
        provider=given.provider,
        channel=given.channel,
        sender=given.sender,
        reason=given.reason,
        text=given.text,
        message_digest=message_digest,
    )


def list_reviews(tx: Tx, *, after: int, limit: int) -> list[Review]:
    """What waits, in the order of arrival."""
    return _fetch_reviews(tx, "list_reviews", after=after, limit=limit)


def list_subject_reviews(tx: Tx, *, mobile: int | None) -> list[Review]:
    """What was kept for review of one number; with ``None``, of numbers that could not be read."""
    return _fetch_reviews(tx, "list_subject_reviews", subject_id=mobile or 0)


def get_review(tx: Tx, *, review_id: int) -> Review | None:
    """One thing for a person's eye."""
    return next(iter(_fetch_reviews(tx, "get_review", id=review_id)), None)


def settle_review(tx: WriteTx, *, review_id: int, settled_as: str) -> None:
    """A person has looked."""
    tx.run("settle_review", id=review_id, settled_as=settled_as, now=tx.now)


def delete_review(tx: WriteTx, *, review_id: int) -> None:
    """One thing that was kept for review goes."""
    tx.run("delete_review", id=review_id)


def delete_reviews(tx: WriteTx, *, mobile: int) -> int:
    """What was kept for review of a number goes; returns how many rows that were."""
    return tx.run("delete_subject_reviews", subject_id=mobile)


def _fetch_reviews(tx: Tx, query: str, **values: int) -> list[Review]:
    rows = tx.fetch(tuple[int, int, int, str, str, str, str, str, int | None, str | None, str], query, **values)
    return [Review(row[0], row[1] or None, *row[2:]) for row in rows]


# ---- quarantine -----------------------------------------------------------------------------------------


def count_quarantine(tx: Tx) -> int:
    """How many refused requests are kept."""
    return tx.fetch_one(int, "count_quarantine") or 0


def insert_quarantine(tx: WriteTx, *, token_id: int, reason: str, request: InboundRequest) -> None:
    """Keep a request that was refused."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    head = _Head(request.method, request.url, request.query, request.media_type, dict(request.headers))
    written = _encode(head).decode()
    # With its proof: what somebody forged must not hide the same words of the provider.
    proof = _encode([request.query, sorted(request.headers.items())])
    digest = sha256(proof + request.body).hexdigest()
    values = {"request": written, "digest": digest}
    tx.run("insert_quarantine", id=number, token=token_id, now=tx.now, reason=reason, body=request.body, **values)


def list_quarantine(tx: Tx, *, after: int, limit: int) -> list[Quarantined]:
    """Refused requests in the order of arrival."""
    rows = tx.fetch(tuple[int, int, int, str, str, bytes], "list_quarantine", after=after, limit=limit)
    found = []
    for number, token_id, received_at, reason, written, body in rows:
        head = _read_head(written)
        request = InboundRequest(head.method, head.url, head.query, head.media_type, head.headers, body)
        found.append(Quarantined(number, token_id, received_at, reason, request))
    return found


def delete_quarantined(tx: WriteTx, *, quarantined_id: int) -> None:
    """A refused request goes."""
    tx.run("delete_quarantine", id=quarantined_id)
