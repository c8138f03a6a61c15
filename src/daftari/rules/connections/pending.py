"""What follows at once when a record was erased in its system: fields are cleared, and its number waits. No SQL.

Whether the number is erased here too is decided a day later; see ``rules/erasure/foreign``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from daftari.model.connections import ConnectionProgress
from daftari.model.contacts import TEXT_FIELDS, Card
from daftari.rules import events
from daftari.rules.connections import guard
from daftari.rules.connections.decide import Change
from daftari.rules.connections.model import OWNS, Opened
from daftari.rules.contacts.merge import read_card
from daftari.rules.contacts.parse import encode_card
from daftari.rules.events import Action, ContactsUpdated
from daftari.store import Tx, WriteTx, contacts
from daftari.store.contacts import NewCard, StoredContact

DAY_MICROSECONDS = 24 * 3_600 * 1_000_000
"""How long a number waits that was erased elsewhere: a mistake there is noticed within a day."""
WAITING_MAX = 1_000
"""Numbers that wait to be erased by themselves; for those beyond a person decides."""
_NAMES = ("fname", "mname", "lname")


def count_erased_lately(tx: Tx, progress: ConnectionProgress) -> int:
    """How many records were erased there within a day, as far as the mass guard asks."""
    return sum(tx.now - at < DAY_MICROSECONDS for at in progress.erased_at)


def is_erasure_due(tx: Tx, progress: ConnectionProgress) -> bool:
    """Whether a number has waited long enough."""
    return any(at <= tx.now for at in progress.erasures.values())


def with_erasures(tx: Tx, progress: ConnectionProgress, *, erased: Sequence[Change]) -> ConnectionProgress:
    """Progress with the numbers of some records waiting."""
    waiting = dict(progress.erasures)
    for change in erased:
        if len(waiting) < WAITING_MAX:
            waiting[change.after.external_id] = tx.now + DAY_MICROSECONDS
    erased_at = (*progress.erased_at, *(tx.now for _ in erased))[-guard.ERASED_PER_DAY_MAX :]
    return replace(progress, erasures=waiting, erased_at=erased_at)


def clear_fields(
    tx: WriteTx, opened: Opened, *, erased: Sequence[Change], known: Mapping[int, StoredContact]
) -> list[StoredContact]:
    """Clear the mapped fields of contacts whose records owned them. Returns the contacts as they are then."""
    changed: dict[int, NewCard] = {}
    for change in erased:
        before = change.before
        contact = None if before is None else known.get(before.mobile)
        if before is None or contact is None or not before.flags & OWNS:
            continue
        text = encode_card(_without_fields(read_card(contact.card), opened.definition.fields.values()))
        if text != contact.card:
            changed[contact.id] = NewCard(contact.id, contact.mobile, text)
    if not changed:
        return []
    contacts.update_contacts(tx, cards=changed.values())
    events.record(tx, Action.SYNC_CONTACTS, ContactsUpdated(changed.keys()))
    return contacts.find_contacts(tx, ids=sorted(changed))


def _without_fields(card: Card, targets: Iterable[str]) -> Card:
    mapped = {name for target in targets for name in (_NAMES if target == "name" else (target,))}
    attributes = card.attributes or {}
    kept = {name: value for name, value in attributes.items() if f"attributes.{name}" not in mapped}
    return replace(card, **{name: None for name in TEXT_FIELDS if name in mapped}, attributes=kept or msgspec.UNSET)
