"""Cookies: their names and attributes, and that only what this service writes is read."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daftari.rules.access.tokens import write_token
from daftari.web.cookies import name_cookies, read_cookie
from tests.support.cases import each
from tests.support.clients import scope_of

NAMES = name_cookies("0123456789abcdef", insecure=False)


def headers(cookie: str) -> Any:
    return scope_of("GET", "/", {"cookie": cookie}).headers


def test_a_cookie_is_of_this_host_alone_and_of_no_script() -> None:
    assert NAMES.session == "__Host-daftari_01234567"
    assert NAMES.write(NAMES.session, "x", seconds=60) == (
        "set-cookie",
        "__Host-daftari_01234567=x; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
    )


def test_over_plain_http_the_names_are_others_and_the_cookies_not_secure() -> None:
    insecure = name_cookies("0123456789abcdef", insecure=True)
    assert insecure.session == "daftari_01234567"
    assert insecure.write(insecure.session, "", seconds=0)[1] == (
        "daftari_01234567=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    )


def test_two_services_and_a_visitor_have_cookies_of_their_own() -> None:
    other = name_cookies("fedcba9876543210", insecure=False)
    assert len({NAMES.session, NAMES.visitor, other.session, other.visitor}) == 4


@each(
    "cookie, value",
    [
        ("{name}=abc", "abc"),
        ("a=b; {name}=abc; c=d", "abc"),
        ("a=b;{name}=abc", "abc"),
        ("{name}=abc; {name}=def", "abc"),
        ("x{name}=abc", None),
        ("{name}", None),
        ("{name}=", None),
        ('{name}="abc"', None),
        ("{name}=a b", None),
        ("{name}=" + "a" * 129, None),
        ("", None),
        ("\u00e9; {name}=abc", None),
    ],
)
def test_only_a_value_of_ours_is_read(cookie: str, value: str | None) -> None:
    assert read_cookie(headers(cookie.replace("{name}", NAMES.session)), name=NAMES.session) == value


@given(st.text(max_size=200))
def test_any_header_is_read_without_an_error(cookie: str) -> None:
    read_cookie(headers(cookie), name=NAMES.session)


def test_a_token_is_read_as_it_was_written() -> None:
    token = write_token()
    assert read_cookie(headers(f"{NAMES.session}={token}"), name=NAMES.session) == token
