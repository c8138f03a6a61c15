"""The registry of what holds personal data: each subject's tables, and how it erases and exports. No HTTP, no SQL.

A new table with a number, a subject or a contact belongs to one of ``HOLDERS``; a test walks the schema and says so.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from daftari.model.erasures import Person, Removed
from daftari.rules import audiences, feed, idempotency
from daftari.rules.bulk import personal_data as bulk
from daftari.rules.carts import personal_data as carts
from daftari.rules.connections import personal_data as connections
from daftari.rules.consent import personal_data as consent
from daftari.rules.contacts import personal_data as contacts
from daftari.rules.erasure import journal
from daftari.rules.exports import lifecycle as exports
from daftari.rules.imports import personal_data as imports
from daftari.rules.inbound import personal_data as inbound
from daftari.rules.messages import personal_data as messages
from daftari.rules.search import index as search
from daftari.rules.triggers import personal_data as events
from daftari.rules.undo import personal_data as undo
from daftari.store import Tx, WriteTx
from daftari.store.erasures import OpenErasure


class Holder(Struct, frozen=True):
    """A subject that holds personal data in ``tables``."""

    tables: tuple[str, ...]
    erase: Callable[[WriteTx, Person], Removed] = lambda tx, person: {}
    """Called once, in the transaction of the erasure."""
    export: Callable[[Tx, Person], dict[str, object]] = lambda tx, person: {}
    """The members that it adds to an export."""
    clear: Callable[[WriteTx, OpenErasure], bool] = lambda tx, erasure: False
    """Called by the worker after the erasure, a step a transaction, until it returns ``False``."""


HOLDERS = (
    Holder(("contact", "membership"), erase=contacts.erase, export=contacts.export),
    Holder(("search_index", "search_entry", "search_posting"), erase=search.erase),
    Holder(("fact", "consent"), erase=consent.erase, export=consent.export),
    Holder(("near_miss_number",), erase=consent.erase_near_misses, export=consent.export_near_misses),
    Holder(("removal",), erase=contacts.erase_removals, export=contacts.export_removals),
    Holder(("contact_before",), erase=undo.erase),
    Holder(("bulk_part",), erase=bulk.erase),
    Holder(("review", "quarantine"), erase=inbound.erase, export=inbound.export),
    Holder(("whatsapp_user", "held_event"), erase=inbound.erase_users, export=inbound.export_users),
    Holder(
        ("import_chunk", "import_join", "import_change", "import_reject", "file_part"),
        erase=imports.erase,
        clear=imports.clear,
    ),
    Holder(("message", "message_attempt", "report", "reply"), erase=messages.erase, export=messages.export),
    Holder(("event",), erase=events.erase, export=events.export),
    Holder(("cart", "cart_order"), erase=carts.erase, export=carts.export),
    Holder(("webhook_event",), erase=connections.erase_waiting, export=connections.export_waiting),
    Holder(("external_link",), erase=connections.erase, export=connections.export),
    Holder(("audience_part",), erase=audiences.erase_person, export=audiences.export_person),
    Holder(("idempotency",), erase=idempotency.erase_person),
    Holder(("export", "file_part"), erase=exports.erase_person),
    Holder(("journal",), export=journal.export, clear=journal.clear),
    Holder(("change",), clear=feed.clear),
)
"""In the order in which they erase and export. Contacts come first, while the number still has its contact."""
