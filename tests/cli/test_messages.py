"""The commands of messages: what they take and what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.model.time import current_time
from daftari.rules.access.projects import list_projects
from tests.support.commands import Run, runner_for
from tests.support.message_steps import Sending
from tests.support.stores import open_store

TEXT = ("--sender", "DUKA", "--text", "Hello {{ fname | there }}")


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands on a database with a sender."""
    monkeypatch.chdir(tmp_path)
    run = runner_for(database)
    run("project", "create", "Shopify")
    store = open_store(database, threads=1)
    (project,) = store.system_read(current_time(), list_projects)
    Sending(store, project, now=current_time())
    store.close()
    return run


@pytest.mark.parametrize("verb", ["send", "list", "show"])
def test_help_shows_examples(verb: str) -> None:
    result = CliRunner().invoke(app, ["message", verb, "--help"])
    assert f"  daftari message {verb}" in result.stdout.partition("Examples:")[2]


def test_a_message_is_asked_for_listed_and_shown(run: Run) -> None:
    sent = run("message", "send", "0722000001", "0733000002", *TEXT, "--key", "order-1204", "--plain")
    rows = [line.split("\t") for line in sent.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["254722000001", "waiting"], ["254733000002", "waiting"]]
    again = json.loads(run("message", "send", "0722000001", *TEXT, "--key", "order-1204", "--json").stdout)
    assert again == [{"mobile": "254722000001", "outcome": "duplicate", "id": None, "said": None}]
    shown = json.loads(run("message", "show", rows[0][2]).stdout)
    assert (shown["state"], shown["key"], shown["text"]) == ("waiting", "order-1204", "Hello {{ fname | there }}")
    listed = run("message", "list", "--mobile", "0733000002", "--state", "waiting").stdout.split("\t")
    assert listed[:3] == [rows[1][2], "254733000002", "waiting"]
    first = run("message", "list", "--limit", "1", "--json")
    assert [one["id"] for one in json.loads(first.stdout)] == [int(rows[0][2])]
    assert f"--after {rows[0][2]}" in first.stderr
    assert "no such messages" in run("message", "list", "--state", "failed").stderr


def test_a_wrong_number_is_named_and_stops_no_other_one(run: Run) -> None:
    result = run("message", "send", "0722", "0722000001", *TEXT, code=1)
    bad, good = (line.split("\t") for line in result.stdout.splitlines())
    assert (bad[:2], good[:2]) == (["0722", "invalid"], ["254722000001", "waiting"])
    assert "too short" in bad[3] and "1 number wrong" in result.stderr


def test_what_cannot_be_sent_is_refused_with_what_would_be_right(run: Run) -> None:
    assert (
        "There is no sender called 'SHAMBA'"
        in run("message", "send", "0722000001", "--sender", "SHAMBA", "--text", "x", code=1).stderr
    )
    assert "must be one of: waiting" in run("message", "list", "--state", "lost", code=1).stderr
    assert "not found" in run("message", "show", "999", code=1).stderr
