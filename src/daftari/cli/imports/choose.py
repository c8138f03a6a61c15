"""Chooses where the imports of a command are: in a database or on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from daftari.cli.imports.target import ImportTarget, format_options
from daftari.cli.terminal.options import RemoteOptions


@contextmanager
def open_target(where: RemoteOptions) -> Iterator[ImportTarget]:
    """The imports of the project that the options name. Raises ``typer.Exit`` after its message when they are wrong."""
    server = where.choose_server()
    if server is not None:
        from daftari.cli.imports.server import open_server

        with open_server(*server, project=where.project) as target:
            yield target
        return
    from daftari.cli.imports.local import LocalTarget
    from daftari.store import masked

    with where.open_project() as (store, project):
        # The password is not repeated, but no other database may be meant.
        database = None if where.database is None else masked(where.database)
        yield LocalTarget(
            store, project, options=format_options(project=project.name, database=database, config=where.config)
        )
