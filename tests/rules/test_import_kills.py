"""Killed at any moment, an import resumes where it was, and its result equals the uninterrupted one, row for row.

The workers are processes of their own, and the kills are kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from hypothesis import settings

from daftari.model.jobs import Job, JobKind
from daftari.rules.imports import lifecycle
from daftari.rules.imports.model import Import
from daftari.store import Store
from daftari.store.jobs import release_job
from tests.conftest import ROOT
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import broken_in
from tests.support.imports import Office
from tests.support.stores import NOW
from tests.support.waiting import wait_for

KILLS = 100 if settings().max_examples > 1_000 else 4
"""On each engine."""
CHUNK = 60
ROWS = 10 * CHUNK * (KILLS + 2)
"""A batch a kill, and two more."""
SECONDS_MAX = 120.0
KEPT = {
    "import_chunk": "chunk, phase, outcomes, ids, first_fact, last_fact",
    "import_reject": "number, reason, record, digits",
    "import_change": "contact_id, card",
    "near_miss": "source, attempts",
    "import_join": "chunk, group_id, contacts",
}
"""What an import keeps, but for when it was written."""
_TODAY = time.time_ns() // 1000 - 3_600 * 1_000_000
"""The worker forgets imports by the clock."""
_WORKER = """
import sys, threading
from daftari.worker import run_worker
from tests.support.stores import open_store
run_worker(threading.Event().wait, store=open_store(sys.argv[1], threads=4))
"""


def _file(random_: random.Random) -> bytes:
    """New people, people who are there, numbers said again, and what is no number."""
    lines = ["phone,first name,city,groups"]
    for number in range(ROWS):
        known = random_.random()
        mobile = f"0722{random_.randrange(number + 1) if known < 0.1 else number:06}"
        written = "nobody" if 0.1 < known < 0.13 else mobile
        city, group = random_.choice(["", "Nairobi", "Kisumu"]), random_.choice(["", "", "VIP", "Farmers;vip"])
        lines.append(f"{written},Person {number},{city},{group}")
    return "\n".join(lines).encode()


def _office(store: Store, database: str, name: str) -> Office:
    office = Office(store, database, calls.create_project(store, name), now=_TODAY)
    there = [{"mobile": f"0722{number:06}", "fname": "Before"} for number in range(0, ROWS, 7)]
    calls.create_contacts(store, office.project, there)
    opt_outs = "phone\n" + "".join(f"0722{number:06}\n" for number in range(0, ROWS, 50))
    office.bring(opt_outs, kind="opt_outs", chunk_records=1_000)
    return office


def _queue(office: Office, data: bytes) -> int:
    return office.queue(data, office.settings(data, chunk_records=CHUNK, group="New"))


def _result(office: Office, found: Import) -> dict[str, Any]:
    progress = found.progress
    return {
        **office.book(),
        **{table: office.table(table, columns) for table, columns in KEPT.items()},
        "state": (found.stored.state, progress.rows, progress.counts, progress.suppressed, progress.joined),
    }


@contextmanager
def _workers(database: str, *, count: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [_start(database) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _start(database: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen([sys.executable, "-c", _WORKER, database], env=os.environ | {"PYTHONPATH": path})


def _free_lease(office: Office) -> None:
    """What the time does: a worker that was killed holds nothing for long."""
    owners = rows_of(office.database, "SELECT lease_owner FROM job WHERE lease_owner IS NOT NULL")
    for (owner,) in owners:
        office.store.system_write(NOW, release_job, job=Job(office.project.id, JobKind.IMPORT, owner))


def _progress(office: Office, number: int) -> tuple[int, int]:
    progress = office.get(number).progress
    return progress.next_chunk, progress.undo_chunk


def _is_done(office: Office, number: int) -> bool:
    return office.get(number).stored.state == "done"


def _wait_for_a_batch(office: Office, number: int) -> None:
    before = _progress(office, number)
    wait_for(lambda: _is_done(office, number) or _progress(office, number) != before)


def _kill_again_and_again(office: Office, number: int, moments: random.Random, *, kills: int) -> int:
    """Start a worker and kill it, so many times, and let the last one end. Returns how often it was running then."""
    hits = 0
    for _ in range(kills):
        with _workers(office.database) as (worker,):
            if moments.random() < 0.8:
                _wait_for_a_batch(office, number)
            time.sleep(moments.uniform(0, 0.01))
            hits += not _is_done(office, number)
            worker.send_signal(signal.SIGKILL)
        _free_lease(office)
    with _workers(office.database):
        wait_for(lambda: _is_done(office, number))
        wait_for(lambda: not office.table("file_part", "part"))
    _free_lease(office)
    return hits


def test_an_import_and_its_undo_that_were_killed_are_as_if_nothing_had_happened(store: Store, database: str) -> None:
    data = _file(random.Random(7))
    whole, killed = _office(store, database, "Whole"), _office(store, database, "Killed")
    expected = _queue(whole, data)
    whole.work(batch=7)
    number = _queue(killed, data)
    assert _kill_again_and_again(killed, number, random.Random(8), kills=KILLS) >= KILLS // 2
    assert _result(killed, killed.get(number)) == _result(whole, whole.get(expected))
    assert broken_in(store, killed.project) == []
    whole.undo(expected)
    killed.command(lifecycle.undo_import, number, opt_outs=False, reason=None)
    assert _kill_again_and_again(killed, number, random.Random(9), kills=KILLS // 2) >= 1
    assert _result(killed, killed.get(number)) == _result(whole, whole.get(expected))
    assert killed.get(number).progress.undone == whole.get(expected).progress.undone
    assert broken_in(store, killed.project) == []


def test_the_process_that_reads_may_be_killed_too(store: Store, database: str) -> None:
    data = _file(random.Random(7))
    whole, killed = _office(store, database, "Whole"), _office(store, database, "Killed")
    expected = _queue(whole, data)
    whole.work(batch=7)
    number = _queue(killed, data)
    readers = 0
    with _workers(database) as (worker,):
        end = time.monotonic() + SECONDS_MAX
        while not _is_done(killed, number) and time.monotonic() < end:
            for reader in psutil.Process(worker.pid).children() if readers < 2 else ():
                reader.kill()
                readers += 1
            time.sleep(0.05)
        assert worker.poll() is None
    assert readers == 2
    assert _result(killed, killed.get(number)) == _result(whole, whole.get(expected))


def test_two_workers_never_do_one_import_twice_and_do_those_of_others_meanwhile(store: Store, database: str) -> None:
    data = _file(random.Random(7))
    offices = [_office(store, database, f"Project {number}") for number in range(3)]
    expected = _queue(offices[0], data)
    offices[0].work(batch=7)
    numbers = [_queue(office, data) for office in offices[1:]]
    again = _queue(offices[1], data)
    with _workers(database, count=2):
        wait_for(lambda: all(_is_done(office, number) for office, number in zip(offices[1:], numbers, strict=True)))
        wait_for(lambda: _is_done(offices[1], again))
    whole = offices[0].get(expected)
    for office, number in zip(offices[1:], numbers, strict=True):
        assert office.get(number).progress.counts == whole.progress.counts
        assert office.outcomes(number) == offices[0].outcomes(expected)
        assert office.book() == offices[0].book()
        assert broken_in(store, office.project) == []
    counts = offices[1].get(again).progress.counts
    assert set(counts) <= {"unchanged", "updated", "duplicate", "invalid"}
    assert sum(counts.values()) == ROWS
