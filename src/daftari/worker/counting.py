"""Counts what changed in one project into the figures of days, a step at a time. What is counted is a rule. No SQL."""

from __future__ import annotations

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.daily import count_changes
from daftari.store import Store
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Steps


class CountWork(Steps):
    """Counts changes of the feed."""

    def __init__(self, store: Store, project: Project, *, may_continue: MayContinue) -> None:
        self._store = store
        self._project = project

    def step(self) -> bool:
        """Count some changes. Returns whether there were any."""
        return self._store.write(self._project, WORKER, current_time(), count_changes)
