"""The calls under ``/v1/triggers`` and ``/v1/events``, and the page on the abandoned cart, step by step."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from daftari.model.projects import Project
from daftari.model.time import format_time
from daftari.store import Store
from tests.conftest import ROOT
from tests.support.builders import create, mobile, opt_out, refusal, rows, wrong_fields
from tests.support.clients import Client
from tests.support.message_steps import HOUR, MINUTE, SECOND, Sending

TRIGGERS, EVENTS = "/v1/triggers", "/v1/events"
SENDER = {"name": "log", "gateway": "log", "channel": "sms", "purpose": "transactional"}
CART: dict[str, Any] = {
    "name": "Cart reminder",
    "on": {"event": "cart"},
    "wait": "1h",
    "unless": [{"event": "order"}],
    "sender": "log",
    "text": "Your cart waits: {{ event.url }}",
}


@pytest.fixture
def cart(ana: Client) -> int:
    """A trigger on carts; its id."""
    assert ana.post("/v1/senders", SENDER).status == 201
    answer = ana.post(TRIGGERS, CART)
    assert answer.status == 201, answer.body
    number: int = answer.json()["trigger"]["id"]
    return number


class Later(Sending):
    """The worker of a sender that there is, at a later time."""

    def __init__(self, store: Store, project: Project, sender_id: int, *, after: int) -> None:
        self.store, self.project, self.sender_id = store, project, sender_id
        self.now = time.time_ns() // 1000 + after
        self.fence = self.take_over()
        # A sender that was taken over may send a second later.
        self.wait(SECOND)


@pytest.fixture
def send(ana: Client, store: Store, people: Any) -> Callable[[int], list[str]]:
    """The texts that go out after so many microseconds."""

    def send(after: int) -> list[str]:
        (sender,) = ana.get("/v1/senders").json()["senders"]
        worker = Later(store, people.shopify, sender["id"], after=after)
        sent = worker.claimed()
        worker.answer(sent, "accepted")
        return [message.text for message in sent]

    return send


def shown(ana: Client, trigger_id: int) -> dict[str, Any]:
    found: dict[str, Any] = ana.get(f"{TRIGGERS}/{trigger_id}").json()["trigger"]
    return found


def test_a_trigger_is_added_listed_changed_paused_resumed_and_deleted(ana: Client, cart: int) -> None:
    assert shown(ana, cart) | CART == shown(ana, cart)
    assert [one["id"] for one in ana.get(TRIGGERS).json()["triggers"]] == [cart]
    changed = ana.put(f"{TRIGGERS}/{cart}", {"wait": "90m", "unless": [], "again": "7d"}).json()["trigger"]
    assert (changed["wait"], changed["unless"], changed["again"]) == ("1h30m", [], "7d")
    assert ana.post(f"{TRIGGERS}/{cart}/pause").json()["trigger"]["state"] == "paused"
    assert ana.post(f"{TRIGGERS}/{cart}/pause").status == 200
    assert ana.post(f"{TRIGGERS}/{cart}/resume").json()["trigger"]["state"] == "on"
    assert ana.delete(f"{TRIGGERS}/{cart}").status == 200
    assert ana.get(TRIGGERS).json()["triggers"] == []
    assert refusal(ana.get(f"{TRIGGERS}/{cart}")) == (404, "TRIGGER_NOT_FOUND")


def test_a_form_says_what_it_is_on_in_brackets_or_as_json(ana: Client, cart: int) -> None:
    form = "name=A&sender=log&text=Hi&wait=1h&on[event]=cart&unless[0][event]=order"
    answer = ana.call(
        "POST", TRIGGERS, body=form.encode(), headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.json()["trigger"]["on"] == {"event": "cart"}
    assert answer.json()["trigger"]["unless"] == [{"event": "order"}]


def test_what_is_missing_is_named_all_at_once(ana: Client, cart: int) -> None:
    assert wrong_fields(ana.post(TRIGGERS, {})) == ["name", "on", "wait", "sender"]


def test_a_sender_with_triggers_stays(ana: Client, cart: int) -> None:
    (sender,) = ana.get("/v1/senders").json()["senders"]
    answer = ana.delete(f"/v1/senders/{sender['id']}")
    assert refusal(answer) == (409, "SENDER_BUSY")
    assert "'Cart reminder'" in answer.json()["message"]


def test_one_event_or_many_are_reported_and_each_has_an_outcome(ana: Client, cart: int) -> None:
    one = {"name": "cart", "mobile": mobile(1), "key": "c1", "fields": {"url": "https://shop.example"}}
    first = ana.post(EVENTS, one)
    assert (first.status, first.json()["recorded"], len(first.json()["messages"])) == (201, 1, 1)
    again = ana.post(EVENTS, one)
    assert (again.status, again.json()["duplicate"], again.json()["messages"]) == (200, 1, [])
    many = {"name": "cart", "results": True, "events": [{"mobile": mobile(2)}, {"mobile": "x"}, {"name": "order"}]}
    answer = ana.post(EVENTS, many).json()
    assert [row["outcome"] for row in answer["results"]] == ["recorded", "invalid", "invalid"]
    assert (answer["recorded"], answer["invalid"]) == (1, 2)
    assert [*ana.post(EVENTS, {**many, "results": False}).json()["errors"]] == ["events.1.mobile", "events.2.mobile"]


def test_the_messages_of_a_trigger_are_listed_by_state_and_number(
    ana: Client, cart: int, send: Callable[[int], list[str]]
) -> None:
    fields = {"url": "https://shop.example"}
    for number in (1, 2, 3):
        ana.post(EVENTS, {"name": "cart", "mobile": mobile(number), "key": "c1", "fields": fields})
    ana.post(EVENTS, {"name": "order", "mobile": mobile(1), "key": "c1"})
    asked = {
        "sender": "log",
        "text": "Hi",
        "mobiles": [mobile(1)],
        "at": format_time(time.time_ns() // 1000 + 9 * HOUR),
    }
    assert ana.post("/v1/messages", asked).status == 202
    assert len(send(61 * MINUTE)) == 2

    def states(query: str) -> list[str]:
        return [message["state"] for message in ana.get("/v1/messages", query=query).json()["messages"]]

    assert states(f"trigger={cart}") == ["skipped", "accepted", "accepted"]
    assert states(f"trigger={cart}&state=skipped") == ["skipped"]
    assert states(f"trigger={cart}&mobile={mobile(2)}") == ["accepted"]
    assert states(f"trigger={cart + 1}") == []
    page = ana.get("/v1/messages", query=f"trigger={cart}&limit=2").json()
    assert states(f"trigger={cart}&after={page['next']}") == ["accepted"]
    assert ana.delete(f"{TRIGGERS}/{cart}").status == 200
    assert len(states(f"trigger={cart}")) == 3
    assert wrong_fields(ana.get("/v1/messages", query="trigger=x")) == ["trigger"]


def test_a_single_event_that_is_wrong_is_refused(ana: Client, cart: int) -> None:
    assert wrong_fields(ana.post(EVENTS, {"mobile": "x", "at": "soon"})) == ["mobile", "name", "at"]
    assert wrong_fields(ana.post(EVENTS, {"name": "cart"})) == ["mobile"]
    assert wrong_fields(ana.post(EVENTS, {"events": [{"name": "cart", "mobile": mobile(1)}] * 1_001})) == ["events"]


def test_who_may_report_events_may_not_change_triggers(ana: Client, ben: Client, cart: int) -> None:
    assert refusal(ben.post(EVENTS, {"name": "cart", "mobile": mobile(1)})) == (403, "READ_ONLY_KEY")
    assert ben.get(TRIGGERS).status == 200


def test_creates_joins_streams_and_imports_of_many_fire_where_it_is_asked_for(
    ana: Client, cart: int, store: Store, people: Any
) -> None:
    assert ana.post("/v1/groups", {"name": "VIP"}).status == 201
    welcome = {"name": "Welcome", "on": {"joins": "VIP"}, "wait": "1h", "sender": "log", "text": "Welcome"}
    trigger_id = ana.post(TRIGGERS, welcome).json()["trigger"]["id"]

    def waiting() -> int:
        found: int = shown(ana, trigger_id)["states"].get("waiting", 0)
        return found

    create(ana, *rows(2), group="VIP")
    assert waiting() == 0
    create(ana, *rows(1, first=3), group="VIP")
    assert waiting() == 1
    assert ana.post("/v1/contacts", {"contacts": rows(2, first=4), "group": "VIP", "fire_triggers": True}).status == 201
    assert waiting() == 3
    create(ana, *rows(2, first=6))
    body = {"mobiles": [mobile(6), mobile(7)], "fire_triggers": True}
    assert ana.post("/v1/groups/VIP/contacts", body).json()["joined"] == 2
    assert waiting() == 5
    lines = b"".join(json.dumps({"mobile": mobile(number)}).encode() + b"\n" for number in (8, 9))
    for query, expected in (("group=Other", 5), ("group=VIP&fire_triggers=true", 7)):
        stream = ana.call(
            "POST", f"/v1/contacts/stream?{query}", body=lines, headers={"content-type": "application/x-ndjson"}
        )
        assert stream.status == 200
        assert waiting() == expected


# ---- the recipe ---------------------------------------------------------------------------------------


def recipe_steps() -> list[tuple[str, str, dict[str, Any] | None]]:
    """The calls of the page: method, path and body."""
    page = (ROOT / "docs" / "abandoned-cart.md").read_text()
    found = []
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for call in block.replace("\\\n", " ").split("curl ")[1:]:
            method, path = re.search(r"-X (\w+)", call), re.search(r"http://127.0.0.1:8000(\S+)", call)
            body = re.search(r"-d '(.*)'", call, re.DOTALL)
            assert path is not None
            found.append(
                ("GET" if method is None else method[1], path[1], None if body is None else json.loads(body[1]))
            )
    return found


@pytest.fixture
def followed(ana: Client) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The page's steps, the cart reported now. Returns the trigger's id, and the bodies of cart and order."""
    contact, trigger, cart, order, listed, messages = recipe_steps()
    assert ana.post("/v1/senders", SENDER).status == 201
    for method, path, body in (contact, trigger):
        assert ana.call(method, path, json=body).status == 201
    assert cart[2] is not None and order[2] is not None
    at = {"at": format_time(time.time_ns() // 1000)}
    assert len(ana.call(cart[0], cart[1], json=cart[2] | at).json()["messages"]) == 1
    (shown,) = ana.call(*listed[:2]).json()["triggers"]
    assert ana.call(*messages[:2]).json()["messages"][0]["trigger"] == shown["id"]
    return shown["id"], cart[2], order[2]


Followed = tuple[int, dict[str, Any], dict[str, Any]]
Send = Callable[[int], list[str]]


def test_a_cart_that_is_left_is_followed_by_one_message(ana: Client, followed: Followed, send: Send) -> None:
    assert send(59 * MINUTE) == []
    assert send(61 * MINUTE) == ["Hello Wanjiku, your cart is waiting: https://shop.example/cart/7"]
    assert send(5 * HOUR) == []
    assert shown(ana, followed[0])["states"] == {"accepted": 1}


def test_an_order_within_the_hour_stops_it(ana: Client, followed: Followed, send: Send) -> None:
    trigger_id, _, order = followed
    assert ana.post(EVENTS, order | {"at": None}).json()["recorded"] == 1
    assert send(61 * MINUTE) == []
    assert shown(ana, trigger_id)["reasons"] == {"ordered": 1}


def test_a_stop_within_the_hour_is_kept_and_said(ana: Client, followed: Followed, send: Send) -> None:
    opt_out(ana, "0722000001")
    assert send(61 * MINUTE) == []
    (message,) = ana.get("/v1/contacts/0722000001/messages").json()["messages"]
    assert (message["state"], message["reason"], message["origin"]) == ("skipped", "opted_out", "trigger")


def test_a_cart_that_changes_moves_the_hour(ana: Client, followed: Followed, send: Send) -> None:
    _, cart, _ = followed
    later = format_time(time.time_ns() // 1000 + MINUTE)
    time_of_change = {"at": later, "fields": {"url": "https://shop.example/new"}}
    assert len(ana.post(EVENTS, cart | time_of_change).json()["messages"]) == 1
    assert send(62 * MINUTE) == ["Hello Wanjiku, your cart is waiting: https://shop.example/new"]
