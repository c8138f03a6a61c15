"""The store: the only layer that knows SQL. One file a subject, two engines, named queries in ``sql/``.

Its functions take a transaction and records, run named queries, and return records. What may happen and what follows
from it belongs to the rules. Layers above the rules use only what this module exports.
"""

from daftari.store.database_url import (
    POSTGRES_PREFIXES,
    UnclearAddress,
    dialect_of,
    masked,
    read_address,
    refuse_pairs,
)
from daftari.store.engine import Store, SystemTx, Tx, WriteTx
from daftari.store.erasure_key import default_secret_file
from daftari.store.file_modes import list_exposed_files
from daftari.store.file_parts import list_parts
from daftari.store.jobs import (
    JobName,
    finish_job,
    holds_job,
    is_job_due,
    is_this_job_due,
    list_held_jobs,
    list_jobs,
    postpone_job,
    release_job,
    renew_job,
    renew_jobs,
    request_jobs,
    take_job,
    take_this_job,
)
from daftari.store.schema import is_new, migrate, open_store
from daftari.store.waiting import WaitingStore

__all__ = [
    "POSTGRES_PREFIXES",
    "JobName",
    "Store",
    "SystemTx",
    "Tx",
    "UnclearAddress",
    "WaitingStore",
    "WriteTx",
    "default_secret_file",
    "dialect_of",
    "finish_job",
    "holds_job",
    "is_job_due",
    "is_new",
    "is_this_job_due",
    "list_exposed_files",
    "list_held_jobs",
    "list_jobs",
    "list_parts",
    "masked",
    "migrate",
    "open_store",
    "postpone_job",
    "read_address",
    "refuse_pairs",
    "release_job",
    "renew_job",
    "renew_jobs",
    "request_jobs",
    "take_job",
    "take_this_job",
]
