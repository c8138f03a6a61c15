"""``daftari erase``: remove a person for good, and leave them in peace ever after."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from msgspec.structs import asdict

from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    ProjectOption,
    chosen_project,
    examples,
    opened_store,
)
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_list, say
from daftari.cli.terminal.scope import read_option
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.erasure.erase import erase_number
from daftari.rules.fields import read_number

EPILOG = examples(
    "daftari erase 0722000000 --project Shopify",
    "daftari erase 0722000000 --project Shopify --yes",
    note="Only an opt-in brings the number back; what was removed nothing brings back, but a backup.",
)


def erase(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The number, as people write it.")],
    project: ProjectOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Erase a number: contact, groups and evidence go; that it opted out is kept under a keyed hash."""
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        mobile = read_option(repr(number), number, lambda written: read_number(written, region=chosen.region))
        if not yes:
            _ask_for_number(chosen, mobile)
        now = current_time()
        erased = store.write(chosen, Actor(None, "erase"), now, erase_number, mobile=mobile)
    print_list(("kind", "removed"), list(asdict(erased.removed).items()), as_json=False)
    say(f"{mobile} is erased from {chosen.name!r}, as erasure {erased.id}.")
    if erased.removed.contacts:
        say("The journal still names the contact's id; a running service or 'daftari worker' clears it.")


def _ask_for_number(project: Project, mobile: int) -> None:
    """Go on only if a person types the number."""
    if not sys.stdin.isatty():
        raise fail("Nobody can be asked here; say --yes to erase without asking.", code=WRONG_USAGE)
    asked = f"This erases {mobile} from {project.name!r} for good. Type the number again"
    typed = typer.prompt(asked, err=True)
    try:
        same = read_number(typed, region=project.region) == mobile
    except ValueError:
        same = False
    if not same:
        raise fail("That is another number; nothing was erased.")
