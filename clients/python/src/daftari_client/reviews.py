"""What came in from messaging providers and a person should look at. This room must not know how a call is sent."""

from __future__ import annotations

from typing import Literal, Unpack

from daftari_client.api import WriteOptions
from daftari_client.plans import Plan, Walk, follow, read_listed, read_member
from daftari_client.records import Listed, Review
from daftari_client.worlds import Room, World, call, walk

SettleAs = Literal["opt_out", "opt_in", "retract", "dismiss"]


class Reviews(Room[World]):
    """Messages that may be an opt-out, and what could not be read."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Plan[Listed[Review]]:
        """Some of what waits."""
        return self._page(after, limit)

    @walk
    def iterate(self) -> Walk[Review]:
        """All that waits."""
        return follow(lambda after: self._page(after, None))

    @call
    def settle(self, number: int, settle_as: SettleAs, **options: Unpack[WriteOptions]) -> Plan[Review]:
        """Says what it was. ``ReviewSettled`` when somebody said otherwise before."""
        path = f"/inbound/review/{number}"
        return self._api.write(path, read_member("review", Review), body={"as": settle_as}, **options)

    def _page(self, after: str | None, limit: int | None) -> Plan[Listed[Review]]:
        return self._api.read("/inbound/review", read_listed("reviews", Review), query={"after": after, "limit": limit})
