"""Reviews: inbound messages that a person should look at. No HTTP."""

from __future__ import annotations

from typing import Literal, Unpack

from msgspec import Struct

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, Iteration, Response, decode, iterate_pages, read_member
from daftari_client.records import Review, ReviewPage
from daftari_client.resources import Mode, Resource, call, iteration

SettleAs = Literal["opt_out", "opt_in", "retract", "dismiss"]


class Reviews(Resource[Mode]):
    """Messages that may be an opt-out, and inbound events that could not be read."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[ReviewPage]:
        """Part of the list of open reviews, and how many inbound requests are in quarantine."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Review]:
        """Every open review."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def settle(
        self, number: int, settle_as: SettleAs, *, mobile: str | int | None = None, **options: Unpack[WriteOptions]
    ) -> Flow[Review]:
        """Settles a review; ``mobile`` says whose message it is, where the server could read no number.

        Raises ``ReviewSettled`` if it was settled otherwise before.
        """
        path = f"/inbound/review/{number}"
        body = {"as": settle_as, "mobile": mobile}
        return self._api.write(path, read_member("review", Review), body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Flow[ReviewPage]:
        return self._api.read("/inbound/review", _read_page, query={"after": after, "limit": limit})


class _ReviewList(Struct, frozen=True):
    reviews: list[Review]
    next: str | None = None
    quarantined: int | None = None


def _read_page(response: Response) -> ReviewPage:
    found = decode(response.body, _ReviewList)
    return ReviewPage(items=found.reviews, next=found.next, quarantined=found.quarantined)
