"""``daftari copy``: copies a database to another one of either engine, and compares the two."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import ConfigOptions
from daftari.cli.terminal.output import INTERRUPTED, fail, format_count, print_list, say
from daftari.cli.terminal.progress import Progress, Rate, show_progress
from daftari.cli.terminal.signals import catch_stop_signals
from daftari.settings import Settings, read_database
from daftari.store import default_secret_file, dialect_of

if TYPE_CHECKING:
    from daftari.store.copy.run import Outcome
    from daftari.store.copy.run import Progress as Copied

COLUMNS = ("table", "project", "source_rows", "target_rows", "first_difference")
AGAIN = "Run the same command again; it continues where it stopped."

app = command_group()


@command(
    app,
    "copy",
    "daftari copy --from sqlite:///daftari.db --to postgresql://daftari@localhost/daftari",
    "daftari copy --from sqlite:///daftari.db --to postgresql://daftari@localhost/daftari --verify",
    note="Stop the service first.\n\nExit codes: 0 the two are equal, 1 they are not.",
)
def run_copy(
    *,
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database to copy.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="The database to write.")],
    verify: Annotated[bool, typer.Option("--verify", help="Only compare the two, and write nothing.")] = False,
    where: ConfigOptions,
) -> None:
    """Copy a database to another one and compare the two.

    The target must be empty, or a copy that was not finished. Ctrl-C stops the copy; the same command continues it.
    """
    from daftari.store.copy.run import compare_databases, copy_database

    here, there = _read_settings("--from", source, where), _read_settings("--to", target, where)
    rate, doing = Rate("rows"), ""
    with catch_stop_signals() as should_stop, show_progress() as on_progress:

        def note(copied: Copied) -> None:
            nonlocal rate, doing
            if copied.doing != doing:
                rate, doing = Rate("rows"), copied.doing
            text = rate.describe(copied.rows, copied.rows_in_all)
            label = f"{copied.doing} {copied.table}"
            on_progress(Progress(label=label, done=copied.rows, total=copied.rows_in_all, text=text))

        started = time.monotonic()
        if verify:
            outcome = compare_databases(here.database, there.database, should_stop=should_stop, note=note)
        else:
            outcome = copy_database(
                here.database,
                there.database,
                secret=here.secret,
                secret_file=here.secret_file,
                should_stop=should_stop,
                note=note,
            )
    _report(outcome, here, there)
    if not verify:
        _report_copied(outcome, here, there, seconds=time.monotonic() - started)


def _read_settings(option: str, written: str, where: ConfigOptions) -> Settings:
    """The settings that open a database: its URL, and the secret in force."""
    return replace(where.read_settings(), database=read_database(written, said_by=option))


def _report(outcome: Outcome, here: Settings, there: Settings) -> None:
    """Prints what a run came to. Raises ``typer.Exit`` unless both databases are equal."""
    match outcome.end:
        case "stopped":
            raise fail(f"Stopped. {AGAIN}", code=INTERRUPTED)
        case "changed":
            raise fail(
                f"{here.masked_database} was written to during the copy, so the copy is not finished. Stop the service "
                "that uses it and run the same command again; only what changed is copied."
            )
        case "different":
            rows = [
                (found.table, found.project, found.source_rows, found.target_rows, found.first)
                for found in outcome.differences
            ]
            print_list(COLUMNS, rows, as_json=False)
            raise fail(f"{there.masked_database} differs from {here.masked_database}; the list says where.")
        case "done":
            counts = f"{format_count(outcome.rows, 'row')} of {format_count(outcome.projects, 'project')}"
            say(f"{there.masked_database} equals {here.masked_database}: {counts} compared.")


def _report_copied(outcome: Outcome, here: Settings, there: Settings, *, seconds: float) -> None:
    rate = f", {outcome.written / seconds:,.0f} a second" if outcome.written and seconds > 1 else ""
    say(f"{format_count(outcome.written, 'row')} copied in {seconds:,.0f} s{rate}.")
    if dialect_of(there.database) == "sqlite":
        say(f"The secret is in {default_secret_file(there.database)}; keep it with the database.")
        return
    file = here.secret_file or default_secret_file(here.database)
    if here.secret is not None or file is None:
        say("Give 'daftari serve' the same DAFTARI_SECRET as this command.")
    else:
        say(
            f"Before 'daftari serve', set DAFTARI_SECRET to the text in {file}, or DAFTARI_SECRET_FILE to a copy of it."
        )
