"""Builds ``openapi.json`` from the routes, the table of errors, the limits and the texts in ``texts/*.yaml``.

``make openapi`` runs it, and a server only reads what it wrote. A route gives method, path and access; its text gives
prose, parameters and examples. No request is answered here. This module needs PyYAML, which a server does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

import daftari
from daftari.api.reference.records import Node, record_schemas, ref
from daftari.api.routes import ROUTES, Route
from daftari.errors import DaftariError, ValidationFailed
from daftari.gateways import GATEWAYS
from daftari.model import limits
from daftari.model.consent import CHANNELS, PURPOSES
from daftari.web.errors import PROBLEM, status_of

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LINE_WIDTH = 120
REQUEST_ID = "01j9x8y2v4k7m3n5p6q8r0s2t4"
"""The request id in every example of an error."""

SECTIONS = ("parameters", "schemas", "errors", "answers", "codes")
"""The parts of a text whose names all texts may use."""
WORDS = {"CHANNELS": CHANNELS, "PURPOSES": PURPOSES, "PROVIDERS": tuple(sorted(GATEWAYS))}
"""What a name in capitals stands for within an ``enum``."""
BOUNDS = frozenset({"maximum", "maxLength", "maxItems", "maxProperties", "default"})
"""The members of a schema in which a name in capitals stands for a limit."""


class BadText(Exception):
    """The texts and the routes do not fit together. The message says where."""


class Access(Struct, frozen=True):
    """What the document says of a route by itself. ``takes`` is ``fields``, ``file`` or ``lines``."""

    keyed: bool
    writes: bool
    by_token: bool
    takes: str
    repeatable: bool
    """Whether it takes an ``Idempotency-Key``."""


def access_of(route: Route) -> Access:
    """Nothing else here reads more of a route than its method and its path."""
    writes = route.needs == "write"
    return Access(
        keyed=writes or route.needs == "read",
        writes=writes,
        by_token=route.needs == "token",
        takes=route.takes,
        repeatable=writes and route.takes != "lines",
    )


def build(texts: Node) -> Node:
    """The document, from what ``read_texts`` returns. Raises ``BadText``."""
    return _Builder(texts).build()


def render(node: Any, indent: int = 0) -> str:
    """JSON with everything on one line that fits there, so that a change of the document is easy to read."""
    flat = json.dumps(node, ensure_ascii=False)
    if not isinstance(node, dict | list) or not node or indent + len(flat) < LINE_WIDTH:
        return flat
    if isinstance(node, dict):
        parts = [f"{json.dumps(name)}: {render(value, indent + 2)}" for name, value in node.items()]
    else:
        parts = [render(value, indent + 2) for value in node]
    margin = "\n" + " " * indent
    return flat[0] + ",".join(f"{margin}  {part}" for part in parts) + margin + flat[-1]


def main() -> None:
    """Write the document next to this module."""
    Path(__file__).with_name("openapi.json").write_text(render(build(read_texts())) + "\n", encoding="utf-8")


# ---- texts ------------------------------------------------------------------------------------------


class Loader(yaml.CSafeLoader):
    """Refuses a name that stands twice in a mapping, which PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise BadText(f"{name} stands twice,{node.start_mark}")
        return super().construct_mapping(node, deep=deep)


def read_texts() -> Node:
    """``document.yaml``, with the texts that its ``subjects`` name, and with the sections of all of them."""
    texts = _read_text("document")
    texts["subjects"] = [_read_text(name) for name in texts["subjects"]]
    for section in SECTIONS:
        known = texts.setdefault(section, {})
        for subject in texts["subjects"]:
            for name, node in subject.get(section, {}).items():
                if name in known:
                    raise BadText(f"{section}: {name} stands in two texts.")
                known[name] = node
    return texts


def _read_text(name: str) -> Node:
    text = files("daftari.api.reference").joinpath("texts", f"{name}.yaml").read_text(encoding="utf-8")
    read: Node = yaml.load(text, Loader)
    return read


def paragraphs(text: str) -> str:
    """YAML folds a blank line into one line feed, and a paragraph ends in two."""
    return text.replace("\n", "\n\n")


# ---- schemas ----------------------------------------------------------------------------------------


def expand(given: Any) -> Any:
    """A schema as the document has it: a name in its place becomes a reference, a limit's name its number."""
    if isinstance(given, str):
        return ref("schemas", given)
    if not isinstance(given, dict):
        return given
    schema: Node = {}
    for member, value in given.items():
        match member:
            case "$ref":
                schema |= expand(value)
            case "properties":
                schema[member] = {name: expand(one) for name, one in value.items()}
            case "oneOf" | "anyOf" | "allOf":
                schema[member] = [expand(one) for one in value]
            case "items" | "additionalProperties" | "propertyNames":
                schema[member] = expand(value)
            case "enum":
                schema[member] = [word for one in value for word in WORDS.get(one, (one,))]
            case _:
                is_limit = member in BOUNDS and isinstance(value, str) and value.isupper()
                schema[member] = getattr(limits, value) if is_limit else value
    return schema


def nullable(schema: Node) -> Node:
    """The schema of a field that may be null, which is like leaving it out; so is a blank for one of a few words."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    more = {"enum": [*schema["enum"], "", None]} if "enum" in schema else {}
    return {**schema, "type": [*types, "null"], **more}


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def _camel(code: str) -> str:
    return code.title().replace("_", "")


# ---- the document -----------------------------------------------------------------------------------


class _Builder:
    """Goes through the texts once. ``components`` fills while the paths are made."""

    def __init__(self, texts: Node) -> None:
        self._texts = texts
        self._classes = {error.code: error for error in _classes(DaftariError)}
        self._components: dict[str, Node] = {
            "schemas": record_schemas() | {name: expand(schema) for name, schema in texts["schemas"].items()},
            "parameters": {},
            "headers": texts["headers"],
            "requestBodies": {},
            "responses": {},
            "examples": {},
            "securitySchemes": texts["securitySchemes"],
        }
        self._components["schemas"]["ErrorCode"]["oneOf"] = list(self._error_codes())

    def build(self) -> Node:
        texts, info, paths = self._texts, self._texts["info"], self._paths()
        for everywhere in ("RouteNotFound", "MethodNotAllowed"):
            self._error(everywhere)
        return {
            "openapi": texts["openapi"],
            "info": {**info, "description": paragraphs(info["description"]), "version": daftari.__version__},
            "servers": texts["servers"],
            "security": [{scheme: []} for scheme in texts["securitySchemes"]],
            "tags": [{"name": one["tag"], "description": one["description"]} for one in texts["subjects"]],
            "paths": paths,
            "components": {kind: dict(sorted(named.items())) for kind, named in self._components.items()},
        }

    def _paths(self) -> Node:
        left = {f"{route.method} {route.path}": route for route in ROUTES}
        paths: Node = {}
        for subject in self._texts["subjects"]:
            for call, text in subject["operations"].items():
                if call not in left:
                    raise BadText(f"{call}: there is no such route.")
                access = access_of(left.pop(call))
                method, path = call.split()
                if path not in paths:
                    paths[path] = self._path_item(path, subject, text)
                node = self._operation(text, access, method)
                paths[path][method.lower()] = node = {**node, "tags": [subject["tag"]]}
                if method == "GET" and access.keyed:
                    paths[path]["query"] = self._twin("QUERY", node, text)
                if method == "PUT" and left.pop(f"PATCH {path}", None):
                    paths[path]["patch"] = self._twin("PATCH", node, text)
        if left:
            raise BadText(f"{', '.join(left)}: no text is about this route.")
        return paths

    def _path_item(self, path: str, subject: Node, text: Node) -> Node:
        """What the operations of a path share. Its parameters are looked for among those of the subject first."""
        known = [*subject.get("parameters", {}).items(), *self._texts["parameters"].items()]
        in_path = {text["name"]: name for name, text in reversed(known) if text.get("in") == "path"}
        item: Node = {"servers": text["servers"]} if "servers" in text else {}
        fields = re.findall(r"\{(\w+)\}", path)
        return item | ({"parameters": [self._parameter(in_path[field]) for field in fields]} if fields else {})

    def _operation(self, text: Node, access: Access, method: str) -> Node:
        takes = (["Project"] if access.keyed else []) + text.get("takes", [])
        fields = [name for name in takes if self._place(name) != "header"]
        headers = ["IdempotencyKey"] * access.repeatable + [name for name in takes if self._place(name) == "header"]
        parameters = [self._parameter(name) for name in (*fields, *headers) if self._place(name) != "body"]
        node: Node = {"operationId": text["id"], "tags": [], "summary": text["summary"]}
        node["description"] = paragraphs(text["description"])
        node |= {"x-curl": text["x-curl"]} if "x-curl" in text else {}
        node |= {"parameters": parameters} if parameters else {}
        if access.keyed or "body" in text:
            node["requestBody"] = self._body(text, access, fields, method)
        node["responses"] = self._responses(text, access, headers)
        return node | ({} if access.keyed else {"security": []})

    def _twin(self, method: str, node: Node, text: Node) -> Node:
        """The same call under another method. What it answers gets a name, so that it stands in the document once."""
        first, answer = next(iter(node["responses"].items()))
        node["responses"][first] = self._named("responses", f"{_capital(text['id'])}Done", answer)
        about = self._texts["twins"][method]
        return {
            "operationId": text.get("twin") or re.sub("^[a-z]+", method.lower(), text["id"]),
            "tags": node["tags"],
            "summary": node["summary"] + about["summary"],
            "description": about["description"],
            "x-same-as": text["id"],
            **{member: node[member] for member in ("parameters", "requestBody", "responses")},
        }

    def _named(self, kind: str, name: str, node: Node) -> Node:
        """A reference to a component, which is made unless it is there. Raises ``BadText`` if another one is."""
        if self._components[kind].setdefault(name, node) != node:
            raise BadText(f"{kind}: {name} is two things.")
        return ref(kind, name)

    # ---- what a call takes ----

    def _place(self, name: str) -> str:
        return str(self._texts["parameters"][name].get("in", "query"))

    def _parameter(self, name: str) -> Node:
        text, place = self._texts["parameters"][name], self._place(name)
        node = {"name": text["name"], "in": place} | ({"required": True} if place == "path" else {})
        node |= {"description": text["description"], "schema": expand(text["schema"])}
        node |= {member: text[member] for member in ("example", "examples") if member in text}
        if node["schema"].get("type") == "array":
            node |= {"style": "form", "explode": text.get("explode", False)}
        return self._named("parameters", name, node)

    def _body(self, text: Node, access: Access, fields: list[str], method: str) -> Node:
        body = text.get("body", {})
        name = body.get("name") or ("NameProject" if fields == ["Project"] else _capital(text["id"]))
        node: Node = {member: body[member] for member in ("description", "required") if member in body}
        node["content"] = {media: _content(one) for media, one in body.get("content", {}).items()}
        if access.takes == "file":
            form = self._named("schemas", name, self._fields(fields, body, as_json=False))
            node["content"] = {"multipart/form-data": {"schema": form}, **node["content"]}
        elif access.takes == "fields" and access.keyed:
            form = whole = self._named("schemas", name, self._fields(fields, body, as_json=True))
            examples = body.get("examples") or {"reference": {"value": body.get("example", {"project": "Shopify"})}}
            node["content"][JSON] = {"schema": whole, "examples": examples}
            if body.get("form") == "flat":
                flat = [one for one in fields if self._place(one) == "query"]
                form = self._named("schemas", f"{name}Form", self._fields(flat, {}, as_json=True))
            node["content"] |= {FORM: {"schema": form}} if body.get("form") != "none" else {}
        if method in ("GET", "DELETE"):
            node = {"description": self._texts["body_of_get"], **node}
            return self._named("requestBodies", name, node)
        return self._named("requestBodies", _capital(text["id"]), node)

    def _fields(self, fields: list[str], body: Node, *, as_json: bool) -> Node:
        """The schema of an object of fields. In JSON they may be null unless they are required, and the key is one."""
        schema: Node = {"type": "object", **body.get("schema", {})}
        properties = schema["properties"] = {}
        for text in map(self._texts["parameters"].get, fields):
            given = expand(text["schema"])
            if text.get("in") != "body" and as_json:
                more = expand(text.get("json", {}))
                given = more if "$ref" in more else given | more
                is_fixed = "$ref" in given or text["name"] in schema.get("required", ())
                given = given if is_fixed else nullable(given)
            about = {"description": text["description"]} if "description" in text else {}
            properties[text["name"]] = given | about
        if as_json:
            properties["apiKey"] = self._texts["api_key"]
        return schema

    # ---- what a call answers ----

    def _responses(self, text: Node, access: Access, headers: list[str]) -> Node:
        more = ["Idempotent-Replayed"] * access.repeatable + ["ETag"] * ("IfNoneMatch" in headers)
        responses = {str(status): self._answer(answer, more) for status, answer in text["answers"].items()}
        if "IfNoneMatch" in headers:
            responses["304"] = self._named("responses", "NotModified", _without_content(self._texts["not_modified"]))
        errors = ["Malformed", "TooLarge", "Internal", "Busy"]
        if access.keyed:
            errors += ["Unauthenticated", "MayNotWrite" if access.writes else "MayNotRead"]
            errors += ["InvalidWrite" if access.repeatable else "Invalid"]
        errors += ["AlreadySent"] * access.repeatable + ["PreconditionFailed"] * ("IfMatch" in headers)
        errors += ["UnsupportedMedia"] * (access.keyed and access.takes == "fields") + ["Forged"] * access.by_token
        by_status = {self._status(name): name for name in (*errors, *text.get("errors", ()))}
        return responses | {status: self._error(by_status[status]) for status in sorted(by_status)}

    def _answer(self, given: Any, more: Iterable[str]) -> Node:
        """An answer that is no error. ``given`` may be the name of one that several calls have."""
        if isinstance(given, str):
            return self._named("responses", given, self._answer(self._texts["answers"][given], more))
        node = {**_without_content(given, more), "content": {}}
        if "schema" in given:
            examples = given.get("examples") or {"reference": {"value": given["example"]}}
            node["content"][JSON] = {"schema": expand(given["schema"]), "examples": examples}
        node["content"] |= {media: _content(one) for media, one in given.get("content", {}).items()}
        return node

    def _status(self, error: str) -> str:
        statuses = {str(status_of(self._classes[code])) for code in self._texts["errors"][error]["codes"]}
        if len(statuses) != 1:
            raise BadText(f"{error}: its codes must have one status, not {', '.join(sorted(statuses))}.")
        return statuses.pop()

    def _error(self, name: str) -> Node:
        """The response of one status, with its error codes. ``also`` names an error that it may be as well."""
        text = self._texts["errors"][name]
        node, codes = _without_content(text), list(text["codes"])
        if "also" in text:
            also = self._texts["errors"][text["also"]]
            node["description"] += f" Or {also['description'][0].lower()}{also['description'][1:]}"
            codes += also["codes"]
        classes = [self._classes[code] for code in codes]
        properties: Node = {"error_code": {"enum": codes}}
        if len({one.retryable for one in classes}) == 1:
            properties["retryable"] = {"const": classes[0].retryable}
        named = {issubclass(one, ValidationFailed) for one in classes}
        shape = ref("schemas", "ValidationErrors" if named == {True} else "Error")
        properties |= {"errors": ref("schemas", "Errors")} if len(named) == 2 else {}
        properties |= text.get("properties", {})
        examples = {_camel(code): self._named("examples", _camel(code), self._example(code)) for code in codes}
        for extra, example in text.get("examples", {}).items():
            examples[extra] = self._named("examples", extra, example)
        problem = {"allOf": [ref("schemas", "Problem"), shape]}
        fixed = {"status": {"const": int(self._status(name))}}
        closed = {"unevaluatedProperties": False}
        node["content"] = {
            JSON: {"schema": {**shape, "properties": properties, **closed}, "examples": examples},
            PROBLEM: {"schema": {**problem, "properties": properties | fixed, **closed}},
        }
        return self._named("responses", name, node)

    def _example(self, code: str) -> Node:
        text, error = self._texts["codes"][code], self._classes[code]
        value = {"message": text["example"], "error_code": code, "retryable": error.retryable}
        more = {"errors": text["errors"]} if "errors" in text else {}
        return {"summary": code, "value": {**value, "request_id": REQUEST_ID, **more}}

    def _error_codes(self) -> Iterator[Node]:
        for code, text in self._texts["codes"].items():
            error = self._classes[code]
            known = {"const": code, "x-status": status_of(error), "x-retryable": error.retryable}
            yield {**known, "description": text["description"]}


def _without_content(given: Node, more: Iterable[str] = ()) -> Node:
    """A response with the headers that every answer has, ``more``, and its own."""
    names = ("X-Request-Id", "Cache-Control", *more, *given.get("headers", ()))
    return {"description": given["description"], "headers": {name: ref("headers", name) for name in names}}


def _content(given: Node) -> Node:
    return {member: expand(one) if member in ("schema", "itemSchema") else one for member, one in given.items()}


def _classes(error: type[DaftariError]) -> Iterator[type[DaftariError]]:
    """All classes under one, and then itself: of two with one code the upper one counts."""
    for lower in error.__subclasses__():
        yield from _classes(lower)
    yield error


if __name__ == "__main__":
    main()
