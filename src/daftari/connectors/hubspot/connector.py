"""HubSpot, read by polling: contacts, lists, deletions and merges; opt-outs are written back to properties of ours.

Version 2026-09 of its API. Webhooks are not read. The search index is late by moments, so a window of changes ends
before now and begins before the last one's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.calls import Caller, decode, unavailable
from daftari.connectors.hubspot import answers
from daftari.connectors.hubspot.api import (
    CONTACT_TYPE,
    CONTACTS,
    DETAILS,
    LISTS,
    PROPERTIES,
    READ_CONTACTS,
    READ_LISTS,
    READ_SCHEMAS,
    TITLE,
    WRITE_CONTACTS,
    WRITE_SCHEMAS,
    Api,
)
from daftari.connectors.protocol import (
    Account,
    Connection,
    ConnectorFailed,
    Facts,
    FieldSource,
    GroupSource,
    Mark,
    MarkOutcome,
    Page,
    Record,
)
from daftari.connectors.times import SECOND, read_time, write_time

PAGE = 100
"""Contacts of a page, ids of a batch."""
SEARCH_PAGE = 200
MEMBERS_PAGE = 250
LISTS_PAGE = 500
SAMPLE = 10
"""Records that a check shows."""
OVERLAP = 600 * SECOND
"""How much of the last window is read again: a change reaches the index late."""
INDEX_LAG = 30 * SECOND
"""How long before now a window ends."""
BIN_EVERY = 3_600 * SECOND
"""How often the deleted contacts are listed; a bin of many pages is listed so seldom that it costs a call a minute."""

OURS = ("lastmodifieddate", "hs_merged_object_ids")
"""The properties that are read for ourselves."""
GROUP = "daftari"


class _Bin(Struct, omit_defaults=True):
    """The listing of deleted contacts: from when they are wanted, and where a listing under way stands."""

    since: int
    every: int = BIN_EVERY
    started: int = 0
    after: str = ""
    pages: int = 0


class _Cursor(Struct, omit_defaults=True):
    """``stage`` is what is read next. All changes before ``since`` were read, but for deletions, which ``bin`` has."""

    stage: Literal["all", "changes", "bin"]
    since: int
    bin: _Bin
    after: str = ""
    """Of all: the id from which the next page begins."""
    until: int = 0
    """Of a window under way: its end; 0 when the next one begins."""
    last: str = ""
    """Of a window: the last id that was read."""


class HubSpot:
    """One account, read with a service key or the token of a private app."""

    facts: ClassVar[Facts] = Facts(
        title=TITLE,
        records_max=PAGE,
        poll_seconds=60,
        sees_deleted=True,
        sees_merged=True,
        writes_back=True,
        counts=True,
    )
    own_prefix: ClassVar[str] = f"{GROUP}_"
    """How the names of the properties begin to which opt-outs are written."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._api = Api(connection, caller)
        self._properties = (*dict.fromkeys((*connection.fields, *OURS)),)
        self._ready: set[str] = set()

    # ---- what is read -------------------------------------------------------------------------------

    def check(self) -> Account:
        details = decode(self._api.get(DETAILS).body, answers.Details, title=TITLE)
        account = str(details.portal_id)
        if self._connection.account not in ("", account):
            raise ConnectorFailed(
                "broken",
                "other_account",
                f"This key belongs to HubSpot account {account}, the connection to {self._connection.account}. "
                "Give a key of that account, or make a connection of its own for this one.",
            )
        missing = self._find_missing_scopes()
        can_read = READ_CONTACTS not in missing
        fields = self._list_fields() if can_read else []
        if fields is None:
            missing.append(READ_SCHEMAS)
        groups = self.list_groups() if READ_LISTS not in missing else []
        newest = answers.Contacts([])
        if can_read:
            newest = self._api.search([], properties=self._properties, limit=SAMPLE, newest_first=True)
        return Account(
            id=account,
            name=f"HubSpot {account}",
            time_zone=details.time_zone,
            count=newest.total,
            missing=missing,
            groups=groups,
            fields=fields or (),
            warnings=[*self._find_absent(fields or (), groups)] if not missing else (),
            sample=[record for record in self._records(newest.results) if record.gone is None],
        )

    def read_changes(self, cursor: str, *, now: int) -> Page:
        place = _read_cursor(cursor) if cursor else _Cursor("all", now, _Bin(now))
        match place.stage:
            case "all":
                return self._read_all(place)
            case "changes":
                return self._read_window(place, now)
            case "bin":
                return self._read_bin(place, now)

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        if len(ids) > PAGE:
            raise ValueError(f"At most {PAGE} records are read at once.")
        wanted = {one for one in ids if one.isdecimal()}
        found = {record.id: record for record in self._read_batch(wanted, archived=False)}
        if left := wanted - found.keys():
            for record in self._read_batch(left, archived=True):
                found.setdefault(record.id, record)
        # What people delete is in the bin for 90 days; what is not there either was erased.
        erased = [Record(id=one, version=0, gone="erased") for one in sorted(wanted - found.keys(), key=int)]
        return [*found.values(), *erased]

    def count_records(self, *, made_before: int) -> int:
        made = {"propertyName": "createdate", "operator": "LT", "value": str(made_before // 1_000)}
        total = self._api.search([made], properties=(), limit=1).total
        if total is None:
            raise unavailable(TITLE, "it answers a search without a total")
        return total

    def list_groups(self) -> Sequence[GroupSource]:
        found: list[answers.List] = []
        has_more = True
        while has_more:
            wanted = {
                "listIds": [],
                "processingTypes": ["MANUAL", "DYNAMIC", "SNAPSHOT"],
                "objectTypeId": CONTACT_TYPE,
                "offset": len(found),
                "count": LISTS_PAGE,
            }
            page = decode(self._api.post(f"{LISTS}/search", wanted).body, answers.Lists, title=TITLE)
            found += page.lists
            has_more = page.has_more and bool(page.lists)
        return [_read_list(one) for one in found if one.object_type_id == CONTACT_TYPE]

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        reached = int(after) if after else -1
        if group:
            list_id, position = _list_id(group), ""
            path, query = f"{LISTS}/{list_id}/memberships", {"limit": str(MEMBERS_PAGE)}
        else:
            list_id, position = "", str(reached + 1) if after else ""
            path, query = CONTACTS, {"limit": str(PAGE), "properties": "hs_object_id"}
        is_first = True
        while is_first or position:
            is_first = False
            page = self._api.list(path, query | ({"after": position} if position else {}), list_id=list_id)
            ids = [one.id for one in page.results if int(one.id) > reached]
            if ids:
                reached = int(ids[-1])
                yield ids
            if page.after and page.after == position:
                raise unavailable(TITLE, "it answers the same page again")
            position = page.after

    def close(self) -> None:
        """Nothing is open between calls."""

    # ---- what is written ----------------------------------------------------------------------------

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        inputs = _merge_marks(marks)
        outcomes: dict[str, MarkOutcome] = {}
        ids, channels = list(inputs), {mark.channel for mark in marks}
        try:
            self._require_properties(channels)
            for start in range(0, len(ids), PAGE):
                some = {one: inputs[one] for one in ids[start : start + PAGE]}
                found = self._write(some)
                refused = {one: some[one] for one in some if found[one].outcome == "refused"}
                if refused:
                    # A property of ours may have been deleted since it was looked for.
                    self._ready.clear()
                    if self._require_properties(channels):
                        found |= self._write(refused)
                outcomes |= found
        except ConnectorFailed as failure:
            if not outcomes:
                raise
            again = {one: MarkOutcome(one, "again", failure.message) for one in ids if one not in outcomes}
            outcomes |= again
        return [outcomes[mark.record_id] for mark in marks]

    def _write(self, inputs: Mapping[str, Mapping[str, str]]) -> dict[str, MarkOutcome]:
        """One outcome for each record. A batch of which one record is refused is divided until that one is alone."""
        sent = {"inputs": [{"id": one, "properties": properties} for one, properties in inputs.items()]}
        response = self._api.post(f"{CONTACTS}/batch/update", sent, accepts=(400, 404), is_reading=False)
        if response.status in (400, 404):
            if len(inputs) > 1:
                ids = list(inputs)
                half = len(ids) // 2
                return self._write({one: inputs[one] for one in ids[:half]}) | self._write(
                    {one: inputs[one] for one in ids[half:]}
                )
            (one,) = inputs
            error = answers.read_error(response.body)
            is_gone = response.status == 404 or error.is_not_found
            return {one: MarkOutcome(one, "gone" if is_gone else "refused", self._api.quote(error.says))}
        batch = decode(response.body, answers.Batch, title=TITLE)
        outcomes = {one.id: MarkOutcome(one.id, "written") for one in batch.results if one.id in inputs}
        for fault in batch.errors:
            for one in fault.ids & inputs.keys() - outcomes.keys():
                outcomes[one] = MarkOutcome(
                    one, "gone" if fault.is_not_found else "refused", self._api.quote(fault.says)
                )
        # Of a record that was merged into another one HubSpot answers the other one.
        left_out = "HubSpot's answer leaves this record out."
        return outcomes | {one: MarkOutcome(one, "gone", left_out) for one in inputs.keys() - outcomes.keys()}

    def _require_properties(self, channels: set[str]) -> bool:
        """Make the properties of these channels, once, where the account lacks them. Returns whether it lacked any."""
        has_made = False
        for channel in sorted(channels - self._ready):
            name = f"{self.own_prefix}{channel}"
            if self._api.call("GET", f"{PROPERTIES}/{name}", accepts=(404,), is_reading=False).status == 404:
                group = {"name": GROUP, "label": "Daftari"}
                self._api.post(f"{PROPERTIES}/groups", group, accepts=(409,), is_reading=False)
                for wanted in _describe_properties(channel, name):
                    self._api.post(PROPERTIES, wanted, accepts=(409,), is_reading=False)
                has_made = True
            self._ready.add(channel)
        return has_made

    # ---- the stages of a reading --------------------------------------------------------------------

    def _read_all(self, place: _Cursor) -> Page:
        if not place.after:
            self._require_fields()
        query = {"limit": str(PAGE), "properties": ",".join(self._properties)}
        page = self._api.list(CONTACTS, query | ({"after": place.after} if place.after else {}))
        records = self._records(page.results)
        if page.after:
            if page.after == place.after:
                raise unavailable(TITLE, "it answers the same page again")
            return Page(records, _write_cursor(replace(place, after=page.after)), None, has_more=True)
        return Page(records, _write_cursor(replace(place, stage="changes", after="")), place.since, has_more=True)

    def _read_window(self, place: _Cursor, now: int) -> Page:
        until = place.until or (now - INDEX_LAG) // 1_000 * 1_000
        if until <= place.since:
            return self._close(place, now, ())
        filters = [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str((place.since - OVERLAP) // 1_000)},
            {"propertyName": "lastmodifieddate", "operator": "LT", "value": str(until // 1_000)},
        ]
        if place.last:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": place.last})
        page = self._api.search(filters, properties=self._properties, limit=SEARCH_PAGE)
        records = self._records(page.results)
        if len(page.results) < SEARCH_PAGE and not page.after:
            return self._close(replace(place, since=until, until=0, last=""), now, records)
        if not page.results:
            raise unavailable(TITLE, "it answers an empty page and says that more follow")
        place = replace(place, until=until, last=page.results[-1].id)
        return Page(records, _write_cursor(place), None, has_more=True)

    def _close(self, place: _Cursor, now: int, records: Sequence[Record]) -> Page:
        """The end of a window; the bin follows when it is due."""
        is_due = now - place.bin.since >= place.bin.every
        place = replace(place, stage="bin" if is_due else "changes")
        return Page(records, _write_cursor(place), place.since, has_more=is_due)

    def _read_bin(self, place: _Cursor, now: int) -> Page:
        """A page of the deleted contacts. All of them are listed, by id, and those of before are left out."""
        if not place.bin.started:
            self._require_fields()
        bin = place.bin if place.bin.started else replace(place.bin, started=now)
        query = {"limit": str(PAGE), "archived": "true"} | ({"after": bin.after} if bin.after else {})
        page = self._api.list(CONTACTS, query)
        from_then = bin.since - OVERLAP
        records = [self._deleted(one) for one in page.results if one.deleted_at >= from_then]
        pages = bin.pages + 1
        if page.after and page.after != bin.after:
            place = replace(place, bin=replace(bin, after=page.after, pages=pages))
            return Page(records, _write_cursor(place), place.since, has_more=True)
        every = max(BIN_EVERY, pages * 60 * SECOND)
        place = replace(place, stage="changes", bin=_Bin(bin.started, every))
        return Page(records, _write_cursor(place), place.since, has_more=False, ends_deleted=True)

    # ---- records ------------------------------------------------------------------------------------

    def _records(self, contacts: Sequence[answers.Contact]) -> list[Record]:
        """The records of these contacts, and one for each contact that was merged into one of them."""
        records, fields = [], self._connection.fields
        for contact in contacts:
            given, version = contact.properties, contact.version
            values = {name: value for name in fields if (value := given.get(name)) is not None and value != ""}
            url = self.record_url(self._connection, contact.id)
            records.append(Record(id=contact.id, version=version, values=values, url=url))
            records += [
                Record(id=loser, version=version, gone="merged", merged_into=contact.id) for loser in contact.merged_ids
            ]
        return records

    def _deleted(self, contact: answers.Contact) -> Record:
        return Record(
            id=contact.id, version=contact.deleted_at, gone="deleted", url=self.record_url(self._connection, contact.id)
        )

    @staticmethod
    def record_url(connection: Connection, contact_id: str) -> str:
        """Where a person sees a contact; blank while the account is not known."""
        account = connection.account
        return f"https://app.hubspot.com/contacts/{account}/record/{CONTACT_TYPE}/{contact_id}" if account else ""

    def _read_batch(self, ids: set[str], *, archived: bool) -> list[Record]:
        wanted = {"inputs": [{"id": one} for one in sorted(ids, key=int)], "properties": self._properties}
        if not ids:
            return []
        query = "?archived=true" if archived else ""
        response = self._api.post(f"{CONTACTS}/batch/read{query}", wanted, accepts=(404,))
        if response.status == 404:
            return []
        results = decode(response.body, answers.Batch, title=TITLE).results
        return [self._deleted(one) for one in results] if archived else self._records(results)

    # ---- parts of a check ---------------------------------------------------------------------------

    def _find_missing_scopes(self) -> list[str]:
        """The scopes that the connection wants and the key lacks. An empty batch shows a right and changes nothing."""
        probes = [
            (READ_CONTACTS, "GET", f"{CONTACTS}?limit=1", None),
            (READ_LISTS, "POST", f"{LISTS}/search", {"listIds": [], "processingTypes": [], "offset": 0, "count": 1}),
        ]
        if self._connection.write_back:
            empty: dict[str, object] = {"inputs": []}
            probes.append((WRITE_CONTACTS, "POST", f"{CONTACTS}/batch/update", empty))
            probes.append((WRITE_SCHEMAS, "POST", f"{PROPERTIES}/batch/create", empty))
        missing: list[str] = []
        for scope, method, path, body in probes:
            response = self._api.call(method, path, body=body, accepts=(400, 403))
            if response.status == 403:
                missing += answers.read_error(response.body).scopes or [scope]
        return list(dict.fromkeys(missing))

    def _list_fields(self) -> list[FieldSource] | None:
        """The properties of contacts; ``None`` when the key may not list them."""
        response = self._api.get(PROPERTIES, accepts=(403,))
        if response.status == 403:
            return None
        found = decode(response.body, answers.Properties, title=TITLE).results
        return [FieldSource(one.name, one.label or one.name, one.type) for one in found if not one.archived]

    def _require_fields(self) -> None:
        """Raise ``ConnectorFailed`` when a wanted field is not there: its values would all look blank."""
        fields = self._list_fields()
        absent = [*self._find_absent(fields, None)] if fields is not None else []
        if absent:
            says = f"{absent[0]} Give the key the right to read it, or choose another field."
            raise ConnectorFailed("broken", "field_missing", says)

    def _find_absent(self, fields: Sequence[FieldSource], groups: Sequence[GroupSource] | None) -> Iterator[str]:
        names = {field.name for field in fields}
        for name in self._connection.fields:
            if name not in names:
                yield f'HubSpot has no contact property "{name}", or hides it from this key.'
        lists = {group.name for group in groups or ()}
        for name in self._connection.groups if groups is not None else ():
            if name not in lists:
                yield f'HubSpot has no contact list "{name.removeprefix("list:")}", or hides it from this key.'


# ---- cursors, lists, marks --------------------------------------------------------------------------


def _read_cursor(written: str) -> _Cursor:
    return msgspec.json.decode(written, type=_Cursor)


def _write_cursor(place: _Cursor) -> str:
    return msgspec.json.encode(place).decode()


def _list_id(group: str) -> str:
    kind, _, found = group.partition(":")
    if kind != "list" or not found.isdecimal():
        raise ConnectorFailed(
            "broken",
            "group_unknown",
            f'"{group}" is no list of HubSpot; write "list:" and its number, as in "list:12".',
        )
    return found


def _read_list(found: answers.List) -> GroupSource:
    size = found.facts.get("hs_list_size", "")
    changes = [read_time(found.facts.get(name)) for name in ("hs_last_record_added_at", "hs_last_record_removed_at")]
    return GroupSource(
        name=f"list:{found.list_id}",
        title=found.name,
        size=int(size) if size.isdecimal() else None,
        changed_at=max((at for at in changes if at is not None), default=None),
    )


def _merge_marks(marks: Sequence[Mark]) -> dict[str, dict[str, str]]:
    """The properties to write to each record: of two marks of a channel the later one, of equal times the opt-out."""
    inputs: dict[str, dict[str, str]] = {}
    for mark in sorted(marks, key=lambda one: (one.at, one.word == "out")):
        name = f"{HubSpot.own_prefix}{mark.channel}"
        inputs.setdefault(mark.record_id, {}).update({name: mark.word, f"{name}_at": write_time(mark.at)})
    return inputs


def _describe_properties(channel: str, name: str) -> list[dict[str, object]]:
    title = {"sms": "SMS", "whatsapp": "WhatsApp"}.get(channel, channel.replace("_", " "))
    about = "Written by Daftari when a person opts out or in. Changing it here changes nothing in Daftari."
    words = [("in", f"{title} allowed"), ("out", f"{title} opted out")]
    options = [
        {"label": label, "value": word, "displayOrder": order, "hidden": False}
        for order, (word, label) in enumerate(words)
    ]
    shared: dict[str, object] = {"groupName": GROUP, "description": about}
    return [
        shared | {"name": f"{name}_at", "label": f"Daftari: {title} since", "type": "datetime", "fieldType": "date"},
        shared
        | {
            "name": name,
            "label": f"Daftari: {title}",
            "type": "enumeration",
            "fieldType": "select",
            "options": options,
        },
    ]
