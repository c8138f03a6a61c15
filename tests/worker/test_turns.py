"""A worker holds many jobs and takes a step of each in turn: none delays another, and one that fails ends no other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from daftari.errors import StoreBusy
from daftari.model.jobs import JobKind
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.store import Store, Tx
from daftari.store.jobs import request_job, take_job
from daftari.worker import loop, run_worker
from daftari.worker.held import FAILED_SECONDS
from daftari.worker.jobs import JOBS
from daftari.worker.purge import EraseWork, PurgeWork
from daftari.worker.work import JobType, MayContinue, Steps
from tests.conftest import People
from tests.support.builders import create, rows, rows_of
from tests.support.clients import Client
from tests.support.schema import execute
from tests.support.stores import NOW
from tests.support.waiting import wait_for

SEND = "probe"
"""A kind of job with subjects."""


class Sending(Steps):
    """Work whose steps a test decides."""

    def __init__(self, subject: str, take_step: Callable[[Sending], bool]) -> None:
        self.subject = subject
        self.may_continue: MayContinue
        self._take_step = take_step

    def step(self) -> bool:
        return self._take_step(self)


@pytest.fixture
def send(store: Store, people: People, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Requests jobs that send, one a subject, and says what their steps do."""

    def send(
        take_step: Callable[[Sending], bool], *, subjects: Sequence[str], held_max: int = 9, steps_max: int = 9
    ) -> None:
        def begin(
            store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: object
        ) -> Sending:
            work = Sending(subject, take_step)
            work.may_continue = may_continue
            return work

        def list_none(tx: Tx) -> Sequence[str]:
            return ()

        monkeypatch.setitem(JOBS, SEND, JobType(begin, list_none, held_max, steps_max, 5.0))
        for place, subject in enumerate(subjects):
            named = {"project_id": people.shopify.id, "kind": SEND, "subject": subject}
            store.system_write(NOW + place, request_job, **named)

    return send


def _run_until_idle(store: Store) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


def _delete_group(client: Client) -> None:
    create(client, *rows(3), group="Old")
    assert client.delete("/v1/groups/Old").status == 200


# ---- turns ----------------------------------------------------------------------------------------------


def test_the_job_that_waited_longest_has_the_next_turn(store: Store, send: Callable[..., None]) -> None:
    seen: list[str] = []

    def take_step(work: Sending) -> bool:
        seen.append(work.subject)
        return seen.count(work.subject) < 3

    send(take_step, subjects=["a", "b", "c"], steps_max=1)
    _run_until_idle(store)
    assert "".join(seen) == "abcabcabc"


def test_jobs_with_long_steps_delay_no_job_of_another_kind(
    ana: Client, store: Store, database: str, send: Callable[..., None]
) -> None:
    """They end when the group is purged, and never if they delay that."""

    def is_purged() -> bool:
        return rows_of(database, "SELECT * FROM contact_group") == []

    def take_step(work: Sending) -> bool:
        wait_for(is_purged)
        return False

    send(take_step, subjects=list("abcdefghijklmnop"), held_max=16)
    _delete_group(ana)
    _run_until_idle(store)
    assert is_purged()
    assert rows_of(database, "SELECT * FROM job") == []


def test_more_jobs_than_threads_delay_no_other(
    ana: Client, store: Store, database: str, send: Callable[..., None]
) -> None:
    jobs = "abcdefgh"
    clock, lock = count(1), threading.Lock()
    ended: dict[str, int] = {}
    running: set[str] = set()
    passed_over: list[int] = []

    def take_step(work: Sending) -> bool:
        with lock:
            running.add(work.subject)
            if len(ended) == len(jobs):
                waiting = ended.keys() - running
                passed_over.append(sum(ended[other] < ended[work.subject] for other in waiting))
        found = rows_of(database, "SELECT * FROM contact_group")
        with lock:
            running.remove(work.subject)
            ended[work.subject] = next(clock)
            return found != [] or len(passed_over) < 5 * len(jobs)

    send(take_step, subjects=list(jobs), steps_max=2)
    _delete_group(ana)
    _run_until_idle(store)
    # Of two steps that end together either may be seen first, and one job may have its turn and not have begun.
    assert len(passed_over) >= 5 * len(jobs) and max(passed_over) <= 2


def test_a_job_is_in_one_step_at_a_time_and_others_meanwhile(store: Store, send: Callable[..., None]) -> None:
    both = threading.Barrier(2, timeout=60)
    running: Counter[str] = Counter()

    def take_step(work: Sending) -> bool:
        running[work.subject] += 1
        assert running[work.subject] == 1
        both.wait()
        running[work.subject] -= 1
        return False

    send(take_step, subjects=["a", "b"])
    _run_until_idle(store)


def test_a_worker_holds_no_more_jobs_of_a_kind_than_allowed(
    store: Store, database: str, send: Callable[..., None]
) -> None:
    held: list[int] = []

    def take_step(work: Sending) -> bool:
        held.append(len(rows_of(database, "SELECT * FROM job WHERE lease_owner IS NOT NULL")))
        return False

    send(take_step, subjects=list("abcdefg"), held_max=2)
    _run_until_idle(store)
    assert len(held) == 7
    assert max(held) == 2


def test_a_job_waits_as_long_as_its_last_step_says(store: Store, database: str, send: Callable[..., None]) -> None:
    seen: list[str] = []

    def take_step(work: Sending) -> bool:
        seen.append(work.subject)
        work.pause_seconds = 0.0 if seen.count(work.subject) < 3 else 3_600.0
        return True

    send(take_step, subjects=["a", "b"])
    _run_until_idle(store)
    assert sorted(seen) == ["a", "a", "a", "b", "b", "b"]
    assert rows_of(database, "SELECT lease_owner FROM job") == [(None,), (None,)]


def test_work_knows_its_subject_and_another_subject_is_another_worker_s(
    store: Store, database: str, send: Callable[..., None]
) -> None:
    seen: list[str] = []

    def take_step(work: Sending) -> bool:
        seen.append(work.subject)
        return False

    send(take_step, subjects=["a", "b"])
    other = store.system_write(current_time(), take_job, owner="another", kinds=[SEND])
    assert other is not None and other.subject == "a"
    _run_until_idle(store)
    assert seen == ["b"]
    assert rows_of(database, "SELECT subject, lease_owner FROM job") == [("a", "another")]


def test_a_kind_that_a_worker_does_not_know_is_left_to_another(
    ana: Client, people: People, store: Store, database: str
) -> None:
    store.system_write(NOW, request_job, project_id=people.shopify.id, kind="of a later version")
    _delete_group(ana)
    _run_until_idle(store)
    assert rows_of(database, "SELECT kind FROM job") == [("of a later version",)]


# ---- failures -------------------------------------------------------------------------------------------


def test_a_job_that_fails_ends_no_other_and_is_tried_again_later(
    ana: Client, people: People, store: Store, database: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def fail(work: EraseWork) -> bool:
        raise ZeroDivisionError

    _delete_group(ana)
    store.system_write(NOW, request_job, project_id=people.shopify.id, kind=JobKind.ERASE)
    before = current_time()
    with monkeypatch.context() as patch:
        patch.setattr(EraseWork, "step", fail)
        _run_until_idle(store)
    assert "ZeroDivisionError" in caplog.text
    assert rows_of(database, "SELECT * FROM contact_group") == []
    ((kind, owner, attempts, due_at),) = rows_of(database, "SELECT kind, lease_owner, attempts, due_at FROM job")
    assert (kind, owner, attempts) == ("erase", None, 1)
    assert due_at >= before + FAILED_SECONDS * 1_000_000
    execute(database, "UPDATE job SET due_at = 0")
    _run_until_idle(store)
    assert rows_of(database, "SELECT * FROM job") == []


def test_a_busy_project_delays_no_other(
    ana: Client, chao: Client, people: People, store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_one(work: PurgeWork) -> bool:
        if work._project.id == people.shopify.id:
            raise StoreBusy
        return step(work)

    step = PurgeWork.step
    for client in (ana, chao):
        _delete_group(client)
    monkeypatch.setattr(PurgeWork, "step", refuse_one)
    run_worker(lambda _: len(rows_of(database, "SELECT * FROM job WHERE kind = 'purge'")) == 1, store=store)
    assert rows_of(database, "SELECT project_id FROM contact_group") == [(people.shopify.id,)]
    left = rows_of(database, "SELECT project_id, lease_owner FROM job WHERE kind = 'purge'")
    assert left == [(people.shopify.id, None)]


def test_on_a_request_to_stop_every_job_is_given_back(store: Store, database: str, send: Callable[..., None]) -> None:
    began = threading.Barrier(3, timeout=60)
    has_begun = threading.Event()

    def take_step(work: Sending) -> bool:
        began.wait()
        has_begun.set()
        wait_for(lambda: not work.may_continue())
        return True

    send(take_step, subjects=["a", "b", "c"])
    run_worker(has_begun.wait, store=store)
    assert rows_of(database, "SELECT subject, lease_owner, attempts FROM job ORDER BY subject") == [
        (subject, None, 0) for subject in "abc"
    ]


def test_a_long_step_of_a_job_that_another_worker_took_is_told(
    store: Store, database: str, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "RENEWAL_SECONDS", 0.0)
    monkeypatch.setattr(loop, "IDLE_SECONDS", 0.01)

    def take_step(work: Sending) -> bool:
        execute(database, "UPDATE job SET lease_owner = 'another'")
        wait_for(lambda: not work.may_continue())
        return True

    send(take_step, subjects=["a"])
    _run_until_idle(store)
    assert rows_of(database, "SELECT lease_owner FROM job") == [("another",)]
