"""What is removed: a connection, some links a step, and contacts here whose records are still there. No SQL.

Of a connection, contacts and facts stay, and so do groups, unless they are to be left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from msgspec.structs import replace

from daftari.model.connections import Link
from daftari.rules import events
from daftari.rules.connections.abandoned import leave_groups
from daftari.rules.connections.model import (
    LIVE,
    NOT_WRITTEN,
    OWNS,
    REMOVED_LOCALLY,
    Opened,
    counted,
    read_group_ids,
    with_counts,
)
from daftari.rules.consent import ledger
from daftari.rules.events import Action, GroupLeft
from daftari.store import WriteTx, carts, connections, contacts, directory, groups

LINKS_PER_STEP = 1_000
NEWEST = (2**62, "")
"""A place behind every cart."""


def remove_links(tx: WriteTx, opened: Opened) -> bool:
    """One step. Returns ``False`` when nothing of the connection is left."""
    links = connections.list_links(tx, connection_id=opened.id, after="", limit=LINKS_PER_STEP)
    if links:
        if opened.progress.leaves_groups:
            by_mobile: dict[int, set[int]] = {}
            for link in links:
                ours = {group_id for group_id, is_ours in read_group_ids(link).items() if is_ours}
                by_mobile.setdefault(link.mobile, set()).update(ours)
            _leave_groups(tx, opened, by_mobile)
        connections.delete_some_links(tx, connection_id=opened.id, ids=[link.external_id for link in links])
        return True
    if opened.progress.leaves_groups:
        found = carts.list_carts(tx, connection_id=opened.id, before=NEWEST, limit=LINKS_PER_STEP)
        if found:
            carts.delete_carts(tx, names=[(cart.connection_id, cart.key) for cart in found])
            leave_groups(tx, found)
            return True
    for delete_some in (connections.delete_some_rows, carts.delete_some_rows):
        if delete_some(tx, connection_id=opened.id, limit=LINKS_PER_STEP):
            return True
    connections.delete_connection(tx, connection_id=opened.id)
    return False


def _leave_groups(tx: WriteTx, opened: Opened, by_mobile: dict[int, set[int]]) -> None:
    """Take numbers out of the groups that this connection put them in, unless another one did so too."""
    held = {
        (link.mobile, group_id)
        for link in connections.find_links_by_mobile(tx, mobiles=sorted(by_mobile))
        if link.connection_id != opened.id
        for group_id in read_group_ids(link)
    }
    leaving: dict[int, list[int]] = {}
    for contact in contacts.find_contacts_by_mobile(tx, mobiles=sorted(by_mobile)):
        for group_id in by_mobile[contact.mobile]:
            if (contact.mobile, group_id) not in held:
                leaving.setdefault(group_id, []).append(contact.id)
    left = []
    for group_id, ids in sorted(leaving.items()):
        inside = sorted(groups.find_members(tx, group_id=group_id, ids=sorted(ids)))
        if inside:
            groups.delete_members(tx, group_id=group_id, ids=inside)
            left.append(GroupLeft(group_id, inside))
    if left:
        directory.change_directory(tx, joined={}, left={event.group_id: event.contacts for event in left})
        events.record(tx, Action.SYNC_CONTACTS, *left)


def mark_removed(tx: WriteTx, opened: Opened, links: Sequence[Link], there: Container[int]) -> Opened:
    """Note which of some links have a contact no longer: it was removed here, which was no opt-out.

    ``there``: the numbers that are contacts.
    """
    missing = [link for link in links if link.state == LIVE and link.mobile not in there]
    states = ledger.find_states(tx, mobiles=[link.mobile for link in missing]) if missing else {}
    removed = [
        replace(
            link, state=REMOVED_LOCALLY, flags=link.flags & ~OWNS, problems=link.problems & NOT_WRITTEN, group_ids=""
        )
        for link in missing
        if link.mobile not in states or not states[link.mobile].is_suppressed
    ]
    if not removed:
        return opened
    connections.save_links(tx, links=removed)
    before = {link.external_id: link for link in missing}
    counts: Counter[str] = Counter()
    for link in removed:
        counts.subtract(counted(before[link.external_id]))
        counts.update(counted(link))
    return replace(opened, progress=with_counts(opened.progress, counts))
