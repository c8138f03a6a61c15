"""A job that this worker holds, and the turns that it gets. The kinds of jobs are ``jobs.py``'s. No SQL."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from threading import Event

from daftari.errors import StoreBusy, StoreUnavailable, Unauthenticated
from daftari.model.jobs import Job
from daftari.model.time import current_time
from daftari.rules.access.projects import get_project
from daftari.store import Store, finish_job, holds_job, postpone_job, release_job, renew_job
from daftari.worker.jobs import JOBS
from daftari.worker.work import Provider, Work

BUSY_SECONDS = 0.5
"""How long to leave alone a database that is busy."""
OUTAGE_SECONDS = 5.0
"""How long to leave alone a database that does not answer."""
FAILED_SECONDS = 60
"""After how long a job is tried again whose step failed, and which has nothing that can be ended."""
UNEXPECTED = "An error in the program ended this; the worker's log says more."
"""The error that an import or export shows after an unexpected exception."""

log = logging.getLogger("daftari.worker")


class HeldJob:
    """One job, from when it was taken until it is done, lost or given back. One thread at a time may call a method."""

    def __init__(self, store: Store, job: Job, *, stopping: Event, provider: Provider | None) -> None:
        self.job = job
        self.kind = job.kind
        self.steps_max = JOBS[job.kind].steps_max
        self.ready_at = time.monotonic()
        """When its next turn may be: a time of ``time.monotonic``."""
        self.has_progress = False
        """Whether a step was finished."""
        self.has_requested = False
        """Whether the last step requested another job, which is better taken at once."""
        self.is_lost = False
        """Whether another worker holds the job by now."""
        self._store = store
        self._stopping = stopping
        self._provider = provider
        self._work: Work | None = None
        self._open = ExitStack()

    def step(self) -> bool:
        """Do one step. Returns whether this worker still holds the job. Raises ``StoreBusy``."""
        if not self._store.system_read(current_time(), holds_job, job=self.job):
            self.close()
            return False
        try:
            if self._has_more():
                return True
            self._finish()
        except StoreBusy:
            raise
        except Unauthenticated:
            # The project was deleted meanwhile; its purge is another job.
            self._finish()
        except Exception:
            log.exception("a job failed; it is tried again in %s seconds", FAILED_SECONDS)
            later = current_time() + FAILED_SECONDS * 1_000_000
            self._store.system_write(current_time(), postpone_job, job=self.job, due_at=later)
        self.close()
        return False

    def pause_after(self, error: StoreBusy) -> None:
        """Have the next turn wait after one that the database ended."""
        self.ready_at = time.monotonic() + pause_after(error)

    def release(self) -> None:
        """Give the job back, for any worker to continue it. Raises ``StoreBusy``; its lease then ends by itself."""
        self.close()
        self._store.system_write(current_time(), release_job, job=self.job, has_progress=self.has_progress)

    def close(self) -> None:
        """Close what the work has open."""
        self._open.close()
        self._work = None

    def _begin(self) -> Work | None:
        """The work of the job; ``None`` when its project is gone."""
        project = self._store.system_read(current_time(), get_project, project_id=self.job.project_id)
        if project is None:
            return None
        begin = JOBS[self.job.kind].begin
        work = begin(
            self._store,
            project,
            subject=self.job.subject,
            may_continue=self._may_continue,
            provider=self._provider,
        )
        return self._open.enter_context(work)

    def _may_continue(self) -> bool:
        return not (self.is_lost or self._stopping.is_set())

    def _has_more(self) -> bool:
        """Do a step of the work. An unexpected exception ends what the work was at, or is raised."""
        work = self._work = self._work or self._begin()
        if work is None:
            return False
        try:
            has_more = work.step()
        except (StoreBusy, Unauthenticated):
            raise
        except Exception as error:
            if not work.fail(UNEXPECTED):
                raise
            log.error("a step of a job failed", exc_info=error)
            has_more = True
        self.has_requested = work.has_requested
        if has_more:
            self._note_progress()
            self.ready_at = time.monotonic() + work.pause_seconds
        return has_more

    def _finish(self) -> None:
        self._store.system_write(current_time(), finish_job, job=self.job)

    def _note_progress(self) -> None:
        if self.job.attempts > 1 and not self.has_progress:
            # Earlier attempts may have ended their workers: record at once that this one makes progress.
            self._store.system_write(current_time(), renew_job, job=self.job, has_progress=True)
        self.has_progress = True


def pause_after(error: StoreBusy) -> float:
    """How many seconds to leave alone a database that is busy or away."""
    if isinstance(error, StoreUnavailable):
        log.error("%s", error.message)
        return OUTAGE_SECONDS
    return BUSY_SECONDS
