"""Files on their way in, and contacts that are streamed in. This module must not know how a call is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Unpack

import msgspec

from daftari_client.api import Content, WriteOptions, file_name, read_content
from daftari_client.flows import Flow, Iteration, iterate_chunks, iterate_pages, read_member, read_page
from daftari_client.polling import wait_until
from daftari_client.records import Import, ImportRow, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import AnyChannel, Purpose

Kind = Literal["contacts", "opt_outs", "opt_ins"]
_UNDER_WAY = frozenset({"queued", "running"})


class Imports(Resource[Mode]):
    """Files that were sent in, and what became of them row by row."""

    @call
    def create(
        self,
        source: Content,
        *,
        name: str | None = None,
        kind: Kind | None = None,
        group: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        plan: bool = False,
        attributes: bool = False,
        keep_ids: bool = False,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        at: datetime | str | None = None,
        evidence: str | None = None,
        override: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[Import]:
        """Sends a file, given as bytes or as a file open for bytes, which is read piece by piece.

        ``columns`` says which column of the file is which field, where the server should not find out by itself. With
        ``plan`` nothing is changed until ``apply``. ``attributes`` keeps unknown columns. ``keep_ids`` takes over ids
        into an empty project. From ``channel`` on it is what the rows of a list of opt-outs or opt-ins do not say: what
        nobody says is any, and now. The import goes on in the server: see ``wait``.
        """
        source = read_content(source)
        how = {"name": name or file_name(source), "kind": kind, "group": group}
        what = {"plan": plan, "attributes": attributes, "keep_ids": keep_ids}
        map_ = None if columns is None else msgspec.json.encode(dict(columns)).decode()
        scope = {"channel": channel, "sender": sender, "purpose": purpose}
        query = how | what | {"map": map_} | scope | {"at": at, "evidence": evidence, "override": override}
        return self._api.write("/imports", read_member("import", Import), query=query, content=source, **options)

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Import]]:
        """Some of the imports."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Import]:
        """Every import."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def get(self, number: int) -> Flow[Import]:
        """How far an import is."""
        return self._get(number)

    @call
    def wait(self, started: Import | int, *, timeout_seconds: float | None = None) -> Flow[Import]:
        """The import when it is done, failed, cancelled or paused; ``WaitedTooLong`` when that takes longer."""
        number = started if isinstance(started, int) else started.id
        return wait_until(
            lambda: self._get(number),
            lambda found: found.state not in _UNDER_WAY,
            timeout_seconds=timeout_seconds,
            clock=self._api.retries.clock,
        )

    @iteration
    def rows(self, number: int) -> Iteration[ImportRow]:
        """What became of each row of the file, or would."""
        return iterate_pages(lambda after: self._rows(number, after, None))

    @call
    def list_rows(self, number: int, *, after: str | None = None, limit: int | None = None) -> Flow[Page[ImportRow]]:
        """Some of the rows."""
        return self._rows(number, after, limit)

    @iteration
    def rejects(self, number: int) -> Iteration[bytes]:
        """The rows that were refused as a file like the one sent, with a column that says why; in pieces of bytes."""
        return iterate_chunks(self._api.open(f"/imports/{number}/rejects"))

    @call
    def apply(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Does what was planned."""
        return self._control(number, "apply", None, **options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Stops for now."""
        return self._control(number, "pause", None, **options)

    @call
    def resume(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Goes on after a pause or a failure."""
        return self._control(number, "resume", None, **options)

    @call
    def cancel(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Stops for good. What was written stays; ``undo`` takes it back."""
        return self._control(number, "cancel", None, **options)

    @call
    def undo(
        self, number: int, *, opt_outs: bool = False, reason: str | None = None, **options: Unpack[WriteOptions]
    ) -> Flow[Import]:
        """Puts back what the import changed. Its opt-outs stay, unless ``opt_outs`` is asked for with a reason."""
        return self._control(number, "undo", {"opt_outs": opt_outs or None, "reason": reason}, **options)

    def _get(self, number: int) -> Flow[Import]:
        return self._api.read(f"/imports/{number}", read_member("import", Import))

    def _control(
        self, number: int, what: str, body: Mapping[str, object] | None, **options: Unpack[WriteOptions]
    ) -> Flow[Import]:
        return self._api.write(f"/imports/{number}/{what}", read_member("import", Import), body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Import]]:
        return self._api.read("/imports", read_page("imports", Import), query={"after": after, "limit": limit})

    def _rows(self, number: int, after: str | None, limit: int | None) -> Flow[Page[ImportRow]]:
        query = {"after": after, "limit": limit}
        return self._api.read(f"/imports/{number}/rows", read_page("rows", ImportRow), query=query)
