"""Audiences: the numbers that may be messaged, streamed or frozen. No HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, Unpack

from msgspec import Struct

from daftari_client.api import NDJSON, WriteOptions
from daftari_client.contacts import PER_PAGE, next_page
from daftari_client.flows import (
    Flow,
    Iteration,
    Lines,
    Yield,
    decode,
    iterate_pages,
    read_as,
    read_member,
    read_page,
)
from daftari_client.records import Audience, AudienceEnd, AudienceMember, Blocked, Comparison, FrozenPage, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import Channel, Purpose


class _AudienceLine(Struct, frozen=True):
    """A line of the stream: a number, or the end with its counts."""

    mobile: str | None = None
    id: int | None = None
    end: bool = False
    count: int = 0
    excluded: dict[str, int] = {}


class Audiences(Resource[Mode]):
    """The numbers that may be messaged, of some groups or of the whole project."""

    @iteration
    def stream(
        self,
        groups: Iterable[str] = (),
        *,
        channel: Channel,
        everyone: bool = False,
        match: Literal["any", "all"] | None = None,
        not_groups: Iterable[str] = (),
        sender: str | None = None,
        purpose: Purpose | None = None,
        keyword: str | None = None,
        on_end: Callable[[AudienceEnd], object] | None = None,
    ) -> Iteration[AudienceMember]:
        """The numbers that may be messaged now, from one snapshot.

        They are those of contacts in any of ``groups``, in all of them with ``match="all"``, or of all contacts with
        ``everyone``, and in none of ``not_groups``. ``on_end`` gets the counts after the last number.

        Raises ``CutShort`` when the connection breaks before the end, so that part of them is never taken for all.
        """
        asked = _scope(channel, sender=sender, purpose=purpose, keyword=keyword)
        whom = {"group": [*groups], "not": [*not_groups], "match": match, "everyone": everyone}
        yield from self._api.open("/audience", accept=NDJSON, query=asked | whom)
        lines = Lines(lambda line: decode(line, _AudienceLine))
        while True:
            line = yield from lines.take()
            if line.end:
                break
            if line.mobile is not None:
                yield Yield(AudienceMember(mobile=line.mobile, id=line.id))
        if on_end is not None:
            on_end(AudienceEnd(count=line.count, excluded=line.excluded))

    @call
    def freeze(
        self,
        groups: Iterable[str] = (),
        *,
        channel: Channel,
        everyone: bool = False,
        match: Literal["any", "all"] | None = None,
        not_groups: Iterable[str] = (),
        sender: str | None = None,
        purpose: Purpose | None = None,
        keyword: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Audience]:
        """Stores an audience for 90 days: its numbers, their count and a digest. Parameters as in ``stream``."""
        asked = _scope(channel, sender=sender, purpose=purpose, keyword=keyword)
        whom = {"groups": [*groups], "not": [*not_groups], "match": match, "everyone": everyone or None}
        return self._api.write("/audiences", read_as(Audience), body=asked | whom, **options)

    @call
    def get(
        self, number: int, *, page: int | None = None, per_page: int | None = None, as_frozen: bool = False
    ) -> Flow[FrozenPage]:
        """A frozen audience and a page of its numbers. Raises ``AudienceNotFound``.

        Numbers that were blocked since are left out, unless ``as_frozen`` is set.
        """
        return self._page(number, page, per_page=per_page, as_frozen=as_frozen)

    @iteration
    def iterate(self, number: int, *, as_frozen: bool = False) -> Iteration[str]:
        """The numbers of a frozen audience, ascending; without those blocked since, unless ``as_frozen`` is set."""
        page: int | None = None
        while True:
            frozen = yield from self._page(number, page, per_page=PER_PAGE, as_frozen=as_frozen)
            for mobile in frozen.mobiles.data:
                yield Yield(mobile)
            if frozen.mobiles.next_page_url is None:
                return
            page = next_page(frozen.mobiles.next_page_url, frozen.mobiles.current_page)

    @call
    def recheck(self, number: int, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Blocked]]:
        """Part of the numbers that were blocked since the audience was frozen, with reasons."""
        return self._blocked(number, after, limit)

    @iteration
    def iterate_blocked(self, number: int) -> Iteration[Blocked]:
        """Every number that was blocked since the audience was frozen, with reasons. Ask before sending."""
        return iterate_pages(lambda after: self._blocked(number, after, None))

    @call
    def compare(self, number: int, other: int) -> Flow[Comparison]:
        """The difference between two frozen audiences."""
        return self._api.read(f"/audiences/{number}/compare/{other}", read_member("comparison", Comparison))

    def _page(self, number: int, page: int | None, *, per_page: int | None, as_frozen: bool) -> Flow[FrozenPage]:
        query = {"page": page, "per_page": per_page, "as_frozen": as_frozen}
        return self._api.read(f"/audiences/{number}", read_as(FrozenPage), query=query)

    def _blocked(self, number: int, after: str | None, limit: int | None) -> Flow[Page[Blocked]]:
        query = {"after": after, "limit": limit}
        return self._api.read(f"/audiences/{number}/recheck", read_page("blocked", Blocked), query=query)


def _scope(channel: str, *, sender: str | None, purpose: str | None, keyword: str | None) -> dict[str, object]:
    return {"channel": channel, "sender": sender, "purpose": purpose, "keyword": keyword}
