"""Everything that is held about one number, for the person who asks for it. No HTTP, no SQL."""

from __future__ import annotations

from daftari.model.erasures import Person
from daftari.model.time import format_time
from daftari.rules.consent.questions import find_mobile
from daftari.rules.erasure.holders import HOLDERS
from daftari.rules.fields import Reference
from daftari.store import Tx


def export_number(tx: Tx, *, reference: Reference) -> dict[str, object]:
    """Everything that is held about a number. Raises ``ContactNotFound`` when a path names none."""
    person = Person(*find_mobile(tx, reference=reference))
    shown: dict[str, object] = {"mobile": str(person.mobile), "exported_at": format_time(tx.now)}
    for holder in HOLDERS:
        shown |= holder.export(tx, person)
    return shown
