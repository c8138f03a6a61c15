"""Requests that an operator describes: filled in safely, and answers that mean what the operator said."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.gateways import SENDING_GATEWAYS
from daftari.gateways.request_templates import PLACE, contains, find_by_pointer
from tests.conftest import ROOT
from tests.support.sending import AKINYI, REPORTS, SECRET, account, answer, composed, message, outcomes

GENERIC = SENDING_GATEWAYS["generic"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
NASTY = '"}, "to": "254700000000\\\n\r\t\x00&to=1#?/../{{key}} {{ text }} <a> %00 ’'


def send(text: str, **settings: str):
    return composed("generic", message(text=text), settings=settings)


# ---- what is sent -------------------------------------------------------------------------------------


def test_a_request_is_what_the_operator_described() -> None:
    request = composed("generic", message())
    assert (request.method, request.url) == ("POST", "https://sms.example/send")
    assert request.headers == {
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": f"Bearer {SECRET}",
        "Idempotency-Key": "1-1-1",
    }
    assert json.loads(request.body) == {"to": "+254722000001", "text": "Habari & karibu", "ref": "1-1-1"}


def test_every_place_has_its_value() -> None:
    names = (
        *("id", "to", "to_no_plus", "from", "channel", "purpose", "keyword", "parts", "valid_seconds", "link_id"),
        *("template", "language", "text", "key", "user", "password", "reports_url"),
    )
    body = json.dumps({name: f"{{{{ {name} }}}}" for name in names})[:-1] + ', "params": {{params}}}'
    sent = message(valid_seconds=60, link_id="L", template="t", language="sw", params=('a"', "b"), parts=2)
    found = json.loads(composed("generic", sent, keyword="PESA", settings={"body": body}).body)
    assert found == {
        "id": "1-1-1",
        "to": "+254722000001",
        "to_no_plus": "254722000001",
        "from": "DUKA",
        "channel": "sms",
        "purpose": "marketing",
        "keyword": "PESA",
        "parts": "2",
        "valid_seconds": "60",
        "link_id": "L",
        "template": "t",
        "language": "sw",
        "text": "Habari & karibu",
        **dict.fromkeys(("key", "user", "password"), SECRET),
        "reports_url": f"{REPORTS}?id=1-1-1",
        "params": ['a"', "b"],
    }


@given(TEXT | st.just(NASTY))
def test_no_text_leaves_its_place_in_json(text: str) -> None:
    found = json.loads(send(text, body='{"a": {"to": "{{to}}", "text": "x {{text}} y"}, "n": {{to_no_plus}}}').body)
    assert found == {"a": {"to": "+254722000001", "text": f"x {text} y"}, "n": AKINYI}


@given(TEXT | st.just(NASTY))
def test_no_text_leaves_its_place_in_a_form(text: str) -> None:
    form = "application/x-www-form-urlencoded"
    request = send(text, body="to={{to}}&text={{text}}&from={{from}}", content_type=form)
    assert parse_qsl(request.body.decode(), keep_blank_values=True) == [
        ("to", "+254722000001"),
        ("text", text),
        ("from", "DUKA"),
    ]


@given(TEXT | st.just(NASTY))
def test_no_text_leaves_its_place_in_a_url(text: str) -> None:
    request = send(text, method="GET", url="https://sms.example/a/{{to}}/send?to={{to}}&text={{text}}", body="ignored")
    place = urlsplit(request.url)
    assert (place.hostname, place.path, place.fragment) == ("sms.example", "/a/%2B254722000001/send", "")
    assert parse_qs(place.query, keep_blank_values=True) == {"to": ["+254722000001"], "text": [text]}
    assert request.body == b"" and "Content-Type" not in request.headers


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Co"]), max_size=60))
def test_no_text_leaves_its_place_in_xml(text: str) -> None:
    request = send(text, body='<sms to="{{to}}" text="{{text}}">{{text}}</sms>', content_type="application/xml")
    found = ET.fromstring(request.body.decode())
    assert (found.get("to"), found.get("text"), found.text or "") == ("+254722000001", text, text)


def test_a_body_of_plain_text_is_the_text() -> None:
    assert send(NASTY, body="{{text}}", content_type="text/plain").body.decode() == NASTY


def test_user_and_password_may_be_sent_as_basic_authentication() -> None:
    request = send("x", headers="Authorization: Basic {{basic}}\n\nX-Trace : {{id}}")
    assert request.headers["Authorization"] == "Basic a2lrYXB1LWNoYS1zaXJpOmtpa2FwdS1jaGEtc2lyaQ=="
    assert request.headers["X-Trace"] == "1-1-1"


@pytest.mark.parametrize(("encoding", "sent"), [("gsm7", "0/0/0"), ("ucs2", "1/2/8")])
def test_how_a_text_is_encoded_may_be_sent(encoding: str, sent: str) -> None:
    settings = {"body": '{"a": "{{unicode}}/{{coding}}/{{data_coding}}", "n": {{coding}}}'}
    assert GENERIC.find_mistakes(account("generic", settings=settings)) == {}
    assert json.loads(composed("generic", message(encoding=encoding), settings=settings).body)["a"] == sent


def test_kannel_is_called_as_the_documentation_has_it() -> None:
    page = (ROOT / "docs" / "senders.md").read_text()
    url = next(line.removeprefix("url ").strip() for line in page.splitlines() if line.startswith("url "))
    settings = {"url": url, "method": "GET", "body": "", "success": "Accepted for delivery"}
    assert GENERIC.find_mistakes(account("generic", settings=settings)) == {}
    request = composed("generic", message(), settings=settings)
    query = parse_qs(urlsplit(request.url).query, errors="strict")
    assert query["text"] == ["Habari & karibu"] and query["to"] == [str(AKINYI)] and query["coding"] == ["0"]
    assert query["dlr-url"] == [f"{REPORTS}?id=1-1-1&state=%d"]


def test_a_sender_name_cannot_change_the_host() -> None:
    request = composed("generic", message(), name="@evil.example/", settings={"url": "https://sms.example/{{from}}"})
    assert urlsplit(request.url).hostname == "sms.example"


# ---- mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "field", "said"),
    [
        ({"url": "sms.example/send"}, "url", "no URL with a host"),
        ({"url": "ftp://sms.example/send"}, "url", "no URL with a host"),
        ({"url": "https://{{from}}/send"}, "url", "no URL with a host"),
        ({"url": "https://api.{{from}}.example/send"}, "url", "no URL with a host"),
        ({"url": "https://sms.example/{{text}}"}, "url", "{{text}} cannot be filled in here"),
        ({"url": "https://sms.example/?t={{txt}}"}, "url", "{{txt}} cannot be filled in here"),
        ({"headers": "Authorization"}, "headers", "Line 1 is no header"),
        ({"headers": "X: 1\n: 2"}, "headers", "Line 2 is no header"),
        ({"headers": "X: {{text}}"}, "headers", "{{text}} cannot be filled in here"),
        ({"headers": "idempotency-key: 1"}, "headers", "our own id always"),
        ({"body": '{"text": "{{message}}"}'}, "body", "{{message}} cannot be filled in here"),
        ({"body": '{"text": "{{ fname | you }}"}'}, "body", "cannot be filled in here"),
        ({"body": '{"text": {{text}}}'}, "body", "no JSON once it is filled in"),
        ({"body": '{"text": "{{text}}"'}, "body", "no JSON once it is filled in"),
        ({"id_pointer": ""}, "success", "Nothing says when a message was taken"),
        ({"id_pointer": "", "success": " ** "}, "success", "Nothing says when a message was taken"),
        ({"id_pointer": "id"}, "id_pointer", "no JSON pointer"),
    ],
)
def test_a_mistake_is_found_before_anything_is_sent(settings: dict[str, str], field: str, said: str) -> None:
    found = GENERIC.find_mistakes(account("generic", settings=settings))
    assert list(found) == [field] and said in found[field]


def test_a_mistake_quotes_no_value_of_a_header() -> None:
    found = GENERIC.find_mistakes(account("generic", settings={"headers": SECRET}))
    assert SECRET not in found["headers"]


# ---- what an answer means -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "body", "status", "word", "provider_id"),
    [
        ({}, b'{"id": "m1"}', 200, "accepted", "m1"),
        ({}, b'{"id": 7}', 202, "accepted", "7"),
        ({}, b'{"id": ""}', 200, "unknown", ""),
        ({}, b'{"id": null}', 200, "unknown", ""),
        ({}, b'{"id": true}', 200, "unknown", ""),
        ({}, b'{"error": "no"}', 200, "unknown", ""),
        ({"id_pointer": "/0/messages/1/a~1b"}, b'[{"messages": [1, {"a/b": "m2"}]}]', 200, "accepted", "m2"),
        ({"success": "OK"}, b"ok: queued", 200, "accepted", ""),
        ({"success": 'status*"sent"'}, b'{"status": "sent", "id": "m3"}', 200, "accepted", "m3"),
        ({"success": "OK"}, b'{"id": "m1"}', 200, "unknown", ""),
        ({"success": "OK"}, b"OK", 500, "unknown", ""),
        ({"success": "OK"}, b"OK", 302, "unknown", ""),
        ({"success": "OK"}, b"OK", 400, "refused", ""),
        ({"success": "OK", "refused": "invalid"}, b"Invalid number", 200, "refused", ""),
        ({"success": "OK", "stop": "credit"}, b"No credit left", 200, "stop", ""),
        ({"success": "OK", "stop": "credit"}, b"No credit left", 400, "stop", ""),
        ({"success": "OK", "stop": "credit"}, b"No credit left", 500, "unknown", ""),
        ({"success": "OK", "refused": "invalid"}, b"OK, 1 invalid", 200, "accepted", ""),
        ({"success": "OK"}, b"<html>OK</html>", 200, "unknown", ""),
        ({}, b"bad number", 400, "refused", ""),
        ({}, b"", 400, "unknown", ""),
        ({}, b"no such page", 404, "stop", ""),
        ({}, b"slow down", 429, "slow", ""),
    ],
)
def test_an_answer_means_what_the_operator_said(
    settings: dict[str, str], body: bytes, status: int, word: str, provider_id: str
) -> None:
    (outcome,) = outcomes("generic", answer(body, status), message(), settings=settings)
    assert (outcome.word, outcome.provider_id) == (word, provider_id)


def test_a_503_with_a_time_is_trusted_where_the_operator_says_so() -> None:
    busy = answer(b"busy", 503, retry_after=3.0)
    assert [one.word for one in outcomes("generic", busy, message())] == ["unknown"]
    assert [one.word for one in outcomes("generic", busy, message(), settings={"trust_503": "yes"})] == ["slow"]


@given(st.text(max_size=40), st.lists(st.text("ab*", min_size=1, max_size=3), max_size=4))
def test_a_pattern_means_what_its_regular_expression_means(text: str, pieces: list[str]) -> None:
    pattern = "".join(pieces)
    expected = ".*".join(re.escape(piece) for piece in pattern.casefold().split("*"))
    assert contains(text, pattern) == bool(re.search(expected, text.casefold(), re.DOTALL))


def test_a_pattern_with_many_stars_costs_no_more_than_the_text() -> None:
    assert not contains("a" * 100_000, "*".join(["a"] * 50) + "*b")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
    st.text("/~01ab9", max_size=12),
)
def test_a_pointer_leads_somewhere_or_nowhere(value: object, pointer: str) -> None:
    find_by_pointer(value, pointer)


def test_a_place_is_a_name_in_two_braces() -> None:
    assert PLACE.findall("{{a}} {{ b }} {c} {{D}} {{e.f}} {{{g}}}") == ["a", "b", "g"]
