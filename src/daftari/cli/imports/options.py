"""The options that say where an import is, and how its place is found and opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from daftari.cli.imports.local import Here
from daftari.cli.imports.server import FileRemote, There
from daftari.cli.imports.source import Place, written_options
from daftari.cli.remote import KEY_VARIABLE, URL_VARIABLE, chosen_server
from daftari.cli.terminal.options import chosen_project, opened_store
from daftari.store import masked

UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help=f"On this server, instead of a database. [variable: {URL_VARIABLE}]"),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help=f"The key to use there. [variable: {KEY_VARIABLE}]")
]


@contextmanager
def opened_place(
    project: str | None, *, url: str | None, key: str | None, database: str | None, config: str | None
) -> Iterator[Place]:
    """Where the options say that imports are. Ends the command when they contradict."""
    chosen = chosen_server(url, key, database=database)
    if chosen is not None:
        remote = FileRemote(*chosen)
        with remote:
            yield There(remote, url=chosen[0], project=project)
        return
    with opened_store(config, database) as store:
        found = chosen_project(store, project)
        # A password is not repeated, and yet no other database must be meant.
        shown = None if database is None else masked(database)
        yield Here(store, found, options=written_options(project=found.name, database=shown, config=config))
