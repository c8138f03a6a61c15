"""The commands of triggers and events: what they take, what they print, and what they refuse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from daftari.model.time import current_time
from daftari.rules.access.projects import list_projects
from tests.support.commands import Run, runner_for
from tests.support.message_steps import Sending
from tests.support.stores import open_store

CART = ("--event", "cart", "--wait", "1h", "--unless", "event=order", "--sender", "DUKA", "--text", "Your cart")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    """Commands on a database with a group and a sender."""
    run = runner_for(database)
    run("project", "create", "Shopify")
    (tmp_path / "people.csv").write_text("mobile\n0722000001\n0722000002\n")
    run("import", "people.csv", "--group", "VIP")
    store = open_store(database, threads=1)
    (project,) = store.system_read(current_time(), list_projects)
    Sending(store, project, now=current_time())
    store.close()
    return run


def test_a_trigger_is_added_listed_changed_paused_and_deleted(run: Run) -> None:
    number = run("trigger", "add", "Cart reminder", *CART).stdout.split()[-1]
    shown = json.loads(run("trigger", "show", number).stdout)
    assert (shown["on"], shown["unless"], shown["wait"]) == ({"event": "cart"}, [{"event": "order"}], "1h")
    assert "event cart" in run("trigger", "list").output
    run("trigger", "change", number, "--unless", "", "--again", "once", "--name", "Carts")
    (shown,) = json.loads(run("trigger", "list", "--json").stdout)
    assert (shown["name"], shown["unless"], shown["again"]) == ("Carts", [], "once")
    assert "is paused" in run("trigger", "pause", number).stderr
    assert "is on" in run("trigger", "resume", number).stderr
    run("trigger", "delete", number)
    assert json.loads(run("trigger", "list", "--json").stdout) == []


def test_an_event_prints_the_messages_that_it_made(run: Run) -> None:
    number = run("trigger", "add", "Cart reminder", *CART).stdout.split()[-1]
    event = ("event", "send", "cart", "0722000001", "--key", "c1", "--field", "url=https://shop.example/?a=b")
    message = run(*event).stdout.split()[-1]
    assert "known already" in run(*event).stderr
    assert "no trigger is on it" in run("event", "send", "visit", "0722000001").stderr
    assert json.loads(run("trigger", "show", number).stdout)["states"] == {"waiting": 1}
    assert int(message) > int(number)
    (listed,) = json.loads(run("message", "list", "--trigger", number, "--json").stdout)
    assert (listed["id"], listed["trigger"]) == (int(message), int(number))


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("trigger", "add", "A", "--wait", "1h", "--sender", "DUKA", "--text", "Hi"), "either --event or --joins", 2),
        (("trigger", "add", "A", *CART, "--joins", "VIP"), "either --event or --joins", 2),
        (("trigger", "add", "A", *CART, "--unless", "order"), "write event=NAME, in=GROUP or leaves=GROUP", 2),
        (("trigger", "add", "A", *CART, "--wait", "soon"), "is 'soon'; write a number with its unit", 1),
        (("trigger", "change", "1"), "Nothing is to be changed", 2),
        (("trigger", "show", "999"), "Trigger not found", 1),
        (("event", "send", "cart", "07"), "mobile", 1),
        (("event", "send", "cart", "0722000001", "--field", "url"), "write NAME=VALUE", 2),
    ],
)
def test_what_is_wrong_is_said(run: Run, arguments: tuple[str, ...], said: str, code: int) -> None:
    assert said in " ".join(run(*arguments, code=code).stderr.split())


def test_an_import_fires_triggers_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    welcome = ("--joins", "VIP", "--wait", "1h", "--sender", "DUKA", "--text", "Welcome")
    number = run("trigger", "add", "Welcome", *welcome).stdout.split()[-1]
    for file, options, waiting in (("one", (), {}), ("two", ("--fire-triggers",), {"waiting": 2})):
        first = 3 if file == "one" else 5
        (tmp_path / f"{file}.csv").write_text(f"mobile\n072200000{first}\n072200000{first + 1}\n")
        run("import", f"{file}.csv", "--group", "VIP", *options)
        assert json.loads(run("trigger", "show", number).stdout)["states"] == waiting
    newest = json.loads(run("imports", "list", "--json").stdout)[0]
    run("imports", "undo", str(newest["id"]))
    assert json.loads(run("trigger", "show", number).stdout)["states"] == {"waiting": 2}
