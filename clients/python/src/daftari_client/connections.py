"""Connections: CRMs whose records become contacts, and stay so. No HTTP."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Unpack

from daftari_client.api import WriteOptions
from daftari_client.connection_records import (
    Connection,
    ConnectionCart,
    ConnectionCheck,
    ConnectionRecord,
    EventsReplayed,
    WebhookEvent,
)
from daftari_client.flows import Flow, Iteration, iterate_pages, read_member, read_message, read_page
from daftari_client.import_records import Import
from daftari_client.records import Deleted, Page
from daftari_client.resources import Mode, Resource, call, iteration

ConnectionList = builtins.list[Connection]


def _listed(given: Iterable[Mapping[str, str]] | None) -> list[Mapping[str, str]] | None:
    return None if given is None else [*given]


class Connections(Resource[Mode]):
    """The connections of the project. Calls that change something need a key of kind ``manage``."""

    @call
    def list(self) -> Flow[ConnectionList]:
        """Every connection, oldest first."""
        return self._api.read("/connections", read_member("connections", ConnectionList))

    @call
    def create(
        self,
        name: str,
        *,
        kind: str,
        credentials: Mapping[str, str] | None = None,
        settings: Mapping[str, object] | None = None,
        fields: Mapping[str, str] | None = None,
        filter: Mapping[str, object] | None = None,
        groups: Iterable[Mapping[str, str]] | None = None,
        write_back: bool | None = None,
        write_back_opt_ins: bool | None = None,
        fire_triggers: bool | None = None,
        carts_need: str | None = None,
        carts_group: str | None = None,
        poll_seconds: int | None = None,
        when_deleted: str | None = None,
        region: str | None = None,
        zone: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Connection]:
        """Adds a connection, which reads nothing before it is started.

        Raises ``ValidationFailed``, ``ConnectionNameTaken`` or ``ConnectionsFull``.
        """
        body = {
            "name": name,
            "kind": kind,
            "credentials": credentials,
            "settings": settings,
            "fields": fields,
            "filter": filter,
            "groups": _listed(groups),
            "write_back": write_back,
            "write_back_opt_ins": write_back_opt_ins,
            "fire_triggers": fire_triggers,
            "carts_need": carts_need,
            "carts_group": carts_group,
            "poll_seconds": poll_seconds,
            "when_deleted": when_deleted,
            "region": region,
            "zone": zone,
        }
        return self._api.write("/connections", read_member("connection", Connection), body=body, **options)

    @call
    def get(self, number: int) -> Flow[Connection]:
        """One connection. Raises ``ConnectionNotFound``."""
        return self._api.read(f"/connections/{number}", read_member("connection", Connection))

    @call
    def update(
        self,
        number: int,
        *,
        name: str | None = None,
        credentials: Mapping[str, str] | None = None,
        settings: Mapping[str, object] | None = None,
        fields: Mapping[str, str] | None = None,
        filter: Mapping[str, object] | None = None,
        groups: Iterable[Mapping[str, str]] | None = None,
        write_back: bool | None = None,
        write_back_opt_ins: bool | None = None,
        fire_triggers: bool | None = None,
        carts_need: str | None = None,
        carts_group: str | None = None,
        poll_seconds: int | None = None,
        when_deleted: str | None = None,
        region: str | None = None,
        zone: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Connection]:
        """Changes what is given. A comparison of all records follows, which applies it.

        Raises ``ConnectionNotFound``, ``ConnectionNameTaken`` or ``ValidationFailed``.
        """
        body = {
            "name": name,
            "credentials": credentials,
            "settings": settings,
            "fields": fields,
            "filter": filter,
            "groups": _listed(groups),
            "write_back": write_back,
            "write_back_opt_ins": write_back_opt_ins,
            "fire_triggers": fire_triggers,
            "carts_need": carts_need,
            "carts_group": carts_group,
            "poll_seconds": poll_seconds,
            "when_deleted": when_deleted,
            "region": region,
            "zone": zone,
        }
        answer = read_member("connection", Connection)
        return self._api.write(f"/connections/{number}", answer, method="PUT", body=body, **options)

    @call
    def delete(self, number: int, *, leave: bool | None = None, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Removes a connection; contacts and opt-outs stay. With ``leave`` its contacts leave the groups that it put
        them in. Raises ``ConnectionNotFound``.
        """
        body = {"leave": leave}
        return self._api.write(f"/connections/{number}", read_message(Deleted), method="DELETE", body=body, **options)

    @call
    def check(self, number: int, **options: Unpack[WriteOptions]) -> Flow[ConnectionCheck]:
        """Asks the other system about the account, and shows a few records as they would be here.

        Raises ``ConnectionNotFound``.
        """
        return self._api.write(f"/connections/{number}/check", read_member("check", ConnectionCheck), **options)

    @call
    def plan(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Begins a dry run, whose counts are the connection's ``plan``.

        Raises ``ConnectionNotFound`` or ``WrongConnectionState``.
        """
        return self._step(number, "plan", options)

    @call
    def start(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Begins to read, or continues where it stopped. Raises ``ConnectionNotFound`` or ``WrongConnectionState``."""
        return self._step(number, "start", options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Reads nothing until it is started again. Raises ``ConnectionNotFound`` or ``WrongConnectionState``."""
        return self._step(number, "pause", options)

    @call
    def sync(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Reads what changed now. Raises ``ConnectionNotFound`` or ``WrongConnectionState``."""
        return self._step(number, "sync", options)

    @call
    def sweep(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Compares all records with what is known here. Raises ``ConnectionNotFound`` or ``WrongConnectionState``."""
        return self._step(number, "sweep", options)

    @call
    def confirm(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Lets it do what it asks about. Raises ``ConnectionNotFound`` or ``WrongConnectionState``."""
        return self._step(number, "confirm", options)

    @call
    def change_key(
        self, number: int, *, credentials: Mapping[str, str], **options: Unpack[WriteOptions]
    ) -> Flow[Connection]:
        """Gives other credentials. Raises ``ConnectionNotFound`` or ``ValidationFailed``."""
        body = {"credentials": credentials}
        return self._api.write(
            f"/connections/{number}/key", read_member("connection", Connection), body=body, **options
        )

    @call
    def records(
        self, number: int, *, state: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Flow[Page[ConnectionRecord]]:
        """Part of the records; ``state="problem"`` for those to look at. Raises ``ConnectionNotFound``."""
        return self._records(number, state, after, limit)

    @iteration
    def iterate_records(self, number: int, *, state: str | None = None) -> Iteration[ConnectionRecord]:
        """All records, or those in a state. Raises ``ConnectionNotFound``."""
        return iterate_pages(lambda after: self._records(number, state, after, None))

    @call
    def carts(
        self, number: int, *, state: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Flow[Page[ConnectionCart]]:
        """Part of a shop's carts, those first that were heard of last. Raises ``ConnectionNotFound``."""
        return self._carts(number, state, after, limit)

    @iteration
    def iterate_carts(self, number: int, *, state: str | None = None) -> Iteration[ConnectionCart]:
        """All carts of a shop, or those in a state. Raises ``ConnectionNotFound``."""
        return iterate_pages(lambda after: self._carts(number, state, after, None))

    @call
    def retry(self, number: int, ids: Iterable[str], **options: Unpack[WriteOptions]) -> Flow[Connection]:
        """Has records read again and applied. Raises ``ConnectionNotFound`` or ``WrongConnectionState``."""
        answer = read_member("connection", Connection)
        return self._api.write(f"/connections/{number}/records/retry", answer, body={"ids": [*ids]}, **options)

    @call
    def settle(
        self, number: int, ids: Iterable[str], *, decision: str, **options: Unpack[WriteOptions]
    ) -> Flow[Connection]:
        """Settles records that were erased there: ``erase`` erases their numbers here too, ``keep`` keeps them.

        Raises ``ConnectionNotFound`` or ``ValidationFailed``.
        """
        answer = read_member("connection", Connection)
        body = {"ids": [*ids], "decision": decision}
        return self._api.write(f"/connections/{number}/records/settle", answer, body=body, **options)

    @call
    def events(self, number: int, *, after: str | None = None, limit: int | None = None) -> Flow[Page[WebhookEvent]]:
        """Part of what the other system announced, the newest first. Raises ``ConnectionNotFound``."""
        return self._events(number, after, limit)

    @iteration
    def iterate_events(self, number: int) -> Iteration[WebhookEvent]:
        """All that the other system announced, the newest first. Raises ``ConnectionNotFound``."""
        return iterate_pages(lambda after: self._events(number, after, None))

    @call
    def replay_events(self, number: int, *, since: datetime, **options: Unpack[WriteOptions]) -> Flow[EventsReplayed]:
        """Has the records of events since a time read again.

        Raises ``ConnectionNotFound`` or ``WrongConnectionState``.
        """
        body = {"since": since}
        answer = read_message(EventsReplayed)
        return self._api.write(f"/connections/{number}/webhook-events/replay", answer, body=body, **options)

    @call
    def runs(self, number: int, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Import]]:
        """Part of the connection's imports, the newest first. Raises ``ConnectionNotFound``."""
        return self._runs(number, after, limit)

    @iteration
    def iterate_runs(self, number: int) -> Iteration[Import]:
        """All imports of the connection, the newest first. Raises ``ConnectionNotFound``."""
        return iterate_pages(lambda after: self._runs(number, after, None))

    def _step(self, number: int, step: str, options: WriteOptions) -> Flow[Connection]:
        return self._api.write(f"/connections/{number}/{step}", read_member("connection", Connection), **options)

    def _events(self, number: int, after: str | None, limit: int | None) -> Flow[Page[WebhookEvent]]:
        query = {"after": after, "limit": limit}
        return self._api.read(f"/connections/{number}/webhook-events", read_page("events", WebhookEvent), query=query)

    def _records(
        self, number: int, state: str | None, after: str | None, limit: int | None
    ) -> Flow[Page[ConnectionRecord]]:
        query = {"state": state, "after": after, "limit": limit}
        return self._api.read(f"/connections/{number}/records", read_page("records", ConnectionRecord), query=query)

    def _carts(
        self, number: int, state: str | None, after: str | None, limit: int | None
    ) -> Flow[Page[ConnectionCart]]:
        query = {"state": state, "after": after, "limit": limit}
        return self._api.read(f"/connections/{number}/carts", read_page("carts", ConnectionCart), query=query)

    def _runs(self, number: int, after: str | None, limit: int | None) -> Flow[Page[Import]]:
        query = {"after": after, "limit": limit}
        return self._api.read(f"/connections/{number}/runs", read_page("runs", Import), query=query)
