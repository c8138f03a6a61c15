"""The API's document as the client's tests need it: its operations with references resolved, and sample values.

No server code: the document is read as the file that it is.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from msgspec import Struct

DOCUMENT = Path(__file__).parent.parent.parent / "src" / "daftari" / "api" / "reference" / "openapi.json"
Node = dict[str, Any]
METHODS = ("get", "post", "put", "delete")
"""QUERY and PATCH are copies of GET and PUT; the document marks them ``x-same-as``."""
ID_MAX = 2**63 - 1
TIME, MOBILE, DIGEST, VERSION = "T[0-9]{2}:", "[1-9][0-9]{4,14}", "[0-9a-f]{64}", r"[0-9]+\."
DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
"""What the patterns of formatted strings have in them, or are."""


class Operation(Struct, frozen=True):
    """One documented call. Schemas have no references left.

    ``query`` and ``headers`` map parameters to schemas, ``body`` is the schema of a JSON body or of a form's fields.
    ``answer`` is the schema of the JSON answer, ``lines`` those of the lines of a streamed one.
    """

    name: str
    method: str
    path: re.Pattern[str]
    query: dict[str, Node]
    headers: dict[str, Node]
    body: Node
    answer: Node | None
    lines: tuple[Node, ...]

    @property
    def parameters(self) -> set[str]:
        """Every name that a caller may send: in the query, the body or a header."""
        return {*self.query, *self.headers, *self.body.get("properties", {})}


@cache
def operations() -> dict[str, Operation]:
    """The operations by name, without the copies that other methods are."""
    tree = _resolved(json.loads(DOCUMENT.read_bytes()))
    found = (
        _read_operation(method, path, item[method], item.get("parameters", []))
        for path, item in tree["paths"].items()
        for method in METHODS
        if method in item
    )
    return {one.name: one for one in found}


def _read_operation(method: str, path: str, node: Node, of_path: list[Node]) -> Operation:
    parameters = [*of_path, *node.get("parameters", [])]
    contents = node.get("requestBody", {}).get("content", {})
    form = contents.get("application/json") or contents.get("multipart/form-data") or {}
    answer = next(one for status, one in node["responses"].items() if status.startswith("2"))
    json = answer["content"].get("application/json", {}).get("schema", {})
    lines = answer["content"].get("application/x-ndjson", {}).get("itemSchema", {})
    return Operation(
        name=node["operationId"],
        method=method.upper(),
        path=re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))),
        query={one["name"]: one["schema"] for one in parameters if one["in"] == "query"},
        headers={one["name"].lower(): one["schema"] for one in parameters if one["in"] == "header"},
        body=form.get("schema", {}),
        answer=json if [*answer["content"]] == ["application/json"] or "next" in json.get("properties", {}) else None,
        lines=tuple(lines.get("oneOf", [])),
    )


def _resolved(tree: Node) -> Any:
    """The document with each ``$ref`` replaced by what it names; members next to an ``allOf`` count more.

    What is named twice is the same object twice: as copies, the document would be a hundred times as large.
    """

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(one) for one in node]
        if not isinstance(node, dict):
            return node
        if len(node.get("allOf", ())) == 1:
            return resolve(node["allOf"][0]) | {name: resolve(one) for name, one in node.items() if name != "allOf"}
        if "$ref" not in node:
            return {name: resolve(one) for name, one in node.items()}
        return named(node["$ref"])

    @cache
    def named(reference: str) -> Any:
        target: Any = tree
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        return resolve(target)

    return resolve(tree)


class Sampler:
    """Values that fit a schema, no two numbers and no two free texts alike.

    A full one has every property, and of alternatives the one whose turn ``turn`` is. The other has only what is
    required, and ``null`` wherever that is allowed.
    """

    def __init__(self, *, full: bool, turn: int = 0) -> None:
        self._full = full
        self._turn = turn
        self._count = 1

    def value(self, schema: Node) -> Any:
        """Raises ``ValidationError`` where it does not fit after all."""
        value = self._value(schema, "text")
        Draft202012Validator(schema).validate(value)
        return value

    def _value(self, schema: Node, name: str) -> Any:
        self._count += 1
        if "const" in schema:
            return schema["const"]
        if "oneOf" in schema:
            return self._value(self._chosen(schema["oneOf"]), name)
        kinds = schema.get("type", "object")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if "null" in kinds and not self._full:
            return None
        kinds = [kind for kind in kinds if kind != "null"]
        if "enum" in schema:
            return self._chosen([one for one in schema["enum"] if one is not None])
        match self._chosen(kinds):
            case "object":
                return self._object(schema)
            case "array":
                return [self._value(schema["items"], name) for _ in range(max(self._full, schema.get("minItems", 0)))]
            case "integer":
                return min(schema.get("minimum", 0) + self._count, schema.get("maximum", ID_MAX))
            case "number":
                return self._count + 0.5
            case "boolean":
                return self._full
            case _:
                return self._text(schema.get("pattern", ""), name)

    def _object(self, schema: Node) -> Node:
        chosen = next((one for one in schema.get("anyOf", []) if one.get("type") != "null"), schema)
        properties, required = chosen.get("properties", {}), chosen.get("required", [])
        required = required or [*properties][: chosen.get("minProperties", 0)]
        if properties:
            return {name: self._value(one, name) for name, one in properties.items() if self._full or name in required}
        if not self._full:
            return {}
        names = chosen.get("propertyNames", {}).get("enum", ["some", "other"])
        return {name: self._value(chosen["additionalProperties"], name) for name in names}

    def _text(self, pattern: str, name: str) -> str:
        if TIME in pattern or name.endswith("_at"):
            return f"2026-01-01T00:00:00.{self._count:06}Z"
        if MOBILE in pattern:
            return f"2547{self._count:08}"
        if pattern == DAY:
            return f"20{self._count % 100:02}-01-01"
        if DIGEST in pattern:
            return f"{self._count:064x}"
        return f"{self._count}.0.0" if VERSION in pattern else f"{name} {self._count} " + "x" * 12

    def _chosen(self, alternatives: list[Any]) -> Any:
        return alternatives[self._turn % len(alternatives)]
