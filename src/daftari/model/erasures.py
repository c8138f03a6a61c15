"""Records about the person whose data is erased or exported. No SQL."""

from __future__ import annotations

from msgspec import Struct


class Person(Struct, frozen=True):
    """A number, and the id of its contact if it has one."""

    mobile: int
    contact_id: int | None


Removed = dict[str, int]
"""How much was removed, by kind. Callers see the kinds."""
