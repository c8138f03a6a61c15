"""The options that say where an import is, and how its place is found and opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from daftari.cli.import_here import Here
from daftari.cli.import_place import Place, written_options
from daftari.cli.import_there import FileRemote, There
from daftari.cli.options import chosen_project, opened_store
from daftari.cli.output import WRONG_USAGE, fail
from daftari.store.address import masked

URL_VARIABLE, KEY_VARIABLE = "DAFTARI_URL", "DAFTARI_KEY"

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
    if url is not None and database is not None:
        raise fail("Say either --url or --database.", code=WRONG_USAGE)
    server = url or (os.environ.get(URL_VARIABLE) if database is None else None)
    if server:
        secret = key or os.environ.get(KEY_VARIABLE)
        if not secret:
            raise fail(f"A server needs a key: --key KEY, or the variable {KEY_VARIABLE}.", code=WRONG_USAGE)
        remote = FileRemote(server, secret)
        with remote:
            yield There(remote, url=server, project=project)
        return
    with opened_store(config, database) as store:
        found = chosen_project(store, project)
        # A password is not repeated, and yet no other database must be meant.
        shown = None if database is None else masked(database)
        yield Here(store, found, options=written_options(project=found.name, database=shown, config=config))
