"""Word from PostgreSQL that a table has changed, so that it is read now and not at the next poll.

It says nothing of what has changed, and one that is lost costs a few seconds: the next poll reads it.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg

from daftari.connectors.sql.access import addresses_finder
from daftari.connectors.sql.failures import failure, words_of
from daftari.connectors.sql.postgres import CHANNEL, Postgres
from daftari.connectors.sql.settings import Allowed, SqlSettings
from daftari.outbound.network import Resolve, resolve_name


class PostgresDoorbell:
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
        it cannot listen; then only polls find changes.
        """
        if self._connection is None:
            self._listen()
            return True
        try:
            return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:
            self.close()
            return True

    def _listen(self) -> None:
        try:
            self._connection = self._postgres.connect()
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {CHANNEL}".encode())
        except psycopg.Error as error:
            self.close()
            says = words_of(error, secret=self._secret)
            raise failure(self._postgres.code_of(error), self._settings, says) from None

    def close(self) -> None:
        """Listen no longer."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
