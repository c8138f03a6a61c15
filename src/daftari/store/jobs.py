"""Jobs: what the worker is to do, and who holds which for how long.

A row holds project, kind, state and lease; how far a job got lives with the project. This room must not know what
a job does.
"""

from __future__ import annotations

from typing import cast

from daftari.model.jobs import LEASE_SECONDS, Job
from daftari.store.engine import SystemTx, Tx


def request_job(tx: Tx, *, project_id: int, kind: str) -> None:
    """Work for the worker: one job a project and kind; one that runs already is to run once more."""
    tx.run("request_job", project=project_id, kind=kind)


def is_job_due(tx: Tx) -> bool:
    """Whether there is a job that nobody holds; a read, so that idle workers lock nothing."""
    return tx.one("find_job", now=tx.now) is not None


def take_job(tx: SystemTx, *, owner: str) -> Job | None:
    """A job that nobody holds, now held by ``owner``."""
    row = tx.one("find_job", now=tx.now)
    if row is None:
        return None
    return _take(tx, Job(project_id=cast(int, row[0]), kind=str(row[1]), owner=owner))


def is_this_job_due(tx: Tx, *, project_id: int, kind: str) -> bool:
    """Whether this job is there and nobody holds it; a read, so that whoever looks often locks nothing."""
    return tx.one("find_this_job", project=project_id, kind=kind, now=tx.now) is not None


def take_this_job(tx: SystemTx, *, project_id: int, kind: str, owner: str) -> Job | None:
    """This very job, now held by ``owner``; ``None`` when somebody else holds it, or there is none."""
    if not is_this_job_due(tx, project_id=project_id, kind=kind):
        return None
    return _take(tx, Job(project_id=project_id, kind=kind, owner=owner))


def _take(tx: SystemTx, job: Job) -> Job:
    tx.run("take_job", project=job.project_id, kind=job.kind, owner=job.owner, until=tx.now + LEASE_SECONDS * 1_000_000)
    return job


def list_held_jobs(tx: Tx) -> list[Job]:
    """The jobs that workers hold: a few."""
    rows = cast("list[tuple[int, str, str]]", tx.all("list_held_jobs"))
    return [Job(*row) for row in rows]


def renew_job(tx: SystemTx, *, job: Job) -> bool:
    """Hold the job for longer; ``False`` when it is no longer this worker's."""
    until = tx.now + LEASE_SECONDS * 1_000_000
    return tx.run("renew_job", project=job.project_id, kind=job.kind, owner=job.owner, until=until) > 0


def holds_job(tx: Tx, *, job: Job) -> bool:
    """Whether the job is still this worker's."""
    return tx.one("holds_job", project=job.project_id, kind=job.kind, owner=job.owner) is not None


def release_job(tx: SystemTx, *, job: Job) -> None:
    """Give the job back unfinished."""
    tx.run("release_job", project=job.project_id, kind=job.kind, owner=job.owner)


def finish_job(tx: SystemTx, *, job: Job) -> bool:
    """The job is done; ``False`` when it is no longer this worker's, or there is more of it to do."""
    return tx.run("finish_job", project=job.project_id, kind=job.kind, owner=job.owner) > 0
