"""What a key of each kind may do: every route, for every kind, by every way to send the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daftari.api.routes import ROUTES, Route
from daftari.model.projects import KEY_KINDS, KeyKind
from daftari.rules.access import keys
from daftari.store import Store
from daftari.worker import run_worker
from tests.support.builders import PARTS, create, groups, mobile, page, path_of, refusal, rows
from tests.support.cases import each
from tests.support.clients import Answer, Client
from tests.support.import_files import queued

READ_ONLY = (403, "READ_ONLY_KEY")
MANAGE_REQUIRED = (403, "MANAGE_KEY_REQUIRED")

MANAGED = {"senders", "connections", "webhooks", "triggers", "erasures"}
"""Of which only a key of kind ``manage`` may change anything."""
MANAGED_STEPS = {("campaigns", step) for step in ("start", "resume", "retry")}
QUESTIONS = {("POST", "/can-message"), ("POST", "/campaigns/{number}/preview")}
"""Calls that change nothing and are no GET."""
NEVER = {"keys", "users", "projects"}
"""What no key makes, changes or sees."""

KEYED = [route for route in ROUTES if route.needed]


def kind_by_subject(route: Route) -> KeyKind:
    """The kind that a route must need, from nothing but its method and path."""
    first, last = route.path.split("/")[1], route.path.rpartition("/")[2]
    if route.method == "GET" or (route.method, route.path) in QUESTIONS:
        return "read"
    return "manage" if first in MANAGED or (first, last) in MANAGED_STEPS else "write"


def lesser_than(needed: KeyKind) -> tuple[KeyKind, ...]:
    return KEY_KINDS[: KEY_KINDS.index(needed)]


@pytest.fixture
def with_kind(ana: Client, store: Store, people: Any) -> Callable[[KeyKind], Client]:
    """A client with a new key of Ana's project."""

    def with_kind(kind: KeyKind) -> Client:
        api_key, _ = store.system_write(
            1, keys.create_key, project=people.shopify, label=kind, kind=kind, expires_at=None
        )
        return ana.with_key(api_key)

    return with_kind


def ask(client: Client, route: Route, **given: Any) -> Answer:
    return client.call(route.method, path_of(route, **PARTS), **given)


@each("route", KEYED, ids=lambda route: f"{route.method} {route.path}")
def test_the_kind_that_a_call_needs_follows_from_what_it_is_about(route: Route) -> None:
    assert route.needed == kind_by_subject(route)


def test_no_call_is_about_keys_users_or_projects() -> None:
    assert not NEVER & {part for route in ROUTES for part in route.path.split("/")}


def test_a_key_of_a_lesser_kind_is_refused_with_the_kind_that_is_needed(
    with_kind: Callable[[KeyKind], Client], ana: Client
) -> None:
    create(ana, *rows(2), group="VIP")
    before = (ana.get("/v1/contacts").body, groups(ana), ana.get("/v1/opt-outs").body)
    clients = {kind: with_kind(kind) for kind in KEY_KINDS}
    for route in KEYED:
        refused = MANAGE_REQUIRED if route.needed == "manage" else READ_ONLY
        for kind in lesser_than(route.needed or "read"):
            for body in ({}, {"mobile": mobile(1), "name": "VIP"}):
                answer = ask(clients[kind], route, json=body)
                assert refusal(answer) == refused, f"{route.method} {route.path} with {kind} and {body}"
                assert f"kind {route.needed}" in answer.json()["message"]
            answer = ask(clients[kind], route, json={}, headers={"Idempotency-Key": "once"})
            assert refusal(answer) == refused
            other_prefix = clients[kind].call(route.method, "/api" + path_of(route, **PARTS), json={})
            assert refusal(other_prefix) == refused
    assert (ana.get("/v1/contacts").body, groups(ana), ana.get("/v1/opt-outs").body) == before


def test_a_key_of_the_needed_kind_or_a_greater_one_is_not_refused(with_kind: Callable[[KeyKind], Client]) -> None:
    clients = {kind: with_kind(kind) for kind in KEY_KINDS}
    for route in KEYED:
        for kind in set(KEY_KINDS) - set(lesser_than(route.needed or "read")):
            answer = ask(clients[kind], route, json={})
            assert answer.status not in (401, 403), f"{route.method} {route.path} with {kind}"


def test_the_kind_counts_wherever_the_key_is(client: Client, people: Any, ana: Client) -> None:
    create(ana, *rows(1))
    assert refusal(client.delete("/v1/contacts/1", {"apiKey": people.ben})) == READ_ONLY
    assert refusal(client.call("DELETE", "/v1/contacts/1", query={"apiKey": people.ben})) == READ_ONLY
    assert refusal(client.post("/v1/erasures", form={"apiKey": people.ben, "mobile": mobile(1)})) == MANAGE_REQUIRED
    assert page(ana)["total"] == 1


def test_a_key_that_may_write_erases_nobody_and_one_that_may_manage_does(
    with_kind: Callable[[KeyKind], Client], ana: Client
) -> None:
    create(ana, *rows(1))
    answer = with_kind("write").post("/v1/erasures", {"mobile": mobile(1)})
    assert refusal(answer) == MANAGE_REQUIRED
    assert "daftari key create --kind manage" in answer.json()["message"]
    assert page(ana)["total"] == 1
    assert with_kind("manage").post("/v1/erasures", {"mobile": mobile(1)}).status == 201
    assert page(ana)["total"] == 0


def test_a_key_that_may_only_read_reads_everything_and_writes_nothing(
    ana: Client, ben: Client, store: Store, people: Any
) -> None:
    create(ana, *rows(2), group="VIP")
    asked = {"everyone": True, "channel": "sms", "mobiles": [mobile(1)], "q": "a"}
    assert ana.post("/v1/audiences", asked).status == 201
    exported = str(ana.post("/v1/exports", {}).json()["export"]["id"])
    added = str(ana.post("/v1/senders", {"name": "log", "gateway": "log", "channel": "sms"}).json()["sender"]["id"])
    offer = {"name": "Offer", "sender": "log", "text": "Hello", "everyone": True}
    offered = str(ana.post("/v1/campaigns", offer).json()["campaign"]["id"])
    said = {"sender": "log", "text": "Hello", "mobiles": [mobile(1)]}
    sent = str(ana.post("/v1/messages", said).json()["ids"][0])
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    numbers = {"imports": str(queued(store, people.shopify)), "exports": exported, "senders": added}
    hook = ana.post("/v1/webhooks", {"url": "https://crm.example/hook"}).json()["webhook"]
    welcome = {"name": "Welcome", "sender": "log", "on": {"joins": "VIP"}, "wait": "1h", "text": "Hello"}
    fired = str(ana.post("/v1/triggers", welcome).json()["trigger"]["id"])
    crm = {"name": "crm", "kind": "hubspot", "credentials": {"key": "kikapu"}}
    numbers["connections"] = str(ana.post("/v1/connections", crm).json()["connection"]["id"])
    numbers |= {"campaigns": offered, "messages": sent, "triggers": fired, "webhooks": str(hook["id"])}
    for route in ROUTES:
        number = numbers.get(route.path.split("/")[1], PARTS["number"])
        if route.access in ("open", "read"):
            answer = ben.call(route.method, path_of(route, **PARTS | {"number": number}), json=asked)
            assert answer.status == 200, route.path
    assert refusal(ben.post("/v1/contacts", {"contacts": rows(1, first=9)})) == READ_ONLY
    assert refusal(ben.delete("/v1/contacts/1")) == READ_ONLY
    assert ben.call("QUERY", "/v1/contacts", json={"group": "VIP"}).json()["contacts"]["total"] == 2
    assert (page(ana)["total"], groups(ana)) == (2, {"VIP": 2})
