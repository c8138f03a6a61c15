"""Webhooks over HTTP: what one needs, where its secret is, and who sees what."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from daftari.model.limits import WEBHOOKS_MAX
from daftari.model.time import current_time
from daftari.rules.webhooks import lifecycle
from daftari.rules.webhooks.calls import compose_call
from daftari.rules.webhooks.model import write_secret
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store
from tests.conftest import ROOT, People
from tests.support import calls
from tests.support.builders import create, refusal, rows, rows_of, wrong_fields
from tests.support.clients import Client, in_process
from tests.support.faulty_server import Got, Rough, Says, rough_server
from tests.support.webhook_steps import Delivering, body_of

HOOKS = "/v1/webhooks"
URL = "https://crm.example/hooks/daftari?token=siri"
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def add(client: Client, **given: Any) -> dict[str, Any]:
    answer = client.post(HOOKS, {"url": URL, **given})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


def show(client: Client, number: int) -> dict[str, Any]:
    answer = client.get(f"{HOOKS}/{number}")
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = answer.json()["webhook"]
    return shown


@pytest.fixture
def receiver() -> Iterator[Rough]:
    def behave(got: Got) -> Says:
        return Says(204, b"") if got.path == "/good" else Says(500, b"call 0722 000 001")

    with rough_server(behave) as server:
        yield server


@pytest.fixture
def near(
    database: str,
    settings_for: Callable[..., Settings],
    people: People,
    loop: asyncio.AbstractEventLoop,
    receiver: Rough,
) -> Iterator[Client]:
    """Ana, at a service that may call the receiver."""
    settings = settings_for(database, outbound_hosts=receiver.url.removeprefix("http://"))
    built = build_server(settings)
    yield Client(in_process(built.rsgi, loop)).with_key(people.ana)
    built.rsgi.__rsgi_del__(loop)


# ---- what a webhook is given ----------------------------------------------------------------------------


def test_a_webhook_is_added_shown_listed_changed_and_deleted(ana: Client) -> None:
    create(ana, *rows(1), group="VIP")
    made = add(ana, types="contacts.erased,group.joined", groups=["vip"])
    hook = made["webhook"]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    assert (hook["url"], hook["types"], hook["groups"]) == (URL, ["contacts.erased", "group.joined"], ["VIP"])
    assert (hook["state"], hook["after"], hook["behind"]) == ("enabled", 3, 0)
    assert ana.get(HOOKS).json()["webhooks"] == [show(ana, hook["id"])] == [hook]
    answer = ana.put(f"{HOOKS}/{hook['id']}", {"types": [], "url": "https://other.example/"}).json()
    assert answer == {
        "message": "Webhook updated successfully",
        "webhook": hook | {"types": [], "url": "https://other.example/"},
    }
    assert ana.call("PATCH", f"{HOOKS}/{hook['id']}", json={"groups": None}).json()["webhook"]["groups"] == []
    for step, state in (("pause", "paused"), ("resume", "enabled")):
        assert ana.post(f"{HOOKS}/{hook['id']}/{step}").json()["webhook"]["state"] == state
    assert ana.delete(f"{HOOKS}/{hook['id']}").json() == {"message": "Webhook deleted successfully"}
    assert ana.get(HOOKS).json() == {"webhooks": []}
    gone = (404, "WEBHOOK_NOT_FOUND")
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/rotate")):
        assert refusal(ana.call(method, f"{HOOKS}/{hook['id']}{path}")) == gone
    assert refusal(ana.get(f"{HOOKS}/{hook['id']}/deliveries")) == gone
    assert refusal(ana.post(f"{HOOKS}/{hook['id']}/replay", {"after": 0})) == gone


def test_all_that_is_wrong_is_named_at_once(ana: Client) -> None:
    assert wrong_fields(ana.post(HOOKS, {})) == ["url"]
    answer = ana.post(HOOKS, {"url": "http://crm.example", "types": ["contacts.made"], "groups": ["VIP"]})
    assert sorted(wrong_fields(answer)) == ["groups", "types", "url"]
    said = answer.json()["errors"]
    assert "outbound_hosts" in said["url"][0] and "'contacts.made'" in said["types"][0]
    assert said["groups"] == ["There is no group called 'VIP'."]
    assert "not a public one" in ana.post(HOOKS, {"url": "https://169.254.169.254/"}).json()["errors"]["url"][0]
    assert wrong_fields(ana.post(HOOKS, {"url": URL, "types": {"a": 1}, "groups": 7})) == ["types", "groups"]
    number = add(ana)["webhook"]["id"]
    for wrong in ({}, {"after": "x"}, {"after": -1}):
        assert wrong_fields(ana.post(f"{HOOKS}/{number}/replay", wrong)) == ["after"]
    assert ana.get(HOOKS).json()["webhooks"] == [show(ana, number)]


def test_a_project_has_so_many_webhooks_and_no_more(ana: Client) -> None:
    for _ in range(WEBHOOKS_MAX):
        add(ana)
    assert refusal(ana.post(HOOKS, {"url": URL})) == (409, "WEBHOOKS_FULL")


def test_who_may_only_read_sees_the_host_of_a_url_and_no_more(ana: Client, ben: Client) -> None:
    hook = add(ana)["webhook"]
    shown = show(ben, hook["id"])
    assert shown == hook | {"url": "https://crm.example/…"}
    assert ben.get(HOOKS).json()["webhooks"] == [shown]
    assert ben.get(f"{HOOKS}/{hook['id']}/deliveries").json() == {"deliveries": [], "next": None}


# ---- secrets --------------------------------------------------------------------------------------------


def test_a_secret_is_answered_once_and_again_only_to_the_same_request(ana: Client, database: str) -> None:
    first = ana.post(HOOKS, {"url": URL}, headers=KEY)
    secret, number = first.json()["secret"], first.json()["webhook"]["id"]
    assert secret not in ana.get(HOOKS).body.decode() + ana.get(f"{HOOKS}/{number}").body.decode()
    again = ana.post(HOOKS, {"url": URL}, headers=KEY)
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    assert len(ana.get(HOOKS).json()["webhooks"]) == 1
    new = ana.post(f"{HOOKS}/{number}/rotate").json()["secret"]
    assert new != secret
    assert ana.post(HOOKS, {"url": URL}, headers=KEY).body == first.body, "it signs for a day more"
    for table in ("idempotency", "webhook", "journal"):
        rows_text = repr(rows_of(database, f"SELECT * FROM {table}"))
        assert secret not in rows_text and new not in rows_text
    assert ana.delete(f"{HOOKS}/{number}").status == 200
    late = ana.post(HOOKS, {"url": URL}, headers=KEY)
    assert (late.status, late.json()["secret"]) == (201, None)


def test_no_log_has_a_secret_or_the_path_of_a_url(
    near: Client, receiver: Rough, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = add(near, url=f"{receiver.url}/good?token=siri")
    near.post(f"{HOOKS}/{made['webhook']['id']}/rotate")
    near.post(f"{HOOKS}/{made['webhook']['id']}/test")
    assert "whsec_" not in caplog.text and "siri" not in caplog.text


# ---- tests, replays, the log ----------------------------------------------------------------------------


def test_a_test_calls_once_and_says_what_came_of_it(near: Client, receiver: Rough) -> None:
    made = add(near, url=f"{receiver.url}/good")
    number = made["webhook"]["id"]
    assert near.post(f"{HOOKS}/{number}/pause").status == 200
    tested = near.post(f"{HOOKS}/{number}/test").json()["test"]
    assert (tested["taken"], tested["status"], tested["error"]) == (True, 204, None)
    (got,) = receiver.got
    message = Webhook(made["secret"]).verify(got.body, got.headers)
    assert (message["type"], message["data"]) == ("webhook.test", {"webhook": number})
    near.put(f"{HOOKS}/{number}", {"url": f"{receiver.url}/bad"})
    tested = near.post(f"{HOOKS}/{number}/test").json()["test"]
    assert (tested["taken"], tested["status"]) == (False, 500)
    assert tested["error"] == "It answered 500: 'call …'"
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 2
    assert show(near, number)["attempts"] == 0


def test_a_test_of_an_address_that_is_not_allowed_calls_nobody(ana: Client) -> None:
    number = add(ana, url="https://localhost/hook")["webhook"]["id"]
    tested = ana.post(f"{HOOKS}/{number}/test").json()["test"]
    assert (tested["taken"], tested["status"]) == (False, None)
    assert "may not be called" in tested["error"]


def test_a_replay_sets_a_webhook_back_and_says_where_the_feed_begins(
    ana: Client, store: Store, people: People, change: Callable[[str], None]
) -> None:
    hook = Delivering(store, people.shopify)
    create(ana, *rows(3), group="VIP")
    assert hook.seqs() == [1, 2, 3]
    back = ana.post(f"{HOOKS}/{hook.id}/replay", {"after": 1}).json()["webhook"]
    assert (back["after"], back["behind"], back["replay"]) == (1, 2, 1)
    assert wrong_fields(ana.post(f"{HOOKS}/{hook.id}/replay", {"after": 2})) == ["after"]
    change("DELETE FROM change WHERE seq = 1")
    answer = ana.post(f"{HOOKS}/{hook.id}/replay", {"after": 0})
    assert (refusal(answer), answer.json()["oldest"]) == ((410, "FEED_RESET"), 2)
    assert hook.seqs() == [2, 3]


def test_the_log_is_paged_from_the_newest_on(ana: Client, store: Store, people: People) -> None:
    hook = Delivering(store, people.shopify)
    for number in range(5):
        assert ana.post("/v1/groups", {"name": f"G{number}"}).status == 201
        hook.deliver()
    firsts, after = [], None
    while True:
        query = {"limit": 2} if after is None else {"limit": 2, "after": after}
        page = ana.get(f"{HOOKS}/{hook.id}/deliveries", query=query).json()
        firsts += [one["first"] for one in page["deliveries"]]
        after = page["next"]
        if after is None:
            break
    assert firsts == [5, 4, 3, 2, 1]
    assert page["deliveries"][0].keys() == {
        *("id", "kind", "first", "last", "changes", "replay", "state", "attempts", "status", "error"),
        *("milliseconds", "created_at", "tried_at"),
    }


def test_every_change_of_a_webhook_is_in_the_journal(ana: Client, database: str) -> None:
    number = add(ana)["webhook"]["id"]
    for step in ("pause", "resume", "rotate"):
        ana.post(f"{HOOKS}/{number}/{step}")
    ana.post(f"{HOOKS}/{number}/replay", {"after": 0})
    ana.delete(f"{HOOKS}/{number}")
    assert [action for (action,) in rows_of(database, "SELECT action FROM journal ORDER BY seq")] == [
        *("create_webhook", "update_webhook", "update_webhook", "rotate_webhook", "replay_webhook", "delete_webhook"),
    ]


# ---- as the documentation says --------------------------------------------------------------------------


def test_the_sample_of_the_documentation_takes_what_is_ours_once_and_refuses_what_is_not(
    store: Store, people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text()
    (sample,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    hook = Delivering(store, people.shopify)
    scope: dict[str, Any] = {}
    exec(sample, scope)
    scope["SECRET"] = str(hook.secret)
    hook.write(lifecycle.rotate_secret, webhook_id=hook.id, secret=write_secret())
    calls.create_group(store, people.shopify, "VIP")
    attempt = hook.claimed()
    sent = compose_call(attempt, now=current_time())
    assert [scope["receive"](dict(sent.headers), sent.body) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out == f"feed.changes {body_of(attempt)['data']}\n"
    assert scope["receive"](dict(sent.headers), sent.body + b" ") == 401
