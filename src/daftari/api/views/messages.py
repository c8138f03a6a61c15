"""What the calls about messages answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import MESSAGES_PER_CALL_MAX
from daftari.model.members import Count, Cursor, Errors, Number
from daftari.rules.messages.create import MessageOutcome
from daftari.rules.messages.views import MessageView


class MessagesCreated(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="Messages accepted successfully"
):
    """What the call did. waiting + duplicate + invalid is the number of rows."""

    waiting: Count
    """Messages that are sent as soon as the sender may."""
    duplicate: Count
    """Rows whose key was used for the same number before."""
    invalid: Count
    """Rows that cannot be read. The good ones are always taken."""
    ids: Annotated[list[Number], Meta(max_length=MESSAGES_PER_CALL_MAX)]
    """The ids of the messages that wait, in order."""
    results: Annotated[list[MessageOutcome], Meta(max_length=MESSAGES_PER_CALL_MAX)] | None = None
    """The outcome of each row, in order. Only when `results` was asked for."""
    errors: Errors | None = None
    """What is wrong with the invalid rows, by the row's place, as in `items.3.mobile`. Only when there are such rows
    and `results` was not asked for."""


class MessageList(Struct, frozen=True):
    messages: Annotated[list[MessageView], Meta(max_length=MESSAGES_PER_CALL_MAX)]
    """In the order in which they were made."""
    next: Cursor | None
    """What to send as `after` for the messages that follow; `null` when these are the last."""


class MessageAnswer(Struct, frozen=True):
    message: MessageView
