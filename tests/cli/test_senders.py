"""The commands of senders: what they take, what they print, and that no secret is on a command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.cli.senders import VARIABLES
from daftari.gateways import SENDING_GATEWAYS
from tests.support.commands import Run, runner_for, type_in_terminal
from tests.support.fake_provider import FakeProvider, fake_provider

PLANTED = "siri-yetu-kabisa-1963"
DUKA = ("--name", "DUKA", "--gateway", "africas_talking", "--channel", "sms", "--setting", "username=duka")
LOG = ("--name", "log", "--gateway", "log", "--channel", "sms")


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


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as running:
        yield running


def show(run: Run, name: str, *options: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("sender", "show", name, *options).stdout)
    return shown


def add_duka(run: Run, *options: str) -> str:
    given = (*DUKA, "--credentials-file", "-", *options)
    return run("sender", "add", *given, typed=f"api_key={PLANTED}\n").output


@pytest.mark.parametrize("verb", ["add", "list", "show", "change", "check", "pause", "resume", "delete"])
def test_help_shows_examples_and_no_option_takes_a_secret(verb: str) -> None:
    result = CliRunner().invoke(app, ["sender", verb, "--help"])
    assert result.exit_code == 0
    assert f"  daftari sender {verb}" in result.stdout.partition("Examples:")[2]
    secret = {field.name for gateway in SENDING_GATEWAYS.values() for field in gateway.credentials}
    assert not [name for name in secret if f"--{name.replace('_', '-')} " in result.stdout]


def test_a_sender_is_added_listed_shown_and_deleted(run: Run) -> None:
    output = add_duka(run, "--parts-per-second", "30", "--public-url", "https://book.example")
    assert "https://book.example/v1/inbound/africas_talking/" in output
    (row,) = json.loads(run("sender", "list", "--json").stdout)
    assert (row["name"], row["parts_per_second"], row["paused"]) == ("DUKA", 30, None)
    shown = show(run, "duka", "--public-url", "https://book.example")
    assert shown["reports_url"] in output
    assert shown["credentials"] == ["api_key"]
    assert show(run, str(row["id"]))["name"] == "DUKA"
    assert PLANTED not in output + json.dumps(shown)
    run("sender", "delete", "DUKA", code=2)
    run("sender", "delete", "DUKA", "--yes")
    assert json.loads(run("sender", "list", "--json").stdout) == []
    assert "There is no sender called 'DUKA'" in run("sender", "show", "DUKA", code=1).output


def test_without_a_public_url_the_command_says_what_is_missing(run: Run) -> None:
    assert "DAFTARI_PUBLIC_URL" in add_duka(run)


def test_credentials_come_from_variables_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{VARIABLES}API_KEY", PLANTED)
    run("sender", "add", *DUKA)
    assert show(run, "DUKA")["credentials"] == ["api_key"]


def test_on_a_terminal_credentials_are_asked_for_without_echo(run: Run, database: str) -> None:
    assert type_in_terminal(["sender", "add", *DUKA, "--database", database], typed=PLANTED) == 0
    assert show(run, "DUKA")["credentials"] == ["api_key"]
    words = ["sender", "change", "DUKA", "--credentials", "--database", database]
    assert type_in_terminal(words, typed="another") == 0


def test_what_is_wrong_is_said_and_no_credential_is_quoted(run: Run) -> None:
    output = run("sender", "add", *DUKA, "--hours", "at night", code=1).output
    assert "api_key is missing" in output
    assert "It is 'at night'" in output
    output = run("sender", "add", *DUKA, "--credentials-file", "-", typed=PLANTED, code=2).output
    assert "Line 1" in output and PLANTED not in output
    assert "'duka'" in run("sender", "add", *LOG, "--setting", "duka", code=2).output
    assert "must be one of" in run("sender", "add", "--name", "x", "--gateway", "x", "--channel", "sms", code=2).output


def test_a_change_keeps_the_rest(run: Run) -> None:
    add_duka(run, "--suffix", "STOP*1#")
    before = show(run, "DUKA")
    run("sender", "change", "DUKA", "--setting", "endpoint=messaging", "--suffix", "", "--answers-as", "20414")
    changed = before | {
        "settings": {"username": "duka", "endpoint": "messaging"},
        "suffix": "",
        "answers_as": ["20414"],
    }
    assert show(run, "DUKA") == changed
    run("sender", "change", "DUKA", "--name", "Kapu", "--credentials-file", "-", typed="api_key=another\n")
    assert show(run, "Kapu") == changed | {"name": "Kapu", "answers_as": ["20414", "DUKA"]}
    assert "Nothing is to be changed" in run("sender", "change", "Kapu", code=2).output


def test_a_sender_is_paused_and_resumed(run: Run) -> None:
    run("sender", "add", *LOG)
    run("sender", "pause", "log")
    assert show(run, "log")["paused"] == "paused by a person"
    run("sender", "resume", "log")
    assert show(run, "log")["paused"] is None


def test_a_check_says_whether_the_account_works(
    run: Run, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_duka(run, "--setting", f"base_url={provider.url('africas_talking')}")
    assert "127.0.0.1" in run("sender", "check", "DUKA", code=1).output
    monkeypatch.setenv("DAFTARI_OUTBOUND_HOSTS", f"kannel.intra:13013, 127.0.0.1:{provider.port}")
    assert "KES 1785.50" in run("sender", "check", "DUKA").output
    assert provider.taken == []


def test_the_address_of_a_sender_follows_the_sender_alone(run: Run) -> None:
    add_duka(run)
    (address,) = json.loads(run("inbound", "list", "--json").stdout)
    assert (address["provider"], address["label"], address["state"]) == ("africas_talking", "DUKA", "active")
    for words in (("revoke", address["start"]), ("set-secret", address["start"], "--secret-file", "-")):
        assert "belongs to the sender 'DUKA'" in run("inbound", *words, code=1, typed="x").output
    run("sender", "change", "DUKA", "--name", "Kapu")
    run("sender", "show", "Kapu")
    assert json.loads(run("inbound", "list", "--json").stdout)[0]["label"] == "Kapu"
    (first,) = json.loads(run("inbound", "list", "--json").stdout)
    run("sender", "rotate", "Kapu")
    states = {one["start"]: one["state"] for one in json.loads(run("inbound", "list", "--json").stdout)}
    assert states.pop(first["start"]).startswith("until 20") and [*states.values()] == ["active"]
    run("sender", "rotate", "Kapu", "--keep-hours", "0")
    assert sorted(one["state"] for one in json.loads(run("inbound", "list", "--json").stdout)) == [
        *("active", "revoked", "revoked")
    ]
    run("sender", "delete", "Kapu", "--yes")
    assert json.loads(run("inbound", "list", "--json").stdout)[0]["state"] == "revoked"
