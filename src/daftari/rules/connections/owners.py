"""Whose names count for a number that several records have: those of the first record, until it lets go. No store.

A record that does not own its number is in groups, and another connection's fills in what is blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from daftari.model.connections import Link
from daftari.rules.connections.decide import Change
from daftari.rules.connections.model import LIVE, OWNS, SHARED

LinkKey = tuple[int, str]


def key_of(link: Link) -> LinkKey:
    """What names a link in its project."""
    return link.connection_id, link.external_id


def settle_owners(changes: Sequence[Change], others: Iterable[Link]) -> dict[LinkKey, Link]:
    """Decide who owns the numbers that changes take up or let go of.

    ``others``: the live links to any of these numbers that are not among the changes. Sets the flags of the changes.
    Returns those of the others that change.
    """
    by_mobile: dict[int, dict[LinkKey, Link]] = {}
    for link in others:
        by_mobile.setdefault(link.mobile, {})[key_of(link)] = link
    changed: dict[LinkKey, Link] = {}
    taking: dict[int, list[Change]] = {}
    for change in changes:
        if change.after.state == LIVE:
            taking.setdefault(change.after.mobile, []).append(change)
    freed = {change.before.mobile for change in changes if change.before is not None and change.before.mobile}
    for mobile in freed | taking.keys():
        _settle(taking.get(mobile, []), by_mobile.get(mobile, {}), changed)
    return changed


def _settle(taking: list[Change], others: Mapping[LinkKey, Link], changed: dict[LinkKey, Link]) -> None:
    """One number: who owns it, and which records of one connection share it."""
    if len(taking) == 1 and not others:
        # As nearly all numbers are.
        after = taking[0].after
        if not after.flags & OWNS or after.problems & SHARED:
            taking[0].after = replace(after, flags=after.flags | OWNS, problems=after.problems & ~SHARED)
        return
    links = {**{key_of(change.after): change.after for change in taking}, **others}
    if not links:
        return
    owners = [key for key, link in links.items() if link.flags & OWNS]
    # The first of those that have it; a record that has it now for the first time comes after all others.
    order = [*others, *(key_of(change.after) for change in taking)]
    place = {key: number for number, key in enumerate(order)}
    owner = min(links, key=lambda key: (key not in owners, place[key]))
    counts: dict[int, int] = {}
    for connection_id, _ in links:
        counts[connection_id] = counts.get(connection_id, 0) + 1
    settled = {}
    for key, link in links.items():
        flags = link.flags | OWNS if key == owner else link.flags & ~OWNS
        problems = link.problems | SHARED if counts[key[0]] > 1 else link.problems & ~SHARED
        settled[key] = replace(link, flags=flags, problems=problems)
    for change in taking:
        change.after = settled[key_of(change.after)]
    for key, link in others.items():
        if settled[key] != link:
            # One that has become the owner is applied when it is seen next.
            has_become = key == owner and not link.flags & OWNS
            changed[key] = replace(settled[key], digest=0) if has_become else settled[key]
