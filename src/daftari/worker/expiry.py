"""Deletes what has expired, a step at a time. What expires is listed in ``jobs.py``. No SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct

from daftari.errors import Unauthenticated
from daftari.model.time import current_time
from daftari.rules.access.projects import list_projects
from daftari.store import Store, Tx, WriteTx
from daftari.worker.leases import WORKER


class Expiring(Struct, frozen=True):
    """Rows of a table that expire: whether some have, and a step of deleting them."""

    table: str
    has_expired: Callable[[Tx], bool]
    expire: Callable[[WriteTx], object]


def delete_expired(should_stop: Callable[[float], bool], *, store: Store, tables: Sequence[Expiring]) -> None:
    """Delete what has expired, in every project, a step a transaction, until ``should_stop`` returns ``True``."""
    for project in store.system_read(current_time(), list_projects):
        # The project may be deleted meanwhile, and everything in it with it.
        with suppress(Unauthenticated):
            for expiring in tables:
                while store.read(project, current_time(), expiring.has_expired):
                    if should_stop(0.0):
                        return
                    store.write(project, WORKER, current_time(), expiring.expire)
