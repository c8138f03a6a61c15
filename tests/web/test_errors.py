"""Errors on their way out: one shape with its keys in order, a status for each, and the headers that go with it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from daftari import errors
from daftari.errors import (
    ContactNotFound,
    DaftariError,
    StoreBusy,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
    ValidationFailed,
)
from daftari.model.limits import ERRORS_MAX
from daftari.rules.contacts import contacts
from daftari.web.errors import STATUS, MethodNotAllowed, render_json, status_of
from tests.support.cases import each
from tests.support.clients import Client, scope_of

SHAPE = ["message", "error_code", "retryable", "request_id"]


def all_errors(root: type[DaftariError] = DaftariError) -> list[type[DaftariError]]:
    return [found for child in root.__subclasses__() for found in (child, *all_errors(child))]


def rendered(error: DaftariError, *, accept: str | None = None) -> tuple[int, dict[str, str], Any]:
    headers = {} if accept is None else {"accept": accept}
    response = render_json(error, scope_of("GET", "/v1/contacts", headers), "r1")
    assert isinstance(response.body, bytes)
    sent = dict(response.headers) | {"content-type": str(response.media_type)}
    return response.status, sent, json.loads(response.body)


@each("error", all_errors(), ids=lambda error: error.__name__)
def test_every_class_of_error_has_a_status(error: type[DaftariError]) -> None:
    assert status_of(error) is not None, f"{error.__name__} has no line in the table, nor has a class above it"


def test_the_root_has_no_status_that_a_class_could_inherit_by_mistake() -> None:
    assert status_of(DaftariError) is None
    assert set(STATUS) <= {*all_errors()}


def test_an_error_has_four_members_in_order() -> None:
    status, headers, body = rendered(TooLarge("Too much."))
    assert status == 413
    assert headers == {"content-type": "application/json"}
    assert list(body.items()) == [
        ("message", "Too much."),
        ("error_code", "TOO_LARGE"),
        ("retryable", False),
        ("request_id", "r1"),
    ]


def test_wrong_fields_are_named_after_the_rest() -> None:
    status, _, body = rendered(ValidationFailed({"a": ["A is wrong."], "b": ["B is wrong.", "Very."]}))
    assert status == 422
    assert list(body) == [*SHAPE, "errors"]
    assert body["message"] == "A is wrong. (and 2 more errors)"
    assert body["errors"] == {"a": ["A is wrong."], "b": ["B is wrong.", "Very."]}


def test_only_so_many_wrong_fields_are_named() -> None:
    body = rendered(ValidationFailed({f"contacts.{n}.mobile": ["Wrong."] for n in range(ERRORS_MAX + 5)}))[2]
    assert len(body["errors"]) == ERRORS_MAX
    assert body["message"] == f"Wrong. (and {ERRORS_MAX + 4} more errors)"


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (Unauthenticated(), "www-authenticate", "Bearer"),
        (StoreBusy(retry_after_seconds=3), "retry-after", "3"),
        (StoreUnavailable("The disk is full.", retry_after_seconds=30), "retry-after", "30"),
        (MethodNotAllowed("GET, HEAD"), "allow", "GET, HEAD"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, DaftariError) else "",
)
def test_an_error_brings_its_header(error: DaftariError, name: str, value: str) -> None:
    assert rendered(error)[1][name] == value


def test_an_opt_out_without_a_contact_says_that_it_was_kept() -> None:
    assert rendered(ContactNotFound(opt_out_recorded=True))[2]["opt_out"] == "recorded"
    assert "opt_out" not in rendered(ContactNotFound())[2]


@pytest.mark.parametrize("accept", ["application/problem+json", "text/html, Application/Problem+JSON;q=0.5"])
def test_a_problem_is_the_same_body_with_more_members(accept: str) -> None:
    plain = rendered(Unauthenticated())[2]
    status, headers, body = rendered(Unauthenticated(), accept=accept)
    assert headers["content-type"] == "application/problem+json"
    more = {"type": "about:blank", "title": "Unauthorized", "status": status, "detail": plain["message"]}
    assert body == plain | more


# ---- on every path ----------------------------------------------------------------------------------


def test_an_unknown_path_is_an_error_like_any_other(client: Client) -> None:
    got = client.get("/v1/nothing", headers={"Accept": "text/html"})
    assert got.status == 404
    assert list(got.json()) == SHAPE
    assert got.json()["error_code"] == "ROUTE_NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/contacts", "GET, HEAD, QUERY, OPTIONS, POST"),
        ("POST", "/api/v1/contacts/1/", "GET, HEAD, QUERY, OPTIONS, PUT, PATCH, DELETE"),
        ("BREW", "/v1/health", "GET, HEAD, QUERY, OPTIONS"),
        ("GET", "/v1/groups/a%2Fb/contacts", "OPTIONS, POST, DELETE"),
    ],
)
def test_another_method_is_answered_with_what_is_allowed(client: Client, method: str, path: str, allowed: str) -> None:
    got = client.call(method, path)
    assert got.status == 405
    assert list(got.json()) == SHAPE
    assert set(got.headers["allow"].split(", ")) == set(allowed.split(", "))


def test_a_crash_is_logged_and_reveals_nothing(
    ana: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("a password")

    monkeypatch.setattr(contacts, "get_contact", crash)
    with caplog.at_level(logging.ERROR):
        got = ana.get("/v1/contacts/254725164293", query={"apiKey": "daf_secret"})
    assert got.status == 500
    assert list(got.json()) == SHAPE
    assert b"password" not in got.body
    assert got.json()["request_id"] in caplog.text
    assert "254725164293" not in caplog.messages[0]
    assert "daf_secret" not in caplog.text


def test_errors_are_reported_in_one_order(client: Client, ana: Client, ben: Client) -> None:
    """What cannot be read, then the key, then the project, then what the key may do, then the fields."""
    wrong = {"project": "Kalro", "group": 5}
    assert client.post("/v1/contacts", body=b"{").status == 400
    assert client.post("/v1/contacts", wrong).json()["error_code"] == "UNAUTHENTICATED"
    assert ben.post("/v1/contacts", wrong).json()["error_code"] == "WRONG_PROJECT"
    assert ben.post("/v1/contacts", {"group": 5}).json()["error_code"] == "READ_ONLY_KEY"
    assert ana.post("/v1/contacts", {"group": 5, "results": 7}).json()["errors"].keys() == {
        "group",
        "results",
        "contacts",
    }


def test_errors_have_codes_of_their_own() -> None:
    ours = [error for error in all_errors() if error.__module__ in (errors.__name__, "daftari.web.errors")]
    assert len({error.code for error in ours}) == len(ours)


def test_options_shows_what_is_allowed(client: Client) -> None:
    answer = client.send("OPTIONS", "/v1/contacts", [], None)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, QUERY, OPTIONS, POST"
