"""The calls under ``/v1/groups``. Knows nothing about how a group is stored."""

from __future__ import annotations

from functools import partial

from daftari.api.missing import note_missing
from daftari.api.pagination import cut_page, read_cursor
from daftari.api.views.groups import (
    GroupAnswer,
    GroupCreated,
    GroupDeleted,
    GroupJoined,
    GroupLeft,
    GroupList,
    GroupUpdated,
    GroupView,
)
from daftari.errors import GroupNotFound, ValidationFailed
from daftari.model.contacts import Group, MembershipOutcome
from daftari.model.limits import CONTACTS_PER_CALL_MAX, GROUPS_PER_PAGE_MAX
from daftari.model.time import format_time
from daftari.rules.connections import freshness
from daftari.rules.connections.freshness import ShownGroup
from daftari.rules.contacts import groups
from daftari.rules.fields import read_name
from daftari.rules.numbers import WrittenNumber, read_number
from daftari.web.params import Params
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response


def list_groups(request: Request) -> Response:
    """``GET /v1/groups``: from the cursor ``after`` on, in order of creation."""
    after, limit = read_cursor(request.params, most=GROUPS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    found = request.read(freshness.list_groups, after=after, limit=limit + 1)
    shown, following = cut_page(found, limit=limit, cursor_of=lambda one: one.group.id)
    return json_response(GroupList([_show_filled(one) for one in shown], following))


def create_group(request: Request) -> Response:
    """``POST /v1/groups``."""
    name = _read_new_name(request.params)
    return request.write(groups.create_group, _write_created, name=name)


def _write_created(group: Group) -> Response:
    return json_response(GroupCreated(_show(group)), status=201)


def get_group(request: Request, name: str) -> Response:
    """``GET /v1/groups/{name}``."""
    request.params.refuse_wrong()
    found = request.read(freshness.get_group, name=_read_path_name(name))
    return json_response(GroupAnswer(_show_filled(found)))


def update_group(request: Request, name: str) -> Response:
    """``PUT /v1/groups/{name}``: another name."""
    new_name = _read_new_name(request.params)
    return request.write(groups.update_group, _write_updated, name=_read_path_name(name), new_name=new_name)


def _write_updated(group: Group) -> Response:
    return json_response(GroupUpdated(_show(group)))


def delete_group(request: Request, name: str) -> Response:
    """``DELETE /v1/groups/{name}``: its members stay contacts."""
    request.params.refuse_wrong()
    return request.write(
        groups.delete_group,
        lambda _: json_response(GroupDeleted()),
        name=_read_path_name(name),
    )


def join_group(request: Request, name: str) -> Response:
    """``POST /v1/groups/{name}/contacts``."""
    fire_triggers = request.params.flag("fire_triggers")
    ids, mobiles = _read_named(request)
    return request.write(
        groups.join_group,
        _write_joined,
        name=_read_path_name(name),
        ids=ids,
        mobiles=mobiles,
        fire_triggers=fire_triggers,
    )


def _write_joined(outcome: MembershipOutcome) -> Response:
    joined = GroupJoined(
        joined=outcome.changed,
        already=outcome.already,
        unknown=outcome.unknown,
        suppressed=outcome.suppressed,
        kept_out=outcome.kept_out,
    )
    return json_response(joined)


def leave_group(request: Request, name: str) -> Response:
    """``DELETE /v1/groups/{name}/contacts``."""
    ids, mobiles = _read_named(request)
    return request.write(groups.leave_group, _write_left, name=_read_path_name(name), ids=ids, mobiles=mobiles)


def _write_left(outcome: MembershipOutcome) -> Response:
    return json_response(GroupLeft(left=outcome.changed, already=outcome.already, unknown=outcome.unknown))


def _show(group: Group) -> GroupView:
    return GroupView(group.name, group.contacts, format_time(group.created_at))


def _show_filled(found: ShownGroup) -> GroupView:
    group = found.group
    return GroupView(group.name, group.contacts, format_time(group.created_at), found.connections)


def _read_path_name(part: str) -> str:
    """The name in a path. Raises ``GroupNotFound`` for one that no group can have, such as one with a NUL."""
    try:
        name = read_name(part)
    except ValueError:
        raise GroupNotFound from None
    if name is None:
        raise GroupNotFound
    return name


def _read_new_name(params: Params) -> str:
    name = params.group_name("name")
    if name is None and not params.problems.has("name"):
        note_missing(params, "name", members=("group",), example='{"name": "nairobi-vip"}')
    name = params.problems.require(name)
    return name


def _read_named(request: Request) -> tuple[list[int], list[WrittenNumber]]:
    """The ids and mobiles in a join or leave."""
    params = request.params
    ids, mobiles = params.items("ids"), params.items("mobiles")
    if not ids and not mobiles:
        if not params.problems:
            example = '{"mobiles": ["0722000001"]}'
            note_missing(params, "ids", members=("mobile", "id", "contacts"), example=example, unless=["mobiles"])
    elif len(ids) + len(mobiles) > CONTACTS_PER_CALL_MAX:
        sentence = f"The ids and mobiles fields must not have more than {CONTACTS_PER_CALL_MAX} items together."
        raise ValidationFailed({"ids" if ids else "mobiles": [sentence]})
    read = params.ids("ids"), _read_mobiles(params, mobiles, region=request.project.region)
    params.refuse_wrong()
    return read


def _read_mobiles(params: Params, items: list[object], *, region: str) -> list[WrittenNumber]:
    read = partial(read_number, region=region)
    mobiles = [params.problems.read(f"mobiles.{index}", item, read) for index, item in enumerate(items)]
    return [mobile for mobile in mobiles if mobile is not None]
