"""Builds ``openapi.json`` from the routes, the records, the table of errors, the limits and the texts in ``texts/``.

``make openapi`` runs it, and a server only reads what it wrote. A route gives method, path and access; its text gives
prose, parameters and examples. No request is answered here. This module needs PyYAML, which a server does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

import daftari
from daftari.api.reference.plain import downgrade
from daftari.api.reference.records import BadText, Node, read_records, ref
from daftari.api.routes import ROUTES
from daftari.errors import DaftariError, ValidationFailed
from daftari.gateways import GATEWAYS
from daftari.model import limits
from daftari.model.consent import CHANNELS, PURPOSES
from daftari.model.projects import KeyKind
from daftari.web.errors import PROBLEM, status_of
from daftari.web.routing import Route

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LINE_WIDTH = 120
REQUEST_ID = "01j9x8y2v4k7m3n5p6q8r0s2t4"
"""The request id in every example of an error."""
SECTIONS = ("parameters", "schemas", "errors", "answers", "codes")
"""Parts of a text whose names all texts may use."""
WORDS = {"CHANNELS": CHANNELS, "PURPOSES": PURPOSES, "PROVIDERS": tuple(sorted(GATEWAYS))}
"""Names that stand for several words of an ``enum``."""
BOUNDS = frozenset({"maximum", "maxLength", "maxItems", "maxProperties", "default"})
"""Members of a schema in which a name in capitals stands for the limit of that name."""


def build(texts: Node) -> Node:
    """Returns the document. Raises ``BadText`` where the texts, the records and the routes do not fit together."""
    built: Node = compose(_Builder(texts, is_plain=False).build())
    return built


def build_plain(texts: Node) -> Node:
    """Returns the document in OpenAPI 3.0, in which each call takes its fields in one place and in one format."""
    return downgrade(compose(_Builder(texts, is_plain=True).build()))


def compose(node: Any) -> Any:
    """Returns a document in which a reference stands alone: many readers drop what stands next to one."""
    if isinstance(node, list):
        return [compose(one) for one in node]
    if not isinstance(node, dict):
        return node
    rest = {member: compose(one) for member, one in node.items() if member != "$ref"}
    if "$ref" not in node:
        return rest
    reference = {"$ref": node["$ref"]}
    return {"allOf": [reference], **rest} if rest else reference


def render(node: Any, indent: int = 0) -> str:
    """Returns JSON in which short values take one line, so that a diff of the document is short."""
    flat = json.dumps(node, ensure_ascii=False)
    if not isinstance(node, dict | list) or not node or indent + len(flat) < LINE_WIDTH:
        return flat
    named = isinstance(node, dict)
    items = [(f"{json.dumps(one)}: ", node[one]) for one in node] if named else [("", one) for one in node]
    margin = "\n" + " " * indent
    return flat[0] + ",".join(f"{margin}  {name}{render(one, indent + 2)}" for name, one in items) + margin + flat[-1]


def main() -> None:
    """Write the document next to this module, in both forms."""
    for name, built in (("openapi", build(read_texts())), ("openapi-3.0", build_plain(read_texts()))):
        Path(__file__).with_name(f"{name}.json").write_text(render(built) + "\n", encoding="utf-8")


# ---- texts ------------------------------------------------------------------------------------------


class _Names(Node):
    """Texts, or classes of errors, by name. Raises ``BadText`` for a missing one."""

    def __missing__(self, name: str) -> Any:
        raise BadText(f"{name}: no text, and no class of errors, has this name.")


def read_texts() -> Node:
    """Returns ``document.yaml`` with the files named in its ``subjects``, and with the sections of all files merged."""
    texts = _read_text("document")
    texts["subjects"] = [_read_text(name) for name in texts["subjects"]]
    for section in SECTIONS:
        known = texts[section] = _Names(texts.get(section, {}))
        for subject in texts["subjects"]:
            if twice := known.keys() & subject.get(section, {}).keys():
                raise BadText(f"{section}: {', '.join(twice)} stands in two texts.")
            known |= subject.get(section, {})
    return texts


def _read_text(name: str) -> Node:
    path = Path(__file__).parent / "texts" / f"{name}.yaml"
    text: Node = expand(yaml.load(path.read_bytes(), yaml.CSafeLoader))
    return text


def expand(node: Any) -> Any:
    """Returns a text in which names of limits, words and schemas are replaced by numbers, words and references."""
    match node:
        case dict():
            return {member: _expand_member(member, one) for member, one in node.items()}
        case list():
            return [word for one in node for word in (WORDS.get(one, [one]) if isinstance(one, str) else [expand(one)])]
        case _:
            return node


def _expand_member(member: str, node: Any) -> Any:
    if not isinstance(node, str):
        return expand(node)
    if member == "$ref":
        return ref("schemas", node)["$ref"]
    return getattr(limits, node) if member in BOUNDS and node.isupper() else node


# ---- the document -----------------------------------------------------------------------------------


class _Builder:
    """Builds one document. Components are added while the paths are built.

    ``is_plain``: each field of a call is in one place, as most generators want it: in the query string of GET and
    DELETE, else in the body.
    """

    def __init__(self, texts: Node, *, is_plain: bool) -> None:
        self._texts = texts
        self._is_plain = is_plain
        self._fields: Node = texts["parameters"]
        self._errors: Node = texts["errors"]
        self._classes = _Names({error.code: error for error in _classes(DaftariError)})
        kinds = ("parameters", "responses", "examples")
        self._components: Node = {"schemas": read_records(), **{kind: {} for kind in kinds}}
        self._records = set(self._components["schemas"])
        self._components |= {kind: texts[kind] for kind in ("headers", "securitySchemes")}
        for name, schema in texts["schemas"].items():
            self._name("schemas", name, schema)
        codes = self._components["schemas"]["ErrorCode"]
        codes["enum"] = list(texts["codes"])
        codes["x-codes"] = [
            {"code": code, "status": int(self._status([code])), "retryable": self._classes[code].retryable}
            | {"description": text["description"]}
            for code, text in texts["codes"].items()
        ]

    def build(self) -> Node:
        texts, info, paths = self._texts, self._texts["info"], self._paths()
        for everywhere in ("RouteNotFound", "MethodNotAllowed"):
            self._error(everywhere)
        # A record that is only a base of others, or may be null wherever it is, is not referred to.
        written = json.dumps([paths, self._components])
        for name in self._records - set(re.findall("#/components/schemas/([A-Za-z]+)", written)):
            del self._components["schemas"][name]
        return {
            "openapi": texts["openapi"],
            "info": {**info, "description": _paragraphs(info), "version": daftari.__version__},
            "servers": texts["servers"],
            "security": self._security("read"),
            "tags": [{"name": one["tag"], "description": one["description"]} for one in texts["subjects"]],
            "paths": paths,
            "components": {kind: dict(sorted(named.items())) for kind, named in self._components.items()},
        }

    def _security(self, needed: KeyKind | None) -> list[Node]:
        """The ways to send a key, each with the kind that is needed; version 3.0 knows no kinds."""
        if needed is None:
            return []
        kinds = [] if self._is_plain else [needed]
        return [{scheme: kinds} for scheme in self._texts["securitySchemes"]]

    def _paths(self) -> Node:
        left = {f"{route.method} {route.path}": route for route in ROUTES}
        paths: Node = {}
        for subject in self._texts["subjects"]:
            for call, text in subject["operations"].items():
                if call not in left:
                    raise BadText(f"{call}: there is no such route.")
                route = left.pop(call)
                item = paths.setdefault(route.path, self._path_item(route, subject, text))
                node = item[route.method.lower()] = self._operation(route, text, subject["tag"])
                if route.method == "GET" and route.needed and not self._is_plain:
                    item["query"] = self._same_call("QUERY", node, text)
                if route.method == "PUT" and f"PATCH {route.path}" in left:
                    del left[f"PATCH {route.path}"]
                    item["patch"] = self._same_call("PATCH", node, text)
        if left:
            raise BadText(f"{', '.join(left)}: no text is about this route.")
        return paths

    def _path_item(self, route: Route, subject: Node, text: Node) -> Node:
        """What the operations of a path share. Its parameters are looked for among those of the subject first."""
        known = [*subject.get("parameters", {}).items(), *self._fields.items()]
        in_path = _Names({one["name"]: name for name, one in reversed(known) if one.get("in") == "path"})
        parameters = [self._parameter(in_path[field]) for field in re.findall(r"\{(\w+)\}", route.path)]
        servers = {"servers": text["servers"]} if "servers" in text else {}
        return servers | ({"parameters": parameters} if parameters else {})

    def _operation(self, route: Route, text: Node, tag: str) -> Node:
        takes = (["Project"] if route.needed else []) + text.get("takes", [])
        fields = [name for name in takes if self._place(name) != "header"]
        headers = ["IdempotencyKey"] * route.is_repeatable + [name for name in takes if name not in fields]
        has_body = route.method not in ("GET", "DELETE") if self._is_plain else bool(route.needed) or "body" in text
        in_body = fields if self._is_plain and has_body and route.body.kind != "lines" else []
        flat = [name for name in fields if self._place(name) != "body" and name not in in_body]
        parameters = [self._parameter(name) for name in (*flat, *headers)]
        node: Node = {"operationId": text["id"], "tags": [tag], "summary": text["summary"]}
        node["description"] = _paragraphs(text)
        node |= {"x-curl": text["x-curl"]} if "x-curl" in text else {}
        node |= {"parameters": parameters} if parameters else {}
        if has_body:
            node["requestBody"] = self._body(route, text, fields)
        node["responses"] = self._responses(route, text, headers)
        # A call that needs a key of kind read has the security of the document.
        return node if route.needed == "read" else {**node, "security": self._security(route.needed)}

    def _same_call(self, method: str, node: Node, text: Node) -> Node:
        """The same call under another method. What it answers gets a name, so that it stands in the document once."""
        first, answer = next(iter(node["responses"].items()))
        node["responses"][first] = self._name("responses", f"{_capital(text['id'])}Done", answer)
        about = self._texts["same_calls"][method]
        return node | {
            "operationId": text.get("id_of_query") or re.sub("^[a-z]+", method.lower(), text["id"]),
            "summary": node["summary"] + about["summary"],
            "description": about["description"],
            "x-same-as": text["id"],
        }

    def _name(self, kind: str, name: str, node: Node) -> Node:
        """Returns a reference to a component, and adds it. Raises ``BadText`` if another one has the name."""
        if self._components[kind].setdefault(name, node) != node:
            raise BadText(f"{kind}: {name} is two things.")
        return ref(kind, name)

    # ---- what a call takes ----

    def _place(self, name: str) -> str:
        return str(self._fields[name].get("in", "query"))

    def _parameter(self, name: str) -> Node:
        text, place = self._fields[name], self._place(name)
        node = {"name": text["name"], "in": place} | ({"required": True} if place == "path" else {})
        node |= {member: text[member] for member in ("description", "schema", "example", "examples") if member in text}
        is_list = text["schema"].get("type") == "array"
        node |= {"style": "form", "explode": text.get("explode", False)} if is_list else {}
        return self._name("parameters", name, node)

    def _body(self, route: Route, text: Node, fields: list[str]) -> Node:
        body = text.get("body", {})
        name = body.get("name") or ("NameProject" if fields == ["Project"] else _capital(text["id"]))
        content = dict(body.get("content", {}))
        if route.body.kind == "file":
            form = self._name("schemas", f"{name}Body", self._object(fields, body, as_json=False))
            content = {"multipart/form-data": {"schema": form}} | ({} if self._is_plain else content)
        elif route.body.kind == "fields" and route.needed:
            form = whole = self._name("schemas", f"{name}Body", self._object(fields, body, as_json=True))
            examples = _examples({"example": self._texts["example_of_body"], **body})
            content[JSON] = {"schema": whole, "examples": examples}
            if self._is_plain:
                return {member: body[member] for member in ("description", "required") if member in body} | {
                    "content": content
                }
            if body.get("form") == "flat":
                flat = [one for one in fields if self._place(one) == "query"]
                form = self._name("schemas", f"{name}Form", self._object(flat, {}, as_json=True))
            content |= {FORM: {"schema": form}} if body.get("form") != "none" else {}
        node = {member: body[member] for member in ("description", "required") if member in body}
        if route.method in ("GET", "DELETE"):
            node["description"] = self._texts["body_of_get"]
        return {**node, "content": content}

    def _object(self, fields: list[str], body: Node, *, as_json: bool) -> Node:
        """The schema of an object of fields. In JSON they may be null unless they are required, and the key is one."""
        schema: Node = {"type": "object", **body.get("schema", {})}
        takes_key = as_json and not self._is_plain
        properties = schema["properties"] = {}
        for text in (self._fields[name] for name in fields):
            given = text["schema"]
            if as_json and not self._is_plain and text.get("in") != "body":
                given = text.get("json", {}) if "$ref" in text.get("json", {}) else given | text.get("json", {})
                given = given if "$ref" in given or text["name"] in schema.get("required", ()) else _nullable(given)
            properties[text["name"]] = given | {member: text[member] for member in ("description",) if member in text}
        return schema | {"properties": properties | ({"apiKey": self._texts["api_key"]} if takes_key else {})}

    # ---- what a call answers ----

    def _responses(self, route: Route, text: Node, headers: list[str]) -> Node:
        more = ["Idempotent-Replayed"] * route.is_repeatable + ["ETag"] * ("IfNoneMatch" in headers)
        responses = {str(status): self._answer(answer, more) for status, answer in text["answers"].items()}
        if "IfNoneMatch" in headers:
            responses["304"] = self._name("responses", "NotModified", _response(self._texts["not_modified"]))
        errors = ["Malformed", "TooLarge", "Internal", "Busy"]
        if route.needed:
            errors += ["Unauthenticated", f"MayNot{route.needed.capitalize()}"]
            errors += ["InvalidWrite" if route.is_repeatable else "Invalid"]
            errors += ["UnsupportedMedia"]
        errors += ["AlreadySent"] * route.is_repeatable + ["PreconditionFailed"] * ("IfMatch" in headers)
        errors += ["Forged"] * (route.access == "token") + text.get("errors", [])
        for status, name in self._texts["bare_answers"].items():
            responses[status] = self._name("responses", name, {"description": self._texts["bare"][name]})
        by_status = {self._status(self._errors[name]["codes"]): name for name in errors}
        return responses | {status: self._error(by_status[status]) for status in sorted(by_status)}

    def _answer(self, given: Any, more: list[str]) -> Node:
        """An answer that is no error. ``given`` may be the name of one that several calls have."""
        if isinstance(given, str):
            return self._name("responses", given, self._answer(self._texts["answers"][given], more))
        content = given.get("content", {})
        if "schema" in given:
            shown = {"schema": ref("schemas", given["schema"]), "examples": _examples(given)}
            content = {JSON: shown, **content}
        return {**_response(given, more), "content": content}

    def _status(self, codes: list[str]) -> str:
        statuses = sorted({str(status_of(self._classes[code])) for code in codes})
        if len(statuses) != 1:
            raise BadText(f"{', '.join(codes)}: the codes of an error must have one status, not {', '.join(statuses)}.")
        return statuses[0]

    def _error(self, name: str) -> Node:
        """The response of one status, with its error codes. ``also`` names an error that it may be as well."""
        text = self._errors[name]
        node, codes = _response(text), text["codes"]
        if "also" in text:
            also = self._errors[text["also"]]
            node["description"] += f" Or {also['description'][0].lower()}{also['description'][1:]}"
            codes = codes + also["codes"]
        classes = [self._classes[code] for code in codes]
        retryable, fields = {one.retryable for one in classes}, {issubclass(one, ValidationFailed) for one in classes}
        if self._is_plain:
            node["content"] = {
                JSON: {"schema": ref("schemas", _shape_of(fields)), "examples": self._error_examples(text, codes)}
            }
            return self._name("responses", name, node)
        properties: Node = {"error_code": {"type": "string", "enum": codes}}
        properties |= {"retryable": {"const": retryable.pop()}} if len(retryable) == 1 else {}
        properties |= {"errors": ref("schemas", "Errors")} if len(fields) == 2 else {}
        properties |= text.get("properties", {})
        status = {"status": {"const": int(self._status(codes))}}
        shape = ref("schemas", _shape_of(fields))
        examples = self._error_examples(text, codes)
        closed = {"properties": properties, "unevaluatedProperties": False}
        problem = {"allOf": [ref("schemas", "Problem"), shape], **closed, "properties": properties | status}
        node["content"] = {JSON: {"schema": shape | closed, "examples": examples}, PROBLEM: {"schema": problem}}
        return self._name("responses", name, node)

    def _error_examples(self, text: Node, codes: list[str]) -> Node:
        examples = {_camel(code): self._name("examples", _camel(code), self._example(code)) for code in codes}
        return examples | {extra: self._name("examples", extra, one) for extra, one in text.get("examples", {}).items()}

    def _example(self, code: str) -> Node:
        text, error = self._texts["codes"][code], self._classes[code]
        value = {"message": text["example"], "error_code": code, "retryable": error.retryable, "request_id": REQUEST_ID}
        return {"summary": code, "value": value | ({"errors": text["errors"]} if "errors" in text else {})}


def _shape_of(fields: set[bool]) -> str:
    """The schema of an error: whether all of its codes name fields, or none, or some."""
    return "ValidationErrors" if fields == {True} else "Error"


def _response(given: Node, more: Iterable[str] = ()) -> Node:
    """A response without its content: with the headers that every answer has, ``more``, and its own."""
    names = ("X-Request-Id", "Cache-Control", *more, *given.get("headers", ()))
    return {"description": given["description"], "headers": {name: ref("headers", name) for name in names}}


def _examples(given: Node) -> Node:
    """The examples of a text, or its only one."""
    examples: Node = given.get("examples") or {"reference": {"value": given["example"]}}
    return examples


def _nullable(schema: Node) -> Node:
    """The schema of a field that may be null, which is like leaving it out; so is a blank for one of a few words."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]} | ({"enum": [*schema["enum"], "", None]} if "enum" in schema else {})


def _paragraphs(text: Node) -> str:
    """A description. YAML folds a blank line into one line feed, and a paragraph ends in two."""
    return str(text["description"]).replace("\n", "\n\n")


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def _camel(code: str) -> str:
    return code.title().replace("_", "")


def _classes(error: type[DaftariError]) -> Iterator[type[DaftariError]]:
    """All classes under one, and then itself: of two with one code the upper one counts."""
    for lower in error.__subclasses__():
        yield from _classes(lower)
    yield error


if __name__ == "__main__":
    main()
