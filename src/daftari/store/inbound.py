"""Inbound tokens, which are system rows, and a project's inbound counts, reviews and quarantine.

Providers, and what a message means, belong to other modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256

import msgspec
from msgspec import Struct

from daftari.errors import SealBroken
from daftari.model.inbound import (
    Arrival,
    InboundCount,
    InboundRequest,
    InboundTest,
    InboundToken,
    Quarantined,
    Review,
    StoredToken,
)
from daftari.model.projects import OnError, Project
from daftari.model.secrets import Secret
from daftari.store.engine import SystemTx, Tx, WriteTx
from daftari.store.projects import read_project
from daftari.store.sealing import purpose_of, seal, unseal


class _Head(Struct, frozen=True):
    """A request without its body."""

    method: str
    url: str
    query: str
    media_type: str
    headers: dict[str, str]


SIGNING_SECRET, VERIFY_TOKEN = "signing_secret", "verify_token"
"""The columns of a token that are sealed."""

_encode = msgspec.json.encode
_read_head = msgspec.json.Decoder(_Head).decode
_read_arrived = msgspec.json.Decoder(tuple[Arrival, ...]).decode

# ---- tokens -------------------------------------------------------------------------------------------


def get_token(tx: Tx, *, start: str) -> StoredToken | None:
    """A token by its first characters."""
    row = tx.fetch_one(
        tuple[
            int, int, str, str, str, int, int | None, int | None, int | None, bytes, bytes | None, bytes | None,
            int, str, str, OnError, int, str, int, str | None, str,
        ],
        "get_inbound_token",
        start=start,
    )  # fmt: skip
    return None if row is None else _read_token(tx, InboundToken(*row[:9]), *row[9:12], read_project(*row[12:]))


def list_sender_tokens(tx: Tx, *, project: Project) -> list[StoredToken]:
    """The tokens of a project's senders that are accepted now, in order of creation."""
    return _list_tokens(tx, "list_sender_tokens", project)


def list_connection_tokens(tx: Tx, *, project: Project) -> list[StoredToken]:
    """The tokens of a project's connections that are accepted now, in order of creation."""
    return _list_tokens(tx, "list_connection_tokens", project)


def list_project_tokens(tx: Tx, *, project: Project) -> list[StoredToken]:
    """All tokens of a project that are accepted now, in order of creation."""
    return _list_tokens(tx, "list_project_tokens", project)


def _list_tokens(tx: Tx, query: str, project: Project) -> list[StoredToken]:
    rows = tx.fetch(
        tuple[int, int, str, str, str, int, int | None, int | None, int | None, bytes, bytes | None, bytes | None],
        query,
        id=project.id,
        now=tx.now,
    )
    return [_read_token(tx, InboundToken(*row[:9]), *row[9:], project) for row in rows]


def _read_token(
    tx: Tx,
    token: InboundToken,
    token_hash: bytes,
    signing_secret: bytes | None,
    verify_token: bytes | None,
    project: Project,
) -> StoredToken:
    sealed = {SIGNING_SECRET: signing_secret, VERIFY_TOKEN: verify_token}
    secrets = {column: _unseal_secret(tx, token, column, value) for column, value in sealed.items()}
    broken = tuple(column for column, value in sealed.items() if value is not None and secrets[column] is None)
    return StoredToken(token, token_hash, secrets[SIGNING_SECRET], secrets[VERIFY_TOKEN], project, broken)


def list_tokens(tx: Tx) -> list[InboundToken]:
    """All tokens of all projects, in order of creation."""
    return tx.fetch(InboundToken, "list_inbound_tokens")


def insert_token(
    tx: SystemTx, *, token: InboundToken, token_hash: bytes, signing_secret: str | None, verify_token: str | None
) -> None:
    """Insert a token, whose id is a system id."""
    tx.run(
        "insert_inbound_token",
        id=token.id,
        project_id=token.project_id,
        provider=token.provider,
        label=token.label,
        start=token.start,
        hash=token_hash,
        signing_secret=_seal_secret(tx, token, SIGNING_SECRET, signing_secret),
        verify_token=_seal_secret(tx, token, VERIFY_TOKEN, verify_token),
        now=token.created_at,
        sender=token.sender_id,
        connection=token.connection_id,
    )


def update_followed_token(
    tx: SystemTx, *, token: InboundToken, signing_secret: str | None, verify_token: str | None
) -> None:
    """Save the label and the secrets of a token that follows a sender or a connection."""
    tx.run(
        "update_followed_token",
        id=token.id,
        label=token.label,
        signing_secret=_seal_secret(tx, token, SIGNING_SECRET, signing_secret),
        verify_token=_seal_secret(tx, token, VERIFY_TOKEN, verify_token),
    )


def update_signing_secret(tx: SystemTx, *, token: InboundToken, signing_secret: str) -> None:
    """Replace the signing secret of a token."""
    sealed = _seal_secret(tx, token, SIGNING_SECRET, signing_secret)
    tx.run("update_signing_secret", id=token.id, signing_secret=sealed)


def revoke_token(tx: SystemTx, *, token_id: int, at: int) -> None:
    """Revoke a token from a time on."""
    tx.run("revoke_inbound_token", id=token_id, at=at, now=tx.now)


def _seal_secret(tx: Tx, token: InboundToken, column: str, secret: str | None) -> bytes | None:
    return None if secret is None else seal(tx, secret.encode(), purpose=_purpose(token, column))


def _unseal_secret(tx: Tx, token: InboundToken, column: str, sealed: bytes | None) -> Secret | None:
    """The secret; ``None`` also where it cannot be read."""
    if sealed is not None:
        with suppress(SealBroken):
            return Secret(unseal(tx, sealed, purpose=_purpose(token, column)).decode())
    return None


def _purpose(token: InboundToken, column: str) -> str:
    return purpose_of("inbound_token", column, project_id=token.project_id, row_id=token.id)


# ---- counts ---------------------------------------------------------------------------------------------


def count_received(tx: WriteTx, *, token_id: int, count: int = 1) -> bool:
    """Count more accepted requests. Returns whether a person looks at what arrives with the token now."""
    row = tx.one("count_inbound", token=token_id, received=count, refused=0, received_at=tx.now, refused_at=None)
    return row is not None and row[0] is not None and tx.now <= int(row[0])


def count_refused(tx: WriteTx, *, token_id: int) -> None:
    """Count one more refused request."""
    tx.one("count_inbound", token=token_id, received=0, refused=1, received_at=None, refused_at=tx.now)


def list_counts(tx: Tx) -> list[InboundCount]:
    """The counts of the project's tokens."""
    return tx.fetch(InboundCount, "list_inbound_counts")


# ---- tests ----------------------------------------------------------------------------------------------


def start_test(tx: WriteTx, *, token_id: int, until: int) -> None:
    """Keep what arrives with a token until a time; what was kept before goes."""
    tx.run("start_inbound_test", token=token_id, test_from=tx.now, test_until=until)


def get_test(tx: Tx, *, token_id: int) -> InboundTest | None:
    """The last test of a token."""
    row = tx.fetch_one(tuple[int, int, str], "get_inbound_test", token=token_id)
    return None if row is None else InboundTest(row[0], row[1], _read_arrived(row[2]) if row[2] else ())


def save_arrived(tx: WriteTx, *, token_id: int, arrived: Sequence[Arrival]) -> None:
    """Save what arrived while a token is tested."""
    tx.run("save_arrived", token=token_id, arrived=_encode(arrived).decode())


def has_expired_test(tx: Tx, *, before: int) -> bool:
    """Whether something is kept of a test that ended before a time."""
    return tx.one("has_expired_test", before=before) is not None


def clear_expired_tests(tx: WriteTx, *, before: int) -> None:
    """Clear what is kept of tests that ended before a time."""
    tx.run("clear_expired_tests", before=before)


def list_refusals(tx: Tx, *, token_id: int, since: int, limit: int) -> list[tuple[int, str]]:
    """When and why requests with a token were refused, from a time on, the newest first."""
    return tx.fetch(tuple[int, str], "list_refusals", token=token_id, since=since, limit=limit)


def count_refusals(tx: Tx, *, token_id: int) -> int:
    """How many refused requests of a token are kept."""
    return tx.fetch_one(int, "count_refusals", token=token_id) or 0


# ---- review ---------------------------------------------------------------------------------------------


def insert_review(tx: WriteTx, *, given: Review, message_digest: str) -> None:
    """Insert a message for review, once for each message digest. ``given.id`` is ignored."""
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
        token=given.token_id,
        user_id=given.user_id,
        message_digest=message_digest,
        given_at=given.given_at,
        received_at=given.received_at,
        receipt=given.receipt,
    )


def list_reviews(tx: Tx, *, after: int, limit: int) -> list[Review]:
    """At most ``limit`` reviews after an id that are not settled, in the order of arrival."""
    return _fetch_reviews(tx, "list_reviews", after=after, limit=limit)


def list_subject_reviews(tx: Tx, *, mobile: int | None) -> list[Review]:
    """The reviews of one number; with ``None``, those without a readable number."""
    return _fetch_reviews(tx, "list_subject_reviews", subject_id=mobile or 0)


def get_review(tx: Tx, *, review_id: int) -> Review | None:
    """One review."""
    return next(iter(_fetch_reviews(tx, "get_review", id=review_id)), None)


def settle_review(tx: WriteTx, *, review_id: int, settled_as: str, mobile: int | None) -> None:
    """Settle a review, and note whose message it was."""
    tx.run("settle_review", id=review_id, settled_as=settled_as, subject_id=mobile or 0, now=tx.now)


def delete_review(tx: WriteTx, *, review_id: int) -> None:
    """Delete one review."""
    tx.run("delete_review", id=review_id)


def delete_reviews(tx: WriteTx, *, mobile: int) -> int:
    """Delete the reviews of a number. Returns how many there were."""
    return tx.run("delete_subject_reviews", subject_id=mobile)


def _fetch_reviews(tx: Tx, query: str, **values: int) -> list[Review]:
    rows = tx.fetch(
        tuple[
            int, int, int, str, str, str, str, str, int, str, int | None, str | None, str, int | None, int, int
        ],
        query,
        **values,
    )  # fmt: skip
    return [Review(row[0], row[1] or None, *row[2:]) for row in rows]


# ---- quarantine -----------------------------------------------------------------------------------------


def count_quarantine(tx: Tx) -> int:
    """How many requests are quarantined."""
    return tx.fetch_one(int, "count_quarantine") or 0


def find_commonest_quarantined(tx: Tx) -> int | None:
    """The oldest quarantined request of the commonest address, proof and reason."""
    return tx.fetch_one(int, "find_commonest_quarantined")


def insert_quarantine(
    tx: WriteTx, *, token_id: int, reason: str, is_proved: bool, request: InboundRequest, receipt: int
) -> None:
    """Quarantine a request. ``receipt``: its place in the order of the project's receipts."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    head = _Head(request.method, request.url, request.query, request.media_type, dict(request.headers))
    tx.run(
        "insert_quarantine",
        id=number,
        token=token_id,
        now=tx.now,
        is_proved=int(is_proved),
        reason=reason,
        request=seal(tx, _encode(head), purpose=_quarantine_purpose(tx, "request", number)),
        body=seal(tx, request.body, purpose=_quarantine_purpose(tx, "body", number)),
        digest=_request_digest(request),
        receipt=receipt,
    )


def find_receipt(tx: Tx, *, token_id: int, request: InboundRequest) -> tuple[int, int] | None:
    """When the same request was quarantined: the place of its receipt, and the time."""
    digest = _request_digest(request)
    return next(iter(tx.fetch(tuple[int, int], "find_quarantined_receipt", token=token_id, digest=digest)), None)


def _request_digest(request: InboundRequest) -> str:
    """What a repeated request has in common with the first.

    It covers the signature: a forged request must not hide the provider's own with the same body.
    """
    proof = _encode([request.query, sorted(request.headers.items())])
    return sha256(proof + request.body).hexdigest()


def list_quarantine(tx: Tx, *, after: int, limit: int) -> list[Quarantined]:
    """At most ``limit`` quarantined requests after an id, in the order of arrival."""
    return _fetch_quarantine(tx, "list_quarantine", after=after, limit=limit)


def list_token_quarantine(tx: Tx, *, token_id: int, after: int, limit: int) -> list[Quarantined]:
    """The same of one token."""
    return _fetch_quarantine(tx, "list_token_quarantine", token=token_id, after=after, limit=limit)


def _fetch_quarantine(tx: Tx, query: str, **values: int) -> list[Quarantined]:
    rows = tx.fetch(tuple[int, int, int, str, bytes, bytes, int], query, **values)
    return [
        Quarantined(number, token_id, received_at, reason, _unseal_request(tx, number, head, body), receipt)
        for number, token_id, received_at, reason, head, body, receipt in rows
    ]


def _unseal_request(tx: Tx, number: int, sealed_head: bytes, sealed_body: bytes) -> InboundRequest | None:
    try:
        head = _read_head(unseal(tx, sealed_head, purpose=_quarantine_purpose(tx, "request", number)))
        body = unseal(tx, sealed_body, purpose=_quarantine_purpose(tx, "body", number))
    except SealBroken:
        return None
    return InboundRequest(head.method, head.url, head.query, head.media_type, head.headers, body)


def _quarantine_purpose(tx: Tx, column: str, number: int) -> str:
    return purpose_of("quarantine", column, project_id=tx.project.id, row_id=number)


def delete_quarantined(tx: WriteTx, *, quarantined_id: int) -> bool:
    """Delete a quarantined request. Returns whether it was still there."""
    return tx.run("delete_quarantine", id=quarantined_id) > 0
