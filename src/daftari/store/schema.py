"""The schema of a database, and the numbered, forward-only migrations to this version's schema.

Each migration is one transaction, which ends by saving its number. Also opens stores, with the right erasure key.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

from daftari.errors import DaftariError, SchemaMismatch
from daftari.model.time import current_time
from daftari.store.database_url import dialect_of, masked, sqlite_path
from daftari.store.engine import Migration, Store
from daftari.store.erasure_key import (
    has_fingerprint,
    make_erasure_key,
    missing_secret_file,
    read_erasure_key,
    refuse_other_erasure_key,
)
from daftari.store.queries import Dialect, translate_migration


class Engine(Protocol):
    """The functions of an engine's module."""

    def open_engine(self, database: str, *, threads: int, erasure_key: bytes) -> Store:
        """The store, whose schema is this version's."""

    def read_version(self, database: str) -> int | None:
        """The schema a database has; 0 when it has none of ours, below 0 for a copy that is not finished.

        ``None`` for a schema from before version 1, which cannot be migrated. Raises ``StoreUnavailable``.
        """

    def apply_migrations(self, database: str, *, due: list[Migration]) -> None:
        """Apply each in a transaction of its own. Raises ``StoreUnavailable``."""


def open_store(database: str, *, threads: int, secret: str | None = None, secret_file: str | None = None) -> Store:
    """The store at a path, ``sqlite:///…`` or ``postgresql://…``.

    ``threads``: how many threads of this process will write. ``secret`` or the text in ``secret_file`` keys the hashes
    of erased numbers; on SQLite it is by default in a file next to the database, which the first call makes. Raises
    ``SchemaMismatch`` when the schema is not this version's, ``StoreUnavailable`` when there is no database,
    ``BadSettings`` when the name is none of these, or the secret is missing or not this database's.
    """
    key = read_erasure_key(database, secret=secret, secret_file=secret_file)
    refuse_other_schema(database)
    return _open_with(database, threads, key or _make_first_erasure_key(database))


def refuse_other_schema(database: str) -> None:
    """Raise ``SchemaMismatch`` when the schema is not this version's, or the database an unfinished copy."""
    found = schema_version(database)
    latest = latest_version()
    if found < 0:
        raise SchemaMismatch(unfinished_copy(database))
    if found < latest:
        what = f"has schema {found}, this version needs {latest}" if found else "has no Daftari schema yet"
        raise SchemaMismatch(f"The database {what}; run: daftari migrate --database {masked(database)}")
    if found > latest:
        raise _newer_schema(found, latest)


def _newer_schema(found: int, latest: int) -> SchemaMismatch:
    return SchemaMismatch(
        f"The database has schema {found}, which is newer than this version's {latest}; install a newer Daftari."
    )


def unfinished_copy(database: str) -> str:
    """The sentence for a database that ``daftari copy`` began and did not finish."""
    again = "run the same 'daftari copy' again, it continues where it stopped"
    return f"{masked(database)} is a copy that is not finished; {again}."


def _make_first_erasure_key(database: str) -> bytes:
    """The key of a new secret. Raises ``BadSettings`` when the database already has a key and its file is missing."""
    store = _engine(database).open_engine(database, threads=1, erasure_key=b"")
    known = store.system_read(current_time(), has_fingerprint)
    store.close()
    if not known:
        return make_erasure_key(database)
    # Another process of the first start may have made the secret meanwhile.
    key = read_erasure_key(database, secret=None, secret_file=None)
    if key is None:
        raise missing_secret_file(database)
    return key


def _open_with(database: str, threads: int, key: bytes) -> Store:
    store = _engine(database).open_engine(database, threads=threads, erasure_key=key)
    try:
        refuse_other_erasure_key(store, database)
        store.settle_epoch()
    except DaftariError:
        store.close()
        raise
    return store


def is_new(database: str) -> bool:
    """Whether this is a SQLite file that does not exist or is empty."""
    if dialect_of(database) == "postgres":
        return False
    path = sqlite_path(database)
    return not path.exists() or path.stat().st_size == 0


def latest_version() -> int:
    """The number of this version's schema."""
    return max(number for number, _ in _migration_files())


def schema_version(database: str) -> int:
    """The schema a database has; 0 when it has none of ours, below 0 when it is a copy that is not finished.

    Raises ``SchemaMismatch`` for one that cannot be migrated, ``StoreUnavailable`` when there is no database.
    """
    if is_new(database):
        return 0
    found = _engine(database).read_version(database)
    if found is None:
        raise SchemaMismatch(
            f"{masked(database)} was made by an earlier Daftari and cannot be migrated: export its contacts with the "
            "version that made it, make a new database with 'daftari migrate', and import them there."
        )
    return found


def migrate(database: str) -> list[int]:
    """Bring a database to this version's schema, a new SQLite file included. Returns the numbers applied.

    Raises ``SchemaMismatch`` for a copy that is not finished, for a newer schema and for a database that cannot be
    migrated.
    """
    found = schema_version(database)
    if found < 0:
        raise SchemaMismatch(unfinished_copy(database))
    latest = latest_version()
    if found > latest:
        raise _newer_schema(found, latest)
    due = [migration for migration in list_migrations(dialect_of(database)) if migration.number > found]
    if due:
        _engine(database).apply_migrations(database, due=due)
    return [migration.number for migration in due]


def list_migrations(dialect: Dialect) -> list[Migration]:
    """All migrations in an engine's dialect, in order."""
    migrations = [
        Migration(number, translate_migration(file.read_text(encoding="utf-8"), dialect))
        for number, file in _migration_files()
    ]
    return sorted(migrations, key=lambda migration: migration.number)


def _migration_files() -> list[tuple[int, Traversable]]:
    """The file of each migration, with its number."""
    found = files("daftari.store").joinpath("migrations").iterdir()
    return [(int(file.name.partition("_")[0]), file) for file in found if file.name.endswith(".sql")]


def _engine(database: str) -> Engine:
    # Imported when it is named: a driver takes as long to load as the rest of the program, and a service on SQLite has
    # to answer within a second.
    if dialect_of(database) == "postgres":
        from daftari.store import postgres

        return postgres
    from daftari.store import sqlite

    return sqlite
