"""Imports: files sent to the server, and the outcome of each row. No HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import BinaryIO, Literal, Unpack

import msgspec

from daftari_client.api import Content, WriteOptions, file_name, read_content
from daftari_client.flows import Flow, Iteration, Progress, iterate_chunks, iterate_pages, read_member, read_page
from daftari_client.import_records import Import, ImportRow
from daftari_client.polling import PAUSE_SECONDS_MAX, UNDER_WAY, wait_until
from daftari_client.records import Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import AnyChannel, Purpose

Kind = Literal["contacts", "opt_outs", "opt_ins"]


class Imports(Resource[Mode]):
    """The imports of the project."""

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
        fire_triggers: bool = False,
        sheet: str | None = None,
        header_row: int | None = None,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        at: datetime | str | None = None,
        evidence: str | None = None,
        override: bool = False,
        progress: Progress | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Import]:
        """Uploads a file, given as bytes or as a file open for bytes, and queues its import. ``wait`` waits for it.

        A file is read piece by piece from where it stands, and again from there at each retry. ``progress`` gets the
        bytes sent so far and the size of the file, if that is known; what it raises ends the upload.

        ``columns`` maps columns of the file to fields; the server finds out about the others, and ``None`` leaves a
        column out. With ``plan`` nothing changes until ``apply``. ``attributes`` keeps unknown columns as attributes.
        ``keep_ids`` keeps the ids of the file, in an empty project. With ``fire_triggers`` contacts that join a group
        fire triggers. ``sheet`` and ``header_row`` place the table;
        the default is to find it. ``channel`` and the parameters after it are for rows of opt-outs and opt-ins that do
        not say it themselves; the default is any, and now.

        Raises ``UnreadableFile``, ``TooLarge`` or ``ValidationFailed``.
        """
        source = read_content(source)
        map_ = None if columns is None else msgspec.json.encode(dict(columns)).decode()
        query = {
            "name": name or file_name(source),
            "kind": kind,
            "group": group,
            "map": map_,
            "plan": plan,
            "attributes": attributes,
            "keep_ids": keep_ids,
            "fire_triggers": fire_triggers,
            "sheet": sheet,
            "header_row": header_row,
            "channel": channel,
            "sender": sender,
            "purpose": purpose,
            "at": at,
            "evidence": evidence,
            "override": override,
        }
        read = read_member("import", Import)
        return self._api.write("/imports", read, query=query, content=source, progress=progress, **options)

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Import]]:
        """Part of the list of imports, newest first."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Import]:
        """Every import, newest first."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def get(self, number: int) -> Flow[Import]:
        """One import. Raises ``ImportNotFound``."""
        return self._get(number)

    @call
    def wait(
        self,
        started: Import | int,
        *,
        timeout_seconds: float | None = None,
        pause_seconds_max: float = PAUSE_SECONDS_MAX,
        on_poll: Callable[[Import], object] | None = None,
    ) -> Flow[Import]:
        """Asks until the import is done, failed, cancelled or paused, and returns it.

        Pauses grow up to ``pause_seconds_max``. ``on_poll`` gets each answer, the last one too; what it raises ends
        the waiting, not the import. Raises ``WaitedTooLong`` after ``timeout_seconds``.
        """
        number = started if isinstance(started, int) else started.id
        return wait_until(
            lambda: self._get(number),
            lambda found: found.state not in UNDER_WAY,
            timeout_seconds=timeout_seconds,
            pause_seconds_max=pause_seconds_max,
            on_poll=on_poll,
            clock=self._api.retries.clock,
        )

    @iteration
    def rows(self, number: int, *, after: int | None = None) -> Iteration[ImportRow]:
        """The outcome of each row, done or planned, in the order of the file; of those after row ``after`` if given."""
        return iterate_pages(
            lambda cursor: self._rows(number, cursor, None), after=None if after is None else str(after)
        )

    @call
    def list_rows(self, number: int, *, after: str | None = None, limit: int | None = None) -> Flow[Page[ImportRow]]:
        """Part of the outcomes of the rows."""
        return self._rows(number, after, limit)

    @iteration
    def rejects(self, number: int) -> Iteration[bytes]:
        """The rejected rows as a file in the format that was sent, with a column of reasons; in pieces.

        Raises ``ConnectionFailed`` when the connection breaks before the end.
        """
        return iterate_chunks(self._api.open(f"/imports/{number}/rejects"))

    @call
    def save_rejects(self, number: int, file: BinaryIO, *, progress: Progress | None = None) -> Flow[int]:
        """Writes the file of ``rejects`` into a file open for bytes, and returns its length in bytes.

        When the connection breaks it writes again from where the file stood, unless the file is a pipe.
        """
        return self._api.save(f"/imports/{number}/rejects", file, progress=progress)

    @call
    def apply(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Queues what was planned. Raises ``WrongImportState`` if it is not a plan that is done."""
        return self._control(number, "apply", None, **options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Stops until ``resume``. Raises ``WrongImportState`` if the import has ended."""
        return self._control(number, "pause", None, **options)

    @call
    def resume(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Continues after a pause or a failure."""
        return self._control(number, "resume", None, **options)

    @call
    def cancel(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Import]:
        """Stops the import permanently. What was written stays; ``undo`` reverses it."""
        return self._control(number, "cancel", None, **options)

    @call
    def undo(
        self, number: int, *, opt_outs: bool = False, reason: str | None = None, **options: Unpack[WriteOptions]
    ) -> Flow[Import]:
        """Queues the undo of the import. Its opt-outs stay, unless ``opt_outs`` is set and a ``reason`` is given."""
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
