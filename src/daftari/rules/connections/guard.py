"""The mass guard: what one run may do to those who were there before, unless a person confirms it. No store.

A view that was emptied and a right that was taken away look as if all members had left. So no more than these shares
are written without a question, and what was asked about is not written at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daftari.model.connections import Run

LEFT_MIN, LEFT_PERCENT = 50, 20
"""Members of a group that may leave it."""
GONE_MIN, GONE_PERCENT = 10, 20
"""Links that may be gone."""
UNREADABLE_MIN, UNREADABLE_PERCENT = 10, 20
OPTED_OUT_MIN, OPTED_OUT_PERCENT = 50, 5
ERASED_PER_DAY_MAX = 10
"""Records that may be erased within a day, however many there are."""


class Planned(Struct):
    """What a batch would do to those who were there before. ``left``: by group id."""

    left: dict[int, int]
    gone: int = 0
    unreadable: int = 0
    opted_out: int = 0


class Group(Struct, frozen=True):
    """A group that a batch would take members from."""

    name: str
    members: int


def add_to_run(run: Run, planned: Planned) -> Run:
    """A run with one more batch."""
    left = dict(run.left)
    for group_id, count in planned.left.items():
        left[str(group_id)] = left.get(str(group_id), 0) + count
    return Run(
        left=left,
        gone=run.gone + planned.gone,
        unreadable=run.unreadable + planned.unreadable,
        opted_out=run.opted_out + planned.opted_out,
        confirmed_until=run.confirmed_until,
    )


def find_objection(before: Run, run: Run, *, groups: Mapping[int, Group], links: int, now: int) -> str:
    """Why a run stops before this batch, as a sentence; blank where it may be written.

    ``before``: the run without the batch. ``links``: the live ones that there were.
    """
    if run.confirmed_until > now:
        return ""
    for group_id, group in groups.items():
        left = run.left.get(str(group_id), 0)
        were = group.members + before.left.get(str(group_id), 0)
        if _is_too_much(left, were, least=LEFT_MIN, percent=LEFT_PERCENT):
            return _ask(f"{left} of {were} members would leave {group.name}")
    were = links + before.gone + before.unreadable
    if _is_too_much(run.gone, were, least=GONE_MIN, percent=GONE_PERCENT):
        return _ask(f"{run.gone} of {were} records would be gone")
    if _is_too_much(run.unreadable, were, least=UNREADABLE_MIN, percent=UNREADABLE_PERCENT):
        return _ask(f"the numbers of {run.unreadable} of {were} records could no longer be read")
    if _is_too_much(run.opted_out, were, least=OPTED_OUT_MIN, percent=OPTED_OUT_PERCENT):
        return _ask(f"{run.opted_out} of {were} people would be opted out")
    return ""


def find_missing_objection(missing: int, *, links: int, is_confirmed: bool) -> str:
    """The same for the records that a comparison did not find."""
    if is_confirmed or not _is_too_much(missing, links, least=GONE_MIN, percent=GONE_PERCENT):
        return ""
    return _ask(f"{missing} of {links} records would be gone")


def find_erasure_objection(erased: int, *, is_confirmed: bool) -> str:
    """The same for the records that were erased there within a day."""
    if is_confirmed or erased <= ERASED_PER_DAY_MAX:
        return ""
    return _ask(f"{erased} records would be erased within a day")


def _is_too_much(count: int, of: int, *, least: int, percent: int) -> bool:
    return count > least and count * 100 > of * percent


def _ask(what: str) -> str:
    said = f"{what[0].upper()}{what[1:]}: stopped before that"
    return f"{said}. Confirm it if that is right; if not, correct it there and start the connection, which looks again."
