"""The calls under ``/v1/campaigns``, as people and programs make them, with the worker that sends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from daftari.store import Store
from tests.support.builders import create, mobile, opt_out, refusal, rows, wrong_fields
from tests.support.clients import Client
from tests.support.message_steps import Worker

CAMPAIGNS = "/v1/campaigns"
SENDER = {"name": "DUKA", "gateway": "log", "channel": "sms", "purpose": "transactional", "hours": "off"}
PEOPLE = 6
Draft = Callable[..., int]


@pytest.fixture
def draft(ana: Client) -> Draft:
    """Writes a campaign to a book of six; its id."""
    create(ana, *rows(PEOPLE), group="VIP")
    assert ana.post("/v1/senders", {**SENDER, "part_price": "KES 0.50"}).status == 201

    def draft(**given: Any) -> int:
        answer = ana.post(CAMPAIGNS, {"name": "Offer", "sender": "duka", "text": "Hello", "groups": ["VIP"], **given})
        assert answer.status == 201, answer.body
        number: int = answer.json()["campaign"]["id"]
        return number

    return draft


@pytest.fixture
def send(ana: Client, store: Store, people: Any) -> Callable[[], int]:
    """Sends what is to be sent now, as the worker does. Returns how many messages were."""

    def send() -> int:
        (sender,) = ana.get("/v1/senders").json()["senders"]
        steps = Worker(store, people.shopify, sender["id"])
        sent = steps.claimed()
        steps.answer(sent, "accepted")
        return len(sent)

    return send


def show(client: Client, number: int) -> dict[str, Any]:
    answer = client.get(f"{CAMPAIGNS}/{number}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()["campaign"]
    return found


def post(client: Client, number: int, step: str, **given: Any) -> dict[str, Any]:
    answer = client.post(f"{CAMPAIGNS}/{number}/{step}", given)
    assert answer.status in (200, 202), answer.body
    found: dict[str, Any] = answer.json()
    return found


def test_a_campaign_is_written_looked_at_started_and_read_to_the_end(
    ana: Client, draft: Draft, send: Callable[[], int]
) -> None:
    number = draft(text="Hello {{ fname | there }}", groups=[], everyone=True)
    opt_out(ana, mobile(6))
    preview = post(ana, number, "preview")["preview"]
    assert (preview["count"], preview["excluded"], preview["cost"]) == (5, {"opted_out": 1}, "KES 2.50")
    started = post(ana, number, "start", expected=preview["count"])["campaign"]
    assert (started["state"], started["count"], started["states"]) == ("running", 5, {"waiting": 5})
    assert send() == 5
    shown = show(ana, number)
    assert (shown["state"], shown["states"], shown["parts"]) == ("finished", {"accepted": 5}, 5)
    assert ana.get(CAMPAIGNS).json() == {"campaigns": [shown], "next": None}
    log = ana.get(f"{CAMPAIGNS}/{number}/messages").json()
    assert [line["mobile"] for line in log["messages"]] == [mobile(one) for one in range(1, 6)]
    assert log["next"] is None


def test_a_draft_takes_what_the_call_documents_as_json_and_as_a_form(ana: Client, draft: Draft) -> None:
    number = draft(**{"not": ["Staff"], "match": "all", "purpose": "transactional", "at": 4_000_000_000})
    assert show(ana, number)["at"] == "2096-10-02T07:06:40.000000Z"
    answer = ana.put(f"{CAMPAIGNS}/{number}", {"at": None, "text": "Hi", "plain": True, "everyone": True})
    shown = answer.json()["campaign"]
    assert (shown["at"], shown["text"], shown["plain"], shown["everyone"], shown["groups"]) == (
        None,
        "Hi",
        True,
        True,
        [],
    )
    form = {"name": "Form", "sender": "DUKA", "text": "Hello", "groups[]": ["VIP", "Gold"]}
    made = ana.call("POST", CAMPAIGNS, form=form)
    assert made.status == 201 and made.json()["campaign"]["groups"] == ["VIP", "Gold"]
    assert ana.delete(f"{CAMPAIGNS}/{number}").status == 200
    assert refusal(ana.get(f"{CAMPAIGNS}/{number}")) == (404, "CAMPAIGN_NOT_FOUND")


def test_what_is_wrong_is_named(ana: Client, draft: Draft) -> None:
    assert wrong_fields(ana.post(CAMPAIGNS, {"text": "Hi {{ fnam }}"})) == ["name", "sender", "groups"]
    draft()
    wrong = {"name": "A", "sender": "DUKA", "groups": ["VIP"], "text": "Hi {{ fnam }}", "until": 1}
    assert wrong_fields(ana.post(CAMPAIGNS, wrong)) == ["text", "until"]
    number = draft(groups=["Gone"])
    assert wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/preview")) == ["groups"]
    assert wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/start")) == ["groups"]
    assert wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/test", {"mobiles": ["07"]})) == ["mobiles.0"]
    assert "mobiles" in wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/test", {"mobiles": [mobile(1)] * 6}))
    assert wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/test")) == ["mobiles"]
    assert wrong_fields(ana.get(f"{CAMPAIGNS}/{number}/messages", query={"state": "gone"})) == ["state"]
    assert wrong_fields(ana.get(f"{CAMPAIGNS}/{number}/messages", query={"after": "x"})) == ["after"]


def test_a_start_with_another_number_than_expected_is_refused_and_changes_nothing(ana: Client, draft: Draft) -> None:
    number = draft()
    answer = ana.post(f"{CAMPAIGNS}/{number}/start", {"expected": 60})
    assert refusal(answer) == (409, "CAMPAIGN_COUNT_CHANGED")
    assert "6 people" in answer.json()["message"]
    assert show(ana, number)["state"] == "draft"
    assert ana.get("/v1/audiences/1").status == 404


def test_a_start_that_is_repeated_with_its_idempotency_key_starts_once(ana: Client, draft: Draft) -> None:
    number = draft()
    answers = [
        ana.post(f"{CAMPAIGNS}/{number}/start", {"expected": 6}, headers={"Idempotency-Key": "a-start"})
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 200], answers[0].body
    assert answers[0].body == answers[1].body
    assert refusal(ana.post(f"{CAMPAIGNS}/{number}/start")) == (409, "WRONG_CAMPAIGN_STATE")


def test_a_person_pauses_resumes_and_cancels(ana: Client, draft: Draft, send: Callable[[], int]) -> None:
    number = draft()
    assert refusal(ana.post(f"{CAMPAIGNS}/{number}/pause")) == (409, "WRONG_CAMPAIGN_STATE")
    post(ana, number, "start")
    paused = post(ana, number, "pause")["campaign"]
    assert (paused["state"], paused["reason"]) == ("paused", "person")
    assert send() == 0
    assert post(ana, number, "resume")["campaign"]["state"] == "running"
    cancelled = post(ana, number, "cancel")["campaign"]
    assert (cancelled["state"], cancelled["states"]) == ("cancelled", {"cancelled": PEOPLE})
    assert send() == 0
    lines = ana.get(f"{CAMPAIGNS}/{number}/messages").json()["messages"]
    assert {line["state"] for line in lines} == {"cancelled"} and len(lines) == PEOPLE


def test_a_retry_is_asked_for(ana: Client, draft: Draft, send: Callable[[], int]) -> None:
    number = draft()
    post(ana, number, "start")
    assert send() == PEOPLE
    assert wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/retry", {"states": ["unknown"]})) == ["may_repeat"]
    assert wrong_fields(ana.post(f"{CAMPAIGNS}/{number}/retry")) == ["states"]
    retried = post(ana, number, "retry", states=["failed"])["campaign"]
    assert retried["retry"] == {
        "states": ["failed"], "may_repeat": False, "retried": 0, "too_early": 0, "done": False
    }  # fmt: skip
    assert send() == 0
    assert show(ana, number)["state"] == "finished"


def test_a_test_is_sent_to_those_who_may_get_one(ana: Client, draft: Draft, send: Callable[[], int]) -> None:
    number = draft()
    opt_out(ana, mobile(2))
    results = post(ana, number, "test", mobiles=[mobile(1), mobile(2)])["results"]
    assert [(one["outcome"], one["reason"]) for one in results] == [("waiting", None), ("refused", "opted_out")]
    assert send() == 1
    assert ana.get(f"/v1/messages/{results[0]['id']}").json()["message"]["state"] == "accepted"


def test_the_log_comes_in_pages_and_as_streams(ana: Client, draft: Draft, send: Callable[[], int]) -> None:
    number = draft()
    opt_out(ana, mobile(6))
    post(ana, number, "start")
    path, found, after = f"{CAMPAIGNS}/{number}/messages", [], None
    while True:
        page = ana.get(path, query={"limit": 2, **({"after": after} if after else {})}).json()
        found += page["messages"]
        after = page["next"]
        if after is None:
            break
    assert len(found) == 5 and {line["state"] for line in found} == {"waiting"}
    send()
    streamed = ana.get(path, headers={"Accept": "application/x-ndjson"})
    assert streamed.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in streamed.body.splitlines()]
    assert lines == ana.get(path).json()["messages"]
    table = ana.get(path, headers={"Accept": "text/csv"}, query={"state": "accepted"})
    read = [*csv.DictReader(io.StringIO(table.body.decode(), newline=""))]
    assert [row["mobile"] for row in read] == [line["mobile"] for line in lines]


def test_the_list_has_the_newest_first_and_a_cursor(ana: Client, draft: Draft) -> None:
    numbers = [draft() for _ in range(5)]
    first = ana.get(CAMPAIGNS, query={"limit": 3}).json()
    second = ana.get(CAMPAIGNS, query={"limit": 3, "after": first["next"]}).json()
    shown = [campaign["id"] for campaign in [*first["campaigns"], *second["campaigns"]]]
    assert shown == numbers[::-1] and second["next"] is None


def test_another_project_sees_nothing_of_it(chao: Client, ana: Client, draft: Draft) -> None:
    number = draft()
    for step in ("", "/messages"):
        assert refusal(chao.get(f"{CAMPAIGNS}/{number}{step}")) == (404, "CAMPAIGN_NOT_FOUND")
    for step in ("preview", "start", "pause", "resume", "cancel"):
        assert refusal(chao.post(f"{CAMPAIGNS}/{number}/{step}")) == (404, "CAMPAIGN_NOT_FOUND")
    assert chao.get(CAMPAIGNS).json() == {"campaigns": [], "next": None}


def test_a_sender_with_a_campaign_that_runs_is_not_deleted(ana: Client, draft: Draft) -> None:
    number = draft()
    post(ana, number, "start")
    (sender,) = ana.get("/v1/senders").json()["senders"]
    assert refusal(ana.delete(f"/v1/senders/{sender['id']}")) == (409, "SENDER_BUSY")
    post(ana, number, "cancel")
    assert ana.delete(f"/v1/senders/{sender['id']}").status == 200
    assert show(ana, number)["sender"] == "DUKA"


def test_another_template_keeps_language_and_params_and_a_text_takes_its_place(ana: Client, draft: Draft) -> None:
    account = {"gateway": "whatsapp", "channel": "whatsapp", "settings": {"phone_number_id": "106540352242922"}}
    whatsapp = {"name": "254711000000", "credentials": {"access_token": "EAAB"}, **account}
    assert ana.post("/v1/senders", whatsapp).status == 201
    number = draft(sender="254711000000", text=None, template="sale", language="sw", params=["{{ fname | you }}"])
    assert ana.put(f"{CAMPAIGNS}/{number}", {"template": "sales"}).status == 200
    shown = show(ana, number)
    assert [shown[name] for name in ("template", "language", "params")] == ["sales", "sw", ["{{ fname | you }}"]]
    assert ana.put(f"{CAMPAIGNS}/{number}", {"sender": "DUKA", "text": "Hello"}).status == 200
    shown = show(ana, number)
    assert [shown[name] for name in ("text", "template", "language", "params")] == ["Hello", None, None, []]


def test_a_draft_whose_sender_was_deleted_can_be_given_another_one(ana: Client, draft: Draft) -> None:
    number = draft()
    (sender,) = ana.get("/v1/senders").json()["senders"]
    assert ana.delete(f"/v1/senders/{sender['id']}").status == 200
    for step, body in (("preview", {}), ("test", {"mobiles": [mobile(1)]}), ("start", {})):
        assert refusal(ana.post(f"{CAMPAIGNS}/{number}/{step}", body)) == (404, "SENDER_NOT_FOUND")
    assert wrong_fields(ana.put(f"{CAMPAIGNS}/{number}", {"name": "Other"})) == ["sender"]
    assert ana.post("/v1/senders", {**SENDER, "name": "SHOP"}).status == 201
    assert ana.put(f"{CAMPAIGNS}/{number}", {"sender": "SHOP"}).status == 200
    assert post(ana, number, "preview")["preview"]["count"] == PEOPLE
