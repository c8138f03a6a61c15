"""What messages hold about a person: erased, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from daftari.model.erasures import Person, Removed
from daftari.model.messages import StoredMessage
from daftari.rules.events import Action, record
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.settle import save_changed
from daftari.rules.messages.views import show_messages
from daftari.store import Tx, WriteTx, messages

PER_STEP = 1_000


def erase(tx: WriteTx, person: Person) -> Removed:
    """Remove the number, the text, the key, replies, reports and the providers' ids from every message to it.

    One that waits is not sent. One that is being sent, or whose end is not known, keeps its state, and is settled by
    our own id.
    """
    forgotten, replies, ends = 0, 0, Ends()
    for found in _walk(tx, person.mobile):
        changed = [(before, _forget(before, now=tx.now)) for before in found]
        save_changed(tx, changed, ends=ends)
        replies += messages.forget_details(tx, ids=[message.id for message in found])
        forgotten += len(found)
    messages.delete_subject_reports(tx, mobile=person.mobile)
    if settled := ends.as_events():
        record(tx, Action.ERASE_NUMBER, *settled)
    return {"messages": forgotten, "replies": replies}


def _forget(before: StoredMessage, *, now: int) -> StoredMessage:
    due_at = 0 if before.state == "unknown" else before.due_at
    gone = replace(before, subject_id=-before.id, key="", text="", says="", due_at=due_at)
    return replace(gone, state="skipped", reason="erased", settled_at=now) if before.state == "waiting" else gone


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Every message to the number, with what was written back."""
    return {"messages": [shown for found in _walk(tx, person.mobile) for shown in show_messages(tx, found)]}


def _walk(tx: Tx, mobile: int) -> Iterator[list[StoredMessage]]:
    """The messages to a number in order of id, some at a time."""
    after = 0
    while found := messages.list_messages_of(tx, mobile=mobile, after=after, limit=PER_STEP):
        yield found
        after = found[-1].id
