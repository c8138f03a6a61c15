"""Imports in a database: this process works on them, unless a worker already does. Nothing here prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO, TypeVar

import msgspec

from daftari.cli.imports.status import UNDER_WAY, Column, ImportRow, ImportStatus
from daftari.cli.imports.target import POLL_SECONDS, Action, OnStatus, upload_progress
from daftari.cli.terminal.output import INTERRUPTED, fail
from daftari.cli.terminal.progress import OnProgress
from daftari.cli.terminal.signals import ShouldStop, pause
from daftari.errors import StoreBusy, StoreUnavailable, WrongImportState
from daftari.memory import rare_cycle_checks
from daftari.model.jobs import JobKind
from daftari.model.limits import PART_BYTES
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.imports import lifecycle, views
from daftari.rules.imports.model import Import
from daftari.rules.imports.rejects import write_rejects
from daftari.rules.imports.request import ImportRequest, keep_file
from daftari.sandbox.process import read_request
from daftari.store import Store, Tx
from daftari.worker import run_job

BUSY_PAUSE_SECONDS = 0.2
"""The pause before a busy database is tried again."""
BUSY_SECONDS_MAX = 60.0
"""How long a busy database is tried."""
ROWS_PER_READ = 1_000

T = TypeVar("T")


class LocalTarget:
    """The imports of a project in a store. ``options`` are those that lead a command here again."""

    def __init__(self, store: Store, project: Project, *, options: str) -> None:
        self._store = store
        self._project = project
        self._options = options

    @property
    def options(self) -> str:
        return self._options

    def create(
        self, file: BinaryIO, *, request: ImportRequest, on_progress: OnProgress, should_stop: ShouldStop
    ) -> ImportStatus:
        settings = read_request(file, request=request, region=self._project.region, now=current_time())

        def write(rule: Callable[..., Any], **values: Any) -> Any:
            if should_stop():
                raise fail("Stopped before the whole file was stored; nothing was imported.", code=INTERRUPTED)
            parts = values.get("first", 0) + len(values.get("parts", ()))
            on_progress(upload_progress(settings.name, min(parts * PART_BYTES, settings.bytes), settings.bytes))
            return self._write(rule, **values)

        import_id = keep_file(write, file, settings=settings)
        return _to_status(self._write(lifecycle.queue_import, import_id=import_id))

    def get(self, import_id: int) -> ImportStatus:
        return _to_status(self._read(lifecycle.look_at_import, import_id=import_id))

    def list_newest(self, *, limit: int) -> list[ImportStatus]:
        return [_to_status(found) for found in self._read(lifecycle.list_imports, before=0, limit=limit)]

    def iterate_rows(self, import_id: int, *, after: int) -> Iterator[list[ImportRow]]:
        while found := self._read(views.list_rows, import_id=import_id, after=after, limit=ROWS_PER_READ):
            rows = msgspec.convert(msgspec.to_builtins(found), list[ImportRow])
            yield rows
            after = rows[-1].row

    def write_rejects(self, import_id: int, *, file: BinaryIO) -> None:
        def write(tx: Tx) -> None:
            # The store may call this again.
            file.seek(0)
            file.truncate()
            write_rejects(tx, import_id=import_id, file=file)

        self._read(write)

    def change(self, import_id: int, action: Action, **values: object) -> ImportStatus:
        return _to_status(self._write(_RULES[action], import_id=import_id, **values))

    def follow(self, import_id: int, *, on_status: OnStatus, should_stop: ShouldStop) -> ImportStatus:
        with rare_cycle_checks():
            while True:
                status = self.get(import_id)
                on_status(status)
                if status.state not in UNDER_WAY:
                    return status
                if should_stop():
                    return self._pause(import_id)
                is_over = partial(self._is_over, import_id, on_status, should_stop)
                work = partial(run_job, is_over, store=self._store, project_id=self._project.id, kind=JobKind.IMPORT)
                if not _retry_while_busy(work):
                    # A worker has it.
                    pause(POLL_SECONDS, should_stop=should_stop)

    def _is_over(self, import_id: int, on_status: OnStatus, should_stop: ShouldStop, seconds: float) -> bool:
        """Whether to leave the rest of the work: the command should stop, or what is left is another import's.

        What is left of this import's own file is still cleared.
        """
        pause(seconds, should_stop=should_stop)
        status = self.get(import_id)
        on_status(status)
        return should_stop() or (status.state not in UNDER_WAY and self._read(lifecycle.find_work) is not None)

    def _pause(self, import_id: int) -> ImportStatus:
        try:
            return self.change(import_id, "pause")
        except WrongImportState:
            # It has just ended.
            return self.get(import_id)

    def _read(self, rule: Callable[..., T], **values: Any) -> T:
        return self._store.read(self._project, current_time(), rule, **values)

    def _write(self, rule: Callable[..., T], **values: Any) -> T:
        actor = Actor(None, "import")
        return _retry_while_busy(lambda: self._store.write(self._project, actor, current_time(), rule, **values))


_RULES: dict[Action, Callable[..., Import]] = {
    "apply": lifecycle.apply_import,
    "pause": lifecycle.pause_import,
    "resume": lifecycle.resume_import,
    "cancel": lifecycle.cancel_import,
    "undo": lifecycle.undo_import,
}


def _retry_while_busy(call: Callable[[], T]) -> T:
    until = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            return call()
        except StoreUnavailable:
            raise
        except StoreBusy:
            if time.monotonic() > until:
                raise
            time.sleep(BUSY_PAUSE_SECONDS)


def _to_status(found: Import) -> ImportStatus:
    settings = found.settings
    layout = settings.layout
    status = msgspec.convert(msgspec.to_builtins(views.show_import(found)), ImportStatus)
    return msgspec.structs.replace(
        status,
        columns=msgspec.convert(settings.uses, list[Column], from_attributes=True),
        encoding=layout.encoding,
        delimiter=layout.delimiter if layout.format == "csv" else None,
        header=layout.header,
        attributes=settings.attributes,
        keep_ids=settings.keep_ids,
    )
