"""The commands about consent, on real databases: what they record, what they answer, and how they end."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.cli.terminal import numbers
from tests.conftest import People
from tests.support.builders import create, groups, page
from tests.support.clients import Client
from tests.support.commands import Run, runner_for, type_in_terminal

AKINYI, BARAKA, CHEBET = "254722000001", "254722000002", "254722000003"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)


@pytest.fixture
def run(database: str) -> Run:
    return runner_for(database)


@pytest.fixture
def shopify(run: Run) -> Run:
    """Commands on a database with one project."""
    run("project", "create", "Shopify")
    return run


def _lines(stdout: str) -> list[list[str]]:
    return [line.split("\t") for line in stdout.splitlines()]


# ---- all of them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["opt-out", "opt-in", "may-message", "audience", "erase"])
def test_help_shows_examples(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"  daftari {command}" in result.stdout.partition("Examples:")[2]


def test_the_project_must_be_named_where_there_are_several(shopify: Run) -> None:
    shopify("project", "create", "Kalro")
    result = shopify("opt-out", AKINYI, code=2)
    assert "Name the project with --project; there are 2: 'Shopify', 'Kalro'." in result.stderr
    shopify("opt-out", AKINYI, "--project", "kalro")
    shopify("may-message", AKINYI, "--project", "kalro", "--channel", "sms", code=3)
    shopify("may-message", AKINYI, "--project", "shopify", "--channel", "sms")


def test_without_a_project_the_command_that_makes_one_is_named(run: Run) -> None:
    assert "create one with 'daftari project create NAME'" in run("opt-out", AKINYI, code=1).stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["may-message", AKINYI, "--channel", "fax"], "--channel must be one of: sms, whatsapp, premium_sms"),
        (["may-message", AKINYI, "--channel", "any"], "--channel must be one of: sms, whatsapp, premium_sms."),
        (["may-message", AKINYI, "--channel", "sms", "--purpose", "fun"], "--purpose must be one of: marketing"),
        (["may-message", AKINYI, "--channel", "sms", "--at", "noon"], "--at must be a time such as"),
        (["audience", "--channel", "sms"], "Give either --group, once or more, or --everyone."),
        (["audience", "--channel", "sms", "--everyone", "--group", "vip"], "or --everyone."),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_wrong_option_is_answered_with_what_would_be_right(words: list[str], hint: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert not result.stdout


# ---- opt-outs and opt-ins ---------------------------------------------------------------------------


def test_an_opt_out_takes_the_contact_out_of_its_groups(run: Run, ana: Client) -> None:
    create(ana, {"mobile": AKINYI}, {"mobile": BARAKA}, group="vip")
    result = run("opt-out", "0722 000 001", "--project", "Shopify", "--evidence", "said so on the telephone")
    assert _lines(result.stdout) == [[AKINYI, "recorded", "vip", ""]]
    assert "Shopify: 1 recorded, 0 unchanged, 0 refused, 0 invalid." in result.stderr
    assert groups(ana) == {"vip": 1}
    known = ana.get(f"/v1/contacts/{AKINYI}/consent").json()["consent"]
    assert known["suppressed"] is True
    assert known["facts"][0]["source"] == "console"
    assert known["facts"][0]["evidence"] == {"note": "said so on the telephone"}


def test_an_opt_in_lifts_what_the_console_recorded(shopify: Run) -> None:
    shopify("opt-out", AKINYI, "--at", "2026-01-01T00:00:00Z")
    shopify("opt-in", AKINYI, "--at", "2026-01-02T00:00:00Z")
    assert _lines(shopify("may-message", AKINYI, "--channel", "sms").stdout)[0][1] == "yes"


def test_the_same_opt_out_again_is_unchanged(shopify: Run) -> None:
    words = ["opt-out", AKINYI, "--at", "2026-01-01T00:00:00Z"]
    assert [_lines(shopify(*words).stdout)[0][1] for _ in range(2)] == ["recorded", "unchanged"]


def test_an_opt_out_of_one_channel_leaves_the_others(shopify: Run) -> None:
    shopify("opt-out", AKINYI, "--channel", "sms", "--sender", "20414", "--purpose", "promotional")
    shopify("may-message", AKINYI, "--channel", "sms", "--sender", "20414", "--purpose", "marketing", code=3)
    shopify("may-message", AKINYI, "--channel", "sms", "--sender", "20414", "--purpose", "transactional")
    shopify("may-message", AKINYI, "--channel", "whatsapp")


def test_an_invalid_number_is_named_and_stops_nobody(shopify: Run) -> None:
    result = shopify("opt-out", AKINYI, "O722", code=1)
    good, bad = _lines(result.stdout)
    assert good[:2] == [AKINYI, "recorded"]
    assert bad[:2] == ["O722", "invalid"]
    assert "is not a" in bad[3]
    assert "1 recorded, 0 unchanged, 0 refused, 1 invalid" in result.stderr
    shopify("may-message", AKINYI, "--channel", "sms", code=3)


def test_a_bulk_opt_in_brings_nobody_back_who_said_stop(shopify: Run) -> None:
    shopify("opt-out", AKINYI, "--source", "inbound", "--at", "2026-01-01T00:00:00Z")
    (row,) = _lines(shopify("opt-in", AKINYI, "--source", "bulk", code=1).stdout)
    assert row[:2] == [AKINYI, "refused"]
    assert "it cannot lift the person's own opt-out" in row[3]
    shopify("may-message", AKINYI, "--channel", "sms", code=3)
    assert "needs evidence" in shopify("opt-in", AKINYI, "--source", "bulk", "--override", code=1).stderr
    shopify("opt-in", AKINYI, "--source", "bulk", "--override", "--evidence", "form 118")
    shopify("may-message", AKINYI, "--channel", "sms")


def test_numbers_come_in_a_pipe_one_a_line_in_calls(shopify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "PROGRESS_SECONDS", 0.0)
    mobiles = [str(254722000000 + place) for place in range(10_001)]
    result = shopify("opt-out", "-", typed="\n".join(["", *mobiles, "", "no number", ""]), code=1)
    assert "Shopify: 10,001 recorded, 0 unchanged, 0 refused, 1 invalid." in result.stderr
    assert "10,000 numbers are done." in result.stderr
    assert [line[0] for line in _lines(result.stdout)] == [*mobiles, "no number"]
    shopify("may-message", mobiles[-1], "--channel", "sms", code=3)


# ---- questions --------------------------------------------------------------------------------------


def test_the_answer_is_a_sentence_and_the_exit_code_says_no(shopify: Run) -> None:
    shopify("opt-out", AKINYI, "--source", "inbound", "--at", "2026-01-01T00:00:00Z")
    result = shopify("may-message", BARAKA, AKINYI, "a name", "--channel", "sms", code=3)
    yes, no, unreadable = _lines(result.stdout)
    assert yes == [BARAKA, "yes", "No opt-out is on record that meets this."]
    assert no[:2] == [AKINYI, "no"]
    assert no[2].startswith("Opted out of all messages on every channel from any sender at 2026-01-01T00:00:00")
    assert unreadable[:2] == ["a name", "no"]
    assert unreadable[2].startswith("This is not a telephone number: 'a name' has no digits")


def test_the_answer_as_json_is_that_of_the_api(run: Run, ana: Client) -> None:
    run("opt-out", AKINYI, "--project", "Shopify")
    words = ["may-message", AKINYI, BARAKA, "--project", "Shopify", "--channel", "sms", "--json"]
    said = json.loads(run(*words, code=3).stdout)
    asked = ana.post("/v1/can-message", {"mobiles": [AKINYI, BARAKA], "channel": "sms"})
    assert said == asked.json()["results"]


def test_a_question_about_another_time_is_answered_for_that_time(shopify: Run) -> None:
    shopify("opt-out", AKINYI, "--at", "2026-01-10T00:00:00Z")
    words = ["may-message", AKINYI, "--channel", "sms", "--purpose", "transactional"]
    shopify(*words, "--at", "2026-01-09T09:00:00Z")
    shopify(*words, "--at", "2026-01-11T09:00:00Z", code=3)
    shopify(*words, "--known-at", "2026-01-11T09:00:00Z")


def test_quiet_hours_are_looked_at_when_a_time_is_given(shopify: Run) -> None:
    words = ["may-message", AKINYI, "--channel", "sms"]
    shopify(*words)
    assert "outside the hours" in shopify(*words, "--at", "2026-11-01T23:00:00+03:00", code=3).stdout
    shopify("project", "set", "Shopify", "--quiet-hours", "off")
    shopify(*words, "--at", "2026-11-01T23:00:00+03:00")


def test_a_premium_message_needs_a_subscription(shopify: Run) -> None:
    words = ["may-message", AKINYI, "--channel", "premium_sms", "--sender", "20414", "--keyword", "tips"]
    assert "no active subscription" in shopify(*words, code=3).stdout


# ---- audiences --------------------------------------------------------------------------------------


def test_an_audience_leaves_out_who_opted_out_and_counts_it(run: Run, ana: Client) -> None:
    create(ana, {"mobile": AKINYI}, {"mobile": BARAKA}, {"mobile": CHEBET}, group="vip")
    create(ana, {"mobile": CHEBET}, group="staff")
    run("opt-out", AKINYI, "--project", "Shopify", "--channel", "sms")
    words = ["audience", "--project", "Shopify", "--group", "vip", "--not", "staff", "--channel", "sms"]
    result = run(*words)
    *reached, end = [json.loads(line) for line in result.stdout.splitlines()]
    assert reached == [{"mobile": BARAKA, "id": 2}]
    assert end == {"end": True, "count": 1, "excluded": {"in_not_group": 1, "opted_out": 1}}
    assert "1 may be messaged; left out: 1 in_not_group, 1 opted_out." in result.stderr


def test_an_audience_is_printed_as_csv(run: Run, ana: Client) -> None:
    create(ana, {"mobile": AKINYI}, {"mobile": BARAKA})
    result = run("audience", "--project", "Shopify", "--everyone", "--channel", "sms", "--csv")
    assert list(csv.DictReader(result.stdout.splitlines())) == [
        {"mobile": AKINYI, "id": "1"},
        {"mobile": BARAKA, "id": "2"},
    ]
    assert "2 may be messaged; left out: none." in result.stderr


def test_members_of_all_groups_are_told_from_members_of_any(run: Run, ana: Client) -> None:
    create(ana, {"mobile": AKINYI}, {"mobile": BARAKA}, group="vip")
    create(ana, {"mobile": BARAKA}, {"mobile": CHEBET}, group="nairobi")
    words = ["audience", "--project", "Shopify", "--group", "vip", "--group", "nairobi", "--channel", "sms"]
    assert len(run(*words).stdout.splitlines()) == 4
    assert len(run(*words, "--match", "all").stdout.splitlines()) == 2


def test_a_group_that_is_not_there_is_named(shopify: Run) -> None:
    result = shopify("audience", "--group", "vip", "--channel", "sms", code=1)
    assert "There is no group called 'vip'." in result.stderr
    assert not result.stdout


# ---- erasure ----------------------------------------------------------------------------------------


def test_erasing_removes_the_person_and_keeps_them_opted_out(run: Run, ana: Client) -> None:
    create(ana, {"mobile": AKINYI, "fname": "Akinyi"}, group="vip")
    result = run("erase", "0722000001", "--project", "Shopify", "--yes")
    assert {kind: many for kind, many in _lines(result.stdout) if many != "0"} == {"contacts": "1", "memberships": "1"}
    assert "daftari worker" in result.stderr
    assert page(ana)["total"] == 0
    run("may-message", AKINYI, "--project", "Shopify", "--channel", "sms", code=3)
    run("check")


def test_nothing_is_erased_unasked_where_nobody_can_be_asked(run: Run, ana: Client) -> None:
    create(ana, {"mobile": AKINYI})
    assert "add --yes" in run("erase", AKINYI, "--project", "Shopify", typed=f"{AKINYI}\n", code=2).stderr
    assert page(ana)["total"] == 1


@pytest.mark.parametrize(("typed", "code", "left"), [("0722 000 001", 0, 0), (BARAKA, 1, 1), ("yes", 1, 1)])
def test_on_a_terminal_the_number_must_be_typed(
    database: str, ana: Client, people: People, typed: str, code: int, left: int
) -> None:
    create(ana, {"mobile": AKINYI})
    words = ["erase", AKINYI, "--project", people.shopify.name, "--database", database]
    assert type_in_terminal(words, typed=typed) == code
    assert page(ana)["total"] == left


def test_what_is_no_number_erases_nothing(shopify: Run) -> None:
    assert "'a name' is not a" in shopify("erase", "a name", "--yes", code=2).stderr


# ---- a project's settings ---------------------------------------------------------------------------


def test_a_project_is_told_how_to_read_what_people_say(shopify: Run) -> None:
    shopify(
        *("project", "set", "Shopify", "--stop-scope", "channel", "--on-delete", "removal", "--require-opt-in"),
        *("--quiet-hours", "08:00-20:00 Africa/Nairobi", "--opt-out-words", "stop, Acha,", "--opt-in-words", "anza"),
    )
    (project,) = json.loads(shopify("project", "list", "--json").stdout)
    assert project["consent"] == {
        "stop_scope": "channel",
        "on_delete": "removal",
        "require_opt_in": True,
        "quiet_hours": "08:00-20:00 Africa/Nairobi",
        "opt_out_words": ["stop", "acha"],
        "opt_in_words": ["anza"],
    }
    shopify("may-message", AKINYI, "--channel", "sms", code=3)


def test_an_empty_text_and_a_no_bring_the_defaults_back(shopify: Run) -> None:
    shopify("project", "set", "Shopify", "--opt-out-words", "acha", "--quiet-hours", "off", "--require-opt-in")
    assert _lines(shopify("project", "list").stdout)[0][4] == (
        "require_opt_in=yes, quiet_hours=off, opt_out_words=acha"
    )
    result = shopify("project", "set", "Shopify", "--opt-out-words", "", "--quiet-hours", "", "--no-require-opt-in")
    assert "consent: defaults." in result.stderr
    assert _lines(shopify("project", "list").stdout)[0][4] == ""


def test_the_feed_keeps_changes_for_as_many_days_as_is_said(shopify: Run) -> None:
    assert "keeps changes for 7 days" in shopify("project", "set", "Shopify", "--feed-days", "7").stderr
    assert json.loads(shopify("project", "list", "--json").stdout)[0]["feed_days"] == 7
    assert "3650" in shopify("project", "set", "Shopify", "--feed-days", "4000", code=2).stderr


def test_the_times_of_the_console_are_those_of_the_region_or_of_a_zone(shopify: Run) -> None:
    def zone() -> str:
        return str(json.loads(shopify("project", "list", "--json").stdout)[0]["zone"])

    assert zone() == "Africa/Nairobi"
    assert "the times of Africa/Kampala" in shopify("project", "set", "Shopify", "--zone", "Africa/Kampala").stderr
    assert zone() == "Africa/Kampala"
    assert "Africa/Nairobi" in shopify("project", "set", "Shopify", "--zone", "Mars", code=1).stderr
    assert "the times of Africa/Nairobi" in shopify("project", "set", "Shopify", "--zone", "").stderr
    assert zone() == "Africa/Nairobi"


def test_hours_that_are_none_are_refused(shopify: Run) -> None:
    assert "must be such as" in shopify("project", "set", "Shopify", "--quiet-hours", "at night", code=1).stderr
