"""Opt-outs and opt-ins: facts about numbers that outlive the contacts. No HTTP."""

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
    """The opt-outs of the project."""

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
        """Records up to 10,000 opt-outs. Without ``channel``, ``sender`` or ``purpose`` they hold for all of them.

        An item may be a mapping: a ``mobile`` with a scope of its own. Wrong items do not stop the others; they count
        as ``invalid``. ``results`` asks for the outcome of each item.
        """
        scope = {"channel": channel, "sender": sender, "purpose": purpose, "at": at, "source": source}
        body = list_items(mobiles) | scope | {"evidence": evidence, "results": results or None}
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
        """Part of the opt-outs in force. A part may be shorter than ``limit`` and yet have a ``next``."""
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
        """Every opt-out in force; with ``since`` those recorded from that moment on, to bring a copy up to date."""
        return iterate_pages(
            lambda after: self._page(after, channel=channel, sender=sender, purpose=purpose, since=since)
        )

    @call
    def near_misses(self, *, limit: int | None = None) -> Flow[NearMisses]:
        """Attempts to add numbers again that had opted out, most frequent first."""
        return self._api.read("/opt-outs/near-misses", read_member("near_misses", NearMisses), query={"limit": limit})

    def _page(self, after: str | None, **scope: object) -> Flow[Page[OptOut]]:
        return self._api.read("/opt-outs", read_page("opt_outs", OptOut), query={**scope, "after": after})


class OptIns(Resource[Mode]):
    """The opt-ins of the project."""

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
        """Records up to 10,000 opt-ins. An opt-in lifts the opt-outs that it covers.

        A list of numbers has ``source="bulk"``. It never lifts an opt-out of the person's own: that item counts as
        ``refused``, unless ``override`` is set and ``evidence`` is given. The rest is as in ``opt_outs.create``.
        """
        scope = {"channel": channel, "sender": sender, "purpose": purpose, "at": at, "source": source}
        more = {"evidence": evidence, "override": override or None, "results": results or None}
        return self._api.write("/opt-ins", read_as(FactsRecorded), body=list_items(mobiles) | scope | more, **options)


def list_items(mobiles: Iterable[Mobile | Mapping[str, object]]) -> dict[str, object]:
    """The member ``mobiles``, or ``items`` if one has a scope of its own, so that the order is kept."""
    listed = [*mobiles]
    if not any(isinstance(each, Mapping) for each in listed):
        return {"mobiles": listed}
    return {"items": [each if isinstance(each, Mapping) else {"mobile": each} for each in listed]}
