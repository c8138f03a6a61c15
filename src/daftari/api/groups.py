"""The calls under ``/v1/groups``.

This room must not know how a group is stored.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import unquote

import msgspec

from daftari.errors import GroupNotFound, ValidationFailed
from daftari.model.contacts import Group, MembershipOutcome
from daftari.model.limits import CONTACTS_PER_CALL_MAX, GROUPS_PER_PAGE_MAX, ID_MAX
from daftari.model.time import format_time
from daftari.rules.contacts import groups
from daftari.rules.fields import read_name, read_number
from daftari.web.params import Params, read_whole
from daftari.web.requests import Call, Handled


def list_groups(call: Call) -> tuple[int, bytes]:
    """``GET /v1/groups``: from the cursor ``after`` on, in order of creation."""
    params = call.params
    after = params.cursor("after")
    limit = params.whole("limit", default=GROUPS_PER_PAGE_MAX, most=GROUPS_PER_PAGE_MAX)
    params.refuse_wrong()
    # One more than asked for tells whether there is a next page.
    found = call.read(groups.list_groups, after=after, limit=limit + 1)
    shown = found[:limit]
    following = str(shown[-1].id) if len(found) > limit else None
    return 200, msgspec.json.encode({"groups": [_show(group) for group in shown], "next": following})


def create_group(call: Call) -> Handled:
    """``POST /v1/groups``."""
    name = _read_new_name(call.params)
    return call.write(groups.create_group, _write_created, name=name)


def _write_created(group: Group) -> Handled:
    return 201, msgspec.json.encode({"message": "Group created successfully", "group": _show(group)})


def get_group(call: Call, name: str) -> tuple[int, bytes]:
    """``GET /v1/groups/{name}``."""
    call.params.refuse_wrong()
    group = call.read(groups.get_group, name=_read_path_name(name))
    return 200, msgspec.json.encode({"group": _show(group)})


def update_group(call: Call, name: str) -> Handled:
    """``PUT /v1/groups/{name}``: another name."""
    new_name = _read_new_name(call.params)
    return call.write(groups.update_group, _write_updated, name=_read_path_name(name), new_name=new_name)


def _write_updated(group: Group) -> Handled:
    return 200, msgspec.json.encode({"message": "Group updated successfully", "group": _show(group)})


def delete_group(call: Call, name: str) -> Handled:
    """``DELETE /v1/groups/{name}``: its members stay contacts."""
    call.params.refuse_wrong()
    return call.write(
        groups.delete_group,
        lambda _: (200, msgspec.json.encode({"message": "Group deleted successfully"})),
        name=_read_path_name(name),
    )


def join_group(call: Call, name: str) -> Handled:
    """``POST /v1/groups/{name}/contacts``."""
    ids, mobiles = _read_named(call)
    return call.write(groups.join_group, _write_joined, name=_read_path_name(name), ids=ids, mobiles=mobiles)


def _write_joined(outcome: MembershipOutcome) -> Handled:
    return 200, msgspec.json.encode(
        {
            "message": "Contacts added to group successfully",
            "joined": outcome.changed,
            "already": outcome.already,
            "unknown": outcome.unknown,
            "suppressed": outcome.suppressed,
            "kept_out": outcome.kept_out,
        }
    )


def leave_group(call: Call, name: str) -> Handled:
    """``DELETE /v1/groups/{name}/contacts``."""
    ids, mobiles = _read_named(call)
    return call.write(groups.leave_group, _write_left, name=_read_path_name(name), ids=ids, mobiles=mobiles)


def _write_left(outcome: MembershipOutcome) -> Handled:
    return 200, msgspec.json.encode(
        {
            "message": "Contacts removed from group successfully",
            "left": outcome.changed,
            "already": outcome.already,
            "unknown": outcome.unknown,
        }
    )


def _show(group: Group) -> dict[str, object]:
    return {"name": group.name, "contacts": group.contacts, "created_at": format_time(group.created_at)}


def _read_path_name(part: str) -> str:
    """The name in a path. One that no group can have, such as one with a NUL, is an unknown one."""
    try:
        name = read_name(unquote(part))
    except ValueError:
        raise GroupNotFound from None
    if name is None:
        raise GroupNotFound
    return name


def _read_new_name(params: Params) -> str:
    name = params.name("name")
    if name is None and not params.problems.has("name"):
        params.problems.add("name", "is required.")
    name = params.problems.require(name)
    return name


def _read_named(call: Call) -> tuple[list[int], list[int]]:
    """The ids and mobiles that a join or leave names."""
    params = call.params
    ids, mobiles = params.items("ids"), params.items("mobiles")
    if not ids and not mobiles:
        params.problems.add("ids", "is required when mobiles is not present.")
    elif len(ids) + len(mobiles) > CONTACTS_PER_CALL_MAX:
        sentence = f"The ids and mobiles fields must not have more than {CONTACTS_PER_CALL_MAX} items together."
        raise ValidationFailed({"ids" if ids else "mobiles": [sentence]})
    read = _read_ids(params, ids), _read_mobiles(params, mobiles, region=call.project.region)
    params.refuse_wrong()
    return read


def _read_ids(params: Params, items: list[object]) -> list[int]:
    ids: list[int] = []
    for index, item in enumerate(items):
        number = read_whole(item)
        if number is None or not 1 <= number <= ID_MAX:
            params.problems.add(f"ids.{index}", "must be the id of a contact.")
        else:
            ids.append(number)
    return ids


def _read_mobiles(params: Params, items: list[object], *, region: str) -> list[int]:
    read = partial(read_number, region=region)
    mobiles = [params.problems.read(f"mobiles.{index}", item, read) for index, item in enumerate(items)]
    return [mobile for mobile in mobiles if mobile is not None]
