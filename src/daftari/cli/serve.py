"""``daftari serve``: look at the database, find the port, and run the processes until told to stop."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from daftari.cli.demo import print_demo
from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    examples,
    open_settled,
    setting_option,
    settings_from,
)
from daftari.cli.terminal.output import fail, say
from daftari.serving.supervisor import CannotServe, find_port, serve_until_stopped, shown_address
from daftari.settings import Settings
from daftari.store import is_new, migrate

EPILOG = examples(
    "daftari serve",
    "daftari serve --demo",
    "daftari serve --host 0.0.0.0 --port 80 --public-url https://phonebook.example",
    "daftari serve --database postgresql://daftari:PASSWORD@localhost/daftari --workers 4",
    note="A new SQLite file is made when there is none. Ctrl-C stops the service when the requests in flight are done.",
)


def serve(
    host: Annotated[str | None, setting_option("host")] = None,
    port: Annotated[int | None, setting_option("port")] = None,
    workers: Annotated[int | None, setting_option("workers")] = None,
    threads: Annotated[int | None, setting_option("threads")] = None,
    database: DatabaseOption = None,
    public_url: Annotated[str | None, setting_option("public_url")] = None,
    no_worker: Annotated[bool | None, setting_option("no_worker")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="In an empty book, make a project to try and print calls to paste.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Answer the Contacts API."""
    settings = settings_from(
        config,
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        database=database,
        public_url=public_url,
        no_worker=no_worker,
    )
    _look_at_database(settings)
    try:
        address, number = find_port(settings)
    except CannotServe as error:
        raise fail(str(error)) from error
    settings = replace(settings, host=address, port=number)

    def ready() -> None:
        say(f"Daftari answers at {shown_address(settings)} from {settings.shown_database}. Ctrl-C stops it.")
        if demo:
            print_demo(settings, address=shown_address(settings))

    serve_until_stopped(settings, ready=ready)


def _look_at_database(settings: Settings) -> None:
    """Make a new SQLite file; refuse what cannot be served before any process is started."""
    if is_new(settings.database):
        migrate(settings.database)
    open_settled(settings).close()
