"""Errors as HTTP responses: one table from error to status, and how the API writes an error. Knows no route."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from itertools import islice

import msgspec

from daftari.errors import (
    BadSettings,
    BodyStalled,
    Conflict,
    ContactNotFound,
    DaftariError,
    ExportNotReady,
    FeedReset,
    Forged,
    IdempotencyInProgress,
    Malformed,
    ManageKeyRequired,
    NotFound,
    PreconditionFailed,
    ReadOnlyKey,
    SchemaMismatch,
    StoreBusy,
    TooLarge,
    Unauthenticated,
    UnreadableFile,
    UnsupportedMedia,
    ValidationFailed,
    WrongProject,
)
from daftari.model.limits import ERRORS_MAX
from daftari.rules.access import errors as users
from daftari.web.accept import names_type
from daftari.web.responses import JSON, Response
from daftari.web.rsgi import RsgiScope

PROBLEM = "application/problem+json"

ErrorRenderer = Callable[[DaftariError, RsgiScope, str], Response]
"""Writes an error for the sender of a request, given its head and its id: JSON for a program, or a page."""


class RouteNotFound(DaftariError):
    """Nothing answers at this path."""

    code = "ROUTE_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is nothing at this path; /docs lists what there is.")


class MethodNotAllowed(DaftariError):
    """The path is right and the method is not. ``allowed`` goes out as ``Allow``."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: str) -> None:
        is_spoofable = "POST" not in allowed and "PUT" in allowed
        more = " A _method in the body is not read: send PUT or DELETE itself." if is_spoofable else ""
        super().__init__(f"This path answers to {allowed}.{more}")
        self.allowed = allowed


class Crashed(DaftariError):
    """An exception that nothing handles. Its text is in the log, under the request's id, and never in the response."""

    code = "INTERNAL"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side; the log knows it by this request_id.")


STATUS: dict[type[DaftariError], int] = {
    Malformed: 400,
    BodyStalled: 400,
    Unauthenticated: 401,
    Forged: 401,
    WrongProject: 403,
    ReadOnlyKey: 403,
    ManageKeyRequired: 403,
    NotFound: 404,
    RouteNotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    FeedReset: 410,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    ValidationFailed: 422,
    UnreadableFile: 422,
    Crashed: 500,
    BadSettings: 500,
    SchemaMismatch: 503,
    StoreBusy: 503,
    users.SignedOut: 401,
    users.SignInRefused: 401,
    users.FormForged: 403,
    users.NotEncrypted: 403,
    users.RoleRequired: 403,
    users.OperatorRequired: 403,
    users.TooManyAttempts: 429,
}
"""A class stands for the classes under it that have no line of their own."""


def status_of(error: type[DaftariError]) -> int | None:
    """The status of an error class, or of the nearest class above it; ``None`` if there is none."""
    return next((STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS), None)


def render_json(error: DaftariError, scope: RsgiScope, request_id: str) -> Response:
    """An error of the API: plain JSON, or problem+json (RFC 9457) where ``Accept`` names it."""
    status = status_of(type(error)) or 500
    body: dict[str, object] = {
        "message": error.message,
        "error_code": error.code,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    if isinstance(error, ValidationFailed):
        body["errors"] = dict(islice(error.errors.items(), ERRORS_MAX))
    if isinstance(error, ContactNotFound) and error.opt_out_recorded:
        body["opt_out"] = "recorded"
    if isinstance(error, FeedReset):
        body |= {"epoch": error.epoch, "oldest": error.oldest, "last": error.last}
    media_type = JSON
    if names_type(scope.headers.get("accept"), PROBLEM):
        media_type = PROBLEM
        body |= {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": error.message}
    return Response(status, msgspec.json.encode(body), media_type, headers_of(error))


def headers_of(error: DaftariError) -> tuple[tuple[str, str], ...]:
    """What an error says in headers, to programs and browsers alike."""
    match error:
        case Unauthenticated():
            return (("www-authenticate", "Bearer"),)
        case StoreBusy() | ExportNotReady() | IdempotencyInProgress() | users.TooManyAttempts():
            return (("retry-after", str(error.retry_after_seconds)),)
        case MethodNotAllowed():
            return (("allow", error.allowed),)
        case _:
            return ()
