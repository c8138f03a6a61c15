"""The figures of a project's first page: what there is now, and by day what was counted. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from daftari.model.contacts import Group
from daftari.model.limits import GROUPS_PER_PAGE_MAX
from daftari.rules.contacts.groups import list_groups
from daftari.rules.daily import Days
from daftari.store import Tx, daily, directory, keys
from daftari.store.daily import Counted, DailyRow

YEAR_DAYS = 365
MONTH_DAYS = 30
"""Of the figures, today with them."""
WEEK_DAYS = 7
LARGEST = 5
"""Groups that are shown."""
CALLERS = 6
"""Keys that are shown."""

ByKey = Mapping[str, int]


class KeyCalls(Struct, frozen=True):
    """How many calls came with a key. ``name``: its label, or how it begins."""

    name: str
    calls: int


class Figures(Struct, frozen=True, kw_only=True):
    """What there is now, and by day since ``counted.since``, in days since 1970.

    ``counted`` is ``None`` before the first count.
    """

    today: int
    counted: Counted | None
    contacts: int
    out: int
    """Contacts that opted out of everything."""
    ends: Sequence[tuple[int, int]]
    """How many contacts there were at the end of each day of a year, now at that of today; in order."""
    opt_outs: Mapping[int, ByKey]
    """The opt-outs of each day of a month on which there were some, by channel."""
    sent: Mapping[int, ByKey]
    """The messages of each day of a month that their providers took, by channel."""
    calls: Sequence[KeyCalls]
    """Of yesterday, those with the most first."""
    groups: Sequence[Group]
    """The largest, those with members alone; none where there are too many to look at."""

    @property
    def week_ago(self) -> int | None:
        """How many contacts there were a week ago; ``None`` where that is not known."""
        return dict(self.ends).get(self.today - WEEK_DAYS)


def get_figures(tx: Tx) -> Figures:
    """The figures, of one moment. The cost does not depend on how many contacts there are."""
    today = Days(tx.project).find(tx.now)
    counted = daily.get_counted(tx)
    month, year = today - MONTH_DAYS + 1, today - YEAR_DAYS
    rows = daily.list_figures(tx, since={"contacts": year, "opt_out": month, "sent": month, "calls": today - 1})
    contacts = directory.count_list(tx, list_id=directory.BOOK)
    return Figures(
        today=today,
        counted=counted,
        contacts=contacts,
        out=contacts - directory.count_list(tx, list_id=directory.LISTED),
        ends=_list_ends(rows, contacts, counted, today),
        opt_outs=_by_day(rows, "opt_out", today),
        sent=_by_day(rows, "sent", today),
        calls=_list_calls(tx, rows, today),
        groups=_list_largest(tx),
    )


def _list_ends(rows: Sequence[DailyRow], contacts: int, counted: Counted | None, today: int) -> list[tuple[int, int]]:
    """The contacts at the end of each day. On days without a row there were as many as before."""
    if counted is None:
        return []
    stored = {row.day: row.count for row in rows if row.what == "contacts"}
    first = max(counted.since, min(stored, default=today))
    ends: list[tuple[int, int]] = []
    for day in range(first, today):
        ends.append((day, stored.get(day, ends[-1][1] if ends else 0)))
    return [*ends, (today, contacts)]


def _by_day(rows: Sequence[DailyRow], what: str, today: int) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        if row.what == what and row.count and row.day <= today:
            found.setdefault(row.day, {})[row.key] = row.count
    return found


def _list_calls(tx: Tx, rows: Sequence[DailyRow], today: int) -> list[KeyCalls]:
    calls = {int(row.key): row.count for row in rows if row.what == "calls" and row.day == today - 1}
    if not calls:
        return []
    names = {key.id: key.label or key.start for key in keys.list_project_keys(tx)}
    most = sorted(calls, key=lambda key_id: (-calls[key_id], key_id))
    return [KeyCalls(names[key_id], calls[key_id]) for key_id in most if key_id in names][:CALLERS]


def _list_largest(tx: Tx) -> list[Group]:
    found = list_groups(tx, after=0, limit=GROUPS_PER_PAGE_MAX)
    if len(found) == GROUPS_PER_PAGE_MAX:
        return []
    largest = sorted(found, key=lambda group: (-group.contacts, group.id))
    return [group for group in largest if group.contacts][:LARGEST]
