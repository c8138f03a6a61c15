"""The OpenAPI document is built: from routes, errors, limits and texts that must fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from daftari.api.reference import builder
from daftari.api.reference.builder import BOUNDS, BadText, build, read_texts, render
from daftari.api.reference.document import Node, document
from daftari.model import limits

TEXTS = sorted(Path(builder.__file__).parent.glob("texts/*.yaml"))


def _operations_with(texts: Any, route: str) -> dict[str, Any]:
    """What the subject of a route says about its routes."""
    return next(subject["operations"] for subject in texts["subjects"] if route in subject["operations"])


def test_the_document_is_the_one_that_make_openapi_builds() -> None:
    assert document().decode() == render(build(read_texts())) + "\n", "run 'make openapi' and commit what it wrote"


def test_a_route_without_a_text_is_refused() -> None:
    texts = read_texts()
    del texts["subjects"][0]["operations"]["GET /contacts"]
    with pytest.raises(BadText, match=r"^GET /contacts: no text is about this route\.$"):
        build(texts)


def test_a_text_without_a_route_is_refused() -> None:
    texts = read_texts()
    operations = _operations_with(texts, "GET /groups")
    operations["GET /colours"] = operations["GET /groups"]
    with pytest.raises(BadText, match=r"^GET /colours: there is no such route\.$"):
        build(texts)


def test_two_bodies_of_one_name_are_refused() -> None:
    texts = read_texts()
    texts["subjects"][0]["operations"]["POST /contacts"]["body"]["name"] = "NameContacts"
    with pytest.raises(BadText, match=r"^schemas: NameContactsBody is two things"):
        build(texts)


def test_an_error_with_codes_of_two_statuses_is_refused() -> None:
    texts = read_texts()
    texts["errors"]["Malformed"]["codes"].append("TOO_LARGE")
    with pytest.raises(BadText, match=r"TOO_LARGE: the codes of an error must have one status, not 400, 413\.$"):
        build(texts)


@pytest.mark.parametrize(("section", "name"), [("takes", "Colour"), ("errors", "NoColour")])
def test_a_name_that_no_text_has_is_refused(section: str, name: str) -> None:
    texts = read_texts()
    _operations_with(texts, "POST /groups")["POST /groups"][section] = [name]
    with pytest.raises(BadText, match=f"^{name}: no text"):
        build(texts)


class Names(yaml.SafeLoader):
    """Notes the names that stand twice in a mapping, which PyYAML lets pass."""

    twice: ClassVar[list[str]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [str(key.value) for key, _ in node.value]
        self.twice.extend(name for name in set(names) if names.count(name) > 1)
        return super().construct_mapping(node, deep=deep)


def test_no_name_stands_twice_in_a_text() -> None:
    yaml.load("{a: {b: 1, c: 2, b: 2}}", Names)
    assert Names.twice == ["b"]
    Names.twice.clear()
    for file in TEXTS:
        yaml.load(file.read_text(), Names)
    assert Names.twice == []


def _bounds(node: Any) -> Iterator[Any]:
    """What the texts say of limits, before names become numbers."""
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
    texts = [yaml.safe_load(file.read_text()) for file in TEXTS]
    found = list(_bounds(texts))
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
