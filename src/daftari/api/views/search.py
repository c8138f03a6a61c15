"""What the call ``/v1/search`` answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.api.views.contacts import ContactView
from daftari.model.limits import FOUND_PER_PAGE_MAX
from daftari.model.members import Cursor, Time


class FoundContacts(Struct, frozen=True, omit_defaults=True):
    contacts: Annotated[list[ContactView], Meta(max_length=FOUND_PER_PAGE_MAX)]
    """The contacts that were found, in the order of their ids."""
    next: Cursor | None
    """What to send as `after` for those that follow; `null` when these are the last."""
    indexed_until: Time | None = None
    """
    There while much was written in a short time, or the index is filled: what was written until this time is found, and
    so are the last 10,000 contacts that were written, but not yet all of the others.
    """
