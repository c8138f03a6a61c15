"""``daftari migrate``: brings a database to the schema of this version."""

from __future__ import annotations

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions
from daftari.cli.terminal.output import say
from daftari.store import migrate

app = command_group()


@command(
    app,
    "migrate",
    "daftari migrate",
    "daftari migrate --database postgresql://daftari@localhost/daftari",
    note="Stop the service first.",
)
def migrate_database(*, where: DatabaseOptions) -> None:
    """Create or update the tables of a database.

    No data is lost. On a database that is up to date it changes nothing.
    """
    settings = where.read_settings()
    applied = migrate(settings.database)
    for number in applied:
        say(f"Migration {number} applied.")
    say(f"{settings.masked_database} is up to date." if not applied else f"{settings.masked_database} is ready.")
