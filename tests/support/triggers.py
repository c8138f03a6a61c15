"""Triggers of one sender, and events as programs report them, as the calls do it. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from daftari.gateways import OutcomeWord
from daftari.model.messages import StoredMessage
from daftari.model.time import format_time
from daftari.rules.messages.views import MessageView, show_messages
from daftari.rules.triggers import events, lifecycle
from daftari.rules.triggers.events import EventOutcome
from daftari.rules.triggers.views import TriggerView, show_trigger
from daftari.store import Tx, triggers
from tests.support.calls import REGION
from tests.support.message_steps import Sending

CART = {
    "name": "Cart reminder",
    "sender": "DUKA",
    "on": {"event": "cart"},
    "wait": "1h",
    "unless": [{"event": "order"}],
    "text": "Your cart waits",
}

P = ParamSpec("P")
T = TypeVar("T")


class Triggers:
    """The triggers of a sender."""

    def __init__(self, sending: Sending) -> None:
        self.sending = sending

    def add(self, **given: Any) -> int:
        """A trigger on carts that were left, unless another one is described."""
        return self.sending.write(lifecycle.create_trigger, given={**CART, **given}, is_on=True).id

    def change(self, trigger_id: int, **given: Any) -> TriggerView:
        self.sending.write(lifecycle.update_trigger, trigger_id=trigger_id, given=given)
        return self.show(trigger_id)

    def pause(self, trigger_id: int) -> None:
        self.sending.write(lifecycle.pause_trigger, trigger_id=trigger_id)

    def resume(self, trigger_id: int) -> None:
        self.sending.write(lifecycle.resume_trigger, trigger_id=trigger_id)

    def delete(self, trigger_id: int) -> None:
        self.sending.write(lifecycle.delete_trigger, trigger_id=trigger_id)

    def show(self, trigger_id: int) -> TriggerView:
        return self._read(_show, trigger_id=trigger_id)

    def ids(self) -> list[int]:
        return [trigger.id for trigger in self._read(lifecycle.list_triggers)]

    def record(self, name: str, mobile: int, key: str = "", *, at: int | None = None, **fields: Any) -> EventOutcome:
        """One event; ``at`` in microseconds."""
        given = {"name": name, "mobile": f"+{mobile}", "key": key, "fields": fields}
        (outcome,) = self.record_all([given if at is None else {**given, "at": format_time(at)}])
        return outcome

    def record_all(self, given: list[Any]) -> list[EventOutcome]:
        read = events.read_events(given, common={}, region=REGION)
        return self.sending.write(events.record_events, given=read)

    def sent(self, word: OutcomeWord = "accepted") -> list[StoredMessage]:
        """What goes out now, and is answered so."""
        found: list[StoredMessage] = []
        while some := self.sending.claimed():
            self.sending.answer(some, word)
            found += some
        return found

    def states(self) -> list[tuple[str, str]]:
        return self.sending.states()

    def due(self) -> list[int]:
        """How far ahead each waiting message is due."""
        return [one.due_at - self.sending.now for one in self.sending.messages() if one.state == "waiting"]

    def views(self) -> list[MessageView]:
        found = self.sending.messages()
        return self._read(show_messages, found=found)

    def kept(self, *mobiles: int) -> int:
        """How many events of some numbers are kept."""
        return sum(len(self._read(triggers.list_events_of, mobile=mobile, after=0, limit=10_000)) for mobile in mobiles)

    def expire(self) -> None:
        """What the worker does with events, until there is nothing to do."""
        while self._read(events.has_expired_event):
            self.sending.write(events.expire_events)

    def assert_adds_up(self, trigger_id: int) -> TriggerView:
        """The counts are those of its messages."""
        shown = self.show(trigger_id)
        mine = [one for one in self.sending.messages() if one.origin_id == trigger_id]
        assert Counter(one.state for one in mine) == Counter(shown.states)
        assert Counter(one.reason for one in mine if one.reason) == Counter(shown.reasons)
        return shown

    def _read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.sending.store.read(self.sending.project, self.sending.now, rule, *args, **kwargs)


def _show(tx: Tx, *, trigger_id: int) -> TriggerView:
    return show_trigger(tx, lifecycle.get_trigger(tx, trigger_id=trigger_id))
