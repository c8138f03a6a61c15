"""The registries of background work: the work of each kind of job, how it is found, and what expires. No SQL.

A new kind of job, and a new table with ``expires_at``, needs a line here; a test says so.
"""

from __future__ import annotations

from functools import partial

from daftari.model.jobs import JobKind
from daftari.rules.audiences import expire_audience, has_expired_audience
from daftari.rules.bulk.jobs import expire_bulk, has_expired_bulk, has_open_bulk
from daftari.rules.connections.cart_expiry import expire_carts, expire_orders, has_expired_cart, has_expired_order
from daftari.rules.connections.listening import list_heard_connections
from daftari.rules.connections.sync import list_open_connections
from daftari.rules.connections.webhook_events import expire_events as expire_announced
from daftari.rules.connections.webhook_events import has_expired_event as has_expired_announced
from daftari.rules.daily import is_count_due
from daftari.rules.erasure.clear import has_open_erasure
from daftari.rules.erasure.purge import has_deleted_group
from daftari.rules.exports.lifecycle import expire_export, has_expired_export, has_open_export
from daftari.rules.feed import expire_changes, has_expired_change
from daftari.rules.idempotency import expire_replays, has_expired_replay
from daftari.rules.imports.lifecycle import expire_import, has_expired_import, has_open_import
from daftari.rules.inbound.trials import expire_tests, has_expired_test
from daftari.rules.messages.claim import list_busy_senders
from daftari.rules.messages.lookups import list_lookup_senders
from daftari.rules.messages.settle import expire_reports, has_expired_report
from daftari.rules.search.index import is_index_due
from daftari.rules.triggers.events import expire_events, has_expired_event
from daftari.rules.undo.acts import expire_before, has_expired_before
from daftari.rules.webhooks.delivery import list_open_webhooks
from daftari.rules.webhooks.log import expire_deliveries, has_expired_delivery
from daftari.store import Tx
from daftari.worker.bulk import BulkWork
from daftari.worker.connections import SyncWork
from daftari.worker.counting import CountWork
from daftari.worker.expiry import ExpireWork, Expiring
from daftari.worker.exports import ExportWork
from daftari.worker.imports import ImportWork
from daftari.worker.listening import ListenWork
from daftari.worker.lookups import LookUpWork
from daftari.worker.purge import EraseWork, PurgeWork
from daftari.worker.search import IndexWork
from daftari.worker.sending import SendWork
from daftari.worker.webhooks import WebhookWork
from daftari.worker.work import JobType, one_job

LOOK_SECONDS = 5.0
"""How often a worker looks for work whose hint was lost."""
COUNT_SECONDS = 60.0
"""How often a worker looks for changes that are to be counted into the figures of days, which is done each hour."""
EXPIRY_SECONDS = 600.0
"""How often a worker looks for what has expired."""
IMPORTS_MAX = 3
"""An import has a process that reads its file, and its memory."""
EXPORTS_MAX = 2
"""A step of an export is a whole file."""
SENDERS_MAX = 8
"""A step of a sender is up to a second of calls."""
WEBHOOKS_MAX = 8
"""A step of a webhook is a call, for which a slow server may take 15 seconds."""
CONNECTIONS_MAX = 4
"""A step of a connection is about a second of pages, and longer where the other system is slow."""
LISTENED_MAX = 8
"""A step that listens is a second in which a thread waits. Connections beyond these are read by polls alone."""
BULKS_AT_ONCE_MAX = 4
"""A step is a transaction that changes 1,000 contacts."""
INDEXES_MAX = 4
"""A step of a search index takes part of a second of the processor. It gets no hints, since a search looks further."""
CLEARINGS_MAX = 4
"""What deletes or counts rows, a thousand or so a step."""

EXPIRING = (
    Expiring("audience", has_expired_audience, expire_audience),
    Expiring("change", has_expired_change, expire_changes),
    Expiring("export", has_expired_export, expire_export),
    Expiring("import", has_expired_import, expire_import),
    Expiring("bulk", has_expired_bulk, expire_bulk),
    Expiring("contact_before", has_expired_before, expire_before),
    Expiring("event", has_expired_event, expire_events),
    Expiring("report", has_expired_report, expire_reports),
    Expiring("cart", has_expired_cart, expire_carts),
    Expiring("cart_order", has_expired_order, expire_orders),
    Expiring("inbound_count", has_expired_test, expire_tests),
    Expiring("webhook_event", has_expired_announced, expire_announced),
    Expiring("webhook_delivery", has_expired_delivery, expire_deliveries),
    Expiring("idempotency", has_expired_replay, expire_replays),
)


def _has_expired(tx: Tx) -> bool:
    return any(table.has_expired(tx) for table in EXPIRING)


JOBS: dict[str, JobType] = {
    JobKind.BULK: one_job(
        BulkWork, has_work=has_open_bulk, held_max=BULKS_AT_ONCE_MAX, steps_max=1, look_seconds=LOOK_SECONDS
    ),
    JobKind.COUNT: one_job(
        CountWork, has_work=is_count_due, held_max=CLEARINGS_MAX, steps_max=1, look_seconds=COUNT_SECONDS
    ),
    JobKind.DELIVER: JobType(
        WebhookWork, list_open_webhooks, held_max=2 * WEBHOOKS_MAX, steps_max=WEBHOOKS_MAX, look_seconds=LOOK_SECONDS
    ),
    JobKind.ERASE: one_job(
        EraseWork, has_work=has_open_erasure, held_max=CLEARINGS_MAX, steps_max=1, look_seconds=LOOK_SECONDS
    ),
    JobKind.EXPIRE: one_job(
        partial(ExpireWork, tables=EXPIRING),
        has_work=_has_expired, held_max=CLEARINGS_MAX, steps_max=1, look_seconds=EXPIRY_SECONDS,
    ),
    JobKind.EXPORT: one_job(
        ExportWork, has_work=has_open_export, held_max=EXPORTS_MAX, steps_max=EXPORTS_MAX, look_seconds=LOOK_SECONDS
    ),
    JobKind.IMPORT: one_job(
        ImportWork, has_work=has_open_import, held_max=IMPORTS_MAX, steps_max=IMPORTS_MAX, look_seconds=LOOK_SECONDS
    ),
    JobKind.INDEX: one_job(
        IndexWork, has_work=is_index_due, held_max=INDEXES_MAX, steps_max=1, look_seconds=LOOK_SECONDS
    ),
    JobKind.PURGE: one_job(
        PurgeWork, has_work=has_deleted_group, held_max=CLEARINGS_MAX, steps_max=1, look_seconds=LOOK_SECONDS
    ),
    JobKind.LOOK_UP: JobType(
        LookUpWork, list_lookup_senders, held_max=SENDERS_MAX, steps_max=1, look_seconds=LOOK_SECONDS
    ),
    JobKind.SYNC: JobType(
        SyncWork, list_open_connections,
        held_max=2 * CONNECTIONS_MAX, steps_max=CONNECTIONS_MAX, look_seconds=LOOK_SECONDS,
    ),
    JobKind.LISTEN: JobType(
        ListenWork, list_heard_connections,
        held_max=LISTENED_MAX, steps_max=LISTENED_MAX, look_seconds=LOOK_SECONDS,
    ),
    JobKind.SEND: JobType(
        SendWork, list_busy_senders, held_max=SENDERS_MAX, steps_max=SENDERS_MAX, look_seconds=LOOK_SECONDS
    ),
}  # fmt: skip
"""Each kind has threads for its steps, ``steps_max``, so that no kind waits for another one."""


def count_threads() -> int:
    """How many threads of a worker use the database: those of the steps, one that looks, and the main one."""
    return sum(job.steps_max for job in JOBS.values()) + 2
