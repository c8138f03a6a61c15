"""Exports: the contacts of the project, or of a group, as a file. No HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Literal, Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import (
    Flow,
    Iteration,
    Progress,
    iterate_chunks,
    iterate_pages,
    read_member,
    read_message,
    read_page,
)
from daftari_client.import_records import Export
from daftari_client.polling import PAUSE_SECONDS_MAX, UNDER_WAY, wait_until
from daftari_client.records import Deleted, Page
from daftari_client.resources import Mode, Resource, call, iteration

Format = Literal["csv", "xlsx", "ndjson", "vcard"]


class Exports(Resource[Mode]):
    """The exports that the server keeps."""

    @call
    def create(
        self,
        format: Format = "csv",
        *,
        group: str | None = None,
        consent: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[Export]:
        """Queues an export of all contacts, or of a group. ``wait`` waits for it.

        ``consent`` adds the opt-outs and opt-ins. Raises ``ExportsFull`` or ``GroupNotFound``.
        """
        body = {"format": format, "group": group, "consent": consent}
        return self._api.write("/exports", read_member("export", Export), body=body, **options)

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Export]]:
        """Part of the list of exports, oldest first."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Export]:
        """Every export, oldest first."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def get(self, number: int) -> Flow[Export]:
        """One export. Raises ``ExportNotFound``."""
        return self._get(number)

    @call
    def wait(
        self,
        started: Export | int,
        *,
        timeout_seconds: float | None = None,
        pause_seconds_max: float = PAUSE_SECONDS_MAX,
        on_poll: Callable[[Export], object] | None = None,
    ) -> Flow[Export]:
        """Asks until the export is done or failed, and returns it.

        Pauses grow up to ``pause_seconds_max``. ``on_poll`` gets each answer, the last one too; what it raises ends
        the waiting, not the export. Raises ``WaitedTooLong`` after ``timeout_seconds``.
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
    def download(self, number: int) -> Iteration[bytes]:
        """The file, in pieces.

        Raises ``ExportNotReady``, ``ExportFailed``, or ``ConnectionFailed`` when the connection breaks before the end.
        """
        return iterate_chunks(self._api.open(f"/exports/{number}/file"))

    @call
    def save(self, number: int, file: BinaryIO, *, progress: Progress | None = None) -> Flow[int]:
        """Writes the file of an export into a file open for bytes, and returns its length in bytes.

        When the connection breaks it writes again from where the file stood, unless the file is a pipe. ``progress``
        gets the bytes written so far and the size of the file. Raises ``ExportNotReady``, ``ExportFailed``, or
        ``CutShort`` if what arrived is not as long as the server says.
        """
        length = (yield from self._get(number)).bytes
        return (yield from self._api.save(f"/exports/{number}/file", file, length=length, progress=progress))

    @call
    def delete(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes an export and its file, in any state."""
        return self._api.write(f"/exports/{number}", read_message(Deleted), method="DELETE", **options)

    def _get(self, number: int) -> Flow[Export]:
        return self._api.read(f"/exports/{number}", read_member("export", Export))

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Export]]:
        return self._api.read("/exports", read_page("exports", Export), query={"after": after, "limit": limit})
