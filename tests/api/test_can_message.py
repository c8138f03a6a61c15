"""``POST /v1/can-message``: whether numbers may be messaged, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daftari.model.limits import FACTS_PER_CALL_MAX
from daftari.rules.access import inbound_tokens, projects
from daftari.store import Store
from tests.support.builders import NO_MOBILE, create, may_message, mobile, opt_in, opt_out, rows, wrong_fields
from tests.support.clients import Answer, Client
from tests.support.stores import NOW

THEN = "2024-03-21T07:06:37.000000Z"
LATER = "2024-03-21T07:06:38.000000Z"
AFTER = "2024-03-21T07:06:39.000000Z"
AT_NIGHT = "2024-03-21T23:00:00+03:00"
BY_DAY = "2024-03-21T10:00:00+03:00"

Configure = Callable[..., None]


@pytest.fixture
def configure(store: Store, people: Any, client: Client) -> Configure:
    """Changes how Ana's project reads consent: ``configure(require_opt_in=True)``, before her first call."""

    def configure(**consent: object) -> None:
        store.system_write(NOW, projects.set_project, name="Shopify", region=None, on_error=None, consent=consent)

    return configure


def ask(client: Client, *mobiles: object, **asked: object) -> Answer:
    return client.post("/v1/can-message", {"mobiles": mobiles, "channel": "sms", **asked})


def results(client: Client, *mobiles: object, **asked: object) -> list[dict[str, Any]]:
    answer = ask(client, *mobiles, **asked)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def codes(client: Client, *mobiles: object, **asked: object) -> list[list[str]]:
    return [[reason["code"] for reason in one["reasons"]] for one in results(client, *mobiles, **asked)]


def test_the_answers_come_in_the_order_asked_mobiles_before_ids(ana: Client) -> None:
    create(ana, *rows(2))
    opt_out(ana, mobile(2))
    found = results(ana, "0700 000 002", "CALL-ME", int(mobile(1)), mobile(2), ids=[2, 99, 1])
    assert [(one.get("id"), one["mobile"], one["allowed"]) for one in found] == [
        (None, mobile(2), False),
        (None, "CALL-ME", False),
        (None, mobile(1), True),
        (None, mobile(2), False),
        (2, mobile(2), False),
        (99, None, False),
        (1, mobile(1), True),
    ]
    assert [one["reasons"][0]["code"] for one in found] == [
        "opted_out",
        "unreadable_mobile",
        "no_opt_out",
        "opted_out",
        "opted_out",
        "unknown_contact",
        "no_opt_out",
    ]


def test_what_is_no_number_never_fails_the_batch(ana: Client) -> None:
    odd: list[Any] = ["", None, True, 5.5, {"a": 1}, ["x"], 2**70, -1, 0, "x" * 100, NO_MOBILE]
    found = results(ana, *odd)
    assert [one["allowed"] for one in found] == [False] * (len(odd) - 1) + [True]
    assert {one["reasons"][0]["code"] for one in found[:-1]} == {"unreadable_mobile"}
    assert all(one["reasons"][0]["text"].startswith("This ") for one in found[:-1])
    assert [one["mobile"] for one in found][:7] == ["", "null", "true", "5.5", '{"a":1}', '["x"]', str(2**70)]


def test_a_number_outside_the_book_is_judged_alike_and_a_key_that_may_only_read_may_ask(
    ana: Client, ben: Client
) -> None:
    opt_out(ana, NO_MOBILE)
    assert may_message(ben, NO_MOBILE, mobile(1)) == [False, True]


def test_an_opt_out_blocks_what_it_meets_and_an_absent_sender_or_purpose_asks_for_all(ana: Client) -> None:
    opt_out(ana, mobile(1), channel="sms", sender="DUKA", purpose="marketing")
    blocked: list[dict[str, object]] = [
        {},
        {"sender": "duka "},
        {"purpose": "marketing"},
        {"sender": "DUKA", "purpose": "promotional"},
        {"purpose": "any"},
    ]
    allowed: list[dict[str, object]] = [
        {"sender": "OTHER"},
        {"purpose": "transactional"},
        {"channel": "whatsapp"},
        {"channel": "premium_sms"},
    ]
    assert [may_message(ana, mobile(1), **asked)[0] for asked in blocked] == [False] * len(blocked)
    assert [may_message(ana, mobile(1), **asked)[0] for asked in allowed] == [True] * len(allowed)


def test_a_number_as_sender_is_its_digits(ana: Client) -> None:
    opt_out(ana, mobile(1), sender="+254 700 000009")
    assert may_message(ana, mobile(1), sender=254700000009) == [False]
    assert may_message(ana, mobile(1), sender="254700000008") == [True]


def test_every_reason_names_the_fact_that_it_rests_on(ana: Client) -> None:
    opt_out(ana, mobile(1), at=THEN, evidence="Form 7")
    opt_out(ana, mobile(1), at=LATER, channel="sms")
    opt_in(ana, mobile(2), at=THEN)
    (out, opted_in) = results(ana, mobile(1), mobile(2))
    assert [reason["fact"]["id"] for reason in out["reasons"]] == [1, 2]
    assert out["reasons"][0]["fact"]["evidence"] == {"note": "Form 7"}
    assert "2024-03-21T07:06:37.000000Z" in out["reasons"][0]["text"]
    assert (opted_in["allowed"], opted_in["reasons"][0]["code"]) == (True, "opted_in")


def test_the_moment_of_sending_leaves_out_what_happened_later(ana: Client, configure: Configure) -> None:
    configure(quiet_hours="off")
    opt_out(ana, mobile(1), at=LATER)
    assert may_message(ana, mobile(1), at=THEN) == [True]
    assert may_message(ana, mobile(1), at=LATER) == may_message(ana, mobile(1), at=AFTER) == [False]
    assert may_message(ana, mobile(1), at=AFTER, known_at=AFTER) == [True], "it was not known then"
    assert may_message(ana, mobile(1), at="2999-01-01T12:00:00Z") == [False], "it may be any time, also one to come"


def test_quiet_hours_count_only_for_a_moment_of_sending_and_never_for_transactional(
    ana: Client, configure: Configure
) -> None:
    configure(quiet_hours="08:00-18:00 Africa/Nairobi")
    assert codes(ana, mobile(1)) == codes(ana, mobile(1), at=BY_DAY) == [["no_opt_out"]]
    assert codes(ana, mobile(1), at=AT_NIGHT) == codes(ana, mobile(1), at=AT_NIGHT, purpose="marketing")
    assert codes(ana, mobile(1), at=AT_NIGHT) == [["quiet_hours"]]
    assert codes(ana, mobile(1), at=AT_NIGHT, purpose="transactional") == [["no_opt_out"]]


def test_a_project_may_require_an_opt_in(ana: Client, configure: Configure) -> None:
    configure(require_opt_in=True)
    opt_in(ana, mobile(2), channel="sms")
    assert codes(ana, mobile(1), mobile(2)) == [["no_opt_in"], ["opted_in"]]
    assert codes(ana, mobile(2), channel="whatsapp") == [["no_opt_in"]]


def test_premium_needs_a_subscription_and_shows_who_is_still_billed(
    ana: Client, store: Store, people: Any, client: Client
) -> None:
    token, _ = store.system_write(
        1,
        inbound_tokens.create_token,
        project=people.shopify,
        provider="generic",
        label="",
        signing_secret=None,
        verify_token=None,
    )
    began = {"mobile": mobile(1), "sender": "84320", "keyword": "PESA", "active": True}
    assert client.post(f"/v1/inbound/generic/{token}", {"subscriptions": [began]}).status == 200
    asked = {"channel": "premium_sms", "sender": "84320", "keyword": " pesa "}
    assert codes(ana, mobile(1), mobile(2), **asked) == [["no_opt_out"], ["not_subscribed"]]
    assert codes(ana, mobile(2), channel="premium_sms") == [["no_opt_out"]], "without a keyword nothing is needed"
    assert opt_out(ana, mobile(1), results=True)["results"][0]["still_billed"] is True
    (answer,) = results(ana, mobile(1), **asked)
    assert (answer["allowed"], answer["still_billed"]) == (False, True)
    assert [reason["code"] for reason in answer["reasons"]] == ["opted_out", "still_billed"]
    assert client.post(f"/v1/inbound/generic/{token}", {"subscriptions": [began | {"active": False}]}).status == 200
    (answer,) = results(ana, mobile(1), **asked)
    assert "still_billed" not in answer


def test_a_question_may_come_as_a_form_or_in_the_query(ana: Client) -> None:
    opt_out(ana, mobile(2))
    asked = {"mobiles": f"{mobile(1)},{mobile(2)}", "channel": "sms"}
    for answer in (ana.post("/v1/can-message", form=asked), ana.post("/v1/can-message", query=asked)):
        assert [one["allowed"] for one in answer.json()["results"]] == [True, False]


def test_an_id_that_can_be_nobodys_is_an_answer_and_fails_no_other_one(ana: Client) -> None:
    create(ana, *rows(1))
    found = results(ana, ids=["x", 1.5, -1, 2**63, 2**70, 1])
    assert [answer["id"] for answer in found] == ["x", "1.5", "-1", str(2**63), str(2**70), 1]
    assert [answer["allowed"] for answer in found] == [False] * 5 + [True]
    assert {answer["reasons"][0]["code"] for answer in found[:5]} == {"unknown_contact"}


def test_every_wrong_field_is_named(ana: Client) -> None:
    wrong: dict[str, list[object]] = {
        "channel": [None, "", "any", "fax", 5],
        "sender": ["x" * 65, True, ["x"]],
        "purpose": ["spam", 5],
        "keyword": ["x" * 65, 5],
        "at": ["soon", "2024-03-21T07:06:37", True],
        "known_at": ["soon", [1]],
    }
    for field, values in wrong.items():
        for value in values:
            assert wrong_fields(ask(ana, mobile(1), **{field: value}))[:1] == [field], (field, value)
    assert wrong_fields(ana.post("/v1/can-message", {"channel": "sms"})) == ["mobiles"]
    assert wrong_fields(ask(ana, *[mobile(1)] * FACTS_PER_CALL_MAX, ids=[1])) == ["mobiles"]
    several = {"channel": "fax", "purpose": "spam", "at": "soon", "mobiles": 5}
    assert {"channel", "purpose", "at", "mobiles"} <= set(wrong_fields(ana.post("/v1/can-message", several)))
