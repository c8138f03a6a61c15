"""The table of routes: which route a method and a path lead to, and what answers where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import DaftariError
from daftari.model.limits import BODY_BYTES_MAX, READ_BODY_BYTES_MAX
from daftari.web.responses import Response
from daftari.web.routing import Route, RouteMatch, Router

PATHS = {
    "/": "GET",
    "/v1/books": "GET POST",
    "/v1/books/new": "POST",
    "/v1/books/{number}": "GET PUT DELETE",
    "/v1/books/{number}/pages": "GET",
    "/v1/books/{number}/pages/{page}": "GET",
    "/v1/shelf/lost/{number}": "GET",
    "/v1/shelf/{kind}/{token}": "POST",
    "/v1/words/{word}": "GET",
    "/v1/words/{word}/uses": "POST",
}


def answer(request: object, **parameters: str) -> Response:
    return Response(200, b"")


TABLE = [(path, Route(method, path, answer, "open")) for path, methods in PATHS.items() for method in methods.split()]
ROUTER = Router(TABLE, prefix="/api", base="", spanning={"/v1/words/": ("/uses",)})


def answered(match: RouteMatch) -> Any:
    """The status of a refusal's error or response, and what it allows."""
    try:
        response = match.route.handler(None, **match.parameters)
    except DaftariError as error:
        return error.code, getattr(error, "allowed", None)
    return response.status, dict(response.headers).get("allow")


@pytest.mark.parametrize(
    ("path", "route", "parameters"),
    [
        ("/", "/", {}),
        ("/v1/books", "/v1/books", {}),
        ("/v1/books/", "/v1/books", {}),
        ("//v1/books/7", "/v1/books/{number}", {"number": "7"}),
        ("/v1/books/7", "/v1/books/{number}", {"number": "7"}),
        ("/v1/books//", "/v1/books/{number}", {"number": ""}),
        ("/v1/books/a b%2F/pages", "/v1/books/{number}/pages", {"number": "a b%2F"}),
        ("/v1/books/new/pages", "/v1/books/{number}/pages", {"number": "new"}),
        ("/v1/books/7/pages/8/", "/v1/books/{number}/pages/{page}", {"number": "7", "page": "8"}),
        ("/v1/shelf/lost/7", "/v1/shelf/lost/{number}", {"number": "7"}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
def test_a_path_leads_to_its_route(path: str, route: str, parameters: dict[str, str], prefix: str, method: str) -> None:
    match = ROUTER.match(method, prefix + path)
    assert (match.route.path, match.route.method, match.parameters) == (route, "GET", parameters)
    assert (match.prefix, match.path) == (prefix, ("/" + path.lstrip("/")).removesuffix("/"))


@given(st.text(max_size=20))
def test_a_spanning_segment_may_hold_anything_and_its_ends_are_not_part_of_it(word: str) -> None:
    match = ROUTER.match("POST", f"/v1/words/{word}/uses")
    # With nothing before it, the end is the word itself.
    expected = ("/v1/words/{word}/uses", {"word": word}) if word else ("", {"word": "/uses"})
    assert (match.route.path, match.parameters) == expected
    whole = ROUTER.match("GET", f"/v1/words/{word}.")
    assert (whole.route.path, whole.parameters) == ("/v1/words/{word}", {"word": f"{word}."})


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/v1", ("ROUTE_NOT_FOUND", None)),
        ("POST", "/v1/books/7/covers", ("ROUTE_NOT_FOUND", None)),
        ("GET", "/books", ("ROUTE_NOT_FOUND", None)),
        ("OPTIONS", "/nothing", ("ROUTE_NOT_FOUND", None)),
        ("GET", "/api", ("ROUTE_NOT_FOUND", None)),
        ("GET", "/v1/books/new", ("METHOD_NOT_ALLOWED", "OPTIONS, POST")),
        ("QUERY", "/v1/shelf/sms/t", ("METHOD_NOT_ALLOWED", "OPTIONS, POST")),
        ("BREW", "/v1/books/7", ("METHOD_NOT_ALLOWED", "GET, HEAD, QUERY, OPTIONS, PUT, DELETE")),
        ("OPTIONS", "/v1/books", (204, "GET, HEAD, QUERY, OPTIONS, POST")),
    ],
)
def test_where_there_is_no_route_one_answers_with_the_error(method: str, path: str, error: object) -> None:
    match = ROUTER.match(method, path)
    assert answered(match) == error
    assert (match.route.access, match.route.inline) == ("open", True)


@pytest.mark.parametrize("path", ["/nothing", "/v1/books/new"])
def test_a_body_without_a_route_is_limited_by_its_method(path: str) -> None:
    limits = {method: ROUTER.match(method, path).route.body.bytes_max for method in ("GET", "PUT", "DELETE")}
    assert limits == {"GET": READ_BODY_BYTES_MAX, "PUT": BODY_BYTES_MAX, "DELETE": READ_BODY_BYTES_MAX}
