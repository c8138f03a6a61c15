"""Opt-outs and opt-ins: facts about numbers, which outlive the contacts. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, Iteration, iterate_pages, read_as, read_member, read_page
from daftari_client.records import FactsRecorded, NearMiss, OptOut, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import AnyChannel, Mobile, Purpose, Source

Evidence = str | Mapping[str, str]
NearMisses = list[NearMiss]


class OptOuts(Resource[Mode]):
    """Who may not be messaged."""

    @call
    def create(
        self,
        mobiles: Iterable[Mobile | Mapping[str, object]],
        *,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        at: datetime | str | None = None,
        source: Source | None = None,
        evidence: Evidence | None = None,
        results: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[FactsRecorded]:
        """Records up to 10,000 opt-outs. A channel, sender or purpose that is left out is any.

        Good ones are always written, bad ones counted as ``invalid``. A mapping is a number with its own scope.
        """
        scope = {"channel": channel, "sender": sender, "purpose": purpose, "at": at, "source": source}
        body = _items(mobiles) | scope | {"evidence": evidence, "results": results or None}
        return self._api.write("/opt-outs", read_as(FactsRecorded), body=body, **options)

    @call
    def list(
        self,
        *,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        since: datetime | str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Flow[Page[OptOut]]:
        """Some of the opt-outs that hold. There may be fewer than ``limit`` although more follow: ``next`` says so."""
        return self._page(after, channel=channel, sender=sender, purpose=purpose, since=since, limit=limit)

    @iteration
    def iterate(
        self,
        *,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        since: datetime | str | None = None,
    ) -> Iteration[OptOut]:
        """Every opt-out that holds, for whoever keeps a copy."""
        return iterate_pages(
            lambda after: self._page(after, channel=channel, sender=sender, purpose=purpose, since=since)
        )

    @call
    def near_misses(self, *, limit: int | None = None) -> Flow[NearMisses]:
        """How often somebody tried to bring back people who opted out, most first."""
        return self._api.read("/opt-outs/near-misses", read_member("near_misses", NearMisses), query={"limit": limit})

    def _page(self, after: str | None, **scope: object) -> Flow[Page[OptOut]]:
        return self._api.read("/opt-outs", read_page("opt_outs", OptOut), query={**scope, "after": after})


class OptIns(Resource[Mode]):
    """Who asked to be messaged."""

    @call
    def create(
        self,
        mobiles: Iterable[Mobile | Mapping[str, object]],
        *,
        source: Source,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        at: datetime | str | None = None,
        evidence: Evidence | None = None,
        override: bool = False,
        results: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[FactsRecorded]:
        """Records up to 10,000 opt-ins, which lift the opt-outs that they cover.

        For a list of numbers say ``source="bulk"``: that never lifts what people said themselves, and counts such as
        ``refused``, unless ``override`` is set and there is evidence.
        """
        scope = {"channel": channel, "sender": sender, "purpose": purpose, "at": at, "source": source}
        told = {"evidence": evidence, "override": override or None, "results": results or None}
        return self._api.write("/opt-ins", read_as(FactsRecorded), body=_items(mobiles) | scope | told, **options)


def _items(mobiles: Iterable[Mobile | Mapping[str, object]]) -> dict[str, object]:
    """As ``mobiles``, or as ``items`` when one has a scope of its own, which keeps their order."""
    listed = [*mobiles]
    if not any(isinstance(each, Mapping) for each in listed):
        return {"mobiles": listed}
    return {"items": [each if isinstance(each, Mapping) else {"mobile": each} for each in listed]}
