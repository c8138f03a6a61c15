"""The commands of webhooks: what they take, what they print, and that a secret is printed once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from daftari.cli.app import app
from tests.support.commands import Run, runner_for
from tests.support.faulty_server import Got, Rough, Says, rough_server

URL = "https://crm.example/hooks/daftari"
VERBS = (*("add", "list", "show", "change", "pause", "resume", "replay", "rotate", "test", "deliveries", "delete"),)


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
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rough]:
    """A server that the operator allows."""

    def behave(got: Got) -> Says:
        return Says(204, b"") if got.path == "/good" else Says(500, b"down")

    with rough_server(behave) as server:
        monkeypatch.setenv("DAFTARI_OUTBOUND_HOSTS", server.url.removeprefix("http://"))
        yield server


def show(run: Run, number: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("webhook", "show", number).stdout)
    return shown


def add(run: Run, *options: str) -> tuple[str, str]:
    """The id and the secret of a new webhook."""
    added = run("webhook", "add", *options)
    return added.stderr.split("has the id ")[1].split(".")[0], added.stdout.strip()


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples(verb: str) -> None:
    result = CliRunner().invoke(app, ["webhook", verb, "--help"])
    assert (result.exit_code, f"daftari webhook {verb}" in result.output) == (0, True)


def test_a_webhook_is_added_shown_listed_changed_and_deleted(run: Run) -> None:
    number, secret = add(run, URL, "--type", "contacts.erased")
    assert secret.startswith("whsec_")
    shown = show(run, number)
    assert (shown["url"], shown["types"], shown["state"]) == (URL, ["contacts.erased"], "enabled")
    assert json.loads(run("webhook", "list", "--json").stdout) == [shown]
    assert "contacts.erased" in run("webhook", "list").stdout
    run("webhook", "change", number, "--url", "https://other.example/", "--all-types")
    shown = show(run, number)
    assert (shown["url"], shown["types"]) == ("https://other.example/", [])
    assert "paused" in run("webhook", "pause", number).stderr
    assert "0 changes behind" in run("webhook", "resume", number).stderr
    new = run("webhook", "rotate", number).stdout.strip()
    assert new.startswith("whsec_") and new != secret
    assert secret not in run("webhook", "show", number).output + run("webhook", "list").output
    run("webhook", "replay", number, "--after", "0")
    assert show(run, number)["replay"] == 1
    assert run("webhook", "deliveries", number, "--json").stdout.strip() == "[]"
    run("webhook", "delete", number, "--yes")
    assert "There are no webhooks" in run("webhook", "list").stderr


def test_a_test_exits_with_what_came_of_it(run: Run, receiver: Rough) -> None:
    number, secret = add(run, f"{receiver.url}/good")
    assert "It answered 204 in" in run("webhook", "test", number).stderr
    (got,) = receiver.got
    assert Webhook(secret).verify(got.body, got.headers)["type"] == "webhook.test"
    run("webhook", "change", number, "--url", f"{receiver.url}/bad")
    failed = run("webhook", "test", number, code=1)
    assert "It answered 500: 'down'" in failed.stderr


def test_what_is_wrong_is_said(run: Run) -> None:
    assert "https://" in run("webhook", "add", "http://crm.example", code=1).stderr
    number, _ = add(run, URL)
    for words in (("change", number), ("change", number, "--all-types", "--type", "contacts.erased")):
        run("webhook", *words, code=2)
    assert "Webhook not found" in run("webhook", "show", "4711", code=1).stderr
