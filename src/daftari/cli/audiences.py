"""``daftari audience``: the contacts that may be messaged, on standard output, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, BinaryIO

import typer

from daftari.cli.terminal.files import spooled_output
from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    ProjectOption,
    chosen_project,
    examples,
    opened_store,
)
from daftari.cli.terminal.output import WRONG_USAGE, fail, say
from daftari.cli.terminal.scope import PurposeOption, QuestionChannelOption, SenderOption, read_option, read_question
from daftari.model.limits import AUDIENCE_GROUPS_MAX
from daftari.model.time import current_time
from daftari.rules.audiences import Counted, Definition, Match, write_audience
from daftari.rules.fields import read_name
from daftari.store import Tx

EPILOG = examples(
    "daftari audience --project Shopify --everyone --channel sms > numbers.ndjson",
    "daftari audience --group nairobi-vip --group silver-tier --match all --channel whatsapp --purpose marketing",
    "daftari audience --everyone --not staff --channel sms --csv > numbers.csv",
    note="Counts, and who was left out by reason, go to standard error.",
)


def print_audience(
    channel: QuestionChannelOption,
    project: ProjectOption = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="GROUP", help="Members of it; may be repeated.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="Everybody in the book, instead of groups.")] = False,
    match: Annotated[Match, typer.Option("--match", help="Members of any of the groups, or of all.")] = "any",
    without: Annotated[
        list[str] | None, typer.Option("--not", metavar="GROUP", help="Not its members; may be repeated.")
    ] = None,
    sender: SenderOption = None,
    purpose: PurposeOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV; else a JSON object a line.")] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Print everyone of some groups, or of the book, who may be messaged now."""
    if bool(group) == everyone:
        raise fail("Say either --group NAME, once or more, or --everyone.", code=WRONG_USAGE)
    definition = Definition(
        read_question(channel=channel, sender=sender, purpose=purpose, keyword=None),
        everyone,
        _read_names("--group", group or ()),
        match,
        _read_names("--not", without or ()),
    )
    if len(definition.groups) + len(definition.without) > AUDIENCE_GROUPS_MAX:
        raise fail(f"At most {AUDIENCE_GROUPS_MAX} groups can be named.", code=WRONG_USAGE)
    with spooled_output() as spool, opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        counted = store.read(chosen, current_time(), _write_audience, spool=spool, as_csv=as_csv, definition=definition)
    say(_told(counted))


def _write_audience(tx: Tx, *, spool: BinaryIO, as_csv: bool, definition: Definition) -> Counted:
    """Write the audience into a file from its beginning, since the store repeats a snapshot that was lost."""
    spool.seek(0)
    spool.truncate()
    return write_audience(tx, definition=definition, write=spool.write, as_csv=as_csv)


def _read_names(option: str, written: Sequence[str]) -> tuple[str, ...]:
    names = [read_option(option, one, read_name) for one in written]
    return tuple(filter(None, names))


def _told(counted: Counted) -> str:
    left_out = ", ".join(f"{many:,} {reason}" for reason, many in counted.excluded.items())
    return f"{counted.count:,} may be messaged; left out: {left_out or 'nobody'}."
