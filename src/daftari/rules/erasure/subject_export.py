"""Everything that is held about one number, for the person who asks for it. No HTTP, no SQL."""

from __future__ import annotations

import msgspec

from daftari.model.limits import ID_MAX
from daftari.model.time import format_time
from daftari.rules.consent.questions import find_mobile, show_known
from daftari.rules.erasure.erase import JOURNAL_ROWS_A_TURN
from daftari.rules.fields import Reference
from daftari.rules.inbound.review import show_review
from daftari.store import Tx, audiences, contacts, groups, inbound, journal


def export_number(tx: Tx, *, reference: Reference) -> dict[str, object]:
    """All that is held about a number. Raises ``ContactNotFound`` when a path names none."""
    mobile, contact_id = find_mobile(tx, reference=reference)
    found = None if contact_id is None else contacts.get_contact(tx, contact_id=contact_id)
    names = groups.list_group_names(tx, ids=[found.id])[found.id] if found is not None else []
    return {
        "mobile": str(mobile),
        "exported_at": format_time(tx.now),
        "contact": None if found is None else msgspec.Raw(found.card.encode()),
        "updated_at": None if found is None else format_time(found.updated_at),
        "groups": names,
        "consent": show_known(tx, mobile=mobile),
        "removals": [
            {"at": format_time(at), "reason": reason} for at, reason in journal.list_removals(tx, mobile=mobile)
        ],
        "reviews": [show_review(review) for review in inbound.list_subject_reviews(tx, mobile=mobile)],
        "audiences": audiences.list_audiences_with(tx, mobile=mobile),
        "journal": [] if contact_id is None else _list_journal(tx, contact_id),
    }


def _list_journal(tx: Tx, contact_id: int) -> list[dict[str, object]]:
    """What was written about a contact, and by which key."""
    found: list[dict[str, object]] = []
    first = 1
    while rows := journal.list_journal(tx, first=first, last=ID_MAX, limit=JOURNAL_ROWS_A_TURN):
        for row in rows:
            if row.names(contact_id):
                found.append({"at": format_time(row.at), "action": row.action, "key_id": row.key_id})
        first = rows[-1].seq + 1
    return found
