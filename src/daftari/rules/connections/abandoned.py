"""Carts that nothing came of for ten minutes: their numbers become contacts and join a group until they come back.

The contact is a row of the connection's import, so that an undo takes it back and what people wrote stays. Such a join
fires no trigger: only the cart's own event does, about which the shop is asked first. No network, no SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from daftari.model.carts import StoredCart
from daftari.model.connections import ConnectionState
from daftari.model.limits import TEXT_MAX
from daftari.rules import events
from daftari.rules.carts.figures import count_carts, may_follow
from daftari.rules.connections import rows
from daftari.rules.connections.decide import Change
from daftari.rules.connections.mapping import Said
from daftari.rules.connections.marks import WRITING
from daftari.rules.connections.mirrors import with_groups
from daftari.rules.connections.model import REMOVED_LOCALLY, Opened, get_connection, new_link, read_group_ids
from daftari.rules.connections.saving import save_connection
from daftari.rules.contacts.merge import read_card
from daftari.rules.events import Action, GroupLeft
from daftari.store import Tx, WriteTx, carts, connections, contacts, directory, exports, groups
from daftari.store.contacts import StoredContact

CARTS_PER_STEP = 300
"""A step holds the lock of the project, for which deliveries wait."""
FOLLOWING: tuple[ConnectionState, ...] = WRITING
"""The states in which carts are followed up. What a connection asks about, and for what it waits, is what it reads."""

_read_fields = msgspec.json.Decoder(dict[str, object]).decode


# ---- left -----------------------------------------------------------------------------------------------


def has_idle_carts(tx: Tx, opened: Opened) -> bool:
    """Whether a cart counts as abandoned from now on."""
    is_working = opened.stored.state in FOLLOWING and rows.kind_of(opened).carts
    return is_working and bool(carts.list_idle_carts(tx, connection_id=opened.id, limit=1))


def take_idle_carts(tx: WriteTx, *, connection_id: int, fence: int) -> bool:
    """Have some carts count as abandoned. Returns ``False`` when another worker has the connection, or it stopped."""
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state not in FOLLOWING:
        return False
    opened = with_groups(tx, get_connection(tx, connection_id=connection_id))
    found = carts.list_idle_carts(tx, connection_id=connection_id, limit=CARTS_PER_STEP)
    left = count_carts(
        tx, connection_id=connection_id, changed=[replace(cart, state="abandoned", idle_at=0) for cart in found]
    )
    wanted = [cart for cart in left if may_follow(opened.definition, cart)]
    opened, joined = _write_contacts(tx, opened, wanted)
    group_id = opened.definition.carts_group_id
    carts.save_carts(
        tx, carts=[replace(cart, group_id=group_id) if cart.subject_id in joined else cart for cart in left]
    )
    save_connection(tx, opened)
    return True


def _write_contacts(tx: WriteTx, opened: Opened, wanted: Sequence[StoredCart]) -> tuple[Opened, frozenset[int]]:
    """Make the contacts of carts, and have them join the group.

    Returns the connection with its import, and the numbers that are in the group because of a cart.
    """
    by_mobile = {cart.subject_id: cart for cart in wanted}
    mobiles = sorted(by_mobile)
    before = {contact.mobile: contact for contact in contacts.find_contacts_by_mobile(tx, mobiles=mobiles)}
    for mobile in _find_removed(tx, opened, mobiles) - before.keys():
        del by_mobile[mobile]
    if not by_mobile:
        return opened, frozenset()
    group_id = opened.definition.carts_group_id if opened.definition.carts_group else 0
    names = exports.find_group_names(tx, ids=[group_id] if group_id else [])
    inside = _find_inside(tx, group_id, before)
    held = {cart.subject_id for cart in _find_holding(tx, group_id, by_mobile)}
    given = [
        rows.Row(_row_of(opened, cart), _values(cart, before.get(mobile)), [name.name for name in names.values()])
        for mobile, cart in sorted(by_mobile.items())
    ]
    opened, _ = rows.write_rows(tx, opened, given, fires=False)
    after = {contact.mobile: contact for contact in contacts.find_contacts_by_mobile(tx, mobiles=sorted(by_mobile))}
    return opened, frozenset(_find_inside(tx, group_id, after) - (inside - held))


def _find_removed(tx: Tx, opened: Opened, mobiles: Sequence[int]) -> set[int]:
    """The numbers whose contact was removed here, which was no opt-out: a record of theirs does not make it again."""
    links = connections.find_links_by_mobile(tx, mobiles=mobiles) if mobiles else []
    return {link.mobile for link in links if link.connection_id == opened.id and link.state == REMOVED_LOCALLY}


def _row_of(opened: Opened, cart: StoredCart) -> Change:
    """A row of a cart, which has no record of its own."""
    link = replace(new_link(opened.id, cart.cart_id or cart.key), mobile=cart.subject_id)
    return Change(None, link, Said(cart.subject_id, "", {}, 0, 0, 0, {}, True, (), 0), has_row=True)


def _values(cart: StoredCart, known: StoredContact | None) -> dict[str, object]:
    """What a row of a cart gives: the number, and a name where there is none yet."""
    name = _read_fields(cart.fields).get("fname")
    is_blank = known is None or not read_card(known.card).fname
    has_name = isinstance(name, str) and 0 < len(name) <= TEXT_MAX and is_blank
    return {"mobile": f"+{cart.subject_id}", **({"fname": name} if has_name else {})}


# ---- back -----------------------------------------------------------------------------------------------


def leave_groups(tx: WriteTx, came_back: Iterable[StoredCart]) -> None:
    """Take the numbers of carts that are abandoned no longer out of the group that these put them in.

    ``came_back``: as they were, and not stored as abandoned by now. Another abandoned cart of the number, or a record
    of it, may keep it in the group.
    """
    leaving: dict[int, set[int]] = {}
    for cart in came_back:
        if cart.group_id and cart.subject_id:
            leaving.setdefault(cart.group_id, set()).add(cart.subject_id)
    left = [event for group_id, mobiles in sorted(leaving.items()) if (event := _leave(tx, group_id, mobiles))]
    if left:
        directory.change_directory(tx, joined={}, left={event.group_id: event.contacts for event in left})
        events.record(tx, Action.SYNC_CONTACTS, *left)


def _leave(tx: WriteTx, group_id: int, mobiles: Collection[int]) -> GroupLeft | None:
    held = {cart.subject_id for cart in _find_holding(tx, group_id, mobiles)}
    links = connections.find_links_by_mobile(tx, mobiles=sorted(mobiles))
    held |= {link.mobile for link in links if group_id in read_group_ids(link)}
    people = contacts.find_contacts_by_mobile(tx, mobiles=sorted({*mobiles} - held))
    inside = sorted(groups.find_members(tx, group_id=group_id, ids=sorted(person.id for person in people)))
    if not inside:
        return None
    groups.delete_members(tx, group_id=group_id, ids=inside)
    return GroupLeft(group_id, inside)


def _find_holding(tx: Tx, group_id: int, mobiles: Iterable[int]) -> list[StoredCart]:
    """The abandoned carts of some numbers, of any connection, that put these in a group."""
    found = carts.find_carts_of_numbers(tx, mobiles=sorted(mobiles)) if group_id else []
    return [cart for cart in found if cart.state == "abandoned" and cart.group_id == group_id]


def _find_inside(tx: Tx, group_id: int, people: Mapping[int, StoredContact]) -> set[int]:
    """Which of some contacts, by number, are in a group."""
    if not group_id or not people:
        return set()
    ids = sorted(person.id for person in people.values())
    inside = groups.find_members(tx, group_id=group_id, ids=ids)
    return {mobile for mobile, person in people.items() if person.id in inside}
