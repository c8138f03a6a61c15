"""What the connector asks of an engine: a connection that can only read, open transactions, columns, rights, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from sqlalchemy import Connection

from daftari.connectors.sql.values import Column
from daftari.connectors.sql.window import Sight

APPLICATION = "daftari"
LOCK_SECONDS = 2
IDLE_SECONDS = 10
"""How long a transaction of ours may wait for us at the other database."""


class Rights(Struct, frozen=True):
    """``warnings``: sentences. ``overlap``: why open transactions are not seen, where changes are read by time."""

    warnings: Sequence[str] = ()
    overlap: str = ""


class Engine(Protocol):
    """One kind of database, for one connection's settings."""

    url: str
    """Of SQLAlchemy: dialect and driver, nothing else."""

    def connect(self) -> object:
        """Returns the driver's connection, whose session only reads. Raises ``ConnectorFailed`` or a driver's error."""

    def begin(self, connection: Connection) -> None:
        """Make the transaction that has begun one that can only read, with time limits."""

    def is_own(self, connection: Connection) -> bool:
        """Whether Daftari's own tables are here."""

    def look(self, connection: Connection, *, now: int) -> Sight:
        """Returns the open transactions of others. ``now`` is our clock."""

    def columns(self, connection: Connection) -> Sequence[Column]:
        """Returns the table's columns in their order, none when there is no such table."""

    def rights(self, connection: Connection) -> Rights:
        """Returns what the role may do beyond reading the table, and what it lacks."""

    def has_index(self, connection: Connection) -> bool:
        """Whether an index begins with ``updated_at``, as far as can be known; a view counts as having one."""

    def code_of(self, error: BaseException) -> str:
        """Returns the code of ``failures.MEANINGS`` for a driver's error."""
