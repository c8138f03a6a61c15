"""The registries of background work: the work of each kind of job, and what expires. No SQL.

A new kind of job, and a new table with ``expires_at``, needs a line here; a test says so.
"""

from __future__ import annotations

from daftari.model.jobs import JobKind
from daftari.rules.audiences import expire_audience, has_expired_audience
from daftari.rules.exports.lifecycle import expire_export, has_expired_export
from daftari.rules.idempotency import expire_replays, has_expired_replay
from daftari.rules.imports.lifecycle import expire_import, has_expired_import
from daftari.worker.expiry import Expiring
from daftari.worker.exports import ExportWork
from daftari.worker.imports import ImportWork
from daftari.worker.purge import EraseWork, PurgeWork
from daftari.worker.work import BeginWork

JOBS: dict[str, BeginWork] = {
    JobKind.ERASE: EraseWork,
    JobKind.EXPORT: ExportWork,
    JobKind.IMPORT: ImportWork,
    JobKind.PURGE: PurgeWork,
}

EXPIRING = (
    Expiring("audience", has_expired_audience, expire_audience),
    Expiring("export", has_expired_export, expire_export),
    Expiring("import", has_expired_import, expire_import),
    Expiring("idempotency", has_expired_replay, expire_replays),
)
