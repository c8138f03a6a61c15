"""``daftari imports``: what was imported, what became of each row, and how it goes on, is applied or is undone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daftari.cli.imports.options import KeyOption, UrlOption, opened_place
from daftari.cli.imports.report import code_of, say_end, say_reading, told_progress
from daftari.cli.imports.source import UNDER_WAY, Place, Shown, command
from daftari.cli.imports.start import follow_import, print_rows
from daftari.cli.terminal.files import spooled_output, whole_file
from daftari.cli.terminal.options import ConfigOption, DatabaseOption, JsonOption, ProjectOption, examples
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_list, say
from daftari.cli.terminal.signals import told_to_stop

app = typer.Typer(help="Imports: what they did, row by row; apply, pause, resume, cancel, undo.", no_args_is_help=True)

COLUMNS = ("id", "name", "kind", "phase", "state", "rows", "invalid", "group", "created_at")
LISTED_MAX = 1_000
IdArgument = Annotated[int, typer.Argument(metavar="ID", min=1, help="The import's number.")]


@app.command("list", epilog=examples("daftari imports list", "daftari imports list --project Shopify --json"))
def list_imports(
    project: ProjectOption = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=LISTED_MAX, help="At most so many.")] = 100,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List the imports, the newest first."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        found = place.list_newest(limit=limit)
    if as_json:
        _print_json(found)
    else:
        flat = [shown | {"invalid": shown["counts"].get("invalid", 0)} for shown in found]
        print_list(COLUMNS, [[shown[name] for name in COLUMNS] for shown in flat], as_json=False)
    if not found:
        say("There are no imports; 'daftari import FILE' makes one.")


@app.command("show", epilog=examples("daftari imports show 7", "daftari imports show 7 --json"))
def show_import(
    import_id: IdArgument,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Say how a file was read, how far its import is, and what became of its rows."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        shown = place.get(import_id)
        if as_json:
            _print_json(shown)
            return
        say_reading(shown)
        if shown["state"] in UNDER_WAY:
            say(f"Import {import_id} is {shown['state']} ({shown['phase']}): {told_progress(shown)}.")
        else:
            say_end(shown, place=place)


@app.command(
    "rows",
    epilog=examples(
        "daftari imports rows 7",
        "daftari imports rows 7 --outcome invalid",
        "daftari imports rows 7 --json > rows.ndjson",
    ),
)
def print_rows_of(
    import_id: IdArgument,
    project: ProjectOption = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="OUTCOME", help="Only these, such as created or invalid.")
    ] = None,
    after: Annotated[int, typer.Option("--after", metavar="ROW", min=0, help="Begin after this row.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Print what became of each row, or what would become of it by a plan."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        for some in place.walk_rows(import_id, after=after):
            rows = [row for row in some if outcome in (None, row["outcome"])]
            if as_json:
                typer.echo(msgspec.json.Encoder().encode_lines(rows).decode(), nl=False)
            elif rows:
                print_rows(rows)


@app.command(
    "rejects",
    epilog=examples("daftari imports rejects 7 > rejects.csv", "daftari imports rejects 7 --output rejects.xlsx"),
)
def write_rejects(
    import_id: IdArgument,
    project: ProjectOption = None,
    output: Annotated[
        str | None, typer.Option("--output", metavar="FILE", help="Where to. [default: standard output]")
    ] = None,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the rows that were not taken, in the format in which they came, with one column more: why."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        if output is not None:
            try:
                with whole_file(Path(output)) as file:
                    place.write_rejects(import_id, file=file)
            except OSError as error:
                raise fail(f"{output} cannot be written: {error.strerror}.") from error
            return
        if place.get(import_id)["format"] in ("xlsx", "ods") and sys.stdout.isatty():
            raise fail("A workbook is nothing for a terminal; name a file with --output.", code=WRONG_USAGE)
        with spooled_output() as spool:
            place.write_rejects(import_id, file=spool)


# ---- told what to do ----------------------------------------------------------------------------------


@app.command("apply", epilog=examples("daftari imports apply 7", "daftari imports apply 7 --json"))
def apply_import(
    import_id: IdArgument,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Do what was planned. Rows whose contacts changed since are named and left alone."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        place.tell(import_id, "apply")
        _follow(import_id, place, as_json=as_json)


@app.command("resume", epilog=examples("daftari imports resume 7 --project Shopify"))
def resume_import(
    import_id: IdArgument,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Go on with an import that was paused, or whose process is gone."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        place.tell(import_id, "resume")
        _follow(import_id, place, as_json=as_json)


@app.command(
    "undo",
    epilog=examples(
        "daftari imports undo 7", 'daftari imports undo 7 --opt-outs --reason "the list of another company"'
    ),
)
def undo_import(
    import_id: IdArgument,
    project: ProjectOption = None,
    opt_outs: Annotated[bool, typer.Option("--opt-outs", help="Take back its opt-outs too; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for whoever asks later.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Put back what an import changed. What was changed since is kept; its opt-ins are taken back."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        place.tell(import_id, "undo", opt_outs=opt_outs, reason=reason)
        _follow(import_id, place, as_json=as_json)


@app.command("pause", epilog=examples("daftari imports pause 7"))
def pause_import(
    import_id: IdArgument,
    project: ProjectOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make whoever works on an import stop after the batch at work."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        say_end(place.tell(import_id, "pause"), place=place)


@app.command("cancel", epilog=examples("daftari imports cancel 7"))
def cancel_import(
    import_id: IdArgument,
    project: ProjectOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop an import for good. What is written stays, and can be undone."""
    with opened_place(project, url=url, key=key, database=database, config=config) as place:
        shown = place.tell(import_id, "cancel")
        say(f"Import {import_id} is cancelled after {shown['rows']:,} rows.")
        if shown["rows"] and shown["phase"] == "apply":
            say(f"Put back what it wrote with: {command(place, 'undo', import_id)}")


def _follow(import_id: int, place: Place, *, as_json: bool) -> None:
    """See it through to its end."""
    with told_to_stop() as told:
        shown = follow_import(import_id, place=place, as_json=as_json, told=told)
    if as_json:
        _print_json(shown)
    code = code_of([shown])
    if code:
        raise typer.Exit(code)


def _print_json(shown: Shown | list[Shown]) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
