"""Senders over HTTP: what one needs, where its secrets are, and the address that its provider calls."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace as replaced

from daftari.gateways import SENDING_GATEWAYS
from daftari.model.limits import SENDERS_MAX
from daftari.model.messages import SenderDefinition
from daftari.model.projects import Actor
from daftari.rules.access import keys
from daftari.rules.messages.create import create_messages, read_messages
from daftari.rules.senders import lifecycle
from daftari.rules.senders.addresses import ensure_addresses
from daftari.rules.senders.model import account_of, find_wait
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store, senders
from tests.conftest import People
from tests.support.builders import create, may_message, mobile, refusal, rows_of, wrong_fields
from tests.support.clients import Answer, Client, in_process
from tests.support.fake_provider import FakeProvider, fake_provider
from tests.support.gateway_samples import as_json
from tests.support.inbound import proven
from tests.support.message_steps import Sending
from tests.support.stores import NOW

SENDERS = "/v1/senders"
PLANTED = "siri-yetu-kabisa-1963"
"""A credential that nothing may show."""
LOG: dict[str, Any] = {"name": "log", "gateway": "log", "channel": "sms"}
DUKA: dict[str, Any] = {
    "name": "DUKA",
    "gateway": "africas_talking",
    "channel": "sms",
    "settings": {"username": "duka"},
    "credentials": {"api_key": PLANTED},
    "purpose": "transactional",
}
TWILIO: dict[str, Any] = {
    "name": "+254711000000",
    "gateway": "twilio",
    "channel": "sms",
    "settings": {"account_sid": "AC1"},
    "credentials": {"secret": "kikapu"},
}
GENERIC: dict[str, Any] = {
    "name": "Anyone",
    "gateway": "generic",
    "channel": "sms",
    "settings": {"url": "https://sms.example/send?to={{to}}", "success": "OK", "method": "GET"},
}


def add(client: Client, **given: Any) -> dict[str, Any]:
    answer = client.post(SENDERS, given)
    assert answer.status == 201, answer.body
    sender: dict[str, Any] = answer.json()["sender"]
    return sender


def show(client: Client, sender: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"{SENDERS}/{sender['id']}")
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = answer.json()["sender"]
    return shown


def put(client: Client, sender: dict[str, Any], **given: Any) -> dict[str, Any]:
    answer = client.put(f"{SENDERS}/{sender['id']}", given)
    assert answer.status == 200, answer.body
    changed: dict[str, Any] = answer.json()["sender"]
    return changed


@pytest.fixture
def public(
    database: str, settings_for: Callable[..., Settings], people: People, loop: asyncio.AbstractEventLoop
) -> Iterator[Client]:
    """Ana, at a service that knows its own address."""
    built = build_server(settings_for(database, public_url="https://book.example"))
    yield Client(in_process(built.rsgi, loop)).with_key(people.ana)
    built.rsgi.__rsgi_del__(loop)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as running:
        yield running


def path_of(sender: dict[str, Any]) -> str:
    url: str = sender["reports_url"]
    assert url.startswith("https://book.example/v1/inbound/")
    return url.removeprefix("https://book.example")


# ---- what a sender is given ---------------------------------------------------------------------------


def test_a_sender_is_added_shown_listed_and_deleted(ana: Client) -> None:
    sender = add(ana, **DUKA, parts_per_second=30, part_price=0.8, hours="08:00-18:00 Africa/Nairobi")
    assert (sender["name"], sender["channel"], sender["gateway"]) == ("DUKA", "sms", "africas_talking")
    assert (sender["settings"], sender["credentials"]) == ({"username": "duka"}, ["api_key"])
    assert (sender["parts_per_second"], sender["part_price"], sender["sent_today"]) == (30, "0.8", 0)
    assert ana.get(SENDERS).json()["senders"] == [show(ana, sender)] == [sender]
    assert ana.delete(f"{SENDERS}/{sender['id']}").json() == {"message": "Sender deleted successfully"}
    assert ana.get(SENDERS).json() == {"senders": []}
    gone = (404, "SENDER_NOT_FOUND")
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/check"), ("POST", "/pause")):
        assert refusal(ana.call(method, f"{SENDERS}/{sender['id']}{path}")) == gone
    assert add(ana, **DUKA)["id"] != sender["id"]


@pytest.mark.parametrize("gateway", SENDING_GATEWAYS)
def test_what_a_gateway_needs_is_named_field_by_field(ana: Client, gateway: str) -> None:
    sending = SENDING_GATEWAYS[gateway]
    required = {f"settings.{field.name}" for field in sending.settings if field.is_required}
    required |= {f"credentials.{field.name}" for field in sending.credentials if field.is_required}
    answer = ana.post(SENDERS, {"name": "DUKA", "gateway": gateway, "channel": sending.channels[0]})
    assert set(wrong_fields(answer) if answer.status == 422 else ()) == required


def test_each_wrong_field_is_named_and_quoted_but_no_secret_is(ana: Client) -> None:
    wrong = {
        "name": "x" * 70, "gateway": "africas_talking", "channel": "carrier pigeon", "purpose": "fun",
        "parts_per_second": 0, "daily_max": "many", "in_flight": 101, "hours": "at night", "suffix": 7,
        "part_price": "cheap", "on_unknown": "pray", "keyword": "k" * 70, "answers_as": "a" * 70,
        "settings": {"username": "duka", "endpoint": "bunk", "colour": "red"},
        "credentials": {"api_key": ["x"], "flavour": "sweet"},
    }  # fmt: skip
    answer = ana.post(SENDERS, wrong)
    assert answer.status == 422
    errors = answer.json()["errors"]
    named = {"settings.endpoint", "settings.colour", "credentials.api_key", "credentials.flavour"}
    assert set(errors) == named | (wrong.keys() - {"gateway", "settings", "credentials"})
    for field in ("channel", "purpose", "hours", "daily_max"):
        assert f"It is '{wrong[field]}'." in errors[field][0]
    assert '"bunk"' in errors["settings.endpoint"][0]
    assert '"colour"; it has' in errors["settings.colour"][0]
    other = ana.post(SENDERS, {**TWILIO, "credentials": {"secret": PLANTED * 500}})
    assert wrong_fields(other) == ["credentials.secret"]
    assert PLANTED.encode() not in other.body


def test_a_gateway_says_what_is_wrong_with_its_settings(ana: Client) -> None:
    wrong = {**GENERIC, "settings": {"url": "ftp://sms.example", "success": "OK"}}
    answer = ana.post(SENDERS, wrong)
    assert wrong_fields(answer) == ["settings.url"]


def test_credentials_in_the_url_are_refused(ana: Client) -> None:
    answer = ana.call("POST", SENDERS, query={"credentials[api_key]": PLANTED}, json=LOG)
    assert wrong_fields(answer) == ["credentials"]


def test_a_name_is_there_once_a_channel(ana: Client) -> None:
    add(ana, **LOG)
    assert refusal(ana.post(SENDERS, {**LOG, "name": " LOG"})) == (409, "SENDER_TAKEN")
    other = add(ana, **LOG | {"channel": "whatsapp"})
    second = add(ana, **LOG | {"name": "log 2"})
    assert refusal(ana.put(f"{SENDERS}/{second['id']}", {"name": "log"})) == (409, "SENDER_TAKEN")
    assert put(ana, other, name="log 2")["name"] == "log 2"


def test_a_premium_sender_needs_its_keyword(ana: Client) -> None:
    asked = LOG | {"channel": "premium_sms"}
    assert wrong_fields(ana.post(SENDERS, asked)) == ["keyword"]
    sender = add(ana, **asked, keyword="PESA")
    assert wrong_fields(ana.put(f"{SENDERS}/{sender['id']}", {"keyword": ""})) == ["keyword"]


def test_a_project_has_only_so_many_senders(ana: Client, store: Store, people: People) -> None:
    for number in range(SENDERS_MAX):
        given = lifecycle.read_sender(LOG | {"name": f"log {number}"}, before=None)
        store.write(people.shopify, Actor(None, "t"), NOW, lifecycle.create_sender, given=given, token="t")
    assert refusal(ana.post(SENDERS, LOG)) == (409, "SENDERS_FULL")
    assert len(ana.get(SENDERS).json()["senders"]) == SENDERS_MAX


# ---- changes --------------------------------------------------------------------------------------------


def test_what_a_change_leaves_out_stays_and_what_is_blank_is_as_it_was_at_first(ana: Client) -> None:
    sender = add(ana, **DUKA, suffix="STOP*1#", daily_max=5, hours="08:00-18:00 Africa/Nairobi")
    changed = put(ana, sender, parts_per_second=50)
    assert changed == sender | {"parts_per_second": 50}
    changed = put(ana, sender, suffix="", hours=None, daily_max="")
    assert changed == sender | {"parts_per_second": 50, "suffix": "", "hours": "off", "daily_max": 0}
    assert put(ana, sender) == changed
    assert wrong_fields(ana.put(f"{SENDERS}/{sender['id']}", {"settings": {"endpoint": "bulk"}})) == [
        "settings.username"
    ]
    assert sorted(wrong_fields(ana.put(f"{SENDERS}/{sender['id']}", {"gateway": "log", "channel": "whatsapp"}))) == [
        "channel",
        "gateway",
    ]


def test_a_former_name_goes_on_being_answered_and_nothing_takes_a_name_away(ana: Client) -> None:
    sender = add(ana, **LOG, answers_as=["20414"])
    assert put(ana, sender, name="DUKA")["answers_as"] == ["20414", "log"]
    assert put(ana, sender, answers_as=[])["answers_as"] == ["20414", "log"]
    assert put(ana, sender, answers_as=["20414", "20415"])["answers_as"] == ["20414", "log", "20415"]
    assert put(ana, sender, name="Duka")["answers_as"] == ["20414", "log", "20415"]
    back = put(ana, sender, name="log")
    assert (back["name"], back["answers_as"]) == ("log", ["20414", "20415", "Duka"])
    many = ana.put(f"{SENDERS}/{sender['id']}", {"answers_as": [str(number) for number in range(100)]})
    assert wrong_fields(many) == ["answers_as"]


def test_a_sender_is_paused_and_resumed(ana: Client) -> None:
    sender = add(ana, **LOG)
    paused = ana.post(f"{SENDERS}/{sender['id']}/pause").json()["sender"]
    assert paused["paused"] == "paused by a person"
    assert ana.post(f"{SENDERS}/{sender['id']}/resume").json()["sender"] == sender


def test_a_sender_for_which_messages_wait_is_not_deleted(ana: Client, store: Store, people: People) -> None:
    sender = add(ana, **LOG, purpose="transactional")
    given = read_messages([mobile(1)], common={"sender": "log", "text": "Hi"}, region="KE", now=NOW)
    store.write(people.shopify, Actor(None, "t"), NOW, create_messages, given=given)
    assert refusal(ana.delete(f"{SENDERS}/{sender['id']}")) == (409, "SENDER_BUSY")


def test_a_pool_waits_until_its_numbers_are_named() -> None:
    pool = SenderDefinition(gateway="twilio", settings={"messaging_service_sid": "MG1"})
    assert "answers_as" in find_wait(pool)
    assert find_wait(replaced(pool, answers_as=("DUKA",)))
    assert not find_wait(replaced(pool, answers_as=("DUKA", "+254 711 000000")))
    assert not find_wait(replaced(pool, settings={}))
    assert not find_wait(SenderDefinition(gateway="log"))


def test_a_pool_claims_nothing_before_its_numbers_are_named(store: Store, people: People) -> None:
    pool = {"account_sid": "AC1", "messaging_service_sid": "MG1"}
    sending = Sending(store, people.shopify, **TWILIO | {"name": "DUKA", "settings": pool})
    sending.create([mobile(1)])
    assert sending.claimed() == []
    named = {"answers_as": ["+254711000001"]}
    sending.write(lifecycle.change_sender, sender_id=sending.sender_id, values=named)
    assert [message.subject_id for message in sending.claimed()] == [int(mobile(1))]


def test_a_pool_says_what_it_waits_for(ana: Client) -> None:
    sender = add(ana, **TWILIO | {"settings": {"account_sid": "AC1", "messaging_service_sid": "MG1"}})
    assert "answers_as" in sender["waits_for"]
    assert put(ana, sender, answers_as=["+254711000001"])["waits_for"] is None


def test_a_text_that_has_the_suffix_already_is_warned_about(ana: Client, store: Store, people: People) -> None:
    add(ana, **LOG, purpose="transactional", suffix="STOP*456*9*5#")
    common = {"sender": "log", "text": "Hi. Stop *456*9*5#"}
    items: list[object] = [mobile(1), {"mobile": mobile(2), "text": "Hi"}]
    given = read_messages(items, common=common, region="KE", now=NOW)
    doubtful, plain = store.write(people.shopify, Actor(None, "t"), NOW, create_messages, given=given)
    assert doubtful.outcome == "waiting" and "STOP*456*9*5#" in (doubtful.warning or "")
    assert plain.warning is None


# ---- the address of its reports -------------------------------------------------------------------------


def test_what_arrives_at_the_address_of_a_sender_is_its_providers(public: Client) -> None:
    sender = add(public, **GENERIC, credentials={"hmac_secret": "kikapu"})
    request = as_json({"messages": [{"from": mobile(1), "to": "Anyone", "text": "STOP", "id": "m1"}]})
    path = path_of(sender)
    assert public.call("POST", path, body=request.body).status == 401
    headers = proven(request, "generic", path)
    assert public.call("POST", path, body=request.body, headers=headers).status == 200
    assert may_message(public, mobile(1)) == [False]


def test_another_credential_is_another_signing_secret(public: Client) -> None:
    sender = add(public, **GENERIC, credentials={"hmac_secret": "old"})
    request = as_json({"messages": []})
    headers = proven(request, "generic", path_of(sender))
    assert public.call("POST", path_of(sender), body=request.body, headers=headers).status == 401
    put(public, sender, credentials={"hmac_secret": "kikapu"})
    assert path_of(show(public, sender)) == path_of(sender)
    assert public.call("POST", path_of(sender), body=request.body, headers=headers).status == 200


def test_the_address_goes_with_the_sender(public: Client, database: str) -> None:
    sender = add(public, **DUKA)
    assert public.post(path_of(sender), {"phoneNumber": mobile(1)}).status in (200, 400)
    assert public.delete(f"{SENDERS}/{sender['id']}").status == 200
    assert public.post(path_of(sender), {"phoneNumber": mobile(1)}).status == 401
    assert len(rows_of(database, "SELECT id FROM inbound_token WHERE revoked_at IS NULL")) == 0


def test_another_address_is_given_and_the_former_one_works_for_as_long_as_is_said(
    public: Client, store: Store, people: People, change: Callable[[str], None]
) -> None:
    sender = add(public, **GENERIC, credentials={"hmac_secret": "kikapu"})
    request = as_json({"messages": []})

    def is_accepted(path: str) -> bool:
        headers = proven(request, "generic", path)
        return public.call("POST", path, body=request.body, headers=headers).status == 200

    first = path_of(sender)
    rotated = public.post(f"{SENDERS}/{sender['id']}/rotate", {})
    assert rotated.status == 200
    second = path_of(rotated.json()["sender"])
    assert second != first and path_of(show(public, sender)) == second
    assert is_accepted(first) and is_accepted(second)
    # Another secret counts at both.
    put(public, sender, credentials={"hmac_secret": "another"})
    assert not is_accepted(first) and not is_accepted(second)
    put(public, sender, credentials={"hmac_secret": "kikapu"})
    assert is_accepted(first) and is_accepted(second)
    change("UPDATE inbound_token SET revoked_at = 1 WHERE revoked_at IS NOT NULL")
    assert not is_accepted(first) and is_accepted(second)
    # One that leaked stops at once, and so do all former ones.
    third = path_of(public.post(f"{SENDERS}/{sender['id']}/rotate", {"keep_hours": 1}).json()["sender"])
    assert is_accepted(second) and is_accepted(third)
    fourth = path_of(public.post(f"{SENDERS}/{sender['id']}/rotate", {"keep_hours": 0}).json()["sender"])
    assert [is_accepted(path) for path in (first, second, third, fourth)] == [False, False, False, True]
    assert wrong_fields(public.post(f"{SENDERS}/{sender['id']}/rotate", {"keep_hours": 169})) == ["keep_hours"]
    public.post(f"{SENDERS}/{sender['id']}/rotate", {})
    public.delete(f"{SENDERS}/{sender['id']}")
    assert not is_accepted(fourth)


def test_a_missing_address_is_made_up_for_and_made_once(
    public: Client, store: Store, people: People, database: str, change: Callable[[str], None]
) -> None:
    sender = add(public, **DUKA)
    change("DELETE FROM inbound_token")
    assert public.post(path_of(sender), {}).status == 401
    assert show(public, sender) == sender
    found = [ensure_addresses(store, people.shopify, now=NOW) for _ in range(2)]
    assert found[0] == found[1]
    assert public.post(path_of(sender), {}).status != 401
    assert rows_of(database, "SELECT sender_id FROM inbound_token") == [(sender["id"],)]


def test_an_address_that_was_left_by_a_deleted_sender_is_revoked_at_the_next_look(
    public: Client, store: Store, people: People, database: str
) -> None:
    sender = add(public, **DUKA)
    store.write(people.shopify, Actor(None, "t"), NOW, lifecycle.delete_sender, sender_id=sender["id"])
    live = "SELECT COUNT(*) FROM inbound_token WHERE revoked_at IS NULL"
    assert rows_of(database, live) == [(1,)]
    add(public, **LOG)
    assert rows_of(database, live) == [(0,)]


def test_the_address_is_shown_to_a_key_that_may_manage_alone(public: Client, store: Store, people: People) -> None:
    sender = add(public, **DUKA)
    for kind in ("read", "write"):
        key, _ = store.system_write(1, keys.create_key, project=people.shopify, label=kind, kind=kind, expires_at=None)
        seen = show(public.with_key(key), sender)
        assert (seen["reports_url"], seen["verify_token"]) == (None, None)
        assert "manage" in seen["reports_note"]
        assert refusal(public.with_key(key).post(SENDERS, LOG))[1] in ("READ_ONLY_KEY", "MANAGE_KEY_REQUIRED")


def test_an_answer_that_is_given_again_says_where_the_address_is(public: Client) -> None:
    first, again = (public.call("POST", SENDERS, json=DUKA, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert path_of(first.json()["sender"])
    assert again.json()["sender"]["reports_url"] is None
    assert "GET /v1/senders" in again.json()["sender"]["reports_note"]


def test_without_a_public_url_the_address_is_said_not_to_be_known(ana: Client) -> None:
    sender = add(ana, **DUKA)
    assert sender["reports_url"] is None
    assert "DAFTARI_PUBLIC_URL" in sender["reports_note"] and "/v1/inbound/africas_talking/" in sender["reports_note"]
    assert add(ana, **LOG)["reports_note"] is None


def test_whatsapps_check_of_the_address_is_answered_with_the_verify_token_shown(public: Client) -> None:
    sender = add(
        public, name="254700000009", gateway="whatsapp", channel="whatsapp",
        settings={"phone_number_id": "1065"}, credentials={"access_token": PLANTED},
    )  # fmt: skip
    assert "credentials.app_secret" in sender["reports_note"]
    asked = {"hub.mode": "subscribe", "hub.challenge": "42", "hub.verify_token": sender["verify_token"]}
    assert public.call("GET", path_of(sender), query=asked).body == b"42"
    assert put(public, sender, credentials={"app_secret": "kikapu"})["reports_note"] is None


# ---- the check ------------------------------------------------------------------------------------------


@pytest.fixture
def allowing(
    database: str,
    settings_for: Callable[..., Settings],
    people: People,
    loop: asyncio.AbstractEventLoop,
    provider: FakeProvider,
) -> Iterator[Client]:
    """Ana, at a service whose operator allows the provider's address."""
    built = build_server(settings_for(database, outbound_hosts=f"127.0.0.1:{provider.port}"))
    yield Client(in_process(built.rsgi, loop)).with_key(people.ana)
    built.rsgi.__rsgi_del__(loop)


def test_a_check_asks_the_provider_and_sends_nothing(allowing: Client, provider: FakeProvider) -> None:
    sender = add(allowing, **DUKA | {"settings": {"username": "duka", "base_url": provider.url("africas_talking")}})
    check = allowing.post(f"{SENDERS}/{sender['id']}/check").json()["check"]
    assert (check["works"], check["balance"]) == (True, "KES 1785.50")
    assert provider.taken == []
    silent = add(allowing, **LOG)
    check = allowing.post(f"{SENDERS}/{silent['id']}/check").json()["check"]
    assert (check["works"], check["balance"]) == (None, None)


def test_a_check_calls_no_private_address_that_the_operator_does_not_allow(ana: Client, provider: FakeProvider) -> None:
    sender = add(ana, **DUKA | {"settings": {"username": "duka", "base_url": provider.url("africas_talking")}})
    check = ana.post(f"{SENDERS}/{sender['id']}/check").json()["check"]
    assert check["works"] is False
    assert "127.0.0.1" in check["says"]


# ---- secrets --------------------------------------------------------------------------------------------


def test_a_planted_secret_is_nowhere(
    public: Client, people: People, store: Store, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    create(public, {"mobile": mobile(1)})
    sender = add(public, **DUKA)
    token = path_of(sender).rpartition("/")[2]
    answers: list[Answer] = [
        public.get(SENDERS),
        public.get(f"{SENDERS}/{sender['id']}"),
        public.put(f"{SENDERS}/{sender['id']}", {"credentials": {"api_key": PLANTED}, "parts_per_second": "fast"}),
        public.call("PUT", f"{SENDERS}/{sender['id']}", json={"credentials": {"api_key": PLANTED}}),
        public.call("POST", SENDERS, json=DUKA, headers={"Idempotency-Key": "k"}),
        public.call("POST", SENDERS, json=DUKA | {"name": "B"}, headers={"Idempotency-Key": "k2"}),
        public.post(SENDERS, {**DUKA, "credentials": PLANTED}),
        public.get(f"/v1/contacts/{mobile(1)}/export"),
        public.post(f"{SENDERS}/{sender['id']}/check"),
    ]
    for answer in answers:
        assert PLANTED.encode() not in answer.body
    stored = store.read(people.shopify, NOW, senders.list_senders)
    account = store.read(people.shopify, NOW, account_of, sender=stored[0], public_url=None)
    assert account.credentials["api_key"] == PLANTED
    given = lifecycle.read_sender(DUKA, before=None)
    assert PLANTED not in f"{account!r}{given!r}{stored!r}{caplog.text}"
    for secret in (PLANTED, token):
        for table in ("sender", "journal", "idempotency", "inbound_token", "job"):
            assert secret not in str(rows_of(database, f"SELECT * FROM {table}"))
    assert hashlib.sha256(token.encode()).digest() in [
        bytes(row[0]) for row in rows_of(database, "SELECT hash FROM inbound_token")
    ]


def test_stored_credentials_are_sent_to_no_other_server(ana: Client) -> None:
    duka, anyone = add(ana, **DUKA), add(ana, **GENERIC, credentials={"key": PLANTED})
    elsewhere = {"username": "duka", "base_url": "https://elsewhere.example"}
    answer = ana.put(f"{SENDERS}/{duka['id']}", {"settings": elsewhere})
    assert wrong_fields(answer) == ["credentials.api_key"]
    assert "another server" in answer.json()["errors"]["credentials.api_key"][0]
    assert put(ana, duka, settings=elsewhere, credentials={"api_key": "k"})["settings"] == elsewhere
    assert put(ana, duka, settings=elsewhere | {"endpoint": "bulk"})
    assert wrong_fields(ana.put(f"{SENDERS}/{duka['id']}", {"settings": {"username": "duka"}}))
    moved = GENERIC["settings"] | {"url": "https://elsewhere.example/{{key}}"}
    assert wrong_fields(ana.put(f"{SENDERS}/{anyone['id']}", {"settings": moved})) == ["credentials.key"]


def test_secrets_that_another_secret_sealed_are_given_again(public: Client, change: Callable[[str], None]) -> None:
    sender = add(public, **DUKA)
    change("UPDATE sender SET credentials = (SELECT hash FROM inbound_token)")
    unreadable = show(public, sender)
    assert unreadable["reports_url"] is None and "DAFTARI_SECRET" in unreadable["reports_note"]
    check = public.post(f"{SENDERS}/{sender['id']}/check").json()["check"]
    assert check["works"] is False and "DAFTARI_SECRET" in check["says"]
    assert wrong_fields(public.put(f"{SENDERS}/{sender['id']}", {"in_flight": 1})) == ["credentials.api_key"]
    again = put(public, sender, credentials={"api_key": PLANTED})
    assert path_of(again) != path_of(sender)
    assert public.post(path_of(sender), {}).status == 401
    assert public.post(path_of(again), {}).status != 401
