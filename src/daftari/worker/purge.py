"""A worker's work on what was deleted or erased in one project, a turn at a time.

This room must not know what a turn changes.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from daftari.model.jobs import ERASE, Job
from daftari.rules.erasure.clear import clear_journal
from daftari.rules.erasure.purge import has_book, is_deleted, purge_book, purge_group, purge_project
from daftari.store import Store
from daftari.worker.leases import WORKER


class PurgeWork:
    """Members of deleted groups, what names the erased, or the whole of a deleted project."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job = job

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
        project_id = self._job.project_id
        if not self._store.system_read(is_deleted, project_id=project_id):
            return self._store.purge(project_id, WORKER, clear_journal if self._job.kind == ERASE else purge_group)
        if self._store.read(project_id, has_book):
            self._store.purge(project_id, WORKER, purge_book)
            return True
        self._store.system_write(purge_project, project_id=project_id)
        return False
