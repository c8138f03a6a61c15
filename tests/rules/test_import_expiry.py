"""What is kept of an import, and for how long: files that wait are counted, and a forgotten import stops no other."""

from __future__ import annotations

import pytest

from daftari.errors import UnreadableFile, WrongImportState
from daftari.rules.imports import lifecycle
from daftari.rules.imports.stream import begin_stream
from daftari.sandbox.process import ReaderEnded
from daftari.store import Store
from daftari.worker import imports as worker_imports
from daftari.worker import run_worker
from daftari.worker.held import UNEXPECTED
from daftari.worker.imports import ImportWork
from tests.rules.test_import_lifecycle import COMMANDS, FILE, IMPORT_TABLES, TODAY, forget_all
from tests.support import calls
from tests.support.imports import KEY, Office


@pytest.fixture(autouse=True)
def a_step_waits_for_the_process_that_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(worker_imports, "WAIT_SECONDS", 60.0)


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, "Shopify"), now=TODAY)


def _run_until_idle(store: Store) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


def test_an_import_whose_time_is_over_leaves_nothing(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001", "city": "Nyeri"}])
    office.bring(FILE)
    office.bring("phone,city\n0722000001,Nairobi\n", planned=True)
    office.queue(FILE.encode(), office.settings(FILE.encode()))
    assert all(office.table(table, "*") for table in IMPORT_TABLES if table != "import_change")
    book = office.book()
    forget_all(office)
    assert {table: office.table(table, "*") for table in IMPORT_TABLES} == {table: [] for table in IMPORT_TABLES}
    assert office.book() == book


def test_an_import_that_is_forgotten_while_it_runs_stops_no_other(office: Office) -> None:
    office.queue(FILE.encode(), office.settings(FILE.encode()))
    with ImportWork(office.store, office.project, may_continue=lambda: True, chunks_a_batch=1) as work:
        assert work.step()
        forget_all(office)
        while work.step():
            pass
    assert len(office.book()["contact"]) == 3


@pytest.mark.parametrize("wrong", [ReaderEnded(), UnreadableFile("It is a PDF."), OSError(28, "No space left")])
def test_an_import_that_is_forgotten_as_its_reading_breaks_off_stops_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    def forget_and_break() -> None:
        forget_all(office)
        raise wrong

    office.queue(FILE.encode(), office.settings(FILE.encode()))
    monkeypatch.setattr(worker_imports, "_spool", forget_and_break)
    office.work_for_real()
    assert office.table("import", "*") == []


def test_a_worker_that_is_stopping_forgets_no_more_of_an_import(office: Office) -> None:
    office.now = 1
    office.bring(FILE)
    office.tick()
    chunks = len(office.table("import_chunk", "chunk"))
    run_worker(lambda _: len(office.table("import_chunk", "chunk")) < chunks, store=office.store)
    assert 0 < len(office.table("import_chunk", "chunk")) < chunks
    _run_until_idle(office.store)
    assert office.table("import", "*") == []


def test_a_mistake_in_an_import_that_is_forgotten_meanwhile_stops_no_other(office: Office) -> None:
    office.queue(FILE.encode(), office.settings(FILE.encode()))
    with ImportWork(office.store, office.project, may_continue=lambda: True, chunks_a_batch=1) as work:
        assert work.step()
        forget_all(office)
        assert work.fail(UNEXPECTED)
        assert not work.step()


def test_a_project_holds_so_many_files_and_no_more_whatever_they_wait_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "IMPORTS_OPEN_MAX", 4)
    settings = office.settings(FILE.encode())
    done = office.bring(FILE)
    assert office.bring(FILE).stored.state == "done"
    office.work_for_real()
    streamed = office.store.write(office.project, KEY, office.tick(), begin_stream, group=None)
    office.command(lifecycle.pause_import, streamed.id)
    plan = office.bring(FILE, planned=True)
    office.queue(FILE.encode(), settings)
    paused = office.queue(FILE.encode(), settings)
    office.command(lifecycle.pause_import, paused)
    office.store.write(office.project, KEY, office.tick(), lifecycle.begin_import, settings=settings)
    for number, command in ((paused, "cancel"), (plan.id, "cancel")):
        with pytest.raises(WrongImportState, match="The files of 4 imports of this project wait already; apply or"):
            office.queue(FILE.encode(), settings)
        COMMANDS[command](office, number)
        office.queue(FILE.encode(), settings)
    # What no longer holds a file takes no file's place.
    assert office.undo(done.id).stored.state == "done"
