"""What a record says by the fields, filter and groups of its connection: numbers, values, opt-outs. No links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from daftari.connectors import CONNECTORS, Record
from daftari.files.blanks import is_no_number, is_no_value
from daftari.files.consent_columns import CONSENT_KINDS, ConsentKind
from daftari.mobile import Reader, reader_for
from daftari.model.connections import GroupMapping
from daftari.model.consent import ANY, CHANNELS, PURPOSES, Scope
from daftari.model.contacts import TEXT_FIELDS
from daftari.rules.connections.model import ALL_SCOPES, SCOPE_BITS, Opened, read_property
from daftari.rules.fields import fold_name, read_time
from daftari.rules.imports.opt_outs import is_clear_yes, read_consent_cell
from daftari.rules.imports.reasons import without_quote
from daftari.rules.numbers import read_number_with

EVERY = "all"
"""What a group is made of that has every record."""
OPT_OUT_AT = "opt_out_at"
CONTACT_TARGETS = ("mobile", "name", *TEXT_FIELDS)
TARGETS = (*CONTACT_TARGETS, "attributes.NAME", *CONSENT_KINDS, OPT_OUT_AT)
"""What a field may be used for. A word about consent may name a channel and a purpose, as in ``opt_out.sms.any``, and
its time a channel, as in ``opt_out_at.sms``.
"""
DEFAULT_SCOPE = Scope("sms", ANY, "marketing")
_NO_ANSWER = frozenset({"never subscribed", "not subscribed", "no consent", "none", "pending", "unknown", "redacted"})
"""What says that a person was not asked or has not answered: no opt-out."""


class Consenting(Struct, frozen=True):
    """What a field about consent is about."""

    kind: ConsentKind
    scope: Scope


class Said(Struct, frozen=True):
    """What a record says.

    ``why``: why no number could be read; blank also where there is none. ``values``: of the row of an import.
    ``outs`` and ``ins``: bits of scopes; ``spoken``: those of which it says anything, if it may be silent of others.
    ``times``: when it opted out, by channel, where that is known. ``passes``: whether the filter lets it in.
    ``in_groups``: the group mappings that it says itself that it belongs to.
    """

    mobile: int
    why: str
    values: dict[str, Any]
    outs: int
    ins: int
    spoken: int
    times: Mapping[str, int]
    passes: bool
    in_groups: tuple[GroupMapping, ...]
    digest: int

    def at(self, scope: Scope) -> int | None:
        """When it opted out of a scope, where that is known."""
        return self.times.get(scope.channel, self.times.get(ANY))


def read_time_target(target: str) -> str | None:
    """The channel of the opt-out whose time a field is; ``None`` for another use. Raises ``ValueError``."""
    name, mark, channel = target.partition(".")
    if name != OPT_OUT_AT:
        return None
    if not mark:
        return ANY
    if channel not in CHANNELS:
        raise ValueError(f"must name a channel ({', '.join(CHANNELS)}), as in {OPT_OUT_AT}.sms.")
    return channel


def read_consent_target(target: str) -> Consenting | None:
    """What a field about consent is about; ``None`` for another use. Raises ``ValueError``, the end of a sentence."""
    kind, *about = target.split(".")
    if kind not in CONSENT_KINDS:
        return None
    channel, purpose = DEFAULT_SCOPE.channel, DEFAULT_SCOPE.purpose
    if about:
        channel, purpose = about[0], about[1] if len(about) > 1 else "any"
    if channel not in (*CHANNELS, "any") or purpose not in (*PURPOSES, "any") or len(about) > 2:
        raise ValueError(
            f"must name a channel ({', '.join(CHANNELS)} or any) and a purpose ({', '.join(PURPOSES)} or any), as in "
            f"{kind}.sms.marketing."
        )
    scope = Scope(ANY if channel == "any" else channel, ANY, ANY if purpose == "any" else purpose)
    return Consenting(kind, scope)


class RecordReader:
    """Reads the records of one connection."""

    def __init__(self, opened: Opened, *, region: str) -> None:
        definition = opened.definition
        kind = CONNECTORS[opened.stored.kind]
        self._reader: Reader = reader_for(region)
        self._zone = ZoneInfo(definition.zone or opened.progress.time_zone)
        self._consents = {
            name: consenting
            for name, target in definition.fields.items()
            if (consenting := read_consent_target(target)) is not None
        }
        self._times = {
            name: channel
            for name, target in definition.fields.items()
            if (channel := read_time_target(target)) is not None
        }
        used = self._consents.keys() | self._times.keys()
        self._targets = [(name, target) for name, target in definition.fields.items() if name not in used]
        self._may_be_silent = definition.push_only
        self._filter = {name: {fold_name(one) for one in words} for name, words in definition.filter.items()}
        self._groups = tuple(group for group in definition.groups if group.source == EVERY)
        self._in_records = [group for group in definition.groups if group.source.partition(":")[0] in kind.in_records]
        properties = [(read_property(group.source), group) for group in definition.groups]
        self._by_property = [(found[0], {fold_name(found[1])}, group) for found, group in properties if found]
        groups = [(group.source, group.group_id or group.group, group.keep) for group in definition.groups]
        named = [definition.fields, definition.filter, groups, region]
        self._key = msgspec.json.encode(named)
        named_by_groups = [name for name, _, _ in self._by_property]
        self._used = [*dict.fromkeys((*definition.fields, *definition.filter, *named_by_groups))]

    def read(self, record: Record) -> Said:
        """What a record says now."""
        values: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        mobile, why = 0, ""
        given, unreadable = record.values, record.unreadable
        for name, target in self._targets:
            if unreadable and name in unreadable:
                if target == "mobile":
                    why = why or f"The field {name} {unreadable[name]}"
                continue
            value = given.get(name)
            if value is None or is_no_value(value):
                continue
            if target == "mobile":
                if not mobile:
                    mobile, problem = self._read_mobile(name, value, values)
                    why = "" if mobile else why or problem
            elif target.startswith("attributes."):
                attributes[target.removeprefix("attributes.")] = _as_attribute(value)
            else:
                values.setdefault(target, value if isinstance(value, str) else str(value))
        if attributes:
            values["attributes"] = attributes
        outs, ins, spoken = self._read_consent(given)
        times = self._read_times(given)
        passes = all(_passes(given.get(name), words) for name, words in self._filter.items())
        groups = self._groups_of(record)
        return Said(mobile, why, values, outs, ins, spoken, times, passes, groups, self.digest_of(record))

    def _groups_of(self, record: Record) -> tuple[GroupMapping, ...]:
        """The groups that a record says itself that it belongs to."""
        if not (self._in_records or self._by_property):
            return self._groups
        in_records = frozenset(record.groups)
        named = (group for group in self._in_records if group.source in in_records)
        valued = (group for name, words, group in self._by_property if _passes(record.values.get(name), words))
        return (*self._groups, *named, *valued)

    def _read_mobile(self, name: str, written: object, values: dict[str, Any]) -> tuple[int, str]:
        """The first number in a field, which is put among the values; else what is wrong with it."""
        why = ""
        for one in written if isinstance(written, list) else [written]:
            if is_no_number(one):
                continue
            try:
                found = read_number_with(self._reader, one)
            except ValueError as error:
                why = why or f"The field {name} {without_quote(str(error), one)}"
                values.setdefault("mobile", one)
                continue
            values["mobile"] = one
            return found.number, ""
        return 0, why

    def _read_consent(self, given: Mapping[str, object]) -> tuple[int, int, int]:
        """The scopes that a record is out of, those that it is in, and those of which it says anything."""
        outs, ins, spoken = 0, 0, 0
        for name, consenting in self._consents.items():
            value = given.get(name)
            if is_no_value(value):
                continue
            spoken |= SCOPE_BITS[consenting.scope]
            for one in value if isinstance(value, list) else [value]:
                if fold_name(str(one).replace("_", " ")) in _NO_ANSWER:
                    continue
                if read_consent_cell(one, consenting.kind) == "opted_out":
                    outs |= SCOPE_BITS[consenting.scope]
                elif consenting.kind != "opt_out" and is_clear_yes(one, consenting.kind):
                    ins |= SCOPE_BITS[consenting.scope]
        return outs, ins & ~outs, spoken if self._may_be_silent else ALL_SCOPES

    def _read_times(self, given: Mapping[str, object]) -> dict[str, int]:
        """When a person opted out, by channel; of several fields for one channel the latest."""
        found: dict[str, int] = {}
        for name, channel in self._times.items():
            value = given.get(name)
            at = None if value is None or is_no_value(value) else self._read_time(value)
            if at is not None:
                found[channel] = max(found.get(channel, at), at)
        return found

    def _read_time(self, value: object) -> int | None:
        """When a person opted out, in the connection's zone where it names none; ``None`` when it cannot be read."""
        text = str(value).strip()
        try:
            if text.isdecimal() and len(text) == len("1795168800000"):
                return int(text) * 1_000
            read = datetime.fromisoformat(text)
            if read.tzinfo is None:
                return int(read.replace(tzinfo=self._zone).timestamp() * 1_000_000)
            return read_time(text, now=None)
        except ValueError:
            return None

    def digest_of(self, record: Record) -> int:
        """8 bytes of all that counts of a record, never 0. It takes less time than to read the record."""
        used = [*map(record.values.get, self._used)]
        groups = [group.source for group in self._groups_of(record)] if self._in_records else ()
        written = self._key + msgspec.json.encode((used, record.unreadable, groups))
        return int.from_bytes(blake2b(written, digest_size=8).digest(), signed=True) or 1


def _as_attribute(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _passes(value: object, words: set[str]) -> bool:
    """Whether a field has one of the values that the filter wants; any value where it names none."""
    found = {fold_name(str(one)) for one in _list(value) if not is_no_value(one)}
    return bool(found & words) if words else bool(found)


def _list(value: object) -> Iterator[object]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, bool):
        yield "true" if value else "false"
    else:
        yield value
