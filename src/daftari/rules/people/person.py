"""All about one contact, as people look at it: what holds, what was said, what was sent, what happened. No SQL."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, json

from daftari.errors import ContactNotFound
from daftari.model.consent import Fact
from daftari.model.contacts import Card
from daftari.model.limits import ID_MAX
from daftari.model.users import NamedUser
from daftari.rules.access.roles import UNDOING, Act
from daftari.rules.before import find_groups
from daftari.rules.consent.state import derive_state
from daftari.rules.consent.summary import Summary, summarize
from daftari.rules.contacts.contacts import version_of
from daftari.rules.contacts.merge import read_card
from daftari.rules.events import Action
from daftari.rules.messages.views import MessageView, list_newest_messages, name_origins
from daftari.rules.people.changes import FieldChange, find_changes
from daftari.store import Tx, consent, contacts, exports, groups, journal, keys, users
from daftari.store.journal import JournalRow, read_left, read_ranges

SHOWN = 20
"""Messages, and acts, that are shown at a time."""
IN_LEDGER = (Action.RECORD_OPT_OUTS, Action.RECORD_OPT_INS)
"""What stands among the facts already."""
SCANNED_MAX = 2_000
"""Rows of the journal that are looked at at a time: none is found by its contact."""


class Person(Struct, frozen=True):
    """A contact. ``left_groups``: those that the person left by their own word, by folded name."""

    card: Card
    version: str
    updated_at: int
    groups: list[str]
    facts: list[Fact]
    """Newest first."""
    summary: Summary
    left_groups: list[str]


class Happened(Struct, frozen=True):
    """An act that concerned a contact. ``group``, ``left``: names of groups, as far as they are known.

    ``contacts``: how many it concerned in all. ``undoing``: what its undo needs; ``None`` for what cannot be undone.
    ``changes``: what it changed of the contact's fields, where that is kept.
    """

    seq: int
    at: int
    action: str
    user_id: int | None
    key_id: int | None
    group: str | None
    left: list[str]
    contacts: int
    undoing: Act | None
    undone_by: int | None
    changes: list[FieldChange]


class History(Struct, frozen=True):
    """What was sent and done, newest first. ``earlier``: the row of the journal before which to look on."""

    messages: list[MessageView]
    has_more_messages: bool
    origins: dict[int, str]
    """What the campaigns and triggers of the messages are called, by id."""
    acts: list[Happened]
    earlier: int | None


class Authors(Struct, frozen=True):
    """The names of users and keys, by id."""

    users: dict[int, NamedUser]
    keys: dict[int, str]


def get_person(tx: Tx, *, contact_id: int) -> Person:
    """A contact, and what is known of its number. Raises ``ContactNotFound``."""
    found = contacts.get_contact(tx, contact_id=contact_id)
    if found is None:
        raise ContactNotFound
    facts = consent.find_facts(tx, mobiles=[found.mobile]).get(found.mobile, [])
    return Person(
        card=read_card(found.card),
        version=version_of(found.card.encode()),
        updated_at=found.updated_at,
        groups=groups.list_group_names(tx, ids=[found.id])[found.id],
        facts=sorted(facts, key=lambda fact: (fact.at, fact.id), reverse=True),
        summary=summarize(facts, require_opt_in=tx.project.consent.require_opt_in),
        left_groups=[name for _, name in derive_state(facts).left] if facts else [],
    )


def find_holder(tx: Tx, *, mobile: int) -> Card | None:
    """The contact that has a number."""
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    return None if found is None else read_card(found.card)


def find_holders(tx: Tx, *, mobiles: Sequence[int]) -> dict[str, Card]:
    """The contacts that have some of these numbers, by number."""
    found = contacts.find_contacts_by_mobile(tx, mobiles=mobiles) if mobiles else []
    cards = [read_card(one.card) for one in found]
    return {card.mobile: card for card in cards}


def list_history(tx: Tx, *, contact_id: int, mobile: int, before: int | None) -> History:
    """What was sent to a contact, and what was done with it before a row of the journal."""
    sent = list_newest_messages(tx, mobile=mobile, before=0, limit=SHOWN)
    rows = journal.list_newest_journal(tx, after=0, before=before or ID_MAX, limit=SCANNED_MAX)
    naming = [row for row in rows if row.names(contact_id) and not _is_in_ledger(row)]
    shown = naming[:SHOWN]
    earlier = None
    if len(naming) > SHOWN:
        earlier = shown[-1].seq
    elif len(rows) == SCANNED_MAX:
        earlier = rows[-1].seq
    origins = name_origins(tx, found=sent.messages)
    return History(sent.messages, sent.following is not None, origins, _show_acts(tx, shown, contact_id), earlier)


def find_authors(tx: Tx, *, user_ids: set[int], key_ids: set[int]) -> Authors:
    """How users and keys are called."""
    labels = {key.id: key.label or key.start for key in keys.list_keys(tx)} if key_ids else {}
    found = users.find_user_names(tx, ids=sorted(user_ids))
    return Authors(found, {key_id: labels[key_id] for key_id in key_ids if key_id in labels})


def _is_in_ledger(row: JournalRow) -> bool:
    """Whether the facts that are shown say all about an act: not of what a user can undo."""
    return row.action in IN_LEDGER and not row.left_groups and row.user_id is None


def _show_acts(tx: Tx, rows: Sequence[JournalRow], contact_id: int) -> list[Happened]:
    all_left = {row.seq: read_left(row.left_groups) for row in rows}
    left = {seq: [number for number, ids in found.items() if contact_id in ids] for seq, found in all_left.items()}
    wanted = {group_id for of_row in left.values() for group_id in of_row}
    wanted |= {row.group_id for row in rows if row.group_id is not None}
    names = {group_id: found.name for group_id, found in exports.find_group_names(tx, ids=sorted(wanted)).items()}
    of_users = [row.seq for row in rows if row.user_id is not None]
    kept, changes = find_groups(tx, seqs=of_users), find_changes(tx, contact_id=contact_id, seqs=of_users)
    shown = []
    for row in rows:
        named = sum(last - first + 1 for first, last in read_ranges(row.contacts))
        of_act = kept.get(row.seq)
        undone_by = None if of_act is None else of_act.undone_by
        shown.append(
            Happened(
                row.seq,
                row.at,
                row.action,
                row.user_id,
                row.key_id,
                None if row.group_id is None else names.get(row.group_id),
                [names[group_id] for group_id in left[row.seq] if group_id in names],
                max(named, *(len(ids) for ids in all_left[row.seq].values()), 1),
                None if of_act is None or undone_by else UNDOING.get(_done_by(row)),
                undone_by,
                changes.get(row.seq, []),
            )
        )
    return shown


def _done_by(row: JournalRow) -> Action:
    """What a row did; of an undo, what it undid."""
    return Action(json.decode(row.detail)["action"] if row.action == Action.UNDO else row.action)
