"""What came in from messaging providers and a person should look at. This module must not know how a call is sent."""

from __future__ import annotations

from typing import Literal, Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, Iteration, iterate_pages, read_member, read_page
from daftari_client.records import Page, Review
from daftari_client.resources import Mode, Resource, call, iteration

SettleAs = Literal["opt_out", "opt_in", "retract", "dismiss"]


class Reviews(Resource[Mode]):
    """Messages that may be an opt-out, and what could not be read."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Review]]:
        """Some of what waits."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Review]:
        """All that waits."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def settle(self, number: int, settle_as: SettleAs, **options: Unpack[WriteOptions]) -> Flow[Review]:
        """Says what it was. ``ReviewSettled`` when somebody said otherwise before."""
        path = f"/inbound/review/{number}"
        return self._api.write(path, read_member("review", Review), body={"as": settle_as}, **options)

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Review]]:
        return self._api.read("/inbound/review", read_page("reviews", Review), query={"after": after, "limit": limit})
