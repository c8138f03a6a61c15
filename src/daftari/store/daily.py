"""Figures of a project by the day on which something happened, and how far changes are counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from daftari.model.consent import FactKind
from daftari.model.feed import ChangeType
from daftari.store.engine import Tx, WriteTx

What = Literal["contacts", "created", "removed", "opt_out", "sent", "calls"]
"""What is counted; the schema says more."""
COUNTED = "counted"
SEQ, AT = "seq", "at"

Figure = tuple[int, What, str]
"""The day of a figure in days since 1970, what it is of, and its key."""


class Counted(Struct, frozen=True):
    """The first day that is counted, up to which change of the feed all are, and when that was."""

    since: int
    seq: int
    at: int


class DailyRow(Struct, frozen=True):
    """A figure."""

    what: What
    day: int
    key: str
    count: int


class CountableChange(Struct, frozen=True):
    """A change of the feed as far as it may be counted. ``contacts``: those that came or went, as ranges of ids."""

    seq: int
    at: int
    type: ChangeType
    contacts: str
    first_fact: int | None
    last_fact: int | None


class CountableFact(Struct, frozen=True):
    """A fact as far as it may be counted, and for a retraction the fact that it took back."""

    id: int
    kind: FactKind
    channel: str
    at: int
    retracted_kind: FactKind | None
    retracted_channel: str | None
    retracted_at: int | None


def get_counted(tx: Tx) -> Counted | None:
    """How far changes are counted; ``None`` before the first count."""
    rows = tx.fetch(tuple[str, int, str, int], "list_daily", items=[(COUNTED, 0)])
    found = {key: count for _, _, key, count in rows}
    return Counted(rows[0][1], found[SEQ], found[AT]) if rows else None


def get_counted_seq(tx: Tx) -> int | None:
    """The last change of the feed that is counted; ``None`` before the first count."""
    counted = get_counted(tx)
    return None if counted is None else counted.seq


def save_counted(tx: WriteTx, *, counted: Counted) -> None:
    """Save how far changes are counted."""
    saved = {SEQ: counted.seq, AT: counted.at}
    tx.run("save_daily", items=[(counted.since, COUNTED, key, count) for key, count in saved.items()])


def add_figures(tx: WriteTx, *, counts: Mapping[Figure, int]) -> None:
    """Add to figures."""
    items = [(*figure, count) for figure, count in sorted(counts.items()) if count]
    if items:
        tx.run("add_daily", items=items)


def save_figures(tx: WriteTx, *, counts: Mapping[Figure, int]) -> None:
    """Save figures in the place of those that there are."""
    tx.run("save_daily", items=[(*figure, count) for figure, count in sorted(counts.items())])


def list_figures(tx: Tx, *, since: Mapping[What, int]) -> list[DailyRow]:
    """The figures of some kinds, each since a day of its own, by kind and day."""
    return tx.fetch(DailyRow, "list_daily", items=list(since.items()))


def find_last_day(tx: Tx, *, what: What) -> int | None:
    """The last day that has a figure of a kind."""
    return tx.fetch_one(int, "find_last_day", what=what)


def list_countable(tx: Tx, *, first: int, last: int) -> Iterable[CountableChange]:
    """The changes from one number to another, in order."""
    return tx.fetch(CountableChange, "list_countable", first=first, last=last)


def list_countable_facts(tx: Tx, *, first: int, last: int) -> list[CountableFact]:
    """The facts from one id to another that may count as opt-outs, or take one back, in order."""
    return tx.fetch(CountableFact, "list_countable_facts", first=first, last=last)
