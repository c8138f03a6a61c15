"""How fresh a group is that connections fill: in groups, previews, audiences, and at the start of a campaign."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from daftari.connectors import ConnectorFailed, GroupSource, Usage
from daftari.model.connections import ConnectionState
from daftari.model.time import format_time
from daftari.rules.connections import lifecycle, sync, walks
from daftari.rules.connections.freshness import find_feeds, refresh_connections
from daftari.rules.connections.saving import save_connection
from daftari.store import Store
from tests.conftest import People
from tests.support.builders import create, mobile, refusal
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.commands import runner_for
from tests.support.connection_steps import SECOND, Syncing, person
from tests.support.stores import NOW

GROUPS = [
    {"from": "all", "to": "CRM"},
    {"from": "list:1", "to": "VIP"},
    {"from": "list:2", "to": "Leads", "keep": "add_only"},
]
SENDER = {"name": "DUKA", "channel": "sms", "gateway": "log", "purpose": "transactional"}


@pytest.fixture
def crm(store: Store, people: People) -> Syncing:
    syncing = Syncing(store, people.shopify, groups=GROUPS, is_live=False)
    syncing.read(person(1), until=NOW - 30 * SECOND)
    return syncing


def group(client: Client, name: str) -> Any:
    return client.get(f"/v1/groups/{name}").json()["group"]


def draft(client: Client, *groups: str, **given: Any) -> str:
    client.post("/v1/senders", SENDER)
    text = {"name": "Offer", "sender": "DUKA", "text": "Hello", "groups": [*groups], **given}
    answer = client.post("/v1/campaigns", text)
    assert answer.status == 201, answer.body
    return f"/v1/campaigns/{answer.json()['campaign']['id']}"


def test_a_group_says_which_connection_fills_it_and_up_to_when_it_is_complete(ana: Client, crm: Syncing) -> None:
    create(ana, {"mobile": mobile(1)}, group="Own")
    shown = group(ana, "crm")
    assert shown["connections"] == [
        {
            "id": crm.id,
            "name": "crm",
            "kind": "hubspot",
            "keep": "in_step",
            "state": "behind",
            "reason": None,
            "complete_until": format_time(NOW - 30 * SECOND),
        }
    ]
    listed = {one["name"]: one for one in ana.get("/v1/groups").json()["groups"]}
    assert listed["CRM"] == shown and "connections" not in listed["Own"]
    assert [one["keep"] for one in listed["Leads"]["connections"]] == ["add_only"]


def test_a_list_is_complete_only_up_to_what_was_read_before_its_members(ana: Client, crm: Syncing) -> None:
    assert group(ana, "VIP")["connections"][0]["complete_until"] is None
    changed = [GroupSource("list:1", "VIP", changed_at=5), GroupSource("list:2", "Leads", changed_at=5)]
    crm.write(walks.note_groups, connection_id=crm.id, fence=crm.fence, found=changed)
    assert group(ana, "VIP")["connections"][0]["complete_until"] is None
    crm.wait(SECOND)
    crm.read(person(2))
    for source in ("list:1", "list:2"):
        walked = {"source": source, "members": {"1"}, "leaving": {}, "after": ""}
        crm.write(walks.walk_links, connection_id=crm.id, fence=crm.fence, **walked)
    # The record that came meanwhile may be in a list, which is not known yet.
    assert group(ana, "VIP")["connections"][0]["complete_until"] is None
    assert group(ana, "CRM")["connections"][0]["complete_until"] == format_time(crm.now)


def test_a_filter_that_does_not_say_when_it_changed_is_walked_when_a_campaign_waits(ana: Client, crm: Syncing) -> None:
    untold = [GroupSource("list:1", "VIP"), GroupSource("list:2", "Leads", changed_at=5)]

    def note_and_walk(*expected: str) -> None:
        crm.write(walks.note_groups, connection_id=crm.id, fence=crm.fence, found=untold)
        assert {*crm.open().progress.walks} == {*expected}
        for source in expected:
            walked = {"source": source, "members": {"1"}, "leaving": {}, "after": ""}
            crm.write(walks.walk_links, connection_id=crm.id, fence=crm.fence, **walked)

    note_and_walk("list:1", "list:2")
    first = group(ana, "VIP")["connections"][0]["complete_until"]
    crm.wait(SECOND)
    crm.read()
    note_and_walk()
    assert group(ana, "VIP")["connections"][0]["complete_until"] == first, "it was not walked since"
    feeds = crm.store.read(crm.project, crm.now, find_feeds, names=["VIP"])
    crm.write(refresh_connections, feeds=feeds, until=crm.now)
    crm.wait(SECOND)
    crm.read()
    note_and_walk("list:1")
    assert group(ana, "VIP")["connections"][0]["complete_until"] == format_time(crm.now)


@each("state", ["paused", "broken", "limited", "needs_confirmation", "behind"])
def test_a_connection_that_is_not_up_to_date_says_so_on_its_groups(
    ana: Client, crm: Syncing, state: ConnectionState
) -> None:
    opened = crm.open()
    stored = replace(opened.stored, state=state, reason="Because.")
    crm.write(save_connection, opened=replace(opened, stored=stored))
    shown = group(ana, "CRM")["connections"][0]
    assert (shown["state"], shown["reason"]) == (state, "Because.")
    assert shown["complete_until"] == format_time(NOW - 30 * SECOND)


def test_a_refused_key_shows_its_sentence_on_the_group(ana: Client, crm: Syncing) -> None:
    failure = ConnectorFailed("broken", "key", "HubSpot refused the key.")
    crm.write(sync.take_failure, connection_id=crm.id, fence=crm.fence, failure=failure, usage=Usage())
    shown = group(ana, "CRM")["connections"][0]
    assert (shown["state"], shown["reason"]) == ("broken", "HubSpot refused the key.")


def test_a_group_is_not_complete_before_another_definition_was_applied(ana: Client, crm: Syncing) -> None:
    fields = {"mobilephone": "mobile", "firstname": "fname"}
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"fields": fields})
    crm.wait(SECOND)
    crm.read(person(2))
    assert group(ana, "CRM")["connections"][0]["complete_until"] is None


def test_a_group_of_a_connection_that_was_removed_or_not_started_has_none(ana: Client, crm: Syncing) -> None:
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    assert "connections" not in group(ana, "CRM")


def test_a_preview_names_the_oldest_of_its_groups(ana: Client, crm: Syncing, store: Store, people: People) -> None:
    second = Syncing(store, people.shopify, name="shop", groups=[{"from": "all", "to": "Shop"}], is_live=False)
    second.read(person(9), until=NOW - 90 * SECOND)
    create(ana, {"mobile": mobile(1)}, group="Own")
    preview = ana.post(f"{draft(ana, 'Own', 'crm', 'Shop')}/preview").json()["preview"]
    assert preview["freshness"] == {
        "group": "Shop",
        "connection": "shop",
        "state": "behind",
        "reason": None,
        "complete_until": format_time(NOW - 90 * SECOND),
    }
    assert ana.post(f"{draft(ana, 'Own')}/preview").json()["preview"]["freshness"] is None
    frozen = ana.post("/v1/audiences", {"groups": ["Own", "crm"], "channel": "sms"}).json()
    assert (frozen["freshness"]["group"], frozen["freshness"]["connection"]) == ("crm", "crm")
    assert "freshness" not in ana.post("/v1/audiences", {"groups": ["Own"], "channel": "sms"}).json()


def test_a_start_answers_at_once_that_the_groups_are_being_read(ana: Client, crm: Syncing) -> None:
    answer = ana.post(f"{draft(ana, 'CRM')}/start", {"expected": 1})
    assert answer.status == 202
    shown = answer.json()["campaign"]
    assert (shown["state"], shown["reason"], shown["count"], shown["expected"]) == ("scheduled", "refreshing", None, 1)
    assert shown["freshness"]["group"] == "CRM"
    assert crm.open().progress.refresh_to > NOW


@each("fresh", [False, "false", "no", 0])
def test_a_start_with_the_groups_as_they_are_reads_nothing(ana: Client, crm: Syncing, fresh: object) -> None:
    answer = ana.post(f"{draft(ana, 'CRM')}/start", {"fresh": fresh})
    assert answer.status == 200 and answer.json()["campaign"]["state"] == "running"


def test_what_is_wrong_with_a_start_is_said_before_anything_is_read(ana: Client, crm: Syncing) -> None:
    path = draft(ana, "CRM", "Own")
    assert refusal(ana.post(f"{path}/start"))[0] == 422
    path = draft(ana, "CRM")
    assert refusal(ana.post(f"{path}/start", {"fresh": "perhaps"}))[0] == 422
    assert ana.get(path).json()["campaign"]["state"] == "draft"
    assert not crm.open().progress.refresh_to


def test_a_paused_campaign_is_resumed_with_the_groups_as_they_are(ana: Client, crm: Syncing) -> None:
    path = draft(ana, "CRM")
    ana.post(f"{path}/start")
    assert ana.post(f"{path}/pause").status == 200
    assert ana.post(f"{path}/resume", {"fresh": False}).json()["campaign"]["state"] == "scheduled"


def test_the_commands_say_how_fresh_a_group_is_and_that_a_campaign_waits(
    ana: Client, crm: Syncing, database: str
) -> None:
    path = draft(ana, "CRM")
    run = runner_for(database)
    listed = run("group", "list", "--project", "Shopify").stdout
    assert f"CRM\t1\t{format_time(NOW - 30 * SECOND)}\tcrm (behind)" in listed
    assert '"keep": "in_step"' in run("group", "show", "crm", "--project", "Shopify").stdout
    number = path.rpartition("/")[2]
    said = run("campaign", "start", number, "--yes", "--project", "Shopify")
    assert "starts when its groups were read" in said.stderr
    run("campaign", "pause", number, "--project", "Shopify")
    run("campaign", "resume", number, "--no-fresh", "--project", "Shopify")
    other = draft(ana, "CRM").rpartition("/")[2]
    assert "is running" in run("campaign", "start", other, "--yes", "--no-fresh", "--project", "Shopify").stderr
