"""What acts of users changed of a contact, field by field, as long as that is kept for their undo. No SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct

from daftari.model.contacts import TEXT_FIELDS, AttributeValue, Card
from daftari.rules.before import find_contact
from daftari.rules.contacts.merge import read_card
from daftari.store import Tx

FIELDS = (*TEXT_FIELDS, "mobile")


class FieldChange(Struct, frozen=True):
    """One field that changed; ``None`` for nothing. ``is_attribute``: ``name`` is that of an attribute."""

    name: str
    before: AttributeValue | None
    after: AttributeValue | None
    is_attribute: bool = False


def find_changes(tx: Tx, *, contact_id: int, seqs: Sequence[int]) -> dict[int, list[FieldChange]]:
    """What those of some acts changed of a contact's fields of which it is kept, by act.

    An erasure of a number deletes what is kept of every contact that ever had it.
    """
    return {
        seq: list_changes(read_card(kept.card), read_card(kept.after))
        for seq, kept in find_contact(tx, contact_id=contact_id, seqs=seqs).items()
        if isinstance(kept.card, str) and kept.after is not None
    }


def list_changes(before: Card, after: Card) -> list[FieldChange]:
    """The fields in which two cards of a contact differ, the attributes last."""
    texts = [FieldChange(name, getattr(before, name), getattr(after, name)) for name in FIELDS]
    old, new = _attributes(before), _attributes(after)
    attributes = [FieldChange(name, old.get(name), new.get(name), True) for name in {**old, **new}]
    return [change for change in (*texts, *attributes) if change.before != change.after]


def _attributes(card: Card) -> Mapping[str, AttributeValue]:
    return {} if card.attributes is UNSET else card.attributes
