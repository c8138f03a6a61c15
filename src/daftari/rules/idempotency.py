"""Idempotent writes: the first answer is kept with its effect in one transaction, and returned again for a day.

Errors without an effect are not kept, so that a corrected request may succeed. No HTTP.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daftari.errors import AnswerErased, IdempotencyKeyReused
from daftari.mobile import national_digits
from daftari.model.erasures import Person, Removed
from daftari.model.limits import REPLAY_HOURS
from daftari.rules.fields import NATIONAL_DIGITS_MIN, digits_in
from daftari.store import Tx, WriteTx, idempotency
from daftari.store.idempotency import StoredResponse

KEPT_MICROSECONDS = REPLAY_HOURS * 3_600_000_000
ROWS_PER_STEP = 1_000
"""Responses that one transaction deletes at most."""

Headers = tuple[tuple[str, str], ...]

_read_headers = msgspec.json.Decoder(Headers).decode


class IdempotentRequest(Struct, frozen=True):
    """A write to do once: who sent it, the text of its Idempotency-Key, and a digest of the request.

    ``key_id``: of the API key, or of the user; both are system ids, of which no two are equal.
    """

    key_id: int
    name: str
    fingerprint: bytes


class FirstResponse(Struct, frozen=True):
    """The response to the first request, which later ones get byte for byte."""

    status: int
    headers: Headers
    body: bytes


def find_response(tx: Tx, *, request: IdempotentRequest) -> FirstResponse | None:
    """The stored response, if there is one.

    Raises ``IdempotencyKeyReused`` when it belongs to a different request, and ``AnswerErased``.
    """
    kept = idempotency.find_response(tx, key_id=request.key_id, name=request.name)
    if kept is None or kept.at <= tx.now - KEPT_MICROSECONDS:
        return None
    if kept.fingerprint != idempotency.digest(tx, request.fingerprint):
        raise IdempotencyKeyReused
    if kept.body is None:
        raise AnswerErased(kept.status)
    return FirstResponse(kept.status, _read_headers(kept.headers), kept.body)


def save_response(tx: WriteTx, *, request: IdempotentRequest, response: FirstResponse) -> None:
    """Store a response in the transaction of its effect."""
    headers = msgspec.json.encode(response.headers).decode()
    fingerprint = idempotency.digest(tx, request.fingerprint)
    idempotency.save_response(
        tx,
        StoredResponse(fingerprint, tx.now, response.status, headers, response.body),
        key_id=request.key_id,
        name=request.name,
        names_numbers=len(digits_in(_text(response.body))) >= NATIONAL_DIGITS_MIN,
    )


def has_expired_replay(tx: Tx) -> bool:
    """Whether a stored response has expired."""
    return idempotency.find_old_end(tx, until=tx.now - KEPT_MICROSECONDS, limit=1) is not None


def expire_replays(tx: WriteTx) -> bool:
    """Delete some expired responses. Returns whether there were any."""
    last = idempotency.find_old_end(tx, until=tx.now - KEPT_MICROSECONDS, limit=ROWS_PER_STEP)
    if last is not None:
        idempotency.delete_responses(tx, last=last)
    return last is not None


def erase_person(tx: WriteTx, person: Person) -> Removed:
    """Delete the bodies of the responses that name the number, in any spelling."""
    digits = national_digits(person.mobile)
    named = [
        (key_id, name)
        for key_id, name, body in idempotency.walk_responses_naming_numbers(tx)
        if digits in digits_in(_text(body))
    ]
    for key_id, name in named:
        idempotency.clear_response(tx, key_id=key_id, name_digest=name)
    return {"kept_answers": len(named)}


def _text(body: bytes) -> str:
    return body.decode(errors="replace")
