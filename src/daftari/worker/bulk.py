"""Does jobs on many contacts, the oldest first, a part of 1,000 a step. What it does is ``rules/bulk``'s. No SQL."""

from __future__ import annotations

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.bulk.jobs import actor_of, find_open_bulk, step_bulk, stop_bulk
from daftari.store import Store
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Steps


class BulkWork(Steps):
    """The jobs of one project on many contacts."""

    def __init__(self, store: Store, project: Project, *, may_continue: MayContinue) -> None:
        self._store = store
        self._project = project

    def step(self) -> bool:
        """Do a part, or undo one. Returns whether there was a job."""
        found = self._store.read(self._project, current_time(), find_open_bulk)
        if found is None:
            return False
        self._store.write(self._project, actor_of(found), current_time(), step_bulk, bulk_id=found.id)
        return True

    def fail(self, error: str) -> bool:
        """End the job whose part cannot be done. Returns whether there was one."""
        found = self._store.read(self._project, current_time(), find_open_bulk)
        if found is None:
            return False
        self._store.write(self._project, WORKER, current_time(), stop_bulk, bulk_id=found.id, error=error)
        return True
