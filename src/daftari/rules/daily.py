"""Counts what happened by the day of the project's time zone: from the feed, and what is counted as it happens.

Changes are counted in their order, and the number of the last one is saved in the same transaction, so that none is
counted twice, whatever ends the worker. Opt-outs count on the day from which they hold. No HTTP, no SQL.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from daftari.model.projects import Project
from daftari.rules.access.zones import zone_of
from daftari.store import Tx, WriteTx, daily, directory, feed
from daftari.store.daily import CountableChange, CountableFact, Counted, Figure
from daftari.store.journal import read_ranges

CHANGES_PER_STEP = 500
FACTS_PER_STEP = 10_000
"""Facts of the changes of one step; the last of these may have more."""
HOUR_MICROSECONDS = 3_600_000_000
EPOCH = date(1970, 1, 1)
REMOVED = ("contacts.deleted", "contacts.erased")

Calls = Mapping[tuple[int, int], int]
"""How many calls there were by a key in a minute, by the minute since 1970 and the key's id."""


class Days:
    """The days of a project's time zone."""

    def __init__(self, project: Project) -> None:
        self._zone = ZoneInfo(zone_of(project))

    def find(self, at: int) -> int:
        """The day of a time in microseconds, in days since 1970."""
        return (datetime.fromtimestamp(at / 1_000_000, self._zone).date() - EPOCH).days


class _Step(Struct, frozen=True):
    """What one step counts, and the last change that it does."""

    counts: Counter[Figure]
    last: int


def is_count_due(tx: Tx) -> bool:
    """Whether there are changes that are not counted yet, and the last count was an hour ago."""
    counted = daily.get_counted(tx)
    if counted is not None and 0 <= tx.now - counted.at < HOUR_MICROSECONDS:
        return False
    return (0 if counted is None else counted.seq) < feed.get_last_seq(tx)


def count_changes(tx: WriteTx, *, until: int | None = None) -> bool:
    """Count some changes, at most up to one of them. Returns whether there were any."""
    last = tx.book.next_change - 1
    days = Days(tx.project)
    counted = daily.get_counted(tx) or _begin(tx, days)
    if counted.seq >= (last if until is None else until):
        return False
    step = _count(tx, counted, days, min(last, counted.seq + CHANGES_PER_STEP))
    daily.add_figures(tx, counts=step.counts)
    counted = Counted(counted.since, step.last, tx.now)
    daily.save_counted(tx, counted=counted)
    if step.last == last:
        _save_contacts(tx, counted, days)
    return True


def _begin(tx: Tx, days: Days) -> Counted:
    """The state before the first count: the days are counted from the oldest change on that is kept."""
    oldest = feed.get_oldest_seq(tx)
    if oldest is None:
        return Counted(days.find(tx.now), feed.get_last_seq(tx), tx.now)
    first = next(iter(daily.list_countable(tx, first=oldest, last=oldest)))
    # Of the day of a change that others came before not all is known.
    return Counted(days.find(first.at) + (oldest > 1), oldest - 1, tx.now)


def _count(tx: Tx, counted: Counted, days: Days, last: int) -> _Step:
    """Count the changes after those that are counted, up to one of them, or less if they have many facts."""
    counts: Counter[Figure] = Counter()
    changes: list[CountableChange] = []
    facts = 0
    for change in daily.list_countable(tx, first=counted.seq + 1, last=last):
        changes.append(change)
        if change.type == "contacts.created":
            counts[days.find(change.at), "created", ""] += _count_contacts(change)
        elif change.type in REMOVED:
            counts[days.find(change.at), "removed", ""] += _count_contacts(change)
        elif change.first_fact is not None and change.last_fact is not None:
            facts += change.last_fact - change.first_fact + 1
            if facts >= FACTS_PER_STEP:
                break
    _count_opt_outs(tx, counts, changes, days, since=counted.since)
    return _Step(counts, changes[-1].seq)


def _count_contacts(change: CountableChange) -> int:
    return sum(last - first + 1 for first, last in read_ranges(change.contacts))


def _count_opt_outs(
    tx: Tx, counts: Counter[Figure], changes: Sequence[CountableChange], days: Days, *, since: int
) -> None:
    """Count the opt-outs of changes by channel, but for those that were taken back, and those before the first day."""
    spans = [
        (change.first_fact, change.last_fact)
        for change in changes
        if change.type == "consent.changed" and change.first_fact is not None and change.last_fact is not None
    ]
    if not spans:
        return
    first, last = min(first for first, _ in spans), max(last for _, last in spans)
    facts = daily.list_countable_facts(tx, first=first, last=last)
    for first, last in spans:
        # What is between them belongs to no change, or to one that is counted by another step.
        start = bisect_left(facts, first, key=lambda fact: fact.id)
        for fact in facts[start : bisect_right(facts, last, key=lambda fact: fact.id)]:
            _count_fact(counts, fact, days, since=since)


def _count_fact(counts: Counter[Figure], fact: CountableFact, days: Days, *, since: int) -> None:
    if fact.kind == "opt_out":
        day, channel, change = days.find(fact.at), fact.channel, 1
    elif fact.retracted_kind == "opt_out" and fact.retracted_at is not None and fact.retracted_channel is not None:
        day, channel, change = days.find(fact.retracted_at), fact.retracted_channel, -1
    else:
        return
    if day >= since:
        counts[day, "opt_out", channel] += change


def _save_contacts(tx: WriteTx, counted: Counted, days: Days) -> None:
    """Save how many contacts there were at the end of each day since the last count. All changes are counted by now."""
    today = days.find(tx.now)
    first = min(daily.find_last_day(tx, what="contacts") or counted.since, today)
    grown: Counter[int] = Counter()
    for row in daily.list_figures(tx, since={"created": first, "removed": first}):
        grown[row.day] += row.count if row.what == "created" else -row.count
    contacts = directory.count_list(tx, list_id=directory.BOOK)
    ends: dict[Figure, int] = {}
    for day in range(max([today, *grown]), first - 1, -1):
        ends[day, "contacts", ""] = contacts
        contacts -= grown[day]
    daily.save_figures(tx, counts=ends)


# ---- as it happens --------------------------------------------------------------------------------------


def count_sent(tx: WriteTx, *, channel: str, messages: int) -> None:
    """Count messages that a provider took now."""
    if messages:
        daily.add_figures(tx, counts={(Days(tx.project).find(tx.now), "sent", channel): messages})


def count_calls(tx: WriteTx, *, calls: Calls) -> None:
    """Count calls by key."""
    days = Days(tx.project)
    counts: Counter[Figure] = Counter()
    for (minute, key_id), number in calls.items():
        counts[days.find(minute * 60_000_000), "calls", str(key_id)] += number
    daily.add_figures(tx, counts=counts)
