"""The store: the only floor that knows SQL. One file a noun, two engines, named queries in ``sql/``.

Functions here take a transaction and records, run named queries, and return records. What may happen, and what
follows from it, is for ``rules``.
"""

from daftari.store.engine import HouseTx, Store, Tx, WriteTx
from daftari.store.schema import is_new, migrate, open_store

__all__ = ["HouseTx", "Store", "Tx", "WriteTx", "is_new", "migrate", "open_store"]
