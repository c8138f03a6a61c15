"""``daftari erase``: erases a person, and keeps only that the number must not be messaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import ProjectOptions, YesOption
from daftari.cli.terminal.output import print_list, say
from daftari.cli.terminal.prompts import confirm
from daftari.cli.terminal.scope import read_option
from daftari.model.projects import Actor
from daftari.model.time import current_time

if TYPE_CHECKING:
    from daftari.model.projects import Project
    from daftari.rules.numbers import WrittenNumber

app = command_group()


@command(
    app,
    "erase",
    "daftari erase 0722000000 --project Shopify",
    "daftari erase 0722000000 --project Shopify --yes",
    note="Only an opt-in brings the number back. What was removed comes back only with a backup.",
)
def erase(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The phone number.")],
    *,
    yes: YesOption = False,
    where: ProjectOptions,
) -> None:
    """Erase a person permanently.

    Removes the contact, its memberships and evidence. The opt-out is kept under a keyed hash of the number, so that an
    import cannot bring the person back.
    """
    from daftari.rules.erasure.erase import erase_number
    from daftari.rules.numbers import choose_numbers, read_number

    with where.open_project() as (store, project):
        reading = read_option(repr(number), number, lambda written: read_number(written, region=project.region))
        (mobile,) = store.read(project, current_time(), choose_numbers, readings=[reading])
        if not yes:
            _confirm(mobile, reading, project)
        erased = store.write(
            project,
            Actor(None, "erase"),
            current_time(),
            erase_number,
            mobile=reading.number,
            digits=reading.digits,
        )
    print_list(("kind", "removed"), list(asdict(erased.removed).items()), as_json=False)
    say(f"{mobile} is erased from {project.name!r}, as erasure {erased.id}.")
    if erased.removed.contacts:
        say("The journal still holds the contact's id until the service or 'daftari worker' clears it.")


def _confirm(mobile: int, reading: WrittenNumber, project: Project) -> None:
    from daftari.rules.numbers import read_number

    def is_same(typed: str) -> bool:
        try:
            again = read_number(typed, region=project.region)
        except ValueError:
            return False
        return again == reading or again.number == mobile

    confirm(f"This erases {mobile} from {project.name!r} permanently. Type the number again", is_right=is_same)
