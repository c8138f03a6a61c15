"""Imports on a server: files are uploaded, the server's worker imports them, and this process waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from daftari.cli.imports.status import ImportRow, ImportStatus
from daftari.cli.imports.target import POLL_SECONDS, Action, OnStatus, format_options, upload_progress
from daftari.cli.server import open_client
from daftari.cli.terminal.output import INTERRUPTED, fail, say
from daftari.cli.terminal.progress import OnProgress
from daftari.cli.terminal.signals import ShouldStop
from daftari.errors import TooLarge
from daftari.model.limits import FILE_BYTES_MAX
from daftari.rules.imports.request import ImportRequest
from daftari_client import Client, Import
from daftari_client.errors import WrongImportState

QUEUED_SECONDS = 30.0
"""An import that is queued for so long may have no worker."""
ROWS_PER_STEP = 1_000


class _Stopped(Exception):
    """The command should stop waiting."""


class ServerTarget:
    """The imports of a project on a server."""

    def __init__(self, client: Client, *, options: str) -> None:
        self._client = client
        self._options = options

    @property
    def options(self) -> str:
        return self._options

    def create(
        self, file: BinaryIO, *, request: ImportRequest, on_progress: OnProgress, should_stop: ShouldStop
    ) -> ImportStatus:
        size = file.seek(0, 2)
        if size > FILE_BYTES_MAX:
            raise TooLarge(f"The file is larger than the {FILE_BYTES_MAX} bytes that an import takes.")
        file.seek(0)

        def note(sent: int, total: int | None) -> None:
            if should_stop():
                raise fail("Stopped before the whole file was stored; nothing was imported.", code=INTERRUPTED)
            on_progress(upload_progress(request.name, sent, size))

        created = self._client.imports.create(
            file,
            name=request.name,
            kind=request.kind,
            group=request.group,
            columns={column: None if field == "-" else field for column, field in request.mapping.items()} or None,
            plan=request.planned,
            attributes=request.attributes,
            keep_ids=request.keep_ids,
            fire_triggers=request.fire_triggers,
            sheet=request.sheet,
            header_row=request.header_row,
            progress=note,
            **request.common,
        )
        return _to_status(created)

    def get(self, import_id: int) -> ImportStatus:
        return _to_status(self._client.imports.get(import_id))

    def list_newest(self, *, limit: int) -> list[ImportStatus]:
        return [_to_status(found) for found in islice(self._client.imports.iterate(), limit)]

    def iterate_rows(self, import_id: int, *, after: int) -> Iterator[list[ImportRow]]:
        rows = self._client.imports.rows(import_id, after=after or None)
        while some := list(islice(rows, ROWS_PER_STEP)):
            yield msgspec.convert(some, list[ImportRow], from_attributes=True)

    def write_rejects(self, import_id: int, *, file: BinaryIO) -> None:
        self._client.imports.save_rejects(import_id, file)

    def change(self, import_id: int, action: Action, **values: Any) -> ImportStatus:
        calls = self._client.imports
        if action == "undo":
            return _to_status(calls.undo(import_id, **values))
        change = {"apply": calls.apply, "pause": calls.pause, "resume": calls.resume, "cancel": calls.cancel}[action]
        return _to_status(change(import_id))

    def follow(self, import_id: int, *, on_status: OnStatus, should_stop: ShouldStop) -> ImportStatus:
        warn_at = time.monotonic() + QUEUED_SECONDS

        def check(found: Import) -> None:
            nonlocal warn_at
            on_status(_to_status(found))
            if should_stop():
                raise _Stopped
            if found.state == "queued" and time.monotonic() > warn_at:
                say("The server has not started the import yet; is a worker running there?")
                warn_at = float("inf")

        try:
            return _to_status(self._client.imports.wait(import_id, pause_seconds_max=POLL_SECONDS, on_poll=check))
        except _Stopped:
            return self._pause(import_id)

    def _pause(self, import_id: int) -> ImportStatus:
        try:
            return self.change(import_id, "pause")
        except WrongImportState:
            # It has just ended.
            return self.get(import_id)


@contextmanager
def open_server(url: str, key: str, *, project: str | None) -> Iterator[ServerTarget]:
    """The imports of a project on a server, until the block ends. Raises ``typer.Exit`` after its message."""
    with open_client(url, key, project=project) as client:
        yield ServerTarget(client, options=format_options(project=project, url=url))


def _to_status(found: Import) -> ImportStatus:
    """The members that the server sent, with times as the API writes them."""
    members = msgspec.to_builtins(found, builtin_types=(datetime,))
    times = {name: f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" for name, value in members.items() if isinstance(value, datetime)}
    return msgspec.convert(
        {name: value for name, value in (members | times).items() if value is not None}, ImportStatus
    )
