"""The commands of campaigns: what they take, what they print, and what is asked before everyone is messaged."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.model.time import current_time
from daftari.rules.access.projects import list_projects
from tests.support.commands import Run, runner_for, type_in_terminal
from tests.support.message_steps import Sending
from tests.support.stores import open_store

PEOPLE = "mobile,fname\n0722000001,Wanjiku\n0722000002,Otieno\n0722000003,\n"
VERBS = (
    *("add", "list", "show", "change", "delete", "preview", "test"),
    *("start", "pause", "resume", "cancel", "retry", "messages"),
)
Add = Callable[..., str]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    """Commands on a database with three people in a group, and a sender."""
    run = runner_for(database)
    run("project", "create", "Shopify")
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    run("import", str(people), "--group", "VIP")
    store = open_store(database, threads=1)
    (project,) = store.system_read(current_time(), list_projects)
    Sending(store, project, now=current_time())
    store.close()
    return run


@pytest.fixture
def add(run: Run) -> Add:
    """Writes a campaign; its id."""

    def add(*options: str) -> str:
        given = ("--sender", "DUKA", "--group", "VIP", "--text", "Hi {{ fname | you }}", *options)
        return run("campaign", "add", "Offer", *given).stdout.strip()

    return add


def show(run: Run, number: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("campaign", "show", number).stdout)
    return shown


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples(verb: str) -> None:
    result = CliRunner().invoke(app, ["campaign", verb, "--help"])
    assert result.exit_code == 0
    assert f"  daftari campaign {verb}" in result.stdout.partition("Examples:")[2]


def test_a_campaign_is_written_changed_looked_at_and_deleted(run: Run, add: Add) -> None:
    number = add("--not", "Staff", "--until", "2099-01-01T00:00:00Z")
    run("campaign", "change", number, "--until", "", "--name", "Sale", "--plain")
    shown = show(run, number)
    assert (shown["name"], shown["until"], shown["plain"], shown["groups"]) == ("Sale", None, True, ["VIP"])
    run("campaign", "change", number, code=2)
    assert "There is no group called 'Staff'" in run("campaign", "preview", number, code=1).output
    listed = run("campaign", "list").stdout.split("\t")
    assert listed[:3] == [number, "Sale", "draft"]
    run("campaign", "delete", number)
    assert json.loads(run("campaign", "list", "--json").stdout) == []
    assert "not found" in run("campaign", "show", number, code=1).output


def test_a_preview_counts_and_a_start_with_another_count_is_refused(run: Run, add: Add) -> None:
    number = add()
    preview = json.loads(run("campaign", "preview", number).stdout)
    assert (preview["count"], preview["parts"]) == (3, {"1": 3})
    assert "3 people" in run("campaign", "start", number, "--expected", "30", code=1).output
    assert "to 3 people" in run("campaign", "start", number, "--expected", "3").output
    assert show(run, number)["states"] == {"waiting": 3}


def test_a_start_asks_to_type_how_many_people_it_reaches(run: Run, add: Add, database: str) -> None:
    number = add()
    words = ["campaign", "start", number, "--database", database]
    assert type_in_terminal(words, typed="30") != 0
    assert show(run, number)["state"] == "draft"
    assert type_in_terminal(words, typed="3") == 0
    assert show(run, number)["state"] == "running"


def test_a_person_pauses_resumes_and_cancels_and_reads_the_log(run: Run, add: Add) -> None:
    number = add()
    run("campaign", "start", number, "--yes")
    assert "is paused: 3 waiting" in run("campaign", "pause", number).output
    assert "is running" in run("campaign", "resume", number).output
    assert "to resume it, it must be paused" in run("campaign", "resume", number, code=1).output
    assert "is cancelled: 3 cancelled" in run("campaign", "cancel", number).output
    lines = [json.loads(line) for line in run("campaign", "messages", number).stdout.splitlines()]
    assert [line["state"] for line in lines] == ["cancelled"] * 3
    table = run("campaign", "messages", number, "--csv", "--state", "cancelled").stdout
    assert [row["mobile"] for row in csv.DictReader(io.StringIO(table))] == [line["mobile"] for line in lines]
    assert "must be one of" in run("campaign", "messages", number, "--state", "gone", code=1).output
    assert "must be running or paused or finished" in run("campaign", "retry", number, code=1).output


def test_a_test_says_who_may_get_one(run: Run, add: Add) -> None:
    number = add()
    run("opt-out", "0722000002")
    found = json.loads(run("campaign", "test", number, "0722000001", "0722000002", "--json").stdout)
    assert [(one["outcome"], one["reason"]) for one in found] == [("waiting", None), ("refused", "opted_out")]
    run("campaign", "test", number, *["0722000001"] * 6, code=2)


def test_what_is_wrong_is_said(run: Run, add: Add) -> None:
    said = run("campaign", "add", "Offer", "--sender", "NONE", "--group", "VIP", "--text", "Hi", code=1).output
    assert "There is no sender called 'NONE'" in said
    said = run("campaign", "add", "A", "--sender", "DUKA", "--everyone", "--text", "{{ x }}", code=1).output
    assert "names the field" in said
    number = add()
    run("campaign", "start", number, "--at", "tomorrow", code=2)
