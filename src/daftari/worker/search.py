"""Fills the search index of one project and keeps it up, some contacts a step. What a step writes is a rule. No SQL."""

from __future__ import annotations

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.search.index import (
    CONTACTS_PER_STEP,
    CONTACTS_WHILE_AWAITED,
    Step,
    apply_step,
    is_index_due,
    prepare_step,
)
from daftari.store import Store, WriteTx
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Steps


class IndexWork(Steps):
    """Writes the search index."""

    def __init__(self, store: Store, project: Project, *, may_continue: MayContinue) -> None:
        self._store = store
        self._project = project
        self._contacts_max = CONTACTS_PER_STEP

    def step(self) -> bool:
        """Write some contacts. Returns whether there may be more to write now."""
        store, project = self._store, self._project
        if not store.read(project, current_time(), is_index_due):
            return False
        # Prepared without the lock: it takes most of the time.
        step = store.read(project, current_time(), prepare_step, contacts_max=self._contacts_max)
        is_awaited = store.write(project, WORKER, current_time(), _apply, step=step)
        self._contacts_max = CONTACTS_WHILE_AWAITED if is_awaited else CONTACTS_PER_STEP
        return True


def _apply(tx: WriteTx, *, step: Step) -> bool:
    """Write a step. Returns whether another writer waits for the lock."""
    apply_step(tx, step=step)
    return tx.is_awaited()
