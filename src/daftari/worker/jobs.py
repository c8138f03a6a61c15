"""The registry of jobs: what a worker does for each kind. A new kind needs a line here, and a test says so. No SQL."""

from __future__ import annotations

from daftari.model.jobs import JobKind
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
