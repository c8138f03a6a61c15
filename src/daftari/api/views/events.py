"""What the call that reports events answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import EVENTS_PER_CALL_MAX
from daftari.model.members import Count, Errors, Number
from daftari.rules.triggers.events import EventOutcome


class EventsRecorded(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="Events recorded successfully"
):
    """What the call did. recorded + duplicate + invalid is the number of rows."""

    recorded: Count
    """Events that were not known."""
    duplicate: Count
    """Events that were known already."""
    invalid: Count
    """Rows that cannot be read. The good ones are always taken."""
    messages: list[Number]
    """The waiting messages of triggers that the events made, or moved to a later time."""
    results: Annotated[list[EventOutcome], Meta(max_length=EVENTS_PER_CALL_MAX)] | None = None
    """The outcome of each row, in order. Only when `results` was asked for."""
    errors: Errors | None = None
    """What is wrong with the invalid rows, by the row's place, as in `events.3.mobile`. Only when there are such rows
    and `results` was not asked for."""
