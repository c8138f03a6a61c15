"""One call to a webhook: signed by Standard Webhooks, and what its answer means. No network, no SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from standardwebhooks import Webhook

from daftari.errors import quote
from daftari.model.secrets import Secret
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult
from daftari.rules.feed import ChangeView, FeedPlace

CALL_SECONDS = 15.0
"""A whole call: name, connection, request and response."""
ANSWER_BYTES_MAX = 16 * 1024
"""Of an answer only the first words are looked at."""
GONE = 410

_DIGITS = re.compile(r"\+?\d[\d ().-]{4,}\d")
"""What may be a number: answers repeat what they were sent, and the log of deliveries names no one."""
_encode = msgspec.json.encode


class Attempt(Struct, frozen=True):
    """One attempt to deliver. ``fence``: under which it is recorded."""

    webhook_id: int
    fence: int
    url: str
    message_id: str
    body: bytes
    secrets: Sequence[Secret]


class Answer(Struct, frozen=True):
    """What came of an attempt. ``status``: 0 when there was no answer. ``error``: empty when it was delivered."""

    status: int
    error: str
    milliseconds: int
    retry_after_seconds: float | None = None


# ---- what is said ---------------------------------------------------------------------------------------


class _Message(Struct, frozen=True):
    """A body, as Standard Webhooks recommends it."""

    type: str
    timestamp: str
    data: object


class _Changes(Struct, frozen=True):
    webhook: int
    epoch: str
    changes: Sequence[ChangeView]


class _Reset(Struct, frozen=True):
    webhook: int
    epoch: str
    oldest: int
    last: int


class _Test(Struct, frozen=True):
    webhook: int


def write_changes(webhook_id: int, *, epoch: str, changes: Sequence[ChangeView]) -> bytes:
    """The body for some changes: the same bytes whenever it is written, unless a number was erased."""
    return _encode(_Message("feed.changes", changes[-1].at, _Changes(webhook_id, epoch, changes)))


def write_reset(webhook_id: int, *, epoch: str, place: FeedPlace, at: str) -> bytes:
    """The body that says that the feed does not continue, and where it begins and ends."""
    return _encode(_Message("feed.reset", at, _Reset(webhook_id, epoch, place.oldest, place.last)))


def write_test(webhook_id: int, *, at: str) -> bytes:
    """The body of a test."""
    return _encode(_Message("webhook.test", at, _Test(webhook_id)))


def compose_call(attempt: Attempt, *, now: int) -> OutboundRequest:
    """The request of an attempt, signed now with each secret."""
    body, seconds = attempt.body.decode(), now // 1_000_000
    at = datetime.fromtimestamp(seconds, UTC)
    signatures = [Webhook(str(secret)).sign(attempt.message_id, at, body) for secret in attempt.secrets]
    return OutboundRequest(
        method="POST",
        url=attempt.url,
        headers={
            "Content-Type": "application/json",
            "webhook-id": attempt.message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": " ".join(signatures),
        },
        body=attempt.body,
        total_seconds=CALL_SECONDS,
        response_bytes_max=ANSWER_BYTES_MAX,
    )


# ---- what is answered -----------------------------------------------------------------------------------


def read_answer(result: OutboundResult, *, milliseconds: int) -> Answer:
    """What came of a call. Only an answer of 2xx says that it was delivered."""
    if not isinstance(result, OutboundResponse):
        return Answer(0, result.message, milliseconds)
    status = result.status
    if 200 <= status <= 299:
        error = ""
    elif 300 <= status <= 399:
        error = f"It answered {status}, a redirect, which is not followed: set the url to where it leads."
    else:
        said = _DIGITS.sub("…", result.body.decode(errors="replace")).strip()
        error = f"It answered {status}: {quote(said)}" if said else f"It answered {status}."
    return Answer(status, error, milliseconds, result.retry_after_seconds)
