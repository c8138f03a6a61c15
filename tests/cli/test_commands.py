"""The commands, run on real databases: what they print where, what they change, and how they fail."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from daftari.cli.app import app
from daftari.errors import Unauthenticated
from daftari.model.projects import Actor
from daftari.rules.access.keys import find_key
from daftari.rules.access.projects import find_project
from daftari.store import Store, WriteTx
from daftari.store.directory import BOOK, change_directory
from daftari.store.schema import latest_version
from tests.conftest import ROOT, NewDatabase, People
from tests.support.builders import create, rows
from tests.support.clients import Client
from tests.support.stores import NOW, open_store

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no setting from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [
        name for name in os.environ if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET"
    ]:
        monkeypatch.delenv(name)


@pytest.fixture
def run(database: str) -> Run:
    """Runs a command on ``database``: ``run("project", "list", code=0)``."""

    def run(*words: str, code: int = 0, typed: str | None = None) -> Result:
        result = CliRunner().invoke(app, [*words, "--database", database], input=typed)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def shown(run: Run) -> Callable[..., list[dict[str, object]]]:
    """What a list prints with ``--json``."""

    def shown(*words: str) -> list[dict[str, object]]:
        return msgspec.json.decode(run(*words, "--json").stdout, type=list[dict[str, object]])

    return shown


def _failing(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def _access(database: str, secret: str) -> str:
    """The project that a key opens."""
    store = open_store(database, threads=1)
    try:
        return store.system_read(time.time_ns() // 1000, find_key, api_key=secret).project.name
    finally:
        store.close()


# ---- all of them ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["serve"],
        ["migrate"],
        ["copy"],
        ["check"],
        ["worker"],
        *[["project", verb] for verb in ("create", "list", "rename", "set", "delete")],
        *[["key", verb] for verb in ("create", "list", "revoke")],
    ],
    ids=" ".join,
)
def test_help_shows_examples(words: list[str]) -> None:
    result = _failing(*words, "--help")
    assert result.exit_code == 0
    assert f"  daftari {' '.join(words)}".rstrip() in result.stdout.partition("Examples:")[2]


def test_the_version_is_printed() -> None:
    result = _failing("--version")
    assert (result.exit_code, result.stdout) == (0, "daftari 0.1.0\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["projct"], "Did you mean 'project'?"),
        (["project", "creat"], "Did you mean 'create'?"),
        (["serve", "--prt", "1"], "--port"),
        (["serve", "--port", "99999"], "must be a whole number from 0 to 65535"),
        (["serve", "--database", "mysql://db/book"], "must be a path, sqlite:///PATH or postgresql://"),
        (["project", "create", "X", "--on-error", "skp"], "'refuse', 'skip'"),
        (["key", "create"], "--project"),
        (["key", "create", "--project", "X", "--expires", "soon"], "must be a day such as 2027-12-31"),
        (["key", "create", "--project", "X", "--expires", "2020-01-01"], "give a day in the future"),
        (["project", "set", "X"], "give --region, --on-error"),
        (["project", "list", "--config", "none.toml"], "none.toml cannot be read"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_wrong_argument_is_answered_with_what_would_be_right(words: list[str], hint: str) -> None:
    result = _failing(*words)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("words", [["project", "list"], ["key", "list"], ["check"], ["worker"]], ids=" ".join)
def test_a_database_without_a_schema_is_refused_with_the_command_that_makes_it(
    new_database: NewDatabase, engine: str, words: list[str]
) -> None:
    result = _failing(*words, "--database", new_database(engine, empty=True))
    assert result.exit_code == 1
    assert "run: daftari migrate --database" in result.stderr


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk. " * 1000)
    result = _failing("project", "list", "--database", "notes.txt")
    assert result.exit_code == 1
    assert "notes.txt is not a database" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    result = _failing("project", "list", "--database", "postgresql://ana:s3cret@127.0.0.1:1/book")
    assert result.exit_code == 1
    assert "127.0.0.1" in result.stderr
    assert "s3cret" not in result.output


# ---- migrate ----------------------------------------------------------------------------------------


def test_migrating_makes_the_tables_once(new_database: NewDatabase, engine: str) -> None:
    database = new_database(engine, empty=True)
    first, second = (_failing("migrate", "--database", database) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "Migration 1 applied." in first.stderr
    assert "is up to date" in second.stderr
    open_store(database, threads=1).close()


def test_a_newer_schema_is_not_migrated(database: str, change: Callable[[str], None]) -> None:
    change("UPDATE system SET schema_version = 99")
    result = _failing("migrate", "--database", database)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"daftari: The database has schema 99, which is newer than this version's {latest_version()}; "
        "install a newer Daftari."
    ]


# ---- projects ---------------------------------------------------------------------------------------


def test_a_new_project_comes_with_a_key_that_works(run: Run, database: str) -> None:
    result = run("project", "create", "Shopify")
    assert _access(database, result.stdout.strip()) == "Shopify"
    assert "shown only this once" in result.stderr


def test_a_project_is_made_as_asked(run: Run, shown: Callable[..., list[dict[str, object]]], store: Store) -> None:
    run("project", "create", "Moved", "--region", "ug", "--on-error", "skip", "--first-id", "5001")
    (project,) = shown("project", "list")
    assert (project["name"], project["region"], project["on_error"]) == ("Moved", "UG", "skip")
    found = store.system_read(NOW, find_project, name="Moved")
    assert store.write(found, Actor(None, "test"), NOW, lambda tx: tx.book.next_id) == 5001


def test_a_name_that_is_taken_in_some_spelling_is_refused(run: Run) -> None:
    run("project", "create", "Shopify")
    assert "called 'Shopify' already" in run("project", "create", " SHOPIFY ", code=1).stderr


def test_a_region_that_is_none_is_refused(run: Run) -> None:
    assert "such as KE" in run("project", "create", "Shopify", "--region", "XX", code=1).stderr


def test_a_list_in_a_pipe_is_tab_separated(run: Run) -> None:
    assert run("project", "list").stdout == ""
    run("project", "create", "Shopify")
    (line,) = run("project", "list").stdout.splitlines()
    assert line.split("\t")[:3] == ["Shopify", "KE", "refuse"]


def test_a_project_is_renamed(run: Run, shown: Callable[..., list[dict[str, object]]]) -> None:
    run("project", "create", "Shopify")
    run("project", "rename", "shopify", "Duka")
    assert [project["name"] for project in shown("project", "list")] == ["Duka"]
    assert "no project called 'Shopify'" in run("project", "rename", "Shopify", "Duka", code=1).stderr


def test_a_project_is_set(run: Run, shown: Callable[..., list[dict[str, object]]]) -> None:
    run("project", "create", "Shopify")
    run("project", "set", "Shopify", "--region", "TZ")
    run("project", "set", "Shopify", "--on-error", "skip")
    (project,) = shown("project", "list")
    assert (project["region"], project["on_error"]) == ("TZ", "skip")


def test_deleting_a_project_stops_its_keys_and_frees_its_name(run: Run, database: str) -> None:
    secret = run("project", "create", "Shopify").stdout.strip()
    run("project", "delete", "Shopify", "--yes")
    with pytest.raises(Unauthenticated):
        _access(database, secret)
    assert run("project", "list").stdout == ""
    run("project", "create", "Shopify")


def test_nothing_is_deleted_unasked_where_nobody_can_be_asked(run: Run) -> None:
    run("project", "create", "Shopify")
    assert "add --yes" in run("project", "delete", "Shopify", code=2, typed="Shopify\n").stderr
    assert run("project", "list").stdout


@pytest.mark.parametrize(("typed", "code", "left"), [("Shopify", 0, False), ("shop", 1, True)])
def test_on_a_terminal_the_name_must_be_typed(run: Run, database: str, typed: str, code: int, left: bool) -> None:
    run("project", "create", "Shopify")
    assert _type_in_terminal(["project", "delete", "Shopify", "--database", database], typed) == code
    assert bool(run("project", "list").stdout) is left


def _type_in_terminal(words: list[str], typed: str) -> int:
    """Run a command on a terminal and type a line; its exit code."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "daftari", *words]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    os.write(ours, f"{typed}\n".encode())
    code = process.wait(timeout=60)
    os.close(ours)
    return code


# ---- keys -------------------------------------------------------------------------------------------


@pytest.fixture
def project(run: Run) -> str:
    run("project", "create", "Shopify")
    return "Shopify"


@pytest.mark.usefixtures("project")
def test_a_key_is_shown_once_and_listed_without_its_secret(
    run: Run, shown: Callable[..., list[dict[str, object]]], database: str
) -> None:
    secret = run("key", "create", "--project", "shopify", "--label", "crm", "--kind", "read").stdout.strip()
    assert _access(database, secret) == "Shopify"
    _, key = shown("key", "list")
    assert (key["label"], key["project"], key["state"], key["kind"]) == ("crm", "Shopify", "active", "read")
    assert secret.startswith(str(key["start"]))
    assert secret not in run("key", "list").output


@pytest.mark.usefixtures("project")
def test_a_key_works_until_the_end_of_its_last_day(run: Run, shown: Callable[..., list[dict[str, object]]]) -> None:
    today = datetime.now(UTC).date()
    run("key", "create", "--project", "Shopify", "--expires", str(today))
    key = shown("key", "list")[1]
    assert key["state"] == "active"
    assert key["expires_at"] == f"{today + timedelta(days=1)}T00:00:00.000000Z"


@pytest.mark.usefixtures("project")
def test_a_key_is_revoked_by_how_it_begins(
    run: Run, shown: Callable[..., list[dict[str, object]]], database: str
) -> None:
    secret = run("key", "create", "--project", "Shopify").stdout.strip()
    start = str(shown("key", "list")[1]["start"])
    run("key", "revoke", start)
    assert [key["state"] for key in shown("key", "list")] == ["active", "revoked"]
    with pytest.raises(Unauthenticated):
        _access(database, secret)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("start", ["daf_", "xyz"])
def test_a_start_that_is_no_one_key_revokes_nothing(run: Run, start: str) -> None:
    assert f"No key begins with '{start}'" in run("key", "revoke", start, code=1).stderr
    assert "revoked" not in run("key", "list").stdout


def test_only_the_keys_of_one_project_are_listed_when_asked(
    run: Run, shown: Callable[..., list[dict[str, object]]]
) -> None:
    run("project", "create", "Shopify")
    run("project", "create", "Kalro")
    assert [key["project"] for key in shown("key", "list")] == ["Shopify", "Kalro"]
    assert [key["project"] for key in shown("key", "list", "--project", "kalro")] == ["Kalro"]
    assert run("key", "list", "--project", "Unknown", code=1).stderr


# ---- tables on a terminal ---------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_on_a_terminal_a_list_is_a_table_with_a_head(database: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "daftari", "project", "list", "--database", database]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TERM": "dumb"}
    subprocess.run(command, stdout=theirs, env=environ, timeout=60, check=True)
    os.close(theirs)
    printed = os.read(ours, 65_536).decode()
    os.close(ours)
    head, *rows = [line.split() for line in printed.splitlines() if "Shopify" in line or "region" in line]
    assert head[:2] == ["name", "region"]
    assert rows[0][:2] == ["Shopify", "KE"]


# ---- check ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_a_sound_book_is_told_to_be_sound(run: Run) -> None:
    assert "1 project checked: consistent." in run("check").stderr
    assert run("check", "--project", "Unknown", code=1).stderr


def test_what_is_broken_is_named_and_a_repair_mends_it(run: Run, ana: Client, people: People, store: Store) -> None:
    create(ana, *rows(3))
    store.write(people.shopify, Actor(None, "test"), NOW, change_directory, joined={BOOK: [70]}, left={})
    broken = run("check", code=1)
    for line in broken.stdout.splitlines():
        assert line.split("\t")[:2] == ["Shopify", "directory"]
    assert "broken in 2 projects. 'daftari check --repair' repairs some of it." in broken.stderr
    run("check", "--project", "kalro")
    run("check", "--project", "shopify", "--json", code=1)
    run("check", "--repair")
    run("check")


def test_what_no_repair_mends_stays_named(run: Run, ana: Client, people: People, store: Store) -> None:
    create(ana, *rows(3))

    def lose_a_number(tx: WriteTx) -> None:
        tx.book.next_seq += 1

    store.write(people.shopify, Actor(None, "test"), NOW, lose_a_number)
    for options in ((), ("--repair",), ()):
        result = run("check", *options, code=1)
        assert result.stdout.split("\t")[1] == "journal"
        assert "--repair" not in result.stderr
