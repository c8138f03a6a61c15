"""The records of one transaction of an import, with their outcomes. No SQL."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from daftari.rules.events import Event
from daftari.rules.imports.groups import Naming
from daftari.rules.imports.model import (
    CODE,
    Import,
    ReadChunk,
)
from daftari.rules.imports.parse import reject
from daftari.store.imports import Reject

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
    repeats: set[int]
    ids_by_mobile: dict[int, int] | None
    namings: dict[str, Naming]
    """By folded name."""
    suppressed: int = 0
    joined: int = 0
    excluded: int = 0
    facts: int = 0
    groups: set[int] = set()
    joins: dict[int, dict[int, list[int]]] = {}
    """Contacts that were there, by chunk and by the group that they joined."""
    events: list[Event] = []
    """What happened to contacts and groups."""
    recorded: set[int] = set()
    """Records that brought a fact."""
    fact_ranges: tuple[tuple[int, int], ...] = ()

    @property
    def is_plan(self) -> bool:
        return self.work.stored.phase == "plan"

    def set(self, number: int, code: int, contact_id: int = 0) -> None:
        """Note a record's outcome and contact."""
        self.outcomes[number - self.first] = code
        self.ids[number - self.first] = contact_id

    def refuse(self, number: int, why: str, *, outcome: str = "invalid", erased: bool = False) -> None:
        """Reject a record after all; one that names an erased number is not kept."""
        self.set(number, CODE[outcome])
        self.rejects.append(reject(number, why, "null" if erased else self._record(number)))

    def _record(self, number: int) -> str:
        chunk = next(chunk for chunk in self.chunks if number < chunk.first + chunk.count)
        values: list[Any] = msgspec.msgpack.decode(chunk.values)
        return msgspec.json.encode(values[number - chunk.first]).decode()
