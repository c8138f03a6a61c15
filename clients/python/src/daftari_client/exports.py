"""The book, or a group of it, as a file. This module must not know how a call is sent."""

from __future__ import annotations

from typing import Literal, Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, Iteration, iterate_chunks, iterate_pages, read_member, read_message, read_page
from daftari_client.polling import wait_until
from daftari_client.records import Deleted, Export, Page
from daftari_client.resources import Mode, Resource, call, iteration

Format = Literal["csv", "xlsx", "ndjson", "vcard"]
_UNDER_WAY = frozenset({"queued", "running"})


class Exports(Resource[Mode]):
    """Files on their way out."""

    @call
    def create(
        self,
        format: Format = "csv",
        *,
        group: str | None = None,
        consent: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[Export]:
        """Begins to write a file, of everybody or of a group, with what they opted out of when ``consent`` is asked."""
        body = {"format": format, "group": group, "consent": consent}
        return self._api.write("/exports", read_member("export", Export), body=body, **options)

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Export]]:
        """Part of the list of exports that the server keeps, in the order in which they were requested."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Export]:
        """Every export that the server keeps."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def get(self, number: int) -> Flow[Export]:
        """How far an export is."""
        return self._get(number)

    @call
    def wait(self, started: Export | int, *, timeout_seconds: float | None = None) -> Flow[Export]:
        """The export when it is ready or failed; ``WaitedTooLong`` when that takes longer."""
        number = started if isinstance(started, int) else started.id
        return wait_until(
            lambda: self._get(number),
            lambda found: found.state not in _UNDER_WAY,
            timeout_seconds=timeout_seconds,
            clock=self._api.retries.clock,
        )

    @iteration
    def download(self, number: int) -> Iteration[bytes]:
        """The file, in pieces of bytes."""
        return iterate_chunks(self._api.open(f"/exports/{number}/file"))

    @call
    def delete(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes an export and its file, whatever its state."""
        return self._api.write(f"/exports/{number}", read_message(Deleted), method="DELETE", **options)

    def _get(self, number: int) -> Flow[Export]:
        return self._api.read(f"/exports/{number}", read_member("export", Export))

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Export]]:
        return self._api.read("/exports", read_page("exports", Export), query={"after": after, "limit": limit})
