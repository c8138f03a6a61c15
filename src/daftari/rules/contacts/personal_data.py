"""What contacts and their removals hold about a person: erased, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from daftari.model.erasures import Person, Removed
from daftari.model.limits import REASON_MAX
from daftari.model.members import Time
from daftari.model.time import format_time
from daftari.rules.contacts.contacts import remove_contact
from daftari.store import Tx, WriteTx, contacts, groups, journal


def erase(tx: WriteTx, person: Person) -> Removed:
    """Remove the contact and its memberships."""
    found = None if person.contact_id is None else contacts.get_contact(tx, contact_id=person.contact_id)
    memberships = [] if found is None else remove_contact(tx, found=found)
    return {"contacts": int(found is not None), "memberships": len(memberships)}


def export(tx: Tx, person: Person) -> dict[str, object]:
    """The contact and the names of its groups."""
    found = None if person.contact_id is None else contacts.get_contact(tx, contact_id=person.contact_id)
    if found is None:
        return {"contact": None, "updated_at": None, "groups": []}
    return {
        "contact": msgspec.Raw(found.card.encode()),
        "updated_at": format_time(found.updated_at),
        "groups": groups.list_group_names(tx, ids=[found.id])[found.id],
    }


def erase_removals(tx: WriteTx, person: Person) -> Removed:
    """Remove the times and reasons of deletes that were no opt-outs."""
    return {"evidence": journal.delete_removals(tx, mobile=person.mobile)}


class Removal(Struct, frozen=True):
    at: Time
    """When a contact with this number was removed."""
    reason: Annotated[str, Meta(max_length=REASON_MAX)] | None
    """The reason that was given."""


def export_removals(tx: Tx, person: Person) -> dict[str, object]:
    """Deletes that were no opt-outs."""
    removals = journal.list_removals(tx, mobile=person.mobile)
    return {"removals": [Removal(format_time(at), reason) for at, reason in removals]}
