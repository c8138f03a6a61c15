"""The records of one transaction of an import, with their outcomes. No SQL."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model.consent import FirstReceipt, NewFact
from daftari.rules.consent.others import choose_facts
from daftari.rules.events import Event
from daftari.rules.imports.groups import Naming
from daftari.rules.imports.model import (
    CODE,
    Import,
    ReadChunk,
)
from daftari.rules.imports.reasons import reject
from daftari.rules.numbers import find_known
from daftari.store import Tx
from daftari.store.imports import Reject

AMBIGUOUS = (
    "The mobile field is ambiguous: it is a number that this project knows, and in its region another is written so "
    "too; write it with +."
)
PLAN_DIGEST_BYTES = 8
"""What a plan keeps of what it saw of a record's contact."""


class Batch(Struct):
    """A batch while it is worked on: the outcome of each record, by its place in the batch."""

    work: Import
    chunks: Sequence[ReadChunk]
    first: int
    outcomes: bytearray
    ids: array[int]
    plan_digests: bytearray
    rejects: list[Reject]
    warnings: list[Reject]
    repeats: set[int]
    ids_by_mobile: dict[int, int] | None
    namings: dict[str, Naming]
    """By folded name."""
    suppressed: int = 0
    joined: int = 0
    excluded: list[int] = []
    """Numbers that opted out or left a group, and would have come back."""
    facts: int = 0
    opt_outs: int = 0
    unread_opt_outs: int = 0
    groups: set[int] = set()
    joins: dict[int, dict[int, list[int]]] = {}
    """Contacts that were there, by chunk and by the group that they joined."""
    events: list[Event] = []
    """What happened to contacts and groups."""
    samples: list[tuple[int, int]] = []
    """Of a plan, those of earlier batches too: records that would change a contact, with its id."""
    recorded: set[int] = set()
    """Records that brought a fact."""
    fact_ranges: tuple[tuple[int, int], ...] = ()
    others: Sequence[NewFact] = ()
    """Opt-outs of numbers that may be meant instead of those in the chunks."""
    receipt: FirstReceipt | None = None
    """When the records came, where each batch has a receipt of its own."""
    fires: bool = False
    """Whether joins fire triggers."""

    @property
    def received(self) -> FirstReceipt:
        """When the file came, or the records of this batch."""
        if self.receipt is not None:
            return self.receipt
        settings = self.work.settings
        return FirstReceipt(settings.receipt, settings.created_at, from_file=True)

    @property
    def is_plan(self) -> bool:
        return self.work.stored.phase == "plan"

    def set(self, number: int, code: int, contact_id: int = 0) -> None:
        """Note a record's outcome and contact."""
        place = number - self.first
        self.outcomes[place] = code
        self.ids[place] = contact_id

    def refuse(self, number: int, why: str, *, outcome: str = "invalid", erased: bool = False, cell: str = "") -> None:
        """Reject a record after all, for what is in a cell; one that names an erased number is not kept."""
        self.set(number, CODE[outcome])
        self.rejects.append(reject(number, why, "null" if erased else self._record(number), cell=cell))

    def _record(self, number: int) -> str:
        chunk = next(chunk for chunk in self.chunks if number < chunk.first + chunk.count)
        values: list[Any] = msgspec.msgpack.decode(chunk.values)
        return msgspec.json.encode(values[number - chunk.first]).decode()


def settle_numbers(tx: Tx, batch: Batch) -> None:
    """Take digits that are two numbers for what they were when the file came; a contact's must not be guessed."""
    mark = batch.work.settings.known
    doubtful = [row for chunk in batch.chunks for row in chunk.rows if row.digits is not None]
    known = find_known(tx, (row.digits for row in doubtful), before=mark) if doubtful else frozenset()
    refused = set()
    for row in doubtful:
        if row.digits is not None and row.digits in known:
            batch.refuse(row.index, AMBIGUOUS, cell=f"'{row.digits}', which is +{row.digits} or +{row.mobile}")
            refused.add(row.index)
    chunks, others = [], []
    for chunk in batch.chunks:
        if refused:
            rows = [row for row in chunk.rows if row.index not in refused]
            # An opt-out is taken for both.
            facts = [fact for fact in chunk.facts if fact.kind == "opt_out" or fact.index not in refused]
            chunk = replace(chunk, rows=rows, facts=facts)
        if any(fact.digits is not None for fact in chunk.facts):
            meant = choose_facts(tx, facts=chunk.facts, before=mark)
            others += meant.others
            chunk = replace(chunk, facts=meant.facts)
        chunks.append(chunk)
    batch.chunks, batch.others = chunks, others
