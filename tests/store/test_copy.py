"""A copy equals its source, on any two engines, wherever it was stopped; and nothing that is not equal is served."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from typer.testing import CliRunner, Result

from daftari.cli.app import app
from daftari.cli.copy import run_copy
from daftari.cli.terminal import progress
from daftari.cli.terminal.options import ConfigOptions
from daftari.errors import BadSettings, SchemaMismatch
from daftari.model.consent import NewFact, Scope
from daftari.model.projects import Actor
from daftari.rules.access import inbound_tokens, keys, projects
from daftari.rules.access.keys import find_key
from daftari.rules.access.projects import find_project, list_projects
from daftari.rules.audiences import Definition
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question
from daftari.store import migrate
from daftari.store.catalog import dependents, list_tables
from daftari.store.copy.run import Outcome, Progress, compare_databases, copy_database
from daftari.store.copy.sqlite import SqliteDatabase
from daftari.store.schema import latest_version, list_migrations, schema_version
from tests.conftest import ENGINES, ROOT, NewDatabase
from tests.support import calls, consent_calls
from tests.support.builders import assert_sound, rows_of
from tests.support.calls import NOW
from tests.support.commands import open_terminal
from tests.support.stores import SECRET, open_store

OTHER = "somebody else's secret, not this one"
ERASED = 254_722_000_003
SIGNING_SECRET = "kikapu cha ndizi mbivu"
STRANGE = "tab\tback\\N line\nfeed\r % ? ☕ 'quoted' \x7f"
STATES = re.compile(r"CHECK \((\w+) IN \(\s*'(\w+)'")
SECONDS_MAX = 60.0
BATCH_ROWS = 3
"""So few that a small book has many batches."""
PAIRS = [(source, target) for source in ENGINES for target in ENGINES]


# ---- a book with something in every table ---------------------------------------------------------------


def fill(database: str) -> str:
    """Two projects with people, groups, consent, an erased person and all that goes with them; Ana's key."""
    store = open_store(database, threads=1)
    try:
        shopify = calls.create_project(store)
        kalro = calls.create_project(store, "Kalro")
        calls.create_project(store, "Nobody's")
        store.system_write(NOW, projects.rename_project, name="Kalro", new_name="Kalro Farms")
        secret, _ = store.system_write(
            NOW, keys.create_key, project=shopify, label=STRANGE, kind="write", expires_at=None
        )
        store.system_write(
            NOW,
            inbound_tokens.create_token,
            project=shopify,
            provider="generic",
            label="",
            signing_secret=SIGNING_SECRET,
            verify_token=STRANGE,
        )
        people = [{"mobile": 254_722_000_000 + who, "fname": STRANGE[:9], "city": "Kisumu"} for who in range(1, 11)]
        calls.create_contacts(store, shopify, people, group="Farmers")
        calls.create_contacts(store, kalro, people[:4], group="Coast")
        calls.delete_contact(store, shopify, "7")
        calls.delete_contact(store, shopify, "8", reason="removal")
        consent_calls.freeze_audience(store, shopify, Definition(Question("sms", "*", "*", ""), everyone=True), now=NOW)
        consent_calls.erase_number(store, shopify, ERASED, now=NOW)
        store.system_write(NOW, projects.delete_project, name="Nobody's")
    finally:
        store.close()
    execute(database, list(rest_of_rows(database)))
    return secret


def rest_of_rows(database: str) -> Iterator[str]:
    """A row for every table that has none yet, with signs in it that are easily lost on the way."""
    memory = apsw.Connection(":memory:")
    for migration in list_migrations("sqlite"):
        memory.execute(migration.text)
    hexed = STRANGE.encode().hex()
    strange = f"CAST(x'{hexed}' AS TEXT)"
    blob = "x'00ff0a5c'"
    if database.startswith("postgresql://"):
        strange, blob = f"convert_from('\\x{hexed}', 'UTF8')", "'\\x00ff0a5c'"
    for name, text in memory.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"
    ).fetchall():
        if not rows_of(database, f"SELECT * FROM {name} LIMIT 1"):
            values = {"INTEGER": "1", "TEXT": strange, "BLOB": blob}
            allowed = dict(STATES.findall(str(text)))
            columns = [(str(row[1]), str(row[2])) for row in memory.execute(f"PRAGMA table_info({name})").fetchall()]
            given = [f"'{allowed[column]}'" if column in allowed else values[kind] for column, kind in columns]
            yield f"INSERT INTO {name} ({', '.join(column for column, _ in columns)}) VALUES ({', '.join(given)})"


def execute(database: str, statements: list[str]) -> None:
    if database.startswith("postgresql://"):
        with psycopg.connect(database) as session:
            for statement in statements:
                session.execute(statement.encode())
        return
    connection = apsw.Connection(database)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def everything(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that the database itself says it has."""
    if database.startswith("postgresql://"):
        names = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    else:
        names = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    columns = {table.name: ", ".join(sorted(table.columns)) for table in list_tables()}
    columns["system"] += ", schema_version"
    return {
        name: sorted(rows_of(database, f"SELECT {columns[name]} FROM {name}"), key=repr)
        for (name,) in rows_of(database, names)
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A SQLite book that no test changes, and Ana's key."""
    database = str(tmp_path_factory.mktemp("filled") / "filled.db")
    migrate(database)
    return database, fill(database)


@pytest.fixture
def source(filled: tuple[str, str], tmp_path: Path) -> str:
    """A SQLite book of the test's own."""
    apsw.Connection(filled[0]).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return str(shutil.copy(filled[0], tmp_path / "source.db"))


def never() -> bool:
    return False


def silent(progress: Progress) -> None:
    """Progress that is not looked at."""


def after(times: int) -> Callable[[], bool]:
    """Returns false so many times, then true."""
    left = iter(range(times))
    return lambda: next(left, None) is None


def copy(
    source: str, target: str, *, stop: Callable[[], bool] = never, note: Callable[[Progress], None] = silent
) -> Outcome:
    return copy_database(
        source, target, secret=SECRET, secret_file=None, should_stop=stop, note=note, batch_rows=BATCH_ROWS
    )


def compare(source: str, target: str) -> Outcome:
    return compare_databases(source, target, should_stop=never, note=silent)


def assert_sound_copy(source: str, target: str) -> None:
    """All rows are the same, and every book in it is sound by its own lights."""
    assert everything(target) == everything(source)
    store = open_store(target, threads=1)
    for project in store.system_read(NOW, projects.list_projects):
        assert_sound(store, project)
    store.close()


# ---- equal ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["-to-".join(pair) for pair in PAIRS])
def test_a_copy_equals_its_source_in_every_row_of_every_table(
    new_database: NewDatabase, filled: tuple[str, str], first: str, second: str
) -> None:
    source = filled[0]
    if first == "postgres":
        source = new_database("postgres")
        assert copy(filled[0], source).end == "done"
    assert all(everything(source).values()), "every table should have a row here"
    target = new_database(second, empty=True)
    outcome = copy(source, target)
    rows = sum(map(len, everything(source).values()))
    assert outcome == Outcome("done", rows, 3, rows)
    assert everything(target) == everything(source)
    assert compare(source, target).end == "done"


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["-to-".join(pair) for pair in PAIRS])
def test_sealed_secrets_are_read_on_the_copy_with_the_same_secret(
    new_database: NewDatabase, filled: tuple[str, str], first: str, second: str
) -> None:
    source = filled[0]
    if first == "postgres":
        source = new_database("postgres")
        copy(filled[0], source)
    target = new_database(second, empty=True)
    copy(source, target)
    store = open_store(target, threads=1)
    try:
        (token,) = store.system_read(NOW, inbound_tokens.list_tokens)
        stored = store.system_read(NOW, inbound_tokens.get_stored_token, start=token.start)
    finally:
        store.close()
    assert (stored.signing_secret, stored.verify_token, stored.broken) == (SIGNING_SECRET, STRANGE, ())
    assert not [row for row in everything(target)["inbound_token"] if SIGNING_SECRET in repr(row)]


def test_a_key_works_on_the_copy_and_erased_numbers_stay_known(
    new_database: NewDatabase, source: str, filled: tuple[str, str]
) -> None:
    """The source's other rows are made up, so only what Ana has is looked at."""
    target = new_database("postgres")
    copy(source, target)
    store = open_store(target, threads=1)
    try:
        access = store.system_read(NOW, find_key, api_key=filled[1])
        assert access.project.name == "Shopify"
        question = Question("sms", "*", "*", "")
        (answer,) = store.read(access.project, NOW, consent_calls.may_message, access.project, question, [ERASED])
        assert answer["allowed"] is False
        created = calls.create_contacts(store, access.project, [{"mobile": 254_733_000_001}])
        assert created.created == 1
    finally:
        store.close()


def test_a_copy_is_sound(new_database: NewDatabase, engine: str, tmp_path: Path) -> None:
    source, target = str(tmp_path / "sound.db"), new_database(engine)
    migrate(source)
    store = open_store(source, threads=1)
    project = calls.create_project(store)
    calls.create_contacts(store, project, [{"mobile": 254_722_000_000 + who} for who in range(200)], group="VIP")
    calls.delete_contact(store, project, "17")
    store.close()
    assert copy(source, target).end == "done"
    assert_sound_copy(source, target)


# ---- stopped and begun again ----------------------------------------------------------------------------


def test_wherever_a_copy_is_stopped_it_resumes_and_is_not_served_until_it_is_done(
    new_database: NewDatabase, source: str, engine: str
) -> None:
    """Each run is stopped a little further on than the one before."""
    target = new_database(engine)
    written, times = [], 0
    while True:
        outcome = copy(source, target, stop=after(times))
        written.append(outcome.written)
        if outcome.end == "done":
            break
        assert outcome.end == "stopped"
        with pytest.raises(SchemaMismatch, match="a copy that is not finished; run the same 'daftari copy' again"):
            open_store(target, threads=1)
        with pytest.raises(SchemaMismatch, match="not finished"):
            migrate(target)
        times += 8
    assert everything(target) == everything(source)
    assert sum(written) == outcome.rows, "nothing is copied twice"
    assert sum(map(bool, written)) >= 4


def test_killed_in_the_middle_of_a_batch_it_resumes(new_database: NewDatabase, source: str) -> None:
    """Another session keeps the copy waiting inside a batch for as long as it takes to kill it."""
    target = new_database("postgres")
    with psycopg.connect(target) as session:
        session.execute("LOCK TABLE journal IN EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-m", "daftari", "copy", "--from", source, "--to", target],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "DAFTARI_SECRET": SECRET},
            stderr=subprocess.PIPE,
        )
        with psycopg.connect(target, autocommit=True) as watcher:
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'journal'::regclass"
            while watcher.execute(waiting.encode()).fetchone() is None:
                assert process.poll() is None
                time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == -signal.SIGKILL
    assert schema_version(target) == -latest_version()
    assert len(rows_of(target, "SELECT 1 FROM contact")) > 0
    assert rows_of(target, "SELECT 1 FROM journal") == []
    outcome = copy(source, target)
    assert outcome.end == "done" and outcome.written < outcome.rows
    assert everything(target) == everything(source)


def test_rows_are_deleted_behind_a_place_and_no_more_at_a_time_than_is_said(source: str) -> None:
    contact = next(table for table in list_tables() if table.name == "contact")
    left = "SELECT id FROM contact WHERE project_id = 1 ORDER BY id"
    before = rows_of(source, left)
    others = rows_of(source, "SELECT COUNT(*) FROM contact WHERE project_id <> 1")
    execute(source, ["DELETE FROM membership"])
    with closing(SqliteDatabase(source)) as whole, whole.writing():
        assert whole.delete_some(contact, 1, after=before[1], limit=3)
    assert rows_of(source, left) == before[:2] + before[5:]
    with closing(SqliteDatabase(source)) as whole, whole.writing():
        assert not whole.delete_some(contact, 1, after=before[1], limit=10)
    assert rows_of(source, left) == before[:2]
    assert rows_of(source, "SELECT COUNT(*) FROM contact WHERE project_id <> 1") == others


# ---- a source that is written to ------------------------------------------------------------------------


def write_much(source: str) -> None:
    """Everything that could be in the way of rows that are there already: numbers that moved, rows that went."""
    store = open_store(source, threads=1)
    shopify = store.system_read(NOW, find_project, name="Shopify")
    calls.update_contact(store, shopify, "1", {"mobile": "+254733000001"})
    calls.update_contact(store, shopify, "10", {"mobile": "+254722000001"})
    calls.delete_contact(store, shopify, "2")
    calls.create_contacts(store, shopify, [{"mobile": 254_722_000_099}], group="New")
    store.system_write(NOW, projects.rename_project, name="Kalro Farms", new_name="Kalro Ltd")
    calls.create_contacts(store, calls.create_project(store, "Third"), [{"mobile": 254_722_000_099}])
    store.close()
    tables = [table.name for table in list_tables() if table.by_project and table.name != "project_name"]
    kalro = rows_of(source, "SELECT id FROM project WHERE name = 'Kalro Ltd'")[0][0]
    execute(source, [f"DELETE FROM {name} WHERE project_id = {kalro}" for name in reversed(tables)])
    execute(source, ["DELETE FROM project_name WHERE folded = 'kalro farms'"])


@pytest.mark.parametrize("times", [60, 10_000], ids=["begun", "all but finished"])
def test_what_changed_between_two_runs_is_changed_in_the_copy(
    new_database: NewDatabase, source: str, engine: str, times: int
) -> None:
    target = new_database(engine)
    asked = iter([*[False] * times, True])
    outcome = copy(source, target, stop=lambda: next(asked, False))
    if outcome.end == "done":
        execute(target, ["UPDATE system SET schema_version = -schema_version"])
    write_much(source)
    outcome = copy(source, target)
    assert outcome.end == "done"
    assert everything(target) == everything(source)


def test_a_source_that_was_written_to_during_the_copy_is_reported_and_the_copy_is_not_finished(
    new_database: NewDatabase, source: str, engine: str
) -> None:
    target = new_database(engine)
    written: list[bool] = []

    def write_once(progress: Progress) -> None:
        if progress.doing == "comparing" and not written:
            written.append(True)
            write_much(source)

    assert copy(source, target, note=write_once).end == "changed"
    with pytest.raises(SchemaMismatch, match="not finished"):
        open_store(target, threads=1)
    assert copy(source, target).end == "done"
    assert everything(target) == everything(source)


def test_one_opt_out_during_the_copy_is_enough(new_database: NewDatabase, source: str) -> None:
    target = new_database("sqlite")
    heard = iter([True])

    def opt_out(progress: Progress) -> None:
        if next(heard, False):
            store = open_store(source, threads=1)
            given = NewFact(0, 254_722_000_005, "opt_out", Scope("*"), NOW, "api")
            shopify = store.system_read(NOW, list_projects)[0]
            store.write(shopify, Actor(None, "test"), NOW, ledger.record_facts, facts=[given])
            store.close()

    assert copy(source, target, note=opt_out).end == "changed"


# ---- the proof ------------------------------------------------------------------------------------------


TAMPERED = {
    "UPDATE key SET label = ''": ("key", None, 0, "id 4"),
    "UPDATE book SET next_fact = 1 WHERE project_id = 1": ("book", "Shopify", 0, "project_id 1"),
    "UPDATE contact SET card = '{}' WHERE project_id = 1 AND id = 4": ("contact", "Shopify", 0, "id 4"),
    "DELETE FROM fact WHERE subject_id < 0": ("fact", "Shopify", -1, "subject_id -"),
    "INSERT INTO directory VALUES (77, 0, 1, 5, 9)": ("directory", "77", 1, "list 0, level 1, block 5"),
    "UPDATE system SET next_id = 1": ("system", None, 0, "id 1"),
}
"""What was done to a copy, and what is found."""


def test_every_row_that_differs_is_found_and_named_and_nothing_else(
    new_database: NewDatabase, engine: str, source: str
) -> None:
    target = new_database(engine)
    copy(source, target)
    execute(target, list(TAMPERED))
    outcome = compare(source, target)
    assert outcome.end == "different"
    found = [(one.table, one.project, one.target_rows - one.source_rows) for one in outcome.differences]
    assert sorted(found, key=str) == sorted([wanted[:3] for wanted in TAMPERED.values()], key=str)
    first = {one.table: one.first for one in outcome.differences}
    for table, _, _, where in TAMPERED.values():
        assert first[table].startswith(where)


# ---- what is refused --------------------------------------------------------------------------------------


def test_a_target_that_has_anything_in_it_is_refused_and_left_as_it_was(
    new_database: NewDatabase, engine: str, source: str
) -> None:
    target = new_database(engine)
    store = open_store(target, threads=1)
    calls.create_project(store, "Mine")
    store.close()
    before = everything(target)
    with pytest.raises(BadSettings, match="has projects already; a copy goes to an empty database only"):
        copy(source, target)
    assert everything(target) == before


def test_a_copy_that_is_finished_is_not_begun_again(new_database: NewDatabase, engine: str, source: str) -> None:
    target = new_database(engine)
    copy(source, target)
    with pytest.raises(BadSettings, match="has projects already"):
        copy(source, target)
    open_store(target, threads=1).close()


def test_a_source_opened_with_another_secret_is_refused(new_database: NewDatabase, source: str) -> None:
    target = new_database("sqlite", empty=True)
    with pytest.raises(BadSettings, match="not the secret with which the database was made") as caught:
        copy_database(source, target, secret=OTHER, secret_file=None, should_stop=never, note=silent)
    assert OTHER not in caught.value.message
    assert not Path(target).exists()


def test_a_target_with_another_secret_is_refused(new_database: NewDatabase, engine: str, source: str) -> None:
    from daftari.store import open_store as open_with

    target = new_database(engine)
    open_with(target, threads=1, secret=OTHER).close()
    with pytest.raises(BadSettings, match="has another secret than the source"):
        copy(source, target)


def test_a_secret_file_of_another_secret_is_not_written_over(new_database: NewDatabase, source: str) -> None:
    target = new_database("sqlite")
    kept = Path(f"{target}.secret")
    kept.write_text(OTHER)
    with pytest.raises(BadSettings, match="holds another secret") as caught:
        copy(source, target)
    assert kept.read_text() == OTHER
    assert OTHER not in caught.value.message and SECRET not in caught.value.message


def test_a_copy_onto_itself_is_refused(source: str) -> None:
    with pytest.raises(BadSettings, match="are the same database"):
        copy(source, f"sqlite:///{source}")


def test_while_a_copy_runs_no_other_one_gets_at_its_target(new_database: NewDatabase, engine: str, source: str) -> None:
    target = new_database(engine)
    tried: list[str] = []

    def ask_for_the_turn(progress: Progress) -> None:
        if engine == "postgres":
            with psycopg.connect(target) as session, pytest.raises(psycopg.errors.LockNotAvailable):
                session.execute("LOCK TABLE system IN SHARE UPDATE EXCLUSIVE MODE NOWAIT")
        else:
            with open(f"{target}-turn", "rb") as turn, pytest.raises(BlockingIOError):
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried.append(progress.table)

    assert copy(source, target, note=ask_for_the_turn).end == "done"
    assert "contact" in tried


# ---- tables -----------------------------------------------------------------------------------------------


def test_every_table_of_either_engine_is_known_and_comes_after_those_that_it_references(
    new_database: NewDatabase, engine: str
) -> None:
    tables = list_tables()
    assert {table.name for table in tables} == set(everything(new_database(engine)))
    assert len({table.name for table in tables}) == len(tables)
    seen: set[str] = set()
    for table in tables:
        assert table.key and set(table.references) <= seen
        seen.add(table.name)
    by_name = {table.name: table for table in tables}
    assert by_name["membership"].references == ("contact", "contact_group")
    assert [table.name for table in dependents(by_name["audience"], tables=tables)] == ["audience_part"]
    assert by_name["fact"] in dependents(by_name["book"], tables=tables)
    assert [table.name for table in tables if table.is_single] == ["book", "search_index", "system"]


# ---- the command ------------------------------------------------------------------------------------------


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["copy", *words])
    assert result.exit_code == code, result.output
    assert SECRET not in result.output
    return result


@pytest.fixture
def own_secret(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source's secret is in the file next to it, and nowhere else; commands run in a folder of their own."""
    monkeypatch.delenv("DAFTARI_SECRET")
    monkeypatch.chdir(tmp_path)
    file = Path(f"{source}.secret")
    file.write_text(f"{SECRET}\n")
    return file


def test_the_command_copies_to_postgres_and_says_where_the_secret_is(
    new_database: NewDatabase, source: str, own_secret: Path
) -> None:
    target = new_database("postgres")
    reported = run("--from", f"sqlite:///{source}", "--to", target).stderr
    assert re.search(r"equals .*source\.db: [\d,]+ rows of 3 projects compared\.", reported)
    assert f"set DAFTARI_SECRET to the text in {own_secret}" in reported
    assert "rows copied in" in reported
    assert run("--from", source, "--to", target, "--verify").stdout == ""
    execute(target, ["UPDATE contact SET card = '{}' WHERE project_id = 1 AND id = 4"])
    broken = run("--from", source, "--to", target, "--verify", code=1)
    assert broken.stdout == "contact\tShopify\t7\t7\tid 4\n"
    assert " differs from " in broken.stderr


def test_the_command_gives_a_sqlite_target_its_secret_for_its_owner_alone(
    source: str, own_secret: Path, tmp_path: Path
) -> None:
    target = tmp_path / "moved.db"
    reported = run("--from", source, "--to", f"sqlite:///{target}").stderr
    made = Path(f"{target}.secret")
    assert f"The secret is in {made}" in reported
    assert made.read_text().strip() == SECRET
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    done = CliRunner().invoke(app, ["project", "list", "--database", str(target)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("option", "other"), [("--from", "--to"), ("--to", "--from")])
def test_an_address_of_neither_engine_is_refused_by_the_name_of_its_option(
    source: str, option: str, other: str
) -> None:
    reported = run(option, "mysql://root@localhost/x", other, source, code=2).stderr
    assert reported.startswith(f"daftari: {option} is 'mysql://root@localhost/x'; it must be a path, sqlite:///PATH")


def test_on_a_terminal_there_is_a_bar(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUICK_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with open_terminal() as (terminal, printed):
        monkeypatch.setattr(sys, "stderr", terminal)
        run_copy(source=source, target=str(tmp_path / "copy.db"), verify=False, where=ConfigOptions())
    assert re.search(r"(copying|comparing) \w+ .*━", printed())
