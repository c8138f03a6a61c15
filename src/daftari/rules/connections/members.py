"""Who left a group that is in step although a record of theirs is in it joins again, when all records are compared.

So a person who opted out and came back is in the group again, and who was taken out by an undo. Who opted out, or left
this very group, stays out. No SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daftari.model.connections import Link
from daftari.rules.connections import rows
from daftari.rules.connections.decide import Change
from daftari.rules.connections.mapping import Said
from daftari.rules.connections.model import LIVE, Opened, read_group_ids
from daftari.rules.consent import ledger
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, exports, groups


def join_again(tx: WriteTx, opened: Opened, links: Sequence[Link], contacts: Mapping[int, int]) -> Opened:
    """Have those join again, silently. ``contacts``: the contacts of the links' numbers, by number."""
    absent = _find_absent(tx, opened, links, contacts)
    states = ledger.find_states(tx, mobiles=sorted({mobile for mobiles in absent.values() for mobile in mobiles}))
    names = exports.find_group_names(tx, ids=sorted(absent))
    given: dict[int, rows.Row] = {}
    for group_id, group in names.items():
        for mobile, link in absent[group_id].items():
            state = states.get(mobile)
            if state is None or not (state.is_suppressed or state.has_left(group_id, fold_name(group.name))):
                row = given.setdefault(mobile, rows.Row(row_of(link), {"mobile": f"+{mobile}"}, []))
                row.groups.append(group.name)
    if given:
        opened, _ = rows.write_rows(tx, opened, list(given.values()), fires=False)
    return opened


def row_of(link: Link) -> Change:
    """A row that says nothing but the number of a link."""
    said = Said(link.mobile, "", {}, 0, 0, 0, {}, True, (), link.digest)
    return Change(link, link, said, has_row=True)


def _find_absent(
    tx: Tx, opened: Opened, links: Sequence[Link], contacts: Mapping[int, int]
) -> dict[int, dict[int, Link]]:
    """The numbers that should be in each group in step and are not, with a link of each."""
    in_step = {mapping.group_id for mapping in opened.definition.groups if mapping.keep == "in_step"}
    # Most links have the same groups, which are read once.
    alike: dict[str, list[Link]] = {}
    for link in links:
        if link.state == LIVE and link.mobile in contacts:
            alike.setdefault(link.group_ids, []).append(link)
    held: dict[int, dict[int, Link]] = {}
    for some in alike.values():
        for group_id in read_group_ids(some[0]).keys() & in_step:
            held.setdefault(group_id, {}).update((link.mobile, link) for link in some)
    absent = {}
    for group_id, by_mobile in held.items():
        inside = groups.find_members(tx, group_id=group_id, ids=sorted(contacts[mobile] for mobile in by_mobile))
        if len(inside) < len(by_mobile):
            absent[group_id] = {mobile: link for mobile, link in by_mobile.items() if contacts[mobile] not in inside}
    return absent
