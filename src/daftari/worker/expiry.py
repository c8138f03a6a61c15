"""The registry of what expires, and deleting it. A new table with ``expires_at`` needs a line here. No SQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from daftari.errors import Unauthenticated
from daftari.model.time import current_time
from daftari.rules.access.projects import list_projects
from daftari.rules.audiences import expire_audience, has_expired_audience
from daftari.rules.exports.lifecycle import expire_export, has_expired_export
from daftari.rules.idempotency import expire_replays, has_expired_replay
from daftari.rules.imports.lifecycle import expire_import, has_expired_import
from daftari.store import Store, Tx, WriteTx
from daftari.worker.leases import WORKER


class Expiring(Struct, frozen=True):
    """Rows of a table that expire: whether some have, and a step of deleting them."""

    table: str
    has_expired: Callable[[Tx], bool]
    expire: Callable[[WriteTx], object]


EXPIRING = (
    Expiring("audience", has_expired_audience, expire_audience),
    Expiring("export", has_expired_export, expire_export),
    Expiring("import", has_expired_import, expire_import),
    Expiring("idempotency", has_expired_replay, expire_replays),
)


def delete_expired(should_stop: Callable[[float], bool], *, store: Store) -> None:
    """Delete what has expired, in every project, a step a transaction, until ``should_stop`` returns ``True``."""
    for project in store.system_read(current_time(), list_projects):
        # The project may be deleted meanwhile, and everything in it with it.
        with suppress(Unauthenticated):
            for expiring in EXPIRING:
                while store.read(project, current_time(), expiring.has_expired):
                    if should_stop(0.0):
                        return
                    store.write(project, WORKER, current_time(), expiring.expire)
