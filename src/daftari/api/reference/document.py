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


@cache
def document() -> bytes:
    """The OpenAPI document, byte for byte as it is served."""
    return files("daftari.api.reference").joinpath("openapi.json").read_bytes()


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
    """What the node's ``$ref`` points at, with the members next to the ``$ref`` laid over it; else the node itself."""
    if "$ref" not in node:
        return node
    return {**resolved(target(node["$ref"])), **{name: value for name, value in node.items() if name != "$ref"}}
