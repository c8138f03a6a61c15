"""The page for people at ``/docs``, made from the OpenAPI document and nothing else.

It loads nothing: its style is inside it, and it needs no script. No routes, no handlers: what the page should show, the
document must say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

from daftari.api.reference.document import Node, Operation, operations, resolved, target, tree

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}
_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*(.+?)\*\*")


class Field(Struct, frozen=True):
    """One parameter, or one field of a body or an answer; ``name`` is its dotted path."""

    name: str
    kind: str
    where: str
    required: bool
    text: str


class Answer(Struct, frozen=True):
    """One status of a call, with the error codes it may carry and an example of it."""

    status: str
    text: str
    codes: tuple[str, ...]
    fields: tuple[Field, ...]
    examples: tuple[tuple[str, str], ...]


class Call(Struct, frozen=True):
    """One call as the page shows it. ``also`` are the same call under other methods; ``refusals`` carry error codes."""

    anchor: str
    method: str
    path: str
    title: str
    text: str
    kind: str
    curl: str
    fields: tuple[Field, ...]
    body: str
    answers: tuple[Answer, ...]
    refusals: tuple[Answer, ...]
    also: tuple[Call, ...]


class Chapter(Struct, frozen=True):
    """The calls of one tag."""

    anchor: str
    title: str
    text: str
    calls: tuple[Call, ...]


class Code(Struct, frozen=True):
    """One error code."""

    name: str
    status: int
    retryable: bool
    text: str


class Topic(Struct, frozen=True):
    """A part of the introduction; the first one has no title."""

    anchor: str
    title: str
    text: str


@cache
def page(public_url: str = "") -> bytes:
    """The whole page, UTF-8, with links below a URL."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["prose"] = prose
    environment.filters["inline"] = inline
    text = files("daftari.api.reference").joinpath("page.html.j2").read_text(encoding="utf-8")
    template = environment.from_string(text)
    info = tree()["info"]
    topics = _topics(info["description"])
    return template.render(
        info=info,
        public_url=public_url,
        opening=topics[0],
        topics=topics[1:],
        chapters=_chapters(),
        codes=_codes(),
        error=_pretty(target("#/components/examples/ValidationFailed")["value"]),
    ).encode()


# ---- prose ------------------------------------------------------------------------------------------


def prose(text: str) -> Markup:
    """Paragraphs, with code and strong words in them: the part of CommonMark that the document uses."""
    return Markup("\n").join(Markup("<p>{}</p>").format(inline(part)) for part in text.split("\n\n") if part.strip())


def inline(text: str) -> Markup:
    """One paragraph's code and strong words."""
    safe = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(_STRONG.sub(r"<strong>\1</strong>", safe))


def _topics(text: str) -> tuple[Topic, ...]:
    opening, *rest = re.split(r"^## +", text, flags=re.MULTILINE)
    parts = [("", opening), *(part.split("\n", 1) for part in rest)]
    return tuple(Topic(anchor=title.lower().replace(" ", "-"), title=title, text=body) for title, body in parts)


def _codes() -> tuple[Code, ...]:
    return tuple(
        Code(name=one["code"], status=one["status"], retryable=one["retryable"], text=one["description"])
        for one in tree()["components"]["schemas"]["ErrorCode"]["x-codes"]
    )


# ---- calls ------------------------------------------------------------------------------------------


def _chapters() -> tuple[Chapter, ...]:
    return tuple(
        Chapter(
            anchor=tag["name"].lower(),
            title=tag["name"],
            text=tag["description"],
            calls=tuple(
                _call(operation)
                for operation in operations()
                if operation.node["tags"] == [tag["name"]] and "x-same-as" not in operation.node
            ),
        )
        for tag in tree()["tags"]
    )


def _call(operation: Operation) -> Call:
    node = operation.node
    body = resolved(node.get("requestBody", {}))
    answers = tuple(_answer(status, resolved(answer)) for status, answer in node["responses"].items())
    return Call(
        anchor=operation.name,
        method=operation.method,
        path=_base(operation) + operation.path,
        title=node["summary"],
        text=node["description"],
        kind=_key_kind(operation),
        curl=_curl(operation, _body_example(body)),
        fields=_inputs(operation, body),
        body=body.get("description", ""),
        answers=tuple(answer for answer in answers if answer.status < "400"),
        refusals=tuple(answer for answer in answers if answer.status >= "400"),
        also=tuple(_call(other) for other in operations() if other.node.get("x-same-as") == operation.name),
    )


def _key_kind(operation: Operation) -> str:
    """The kind of key that the call needs; empty where it needs none."""
    node = operation.node if "security" in operation.node else tree()
    return next((kind for way in node["security"] for kinds in way.values() for kind in kinds), "")


def _base(operation: Operation) -> str:
    """The first server's prefix: the path's own when it has one, else the document's."""
    servers = tree()["paths"][operation.path].get("servers") or tree()["servers"]
    return str(servers[0]["url"]).rstrip("/")


def _answer(status: str, node: Node) -> Answer:
    content = node.get("content")
    if content is None:
        return Answer(status=status, text=node["description"], codes=(), fields=(), examples=())
    media = content.get("application/json") or next(iter(content.values()))
    schema = media.get("schema") or media["itemSchema"]
    codes = schema.get("properties", {}).get("error_code", {}).get("enum", ())
    examples = [resolved(example) for example in media.get("examples", {}).values()]
    return Answer(
        status=status,
        text=node["description"],
        codes=tuple(codes),
        fields=() if codes else _fields(schema, ""),
        examples=() if codes else tuple((one.get("summary", ""), _shown(one)) for one in examples),
    )


def _inputs(operation: Operation, body: Node) -> tuple[Field, ...]:
    """Path and header parameters, then the body's fields in their order; what is in the query string too says so."""
    queries = {parameter["name"] for parameter in operation.parameters if parameter["in"] == "query"} | _query_keys()
    found = [
        Field(
            name=parameter["name"],
            kind=_kind(parameter["schema"], null_counts=False),
            where=parameter["in"],
            required=parameter.get("required", False),
            text=parameter["description"],
        )
        for parameter in operation.parameters
        if parameter["in"] != "query" or "content" not in body
    ]
    if "content" in body:
        found += [
            field if field.name not in queries else _also_in_query(field)
            for field in _fields(*_first_shape(body["content"]))
        ]
    return tuple(found)


def _first_shape(content: Node) -> tuple[Node, str]:
    """The schema of a body, and what such a body is called."""
    if "application/json" in content:
        return content["application/json"]["schema"], "JSON body"
    first = next(iter(content.values()))
    return (first["schema"], "form") if "schema" in first else (first["itemSchema"], "line")


def _query_keys() -> set[str]:
    """The names under which a key may be in the query string."""
    schemes = tree()["components"]["securitySchemes"].values()
    return {scheme["name"] for scheme in schemes if scheme["type"] == "apiKey" and scheme["in"] == "query"}


def _also_in_query(field: Field) -> Field:
    return Field(name=field.name, kind=field.kind, where="query or body", required=field.required, text=field.text)


# ---- fields -----------------------------------------------------------------------------------------


def _fields(schema: Node, where: str) -> tuple[Field, ...]:
    """The fields of an object and of the objects in it, by dotted path: ``contacts.data[].id``."""
    return tuple(_walk(schema, where=where, inside="", seen=set()))


def _walk(schema: Node, *, where: str, inside: str, seen: set[str]) -> Iterator[Field]:
    """``seen``: objects whose fields are listed already."""
    name = schema.get("$ref", "")
    if name in seen:
        return
    if name:
        seen.add(name)
    schema = resolved(schema)
    for one in schema.get("oneOf", ()):
        yield from _walk(one, where=where, inside=inside, seen=seen)
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        shape, path = resolved(member), inside + name
        yield Field(
            name=path,
            kind=_kind(shape, null_counts=not where),
            where=where,
            required=name in required,
            text=shape.get("description", ""),
        )
        yield from _walk(member, where=where, inside=f"{path}.", seen=seen)
        if "items" in shape:
            yield from _walk(shape["items"], where=where, inside=f"{path}[].", seen=seen)


def _kind(schema: Node, *, null_counts: bool) -> str:
    """The type and its limits, in words. ``null_counts``: not for what is sent, where null is like leaving it out."""
    schema = resolved(schema)
    if "const" in schema:
        return f"always {json.dumps(schema['const'])}"
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"] if value)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = [name for name in types if null_counts or name != "null"]
    return ", ".join([" or ".join(_TYPES[name] for name in types), *_limits(schema)])


def _limits(schema: Node) -> Iterator[str]:
    if "maximum" in schema and schema["maximum"] < 2**53:
        yield f"{schema.get('minimum', 0):,} to {schema['maximum']:,}"
    elif schema.get("minimum"):
        yield f"from {schema['minimum']:,}"
    if "maxLength" in schema:
        yield f"up to {schema['maxLength']:,} characters"
    if "maxItems" in schema:
        yield f"up to {schema['maxItems']:,}"
    if "maxProperties" in schema:
        yield f"up to {schema['maxProperties']:,} fields"
    if "default" in schema:
        yield f"{json.dumps(schema['default'])} when left out"


# ---- examples ---------------------------------------------------------------------------------------


def _curl(operation: Operation, body: Node) -> str:
    """The call with the document's own example. Flat parameters of a GET or DELETE go into the query string."""
    path = _base(operation) + operation.path
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(_example(parameter)), safe=""))
    flat = operation.method in ("GET", "DELETE") and not any(isinstance(value, list) for value in body.values())
    if flat and body:
        path += "?" + "&".join(f"{name}={_flat(value)}" for name, value in body.items())
    parts = ["curl" if operation.method == "GET" else f"curl -X {operation.method}", f'"$DAFTARI{path}"']
    if _key_kind(operation):
        parts.append('-H "Authorization: Bearer $KEY"')
    if "x-curl" in operation.node:
        parts.append(operation.node["x-curl"])
    if body and not flat:
        parts += ["-H 'Content-Type: application/json'", f"-d '{_pretty(body)}'"]
    return " \\\n  ".join([" ".join(parts[:2]), *parts[2:]])


def _body_example(body: Node) -> Node:
    """The first example of a body, without the project's name: the reader's key belongs to another one."""
    examples = body.get("content", {}).get("application/json", {}).get("examples", {})
    first: Node = next((resolved(example)["value"] for example in examples.values()), {})
    return {name: value for name, value in first.items() if name != "project"}


def _example(parameter: Node) -> Any:
    if "example" in parameter:
        return parameter["example"]
    return next(iter(parameter["examples"].values()))["value"]


def _shown(example: Node) -> str:
    """An example as it is sent where it says so, else as JSON that is easy to read."""
    return str(example["serializedValue"]) if "serializedValue" in example else _pretty(example["value"])


def _flat(value: Any) -> str:
    """A value as it stands in a query string."""
    return quote(value if isinstance(value, str) else json.dumps(value), safe="")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
