"""The groups of a connection: made when it needs them, and noted where it alone decides who is in them. No SQL.

A group is noted from the start of the connection until it is taken out of it, is kept otherwise, or the connection is
removed; also while that is paused or broken, since the next reading continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from daftari.errors import WrongConnectionState, quote
from daftari.model.connections import ConnectionDefinition
from daftari.rules import events
from daftari.rules.connections.model import Opened, open_stored
from daftari.rules.contacts.groups import refuse_mirrored, use_group
from daftari.rules.events import Action, GroupCreated
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, connections, directory, exports, groups


def with_groups(tx: WriteTx, opened: Opened) -> Opened:
    """A connection whose groups are there: one that was deleted is made again, one that was renamed has its new name.

    Raises ``GroupIsMirrored`` for a group that another connection keeps in step.
    """
    found = _find_groups(tx, opened)
    if found != opened:
        _note(tx, found, _find_mirrored(found))
    return found


def _find_groups(tx: WriteTx, opened: Opened) -> Opened:
    definition = opened.definition
    known = exports.find_group_names(tx, ids=sorted({*_ids_of(definition)} - {0}))
    first = tx.book.next_group_id
    found = tuple(
        replace(group, group=known[group.group_id].name)
        if group.group_id in known
        else replace(
            group,
            group_id=use_group(tx, name=group.group, folded=fold_name(group.group), connection_id=opened.id),
        )
        for group in definition.groups
    )
    carts_group, carts_group_id = definition.carts_group, definition.carts_group_id
    if carts_group_id in known:
        carts_group = known[carts_group_id].name
    elif carts_group:
        # Not even this connection may keep it in step.
        carts_group_id = use_group(tx, name=carts_group, folded=fold_name(carts_group))
    after = replace(definition, groups=found, carts_group=carts_group, carts_group_id=carts_group_id)
    if after == definition:
        return opened
    made = [GroupCreated(group_id) for group_id in range(first, tx.book.next_group_id)]
    if made:
        events.record(tx, Action.SYNC_CONTACTS, *made)
    return replace(opened, definition=after)


def _ids_of(definition: ConnectionDefinition) -> tuple[int, ...]:
    """All groups that a connection puts numbers in, that of carts too; 0 for those that were not needed yet."""
    return (*(group.group_id for group in definition.groups), definition.carts_group_id)


def take_groups(tx: WriteTx, opened: Opened) -> Opened:
    """Make the groups of a connection that is started, and note those that it keeps in step, and no others.

    Raises ``GroupIsMirrored`` for a group that another connection keeps in step, and ``WrongConnectionState`` for one
    to keep in step that another one adds to.
    """
    opened = _find_groups(tx, opened)
    wanted = _find_mirrored(opened)
    _refuse_shared(tx, opened, wanted)
    former = {name: after for name, after in opened.progress.former.items() if int(name) in wanted}
    for group_id in _note(tx, opened, wanted):
        if directory.count_list(tx, list_id=group_id):
            former[str(group_id)] = 0
    return replace(opened, progress=replace(opened.progress, former=former))


def release_groups(tx: WriteTx, opened: Opened) -> None:
    """Let people decide again who is in the groups of a connection that is removed."""
    _note(tx, opened, ())


def refuse_mirrored_groups(tx: Tx, opened: Opened) -> None:
    """Raise ``GroupIsMirrored`` when a connection names a group that another one keeps in step."""
    definition = opened.definition
    for mapping in definition.groups:
        found = groups.find_group(tx, folded=fold_name(mapping.group))
        if found is not None and mapping.group_id in (0, found.id):
            refuse_mirrored(tx, found, connection_id=opened.id)
    found = groups.find_group(tx, folded=fold_name(definition.carts_group)) if definition.carts_group else None
    if found is not None and definition.carts_group_id in (0, found.id):
        refuse_mirrored(tx, found)


def find_wrong_mirrors(tx: Tx) -> dict[int, int]:
    """The groups whose note is not what the connections that are started say, with what it should be."""
    started = [opened for opened in map(open_stored, connections.list_connections(tx)) if _is_started(opened)]
    wanted = {group_id: opened.id for opened in started for group_id in _find_mirrored(opened)}
    there = exports.find_group_names(tx, ids=sorted(wanted))
    noted = {group.id: group.mirrored_by for group in groups.list_mirrored_groups(tx)}
    named = {group_id: connection_id for group_id, connection_id in wanted.items() if group_id in there}
    return {
        group_id: named.get(group_id, 0)
        for group_id in sorted(named.keys() | noted.keys())
        if named.get(group_id, 0) != noted.get(group_id, 0)
    }


def repair_mirrors(tx: WriteTx) -> None:
    """Note again what the connections say."""
    for group_id, connection_id in find_wrong_mirrors(tx).items():
        groups.set_mirror(tx, group_id=group_id, connection_id=connection_id)


def _is_started(opened: Opened) -> bool:
    return opened.stored.state != "removed" and bool(opened.progress.epoch)


def _find_mirrored(opened: Opened) -> set[int]:
    return {group.group_id for group in opened.definition.groups if group.keep == "in_step" and group.group_id}


def _note(tx: WriteTx, opened: Opened, wanted: Iterable[int]) -> list[int]:
    """Note which groups a connection keeps in step. Returns those that it did not until now."""
    noted = {group.id for group in groups.list_mirrored_groups(tx) if group.mirrored_by == opened.id}
    for group_id in sorted({*wanted} ^ noted):
        groups.set_mirror(tx, group_id=group_id, connection_id=0 if group_id in noted else opened.id)
    return sorted({*wanted} - noted)


def _refuse_shared(tx: Tx, opened: Opened, wanted: Collection[int]) -> None:
    names = {group.group_id: group.group for group in opened.definition.groups}
    if (carts_group_id := opened.definition.carts_group_id) in wanted:
        raise WrongConnectionState(
            f"The connection {quote(opened.stored.name)} cannot keep the group {quote(names[carts_group_id])} in step, "
            "since it is the group of those who left a cart: choose another group for one of the two."
        )
    for other in map(open_stored, connections.list_connections(tx)):
        if other.id == opened.id or not _is_started(other):
            continue
        shared = sorted({*wanted} & {*_ids_of(other.definition)})
        if shared:
            raise WrongConnectionState(
                f"The connection {quote(opened.stored.name)} cannot keep the group {quote(names[shared[0]])} in step, "
                f"since the connection {quote(other.stored.name)} adds to it: choose another group for one of the two."
            )
