"""The commands of users: what they print where, what they change, and how they refuse."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daftari.cli.app import app
from daftari.model.time import current_time
from daftari.rules.access import roles, sessions
from daftari.rules.access.errors import ProjectNotYours, SignedOut
from daftari.rules.access.projects import find_project
from daftari.store import Store
from tests.support.builders import rows_of
from tests.support.commands import Run, runner_for, type_in_terminal
from tests.support.users import Office

VERBS = ("add", "list", "link", "sign-out", "remove")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)


@pytest.fixture
def run(database: str) -> Run:
    """Commands on a database with one project."""
    run = runner_for(database)
    run("project", "create", "Shopify")
    return run


@pytest.fixture
def office(store: Store) -> Office:
    """The users of that database, at the time that commands see."""
    return Office(store, current_time())


def listed(run: Run, *options: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(run("user", "list", "--json", *options).stdout)
    return shown


def link_in(printed: str) -> str:
    (link,) = re.findall(r"^http://127\.0\.0\.1:8000/link/(\S{43})$", printed, re.MULTILINE)
    return str(link)


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples_and_says_why_no_server_is_named(verb: str) -> None:
    result = CliRunner().invoke(app, ["user", verb, "--help"])
    shown = " ".join(result.stdout.split())
    assert f"daftari user {verb}" in shown.partition("Examples:")[2]
    assert "no API key makes or changes users" in shown
    assert CliRunner().invoke(app, ["user", verb, "--url", "http://x"]).exit_code == 2


def test_a_new_user_gets_a_link_on_standard_output_that_works_once(run: Run, office: Office) -> None:
    printed = run("user", "add", "Asha@example.com", "--name", "Asha W.", "--project", "shopify", "--role", "owner")
    assert "Asha W. is added as owner of 'shopify'." in printed.stderr
    link = link_in(printed.stdout)
    begun = office.use(link)
    assert begun.user.email == "Asha@example.com"
    assert not office.is_open(link)
    assert listed(run) == [
        {
            "email": "Asha@example.com", "name": "Asha W.", "operator": False, "password": "set", "project": "Shopify",
            "role": "owner", "last_used_at": None,
        }
    ]  # fmt: skip


def test_a_user_who_is_there_gets_another_role_and_no_link(run: Run, office: Office) -> None:
    run("project", "create", "Kalro")
    token = office.use(
        link_in(run("user", "add", "asha@example.com", "--project", "Shopify", "--role", "owner").stdout)
    ).token
    signed_in = office.session(token)
    again = run("user", "add", "ASHA@example.com", "--project", "Kalro", "--role", "editor", "--may-send", "--operator")
    assert again.stdout == ""
    assert "asha is a user already, and now editor of 'Kalro' and operator. A new project shows after" in again.stderr
    kalro = office.read(find_project, name="Kalro")
    with pytest.raises(ProjectNotYours):
        office.read(roles.find_access, signed_in=signed_in, project_id=kalro.id)
    assert [(row["project"], row["role"], row["operator"]) for row in listed(run)] == [
        ("Shopify", "owner", True),
        ("Kalro", "editor, may send", True),
    ]
    assert [row["project"] for row in listed(run, "--project", "Kalro")] == ["Kalro"]
    bare = run("user", "add", "asha@example.com")
    assert bare.stdout == "" and "is a user already; 'daftari user link asha@example.com'" in bare.stderr


def test_without_users_a_list_says_how_the_first_is_made(run: Run) -> None:
    assert "daftari user link" in run("user", "list").stderr
    run("user", "add", "asha@example.com")
    assert [(row["project"], row["password"]) for row in listed(run)] == [(None, None)]
    assert listed(run, "--project", "Shopify") == []


def test_a_link_without_an_address_makes_the_first_user_and_only_that(run: Run, office: Office, database: str) -> None:
    first = run("user", "link")
    assert "There is no user yet" in first.stderr
    assert office.is_open(link_in(first.stdout))
    again = link_in(run("user", "link").stdout)
    assert not office.is_open(link_in(first.stdout)) and office.is_open(again)
    run("user", "add", "asha@example.com")
    assert "name the one whose link you want" in run("user", "link", code=2).stderr
    assert not office.is_open(again)


def test_a_link_for_a_user_ends_the_sessions_and_the_earlier_link(run: Run, office: Office) -> None:
    earlier = link_in(run("user", "add", "asha@example.com").stdout)
    token = office.use(earlier).token
    printed = run("user", "link", "Asha@Example.com")
    assert "asha is signed out everywhere." in printed.stderr
    with pytest.raises(SignedOut):
        office.session(token)
    assert office.is_open(link_in(printed.stdout))


def test_a_link_begins_with_the_public_url(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = run("user", "add", "asha@example.com", "--public-url", "https://book.example/phone/").stdout
    assert re.fullmatch(r"https://book\.example/phone/link/\S{43}\n", printed)
    monkeypatch.setenv("DAFTARI_PUBLIC_URL", "https://other.example")
    assert run("user", "link", "asha@example.com").stdout.startswith("https://other.example/link/")


def test_a_user_is_signed_out_everywhere_and_keeps_the_password(run: Run, office: Office) -> None:
    token = office.use(link_in(run("user", "add", "asha@example.com").stdout)).token
    office.sign_in("Asha")
    assert "signed in at 2 places and is signed out" in run("user", "sign-out", "asha@example.com").stderr
    with pytest.raises(SignedOut):
        office.session(token)
    assert office.read(sessions.list_sessions, signed_in=office.session(office.sign_in("Asha").token))


def test_a_role_is_taken_and_the_user_stays(run: Run) -> None:
    for name in ("asha", "juma"):
        run("user", "add", f"{name}@example.com", "--project", "Shopify", "--role", "owner")
    assert "juma has no role in 'Shopify'" in run(
        "user", "remove", "juma@example.com", "--project", "shopify"
    ).stderr  # fmt: skip
    assert [(row["name"], row["role"]) for row in listed(run)] == [("asha", "owner"), ("juma", None)]
    refused = run("user", "remove", "juma@example.com", "--project", "shopify", code=1)
    assert "'juma@example.com' has no role in 'Shopify'" in refused.stderr


def test_the_only_owner_of_a_project_is_not_removed(run: Run) -> None:
    run("user", "add", "asha@example.com", "--project", "Shopify", "--role", "owner")
    for more in (["--yes"], ["--project", "Shopify"]):
        refused = run("user", "remove", "asha@example.com", *more, code=1)
        assert "'asha' is the only owner of 'Shopify'. Make another user an owner first." in refused.stderr
    run("user", "add", "juma@example.com", "--project", "Shopify", "--role", "owner")
    assert "asha is removed." in run("user", "remove", "asha@example.com", "--yes").stderr
    assert [row["name"] for row in listed(run)] == ["juma"]


def test_a_removal_is_confirmed_with_the_address(run: Run, database: str) -> None:
    run("user", "add", "asha@example.com")
    words = ["user", "remove", "asha@example.com", "--database", database]
    assert "There is no terminal to confirm on" in run(*words[:3], code=2).stderr
    assert type_in_terminal(words, typed="juma@example.com") == 1
    assert rows_of(database, "SELECT COUNT(*) FROM console_user WHERE folded IS NOT NULL") == [(1,)]
    assert type_in_terminal(words, typed="ASHA@example.com") == 0
    assert rows_of(database, "SELECT COUNT(*) FROM console_user WHERE folded IS NOT NULL") == [(0,)]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["add", "asha"], 1, "must be an e-mail address such as asha@example.com"),
        (["add", "a@b", "--project", "Shopify"], 2, "Give --project and --role together"),
        (["add", "a@b", "--role", "owner"], 2, "Give --project and --role together"),
        (["add", "a@b", "--project", "Shopify", "--role", "chief"], 2, "'viewer', 'editor', 'owner'"),
        (["add", "a@b", "--project", "Shopify", "--role", "owner", "--may-send"], 2, "are for --role editor"),
        (["add", "a@b", "--project", "Nowhere", "--role", "owner"], 1, "Nowhere"),
        (["add", "a@b", "--may-erase"], 2, "are for --role editor"),
        (["link", "a@b"], 1, "No user has the e-mail address 'a@b'"),
        (["sign-out", "a@b"], 1, "No user has the e-mail address 'a@b'"),
        (["remove", "a@b", "--yes"], 1, "No user has the e-mail address 'a@b'"),
        (["remove", "a\x1b[2Jb", "--yes"], 1, "No user has the e-mail address"),
        (["list", "--project", "Nowhere"], 1, "Nowhere"),
    ],
)
def test_a_wrong_command_says_what_is_wrong_and_changes_nothing(
    run: Run, database: str, words: list[str], code: int, why: str
) -> None:
    refused = run("user", *words, code=code)
    assert why in refused.output and "\x1b" not in refused.output
    assert rows_of(database, "SELECT * FROM console_user") == []
