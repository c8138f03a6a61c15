"""The contract as data: ``openapi.json`` as the bytes that callers get, and as operations for the page and the tests.

It reads the built file next to it and nothing else. No routes, no handlers.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

Node = dict[str, Any]
"""One JSON object of the document."""

METHODS = ("get", "query", "post", "put", "patch", "delete")
"""The members of a path that are operations, in the order in which they are shown."""


class Operation(Struct, frozen=True):
    """One method of one path. ``node`` is its object in the document; ``parameters`` are those of the path too."""

    method: str
    path: str
    node: Node
    parameters: tuple[Node, ...]

    @property
    def name(self) -> str:
        """Its ``operationId``."""
        return str(self.node["operationId"])


VERSIONS = ("3.2", "3.0")
"""The versions of OpenAPI in which the document is there, its own first."""


@cache
def document(version: str = VERSIONS[0]) -> bytes:
    """The OpenAPI document, byte for byte as it is served."""
    name = "openapi.json" if version == VERSIONS[0] else f"openapi-{version}.json"
    return files("daftari.api.reference").joinpath(name).read_bytes()


@cache
def document_at(public_url: str | None, version: str) -> bytes:
    """The document whose servers are below a URL; as it is when there is none."""
    if public_url is None:
        return document(version)
    return document(version).replace(b'{"url": "/', b'{"url": ' + msgspec.json.encode(public_url)[:-1] + b"/")


@cache
def tree() -> Node:
    """The document, decoded. It is shared and must not be changed."""
    read: Node = msgspec.json.decode(document())
    return read


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation, in the order of the document."""
    return tuple(
        Operation(
            method=method.upper(),
            path=path,
            node=item[method],
            parameters=tuple(
                resolved(parameter) for parameter in [*item.get("parameters", ()), *item[method].get("parameters", ())]
            ),
        )
        for path, item in tree()["paths"].items()
        for method in METHODS
        if method in item
    )


def target(reference: str) -> Node:
    """What a ``$ref`` points at, as it stands there."""
    node: Any = tree()
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    found: Node = node
    return found


def resolved(node: Node) -> Node:
    """What the node's ``$ref`` points at, or its only ``allOf`` with its other members laid over it; else the node."""
    if "$ref" in node:
        return resolved(target(node["$ref"]))
    if len(node.get("allOf", ())) == 1:
        return {**resolved(node["allOf"][0]), **{name: value for name, value in node.items() if name != "allOf"}}
    return node
