"""The public page that Daftari implements, request for request and answer for answer.

What stands here is what that page shows, and stays as it is: a client written for it changes its base URL and key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from daftari.rules.access import keys, projects
from daftari.store import Store
from tests.support.clients import Client

CREATE = """
{
"project": "Kalro",
"group": "shop-contacts",
"contacts": [
{
"fname": "Lawrence",
"mname": "Joel",
"lname": "",
"mobile": "254725164290",
"city": "Nairobi",
"company": "Sozu PLC",
"email": "lawl@example.com"
},
{
"fname": "Lucy",
"mname": "",
"lname": "Susan",
"mobile": "254725164291",
"city": "Kitui",
"company": "Ivy Ltd.",
"email": "ivy@example.com"
}
]
}
"""
UPDATE = """
{
"project": "Shopify",
"group": "mpesa-contacts",
"contact": {
"fname": "Suzan",
"mname": "Joy",
"lname": "",
"mobile": "254777222555",
"city": "Nairobi",
"company": "Sozu PLC",
"email": "lawren66@gmail.com"
}
}
"""
LIST = '{"project": "Shopify", "group": "Shopify Mpesa"}'
PROJECT_ONLY = '{"project": "Shopify"}'

LISTED = """
{
"group": "Shopify Mpesa",
"contacts": {
"current_page": 1,
"data": [
{
"id": 1,
"fname": null,
"mname": null,
"lname": null,
"mobile": "254725164293",
"email": null,
"city": null,
"company": null,
"created_at": "2024-03-21T07:06:37.000000Z"
},
{
"id": 2,
"fname": null,
"mname": null,
"lname": null,
"mobile": "254723364291",
"email": null,
"city": null,
"company": null,
"created_at": "2024-03-21T07:13:21.000000Z"
}
],
"first_page_url": "https://sozuri.net/api/v1/contacts?page=1",
"from": 1,
"last_page": 1,
"last_page_url": "https://sozuri.net/api/v1/contacts?page=1",
"next_page_url": null,
"path": "https://sozuri.net/api/v1/contacts",
"per_page": 1000,
"prev_page_url": null,
"to": 3,
"total": 3
}
}
"""
GOTTEN = """
{
"contact": {
"id": 456,
"fname": "Suzan",
"mname": "Joy",
"lname": null,
"mobile": "254777222555",
"email": "lawren66@gmail.com",
"city": "Nairobi",
"company": "Sozu PLC",
"created_at": "2024-03-26T16:32:44.000000Z"
}
}
"""

PREFIXES = ("/v1", "/api/v1")
Send = Callable[..., Any]


@pytest.fixture(params=PREFIXES)
def send(request: pytest.FixtureRequest, ana: Client) -> Send:
    """Sends a body of the page with its two common headers, under either prefix; the answer's JSON."""

    def send(method: str, path: str, body: str, *, key: str | None = None, status: int = 200) -> Any:
        client = ana if key is None else ana.with_key(key)
        headers = {"Content-Type": "application/json"}
        answer = client.call(method, request.param + path, body=body.encode(), headers=headers)
        assert answer.status == status, answer.body
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    return send


@pytest.fixture
def moved_in(store: Store, client: Client) -> str:
    """A key of a project whose ids begin where the page's example is."""
    now = time.time_ns() // 1000
    project = store.system_write(
        now, projects.create_project, name="Moved in", region="KE", on_error="refuse", first_id=456
    )
    return store.system_write(now, keys.create_key, project=project, label="", kind="write", expires_at=None)[0]


def same_time(written: str) -> bool:
    """Whether this is a moment ago, in the spelling of the page."""
    at = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return len(written) == len("2024-03-21T07:06:37.000000Z") and abs((datetime.now(UTC) - at).total_seconds()) < 60


def assert_same_shape(got: Any, shown: Any, path: str = "$") -> None:
    """The same members in the same order, and values of the same kind; null stands for a text too."""
    if isinstance(shown, dict):
        assert list(got) == list(shown), path
        for name, value in shown.items():
            assert_same_shape(got[name], value, f"{path}.{name}")
    elif isinstance(shown, list):
        for index, item in enumerate(got):
            assert_same_shape(item, shown[0], f"{path}[{index}]")
    else:
        kinds = (str, type(None)) if shown is None else (type(shown),)
        assert isinstance(got, kinds), f"{path}: {got!r}"


def test_create_list_get_update_and_delete_answer_as_the_page_shows(send: Send, people: Any) -> None:
    created = send("POST", "/contacts", CREATE, key=people.chao, status=201)
    assert next(iter(created.items())) == ("message", "Contacts created successfully")
    listed = send("GET", "/contacts", '{"project": "Kalro", "group": "shop-contacts"}', key=people.chao)
    assert_same_shape(listed, json.loads(LISTED))
    assert listed["group"] == "shop-contacts"
    times = [contact.pop("created_at") for contact in listed["contacts"]["data"]]
    assert all(same_time(written) for written in times)
    assert listed["contacts"]["data"] == [
        {
            "id": 1,
            "fname": "Lawrence",
            "mname": "Joel",
            "lname": None,
            "mobile": "254725164290",
            "email": "lawl@example.com",
            "city": "Nairobi",
            "company": "Sozu PLC",
        },
        {
            "id": 2,
            "fname": "Lucy",
            "mname": None,
            "lname": "Susan",
            "mobile": "254725164291",
            "email": "ivy@example.com",
            "city": "Kitui",
            "company": "Ivy Ltd.",
        },
    ]
    assert send("DELETE", "/contacts/1", '{"project": "Kalro"}', key=people.chao) == {
        "message": "Contact deleted successfully"
    }


def test_a_list_of_one_group_is_the_page_of_the_example(send: Send) -> None:
    group = {"project": "Shopify", "group": "Shopify Mpesa"}
    contacts = [{"mobile": "254725164293"}, {"mobile": "254723364291"}, {"mobile": "254725164299"}]
    send("POST", "/contacts", json.dumps({**group, "contacts": contacts}), status=201)
    listed, shown = send("GET", "/contacts", LIST), json.loads(LISTED)
    assert_same_shape(listed, shown)
    assert json.dumps(listed["contacts"]["data"][0]["mobile"]) == '"254725164293"'
    # All but the times and the address is what the page shows; it leaves its third contact out.
    for paginator in (listed["contacts"], shown["contacts"]):
        del paginator["data"][2:]
        for contact in paginator["data"]:
            del contact["created_at"]
        address = paginator.pop("path")
        for name in ("first_page_url", "last_page_url"):
            assert paginator.pop(name).startswith(f"{address}?")
    assert listed == shown


def test_one_contact_is_the_one_of_the_example(send: Send, moved_in: str) -> None:
    contact = json.loads(UPDATE)["contact"]
    send("POST", "/contacts", json.dumps({"contacts": [contact]}), key=moved_in, status=201)
    for reference in ("456", "254777222555", "0777222555"):
        gotten, shown = (
            send("GET", f"/contacts/{reference}", '{"project": "moved in"}', key=moved_in),
            json.loads(GOTTEN),
        )
        assert_same_shape(gotten, shown)
        assert same_time(gotten["contact"].pop("created_at"))
        del shown["contact"]["created_at"]
        assert gotten == shown


def test_an_update_changes_the_fields_and_moves_the_contact(send: Send) -> None:
    old = {"group": "Old", "contacts": [{"mobile": "0777222555", "lname": "Gone", "fname": "Susan"}]}
    send("POST", "/contacts", json.dumps(old), status=201)
    assert send("PUT", "/contacts/1", UPDATE) == {"message": "Contact updated successfully"}
    contact = send("GET", "/contacts/1", PROJECT_ONLY)["contact"]
    assert (contact["fname"], contact["lname"], contact["company"]) == ("Suzan", None, "Sozu PLC")
    totals = [
        send("GET", "/contacts", json.dumps({"project": "Shopify", "group": group}))["contacts"]["total"]
        for group in ("Old", "mpesa-contacts")
    ]
    assert totals == [0, 1]


def test_a_deleted_contact_is_no_longer_in_its_group(send: Send) -> None:
    created = {"project": "Shopify", "group": "Shopify Mpesa", "contacts": [{"mobile": "254725164293"}]}
    send("POST", "/contacts", json.dumps(created), status=201)
    assert send("DELETE", "/contacts/1", PROJECT_ONLY) == {"message": "Contact deleted successfully"}
    assert send("GET", "/contacts", LIST)["contacts"]["total"] == 0
    send("GET", "/contacts/1", PROJECT_ONLY, status=404)
    send("DELETE", "/contacts/1", PROJECT_ONLY, status=404)
