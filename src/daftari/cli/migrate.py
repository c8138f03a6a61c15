"""``daftari migrate``: bring a database to the schema of this version."""

from __future__ import annotations

from daftari.cli.terminal.options import ConfigOption, DatabaseOption, examples, settings_from
from daftari.cli.terminal.output import say
from daftari.store import migrate

EPILOG = examples("daftari migrate", "daftari migrate --database postgresql://daftari:PASSWORD@localhost/daftari")


def migrate_database(database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Make the tables, or bring them to this version's schema. Nothing is lost; doing it again changes nothing."""
    settings = settings_from(config, database=database)
    applied = migrate(settings.database)
    for number in applied:
        say(f"Migration {number} applied.")
    say(f"{settings.shown_database} is up to date." if not applied else f"{settings.shown_database} is ready.")
