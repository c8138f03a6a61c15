"""``daftari export``: to a file or to standard output, from the database or from a server, and never half a file."""

from __future__ import annotations

import csv
import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest
from typer.testing import CliRunner, Result

from daftari.cli import exports, server
from daftari.cli.app import app
from daftari.model.projects import Actor
from daftari.rules.contacts.contacts import create_contacts
from daftari.rules.contacts.parse import read_contacts
from daftari_client import Retries
from tests.conftest import ROOT, NewDatabase, People, Serve
from tests.support.builders import create, mobile, opt_out, rows
from tests.support.clients import Client
from tests.support.commands import Run, runner_for
from tests.support.faulty_server import Says, in_turn, rough_server, says
from tests.support.stores import NOW, open_store

SECONDS_MAX = 60.0


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


def ids(text: str) -> list[str]:
    return [row["id"] for row in csv.DictReader(io.StringIO(text, newline=""))]


# ---- from the database ----------------------------------------------------------------------------------


def test_help_shows_examples() -> None:
    result = CliRunner().invoke(app, ["export", "--help"])
    assert result.exit_code == 0
    assert "  daftari export" in result.stdout.partition("Examples:")[2]


def test_a_book_goes_to_standard_output_and_the_count_beside_it(run: Run, ana: Client) -> None:
    create(ana, *rows(3))
    opt_out(ana, mobile(9))
    result = run("export", "--project", "Shopify")
    assert (ids(result.stdout), result.stderr) == (["1", "2", "3"], "3 contacts exported.\n")
    result = run("export", "--project", "Shopify", "--consent")
    assert (ids(result.stdout)[-1], result.stderr) == ("", "3 contacts and 1 number without one exported.\n")


def test_a_file_has_the_format_of_its_ending_and_its_owners_eyes_only(run: Run, ana: Client, tmp_path: Path) -> None:
    create(ana, *rows(2), group="VIP")
    create(ana, *rows(1, first=7))
    begins = {
        "a.csv": b"id,fname",
        "b.ndjson": b'{"id":1,',
        "c.jsonl": b'{"id":1,',
        "d.vcf": b"BEGIN:VC",
        "e.xlsx": b"PK",
    }
    for name, begin in begins.items():
        assert run("export", "--project", "Shopify", "--group", "vip", "--output", name).stdout == ""
        assert Path(name).read_bytes().startswith(begin), name
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600
    run("export", "--project", "Shopify", "--format", "ndjson", "--output", "a.csv")
    assert Path("a.csv").read_bytes().count(b"\n") == 3, "--format wins over the ending, and the old file is replaced"
    assert not list(tmp_path.glob(".*")), "no other file is left"


def test_a_link_keeps_leading_to_the_file_and_a_device_stays_one(run: Run, ana: Client) -> None:
    create(ana, *rows(1))
    Path("link.csv").symlink_to("real.csv")
    run("export", "--project", "Shopify", "--output", "link.csv")
    assert Path("link.csv").is_symlink() and ids(Path("real.csv").read_text()) == ["1"]
    run("export", "--project", "Shopify", "--output", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_what_fails_leaves_no_file_and_the_one_that_was_there(run: Run, ana: Client, tmp_path: Path) -> None:
    create(ana, *rows(1))
    Path("book.csv").write_text("mine")
    result = run("export", "--project", "Shopify", "--group", "Unknown", "--output", "book.csv", code=1)
    assert result.stderr == "daftari: There is no group called 'Unknown'.\n"
    assert Path("book.csv").read_text() == "mine"
    assert not list(tmp_path.glob(".book*"))
    result = run("export", "--project", "Shopify", "--output", "nowhere/book.csv", code=1)
    assert result.stderr == "daftari: nowhere/book.csv cannot be written: No such file or directory.\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--format", "vcard", "--consent"], "A vCard has no place for consent; export csv, xlsx or ndjson."),
        (["--url", "http://x"], "A server needs an API key"),
        (["--url", "ftp://x", "--key", "k"], "does not begin with https://"),
        (["--url", "https://x?y=1", "--key", "k"], "is not a base URL; write it like"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], hint: str) -> None:
    result = CliRunner().invoke(app, ["export", *words])
    assert result.exit_code in (1, 2)
    assert hint in result.stderr


def test_a_server_and_a_database_at_once_are_refused(run: Run) -> None:
    assert "Give either --url or --database." in run("export", "--url", "http://x", "--key", "k", code=2).stderr


def test_a_slow_reader_holds_no_snapshot(new_database: NewDatabase, introduce: Callable[..., People]) -> None:
    """SQLite's WAL can be truncated while the reader of a pipe reads nothing."""
    database = new_database("sqlite")
    store = open_store(database, threads=1)
    people = introduce(store)
    given = [{"mobile": mobile(number), "company": "x" * 200} for number in range(2_000)]
    read = read_contacts(msgspec.json.encode(given), field="contacts", region="KE", now=1)
    store.write(people.shopify, Actor(None, "t"), 1, create_contacts, rows=read, group=None, skip=False, results=False)
    command = [sys.executable, "-m", "daftari", "export", "--project", "Shopify", "--database", database]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"id"
        store.system_write(NOW, lambda tx: tx.take_id())
        emptied = apsw.Connection(database).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert emptied == [(0, 0, 0)], "no snapshot needs the WAL"
        assert process.poll() is None, "it still waits for its reader"
        assert len(process.stdout.read().splitlines()) == 2_001
    finally:
        process.communicate(timeout=SECONDS_MAX)
        store.close()
    assert process.returncode == 0


# ---- from a server --------------------------------------------------------------------------------------


def test_a_remote_book_is_waited_for_fetched_and_deleted_there(
    new_database: NewDatabase, introduce: Callable[..., People], serve: Serve
) -> None:
    database = new_database("sqlite")
    store = open_store(database, threads=1)
    people = introduce(store)
    store.close()
    live = serve(database)
    ana = live.client.with_key(people.ana)
    create(ana, *rows(3), group="VIP")
    words = ["export", "--url", f"{live.url}/api/v1/", "--key", people.ana, "--project", "Shopify"]
    result = CliRunner().invoke(app, [*words, "--group", "VIP", "--output", "vip.csv"])
    assert result.exit_code == 0, result.output
    assert ids(Path("vip.csv").read_text()) == ["1", "2", "3"]
    assert result.stderr.startswith("3 rows exported, ")
    assert ana.get("/v1/exports").json()["exports"] == []
    result = CliRunner().invoke(app, [*words, "--group", "Unknown"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no group called 'Unknown'." in result.stderr
    result = CliRunner().invoke(app, ["export", "--url", live.url], env={"DAFTARI_KEY": "wrong"})
    assert "answered 401: Unauthenticated." in result.stderr


def test_an_export_that_failed_there_is_told_of_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"id": 7, "state": "failed", "error": "The group was deleted."}
    answers = in_turn(says({"export": failed | {"state": "running"}}, 202), says({"export": failed}), says({}))
    monkeypatch.setattr(exports, "POLL_SECONDS", 0.0)
    with rough_server(answers) as rough:
        # The variables are enough, as they are for an import.
        environ = {"DAFTARI_URL": rough.url, "DAFTARI_KEY": "k"}
        result = CliRunner().invoke(app, ["export", "--project", "Shopify"], env=environ)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "daftari: The server could not write the file: The group was deleted.\n"
    assert [(got.method, got.path) for got in rough.got] == [
        ("POST", "/v1/exports"),
        ("GET", "/v1/exports/7"),
        ("DELETE", "/v1/exports/7"),
    ]


def test_a_database_that_is_named_counts_for_more_than_the_servers_variable(
    run: Run, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ana, *rows(1))
    monkeypatch.setenv("DAFTARI_URL", "http://127.0.0.1:1")
    assert ids(run("export", "--project", "Shopify").stdout) == ["1"]


BUSY = says({"message": "The store is busy; try again.", "error_code": "BUSY"}, 503)
EXPORT = {"id": 7, "state": "done", "rows": 1, "bytes": 10}
QUICK = Retries(tries_max=3, first_pause_seconds=0.001)


def _export_from(url: str) -> Result:
    return CliRunner().invoke(app, ["export", "--url", url, "--key", "k"])


def test_a_busy_server_is_asked_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RETRIES", QUICK)
    created, file = says({"export": EXPORT}, 202), Says(body=b"0123456789")
    answers = in_turn(BUSY, Says(502, b"<html>Bad"), created, says({"export": EXPORT}), says({"export": EXPORT}), file)
    with rough_server(answers) as rough:
        result = _export_from(rough.url)
    assert (result.exit_code, result.stdout) == (0, "0123456789")
    assert result.stderr == "1 row exported, 10 bytes.\n"
    assert [got.method for got in rough.got[:3]] == ["POST"] * 3
    assert len({got.headers["idempotency-key"] for got in rough.got[:3]}) == 1, "one write, however often it is sent"


def test_a_server_that_stays_busy_is_given_up_with_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RETRIES", QUICK)
    with rough_server(in_turn(BUSY)) as rough:
        result = _export_from(rough.url)
    assert (result.exit_code, len(rough.got)) == (1, 3)
    assert f"{rough.url} answered 503: The store is busy; try again." in result.stderr
    assert "daftari: No response from http://127.0.0.1:9: " in _export_from("http://127.0.0.1:9").stderr


def test_a_download_that_breaks_off_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RETRIES", QUICK)
    known = [says({"export": EXPORT}, 202), says({"export": EXPORT}), says({"export": EXPORT})]
    answers = in_turn(*known, Says(body=b"half", cut=True), Says(body=b"0123456789"), says({"message": "Deleted."}))
    with rough_server(answers) as rough:
        assert _export_from(rough.url).stdout == "0123456789"
    assert [(got.method, got.path) for got in rough.got[-3:]] == [
        ("GET", "/v1/exports/7/file"),
        ("GET", "/v1/exports/7/file"),
        ("DELETE", "/v1/exports/7"),
    ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Says(202, b"<html>"), "Is this the base URL of a Daftari server?"),
        (Says(404, b"<html> no such\n page"), "answered 404: The server answered 404 Not Found: <html> no such page"),
        (says({"errors": {"group": ["There is no group."]}}, 422), "answered 422: There is no group."),
    ],
)
def test_a_response_that_is_not_the_apis_is_one_sentence(answer: Says, message: str) -> None:
    with rough_server(in_turn(answer)) as rough:
        result = _export_from(rough.url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr and result.stderr.count("\n") == 1
