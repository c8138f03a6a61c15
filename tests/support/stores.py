"""The store as every test opens it: with the tests' own secret, which PostgreSQL has no other place for.

This module must not know which engine a database is of.
"""

from __future__ import annotations

from daftari import store
from daftari.store import Store

NOW = 1_700_000_000_000_000
"""When transactions happen whose time is of no matter."""
SECRET = "nobody's secret, for tests alone"


def open_store(database: str, *, threads: int) -> Store:
    """The store on a database."""
    return store.open_store(database, threads=threads, secret=SECRET)
