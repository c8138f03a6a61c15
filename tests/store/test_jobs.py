"""Jobs: one a project, kind and subject, taken when it is due, held by one worker at a time while its lease lasts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from daftari.model.jobs import LEASE_SECONDS, Job, JobKind
from daftari.store import Store, SystemTx
from daftari.store.engine import LeaseClock
from daftari.store.jobs import (
    finish_job,
    is_job_due,
    is_this_job_due,
    release_job,
    renew_job,
    request_job,
    take_job,
    take_this_job,
)
from daftari.store.postgres import PostgresTransaction
from daftari.store.sqlite import SqliteTransaction
from tests.support.builders import rows_of
from tests.support.calls import NOW

LEASE = LEASE_SECONDS * 1_000_000
"""In microseconds, as all times are."""


@pytest.fixture(autouse=True)
def _the_database_has_the_time_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for transaction in (SqliteTransaction, PostgresTransaction):
        monkeypatch.setattr(transaction, "lease_clock", lambda tx: LeaseClock("a start", tx.now))


def _request(
    store: Store, project_id: int = 1, *, subject: str = "", due_at: int | None = None, now: int = NOW
) -> None:
    store.system_write(now, request_job, project_id=project_id, kind=JobKind.PURGE, subject=subject, due_at=due_at)


def _take(store: Store, owner: str, *, now: int = NOW) -> Job | None:
    return store.system_write(now, take_job, owner=owner)


def _taken(store: Store, owner: str, *, now: int = NOW) -> Job:
    job = _take(store, owner, now=now)
    assert job is not None
    return job


def test_without_a_job_there_is_none_to_take(store: Store) -> None:
    assert _take(store, "ana") is None


def test_a_job_that_was_asked_for_twice_is_one(store: Store, database: str) -> None:
    _request(store)
    _request(store)
    assert rows_of(database, "SELECT * FROM job") == [(1, "purge", "", NOW, 0, None, 0, None, None, None)]


def test_a_job_is_taken_by_one_worker(store: Store, database: str) -> None:
    _request(store)
    assert _take(store, "ana") == Job(project_id=1, kind=JobKind.PURGE, owner="ana")
    assert _take(store, "ben") is None
    assert rows_of(database, "SELECT lease_owner, lease_until FROM job") == [("ana", NOW + LEASE)]


def test_of_many_workers_that_ask_at_once_one_gets_the_job(store: Store) -> None:
    _request(store)

    def ask(number: int) -> Job | None:
        return _take(store, f"worker {number}")

    # As many threads as the store was opened for may wait for it; more would be sent away.
    with ThreadPoolExecutor(2) as threads:
        taken = [job for job in threads.map(ask, range(20)) if job]
    assert len(taken) == 1


def test_workers_take_different_jobs(store: Store) -> None:
    for project_id in (3, 1, 2):
        _request(store, project_id)
    assert [_taken(store, owner).project_id for owner in ("ana", "ben", "chao")] == [1, 2, 3]
    assert _take(store, "dana") is None


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    _request(store)
    job = _taken(store, "ana")
    later = NOW + LEASE - 1
    assert store.system_write(later, renew_job, job=job)
    assert _take(store, "ben", now=NOW + LEASE + 1) is None
    assert _take(store, "ben", now=later + LEASE) is None
    assert _take(store, "ben", now=later + LEASE + 1) is not None


@pytest.mark.parametrize("where", ["another start", ""])
def test_a_lease_of_another_start_of_the_machine_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    _request(store)
    _taken(store, "ana")
    for transaction in (SqliteTransaction, PostgresTransaction):
        monkeypatch.setattr(transaction, "lease_clock", lambda tx: LeaseClock(where, tx.now))
    assert _take(store, "ben") is not None


def test_a_lease_whose_clock_was_ahead_is_over(store: Store) -> None:
    """A database's clock was set back, or a copy brought the lease of another one."""
    _request(store)
    _taken(store, "ana", now=NOW + LEASE)
    assert _take(store, "ben", now=NOW) is None
    assert _take(store, "ben", now=NOW - 1) is not None


def test_a_worker_that_was_silent_for_too_long_loses_its_job_to_another_one(store: Store, database: str) -> None:
    _request(store)
    silent = _taken(store, "ana")
    other = _taken(store, "ben", now=NOW + LEASE + 1)
    assert other.owner == "ben"
    assert not store.system_write(NOW + LEASE + 2, renew_job, job=silent)
    assert not store.system_write(NOW, finish_job, job=silent)
    store.system_write(NOW, release_job, job=silent)
    assert rows_of(database, "SELECT lease_owner FROM job") == [("ben",)]
    assert store.system_write(NOW, finish_job, job=other)


def test_a_worker_that_was_silent_keeps_a_job_that_no_other_took(store: Store) -> None:
    _request(store)
    job = _taken(store, "ana")
    assert store.system_write(NOW + 5 * LEASE, renew_job, job=job)
    assert _take(store, "ben", now=NOW + 5 * LEASE + 1) is None


def test_a_released_job_is_free_at_once(store: Store) -> None:
    _request(store)
    store.system_write(NOW, release_job, job=_taken(store, "ana"))
    assert _taken(store, "ben").owner == "ben"


def test_a_finished_job_is_gone(store: Store, database: str) -> None:
    _request(store)
    assert store.system_write(NOW, finish_job, job=_taken(store, "ana"))
    assert rows_of(database, "SELECT * FROM job") == []


def test_a_job_that_is_asked_for_while_it_runs_is_done_once_more(store: Store) -> None:
    """Who runs it may have been past the place already where there is something new to do."""
    _request(store)
    running = _taken(store, "ana")
    _request(store)
    assert _take(store, "ben") is None
    assert store.system_write(NOW + 1, renew_job, job=running)
    assert not store.system_write(NOW, finish_job, job=running)
    store.system_write(NOW, release_job, job=running)
    again = _taken(store, "ana", now=NOW + 2)
    assert store.system_write(NOW, finish_job, job=again)
    assert _take(store, "ana", now=NOW + 3) is None


# ---- when it is due ---------------------------------------------------------------------------------


def test_a_job_is_not_taken_before_it_is_due(store: Store) -> None:
    _request(store, due_at=NOW + 60)
    assert not store.system_read(NOW + 59, is_job_due)
    assert _take(store, "ana", now=NOW + 59) is None
    assert store.system_write(NOW + 59, take_this_job, project_id=1, kind=JobKind.PURGE, owner="ana") is None
    assert store.system_read(NOW + 60, is_job_due)
    assert _taken(store, "ana", now=NOW + 60).owner == "ana"


def test_a_job_without_a_time_is_taken_at_once_by_a_worker_whose_clock_is_behind(store: Store) -> None:
    _request(store)
    behind = NOW - 3_600_000_000
    job = store.system_write(behind, take_job, owner="w")
    assert job is not None
    _request(store)
    store.system_write(NOW, finish_job, job=job)
    assert store.system_read(behind, is_job_due)
    taken = store.system_write(behind, take_job, owner="w")
    assert taken is not None
    store.system_write(NOW, release_job, job=taken)
    assert store.system_read(behind, is_job_due)


@pytest.mark.parametrize("later_first", [False, True])
def test_the_earlier_of_two_times_counts(store: Store, database: str, later_first: bool) -> None:
    for due_at in sorted([NOW + 60, NOW + 90], reverse=later_first):
        _request(store, due_at=due_at)
    assert rows_of(database, "SELECT due_at FROM job") == [(NOW + 60,)]


def test_the_job_that_has_been_due_for_longest_is_taken_first(store: Store) -> None:
    for project_id, due_at in ((1, NOW + 3), (2, NOW + 1), (3, NOW + 2), (4, NOW + 99)):
        _request(store, project_id, due_at=due_at)
    assert [_taken(store, "ana", now=NOW + 9).project_id for _ in range(3)] == [2, 3, 1]
    assert _take(store, "ana", now=NOW + 9) is None


def test_a_job_that_was_given_back_waits_behind_the_others(store: Store) -> None:
    for project_id in (1, 2):
        _request(store, project_id, now=NOW + project_id)
    first = _taken(store, "ana", now=NOW + 5)
    store.system_write(NOW + 6, release_job, job=first)
    assert [_taken(store, "ana", now=NOW + 7).project_id for _ in range(2)] == [2, 1]


def test_a_job_that_ends_its_workers_waits_behind_the_others(store: Store) -> None:
    _request(store, 1)
    _taken(store, "dies")
    _request(store, 2)
    late = NOW + LEASE + 1
    _request(store, 3, now=late)
    assert [_taken(store, "ana", now=late).project_id for _ in range(3)] == [1, 2, 3]


def test_a_job_that_is_asked_for_later_while_it_runs_is_finished_first_and_then_waits(store: Store) -> None:
    """Whatever happens to the worker, the work at hand does not wait until the later time."""
    _request(store)
    running = _taken(store, "ana")
    _request(store, due_at=NOW + 60)
    _request(store, due_at=NOW + 90)
    store.system_write(NOW + 1, release_job, job=running)
    again = _taken(store, "ben", now=NOW + 2)
    assert not store.system_write(NOW + 3, finish_job, job=again)
    assert _take(store, "ana", now=NOW + 59) is None
    assert store.system_write(NOW + 61, finish_job, job=_taken(store, "ana", now=NOW + 60))


# ---- several of one kind ----------------------------------------------------------------------------


def test_jobs_of_one_kind_and_different_subjects_are_held_by_different_workers(store: Store, database: str) -> None:
    for subject in ("sender 1", "sender 2"):
        _request(store, subject=subject)
        _request(store, subject=subject)
    one, other = _taken(store, "ana"), _taken(store, "ben")
    assert (one.subject, other.subject) == ("sender 1", "sender 2")
    assert _take(store, "chao") is None
    assert store.system_write(NOW, finish_job, job=one)
    assert not store.system_write(NOW, finish_job, job=one)
    assert store.system_write(NOW, renew_job, job=other)
    assert rows_of(database, "SELECT subject, lease_owner FROM job") == [("sender 2", "ben")]


def test_a_subject_is_taken_by_its_name(store: Store) -> None:
    _request(store, subject="7")
    named = {"project_id": 1, "kind": JobKind.PURGE}
    assert not store.system_read(NOW, is_this_job_due, **named)
    assert store.system_write(NOW, take_this_job, **named, owner="ana") is None
    assert store.system_read(NOW, is_this_job_due, **named, subject="7")
    assert store.system_write(NOW, take_this_job, **named, owner="ana", subject="7") is not None


# ---- attempts ---------------------------------------------------------------------------------------


def test_attempts_count_how_often_a_job_was_taken_without_a_step_finished(store: Store) -> None:
    _request(store)
    for attempt in range(1, 4):
        assert _taken(store, "dies", now=NOW + attempt * (LEASE + 1)).attempts == attempt


@pytest.mark.parametrize("how", [release_job, renew_job])
def test_a_finished_step_lets_attempts_count_from_0_again(store: Store, how: Callable[..., object]) -> None:
    _request(store)
    for attempt in range(2):
        job = _taken(store, "dies", now=NOW + attempt * (LEASE + 1))
    store.system_write(NOW, how, job=job, has_progress=True)
    assert _taken(store, "ana", now=NOW + 5 * LEASE).attempts == 1


def test_a_job_that_runs_once_more_begins_with_no_attempts(store: Store) -> None:
    _request(store)
    _taken(store, "dies")
    job = _taken(store, "ana", now=NOW + LEASE + 1)
    _request(store)
    store.system_write(NOW, finish_job, job=job)
    assert _taken(store, "ana").attempts == 1


# ---- ids --------------------------------------------------------------------------------------------


def test_system_ids_are_never_given_twice_not_even_by_many_at_once(store: Store) -> None:
    def take(number: int) -> int:
        return store.system_write(NOW, _take_id)

    with ThreadPoolExecutor(2) as threads:
        ids = list(threads.map(take, range(40)))
    assert sorted(ids) == list(range(1, 41))


def _take_id(tx: SystemTx) -> int:
    return tx.take_id()


def test_one_who_wants_a_certain_job_gets_that_one_unless_another_holds_it(store: Store) -> None:
    for project_id in (1, 2):
        _request(store, project_id)

    def take(owner: str, *, kind: str = JobKind.PURGE, now: int = NOW) -> Job | None:
        return store.system_write(now, take_this_job, project_id=2, kind=kind, owner=owner)

    assert take("ana", kind=JobKind.IMPORT) is None
    assert take("ana") == Job(project_id=2, kind=JobKind.PURGE, owner="ana")
    assert take("ben") is None
    _request(store, 2)
    assert take("ben") is None
    assert take("ben", now=NOW + LEASE + 1) == Job(project_id=2, kind=JobKind.PURGE, owner="ben", attempts=2)
    assert _taken(store, "chao").project_id == 1
