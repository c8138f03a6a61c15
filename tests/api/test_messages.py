"""The calls about messages: what is asked for, what is listed, what is written back."""

from __future__ import annotations

from typing import Any

import pytest

from daftari.store import Store
from tests.conftest import People
from tests.support.builders import create, mobile, refusal, wrong_fields
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.inbound import OpenAddress
from tests.support.message_steps import Sending
from tests.support.stores import NOW

HELLO = {"sender": "DUKA", "text": "Hello {{ fname | there }}"}


@pytest.fixture
def sending(store: Store, people: People) -> Sending:
    """The sender DUKA of Ana's project."""
    return Sending(store, people.shopify, now=NOW)


def send(client: Client, *mobiles: object, **members: Any) -> dict[str, Any]:
    answer = client.post("/v1/messages", {**HELLO, "mobiles": [*mobiles], **members})
    assert answer.status == 202, answer.body
    found: dict[str, Any] = answer.json()
    return found


def test_messages_are_taken_and_listed(ana: Client, sending: Sending) -> None:
    create(ana, {"mobile": mobile(1), "fname": "Wanjiku"})
    made = send(ana, mobile(1), mobile(2), key="order-7")
    assert (made["waiting"], made["duplicate"], made["invalid"], len(made["ids"])) == (2, 0, 0, 2)
    sending.answer(sending.claimed(), "accepted")
    listed = ana.get("/v1/messages").json()
    assert [(one["mobile"], one["state"], one["text"]) for one in listed["messages"]] == [
        (mobile(1), "accepted", "Hello Wanjiku"),
        (mobile(2), "accepted", "Hello there"),
    ]
    one = ana.get(f"/v1/messages/{made['ids'][0]}").json()["message"]
    assert one == listed["messages"][0]
    assert (one["key"], one["origin"], one["campaign"], one["attempt"]) == ("order-7", "call", None, 1)
    assert one["provider_ids"] == [f"p{one['id']}-1"]


def test_a_call_that_is_repeated_sends_nothing_twice(ana: Client, sending: Sending) -> None:
    send(ana, mobile(1), key="order-7")
    assert send(ana, mobile(1), key="order-7", results=True)["results"] == [
        {"index": 0, "outcome": "duplicate", "mobile": mobile(1)}
    ]
    assert len(sending.claimed()) == 1


def test_wrong_rows_are_named_and_stop_no_other(ana: Client, sending: Sending) -> None:
    made = send(ana, mobile(1), "12", items=[{"mobile": mobile(2), "text": "Hi {{ fnam }}"}])
    assert (made["waiting"], made["invalid"]) == (1, 2)
    assert sorted(made["errors"]) == ["items.1.mobile", "items.2.text"]
    assert "fname" in made["errors"]["items.2.text"][0]


@each(
    "members, wrong",
    [
        ({"mobiles": []}, ["mobiles"]),
        ({"sender": None}, ["sender"]),
        ({"sender": "UNKNOWN"}, ["sender"]),
        ({"purpose": "marketing"}, ["purpose"]),
        ({"purpose": "fun"}, ["purpose"]),
        ({"at": "tomorrow"}, ["at"]),
        ({"until": "2020-01-01T00:00:00Z"}, ["until"]),
        ({"mobiles": ["0722000001"] * 1001}, ["mobiles"]),
    ],
)
def test_a_call_that_cannot_be_taken_names_the_field(
    ana: Client, sending: Sending, members: dict[str, Any], wrong: list[str]
) -> None:
    answer = ana.post("/v1/messages", {**HELLO, "mobiles": [mobile(1)], **members})
    assert wrong_fields(answer) == wrong
    assert sending.messages() == []


def test_a_read_key_sends_nothing(ben: Client, sending: Sending) -> None:
    assert refusal(ben.post("/v1/messages", {**HELLO, "mobiles": [mobile(1)]})) == (403, "READ_ONLY_KEY")
    assert ben.get("/v1/messages").json() == {"messages": [], "next": None}


def test_messages_are_paged_and_found_by_number_and_state(ana: Client, sending: Sending) -> None:
    create(ana, {"mobile": mobile(3)})
    send(ana, *map(mobile, range(1, 6)))
    ana.post("/v1/opt-outs", {"mobiles": [mobile(2), mobile(3)]})
    sending.claimed()
    found, after = [], None
    while True:
        page = ana.get("/v1/messages", query={"limit": 2, **({} if after is None else {"after": after})}).json()
        found += [one["mobile"] for one in page["messages"]]
        after = page["next"]
        if after is None:
            break
    assert found == [*map(mobile, range(1, 6))]
    skipped = ana.get("/v1/messages", query={"state": "skipped"}).json()["messages"]
    assert [(one["mobile"], one["reason"]) for one in skipped] == [(mobile(2), "opted_out"), (mobile(3), "opted_out")]
    for path in (f"/v1/messages?mobile={mobile(3)}", f"/v1/contacts/{mobile(3)}/messages"):
        assert [one["mobile"] for one in ana.get(path).json()["messages"]] == [mobile(3)]
    assert refusal(ana.get("/v1/messages/999")) == (404, "MESSAGE_NOT_FOUND")


def test_what_a_person_writes_stands_with_the_last_message(
    ana: Client, client: Client, sending: Sending, open_address: OpenAddress
) -> None:
    first, second = (send(ana, mobile(1))["ids"][0] for _ in range(2))
    sending.answer(sending.claimed(), "accepted")
    address = open_address("generic")
    for _ in range(2):
        said = {"type": "message", "from": f"+{mobile(1)}", "text": "When do you open?", "id": "m1"}
        assert client.post(address, said).status == 200
    assert client.post(address, {"type": "message", "from": f"+{mobile(2)}", "text": "Hi", "id": "m2"}).status == 200
    replies = {number: ana.get(f"/v1/messages/{number}").json()["message"]["replies"] for number in (first, second)}
    assert ([one["text"] for one in replies[second]], replies[first]) == (["When do you open?"], [])


def test_an_erasure_takes_number_and_text_and_leaves_the_state(ana: Client, sending: Sending) -> None:
    send(ana, mobile(1), mobile(2), key="order-7")
    sending.answer([sending.claimed()[0]], "unknown")
    send(ana, mobile(1))
    exported = ana.get(f"/v1/contacts/{mobile(1)}/export").json()["export"]["messages"]
    assert [one["text"] for one in exported] == ["Hello there", "Hello {{ fname | there }}"]
    removed = ana.post("/v1/erasures", {"mobile": mobile(1)}).json()["removed"]
    assert (removed["messages"], removed["replies"]) == (2, 0)
    shown = [
        (one["mobile"], one["state"], one["reason"], one["key"]) for one in ana.get("/v1/messages").json()["messages"]
    ]
    assert shown == [
        (None, "unknown", None, ""),
        (mobile(2), "sending", None, "order-7"),
        (None, "skipped", "erased", ""),
    ]
    assert ana.get("/v1/messages", query={"mobile": mobile(1)}).json()["messages"] == []
