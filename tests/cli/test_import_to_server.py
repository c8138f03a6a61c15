"""``daftari import --url``: files that are sent to a server, watched there, paused there, and never imported twice."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from daftari.cli import server
from daftari.cli.app import app
from daftari.cli.imports.server import ServerTarget, open_server
from daftari.rules.imports.request import ImportRequest
from daftari_client import Retries, drivers
from tests.conftest import ROOT, Live, NewDatabase, People, Serve
from tests.support.faulty_server import Says, in_turn, rough_server, says
from tests.support.stores import open_store

SECONDS_MAX = 60.0
PEOPLE = "Phone,First Name,Fax\n0722000001,Wanjiru,1\n0722 000 002,Otieno,\n+254722000001,Wanjiru,\n2.547E+11,Ruined,\n"

Elsewhere = tuple[Live, str]
"""A server, and a key of a project of it."""
Start = Callable[..., Elsewhere]


@pytest.fixture
def start(new_database: NewDatabase, introduce: Callable[..., People], serve: Serve) -> Start:
    """Starts a server on a database of its own."""

    def start(*options: str) -> Elsewhere:
        database = new_database("sqlite")
        store = open_store(database, threads=1)
        people = introduce(store)
        store.close()
        return serve(database, *options), people.ana

    return start


@pytest.fixture
def people(tmp_path: Path) -> str:
    """Four rows: two people, one of them twice, and a number that a spreadsheet ruined."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return str(path)


def _run(url: str, key: str, *words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [*words, "--url", url], env={"DAFTARI_KEY": key})
    assert result.exit_code == code, result.output
    return result


def test_a_file_is_sent_watched_to_its_end_looked_at_and_undone(start: Start, people: str, tmp_path: Path) -> None:
    live, ana = start()
    rejects = tmp_path / "rejects.csv"
    words = ("--project", "Shopify", "--group", "farmers", "--map", "Fax=city", "--rejects", str(rejects), "--json")
    result = _run(live.url, ana, "import", people, *words, code=1)
    assert "  Phone → mobile, First Name → fname, Fax → city\n" in result.stderr
    assert "4 rows read: 2 created, 1 duplicate, 1 invalid.\nAlso: 2 joined farmers.\n" in result.stderr
    printed = msgspec.json.decode(result.stdout)[0]
    assert printed["rejects_file"] == str(rejects)
    assert not {"header", "attributes", "keep_ids", "encoding"} & set(printed), "the server does not say these"
    assert rejects.read_text().startswith("Phone,First Name,Fax,why\n2.547E+11,Ruined,,The mobile field")
    assert _run(live.url, ana, "imports", "rejects", "1").stdout_bytes == rejects.read_bytes()
    outcomes = [line.split("\t")[1] for line in _run(live.url, ana, "imports", "rows", "1").stdout.splitlines()]
    assert outcomes == ["created", "created", "duplicate", "invalid"]
    assert _run(live.url, ana, "imports", "list").stdout.startswith(
        "1\tpeople.csv\tcontacts\tapply\tdone\t4\t1\tfarmers"
    )
    assert "2 reversed, 0 kept, 0 failed" in _run(live.url, ana, "imports", "undo", "1").stderr
    assert "answered 409" in _run(live.url, ana, "imports", "pause", "1", code=1).stderr


def test_a_plan_is_applied_and_options_say_what_rows_of_a_list_do_not(start: Start, tmp_path: Path) -> None:
    live, ana = start()
    stopped = tmp_path / "stopped.csv"
    stopped.write_text("mobile\n0722000001\n")
    said = ("--opt-outs", "--channel", "sms", "--evidence", "the list of the old provider")
    planned = _run(live.url, ana, "import", str(stopped), *said, "--plan")
    assert "1 row read: would be 1 recorded." in planned.stderr
    assert f"Apply it with: daftari imports apply 1 --url {live.url}" in planned.stderr
    assert planned.stdout.startswith("1\trecorded")
    assert "1 row read: 1 recorded." in _run(live.url, ana, "imports", "apply", "1").stderr
    (fact,) = live.client.with_key(ana).get("/v1/opt-outs").json()["opt_outs"]
    assert (fact["mobile"], fact["channel"]) == ("254722000001", "sms")
    assert "the list of the old provider" in str(fact["evidence"])
    pdf = tmp_path / "a.csv"
    pdf.write_text("%PDF-1.7")
    assert "The file is a PDF" in _run(live.url, ana, "import", str(pdf), code=1).stderr


def test_ctrl_c_asks_the_server_to_pause_and_says_how_to_go_on(start: Start, people: str) -> None:
    live, key = start("--no-worker")
    ana = live.client.with_key(key)
    command = [sys.executable, "-m", "daftari", "import", people, "--url", live.url, "--key", key]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) as process:
        deadline = time.monotonic() + SECONDS_MAX
        while not ana.get("/v1/imports").json()["imports"]:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130, said
    assert f"Paused at row 0. Resume it with: daftari imports resume 1 --url {live.url}\n" in said
    assert ana.get("/v1/imports/1").json()["import"]["state"] == "paused"


@contextmanager
def _target(url: str, *, project: str | None = None) -> Iterator[ServerTarget]:
    with open_server(url, "k", project=project) as target:
        yield target


def test_ctrl_c_just_as_an_import_ends_shows_what_it_came_to() -> None:
    answers = in_turn(
        says({"import": {"id": 7, "state": "running"}}),
        says({"message": "It cannot be paused.", "error_code": "IMPORT_STATE"}, 409),
        says({"import": {"id": 7, "state": "done"}}),
    )
    with rough_server(answers) as rough, _target(rough.url, project="Shopify") as target:
        status = target.follow(7, on_status=lambda _: None, should_stop=lambda: True)
    assert status.state == "done"
    asked = [(got.method, got.path, got.query or got.json()) for got in rough.got]
    named = {"project": "Shopify"}
    assert asked == [
        ("GET", "/v1/imports/7", named),
        ("POST", "/v1/imports/7/pause", named),
        ("GET", "/v1/imports/7", named),
    ]


def test_a_pause_that_is_refused_for_another_reason_ends_with_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    answers = in_turn(
        says({"import": {"id": 7, "state": "running"}}),
        says({"message": "The key is in use.", "error_code": "IDEMPOTENCY_KEY_REUSED"}, 409),
    )
    with rough_server(answers) as rough, pytest.raises(typer.Exit), _target(rough.url) as target:
        target.follow(7, on_status=lambda _: None, should_stop=lambda: True)
    assert "answered 409: The key is in use." in capsys.readouterr().err


def test_rejects_are_asked_for_in_the_named_project() -> None:
    with (
        rough_server(in_turn(Says(body=b"phone,why\n"))) as rough,
        _target(rough.url, project="Shopify") as target,
    ):
        file = io.BytesIO()
        target.write_rejects(7, file=file)
    assert file.getvalue() == b"phone,why\n"
    assert rough.got[0].query == {"project": "Shopify"}


# ---- a connection that breaks -----------------------------------------------------------------------------


class Forgetful(BaseHTTPRequestHandler):
    """Stands before a server, passes everything on, and loses the answer to the first file."""

    server_url: str
    keys: list[str | None]

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        names = ("authorization", "content-type", "idempotency-key")
        headers = {name: value for name in names if (value := self.headers.get(name)) is not None}
        given = urllib.request.Request(
            self.server_url + self.path, data=body or None, headers=headers, method=self.command
        )
        with urllib.request.urlopen(given, timeout=SECONDS_MAX) as answer:
            status, content = answer.status, answer.read()
        if self.path.startswith("/v1/imports?"):
            self.keys.append(self.headers.get("idempotency-key"))
            if len(self.keys) == 1:
                status, content = 502, b"<html>Bad gateway"
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _pass_on

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def _forgetful(live: Live) -> Iterator[tuple[str, type[Forgetful]]]:
    handler = type("Handler", (Forgetful,), {"server_url": live.url, "keys": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()


def test_a_file_whose_answer_was_lost_is_sent_again_and_is_one_import(
    start: Start, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "PIECE_BYTES", 10)
    monkeypatch.setattr(server, "RETRIES", Retries(first_pause_seconds=0.001))
    live, ana = start("--no-worker")
    sent: list[int] = []
    with (
        _forgetful(live) as (url, handler),
        Path(people).open("rb") as file,
        open_server(url, ana, project=None) as target,
    ):
        target.create(
            file,
            request=ImportRequest(name="people.csv"),
            on_progress=lambda progress: sent.append(progress.done),
            should_stop=lambda: False,
        )
    assert len(handler.keys) == 2
    assert len(set(handler.keys)) == 1
    assert sent == 2 * [*range(10, len(PEOPLE), 10), len(PEOPLE)]
    assert len(live.client.with_key(ana).get("/v1/imports").json()["imports"]) == 1
