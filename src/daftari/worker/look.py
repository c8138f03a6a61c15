"""Looks for open work in every project, and requests the jobs that are missing, since a hint may be lost. No SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from daftari.errors import StoreBusy
from daftari.model.time import current_time
from daftari.rules.access.projects import list_projects
from daftari.store import Store, Tx, list_jobs, request_jobs
from daftari.worker.held import pause_after
from daftari.worker.work import JobType


class Look:
    """A look at all projects, which gets turns as a job does. Each kind is looked for as often as it says."""

    kind = "look"
    steps_max = 1
    has_requested = True

    def __init__(self, store: Store, *, jobs: Mapping[str, JobType]) -> None:
        self._store = store
        self._jobs = jobs
        self._due_at = dict.fromkeys(jobs, 0.0)

    @property
    def ready_at(self) -> float:
        """When its next turn is: a time of ``time.monotonic``."""
        return min(self._due_at.values())

    def step(self) -> bool:
        """Look once. Returns whether to look again. Raises ``StoreBusy``."""
        now = time.monotonic()
        kinds = [kind for kind, due_at in self._due_at.items() if due_at <= now]
        found = {
            (project.id, kind, subject)
            for project in self._store.system_read(current_time(), list_projects)
            for kind, subject in self._store.read_unisolated(project, current_time(), self._list_work, kinds=kinds)
        }
        if found:
            missing = found - self._store.system_read(current_time(), list_jobs)
            if missing:
                self._store.system_write(current_time(), request_jobs, names=sorted(missing))
        self._due_at |= {kind: now + self._jobs[kind].look_seconds for kind in kinds}
        return True

    def pause_after(self, error: StoreBusy) -> None:
        """Have the next turn wait after one that the database ended."""
        later = time.monotonic() + pause_after(error)
        self._due_at = {kind: max(later, due_at) for kind, due_at in self._due_at.items()}

    def _list_work(self, tx: Tx, *, kinds: Sequence[str]) -> list[tuple[str, str]]:
        """The kinds and subjects of the project's jobs that have work."""
        return [(kind, subject) for kind in kinds for subject in self._jobs[kind].list_subjects(tx)]
