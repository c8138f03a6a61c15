"""Records of contacts and groups.

Records are frozen. Times are whole microseconds since 1970 in UTC; numbers are E.164 digits as an integer.
No SQL, no HTTP, no files.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from daftari.model.limits import CONTACTS_PER_CALL_MAX
from daftari.model.members import ContactId, Errors, Mobile

ExportFormat = Literal["csv", "xlsx", "ndjson", "vcard"]
AttributeValue = str | int | float | bool | None


class Group(Struct, frozen=True):
    """A group and its exact count. ``mirrored_by``: the connection that alone decides who is in it; 0 for none."""

    id: int
    name: str
    contacts: int
    created_at: int
    mirrored_by: int = 0


class ContactGiven(Struct, gc=False):
    """A contact as a caller gives it: unread, unchecked. Absent fields are ``UNSET``, unknown ones dropped.

    ``attributes`` is a list where PHP writes an empty object: ``[]``.
    """

    fname: str | None | UnsetType = UNSET
    mname: str | None | UnsetType = UNSET
    lname: str | None | UnsetType = UNSET
    mobile: str | int | float | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    city: str | None | UnsetType = UNSET
    company: str | None | UnsetType = UNSET
    attributes: dict[str, AttributeValue] | list[Any] | None | UnsetType = UNSET


TEXT_FIELDS = ("fname", "mname", "lname", "email", "city", "company")
"""A contact's text fields, in the order of the contract."""


class Card(Struct, frozen=True):
    """A contact exactly as it is served; its JSON is what the store keeps. Members and order are the contract's."""

    id: int
    fname: str | None
    mname: str | None
    lname: str | None
    mobile: str
    email: str | None
    city: str | None
    company: str | None
    created_at: str
    attributes: dict[str, AttributeValue] | UnsetType = UNSET


class ContactRow(Struct, frozen=True, gc=False, array_like=True):
    """A row of a create that was read and found good: a number, and what is to be merged into its contact.

    ``None`` is what was absent or blank. ``tail`` is the card's JSON, should the contact be new, after its id.
    """

    index: int
    mobile: int
    texts: tuple[str | None, ...]
    """In the order of ``TEXT_FIELDS``."""
    attributes: dict[str, AttributeValue] | None
    created_at: str
    """When the contact is created, should it be new, as the API writes it."""
    tail: str
    digits: int | None = None
    """What was written for the mobile, where these digits may be another number that the project knows."""


class Change(Struct, frozen=True):
    """What an update gives: only the fields that were sent; ``None`` clears."""

    mobile: int | None
    """``None``: not sent; a mobile cannot be cleared."""
    digits: int | None
    """What was written for it, where these digits may be another number that the project knows."""
    texts: dict[str, str | None]
    attributes: dict[str, AttributeValue] | None | UnsetType
    """A ``None`` value removes one attribute, ``None`` for all of them removes all, ``UNSET`` was not sent."""


Outcome = Literal["created", "updated", "unchanged", "duplicate", "invalid"]


class RowOutcome(Struct, frozen=True, omit_defaults=True):
    """The outcome of one row."""

    index: Annotated[int, Meta(ge=0, le=CONTACTS_PER_CALL_MAX - 1)]
    """The row's place in `contacts`, counted from 0."""
    outcome: Outcome
    """The outcome of the row."""
    id: ContactId | None = None
    mobile: Mobile | None = None
    suppressed: bool = False
    """There when the number has opted out of everything. It joined no group."""
    kept_out: bool = False
    """There when the person left this very group by their own word. The contact did not join it again."""
    errors: Errors | None = None


class CreateOutcome(Struct, frozen=True):
    """The outcome of a create: counts that add up to the rows, suppressed ones apart, and each row's outcome."""

    created: int
    updated: int
    unchanged: int
    duplicate: int
    invalid: int
    suppressed: int
    rows: list[RowOutcome]
    """Empty unless asked for."""


class UpdateOutcome(Struct, frozen=True):
    """The outcome of an update: whether the number is suppressed, or left the group named by its own word.

    ``version`` names the card as it is now. ``kept_groups``: those that a move did not leave, since connections keep
    them in step.
    """

    suppressed: bool
    kept_out: bool
    version: str
    kept_groups: tuple[str, ...] = ()


class ShownContact(Struct, frozen=True):
    """A contact's JSON as it is served, and its card: the part of it that an update may change."""

    card: bytes
    served: bytes


class Page(Struct, frozen=True):
    """One page of a list: the cards' JSON joined with commas, how many they are, and the list's exact total.

    ``state`` is one that the book never was in before or will be again, if the cards depend on nothing else.
    ``before``: how many of the list come before a page that was asked for by an id; ``last_id``: its last one;
    ``last_change``: the last change in the feed by then. ``missing``: the ids that were asked for and are no contacts.
    """

    cards: bytes
    count: int
    total: int
    state: bytes | None = None
    before: int = 0
    last_id: int | None = None
    last_change: int | None = None
    missing: tuple[int, ...] | None = None


class MembershipOutcome(Struct, frozen=True):
    """The outcome of a join or leave: changed, already so, and named but unknown."""

    changed: int
    already: int
    unknown: int
    suppressed: int = 0
    """Opted out of everything: these join nothing."""
    kept_out: int = 0
    """Left this group by their own word."""
