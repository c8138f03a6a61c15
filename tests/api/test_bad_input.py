"""What must be answered with one clear error: each with its status, its code, and the fields named."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.model.limits import (
    BODY_BYTES_MAX,
    CONTACTS_PER_CALL_MAX,
    ERRORS_MAX,
    JSON_DEPTH_MAX,
    MOBILE_TEXT_MAX,
    READ_BODY_BYTES_MAX,
)
from tests.support.builders import NO_MOBILE, counts, create, groups, mobile, page, refusal, rows, wrong_fields
from tests.support.clients import Answer, Client

MALFORMED = (400, "MALFORMED")
TOO_LARGE = (413, "TOO_LARGE")
NOT_FOUND = (404, "CONTACT_NOT_FOUND")
JSON_TYPE = {"Content-Type": "application/json"}
EVERYONE = "/v1/contacts"


@pytest.fixture
def untouched(ana: Client) -> Iterator[Client]:
    """Ana, with one contact in one group, who has just that when the test is over."""
    create(ana, {"mobile": mobile(1), "fname": "Ana"}, group="VIP")
    before = page(ana, include="groups,updated_at")
    yield ana
    assert page(ana, include="groups,updated_at") == before
    assert groups(ana) == {"VIP": 1}


def sent(client: Client, body: bytes, *, method: str = "POST", path: str = EVERYONE) -> Answer:
    return client.call(method, path, body=body, headers=JSON_TYPE)


# ---- the page and the id ----------------------------------------------------------------------------


def test_a_page_is_a_whole_number_of_at_least_one(untouched: Client) -> None:
    for wrong in ("0", "-1", "abc", "1.0", "0x1", "1 2", "+1", "९", "1e2", "9" * 101, "\0"):
        assert wrong_fields(untouched.get(EVERYONE, query={"page": wrong})) == ["page"]
    far = untouched.get(EVERYONE, query={"page": 10**30})
    assert (far.status, far.json()["contacts"]["data"]) == (200, [])
    assert wrong_fields(untouched.get(EVERYONE, query="page=0&per_page=abc&include=x")) == [
        "page",
        "per_page",
        "include",
    ]


def test_an_id_beyond_every_number_or_a_mobile_of_letters_is_404(untouched: Client) -> None:
    for reference in (
        str(2**63),
        str(2**70),
        "9" * 100,
        "CALL-ME",
        "07CALLME",
        "%00",
        "%ED%A0%80",
        "%FF",
        "1%00",
        "...",
    ):
        path = f"/v1/contacts/{reference}"
        assert refusal(untouched.get(path)) == NOT_FOUND, reference
        assert refusal(untouched.put(path, {"contact": {"fname": "X"}})) == NOT_FOUND
        deleted = untouched.delete(path)
        assert refusal(deleted) == NOT_FOUND
        assert "opt_out" not in deleted.json()


# ---- contacts ---------------------------------------------------------------------------------------


def test_contacts_are_a_list_of_one_to_ten_thousand(untouched: Client) -> None:
    too_many = rows(CONTACTS_PER_CALL_MAX + 1)
    for wrong in (None, [], {}, {"mobile": mobile(2)}, "text", 5, True, too_many, [1] * (CONTACTS_PER_CALL_MAX + 1)):
        for on_error in ("refuse", "skip"):
            answer = untouched.post(EVERYONE, {"contacts": wrong, "on_error": on_error, "group": "New"})
            assert wrong_fields(answer) == ["contacts"]
    assert wrong_fields(untouched.post(EVERYONE)) == ["contacts"]
    assert wrong_fields(untouched.post(EVERYONE, {})) == ["contacts"]
    assert wrong_fields(untouched.post(EVERYONE, form={"contacts": "0722000000"})) == ["contacts"]
    assert wrong_fields(untouched.post(EVERYONE, query={"contacts": "[{]"})) == ["contacts"]
    assert wrong_fields(untouched.post(EVERYONE, {"contacts": [{}], "contact": {}})) == ["contact"]


def test_a_contact_that_is_no_object_is_named_by_its_place(untouched: Client) -> None:
    wrong = ["0722000000", 5, None, True, [1], [{"mobile": mobile(2)}], {"mobile": mobile(3)}]
    assert wrong_fields(untouched.post(EVERYONE, {"contacts": wrong})) == [f"contacts.{place}" for place in range(6)]


def test_a_mobile_that_cannot_be_dialled_is_named(untouched: Client) -> None:
    wrong: list[Any] = [
        "CALL-ME",
        "0722 000 000 ext. 5",
        "0722000000;ext=5",
        "tel:0722000000",
        "12",
        "0" * 20,
        "1" * 16,
        "2" * (MOBILE_TEXT_MAX + 1),
        "+",
        "",
        None,
        "0722\0000000",
        0,
        -254722000000,
        2**70,
        254722000000.5,
        True,
        ["0722000000"],
        {"number": "0722000000"},
    ]
    answer = untouched.post(EVERYONE, {"contacts": [{"mobile": written} for written in wrong]})
    assert wrong_fields(answer) == [f"contacts.{place}.mobile" for place in range(len(wrong))]
    for written in wrong:
        assert wrong_fields(untouched.put("/v1/contacts/1", {"contact": {"mobile": written}})) == ["contact.mobile"]


def test_a_name_is_a_text_of_a_bearable_length(untouched: Client) -> None:
    for wrong in (5, 1.5, True, ["Ana"], {"first": "Ana"}, "x" * 256, "x" * 1024 * 1024):
        contact = {"mobile": mobile(2), "fname": wrong, "company": wrong}
        answer = untouched.post(EVERYONE, {"contacts": [contact]})
        assert wrong_fields(answer) == ["contacts.0.fname", "contacts.0.company"]
        assert len(answer.body) < 1_000
        assert wrong_fields(untouched.put("/v1/contacts/1", {"contact": {"fname": wrong}})) == ["contact.fname"]


def test_nul_and_half_surrogates_are_refused_wherever_a_text_may_be(untouched: Client) -> None:
    for bad in ("\\u0000", "a\\u0000b", "\\ud800", "x\\udc00y", "\\ude00\\ud83d"):
        contact = f'{{"mobile": "{mobile(2)}", "fname": "{bad}", "email": "ok", "attributes": {{"a": "{bad}"}}}}'
        answer = sent(untouched, f'{{"contacts": [{contact}], "group": "{bad}"}}'.encode())
        if answer.status == 400:
            assert refusal(answer) == MALFORMED
        else:
            assert sorted(wrong_fields(answer)) == ["contacts.0.attributes.a", "contacts.0.fname", "group"], bad
    nul = {"contact": {"city": "a\0b"}, "group": "a\0b"}
    assert sorted(wrong_fields(untouched.put("/v1/contacts/1", nul))) == ["contact.city", "group"]
    both = untouched.get(EVERYONE, query={"group": "a\0b", "project": "a\0b"})
    assert sorted(wrong_fields(both)) == ["group", "project"]
    assert wrong_fields(untouched.delete("/v1/contacts/1", {"reason": "a\0b", "purpose": "\0"})) == [
        "reason",
        "purpose",
    ]
    assert refusal(untouched.get(EVERYONE, query={"apiKey": "a\0b"}, headers={"Authorization": "x"})) == (
        401,
        "UNAUTHENTICATED",
    )


def test_attributes_are_few_small_and_flat(untouched: Client) -> None:
    wrong: list[tuple[Any, list[str]]] = [
        ([1], ["attributes"]),
        ("text", ["attributes"]),
        ({f"a{number}": 1 for number in range(51)}, ["attributes"]),
        ({"a": [1], "b": {"c": 1}, "d": 1}, ["attributes.a", "attributes.b"]),
        ({"a": "x" * 1001}, ["attributes.a"]),
        ({"": 1}, ["attributes."]),
        ({"x" * 65: 1}, [f"attributes.{'x' * 64}"]),
    ]
    for attributes, fields in wrong:
        answer = untouched.post(EVERYONE, {"contacts": [{"mobile": mobile(2), "attributes": attributes}]})
        assert wrong_fields(answer) == [f"contacts.0.{field}" for field in fields]
        change = untouched.put("/v1/contacts/1", {"contact": {"attributes": attributes}})
        assert wrong_fields(change) == [f"contact.{field}" for field in fields]


def test_no_more_than_a_thousand_wrong_fields_are_named(untouched: Client) -> None:
    answer = untouched.post(EVERYONE, {"contacts": [{"mobile": "x", "fname": 5}] * 5_000})
    assert refusal(answer) == (422, "VALIDATION_FAILED")
    assert len(answer.json()["errors"]) == ERRORS_MAX
    assert "(and 9999 more errors)" in answer.json()["message"]
    skipped = untouched.post(EVERYONE, {"contacts": [{"mobile": "x", "fname": 5}] * 5_000, "on_error": "skip"})
    assert counts(skipped) == {"invalid": 5_000}
    assert len(skipped.json()["errors"]) == ERRORS_MAX


# ---- the body ---------------------------------------------------------------------------------------


def test_malformed_or_truncated_json_is_400_and_never_ignored(untouched: Client) -> None:
    whole = msgspec.json.encode({"contacts": rows(2), "group": "New"})
    cut = [whole[:length] for length in range(1, len(whole), 7)]
    broken = [
        b"{",
        b"}",
        b"nonsense",
        b"{'contacts': []}",
        b'{"contacts": [,]}',
        b'{"contacts": [{"mobile": "1"}],}',
        b'{"contacts": NaN}',
        b'{"group": "a\nb"}',
        b'{"group": "\xff\xfe"}',
        b'{"group": "\\x"}',
        b'{"group": "\\u12"}',
        b'{"a": 1} {"b": 2}',
        b"\xff\xfe{}",
        b'{"contacts": [{"mobile": 01}]}',
        whole + b"]",
    ]
    for body in (*cut, *broken):
        assert refusal(sent(untouched, body)) == MALFORMED, body
    for body in broken:
        assert refusal(sent(untouched, body, method="GET")) == MALFORMED, body
        assert refusal(sent(untouched, body, method="DELETE", path="/v1/contacts/1")) == MALFORMED, body


def test_a_body_that_is_json_and_no_object_is_400(untouched: Client) -> None:
    for body in (b"[1]", b'"text"', b"5", b"null", b"true", b'[{"mobile": "0722000000"}]'):
        assert refusal(sent(untouched, body)) == MALFORMED
        assert refusal(sent(untouched, body, method="GET")) == MALFORMED


def test_a_blank_body_is_no_body(ana: Client) -> None:
    for body in (b"", b"  \r\n\t ", b"\n"):
        assert sent(ana, body, method="GET").status == 200
        assert wrong_fields(sent(ana, body)) == ["contacts"]
    assert sent(ana, b'\xef\xbb\xbf {"page": 1}', method="GET").status == 200


def test_deep_json_is_400_however_deep_and_wherever(untouched: Client) -> None:
    def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
        return b'{"unknown": ' + opening * depth + b"1" + closing * depth + b"}"

    assert sent(untouched, nested(JSON_DEPTH_MAX - 1, b"[", b"]"), method="GET").status == 200
    for depth in (JSON_DEPTH_MAX, 1_000, 10_000):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            assert refusal(sent(untouched, nested(depth, opening, closing), method="GET")) in (MALFORMED, TOO_LARGE)
            assert refusal(sent(untouched, nested(depth, opening, closing))) == MALFORMED
    assert refusal(sent(untouched, b"[" * 1_000_000)) == MALFORMED
    assert refusal(sent(untouched, b'{"a":' * 1_000_000)) == MALFORMED
    # Brackets in a text are no nesting.
    create(untouched, {"mobile": mobile(1), "fname": "Ana"})
    assert sent(untouched, b'{"group": "' + b"[{" * 100 + b'"}', method="GET").status == 200


def test_a_body_beyond_the_limit_is_413_announced_or_not(untouched: Client) -> None:
    huge = b'{"unknown": "' + b"x" * BODY_BYTES_MAX + b'"}'
    assert refusal(sent(untouched, huge)) == TOO_LARGE
    assert refusal(untouched.post(EVERYONE, body=[huge])) == TOO_LARGE
    just = b'{"unknown": "' + b"x" * READ_BODY_BYTES_MAX + b'"}'
    for method in ("GET", "QUERY", "DELETE"):
        assert refusal(sent(untouched, just, method=method, path="/v1/contacts/1")) == TOO_LARGE
    assert refusal(sent(untouched, just, method="PUT", path="/v1/groups/Nobody")) == (422, "VALIDATION_FAILED")
    announced = untouched.call("POST", EVERYONE, headers={"Content-Length": "9" * 30})
    assert refusal(announced) == TOO_LARGE
    for wrong in ("-1", "abc", "1.5", "٣", "0x10", "+5"):
        answer = untouched.call("POST", EVERYONE, body=b"{}", headers={"Content-Length": wrong})
        assert refusal(answer) == MALFORMED


def test_a_body_that_never_ends_is_cut_off_at_the_limit(untouched: Client) -> None:
    endless: Any = itertools.repeat(b" " * 65_536)
    for method in ("POST", "GET"):
        assert refusal(untouched.call(method, EVERYONE, body=endless)) == TOO_LARGE


def test_a_body_shorter_or_longer_than_it_said_is_400(untouched: Client) -> None:
    for length in ("1", "3", "40"):
        answer = untouched.call("POST", EVERYONE, body=b"{}", headers={"Content-Length": length})
        assert refusal(answer) == MALFORMED


def test_another_content_type_is_415(untouched: Client) -> None:
    body = msgspec.json.encode({"contacts": rows(1, first=2)})
    for media in (
        "text/plain",
        "application/xml",
        "multipart/mixed; boundary=x",
        "text/html",
        "image/png",
        "x",
        "*/*",
    ):
        answer = untouched.call("POST", EVERYONE, body=body, headers={"Content-Type": media})
        assert refusal(answer) == (415, "UNSUPPORTED_MEDIA")
        assert answer.headers["content-type"] == "application/json"
    # Nothing was sent that could be of a wrong type.
    assert untouched.get(EVERYONE, headers={"Content-Type": "text/plain"}).status == 200


def test_json_by_another_name_or_none_is_read(ana: Client) -> None:
    names = ("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json", "application/json;", "")
    for number, media in enumerate(names):
        body = msgspec.json.encode({"contacts": rows(1, first=number)})
        assert ana.call("POST", EVERYONE, body=body, headers={"Content-Type": media}).status == 201
    # Some tools send JSON and call it a form.
    form = ana.call(
        "POST", EVERYONE, body=b'{"contacts": []}', headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert wrong_fields(form) == ["contacts"]


def test_a_form_or_query_that_is_not_text_is_400(untouched: Client) -> None:
    assert refusal(untouched.get(EVERYONE, query="group=%FF")) == MALFORMED
    assert refusal(untouched.get(EVERYONE, query="&".join(["a=1"] * 20_001))) == MALFORMED
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refusal(untouched.call("GET", EVERYONE, body=b"group=\xff", headers=media)) == MALFORMED


# ---- paths and methods ------------------------------------------------------------------------------


def test_an_unknown_path_is_404_with_or_without_a_key(untouched: Client) -> None:
    for path in ("/v1", "/v1/contact", "/v1/contacts/1/groups", "/api", "/api/api/v1/contacts", "/v1/%00", "//v1/x"):
        for client in (untouched, untouched.with_key(None)):
            for method in ("GET", "POST", "DELETE", "BREW"):
                answer = client.call(method, path)
                assert refusal(answer) == (404, "ROUTE_NOT_FOUND"), f"{method} {path}"


def test_an_unknown_method_is_405_and_says_which_there_are(untouched: Client) -> None:
    allowed = {
        "/v1/contacts": {"GET", "HEAD", "QUERY", "POST", "OPTIONS"},
        "/v1/contacts/1": {"GET", "HEAD", "QUERY", "PUT", "PATCH", "DELETE", "OPTIONS"},
        "/v1/groups": {"GET", "HEAD", "QUERY", "POST", "OPTIONS"},
        "/v1/groups/VIP/contacts": {"POST", "DELETE", "OPTIONS"},
        "/v1/opt-outs": {"GET", "HEAD", "QUERY", "POST", "OPTIONS"},
        "/v1/can-message": {"POST", "OPTIONS"},
        "/v1/audience": {"GET", "HEAD", "QUERY", "OPTIONS"},
        "/v1/imports": {"GET", "HEAD", "QUERY", "POST", "OPTIONS"},
        "/v1/imports/1/undo": {"POST", "OPTIONS"},
        "/v1/inbound/review/1": {"POST", "OPTIONS"},
        "/v1/health": {"GET", "HEAD", "QUERY", "OPTIONS"},
    }
    for path, methods in allowed.items():
        for method in {"PUT", "PATCH", "DELETE", "TRACE", "BREW", "get", "CONNECT"} - methods:
            answer = untouched.call(method, path, json={})
            assert refusal(answer) == (405, "METHOD_NOT_ALLOWED"), f"{method} {path}"
            assert set(answer.headers["allow"].split(", ")) <= methods
            assert set(answer.headers["allow"].split(", ")) >= methods - {"OPTIONS"}


def test_errors_are_problems_when_the_caller_asks_for_them(untouched: Client) -> None:
    accept = {"Accept": "application/problem+json, application/json"}
    for answer in (
        untouched.get("/v1/contacts/2", headers=accept),
        untouched.get("/v1/contacts", query="page=0", headers=accept),
        untouched.get("/v1/nowhere", headers=accept),
        untouched.with_key(None).get("/v1/contacts", headers=accept),
        untouched.call("BREW", "/v1/contacts", headers=accept),
        untouched.call("POST", "/v1/contacts", body=b"{", headers=accept),
    ):
        said = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert refusal(answer) == (said["status"], said["error_code"])
        assert (said["type"], said["detail"]) == ("about:blank", said["message"])
    assert untouched.get("/v1/contacts/2").headers["content-type"] == "application/json"


# ---- anything at all --------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["project", "group", "page", "per_page", "include", "suppressed", "contacts", "contact", "on_error", "results"]
FIELDS += ["group_mode", "reason", "purpose", "at", "name", "ids", "mobiles", "after", "limit"]
FIELDS += ["mobile", "items", "channel", "sender", "source", "evidence", "override", "known_at", "keyword", "since"]
FIELDS += ["opt_outs", "plan", "map", "kind"]
FIELDS += ["groups", "match", "not", "everyone", "as_frozen", "as", "messages", "opt_outs", "subscriptions"]
MEMBERS = ["mobile", "fname", "email", "attributes", "id", "created_at"]
PLAUSIBLE = st.dictionaries(
    st.sampled_from(FIELDS),
    JSON | st.lists(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=3), max_size=3),
    max_size=4,
)
PLACES = ["/v1/contacts", "/v1/contacts/1", f"/v1/contacts/{NO_MOBILE}", "/v1/groups", "/v1/groups/VIP"]
PLACES += ["/v1/groups/VIP/contacts", "/v1/contacts/1/consent", f"/v1/contacts/{NO_MOBILE}/export", "/v1/opt-outs"]
PLACES += [
    "/v1/opt-ins",
    "/v1/opt-outs/near-misses",
    "/v1/can-message",
    "/v1/erasures",
    "/v1/audience",
    "/v1/audiences",
]
PLACES += ["/v1/audiences/1", "/v1/audiences/1/recheck", "/v1/audiences/1/compare/1", "/v1/inbound/review"]
PLACES += ["/v1/inbound/review/1", "/v1/inbound/generic/nobody"]
PLACES += [
    "/v1/contacts/stream",
    "/v1/imports",
    "/v1/imports/1",
    "/v1/imports/1/rows",
    "/v1/imports/1/rejects",
    "/v1/imports/1/undo",
]


def test_no_body_and_no_query_makes_a_crash(ana: Client) -> None:
    """The client checks every answer against the contract; here only a crash is looked for beyond that."""

    @settings(max_examples=240, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        method=st.sampled_from(["GET", "QUERY", "POST", "PUT", "DELETE"]),
        path=st.sampled_from(PLACES),
        body=PLAUSIBLE.map(msgspec.json.encode) | st.binary(max_size=40),
        query=st.text(st.characters(codec="ascii", exclude_characters="#"), max_size=20),
    )
    def call(method: str, path: str, body: bytes, query: str) -> None:
        answer = ana.call(method, path, query=query, body=body, headers=JSON_TYPE)
        assert answer.status < 500, answer.body

    call()
