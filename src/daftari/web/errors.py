"""Errors become HTTP here, and nowhere else: one table from error to status, and one shape of answer.

This room must not know where an error came from.
"""

from __future__ import annotations

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
    Forged,
    IdempotencyInProgress,
    Malformed,
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

Headers = list[tuple[str, str]]

PROBLEM = "application/problem+json"


class RouteNotFound(DaftariError):
    """Nothing answers at this path."""

    code = "ROUTE_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is nothing at this path; /docs lists what there is.")


class MethodNotAllowed(DaftariError):
    """The path is right and the method is not. ``allowed`` goes out as ``Allow``."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This path answers to {allowed}.")
        self.allowed = allowed


class Crashed(DaftariError):
    """Something nobody foresaw. What it was is in the log, under the request's id, and never in the answer."""

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
    NotFound: 404,
    RouteNotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    ValidationFailed: 422,
    UnreadableFile: 422,
    Crashed: 500,
    BadSettings: 500,
    SchemaMismatch: 503,
    StoreBusy: 503,
}
"""A class stands for the classes under it that have no line of their own."""


def status_of(error: type[DaftariError]) -> int | None:
    """The status of an error class, or of the nearest class above it; ``None`` if there is none."""
    return next((STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS), None)


def answer(error: DaftariError, *, request_id: str, accept: str | None) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an error."""
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
    media = "application/json"
    if accept is not None and PROBLEM in accept.lower():
        media = PROBLEM
        body |= {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": error.message}
    return status, [("content-type", media), *_headers(error)], msgspec.json.encode(body)


def _headers(error: DaftariError) -> Headers:
    match error:
        case Unauthenticated():
            return [("www-authenticate", "Bearer")]
        case StoreBusy() | ExportNotReady() | IdempotencyInProgress():
            return [("retry-after", str(error.retry_after_seconds))]
        case MethodNotAllowed():
            return [("allow", error.allowed)]
        case _:
            return []
