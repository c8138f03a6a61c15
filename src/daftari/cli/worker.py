"""``daftari worker``: the background work alone, for a service that runs with ``--no-worker``."""

from __future__ import annotations

from daftari.cli.terminal.options import ConfigOption, DatabaseOption, examples, open_settled, settings_from
from daftari.cli.terminal.output import say
from daftari.serving.child import work

EPILOG = examples(
    "daftari worker --database postgresql://daftari:PASSWORD@localhost/daftari",
    note="Any number may run: each job is held by one of them at a time.",
)


def run_worker(database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Clear up what was deleted and tidy the database, until Ctrl-C."""
    settings = settings_from(config, database=database)
    open_settled(settings).close()
    say(f"The worker looks after {settings.shown_database}. Ctrl-C stops it.")
    work(settings)
