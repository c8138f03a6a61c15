"""``daftari search``: what it prints, and the attributes that a project has searched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import People
from tests.support.builders import create
from tests.support.clients import Client
from tests.support.commands import Run, runner_for


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)


@pytest.fixture
def run(database: str, ana: Client, people: People) -> Run:
    """Commands on Ana's book of three."""
    lucy = {"mobile": "0725164291", "fname": "Lucy", "lname": "Wanjiku", "attributes": {"member": "MZ-77"}}
    create(ana, {"mobile": "0777222555", "fname": "Suzan", "lname": "Wanjiru"}, lucy, {"mobile": "0725164290"})
    run = runner_for(database)
    return lambda *words, **more: run(*words, "--project", people.shopify.name, **more)


def test_it_prints_who_is_found_and_how_to_go_on(run: Run) -> None:
    found = run("search", "wanj", "su")
    assert [line.split("\t")[:4] for line in found.stdout.splitlines()] == [["1", "254777222555", "Suzan", ""]]
    found = run("search", "wanj", "--limit", "1")
    assert "--after 1" in found.stderr
    assert [card["id"] for card in json.loads(run("search", "wanj", "--after", "1", "--json").stdout)] == [2]
    assert run("search", "0777", "222").stdout.startswith("1\t254777222555")


def test_what_cannot_be_searched_for_is_said(run: Run) -> None:
    assert "The q field must have a letter or a digit." in run("search", "..", code=1).stderr


def test_an_attribute_is_searched_once_it_is_searchable(run: Run, database: str, people: People) -> None:
    assert run("search", "mz").stdout == ""
    said = runner_for(database)("project", "set", people.shopify.name, "--searchable", "member, branch").stderr
    assert "Searchable attributes: member, branch." in said
    assert run("search", "mz").stdout.startswith("2\t")
    runner_for(database)("project", "set", people.shopify.name, "--searchable", "")
    assert run("search", "mz").stdout == ""
