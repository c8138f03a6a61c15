"""``daftari check``: checks the invariants of every project, and repairs what can be repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions, JsonOption, OnlyProjectOption
from daftari.cli.terminal.output import FAILED, format_count, print_list, say
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.store import Store

if TYPE_CHECKING:
    from daftari.rules.integrity.check import Finding

COLUMNS = ("project", "invariant", "sentence", "repairable")

app = command_group()


@command(
    app,
    "check",
    "daftari check",
    "daftari check --project Shopify --repair",
    note="Exit codes: 0 consistent, 1 an invariant is broken.",
)
def check(
    *,
    project: OnlyProjectOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be repaired, then check again.")] = False,
    as_json: JsonOption = False,
    where: DatabaseOptions,
) -> None:
    """Check that the data of every project is consistent.

    Compares contacts, groups, counts, opt-outs and the journal of each project in one snapshot, and unseals what is
    sealed. Prints each invariant that is broken. The service may run meanwhile.
    """
    from daftari.rules.access.projects import find_project, list_projects

    with where.open_store() as store:
        if project is None:
            checked = store.system_read(current_time(), list_projects)
        else:
            checked = [store.system_read(current_time(), find_project, name=project)]
        found = [(each.name, finding) for each in checked for finding in _check(store, each, repair=repair)]
    rows = [(name, finding.invariant, finding.sentence, finding.repairable) for name, finding in found]
    print_list(COLUMNS, rows, as_json=as_json)
    if not found:
        say(f"{format_count(len(checked), 'project')} checked: consistent.")
        return
    can_repair = not repair and any(finding.repairable for _, finding in found)
    hint = " 'daftari check --repair' repairs some of it." if can_repair else ""
    say(f"{format_count(len(found), 'invariant')} broken in {format_count(len(checked), 'project')}.{hint}")
    raise typer.Exit(FAILED)


def _check(store: Store, project: Project, *, repair: bool) -> list[Finding]:
    from daftari.rules.integrity.check import check_addresses, check_project, repair_project

    findings = store.read(project, current_time(), check_project)
    if findings and repair:
        store.write(project, Actor(None, "check"), current_time(), repair_project)
        findings = store.read(project, current_time(), check_project)
    return findings + store.system_read(current_time(), check_addresses, project=project)
