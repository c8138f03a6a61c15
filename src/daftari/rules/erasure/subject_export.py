"""Exports everything that is held about one number: each holder adds what it holds. No HTTP, no SQL."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from daftari.model.erasures import Person
from daftari.model.members import ContactJson, GroupName, Mobile, Number, Text, Time
from daftari.model.time import format_time
from daftari.rules.carts.personal_data import CartOrderView, CartView
from daftari.rules.connections.personal_data import AnnouncedRecordView, LinkView
from daftari.rules.consent.facts import NearMissView
from daftari.rules.consent.questions import find_mobile
from daftari.rules.consent.views import KnownConsent
from daftari.rules.contacts.personal_data import Removal
from daftari.rules.erasure.holders import HOLDERS
from daftari.rules.erasure.journal import JournalEntry
from daftari.rules.inbound.review import ReviewView
from daftari.rules.messages.views import MessageView
from daftari.rules.numbers import Reference
from daftari.rules.triggers.personal_data import EventView
from daftari.store import Tx


class SubjectExport(Struct, frozen=True, kw_only=True):
    """All that is held about a number."""

    mobile: Mobile
    exported_at: Time
    """When this was read."""
    contact: ContactJson | None
    """The contact; `null` when the number has none."""
    updated_at: Time | None
    """When the contact last changed."""
    groups: Annotated[list[GroupName], Meta(extra_json_schema={"uniqueItems": True})]
    """The groups it is in."""
    consent: KnownConsent
    near_misses: list[NearMissView]
    """Who tried to bring the number back after it opted out."""
    removals: list[Removal]
    """Deletes of contacts with this number that were no opt-outs."""
    reviews: list[ReviewView]
    """Messages of this number that wait for review, or were settled."""
    whatsapp_users: list[Text]
    """The WhatsApp ids that stand for the number."""
    messages: list[MessageView]
    """The messages that the number was sent, with what was written back."""
    events: list[EventView]
    """What happened to the number, as long as it is kept for triggers."""
    carts: list[CartView]
    """The carts of connected shops that have the number, as long as they are kept for triggers."""
    cart_orders: list[CartOrderView]
    """The orders that have the number, the same."""
    announced_records: list[AnnouncedRecordView]
    """What connected systems announced of the number and is not applied yet."""
    external_links: list[LinkView]
    """The records of connected systems that have the number."""
    audiences: list[Number]
    """The ids of frozen audiences that hold the number."""
    journal: list[JournalEntry]
    """What was written about the contact, oldest first."""


def export_number(tx: Tx, *, reference: Reference) -> SubjectExport:
    """Everything that is held about a number. Raises ``ContactNotFound`` when a path names none."""
    person = Person(*find_mobile(tx, reference=reference))
    held: dict[str, Any] = {}
    for holder in HOLDERS:
        held |= holder.export(tx, person)
    return SubjectExport(mobile=str(person.mobile), exported_at=format_time(tx.now), **held)
