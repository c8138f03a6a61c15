"""``daftari worker``: the background work alone, for a service that runs with ``--no-worker``."""

from __future__ import annotations

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions, check_store
from daftari.cli.terminal.output import say

app = command_group()


@command(
    app,
    "worker",
    "daftari worker --database postgresql://daftari@localhost/daftari",
    note="Several can run at once; each job is done by one of them.",
)
def run_worker(*, where: DatabaseOptions) -> None:
    """Run the background work without the service.

    Runs imports and exports, deletes what has expired or was erased, and maintains the database, until Ctrl-C or
    SIGTERM.
    """
    from daftari.serving.child import work

    settings = where.read_settings()
    check_store(settings, meanwhile="The worker waits for it.")
    say(f"The worker runs on {settings.masked_database}. Ctrl-C stops it.")
    work(settings)
