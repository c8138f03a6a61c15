"""A NUL, wherever it stands in a request, is an answer of ours on both engines, and loses no STOP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daftari.api.routes import ROUTES
from daftari.errors import ValidationFailed
from daftari.model.inbound import InboundRequest
from daftari.store import Store, Tx, WriteTx
from daftari.web.routing import Route
from tests.support.builders import PARTS, mobile, page, path_of, rows_of
from tests.support.calls import ACTOR, NOW
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.gateway_samples import FORM, SAMPLES
from tests.support.inbound import SECRET, OpenAddress, proven, send, text

NAMES = (
    *("after", "as", "at", "channel", "evidence", "everyone", "format", "group", "include", "keyword", "map", "match"),
    *("mobile", "mobiles", "name", "not", "note", "project", "purpose", "reason", "sender", "source", "suppressed"),
)
"""Parameters that some route reads."""
BAD = "a\0b"
WITH_PATHS = [route for route in ROUTES if "{" in route.path]


@each("route", WITH_PATHS, ids=lambda route: f"{route.method} {route.path}")
def test_a_nul_in_a_path_names_nothing(ana: Client, route: Route) -> None:
    for part in PARTS:
        if f"{{{part}}}" in route.path:
            answer = ana.call(route.method, path_of(route, **{**PARTS, part: "1%00"}))
            assert answer.status in (400, 401, 404, 405, 422), answer.body


@each("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_nul_in_a_parameter_is_no_failure_of_the_server(ana: Client, route: Route) -> None:
    path = path_of(route, **PARTS)
    assert ana.call(route.method, path, query=dict.fromkeys(NAMES, BAD)).status < 500
    if route.body.kind == "fields":
        many: dict[str, Any] = {**dict.fromkeys(NAMES, BAD), "mobiles": [BAD], "contacts": [{"mobile": BAD}]}
        assert ana.call(route.method, path, json={**many, "items": [{"mobile": mobile(1), "sender": BAD}]}).status < 500
        for name in NAMES:
            assert ana.call(route.method, path, json={"mobile": mobile(1), "name": "A", name: BAD}).status < 500


def test_a_nul_in_a_file_is_a_rejected_row(ana: Client) -> None:
    file = f"Phone,Name\n0722000001,{BAD}\n0722000002,Ana\n".encode()
    headers = {"Content-Type": "text/csv", "Content-Disposition": "attachment"}
    assert ana.call("POST", "/v1/imports", query={"name": BAD}, body=file, headers=headers).status == 422
    assert ana.call("POST", "/v1/imports", body=file, headers=headers).status == 202


@each("sample", SAMPLES)
def test_a_nul_in_what_a_provider_sends_is_no_failure_of_the_server(
    client: Client, open_address: OpenAddress, sample: str
) -> None:
    provider, request, _ = SAMPLES[sample]
    address = open_address(provider, secret=SECRET)
    is_form = request.media_type == FORM
    body = request.body + b"%00" if is_form else _with_nuls(request.body)
    given = InboundRequest("POST", request.url, "", request.media_type, {}, body)
    answer = client.post(address, body=body, headers=proven(given, provider, address))
    assert answer.status in (200, 400), answer.body


def _with_nuls(body: bytes) -> bytes:
    def add(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: add(part) for name, part in value.items()}
        if isinstance(value, list):
            return [add(part) for part in value]
        return f"{value}\0" if isinstance(value, str) else value

    return json.dumps(add(json.loads(body))).encode()


def test_a_stop_with_a_nul_is_a_stop(ana: Client, client: Client, address: str) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": mobile(1)}]})
    send(client, address, text("STOP\0", message="m\0001"))
    assert page(ana)["total"] == 0


def test_the_store_takes_no_nul_whatever_the_statement(store: Store, people: Any, database: str) -> None:
    def read(tx: Tx) -> None:
        tx.one("get_group", folded=BAD)

    def write(tx: WriteTx) -> None:
        tx.insert_many("contact_group", [(people.shopify.id, 1, BAD, "a", NOW)])

    def write_many(tx: WriteTx) -> None:
        rows = [(people.shopify.id, number, f"{number}", f"{number}", NOW) for number in range(200)]
        tx.insert_many("contact_group", [*rows, (people.shopify.id, 200, "x", BAD, NOW)])

    def change_many(tx: WriteTx) -> None:
        tx.run("update_contacts", items=[(1, 254722000001, "{}"), (2, 254722000002, BAD)], version=1, now=NOW)

    rules = ((read, "folded"), (write, "name"), (write_many, "folded"), (change_many, "card"))
    for rule, field in rules:
        with pytest.raises(ValidationFailed) as refused:
            store.write(people.shopify, ACTOR, NOW, rule)
        assert refused.value.errors == {field: [f"The {field} field must not contain a NUL character."]}
    assert rows_of(database, "SELECT COUNT(*) FROM contact_group") == [(0,)]
