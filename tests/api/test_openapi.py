"""The OpenAPI document says what the service does: every route and error code, with examples that are true to it.

That every answer fits the document is held by ``tests.support.contract``, through which all answers of all tests pass;
how the document is built, and that it has every route, by ``test_reference_builder``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from importlib import import_module
from itertools import pairwise
from typing import Any, get_args
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator
from msgspec.json import encode
from openapi_spec_validator import OpenAPIV32SpecValidator

import daftari
from daftari import errors
from daftari.api.reference.document import Node, Operation, document, operations, resolved, tree
from daftari.api.reference.page import page
from daftari.api.routes import ROUTES, build_router
from daftari.gateways import GATEWAYS
from daftari.model import contacts
from daftari.model.consent import CHANNELS, FactKind, Source
from daftari.model.inbound import DAFTARI
from daftari.rules.consent.views import SENTENCES
from daftari.rules.inbound.review import SETTLEMENTS
from daftari.web.errors import status_of
from daftari.web.routing import READS, Route
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.contract import Shape, check_answer, inlined

NOT_OVER_HTTP = {
    "PROJECT_NOT_FOUND",
    "PROJECT_TAKEN",
    "KEY_NOT_FOUND",
    "TOKEN_NOT_FOUND",
    "TOKEN_OF_CONNECTION",
    "TOKEN_OF_SENDER",
    "SCHEMA_MISMATCH",
    "BAD_SETTINGS",
    "SEAL_BROKEN",
}
"""Errors of the commands and of the worker."""
NEVER_BARE = {"ERROR", "NOT_FOUND", "CONFLICT"}
"""Errors that are raised only as one of the classes under them, or become a field's sentence."""
OF_THE_CONSOLE = {
    *("daftari.rules.access.errors", "daftari.rules.undo.errors", "daftari.rules.bulk.errors"),
    "daftari.rules.people.opt_outs",
}
"""The errors of users, which no call of the API ends with."""


def _named(operation: Operation) -> str:
    return operation.name


# ---- the document -----------------------------------------------------------------------------------


def test_the_document_is_valid_openapi() -> None:
    assert tree()["openapi"].startswith("3.2.")
    assert [error.message for error in OpenAPIV32SpecValidator(tree()).iter_errors()] == []


def test_the_document_carries_the_version_of_the_package() -> None:
    assert tree()["info"]["version"] == daftari.__version__


@each("operation", operations(), ids=_named)
def test_every_address_of_a_call_leads_to_its_route(operation: Operation) -> None:
    path = re.sub(r"\{\w+\}", "1", operation.path)
    router = build_router()
    for server in _servers(operation):
        for slash in ("", "/"):
            route = router.match(operation.method, server + path + slash).route
            assert (route.path, READS.get(operation.method, operation.method)) == (operation.path, route.method)


@each("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_call_says_which_key_it_needs_and_what_it_answers_with(route: Route) -> None:
    node = next(one.node for one in operations() if (one.method, one.path) == (route.method, route.path))
    ways = node.get("security", tree()["security"])
    assert ways == ([{"bearer": [route.needed]}, {"query": [route.needed]}] if route.needed else [])
    assert ("401" in node["responses"]) == (route.access != "open")
    if route.needed:
        lesser = {"read": set(), "write": {"READ_ONLY_KEY"}, "manage": {"MANAGE_KEY_REQUIRED"}}[route.needed]
        assert set(_codes(resolved(node["responses"]["403"]))) == {"WRONG_PROJECT"} | lesser
    assert route.media_type.partition(";")[0] in _first_answer(node)["content"]


def _servers(operation: Operation) -> list[str]:
    servers = tree()["paths"][operation.path].get("servers", tree()["servers"])
    return [str(server["url"]).rstrip("/") for server in servers]


def _first_answer(node: Node) -> Node:
    return resolved(next(iter(node["responses"].values())))


def test_query_is_there_wherever_get_takes_parameters() -> None:
    takes = {one.path for one in operations() if one.method == "GET" and "requestBody" in one.node}
    assert {one.path for one in operations() if one.method == "QUERY"} == takes


def test_the_same_call_by_another_method_takes_and_answers_the_same() -> None:
    named = {operation.name: operation.node for operation in operations()}
    for node in named.values():
        if "x-same-as" in node:
            original = named[node["x-same-as"]]
            for member in ("parameters", "requestBody", "responses"):
                assert node[member] == original[member], node["operationId"]


def test_operation_names_are_unique() -> None:
    names = [operation.name for operation in operations()]
    assert len(names) == len(set(names))


def test_nothing_in_the_document_is_left_unused() -> None:
    components = tree()["components"]
    kinds = components.keys() - {"securitySchemes"}
    named = {f"#/components/{kind}/{name}" for kind in kinds for name in components[kind]}
    used = set(re.findall(r'"\$ref": ?"([^"]+)"', document().decode()))
    every_address_has_them = {f"#/components/responses/{name}" for name in ("RouteNotFound", "MethodNotAllowed")}
    assert named == used | every_address_has_them


@each("operation", operations(), ids=_named)
def test_flat_parameters_are_in_the_query_string_and_in_the_body_alike(operation: Operation) -> None:
    """So says the contract of every call. What is nested comes as JSON, and a key in the query is a security scheme."""
    if "{token}" in operation.path:
        return  # What is sent there is the provider's own.
    in_query = {one["name"]: one["description"] for one in operation.parameters if one["in"] == "query"}
    body = resolved(operation.node.get("requestBody", {}))
    if not body:
        assert set(in_query) <= {"version"}
        return
    nested = {
        "contacts",
        "contact",
        "items",
        "file",
        "settings",
        "credentials",
        "params",
        "on",
        "unless",
        "fields",
        "events",
    }
    nested |= {"filter", "groups", "ids"} if "Connection" in operation.name else set()
    for media, content in body["content"].items():
        if "properties" not in resolved(content.get("schema", {})):
            continue  # A file, or lines: no fields.
        fields = {name: resolved(one) for name, one in resolved(content["schema"])["properties"].items()}
        flat = {name: one["description"] for name, one in fields.items() if name not in {*nested, "apiKey"}}
        assert flat == in_query, media
        # Who sends a file is known before it comes.
        assert ("apiKey" in fields) != ("file" in fields)


@each("operation", operations(), ids=_named)
def test_a_call_says_in_words_what_it_does_and_answers(operation: Operation) -> None:
    node = operation.node
    assert node["summary"]
    assert node["description"].endswith(".")
    for parameter in operation.parameters:
        assert parameter["description"].endswith("."), parameter["name"]
    for status, answer in node["responses"].items():
        assert resolved(answer)["description"].endswith("."), status


# ---- errors -----------------------------------------------------------------------------------------


def _classes(root: type[errors.DaftariError]) -> Iterator[type[errors.DaftariError]]:
    yield root
    for child in root.__subclasses__():
        yield from _classes(child)


def test_every_error_is_in_the_document_with_its_status() -> None:
    import_module("daftari.console.routes")  # It brings every rule, and so every error, whatever ran before.
    known = {
        error.code: (status_of(error), error.retryable)
        for error in _classes(errors.DaftariError)
        if error.__module__.startswith("daftari")
        and error.__module__ not in OF_THE_CONSOLE
        and error.code not in NOT_OVER_HTTP | NEVER_BARE
    }
    assert {one["code"]: (one["status"], one["retryable"]) for one in _error_codes()} == known


def test_every_error_code_belongs_to_a_status_that_some_answer_has() -> None:
    status_by_code = {one["code"]: one["status"] for one in _error_codes()}
    seen = {"ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED"}
    for operation in operations():
        for status, answer in operation.node["responses"].items():
            for code in _codes(resolved(answer)):
                assert status_by_code[code] == int(status), f"{operation.name} {status}"
                seen.add(code)
    assert seen == set(status_by_code)


def _error_codes() -> list[Node]:
    codes: list[Node] = tree()["components"]["schemas"]["ErrorCode"]["x-codes"]
    return codes


def _codes(response: Node) -> list[str]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    codes: list[str] = schema.get("properties", {}).get("error_code", {}).get("enum", [])
    return codes


# ---- words ------------------------------------------------------------------------------------------


def test_the_words_in_the_document_are_those_of_the_service() -> None:
    schemas = tree()["components"]["schemas"]
    assert set(schemas["Reason"]["properties"]["code"]["enum"]) == {*SENTENCES, "opted_out", "still_billed"}
    assert schemas["Review"]["properties"]["provider"]["enum"] == sorted([*GATEWAYS, DAFTARI])
    assert schemas["Fact"]["properties"]["kind"]["enum"] == list(get_args(FactKind))
    assert schemas["Fact"]["properties"]["source"]["enum"] == list(get_args(Source))
    assert schemas["SettleReviewBody"]["properties"]["as"]["enum"] == list(SETTLEMENTS)
    assert schemas["Audience"]["properties"]["channel"]["enum"] == list(CHANNELS)


def test_a_contact_has_the_members_of_a_card_in_their_order() -> None:
    documented = list(tree()["components"]["schemas"]["Contact"]["properties"])
    assert documented == [*contacts.Card.__struct_fields__, "groups", "consent", "updated_at", "suppressed"]


# ---- examples ---------------------------------------------------------------------------------------


def _examples(node: Any, place: str = "#") -> Iterator[tuple[str, Any, Any]]:
    """Every example in the document: where it stands, its schema, its value."""
    if isinstance(node, list):
        for index, one in enumerate(node):
            yield from _examples(one, f"{place}/{index}")
    if not isinstance(node, dict):
        return
    if "schema" in node:
        if "example" in node:
            yield place, node["schema"], node["example"]
        for name, example in node.get("examples", {}).items():
            yield f"{place}/examples/{name}", node["schema"], resolved(example)["value"]
    for name, example in node.get("examples", {}).items() if "itemSchema" in node else ():
        for number, line in enumerate(example["serializedValue"].splitlines()):
            yield f"{place}/examples/{name}/{number}", node["itemSchema"], json.loads(line)
    for name, one in node.items():
        if name not in ("example", "examples", "value"):
            yield from _examples(one, f"{place}/{name}")


@each("place, schema, value", _examples(tree()), ids=(place for place, *_ in _examples(tree())))
def test_an_example_fits_its_schema(place: str, schema: Any, value: Any) -> None:
    validator = Shape if "/responses/" in place else Draft202012Validator
    assert [error.message for error in validator(inlined(schema)).iter_errors(value)] == []


def test_every_body_and_every_answer_has_an_example() -> None:
    for operation in operations():
        answers = [resolved(one) for one in operation.node["responses"].values()]
        for node in [resolved(operation.node.get("requestBody", {})), *answers]:
            media = node.get("content", {}).get("application/json", {})
            if media and operation.name != "getOpenapi":
                assert media["examples"], operation.name


SENDER = {"name": "DUKA", "gateway": "log", "channel": "sms"}
GROUP = {"name": "Shopify Mpesa"}
"""The sender and the group that the examples name."""


@each("operation", operations(), ids=_named)
def test_the_service_understands_the_example_of_every_call(operation: Operation, ana: Client, chao: Client) -> None:
    """In a book with nothing but a sender and, for webhooks, a group, so what is named may not be there."""
    ana.post("/v1/senders", SENDER)
    if "Webhook" in operation.name:
        ana.post("/v1/groups", GROUP)
    body = resolved(operation.node.get("requestBody", {}))
    examples = [
        (media, one) for media, node in body.get("content", {}).items() for one in node.get("examples", {}).values()
    ]
    for server in _servers(operation):
        for media, example in examples or [("application/json", {"value": {}})]:
            client = chao if example.get("value", {}).get("project") == "Kalro" else ana
            given = example["serializedValue"].encode() if "serializedValue" in example else encode(example["value"])
            path = server + _example_path(operation)
            answer = client.call(operation.method, path, body=given, headers={"Content-Type": media})
            assert answer.status in (200, 201, 202, 404, 409) or (answer.status == 401 and "{token}" in operation.path)


@each("operation", operations(), ids=_named)
def test_the_service_understands_the_example_of_every_query_parameter(operation: Operation, ana: Client) -> None:
    ana.post("/v1/senders", SENDER)
    for parameter in operation.parameters:
        if parameter["in"] == "query":
            if parameter["name"] in ("group", "groups"):
                ana.post("/v1/groups", {"name": parameter["example"]})
            query = {parameter["name"]: parameter["example"]}
            answer = ana.call(operation.method, f"/v1{_example_path(operation)}", query=query)
            assert answer.status == 200 or parameter["name"] not in answer.json().get("errors", {})


def _example_path(operation: Operation) -> str:
    path = operation.path
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            examples = [one["value"] for one in parameter.get("examples", {}).values()] or [parameter["example"]]
            path = path.replace(f"{{{parameter['name']}}}", quote(str(examples[0]), safe=""))
    return path


# ---- the validator itself ---------------------------------------------------------------------------

USUAL = {"Content-Type": "application/json", "X-Request-Id": "r1", "Cache-Control": "private, no-store"}
DELETED = b'{"message":"Contact deleted successfully"}'
CRASHED = b'{"message":"Oh.","error_code":"INTERNAL","retryable":false,"request_id":"r1"}'


@pytest.mark.parametrize(
    "path", ["/v1/contacts/1", "/api/v1/contacts/1/", "/v1/contacts/%2B254725164293?project=Kalro"]
)
def test_an_answer_that_fits_passes(path: str) -> None:
    check_answer("DELETE", path, 200, USUAL, DELETED)
    check_answer("DELETE", path, 500, USUAL, CRASHED)


@pytest.mark.parametrize(
    ("method", "path", "status", "changed", "body", "said"),
    [
        ("DELETE", "/v1/contacts/1", 200, {}, b'{"message":"Done"}', "was expected"),
        ("DELETE", "/v1/contacts/1", 200, {}, DELETED[:-1] + b',"id":1}', "'id' was unexpected"),
        ("DELETE", "/v1/contacts/1", 200, {}, b"{}", "'message' is a required property"),
        ("DELETE", "/v1/contacts/1", 200, {}, b"", "not sound JSON"),
        ("DELETE", "/v1/contacts/1", 200, {}, b'{"message":"","message":""}', "there twice"),
        ("DELETE", "/v1/contacts/1", 200, {"Content-Type": "text/html"}, DELETED, "content type"),
        ("DELETE", "/v1/contacts/1", 200, {"Cache-Control": "public"}, DELETED, "Cache-Control"),
        ("DELETE", "/v1/contacts/1", 204, {}, DELETED, "the document has only"),
        ("DELETE", "/v1/contacts", 200, {}, DELETED, "no such method"),
        ("DELETE", "/v2/contacts", 200, {}, DELETED, "no such path"),
        ("DELETE", "/v1/contacts/1", 500, {}, CRASHED.replace(b"false", b"true"), "False was expected"),
        ("DELETE", "/v1/contacts/1", 500, {}, CRASHED.replace(b"INTERNAL", b"BUSY"), "is not one of"),
        ("DELETE", "/v1/contacts/1", 401, {}, CRASHED.replace(b"INTERNAL", b"UNAUTHENTICATED"), "WWW-Authenticate"),
        ("GET", "/v1/groups", 200, {}, b'{"next":null,"groups":[]}', "in the order"),
        ("HEAD", "/v1/groups", 200, {}, b'{"groups":[],"next":null}', "has a body"),
    ],
)
def test_an_answer_that_does_not_fit_is_reported(
    method: str, path: str, status: int, changed: dict[str, str], body: bytes, said: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_answer(method, path, status, USUAL | changed, body)


LINE, END = b'{"mobile":"254725164293","id":1}\n', b'{"end":true,"count":1,"excluded":{}}\n'


@pytest.mark.parametrize(
    ("media", "body", "said"),
    [
        ("application/x-ndjson", LINE + END, None),
        ("application/x-ndjson", LINE + END[:-1], "its last line does not end"),
        ("application/x-ndjson", LINE + b"\n" + END, "in line 2"),
        ("application/x-ndjson", b'{"id":1,"mobile":"254725164293"}\n' + END, "in line 1"),
        ("text/csv", b"mobile,id\r\n254725164293,1\r\n", None),
        ("text/csv", b"254725164293,1\r\n", "does not match"),
        ("text/plain", b"254725164293", "content type"),
    ],
)
def test_an_answer_that_is_no_json_is_held_to_its_shape_too(media: str, body: bytes, said: str | None) -> None:
    headers = USUAL | {"Content-Type": media}
    if said is None:
        check_answer("GET", "/v1/audience", 200, headers, body)
    else:
        with pytest.raises(AssertionError, match=said):
            check_answer("GET", "/v1/audience", 200, headers, body)


def test_an_answer_without_a_request_id_is_reported() -> None:
    headers = {name: value for name, value in USUAL.items() if name != "X-Request-Id"}
    with pytest.raises(AssertionError, match="has no X-Request-Id"):
        check_answer("DELETE", "/v1/contacts/1", 200, headers, DELETED)


# ---- the page ---------------------------------------------------------------------------------------


class Read(HTMLParser):
    """What the page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @cached_property
    def text(self) -> str:
        return "".join(self.pieces)

    @cached_property
    def ids(self) -> list[str]:
        return [str(given["id"]) for _, given in self.tags if "id" in given]


@pytest.fixture(scope="module")
def read() -> Read:
    return Read(page().decode())


@each("operation", operations(), ids=_named)
def test_the_page_shows_every_call_with_what_it_takes_and_answers(operation: Operation, read: Read) -> None:
    assert f"{operation.method} {_servers(operation)[0]}{operation.path}" in read.text
    assert operation.node["summary"] in read.text or "x-same-as" in operation.node
    assert operation.name in read.ids
    for parameter in operation.parameters:
        assert parameter["name"] in read.text


def test_the_page_shows_every_error_code(read: Read) -> None:
    for one in _error_codes():
        assert one["code"] in read.ids


def test_the_page_asks_for_nothing_from_anywhere(read: Read) -> None:
    loading = {"script", "img", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}
    assert [tag for tag, _ in read.tags if tag in loading] == []
    links = [given for tag, given in read.tags if tag == "link"]
    assert all(str(given["href"]).startswith("data:") for given in links)
    assert not any({"src", "srcset", "style", "background"} & given.keys() for _, given in read.tags)
    styles = "".join(re.findall(r"<style>(.*?)</style>", page().decode(), re.DOTALL)).lower()
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_links_of_the_page_lead_to_places_in_it(read: Read) -> None:
    targets = [str(given["href"]) for tag, given in read.tags if tag == "a"]
    assert {target for target in targets if not target.startswith("#")} == {
        "/",
        "/v1/openapi.json",
        "/v1/openapi.json?version=3.0",
    }
    assert {target[1:] for target in targets if target.startswith("#")} <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))


def test_the_headings_of_the_page_descend_one_step_at_a_time(read: Read) -> None:
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
