"""Jobs: what the workers are to do and when, and which worker holds which job for how long.

A job is named by project, kind and subject; which work there is and how far it is lives with the project. Jobs are
system rows, so that a project's transaction only hints at one: the job is requested after the commit. What a job does
belongs to the workers, and so does finding the work whose hint was lost.

Leases run on the database's clock, because those of servers differ and are set. A lease of another start of the machine
is over, and so is one that ends much later than a lease that began now: its clock was another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

from daftari.model.jobs import LEASE_SECONDS, Job, JobKind
from daftari.model.projects import NO_PROJECT
from daftari.store.engine import Row, SystemTx, Tx, WriteTx

LEASE_MICROSECONDS = LEASE_SECONDS * 1_000_000
ALL_KINDS = tuple(JobKind)

JobName = tuple[int, str, str]
"""A project's id, a kind, and a subject."""


def request_job(tx: Tx, *, project_id: int, kind: str, subject: str = "", due_at: int | None = None) -> None:
    """Request work at ``due_at``, or at once.

    Of two requests that wait the earlier time counts. A job that a worker holds is to run once more after that.
    """
    tx.run(
        "request_job",
        project=project_id,
        kind=kind,
        subject=subject,
        due_at=tx.now if due_at is None else due_at,
        is_delayed=int(due_at is not None),
    )


def hint_job(tx: WriteTx, *, kind: str, subject: str = "", due_at: int | None = None) -> None:
    """Request a job as soon as this transaction is committed. A worker that looks for work makes up for a lost hint."""
    request = partial(request_job, project_id=tx.project.id, kind=kind, subject=subject, due_at=due_at)
    tx.follow_up(NO_PROJECT, request)


def request_jobs(tx: SystemTx, *, names: Sequence[JobName]) -> None:
    """Request work at once."""
    for project_id, kind, subject in names:
        request_job(tx, project_id=project_id, kind=kind, subject=subject)


def list_jobs(tx: Tx) -> set[JobName]:
    """The jobs that need no request: a worker holds them or will take them at once, or they failed and wait."""
    return set(tx.fetch(tuple[int, str, str], "list_jobs"))


def is_job_due(tx: Tx, *, kinds: Sequence[str] = ALL_KINDS) -> bool:
    """Whether a job is due that no worker holds; a read, so that idle workers lock nothing."""
    return _find_due(tx, kinds) is not None


def take_job(tx: SystemTx, *, owner: str, kinds: Sequence[str] = ALL_KINDS) -> Job | None:
    """The job that has been due for longest and that no worker holds, now held by ``owner``."""
    return _take(tx, _find_due(tx, kinds), owner)


def is_this_job_due(tx: Tx, *, project_id: int, kind: str, subject: str = "") -> bool:
    """Whether this job is due and no worker holds it; a read, so that looking often locks nothing."""
    return _find(tx, project_id, kind, subject) is not None


def take_this_job(tx: SystemTx, *, project_id: int, kind: str, owner: str, subject: str = "") -> Job | None:
    """This job, now held by ``owner``; ``None`` when it is not due or another worker holds it."""
    return _take(tx, _find(tx, project_id, kind, subject), owner)


def _find_due(tx: Tx, kinds: Sequence[str]) -> Row | None:
    return tx.one("find_due_job", now=tx.now, kinds=list(kinds), **_clock(tx))


def _find(tx: Tx, project_id: int, kind: str, subject: str) -> Row | None:
    return tx.one("find_this_job", project=project_id, kind=kind, subject=subject, now=tx.now, **_clock(tx))


def _take(tx: SystemTx, row: Row | None, owner: str) -> Job | None:
    if row is None:
        return None
    project_id, kind, subject, attempts = cast("tuple[int, str, str, int]", row)
    job = Job(project_id, kind, owner, subject, attempts + 1)
    tx.run("take_job", **_named(job), now=tx.now, **_lease(tx))
    return job


def list_held_jobs(tx: Tx) -> list[Job]:
    """The jobs that workers hold: a few."""
    rows = tx.fetch(tuple[int, str, str, str, int], "list_held_jobs")
    return [Job(*row) for row in rows]


def renew_job(tx: SystemTx, *, job: Job, has_progress: bool = False) -> bool:
    """Extend the lease. Returns ``False`` when another worker holds the job by now.

    ``has_progress``: a step was finished since the job was taken, so that attempts count from 0 again.
    """
    return tx.run("renew_job", **_named(job), **_lease(tx), has_progress=int(has_progress)) > 0


def renew_jobs(tx: SystemTx, *, held: Mapping[Job, bool]) -> list[Job]:
    """Extend the leases of jobs, each with whether it has progress. Returns those that another worker holds by now."""
    return [job for job, has_progress in held.items() if not renew_job(tx, job=job, has_progress=has_progress)]


def holds_job(tx: Tx, *, job: Job) -> bool:
    """Whether the worker still holds the job."""
    return tx.one("holds_job", **_named(job)) is not None


def release_job(tx: SystemTx, *, job: Job, has_progress: bool = False) -> None:
    """Return an unfinished job; it waits behind all that are due by now. ``has_progress`` as in ``renew_job``."""
    tx.run("release_job", **_named(job), now=tx.now, has_progress=int(has_progress))


def postpone_job(tx: SystemTx, *, job: Job, due_at: int) -> None:
    """Return a job that failed; it is not taken before ``due_at``, unless it is requested again."""
    tx.run("postpone_job", **_named(job), due_at=due_at)


def finish_job(tx: SystemTx, *, job: Job) -> bool:
    """Delete a job that is done, or return it if it was requested again meanwhile.

    Returns ``False`` when it was requested again, or when another worker holds it by now.
    """
    if tx.run("finish_job", **_named(job)):
        return True
    tx.run("repeat_job", **_named(job), now=tx.now)
    return False


def _named(job: Job) -> dict[str, int | str]:
    return {"project": job.project_id, "kind": job.kind, "subject": job.subject, "owner": job.owner}


def _lease(tx: Tx) -> dict[str, int | str]:
    """A lease that begins now: the start of the machine from which its end is counted, and its end."""
    clock = tx.lease_clock()
    return {"start": clock.start, "until": clock.microseconds + LEASE_MICROSECONDS}


def _clock(tx: Tx) -> dict[str, int | str]:
    """What decides whether a lease is over. A clock may be set back a little while a lease lasts."""
    clock = tx.lease_clock()
    return {"start": clock.start, "clock": clock.microseconds, "latest": clock.microseconds + 2 * LEASE_MICROSECONDS}
