"""Which joins that a connection brings fire triggers: those of people who came just now, and never many. No SQL.

The first reading, a comparison, a retry, a list that was only now mapped, and what came back bring people who were
there before, and fire nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from daftari.connectors import GroupSource
from daftari.model.connections import ConnectionDefinition, ConnectionProgress
from daftari.rules.connections.decide import Change
from daftari.rules.connections.model import GONE, LIVE, MERGED, Opened
from daftari.rules.connections.rows import kind_of
from daftari.store import Tx

FIRED_MAX = 1_000
"""Joins that fire triggers within an hour. More at once are no people who signed up one by one."""
LATE_SECONDS = 3_600
"""What was changed there while nothing was read for longer than this fires nothing."""
SECOND = 1_000_000
UNFIRED = (
    "Many contacts joined groups within an hour: {fired:,} fired triggers, and {unfired:,} did not, since no more than "
    "{most:,} may."
)


def may_fire(tx: Tx, opened: Opened) -> bool:
    """Whether joins by changes that are read now may fire triggers."""
    progress = opened.progress
    poll_seconds = opened.definition.poll_seconds or kind_of(opened).facts.poll_seconds
    is_late = tx.now - progress.caught_up_at > max(LATE_SECONDS, 3 * poll_seconds) * SECOND
    is_first = opened.stored.state == "importing"
    return opened.definition.fire_triggers and not (is_first or is_late or progress.is_changed)


def is_join(change: Change, forced: AbstractSet[str]) -> bool:
    """Whether a row is about a person who came, and not about a new number, a retry, or one who is back."""
    is_back = change.before is not None and change.before.state in (GONE, MERGED)
    is_here = change.has_row and change.after.state == LIVE
    return is_here and not (change.moved or is_back or change.after.external_id in forced)


def take_joins(opened: Opened, *, joining: int) -> tuple[Opened, bool]:
    """Count joins of a batch. Returns whether they fire: all of them, or none where there are too many."""
    progress = opened.progress
    if progress.fired + joining > FIRED_MAX:
        return replace(opened, progress=replace(progress, unfired=progress.unfired + joining)), False
    return replace(opened, progress=replace(progress, fired=progress.fired + joining)), True


def find_silent_walks(
    progress: ConnectionProgress, walks: Mapping[str, int], *, found: Mapping[str, GroupSource], walks_all: bool
) -> tuple[str, ...]:
    """The lists that are to be walked now and whose members fire nothing.

    These were never walked before, or are walked because of a comparison. ``found``: what the system reports of lists.
    """
    silent = {*progress.silent_walks} & walks.keys()
    for source, version in walks.items():
        if progress.walks.get(source) == version:
            continue
        known = progress.groups_at.get(source)
        group = found.get(source)
        follows_comparison = (group is None or group.changed_at is None) and known != version
        if known is None or follows_comparison or (walks_all and progress.walks_all_silently):
            silent.add(source)
    return tuple(sorted(silent))


def find_warning(progress: ConnectionProgress) -> str:
    """That joins of this hour fired nothing, a sentence; blank where all did."""
    if not progress.unfired:
        return ""
    return UNFIRED.format(fired=progress.fired, unfired=progress.unfired, most=FIRED_MAX)


def with_definition(
    progress: ConnectionProgress, before: ConnectionDefinition, after: ConnectionDefinition
) -> ConnectionProgress:
    """Progress of a connection that is set otherwise: who is found by that fires nothing, and its lists are walked."""
    mapped = {group.source for group in before.groups} | {group.source for group in after.groups}
    alike = {source for source in mapped if _mappings(before, source) == _mappings(after, source)}
    groups_at = {source: at for source, at in progress.groups_at.items() if source in alike}
    walks = {source: at for source, at in progress.walks.items() if source in alike}
    heard = {source: at for source, at in progress.heard_lists.items() if source in alike}
    return replace(progress, is_changed=True, groups_at=groups_at, walks=walks, heard_lists=heard)


def reads_alike(before: ConnectionDefinition, after: ConnectionDefinition) -> bool:
    """Whether two definitions say the same of every record, so that none has to be looked at again."""
    others = {
        "fire_triggers": after.fire_triggers,
        "carts_need": after.carts_need,
        "carts_group": after.carts_group,
        "carts_group_id": after.carts_group_id,
        "poll_seconds": after.poll_seconds,
        "write_back": after.write_back,
        "write_back_opt_ins": after.write_back_opt_ins,
        "credentials": after.credentials,
        "push_only": after.push_only,
    }
    return replace(before, **others) == after


def _mappings(definition: ConnectionDefinition, source: str) -> list[tuple[str, str]]:
    return [(group.group, group.keep) for group in definition.groups if group.source == source]
