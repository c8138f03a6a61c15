"""Jobs: one a project and kind, held by one worker at a time, for as long as it says that it is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from daftari.model.jobs import IMPORT, LEASE_SECONDS, PURGE, Job
from daftari.store import Store, SystemTx
from daftari.store.jobs import finish_job, release_job, renew_job, request_job, take_job, take_this_job
from tests.support.builders import rows_of
from tests.support.calls import NOW

LEASE = LEASE_SECONDS * 1_000_000
"""In microseconds, as all times are."""


def _request(store: Store, project_id: int = 1) -> None:
    store.system_write(NOW, request_job, project_id=project_id, kind=PURGE)


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
    assert rows_of(database, "SELECT project_id, kind, state, lease_owner, lease_until FROM job") == [
        (1, "purge", "queued", None, None)
    ]


def test_a_job_is_taken_by_one_worker(store: Store, database: str) -> None:
    _request(store)
    assert _take(store, "ana") == Job(project_id=1, kind=PURGE, owner="ana")
    assert _take(store, "ben") is None
    assert rows_of(database, "SELECT state, lease_owner, lease_until FROM job") == [("running", "ana", NOW + LEASE)]


def test_of_many_workers_that_ask_at_once_one_gets_the_job(store: Store) -> None:
    _request(store)

    def ask(number: int) -> Job | None:
        return _take(store, f"worker {number}")

    # As many threads as the store was told of may wait for it; more would be sent away.
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


def test_a_worker_that_was_silent_for_too_long_loses_its_job_to_another_one(store: Store, database: str) -> None:
    _request(store)
    silent = _taken(store, "ana")
    other = _taken(store, "ben", now=NOW + LEASE + 1)
    assert other.owner == "ben"
    assert not store.system_write(NOW + LEASE + 2, renew_job, job=silent)
    assert not store.system_write(NOW, finish_job, job=silent)
    store.system_write(NOW, release_job, job=silent)
    assert rows_of(database, "SELECT state, lease_owner FROM job") == [("running", "ben")]
    assert store.system_write(NOW, finish_job, job=other)


def test_a_worker_that_was_silent_keeps_a_job_that_nobody_took(store: Store) -> None:
    _request(store)
    job = _taken(store, "ana")
    assert store.system_write(NOW + 5 * LEASE, renew_job, job=job)
    assert _take(store, "ben", now=NOW + 5 * LEASE + 1) is None


def test_a_released_job_is_anybodys_at_once(store: Store) -> None:
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


def test_house_ids_are_never_given_twice_not_even_by_many_at_once(store: Store) -> None:
    def take(number: int) -> int:
        return store.system_write(NOW, _take_id)

    with ThreadPoolExecutor(2) as threads:
        ids = list(threads.map(take, range(40)))
    assert sorted(ids) == list(range(1, 41))


def _take_id(tx: SystemTx) -> int:
    return tx.take_id()


def test_one_who_wants_a_certain_job_gets_that_one_unless_somebody_holds_it(store: Store) -> None:
    for project_id in (1, 2):
        _request(store, project_id)

    def take(owner: str, *, kind: str = PURGE, now: int = NOW) -> Job | None:
        return store.system_write(now, take_this_job, project_id=2, kind=kind, owner=owner)

    assert take("ana", kind=IMPORT) is None
    assert take("ana") == Job(project_id=2, kind=PURGE, owner="ana")
    assert take("ben") is None
    _request(store, 2)
    assert take("ben") is None
    assert take("ben", now=NOW + LEASE + 1) == Job(project_id=2, kind=PURGE, owner="ben")
    assert _taken(store, "chao").project_id == 1
