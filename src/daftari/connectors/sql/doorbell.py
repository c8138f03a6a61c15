"""Word from PostgreSQL that a table has changed, so that it is read now and not at the next poll.

It says nothing of what has changed, and one that is lost costs a few seconds: the next poll reads it.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg

from daftari.connectors.sql.access import addresses_finder
from daftari.connectors.sql.failures import failure, words_of
from daftari.connectors.sql.postgres import Postgres
from daftari.connectors.sql.settings import Allowed, SqlSettings
from daftari.outbound.network import Resolve, resolve_name

CHANNEL = "daftari"
TRIGGER = """\
CREATE FUNCTION daftari_notify() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NOTIFY {channel}; RETURN NULL; END $$;
CREATE TRIGGER daftari_notify AFTER INSERT OR UPDATE OR DELETE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION daftari_notify();
"""


def trigger_for(settings: SqlSettings) -> str:
    """Returns what the owner of the table runs once, so that each commit that changes it is announced."""
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in settings.schema_and_table if part)
    return TRIGGER.format(channel=CHANNEL, table=quoted)


class Doorbell:
    """A connection that waits for word. One thread may use it at a time."""

    def __init__(
        self, settings: SqlSettings, *, password: str, allowed: Allowed, resolve: Resolve = resolve_name
    ) -> None:
        self._settings = settings
        self._secret = password
        self._postgres = Postgres(
            settings, password=password, find_addresses=addresses_finder(allowed, resolve=resolve)
        )
        self._connection: psycopg.Connection | None = None

    def wait(self, seconds: float) -> bool:
        """Returns whether something has changed, as soon as it is known, or ``False`` after that many seconds.

        ``True`` too when it listens only from now on: what came before was not heard. Raises ``ConnectorFailed`` when
        there is no connection; then only polls find changes.
        """
        try:
            if self._connection is not None:
                return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
            self._connection = self._postgres.connect()
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {CHANNEL}".encode())
        except psycopg.Error as error:
            if self._connection is None:
                says = words_of(error, secret=self._secret)
                raise failure(self._postgres.code_of(error), self._settings, says) from None
            self.close()
        return True

    def close(self) -> None:
        """Listen no longer."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
