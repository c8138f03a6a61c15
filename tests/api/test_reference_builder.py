"""The OpenAPI document is built: from routes, errors, limits and texts that must fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from daftari.api.reference.builder import BOUNDS, BadText, Loader, build, read_texts, render
from daftari.api.reference.document import Node, document
from daftari.model import limits


def test_the_document_is_the_one_that_make_openapi_builds() -> None:
    assert document().decode() == render(build(read_texts())) + "\n", "run 'make openapi' and commit what it wrote"


def test_a_route_without_a_text_is_refused() -> None:
    texts = read_texts()
    del texts["subjects"][0]["operations"]["GET /contacts"]
    with pytest.raises(BadText, match=r"^GET /contacts: no text is about this route\.$"):
        build(texts)


def test_a_text_without_a_route_is_refused() -> None:
    texts = read_texts()
    operations = texts["subjects"][1]["operations"]
    operations["GET /rooms"] = operations["GET /groups"]
    with pytest.raises(BadText, match=r"^GET /rooms: there is no such route\.$"):
        build(texts)


def test_two_bodies_of_one_name_are_refused() -> None:
    texts = read_texts()
    texts["subjects"][0]["operations"]["POST /contacts"]["body"]["name"] = "NameContacts"
    with pytest.raises(BadText, match=r"^schemas: NameContacts is two things"):
        build(texts)


def test_an_error_with_codes_of_two_statuses_is_refused() -> None:
    texts = read_texts()
    texts["errors"]["Malformed"]["codes"].append("TOO_LARGE")
    with pytest.raises(BadText, match=r"^Malformed: its codes must have one status, not 400, 413"):
        build(texts)


def test_a_name_that_stands_twice_in_a_text_is_refused() -> None:
    assert yaml.load("{a: {b: 1}, c: {b: 2}}", Loader) == {"a": {"b": 1}, "c": {"b": 2}}
    with pytest.raises(BadText, match=r"^b stands twice"):
        yaml.load("{a: {b: 1, c: 2, b: 2}}", Loader)


def _bounds(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for one in node:
            yield from _bounds(one)
    if isinstance(node, dict):
        for member, value in node.items():
            if member in BOUNDS and isinstance(value, int | str) and not isinstance(value, bool):
                yield value
            elif member not in ("example", "examples"):
                yield from _bounds(value)


def test_a_text_names_a_limit_and_does_not_repeat_its_number() -> None:
    numbers = {getattr(limits, name) for name in vars(limits) if name.endswith("_MAX")}
    schemas = [text for section in ("parameters", "schemas") for text in read_texts()[section].values()]
    found = list(_bounds(schemas))
    assert "TEXT_MAX" in found
    assert [bound for bound in found if bound in numbers] == []


def test_a_change_of_the_document_is_a_change_of_few_lines() -> None:
    short: Node = {"a": [1, 2], "b": {"c": "d" * 20}}
    assert render(short) == '{"a": [1, 2], "b": {"c": "' + "d" * 20 + '"}}'
    long: Node = {"a": ["d" * 100, "e" * 30], "b": {}}
    assert render(long).splitlines() == [
        "{",
        '  "a": [',
        f'    "{"d" * 100}",',
        f'    "{"e" * 30}"',
        "  ],",
        '  "b": {}',
        "}",
    ]
