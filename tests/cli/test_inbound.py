"""The commands about what providers send: addresses and their secrets, quarantine and replay, review."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.gateways.twilio import sign
from tests.support.clients import Answer, Client
from tests.support.commands import Run, runner_for, type_in_terminal
from tests.support.gateway_samples import SOZURI_SMS

AKINYI = "254722000001"
SECRET = "kikapu"
WRONG = "kapu kubwa"


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


def _shown(run: Run, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*words, "--json").stdout)
    return found


def _add(run: Run, provider: str, *options: str, secret: str | None = None) -> str:
    """The path of a new address."""
    given = () if secret is None else ("--secret-file", "-")
    url: str = run("inbound", "add", "--provider", provider, *given, *options, typed=secret).stdout.splitlines()[0]
    assert url.startswith("http://127.0.0.1:8000/v1/inbound/")
    return url.removeprefix("http://127.0.0.1:8000")


def _stop(client: Client, path: str, **members: object) -> Answer:
    """Akinyi's STOP, as Sozuri brings it."""
    return client.post(path, {**SOZURI_SMS, **members})


@pytest.mark.parametrize("verb", ["add", "list", "set-secret", "revoke", "quarantine", "replay", "review", "settle"])
def test_help_shows_examples(verb: str) -> None:
    result = CliRunner().invoke(app, ["inbound", verb, "--help"])
    assert result.exit_code == 0
    assert f"  daftari inbound {verb}" in result.stdout.partition("Examples:")[2]


# ---- addresses --------------------------------------------------------------------------------------


def test_a_message_to_a_new_address_is_taken_in(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", "--label", "20414", secret=f"{SECRET}\n")
    assert _stop(client, path).status == 200
    run("may-message", AKINYI, "--channel", "sms", code=3)
    (address,) = _shown(run, "inbound", "list")
    assert (address["provider"], address["label"], address["state"]) == ("sozuri", "20414", "active")
    assert (address["received"], address["refused"], address["quarantined"]) == (1, 0, 0)
    assert address["last_received_at"]
    assert address["last_refused_at"] is None
    assert path.rsplit("/", 1)[1].startswith(address["start"])


def test_no_list_shows_an_address_or_a_secret(run: Run, client: Client) -> None:
    path = _add(run, "whatsapp", "--verify-token", "kiboko", secret=SECRET)
    client.post(path, {"entry": []})
    token = path.rsplit("/", 1)[1]
    for words in (["list"], ["list", "--json"], ["quarantine"], ["quarantine", "--json"], ["review"]):
        printed = run("inbound", *words).output
        assert not any(hidden in printed for hidden in (token, SECRET, "kiboko"))


def test_the_address_begins_with_the_public_url(run: Run) -> None:
    words = ["inbound", "add", "--provider", "africas_talking"]
    own = run(*words)
    assert own.stdout.startswith("http://127.0.0.1:8000/v1/inbound/africas_talking/")
    assert "No public_url is set" in own.stderr
    public = run(*words, "--public-url", "https://phonebook.example")
    assert public.stdout.startswith("https://phonebook.example/v1/inbound/africas_talking/")
    assert "No public_url is set" not in public.stderr


@pytest.mark.parametrize(
    ("provider", "wanted"),
    [("twilio", "Twilio needs its Auth Token"), ("whatsapp", "WhatsApp needs its App Secret"), ("sozuri", "Auth Key")],
)
def test_a_provider_that_needs_a_secret_is_refused_without_one(run: Run, provider: str, wanted: str) -> None:
    words = ["inbound", "add", "--provider", provider]
    assert wanted in run(*words, code=2).stderr
    assert "is blank" in run(*words, "--secret-file", "-", typed="\n", code=2).stderr
    assert _shown(run, "inbound", "list") == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--provider", "pigeon"], "--provider is 'pigeon'; it must be one of: sozuri, africas_talking"),
        (["--provider", "africas_talking", "--secret-file", "-"], "it needs no secret"),
        (["--provider", "generic", "--verify-token", "x"], "it needs no --verify-token"),
        (["--provider", "twilio", "--secret-file", "none.txt"], "none.txt cannot be read"),
        (["--provider", "generic", "--label", "x" * 101], "--label must not be longer than 100 characters"),
    ],
    ids=lambda given: " ".join(given)[:40] if isinstance(given, list) else "",
)
def test_a_wrong_address_is_answered_with_what_would_be_right(run: Run, words: list[str], hint: str) -> None:
    result = run("inbound", "add", *words, code=2)
    assert hint in result.stderr
    assert not result.stdout


def test_whatsapp_gets_a_verify_token_that_its_check_repeats(run: Run, client: Client) -> None:
    Path("secret.txt").write_text(f"{SECRET}\n")
    words = ["inbound", "add", "--provider", "whatsapp", "--secret-file", "secret.txt"]
    url, token = run(*words).stdout.splitlines()
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
    answer = client.get(url.removeprefix("http://127.0.0.1:8000"), query=query)
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert run(*words, "--verify-token", "kiboko").stdout.splitlines()[1] == "kiboko"


def test_on_a_terminal_the_secret_is_typed(run: Run, database: str) -> None:
    words = ["inbound", "add", "--provider", "twilio", "--database", database]
    assert type_in_terminal(words, typed=SECRET) == 0
    assert type_in_terminal(words, typed="") == 2
    assert len(_shown(run, "inbound", "list")) == 1


def test_a_revoked_address_takes_nothing_in(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=SECRET)
    (address,) = _shown(run, "inbound", "list")
    run("inbound", "revoke", address["start"])
    assert _stop(client, path).status == 401
    assert [one["state"] for one in _shown(run, "inbound", "list")] == ["revoked"]
    assert "No inbound token begins with 'xyz'" in run("inbound", "revoke", "xyz", code=1).stderr


def test_only_the_addresses_of_one_project_are_listed_when_asked(run: Run) -> None:
    run("project", "create", "Kalro")
    for name in ("Shopify", "Kalro"):
        run("inbound", "add", "--provider", "africas_talking", "--project", name)
    assert [one["project"] for one in _shown(run, "inbound", "list")] == ["Shopify", "Kalro"]
    assert [one["project"] for one in _shown(run, "inbound", "list", "--project", "kalro")] == ["Kalro"]


# ---- quarantine and replay --------------------------------------------------------------------------


def test_a_stop_that_a_wrong_secret_refused_is_taken_in_when_it_is_mended(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=WRONG)
    assert _stop(client, path, timestamp=None).status == 401
    run("may-message", AKINYI, "--channel", "sms")
    (kept,) = _shown(run, "inbound", "quarantine")
    assert (kept["provider"], kept["reason"]) == ("sozuri", "The signature is not the provider's.")
    assert "0 accepted, 1 refused again." in run("inbound", "replay").stderr
    corrected = run("inbound", "set-secret", kept["start"], "--secret-file", "-", typed=SECRET)
    assert "1 refused request kept;" in corrected.stderr
    assert "1 accepted, 0 refused again." in run("inbound", "replay").stderr
    run("may-message", AKINYI, "--channel", "sms", code=3)
    assert _shown(run, "inbound", "quarantine") == []
    (address,) = _shown(run, "inbound", "list")
    assert (address["received"], address["refused"], address["quarantined"]) == (1, 1, 0)


def test_what_is_replayed_happened_when_it_was_received(run: Run, client: Client) -> None:
    key = run("key", "create", "--project", "Shopify").stdout.strip()
    path = _add(run, "sozuri", secret=WRONG)
    _stop(client, path, timestamp=None)
    (kept,) = _shown(run, "inbound", "quarantine")
    run("inbound", "set-secret", kept["start"], "--secret-file", "-", typed=SECRET)
    run("inbound", "replay", "--project", "Shopify")
    (fact,) = client.with_key(key).get(f"/v1/contacts/{AKINYI}/consent").json()["consent"]["facts"]
    assert fact["at"] == kept["received_at"]
    assert datetime.fromisoformat(fact["recorded_at"]) <= datetime.now(UTC)


def test_a_replay_that_finds_some_still_refused_keeps_those(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=WRONG)
    _stop(client, path)
    _stop(client, path, authKey="another key")
    (start,) = {kept["start"] for kept in _shown(run, "inbound", "quarantine")}
    run("inbound", "set-secret", start, "--secret-file", "-", typed=SECRET)
    result = run("inbound", "replay")
    assert "1 accepted, 1 refused again." in result.stderr
    assert re.search(r"Request \d+ of sozuri: The signature is not the provider's\.", result.stderr)
    assert len(_shown(run, "inbound", "quarantine")) == 1


def test_what_a_wrong_public_url_refused_is_taken_in_when_it_is_mended(run: Run, client: Client) -> None:
    path = _add(run, "twilio", secret=SECRET)
    form = {"From": f"+{AKINYI}", "To": "+15005550006", "Body": "STOP", "MessageSid": "SM1"}
    signed = f"https://phonebook.example{path}" + "".join(name + form[name] for name in sorted(form))
    proof = {"X-Twilio-Signature": sign(signed, token=SECRET)}
    assert client.call("POST", path, form=form, headers=proof).status == 401
    assert "0 accepted, 1 refused again." in run("inbound", "replay").stderr
    corrected = run("inbound", "replay", "--public-url", "https://phonebook.example")
    assert "1 accepted, 0 refused again." in corrected.stderr
    run("may-message", AKINYI, "--channel", "sms", code=3)


# ---- review -----------------------------------------------------------------------------------------


def test_a_message_that_may_be_an_opt_out_is_listed_and_settled(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=SECRET)
    _stop(client, path, message="please stop this", messageId="1")
    _stop(client, path, message="the bus stop", messageId="2")
    first, second = _shown(run, "inbound", "review")
    assert (first["mobile"], first["text"], first["why"]) == (AKINYI, "please stop this", "has an opt-out word in it")
    assert (first["channel"], first["sender"], first["provider"]) == ("sms", "20414", "sozuri")
    run("inbound", "settle", str(second["id"]), "--as", "dismiss")
    run("may-message", AKINYI, "--channel", "sms")
    run("inbound", "settle", str(first["id"]), "--as", "opt_out")
    run("may-message", AKINYI, "--channel", "sms", code=3)
    assert _shown(run, "inbound", "review") == []
    assert (
        "settled already, as 'opt_out'" in run("inbound", "settle", str(first["id"]), "--as", "dismiss", code=1).stderr
    )


def test_a_message_without_a_readable_number_is_settled_with_one(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=SECRET)
    _stop(client, path, number="DUKA")
    (review,) = _shown(run, "inbound", "review")
    assert (review["mobile"], review["why"]) == (
        None,
        "comes from a number that cannot be read; number 'DUKA'; message 'INB5F96B6A0CC2EB'",
    )
    refused = run("inbound", "settle", str(review["id"]), "--as", "opt_out", code=1)
    assert "The mobile field is required: no number could be read." in refused.stderr
    run("inbound", "settle", str(review["id"]), "--as", "opt_out", "--mobile", "0722000001")
    run("may-message", AKINYI, "--channel", "sms", code=3)


def test_what_a_stranger_wrote_stays_in_its_column(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=SECRET)
    _stop(client, path, message="do\tplease\nstop \x1b[2J")
    (line,) = run("inbound", "review").stdout.splitlines()
    assert line.split("\t")[6:8] == ["has an opt-out word in it", "do please stop  [2J"]


def test_what_is_not_there_is_not_settled(run: Run) -> None:
    assert "Nothing with this id waits" in run("inbound", "settle", "7", "--as", "dismiss", code=1).stderr
    assert (
        "'opt_out', 'opt_in', 'retract', 'dismiss'" in run("inbound", "settle", "7", "--as", "nothing", code=2).stderr
    )


def test_a_stop_with_more_words_is_an_opt_out_and_listed_too(run: Run, client: Client) -> None:
    path = _add(run, "sozuri", secret=SECRET)
    _stop(client, path, message="STOP sending me this")
    run("may-message", AKINYI, "--channel", "sms", code=3)
    (review,) = _shown(run, "inbound", "review")
    run("inbound", "settle", str(review["id"]), "--as", "retract")
    run("may-message", AKINYI, "--channel", "sms")
