"""Files on their way in, and contacts that are streamed in. This room must not know how a call is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Unpack

import msgspec

from daftari_client.api import Content, WriteOptions, name_of, read_content
from daftari_client.plans import Plan, Walk, chunks, follow, read_listed, read_member
from daftari_client.records import Import, ImportRow, Listed
from daftari_client.scope import AnyChannel, Purpose
from daftari_client.waiting import wait_until
from daftari_client.worlds import Room, World, call, walk

Kind = Literal["contacts", "opt_outs", "opt_ins"]
_UNDER_WAY = frozenset({"queued", "running"})


class Imports(Room[World]):
    """Files that were sent in, and what became of them row by row."""

    @call
    def create(
        self,
        source: Content,
        *,
        name: str | None = None,
        kind: Kind | None = None,
        group: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        plan: bool = False,
        attributes: bool = False,
        keep_ids: bool = False,
        channel: AnyChannel | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        at: datetime | str | None = None,
        evidence: str | None = None,
        override: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Plan[Import]:
        """Sends a file, given as bytes or as a file open for bytes, which is read piece by piece.

        ``columns`` says which column of the file is which field, where the server should not find out by itself. With
        ``plan`` nothing is changed until ``apply``. ``attributes`` keeps unknown columns. ``keep_ids`` takes over ids
        into an empty project. From ``channel`` on it is what the rows of a list of opt-outs or opt-ins do not say: what
        nobody says is any, and now. The import goes on in the server: see ``wait``.
        """
        source = read_content(source)
        how = {"name": name or name_of(source), "kind": kind, "group": group}
        what = {"plan": plan, "attributes": attributes, "keep_ids": keep_ids}
        map_ = None if columns is None else msgspec.json.encode(dict(columns)).decode()
        scope = {"channel": channel, "sender": sender, "purpose": purpose}
        query = how | what | {"map": map_} | scope | {"at": at, "evidence": evidence, "override": override}
        return self._api.write("/imports", read_member("import", Import), query=query, content=source, **options)

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Plan[Listed[Import]]:
        """Some of the imports."""
        return self._page(after, limit)

    @walk
    def iterate(self) -> Walk[Import]:
        """Every import."""
        return follow(lambda after: self._page(after, None))

    @call
    def get(self, number: int) -> Plan[Import]:
        """How far an import is."""
        return self._get(number)

    @call
    def wait(self, started: Import | int, *, timeout_seconds: float | None = None) -> Plan[Import]:
        """The import when it is done, failed, cancelled or paused; ``WaitedTooLong`` when that takes longer."""
        number = started if isinstance(started, int) else started.id
        return wait_until(
            lambda: self._get(number),
            lambda found: found.state not in _UNDER_WAY,
            timeout_seconds=timeout_seconds,
            clock=self._api.retries.clock,
        )

    @walk
    def rows(self, number: int) -> Walk[ImportRow]:
        """What became of each row of the file, or would."""
        return follow(lambda after: self._rows(number, after, None))

    @call
    def list_rows(self, number: int, *, after: str | None = None, limit: int | None = None) -> Plan[Listed[ImportRow]]:
        """Some of the rows."""
        return self._rows(number, after, limit)

    @walk
    def rejects(self, number: int) -> Walk[bytes]:
        """The rows that were refused as a file like the one sent, with a column that says why; in pieces of bytes."""
        return chunks(self._api.open(f"/imports/{number}/rejects"))

    @call
    def apply(self, number: int, **options: Unpack[WriteOptions]) -> Plan[Import]:
        """Does what was planned."""
        return self._tell(number, "apply", None, **options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Plan[Import]:
        """Stops for now."""
        return self._tell(number, "pause", None, **options)

    @call
    def resume(self, number: int, **options: Unpack[WriteOptions]) -> Plan[Import]:
        """Goes on after a pause or a failure."""
        return self._tell(number, "resume", None, **options)

    @call
    def cancel(self, number: int, **options: Unpack[WriteOptions]) -> Plan[Import]:
        """Stops for good. What was written stays; ``undo`` takes it back."""
        return self._tell(number, "cancel", None, **options)

    @call
    def undo(
        self, number: int, *, opt_outs: bool = False, reason: str | None = None, **options: Unpack[WriteOptions]
    ) -> Plan[Import]:
        """Puts back what the import changed. Its opt-outs stay, unless ``opt_outs`` is asked for with a reason."""
        return self._tell(number, "undo", {"opt_outs": opt_outs or None, "reason": reason}, **options)

    def _get(self, number: int) -> Plan[Import]:
        return self._api.read(f"/imports/{number}", read_member("import", Import))

    def _tell(
        self, number: int, what: str, body: Mapping[str, object] | None, **options: Unpack[WriteOptions]
    ) -> Plan[Import]:
        return self._api.write(f"/imports/{number}/{what}", read_member("import", Import), body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Plan[Listed[Import]]:
        return self._api.read("/imports", read_listed("imports", Import), query={"after": after, "limit": limit})

    def _rows(self, number: int, after: str | None, limit: int | None) -> Plan[Listed[ImportRow]]:
        query = {"after": after, "limit": limit}
        return self._api.read(f"/imports/{number}/rows", read_listed("rows", ImportRow), query=query)
