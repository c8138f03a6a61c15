"""Imports on a server elsewhere: files are streamed to it, its worker works on them, and this process watches.

This room must not know how anything is printed.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from itertools import chain, islice
from typing import IO, Any, BinaryIO

import msgspec

from daftari.cli.imports.source import SENDING, UNDER_WAY, Note, Shown, written_options
from daftari.cli.remote import Remote
from daftari.cli.terminal.output import INTERRUPTED, fail, say
from daftari.cli.terminal.signals import Stop, pause
from daftari.errors import TooLarge
from daftari.model.limits import FILE_BYTES_MAX
from daftari.rules.imports.request import ImportRequest

PIECE_BYTES = 256 * 1024
POLL_SECONDS = 0.5
QUEUED_SECONDS = 30.0
"""After so long in the queue, somebody should look whether a worker runs."""


class FileRemote(Remote):
    """A server that takes whole files."""

    def upload(self, path: str, file: IO[bytes], *, query: dict[str, str], note: Note, told: Stop) -> Shown:
        """The JSON that an upload answers. However often it is tried again, it is one upload."""
        length = file.seek(0, 2)
        name = query.get("name", "")
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(length),
            "Idempotency-Key": f'"{uuid.uuid4()}"',
        }

        def pieces() -> Iterator[bytes]:
            file.seek(0)
            while piece := file.read(PIECE_BYTES):
                if told():
                    raise fail("Stopped before the file was there whole; nothing of it was imported.", code=INTERRUPTED)
                yield piece
                note({"state": SENDING, "name": name, "bytes": length, "bytes_read": file.tell()})

        def attempt() -> Shown:
            answer = self._client.post(self._url + path, params=query, content=pieces(), headers=headers)
            self._refuse(answer)
            return msgspec.json.decode(answer.content, type=dict[str, Any])

        return self._tried(attempt)


class There:
    """The imports of a project of a server."""

    def __init__(self, remote: FileRemote, *, url: str, project: str | None) -> None:
        self._remote = remote
        self._url = url
        self._project = project
        self._named = {} if project is None else {"project": project}

    @property
    def options(self) -> str:
        return written_options(project=self._project, url=self._url)

    def create(self, file: IO[bytes], *, wanted: ImportRequest, note: Note, told: Stop) -> Shown:
        if file.seek(0, 2) > FILE_BYTES_MAX:
            raise TooLarge(f"The file is larger than the {FILE_BYTES_MAX} bytes that an import takes.")
        answer = self._remote.upload("/v1/imports", file, query=self._query(wanted), note=note, told=told)
        return self._import(answer)

    def get(self, import_id: int) -> Shown:
        return self._import(self._remote.call("GET", f"/v1/imports/{import_id}", **self._named))

    def list_newest(self, *, limit: int) -> list[Shown]:
        pages = self._walk("/v1/imports", "imports", after=None)
        return list(islice(chain.from_iterable(pages), limit))

    def walk_rows(self, import_id: int, *, after: int) -> Iterator[list[Shown]]:
        return self._walk(f"/v1/imports/{import_id}/rows", "rows", after=after or None)

    def _walk(self, path: str, member: str, *, after: object) -> Iterator[list[Shown]]:
        while True:
            answer = self._remote.call("GET", path, after=after, **self._named)
            if answer[member]:
                yield answer[member]
            after = answer["next"]
            if after is None:
                return

    def write_rejects(self, import_id: int, *, file: BinaryIO) -> None:
        self._remote.download(f"/v1/imports/{import_id}/rejects", file, **self._named)

    def tell(self, import_id: int, verb: str, **values: object) -> Shown:
        given = {name: value for name, value in values.items() if value is not None}
        return self._import(self._remote.call("POST", f"/v1/imports/{import_id}/{verb}", **given, **self._named))

    def follow(self, import_id: int, *, note: Note, told: Stop) -> Shown:
        asks_for_worker = time.monotonic() + QUEUED_SECONDS
        while True:
            shown = self.get(import_id)
            note(shown)
            if shown["state"] not in UNDER_WAY:
                return shown
            if told():
                return self._pause(import_id)
            if shown["state"] == "queued" and time.monotonic() > asks_for_worker:
                say("The server has not begun yet; does a worker run there?")
                asks_for_worker = float("inf")
            pause(POLL_SECONDS, told=told)

    def _pause(self, import_id: int) -> Shown:
        """The import, paused; or as it ended just before."""
        answer = self._remote.call_if_possible("POST", f"/v1/imports/{import_id}/pause", **self._named)
        return self.get(import_id) if answer is None else self._import(answer)

    def _query(self, wanted: ImportRequest) -> dict[str, str]:
        flags = {"plan": wanted.planned, "attributes": wanted.attributes, "keep_ids": wanted.keep_ids}
        common = {name: "true" if value is True else str(value) for name, value in wanted.common.items()}
        mapping = {"map": msgspec.json.encode(wanted.mapping).decode()} if wanted.mapping else {}
        group = {} if wanted.group is None else {"group": wanted.group}
        named = {"name": wanted.name, "kind": wanted.kind, **self._named}
        return {**named, **group, **mapping, **common, **{name: "true" for name, on in flags.items() if on}}

    @staticmethod
    def _import(answer: Shown) -> Shown:
        found: Shown = answer["import"]
        return found
