"""Writes the journal and the feed, and publishes what happened in the same transaction. No HTTP, no SQL.

A rule that writes calls ``record`` once: one journal row, a change in the feed for each event, one batch of events for
the listeners in ``LISTENERS``. What is in rows of its own, such as the end of a message, has no journal row:
``record_changes``. No rule of any subject.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec import Struct

from daftari.model.connections import ConnectionState
from daftari.model.feed import ChangeType
from daftari.model.imports import ImportState
from daftari.model.jobs import JobKind
from daftari.rules import firing
from daftari.rules.write_back import ask_write_backs
from daftari.store import WriteTx, feed, journal, webhooks
from daftari.store.feed import NewChange
from daftari.store.jobs import hint_job
from daftari.store.journal import written_ranges


class Action(StrEnum):
    """What a journal row says was done. Callers see these words in the export of a number: never change one."""

    CREATE_CONTACTS = "create_contacts"
    UPDATE_CONTACT = "update_contact"
    DELETE_CONTACT = "delete_contact"
    DELETE_CONTACTS = "delete_contacts"
    MOVE_CONTACTS = "move_contacts"
    CREATE_GROUP = "create_group"
    UPDATE_GROUP = "update_group"
    DELETE_GROUP = "delete_group"
    JOIN_GROUP = "join_group"
    LEAVE_GROUP = "leave_group"
    MERGE_GROUPS = "merge_groups"
    START_BULK = "start_bulk"
    UNDO = "undo"
    RECORD_OPT_OUTS = "opt_outs"
    RECORD_OPT_INS = "opt_ins"
    RECEIVE_INBOUND = "inbound"
    SETTLE_REVIEW = "settle_review"
    CREATE_IMPORT = "create_import"
    APPLY_IMPORT = "apply_import"
    IMPORT_CONTACTS = "import_contacts"
    IMPORT_CONSENT = "import_consent"
    FINISH_IMPORT = "finish_import"
    UNDO_IMPORT = "undo_import"
    FREEZE_AUDIENCE = "freeze_audience"
    CREATE_EXPORT = "export"
    DELETE_EXPORT = "delete_export"
    ERASE_NUMBER = "erase_number"
    CREATE_MESSAGES = "create_messages"
    CREATE_SENDER = "create_sender"
    UPDATE_SENDER = "update_sender"
    DELETE_SENDER = "delete_sender"
    CREATE_CAMPAIGN = "create_campaign"
    UPDATE_CAMPAIGN = "update_campaign"
    DELETE_CAMPAIGN = "delete_campaign"
    START_CAMPAIGN = "start_campaign"
    CANCEL_CAMPAIGN = "cancel_campaign"
    CREATE_WEBHOOK = "create_webhook"
    UPDATE_WEBHOOK = "update_webhook"
    DELETE_WEBHOOK = "delete_webhook"
    ROTATE_WEBHOOK = "rotate_webhook"
    REPLAY_WEBHOOK = "replay_webhook"
    DISABLE_WEBHOOK = "disable_webhook"
    CREATE_TRIGGER = "create_trigger"
    UPDATE_TRIGGER = "update_trigger"
    DELETE_TRIGGER = "delete_trigger"
    CREATE_EVENTS = "create_events"
    CREATE_CONNECTION = "create_connection"
    UPDATE_CONNECTION = "update_connection"
    DELETE_CONNECTION = "delete_connection"
    SYNC_CONTACTS = "sync_contacts"
    ADD_USER = "add_user"
    CHANGE_ROLE = "change_role"
    REMOVE_USER = "remove_user"
    CREATE_KEY = "create_key"
    REVOKE_KEY = "revoke_key"
    CREATE_ADDRESS = "create_address"
    UPDATE_ADDRESS = "update_address"
    REVOKE_ADDRESS = "revoke_address"
    CHANGE_SETTINGS = "change_settings"


# ---- what can happen ------------------------------------------------------------------------------------


class ContactsCreated(Struct, frozen=True):
    """New contacts, by id."""

    contacts: Collection[int]


class ContactsUpdated(Struct, frozen=True):
    """Contacts whose fields changed, by id."""

    contacts: Collection[int]


class ContactsDeleted(Struct, frozen=True):
    """Deleted contacts, by id. That they left their groups is published too."""

    contacts: Collection[int]


class GroupCreated(Struct, frozen=True):
    """A new group, still empty."""

    group_id: int


class GroupRenamed(Struct, frozen=True):
    """A group with another name."""

    group_id: int
    former_name: str


class GroupDeleted(Struct, frozen=True):
    """A deleted group. That its members left it is not published."""

    group_id: int
    name: str


class GroupJoined(Struct, frozen=True):
    """Contacts that are now members of a group, by id.

    ``fires``: whether triggers are fired; by many at once they are only where that was asked for.
    """

    group_id: int
    contacts: Collection[int]
    fires: bool = True


class GroupLeft(Struct, frozen=True):
    """Contacts that are no longer members of a group, by id."""

    group_id: int
    contacts: Collection[int]


class ConsentChanged(Struct, frozen=True):
    """New facts, numbered from ``first_fact`` to ``last_fact``, their numbers, and the contacts that have these.

    ``connection_id``: of the connection whose records said so; 0 for what did not come by one.
    """

    first_fact: int
    last_fact: int
    mobiles: Collection[int]
    contacts: Collection[int]
    connection_id: int = 0


class Erased(Struct, frozen=True):
    """A number that was erased, its former contact, which left its groups, and the fact of its opt-out.

    The journal row names neither the number nor the contact. The change in the feed names the contact and
    ``consent_seqs``, the earlier changes that named the number.
    """

    erasure_id: int
    mobile: int
    contact_id: int | None
    fact: int
    consent_seqs: Collection[int]


class ImportFinished(Struct, frozen=True):
    """An import that was applied and has ended as ``state`` says; a plan that ended is not published."""

    import_id: int
    state: ImportState


class ImportUndone(Struct, frozen=True):
    """An undo of an import that has ended as ``state`` says."""

    import_id: int
    state: ImportState


class CampaignStarted(Struct, frozen=True):
    """A campaign that began to run; one that had finished and is retried begins again."""

    campaign_id: int


class CampaignFinished(Struct, frozen=True):
    """A campaign that has finished, or was cancelled."""

    campaign_id: int


class MessagesSettled(Struct, frozen=True):
    """Messages of a campaign or trigger that came to an end, by id; of calls, where both are ``None``."""

    campaign_id: int | None
    messages: Collection[int]
    trigger_id: int | None = None


class ConnectionChanged(Struct, frozen=True):
    """A connection that stopped or fell behind, or is read again: the state that it is in now, and why."""

    connection_id: int
    name: str
    state: ConnectionState
    reason: str


ContactsChanged = ContactsCreated | ContactsUpdated | ContactsDeleted
GroupChanged = GroupCreated | GroupRenamed | GroupDeleted | GroupJoined | GroupLeft
SendingChanged = CampaignStarted | CampaignFinished | MessagesSettled
ImportEnded = ImportFinished | ImportUndone
Event = ContactsChanged | GroupChanged | ConsentChanged | Erased | ImportEnded | SendingChanged | ConnectionChanged

_encode = msgspec.json.encode
_NAMING_CONTACTS = (ContactsCreated, ContactsUpdated, ContactsDeleted, GroupJoined, GroupLeft, ConsentChanged)


# ---- what the feed shows --------------------------------------------------------------------------------


_TYPES: dict[type[Event], ChangeType] = {
    ContactsCreated: "contacts.created",
    ContactsUpdated: "contacts.updated",
    ContactsDeleted: "contacts.deleted",
    GroupCreated: "group.created",
    GroupRenamed: "group.renamed",
    GroupDeleted: "group.deleted",
    GroupJoined: "group.joined",
    GroupLeft: "group.left",
    ConsentChanged: "consent.changed",
    Erased: "contacts.erased",
    ImportFinished: "import.finished",
    ImportUndone: "import.undone",
    CampaignStarted: "campaign.started",
    CampaignFinished: "campaign.finished",
    MessagesSettled: "messages.settled",
    ConnectionChanged: "connection.changed",
}


def _as_change(event: Event) -> NewChange:
    """The change that the feed shows for an event; every kind of event has one."""
    kind = _TYPES[type(event)]
    match event:
        case ContactsCreated() | ContactsUpdated() | ContactsDeleted():
            return NewChange(kind, written_ranges(event.contacts))
        case GroupJoined() | GroupLeft():
            return NewChange(kind, written_ranges(event.contacts), group_id=event.group_id)
        case GroupCreated():
            return NewChange(kind, group_id=event.group_id)
        case GroupRenamed():
            return NewChange(kind, group_id=event.group_id, former_name=event.former_name)
        case GroupDeleted():
            return NewChange(kind, group_id=event.group_id, former_name=event.name)
        case ConsentChanged():
            return NewChange(kind, written_ranges(event.contacts), facts=(event.first_fact, event.last_fact))
        case Erased():
            ids = [] if event.contact_id is None else [event.contact_id]
            detail = _encode({"consent_seqs": sorted(event.consent_seqs)}) if event.consent_seqs else b""
            return NewChange(kind, written_ranges(ids), detail=detail.decode())
        case ImportFinished() | ImportUndone():
            return NewChange(kind, detail=_encode({"import": event.import_id}).decode())
        case CampaignStarted() | CampaignFinished():
            return NewChange(kind, detail=_encode({"campaign": event.campaign_id}).decode())
        case MessagesSettled():
            origin = {"campaign": event.campaign_id, "trigger": event.trigger_id}
            named = {name: number for name, number in origin.items() if number is not None}
            return NewChange(kind, detail=_encode({**named, "messages": written_ranges(event.messages)}).decode())
        case ConnectionChanged():
            said = {"id": event.connection_id, "name": event.name, "state": event.state, "reason": event.reason or None}
            return NewChange(kind, detail=_encode({"connection": said}).decode())
        case _:
            assert_never(event)


# ---- recorded and published -----------------------------------------------------------------------------

Listener = Callable[[WriteTx, Sequence[Event]], None]
"""Called with the events of one ``record`` that it listens to, at least one; it may run one statement a call."""


def _fire_joins(tx: WriteTx, happened: Sequence[Event]) -> None:
    """Fire the triggers that are on joins. Where there are none, it costs nothing."""
    if tx.book.join_triggers:
        joined = {
            event.group_id: event.contacts for event in happened if isinstance(event, GroupJoined) and event.fires
        }
        firing.fire_joins(tx, joined)


def _write_back(tx: WriteTx, happened: Sequence[Event]) -> None:
    """Have what people said written back to connected systems. Where no connection writes back, it costs nothing."""
    if tx.book.write_backs:
        mobiles: dict[int, set[int]] = {}
        for event in happened:
            if isinstance(event, ConsentChanged):
                mobiles.setdefault(event.connection_id, set()).update(event.mobiles)
        for connection_id, said in mobiles.items():
            ask_write_backs(tx, mobiles=said, connection_id=connection_id)


LISTENERS: dict[Listener, tuple[type[Event], ...]] = {_fire_joins: (GroupJoined,), _write_back: (ConsentChanged,)}
"""Every listener, with the types of the events that it is called for. What it raises undoes the whole transaction."""


def record(
    tx: WriteTx,
    action: Action,
    *happened: Event,
    group_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> int:
    """Write one journal row for an act and a change for each event, then publish the events. Returns the row's number.

    ``group_id``: the group that the request is about. ``detail``: what else it is about, in ids and words of ours. The
    row names the contacts of all events but an erasure, their facts, and who left which group.
    """
    contacts: set[int] = set()
    facts: list[int] = []
    left: dict[int, set[int]] = {}
    for event in happened:
        if isinstance(event, _NAMING_CONTACTS):
            contacts.update(event.contacts)
        if isinstance(event, ConsentChanged):
            facts += (event.first_fact, event.last_fact)
        elif isinstance(event, Erased):
            facts.append(event.fact)
        elif isinstance(event, GroupLeft):
            left.setdefault(event.group_id, set()).update(event.contacts)
    seq = journal.insert_journal(
        tx,
        action=action.value,
        contacts=contacts,
        group_id=group_id,
        facts=(min(facts), max(facts)) if facts else None,
        left=left,
        detail="" if detail is None else _encode(detail).decode(),
    )
    if happened:
        _write_changes(tx, seq, happened)
    publish(tx, happened)
    return seq


def record_changes(tx: WriteTx, *happened: Event) -> None:
    """Write a change for each event without a journal row, then publish the events."""
    if happened:
        _write_changes(tx, None, happened)
    publish(tx, happened)


def _write_changes(tx: WriteTx, journal_seq: int | None, happened: Sequence[Event]) -> None:
    """Write a change for each event, and have those webhooks deliver them that had every change until now.

    The other webhooks are delivering, or wait for their time.
    """
    last = tx.book.next_change - 1
    feed.insert_changes(tx, journal_seq=journal_seq, changes=[_as_change(event) for event in happened])
    for webhook_id in webhooks.list_idle_webhooks(tx, last=last):
        hint_job(tx, kind=JobKind.DELIVER, subject=str(webhook_id))


def publish(tx: WriteTx, happened: Sequence[Event]) -> None:
    """Call every listener with those of the events that it listens to, in their order."""
    for listener, kinds in LISTENERS.items():
        batch = [event for event in happened if isinstance(event, kinds)]
        if batch:
            listener(tx, batch)
