"""Imports of a database that is at hand: this process works on them itself, unless a worker does already.

This room must not know how anything is printed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, BinaryIO, TypeVar

import msgspec

from daftari.cli.imports.source import POLL_SECONDS, ROWS_AT_ONCE, SENDING, UNDER_WAY, Note, Shown
from daftari.cli.terminal.output import INTERRUPTED, fail
from daftari.cli.terminal.signals import Stop, pause
from daftari.errors import StoreBusy, StoreUnavailable, WrongImportState
from daftari.model.jobs import JobKind
from daftari.model.limits import PART_BYTES
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.imports import lifecycle, views
from daftari.rules.imports.model import Import, ImportSettings
from daftari.rules.imports.rejects import write_rejects
from daftari.rules.imports.request import ImportRequest, keep_file
from daftari.rules.imports.views import show_import
from daftari.sandbox import read_request
from daftari.serving.child import GARBAGE_RECORDS
from daftari.store import Store, Tx
from daftari.worker import run_job

BUSY_SECONDS = 0.2
"""How long to leave alone a database that is busy."""
BUSY_SECONDS_MAX = 60.0
"""How long a busy database is waited for."""
NOT_WHOLE = "Stopped before the file was there whole; nothing of it was imported."

T = TypeVar("T")


class Here:
    """The imports of a project of a store. ``options``: what a command must say to come here again."""

    def __init__(self, store: Store, project: Project, *, options: str) -> None:
        self._store = store
        self._project = project
        self._options = options

    @property
    def options(self) -> str:
        return self._options

    def create(self, file: IO[bytes], *, wanted: ImportRequest, note: Note, told: Stop) -> Shown:
        settings = read_request(file, request=wanted, region=self._project.region, now=current_time())
        sending = {"state": SENDING, "name": settings.name, "bytes": settings.bytes, **_about_layout(settings)}

        def write(rule: Callable[..., Any], **values: Any) -> Any:
            if told():
                raise fail(NOT_WHOLE, code=INTERRUPTED)
            parts = values.get("first", 0) + len(values.get("parts", ()))
            note({**sending, "bytes_read": min(parts * PART_BYTES, settings.bytes)})
            return self._write(rule, **values)

        import_id = keep_file(write, file, settings=settings)
        found: Import = self._write(lifecycle.queue_import, import_id=import_id)
        return _show(found)

    def get(self, import_id: int) -> Shown:
        return _show(self._store.read(self._project, current_time(), lifecycle.look_at_import, import_id=import_id))

    def list_newest(self, *, limit: int) -> list[Shown]:
        return [
            _show(found)
            for found in self._store.read(self._project, current_time(), lifecycle.list_imports, before=0, limit=limit)
        ]

    def walk_rows(self, import_id: int, *, after: int) -> Iterator[list[Shown]]:
        while some := self._store.read(
            self._project, current_time(), views.list_rows, import_id=import_id, after=after, limit=ROWS_AT_ONCE
        ):
            yield msgspec.to_builtins(some)
            after = some[-1].row

    def write_rejects(self, import_id: int, *, file: BinaryIO) -> None:
        def write(tx: Tx) -> None:
            # A snapshot that was lost is taken anew.
            file.seek(0)
            file.truncate()
            write_rejects(tx, import_id=import_id, file=file)

        self._store.read(self._project, current_time(), write)

    def tell(self, import_id: int, verb: str, **values: object) -> Shown:
        told: Callable[..., Import] = _VERBS[verb]
        return _show(self._write(told, import_id=import_id, **values))

    def follow(self, import_id: int, *, note: Note, told: Stop) -> Shown:
        with _seldom_tidied_memory():
            return self._follow(import_id, note, told)

    def _follow(self, import_id: int, note: Note, told: Stop) -> Shown:
        while True:
            shown = self.get(import_id)
            note(shown)
            if shown["state"] not in UNDER_WAY:
                return shown
            if told():
                return self._pause(import_id)
            is_over = partial(self._is_over, import_id, note, told)
            work = partial(run_job, is_over, store=self._store, project_id=self._project.id, kind=JobKind.IMPORT)
            if not _patiently(work):
                # A worker has it.
                pause(POLL_SECONDS, told=told)

    def _is_over(self, import_id: int, note: Note, told: Stop, seconds: float) -> bool:
        """Whether to let go of the work: told to stop, or others wait that this command was not asked for.

        What is left of an import's file is still cleared away.
        """
        pause(seconds, told=told)
        shown = self.get(import_id)
        note(shown)
        return told() or (
            shown["state"] not in UNDER_WAY
            and self._store.read(self._project, current_time(), lifecycle.find_work) is not None
        )

    def _pause(self, import_id: int) -> Shown:
        try:
            return self.tell(import_id, "pause")
        except WrongImportState:
            # It has ended by itself meanwhile.
            return self.get(import_id)

    def _write(self, rule: Callable[..., T], **values: Any) -> T:
        return _patiently(
            lambda: self._store.write(self._project, Actor(None, "import"), current_time(), rule, **values)
        )


_VERBS: dict[str, Callable[..., Import]] = {
    "apply": lifecycle.apply_import,
    "pause": lifecycle.pause_import,
    "resume": lifecycle.resume_import,
    "cancel": lifecycle.cancel_import,
    "undo": lifecycle.undo_import,
}


@contextmanager
def _seldom_tidied_memory() -> Iterator[None]:
    """A batch makes ten thousands of records that hold no circle; looking through them for one costs time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(GARBAGE_RECORDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _patiently(call: Callable[[], T]) -> T:
    """What a call returns, tried again while others are writing."""
    until = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            return call()
        except StoreUnavailable:
            raise
        except StoreBusy:
            if time.monotonic() > until:
                raise
            time.sleep(BUSY_SECONDS)


def _show(found: Import) -> Shown:
    shown: Shown = msgspec.to_builtins(show_import(found))
    return shown | _about_layout(found.settings)


def _about_layout(settings: ImportSettings) -> Shown:
    """What a command tells beside what the API shows: how the file is read."""
    layout = settings.layout
    return {
        "kind": settings.kind,
        "format": layout.format,
        "encoding": layout.encoding,
        "delimiter": layout.delimiter if layout.format == "csv" else None,
        "sheet": layout.sheet,
        "header": layout.header,
        "columns": [{"name": use.name, "field": use.field} for use in settings.uses],
        "attributes": settings.attributes,
        "keep_ids": settings.keep_ids,
    }
