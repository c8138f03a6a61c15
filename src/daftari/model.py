"""The records that travel between the floors, and every limit, in one place.

Records are frozen. Times are whole microseconds since 1970 in UTC; numbers are E.164 digits as an integer.
This room must not know SQL, HTTP or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

# ---- limits -----------------------------------------------------------------------------------------

BODY_BYTES_MAX = 16 * 1024 * 1024
"""The largest body of a write."""
FILE_BYTES_MAX = 1024 * 1024 * 1024
"""The largest file that an import takes."""
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
FIRST_ID_MAX = ID_MAX // 2
"""The largest id a book may begin with, or take over: half of all there are stay free."""
CLOCK_AHEAD_SECONDS_MAX = 300
"""How far ahead of the server's clock a time given by a caller may be."""
FACTS_PER_CALL_MAX = 10_000
"""Opt-outs or opt-ins in one call, and numbers in one question."""
FACTS_PER_NUMBER_MAX = 100
"""Facts about one number in one call: each is weighed against all others."""
SENDER_MAX = 64
"""Characters of a sender or of a premium keyword."""
IMPORTS_PER_PAGE_MAX = 100
"""Imports in one answer of their list."""
IMPORT_ROWS_PER_PAGE_MAX = 1_000
"""Rows of an import in one answer."""
STREAM_ROWS_MAX = 100_000
"""Rows that one call streams; the next call goes on."""
EVIDENCE_MAX = 2_000
"""Characters of each member of a fact's evidence, and of a message that is kept for review."""
MESSAGE_ID_MAX = 200
"""Characters of a provider's message id."""
OPT_OUTS_PER_PAGE_MAX = 1_000
"""Opt-outs in one answer of their list, and items in one answer of a review or recheck."""
AUDIENCE_GROUPS_MAX = 100
"""Groups that one audience may name."""
AUDIENCE_DAYS = 90
"""How long a frozen audience is kept."""
IDEMPOTENCY_KEY_MAX = 255
"""Characters of an Idempotency-Key."""
REPLAY_HOURS = 24
"""How long the answer to a write with an Idempotency-Key is kept."""
EXPORTS_MAX = 20
"""Exports kept a project."""
EXPORT_HOURS = 24
"""How long an export is kept."""
QUARANTINE_MAX = 10_000
"""Refused inbound requests kept a project; beyond, they are only counted."""
INBOUND_BODY_BYTES_MAX = 1024 * 1024
"""The largest body that an inbound call takes, and that is kept when it is refused."""

# ---- time -------------------------------------------------------------------------------------------


def written_time(microseconds: int) -> str:
    """``2024-03-21T07:06:37.000000Z`` for microseconds since 1970 in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


# ---- records ----------------------------------------------------------------------------------------

OnError = Literal["refuse", "skip"]
ANY = "*"
"""In a scope: every channel, sender or purpose."""
CHANNELS = ("sms", "whatsapp", "premium_sms")
PURPOSES = ("marketing", "transactional")
StopScope = Literal["everything", "channel", "sender", "marketing"]
"""What a plain STOP and a DELETE mean: everything; everything on that channel; that sender there; all marketing."""
OnDelete = Literal["opt_out", "removal"]
ExportFormat = Literal["csv", "xlsx", "ndjson", "vcard"]
AttributeValue = str | int | float | bool | None


class ConsentSettings(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a project reads what people say. ``None`` means the default of the region or of the house."""

    stop_scope: StopScope = "everything"
    on_delete: OnDelete = "opt_out"
    require_opt_in: bool = False
    """Whether a number without an opt-in may not be messaged."""
    quiet_hours: str | None = None
    """When sending is allowed, ``08:00-18:00 Africa/Nairobi``, or ``off``."""
    opt_out_words: tuple[str, ...] | None = None
    opt_in_words: tuple[str, ...] | None = None
    help_words: tuple[str, ...] | None = None


class Project(Struct, frozen=True):
    """A project: one book of contacts, with its own keys and ids."""

    id: int
    name: str
    region: str
    on_error: OnError
    created_at: int
    former_names: tuple[str, ...] = ()
    """Folded names, the present one included, that requests may still use."""
    consent: ConsentSettings = ConsentSettings()


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


class ContactRow(Struct, frozen=True, gc=False, array_like=True):
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
    kept_out: bool = False
    """Left the group named by the person's own word, and did not join it again."""
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


class UpdateOutcome(Struct, frozen=True):
    """What became of an update: whether the number is suppressed, or left the group named by its own word.

    ``version`` names the card as it is now.
    """

    suppressed: bool
    kept_out: bool
    version: str


class ShownContact(Struct, frozen=True):
    """A contact's JSON as it is served, and its card: the part of it that an update may change."""

    card: bytes
    served: bytes


class Page(Struct, frozen=True):
    """One page of a list: the cards' JSON joined with commas, how many they are, and the list's exact total.

    ``state`` is one that the book never was in before or will be again, if the cards depend on nothing else.
    """

    cards: bytes
    count: int
    total: int
    state: bytes | None = None


class MembershipOutcome(Struct, frozen=True):
    """What became of a join or leave: changed, already so, and named but unknown."""

    changed: int
    already: int
    unknown: int
    suppressed: int = 0
    """Opted out of everything: these join nothing."""
    kept_out: int = 0
    """Left this group by their own word."""


# ---- consent ----------------------------------------------------------------------------------------

FactKind = Literal["opt_out", "opt_in", "left_group", "activated", "deactivated", "retraction"]
Source = Literal["api", "inbound", "provider", "import", "bulk", "console", "form", "delete", "erasure"]


class Scope(Struct, frozen=True):
    """What a fact is about: a channel, a sender as it was written, and a purpose; each may be ``ANY``."""

    channel: str = ANY
    sender: str = ANY
    purpose: str = ANY


class Fact(Struct, frozen=True, gc=False):
    """Something that is known about a number, never changed once it is recorded.

    ``keyword`` is the premium service's, or the folded name of the group that was left. ``message`` is a keyed digest
    of the provider's message id, by which a repeated one is known. ``evidence`` is a JSON object.
    """

    id: int
    kind: FactKind
    scope: Scope
    at: int
    recorded_at: int
    source: Source
    keyword: str = ""
    group_id: int | None = None
    override: bool = False
    retracts: int | None = None
    """The fact that was none: a retraction takes it back, as if it had never been said."""
    message: str | None = None
    key_id: int | None = None
    evidence: str | None = None


class NewFact(Struct, frozen=True, gc=False, array_like=True):
    """A fact that is to be recorded, read and found good. ``index`` is its place among what was given."""

    index: int
    mobile: int
    kind: FactKind
    scope: Scope
    at: int
    source: Source
    keyword: str = ""
    group_id: int | None = None
    override: bool = False
    retracts: int | None = None
    message_id: str | None = None
    """The provider's name and message id, ``twilio:SM…``."""
    evidence: str | None = None


FactOutcomeName = Literal["recorded", "unchanged", "refused", "invalid"]


class FactOutcome(Struct, frozen=True, omit_defaults=True):
    """What became of one fact that was given."""

    index: int
    outcome: FactOutcomeName
    mobile: str | None = None
    suppressed: bool = False
    """Whether the number is blocked for everything now."""
    left_groups: tuple[str, ...] = ()
    still_billed: bool = False
    """Opted out of premium messages, with a paid subscription that is still active."""
    errors: dict[str, list[str]] | None = None


# ---- what providers send -------------------------------------------------------------------------------


class InboundRequest(Struct, frozen=True):
    """A provider's request as it arrived. ``url`` is the public one, query included; header names are lower-case."""

    method: str
    url: str
    query: str
    media_type: str
    headers: Mapping[str, str]
    body: bytes


class InboundMessage(Struct, frozen=True):
    """A message that a person sent. ``number`` is a text to be read; with a ``+`` when it is surely international.

    ``sender`` is our side: the number or name that the person wrote to. ``at`` is ``None`` when the provider tells no
    time, or one without a zone. ``means`` is what the provider itself already took the message for.
    """

    number: str
    channel: str
    sender: str
    text: str
    message_id: str | None
    at: int | None
    means: Literal["opt_out", "opt_in", "help"] | None = None


class InboundSignal(Struct, frozen=True):
    """A provider's own word about consent: a code, a menu, a preference. ``number`` is ``None`` when none is told."""

    number: str | None
    kind: Literal["opt_out", "opt_in"]
    scope: Scope
    code: str
    message_id: str | None
    at: int | None


class InboundSubscription(Struct, frozen=True):
    """A paid premium service that begins or ends for a number."""

    number: str
    sender: str
    keyword: str
    active: bool
    message_id: str | None
    at: int | None


class InboundUnreadable(Struct, frozen=True):
    """One item of several that could not be read; it hides none of the others. ``said`` is the item as it came."""

    said: str
    why: str


InboundEvent = InboundMessage | InboundSignal | InboundSubscription | InboundUnreadable
