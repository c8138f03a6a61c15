"""A connection and what its system says, applied step by step without a network. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import msgspec
from msgspec.structs import replace

from daftari.connectors import Account, Page, Record, Usage
from daftari.model.connections import LINK_STATES, Link
from daftari.model.consent import ANY, Fact, FactKind, NewFact, Scope, Source
from daftari.model.projects import Project
from daftari.rules import events
from daftari.rules.connections import lifecycle, sync
from daftari.rules.connections.model import Opened, get_connection
from daftari.rules.consent import ledger
from daftari.rules.events import Action
from daftari.store import Store, WriteTx, connections, consent, contacts, groups
from tests.support import calls, consent_calls
from tests.support.calls import WORKER
from tests.support.stores import NOW

SECOND = 1_000_000
HOUR = 3_600 * SECOND
FIELDS = {
    "mobilephone": "mobile",
    "phone": "mobile",
    "firstname": "fname",
    "lastname": "lname",
    "city": "attributes.city",
    "sms": "status.sms.any",
}
P = ParamSpec("P")
T = TypeVar("T")


class Syncing:
    """One connection of a project. Time stands still until ``wait`` is called."""

    def __init__(
        self,
        store: Store,
        project: Project,
        *,
        name: str = "crm",
        is_live: bool = True,
        time_zone: str = "Africa/Nairobi",
        **given: Any,
    ) -> None:
        self.store, self.project, self.now = store, project, NOW
        values = {"name": name, "kind": "hubspot", "credentials": {"key": "k"}, "fields": FIELDS, **given}
        self.id = self.write(lifecycle.create_connection, values=values).id
        account = Account("62515", "HubSpot 62515", time_zone, None, (), (), ())
        self.write(lifecycle.take_check, connection_id=self.id, account=account)
        self.write(lifecycle.start_connection, connection_id=self.id)
        self.fence = self.write(sync.take_over, connection_id=self.id)
        if is_live:
            self.read()

    def write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.store.write(self.project, WORKER, self.now, rule, *args, **kwargs)

    def wait(self, microseconds: int) -> None:
        self.now += microseconds

    def read(
        self, *records: Record, has_more: bool = False, until: int | None = None, cursor: str = "cursor"
    ) -> Opened:
        """Apply a page of changes."""
        complete_until = None if has_more else until or self.now
        page = Page(records, cursor, complete_until, has_more)
        self.write(sync.take_pages, connection_id=self.id, fence=self.fence, pages=[page], usage=Usage())
        return self.open()

    def ask(self, ids: Iterable[str], *records: Record) -> Opened:
        """Apply what was asked for by id."""
        self.write(
            sync.take_records,
            connection_id=self.id,
            fence=self.fence,
            ids=[*ids],
            records=records,
            usage=Usage(),
        )
        return self.open()

    def open(self) -> Opened:
        return self.store.read(self.project, self.now, get_connection, connection_id=self.id)

    def links(self) -> dict[str, Link]:
        found = self.store.read(
            self.project, self.now, connections.list_links, connection_id=self.id, after="", limit=100_000
        )
        return {link.external_id: link for link in found}

    def states(self) -> dict[str, str]:
        return {name: LINK_STATES[link.state] for name, link in self.links().items()}

    def book(self) -> dict[int, dict[str, Any]]:
        """The contacts by number, with the names of their groups."""
        return self.store.read(self.project, self.now, _read_book)

    def opt_out(self, mobile: int) -> None:
        """A person opts out here, of everything."""
        self._say(mobile, {"source": "inbound"}, "opt_out")

    def opt_in(self, mobile: int) -> None:
        """A person agrees to texts, by a text."""
        self._say(mobile, {"source": "inbound", "channel": "sms"}, "opt_in")

    def _say(self, mobile: int, common: dict[str, object], kind: Literal["opt_out", "opt_in"]) -> None:
        items = [{"mobile": f"+{mobile}"}]
        consent_calls.record_given(self.store, self.project, items, common=common, kind=kind, now=self.now)

    def say(
        self, mobile: int, kind: FactKind, *, channel: str = ANY, source: Source = "inbound", at: int | None = None
    ) -> None:
        """A person opts out or in, by their own word unless another source is named."""
        purpose = ANY if channel == ANY else "marketing"
        fact = NewFact(0, mobile, kind, Scope(channel, ANY, purpose), at, source)
        self.write(_record, fact=fact)

    def facts(self, mobile: int) -> list[Fact]:
        found = self.store.read(self.project, self.now, consent.find_facts, mobiles=[mobile])
        return found.get(mobile, [])

    def remove(self, mobile: int) -> None:
        """A contact is removed here, which is no opt-out."""
        calls.delete_contact(self.store, self.project, str(mobile), reason="removal", now=self.now)

    def members(self, name: str) -> set[int]:
        return {mobile for mobile, contact in self.book().items() if name in contact["groups"]}


def _record(tx: WriteTx, *, fact: NewFact) -> None:
    recorded = ledger.record_facts(tx, facts=[fact])
    events.record(tx, Action.RECEIVE_INBOUND, *recorded.events)


def _read_book(tx: Any) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    ids = list(range(1, 2_000))
    stored = contacts.find_contacts(tx, ids=ids)
    names = groups.list_group_names(tx, ids=[contact.id for contact in stored])
    for contact in stored:
        card = msgspec.json.decode(contact.card)
        found[contact.mobile] = {**card, "groups": set(names[contact.id]), "status": contact.consent_status}
    return found


def person(number: int, *, version: int = 1, **values: Any) -> Record:
    """A record of a person with a number of their own."""
    given = {"mobilephone": f"+{mobile(number)}", "firstname": f"F{number}", **values}
    return Record(str(number), version, {name: value for name, value in given.items() if value is not None})


def mobile(number: int) -> int:
    return 254_722_000_000 + number


def gone(number: int, *, version: int = 2, kind: Any = "deleted", into: int | None = None) -> Record:
    return Record(str(number), version, gone=kind, merged_into="" if into is None else str(into))


def with_version(record: Record, version: int) -> Record:
    return replace(record, version=version)
