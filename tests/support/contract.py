"""Holds every answer that the tests see against the OpenAPI document.

``check_answer`` finds the operation, the status and the media type, and says what is wrong: an address, method or
status that the document does not know, a header that is missing, a body of another shape, members in another order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from daftari.api.reference.document import Node, Operation, operations, resolved, target, tree

SAME_AS_GET = ("HEAD", "QUERY")
"""Methods that answer as GET does, on addresses where the document has no word of its own for them."""
NOT_MODIFIED = 304
LINES = "ndjson"
"""The end of a media type whose bodies are JSON a line."""
FITTING_MAX = 100_000
"""So many members are remembered to fit their schema: to validate each again is most of the work of a check."""
ONE_PART = "[^/]*"
ANY_PARTS = {"{name}": ".*"}
"""A group's name may hold a slash, and a client may forget to encode it."""


def check_answer(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raise ``AssertionError`` unless the document allows this answer. ``path`` may end in a query string."""
    said = f"{method} {path} answered {status}"
    lower = {name.lower(): value for name, value in headers.items()}
    if method == "OPTIONS" and status == 204:
        assert lower.get("allow"), f"{said}: it has no Allow"
        assert not body, f"{said}: the answer to OPTIONS has a body"
        return
    operation, response = _find_response(method, path.partition("?")[0], status, said)
    _check_headers(response, lower, said)
    if method == "HEAD":
        assert not body, f"{said}: the answer to HEAD has a body"
        return
    if status == NOT_MODIFIED:
        assert not body, f"{said}: it has a body"
        assert "content-type" not in lower, f"{said}: it has a content type and no content"
        return
    media = lower.get("content-type", "").partition(";")[0].strip()
    content = resolved(response)["content"]
    assert media in content, f"{said}: its content type {media!r} is not in the document"
    if not content[media]:
        return  # Bytes of which the document says no more.
    validator = _validator(operation, status, media)
    if media.endswith(LINES):
        *whole, rest = body.split(b"\n")
        assert not rest, f"{said}: its last line does not end"
        for number, line in enumerate(whole, start=1):
            where = f"{said}: in line {number}"
            _check_shape(validator, _read(line, where), where)
    elif media.endswith("json"):
        _check_shape(validator, _read(body, said), said)
    else:
        _check_shape(validator, body.decode(), said)


# ---- finding ----------------------------------------------------------------------------------------


def _find_response(method: str, path: str, status: int, said: str) -> tuple[str, Node]:
    """The operation's name, or the name of the response every address has; and the response's object."""
    at_path = _operations_at(path)
    if not at_path:
        assert status == 404, f"{said}: the document has no such path"
        return _common("RouteNotFound")
    operation = at_path.get(method) or (at_path.get("GET") if method in SAME_AS_GET else None)
    if operation is None:
        assert status == 405, f"{said}: the document has no such method there"
        return _common("MethodNotAllowed")
    known = operation.node["responses"]
    assert str(status) in known, f"{said}: the document has only {', '.join(known)} for {operation.name}"
    return operation.name, resolved(known[str(status)])


def _common(name: str) -> tuple[str, Node]:
    return name, target(f"#/components/responses/{name}")


def _operations_at(path: str) -> dict[str, Operation]:
    """The operations of an address by method; none when the document does not know it."""
    for template, operations_there in _addresses():
        if template.fullmatch(path):
            return operations_there
    return {}


@cache
def _addresses() -> tuple[tuple[re.Pattern[str], dict[str, Operation]], ...]:
    """Every path under each of its servers, as a pattern that tolerates a slash at the end; the nearest fit first."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations():
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return tuple(
        (re.compile(re.escape(_prefix(server)) + _pattern(path) + "/?"), there)
        for path, there in sorted(by_path.items(), key=lambda item: (item[0].count("{"), -len(item[0])))
        for server in tree()["paths"][path].get("servers", tree()["servers"])
    )


def _prefix(server: Node) -> str:
    return str(server["url"]).rstrip("/")


def _pattern(path: str) -> str:
    parts = re.split(r"(\{[^}]+\})", path)
    return "".join(ANY_PARTS.get(part, ONE_PART) if part.startswith("{") else re.escape(part) for part in parts)


# ---- headers ----------------------------------------------------------------------------------------


def _check_headers(response: Node, headers: Mapping[str, str], said: str) -> None:
    for name, node in response.get("headers", {}).items():
        value = headers.get(name.lower())
        about = resolved(node)
        if value is None:
            assert not about.get("required"), f"{said}: it has no {name}"
            continue
        schema = about["schema"]
        given: str | int = int(value) if schema["type"] == "integer" and value.isdigit() else value
        _check_shape(_header_validator(name), given, f"{said}: its {name}")


@cache
def _header_validator(name: str) -> Any:
    return Shape(inlined(target(f"#/components/headers/{name}")["schema"]))


# ---- shapes -----------------------------------------------------------------------------------------


@cache
def _validator(operation: str, status: int, media: str) -> Any:
    """Made once for an operation, a status and a media type."""
    if operation in tree()["components"]["responses"]:
        response = target(f"#/components/responses/{operation}")
    else:
        node = next(one.node for one in operations() if one.name == operation)
        response = resolved(node["responses"][str(status)])
    content = response["content"][media]
    return Shape(inlined(content["itemSchema" if media.endswith(LINES) else "schema"]))


def _read(body: bytes, said: str) -> Any:
    try:
        return json.loads(body.decode(), object_pairs_hook=_object)
    except ValueError as error:
        raise AssertionError(f"{said}: its body is not sound JSON: {error}: {body[:300]!r}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a member is there twice among {[name for name, _ in pairs]}")
    return found


def _check_shape(validator: Any, value: Any, said: str) -> None:
    if validator.is_valid(value):
        return
    wrong = best_match(validator.iter_errors(value))
    raise AssertionError(f"{said}: at {wrong.json_path}: {wrong.message[:1000]}")


def inlined(schema: Any) -> Any:
    """The schema with what its references name in their place: nothing is left to look up while validating."""
    if isinstance(schema, list):
        return [inlined(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" not in schema:
        return {name: inlined(value) for name, value in schema.items()}
    named = _inlined(schema["$ref"])
    siblings = {name: inlined(value) for name, value in schema.items() if name not in ("$ref", "description")}
    return {"allOf": [named], **siblings} if siblings else named


@cache
def _inlined(reference: str) -> Any:
    """What is named, once for all who name it: what fits it there is known here."""
    return inlined(target(reference))


def _properties(validator: Any, properties: Node, instance: Any, schema: Node) -> Iterator[ValidationError]:
    """``properties`` as ever, and their order too: the contract fixes it."""
    if not isinstance(instance, dict):
        return
    known = [name for name in instance if name in properties]
    wanted = [name for name in properties if name in instance]
    if known != wanted:
        yield ValidationError(f"members in the order {known}, and not {wanted}")
    for name in known:
        value, about = instance[name], properties[name]
        seen = None if isinstance(value, dict | list) else (id(about), type(value), value)
        if seen not in _fitting:
            wrong = list(validator.descend(value, about, path=name, schema_path=name))
            yield from wrong
            if seen and not wrong and len(_fitting) < FITTING_MAX:
                _fitting[seen] = about


_fitting: dict[tuple[int, type, Any], Node] = {}
"""Members that were found to fit, which are most of those that come; with their schemas, so that no id is another's."""


Shape = extend(Draft202012Validator, {"properties": _properties})
