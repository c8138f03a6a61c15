"""Reviews: what a person reads of the messages that came, and how it is settled."""

from __future__ import annotations

from typing import Any

from daftari.store import Store
from tests.support.builders import (
    assert_sound,
    create,
    facts_of,
    groups,
    may_message,
    mobile,
    opt_out,
    page,
    refusal,
    rows,
    wrong_fields,
)
from tests.support.clients import Client
from tests.support.gateway_samples import Sent
from tests.support.inbound import OPEN, THEN, send, text

SCOPE = ("kind", "channel", "sender", "purpose")
EVERYTHING = ("opt_out", None, None, None)


def in_review(client: Client, ana: Client, address: str, said: str) -> int:
    """Send a message that someone should look at; returns the id of its review."""
    send(client, address, text(said, message="m1", at=THEN))
    (review,) = ana.get(OPEN).json()["reviews"]
    assert (review["mobile"], review["text"], review["settled_at"]) == (mobile(1), said, None)
    number: int = review["id"]
    return number


def settle(ana: Client, number: int, settled_as: str) -> None:
    answer = ana.post(f"{OPEN}/{number}", {"as": settled_as})
    assert answer.status == 200, answer.body
    assert answer.json()["review"]["settled_as"] == settled_as
    assert ana.get(OPEN).json()["reviews"] == []


def test_a_doubt_that_was_an_opt_out_is_one_from_when_it_was_said(ana: Client, client: Client, address: str) -> None:
    create(ana, *rows(1), group="VIP")
    settle(ana, in_review(client, ana, address, "please stop"), "opt_out")
    assert facts_of(ana, 1, *SCOPE, "source", "at") == [(*EVERYTHING, "inbound", "2024-03-21T07:06:37.000000Z")]
    assert groups(ana) == {"VIP": 0}


def test_a_doubt_that_was_an_opt_in_is_one_for_its_own_channel(ana: Client, client: Client, address: str) -> None:
    opt_out(ana, mobile(1), at=THEN - 1)
    settle(ana, in_review(client, ana, address, "start sending again"), "opt_in")
    assert may_message(ana, mobile(1)) == [True]
    assert may_message(ana, mobile(1), channel="whatsapp") == [False]


def test_what_was_taken_for_an_opt_out_and_was_none_is_taken_back(
    ana: Client, client: Client, address: str, store: Store, people: Any
) -> None:
    create(ana, *rows(1))
    number = in_review(client, ana, address, "Stop by our shop tomorrow")
    assert may_message(ana, mobile(1)) == [False]
    settle(ana, number, "retract")
    assert may_message(ana, mobile(1)) == [True]
    assert facts_of(ana, 1, "kind", "retracts") == [("opt_out", None), ("retraction", 1)]
    assert page(ana)["total"] == 1
    send(client, address, text("Stop by our shop tomorrow", message="m1", at=THEN))
    assert may_message(ana, mobile(1)) == [True], "the same message again is not a new one"
    assert_sound(store, people.shopify)


def test_a_doubt_that_recorded_nothing_has_nothing_to_take_back(ana: Client, client: Client, address: str) -> None:
    number = in_review(client, ana, address, "please stop")
    assert wrong_fields(ana.post(f"{OPEN}/{number}", {"as": "retract"})) == ["as"]
    settle(ana, number, "dismiss")
    assert facts_of(ana, f"+{mobile(1)}", "kind") == []


def test_a_doubt_is_settled_once_and_the_same_way_again_does_no_harm(ana: Client, client: Client, address: str) -> None:
    number = in_review(client, ana, address, "please stop")
    settle(ana, number, "opt_out")
    settle(ana, number, "opt_out")
    assert len(facts_of(ana, f"+{mobile(1)}", "kind")) == 1
    assert refusal(ana.post(f"{OPEN}/{number}", {"as": "dismiss"})) == (409, "REVIEW_SETTLED")
    for unknown in (number + 1, "x", 0, 2**63, "9" * 90):
        assert refusal(ana.post(f"{OPEN}/{unknown}", {"as": "dismiss"})) == (404, "REVIEW_NOT_FOUND"), unknown


def test_a_doubt_without_a_readable_number_is_an_opt_out_of_the_number_that_a_person_read(
    ana: Client, client: Client, address: str, store: Store, people: Any
) -> None:
    create(ana, *rows(1), group="VIP")
    unread: list[Sent] = [
        text("STOP", message="m1", at=THEN) | {"from": "DUKA"},
        {"text": "STOP", "id": "m2"},
        {"from": f"+{mobile(3)}", "text": "hello"},
    ]
    send(client, address, *unread)
    first, second = ana.get(OPEN).json()["reviews"]
    assert (first["mobile"], second["mobile"]) == (None, None)
    path = f"{OPEN}/{first['id']}"
    for wrong in ("12", "DUKA", 5.5, True):
        assert wrong_fields(ana.post(path, {"as": "opt_out", "mobile": wrong})) == ["mobile"]
    assert wrong_fields(ana.post(path, {"as": "dismiss", "mobile": mobile(1)})) == ["mobile"]
    for _ in range(2):
        settled = ana.post(path, {"as": "opt_out", "mobile": f"+{mobile(1)}"}).json()["review"]
        assert (settled["mobile"], settled["settled_as"]) == (mobile(1), "opt_out")
    assert facts_of(ana, 1, *SCOPE, "source", "at") == [(*EVERYTHING, "inbound", "2024-03-21T07:06:37.000000Z")]
    assert groups(ana) == {"VIP": 0}
    assert wrong_fields(ana.post(path, {"as": "opt_out", "mobile": mobile(2)})) == ["mobile"]
    assert ana.post(f"{OPEN}/{second['id']}", {"as": "opt_out", "mobile": mobile(2)}).status == 200
    assert may_message(ana, mobile(2)) == [False]
    assert_sound(store, people.shopify)


def test_a_doubt_whose_number_is_known_takes_no_other_one(ana: Client, client: Client, address: str) -> None:
    number = in_review(client, ana, address, "please stop")
    assert wrong_fields(ana.post(f"{OPEN}/{number}", {"as": "opt_out", "mobile": mobile(2)})) == ["mobile"]
    assert ana.post(f"{OPEN}/{number}", {"as": "opt_out", "mobile": f"+{mobile(1)}"}).status == 200
    assert may_message(ana, mobile(1), mobile(2)) == [False, True]


def test_every_wrong_field_of_a_review_is_named(ana: Client) -> None:
    for wrong in (None, "", "maybe", 5, ["opt_out"]):
        assert wrong_fields(ana.post(f"{OPEN}/1", {"as": wrong})) == ["as"]
    assert wrong_fields(ana.get(OPEN, query={"after": "x", "limit": 0})) == ["after", "limit"]


def test_what_waits_comes_in_the_order_of_arrival_a_page_at_a_time(
    ana: Client, ben: Client, client: Client, address: str
) -> None:
    said = [f"please stop {number}" for number in range(5)]
    send(client, address, *[text(one, message=one) for one in said])
    send(client, address, text(said[0], message=said[0]))
    found: list[str] = []
    after: str | None = "0"
    while after is not None:
        answer = ben.get(OPEN, query={"after": after, "limit": 2}).json()
        found += [review["text"] for review in answer["reviews"]]
        after = answer["next"]
    assert found == said
