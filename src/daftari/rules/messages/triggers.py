"""A trigger as its messages become due: whether each is still to be sent, what it says, counts. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model.carts import CHECKOUT
from daftari.model.jobs import JobKind
from daftari.model.messages import StoredMessage, StoredSender
from daftari.model.triggers import Condition, StoredEvent, StoredTrigger
from daftari.rules.carts.still_open import CartName
from daftari.rules.firing import event_key_of, find_last_rounds, read_definition, read_progress, round_of, written
from daftari.rules.messages.ends import Ends
from daftari.store import Tx, WriteTx, messages, triggers
from daftari.store.contacts import StoredContact
from daftari.store.jobs import hint_job

CHANGED_PER_STEP = 1_000
BEFORE_MICROSECONDS = 5 * 60_000_000
"""An event without a key stops a message also when it came so long before: two systems' clocks differ."""
CONDITION_REASONS = {"event": "ordered", "in": "in_group", "leaves": "left_group"}
SENT_BEFORE = "sent_before"

Groups = Mapping[int, frozenset[int]]
"""The groups of contacts, by id."""

_read_fields = msgspec.json.Decoder(dict[str, object]).decode


class Due(Struct, frozen=True):
    """A message that became due: when it is, by its latest event; when it is too late; and why it is not to be sent.

    ``cart``: the cart of a connected shop that it is about.
    """

    due_at: int
    until: int
    fields: Mapping[str, object]
    is_contact: bool
    reason: str = ""
    cart: CartName | None = None


class OpenTrigger:
    """A trigger of which messages wait. ``ends`` gets what comes to an end."""

    def __init__(self, stored: StoredTrigger, ends: Ends) -> None:
        self.stored = stored
        self._ends = ends
        self.definition = read_definition(stored.definition)
        self._progress = read_progress(stored.progress)
        self._sent_at: dict[int, int] = {}

    @property
    def is_on(self) -> bool:
        """Whether its messages may be claimed."""
        return self.stored.state == "on"

    @property
    def is_redating(self) -> bool:
        """Whether some messages have still to be given an earlier time."""
        return self._progress.redated is not None

    def count(self, before: StoredMessage | None, after: StoredMessage) -> None:
        """Count a message that changed."""
        self._progress.move(before, after)
        self._ends.add(before, after, trigger_id=self.stored.id)

    def saved(self) -> StoredTrigger:
        """The trigger as it is to be stored."""
        return replace(self.stored, progress=written(self._progress))

    # ---- edited, deleted ----------------------------------------------------------------------------

    def end_waiting(self, tx: WriteTx, *, sender_id: int) -> bool:
        """Cancel some of the messages that wait. Returns whether there may be more of them."""
        found = messages.list_waiting_messages(
            tx, sender_id=sender_id, origin_id=self.stored.id, limit=CHANGED_PER_STEP
        )
        changed = [replace(message, state="cancelled", text="", settled_at=tx.now) for message in found]
        for before, after in zip(found, changed, strict=True):
            self.count(before, after)
        messages.save_messages(tx, messages=changed)
        return len(found) == CHANGED_PER_STEP

    def hand_over(self, tx: WriteTx, *, sender_id: int) -> bool:
        """Let some messages that wait at a former sender wait at the present one. Returns whether there may be more."""
        found = messages.list_waiting_messages(
            tx, sender_id=sender_id, origin_id=self.stored.id, limit=CHANGED_PER_STEP
        )
        messages.save_messages(tx, messages=[replace(message, sender_id=self.stored.sender_id) for message in found])
        if found:
            hint_job(tx, kind=JobKind.SEND, subject=str(self.stored.sender_id))
        return len(found) == CHANGED_PER_STEP

    def redate(self, tx: WriteTx) -> None:
        """Give some of the messages that wait an earlier time, since the wait is shorter now.

        One whose wait became longer is given its time when it is due.
        """
        if self._progress.redated is None:
            return
        found = messages.list_in_states(
            tx, origin_id=self.stored.id, states=["waiting"], after=self._progress.redated, limit=CHANGED_PER_STEP
        )
        latest = self._find_latest(tx, found)
        changed = []
        for message in found:
            event = latest.get(message.id)
            due_at = message.due_at if event is None else event.at + self.definition.wait
            if due_at < message.due_at:
                changed.append(replace(message, due_at=due_at))
        messages.save_messages(tx, messages=changed)
        self._progress.redated = found[-1].id if len(found) == CHANGED_PER_STEP else None

    # ---- asked when it is due -----------------------------------------------------------------------

    def ask(self, tx: Tx, found: Sequence[StoredMessage]) -> dict[int, Due]:
        """What is known of messages that are due, by id; nothing of one whose event is no longer kept."""
        latest = self._find_latest(tx, found)
        self._find_sent(tx, found)
        stopped = self._find_stopped(tx, found, latest)
        later = self._find_later(tx, found)
        asked: dict[int, Due] = {}
        for message in found:
            event = latest.get(message.id)
            if event is None:
                continue
            due_at = event.at + self.definition.wait
            asked[message.id] = Due(
                due_at=due_at,
                until=due_at + self.definition.late,
                fields=_read_fields(event.fields),
                is_contact=bool(event.is_contact),
                reason="duplicate" if message.id in later else stopped.get(message.id, ""),
                cart=(event.connection_id, event.key) if event.connection_id and event.name == CHECKOUT else None,
            )
        return asked

    def refuse(
        self, message: StoredMessage, due: Due, person: StoredContact | None, groups: Groups, *, now: int
    ) -> str:
        """Why a message is not to be sent; empty when nothing speaks against it but perhaps consent."""
        again, sent_at = self.definition.again, self._sent_at.get(message.subject_id)
        if sent_at is not None and (again is None or now < sent_at + again):
            return SENT_BEFORE
        if due.reason:
            return due.reason
        mine = groups.get(person.id, frozenset()) if person is not None else frozenset[int]()
        for condition in self.definition.unless:
            if condition.kind != "event" and (condition.group_id in mine) is (condition.kind == "in"):
                return CONDITION_REASONS[condition.kind]
        return "removed" if person is None and due.is_contact else ""

    def note_sent(self, message: StoredMessage) -> None:
        """Note that a number is sent a message now."""
        self._sent_at[message.subject_id] = message.claimed_at

    def _find_latest(self, tx: Tx, found: Sequence[StoredMessage]) -> dict[int, StoredEvent]:
        """The latest event of each message."""
        name = self.stored.event_name
        sought = [(message.id, message.subject_id, name, event_key_of(message.key)) for message in found]
        return triggers.find_latest_events(tx, sought=sought)

    def _find_sent(self, tx: Tx, found: Sequence[StoredMessage]) -> None:
        if self.definition.again == 0:
            return
        numbers = sorted({message.subject_id for message in found})
        self._sent_at |= messages.find_last_sent_by(tx, origin_id=self.stored.id, mobiles=numbers)

    def _find_stopped(
        self, tx: Tx, found: Sequence[StoredMessage], latest: Mapping[int, StoredEvent]
    ) -> dict[int, str]:
        """The messages that an event stops."""
        stopped: dict[int, str] = {}
        for condition in self.definition.unless:
            if condition.kind == "event":
                sought = [
                    self._seek(condition, message, latest[message.id]) for message in found if message.id in latest
                ]
                reason = CONDITION_REASONS[condition.kind]
                stopped |= dict.fromkeys(triggers.find_stopping_events(tx, sought=sought), reason)
        return stopped

    def _seek(self, condition: Condition, message: StoredMessage, event: StoredEvent) -> tuple[int, int, str, str, int]:
        # The key of a join is that of its group, which no program's event has.
        key = "" if self.stored.group_id else event_key_of(message.key)
        return message.id, message.subject_id, condition.event_name, key, event.at - BEFORE_MICROSECONDS

    def _find_later(self, tx: Tx, found: Sequence[StoredMessage]) -> set[int]:
        """The messages that waited to be sent again, and of whose key there is a later one by now."""
        tried = [message for message in found if message.claimed_at and message.key]
        names = {(message.origin_id, message.subject_id, event_key_of(message.key)) for message in tried}
        last = find_last_rounds(tx, names) if names else {}
        return {
            message.id
            for message in tried
            if round_of(last[message.origin_id, message.subject_id, event_key_of(message.key)].key)
            > round_of(message.key)
        }


def open_triggers(tx: Tx, *, ids: Sequence[int], ends: Ends) -> list[OpenTrigger]:
    """Those of some origins of messages that are triggers."""
    return [OpenTrigger(stored, ends) for stored in triggers.find_triggers(tx, ids=ids).values()]


def change_waiting(tx: WriteTx, *, opened: Sequence[OpenTrigger], sender: StoredSender) -> bool:
    """Cancel messages of deleted triggers, and hand over those of triggers with another sender now, some of each.

    Returns whether there may be more of them.
    """
    has_more = False
    for trigger in opened:
        if trigger.stored.state == "deleted":
            has_more = trigger.end_waiting(tx, sender_id=sender.id) or has_more
        elif trigger.stored.sender_id != sender.id:
            has_more = trigger.hand_over(tx, sender_id=sender.id) or has_more
    return has_more


def has_to_change(opened: Sequence[OpenTrigger], *, sender: StoredSender) -> bool:
    """Whether messages that wait at a sender are to be cancelled or handed over, whether or not it sends."""
    return any(trigger.stored.state == "deleted" or trigger.stored.sender_id != sender.id for trigger in opened)


def pause_for_template(tx: WriteTx, *, trigger: StoredTrigger, says: str) -> None:
    """Pause a trigger whose template the provider refuses, in its words."""
    if trigger.state == "on":
        progress = read_progress(trigger.progress)
        progress.provider_says = says
        triggers.save_trigger(tx, trigger=replace(trigger, state="paused", progress=written(progress)))


def save_triggers(tx: WriteTx, opened: Sequence[OpenTrigger]) -> None:
    """Save those that changed."""
    for trigger in opened:
        changed = trigger.saved()
        if changed != trigger.stored:
            triggers.save_trigger(tx, trigger=changed)
