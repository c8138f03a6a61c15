"""``daftari import`` and ``daftari imports``: what they print, how they end, and how a stopped one is resumed."""

from __future__ import annotations

import math
import os
import pty
import re
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from daftari.cli.app import app
from daftari.cli.terminal import progress
from daftari.model.jobs import JobKind
from daftari.model.projects import Actor
from daftari.rules.access.projects import list_projects
from daftari.rules.imports.lifecycle import apply_import, find_work, resume_import
from daftari.store import Store, WriteTx
from daftari.store.database_url import masked
from daftari.store.jobs import release_job, take_this_job
from tests.conftest import ROOT, NewDatabase
from tests.support.builders import rows_of
from tests.support.commands import Run, runner_for
from tests.support.connection_steps import Syncing
from tests.support.files import xlsx
from tests.support.stores import NOW, open_store
from tests.support.waiting import wait_for

SECONDS_MAX = 60.0
PEOPLE = """\
Phone,First Name,Town,Fax
0722000001,Wanjiru,Nairobi,1
0722 000 002,Otieno,Kisumu,
+254722000001,Wanjiru,,
2.547E+11,Ruined,,
0733000009,Asha,Mombasa,
"""
LONG_ROWS = 30_000
HELD_SECONDS = 0.3
TESTER = Actor(None, "test")


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine shows no lines of progress among those that are compared."""
    monkeypatch.setattr(progress, "LINE_SECONDS", math.inf)


@pytest.fixture
def run(database: str) -> Run:
    """Runs a command on a database with the project Shopify."""
    run = runner_for(database)
    run("project", "create", "Shopify")
    return run


@pytest.fixture
def light(new_database: NewDatabase) -> Run:
    """The same on SQLite alone, for what no database has a part in."""
    run = runner_for(new_database("sqlite"))
    run("project", "create", "Shopify")
    return run


@pytest.fixture
def people(tmp_path: Path) -> str:
    """Five rows: two people, one of them twice, a third, and a number that a spreadsheet ruined."""
    return _written(tmp_path / "people.csv", PEOPLE)


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def _told(result: Result) -> Any:
    return msgspec.json.decode(result.stdout)


def test_a_group_that_a_connection_keeps_in_step_is_refused_with_the_connections_name(
    run: Run, database: str, people: str
) -> None:
    with _opened(database) as store:
        (project,) = store.system_read(NOW, list_projects)
        Syncing(store, project, groups=[{"from": "all", "to": "CRM"}])
    for options in ([], ["--plan"]):
        said = run("import", people, "--group", "crm", *options, code=1).stderr
        assert "The connection 'crm' keeps the group 'CRM' in step" in said


# ---- what is said ---------------------------------------------------------------------------------------


def test_an_import_says_how_it_reads_each_column_and_counts_that_add_up(run: Run, people: str) -> None:
    result = run("import", people, "--group", "farmers", "--json", code=1)
    said = result.stderr.splitlines()
    assert said[:-1] == [
        "people.csv: CSV, utf-8, separated by commas; read as contacts.",
        "  Phone → mobile, First Name → fname, Town → city",
        "  not used: Fax",
        "5 rows read: 3 created, 1 duplicate, 1 invalid.",
        "Also: 3 joined farmers.",
        "  1 row not imported: The mobile field is not a telephone number: it was shortened by a spreadsheet: its last "
        "digits are lost; write it like +254712123456. (row 4 '2.547E+11')",
    ]
    assert said[-1].startswith(
        "1 row was not imported; each with its reason: daftari imports rejects 1 --project Shopify"
    )
    (shown,) = _told(result)
    assert (shown["id"], shown["state"], shown["rows"], shown["counts"]["created"]) == (1, "done", 5, 3)
    assert _told(run("imports", "show", "1", "--json")) == shown
    assert [one["id"] for one in _told(run("imports", "list", "--json"))] == [1]
    outcomes = [line.split("\t")[1] for line in run("imports", "rows", "1").stdout.splitlines()]
    assert outcomes == ["created", "created", "duplicate", "invalid", "created"]
    lines = run("imports", "rows", "1", "--json", "--after", "2", "--outcome", "created").stdout.splitlines()
    assert [msgspec.json.decode(line)["row"] for line in lines] == [5]


def test_columns_can_be_named_and_others_become_attributes(light: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    mapping = ("--map", "Town=company", "--map", "First Name=-", "--attributes")
    said = light("import", "-", *mapping, typed=PEOPLE, code=1).stderr
    assert "  Phone → mobile, First Name → attribute, Town → company, Fax → attribute\n" in said
    # There is no terminal: how far it is comes as lines.
    assert f"stdin: {len(PEOPLE)} of {len(PEOPLE)} bytes sent\n" in said
    assert "stdin: 5 rows" in said


def test_a_column_that_a_kind_of_file_has_no_use_for_is_told_as_not_used(light: Run, tmp_path: Path) -> None:
    file = _written(tmp_path / "notes.csv", "mobile,fname,note,id\n0722000001,Asha,met her,4\n")
    assert "  not used: note, id\n" in light("import", file).stderr


def test_a_sheet_that_was_not_read_is_named_in_the_plan_and_at_the_end(light: Run, tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "branches.xlsx",
        [["Branch"], ["Name", "Phone"], ["Asha", "0722000001"]],
        [["Name", "Phone"], ["Otieno", "0722000002"]],
    )
    planned = light("import", path, "--plan").stderr
    assert planned.startswith("branches.xlsx: XLSX, sheet 'Sheet1', column names in row 2; read as contacts.\n")
    left = "Only sheet 'Sheet1' was read; this sheet was not read: 'Sheet2'. Name one with --sheet.\n"
    assert left in planned
    assert left in light("imports", "apply", "1").stderr
    other = light("import", path, "--sheet", "Sheet2", "--header-row", "1").stderr
    assert "1 row read: 1 created.\n" in other and "not read: 'Sheet1'" in other
    light("import", path, "--header-row", "x", code=2)


def test_an_opt_out_of_a_number_that_cannot_be_read_is_told_first_and_ends_the_command_as_failed(
    light: Run, tmp_path: Path
) -> None:
    stopped = _written(tmp_path / "stopped.csv", "Phone,When\n0722000001/07330,13/05/2024\nO722,\n0722000003,soon\n")
    said = light("import", stopped, "--opt-outs", "--json", code=1)
    assert said.stderr.splitlines()[2:6] == [
        "NOT OPTED OUT: 2 rows opt out a number that cannot be read. Correct it and import it again.",
        "3 rows read: 2 recorded, 1 invalid.",
        *[line for line in said.stderr.splitlines() if "not imported:" in line][:2],
    ]
    assert "1 row with a warning: The time of an opt-out cannot be read" in said.stderr
    assert "(row 3 'soon')" in said.stderr and "(row 1 '0722000001/07330')" in said.stderr
    assert "2 rows were not imported; each with its reason" in said.stderr
    (shown,) = _told(said)
    assert (shown["unread_opt_outs"], shown["rejects"], shown["counts"]["recorded"]) == (2, 2, 2)
    # Its other number is opted out; that one is not, so that this is no success.
    partly = _written(tmp_path / "partly.csv", "Phone\n0722000001/07330\n")
    assert "NOT OPTED OUT: 1 row opts out" in light("import", partly, "--opt-outs", "--plan", code=1).stderr


def test_a_plan_shows_which_columns_opt_people_out_and_how_many(light: Run, tmp_path: Path) -> None:
    text = "Phone,SMS Opt Out,Status,SMS consent\n0722000001,yes,,\n0722000002,,Stopped,\n0722000003,no,,perhaps\n"
    file = _written(tmp_path / "people.csv", text)
    said = light("import", file, "--plan").stderr
    assert "  Phone → mobile, SMS Opt Out → opt_out.sms, Status → status, SMS consent → accepts.sms\n" in said
    assert "2 opt-outs would be recorded, as the rows say" in said
    assert "1 row with a warning: The column 'SMS consent' is about consent, and holds neither" in said
    assert "(row 3 'perhaps')" in said
    assert "2 opt-outs recorded, as the rows say" in light("imports", "apply", "1").stderr
    assert light("export", "--consent").stdout.count("opt_out") == 2


def test_only_the_most_frequent_reasons_are_printed(light: Run, tmp_path: Path) -> None:
    names = ("fname", "mname", "lname", "email", "city", "company")
    lines = [",".join("x" * 300 if place == row else "" for place in range(6)) + f",072200000{row}" for row in range(6)]
    file = _written(tmp_path / "people.csv", ",".join(names) + ",mobile\n" + "\n".join(lines) + "\n")
    said = light("import", file, code=1).stderr
    assert said.count(" row not imported: ") == 5 and "  and 1 other reason\n" in said


def test_what_is_to_be_typed_next_names_the_database_without_its_password(run: Run, people: str, database: str) -> None:
    said = run("import", people, "--plan", code=1).stderr
    assert f"imports apply 1 --project Shopify --database {shlex.quote(masked(database))}" in said


def test_rejects_are_written_at_once_for_their_owner_alone_and_can_be_mended(
    light: Run, people: str, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    assert f"is in {rejects}" in light("import", people, "--rejects", str(rejects), code=1).stderr
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    head, row = rejects.read_text().splitlines()
    assert head == "Phone,First Name,Town,Fax,why"
    assert row.startswith(
        "2.547E+11,Ruined,,,The mobile field is not a telephone number: it was shortened by a spreadsheet"
    )
    assert light("imports", "rejects", "1").stdout_bytes == rejects.read_bytes()
    corrected = _written(tmp_path / "corrected.csv", rejects.read_text().replace("2.547E+11", "0722000077"))
    rejects.unlink()
    assert "1 row read: 1 created." in light("import", corrected, "--rejects", str(rejects)).stderr
    assert not rejects.exists()


def test_rejects_go_into_a_device_or_through_a_link_and_replace_neither(
    light: Run, people: str, tmp_path: Path
) -> None:
    pipe, link, kept = tmp_path / "pipe", tmp_path / "link.csv", tmp_path / "kept.csv"
    kept.touch()
    link.symlink_to(kept)
    os.mkfifo(pipe)
    light("import", people, "--rejects", str(link), code=1)
    assert link.is_symlink() and "Ruined" in kept.read_text()
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    light("imports", "rejects", "1", "--output", str(pipe))
    reader.join(SECONDS_MAX)
    assert stat.S_ISFIFO(pipe.lstat().st_mode) and read == [kept.read_text()]
    lost = light("imports", "rejects", "1", "--output", str(tmp_path / "nowhere" / "rejects.csv"), code=1)
    assert "cannot be written: No such file or directory." in lost.stderr


def test_rejects_are_written_over_no_file_that_is_imported_nor_over_each_other(
    light: Run, people: str, tmp_path: Path
) -> None:
    over = light("import", people, "--rejects", people, code=2)
    assert "overwrite a file that is to be imported" in over.stderr and Path(people).read_text() == PEOPLE
    (tmp_path / "other").mkdir()
    other = _written(tmp_path / "other" / "people.csv", PEOPLE)
    twice = light("import", people, other, "--rejects", str(tmp_path), code=2)
    assert "Two of the files have the same name" in twice.stderr


def test_a_file_that_cannot_be_read_stops_no_other(light: Run, people: str, tmp_path: Path) -> None:
    pdf, folder = _written(tmp_path / "a.csv", "%PDF-1.7"), tmp_path / "rejects"
    files = (str(tmp_path / "none.csv"), pdf, people, str(tmp_path))
    assert "--rejects must be an existing folder" in light("import", *files, "--rejects", str(folder), code=2).stderr
    folder.mkdir()
    result = light("import", *files, "--rejects", str(folder), "--json", code=1)
    assert [one["state"] for one in _told(result)] == ["done", "failed", "failed", "failed"]
    said = [line for line in result.stderr.splitlines() if line.startswith("daftari: ")]
    assert said[0].endswith("none.csv cannot be read: No such file or directory.")
    assert said[1].startswith(f"daftari: {pdf}: The file is a PDF, not a table or an address book")
    assert said[2].endswith("cannot be read: Is a directory.")
    assert [path.name for path in folder.iterdir()] == ["people-rejects.csv"]


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["--opt-outs", "--opt-ins"], "Give either --opt-outs or --opt-ins.", 2),
        (["--map", "Phone"], "--map is 'Phone'; it must be COLUMN=FIELD, such as Phone=mobile.", 2),
        (["--rejects", "/nowhere/at/all.csv"], "in a folder that does not exist.", 2),
        (["--url", "http://127.0.0.1:1"], "Give either --url or --database.", 2),
        (["--map", "Telex=mobile"], "There is no column 'Telex'.", 1),
        (["--channel", "sms"], "The channel field is for lists of opt-outs and opt-ins.", 1),
    ],
)
def test_what_is_wrong_is_one_sentence(light: Run, people: str, words: list[str], sentence: str, code: int) -> None:
    assert sentence in light("import", people, *words, code=code).stderr
    assert light("imports", "list").stdout == ""


def test_a_server_needs_a_key(people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFTARI_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("DAFTARI_KEY", raising=False)
    result = CliRunner().invoke(app, ["import", people])
    assert result.exit_code == 2
    assert result.stderr == "daftari: A server needs an API key: give --key or set DAFTARI_KEY.\n"


def test_an_import_that_is_not_there_is_named(light: Run) -> None:
    assert "Import not found" in light("imports", "show", "7", code=1).stderr
    assert "start one with 'daftari import FILE'" in light("imports", "list").stderr


# ---- plan, apply, undo, cancel --------------------------------------------------------------------------


def test_a_plan_changes_nothing_until_it_is_applied_and_an_undo_puts_back(run: Run, people: str) -> None:
    planned = run("import", people, "--plan", code=1)
    assert "5 rows read: would be 3 created, 1 duplicate, 1 invalid." in planned.stderr
    assert "This is a plan; nothing was changed. Apply it with: daftari imports apply 1 --project Sho" in planned.stderr
    shown = [line.split("\t")[:2] for line in planned.stdout.splitlines()]
    assert shown == [["1", "created"], ["2", "created"], ["5", "created"], ["3", "duplicate"], ["4", "invalid"]]
    assert "5 rows read: 3 created, 1 duplicate, 1 invalid." in run("imports", "apply", "1", code=1).stderr
    assert "cannot be applied" in run("imports", "apply", "1", code=1).stderr
    assert run("imports", "undo", "1").stderr == (
        "Import 1 of people.csv is undone: 3 reversed, 0 kept, 0 failed; 0 opt-ins and opt-outs retracted.\n"
    )


def test_a_cancelled_import_is_not_gone_on_with(light: Run, people: str) -> None:
    assert [row["row"] for row in _told(light("import", people, "--plan", "--json", code=1))[0]["rows_shown"]] == [
        *(1, 2, 5),
        *(3, 4),
    ]
    assert "Import 1 is cancelled after 5 rows." in light("imports", "cancel", "1").stderr
    assert "cannot be resumed" in light("imports", "resume", "1", code=1).stderr
    assert "cannot be paused" in light("imports", "pause", "1", code=1).stderr


def test_a_list_of_opt_outs_is_recorded_and_taken_back_only_when_asked_outright(light: Run, tmp_path: Path) -> None:
    listed = "msisdn,unsubscribed at,fname\n0722000001,2026-11-01T08:30:00Z,Asha\n0722000002,,\n"
    stopped = _written(tmp_path / "stopped.csv", listed)
    said = ("--channel", "sms", "--evidence", "the list of the old provider")
    printed = light("import", stopped, "--opt-outs", *said).stderr
    assert "read as a list of opt-outs." in printed and "  not used: fname\n" in printed
    assert "2 rows read: 2 recorded." in printed
    light("may-message", "0722000001", "--channel", "sms", code=3)
    light("may-message", "0722000001", "--channel", "whatsapp")
    assert "reason field is required" in light("imports", "undo", "1", "--opt-outs", code=1).stderr
    undone = light("imports", "undo", "1", "--opt-outs", "--reason", "wrong list").stderr
    assert "2 opt-ins and opt-outs retracted" in undone
    light("may-message", "0722000001", "--channel", "sms")


def test_a_bulk_opt_in_that_is_refused_ends_the_command_as_failed(light: Run, tmp_path: Path) -> None:
    light("opt-out", "0722000001", "--source", "provider")
    joined = _written(tmp_path / "joined.csv", "mobile\n0722000001\n")
    assert "1 row read: 1 refused." in light("import", joined, "--opt-ins", code=1).stderr
    assert "1 recorded" in light("import", joined, "--opt-ins", "--override", "--evidence", "form 2024-118").stderr


def test_ids_consent_and_groups_of_an_export_are_kept_in_an_empty_project(light: Run, tmp_path: Path) -> None:
    fact = {"kind": "opt_out", "channel": "sms", "source": "inbound", "at": "2026-01-01T00:00:00Z"}
    person = {"id": 70, "mobile": "254722000001", "created_at": "2024-03-21T07:06:37Z", "groups": ["farmers"]}
    written = msgspec.json.encode(person | {"consent": [fact]}).decode()
    file = _written(tmp_path / "book.ndjson", written)
    assert "1 joined groups; 1 opt-out recorded, as the rows say" in light("import", file, "--keep-ids").stderr
    assert "\t70\t254722000001" in light("imports", "rows", "1").stdout
    light("may-message", "0722000001", "--channel", "sms", code=3)
    assert "for a project that has no contacts yet" in light("import", file, "--keep-ids", code=1).stderr


# ---- stopped, and resumed ---------------------------------------------------------------------------------


@pytest.fixture
def long_file(tmp_path: Path) -> str:
    rows = "".join(f"07{20_000_000 + number % 29_000},P{number}\n" for number in range(LONG_ROWS))
    return _written(tmp_path / "long.csv", f"mobile,fname\n{rows}none,Unknown\n")


@contextmanager
def _opened(database: str) -> Iterator[Store]:
    store = open_store(database, threads=1)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _started(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "daftari", *words]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def _result(database: str, project_id: int) -> list[Any]:
    """What an import leaves, but for its times."""
    return [
        rows_of(database, f"SELECT {columns} WHERE project_id = {project_id} ORDER BY 1, 2")
        for columns in (
            "id, mobile FROM contact",
            "group_id, contact_id FROM membership",
            "number, reason FROM import_reject",
        )
    ]


def test_ctrl_c_pauses_and_a_resumed_import_equals_an_uninterrupted_one(
    new_database: NewDatabase, long_file: str
) -> None:
    database = new_database("sqlite")
    run = runner_for(database)
    for project in ("Shopify", "Kalro"):
        run("project", "create", project)
    words = ("--group", "farmers", "--database", database)
    with _opened(database) as store:
        shopify, kalro = store.system_read(NOW, list_projects)
        with _started("import", long_file, "--project", "Shopify", *words) as process:
            wait_for(
                lambda: any(found.progress.rows for found in [store.read(shopify, NOW, find_work)] if found is not None)
            )
            # An import writes small batches while another writer waits, so that many rows are left now.
            store.write(shopify, TESTER, NOW, _interrupt, process=process)
            _, said = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130, said
    paused, again = said.splitlines()[-1].split(" Resume it with: ")
    assert 0 < int(paused.removeprefix("Paused at row ").rstrip(".").replace(",", "")) < LONG_ROWS
    assert again == f"daftari imports resume 1 --project Shopify --database {database}"
    assert "Paused at row" in run("imports", "show", "1", "--project", "Shopify").stderr
    resumed = run("imports", "resume", "1", "--project", "Shopify", code=1).stderr
    whole = run("import", long_file, "--project", "Kalro", "--group", "farmers", code=1).stderr
    for said in (resumed, whole):
        assert "30,001 rows read: 29,000 created, 1,000 duplicate, 1 invalid." in said
    assert _result(database, shopify.id) == _result(database, kalro.id)


def _interrupt(tx: WriteTx, *, process: subprocess.Popen[str]) -> None:
    """Under the project's lock, so that the import cannot continue meanwhile."""
    process.send_signal(signal.SIGINT)


def test_an_import_that_another_process_holds_is_watched_until_it_is_free(
    new_database: NewDatabase, people: str
) -> None:
    database = new_database("sqlite")
    run = runner_for(database)
    run("project", "create", "Shopify")
    run("import", people, "--plan", code=1)
    with _opened(database) as store:
        _resume_while_held(run, store)


def _resume_while_held(run: Run, store: Store) -> None:
    now = time.time_ns() // 1000
    project = store.system_read(NOW, list_projects)[0]
    store.write(project, TESTER, now, apply_import, import_id=1)
    assert "Paused at row 0. Resume it with: daftari imports resume 1" in run("imports", "pause", "1").stderr
    store.write(project, TESTER, NOW, resume_import, import_id=1)
    job = store.system_write(now, take_this_job, project_id=project.id, kind=JobKind.IMPORT, owner="ben")
    assert job is not None
    begun = time.monotonic()
    release = threading.Timer(HELD_SECONDS, store.system_write, (NOW, release_job), {"job": job})
    release.start()
    assert "3 created" in run("imports", "resume", "1", code=1).stderr
    assert time.monotonic() - begun >= HELD_SECONDS
    release.join()


# ---- while it runs ----------------------------------------------------------------------------------------


def test_on_a_terminal_there_is_a_bar_with_rows_and_outcomes(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database("sqlite")
    runner_for(database)("project", "create", "Shopify")
    file = _written(tmp_path / "long.csv", "mobile\n" + "".join(f"07{20_000_000 + n}\n" for n in range(LONG_ROWS)))
    ours, theirs = pty.openpty()
    # On a fast machine the import ends within the second in which nothing is shown.
    at_once = (
        "from daftari.cli import main; from daftari.cli.terminal import progress; progress.QUICK_SECONDS = 0; main()"
    )
    command = [sys.executable, "-c", at_once, "import", file, "--database", database]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "200"}
    process = subprocess.Popen(command, stderr=theirs, stdout=theirs, env=environ)
    os.close(theirs)
    printed = b""
    while piece := _read(ours):
        printed += piece
    os.close(ours)
    assert process.wait(timeout=SECONDS_MAX) == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", printed.decode())
    assert re.search(r"long\.csv ━+ 100% 30,000 rows", shown)
    assert shown.count("30,000 rows read: 30,000 created.") == 1


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        # The other side is closed.
        return b""
