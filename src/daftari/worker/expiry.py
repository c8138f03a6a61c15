"""Deletes what has expired in one project, a step at a time. What expires is listed in ``jobs.py``. No SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.store import Store, Tx, WriteTx
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Steps


class Expiring(Struct, frozen=True):
    """Rows of a table that expire: whether some have, and a step of deleting them."""

    table: str
    has_expired: Callable[[Tx], bool]
    expire: Callable[[WriteTx], object]


class ExpireWork(Steps):
    """Deletes what has expired in some tables."""

    def __init__(
        self, store: Store, project: Project, *, may_continue: MayContinue, tables: Sequence[Expiring]
    ) -> None:
        self._store = store
        self._project = project
        self._tables = tables

    def step(self) -> bool:
        """Delete some rows of one table. Returns whether there were any."""
        for table in self._tables:
            if self._store.read(self._project, current_time(), table.has_expired):
                self._store.write(self._project, WORKER, current_time(), table.expire)
                return True
        return False
