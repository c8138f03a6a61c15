"""All commands put together, and how any of them fails: one sentence on stderr and an exit code."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari import __version__
from daftari.cli import (
    audiences,
    check,
    consent,
    copy,
    decisions,
    erasures,
    exports,
    keys,
    migrate,
    projects,
    serve,
    worker,
)
from daftari.cli.imports import commands, start
from daftari.cli.inbound import addresses
from daftari.cli.terminal.options import examples
from daftari.cli.terminal.output import Commands

EPILOG = examples(
    "daftari serve                         start, with the phonebook in ./daftari.db",
    "daftari project create Shopify        make a project and print its first key",
    "daftari key create --project Shopify  make another one",
    "daftari opt-out 0722000000            record that somebody wants no more messages",
    "daftari check                         prove that the phonebook is sound",
    note="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 somebody may not be messaged.",
)

app = typer.Typer(
    cls=Commands,
    help="Daftari, a phonebook service: one source of truth for who may be messaged.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"daftari {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Daftari, a phonebook service: one source of truth for who may be messaged."""


app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.command("migrate", epilog=migrate.EPILOG)(migrate.migrate_database)
app.command("copy", epilog=copy.EPILOG)(copy.copy)
app.add_typer(projects.app, name="project")
app.add_typer(keys.app, name="key")
app.command("opt-out", epilog=consent.OPT_OUT_EPILOG)(consent.record_opt_outs)
app.command("opt-in", epilog=consent.OPT_IN_EPILOG)(consent.record_opt_ins)
app.command("may-message", epilog=decisions.EPILOG)(decisions.ask)
app.command("audience", epilog=audiences.EPILOG)(audiences.print_audience)
app.command("export", epilog=exports.EPILOG)(exports.export_contacts)
app.command("import", epilog=start.EPILOG)(start.import_files)
app.add_typer(commands.app, name="imports")
app.add_typer(addresses.app, name="inbound")
app.command("erase", epilog=erasures.EPILOG)(erasures.erase)
app.command("check", epilog=check.EPILOG)(check.check)
app.command("worker", epilog=worker.EPILOG)(worker.run_worker)
