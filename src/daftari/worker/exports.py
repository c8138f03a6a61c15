"""Making an export's file: read in one snapshot into a file without a name, then kept in the database in turns.

No snapshot is open while anything is kept. Killed anywhere, or told that the export is not wanted any more, nothing is
left of the try but parts that the next one clears. This room must not know what stands in the file.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Concatenate, ParamSpec, Self, TypeVar

from daftari.errors import ValidationFailed
from daftari.model.limits import PART_BYTES, PARTS_A_TURN
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.exports.lifecycle import Attempt, begin_export, clear_exports, fail_export, finish_export, keep_parts
from daftari.rules.exports.snapshot import Counted
from daftari.rules.exports.write import FileDefinition, write_export
from daftari.store import Store, WriteTx
from daftari.worker.leases import WORKER

BEAT_SECONDS = 5.0
"""How often a worker that reads for long shows that it is alive."""
NO_ROOM = "There was no room on the worker's disk; make some and export anew."

P = ParamSpec("P")
T = TypeVar("T")
Goes = Callable[[], bool]
"""Shows that the worker is alive; ``False`` when it is to stop, or has lost the job."""


class _Stopped(Exception):
    """The worker is to stop, or has lost the job."""


class ExportWork:
    """The exports of one project: a turn clears some of what nobody may fetch, or else makes one file."""

    def __init__(self, store: Store, project: Project, *, goes: Goes) -> None:
        self._store = store
        self._project = project
        self._goes = goes
        self._attempt: Attempt | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to let go of."""

    def turn(self) -> bool:
        """One turn. Returns whether there may be another one."""
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
        except OSError:
            self._write(fail_export, attempt=attempt, error=NO_ROOM)
        except _Stopped:
            pass
        return True

    def fail(self, error: str) -> bool:
        """What was being made cannot be; returns whether there was anything."""
        if self._attempt is None:
            return False
        self._write(fail_export, attempt=self._attempt, error=error)
        return True

    def _make_file(self, attempt: Attempt, file: BinaryIO) -> Counted:
        settings = attempt.settings
        definition = FileDefinition(settings.format, settings.group_id, settings.consent)
        return self._store.read(
            self._project, current_time(), write_export, definition=definition, file=file, watch=_Beat(self._goes)
        )

    def _keep_file(self, attempt: Attempt, file: BinaryIO, counted: Counted) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = 0
        while parts := [part for _ in range(PARTS_A_TURN) if (part := file.read(PART_BYTES))]:
            if not self._goes() or not self._write(keep_parts, attempt=attempt, first=first, parts=parts):
                return
            self._store.tidy()
            first += len(parts)
        rows = counted.contacts + counted.numbers
        self._write(finish_export, attempt=attempt, rows=rows, size=size)

    def _write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.write(self._project, WORKER, current_time(), rule, *args, **kwargs)


class _Beat:
    """Shows that the worker is alive, while it reads, every few seconds."""

    def __init__(self, goes: Goes) -> None:
        self._goes = goes
        self._next = time.monotonic() + BEAT_SECONDS

    def __call__(self, written: int) -> None:
        if time.monotonic() >= self._next:
            if not self._goes():
                raise _Stopped
            self._next = time.monotonic() + BEAT_SECONDS
