"""A worker's work on what was deleted or erased in one project, a turn at a time.

This room must not know what a turn changes.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from daftari.model.jobs import ERASE, Job
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.erasure.clear import clear_erased
from daftari.rules.erasure.purge import has_book, is_deleted, purge_book, purge_group, purge_project
from daftari.store import Store
from daftari.worker.leases import WORKER


class PurgeWork:
    """Members of deleted groups, what names the erased, or the whole of a deleted project."""

    def __init__(self, store: Store, job: Job, project: Project) -> None:
        self._store = store
        self._job = job
        self._project = project

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to let go of."""

    def fail(self, error: str) -> bool:
        """What was deleted has to be cleared up, whatever happens."""
        return False

    def turn(self) -> bool:
        """One turn. Returns whether there may be another one."""
        store, project = self._store, self._project
        if not store.system_read(current_time(), is_deleted, project_id=project.id):
            step = clear_erased if self._job.kind == ERASE else purge_group
            return store.purge(project, WORKER, current_time(), step)
        if store.read(project, current_time(), has_book):
            store.purge(project, WORKER, current_time(), purge_book)
            return True
        store.system_write(current_time(), purge_project, project_id=project.id)
        return False
