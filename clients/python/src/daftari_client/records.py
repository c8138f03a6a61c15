"""What the calls return: frozen records with the members that the server documents.

They are read leniently. Members that are not known are ignored, and all but what makes a record what it is may be
missing, because another version, or another service with the same calls, may say less. This module must not know calls.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Record(Struct, frozen=True, kw_only=True):
    """The root of all that is returned."""


class Page(Record, Generic[T], frozen=True, kw_only=True):
    """Some items of a list, and what to give as ``after`` for those that follow; ``None`` at the end."""

    items: list[T]
    next: str | None = None


# ---- consent ----------------------------------------------------------------------------------------


class Cell(Record, frozen=True, kw_only=True):
    """A channel and a purpose; ``None`` is any."""

    channel: str | None = None
    purpose: str | None = None


class SenderConsent(Record, frozen=True, kw_only=True):
    """What holds for one sender."""

    sender: str
    blocked: list[Cell] = []
    opted_in: list[Cell] = []


class Subscription(Record, frozen=True, kw_only=True):
    """A paid premium service that is running."""

    sender: str | None = None
    keyword: str


class Fact(Record, frozen=True, kw_only=True):
    """An opt-out, an opt-in or another fact about a number. Parts of the scope that are ``None`` are any.

    ``text`` is the fact as a sentence, where the call tells it.
    """

    id: int
    kind: str
    channel: str | None = None
    sender: str | None = None
    purpose: str | None = None
    group: str | None = None
    keyword: str | None = None
    at: datetime
    recorded_at: datetime | None = None
    source: str | None = None
    override: bool = False
    retracts: int | None = None
    evidence: dict[str, str] | None = None
    text: str | None = None


class Consent(Record, frozen=True, kw_only=True):
    """What may be sent to a number. ``blocked`` and ``opted_in`` hold for senders that ``senders`` does not name."""

    suppressed: bool = False
    blocked: list[Cell] = []
    opted_in: list[Cell] = []
    senders: list[SenderConsent] = []
    left_groups: list[str] = []
    subscriptions: list[Subscription] = []


class NumberConsent(Consent, frozen=True, kw_only=True):
    """All that is known about one number, with every fact in the order of time."""

    mobile: str | None = None
    contact_id: int | None = None
    still_billed: bool = False
    facts: list[Fact] = []


class OptOut(Fact, frozen=True, kw_only=True):
    """An opt-out that holds."""

    mobile: str


class FactOutcome(Record, frozen=True, kw_only=True):
    """What became of one number: ``recorded``, ``unchanged``, ``refused`` or ``invalid``."""

    index: int
    outcome: str
    mobile: str | None = None
    suppressed: bool = False
    left_groups: list[str] = []
    still_billed: bool = False
    errors: dict[str, list[str]] = {}


class FactsRecorded(Record, frozen=True, kw_only=True):
    """How many facts were recorded. ``results`` are there when they were asked for."""

    recorded: int
    unchanged: int = 0
    refused: int = 0
    invalid: int = 0
    left_groups: list[str] = []
    results: list[FactOutcome] = []
    errors: dict[str, list[str]] = {}


class NearMissKey(Record, frozen=True, kw_only=True):
    """A key: how it begins, and its label."""

    start: str
    label: str | None = None


class NearMiss(Record, frozen=True, kw_only=True):
    """How often somebody tried to bring back people who opted out."""

    key: NearMissKey | None = None
    source: str
    import_id: int | None = None
    tries: int
    first_at: datetime
    last_at: datetime


class Reason(Record, frozen=True, kw_only=True):
    """Why a number may be messaged or not: a code for programs, a sentence for people, the fact if there is one."""

    code: str
    text: str = ""
    fact: Fact | None = None


class Judgement(Record, frozen=True, kw_only=True):
    """Whether a number may be messaged. ``id`` is there when it was asked about by its contact's id."""

    allowed: bool
    mobile: str | None = None
    id: int | str | None = None
    reasons: list[Reason] = []
    still_billed: bool = False


# ---- contacts and groups ----------------------------------------------------------------------------


class Contact(Record, frozen=True, kw_only=True):
    """One contact. ``groups``, ``consent`` and ``updated_at`` are ``None`` unless ``include`` asked for them."""

    id: int
    fname: str | None = None
    mname: str | None = None
    lname: str | None = None
    mobile: str
    email: str | None = None
    city: str | None = None
    company: str | None = None
    created_at: datetime | None = None
    attributes: dict[str, str | int | float | bool] = {}
    groups: list[str] | None = None
    consent: Consent | None = None
    updated_at: datetime | None = None


class ContactPage(Record, frozen=True, kw_only=True):
    """A page of contacts. ``total`` is how many there are on all pages."""

    data: list[Contact]
    current_page: int = 1
    per_page: int | None = None
    total: int | None = None
    last_page: int | None = None
    next_page_url: str | None = None


class RowOutcome(Record, frozen=True, kw_only=True):
    """What became of one row of a create: ``created``, ``updated``, ``unchanged``, ``duplicate`` or ``invalid``."""

    index: int
    outcome: str
    id: int | None = None
    mobile: str | None = None
    suppressed: bool = False
    kept_out: bool = False
    errors: dict[str, list[str]] = {}


class Created(Record, frozen=True, kw_only=True):
    """What a create did. Counts are ``None`` where a service does not tell them."""

    message: str = ""
    created: int | None = None
    updated: int | None = None
    unchanged: int | None = None
    duplicate: int | None = None
    invalid: int | None = None
    suppressed: int | None = None
    results: list[RowOutcome] = []
    errors: dict[str, list[str]] = {}


class Updated(Record, frozen=True, kw_only=True):
    """An update went through. ``suppressed`` or ``kept_out``: the fields were changed and the group was not joined."""

    message: str = ""
    suppressed: bool = False
    kept_out: bool = False


class Deleted(Record, frozen=True, kw_only=True):
    """A delete went through."""

    message: str = ""


class Group(Record, frozen=True, kw_only=True):
    """A group and how many contacts it has."""

    name: str
    contacts: int = 0
    created_at: datetime | None = None


class Joined(Record, frozen=True, kw_only=True):
    """What a join did, by number of contacts."""

    joined: int
    already: int = 0
    unknown: int = 0
    suppressed: int = 0
    kept_out: int = 0


class Left(Record, frozen=True, kw_only=True):
    """What a leave did, by number of contacts."""

    left: int
    already: int = 0
    unknown: int = 0


# ---- audiences --------------------------------------------------------------------------------------


class AudienceMember(Record, frozen=True, kw_only=True):
    """Somebody who may be messaged."""

    mobile: str
    id: int | None = None


class AudienceEnd(Record, frozen=True, kw_only=True):
    """How many were told, and how many were left out by reason."""

    count: int
    excluded: dict[str, int] = {}


class Audience(Record, frozen=True, kw_only=True):
    """A frozen audience. ``digest`` is the SHA-256 of its numbers ascending, a line feed after each."""

    id: int
    count: int
    digest: str
    excluded: dict[str, int] = {}
    erased: int = 0
    everyone: bool = False
    groups: list[str] = []
    match: str = "any"
    not_groups: list[str] = field(default_factory=list, name="not")
    channel: str | None = None
    sender: str | None = None
    purpose: str | None = None
    keyword: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


class NumberPage(Record, frozen=True, kw_only=True):
    """A page of a frozen audience. It may have fewer numbers than places: some were blocked since."""

    data: list[str]
    current_page: int = 1
    per_page: int | None = None
    total: int | None = None
    last_page: int | None = None
    next_page_url: str | None = None


class FrozenPage(Record, frozen=True, kw_only=True):
    """A frozen audience and a page of its numbers."""

    audience: Audience
    mobiles: NumberPage


class Blocked(Record, frozen=True, kw_only=True):
    """A number of a frozen audience that may not be messaged any more, and why."""

    mobile: str
    reasons: list[Reason] = []


class ComparisonCounts(Record, frozen=True, kw_only=True):
    """How many numbers two audiences share, and how many only one has."""

    both: int
    only_in_this: int
    only_in_other: int


class Comparison(Record, frozen=True, kw_only=True):
    """Two audiences compared: the counts, and the first 1,000 numbers that only one has."""

    counts: ComparisonCounts
    only_in_this: list[str] = []
    only_in_other: list[str] = []


# ---- people's rights, and what came in --------------------------------------------------------------


class Erased(Record, frozen=True, kw_only=True):
    """A number was erased. ``removed`` counts what went, by kind."""

    id: int
    removed: dict[str, int] = {}


class Review(Record, frozen=True, kw_only=True):
    """Something that came in and a person should look at."""

    id: int
    mobile: str | None = None
    at: datetime
    provider: str
    channel: str | None = None
    sender: str | None = None
    why: str
    text: str
    settled_at: datetime | None = None
    settled_as: str | None = None


class Removal(Record, frozen=True, kw_only=True):
    """A delete that was no opt-out."""

    at: datetime
    reason: str | None = None


class JournalEntry(Record, frozen=True, kw_only=True):
    """When something was written about a contact, and by which key."""

    at: datetime
    action: str
    key_id: int | None = None


class NumberExport(Record, frozen=True, kw_only=True):
    """All that is held about a number, for whoever asks for it."""

    mobile: str
    exported_at: datetime
    contact: Contact | None = None
    updated_at: datetime | None = None
    groups: list[str] = []
    consent: NumberConsent | None = None
    removals: list[Removal] = []
    reviews: list[Review] = []
    audiences: list[int] = []
    journal: list[JournalEntry] = []


# ---- files in and out -------------------------------------------------------------------------------


class Column(Record, frozen=True, kw_only=True):
    """A column of a file, and the field that it became; ``None`` when it was left out."""

    name: str
    field: str | None = None


class Undone(Record, frozen=True, kw_only=True):
    """What an undo did: put back, kept because it changed since, failed."""

    reversed: int = 0
    kept: int = 0
    failed: int = 0


class Import(Record, frozen=True, kw_only=True):
    """A file on its way in.

    ``state`` is ``queued``, ``running``, ``paused``, ``done``, ``failed`` or ``cancelled``; ``phase`` is ``plan``,
    ``apply`` or ``undo``. ``counts`` are by outcome and add up to ``rows``. ``rate`` is rows a second.
    """

    id: int
    state: str
    phase: str | None = None
    kind: str | None = None
    name: str | None = None
    format: str | None = None
    group: str | None = None
    columns: list[Column] | None = None
    bytes: int | None = None
    bytes_read: int | None = None
    rows: int | None = None
    counts: dict[str, int] | None = None
    suppressed: int | None = None
    joined: int | None = None
    rate: float | None = None
    seconds_left: float | None = None
    error: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    undo: Undone | None = None


class ImportRow(Record, frozen=True, kw_only=True):
    """What became of one row of a file, or would: ``row`` counts from 1, ``why`` says what was wrong."""

    row: int
    outcome: str
    id: int | None = None
    mobile: str | None = None
    why: str | None = None


class StreamedRow(ImportRow, frozen=True, kw_only=True):
    """What became of one contact of a stream. ``row`` counts those given, from 1; ``import_id`` is where it is kept."""

    import_id: int | None = None


class Export(Record, frozen=True, kw_only=True):
    """A file on its way out. ``state`` is as that of an import."""

    id: int
    state: str
    format: str | None = None
    rows: int | None = None
    bytes: int | None = None
    error: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


# ---- the service ------------------------------------------------------------------------------------


class Health(Record, frozen=True, kw_only=True):
    """The server answers, and so does its database."""

    status: str
    version: str | None = None
