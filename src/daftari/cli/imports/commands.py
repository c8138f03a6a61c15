"""``daftari imports``: shows imports, and applies, pauses, resumes, cancels and undoes them."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from daftari.cli.imports.choose import open_target
from daftari.cli.imports.report import exit_code, format_progress, print_rows, say_layout, say_result
from daftari.cli.imports.start import follow_import
from daftari.cli.imports.status import UNDER_WAY
from daftari.cli.imports.target import ImportTarget, format_command
from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.files import write_output
from daftari.cli.terminal.options import JsonOption, OutputOption, RemoteOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_json, print_list, say
from daftari.cli.terminal.signals import catch_stop_signals

app = command_group("Imports: show, apply, pause, resume, cancel, undo.")

COLUMNS = ("id", "name", "kind", "phase", "state", "rows", "invalid", "group", "created_at")
LISTED_MAX = 1_000
IdArgument = Annotated[int, typer.Argument(metavar="ID", min=1, help="The id of the import.")]


@command(app, "list", "daftari imports list", "daftari imports list --project Shopify --json")
def list_imports(
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=LISTED_MAX, help="List at most N imports.")
    ] = 100,
    as_json: JsonOption = False,
    where: RemoteOptions,
) -> None:
    """List the imports, newest first."""
    with open_target(where) as target:
        found = target.list_newest(limit=limit)
    if as_json:
        print_json(found)
    else:
        values = [msgspec.structs.asdict(status) | {"invalid": status.counts.get("invalid", 0)} for status in found]
        print_list(COLUMNS, [[each[name] for name in COLUMNS] for each in values], as_json=False)
    if not found:
        say("There are no imports; start one with 'daftari import FILE'.")


@command(app, "show", "daftari imports show 7", "daftari imports show 7 --json")
def show_import(import_id: IdArgument, *, as_json: JsonOption = False, where: RemoteOptions) -> None:
    """Show how a file was read, how far its import is, and the counts of its rows."""
    with open_target(where) as target:
        status = target.get(import_id)
        if as_json:
            print_json(status)
            return
        say_layout(status)
        if status.state in UNDER_WAY:
            say(f"Import {import_id} is {status.state} ({status.phase}): {format_progress(status)}.")
        else:
            say_result(status, target=target)


@command(
    app,
    "rows",
    "daftari imports rows 7",
    "daftari imports rows 7 --outcome invalid",
    "daftari imports rows 7 --json > rows.ndjson",
)
def list_rows(
    import_id: IdArgument,
    *,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="OUTCOME", help="Only rows with this outcome, such as created or invalid."),
    ] = None,
    after: Annotated[int, typer.Option("--after", metavar="ROW", min=0, help="Begin after this row.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    where: RemoteOptions,
) -> None:
    """Print the outcome of each row; of a plan, the expected one."""
    with open_target(where) as target:
        for some in target.iterate_rows(import_id, after=after):
            rows = [row for row in some if outcome in (None, row.outcome)]
            if as_json:
                typer.echo(msgspec.json.Encoder().encode_lines(rows).decode(), nl=False)
            elif rows:
                print_rows(rows)


@command(app, "rejects", "daftari imports rejects 7 > rejects.csv", "daftari imports rejects 7 --output rejects.xlsx")
def write_rejects(import_id: IdArgument, *, output: OutputOption = None, where: RemoteOptions) -> None:
    """Write the rows that were not imported, each with the reason.

    The file has the format of the imported file and one more column, 'why'.
    """
    with open_target(where) as target:
        if output is None and sys.stdout.isatty() and target.get(import_id).format in ("xlsx", "ods"):
            raise fail("A workbook cannot be shown on a terminal; name a file with --output.", code=WRONG_USAGE)
        with write_output(output) as file:
            target.write_rejects(import_id, file=file)


# ---- changing imports -----------------------------------------------------------------------------------


@command(app, "apply", "daftari imports apply 7", "daftari imports apply 7 --json")
def apply_import(import_id: IdArgument, *, as_json: JsonOption = False, where: RemoteOptions) -> None:
    """Apply a plan.

    A row whose contact has changed since the plan is left alone, with outcome 'changed'.
    """
    with open_target(where) as target:
        target.change(import_id, "apply")
        _follow(import_id, target, as_json=as_json)


@command(app, "resume", "daftari imports resume 7 --project Shopify")
def resume_import(import_id: IdArgument, *, as_json: JsonOption = False, where: RemoteOptions) -> None:
    """Resume an import that was paused or whose process has ended."""
    with open_target(where) as target:
        target.change(import_id, "resume")
        _follow(import_id, target, as_json=as_json)


@command(app, "pause", "daftari imports pause 7")
def pause_import(import_id: IdArgument, *, where: RemoteOptions) -> None:
    """Pause an import after its present batch."""
    with open_target(where) as target:
        say_result(target.change(import_id, "pause"), target=target)


@command(app, "cancel", "daftari imports cancel 7")
def cancel_import(import_id: IdArgument, *, where: RemoteOptions) -> None:
    """Cancel an import permanently.

    What is written stays, and can be undone.
    """
    with open_target(where) as target:
        status = target.change(import_id, "cancel")
        say(f"Import {import_id} is cancelled after {status.rows:,} rows.")
        if status.rows and status.phase == "apply":
            say(f"Undo what it wrote with: {format_command(target, 'undo', import_id)}")


@command(
    app,
    "undo",
    "daftari imports undo 7",
    'daftari imports undo 7 --opt-outs --reason "the list of another company"',
)
def undo_import(
    import_id: IdArgument,
    *,
    opt_outs: Annotated[bool, typer.Option("--opt-outs", help="Retract also its opt-outs; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for later questions.")] = None,
    as_json: JsonOption = False,
    where: RemoteOptions,
) -> None:
    """Undo an import.

    Restores the contacts that it changed, except those that were changed again since, and retracts its opt-ins.
    """
    with open_target(where) as target:
        target.change(import_id, "undo", opt_outs=opt_outs, reason=reason)
        _follow(import_id, target, as_json=as_json)


def _follow(import_id: int, target: ImportTarget, *, as_json: bool) -> None:
    """Follows an import to its end. Raises ``typer.Exit`` unless it took all rows."""
    with catch_stop_signals() as should_stop:
        status = follow_import(import_id, target=target, as_json=as_json, should_stop=should_stop)
    if as_json:
        print_json(status)
    code = exit_code([status])
    if code:
        raise typer.Exit(code)
