"""Pipedrive, read by polling: persons, their labels and filters, deletions; opt-outs go to a person field of ours.

Lists are of version 2 of its API, and what has no second version is of the first. A day's calls are counted in tokens,
and a small company has few: a reading of everything ends at our share of them and continues the next day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.calls import Caller, decode, unavailable
from daftari.connectors.pipedrive import answers
from daftari.connectors.pipedrive.api import (
    CHANGE,
    DELETE_V1,
    FIELDS,
    FILTERS,
    GET_V1,
    LIST,
    LIST_V1,
    MAKE_V1,
    ME,
    PERSONS,
    RECENTS,
    TITLE,
    WEBHOOKS,
    Api,
)
from daftari.connectors.pipedrive.deliveries import USER
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
from daftari.connectors.times import SECOND, write_time
from daftari.model.secrets import Secret
from daftari.outbound.exchange import OutboundResponse

IDS_MAX = 100
PAGE = 500
SAMPLE = 10
"""Records that a check shows."""
CUSTOM_FIELDS_MAX = 15
"""Fields of the company's own that a call may name; with more of them all are asked for."""
OVERLAP = 300 * SECOND
"""How much of the last window is read again."""
LAG = 30 * SECOND
"""How long before now a window ends."""
DELETED_EVERY = 3_600 * SECOND
"""How often deletions are asked for; a comparison of all ids finds what this does not."""
DELETED_PAGES_MAX = 10
"""Pages of recent changes that are looked through for deletions; more cost too many tokens."""

STANDARD = {
    "name": ("Name", "varchar"),
    "first_name": ("First name", "varchar"),
    "last_name": ("Last name", "varchar"),
    "phones": ("Phone", "phone"),
    "emails": ("Email", "varchar"),
    "org_id": ("Organization", "org"),
}
"""The fields of every person, with title and kind."""
FIELD_TITLES = {"sms": "Daftari SMS", "whatsapp": "Daftari WhatsApp"}


class _Deleted(Struct, omit_defaults=True):
    """The look for deletions: from when they are wanted, and where a look under way stands."""

    since: int
    started: int = 0
    start: int = 0
    pages: int = 0


class _Cursor(Struct, omit_defaults=True):
    """All changes before ``since`` were read, but for deletions, which ``deleted`` has; 0: nothing was read."""

    stage: Literal["changes", "deleted"]
    deleted: _Deleted
    since: int = 0
    start: int = 0
    until: int = 0
    """Of a window under way: its ends; 0 when the next one begins."""
    next: str = ""
    """Of a window: Pipedrive's own cursor."""
    seen: int = 0
    """Of a window: the last time of change that was read, from which it continues when that cursor is refused."""


class _MarkField(Struct, frozen=True):
    """A person field of ours, with the ids of its options by their words."""

    key: str
    options: Mapping[str, int | str]


class Pipedrive:
    """One company, read with the token of a user, and as that user sees it."""

    facts: ClassVar[Facts] = Facts(
        title=TITLE, records_max=IDS_MAX, poll_seconds=300, sees_deleted=True, sees_merged=False, writes_back=True
    )

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._api = Api(connection, caller)
        self._mark_fields: dict[str, _MarkField] = {}
        own = [name for name in connection.fields if name not in STANDARD]
        self._query = {"include_option_labels": "true"}
        if 0 < len(own) <= CUSTOM_FIELDS_MAX:
            self._query["custom_fields"] = ",".join(own)

    # ---- what is read -------------------------------------------------------------------------------

    def check(self) -> Account:
        me = decode(self._api.get(ME, {}, cost=GET_V1).body, answers.One[answers.Me], title=TITLE).data
        account = str(me.company_id)
        if self._connection.account not in ("", account):
            raise ConnectorFailed(
                "broken",
                "other_account",
                f"This token belongs to Pipedrive company {account}, the connection to {self._connection.account}. "
                "Give a token of that company, or make a connection of its own for this one.",
            )
        own = self._list_fields()
        fields = [FieldSource(name, title, kind) for name, (title, kind) in STANDARD.items()]
        fields += [FieldSource(one.key, one.name, one.field_type) for one in own if _is_own(one)]
        groups = [*_labels(own), *self._list_filters()]
        warnings = [*self._find_absent(fields, groups)]
        if not me.is_admin:
            warnings.append(
                f'The token is of "{me.name}", who is no admin: only the persons that this user sees are read. '
                "Make a user for Daftari with admin rights, and give its token."
            )
        newest = {"limit": str(SAMPLE), "sort_by": "update_time", "sort_direction": "desc"}
        return Account(
            id=account,
            name=me.company_name or f"Pipedrive {account}",
            time_zone=me.timezone_name,
            count=None,
            missing=(),
            groups=groups,
            fields=fields,
            warnings=warnings,
            sample=self._records(self._list(self._query | newest).data or []),
        )

    def read_changes(self, cursor: str, *, now: int) -> Page:
        place = _read_cursor(cursor) if cursor else _Cursor("changes", _Deleted(now))
        return self._read_deleted(place, now) if place.stage == "deleted" else self._read_window(place, now)

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        if len(ids) > IDS_MAX:
            raise ValueError(f"At most {IDS_MAX} records are read at once.")
        wanted = ",".join(one for one in ids if one.isdecimal())
        if not wanted:
            return []
        return self._records(self._list({"ids": wanted, "limit": str(IDS_MAX)} | self._query).data or [])

    def close(self) -> None:
        """Nothing is open between calls."""

    def list_groups(self) -> Sequence[GroupSource]:
        return [*_labels(self._list_fields()), *self._list_filters()]

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        reached = int(after) if after else 0
        kind, number = _read_group(group)
        query = {"sort_by": "id", "sort_direction": "asc", "limit": str(PAGE)}
        if kind == "filter":
            query["filter_id"] = str(number)
        position = ""
        while True:
            page = self._list(query | ({"cursor": position} if position else {}), group=group)
            found = sorted(
                one.id
                for one in page.data or []
                if one.id > reached and not one.is_deleted and (kind != "label" or number in one.label_ids)
            )
            if found:
                reached = found[-1]
                yield [str(one) for one in found]
            if not page.next_cursor:
                return
            if page.next_cursor == position:
                raise unavailable(TITLE, "it answers the same page again")
            position = page.next_cursor

    # ---- what is written ----------------------------------------------------------------------------

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        words: dict[str, dict[str, str]] = {}
        for mark in sorted(marks, key=lambda one: (one.at, one.word == "out")):
            words.setdefault(mark.record_id, {})[mark.channel] = mark.word
        outcomes: dict[str, MarkOutcome] = {}
        try:
            for record_id, by_channel in words.items():
                outcomes[record_id] = self._write(record_id, by_channel)
        except ConnectorFailed as failure:
            if not outcomes:
                raise
            again = {one: MarkOutcome(one, "again", failure.message) for one in words if one not in outcomes}
            outcomes |= again
        return [outcomes[mark.record_id] for mark in marks]

    # ---- webhooks -----------------------------------------------------------------------------------

    def require_webhook(self, url: str, *, secret: Secret) -> bool:
        found = self._find_webhooks(url)
        is_there = False
        for one in found:
            if one.subscription_url == url and one.is_active and not is_there:
                is_there = True
            else:
                self._delete_webhook(one)
        if is_there:
            return False
        wanted = {
            "subscription_url": url,
            "event_action": "*",
            "event_object": "person",
            "version": "2.0",
            "name": "Daftari",
            "http_auth_user": USER,
            "http_auth_password": str(secret),
        }
        self._api.call("POST", WEBHOOKS, body=wanted, cost=MAKE_V1, is_reading=False, repeats=False)
        return True

    def remove_webhook(self, url: str) -> None:
        for one in self._find_webhooks(url):
            self._delete_webhook(one)

    def _find_webhooks(self, url: str) -> list[answers.Webhook]:
        """Those that call an address with the same token, at any host."""
        body = self._api.get(WEBHOOKS, {}, cost=MAKE_V1, is_reading=False).body
        found = decode(body, answers.PageV1[answers.Webhook], title=TITLE)
        token = _last_part(url)
        return [one for one in found.data or [] if _last_part(one.subscription_url) == token]

    def _delete_webhook(self, webhook: answers.Webhook) -> None:
        target = f"{WEBHOOKS}/{webhook.id}"
        self._api.call("DELETE", target, cost=DELETE_V1, accepts=(404, 410), is_reading=False)

    def _write(self, record_id: str, words: Mapping[str, str]) -> MarkOutcome:
        if not record_id.isdecimal():
            return MarkOutcome(record_id, "gone")
        fields = self._require_fields_of(words)
        response = self._set(record_id, words, fields)
        if response.status == 400:
            # A field may have been deleted since it was looked for.
            self._mark_fields.clear()
            found = self._require_fields_of(words)
            if found != fields:
                response = self._set(record_id, words, found)
        if response.status == 400:
            return MarkOutcome(record_id, "refused", self._api.quote(answers.read_error(response.body).says))
        return MarkOutcome(record_id, "gone" if response.status in (404, 410) else "written")

    def _set(self, record_id: str, words: Mapping[str, str], fields: Mapping[str, _MarkField]) -> OutboundResponse:
        values = {fields[channel].key: fields[channel].options[word] for channel, word in words.items()}
        return self._api.call(
            "PATCH",
            f"{PERSONS}/{record_id}",
            body={"custom_fields": values},
            cost=CHANGE,
            accepts=(400, 404, 410),
            is_reading=False,
        )

    def _require_fields_of(self, channels: Iterable[str]) -> dict[str, _MarkField]:
        return {channel: self._require_field(channel) for channel in channels}

    def _require_field(self, channel: str) -> _MarkField:
        """The field for a channel, found by its title, and made where the company has none."""
        if channel not in self._mark_fields:
            title = FIELD_TITLES.get(channel, f"Daftari {channel}")
            own = self._list_fields(is_reading=False)
            found = next((one for one in own if one.name == title and _is_own(one)), None)
            if found is None:
                wanted = {"name": title, "field_type": "enum", "options": [{"label": "in"}, {"label": "out"}]}
                made = self._api.call("POST", FIELDS, body=wanted, cost=MAKE_V1, is_reading=False, repeats=False)
                found = decode(made.body, answers.One[answers.FieldV1], title=TITLE).data
            options = {option.label: option.id for option in found.options or []}
            if not {"in", "out"} <= options.keys():
                raise ConnectorFailed(
                    "broken",
                    "field_changed",
                    f'The person field "{title}" has no options "in" and "out" now; add them, or delete the field.',
                )
            self._mark_fields[channel] = _MarkField(found.key, options)
        return self._mark_fields[channel]

    # ---- the stages of a reading --------------------------------------------------------------------

    def _read_window(self, place: _Cursor, now: int) -> Page:
        if not place.until:
            place = replace(place, start=max(place.since - OVERLAP, 0), until=(now - LAG) // SECOND * SECOND)
        if place.until <= place.since:
            return self._close(place, now, ())
        if not place.since and not place.next:
            self._require_fields()
        query = self._query | {"limit": str(PAGE), "sort_by": "update_time", "sort_direction": "asc"}
        query["updated_until"] = write_time(place.until, timespec="seconds")
        if place.start:
            query["updated_since"] = write_time(place.start, timespec="seconds")
        if place.next:
            query["cursor"] = place.next
        response = self._api.get(PERSONS, query, cost=LIST, accepts=(400,) if place.next else ())
        if response.status == 400:
            # Pipedrive refuses a cursor that is too old.
            return self._read_window(replace(place, start=place.seen, next=""), now)
        page = decode(response.body, answers.Page[answers.Person], title=TITLE)
        records = self._records(page.data or [])
        if not page.next_cursor:
            return self._close(replace(place, since=place.until), now, records)
        if page.next_cursor == place.next:
            raise unavailable(TITLE, "it answers the same page again")
        seen = max([place.seen, *(record.version for record in records)])
        place = replace(place, next=page.next_cursor, seen=seen)
        return Page(records, _write_cursor(place), None, has_more=True)

    def _close(self, place: _Cursor, now: int, records: Sequence[Record]) -> Page:
        """The end of a window; the deletions follow when they are due."""
        is_due = now - place.deleted.since >= DELETED_EVERY
        stage: Literal["changes", "deleted"] = "deleted" if is_due else "changes"
        place = _Cursor(stage, place.deleted, place.since)
        return Page(records, _write_cursor(place), place.since, has_more=is_due)

    def _read_deleted(self, place: _Cursor, now: int) -> Page:
        if not place.deleted.started:
            self._require_fields()
        deleted = place.deleted if place.deleted.started else replace(place.deleted, started=now)
        since = write_time(max(deleted.since - OVERLAP, 0), timespec="seconds")
        query = {
            "since_timestamp": since.replace("T", " ").removesuffix("Z"),
            "items": "person",
            "start": str(deleted.start),
            "limit": str(PAGE),
        }
        body = self._api.get(RECENTS, query, cost=LIST_V1).body
        page = decode(body, answers.PageV1[answers.Recent], title=TITLE)
        records = [
            Record(id=str(one.id), version=one.changed_at or deleted.started, gone="deleted")
            for one in page.data or []
            if one.is_deleted_person
        ]
        pages = deleted.pages + 1
        if page.next_start is not None and page.next_start > deleted.start and pages < DELETED_PAGES_MAX:
            place = replace(place, deleted=replace(deleted, start=page.next_start, pages=pages))
            return Page(records, _write_cursor(place), place.since, has_more=True)
        place = replace(place, stage="changes", deleted=_Deleted(deleted.started))
        return Page(records, _write_cursor(place), place.since, has_more=False)

    # ---- records and lists --------------------------------------------------------------------------

    def _records(self, persons: Sequence[answers.Person]) -> list[Record]:
        return [self._record(person) for person in persons]

    def _record(self, person: answers.Person) -> Record:
        values = {name: person.value(name) for name in self._connection.fields}
        return Record(
            id=str(person.id),
            version=person.version,
            values={} if person.is_deleted else {name: value for name, value in values.items() if value not in _BLANKS},
            groups=() if person.is_deleted else [f"label:{one}" for one in person.label_ids],
            gone="deleted" if person.is_deleted else None,
            url=self.record_url(self._connection, str(person.id)),
        )

    @staticmethod
    def record_url(connection: Connection, person_id: str) -> str:
        """Where a user sees a person; blank while the company is not known."""
        company = connection.settings.get("company", "")
        return f"https://{company}.pipedrive.com/person/{person_id}" if company else ""

    def _list(self, query: Mapping[str, str], *, group: str = "") -> answers.Page[answers.Person]:
        kind, number = _read_group(group)
        response = self._api.get(PERSONS, query, cost=LIST, accepts=(404,) if kind == "filter" else ())
        if response.status == 404:
            says = f"Pipedrive has no filter {number} now: choose another one for the group."
            raise ConnectorFailed("broken", "group_gone", says)
        return decode(response.body, answers.Page[answers.Person], title=TITLE)

    def _list_fields(self, *, is_reading: bool = True) -> list[answers.FieldV1]:
        found: list[answers.FieldV1] = []
        start: int | None = 0
        while start is not None:
            query = {"start": str(start), "limit": str(PAGE)}
            body = self._api.get(FIELDS, query, cost=LIST_V1, is_reading=is_reading).body
            page = decode(body, answers.PageV1[answers.FieldV1], title=TITLE)
            found += page.data or []
            start = page.next_start if page.next_start and page.next_start > start else None
        return found

    def _list_filters(self) -> list[GroupSource]:
        body = self._api.get(FILTERS, {"type": "people"}, cost=LIST_V1).body
        found = decode(body, answers.PageV1[answers.Filter], title=TITLE).data or []
        return [GroupSource(f"filter:{one.id}", one.name) for one in found if one.active_flag]

    def _require_fields(self) -> None:
        """Raise ``ConnectorFailed`` when a wanted field is not there: its values would all look blank."""
        wanted = [name for name in self._connection.fields if name not in STANDARD]
        known = {field.key: field.name for field in self._list_fields()} if wanted else {}
        for name in wanted:
            if known.get(name) in FIELD_TITLES.values():
                says = f'The person field "{known[name]}" is written by Daftari and is not read: choose another one.'
                raise ConnectorFailed("broken", "field_ours", says)
            if name not in known:
                says = f'Pipedrive has no person field "{name}" now: choose another one.'
                raise ConnectorFailed("broken", "field_missing", says)

    def _find_absent(self, fields: Sequence[FieldSource], groups: Sequence[GroupSource]) -> Iterator[str]:
        names, known = {field.name for field in fields}, {group.name for group in groups}
        for name in self._connection.fields:
            if name not in names:
                yield f'Pipedrive has no person field "{name}".'
        for name in self._connection.groups:
            if name not in known:
                yield f'Pipedrive has no label or filter "{name}", or hides it from this user.'


# ---- cursors, groups, fields ------------------------------------------------------------------------

_BLANKS: tuple[object, ...] = (None, "", [])


def _last_part(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _read_cursor(written: str) -> _Cursor:
    return msgspec.json.decode(written, type=_Cursor)


def _write_cursor(place: _Cursor) -> str:
    return msgspec.json.encode(place).decode()


def _read_group(group: str) -> tuple[str, int]:
    """The kind and number of a group; of none, blank and 0."""
    kind, _, number = group.partition(":")
    if group and (kind not in ("label", "filter") or not number.isdecimal()):
        says = f'"{group}" is no group of Pipedrive; write a label or a filter with its number, as in "filter:7".'
        raise ConnectorFailed("broken", "group_unknown", says)
    return kind, int(number or 0)


def _is_own(field: answers.FieldV1) -> bool:
    """Whether a field is of the company's own, whose key is 40 hexadecimal digits."""
    return len(field.key) == 40 and set(field.key) <= set("0123456789abcdef")


def _labels(fields: Sequence[answers.FieldV1]) -> Iterator[GroupSource]:
    for field in fields:
        if field.key == "label_ids":
            yield from (GroupSource(f"label:{option.id}", option.label) for option in field.options or [])
