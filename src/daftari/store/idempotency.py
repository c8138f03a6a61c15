"""What writes under an Idempotency-Key answered, each kept with its effect.

Of key and request only keyed digests are kept: either may hold somebody's number. This room must not know for how
long an answer counts, nor what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from msgspec import Struct

from daftari.store.engine import Tx, WriteTx

NAMING_A_TURN = 100
"""Answers that are read at once to find those that name a number."""


class StoredResponse(Struct, frozen=True):
    """An answer as it is kept. ``headers`` is JSON; a body of ``None`` named somebody who was erased."""

    fingerprint: str
    at: int
    status: int
    headers: str
    body: bytes | None


def find_response(tx: Tx, *, key_id: int, name: str) -> StoredResponse | None:
    """What is kept under a name that a key's owner gave."""
    return tx.fetch_one(StoredResponse, "find_response", key=key_id, name_digest=digest(tx, name.encode()))


def save_response(tx: WriteTx, answer: StoredResponse, *, key_id: int, name: str, names_numbers: bool) -> None:
    """Keep an answer, in the place of one that does not count any more."""
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
    """The time of the last of the first ``limit`` answers that were given by ``until``; ``None`` if there is none."""
    row = tx.fetch_one(tuple[int | None], "find_old_responses_end", until=until, limit=limit)
    return None if row is None else row[0]


def delete_responses(tx: WriteTx, *, last: int) -> None:
    """Forget all that was answered up to a time."""
    tx.run("delete_responses_below", last=last)


def walk_responses_naming_numbers(tx: Tx) -> Iterator[tuple[int, str, bytes]]:
    """The answers that may name a number: whose key, the name's digest, the body."""
    key_id, name = 0, ""
    while rows := tx.fetch(
        tuple[int, str, bytes], "list_responses_naming_numbers", key=key_id, name_digest=name, limit=NAMING_A_TURN
    ):
        yield from rows
        key_id, name, _ = rows[-1]


def clear_response(tx: WriteTx, *, key_id: int, name_digest: str) -> None:
    """Keep only that an answer was given, and with which status."""
    tx.run("clear_response", key=key_id, name_digest=name_digest)


def digest(tx: Tx, text: bytes) -> str:
    """What stands for a name or a request, and tells it to nobody."""
    return blake2b(text, key=tx.erasure_key, digest_size=16, person=b"replay").hexdigest()
