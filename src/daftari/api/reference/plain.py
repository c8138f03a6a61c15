"""The document in OpenAPI 3.0, for generators that read no newer version: one type a schema, no later keywords.

It is made from a document that was built for it, and describes the same service with fewer words. No routes, no texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from daftari.api.reference.records import Node

VERSION = "3.0.3"
LICENSE_URL = "https://www.apache.org/licenses/LICENSE-2.0"
NAMED = frozenset({"properties", "schemas", "parameters", "responses", "headers", "content", "paths", "examples"})
"""Members whose own members are names and not keywords."""
BYTES = {"schema": {"type": "string", "format": "binary"}}
"""A file of which the document says no more."""
AS_THEY_ARE = frozenset({"value", "example", "x-codes", "required", "security", "tags", "servers"})
"""Members that hold no schema."""
LATER = frozenset({"contentMediaType", "propertyNames", "unevaluatedProperties", "itemSchema", "const", "type"})
"""Keywords that version 3.0 does not have, or has in another form."""


def downgrade(document: Node) -> Node:
    """A document of version 3.0, without the components that nothing refers to."""
    schemas = document["components"]["schemas"]
    bodies = [
        one["requestBody"] for item in document["paths"].values() for one in item.values() if "requestBody" in one
    ]
    inputs = {name for kind, name in _reachable(bodies, document["components"]) if kind == "schemas"}
    info = {name: value for name, value in document["info"].items() if name != "summary"}
    info["license"] = {"name": info["license"]["name"], "url": LICENSE_URL}
    changed: Node = {**_convert(document, is_input=False), "openapi": VERSION, "info": info}
    converted = {name: _convert(_flattened(one, schemas), is_input=name in inputs) for name, one in schemas.items()}
    components = {**changed["components"], "schemas": converted}
    used = _reachable(changed["paths"], components)
    kept = {
        kind: {name: one for name, one in named.items() if (kind, name) in used} for kind, named in components.items()
    }
    kept = {kind: named for kind, named in kept.items() if named}
    return {**changed, "components": {**kept, "securitySchemes": components["securitySchemes"]}}


def _flattened(schema: Node, schemas: Node) -> Node:
    """An object that adds to another one, with the members of both: some readers see only the other one."""
    if "properties" not in schema or len(schema.get("allOf", ())) != 1:
        return schema
    base = schemas[schema["allOf"][0]["$ref"].rpartition("/")[2]]
    own = {member: value for member, value in schema.items() if member != "allOf"}
    return {
        **base,
        **own,
        "required": [*base.get("required", ()), *own.get("required", ())],
        "properties": {**base["properties"], **own["properties"]},
    }


def _convert(node: Any, *, is_input: bool) -> Any:
    if isinstance(node, list):
        return [_convert(one, is_input=is_input) for one in node]
    if not isinstance(node, dict):
        return node
    converted: Node = {}
    for member, value in node.items():
        if member in AS_THEY_ARE:
            converted[member] = value
        elif member in NAMED and isinstance(value, dict):
            converted[member] = {name: _convert(one, is_input=is_input) for name, one in value.items()}
            if member == "content":
                converted[member] = {media: one or BYTES for media, one in converted[member].items()}
        elif member == "serializedValue":
            converted["value"] = value
        elif member not in LATER and not (member == "additionalProperties" and value is False):
            # A client that refuses what it does not know would break with every new member.
            converted[member] = _convert(value, is_input=is_input or member == "requestBody")
    return converted | _type_of(node, is_input=is_input)


def _type_of(node: Node, *, is_input: bool) -> Node:
    """The type of a schema, and the words that it may be."""
    if "itemSchema" in node:
        return {"schema": {"type": "string"}}
    words, types = node.get("enum"), node.get("type")
    known: Node = {"enum": [word for word in words if word != ""]} if isinstance(words, list) else {}
    if "const" in node and types is None:
        # A sentence that is always the same may be another one in a later version.
        types = "string" if isinstance(node["const"], str) else "boolean"
    if isinstance(types, list):
        one = _choose([name for name in types if name != "null"])
        # A null for an object or a list is the same as leaving it out, and would be a type of its own.
        may_be_null = "null" in types and not (is_input and one in ("object", "array"))
        known |= ({"type": one} if one else {}) | ({"nullable": True} if may_be_null else {})
    elif types is not None:
        known["type"] = types
    return known


def _choose(types: Sequence[str]) -> str | None:
    """One type in place of several; ``None`` for any, where a narrower one would refuse what an answer may hold."""
    if len(types) == 1:
        return types[0]
    if "object" in types:
        return "object"
    return None if "boolean" in types or types[0] == "integer" else "string"


def _reachable(node: Any, components: Node) -> set[tuple[str, str]]:
    """Kind and name of every component that a part of the document leads to."""
    found: set[tuple[str, str]] = set()
    waiting = [node]
    while waiting:
        for kind, name in set(re.findall(r"'#/components/(\w+)/([\w-]+)'", repr(waiting.pop()))) - found:
            found.add((kind, name))
            waiting.append(components[kind][name])
    return found
