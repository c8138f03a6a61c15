"""``daftari export``: to a file or to standard output, from the database or from a server, and never half a file."""

from __future__ import annotations

import csv
import io
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import apsw
import msgspec
import pytest
import typer
from typer.testing import CliRunner

from daftari.cli import exports as exporting
from daftari.cli import remote as elsewhere
from daftari.cli.app import app
from daftari.cli.remote import Remote
from daftari.cli.terminal.progress import showing
from daftari.model.projects import Actor
from daftari.rules.contacts.contacts import create_contacts
from daftari.rules.contacts.parse import read_contacts
from tests.conftest import ROOT, NewDatabase, People, Serve
from tests.support.builders import create, mobile, opt_out, rows
from tests.support.clients import Client
from tests.support.commands import Run, runner_for
from tests.support.faulty_server import in_turn, rough_server, says
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
    assert Path("a.csv").read_bytes().count(b"\n") == 3, "what is said outright wins, and what was there is replaced"
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"


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
    result = run("export", "--project", "Shopify", "--group", "Nobody", "--output", "book.csv", code=1)
    assert result.stderr == "daftari: There is no group called 'Nobody'.\n"
    assert Path("book.csv").read_text() == "mine"
    assert not list(tmp_path.glob(".book*"))
    result = run("export", "--project", "Shopify", "--output", "nowhere/book.csv", code=1)
    assert result.stderr == "daftari: nowhere/book.csv cannot be written: No such file or directory.\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--format", "vcard", "--consent"], "A vCard has no place for consent; export csv, xlsx or ndjson."),
        (["--url", "http://x"], "A server needs a key"),
        (["--url", "ftp://x", "--key", "k"], "does not begin with https://"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], hint: str) -> None:
    result = CliRunner().invoke(app, ["export", *words])
    assert result.exit_code in (1, 2)
    assert hint in result.stderr


def test_a_server_and_a_database_at_once_are_refused(run: Run) -> None:
    assert "either --url or --database" in run("export", "--url", "http://x", "--key", "k", code=2).stderr


def test_a_slow_reader_holds_no_snapshot(new_database: NewDatabase, introduce: Callable[..., People]) -> None:
    """SQLite's log can be emptied while somebody reads nothing of what is more than a pipe takes."""
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
        assert emptied == [(0, 0, 0)], "nobody reads what the log holds"
        assert process.poll() is None, "it still waits for its reader"
        assert len(process.stdout.read().splitlines()) == 2_001
    finally:
        process.communicate(timeout=SECONDS_MAX)
        store.close()
    assert process.returncode == 0


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daftari.cli.terminal.progress.LINE_SECONDS", 0.0)
    with showing("contacts", total=5_000) as told:
        told(1_000)
    assert capsys.readouterr().err == "1,000 of 5,000 contacts\n"


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
    result = CliRunner().invoke(app, [*words, "--group", "Nobody"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no group called 'Nobody'." in result.stderr
    result = CliRunner().invoke(app, ["export", "--url", live.url], env={"DAFTARI_KEY": "wrong"})
    assert "answered 401: Unauthenticated." in result.stderr


def test_an_export_that_failed_there_is_told_of_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"id": 7, "state": "failed", "error": "The group was deleted."}
    answers = in_turn(says({"export": failed | {"state": "running"}}, 202), says({"export": failed}), says({}))
    monkeypatch.setattr(exporting, "POLL_SECONDS", 0.0)
    with rough_server(answers) as rough:
        # The variables are enough, as they are for an import.
        environ = {"DAFTARI_URL": rough.url, "DAFTARI_KEY": "k"}
        result = CliRunner().invoke(app, ["export", "--project", "Shopify"], env=environ)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "daftari: The server could not make the file: The group was deleted.\n"
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


class Scripted(BaseHTTPRequestHandler):
    """Answers as it is told, one answer a request, and remembers what was asked."""

    answers: Iterator[tuple[int, dict[str, str], bytes]]
    asked: list[tuple[str, str | None]]

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.asked.append((f"{self.command} {self.path}", self.headers.get("idempotency-key")))
        status, headers, body = next(self.answers)
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[str, type[Scripted]]]]:
    """Starts servers that answer so and so."""
    started: list[HTTPServer] = []

    def scripted(*answers: tuple[int, dict[str, str], bytes]) -> tuple[str, type[Scripted]]:
        handler = type("Handler", (Scripted,), {"answers": iter(answers), "asked": []})
        server = HTTPServer(("127.0.0.1", 0), handler)
        started.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", handler

    yield scripted
    for server in started:
        server.shutdown()
        server.server_close()


BUSY = b'{"message":"The store is busy; try again.","error_code":"BUSY"}'


def test_a_busy_server_is_asked_again_when_it_says_and_with_the_same_key(
    scripted: Callable[..., tuple[str, type[Scripted]]],
) -> None:
    url, handler = scripted((503, {"retry-after": "7"}, BUSY), (502, {}, b"<html>Bad"), (202, {}, b'{"id":1}'))
    pauses: list[float] = []
    with Remote(url, "k", pause=pauses.append) as remote:
        assert remote.call("POST", "/v1/exports", format="csv") == {"id": 1}
    assert pauses == [7.0, 2.0]
    assert len(handler.asked) == 3
    assert len({key for _, key in handler.asked}) == 1, "one write, whatever became of its answers"


def test_a_server_that_stays_busy_is_given_up_with_its_words(
    scripted: Callable[..., tuple[str, type[Scripted]]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elsewhere, "TRY_SECONDS_MAX", 0.0)
    url, _ = scripted((503, {}, BUSY))
    with Remote(url, "k") as remote, pytest.raises(typer.Exit):
        remote.call("GET", "/v1/exports")
    assert "answered 503: The store is busy; try again." in capsys.readouterr().err
    with Remote("http://127.0.0.1:9", "k") as remote, pytest.raises(typer.Exit):
        remote.call("GET", "/v1/exports")
    assert "does not answer" in capsys.readouterr().err


def test_a_download_that_breaks_off_begins_again(scripted: Callable[..., tuple[str, type[Scripted]]]) -> None:
    url, _ = scripted((200, {"content-length": "10"}, b"half"), (200, {}, b"0123456789"))
    file = io.BytesIO()
    with Remote(url, "k", pause=lambda _: None) as remote:
        assert remote.download("/file", file) == 10
    assert file.getvalue() == b"0123456789"


def test_an_answer_that_is_not_ours_is_told_in_a_sentence(
    scripted: Callable[..., tuple[str, type[Scripted]]], capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = scripted((200, {}, b"<html>"), (404, {}, b"<html> no such\n page"))
    with Remote(url, "k") as remote:
        for said in ("is this the URL of a Daftari?", "answered 404: <html> no such page"):
            with pytest.raises(typer.Exit):
                remote.call("GET", "/v1/exports")
            assert said in capsys.readouterr().err
