"""The Python client's errors are the server's, by code and by family, and it can read any response."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari import errors as served
from daftari.web import errors as web_errors
from daftari_client import errors
from tests.support.cases import each

SERVED = sorted(
    {
        found
        for module in (served, web_errors)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, served.DaftariError)
    },
    key=lambda found: found.code,
)


def _mirrored(code: str) -> type[errors.DaftariError]:
    found = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.DaftariError) and kind.code == code
    ]
    assert len(found) == 1, f"clients/python/src/daftari_client/errors.py has no class of its own for {code}"
    return found[0]


def _family(kind: type[Exception]) -> Iterator[str]:
    return (parent.__name__ for parent in kind.__mro__ if issubclass(parent, Exception))


@each("kind", SERVED, ids=lambda kind: kind.code)
def test_every_code_of_the_server_has_a_class_of_the_same_name_and_family(kind: type[served.DaftariError]) -> None:
    mirrored = _mirrored(kind.code)
    assert mirrored.__name__ == kind.__name__
    assert mirrored.__doc__
    assert set(_family(kind)) <= set(_family(mirrored))


@each("kind", SERVED, ids=lambda kind: kind.code)
def test_an_answer_is_the_class_of_its_code(kind: type[served.DaftariError]) -> None:
    body = b'{"message": "So.", "error_code": "%s", "retryable": true, "request_id": "r1"}' % kind.code.encode()
    error = errors.read_error(418, {}, body)
    assert (type(error).__name__, error.code, error.message, error.status) == (kind.__name__, kind.code, "So.", 418)
    assert error.retryable and error.request_id == "r1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Malformed),
        (401, errors.Unauthenticated),
        (403, errors.DaftariError),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.ValidationFailed),
        (429, errors.TooManyRequests),
        (503, errors.StoreBusy),
        (502, errors.DaftariError),
        (799, errors.DaftariError),
    ],
)
def test_a_code_that_is_not_known_falls_back_to_the_status(status: int, kind: type[errors.DaftariError]) -> None:
    error = errors.read_error(status, {"x-request-id": "r2"}, b'{"error_code": "NEW_TO_US", "errors": {"a": "wrong"}}')
    assert type(error) is kind
    assert (error.code, error.status, error.request_id, error.errors) == ("NEW_TO_US", status, "r2", {"a": ["wrong"]})
    assert str(status) in error.message


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, b"<html> no such\n page", "The server answered 404 Not Found: <html> no such page"),
        (502, b"", "The server answered 502 Bad Gateway."),
        (799, b'["x"]', 'The server answered 799: ["x"]'),
        (
            500,
            b"\xff" + b"y" * 5_000,
            "The server answered 500 Internal Server Error: \N{REPLACEMENT CHARACTER}" + "y" * 499,
        ),
        (404, b'{"message": "No contact has this id."}', "No contact has this id."),
    ],
)
def test_an_error_quotes_the_api_or_else_the_beginning_of_the_body(status: int, body: bytes, message: str) -> None:
    assert errors.read_error(status, {}, body).message == message


@given(
    status=st.integers(100, 999),
    body=st.binary(max_size=50)
    | st.sampled_from([b"<html>", b"[]", b"null", b"[" * 5_000, b'{"message": 5, "error_code": [], "errors": 3}']),
    retry_after=st.text(max_size=5),
)
def test_every_response_can_be_read_as_an_error(status: int, body: bytes, retry_after: str) -> None:
    error = errors.read_error(status, {"retry-after": retry_after}, body)
    assert error.message and error.status == status
    assert error.retry_after_seconds is None or error.retry_after_seconds >= 0


def test_an_error_survives_being_sent_to_another_process() -> None:
    error = errors.read_error(404, {}, b'{"error_code": "CONTACT_NOT_FOUND", "opt_out": "recorded"}')
    copied = pickle.loads(pickle.dumps(error))
    assert isinstance(copied, errors.ContactNotFound)
    assert vars(copied) == vars(error)
