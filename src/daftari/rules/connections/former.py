"""Who was in a group before a connection kept it in step, and is in no record of it, leaves when everything was read.

How many would leave is known, and judged, before the first one does. No SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from daftari.model.connections import ConnectionProgress, Link
from daftari.model.limits import ID_MAX
from daftari.rules import events
from daftari.rules.connections import guard
from daftari.rules.connections.model import LIVE, Opened, read_group_ids, write_group_ids
from daftari.rules.connections.sync import STOPPED, Done, ask_first, find_held, save_step
from daftari.rules.events import Action, GroupLeft
from daftari.store import Tx, WriteTx, audiences, connections, contacts, directory, exports, groups

MEMBERS_PER_STEP = 1_000


def count_former(tx: Tx, *, connection_id: int, group_id: int) -> int:
    """How many members of a group no record has. Reads the whole group, so it is no part of a write."""
    count, after = 0, 0
    while ids := _list_members(tx, group_id, after):
        _, held = _find_held(tx, connection_id, group_id, ids)
        count += len(ids) - len({link.mobile for link in held})
        after = ids[-1]
    return count


def leave_former(tx: WriteTx, *, connection_id: int, fence: int, group_id: int, leaving: int) -> Done:
    """Take those of some members out of a group that no record has. ``leaving``: how many these are in all.

    From now on a record lets go of the others alone, also of who was in the group before it.
    """
    opened = find_held(tx, connection_id, fence)
    if opened is None or str(group_id) not in opened.progress.former:
        return STOPPED
    after = opened.progress.former[str(group_id)]
    if not after and (objection := _find_objection(tx, opened, group_id, leaving)):
        return ask_first(tx, opened, objection)
    ids = _list_members(tx, group_id, after)
    by_mobile, held = _find_held(tx, connection_id, group_id, ids)
    found = [number for number in ids if number not in {by_mobile[link.mobile] for link in held}]
    connections.save_links(tx, links=[_with_own(link, group_id) for link in held])
    progress = opened.progress
    if found:
        groups.delete_members(tx, group_id=group_id, ids=found)
        directory.change_directory(tx, joined={}, left={group_id: found})
        events.record(tx, Action.SYNC_CONTACTS, GroupLeft(group_id, found))
        run = guard.add_to_run(progress.run, guard.Planned({group_id: len(found)}))
        progress = replace(progress, run=run)
    progress = _looked_at(progress, group_id, ids)
    return save_step(tx, replace(opened, progress=progress), has_more=True)


def _looked_at(progress: ConnectionProgress, group_id: int, ids: Sequence[int]) -> ConnectionProgress:
    former = {name: after for name, after in progress.former.items() if name != str(group_id)}
    if len(ids) == MEMBERS_PER_STEP:
        former[str(group_id)] = ids[-1]
    return replace(progress, former=former)


def _list_members(tx: Tx, group_id: int, after: int) -> list[int]:
    return audiences.list_member_ids(tx, group_id=group_id, after=after, last=ID_MAX, limit=MEMBERS_PER_STEP)


def _find_held(tx: Tx, connection_id: int, group_id: int, ids: Sequence[int]) -> tuple[dict[int, int], list[Link]]:
    """Some members of a group by their numbers, and the connection's live links that hold numbers in it."""
    by_mobile = {contact.mobile: contact.id for contact in contacts.find_contact_numbers(tx, ids=ids)}
    links = connections.find_links_by_mobile(tx, mobiles=sorted(by_mobile))
    mine = [link for link in links if link.connection_id == connection_id and link.state == LIVE]
    return by_mobile, [link for link in mine if group_id in read_group_ids(link)]


def _with_own(link: Link, group_id: int) -> Link:
    return replace(link, group_ids=write_group_ids(read_group_ids(link) | {group_id: True}))


def _find_objection(tx: Tx, opened: Opened, group_id: int, leaving: int) -> str:
    """Why no one leaves; blank where they may."""
    names = exports.find_group_names(tx, ids=[group_id])
    members = directory.count_list(tx, list_id=group_id)
    affected = {number: guard.Group(name.name, members) for number, name in names.items()}
    run = opened.progress.run
    planned = guard.add_to_run(run, guard.Planned({group_id: leaving}))
    links = opened.progress.counts.get("live", 0)
    return guard.find_objection(run, planned, groups=affected, links=links, now=tx.now)
