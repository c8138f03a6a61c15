"""The records that travel between the floors, and every limit, in one place.

Records are frozen. Times are whole microseconds since 1970 in UTC; numbers are E.164 digits as an integer.
This room must not know SQL, HTTP or files.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

# ---- limits -----------------------------------------------------------------------------------------

BODY_BYTES_MAX = 16 * 1024 * 1024
"""The largest body of a write."""
READ_BODY_BYTES_MAX = 64 * 1024
"""The largest body of a GET, QUERY, HEAD or DELETE."""
HEADERS_BYTES_MAX = 64 * 1024
"""The largest request head, the query string included."""
JSON_DEPTH_MAX = 32
"""Brackets within brackets in a JSON body."""
CONTACTS_PER_CALL_MAX = 10_000
"""Contacts in one create, and ids and mobiles in one join or leave."""
PER_PAGE_MAX = 1_000
"""Contacts on a page; also what a page has when nothing else is asked for."""
GROUPS_PER_PAGE_MAX = 1_000
"""Groups in one answer of the group list."""
ERRORS_MAX = 1_000
"""Wrong fields named in one answer."""
TEXT_MAX = 255
"""Characters of a name, city, company, e-mail, group or project."""
MOBILE_TEXT_MAX = 64
"""Characters of a mobile as it is written, before it is read."""
REASON_MAX = 255
"""Characters of a delete's reason."""
LABEL_MAX = 100
"""Characters of a key's label."""
ATTRIBUTES_MAX = 50
"""Custom attributes of one contact."""
ATTRIBUTE_NAME_MAX = 64
"""Characters of an attribute's name."""
ATTRIBUTE_TEXT_MAX = 1_000
"""Characters of an attribute's text."""
ID_MAX = 2**63 - 1
"""The largest id the databases can hold."""
CLOCK_AHEAD_SECONDS_MAX = 300
"""How far ahead of the server's clock a time given by a caller may be."""

# ---- time -------------------------------------------------------------------------------------------


def written_time(microseconds: int) -> str:
    """``2024-03-21T07:06:37.000000Z`` for microseconds since 1970 in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


# ---- records ----------------------------------------------------------------------------------------

OnError = Literal["refuse", "skip"]
AttributeValue = str | int | float | bool | None


class Project(Struct, frozen=True):
    """A project: one book of contacts, with its own keys and ids."""

    id: int
    name: str
    region: str
    on_error: OnError
    created_at: int
    former_names: tuple[str, ...] = ()
    """Folded names, the present one included, that requests may still use."""


class Key(Struct, frozen=True):
    """A key as it may be shown: never the secret."""

    id: int
    project_id: int
    label: str
    start: str
    read_only: bool
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None


class Actor(Struct, frozen=True):
    """Who does a write: a key and the request it came with, or ``None`` and a command's name."""

    key_id: int | None
    request_id: str


class Group(Struct, frozen=True):
    """A group and its exact count."""

    id: int
    name: str
    contacts: int
    created_at: int


class ContactGiven(Struct, gc=False):
    """A contact as a caller gives it: unread, unchecked. Absent fields are ``UNSET``, unknown ones dropped."""

    fname: str | None | UnsetType = UNSET
    mname: str | None | UnsetType = UNSET
    lname: str | None | UnsetType = UNSET
    mobile: str | int | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    city: str | None | UnsetType = UNSET
    company: str | None | UnsetType = UNSET
    attributes: dict[str, AttributeValue] | None | UnsetType = UNSET


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


class ContactRow(Struct, frozen=True, gc=False):
    """A row of a create that was read and found good: a number, and what is to be merged into its contact.

    ``None`` is what was absent or blank. ``tail`` is the card's JSON, should the contact be new, after its id.
    """

    index: int
    mobile: int
    texts: tuple[str | None, ...]
    """In the order of ``TEXT_FIELDS``."""
    attributes: dict[str, AttributeValue] | None
    tail: str


class Change(Struct, frozen=True):
    """What an update gives: only the fields that were sent; ``None`` clears."""

    mobile: int | None
    """``None``: not sent; a mobile cannot be cleared."""
    texts: dict[str, str | None]
    attributes: dict[str, AttributeValue] | None | UnsetType
    """A ``None`` value removes one attribute, ``None`` for all of them removes all, ``UNSET`` was not sent."""


Outcome = Literal["created", "updated", "unchanged", "duplicate", "invalid"]


class RowOutcome(Struct, frozen=True, omit_defaults=True):
    """What became of one row of a create."""

    index: int
    outcome: Outcome
    id: int | None = None
    mobile: str | None = None
    suppressed: bool = False
    errors: dict[str, list[str]] | None = None


class CreateOutcome(Struct, frozen=True):
    """What became of a create: counts that add up to the rows, suppressed ones apart, and each row's outcome."""

    created: int
    updated: int
    unchanged: int
    duplicate: int
    invalid: int
    suppressed: int
    rows: list[RowOutcome]
    """Empty unless asked for."""


class Page(Struct, frozen=True):
    """One page of a list: the cards' JSON joined with commas, how many they are, and the list's exact total."""

    cards: bytes
    count: int
    total: int


class MembershipOutcome(Struct, frozen=True):
    """What became of a join or leave: changed, already so, and named but unknown."""

    changed: int
    already: int
    unknown: int
