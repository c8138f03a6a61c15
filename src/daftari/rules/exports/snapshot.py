"""Reads the whole book or a group, in order of id, from one snapshot, with consent facts if wanted.

Contacts are walked some at a time, so memory does not grow with the book. No file formats, no SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from daftari.errors import ValidationFailed
from daftari.model.consent import Fact
from daftari.rules.exports.rows import SETS_REMEMBERED_MAX, ContactRows, ExportRows, NumberRows, write_facts
from daftari.rules.fields import fold_name
from daftari.store import Tx, consent, directory, exports, groups
from daftari.store.exports import GroupKey

CONTACTS_PER_STEP = 1_000
"""Contacts that are in the memory at a time: few enough that the largest cards there can be do not fill it."""


class Counted(Struct, frozen=True):
    """How many contacts an export holds, and how many numbers that are known and no contact's."""

    contacts: int
    numbers: int


def get_group_id(tx: Tx, *, name: str | None) -> int | None:
    """The id of a group, ``None`` for the whole book. Raises ``ValidationFailed`` for an unknown one."""
    if name is None:
        return None
    group_id = groups.find_group_id(tx, folded=fold_name(name))
    if group_id is None:
        raise ValidationFailed({"group": [f"There is no group called {name!r}."]})
    return group_id


def count_contacts(tx: Tx, *, group_id: int | None) -> int:
    """How many contacts the whole book or a group has."""
    return directory.count_list(tx, list_id=directory.BOOK if group_id is None else group_id)


def walk_export(tx: Tx, *, group_id: int | None, with_consent: bool, take: Callable[[ExportRows], None]) -> Counted:
    """Hand on every contact, suppressed ones too, some at a time in order of id, each with all its groups.

    With consent, the whole book's are followed by the numbers that no contact has and of which something is known.
    An erased person has no number to be listed by. Raises ``ValidationFailed`` when the group was deleted.
    """
    if group_id is not None and not exports.find_group_names(tx, ids=[group_id]):
        raise ValidationFailed({"group": ["The group was deleted."]})
    sets = _GroupSets(tx)
    contacts = 0
    for found in exports.walk_contacts(tx, group_id=group_id, limit=CONTACTS_PER_STEP):
        ids, mobiles, cards = zip(*found, strict=True)
        keys = exports.list_group_keys(tx, ids=ids, whole=group_id is None)
        said = _find_consent(tx, mobiles) if with_consent else None
        take(ContactRows(cards, sets.names(keys), said))
        contacts += len(cards)
    return Counted(contacts, _walk_numbers(tx, take) if with_consent and group_id is None else 0)


def _walk_numbers(tx: Tx, take: Callable[[ExportRows], None]) -> int:
    numbers = 0
    for mobiles in exports.walk_numbers(tx, limit=CONTACTS_PER_STEP):
        pairs = zip(mobiles, _find_consent(tx, mobiles), strict=True)
        known = [(mobile, said) for mobile, said in pairs if said is not None]
        if known:
            take(NumberRows([mobile for mobile, _ in known], [said for _, said in known]))
            numbers += len(known)
    return numbers


def _find_consent(tx: Tx, mobiles: Sequence[int | None]) -> list[str | None]:
    """The facts of each number as an export has them; ``None`` where there is no number to ask for."""
    asked = [mobile for mobile in mobiles if mobile is not None]
    facts = consent.find_facts(tx, mobiles=asked) if asked else {}
    group_names = _names_of_left(tx, facts.values())
    return [
        write_facts(facts[mobile], group_names=group_names) if mobile is not None and mobile in facts else None
        for mobile in mobiles
    ]


def _names_of_left(tx: Tx, facts: Iterable[Sequence[Fact]]) -> dict[int, str]:
    """The present folded names of groups that people left."""
    ids = {fact.group_id for of_one in facts for fact in of_one if fact.kind == "left_group"}
    found = exports.find_group_names(tx, ids=sorted(filter(None, ids)))
    return {group_id: group.folded for group_id, group in found.items()}


class _GroupSets:
    """The names of sets of groups, each looked up once."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._sets: dict[GroupKey, tuple[str, ...]] = {}

    def names(self, keys: Sequence[GroupKey]) -> list[tuple[str, ...]]:
        """The names that belong to each of these. Deleted groups have none."""
        new = set(keys).difference(self._sets)
        if new:
            if len(self._sets) > SETS_REMEMBERED_MAX:
                self._sets.clear()
                new = set(keys)
            self._learn(new)
        return list(map(self._sets.__getitem__, keys))

    def _learn(self, keys: set[GroupKey]) -> None:
        sets = {key: key if isinstance(key, tuple) else () if key is None else (key,) for key in keys}
        found = exports.find_group_names(self._tx, ids=sorted({one for ids in sets.values() for one in ids}))
        for key, ids in sets.items():
            self._sets[key] = tuple(found[one].name for one in ids if one in found)
