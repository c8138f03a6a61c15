"""Responses to writes with an Idempotency-Key, each stored in the transaction of its write.

Of key and request only keyed digests are stored, because either may hold a number. How long a response is valid belongs
to the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from msgspec import Struct

from daftari.store.engine import Tx, WriteTx

NAMING_PER_STEP = 100
"""Responses read at a time to find those that name a number."""


class StoredResponse(Struct, frozen=True):
    """A response as it is stored. ``headers`` is JSON. ``body`` is ``None`` if it named a number that is erased."""

    fingerprint: str
    at: int
    status: int
    headers: str
    body: bytes | None


def find_response(tx: Tx, *, key_id: int, name: str) -> StoredResponse | None:
    """The response to a write of an API key with this Idempotency-Key, which is ``name``."""
    return tx.fetch_one(StoredResponse, "find_response", key=key_id, name_digest=digest(tx, name.encode()))


def save_response(tx: WriteTx, answer: StoredResponse, *, key_id: int, name: str, names_numbers: bool) -> None:
    """Store a response, in place of an expired one with the same Idempotency-Key."""
    tx.run(
        "save_response",
        key=key_id,
        name_digest=digest(tx, name.encode()),
        fingerprint=answer.fingerprint,
        now=answer.at,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        names_numbers=int(names_numbers),
    )


def find_old_end(tx: Tx, *, until: int, limit: int) -> int | None:
    """The time of the last of the first ``limit`` responses up to ``until``; ``None`` if there is none."""
    row = tx.fetch_one(tuple[int | None], "find_old_responses_end", until=until, limit=limit)
    return None if row is None else row[0]


def delete_responses(tx: WriteTx, *, last: int) -> None:
    """Delete all responses up to a time."""
    tx.run("delete_responses_below", last=last)


def walk_responses_naming_numbers(tx: Tx) -> Iterator[tuple[int, str, bytes]]:
    """The responses that may name a number: the API key's id, the digest of the Idempotency-Key, the body."""
    key_id, name = 0, ""
    while rows := tx.fetch(
        tuple[int, str, bytes], "list_responses_naming_numbers", key=key_id, name_digest=name, limit=NAMING_PER_STEP
    ):
        yield from rows
        key_id, name, _ = rows[-1]


def clear_response(tx: WriteTx, *, key_id: int, name_digest: str) -> None:
    """Keep only the status of a response."""
    tx.run("clear_response", key=key_id, name_digest=name_digest)


def digest(tx: Tx, text: bytes) -> str:
    """The keyed hash of an Idempotency-Key or a request."""
    return blake2b(text, key=tx.erasure_key, digest_size=16, person=b"replay").hexdigest()
