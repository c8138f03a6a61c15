"""Up to when a group is complete that connections fill, and that they are read at once when a campaign waits. No SQL.

Of a group that each record names itself, that is the moment up to which records were read; of a list or filter that has
to be walked, the moment before its members were asked for. A group of several connections is as old as its oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import GroupNotFound
from daftari.model.connections import WORKING, ConnectionState, GroupMapping, Keeping
from daftari.model.contacts import Group
from daftari.model.jobs import JobKind
from daftari.model.members import GroupName, Number, Text, Time
from daftari.model.time import format_time
from daftari.rules.connections.model import Opened, get_connection, open_stored
from daftari.rules.connections.rows import is_behind, is_in_records, poll_seconds_of
from daftari.rules.connections.saving import save_connection
from daftari.rules.contacts import groups as contact_groups
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, connections, groups
from daftari.store.jobs import hint_job

SECOND = 1_000_000
REFRESH_SECONDS = 2
"""How often a connection is read while a campaign waits for it."""
UNSTARTED: tuple[ConnectionState, ...] = ("new", "checked", "removed")


class Feed(Struct, frozen=True):
    """A connection that puts numbers into a group. ``complete_until``: 0 before it was read once."""

    group_id: int
    connection_id: int
    name: str
    kind: str
    keep: Keeping
    state: ConnectionState
    reason: str
    complete_until: int
    seen_until: int
    """Up to when what was there to see is here; others may follow that are dated earlier."""
    is_pushed: bool
    """Whether its system cannot be asked, so that waiting for it brings nothing."""

    @property
    def is_stopped(self) -> bool:
        """Whether a person, or another day, has to come before it is read again."""
        return self.state not in WORKING or self.state == "limited"


class GroupConnection(Struct, frozen=True, kw_only=True):
    """A connection that fills a group, and how fresh it is."""

    id: Number
    name: Text
    kind: Text
    """Of which system it is."""
    keep: Keeping
    """`in_step`: the connection alone decides who is in the group. `add_only`: it adds, and never takes out."""
    state: ConnectionState
    """`behind` also where nothing was read for some time and nothing says why."""
    reason: Text | None
    """Why it is in this state, and what to do."""
    complete_until: Time | None
    """Every change there before this moment is in the group; `null` before everything was read once."""


class Freshness(Struct, frozen=True, kw_only=True):
    """The oldest of some groups that connections fill."""

    group: GroupName
    connection: Text
    """The connection that fills it, and was read last before all others."""
    state: ConnectionState
    reason: Text | None
    """Why the connection is in this state, and what to do."""
    complete_until: Time | None
    """Every change there before this moment is in the groups; `null` before everything was read once."""


class ShownGroup(Struct, frozen=True):
    """A group, and the connections that fill it."""

    group: Group
    connections: list[GroupConnection]


# ---- how fresh ----------------------------------------------------------------------------------------


def list_feeds(tx: Tx) -> list[Feed]:
    """What every connection that was started fills, in the order of the connections."""
    started = [stored for stored in connections.list_connections(tx) if stored.state not in UNSTARTED]
    return [
        _feed_of(opened, mapping, now=tx.now)
        for opened in map(open_stored, started)
        for mapping in opened.definition.groups
        if mapping.group_id
    ]


def _feed_of(opened: Opened, mapping: GroupMapping, *, now: int) -> Feed:
    stored, progress = opened.stored, opened.progress
    until, seen_until = progress.records_until, progress.records_seen
    if not is_in_records(opened, mapping.source):
        until = seen_until = progress.lists_until
    return Feed(
        group_id=mapping.group_id,
        connection_id=opened.id,
        name=stored.name,
        kind=stored.kind,
        keep=mapping.keep,
        state=state_now(opened, now=now),
        reason=stored.reason,
        complete_until=until,
        seen_until=seen_until,
        is_pushed=opened.definition.push_only,
    )


def state_now(opened: Opened, *, now: int) -> ConnectionState:
    """The state of a connection; ``behind`` also where nothing was read for some time and nothing says why."""
    state = opened.stored.state
    is_late = state == "live" and is_behind(opened, opened.progress.caught_up_at, now=now)
    return "behind" if is_late else state


def find_feeds(tx: Tx, *, names: Iterable[str]) -> list[Feed]:
    """What fills the groups with these names, if anything."""
    feeds = list_feeds(tx)
    if not feeds:
        return []
    ids = {groups.find_group_id(tx, folded=fold_name(name)) for name in names}
    return [feed for feed in feeds if feed.group_id in ids]


def show_freshness(tx: Tx, *, names: Sequence[str]) -> Freshness | None:
    """The oldest of some groups; ``None`` where no connection fills one of them."""
    feeds = find_feeds(tx, names=names)
    if not feeds:
        return None
    oldest = min(feeds, key=lambda feed: feed.complete_until)
    shown = [name for name in names if groups.find_group_id(tx, folded=fold_name(name)) == oldest.group_id]
    return Freshness(
        group=shown[0],
        connection=oldest.name,
        state=oldest.state,
        reason=oldest.reason or None,
        complete_until=_time(oldest.complete_until),
    )


def get_group(tx: Tx, *, name: str) -> ShownGroup:
    """One group with the connections that fill it. Raises ``GroupNotFound``."""
    return _show_groups(tx, [contact_groups.get_group(tx, name=name)])[0]


def get_listed_group(tx: Tx, *, name: str) -> ShownGroup:
    """As ``get_group``, without its count: for who reads the list of its members, which has that."""
    found = groups.find_group(tx, folded=fold_name(name))
    if found is None:
        raise GroupNotFound
    return _show_groups(tx, [Group(found.id, found.name, 0, found.created_at, found.mirrored_by)])[0]


def list_groups(tx: Tx, *, after: int, limit: int) -> list[ShownGroup]:
    """Groups in order of creation, from the one after ``after`` on, with the connections that fill them."""
    return _show_groups(tx, contact_groups.list_groups(tx, after=after, limit=limit))


def _show_groups(tx: Tx, found: Sequence[Group]) -> list[ShownGroup]:
    by_group: dict[int, list[GroupConnection]] = {}
    for feed in list_feeds(tx):
        by_group.setdefault(feed.group_id, []).append(_show(feed))
    return [ShownGroup(group, by_group.get(group.id, [])) for group in found]


def _show(feed: Feed) -> GroupConnection:
    return GroupConnection(
        id=feed.connection_id,
        name=feed.name,
        kind=feed.kind,
        keep=feed.keep,
        state=feed.state,
        reason=feed.reason or None,
        complete_until=_time(feed.complete_until),
    )


def _time(at: int) -> str | None:
    return format_time(at) if at else None


# ---- read at once -------------------------------------------------------------------------------------


def refresh_connections(tx: WriteTx, *, feeds: Iterable[Feed], until: int) -> None:
    """Have the connections of some feeds read, again and again, until everything before a moment is here."""
    for connection_id in sorted({feed.connection_id for feed in feeds if not (feed.is_stopped or feed.is_pushed)}):
        opened = get_connection(tx, connection_id=connection_id)
        progress = replace(opened.progress, refresh_to=max(opened.progress.refresh_to, until))
        save_connection(tx, replace(opened, stored=replace(opened.stored, due_at=tx.now), progress=progress))
        hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id))


def find_filled(opened: Opened) -> int:
    """A group that is complete for the first time, whose members from before are to be looked at; 0 for none."""
    progress = opened.progress
    if progress.refills or progress.compares or progress.comparison is not None or progress.wanted or progress.walks:
        return 0
    for mapping in opened.definition.groups:
        is_complete = is_in_records(opened, mapping.source) or (progress.lists_until and not progress.walks_all)
        if str(mapping.group_id) in progress.former and progress.records_until and is_complete:
            return mapping.group_id
    return 0


def is_refreshing(opened: Opened) -> bool:
    """Whether a campaign waits for what is not here yet."""
    progress = opened.progress
    return progress.refresh_to > _until(opened)


def interval_of(opened: Opened) -> int:
    """How often a connection is read now, in seconds."""
    seconds = poll_seconds_of(opened)
    return min(seconds, REFRESH_SECONDS) if is_refreshing(opened) else seconds


def note_until(opened: Opened, *, has_lists: bool) -> Opened:
    """Note up to when everything is here, after a step. ``has_lists``: whether it has lists that are walked."""
    progress = opened.progress
    records_until, records_seen, lists_until = progress.records_until, progress.records_seen, progress.lists_until
    if progress.refills:
        return opened
    if not progress.wanted:
        records_until = max(records_until, opened.stored.complete_until)
        records_seen = max(records_seen, progress.seen_until, records_until)
    if not has_lists:
        lists_until = records_seen
    elif not progress.walks and not progress.walks_all:
        lists_until = max(lists_until, progress.lists_at)
    return replace(
        opened,
        progress=replace(progress, records_until=records_until, records_seen=records_seen, lists_until=lists_until),
    )


def _until(opened: Opened) -> int:
    return min(opened.progress.records_seen, opened.progress.lists_until)
