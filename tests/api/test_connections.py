"""Connections over HTTP: set up, checked, planned and started; and what is wrong is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from threading import BoundedSemaphore
from typing import Any

import pytest

from daftari.outbound.client import OutboundClient
from daftari.rules.connections import check
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store
from daftari.worker import Provider, run_worker
from tests.conftest import People
from tests.support.builders import create, refusal, rows_of, wrong_fields
from tests.support.clients import Client, in_process
from tests.support.connection_steps import mobile
from tests.support.fake_crm import FakeHubSpot, serve
from tests.support.fake_crm.exchange import RealClock

CONNECTIONS = "/v1/connections"
KEY = "pat-eu1-siri"
CRM = {"name": "crm", "kind": "hubspot", "credentials": {"key": KEY}, "groups": [{"from": "all", "to": "CRM"}]}


def add(client: Client, **given: Any) -> dict[str, Any]:
    answer = client.post(CONNECTIONS, {**CRM, **given})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()["connection"]
    return made


@pytest.fixture
def hubspot() -> Iterator[tuple[FakeHubSpot, str]]:
    fake = FakeHubSpot(3, RealClock())
    fake.truth.lag_seconds = 0.0
    for number in range(1, 9):
        fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}")
    fake.truth.create(mobilephone="12")
    with serve(fake) as url:
        yield fake, url


@pytest.fixture
def near(
    database: str,
    settings_for: Callable[..., Settings],
    people: People,
    loop: asyncio.AbstractEventLoop,
    hubspot: tuple[FakeHubSpot, str],
) -> Iterator[Client]:
    """Ana, at a service that may call the fake HubSpot."""
    built = build_server(settings_for(database, outbound_hosts=hubspot[1].removeprefix("http://")))
    yield Client(in_process(built.rsgi, loop)).with_key(people.ana)
    built.rsgi.__rsgi_del__(loop)


def work(store: Store, url: str) -> None:
    """A worker does what there is to do, and stops."""
    with OutboundClient(allowed_hosts=[url.removeprefix("http://")]) as client:
        run_worker(lambda pause_seconds: pause_seconds > 0.2, store=store, provider=Provider(client))


# ---- set up ---------------------------------------------------------------------------------------------


def test_a_connection_is_added_shown_listed_changed_and_removed(ana: Client, database: str) -> None:
    made = add(ana)
    assert (made["state"], made["fields"]["mobilephone"], made["credentials"]) == ("new", "mobile", ["key"])
    assert made["groups"] == [{"from": "all", "to": "CRM", "keep": "in_step"}]
    path = f"{CONNECTIONS}/{made['id']}"
    assert ana.get(CONNECTIONS).json()["connections"] == [ana.get(path).json()["connection"]] == [made]
    assert KEY not in ana.get(path).body.decode()
    sealed = rows_of(database, "SELECT credentials, definition, progress FROM connection")
    assert KEY not in str(sealed)
    changed = ana.put(path, {"filter": {"stage": ["lead"]}, "poll_seconds": 300}).json()["connection"]
    assert (changed["filter"], changed["poll_seconds"]) == ({"stage": ["lead"]}, 300)
    assert changed["groups"] == made["groups"]
    assert ana.delete(path).json() == {"message": "Connection deleted successfully"}
    assert ana.get(CONNECTIONS).json() == {"connections": []}
    assert refusal(ana.get(path)) == (404, "CONNECTION_NOT_FOUND")
    add(ana)


def test_all_that_is_wrong_is_named_at_once(ana: Client) -> None:
    given = {
        "kind": "hubspot",
        "fields": {"phone": "telephone", "city": "city"},
        "groups": [{"from": "label:3", "to": "x"}, {"from": "all"}],
        "region": "Kenya",
        "zone": "Nairobi",
        "poll_seconds": 1,
    }
    assert sorted(wrong_fields(ana.post(CONNECTIONS, given))) == [
        "credentials.key", "fields.phone", "groups.0.from", "groups.1.to", "name", "poll_seconds", "region",
        "zone",
    ]  # fmt: skip
    assert wrong_fields(ana.post(CONNECTIONS, {"name": "crm", "kind": "salesforce"})) == ["kind"]
    assert wrong_fields(ana.post(CONNECTIONS, {**CRM, "fields": {"city": "city"}})) == ["fields"]
    assert wrong_fields(ana.post(CONNECTIONS, {"name": "crm", "kind": "pipedrive"})) == [
        "credentials.token",
        "settings.company",
    ]


def test_a_name_is_there_once(ana: Client) -> None:
    add(ana)
    assert refusal(ana.post(CONNECTIONS, {**CRM, "name": "CRM"})) == (409, "CONNECTION_NAME_TAKEN")


def test_a_step_in_the_wrong_state_is_refused_with_the_state(ana: Client) -> None:
    path = f"{CONNECTIONS}/{add(ana)['id']}"
    for step in ("plan", "start", "pause", "sync", "sweep", "confirm"):
        answer = ana.post(f"{path}/{step}")
        assert refusal(answer) == (409, "CONNECTION_STATE") and "(new)" in answer.json()["message"], step
    assert refusal(ana.post(f"{path}/records/retry", {"ids": ["1"]})) == (409, "CONNECTION_STATE")


# ---- checked, planned, started --------------------------------------------------------------------------


def test_a_check_shows_the_account_and_ten_records_as_they_would_be(
    near: Client, hubspot: tuple[FakeHubSpot, str]
) -> None:
    fake, url = hubspot
    create(near, {"mobile": mobile(8)})
    near.post("/v1/opt-outs", {"mobiles": [mobile(8)], "source": "form"})
    path = f"{CONNECTIONS}/{add(near, credentials={'key': fake.key}, settings={'base_url': url})['id']}"
    check = near.post(f"{path}/check").json()["check"]
    assert (check["works"], check["account"], check["time_zone"]) == (True, "62515", "Africa/Nairobi")
    assert check["records"] == 9 and len(check["sample"]) == 9
    by_state = {one["state"] for one in check["sample"]}
    assert by_state == {"live", "unreadable"}
    suppressed = [one["mobile"] for one in check["sample"] if one["suppressed"]]
    assert suppressed == [str(mobile(8))]
    assert all(one["url"].startswith("https://app.hubspot.com/contacts/62515/") for one in check["sample"])
    assert near.get(path).json()["connection"]["state"] == "checked"


def test_a_refused_key_is_said_and_nothing_is_checked(near: Client, hubspot: tuple[FakeHubSpot, str]) -> None:
    path = f"{CONNECTIONS}/{add(near, settings={'base_url': hubspot[1]})['id']}"
    check = near.post(f"{path}/check").json()["check"]
    assert not check["works"] and "HubSpot refused the key (401)" in check["says"] and check["state"] == "new"


def test_checks_that_are_many_or_take_long_leave_the_service_free(
    near: Client, hubspot: tuple[FakeHubSpot, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, url = hubspot
    path = f"{CONNECTIONS}/{add(near, credentials={'key': fake.key}, settings={'base_url': url})['id']}"
    monkeypatch.setattr(check, "_running", BoundedSemaphore(1))
    with check._running:
        assert near.post(f"{path}/check").json()["check"]["says"] == check.TOO_MANY
    monkeypatch.setattr(check, "CHECK_SECONDS_MAX", 0.0)
    fake.burst.most = 1
    assert near.post(f"{path}/check").json()["check"]["says"] == check.SLOW
    assert near.get(path).json()["connection"]["state"] == "new"


def test_a_connection_is_planned_started_and_shows_its_records_and_runs(
    near: Client, store: Store, hubspot: tuple[FakeHubSpot, str]
) -> None:
    fake, url = hubspot
    path = f"{CONNECTIONS}/{add(near, credentials={'key': fake.key}, settings={'base_url': url})['id']}"
    near.post(f"{path}/check")
    assert near.post(f"{path}/plan").status == 200
    work(store, url)
    plan = near.get(path).json()["connection"]["plan"]
    assert plan["counts"] == {"created": 8, "group:CRM": 8, "live": 8, "records": 9, "unreadable": 1}
    assert near.get("/v1/contacts").json()["contacts"]["total"] == 0
    assert near.post(f"{path}/start").json()["connection"]["state"] == "importing"
    work(store, url)
    shown = near.get(path).json()["connection"]
    assert shown["state"] == "live" and shown["complete_until"] is not None
    assert (shown["counts"]["live"], shown["counts"]["unusable"]) == (8, 1)
    assert near.get("/v1/groups/CRM").json()["group"]["contacts"] == 8
    problems = near.get(f"{path}/records", query="state=problem").json()["records"]
    assert [(one["state"], one["problems"]) for one in problems] == [("unreadable", ["unusable"])]
    assert "mobilephone" in problems[0]["why"] and "/record/0-1/" in problems[0]["url"]
    page = near.get(f"{path}/records", query="limit=5").json()
    rest = near.get(f"{path}/records", query={"after": page["next"]}).json()
    assert len(page["records"]) == 5 and len(rest["records"]) == 4 and rest["next"] is None
    settled = near.post(f"{path}/records/settle", {"ids": [problems[0]["id"]], "decision": "burn"})
    assert sorted(wrong_fields(settled)) == ["decision"]
    settled = near.post(f"{path}/records/settle", {"ids": [problems[0]["id"]], "decision": "erase"})
    assert sorted(wrong_fields(settled)) == ["ids"]
    (run,) = near.get(f"{path}/runs").json()["runs"]
    assert (run["name"], run["rows"], run["counts"]["created"]) == ("crm: first reading", 9, 8)


def test_an_opt_out_is_marked_in_the_other_system_and_the_figures_say_so(
    near: Client, store: Store, hubspot: tuple[FakeHubSpot, str]
) -> None:
    fake, url = hubspot
    first, second = sorted(fake.truth.contacts)[:2]
    fake.truth.rejects.add(second)
    given = {"credentials": {"key": fake.key}, "settings": {"base_url": url}, "write_back": True}
    path = f"{CONNECTIONS}/{add(near, **given)['id']}"
    near.post(f"{path}/check")
    near.post(f"{path}/start")
    work(store, url)
    near.post("/v1/opt-outs", {"mobiles": [f"+{mobile(1)}", f"+{mobile(2)}"], "channel": "sms"})
    assert near.get(path).json()["connection"]["written_back"][0]["waiting"] == 2
    assert near.put(path, {"poll_seconds": 300}).json()["connection"]["written_back"][0]["waiting"] == 2
    work(store, url)
    assert fake.truth.contacts[first].properties["daftari_sms"] == "out"
    sms, whatsapp = near.get(path).json()["connection"]["written_back"]
    assert sms == {"channel": "sms", "written": 1, "waiting": 0, "refused": 1, "gone": 0, "opt_ins": 0}
    assert whatsapp["written"] == 0
    (refused,) = near.get(f"{path}/records", query="state=write_back_refused").json()["records"]
    assert refused["id"] == str(second) and "city is required" in refused["why"]
    (mark,) = refused["marks"]
    assert (mark["channel"], mark["word"], mark["state"], mark["written"]) == ("sms", "out", "refused", None)
    fake.truth.rejects.clear()
    near.post(f"{path}/records/retry", {"ids": [refused["id"]]})
    work(store, url)
    assert fake.truth.contacts[second].properties["daftari_sms"] == "out"
    assert near.get(f"{path}/records", query="state=problem").json()["records"][0]["problems"] == ["unusable"]
