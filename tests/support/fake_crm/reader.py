"""The simplest reader of a connector: it follows the changes, compares everything now and then, and keeps all records.

It is what a synchronisation must be equal to, without contacts, groups and consent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from daftari.connectors.protocol import Connector, ConnectorFailed, Gone, Page, Record, WebhookEvent
from tests.support.fake_crm.exchange import Clock

FAILURES_MAX = 300
"""In one run; then the fault lies with the connector."""


class Link(Struct):
    """What is known of a record."""

    version: int
    values: Mapping[str, object] = {}
    groups: tuple[str, ...] = ()
    gone: Gone | None = None
    merged_into: str = ""


class Reader:
    def __init__(self, connector: Connector, clock: Clock) -> None:
        self.connector = connector
        self.clock = clock
        self.links: dict[str, Link] = {}
        self.cursor = ""
        self.complete_until = 0
        self.failures: list[ConnectorFailed] = []

    def poll(self) -> None:
        """Read all changes that there are."""
        self.cursor = self._follow(self.cursor)

    def step(self) -> bool:
        """Read one page; whether another one follows. What fails is noted."""
        try:
            page = self.connector.read_changes(self.cursor, now=self.clock.moment)
        except ConnectorFailed as failure:
            self._note(failure)
            return True
        self._take(page)
        self.cursor = page.cursor
        return page.has_more

    def compare(self) -> None:
        """Read everything again; what was not seen is asked for by id, and is gone if the answer leaves it out."""
        seen: set[str] = set()
        self.cursor = self._follow("", seen=seen)
        left = [id for id, link in self.links.items() if id not in seen and link.gone is None]
        risen = [id for id in seen if self.links[id].gone is not None]
        asked = sorted({*left, *risen})
        for start in range(0, len(asked), self.connector.facts.records_max):
            self._ask(asked[start : start + self.connector.facts.records_max])

    def hear(self, events: Iterable[WebhookEvent]) -> None:
        """Ask for the records that deliveries announce; a merge is what they alone may say."""
        ids: dict[str, None] = {}
        for event in events:
            ids |= dict.fromkeys(event.ids)
            for loser, winner in event.merged.items():
                if loser in self.links:
                    self.links[loser].gone, self.links[loser].merged_into = "merged", winner
        asked = list(ids)
        for start in range(0, len(asked), self.connector.facts.records_max):
            self._ask(asked[start : start + self.connector.facts.records_max])

    def apply(self, record: Record, *, is_sure: bool = False) -> None:
        """Take over a record, unless more is known. ``is_sure``: it was asked for by id, so it is so now."""
        known = self.links.get(record.id)
        if known is None and record.gone is not None:
            return
        if known is not None and not is_sure and self._is_known_better(known, record):
            return
        self.links[record.id] = Link(
            record.version, record.values, tuple(record.groups), record.gone, record.merged_into
        )

    @staticmethod
    def _is_known_better(known: Link, record: Record) -> bool:
        """A merge holds whatever the versions say: the loser may be marked as deleted a moment after it."""
        if (known.gone == "merged") != (record.gone == "merged"):
            return known.gone == "merged"
        return record.version < known.version

    def find_winner(self, id: str) -> str:
        """The record that stands for this one, after all merges."""
        link = self.links.get(id)
        while link is not None and link.merged_into:
            id = link.merged_into
            link = self.links.get(id)
        return id

    def _follow(self, cursor: str, *, seen: set[str] | None = None) -> str:
        has_more = True
        while has_more:
            try:
                page = self.connector.read_changes(cursor, now=self.clock.moment)
            except ConnectorFailed as failure:
                self._note(failure)
                continue
            self._take(page)
            if seen is not None:
                seen |= {record.id for record in page.records if record.gone is None}
            cursor, has_more = page.cursor, page.has_more
        return cursor

    def _ask(self, ids: list[str]) -> None:
        """Read records by their ids; one that is not there is gone."""
        found = {record.id: record for record in self._patiently(ids)}
        for id in ids:
            if id in found:
                self.apply(found[id], is_sure=True)
            elif id in self.links and self.links[id].gone is None:
                self.links[id].gone = "deleted"

    def _patiently(self, ids: list[str]) -> list[Record]:
        while True:
            try:
                return list(self.connector.read_records(ids))
            except ConnectorFailed as failure:
                self._note(failure)

    def _take(self, page: Page) -> None:
        for record in page.records:
            self.apply(record)
        if page.complete_until is not None:
            self.complete_until = max(self.complete_until, page.complete_until)

    def _note(self, failure: ConnectorFailed) -> None:
        self.failures.append(failure)
        assert failure.kind != "broken" and len(self.failures) < FAILURES_MAX, failure.message
        ahead = (failure.until - self.clock.moment) / 1_000_000 if failure.until is not None else 5.0
        self.clock.at += max(ahead, 1.0)
