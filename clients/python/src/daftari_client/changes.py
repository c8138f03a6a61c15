"""The feed: what changed in the project, from any place on. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from daftari_client.change_records import Change, ChangePage
from daftari_client.flows import Flow, Iteration, Yield, read_as
from daftari_client.resources import Mode, Resource, call, iteration

ChangeType = Literal[
    "contacts.created",
    "contacts.updated",
    "contacts.deleted",
    "contacts.erased",
    "group.created",
    "group.renamed",
    "group.deleted",
    "group.joined",
    "group.left",
    "consent.changed",
    "import.finished",
    "import.undone",
    "campaign.started",
    "campaign.finished",
    "messages.settled",
    "connection.changed",
]
WAIT_SECONDS = 25


class Changes(Resource[Mode]):
    """The feed of the project."""

    @call
    def list(
        self,
        *,
        after: int | None = None,
        limit: int | None = None,
        types: Iterable[ChangeType | str] = (),
        wait: int | None = None,
        epoch: str | None = None,
    ) -> Flow[ChangePage]:
        """The changes after a number, or from the oldest one on. ``next`` is the ``after`` of the following call.

        ``wait`` holds the call for up to so many seconds, 30 at most, until there is a change of the ``types``.
        ``epoch`` is that of the answer with this ``after``. Raises ``FeedReset`` if the feed does not continue there.
        """
        return self._page(after, limit=limit, types=types, wait=wait, epoch=epoch)

    @iteration
    def iterate(
        self,
        *,
        after: int | None = None,
        types: Iterable[ChangeType | str] = (),
        wait: int | None = WAIT_SECONDS,
        epoch: str | None = None,
    ) -> Iteration[Change]:
        """Every change after a number, forever: at the end of the feed the next one is waited for.

        With ``wait=0`` the iteration ends at the end of the feed. Raises ``FeedReset`` as ``list`` does, and when the
        book is restored meanwhile.
        """
        types = tuple(types)
        while True:
            page = yield from self._page(after, limit=None, types=types, wait=wait, epoch=epoch)
            for change in page.changes:
                yield Yield(change)
            after, epoch = page.next, page.epoch
            if not wait and after >= page.last:
                return

    def _page(
        self, after: int | None, *, limit: int | None, types: Iterable[str], wait: int | None, epoch: str | None
    ) -> Flow[ChangePage]:
        query = {"after": after, "limit": limit, "types": ",".join(types) or None, "wait": wait, "epoch": epoch}
        return self._api.read("/changes", read_as(ChangePage), query=query)
