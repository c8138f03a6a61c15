"""The decoder: any bytes become fields or an error of ours, bodies and query strings merge, depth is exact."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import Malformed, UnsupportedMedia, ValidationFailed
from daftari.model.limits import FORM_BYTES_MAX, JSON_DEPTH_MAX
from daftari.web.params import FLAT_FIELDS_MAX, FORM, JSON_BRACKETS_MAX, Params, decode, find_member

NOW = 1_700_000_000_000_000
READERS: dict[str, Callable[[Params], object]] = {
    "given": lambda params: params.given("x"),
    "nested": lambda params: params.nested("x"),
    "text": lambda params: params.text("x"),
    "name": lambda params: params.name("x"),
    "moment": lambda params: params.moment("x", now=NOW),
    "choice": lambda params: params.choice("x", ("a", "b"), default="a"),
    "choices": lambda params: params.choices("x", ("a", "b")),
    "whole": lambda params: params.whole("x", default=1, most=9),
    "flag": lambda params: params.flag("x"),
    "items": lambda params: params.items("x"),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
bracket_soup = st.text(st.sampled_from('[]{}",:\\ax'), max_size=60)
bodies = (
    st.binary(max_size=200) | bracket_soup.map(str.encode) | bracket_soup.map(lambda soup: f'{{"x":{soup}}}'.encode())
)
queries = st.text(st.sampled_from("x=%&+;0fFcC[]é\x00"), max_size=40)
media_types = st.sampled_from([None, "application/json", "application/vnd.x+json; a=b", FORM, "text/plain"])


def of_json(body: object, query: str = "") -> Params:
    return decode(query, "application/json", json.dumps(body).encode())


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


# ---- any bytes --------------------------------------------------------------------------------------


@given(query=queries, media_type=media_types, body=bodies)
def test_any_bytes_become_fields_or_an_error_of_ours(query: str, media_type: str | None, body: bytes) -> None:
    try:
        params = decode(query, media_type, body)
    except (Malformed, UnsupportedMedia):
        return
    for read in READERS.values():
        read(params)
    assert all(said.startswith("The x field ") for sentences in params.problems.errors.values() for said in sentences)


@given(json_values)
def test_any_json_value_can_be_read_as_anything(value: Any) -> None:
    for read in READERS.values():
        read(of_json({"x": value}))


@given(json_values)
def test_nested_json_is_handed_on_as_it_came(value: Any) -> None:
    raw = of_json({"x": value}).nested("x")
    assert (None if raw is None else json.loads(raw)) == value


@given(pairs=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=5))
def test_a_form_is_decoded_as_it_was_encoded(pairs: list[tuple[str, str]]) -> None:
    fields = [(f"f{name}".removesuffix("[]"), value) for name, value in pairs]
    params = decode("", FORM, urlencode(fields, errors="surrogatepass").encode())
    for name in dict(fields):
        values = [value for other, value in fields if other == name]
        assert params.texts(name) == (values if any(map(str.strip, values)) else [])


@given(written=st.text(st.sampled_from("%31fFgé+&=;x"), max_size=60))
def test_a_form_is_decoded_as_the_standard_library_decodes_it(written: str) -> None:
    try:
        expected = parse_qs(written, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(Malformed):
            decode(written, None, b"")
        return
    params = decode(written, None, b"")
    for name, values in expected.items():
        assert params.texts(name) == (values if any(map(str.strip, values)) else [])


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_long_form_is_decoded_without_a_seam(shift: int) -> None:
    value = "a" * shift + "é" * 20_000
    assert decode("", FORM, b"x=" + b"a" * shift + b"%C3%A9" * 20_000).text("x", most=30_000) == value


@pytest.mark.parametrize("pattern", [b"%31", b"%31a", b"%C3%A9", b"%", b"+", b"a", b"&a", b"&=", b"%0"])
def test_a_form_takes_memory_of_the_order_of_its_length(pattern: bytes) -> None:
    body = b"x=" + (pattern * FORM_BYTES_MAX)[:FORM_BYTES_MAX]
    tracemalloc.start()
    with suppress(Malformed):
        decode("", FORM, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * FORM_BYTES_MAX


# ---- the beginning of a body --------------------------------------------------------------------------


@given(value=st.dictionaries(st.text(max_size=4), json_values, max_size=4), cut=st.integers(0, 200))
@pytest.mark.parametrize("indent", [None, 1])
def test_a_member_is_found_in_a_beginning_or_it_is_not_there_yet(value: Any, cut: int, indent: int | None) -> None:
    body = json.dumps({**value, "apiKey": "daf_é", "more": [1, 2]}, indent=indent).encode()
    assert find_member(body, "apiKey") == "daf_é"
    assert find_member(body[:cut], "apiKey") in ("daf_é", None)
    assert find_member(body, "no such member") is None or "no such member" in value


@given(bodies)
def test_any_bytes_have_a_member_or_none(body: bytes) -> None:
    find_member(body, "x")


@pytest.mark.parametrize(
    "body", [b'{"a":{"apiKey":"x"}}', b'["apiKey","x"]', b'{"a":"{\\"apiKey\\":\\"x\\"}"}', b'{"b":' + b"[" * 60_000]
)
def test_only_a_member_of_the_body_itself_is_found(body: bytes) -> None:
    assert find_member(body, "apiKey") is None


# ---- depth ------------------------------------------------------------------------------------------


@given(
    depth=st.integers(JSON_DEPTH_MAX - 2, JSON_DEPTH_MAX + 3),
    kinds=st.lists(st.booleans(), min_size=JSON_DEPTH_MAX + 3, max_size=JSON_DEPTH_MAX + 3),
    key=st.text(st.sampled_from('[]{}"\\é'), max_size=8),
    sibling=json_values,
)
def test_depth_is_exact_whatever_the_texts_hold(depth: int, kinds: list[bool], key: str, sibling: Any) -> None:
    value: Any = key
    for is_list in kinds[: depth - 1]:
        value = [key, value, key] if is_list else {key: value, "sibling": key}
    body = {"x": value, "y": sibling}
    assert depth_of({"x": value}) == depth
    if depth_of(body) <= JSON_DEPTH_MAX:
        of_json(body)
    else:
        with pytest.raises(Malformed, match="nested deeper than 32"):
            of_json(body)


@pytest.mark.parametrize("count", [33, 5_000, JSON_BRACKETS_MAX // 2, JSON_BRACKETS_MAX])
def test_however_deep_it_is_the_answer_is_an_error(count: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"x":', b"}")):
        with pytest.raises(Malformed):
            decode("", None, b'{"x":' + opening * count + closing * count + b"}")
        with pytest.raises(Malformed):
            decode("", None, opening * count)


def test_texts_full_of_brackets_are_not_deep() -> None:
    texts = ['["[[{"', "]]}", "\\", '\\"[', "[" * 100, "]" * 100] * 60_000
    assert of_json({"x": texts}).given("x") == texts


# ---- what is JSON and what is not -------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"[1]", b"null", b'"x"', b"5", b"{", b'{"x":01}', b'{"x":1}}', b"{'x':1}", b"\xff", b"{}x"]
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode("", "application/json", body)


@pytest.mark.parametrize(
    "body",
    [b'{"x":"\xff"}', b'{"x":"\xed\xa0\x80"}', b'{"x":"\\ud800"}', b'{"x":{"y":["\\udfff"]}}', b'{"\\ud800":1}'],
)
def test_texts_that_no_encoding_can_write_are_malformed_wherever_they_stand(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode("", None, body)


def test_a_nul_is_reported_with_its_field() -> None:
    params = of_json({"x": "a\0b"})
    assert params.text("x") is None
    assert params.problems.errors == {"x": ["The x field must not contain a NUL character."]}


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
@pytest.mark.parametrize("media_type", [None, "application/json", "text/plain", FORM])
def test_no_body_is_no_body_whatever_it_is_called(body: bytes, media_type: str | None) -> None:
    assert decode("x=1", media_type, body).given("x") == "1"


@pytest.mark.parametrize(
    "media_type", [None, "", "application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
)
def test_json_has_many_names(media_type: str | None) -> None:
    assert decode("", media_type, b'\xef\xbb\xbf{"x":"\xc3\xa9"}').given("x") == "é"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/mixed; boundary=x", "image/x+json"])
def test_other_formats_are_refused(media_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        decode("", media_type, b'{"x":1}')


def test_json_that_was_called_a_form_is_read_as_json() -> None:
    assert decode("", FORM, b' {"x": "a"}').given("x") == "a"


def test_a_form_is_utf_8_encoded_or_not() -> None:
    assert decode("", FORM, "x=Caf%C3%A9+Île".encode()).given("x") == "Café Île"
    for body in (b"x=%ff", b"x=\xff"):
        with pytest.raises(Malformed):
            decode("", FORM, body)


def test_a_query_has_so_many_fields_and_no_more() -> None:
    assert decode("&".join(["x=1"] * FLAT_FIELDS_MAX), None, b"").given("x") == "1"
    with pytest.raises(Malformed):
        decode("&".join(["x=1"] * (FLAT_FIELDS_MAX + 1)), None, b"")


# ---- merging ----------------------------------------------------------------------------------------


def test_the_body_comes_before_the_query() -> None:
    assert of_json({"x": "body"}, "x=query&y=only").given("x") == "body"
    assert of_json({"x": "body"}, "x=query&y=only").given("y") == "only"
    assert decode("x=query", FORM, b"x=form").given("x") == "form"


def test_for_the_page_alone_the_query_comes_first() -> None:
    assert of_json({"page": 1}, "page=2").whole("page", default=1) == 2
    assert of_json({"page": 3}).whole("page", default=1) == 3
    assert of_json({"per_page": 1}, "per_page=2").whole("per_page", default=1) == 1


@pytest.mark.parametrize("blank", ["", "  ", None, []])
def test_blank_is_absent_so_the_next_place_counts(blank: str | None) -> None:
    assert of_json({"x": blank}, "x=query").text("x") == "query"
    assert of_json({"x": blank}).text("x") is None


# ---- one field --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, "1", " 7 ", "007", 10**30, "1" + "0" * 30])
def test_whole_numbers(value: object) -> None:
    assert of_json({"x": value}).whole("x", default=5) == int(str(value))


@pytest.mark.parametrize(
    "value", [True, False, 1.5, 1.0, "abc", 0, -1, "-1", "+1", "1.0", "1e3", "٣", "9" * 5_000, [1], {}]
)
def test_what_is_no_whole_number(value: object) -> None:
    params = of_json({"x": value})
    assert params.whole("x", default=5) == 5
    assert params.problems.errors == {"x": ["The x field must be an integer of at least 1."]}


def test_a_number_has_its_limit() -> None:
    params = of_json({"x": 1001})
    assert params.whole("x", default=5, most=1000) == 5
    assert params.problems.errors == {"x": ["The x field must not be greater than 1000."]}


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        ("true", True),
        ("FALSE", False),
        ("1", True),
        ("on", True),
        ("No", False),
    ],
)
def test_flags(value: object, flag: bool) -> None:
    params = of_json({"x": value})
    assert params.flag("x", default=not flag) is flag
    assert not params.problems.errors


@pytest.mark.parametrize("value", ["maybe", 2, 1.0, [1], {}])
def test_what_is_no_flag(value: object) -> None:
    params = of_json({"x": value})
    params.flag("x")
    assert params.problems.errors == {"x": ["The x field must be true or false."]}


@pytest.mark.parametrize(
    ("body", "query", "items"),
    [
        ({"x": [1, "b"]}, "", [1, "b"]),
        ({"x": "a, b,,c"}, "x=z", ["a", "b", "c"]),
        ({}, "x=a,b&x=c", ["a", "b", "c"]),
        ({}, "x[]=a&x[]=b", ["a", "b"]),
        ({}, "x=", []),
    ],
)
def test_lists_of_json_and_of_flat_fields(body: object, query: str, items: list[object]) -> None:
    assert of_json(body, query).items("x") == items


def test_all_wrong_fields_are_reported_at_once() -> None:
    params = of_json({"page": 0, "results": "maybe", "group": 5})
    params.whole("page", default=1)
    params.flag("results")
    params.name("group")
    with pytest.raises(ValidationFailed) as failed:
        params.refuse_wrong({"contacts": ["The contacts field is required."]})
    assert list(failed.value.errors) == ["page", "results", "group", "contacts"]
