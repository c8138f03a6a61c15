"""The worker's loop: take a job, do it step by step under a lease, maintain the database, sleep when there is no job.

Each step is a transaction or a few, so that writers wait for no more than one; the worker looks after each whether to
stop. A worker that lost its lease leaves the job to the one that has it. The kinds of jobs are ``jobs.py``'s.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from daftari.errors import StoreBusy, StoreUnavailable, Unauthenticated
from daftari.model.jobs import Job
from daftari.model.time import current_time
from daftari.rules.access.projects import get_project
from daftari.store import (
    Store,
    finish_job,
    holds_job,
    is_job_due,
    is_this_job_due,
    list_held_jobs,
    release_job,
    renew_job,
    take_job,
    take_this_job,
)
from daftari.worker.expiry import delete_expired
from daftari.worker.jobs import EXPIRING, JOBS
from daftari.worker.leases import is_dead, new_owner
from daftari.worker.work import Work

IDLE_SECONDS = 1.0
"""How often an idle worker looks for a job, give or take a quarter, so that many do not look at once."""
BUSY_SECONDS = 0.5
"""How long to leave alone a database that is busy."""
OUTAGE_SECONDS = 5.0
"""How long to leave alone a database that does not answer."""

MAINTENANCE_SECONDS = 0.5
"""How often a worker maintains the database between two steps."""
RENEWAL_SECONDS = 5.0
"""How often a worker renews its lease: often enough to keep it, seldom enough to cost nothing."""
UNEXPECTED = "An error in the program ended this; the worker's log says more."
"""The error that an import or export shows after an unexpected exception."""

EXPIRY_SECONDS = 600.0
"""How often a worker looks for what has expired."""

log = logging.getLogger("daftari.worker")

ShouldStop = Callable[[float], bool]
"""Waits up to so many seconds for the word to stop, and returns whether it came."""


def run_worker(should_stop: ShouldStop, *, store: Store) -> None:
    """Do jobs until ``should_stop`` returns ``True``; it is asked between steps and while there is no job."""
    # A step that reads for long holds this thread's connection; its lease is renewed over another one.
    with ThreadPoolExecutor(1, thread_name_prefix="daftari-lease") as renewals:
        _run_worker(should_stop, store=store, renewals=renewals)


def _run_worker(should_stop: ShouldStop, *, store: Store, renewals: Executor) -> None:
    owner = new_owner()
    pause_seconds = 0.0
    expired_at = -math.inf
    while not should_stop(pause_seconds):
        try:
            store.maintain()
            if time.monotonic() - expired_at >= EXPIRY_SECONDS:
                delete_expired(should_stop, store=store, tables=EXPIRING)
                expired_at = time.monotonic()
            _release_dead(store)
            due = store.system_read(current_time(), is_job_due)
            job = store.system_write(current_time(), take_job, owner=owner) if due else None
            if job is not None:
                _run_job(should_stop, store=store, job=job, renewals=renewals)
            pause_seconds = 0.0 if job else IDLE_SECONDS * random.uniform(0.75, 1.25)
        except StoreBusy as error:
            pause_seconds = _pause_after(error)


def run_job(should_stop: ShouldStop, *, store: Store, project_id: int, kind: str) -> bool:
    """Do one project's job of a kind here and now, until ``should_stop`` returns ``True``.

    Returns ``False`` when it is not due or another worker holds it.
    """
    _release_dead(store)
    if not store.system_read(current_time(), is_this_job_due, project_id=project_id, kind=kind):
        return False
    job = store.system_write(current_time(), take_this_job, project_id=project_id, kind=kind, owner=new_owner())
    if job is not None:
        with ThreadPoolExecutor(1, thread_name_prefix="daftari-lease") as renewals:
            _run_job(should_stop, store=store, job=job, renewals=renewals)
    return job is not None


def _release_dead(store: Store) -> None:
    """Return the jobs of workers that were killed on this machine, before their leases run out."""
    for job in store.system_read(current_time(), list_held_jobs):
        if is_dead(job.owner):
            store.system_write(current_time(), release_job, job=job)


def _run_job(should_stop: ShouldStop, *, store: Store, job: Job, renewals: Executor) -> None:
    """Do a job to its end, or until ``should_stop`` returns ``True``, or until the lease is lost."""

    def keep_alive() -> bool:
        return not should_stop(0.0) and renewals.submit(_renew, store, job).result()

    pause_seconds, renewed_at, maintained_at, has_progress = 0.0, time.monotonic(), time.monotonic(), False
    project = store.system_read(current_time(), get_project, project_id=job.project_id)
    if project is None:
        store.system_write(current_time(), finish_job, job=job)
        return
    with JOBS[job.kind](store, project, keep_alive=keep_alive) as work:
        while not should_stop(pause_seconds):
            try:
                if time.monotonic() - renewed_at >= RENEWAL_SECONDS:
                    store.system_write(current_time(), renew_job, job=job, has_progress=has_progress)
                    renewed_at = time.monotonic()
                if not store.system_read(current_time(), holds_job, job=job):
                    # Another worker has it.
                    return
                if not _step(work):
                    store.system_write(current_time(), finish_job, job=job)
                    return
                if job.attempts > 1 and not has_progress:
                    # Earlier attempts may have ended their workers: record at once that this one makes progress.
                    renewed_at = -math.inf
                has_progress = True
                if time.monotonic() - maintained_at >= MAINTENANCE_SECONDS:
                    store.maintain()
                    maintained_at = time.monotonic()
                pause_seconds = 0.0
            except Unauthenticated:
                # The project was deleted meanwhile; its purge is another job.
                store.system_write(current_time(), finish_job, job=job)
                return
            except StoreBusy as error:
                pause_seconds = _pause_after(error)
    store.system_write(current_time(), release_job, job=job, has_progress=has_progress)


def _renew(store: Store, job: Job) -> bool:
    """Renew the lease. Returns whether this worker still holds the job. The lease outlasts several attempts."""
    try:
        return store.system_write(current_time(), renew_job, job=job)
    except StoreBusy:
        return True


def _step(work: Work) -> bool:
    """Do one step. An unexpected exception fails this job, not the worker."""
    try:
        return work.step()
    except (StoreBusy, Unauthenticated):
        raise
    except Exception:
        log.exception("a step of a job failed")
        if not work.fail(UNEXPECTED):
            raise
        return True


def _pause_after(error: StoreBusy) -> float:
    if isinstance(error, StoreUnavailable):
        log.error("%s", error.message)
        return OUTAGE_SECONDS
    return BUSY_SECONDS
