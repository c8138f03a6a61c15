"""The life of an import: commands in every state, forgotten in time, ended by mistakes, polite to writers."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import StoreBusy, ValidationFailed, WrongImportState
from daftari.model.consent import NewFact, Scope
from daftari.model.jobs import Job, JobKind
from daftari.model.limits import FIRST_ID_MAX
from daftari.model.projects import Project
from daftari.model.time import format_time
from daftari.rules.access.projects import delete_project
from daftari.rules.consent import ledger
from daftari.rules.contacts.contacts import remove_contact
from daftari.rules.erasure import erase
from daftari.rules.imports import lifecycle
from daftari.rules.imports.apply import take_chunks
from daftari.rules.imports.lifecycle import IMPORT_DAYS
from daftari.rules.imports.model import Import
from daftari.store import Store, WriteTx, contacts
from daftari.store.contacts import NewCard
from daftari.store.jobs import take_job
from daftari.worker import imports as worker_imports
from daftari.worker import run_worker
from daftari.worker.held import UNEXPECTED
from daftari.worker.imports import CHUNKS_A_BATCH, NO_ROOM, ImportWork
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, broken_in
from tests.support.imports import KEY, Office, shown
from tests.support.schema import end_leases
from tests.support.stores import NOW, open_store
from tests.support.waiting import wait_for

FILE = "phone,groups\n" + "".join(f"07220000{number:02},VIP\n" for number in range(40)) + "nobody,\n"
IMPORT_TABLES = ("import", "import_chunk", "import_join", "import_change", "import_reject", "file_part")
TODAY = time.time_ns() // 1000 - 3_600 * 1_000_000
"""An hour ago: a worker that runs by the clock does what was asked for then, and nothing has expired by now."""
"""After every clock, so that the worker forgets nothing."""
_names = (f"Project {number}" for number in itertools.count())


@pytest.fixture(autouse=True)
def a_step_waits_for_the_process_that_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(worker_imports, "WAIT_SECONDS", 60.0)


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, next(_names)), now=TODAY)


def _run_until_idle(store: Store) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


# ---- commands ---------------------------------------------------------------------------------------

COMMANDS: dict[str, Callable[[Office, int], Import]] = {
    "apply": lambda office, number: office.command(lifecycle.apply_import, number),
    "pause": lambda office, number: office.command(lifecycle.pause_import, number),
    "resume": lambda office, number: office.command(lifecycle.resume_import, number),
    "cancel": lambda office, number: office.command(lifecycle.cancel_import, number),
    "undo": lambda office, number: office.command(lifecycle.undo_import, number, opt_outs=False, reason=None),
}
NO = None
WAY = {
    # phase, state: what apply, pause, resume, cancel and undo lead to
    ("plan", "receiving"): (NO, NO, NO, NO, NO),
    ("plan", "queued"): (NO, "plan paused", "plan queued", "plan cancelled", NO),
    ("plan", "running"): (NO, "plan paused", "plan running", "plan cancelled", NO),
    ("plan", "paused"): (NO, "plan paused", "plan queued", "plan cancelled", NO),
    ("plan", "done"): ("apply queued", NO, NO, "plan cancelled", NO),
    ("plan", "failed"): (NO, NO, NO, NO, NO),
    ("plan", "cancelled"): (NO, NO, NO, "plan cancelled", NO),
    ("apply", "receiving"): (NO, NO, NO, NO, NO),
    ("apply", "queued"): (NO, "apply paused", "apply queued", "apply cancelled", NO),
    ("apply", "running"): (NO, "apply paused", "apply running", "apply cancelled", NO),
    ("apply", "paused"): (NO, "apply paused", "apply queued", "apply cancelled", NO),
    ("apply", "done"): (NO, NO, NO, NO, "undo queued"),
    ("apply", "failed"): (NO, NO, NO, NO, "undo queued"),
    ("apply", "cancelled"): (NO, NO, NO, "apply cancelled", "undo queued"),
    ("undo", "queued"): (NO, "undo paused", "undo queued", "undo cancelled", NO),
    ("undo", "running"): (NO, "undo paused", "undo running", "undo cancelled", NO),
    ("undo", "paused"): (NO, "undo paused", "undo queued", "undo cancelled", NO),
    ("undo", "done"): (NO, NO, NO, NO, NO),
    ("undo", "failed"): (NO, NO, NO, NO, "undo queued"),
    ("undo", "cancelled"): (NO, NO, NO, "undo cancelled", "undo queued"),
}


def test_every_command_leads_from_every_state_to_the_right_one_or_is_refused(office: Office) -> None:
    settings = office.settings(FILE.encode())
    for (phase, state), expected in WAY.items():
        reported = {}
        for name, command in COMMANDS.items():
            number = office.queue(FILE.encode(), settings)
            found = office.get(number)
            office.store.write(
                office.project, KEY, NOW, lambda tx, given: lifecycle.imports.save_import(tx, given=given),
                lifecycle.replace(found.stored, phase=phase, state=state),
            )  # fmt: skip
            reported[name] = _command(office, number, command)
            forget_all(office)
        assert tuple(reported.values()) == expected, (phase, state)


def _command(office: Office, number: int, command: Callable[[Office, int], Import]) -> str | None:
    try:
        after = command(office, number).stored
    except WrongImportState:
        return NO
    assert office.get(number).stored == after
    return f"{after.phase} {after.state}"


def forget_all(office: Office) -> None:
    late = office.now + 2 * IMPORT_DAYS * lifecycle.DAY_MICROSECONDS
    while office.store.read(office.project, late, lifecycle.has_expired_import):
        office.store.write(office.project, KEY, late, lifecycle.expire_import)


def test_what_is_paused_in_the_middle_resumes_where_it_was(office: Office) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode()))
    with ImportWork(office.store, office.project, may_continue=lambda: True, chunks_a_batch=2) as work:
        assert work.step()
        office.command(lifecycle.pause_import, number)
        while work.step():
            pass
        assert office.get(number).progress.rows == 6
        assert office.get(number).stored.state == "paused"
        office.command(lifecycle.resume_import, number)
        while work.step():
            pass
    assert shown(office.get(number)) == {"created": 40, "invalid": 1, "joined": 40}


def test_a_cancelled_import_writes_nothing_more_and_its_file_goes(office: Office) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode()))
    with ImportWork(office.store, office.project, may_continue=lambda: True, chunks_a_batch=2) as work:
        assert work.step()
        office.command(lifecycle.cancel_import, number)
        while work.step():
            pass
    assert len(office.book()["contact"]) == 6
    assert office.table("file_part", "part") == []
    assert office.get(number).stored.state == "cancelled"


def test_imports_of_a_project_are_done_one_after_the_other(office: Office) -> None:
    first = office.queue(FILE.encode(), office.settings(FILE.encode()))
    second = office.queue(FILE.encode(), office.settings(FILE.encode()))
    _run_until_idle(office.store)
    assert shown(office.get(first))["created"] == 40
    assert shown(office.get(second)) == {"unchanged": 40, "invalid": 1}
    assert rows_of(office.database, "SELECT * FROM job") == []


# ---- forgotten --------------------------------------------------------------------------------------


def test_a_deleted_projects_imports_go_with_it_while_one_runs(office: Office) -> None:
    office.bring(FILE)
    office.queue(FILE.encode(), office.settings(FILE.encode()))
    asked = itertools.count()

    def ask(pause_seconds: float) -> bool:
        if next(asked) == 2:
            office.store.system_write(office.now, delete_project, name=office.project.name)
        return pause_seconds > 0

    run_worker(ask, store=office.store)
    assert {table: rows_of(office.database, f"SELECT * FROM {table}") for table in (*IMPORT_TABLES, "job", "book")} == {
        table: [] for table in (*IMPORT_TABLES, "job", "book")
    }


def _erase(office: Office, number: int) -> None:
    project, now = office.project, office.tick()
    office.store.write(project, ACTOR, now, erase.erase_number, mobile=number)


def test_a_rejected_record_of_a_country_of_short_numbers_is_erased_too(office: Office) -> None:
    office.project = replace(office.project, region="BW")
    found = office.bring(f"phone,first name\n71234567,{'x' * 300}\n")
    assert office.outcomes(found.id) == ["invalid"]
    _erase(office, 26771234567)
    assert office.table("import_reject", "record, digits") == [("null", "")]


def test_a_rejected_record_is_erased_whatever_stands_between_the_digits(office: Office) -> None:
    found = office.bring('phone\n"0722\x0b000\x0b001"\n')
    assert office.outcomes(found.id) == ["invalid"]
    _erase(office, 254722000001)
    assert office.table("import_reject", "record, digits") == [("null", "")]


@pytest.mark.parametrize("since", ["deleted", "renumbered"])
def test_cards_of_someone_who_is_no_longer_a_contact_are_erased_too(office: Office, since: str) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001", "fname": "Wanjiru"}])
    office.bring("phone,first name\n0722000001,Achieng\n")
    assert len(office.table("import_change", "card")) == 1
    with_number = office.store.read(office.project, NOW, contacts.get_contact_by_mobile, mobile=254722000001)
    assert with_number is not None
    if since == "deleted":
        office.store.write(office.project, ACTOR, NOW, remove_contact, found=with_number)
    else:
        card = NewCard(with_number.id, 254722000009, with_number.card.replace("254722000001", "254722000009"))
        office.store.write(office.project, ACTOR, office.tick(), contacts.update_contacts, cards=[card])
    _erase(office, 254722000001)
    assert office.table("import_change", "card") == []


# ---- mistakes, leases and busy databases ------------------------------------------------------------


def test_a_mistake_ends_the_import_and_not_the_worker(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_off(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    broken = office.queue(FILE.encode(), office.settings(FILE.encode()))
    with monkeypatch.context() as patch:
        patch.setattr(worker_imports, "take_chunks", break_off)
        _run_until_idle(office.store)
    after = office.queue(FILE.encode(), office.settings(FILE.encode()))
    _run_until_idle(office.store)
    found = office.get(broken)
    assert (found.stored.state, found.progress.error) == ("failed", UNEXPECTED)
    assert "ZeroDivisionError" in caplog.text
    assert shown(office.get(after)) == {"created": 40, "invalid": 1, "joined": 40}


def test_a_worker_whose_lease_is_lost_writes_nothing_more(office: Office) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode(), chunk_records=1))
    taken: list[Job | None] = []

    def ask(pause_seconds: float) -> bool:
        rows = office.get(number).progress.rows
        if rows and not taken:
            end_leases(office.database)
            taken.append(office.store.system_write(10 * TODAY, take_job, owner="another"))
            taken.append(None)
        return pause_seconds > 0

    run_worker(ask, store=office.store)
    assert taken[0] == Job(office.project.id, JobKind.IMPORT, "another", attempts=2)
    # One more batch may have been in progress.
    assert office.get(number).progress.rows in (CHUNKS_A_BATCH, 2 * CHUNKS_A_BATCH)
    assert rows_of(office.database, "SELECT lease_owner FROM job") == [("another",)]


def test_a_batch_that_another_worker_took_is_not_taken_again(office: Office) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode()))
    work = office.get(number)
    chunks = list(office.chunks(work))
    assert office.take(work, chunks[:2])
    before, progress = office.book(), office.get(number).progress
    assert not office.take(work, chunks[:2])
    assert not office.take(work, chunks[3:4])
    assert (office.book(), office.get(number).progress) == (before, progress)
    assert office.take(work, chunks[2:3])


def test_what_is_asked_for_meanwhile_does_not_send_the_worker_back_to_the_beginning(office: Office) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode(), chunk_records=1))
    others: list[int] = []
    owners = set()

    def ask(pause_seconds: float) -> bool:
        owners.update(rows_of(office.database, "SELECT lease_owner FROM job"))
        if office.get(number).progress.rows > 0 and not others:
            others.append(office.queue(FILE.encode(), office.settings(FILE.encode())))
        return pause_seconds > 0

    run_worker(ask, store=office.store)
    assert len(owners - {(None,)}) == 1
    assert [office.get(one).stored.state for one in (number, *others)] == ["done", "done"]


def test_a_busy_database_loses_no_row_and_takes_none_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode()))
    busy = itertools.cycle([False, True])
    write = office.store.write

    def refuse_every_other(*given: Any, **values: Any) -> Any:
        if next(busy):
            raise StoreBusy
        return write(*given, **values)

    with monkeypatch.context() as patch:
        patch.setattr(office.store, "write", refuse_every_other)
        with ImportWork(office.store, office.project, may_continue=lambda: True, chunks_a_batch=2) as work:
            refused = 0
            while True:
                try:
                    if not work.step():
                        break
                except StoreBusy:
                    refused += 1
    assert refused > 5
    assert shown(office.get(number)) == {"created": 40, "invalid": 1, "joined": 40}


def test_batches_are_small_as_soon_as_a_writer_waits(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.queue(FILE.encode(), office.settings(FILE.encode(), chunk_records=1))
    other = open_store(office.database, threads=4)
    write = office.store.write
    waiters: list[threading.Thread] = []

    def awaited(tx: WriteTx, rule: Any, **values: Any) -> Any:
        assert office.is_postgres or not tx.is_awaited()
        waiters.append(threading.Thread(target=lambda: other.write(office.project, KEY, NOW, lambda tx: None)))
        waiters[-1].start()
        _until_a_writer_waits(office, tx)
        return rule(tx, **values)

    def write_awaited(project: Project, actor: Any, now: int, rule: Any, **values: Any) -> Any:
        if waiters or rule is not take_chunks:
            return write(project, actor, now, rule, **values)
        return write(project, actor, now, awaited, rule, **values)

    rows = []
    with ImportWork(office.store, office.project, may_continue=lambda: True) as work:
        assert work.step()
        rows.append(office.get(number).progress.rows)
        monkeypatch.setattr(office.store, "write", write_awaited)
        for _ in range(2):
            assert work.step()
            rows.append(office.get(number).progress.rows)
    waiters[0].join()
    other.close()
    assert rows == [CHUNKS_A_BATCH, 2 * CHUNKS_A_BATCH, 2 * CHUNKS_A_BATCH + 1]


def _until_a_writer_waits(office: Office, tx: WriteTx) -> None:
    """PostgreSQL shows one transaction the same activity again and again, and so another one is asked."""
    asked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_for(lambda: rows_of(office.database, asked) if office.is_postgres else tx.is_awaited())


def test_a_step_does_not_wait_long_for_the_process_that_reads(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_imports, "WAIT_SECONDS", 0.0)
    data = FILE.encode()
    number = office.queue(data, office.real_settings(data))
    with ImportWork(office.store, office.project, may_continue=lambda: True) as work:
        assert work.step()
        assert office.get(number).progress.rows == 0
        while work.step():
            pass
    assert office.get(number).stored.state == "done"


def test_a_full_disk_is_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill() -> None:
        raise OSError(28, "No space left on device")

    data = FILE.encode()
    number = office.queue(data, office.real_settings(data))
    monkeypatch.setattr(worker_imports, "_spool", fill)
    office.work_for_real()
    assert office.get(number).stored.state == "failed"
    assert office.get(number).progress.error == NO_ROOM


# ---- ids that are kept ------------------------------------------------------------------------------


def test_ids_and_times_of_creation_are_the_files_and_the_next_ids_come_after(office: Office) -> None:
    text = "id,mobile,created at\n900,0722000001,2020-01-02T03:04:05Z\n7,0722000002,\n900,0722000003,\n"
    text += "12,0722000001,\n,0722000004,\nx,0722000005,\n13,0722000003,\n"
    found = office.bring(text, keep_ids=True, chunk_records=1)
    assert [row["id"] for row in office.rows(found.id)] == [900, 7, None, 900, 901, None, 13]
    assert office.outcomes(found.id) == ["created", "created", "invalid", "duplicate", "created", "invalid", "created"]
    cards = {row[0]: row[2] for row in office.book()["contact"]}
    assert '"created_at":"2020-01-02T03:04:05.000000Z"' in cards[900]
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000009"}])
    assert max(row[0] for row in office.book()["contact"]) == 902
    assert broken_in(office.store, office.project) == []


def test_ids_are_kept_in_an_empty_book_only(office: Office) -> None:
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000009"}])
    with pytest.raises(ValidationFailed, match="no contacts yet"):
        office.bring("id,mobile\n7,0722000001\n", keep_ids=True)


@pytest.mark.parametrize("size", [1, 9])
def test_an_id_that_was_taken_meanwhile_is_named_and_its_number_left_alone(office: Office, size: int) -> None:
    text = b"id,mobile\n1,0722000001\n2,0722000002\n,0722000001\n"
    number = office.queue(text, office.settings(text, keep_ids=True, chunk_records=size))
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000009"}])
    office.work(batch=1)
    assert office.outcomes(number)[:2] == ["invalid", "created"]
    assert [row[:2] for row in office.book()["contact"]] == [(1, 254722000009), (2, 254722000002)]
    assert broken_in(office.store, office.project) == []


@pytest.mark.parametrize("planned", [False, True])
def test_who_brings_no_id_gets_none_that_another_record_of_the_batch_brings(office: Office, planned: bool) -> None:
    text = "id,mobile\n,0722000001\n1,0722000002\n2,0722000003\n"
    found = office.bring(text, keep_ids=True, planned=planned)
    if planned:
        found = office.apply(found.id)
    assert office.outcomes(found.id) == ["created"] * 3
    assert [row[:2] for row in office.book()["contact"]] == [(1, 254722000002), (2, 254722000003), (3, 254722000001)]


def test_an_id_leaves_ids_for_those_that_come_after(office: Office) -> None:
    text = f"id,mobile\n{FIRST_ID_MAX + 1},0722000001\n{FIRST_ID_MAX},0722000002\n"
    assert office.outcomes(office.bring(text, keep_ids=True).id) == ["invalid", "created"]
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000009"}])
    assert broken_in(office.store, office.project) == []


# ---- lists ------------------------------------------------------------------------------------------


def _stop(office: Office, mobile: int) -> None:
    fact = NewFact(0, mobile, "opt_out", Scope(), office.tick(), "inbound")
    office.store.write(office.project, ACTOR, office.now, ledger.record_facts, facts=[fact])


def test_a_list_of_opt_outs_says_scope_and_time_of_each(office: Office) -> None:
    text = "phone,channel,sender,purpose,unsubscribed at,reason\n"
    text += "0722000001,sms,DUKA,marketing,2024-05-06T07:08:09Z,asked\n0722000001,sms,duka,promotional,,\n"
    text += "+254722000001,sms,duka,marketing,2024-05-06 10:08:09+03:00,again\n0722000002,fax,,,,\n0722000003,,,,,\n"
    found = office.bring(text, kind="opt_outs", chunk_records=1)
    assert shown(found) == {"recorded": 4, "duplicate": 1, "facts": 4}
    assert "The channel of an opt-out cannot be read" in office.rows(found.id)[3]["warning"]
    first = min(office.table("fact", "subject_id, id, channel, sender, purpose, at, source, evidence"))
    assert first[2:7] == ("sms", "DUKA", "marketing", 1_714_979_289_000_000, "import")
    assert '"asked"' in first[7]


def test_opt_ins_in_bulk_lift_no_stop_of_a_person_but_with_evidence(office: Office) -> None:
    _stop(office, 254722000001)
    text = "phone\n0722000001\n0722000002\n"
    found = office.bring(text, kind="opt_ins")
    assert office.outcomes(found.id) == ["refused", "recorded"]
    assert office.table("near_miss", "source, import_id, attempts") == [("opt_in", found.id, 1)]
    other = office.bring(text, kind="opt_ins", common={"override": True, "evidence": "a signed form"})
    assert office.outcomes(other.id) == ["recorded", "recorded"]
    assert {row[0]: row[1] for row in office.book()["consent"]} == {254722000001: 0, 254722000002: 0}


def test_one_who_may_not_join_is_counted_under_the_imports_id(office: Office) -> None:
    _stop(office, 254722000001)
    found = office.bring("phone\n0722000001\n0722000002\n+254722000001\n", group="VIP", chunk_records=1)
    assert shown(found) == {"created": 2, "duplicate": 1, "suppressed": 2, "joined": 1}
    assert office.table("near_miss", "source, import_id, attempts") == [("import", found.id, 2)]


def test_a_column_called_consent_of_another_systems_export_refuses_no_one(office: Office) -> None:
    found = office.bring("phone,consent\n0722000001,yes\n0722000002,\n")
    assert shown(found) == {"created": 2}


def test_a_row_of_an_export_without_a_contact_and_without_facts_is_counted(office: Office) -> None:
    found = office.bring("id,mobile,consent\n,0722000001,[]\n,0722000001,[]\n,nobody,[]\n", chunk_records=1)
    assert shown(found) == {"unchanged": 1, "duplicate": 1, "invalid": 1}
    assert office.book()["contact"] == []


def test_a_fact_of_the_future_counts_from_when_the_file_came(office: Office) -> None:
    fact = {"kind": "opt_in", "at": "2998-01-01T00:00:00Z", "source": "inbound"}
    found = office.bring(json.dumps({"mobile": "0722000001", "consent": [fact]}), name="a.ndjson")
    (kept,) = office.table("fact", "at, given_at")
    assert kept == (found.settings.created_at, 32_440_608_000_000_000)
    _say_stop(office)
    assert office.table("consent", "subject_id, suppressed") == [(254722000001, 1)]


def _say_stop(office: Office) -> None:
    stop = NewFact(0, 254722000001, "opt_out", Scope(), office.tick(), "inbound")
    office.store.write(office.project, ACTOR, office.now, ledger.record_facts, facts=[stop])


def test_no_opt_out_is_refused_for_want_of_a_zone(office: Office) -> None:
    data = "phone,unsubscribed at\n0722000001,2023-11-02 10:11:12\n0722000002,2023-11-02\n0722000003,02.11.\n"
    found = office.bring(data, kind="opt_outs")
    assert office.outcomes(found.id) == ["recorded", "recorded", "recorded"]
    # The last moment that it may be anywhere; of an opt-in the first.
    assert _times(office) == ["2023-11-02T22:11:12", "2023-11-03T11:59:59", format_time(found.settings.created_at)[:19]]
    office.project = calls.create_project(office.store, "opted in")
    assert shown(office.bring(data, kind="opt_ins")) == {"recorded": 2, "invalid": 1, "facts": 2}
    assert _times(office) == ["2023-11-01T20:11:12", "2023-11-01T10:00:00"]


def _times(office: Office) -> list[str]:
    return [format_time(at)[:19] for _, at in office.table("fact", "subject_id, at")]


# ---- attributes and groups --------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "batch"), [(1, 1), (9, 1)])
def test_a_record_too_many_attributes_is_refused_and_its_neighbours_are_not(
    office: Office, size: int, batch: int
) -> None:
    def line(mobile: str, first: int, count: int) -> str:
        attributes = ",".join(f'"a{number}": 1' for number in range(first, first + count))
        return f'{{"mobile": "{mobile}", "attributes": {{{attributes}}}}}\n'

    text = line("0722000001", 0, 30) + line("0722000001", 30, 30) + line("0722000001", 30, 20)
    text += line("0722000002", 0, 51) + line("0722000002", 0, 1)
    found = office.bring(text, name="people.ndjson", chunk_records=size, batch=batch)
    assert office.outcomes(found.id) == ["created", "invalid", "duplicate", "invalid", "created"]
    assert broken_in(office.store, office.project) == []


def test_a_file_names_no_more_groups_than_a_file_may(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.rules.imports.parse.GROUPS_PER_FILE_MAX", 2)
    found = office.bring("phone,groups\n0722000001,A\n0722000002,a;B\n0722000003,C\n0722000004,b\n")
    assert office.outcomes(found.id) == ["created j", "created j", "invalid", "created j"]
    assert "2 different ones" in office.rejects(found.id)[0][1]


def test_groups_that_differ_only_in_case_and_spaces_are_one(office: Office) -> None:
    found = office.bring("phone,groups\n0722000001,VIP; vip\n0722000002,Vip ;VIP\n", group="vip", chunk_records=1)
    assert shown(found) == {"created": 2, "joined": 2}
    assert office.members() == {"vip": ["254722000001", "254722000002"]}


def test_an_erasure_leaves_no_file_waiting(office: Office) -> None:
    data = b"phone,first name\n0722000001,Amina\n0722000002,Otieno\n"
    plan = office.bring(data, planned=True).id
    paused = office.queue(data, office.settings(data))
    office.command(lifecycle.pause_import, paused)
    queued = office.queue(data, office.settings(data))
    erased = office.store.write(office.project, ACTOR, office.tick(), erase.erase_number, mobile=254722000001)
    assert erased.removed.import_files == 2
    assert [office.get(number).stored.state for number in (plan, paused, queued)] == [
        "cancelled",
        "cancelled",
        "queued",
    ]
    assert "erased" in (office.get(plan).progress.error or "")
    office.work_for_real()
    assert office.outcomes(queued) == ["invalid", "created"]
    assert office.table("file_part", "file_id") == []


# ---- what is known of numbers, whatever the batch ----------------------------------------------------


def test_an_opt_out_is_recorded_for_every_number_of_its_record(office: Office) -> None:
    text = "Name,Phone 1 - Value,Phone 2 - Value\nA,0722000001,0722000002\nB,,0722000002\nC,no,0722000003\nD,,\n"
    found = office.bring(text, kind="opt_outs")
    assert [mobile for (mobile,) in office.table("fact", "subject_id")] == [254722000001, 254722000002, 254722000003]
    assert office.outcomes(found.id) == ["recorded", "duplicate", "recorded", "invalid"]
    assert [number for number, _ in office.rejects(found.id)] == [4]


OTHERS = "".join(f'{{"mobile":"0722000{number}"}}\n' for number in range(100, 106))
CONTACT = '{"id":1,"mobile":"0722000001","groups":["G"]}\n'
STOP = '{"mobile":"0722000001","consent":[{"kind":"opt_out","at":"2023-01-01T00:00:00Z","source":"inbound"}]}\n'


@pytest.mark.parametrize("planned", [False, True])
def test_what_is_known_of_a_number_counts_from_its_place_in_the_file_on(office: Office, planned: bool) -> None:
    reported = []
    for batch in (1, 10):
        office.project = calls.create_project(office.store, f"batch {batch} {planned}")
        done = office.bring(CONTACT + OTHERS + STOP, name="a.ndjson", batch=batch, planned=planned)
        done = office.apply(done.id, batch=batch) if planned else done
        reported.append((shown(done), office.outcomes(done.id), office.members()))
    assert reported[0] == reported[1]
    assert reported[0][1][0] == "created j" and reported[0][2] == {"G": []}


def test_what_is_known_of_a_number_alone_comes_after_its_contact(office: Office) -> None:
    planned = office.bring(STOP + OTHERS + CONTACT, name="a.ndjson", planned=True)
    assert office.outcomes(planned.id)[-1] == "invalid"
    foreseen = office.outcomes(planned.id)
    assert office.outcomes(office.apply(planned.id).id) == foreseen
