"""``daftari audience``: the numbers that may be messaged now, on standard output, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.files import write_output
from daftari.cli.terminal.options import ProjectOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, say
from daftari.cli.terminal.scope import QuestionOptions, read_option
from daftari.model.audiences import Match
from daftari.model.limits import AUDIENCE_GROUPS_MAX
from daftari.model.time import current_time
from daftari.store import Tx

if TYPE_CHECKING:
    from daftari.rules.audiences import Counted, Definition

app = command_group()


@command(
    app,
    "audience",
    "daftari audience --project Shopify --everyone --channel sms > numbers.ndjson",
    "daftari audience --group nairobi-vip --group silver-tier --match all --channel whatsapp --purpose marketing",
    "daftari audience --everyone --not staff --channel sms --csv > numbers.csv",
    note="The number of contacts, and why others were left out, go to standard error.",
)
def print_audience(
    *,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="GROUP", help="A group; may be repeated.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="All contacts instead of groups.")] = False,
    match: Annotated[Match, typer.Option("--match", help="Members of any of the groups, or of all of them.")] = "any",
    without: Annotated[
        list[str] | None, typer.Option("--not", metavar="GROUP", help="A group to leave out; may be repeated.")
    ] = None,
    question: QuestionOptions,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV. [default: a JSON object a line]", show_default=False)
    ] = False,
    where: ProjectOptions,
) -> None:
    """Print the numbers that may be messaged now.

    Takes the members of groups, or all contacts, in one snapshot, and leaves out those that opted out.
    """
    from daftari.rules.audiences import Definition

    if bool(group) == everyone:
        raise fail("Give either --group, once or more, or --everyone.", code=WRONG_USAGE)
    definition = Definition(
        question.read(), everyone, _read_names("--group", group or ()), match, _read_names("--not", without or ())
    )
    if len(definition.groups) + len(definition.without) > AUDIENCE_GROUPS_MAX:
        raise fail(f"At most {AUDIENCE_GROUPS_MAX} groups can be named.", code=WRONG_USAGE)
    with write_output(None) as file, where.open_project() as (store, project):
        counted = store.read(project, current_time(), _write_audience, file=file, as_csv=as_csv, definition=definition)
    left_out = ", ".join(f"{many:,} {reason}" for reason, many in counted.excluded.items())
    say(f"{counted.count:,} may be messaged; left out: {left_out or 'none'}.")


def _write_audience(tx: Tx, *, file: BinaryIO, as_csv: bool, definition: Definition) -> Counted:
    """Writes the audience from the beginning of the file, since the store may call this again."""
    from daftari.rules.audiences import write_audience

    file.seek(0)
    file.truncate()
    return write_audience(tx, definition=definition, as_csv=as_csv, write=file.write)


def _read_names(option: str, written: Sequence[str]) -> tuple[str, ...]:
    from daftari.rules.fields import read_name

    return tuple(filter(None, [read_option(option, each, read_name) for each in written]))
