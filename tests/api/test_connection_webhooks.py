"""Deliveries of Pipedrive's webhooks over HTTP: what proves them, what is kept, and what is refused."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from msgspec.structs import replace

from daftari.model.inbound import InboundToken
from daftari.model.projects import Project
from daftari.rules.access.inbound_tokens import write_token
from daftari.rules.connections import addresses, lifecycle
from daftari.rules.connections.saving import save_connection
from daftari.store import Store, connections, inbound
from tests.support.builders import refusal, wrong_fields
from tests.support.calls import WORKER
from tests.support.clients import Answer, Client
from tests.support.commands import runner_for
from tests.support.pipedrive_sync import PipedriveSync

MUTATIONS = 10_000 if settings().max_examples > 1_000 else 400

Hook = tuple[str, dict[str, str], bytes]


@pytest.fixture
def sync(store: Store, people: Any) -> PipedriveSync:
    """A connection that has read three persons, and has its webhook."""
    sync = PipedriveSync(store, people.shopify, groups=[{"from": "all", "to": "crm"}])
    for number in range(1, 4):
        sync.fake.truth.create(f"F{number} L", f"+25472200000{number}")
    sync.fake.truth.take_events()
    sync.pass_time(60.0)
    sync.start()
    sync.run()
    return sync


def change(sync: PipedriveSync, person: int | None = None) -> Hook:
    """The delivery of a person's change."""
    persons = sync.fake.truth.persons
    sync.fake.truth.edit(person or min(persons), name="New Name")
    (event,) = sync.fake.truth.take_events()
    (found,) = sync.fake.deliver(event)
    return found


def send(client: Client, hook: Hook) -> Answer:
    url, headers, body = hook
    return client.call("POST", url.removeprefix("https://book.example"), body=body, headers=headers)


def events(client: Client, sync: PipedriveSync) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/v1/connections/{sync.id}/webhook-events").json()["events"]
    return found


def quarantined(store: Store, project: Project) -> list[str]:
    found = store.read(project, 1, inbound.list_quarantine, after=0, limit=100)
    return [kept.reason for kept in found]


def test_a_delivery_is_one_event_however_often_it_comes(client: Client, ana: Client, sync: PipedriveSync) -> None:
    hook = change(sync)
    for _ in range(3):
        answer = send(client, hook)
        assert (answer.status, answer.json()) == (200, {"message": "Received"})
    (event,) = events(ana, sync)
    assert (event["topic"], event["records"], event["state"]) == ("person.change", ["7"], "waiting")


def test_what_is_about_no_person_is_answered_and_not_kept(client: Client, ana: Client, sync: PipedriveSync) -> None:
    url, headers, body = change(sync)
    assert send(client, (url, headers, body.replace(b'"entity":"person"', b'"entity":"deal"'))).status == 200
    assert events(ana, sync) == []


def test_a_wrong_password_is_refused_and_kept(
    client: Client, ana: Client, sync: PipedriveSync, store: Store, people: Any
) -> None:
    url, headers, body = change(sync)
    wrong = {**headers, "authorization": f"Basic {b64encode(b'daftari:kikapu').decode()}"}
    assert refusal(send(client, (url, wrong, body))) == (401, "FORGED")
    assert events(ana, sync) == []
    assert quarantined(store, people.shopify) == ["The user and password are not those of the webhook."]


def test_an_unknown_token_is_refused_and_not_kept(
    client: Client, sync: PipedriveSync, store: Store, people: Any
) -> None:
    url, headers, body = change(sync)
    assert refusal(send(client, (url[:-1] + "_", headers, body))) == (401, "FORGED")
    assert refusal(client.call("POST", f"/v1/inbound/pipedrive/{url.rpartition('/')[2]}", body=body)) == (401, "FORGED")
    assert quarantined(store, people.shopify) == []


def test_another_connections_token_is_refused_and_kept(
    client: Client, ana: Client, sync: PipedriveSync, store: Store, people: Any
) -> None:
    url, headers, body = change(sync)
    other = url.replace(f"/{sync.id}/hook/", f"/{sync.id + 1}/hook/")
    assert refusal(send(client, (other, headers, body))) == (401, "FORGED")
    assert events(ana, sync) == []
    assert quarantined(store, people.shopify) == [addresses.WRONG_CONNECTION]


def test_another_accounts_events_are_refused_and_kept(
    client: Client, ana: Client, sync: PipedriveSync, store: Store, people: Any
) -> None:
    url, headers, body = change(sync)
    foreign = body.replace(b'"company_id":"100"', b'"company_id":"101"')
    assert refusal(send(client, (url, headers, foreign))) == (401, "FORGED")
    assert events(ana, sync) == []
    assert quarantined(store, people.shopify) == ["The delivery is from Pipedrive company 101, the connection to 100."]


def test_what_is_proved_and_cannot_be_read_is_answered_with_200_and_kept(
    client: Client, sync: PipedriveSync, store: Store, people: Any
) -> None:
    url, headers, _ = change(sync)
    assert send(client, (url, headers, b"<html>")).status == 200
    assert quarantined(store, people.shopify) == ["The body is no delivery of Pipedrive's webhooks of version 2.0."]


def test_a_removed_connection_takes_nothing_more_from_then_on(client: Client, sync: PipedriveSync) -> None:
    hook = change(sync)
    assert send(client, hook).status == 200
    sync.write(lifecycle.delete_connection, connection_id=sync.id, leave=False)
    assert refusal(send(client, change(sync))) == (401, "FORGED")
    sync.run()
    assert refusal(send(client, hook)) == (401, "FORGED")


def test_a_large_delivery_is_taken_at_a_good_address_alone(client: Client, ana: Client, sync: PipedriveSync) -> None:
    url, headers, body = change(sync)
    large = body.replace(b'"name":"old"', b'"name":"' + b"x" * 500_000 + b'"')
    assert len(large) > 500_000
    assert send(client, (url, headers, large)).status == 200
    assert len(events(ana, sync)) == 1
    assert refusal(send(client, (url[:-1] + "_", headers, large))) == (401, "FORGED")


def test_a_kind_without_webhooks_has_no_such_address(client: Client, store: Store, people: Any) -> None:
    values = {"name": "crm", "kind": "hubspot", "credentials": {"key": "k"}}
    number = store.write(people.shopify, WORKER, 1, lifecycle.create_connection, values=values).id
    written = write_token()
    token = InboundToken(900, people.shopify.id, "hubspot", "crm", written[:10], 1, None, connection_id=number)
    stored = {"token": token, "token_hash": sha256(written.encode()).digest()}
    store.system_write(1, inbound.insert_token, signing_secret="k", verify_token=None, **stored)
    answer = client.call("POST", f"/v1/connections/{number}/hook/{written}", body=b"{}")
    assert refusal(answer) == (404, "CONNECTION_NOT_FOUND")


def test_a_paused_connection_keeps_what_comes_and_reads_it_when_it_is_started(
    client: Client, sync: PipedriveSync
) -> None:
    sync.write(lifecycle.pause_connection, connection_id=sync.id)
    assert send(client, change(sync)).status == 200
    sync.clock.at = time.time() + 10.0
    sync.run()
    assert not [one for one in sync.book().values() if one["fname"] == "New"]
    sync.write(lifecycle.start_connection, connection_id=sync.id)
    sync.run()
    assert [one["lname"] for one in sync.book().values() if one["fname"] == "New"] == ["Name"]


def test_events_are_replayed_since_a_time(client: Client, ana: Client, sync: PipedriveSync) -> None:
    assert send(client, change(sync)).status == 200
    path = f"/v1/connections/{sync.id}/webhook-events/replay"
    assert wrong_fields(ana.post(path, {})) == ["since"]
    assert wrong_fields(ana.post(path, {"since": "soon"})) == ["since"]
    sync.write(connections.settle_events, connection_id=sync.id, keys=[events(ana, sync)[0]["key"]])
    assert ana.post(path, {"since": 0}).json() == {"message": "Events replayed successfully", "replayed": 1}
    assert events(ana, sync)[0]["state"] == "waiting"
    sync.write(lifecycle.pause_connection, connection_id=sync.id)
    assert refusal(ana.post(path, {"since": 0})) == (409, "CONNECTION_STATE")


def test_events_are_listed_in_pages(client: Client, ana: Client, sync: PipedriveSync) -> None:
    for person in sync.fake.truth.persons:
        assert send(client, change(sync, person)).status == 200
    path = f"/v1/connections/{sync.id}/webhook-events"
    first = ana.get(path, query="limit=2").json()
    rest = ana.get(path, query=f"limit=2&after={first['next']}").json()
    found = [event["records"][0] for event in (*first["events"], *rest["events"])]
    assert found == [str(person) for person in reversed(sync.fake.truth.persons)] and rest["next"] is None
    assert wrong_fields(ana.get(path, query="after=x")) == ["after"]


def test_what_was_refused_is_verified_again_with_the_others(
    client: Client, ana: Client, sync: PipedriveSync, database: str
) -> None:
    url, headers, body = change(sync)
    foreign = body.replace(b'"company_id":"100"', b'"company_id":"101"')
    assert send(client, (url, headers, foreign)).status == 401
    run = runner_for(database)
    assert "0 accepted, 1 refused again" in run("inbound", "replay", "--project", "Shopify").output
    opened = sync.open()
    sync.write(save_connection, replace(opened, stored=replace(opened.stored, account="101")))
    assert "1 accepted, 0 refused again" in run("inbound", "replay", "--project", "Shopify").output
    assert len(events(ana, sync)) == 1
    start = url.rpartition("/")[2][:10]
    assert "connection 'sales'" in run("inbound", "revoke", start, code=1).output


def test_erasing_a_number_erases_the_refused_deliveries_that_name_it(
    client: Client, ana: Client, sync: PipedriveSync, store: Store, people: Any
) -> None:
    url, _, body = change(sync)
    assert send(client, (url, {}, body.replace(b'"phones":[]', b'"phones":["+254722000001"]'))).status == 401
    assert len(quarantined(store, people.shopify)) == 1
    assert ana.post("/v1/erasures", {"mobile": "254722000001"}).status == 201
    assert quarantined(store, people.shopify) == []


# ---- mutations ------------------------------------------------------------------------------------------


def mutated(text: str, random: Random) -> str:
    """A text with a character changed, left out or added, or with other ends."""
    place = random.randrange(len(text))
    sign = random.choice("ABab01+/=_- ~\x7fé")
    found = {
        "change": text[:place] + sign + text[place + 1 :],
        "leave": text[:place] + text[place + 1 :],
        "add": text[:place] + sign + text[place:],
        "cut": text[:place],
        "swap": text.swapcase(),
        "end": text + sign,
    }[random.choice(["change", "leave", "add", "cut", "swap", "end"])]
    return found if found != text else text + "A"


def mutate(hook: Hook, random: Random) -> Hook:
    """A delivery whose token, password, header or account is another one."""
    url, headers, body = hook
    proof = headers["authorization"]
    match random.choice(["token", "header", "password", "none", "account"]):
        case "token":
            base, _, token = url.rpartition("/")
            return f"{base}/{mutated(token, random)}", headers, body
        case "header":
            return url, {**headers, "authorization": mutated(proof, random)}, body
        case "password":
            user_and_password = mutated(b64decode(proof.removeprefix("Basic ")).decode(), random)
            return url, {**headers, "authorization": f"Basic {b64encode(user_and_password.encode()).decode()}"}, body
        case "none":
            return url, {}, body
        case _:
            company = str(random.choice([0, 1, 10, 99, 101, 1000, 100_000]))
            return url, headers, body.replace(b'"company_id":"100"', f'"company_id":"{company}"'.encode())


def test_no_mutation_of_the_proof_or_the_account_passes(sync: PipedriveSync) -> None:
    hook, random = change(sync), Random(12)
    assert not sync.is_refused(*hook)
    assert sum(sync.is_refused(*mutate(hook, random)) for _ in range(MUTATIONS)) == MUTATIONS
