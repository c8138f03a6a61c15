"""Records that change to and fro, since two programs there undo each other's changes: they are left alone for a day.

How often a record went back to what it said before is kept in its link's flags, above the scopes that it opted out. No
store, no SQL.
"""

from __future__ import annotations

from msgspec.structs import replace

from daftari.model.connections import Link
from daftari.rules.connections.decide import Change
from daftari.rules.connections.mapping import Said
from daftari.rules.connections.model import ALL_SCOPES, LOOPING, read_group_ids

CHANGES_MAX = 6
"""How often a record may change to and fro within an hour."""
WITHIN_MINUTES = 60
HELD_MINUTES = 24 * 60
"""For how long a record is left alone."""

_MINUTE = 60_000_000
_COUNT_AT, _MINUTE_AT, _FORMER_AT = 16, 19, 43
_COUNT_MASK, _MINUTE_MASK, _FORMER_MASK = (1 << 3) - 1, (1 << 24) - 1, (1 << 12) - 1
LOOP_BITS = (_COUNT_MASK << _COUNT_AT) | (_MINUTE_MASK << _MINUTE_AT) | (_FORMER_MASK << _FORMER_AT)


def hold_loop(change: Change, link: Link, said: Said, *, now: int) -> Change | None:
    """The change of a record that says something else; one that goes to and fro brings opt-outs alone, if any."""
    count, since, former = _read(link.flags)
    minute = now // _MINUTE & _MINUTE_MASK
    passed = (minute - since) & _MINUTE_MASK
    is_held = bool(link.problems & LOOPING) and passed < HELD_MINUTES
    if not is_held:
        goes_on = count > 0 and passed < WITHIN_MINUTES and former == said.digest & _FORMER_MASK
        count = min(count + 1, _COUNT_MASK) if goes_on else 1
        since = since if goes_on else minute
        if count <= CHANGES_MAX:
            bits = _write(count, since, link.digest)
            change.after = replace(change.after, flags=change.after.flags & ~LOOP_BITS | bits)
            return change
        since = minute
    is_same = 0 < link.mobile == said.mobile
    outs = said.outs & ~link.flags & ALL_SCOPES if is_same else 0
    if is_held and not outs:
        return None
    flags = link.flags & ~LOOP_BITS | outs | _write(count, since, link.digest)
    after = replace(link, flags=flags, problems=link.problems | LOOPING)
    return Change(link, after, said if outs else None, groups=read_group_ids(link), url=change.url)


def _read(flags: int) -> tuple[int, int, int]:
    """How often it changed to and fro, since which minute, and the end of the digest before."""
    return (
        flags >> _COUNT_AT & _COUNT_MASK,
        flags >> _MINUTE_AT & _MINUTE_MASK,
        flags >> _FORMER_AT & _FORMER_MASK,
    )


def _write(count: int, since: int, former: int) -> int:
    return count << _COUNT_AT | since << _MINUTE_AT | (former & _FORMER_MASK) << _FORMER_AT
