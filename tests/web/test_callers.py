"""Who sends a request: what is believed of which proxy, whatever the headers say, and which forms are our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from daftari.web.callers import Caller, find_caller, is_same_origin, read_networks
from tests.support.cases import each

PROXIES = read_networks(["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"])
PROXY, CLIENT = "10.0.0.5", "198.51.100.7"


class Headers(Struct):
    """As Granian's: lines by lower-case name, of which those that are not ASCII are there and have no value."""

    lines: Sequence[tuple[str, str]]

    def __contains__(self, name: object) -> bool:
        return any(name == found for found, _ in self.lines)

    def get(self, name: str, default: str | None = None) -> str | None:
        found = [value for line, value in self.lines if line == name]
        return found[0] if found and found[0].isascii() else default

    def get_all(self, name: str) -> list[str]:
        return [value for line, value in self.lines if line == name and value.isascii()]


class Scope(Struct):
    client: str
    headers: Headers
    scheme: str = "http"
    server: str = "127.0.0.1:8000"
    authority: str | None = None


def caller(
    peer: str = PROXY, *lines: tuple[str, str], public_url: str | None = None, host: str = "book.example", **head: Any
) -> Caller:
    client = f"[{peer}]:4321" if ":" in peer else f"{peer}:4321"
    scope: Any = Scope(client, Headers([("host", host), *lines]), **head)
    return find_caller(scope, public_url=public_url, trusted=PROXIES)


def said_for(*values: str) -> list[tuple[str, str]]:
    return [("x-forwarded-for", value) for value in values]


# ---- the address ----------------------------------------------------------------------------------------


@each(
    "values, address",
    [
        ([CLIENT], CLIENT),
        ([f"{CLIENT}:5555"], CLIENT),
        (["[2001:db8::9]:5555"], "2001:db8::9"),
        (["2001:DB8:0::9"], "2001:db8::9"),
        (["::ffff:198.51.100.7"], CLIENT),
        (["6.6.6.6, 198.51.100.7"], CLIENT),
        (["6.6.6.6", "198.51.100.7"], CLIENT),
        (["6.6.6.6, 198.51.100.7, 10.9.9.9"], CLIENT),
        (["6.6.6.6", "198.51.100.7, 10.9.9.9", "fd00::1"], CLIENT),
        (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ([], PROXY),
        ([""], PROXY),
        (["unknown"], PROXY),
        (["_hidden, 10.7.7.7"], "10.7.7.7"),
        (["6.6.6.6, not an address"], PROXY),
        (["6.6.6.6, "], PROXY),
        (["6.6.6.6,,10.7.7.7"], "10.7.7.7"),
        (["999.1.1.1"], PROXY),
        (["6.6.6.6, <script>"], PROXY),
        (["\u00e9, 198.51.100.7"], PROXY),
        (["\u00e9", "198.51.100.7"], CLIENT),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_no_proxy(values: list[str], address: str) -> None:
    assert caller(PROXY, *said_for(*values)).address == address


@given(st.lists(st.text(max_size=30), max_size=4))
def test_whatever_a_client_writes_the_proxy_s_word_stands(written: list[str]) -> None:
    plain = [text for text in written if text.isascii()]
    assert caller(PROXY, *said_for(*plain, CLIENT)).address == CLIENT
    assert caller(PROXY, *said_for(", ".join([*plain, CLIENT]))).address == CLIENT


@each("peer", ["198.51.100.9", "2001:db8::1", "11.0.0.1"])
def test_who_is_no_proxy_is_not_believed(peer: str) -> None:
    headers = [*said_for("6.6.6.6"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")]
    found = caller(peer, *headers, ("forwarded", "for=6.6.6.6;proto=https"))
    assert (found.address, found.scheme, found.host) == (peer, "http", "book.example")


def test_without_a_proxy_that_is_named_none_is_believed() -> None:
    scope: Any = Scope(f"{PROXY}:1", Headers([("host", "x"), *said_for("6.6.6.6")]))
    assert find_caller(scope, public_url=None, trusted=()).address == PROXY


def test_a_peer_on_both_kinds_of_addresses_is_one() -> None:
    assert caller("::ffff:10.0.0.5", *said_for(CLIENT)).address == CLIENT


# ---- the scheme and the host ----------------------------------------------------------------------------


@each(
    "values, scheme",
    [
        (["https"], "https"),
        (["HTTPS"], "https"),
        (["http"], "http"),
        (["https, http"], "http"),
        (["http, https"], "https"),
        (["https", "http"], "http"),
        (["ftp"], "http"),
        (["https;"], "http"),
        (["\u00e9"], "http"),
        ([], "http"),
    ],
)
def test_the_scheme_is_what_the_last_proxy_says(values: list[str], scheme: str) -> None:
    assert caller(PROXY, *[("x-forwarded-proto", value) for value in values]).scheme == scheme


@each(
    "values, host",
    [
        (["phone.example"], "phone.example"),
        (["evil.example, phone.example"], "phone.example"),
        (["PHONE.example:80"], "phone.example"),
        (["phone.example:8080"], "phone.example:8080"),
        (["phone.example/evil"], "book.example"),
        (["a\nb"], "book.example"),
        ([""], "book.example"),
    ],
)
def test_the_host_is_what_the_last_proxy_says(values: list[str], host: str) -> None:
    assert caller(PROXY, *[("x-forwarded-host", value) for value in values]).host == host


def test_the_public_url_wins_over_every_header() -> None:
    lines = [("x-forwarded-proto", "http"), ("x-forwarded-host", "evil.example")]
    found = caller(PROXY, *lines, public_url="https://Phone.Example:443/daftari", host="evil.example")
    assert (found.scheme, found.host, found.origin) == ("https", "phone.example", "https://phone.example")


@each("host", ["", "evil\r\nx", "a b", "<script>"])
def test_a_host_that_is_none_is_that_of_the_service(host: str) -> None:
    assert caller("198.51.100.9", host=host).host == "127.0.0.1:8000"


# ---- where a password may be given ----------------------------------------------------------------------


@each(
    "peer, host, may",
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "LOCALHOST:9000", True),
        ("127.0.0.1", "book.localhost", True),
        ("::1", "[::1]:8000", True),
        ("127.8.8.8", "127.8.8.8", True),
        ("127.0.0.1", "book.example", False),
        ("127.0.0.1", "localhost.example", False),
        ("127.0.0.1", "192.0.2.7:8000", False),
        ("198.51.100.9", "localhost:8000", False),
    ],
)
def test_a_proxy_on_this_machine_that_does_not_say_that_it_is_one_is_known_by_the_host(
    peer: str, host: str, may: bool
) -> None:
    assert caller(peer, host=host).may_give_password(insecure_cookies=False) == may


@each(
    "peer, lines, public_url, may",
    [
        ("198.51.100.9", [], None, False),
        ("10.0.0.5", [], None, False),
        ("127.0.0.1", said_for(CLIENT), None, False),
        ("127.0.0.1", said_for("127.0.0.1"), None, False),
        ("127.0.0.1", said_for("\u00e9"), None, False),
        ("127.0.0.1", [("forwarded", "for=127.0.0.1")], None, False),
        ("::1", said_for(CLIENT), None, False),
        ("198.51.100.9", said_for("127.0.0.1"), None, False),
        ("198.51.100.9", [("x-forwarded-proto", "https")], None, False),
        ("127.0.0.1", [*said_for(CLIENT), ("x-forwarded-proto", "https")], None, True),
        ("198.51.100.9", [], "https://book.example", True),
        ("198.51.100.9", [], "http://book.example", False),
    ],
)
def test_a_password_is_asked_for_over_https_or_on_this_machine(
    peer: str, lines: list[tuple[str, str]], public_url: str | None, may: bool
) -> None:
    found = caller(peer, *lines, public_url=public_url)
    assert found.may_give_password(insecure_cookies=False) == may
    assert found.may_give_password(insecure_cookies=True)


# ---- forms ----------------------------------------------------------------------------------------------


@each(
    "lines, is_ours",
    [
        ([("origin", "https://book.example")], True),
        ([("origin", "https://book.example"), ("sec-fetch-site", "cross-site")], True),
        ([("origin", "http://book.example")], False),
        ([("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], False),
        ([("origin", "https://book.example.evil.example")], False),
        ([("origin", "https://book.example:8443")], False),
        ([("origin", "null")], False),
        ([("origin", "null"), ("sec-fetch-site", "same-origin")], True),
        ([("origin", "null"), ("sec-fetch-site", "same-site")], False),
        ([("origin", "\u00e9"), ("sec-fetch-site", "same-origin")], False),
        ([("sec-fetch-site", "same-origin")], True),
        ([("sec-fetch-site", "none")], False),
        ([("sec-fetch-site", "cross-site")], False),
        ([("referer", "https://book.example/")], False),
        ([], False),
    ],
)
def test_a_form_is_taken_from_our_own_pages_alone(lines: list[tuple[str, str]], is_ours: bool) -> None:
    assert is_same_origin(Headers(lines), origin="https://book.example") == is_ours


@each("written", ["10.0.0.5/8", "proxy.intra", "10.0.0.0/33", ""])
def test_what_is_no_network_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        read_networks([written])
