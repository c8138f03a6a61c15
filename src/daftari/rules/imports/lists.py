"""Reads the records of a list of opt-outs or opt-ins: the facts about every number in them.

What cannot be read of an opt-out makes it wider or later, with a warning; an opt-in is rejected for it. No database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import msgspec
from msgspec import Struct
from pyroaring import BitMap64

from daftari.errors import quote
from daftari.files import Record
from daftari.files.blanks import is_no_value
from daftari.mobile import Reader
from daftari.model.consent import NewFact
from daftari.model.limits import FACTS_PER_CALL_MAX, ID_MAX
from daftari.model.time import format_time
from daftari.rules.consent.facts import Kind, read_facts, read_sender
from daftari.rules.consent.state import fold_sender
from daftari.rules.consent.views import cut_evidence
from daftari.rules.imports.cells import FoundNumber, is_readable
from daftari.rules.imports.columns import Columns, Taker
from daftari.rules.imports.fields import is_listed
from daftari.rules.imports.model import ImportSettings, ReadChunk, Values
from daftari.rules.imports.opt_outs import is_clear_yes, read_channels, read_consent_cell, read_purposes
from daftari.rules.imports.reasons import record_json, reject, warn, without_quote
from daftari.rules.imports.times import OrderFinder, read_span

SAID_MAX = 500
"""Different things that a list may say, each with a set of numbers of its own."""

TIME_UNREAD = "The time of an opt-out cannot be read, or has more than one meaning: it counts from when the file came."
_CHANNEL_UNREAD = "The channel of an opt-out cannot be read: it was recorded for every channel."
_PURPOSE_UNREAD = "The purpose of an opt-out cannot be read: it was recorded for every purpose."
_SENDER_UNREAD = "The sender of an opt-out cannot be read: it was recorded for every sender."
_SAYS_OTHERWISE = "says that the person did not opt out; the list says so, and the opt-out was recorded."
_SAYS_OPTED_OUT = "says that the person opted out."


class _Read(Struct):
    """What a record says: facts without their numbers, warnings as reason and cell, and why it is refused."""

    items: list[dict[str, Any]]
    warnings: list[tuple[str, str]]
    refused: tuple[str, str] | None = None


class _Item(Struct, frozen=True):
    """A fact that is to be read: the record and the cell that it comes from."""

    record: Record
    cell: object
    members: dict[str, Any]


class ListReader:
    """Reads the records of one list in their order, and knows what came before."""

    def __init__(
        self,
        settings: ImportSettings,
        columns: Columns,
        *,
        take: Taker,
        reader: Reader,
        orders: Mapping[int | str, OrderFinder],
    ) -> None:
        self._settings = settings
        self._columns = columns
        self._take = take
        self._reader = reader
        self._orders = orders
        self._kind: Kind = "opt_in" if settings.kind == "opt_ins" else "opt_out"
        self._said: dict[tuple[int | None, str, str, str], BitMap64] = {}
        self._hashed = BitMap64()

    def read(self, records: Sequence[Record], chunk: ReadChunk) -> None:
        """Read the facts of some records, one for each number in a record."""
        items: list[_Item] = []
        for record in records:
            if record.values is None:
                self._reject(chunk, record, record.why or "cannot be read.", cell="", is_unread=True)
                continue
            read = self._read_members(record.values)
            if read.refused is not None:
                self._reject(chunk, record, read.refused[0], cell=read.refused[1], is_unread=False)
                continue
            found = [*self._columns.find_all_mobiles(record.values, self._take, self._reader)]
            shown = None if found else self._columns.find_mobile(record.values, self._take, self._reader).shown
            for number, cell in found or [(FoundNumber(None), shown)]:
                items += [_Item(record, cell, {"mobile": number.text, **members}) for members in read.items]
            if found:
                chunk.warnings.extend(warn(record, why, cell=cell) for why, cell in read.warnings)
        fresh: dict[int, bool] = {}
        for first in range(0, len(items), FACTS_PER_CALL_MAX):
            self._read_items(items[first : first + FACTS_PER_CALL_MAX], chunk, fresh)
        chunk.repeats.extend(number for number, is_fresh in fresh.items() if not is_fresh)

    def _read_items(self, items: Sequence[_Item], chunk: ReadChunk, fresh: dict[int, bool]) -> None:
        settings = self._settings
        given = read_facts(
            [item.members for item in items],
            common=settings.common,
            kind=self._kind,
            writer="import",
            region=settings.region,
            now=None,
        )
        for fact in given.facts:
            number = items[fact.index].record.number
            fresh[number] = self._is_fresh(fact) or fresh.get(number, False)
            chunk.facts.append(msgspec.structs.replace(fact, index=number))
        for index, errors in given.invalid.items():
            item = items[index]
            why = " ".join(sentence for sentences in errors.values() for sentence in sentences)
            why = without_quote(why, item.members["mobile"])
            field = next(iter(errors))
            cell = item.cell if field == "mobile" else item.members.get(field)
            is_unread = "mobile" in errors and not is_readable(item.members["mobile"], self._reader)
            self._reject(chunk, item.record, why, cell="" if cell is None else quote(cell), is_unread=is_unread)

    def _reject(self, chunk: ReadChunk, record: Record, why: str, *, cell: str, is_unread: bool) -> None:
        chunk.rejects.append(reject(record.number, why, record_json(record), cell=cell))
        if is_unread and self._kind == "opt_out" and record.number not in chunk.unread_opt_outs[-1:]:
            chunk.unread_opt_outs.append(record.number)

    def _read_members(self, values: Values) -> _Read:
        read = _Read([], [])
        members = self._columns.read_members(values, self._take)
        scopes = self._read_scopes(members, read)
        if "note" in members:
            note = str(members.pop("note"))
            # It must not be why an opt-out is lost.
            members["evidence"] = cut_evidence(note) if self._kind == "opt_out" else note
        if "at" in members:
            self._read_time(members, read)
        for use in self._columns.consents:
            cell = self._take(values, use.where)
            if is_no_value(cell) or is_listed(cell):
                continue
            column = f"The column {quote(use.name)}"
            if self._kind == "opt_in" and read_consent_cell(cell, use.column.kind) == "opted_out":
                read.refused = (f"{column} {_SAYS_OPTED_OUT}", quote(cell))
            elif self._kind == "opt_out" and is_clear_yes(cell, use.column.kind):
                read.warnings.append((f"{column} {_SAYS_OTHERWISE}", quote(cell)))
        read.items = [{**members, **scope} for scope in scopes]
        return read

    def _read_scopes(self, members: dict[str, Any], read: _Read) -> list[dict[str, Any]]:
        """The channel and purpose of each fact of a record, as far as it names them, taken out of its members."""
        named: list[list[tuple[str, Any]]] = []
        if (cell := members.pop("channel", None)) is not None:
            channels = read_channels(cell) or self._widest(cell, _CHANNEL_UNREAD, read)
            named.append([("channel", channel) for channel in channels])
        if (cell := members.pop("purpose", None)) is not None:
            purposes = read_purposes(cell) or self._widest(cell, _PURPOSE_UNREAD, read)
            named.append([("purpose", purpose) for purpose in purposes])
        if self._kind == "opt_out" and "sender" in members:
            try:
                read_sender(members["sender"])
            except ValueError:
                read.warnings.append((_SENDER_UNREAD, quote(members["sender"])))
                members["sender"] = "any"
        return [dict(scope) for scope in product(*named)]

    def _widest(self, cell: object, why: str, read: _Read) -> list[Any]:
        """What stands for a channel or purpose that cannot be read: any of an opt-out; an opt-in is refused for it."""
        if self._kind == "opt_in":
            return [cell]
        read.warnings.append((why, quote(cell)))
        return ["any"]

    def _read_time(self, members: dict[str, Any], read: _Read) -> None:
        """A time as facts have it: of an opt-out the last moment that it may be, of an opt-in the first."""
        cell, now = members["at"], self._settings.created_at
        assert self._columns.at is not None, "a member has a column"
        span = read_span(cell, orders=self._orders[self._columns.at].orders, now=now)
        if span is not None:
            members["at"] = format_time(min(span.last, now) if self._kind == "opt_out" else span.first)
        elif self._kind == "opt_out":
            known = members.get("evidence") or self._settings.common.get("evidence")
            if known is None or isinstance(known, str):
                written = f"time as written: {cell}"
                members["evidence"] = cut_evidence(f"{known}; {written}" if known else written)
            members["at"] = None
            read.warnings.append((TIME_UNREAD, quote(cell)))

    def _is_fresh(self, fact: NewFact) -> bool:
        """Whether the file has not said this before; it says so from now on."""
        scope = fact.scope
        said = (fact.at, scope.channel, fold_sender(scope.sender), scope.purpose)
        seen, key = self._said.get(said), fact.mobile
        if seen is None and len(self._said) < SAID_MAX:
            seen = self._said.setdefault(said, BitMap64())
        elif seen is None:
            # So many different facts are remembered by their hash, which takes ten times the memory.
            seen, key = self._hashed, hash((fact.mobile, *said)) & ID_MAX
        if key in seen:
            return False
        seen.add(key)
        return True
