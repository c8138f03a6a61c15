"""``daftari check``: prove what must always hold, and mend what can be mended."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.options import ConfigOption, DatabaseOption, JsonOption, examples, opened_store
from daftari.cli.terminal.output import FAILED, print_list, say
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.access.projects import find_project, list_projects
from daftari.rules.integrity.check import Finding, check_project, repair_project
from daftari.store import Store

EPILOG = examples(
    "daftari check",
    "daftari check --project Shopify --repair",
    note="Exit codes: 0 sound, 1 something is broken.",
)


def check(
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="Only this project.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended, then check again.")] = False,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Prove that every project's contacts, groups, counts and journal agree, and name what is broken.

    It may run beside the service: each project is read in one snapshot.
    """
    with opened_store(config, database) as store:
        chosen = (
            store.system_read(current_time(), list_projects)
            if project is None
            else [store.system_read(current_time(), find_project, name=project)]
        )
        found = [(one.name, finding) for one in chosen for finding in _check(store, one, repair=repair)]
    rows = [(name, finding.invariant, finding.sentence, finding.repairable) for name, finding in found]
    print_list(("project", "invariant", "sentence", "repairable"), rows, as_json=as_json)
    if found:
        hint = " 'daftari check --repair' mends some of it." if any(row[3] for row in rows) and not repair else ""
        say(f"{_counted(len(found), 'invariant')} broken in {_counted(len(chosen), 'project')}.{hint}")
        raise typer.Exit(FAILED)
    say(f"{_counted(len(chosen), 'project')} checked: sound.")


def _check(store: Store, project: Project, *, repair: bool) -> list[Finding]:
    findings = store.read(project, current_time(), check_project)
    if findings and repair:
        store.write(project, Actor(None, "check"), current_time(), repair_project)
        findings = store.read(project, current_time(), check_project)
    return findings


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
