"""The work after a delete or an erasure in one project, a step at a time. What a step changes is a rule. No SQL."""

from __future__ import annotations

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.erasure.clear import clear_erased
from daftari.rules.erasure.purge import has_book, is_deleted, purge_book, purge_group, purge_project
from daftari.store import Store
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Steps


class PurgeWork(Steps):
    """Deletes the members of deleted groups, or all of a deleted project."""

    def __init__(self, store: Store, project: Project, *, may_continue: MayContinue) -> None:
        self._store = store
        self._project = project

    def step(self) -> bool:
        """Delete some rows. Returns whether any are left."""
        store, project = self._store, self._project
        if not store.system_read(current_time(), is_deleted, project_id=project.id):
            return store.write(project, WORKER, current_time(), purge_group)
        if store.read(project, current_time(), has_book):
            store.purge(project, WORKER, current_time(), purge_book)
            return True
        store.system_write(current_time(), purge_project, project_id=project.id)
        return False


class EraseWork(Steps):
    """Clears the ids of erased contacts from what still names them."""

    def __init__(self, store: Store, project: Project, *, may_continue: MayContinue) -> None:
        self._store = store
        self._project = project

    def step(self) -> bool:
        """Clear some rows. Returns whether any are left."""
        return self._store.write(self._project, WORKER, current_time(), clear_erased)
