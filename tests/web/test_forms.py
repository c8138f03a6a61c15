"""Brackets in the names of form fields: read as PHP reads them, whatever they are, in linear time."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import Malformed
from daftari.web.forms import FORM_DEPTH_MAX, Fields, fold_fields
from daftari.web.params import FLAT_FIELDS_MAX, FORM, decode

names = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=1, max_size=6)
keys = names.filter(lambda key: not key.isdecimal())
contacts = st.dictionaries(
    keys,
    st.text(max_size=5) | st.dictionaries(keys, st.text(max_size=5), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


def written(value: Any, name: str) -> list[tuple[str, str]]:
    """The fields that PHP's ``http_build_query`` makes of a value."""
    if isinstance(value, str):
        return [(name, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [pair for key, one in items for pair in written(one, f"{name}[{key}]")]


def read(fields: Fields) -> dict[str, Any]:
    return {name: json.loads(bytes(one)) if isinstance(one, msgspec.Raw) else one for name, one in fields.items()}


@given(name=names, value=st.lists(contacts, min_size=1, max_size=4) | contacts)
def test_what_php_writes_is_read_back_as_it_was(name: str, value: Any) -> None:
    assert read(fold_fields(written(value, name))) == {name: value}
    body = "&".join(f"{quote(field)}={quote(text)}" for field, text in written(value, name))
    raw = decode("", FORM, body.encode()).nested(name)
    assert raw is not None
    assert json.loads(raw) == value


@given(st.lists(st.tuples(st.text(st.sampled_from("ab0[]"), max_size=12), st.text(max_size=3)), max_size=8))
def test_any_names_become_fields(pairs: list[tuple[str, str]]) -> None:
    fields = read(fold_fields(pairs))
    assert sum(map(len, fields.values())) <= len(pairs)
    assert {name.partition("[")[0] for name in fields} <= {name.partition("[")[0] for name, _ in pairs}


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        ([("group[]", "a"), ("group", "b"), ("group[7]", "c")], {"group": ["a", "b", "c"]}),
        ([("x[][a]", "1"), ("x[][b]", "2")], {"x": [{"a": "1"}, {"b": "2"}]}),
        ([("x[1][a]", "1"), ("x[][a]", "2"), ("x[][a]", "3")], {"x": [{"a": "1"}, {"a": "2"}, {"a": "3"}]}),
        ([("x[9][a]", "1"), ("x[2][a]", "2"), ("x[9][b]", "3")], {"x": [{"a": "1", "b": "3"}, {"a": "2"}]}),
        ([("x[a]", "1"), ("x[a][b]", "2"), ("x[c]", "3")], {"x": {"a": {"b": "2"}, "c": "3"}}),
        ([("x[a][b]", "1"), ("x[a]", "2")], {"x": {"a": "2"}}),
        ([("x[a][0]", "1"), ("x[a][]", "2")], {"x": {"a": {"0": "1", "1": "2"}}}),
        ([("x[a][1]", "1"), ("x[a][]", "2"), ("x[a][b]", "3")], {"x": {"a": {"1": "1", "2": "2", "b": "3"}}}),
        ([("x[" + "9" * 5_000 + "][a]", "1"), ("x[][a]", "2")], {"x": [{"a": "1"}, {"a": "2"}]}),
        (
            [("x[", "1"), ("x]", "2"), ("[a]", "3"), ("x[a]b", "4")],
            {"x[": ["1"], "x]": ["2"], "[a]": ["3"], "x[a]b": ["4"]},
        ),
    ],
)
def test_brackets(pairs: list[tuple[str, str]], fields: dict[str, Any]) -> None:
    assert read(fold_fields(pairs)) == fields


def test_brackets_have_a_depth_and_a_count() -> None:
    fold_fields([("x" + "[a]" * FORM_DEPTH_MAX, "1")])
    with pytest.raises(Malformed, match="nested deeper than 8 brackets"):
        fold_fields([("x" + "[a]" * (FORM_DEPTH_MAX + 1), "1")])
    with pytest.raises(Malformed, match="nested deeper than 8 brackets"):
        fold_fields([("x" + "[" * 100_000 + "]", "1"), ("x" + "[]" * 100_000, "1")])
    many = "&".join(f"x[{number}][a]=1" for number in range(FLAT_FIELDS_MAX))
    raw = decode("", FORM, many.encode()).nested("x")
    assert raw is not None
    assert len(json.loads(raw)) == FLAT_FIELDS_MAX
    with pytest.raises(Malformed, match="more than 20000 fields"):
        decode("", FORM, f"{many}&x[0][b]=1".encode())
