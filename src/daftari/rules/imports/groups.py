"""The groups that a batch's records name, each once, whatever its spelling. No consent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from daftari.rules.fields import fold_name
from daftari.rules.imports.model import Import, ReadChunk


class Naming(Struct):
    """A group that records name: the records, and which of them repeat a number."""

    name: str
    records: dict[int, None]
    repeats: set[int]


def find_namings(work: Import, chunks: Sequence[ReadChunk]) -> dict[str, Naming]:
    """The groups that records name, each in its first spelling, but for the import's own one."""
    namings: dict[str, Naming] = {}
    for chunk in chunks:
        for name, records, is_again in _named_in(chunk):
            naming = namings.setdefault(fold_name(name), Naming(name, {}, set()))
            naming.records.update(dict.fromkeys(records))
            if is_again:
                naming.repeats.update(records)
    if work.settings.group is not None:
        namings.pop(fold_name(work.settings.group), None)
    for naming in namings.values():
        naming.records = dict.fromkeys(sorted(naming.records))
    return namings


def _named_in(chunk: ReadChunk) -> Iterator[tuple[str, list[int], bool]]:
    named = [(name, records, False) for name, records in chunk.groups.items()]
    named += [(name, records, True) for name, records in chunk.repeat_groups.items()]
    yield from sorted(named, key=lambda one: one[1][0])
