"""What ``daftari serve`` says while there is no user of the console: how to make the first one."""

from __future__ import annotations

import sys

from daftari.cli.terminal.options import open_settings_store
from daftari.cli.terminal.output import say
from daftari.cli.users import format_link
from daftari.errors import DaftariError
from daftari.model.time import current_time
from daftari.rules.access.links import create_first_link
from daftari.rules.access.users import has_users
from daftari.settings import Settings


def offer_first_link(settings: Settings) -> None:
    """Prints the link that makes the first user, on a terminal; a log, which others may read, has the command instead.

    The link of an earlier start no longer works.
    """
    try:
        store = open_settings_store(settings)
        try:
            if store.system_read(current_time(), has_users):
                return
            token = store.system_write(current_time(), create_first_link) if sys.stderr.isatty() else None
        finally:
            store.close()
    except DaftariError as error:
        say(f"daftari: {error.message} To make the first user of the console, run: daftari user link")
        return
    if token is None:
        say("There is no user of the console yet. To make the first one, run: daftari user link")
    else:
        say("There is no user of the console yet. Open this link within an hour to make the first one:")
        say(f"  {format_link(settings, token)}")
