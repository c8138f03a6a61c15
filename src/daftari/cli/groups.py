"""``daftari group``: groups with their exact counts, and how fresh those are that connections fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import print_json, print_list
from daftari.model.limits import GROUPS_PER_PAGE_MAX
from daftari.model.time import current_time, format_time
from daftari.store import Tx

if TYPE_CHECKING:
    from daftari.rules.connections.freshness import ShownGroup

app = command_group("Groups: how many are in each, and how fresh it is.")

COLUMNS = ("name", "contacts", "complete_until", "connections")
"""What a list shows. ``complete_until``: of the connection that was read last before all others."""


@command(app, "list", "daftari group list")
def list_groups(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List groups with their counts, the connections that fill them, and when these were read last."""
    with where.open_project() as (store, project):
        found = store.read(project, current_time(), _list_shown)
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        print_list(COLUMNS, [_as_row(one) for one in found], as_json=False)


@command(app, "show", "daftari group show VIP")
def show_group(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the group.")], *, where: ProjectOptions
) -> None:
    """Show a group and how fresh it is, as JSON."""
    from daftari.rules.connections.freshness import get_group

    with where.open_project() as (store, project):
        print_json(_as_json(store.read(project, current_time(), get_group, name=name)))


def _list_shown(tx: Tx) -> list[ShownGroup]:
    from daftari.rules.connections.freshness import list_groups as list_found

    found: list[ShownGroup] = []
    after = 0
    while some := list_found(tx, after=after, limit=GROUPS_PER_PAGE_MAX):
        found += some
        after = some[-1].group.id
    return found


def _as_json(found: ShownGroup) -> dict[str, object]:
    group = found.group
    return {
        "name": group.name,
        "contacts": group.contacts,
        "created_at": format_time(group.created_at),
        "connections": found.connections,
    }


def _as_row(found: ShownGroup) -> list[object]:
    complete_until = min([one.complete_until or "" for one in found.connections], default="")
    connections = ", ".join(f"{one.name} ({one.state})" for one in found.connections)
    return [found.group.name, found.group.contacts, complete_until or None, connections or None]
