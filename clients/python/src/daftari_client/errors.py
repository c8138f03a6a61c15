"""Every way a call can fail: the server's errors under the server's own names, and the few that are the client's.

An answer becomes a class by its ``error_code``; one that is not known here, or comes from another service, by its
status. This module must not know how anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

TEXT_BYTES_MAX = 500
"""How much of an unknown body an error quotes."""
_TRY_AGAIN = frozenset({429, 502, 503, 504})
"""Statuses that are worth another try when the answer itself does not say."""


class DaftariError(Exception):
    """The root. ``code`` is a stable name for programs, ``message`` a sentence for people.

    ``status`` is ``None`` when there was no answer. ``errors`` maps a wrong field's dotted path to its sentences.
    ``retry_after_seconds`` is what the server asked for, if it did.
    """

    code = "ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        request_id: str | None = None,
        errors: Mapping[str, list[str]] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status
        self.retryable = retryable
        self.request_id = request_id
        self.errors = dict(errors or {})
        self.retry_after_seconds = retry_after_seconds


# ---- the client's own -------------------------------------------------------------------------------


class ConnectionFailed(DaftariError):
    """No answer: the server was not reached, took too long, or hung up. ``__cause__`` is what the network said."""

    code = "CONNECTION_FAILED"


class CutShort(ConnectionFailed):
    """A stream ended before its last line. What came until then was right, and is not all."""

    code = "CUT_SHORT"


class UnexpectedAnswer(DaftariError):
    """The call went through, and its answer is not one that this call has."""

    code = "UNEXPECTED_ANSWER"


class WaitedTooLong(DaftariError):
    """What was waited for goes on, and the time given to wait is over."""

    code = "WAITED_TOO_LONG"


# ---- the server's -----------------------------------------------------------------------------------


class Malformed(DaftariError):
    """What was sent cannot be read at all."""

    code = "MALFORMED"


class BodyStalled(DaftariError):
    """The body stopped arriving before its end."""

    code = "BODY_STALLED"


class Unauthenticated(DaftariError):
    """No key, or one that is unknown, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forged(DaftariError):
    """An inbound request whose token or signature is not the provider's."""

    code = "FORGED"


class WrongProject(DaftariError):
    """The project named is not the one the key belongs to."""

    code = "WRONG_PROJECT"


class ReadOnlyKey(DaftariError):
    """A read-only key was used for a write."""

    code = "READ_ONLY_KEY"


class NotFound(DaftariError):
    """The thing named is not there, or is not this project's."""

    code = "NOT_FOUND"


class RouteNotFound(NotFound):
    """Nothing answers at this path: a wrong base URL, or a server that does not have this call."""

    code = "ROUTE_NOT_FOUND"


class ContactNotFound(NotFound):
    """No contact has this id or mobile. ``opt_out_recorded``: a delete kept the number's opt-out all the same."""

    code = "CONTACT_NOT_FOUND"
    opt_out_recorded = False


class GroupNotFound(NotFound):
    """No group has this name."""

    code = "GROUP_NOT_FOUND"


class AudienceNotFound(NotFound):
    """No frozen audience has this id, or not any more."""

    code = "AUDIENCE_NOT_FOUND"


class ReviewNotFound(NotFound):
    """Nothing with this id waits for a person's eye."""

    code = "REVIEW_NOT_FOUND"


class TokenNotFound(NotFound):
    """No inbound token begins with these characters."""

    code = "TOKEN_NOT_FOUND"


class ExportNotFound(NotFound):
    """No export has this id, or not any more."""

    code = "EXPORT_NOT_FOUND"


class ImportNotFound(NotFound):
    """No import has this id, or not any more."""

    code = "IMPORT_NOT_FOUND"


class ProjectNotFound(NotFound):
    """No project has this name."""

    code = "PROJECT_NOT_FOUND"


class KeyNotFound(NotFound):
    """No key begins with these characters."""

    code = "KEY_NOT_FOUND"


class MethodNotAllowed(DaftariError):
    """The path is right and the method is not."""

    code = "METHOD_NOT_ALLOWED"


class Conflict(DaftariError):
    """The request is sound and contradicts what is there."""

    code = "CONFLICT"


class MobileTaken(Conflict):
    """Another contact has the number."""

    code = "MOBILE_TAKEN"


class AmbiguousContact(Conflict):
    """The digits are one contact's id and another one's mobile; write the mobile with a plus."""

    code = "AMBIGUOUS_CONTACT"


class GroupTaken(Conflict):
    """Another group has this name, in some spelling."""

    code = "GROUP_TAKEN"


class ReviewSettled(Conflict):
    """A person has settled this otherwise already."""

    code = "REVIEW_SETTLED"


class IdempotencyInProgress(Conflict):
    """Another request with the same Idempotency-Key is at work; send this one again in a moment."""

    code = "IDEMPOTENCY_IN_PROGRESS"


class AnswerErased(Conflict):
    """The write was done before; its answer is not kept any more, since somebody whom it named was erased."""

    code = "ANSWER_ERASED"


class ExportNotReady(Conflict):
    """The worker has not finished the export's file."""

    code = "EXPORT_NOT_READY"


class ExportFailed(Conflict):
    """The export has no file and will have none."""

    code = "EXPORT_FAILED"


class ExportsFull(Conflict):
    """The project keeps as many exports as it may."""

    code = "EXPORTS_FULL"


class WrongImportState(Conflict):
    """An import is in a state in which this cannot be done with it."""

    code = "IMPORT_STATE"


class ProjectTaken(Conflict):
    """Another project has this name, in some spelling."""

    code = "PROJECT_TAKEN"


class TooLarge(DaftariError):
    """The body is larger than the limit of its call."""

    code = "TOO_LARGE"


class UnsupportedMedia(DaftariError):
    """The body is in a format that this call does not read."""

    code = "UNSUPPORTED_MEDIA"


class ValidationFailed(DaftariError):
    """Fields are wrong; ``errors`` names all of them."""

    code = "VALIDATION_FAILED"


class IdempotencyKeyReused(ValidationFailed):
    """The Idempotency-Key came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"


class PreconditionFailed(DaftariError):
    """The contact is no more what ``If-Match`` says."""

    code = "PRECONDITION_FAILED"


class UnreadableFile(DaftariError):
    """A file is no file of people, or cannot be read safely. The message says what would be right."""

    code = "UNREADABLE_FILE"


class UnreadableMobile(DaftariError):
    """What was written is no telephone number."""

    code = "UNREADABLE_MOBILE"


class TooManyRequests(DaftariError):
    """More calls than the service takes from one key."""

    code = "TOO_MANY_REQUESTS"


class Crashed(DaftariError):
    """Something nobody foresaw. The server's log knows it by ``request_id``."""

    code = "INTERNAL"


class BadSettings(DaftariError):
    """A setting of the server is wrong."""

    code = "BAD_SETTINGS"


class SchemaMismatch(DaftariError):
    """The server's database is of another version."""

    code = "SCHEMA_MISMATCH"


class StoreBusy(DaftariError):
    """Others are writing; the same call may go through later."""

    code = "BUSY"


class StoreUnavailable(StoreBusy):
    """The server's database does not answer, is full, is read-only, or was moved away."""

    code = "STORE_UNAVAILABLE"


_BY_STATUS: dict[int, type[DaftariError]] = {
    400: Malformed,
    401: Unauthenticated,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    415: UnsupportedMedia,
    422: ValidationFailed,
    429: TooManyRequests,
    500: Crashed,
    503: StoreBusy,
}
"""What an answer is that names no code, or one that is not known here."""


# ---- from an answer ---------------------------------------------------------------------------------


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> DaftariError:
    """The error of an answer. ``headers`` have lower-case names. Anything may be in the body, HTML too."""
    said = _object(body)
    code = _if_type(said.get("error_code"), str)
    found = next((known for known in _error_classes() if known.code == code), None) or _BY_STATUS.get(
        status, DaftariError
    )
    told = _if_type(said.get("retryable"), bool)
    error = found(
        _if_type(said.get("message"), str) or _describe(status, body),
        code=code,
        status=status,
        retryable=status in _TRY_AGAIN if told is None else told,
        request_id=_if_type(said.get("request_id"), str) or headers.get("x-request-id"),
        errors=_read_field_errors(said.get("errors")),
        retry_after_seconds=_retry_after(headers),
    )
    if isinstance(error, ContactNotFound):
        error.opt_out_recorded = said.get("opt_out") == "recorded"
    return error


def _error_classes(root: type[DaftariError] = DaftariError) -> Iterator[type[DaftariError]]:
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            yield child
            yield from _error_classes(child)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _if_type(value: object, wanted: type[T]) -> T | None:
    return value if isinstance(value, wanted) else None


def _describe(status: int, body: bytes) -> str:
    """The status, and the beginning of a body that is not an error of the API."""
    phrase = f" {HTTPStatus(status).phrase}" if status in HTTPStatus._value2member_map_ else ""
    text = " ".join(body[:TEXT_BYTES_MAX].decode(errors="replace").split())
    return f"The server answered {status}{phrase}" + (f": {text}" if text else ".")


def _read_field_errors(errors: object) -> dict[str, list[str]]:
    if not isinstance(errors, dict):
        return {}
    return {
        str(field): [str(each) for each in (told if isinstance(told, list) else [told])]
        for field, told in errors.items()
    }


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, whether the header has seconds or a date. A date is compared to the server's own ``Date``."""
    written = headers.get("retry-after", "").strip()
    if not written:
        return None
    if written.isascii() and written.isdigit():
        return float(written)
    until, now = _date(written), _date(headers.get("date", "")) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(written: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(written)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
