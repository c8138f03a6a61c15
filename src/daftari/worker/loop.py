"""The worker's round: take a job, do it turn by turn under a lease, tidy the database, sleep when there is nothing.

Each turn is a transaction of its own, so that writers wait for no more than one, and each is followed by a look at
whether to stop. A worker that lost its lease leaves the job to whoever has it. This room must not know what a turn
changes: that is a rule.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from daftari.errors import StoreBusy, StoreUnavailable, Unauthenticated
from daftari.model.jobs import EXPORT, IMPORT, Job
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.access.projects import get_project, list_projects
from daftari.rules.audiences import expire_audience, has_expired_audience
from daftari.rules.erasure.purge import is_deleted
from daftari.rules.exports.lifecycle import expire_export, has_expired_export
from daftari.rules.idempotency import expire_replays, has_expired_replay
from daftari.rules.imports.lifecycle import expire_import, has_expired_import
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
from daftari.worker.exports import ExportWork, Goes
from daftari.worker.imports import ImportWork
from daftari.worker.leases import WORKER, is_dead, new_owner
from daftari.worker.purge import PurgeWork

IDLE_SECONDS = 1.0
"""How often an idle worker looks for a job, give or take a quarter, so that many do not look at once."""
BUSY_SECONDS = 0.5
"""How long to leave alone a database that is busy."""
OUTAGE_SECONDS = 5.0
"""How long to leave alone a database that does not answer."""

TIDY_SECONDS = 0.5
"""How often a worker at work tidies the database: after some turns at once."""
RENEWAL_SECONDS = 5.0
"""How often a worker says that it is still there: often enough for its lease, seldom enough to cost nothing."""
UNEXPECTED = "This met a mistake of the program and cannot go on; the log of the worker says more."
"""What people are told of an import or export that something broke which nobody foresaw."""

EXPIRY_SECONDS = 600.0
"""How often to look for what is kept for a time that is over."""
EXPIRING: tuple[tuple[Callable[..., bool], Callable[..., object]], ...] = (
    (has_expired_audience, expire_audience),
    (has_expired_export, expire_export),
    (has_expired_import, expire_import),
    (has_expired_replay, expire_replays),
)
"""What is kept for a time: whether there is any whose time is over, and a turn of deleting it."""

log = logging.getLogger("daftari.worker")

ToldToStop = Callable[[float], bool]
"""Waits up to so many seconds to be told to stop, and returns whether it was."""


def work_until(told_to_stop: ToldToStop, *, store: Store) -> None:
    """Work until told to stop, which is asked between turns and while there is nothing to do."""
    # A turn that reads for long holds this thread's connection; its lease is renewed over another one.
    with ThreadPoolExecutor(1, thread_name_prefix="daftari-lease") as aside:
        _work_until(told_to_stop, store=store, aside=aside)


def _work_until(told_to_stop: ToldToStop, *, store: Store, aside: Executor) -> None:
    owner = new_owner()
    pause_seconds = 0.0
    expired_at = -math.inf
    while not told_to_stop(pause_seconds):
        try:
            store.tidy()
            if time.monotonic() - expired_at >= EXPIRY_SECONDS:
                _expire(told_to_stop, store=store)
                expired_at = time.monotonic()
            _release_dead(store)
            due = store.system_read(current_time(), is_job_due)
            job = store.system_write(current_time(), take_job, owner=owner) if due else None
            if job is not None:
                _do_job(told_to_stop, store=store, job=job, aside=aside)
            pause_seconds = 0.0 if job else IDLE_SECONDS * random.uniform(0.75, 1.25)
        except StoreBusy as error:
            pause_seconds = _pause_after(error)


def work_on(told_to_stop: ToldToStop, *, store: Store, project_id: int, kind: str) -> bool:
    """Do one project's job of a kind here and now, for as long as ``told_to_stop`` lets it.

    Returns whether it was there to be taken: not while another worker holds it.
    """
    _release_dead(store)
    if not store.system_read(current_time(), is_this_job_due, project_id=project_id, kind=kind):
        return False
    job = store.system_write(current_time(), take_this_job, project_id=project_id, kind=kind, owner=new_owner())
    if job is not None:
        with ThreadPoolExecutor(1, thread_name_prefix="daftari-lease") as aside:
            _do_job(told_to_stop, store=store, job=job, aside=aside)
    return job is not None


def _release_dead(store: Store) -> None:
    """Give back at once the jobs of workers that were killed here, without waiting for their leases to run out."""
    for job in store.system_read(current_time(), list_held_jobs):
        if is_dead(job.owner):
            store.system_write(current_time(), release_job, job=job)


def _do_job(told_to_stop: ToldToStop, *, store: Store, job: Job, aside: Executor) -> None:
    """Do a job to its end, or until told to stop, or until the lease is lost."""

    def goes() -> bool:
        return not told_to_stop(0.0) and aside.submit(_renew, store, job).result()

    pause_seconds, renewed_at, tidied_at, has_progress = 0.0, time.monotonic(), time.monotonic(), False
    project = store.system_read(current_time(), get_project, project_id=job.project_id)
    if project is None:
        store.system_write(current_time(), finish_job, job=job)
        return
    with work_of(store, job, project, goes=goes) as work:
        while not told_to_stop(pause_seconds):
            try:
                if time.monotonic() - renewed_at >= RENEWAL_SECONDS:
                    store.system_write(current_time(), renew_job, job=job, has_progress=has_progress)
                    renewed_at = time.monotonic()
                if not store.system_read(current_time(), holds_job, job=job):
                    # Another worker has it.
                    return
                if not _turn(work):
                    store.system_write(current_time(), finish_job, job=job)
                    return
                if job.attempts > 1 and not has_progress:
                    # Earlier attempts may have ended their workers: say at once that this one goes on.
                    renewed_at = -math.inf
                has_progress = True
                if time.monotonic() - tidied_at >= TIDY_SECONDS:
                    store.tidy()
                    tidied_at = time.monotonic()
                pause_seconds = 0.0
            except Unauthenticated:
                # The project was deleted meanwhile, which another job clears up.
                store.system_write(current_time(), finish_job, job=job)
                return
            except StoreBusy as error:
                pause_seconds = _pause_after(error)
    store.system_write(current_time(), release_job, job=job, has_progress=has_progress)


def _renew(store: Store, job: Job) -> bool:
    """Renew the lease, and say whether the job is still this worker's. It lasts for several tries."""
    try:
        return store.system_write(current_time(), renew_job, job=job)
    except StoreBusy:
        return True


def _turn(work: Work) -> bool:
    """One turn; this is the door at which a mistake ends the work that it is in, and not all work for ever."""
    try:
        return work.turn()
    except (StoreBusy, Unauthenticated):
        raise
    except Exception:
        log.exception("a turn of work broke off")
        if not work.fail(UNEXPECTED):
            raise
        return True


class Work(Protocol):
    """A job while a worker has it: ``with`` it, a turn at a time."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def turn(self) -> bool:
        """One turn. Returns whether there may be another one."""

    def fail(self, error: str) -> bool:
        """What was being worked on cannot go on, and ends. Returns ``False`` when it is nothing that can end."""


def work_of(store: Store, job: Job, project: Project, *, goes: Goes) -> Work:
    """What a job is. In a project that was deleted there is nothing to do but to clear up."""
    if store.system_read(current_time(), is_deleted, project_id=project.id):
        return PurgeWork(store, job, project)
    if job.kind == IMPORT:
        return ImportWork(store, project, goes=goes)
    if job.kind == EXPORT:
        return ExportWork(store, project, goes=goes)
    return PurgeWork(store, job, project)


def _pause_after(error: StoreBusy) -> float:
    if isinstance(error, StoreUnavailable):
        log.error("%s", error.message)
        return OUTAGE_SECONDS
    return BUSY_SECONDS


def _expire(told_to_stop: ToldToStop, *, store: Store) -> None:
    """Delete what is kept for a time that is over, in every project, a turn a transaction; until told to stop."""
    for project in store.system_read(current_time(), list_projects):
        # A project may be deleted meanwhile; then all of it goes.
        with suppress(Unauthenticated):
            for has_expired, expire in EXPIRING:
                while store.read(project, current_time(), has_expired):
                    if told_to_stop(0.0):
                        return
                    store.write(project, WORKER, current_time(), expire)
