"""Odoo 19 and newer, read by polling: contacts, their tags, and the phone blacklist, which opt-outs are written to.

The API is JSON-2: a model, a method and named arguments, each call a transaction of its own. ``write_date`` is the time
at which a transaction of Odoo began, and is seen when it ends. So each window begins long before the last one's end.
What is deleted or merged leaves nothing: a comparison of all ids finds it. The blacklist names numbers, not contacts,
and a number that is put on it changes no contact: it is read by its own times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.calls import Caller, decode, unavailable
from daftari.connectors.odoo.api import ALL, BLACKLIST, PARTNER, TAG, TITLE, Api, Row, read_url
from daftari.connectors.odoo.blacklist import Blacklist
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

PAGE = 500
"""Contacts of a page, and numbers of the blacklist."""
IDS_MAX = 200
IDS_PAGE = 5_000
SAMPLE = 10
"""Contacts that a check shows."""
OVERLAP = 20 * 60 * SECOND
"""How much of the last window is read again: as long as a transaction may last that writes contacts. Odoo ends a
request after two minutes, and on many servers after 20 for the sake of large imports (``limit_time_real``). What lasts
longer, such as an upgrade, is found by a comparison."""
COUNT_EVERY = 3_600 * SECOND
"""How often the contacts are counted, which finds that some were deleted."""
CLOCK_SECONDS_MAX = 60.0
"""A difference of the two clocks that is worth a warning."""

PHONES = ("phone_sanitized", "mobile", "phone")
"""Where a number is, in the order in which they are tried. The first is Odoo's own reading of the number by the country
of the contact. Odoo 19 has no ``mobile``; a module of the community brings it back."""
BLACKLISTED = "phone_sanitized_blacklisted"
FIELDS: Mapping[str, tuple[str, str]] = {
    "phones": ("Phone", "text"),
    "name": ("Name of a person", "text"),
    "sms_blacklisted": ("On the phone blacklist", "boolean"),
    "blacklisted_at": ("On the phone blacklist since", "time"),
}
"""The fields that are made of Odoo's, with titles and kinds. All others have Odoo's names."""
KINDS = frozenset({"char", "text", "selection", "boolean", "integer", "float", "date", "datetime", "many2one"})
"""The kinds of Odoo's fields that can be mapped."""
NO_MODEL, NO_FIELD, NO_RIGHT = (
    "Odoo has no phone blacklist: install its module SMS, or who is on it is not known here.",
    "Odoo's contacts say nothing of the phone blacklist: install its module SMS, or who is on it is not known here.",
    "Odoo does not show this user the phone blacklist: who was put on it is known when the contact changes, or at "
    "night. Give the user the right to administer settings.",
)
WRITE_RIGHT = f"write {BLACKLIST}"


class _Cursor(Struct, omit_defaults=True):
    """``stage`` is what is read next, behind the id ``last``. What was to be seen before ``since`` was read."""

    stage: Literal["all", "changes", "blacklist"]
    since: int
    counted: int
    """When contacts were last counted."""
    until: int = 0
    """Of a window under way: its end; 0 when the next one begins."""
    last: int = 0


class _User(Struct):
    tz: str | Literal[False] | None = None


# ---- the connector ----------------------------------------------------------------------------------


class Odoo:
    """One database, read with the key of a user, and as that user sees it."""

    facts: ClassVar[Facts] = Facts(
        title=TITLE,
        records_max=IDS_MAX,
        poll_seconds=60,
        sees_deleted=False,
        sees_merged=False,
        writes_back=True,
        counts=True,
        keeps_consent=True,
    )

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._api = Api(connection, caller)
        self._kinds: Mapping[str, str] = {}
        """The fields of Odoo that are read, with their kinds."""
        self._wants_blacklist = bool({"sms_blacklisted", "blacklisted_at"} & {*connection.fields})
        self._hidden = ""
        """Why the blacklist is not read."""

    # ---- what is read -------------------------------------------------------------------------------

    def check(self) -> Account:
        account = self._api.account
        if self._connection.account not in ("", account):
            raise ConnectorFailed(
                "broken",
                "other_account",
                f"The settings lead to {account}, the connection is to {self._connection.account}. Set url and "
                "database as they were, or make a connection of its own for this one.",
            )
        user = self._api.ask("res.users", "context_get", _User)
        known = self._api.ask(PARTNER, "fields_get", dict[str, Row], attributes=["string", "type"])
        self._kinds = {name: str(one.get("type")) for name, one in known.items()}
        companies = self._api.ask("res.company", "search_read", list[Row], fields=["name"], order="id", limit=1)
        groups = self.list_groups()
        newest = self._search([], order="write_date desc, id desc", limit=SAMPLE)
        own = [FieldSource(name, title, kind) for name, (title, kind) in FIELDS.items()]
        missing = self._find_missing()
        return Account(
            id=account,
            name=str(companies[0].get("name")) if companies else account,
            time_zone=user.tz or "UTC",
            count=self._api.ask(PARTNER, "search_count", int, domain=[]),
            missing=missing,
            groups=groups,
            fields=own + [_field(name, one) for name, one in sorted(known.items()) if _can_map(name, one)],
            warnings=[*self._warnings(), *self._find_absent(groups)],
            sample=self._records(newest),
        )

    def read_changes(self, cursor: str, *, now: int) -> Page:
        place = msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor("all", now, now)
        if not self._kinds or (place.stage != "blacklist" and not place.last):
            self._require_fields()
        match place.stage:
            case "all":
                return self._read_all(place)
            case "changes":
                return self._read_window(place, now)
            case "blacklist":
                return self._read_blacklist(place)

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        if len(ids) > IDS_MAX:
            raise ValueError(f"At most {IDS_MAX} records are read at once.")
        if not self._kinds:
            self._require_fields()
        wanted = [int(one) for one in dict.fromkeys(ids) if one.isdecimal()]
        return self._records(self._search([["id", "in", wanted]])) if wanted else []

    def count_records(self, *, made_before: int) -> int:
        made = [["create_date", "<", _write_moment(made_before)]]
        return self._api.ask(PARTNER, "search_count", int, domain=made)

    def list_groups(self) -> Sequence[GroupSource]:
        found = self._api.ask(TAG, "search_read", list[Row], fields=["display_name"], order="id")
        return [GroupSource(f"category:{one['id']}", str(one.get("display_name"))) for one in found]

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        tagged = [["category_id", "in", [_read_tag(group)]]] if group else []
        last = int(after or 0)
        while True:
            domain = [*tagged, ["id", ">", last]]
            ids = self._api.ask(PARTNER, "search", list[int], domain=domain, order="id", limit=IDS_PAGE)
            if ids:
                last = _require_order(ids, last)
                yield [*map(str, ids)]
            if len(ids) < IDS_PAGE:
                return

    def close(self) -> None:
        """Nothing is open between calls."""

    # ---- what is written ----------------------------------------------------------------------------

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        return Blacklist(self._api, self._connection).write(marks)

    # ---- the stages of a reading --------------------------------------------------------------------

    def _read_all(self, place: _Cursor) -> Page:
        """Those that are archived are left out: who was not known is not gone."""
        rows = self._search([["id", ">", place.last]], limit=PAGE, context={})
        records = self._records(rows)
        if len(rows) == PAGE:
            place = replace(place, last=_last_of(rows, place.last))
            return Page(records, _write_cursor(place), None, has_more=True)
        _last_of(rows, place.last)
        place = replace(place, stage="changes", last=0)
        seen, warnings = place.since, [*self._warnings()]
        return Page(records, _write_cursor(place), seen - OVERLAP, has_more=True, warnings=warnings, seen_until=seen)

    def _read_window(self, place: _Cursor, now: int) -> Page:
        # Without an upper end: what changes while the window is read comes in the next one too.
        place = replace(place, until=place.until or now)
        rows = self._search([_since(place), ["id", ">", place.last]], limit=PAGE)
        last = _last_of(rows, place.last)
        records = self._records(rows)
        if len(rows) == PAGE:
            return Page(records, _write_cursor(replace(place, last=last)), None, has_more=True)
        if self._reads_blacklist:
            place = replace(place, stage="blacklist", last=0)
            return Page(records, _write_cursor(place), None, has_more=True)
        return self._close(place, records)

    def _read_blacklist(self, place: _Cursor) -> Page:
        """The contacts of numbers that were put on the blacklist, or taken from it."""
        entries = self._find_entries([_since(place), ["id", ">", place.last]], context=ALL, limit=PAGE) or []
        last = _last_of(entries, place.last)
        numbers = [one["number"] for one in entries]
        records = self._records(self._search([["phone_sanitized", "in", numbers]])) if numbers else []
        if len(entries) == PAGE:
            return Page(records, _write_cursor(replace(place, last=last)), None, has_more=True)
        return self._close(place, records)

    def _close(self, place: _Cursor, records: Sequence[Record]) -> Page:
        """The end of a window. Deletions show only in how many contacts there are, which is asked for now and then."""
        counts = place.until - place.counted >= COUNT_EVERY
        after = _Cursor("changes", place.until, place.until if counts else place.counted)
        return Page(
            records,
            _write_cursor(after),
            place.until - OVERLAP,
            has_more=False,
            warnings=[*self._warnings()],
            seen_until=place.until,
            ends_deleted=counts,
        )

    # ---- contacts -----------------------------------------------------------------------------------

    def _search(
        self,
        domain: Sequence[object],
        *,
        fields: Sequence[str] | None = None,
        order: str = "id",
        limit: int | None = None,
        context: Mapping[str, object] | None = None,
    ) -> list[Row]:
        """Contacts, with those that are archived unless a context is given."""
        return self._api.ask(
            PARTNER,
            "search_read",
            list[Row],
            domain=domain,
            fields=[*self._wire_fields] if fields is None else fields,
            order=order,
            limit=limit,
            context=ALL if context is None else context,
        )

    @property
    def _wire_fields(self) -> Iterator[str]:
        """The fields of Odoo that are asked for."""
        yield from ("write_date", "active", "is_company", "category_id")
        wanted = [*self._connection.fields]
        own = {"phones": PHONES, "name": ("name",)}
        for name in wanted:
            yield from (one for one in own.get(name, (name,)) if name not in _OF_BLACKLIST and one in self._kinds)
        if self._reads_blacklist:
            yield from (one for one in ("phone_sanitized", BLACKLISTED) if one not in wanted)

    @property
    def _reads_blacklist(self) -> bool:
        return self._wants_blacklist and BLACKLISTED in self._kinds

    def _records(self, rows: Sequence[Row]) -> list[Record]:
        listed = [one["phone_sanitized"] for one in rows if self._reads_blacklist and one.get(BLACKLISTED)]
        since: dict[object, str] = {}
        if listed and "blacklisted_at" in self._connection.fields:
            entries = self._find_entries([["number", "in", [*dict.fromkeys(listed)]]]) or []
            since = {one["number"]: write_time(_moment(one), timespec="seconds") for one in entries}
        return [self._record(one, since) for one in rows]

    def _record(self, row: Row, since: Mapping[object, str]) -> Record:
        record_id = str(row["id"])
        url = self.record_url(self._connection, record_id)
        if not row.get("active", True):
            return Record(id=record_id, version=_moment(row), gone="deleted", url=url)
        is_listed = bool(row.get(BLACKLISTED))
        values: dict[str, object] = {
            "phones": [*dict.fromkeys(row[name] for name in PHONES if row.get(name))],
            "name": "" if row.get("is_company") else row.get("name"),
            "sms_blacklisted": True if is_listed else "",
            "blacklisted_at": since.get(row.get("phone_sanitized"), "") if is_listed else "",
        }
        for name in self._connection.fields:
            if name not in FIELDS and name in self._kinds:
                values[name] = _plain(row.get(name), self._kinds[name])
        return Record(
            id=record_id,
            version=_moment(row),
            values={name: values[name] for name in self._connection.fields if values.get(name) not in _BLANKS},
            groups=[f"category:{one}" for one in row.get("category_id") or ()],
            url=url,
        )

    @staticmethod
    def record_url(connection: Connection, record_id: str) -> str:
        """Where a user sees a contact; blank where the settings have no address."""
        try:
            return f"{read_url(connection)}/odoo/{PARTNER}/{record_id}"
        except ConnectorFailed:
            return ""

    def _find_entries(self, domain: Sequence[object], **more: object) -> list[Row] | None:
        """Entries of the blacklist; ``None`` where it is not to be seen, which is noted."""
        wanted = {"domain": domain, "fields": ["number", "active", "write_date"], "order": "id", **more}
        response = self._api.call(BLACKLIST, "search_read", wanted, accepts=(403, 404))
        self._hidden = {403: NO_RIGHT, 404: NO_MODEL}.get(response.status, "")
        return None if self._hidden else decode(response.body, list[Row], title=TITLE)

    # ---- what is looked at first --------------------------------------------------------------------

    def _find_kinds(self, names: Sequence[str]) -> dict[str, str]:
        """Which of these fields there are, with their kinds."""
        found = self._api.ask(PARTNER, "fields_get", dict[str, Row], allfields=names, attributes=["type"])
        return {name: str(found[name].get("type")) for name in names if name in found}

    def _require_fields(self) -> None:
        """Raise ``ConnectorFailed`` when a wanted field is not there: its values would all look blank."""
        wanted = [name for name in self._connection.fields if name not in FIELDS]
        self._kinds = self._find_kinds([*dict.fromkeys((*wanted, *PHONES, "name", BLACKLISTED))])
        for name in wanted:
            if name not in self._kinds:
                says = f'Odoo has no field "{name}" of contacts, or hides it from this user: choose another one.'
                raise ConnectorFailed("broken", "field_missing", says)

    def _find_missing(self) -> list[str]:
        """The rights that the user of the key lacks."""
        if self._reads_blacklist:
            self._find_entries([], limit=1)
        if not self._connection.write_back:
            return []
        asked = {"ids": [], "operation": "create"}
        response = self._api.call(BLACKLIST, "has_access", asked, accepts=(403, 404))
        may_write = response.status == 200 and decode(response.body, bool, title=TITLE)
        return [] if may_write else [WRITE_RIGHT]

    def _warnings(self) -> Iterator[str]:
        ahead = self._api.clock_ahead
        if abs(ahead) > CLOCK_SECONDS_MAX:
            yield (
                f"Odoo's clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the clock here: correct "
                "it, since changes are read by its time."
            )
        if self._wants_blacklist and BLACKLISTED not in self._kinds:
            yield NO_FIELD
        elif self._wants_blacklist and self._hidden:
            yield self._hidden

    def _find_absent(self, groups: Sequence[GroupSource]) -> Iterator[str]:
        known = {group.name for group in groups}
        for name in self._connection.fields:
            if name not in FIELDS and name not in self._kinds:
                yield f'Odoo has no field "{name}" of contacts, or hides it from this user.'
        for name in self._connection.groups:
            if name not in known:
                yield f'Odoo has no tag "{name}" of contacts.'


# ---- rows, cursors, groups --------------------------------------------------------------------------

_OF_BLACKLIST = ("sms_blacklisted", "blacklisted_at")
_BLANKS: tuple[object, ...] = (None, "", [])


def _write_cursor(place: _Cursor) -> str:
    return msgspec.json.encode(place).decode()


def _write_moment(moment: int) -> str:
    """A time as Odoo takes it: UTC, without a zone."""
    return write_time(moment, timespec="seconds").replace("T", " ").removesuffix("Z")


def _since(place: _Cursor) -> list[object]:
    return ["write_date", ">=", _write_moment(max(place.since - OVERLAP, 0))]


def _moment(row: Row) -> int:
    written = row.get("write_date")
    return read_time(written if isinstance(written, str) else None) or 0


def _last_of(rows: Sequence[Row], last: int) -> int:
    """The last id of a page; that of the page before where it is empty."""
    return _require_order([int(one["id"]) for one in rows], last)


def _require_order(ids: Sequence[int], last: int) -> int:
    if [*ids] != sorted(ids) or (ids and ids[0] <= last):
        raise unavailable(TITLE, "it answers contacts that are not in the order of their ids")
    return ids[-1] if ids else last


def _plain(value: object, kind: str) -> object:
    """A value as a text, number or boolean: Odoo has false for a blank, and of another record its id and name."""
    if kind == "boolean":
        return bool(value)
    if kind == "many2one":
        return value[1] if isinstance(value, list) and len(value) == 2 else None
    return None if value is False else value


def _can_map(name: str, described: Row) -> bool:
    return described.get("type") in KINDS and name not in FIELDS


def _field(name: str, described: Row) -> FieldSource:
    return FieldSource(name, str(described.get("string") or name), str(described.get("type")))


def _read_tag(group: str) -> int:
    kind, _, number = group.partition(":")
    if kind != "category" or not number.isdecimal():
        says = f'"{group}" is no tag of Odoo; write "category:" and its number, as in "category:12".'
        raise ConnectorFailed("broken", "group_unknown", says)
    return int(number)
