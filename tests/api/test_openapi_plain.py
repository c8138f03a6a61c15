"""The document in OpenAPI 3.0 is valid, has every call, and holds nothing that is known to break generated clients.

The last tests call the service as a client would that was generated from it, and check each answer against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from daftari.api.reference import document
from daftari.api.reference.builder import build_plain, read_texts, render
from daftari.api.reference.document import Node, tree
from tests.support.builders import create, mobile, wrong_fields
from tests.support.clients import Answer, Client

METHODS = ("get", "post", "put", "patch", "delete")
SCHEMA_PLACES = ("schema", "items", "additionalProperties")


@cache
def plain() -> Node:
    read: Node = json.loads(document.document("3.0"))
    return read


def operations() -> list[tuple[str, str, Node, list[Node]]]:
    """Path, method, node and all parameters of every call."""
    return [
        (
            path,
            method,
            item[method],
            [found(one) for one in [*item.get("parameters", []), *item[method].get("parameters", [])]],
        )
        for path, item in plain()["paths"].items()
        for method in METHODS
        if method in item
    ]


def found(node: Node) -> Node:
    """What a reference names, or the node itself."""
    for _ in range(9):
        if "$ref" not in node:
            return node
        target: Any = plain()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    raise AssertionError("references lead to each other")


def schemas(node: Any) -> Iterator[Node]:
    """Every schema in a part of the document."""
    if isinstance(node, list):
        for one in node:
            yield from schemas(one)
    if not isinstance(node, dict):
        return
    for member, one in node.items():
        if member in SCHEMA_PLACES and isinstance(one, dict):
            yield one
        if member in ("properties", "schemas"):
            yield from one.values()
        if member not in ("example", "examples", "value"):
            yield from schemas(one)


# ---- what it holds ----------------------------------------------------------------------------------


def test_it_is_the_one_that_make_openapi_builds() -> None:
    assert document.document("3.0").decode() == render(build_plain(read_texts())) + "\n", "run 'make openapi'"


def test_it_is_valid_openapi_3_0() -> None:
    assert plain()["openapi"].startswith("3.0.")
    assert [error.message for error in OpenAPIV30SpecValidator(plain()).iter_errors()] == []


def test_it_has_every_call_but_those_by_query() -> None:
    whole = {
        node["operationId"] for item in tree()["paths"].values() for method, node in item.items() if method in METHODS
    }
    assert {node["operationId"] for _, _, node, _ in operations()} == whole


def test_it_is_served_by_its_version_and_no_other_one_is(client: Client) -> None:
    assert client.get("/v1/openapi.json", query="version=3.0").body == document.document("3.0")
    assert client.get("/v1/openapi.json", query="version=3.2").body == client.get("/v1/openapi.json").body
    assert wrong_fields(client.get("/v1/openapi.json", query="version=2.0")) == ["version"]


@pytest.mark.parametrize("form", ["3.0", "3.2"])
def test_what_is_known_to_break_clients_is_in_neither_form(form: str) -> None:
    whole = json.loads(document.document(form))
    names = {
        one["operationId"].lower() for item in whole["paths"].values() for one in item.values() if "operationId" in one
    }
    assert names.isdisjoint(name.lower() for name in whole["components"]["schemas"])
    assert "requestBodies" not in whole["components"]
    for schema in schemas(whole):
        assert "$ref" not in schema or len(schema) == 1, "what stands next to a reference is lost"
        assert not any({"required"} == one.keys() for one in schema.get("anyOf", ())), "required in alternatives"
        assert not any("const" in one for one in schema.get("oneOf", ())), "an enum in alternatives"
        assert "contentMediaType" not in schema or schema.get("format") == "binary"
    projects = {json.dumps(one) for one in values_of(whole, "project")}
    assert projects == {'"Shopify"'}
    for parameter in whole["components"]["parameters"].values():
        assert parameter["in"] != "header" or not {"example", "examples"} & parameter.keys(), parameter["name"]
    for item in whole["paths"].values():
        for method in METHODS:
            if method in item:
                assert {"414", "431"} <= item[method]["responses"].keys()


def values_of(node: Any, name: str) -> Iterator[object]:
    """The values of a member in every example."""
    if isinstance(node, list):
        for one in node:
            yield from values_of(one, name)
    if isinstance(node, dict):
        for member, one in node.items():
            if member == name and isinstance(one, str):
                yield one
            yield from values_of(one, name)


def test_a_schema_has_one_type_and_no_later_keyword() -> None:
    later = {
        "const",
        "contentMediaType",
        "propertyNames",
        "unevaluatedProperties",
        "itemSchema",
        "$defs",
        "prefixItems",
    }
    for schema in schemas(plain()):
        assert not later & schema.keys()
        assert isinstance(schema.get("type", ""), str)
        assert schema.get("additionalProperties") is not False, "a client must accept members that it does not know"
        assert "" not in schema.get("enum", ())
    assert "serializedValue" not in json.dumps(plain())


def test_nothing_in_it_is_left_unused() -> None:
    components = plain()["components"]
    named = {
        f"#/components/{kind}/{name}" for kind in components if kind != "securitySchemes" for name in components[kind]
    }
    assert named == set(re.findall(r'"\$ref": ?"([^"]+)"', document.document("3.0").decode()))


def test_a_field_of_a_call_is_in_one_place_and_a_body_in_one_format() -> None:
    for path, method, node, parameters in operations():
        body = node.get("requestBody")
        assert (body is None) or method not in ("get", "delete"), path
        if body is None or "{token}" in path:
            continue
        ((media, content),) = body["content"].items()
        if media != "application/x-ndjson":
            fields = found(content["schema"])["properties"]
            elsewhere = {one["name"] for one in parameters if one["in"] == "query"}
            assert fields.keys().isdisjoint(elsewhere), node["operationId"]


def test_every_answer_with_content_has_a_schema() -> None:
    for _, _, node, _ in operations():
        for status, answer in node["responses"].items():
            for media, content in found(answer).get("content", {}).items():
                assert content.get("schema"), f"{node['operationId']} {status} {media}"
                assert media != "application/problem+json"


# ---- a client that was made from it -----------------------------------------------------------------


def call(client: Client, operation_id: str, *, path: dict[str, str] | None = None, **given: Any) -> Answer:
    """Call as generated code does: parameters and body where the document says, the answer checked against it."""
    template, method, node, parameters = next(one for one in operations() if one[2]["operationId"] == operation_id)
    for name, value in (path or {}).items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    in_query = {one["name"] for one in parameters if one["in"] == "query"}
    query = {name: given.pop(name) for name in in_query & given.keys()}
    body: Any = {}
    if "requestBody" in node:
        schema = node["requestBody"]["content"]["application/json"]["schema"]
        assert list(OAS30Validator(inlined(schema)).iter_errors(given)) == []
        body = {"json": given}
    else:
        assert given == {}
    answer = client.call(method.upper(), f"/v1{template}", query=query, **body)
    content = found(node["responses"][str(answer.status)])["content"]["application/json"]
    errors = OAS30Validator(inlined(content["schema"])).iter_errors(answer.json())
    assert [error.message for error in errors] == []
    return answer


def inlined(schema: Any) -> Any:
    if isinstance(schema, list):
        return [inlined(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return inlined(found(schema)) if "$ref" in schema else {name: inlined(one) for name, one in schema.items()}


def test_a_client_made_from_it_makes_the_five_calls_and_asks_for_consent(ana: Client) -> None:
    given = {"mobile": mobile(1), "fname": "Suzan", "attributes": {"size": 42, "vip": True, "note": "x"}}
    created = call(ana, "createContacts", project="Shopify", group="VIP", contacts=[given], results=True)
    assert created.json()["results"][0]["outcome"] == "created"
    listed = call(ana, "listContacts", group="VIP", per_page=1, include="groups,consent,updated_at", after_id=0).json()
    assert listed["contacts"]["data"][0]["attributes"] == given["attributes"]
    reference = {"reference": "1"}
    assert call(ana, "updateContact", path=reference, contact={"fname": None}, group="Other").status == 200
    assert call(ana, "getContact", path=reference).json()["contact"]["fname"] is None
    opted = call(ana, "createOptOuts", mobiles=[mobile(1)], channel="sms", evidence="Form 7", at="2024-03-26T16:32:44Z")
    assert opted.json()["recorded"] == 1
    asked = call(ana, "mayMessage", mobiles=[mobile(1), "none"], ids=[99], channel="sms").json()["results"]
    assert [answer["allowed"] for answer in asked] == [False, False, False]
    assert call(ana, "getConsent", path=reference).status == 200
    assert call(ana, "deleteContact", path=reference, reason="removal").status == 200


def test_a_client_made_from_it_reads_every_error(ana: Client) -> None:
    create(ana, {"mobile": mobile(1)}, {"mobile": mobile(2)})
    for answer, code in (
        (call(ana, "getContact", path={"reference": "99"}), "CONTACT_NOT_FOUND"),
        (call(ana, "deleteContact", path={"reference": f"+{mobile(3)}"}), "CONTACT_NOT_FOUND"),
        (call(ana, "updateContact", path={"reference": "1"}, contact={"mobile": mobile(2)}), "MOBILE_TAKEN"),
        (call(ana, "createContacts", contacts=[{"mobile": "x"}]), "VALIDATION_FAILED"),
        (call(ana, "listContacts", page=0), "VALIDATION_FAILED"),
        (call(ana.with_key(None), "listContacts"), "UNAUTHENTICATED"),
        (call(ana.with_key(None), "getHealth"), None),
    ):
        assert answer.json().get("error_code") == code
