"""The table of routes: which calls are answered on the event loop, how bodies are taken, and names with slashes."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from daftari.api.routes import ROUTES
from daftari.model.limits import BODY_BYTES_MAX
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store
from daftari.web.routing import Route
from tests.conftest import People
from tests.support import calls
from tests.support.cases import each
from tests.support.clients import Client, scope_of, wire_of

GROUPS = ("export", "file", "consent", "contacts", "a/export", "b/contacts/file", "Café %2F", "stream")


def test_a_path_and_method_is_in_the_table_once() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@each("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_only_a_read_is_answered_on_the_event_loop(route: Route) -> None:
    assert not route.inline or (route.method == "GET" and route.access in ("read", "open"))


def test_a_list_of_10_000_fits_into_the_body_of_a_call_that_takes_one() -> None:
    large = {(route.method, route.path) for route in ROUTES if route.body.bytes_max >= BODY_BYTES_MAX}
    writes = {(route.method, route.path) for route in ROUTES if route.method in ("POST", "PUT", "PATCH")}
    leave = ("DELETE", "/groups/{name}/contacts")
    deliveries = {path for path in writes if path[1].startswith("/inbound/") or "/hook/" in path[1]}
    assert large == writes - deliveries | {leave}


@each("name", GROUPS)
def test_a_group_of_any_name_has_its_own_calls(ana: Client, name: str) -> None:
    path = f"/v1/groups/{quote(name, safe='')}"
    assert ana.post("/v1/groups", {"name": name}).status == 201
    assert ana.get(path).json()["group"]["name"] == name
    assert ana.get(f"/api{path}/").json()["group"]["name"] == name
    assert ana.post(f"{path}/contacts", {"ids": [1]}).json()["unknown"] == 1
    assert ana.delete(path).status == 200


def test_a_group_of_any_name_is_answered_on_the_event_loop(
    new_database: Callable[[str], str], settings_for: Callable[..., Settings], introduce: Callable[[Store], People]
) -> None:
    """On SQLite; a read of PostgreSQL waits for another machine, so that a thread answers it."""
    server = build_server(settings_for(new_database("sqlite")))
    people = introduce(server.store)
    for name in GROUPS:
        calls.create_group(server.store, people.shopify, name)
        wire = wire_of()
        scope = scope_of("GET", f"/v1/groups/{name}", {"authorization": f"Bearer {people.ana}"})
        # A coroutine that waits for nothing ends at its first step.
        with pytest.raises(StopIteration):
            server.rsgi.__rsgi__(scope, wire).send(None)
        assert wire.answer is not None
        assert (wire.answer.status, wire.answer.json()["group"]["name"]) == (200, name)
    server.rsgi.close()
