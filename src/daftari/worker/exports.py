"""Makes the files of exports: reads one snapshot into an unnamed file, then stores that in the database in steps.

No snapshot is open while parts are stored. An attempt that is killed, or whose export is deleted, leaves only parts
that the next step deletes. The contents of the file are ``rules/exports``'s. No SQL.
"""

from __future__ import annotations

import errno
import gc
import os
import tempfile
from collections.abc import Callable
from typing import BinaryIO, Concatenate, ParamSpec, TypeVar

from daftari.errors import StoreBusy, ValidationFailed
from daftari.model.limits import PART_BYTES, PARTS_PER_STEP
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.exports.lifecycle import (
    Attempt,
    begin_export,
    clear_exports,
    fail_export,
    finish_export,
    keep_parts,
    postpone_export,
)
from daftari.rules.exports.snapshot import Counted
from daftari.rules.exports.write import FileDefinition, write_export
from daftari.store import Store, WriteTx
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Steps

NO_ROOM = "The worker's disk is full; free some space."
NO_ROOM_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

P = ParamSpec("P")
T = TypeVar("T")


class _Stopped(Exception):
    """The worker is to stop, or has lost the job."""


class ExportWork(Steps):
    """The exports of one project: a step deletes some parts of removed files, or else makes one file."""

    def __init__(self, store: Store, project: Project, *, may_continue: MayContinue) -> None:
        self._store = store
        self._project = project
        self._may_continue = may_continue
        self._attempt: Attempt | None = None
        self._interrupted: str | None = None

    def step(self) -> bool:
        """Delete some parts, or make one file. Returns whether there may be more to do."""
        if self._attempt is not None and self._interrupted is not None:
            # A workbook that was not finished is in reference cycles, and keeps its files open until they are found.
            gc.collect()
            self._write(postpone_export, attempt=self._attempt, error=self._interrupted)
            self._interrupted = None
        if self._write(clear_exports):
            return True
        self._attempt = attempt = self._write(begin_export)
        if attempt is None:
            return False
        try:
            with tempfile.TemporaryFile(prefix="daftari-export-") as file:
                self._keep_file(attempt, file, self._make_file(attempt, file))
        except ValidationFailed as error:
            self._write(fail_export, attempt=attempt, error=error.message)
        except StoreBusy as error:
            # Nothing can be written now. The next step does it.
            self._interrupted = error.message
            raise
        except OSError as error:
            why = NO_ROOM if error.errno in NO_ROOM_ERRORS else f"The file cannot be written: {error.strerror}."
            self._interrupted = why
        except _Stopped:
            pass
        return True

    def fail(self, error: str) -> bool:
        """End the export that was being made, if any. Returns whether there was one."""
        if self._attempt is None:
            return False
        self._write(fail_export, attempt=self._attempt, error=error)
        return True

    def _make_file(self, attempt: Attempt, file: BinaryIO) -> Counted:
        settings = attempt.settings
        definition = FileDefinition(settings.format, settings.group_id, settings.consent)
        return self._store.read(
            self._project,
            current_time(),
            write_export,
            definition=definition,
            file=file,
            watch=self._watch,
        )

    def _keep_file(self, attempt: Attempt, file: BinaryIO, counted: Counted) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = 0
        while parts := [part for _ in range(PARTS_PER_STEP) if (part := file.read(PART_BYTES))]:
            if not self._may_continue() or not self._write(keep_parts, attempt=attempt, first=first, parts=parts):
                return
            self._store.maintain()
            first += len(parts)
        rows = counted.contacts + counted.numbers
        self._write(finish_export, attempt=attempt, rows=rows, size=size)

    def _watch(self, written: int) -> None:
        if not self._may_continue():
            raise _Stopped

    def _write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.write(self._project, WORKER, current_time(), rule, *args, **kwargs)
