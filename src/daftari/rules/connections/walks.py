"""Lists and filters as groups: which of them changed, and who joins and leaves when one was walked. No network, no SQL.

The members of a list come as ids of records. What they mean for a group is written some links a step; how many would
leave is known, and judged, before the first one does.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import GroupSource
from daftari.model.connections import GroupMapping, Link
from daftari.rules import events
from daftari.rules.connections import guard, rows
from daftari.rules.connections.firing import find_silent_walks, may_fire, take_joins
from daftari.rules.connections.freshness import is_refreshing
from daftari.rules.connections.members import row_of
from daftari.rules.connections.mirrors import with_groups
from daftari.rules.connections.model import LIVE, Opened, get_connection, read_group_ids, write_group_ids
from daftari.rules.connections.sync import SECOND, STOPPED, Done, ask_first, find_held, save_step, walked_sources
from daftari.rules.events import Action, GroupLeft
from daftari.store import Tx, WriteTx, connections, contacts, directory, exports, groups

WALK_SECONDS = 300
"""How long a record that is in a list already may wait for its group, so that a list is not walked for each."""
LINKS_PER_STEP = 1_000
LINKS_PER_LOOK = 10_000


class Walked(Struct, frozen=True):
    """A step of a walk that is over: whether another one follows, and behind which record."""

    has_more: bool
    after: str = ""


def note_groups(tx: WriteTx, *, connection_id: int, fence: int, found: Sequence[GroupSource]) -> Done:
    """Note which lists changed since they were walked. One of which the system does not say so is walked nightly."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    progress = opened.progress
    changed = {group.name: group.changed_at for group in found}
    walks = dict(progress.walks)
    is_awaited = is_refreshing(opened)
    is_soon = tx.now - progress.walked_at < WALK_SECONDS * SECOND and not is_awaited
    walks_all = progress.walks_all and not is_soon
    for source in walked_sources(opened):
        at = changed.get(source)
        # A list that has no time is walked after each comparison.
        version = progress.compared_at if at is None else at
        is_asked_for = at is None and is_awaited and progress.records_until >= progress.refresh_to
        if walks_all or is_asked_for or progress.groups_at.get(source) != version:
            walks[source] = version
    if all(changed.get(source) is not None or source in walks for source in walked_sources(opened)):
        progress = replace(progress, lists_at=min(progress.read_at, progress.records_until))
    by_name = {group.name: group for group in found}
    silent = find_silent_walks(progress, walks, found=by_name, walks_all=walks_all)
    if walks_all:
        progress = replace(progress, walks_all=False, walks_all_silently=False, walked_at=tx.now)
    progress = replace(progress, walks=walks, silent_walks=silent, groups_read_at=tx.now)
    return save_step(tx, replace(opened, progress=progress), has_more=bool(walks))


def count_leaving(tx: Tx, *, connection_id: int, source: str, members: Container[str]) -> dict[int, int]:
    """How many a walk would take out of each group of a list, by its id.

    Reads every link, so it is no part of a write.
    """
    mappings = _mappings_of(get_connection(tx, connection_id=connection_id), source)
    left = {mapping.group_id: 0 for mapping in mappings}
    after = ""
    while links := connections.list_links(tx, connection_id=connection_id, after=after, limit=LINKS_PER_LOOK):
        for mapping in mappings:
            left[mapping.group_id] += sum(_leaves(link, mapping, members) for link in links)
        after = links[-1].external_id
    return left


def walk_links(
    tx: WriteTx,
    *,
    connection_id: int,
    fence: int,
    source: str,
    members: Container[str],
    leaving: Mapping[int, int],
    after: str,
) -> Walked:
    """Have the numbers of some links join or leave the groups of a list. ``members``: the records in the list.

    ``leaving``: how many leave each group in all, which is judged before the first one does.
    """
    opened = find_held(tx, connection_id, fence)
    if opened is None or source not in opened.progress.walks:
        return Walked(False)
    opened = with_groups(tx, opened)
    mappings = _mappings_of(opened, source)
    if not after and (objection := _find_objection(tx, opened, leaving)):
        ask_first(tx, opened, objection)
        return Walked(False)
    links = connections.list_links(tx, connection_id=connection_id, after=after, limit=LINKS_PER_STEP)
    for mapping in mappings:
        opened, links = _walk_some(tx, opened, mapping, links, members)
    if len(links) == LINKS_PER_STEP:
        save_step(tx, opened, has_more=True)
        return Walked(True, links[-1].external_id)
    progress = opened.progress
    done = {**progress.groups_at, source: progress.walks[source]}
    walks = {name: at for name, at in progress.walks.items() if name != source}
    silent = tuple(name for name in progress.silent_walks if name != source)
    save_step(
        tx, replace(opened, progress=replace(progress, walks=walks, silent_walks=silent, groups_at=done)), has_more=True
    )
    return Walked(False)


def _leaves(link: Link, mapping: GroupMapping, members: Container[str]) -> bool:
    """Whether a link's number leaves a group: it is in step, and the link put the number in."""
    is_ours = read_group_ids(link).get(mapping.group_id, False)
    return mapping.keep == "in_step" and is_ours and link.external_id not in members


def _mappings_of(opened: Opened, source: str) -> list[GroupMapping]:
    return [group for group in opened.definition.groups if group.source == source]


def _find_objection(tx: Tx, opened: Opened, left: Mapping[int, int]) -> str:
    """Why nothing of a walk is written; blank where it may be."""
    run = opened.progress.run
    names = exports.find_group_names(tx, ids=sorted(left))
    affected = {
        group_id: guard.Group(name.name, directory.count_list(tx, list_id=group_id)) for group_id, name in names.items()
    }
    links_now = opened.progress.counts.get("live", 0)
    planned = guard.add_to_run(run, guard.Planned({**left}))
    return guard.find_objection(run, planned, groups=affected, links=links_now, now=tx.now)


def _walk_some(
    tx: WriteTx, opened: Opened, mapping: GroupMapping, links: list[Link], members: Container[str]
) -> tuple[Opened, list[Link]]:
    """The links of a step after one group was settled."""
    group_id = mapping.group_id
    live = [link for link in links if link.state == LIVE]
    found = contacts.find_contacts_by_mobile(tx, mobiles=sorted({link.mobile for link in links if link.mobile}))
    ids = {contact.mobile: contact.id for contact in found}
    joining = [
        link
        for link in live
        if link.external_id in members and group_id not in read_group_ids(link) and link.mobile in ids
    ]
    leaving = [link for link in links if _leaves(link, mapping, members)]
    after: dict[str, Link] = {}
    if joining:
        opened, joined = _join(tx, opened, mapping, joining, ids)
        after |= joined
    if leaving:
        left = _leave(tx, group_id, leaving=leaving, ids=ids)
        progress = opened.progress
        opened = replace(
            opened, progress=replace(progress, run=guard.add_to_run(progress.run, guard.Planned({group_id: left})))
        )
        after |= {link.external_id: _without(link, group_id) for link in leaving}
    connections.save_links(tx, links=list(after.values()))
    return opened, [after.get(link.external_id, link) for link in links]


def _join(
    tx: WriteTx, opened: Opened, mapping: GroupMapping, joining: Sequence[Link], ids: Mapping[int, int]
) -> tuple[Opened, dict[str, Link]]:
    """Have numbers join a group by rows of the connection's import, so that an undo of it takes them out."""
    group_id = mapping.group_id
    name = exports.find_group_names(tx, ids=[group_id])[group_id].name
    wanted = sorted({ids[link.mobile] for link in joining})
    before = groups.find_members(tx, group_id=group_id, ids=wanted)
    given = [
        rows.Row(row_of(link), {"mobile": f"+{link.mobile}"}, [name])
        for link in joining
        if ids[link.mobile] not in before
    ]
    if given:
        fires = mapping.source not in opened.progress.silent_walks and may_fire(tx, opened)
        if fires:
            opened, fires = take_joins(opened, joining=len(given))
        opened, _ = rows.write_rows(tx, opened, given, fires=fires)
    inside = groups.find_members(tx, group_id=group_id, ids=wanted)
    joined = {}
    for link in joining:
        contact_id = ids[link.mobile]
        if contact_id in inside:
            is_ours = mapping.keep == "in_step" or contact_id not in before
            held = read_group_ids(link) | {group_id: is_ours}
            joined[link.external_id] = replace(link, group_ids=write_group_ids(held))
    return opened, joined


def _leave(tx: WriteTx, group_id: int, *, leaving: Sequence[Link], ids: Mapping[int, int]) -> int:
    """Take numbers out of a group that no other record holds them in. Returns how many left."""
    named = {(link.connection_id, link.external_id) for link in leaving}
    held = {
        link.mobile
        for link in connections.find_links_by_mobile(tx, mobiles=sorted({one.mobile for one in leaving if one.mobile}))
        if link.state == LIVE
        and (link.connection_id, link.external_id) not in named
        and group_id in read_group_ids(link)
    }
    wanted = sorted({ids[link.mobile] for link in leaving if link.mobile in ids and link.mobile not in held})
    inside = sorted(groups.find_members(tx, group_id=group_id, ids=wanted))
    if inside:
        groups.delete_members(tx, group_id=group_id, ids=inside)
        directory.change_directory(tx, joined={}, left={group_id: inside})
        events.record(tx, Action.SYNC_CONTACTS, GroupLeft(group_id, inside), group_id=group_id)
    return len(inside)


def _without(link: Link, group_id: int) -> Link:
    held = read_group_ids(link)
    return replace(link, group_ids=write_group_ids({one: ours for one, ours in held.items() if one != group_id}))
