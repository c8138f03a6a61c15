"""The commands of connections: what they take, what they print, and that a key is never shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.model.carts import CartFigures, CartState, StoredCart
from daftari.model.time import DAY_MICROSECONDS as DAY
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.rules.access.projects import list_projects
from daftari.store import WriteTx, carts
from daftari.worker import Provider
from daftari.worker.connections import SyncWork
from tests.support.calls import WORKER
from tests.support.commands import Run, runner_for
from tests.support.connection_steps import mobile
from tests.support.fake_crm import FakeHubSpot, serve
from tests.support.fake_crm.exchange import RealClock
from tests.support.schema import execute
from tests.support.stores import open_store

VERBS = (
    *(
        "add",
        "check",
        "plan",
        "start",
        "show",
        "carts",
        "events",
        "problems",
        "sync",
        "sweep",
        "confirm",
        "key",
        "remove",
        "list",
        "pause",
    ),
    "change",
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)


@pytest.fixture
def run(database: str) -> Run:
    """Commands on a database with one project."""
    run = runner_for(database)
    run("project", "create", "Shopify")
    return run


@pytest.fixture
def hubspot(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeHubSpot, str]]:
    """A HubSpot that the operator allows."""
    fake = FakeHubSpot(3, RealClock())
    fake.truth.lag_seconds = 0.0
    fake.truth.create(mobilephone=f"+{mobile(1)}", firstname="Lucy")
    with serve(fake) as url:
        monkeypatch.setenv("DAFTARI_OUTBOUND_HOSTS", url.removeprefix("http://"))
        yield fake, url


def add(run: Run, *options: str, key: str = "siri") -> None:
    Path("key").write_text(f"{key}\n")
    run("connection", "add", "hubspot", "--name", "crm", "--key-file", "key", *options)


def show(run: Run) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("connection", "show", "crm").stdout)
    return shown


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples(verb: str) -> None:
    result = CliRunner().invoke(app, ["connection", verb, "--help"])
    assert (result.exit_code, f"daftari connection {verb}" in result.output) == (0, True)


def test_a_connection_is_added_shown_listed_changed_and_removed(run: Run) -> None:
    add(run, "--list", "12=vip", "--list", "31=leads:add", "--where", "stage=lead", "--where", "stage=customer")
    shown = show(run)
    assert shown["groups"] == [
        {"from": "list:12", "to": "vip", "keep": "in_step"},
        {"from": "list:31", "to": "leads", "keep": "add_only"},
    ]
    assert (shown["filter"], shown["state"]) == ({"stage": ["lead", "customer"]}, "new")
    assert json.loads(run("connection", "list", "--json").stdout) == [shown]
    assert "siri" not in run("connection", "show", "crm").output + run("connection", "list").output
    run("connection", "change", "crm", "--group", "property:city=Kisumu=lake:add", "--group", "all=crm")
    assert show(run)["groups"] == [
        {"from": "property:city=Kisumu", "to": "lake", "keep": "add_only"},
        {"from": "all", "to": "crm", "keep": "in_step"},
    ]
    run("connection", "change", "CRM", "--group", "all=crm", "--field", "phone=mobile", "--region", "UG")
    assert (show(run)["fields"], show(run)["region"]) == ({"phone": "mobile"}, "UG")
    assert "is removed" in run("connection", "remove", "crm", "--yes").stderr
    assert "There are no connections" in run("connection", "list").stderr


def test_a_connection_is_checked_and_started(run: Run, hubspot: tuple[FakeHubSpot, str]) -> None:
    fake, url = hubspot
    add(run, "--setting", f"base_url={url}", key="wrong")
    assert "refused the key" in run("connection", "check", "crm", code=1).stderr
    refused = run("connection", "key", "crm", "--key-file", "key", code=1)
    assert "has another key; it is new" in refused.stderr and "refused the key" in refused.stderr
    Path("key").write_text(fake.key)
    assert "No credential was given" in run("connection", "key", "crm", code=2).stderr
    assert "The key works: HubSpot 62515." in run("connection", "key", "crm", "--key-file", "key").stderr
    checked = run("connection", "check", "crm")
    assert "HubSpot 62515" in checked.stderr and str(mobile(1)) in checked.stdout
    run("connection", "plan", "crm")
    assert "is importing" in run("connection", "start", "crm").stderr
    run("connection", "sync", "crm")
    run("connection", "sweep", "crm")
    assert "is paused" in run("connection", "pause", "crm").stderr
    assert json.loads(run("connection", "problems", "crm", "--json").stdout) == []


def test_what_is_wrong_is_said(run: Run) -> None:
    assert "Connection not found" in run("connection", "show", "crm", code=1).stderr
    assert "KIND is 'salesforce'" in run("connection", "add", "salesforce", "--name", "crm", code=2).stderr
    Path("key").write_text("siri")
    run("connection", "add", "hubspot", "--name", "crm", "--key-file", "key", "--group", "vip", code=2)
    without = ("--key-file", "key", "--group", "property:city=Kisumu")
    assert "property:city=Kisumu=vip" in run("connection", "add", "hubspot", "--name", "crm", *without, code=2).stderr
    add(run)
    run("connection", "change", "crm", code=2)
    assert "cannot be started" in run("connection", "start", "crm", code=1).stderr


def test_a_setting_is_changed_by_itself(run: Run) -> None:
    add(run, "--setting", "base_url=https://hubspot.example")
    columns = '{"id": "id", "updated_at": "changed"}'
    place = ("--setting", "database=/srv/shop.db", "--setting", "table=people", "--setting", f"columns={columns}")
    run("connection", "add", "sqlite", "--name", "shop", *place, "--field", "phone=mobile")
    run("connection", "change", "shop", "--setting", "table=buyers")
    shown = json.loads(run("connection", "show", "shop").stdout)["settings"]
    assert (shown["table"], shown["database"]) == ("buyers", "/srv/shop.db")
    assert json.loads(shown["columns"]) == json.loads(columns)


def test_who_changes_a_connection_that_stopped_is_told_how_to_continue(
    run: Run, hubspot: tuple[FakeHubSpot, str], database: str
) -> None:
    fake, url = hubspot
    add(run, "--setting", f"base_url={url}", "--list", "99=vip", key=fake.key)
    assert 'HubSpot has no contact list "99"' in run("connection", "check", "crm").stderr
    run("connection", "start", "crm")
    with closing(open_store(database, threads=2)) as store:
        (project,) = store.system_read(current_time(), list_projects)
        with OutboundClient(allowed_hosts=[url.removeprefix("http://")]) as client:
            given: dict[str, Any] = {"subject": str(show(run)["id"]), "may_continue": lambda: True}
            with SyncWork(store, project, provider=Provider(client), **given) as work:
                while work.step():
                    pass
    assert "HubSpot has no list 99 now" in show(run)["reason"]
    changed = run("connection", "change", "crm", "--group", "all=crm").stderr
    assert "It is broken; when it is right, continue with 'daftari connection start crm'." in changed
    assert "is live" in run("connection", "start", "crm").stderr


def test_problems_say_how_many_opt_outs_were_written_back(run: Run, database: str) -> None:
    add(run, "--write-back")
    assert run("connection", "problems", "crm").stderr == ""
    counts = '{"sms:out": 1204, "sms:gone": 3, "sms:refused": 2, "whatsapp:out": 7}'
    error = "HubSpot cannot be read now."
    progress = f'{{"write_backs": {counts}, "write_back_error": "{error}"}}'
    execute(database, f"UPDATE connection SET progress = '{progress}'")
    assert run("connection", "problems", "crm", "--state", "write_back_refused").stderr.splitlines() == [
        "Opt-outs of sms written back: 1,204 of 1,204, 3 have no record there, 2 refused.",
        "Opt-outs of whatsapp written back: 7 of 7.",
        error,
    ]


def _put_carts(tx: WriteTx, *, connection_id: int, now: int) -> None:
    states: tuple[CartState, ...] = ("bought", "abandoned")
    found = [
        StoredCart(connection_id, f"c{n}", state=state, subject_id=mobile(n), accepted=1, at=now, received_at=now + n)
        for n, state in enumerate(states, 1)
    ]
    carts.save_carts(tx, carts=found)
    carts.add_figures(tx, connection_id=connection_id, figures=CartFigures(now // DAY, abandoned=2, bought_in_time=1))


def test_carts_are_set_listed_and_counted(run: Run, database: str) -> None:
    Path("keys").write_text("client_id=c\nclient_secret=s\n")
    shop = ("shopify", "--name", "shop", "--setting", "shop=ziwa", "--credentials-file", "keys")
    run("connection", "add", *shop, "--carts-group", "left", "--carts-need", "number")
    run("connection", "change", "shop", "--carts-need", "accepted")
    shown = json.loads(run("connection", "show", "shop").stdout)
    assert (shown["carts_group"], shown["carts_need"]) == ("left", "accepted")
    with closing(open_store(database, threads=1)) as store:
        (project,) = store.system_read(current_time(), list_projects)
        store.write(project, WORKER, (now := current_time()), _put_carts, connection_id=shown["id"], now=now)
    rows = [line.split("\t") for line in run("connection", "carts", "shop").stdout.splitlines()]
    assert [(row[1], row[2], row[-1]) for row in rows] == [
        (str(mobile(2)), "abandoned", "no_trigger"),
        (str(mobile(1)), "bought", "ordered"),
    ]
    (cart,) = json.loads(run("connection", "carts", "shop", "--state", "bought", "--json").stdout)
    assert (cart["key"], cart["why"]) == ("c1", "ordered")
    more = run("connection", "carts", "shop", "--limit", "1").stderr
    assert "There are more; add --after" in more
    said = run("connection", "show", "shop").stderr
    assert "abandoned 2, bought in time 1, asked 0, came back 0; without a number 0, not accepted 0." in said
    run("connection", "change", "shop", "--carts-group", "")
    assert json.loads(run("connection", "show", "shop").stdout)["carts_group"] is None


def test_a_shop_is_connected_by_its_own_webhooks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    added = run("connection", "add", "shopify", "--name", "shop", "--setting", "shop=ziwa", "--group", "all=customers")
    assert "no public_url is set (DAFTARI_PUBLIC_URL)" in added.stderr
    monkeypatch.setenv("DAFTARI_PUBLIC_URL", "https://book.example")
    url = json.loads(run("connection", "show", "shop").stdout)["webhook"]["url"]
    assert url.startswith("https://book.example/v1/connections/") and url.rpartition("/")[2] in added.stderr
    assert "The connection has no credentials yet" in run("connection", "check", "shop", code=1).stderr
    monkeypatch.setenv("DAFTARI_CONNECTION_WEBHOOK_SECRET", "5f1d0c0e")
    assert "Whether the key is right shows when something comes by a webhook" in run("connection", "key", "shop").stderr
    monkeypatch.delenv("DAFTARI_CONNECTION_WEBHOOK_SECRET")
    checked = run("connection", "check", "shop").stderr
    assert "There is no app" in checked and f"The address for webhooks that people make there: {url}" in checked
    refused = run("connection", "key", "shop", "--forget", "webhook_secret", code=1).stderr
    assert "must be, for Shopify, client_id and client_secret, or token, or webhook_secret" in refused
    assert run("connection", "start", "shop").stderr
    assert json.loads(run("connection", "show", "shop").stdout)["credentials"] == ["webhook_secret"]
