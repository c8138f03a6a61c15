"""``daftari serve``: checks the database, finds the port, and runs the processes of the service."""

from __future__ import annotations

import shlex
import signal
from typing import Annotated

import typer
from msgspec.structs import replace

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions, PublicUrlOption, check_store, setting_option
from daftari.cli.terminal.output import fail, say
from daftari.settings import Settings
from daftari.store import is_new, list_exposed_files, migrate

app = command_group()


@command(
    app,
    "serve",
    "daftari serve",
    "daftari serve --demo",
    "daftari serve --host 0.0.0.0 --port 80 --public-url https://phonebook.example",
    "daftari serve --database postgresql://daftari@localhost/daftari --workers 4",
    note="Ctrl-C or SIGTERM stops the service after the requests in progress; a second Ctrl-C stops it at once.",
)
def serve(
    *,
    host: Annotated[str | None, setting_option("host")] = None,
    port: Annotated[int | None, setting_option("port")] = None,
    workers: Annotated[int | None, setting_option("workers")] = None,
    threads: Annotated[int | None, setting_option("threads")] = None,
    public_url: PublicUrlOption = None,
    no_worker: Annotated[bool | None, setting_option("no_worker")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="In an empty database, create a project to try and print calls to paste.")
    ] = False,
    where: DatabaseOptions,
) -> None:
    """Run the service.

    Creates the SQLite file if it does not exist. Refuses a database with an old schema and names the command that
    updates it.
    """
    # Until there are processes to stop, a Ctrl-C ends this one without an exception, which an import may lose.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settings = where.read_settings(
        host=host, port=port, workers=workers, threads=threads, public_url=public_url, no_worker=no_worker
    )
    _serve(settings, demo=demo)


def _serve(settings: Settings, *, demo: bool) -> None:
    from daftari.cli.demo import print_demo
    from daftari.cli.first_user import offer_first_link
    from daftari.serving.supervisor import (
        CannotServe,
        StopSignals,
        find_port,
        format_address,
        serve_until_stopped,
    )

    signals = StopSignals()
    _check_database(settings)
    try:
        address, number = find_port(settings)
    except CannotServe as error:
        raise fail(str(error)) from error
    settings = replace(settings, host=address, port=number)

    def announce() -> None:
        say(f"Daftari runs at {format_address(settings)} with {settings.masked_database}. Ctrl-C stops it.")
        if demo:
            print_demo(settings, address=format_address(settings))
        offer_first_link(settings)

    serve_until_stopped(settings, signals, ready=announce)


def _check_database(settings: Settings) -> None:
    """Creates a new SQLite file. Raises what ``open_store`` raises, before a process is started, unless it may pass."""
    if is_new(settings.database):
        migrate(settings.database)
    check_store(settings, meanwhile="The service answers 503 until it can be used.")
    exposed = list_exposed_files(settings.database, secret_file=settings.secret_file)
    if exposed:
        files = " ".join(shlex.quote(str(path)) for path in exposed)
        say(f"Warning: other users of this machine may read the database. Run: chmod 600 {files}")
