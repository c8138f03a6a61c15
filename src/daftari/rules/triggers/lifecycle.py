"""Triggers as people make, change, pause and delete them. Their messages are those of ``messages``. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from msgspec.structs import replace

from daftari.errors import TriggerNotFound, TriggersFull
from daftari.model.jobs import JobKind
from daftari.model.limits import TRIGGERS_MAX
from daftari.model.triggers import StoredTrigger, TriggerProgress
from daftari.rules.access.errors import TriggerChanged
from daftari.rules.events import Action, Event, record
from daftari.rules.firing import read_definition, read_progress, written
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.triggers import OpenTrigger
from daftari.rules.triggers.draft import read_trigger
from daftari.store import Tx, WriteTx, triggers
from daftari.store.jobs import hint_job


def create_trigger(tx: WriteTx, *, given: Mapping[str, object], is_on: bool) -> StoredTrigger:
    """A new trigger, which is on or paused. Raises ``ValidationFailed`` and ``TriggersFull``."""
    read = read_trigger(tx, given, before=None)
    if len(triggers.list_triggers(tx)) >= TRIGGERS_MAX:
        raise TriggersFull(TRIGGERS_MAX)
    number = triggers.insert_trigger(
        tx,
        sender_id=read.sender.id,
        state="on" if is_on else "paused",
        group_id=read.group_id,
        event_name=read.event_name,
        definition=written(read.definition),
        progress=written(TriggerProgress()),
    )
    if read.group_id:
        tx.book.join_triggers += 1
    record(tx, Action.CREATE_TRIGGER, detail={"trigger": number})
    return get_trigger(tx, trigger_id=number)


def update_trigger(tx: WriteTx, *, trigger_id: int, given: Mapping[str, object]) -> StoredTrigger:
    """Change what is given of a trigger. It counts for every message that was not claimed yet.

    Raises ``ValidationFailed``.
    """
    before = get_trigger(tx, trigger_id=trigger_id)
    read = read_trigger(tx, given, before=before)
    progress = read_progress(before.progress)
    if read.definition.wait < read_definition(before.definition).wait:
        progress.redated = 0
    changed = replace(before, sender_id=read.sender.id, definition=written(read.definition), progress=written(progress))
    opened = OpenTrigger(changed, Ends())
    if changed.sender_id != before.sender_id:
        opened.hand_over(tx, sender_id=before.sender_id)
        _hint(tx, before.sender_id)
    opened.redate(tx)
    return _save(tx, opened.saved(), Action.UPDATE_TRIGGER)


def pause_trigger(tx: WriteTx, *, trigger_id: int) -> StoredTrigger:
    """Send nothing until it is resumed. Messages wait, and new ones are made."""
    before = get_trigger(tx, trigger_id=trigger_id)
    return _save(tx, replace(before, state="paused"), Action.UPDATE_TRIGGER)


def version_of_trigger(trigger: StoredTrigger) -> str:
    """What differs where the sender, the text or the conditions of a trigger do."""
    return blake2b(f"{trigger.sender_id} {trigger.definition}".encode(), digest_size=8).hexdigest()


def resume_trigger(tx: WriteTx, *, trigger_id: int, version: str | None = None) -> StoredTrigger:
    """Send again. A message that is too late by now expires.

    ``version``: of the trigger that the caller saw. Raises ``TriggerChanged`` where it is another one by now.
    """
    before = get_trigger(tx, trigger_id=trigger_id)
    if version is not None and version != version_of_trigger(before):
        raise TriggerChanged
    progress = read_progress(before.progress)
    progress.provider_says = ""
    return _save(tx, replace(before, state="on", progress=written(progress)), Action.UPDATE_TRIGGER)


def delete_trigger(tx: WriteTx, *, trigger_id: int) -> None:
    """Delete a trigger. Its messages that wait are cancelled, the last of many by the worker."""
    before = get_trigger(tx, trigger_id=trigger_id)
    ends = Ends()
    opened = OpenTrigger(replace(before, state="deleted"), ends)
    opened.end_waiting(tx, sender_id=before.sender_id)
    if before.group_id:
        tx.book.join_triggers -= 1
    _save(tx, opened.saved(), Action.DELETE_TRIGGER, *ends.as_events())


def get_trigger(tx: Tx, *, trigger_id: int) -> StoredTrigger:
    """One trigger that is not deleted. Raises ``TriggerNotFound``."""
    found = triggers.find_triggers(tx, ids=[trigger_id]).get(trigger_id)
    if found is None or found.state == "deleted":
        raise TriggerNotFound
    return found


def list_triggers(tx: Tx) -> list[StoredTrigger]:
    """All triggers, in order of creation."""
    return triggers.list_triggers(tx)


def _save(tx: WriteTx, changed: StoredTrigger, action: Action, *happened: Event) -> StoredTrigger:
    triggers.save_trigger(tx, trigger=changed)
    _hint(tx, changed.sender_id)
    record(tx, action, *happened, detail={"trigger": changed.id})
    return changed


def _hint(tx: WriteTx, sender_id: int) -> None:
    """Have the sender's job look at once."""
    hint_job(tx, kind=JobKind.SEND, subject=str(sender_id))
