"""Every way a call can fail: the errors of the server under the server's names, and a few of the client.

The class of an error response is found by its ``error_code``, or by its status if the code is unknown. No requests.
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
_RETRYABLE = frozenset({429, 502, 503, 504})
"""Statuses that are retryable if the response does not say."""


class DaftariError(Exception):
    """The base class. ``code`` is a stable name for programs, ``message`` a sentence for people.

    ``status`` is ``None`` if there was no response. ``errors`` maps the dotted path of each wrong field to sentences.
    ``retry_after_seconds`` is the pause that the server asked for, if it did.
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


# ---- of the client ----------------------------------------------------------------------------------


class ConnectionFailed(DaftariError):
    """No response: the server was not reached, was too slow, or closed the connection. ``__cause__`` has details."""

    code = "CONNECTION_FAILED"


class CutShort(ConnectionFailed):
    """A response ended too early. What arrived is right but incomplete."""

    code = "CUT_SHORT"


class UnexpectedAnswer(DaftariError):
    """The call succeeded, but its response cannot be read."""

    code = "UNEXPECTED_ANSWER"


class WaitedTooLong(DaftariError):
    """``wait`` gave up after its ``timeout_seconds``. The import or export continues."""

    code = "WAITED_TOO_LONG"


# ---- of the server ----------------------------------------------------------------------------------


class Malformed(DaftariError):
    """The request cannot be read, for example because its JSON is broken."""

    code = "MALFORMED"


class BodyStalled(DaftariError):
    """The body of the request stopped arriving before its end."""

    code = "BODY_STALLED"


class Unauthenticated(DaftariError):
    """The key is missing, unknown, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forged(DaftariError):
    """The token or the signature of an inbound request is wrong."""

    code = "FORGED"


class WrongProject(DaftariError):
    """The project named is not the project of the key."""

    code = "WRONG_PROJECT"


class ReadOnlyKey(DaftariError):
    """A write with a key of kind ``read``; it needs one of kind ``write`` or ``manage``."""

    code = "READ_ONLY_KEY"


class ManageKeyRequired(DaftariError):
    """A call that needs a key of kind ``manage``, with a key of a lesser kind."""

    code = "MANAGE_KEY_REQUIRED"


class NotFound(DaftariError):
    """What the request names does not exist in this project."""

    code = "NOT_FOUND"


class RouteNotFound(NotFound):
    """The path does not exist: the base URL is wrong, or the server lacks this call."""

    code = "ROUTE_NOT_FOUND"


class ContactNotFound(NotFound):
    """No contact has this id or mobile. ``opt_out_recorded``: a delete recorded the opt-out anyway."""

    code = "CONTACT_NOT_FOUND"
    opt_out_recorded = False


class GroupNotFound(NotFound):
    """No group has this name."""

    code = "GROUP_NOT_FOUND"


class AudienceNotFound(NotFound):
    """No frozen audience has this id, or it has expired."""

    code = "AUDIENCE_NOT_FOUND"


class ReviewNotFound(NotFound):
    """No review has this id."""

    code = "REVIEW_NOT_FOUND"


class TokenNotFound(NotFound):
    """No inbound token begins with these characters."""

    code = "TOKEN_NOT_FOUND"


class ExportNotFound(NotFound):
    """No export has this id, or it has expired."""

    code = "EXPORT_NOT_FOUND"


class CampaignNotFound(NotFound):
    """No campaign has this id."""

    code = "CAMPAIGN_NOT_FOUND"


class TriggerNotFound(NotFound):
    """No trigger has this id."""

    code = "TRIGGER_NOT_FOUND"


class MessageNotFound(NotFound):
    """No message has this id."""

    code = "MESSAGE_NOT_FOUND"


class SenderNotFound(NotFound):
    """No sender has this id."""

    code = "SENDER_NOT_FOUND"


class WebhookNotFound(NotFound):
    """No webhook has this id."""

    code = "WEBHOOK_NOT_FOUND"


class ConnectionNotFound(NotFound):
    """No connection has this id."""

    code = "CONNECTION_NOT_FOUND"


class ImportNotFound(NotFound):
    """No import has this id, or it has expired."""

    code = "IMPORT_NOT_FOUND"


class ProjectNotFound(NotFound):
    """No project has this name."""

    code = "PROJECT_NOT_FOUND"


class KeyNotFound(NotFound):
    """No key begins with these characters."""

    code = "KEY_NOT_FOUND"


class MethodNotAllowed(DaftariError):
    """The path exists, but not with this method."""

    code = "METHOD_NOT_ALLOWED"


class Conflict(DaftariError):
    """The request is valid, but contradicts what is stored."""

    code = "CONFLICT"


class WrongCampaignState(Conflict):
    """The campaign is in a state in which this cannot be done."""

    code = "WRONG_CAMPAIGN_STATE"


class CampaignCountChanged(Conflict):
    """The campaign would reach another number of people than expected, and did not start."""

    code = "CAMPAIGN_COUNT_CHANGED"


class MobileTaken(Conflict):
    """Another contact has the number."""

    code = "MOBILE_TAKEN"


class AmbiguousContact(Conflict):
    """The digits are the id of one contact and the mobile of another. Write the mobile with a plus."""

    code = "AMBIGUOUS_CONTACT"


class GroupTaken(Conflict):
    """Another group has this name; upper and lower case are the same."""

    code = "GROUP_TAKEN"


class GroupIsMirrored(Conflict):
    """A connection keeps the group in step, and alone decides who is in it. Name another group, or change it there."""

    code = "GROUP_IS_MIRRORED"


class SenderTaken(Conflict):
    """Another sender of the channel has this name; upper and lower case are the same."""

    code = "SENDER_TAKEN"


class SendersFull(Conflict):
    """The project has as many senders as it may have. Delete one."""

    code = "SENDERS_FULL"


class WebhooksFull(Conflict):
    """The project has as many webhooks as it may have. Delete one."""

    code = "WEBHOOKS_FULL"


class ConnectionNameTaken(Conflict):
    """Another connection has this name; upper and lower case are the same."""

    code = "CONNECTION_NAME_TAKEN"


class ConnectionsFull(Conflict):
    """The project has as many connections as it may have. Remove one."""

    code = "CONNECTIONS_FULL"


class WrongConnectionState(Conflict):
    """The connection's state does not allow this. The message names the state."""

    code = "CONNECTION_STATE"


class TokenOfSender(Conflict):
    """The inbound address belongs to a sender, which it follows."""

    code = "TOKEN_OF_SENDER"


class TokenOfConnection(Conflict):
    """The inbound address belongs to a connection, which it follows."""

    code = "TOKEN_OF_CONNECTION"


class TriggersFull(Conflict):
    """The project has as many triggers as it may have. Delete one."""

    code = "TRIGGERS_FULL"


class SenderBusy(Conflict):
    """Messages or campaigns wait for the sender, or triggers send with it, so that it cannot be deleted."""

    code = "SENDER_BUSY"


class ReviewSettled(Conflict):
    """The review was already settled otherwise."""

    code = "REVIEW_SETTLED"


class IdempotencyInProgress(Conflict):
    """A request with the same Idempotency-Key is still running. Send this one again later."""

    code = "IDEMPOTENCY_IN_PROGRESS"


class AnswerErased(Conflict):
    """The write was done earlier. Its response is gone, because it named a person who was erased."""

    code = "ANSWER_ERASED"


class ExportNotReady(Conflict):
    """The export is not done yet."""

    code = "EXPORT_NOT_READY"


class ExportFailed(Conflict):
    """The export failed, so there is no file. The message says why."""

    code = "EXPORT_FAILED"


class ExportsFull(Conflict):
    """The project has as many exports as it may keep. Delete one."""

    code = "EXPORTS_FULL"


class WrongImportState(Conflict):
    """The import is in a state that does not allow this. The message names the state."""

    code = "IMPORT_STATE"


class ProjectTaken(Conflict):
    """Another project has this name; upper and lower case are the same."""

    code = "PROJECT_TAKEN"


class FeedReset(DaftariError):
    """The feed does not continue there: read the contacts again. ``epoch``, ``oldest`` and ``last`` describe it."""

    code = "FEED_RESET"
    epoch: str | None = None
    oldest: int | None = None
    last: int | None = None


class TooLarge(DaftariError):
    """The body is larger than the limit of the call."""

    code = "TOO_LARGE"


class UnsupportedMedia(DaftariError):
    """The call does not read bodies of this type."""

    code = "UNSUPPORTED_MEDIA"


class ValidationFailed(DaftariError):
    """Fields are wrong; ``errors`` names all of them."""

    code = "VALIDATION_FAILED"


class IdempotencyKeyReused(ValidationFailed):
    """The Idempotency-Key was used for another request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class PreconditionFailed(DaftariError):
    """The contact is not the version that ``if_match`` names."""

    code = "PRECONDITION_FAILED"


class UnreadableFile(DaftariError):
    """The file is not a contact list, or is not safe to read. The message says what would be right."""

    code = "UNREADABLE_FILE"


class TooManyRequests(DaftariError):
    """The key has made more calls than the service allows."""

    code = "TOO_MANY_REQUESTS"


class Crashed(DaftariError):
    """An unexpected error of the server. Its log has it under ``request_id``."""

    code = "INTERNAL"


class BadSettings(DaftariError):
    """A setting of the server is wrong."""

    code = "BAD_SETTINGS"


class SealBroken(BadSettings):
    """A stored secret cannot be read: it was sealed with another secret of the service."""

    code = "SEAL_BROKEN"


class SchemaMismatch(DaftariError):
    """The database of the server has the schema of another version."""

    code = "SCHEMA_MISMATCH"


class StoreBusy(DaftariError):
    """Other writes are running. The same call may succeed later."""

    code = "BUSY"


class StoreUnavailable(StoreBusy):
    """The database does not answer, is full, is read-only, or was moved."""

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
"""The class of a response whose code is missing or unknown."""


# ---- from a response --------------------------------------------------------------------------------


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> DaftariError:
    """The error that a response reports. ``headers`` are looked up by lower-case names; the body may be anything."""
    members = _read_object(body)
    code = _if_type(members.get("error_code"), str)
    by_code = next((kind for kind in _error_classes() if kind.code == code), None)
    retryable = _if_type(members.get("retryable"), bool)
    error = (by_code or _BY_STATUS.get(status, DaftariError))(
        _if_type(members.get("message"), str) or _describe(status, body),
        code=code,
        status=status,
        retryable=status in _RETRYABLE if retryable is None else retryable,
        request_id=_if_type(members.get("request_id"), str) or headers.get("x-request-id"),
        errors=_read_field_errors(members.get("errors")),
        retry_after_seconds=_read_retry_after(headers),
    )
    if isinstance(error, ContactNotFound):
        error.opt_out_recorded = members.get("opt_out") == "recorded"
    if isinstance(error, FeedReset):
        error.epoch = _if_type(members.get("epoch"), str)
        error.oldest = _if_type(members.get("oldest"), int)
        error.last = _if_type(members.get("last"), int)
    return error


def _error_classes(root: type[DaftariError] = DaftariError) -> Iterator[type[DaftariError]]:
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            yield child
            yield from _error_classes(child)


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        members = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


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
        str(field): [str(each) for each in (sentences if isinstance(sentences, list) else [sentences])]
        for field, sentences in errors.items()
    }


def _read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. The header has seconds or a date, and a date is compared with the ``Date`` of the same response."""
    written = headers.get("retry-after", "").strip()
    if not written:
        return None
    if written.isascii() and written.isdigit():
        return float(written)
    until, now = _read_date(written), _read_date(headers.get("date", "")) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _read_date(written: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(written)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
