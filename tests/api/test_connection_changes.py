"""A connection that stops, falls behind or is read again says so in the feed and by webhook."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from daftari.connectors import ConnectorFailed, Usage
from daftari.model.connections import ConnectionState
from daftari.rules.connections import sync
from daftari.rules.connections.saving import save_connection
from daftari.store import Store
from tests.conftest import People
from tests.support.clients import Client
from tests.support.connection_steps import HOUR, SECOND, Syncing, gone, person
from tests.support.webhook_steps import Delivering

CHANGES = "/v1/changes?types=connection.changed"
REFUSED = ConnectorFailed("broken", "key_refused", "HubSpot refused the key (401).")


@pytest.fixture
def crm(store: Store, people: People) -> Syncing:
    return Syncing(store, people.shopify, groups=[{"from": "all", "to": "CRM"}])


def changes(client: Client) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = client.get(CHANGES).json()["changes"]
    return shown


def states(client: Client) -> list[str]:
    return [change["connection"]["state"] for change in changes(client)]


def fail(crm: Syncing, failure: ConnectorFailed) -> None:
    crm.write(sync.take_failure, connection_id=crm.id, fence=crm.fence, failure=failure, usage=Usage())


def limit(crm: Syncing, seconds: int) -> None:
    until = crm.now + seconds * SECOND
    fail(crm, ConnectorFailed("limited", "rate_limit", "HubSpot takes no more calls.", until=until))


def test_a_refused_key_and_what_follows_are_in_the_feed(ana: Client, crm: Syncing) -> None:
    fail(crm, REFUSED)
    assert ana.post(f"/v1/connections/{crm.id}/key", {"credentials": {"key": "other"}}).status == 200
    said = changes(ana)
    assert [change["connection"] for change in said] == [
        {"id": crm.id, "name": "crm", "state": "importing", "reason": None},
        {"id": crm.id, "name": "crm", "state": "live", "reason": None},
        {"id": crm.id, "name": "crm", "state": "broken", "reason": REFUSED.message},
        {"id": crm.id, "name": "crm", "state": "live", "reason": None},
    ]
    assert [change["by"]["source"] for change in said[2:]] == ["worker", "api"]
    assert {member for change in said for member in change} == {"seq", "at", "type", "by", "connection"}


def test_a_question_a_pause_and_a_removal_are_in_the_feed(ana: Client, crm: Syncing) -> None:
    crm.read(*map(person, range(1, 61)))
    crm.read(*map(gone, range(1, 61)))
    assert changes(ana)[-1]["connection"]["reason"] == crm.open().stored.reason != ""
    for step in ("confirm", "pause", "pause", "start", "start"):
        assert ana.post(f"/v1/connections/{crm.id}/{step}").status == 200
    assert ana.delete(f"/v1/connections/{crm.id}").status == 200
    assert states(ana)[2:] == ["needs_confirmation", "live", "paused", "live", "removed"]


def test_a_connection_that_was_never_started_says_nothing(ana: Client, crm: Syncing) -> None:
    made = {"name": "other", "kind": "hubspot", "credentials": {"key": "k"}, "fields": {"phone": "mobile"}}
    number = ana.post("/v1/connections", made).json()["connection"]["id"]
    assert ana.put(f"/v1/connections/{number}", {"name": "another"}).status == 200
    assert ana.delete(f"/v1/connections/{number}").status == 200
    assert states(ana) == ["importing", "live"]


def test_what_does_not_change_the_state_says_nothing(ana: Client, crm: Syncing) -> None:
    for number in range(3):
        crm.wait(60 * SECOND)
        crm.read(person(number), has_more=True)
        crm.read(person(number, version=2))
        fail(crm, ConnectorFailed("again", "unreachable", "HubSpot cannot be reached now."))
    assert ana.post(f"/v1/connections/{crm.id}/sync").status == 200
    assert ana.put(f"/v1/connections/{crm.id}", {"name": "another"}).status == 200
    assert states(ana) == ["importing", "live"]


def test_failures_are_said_once_when_the_connection_is_behind(ana: Client, crm: Syncing) -> None:
    for _ in range(sync.FAILURES_MAX - 1):
        fail(crm, ConnectorFailed("again", "unreachable", "HubSpot cannot be reached now."))
    assert states(ana) == ["importing", "live"]
    for _ in range(3):
        fail(crm, ConnectorFailed("again", "unreachable", "HubSpot cannot be reached now."))
    crm.read()
    assert states(ana) == ["importing", "live", "behind", "live"]
    assert changes(ana)[2]["connection"]["reason"] == "HubSpot cannot be reached now."


def test_a_limit_is_said_once_it_lets_the_connection_fall_behind(ana: Client, crm: Syncing) -> None:
    for _ in range(4):
        limit(crm, 10)
        crm.wait(10 * SECOND)
        crm.read()
    assert states(ana) == ["importing", "live"], "limits of moments"
    for _ in range(40):
        limit(crm, 10)
        crm.wait(10 * SECOND)
    assert states(ana)[2:] == ["limited"], "one after another, and nothing is read"
    crm.read()
    limit(crm, 6 * 3_600)
    crm.wait(6 * HOUR)
    crm.read()
    assert states(ana)[2:] == ["limited", "live", "limited", "live"], "the rest of a day"


def test_a_connection_that_recovers_by_way_of_a_limit_says_so(ana: Client, crm: Syncing) -> None:
    for _ in range(sync.FAILURES_MAX):
        fail(crm, ConnectorFailed("again", "unreachable", "HubSpot cannot be reached now."))
    limit(crm, 10)
    crm.read()
    assert states(ana)[2:] == ["behind", "live"]


def test_a_connection_of_a_restored_database_says_that_it_reads_nothing(ana: Client, crm: Syncing) -> None:
    opened = crm.open()
    crm.write(save_connection, replace(opened, progress=replace(opened.progress, epoch="another")))
    crm.wait(HOUR)
    crm.write(sync.claim_task, connection_id=crm.id, fence=crm.fence)
    said = changes(ana)[-1]["connection"]
    assert (said["state"], said["reason"]) == ("paused", sync.RESTORED)


def test_the_name_is_that_of_then_and_no_number_of_a_person_is_in_the_reason(ana: Client, crm: Syncing) -> None:
    says = "HubSpot account 62515 refused a call (403): +254722000001 and 0722000001 may not be read."
    fail(crm, ConnectorFailed("broken", "forbidden", says))
    assert ana.put(f"/v1/connections/{crm.id}", {"name": "another"}).status == 200
    said = changes(ana)[-1]["connection"]
    assert said["name"] == "crm"
    assert said["reason"] == "HubSpot account 62515 refused a call (403): … and … may not be read."


def test_a_state_is_said_once_whatever_saves_it(ana: Client, crm: Syncing) -> None:
    others: tuple[ConnectionState, ...] = ("paused", "needs_confirmation", "broken", "behind", "live")
    for state in others:
        for _ in range(2):
            opened = crm.open()
            crm.write(save_connection, replace(opened, stored=replace(opened.stored, state=state)))
    assert states(ana) == ["importing", "live", *others]


def test_a_webhook_for_connections_gets_what_happens_to_them_and_nothing_else(crm: Syncing) -> None:
    hook = Delivering(crm.store, crm.project, now=crm.now, types=["connection.changed"])
    crm.read(person(1))
    assert hook.deliver() == []
    fail(crm, REFUSED)
    assert hook.is_open()
    (body,) = hook.deliver()
    assert body["type"] == "feed.changes"
    assert [change["connection"] for change in body["data"]["changes"]] == [
        {"id": crm.id, "name": "crm", "state": "broken", "reason": REFUSED.message}
    ]
