"""What the calls return: frozen records with the members of the API's documented schemas.

Decoding is lenient. Unknown members are ignored, and most members have a default, because an older server or another
service with the same calls may send less. No calls here, and no HTTP.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Record(Struct, frozen=True, kw_only=True):
    """The base class of all records."""


class Page(Record, Generic[T], frozen=True, kw_only=True):
    """Part of a list. Pass ``next`` as ``after`` to get the next part; it is ``None`` on the last one."""

    items: list[T]
    next: str | None = None


class NumberedPage(Record, frozen=True, kw_only=True):
    """Where a numbered page is in its list. ``from_`` and ``to`` are the positions of its first and last item, from 1;
    ``total`` is how many items all pages have together.
    """

    current_page: int = 1
    first_page_url: str | None = None
    from_: int | None = field(default=None, name="from")
    last_page: int | None = None
    last_page_url: str | None = None
    next_page_url: str | None = None
    path: str | None = None
    per_page: int | None = None
    prev_page_url: str | None = None
    to: int | None = None
    total: int | None = None


# ---- consent ----------------------------------------------------------------------------------------


class Cell(Record, frozen=True, kw_only=True):
    """A channel and a purpose; ``None`` means any."""

    channel: str | None = None
    purpose: str | None = None


class SenderConsent(Record, frozen=True, kw_only=True):
    """The consent that holds for one sender."""

    sender: str
    blocked: list[Cell] = []
    opted_in: list[Cell] = []


class Subscription(Record, frozen=True, kw_only=True):
    """An active subscription to a paid premium service."""

    sender: str | None = None
    keyword: str


class RecordedFact(Record, frozen=True, kw_only=True):
    """What every fact about a number has. ``None`` in ``channel``, ``sender`` or ``purpose`` means any.

    ``at`` is when it happened, ``recorded_at`` when the server recorded it.
    """

    id: int
    kind: str
    channel: str | None = None
    sender: str | None = None
    purpose: str | None = None
    at: datetime
    recorded_at: datetime | None = None
    source: str | None = None
    evidence: dict[str, str] | None = None


class Fact(RecordedFact, frozen=True, kw_only=True):
    """An opt-out, an opt-in or another fact about a number. ``retracts`` is the id of the fact that it takes back.

    ``text`` is the fact as a sentence; only ``contacts.consent`` and ``contacts.export`` send it.
    """

    group: str | None = None
    keyword: str | None = None
    single: bool = False
    override: bool = False
    retracts: int | None = None
    text: str | None = None


class OptOut(RecordedFact, frozen=True, kw_only=True):
    """An opt-out that is in force."""

    mobile: str


class Consent(Record, frozen=True, kw_only=True):
    """What may be sent to a number. ``senders`` lists the senders for which something else holds."""

    suppressed: bool = False
    blocked: list[Cell] = []
    opted_in: list[Cell] = []
    senders: list[SenderConsent] = []
    left_groups: list[str] = []
    subscriptions: list[Subscription] = []


class NumberConsent(Consent, frozen=True, kw_only=True):
    """The consent of one number and all its facts in order of time."""

    mobile: str | None = None
    contact_id: int | None = None
    still_billed: bool = False
    facts: list[Fact] = []


class FactOutcome(Record, frozen=True, kw_only=True):
    """The outcome for one number: ``recorded``, ``unchanged``, ``refused`` or ``invalid``."""

    index: int
    outcome: str
    mobile: str | None = None
    suppressed: bool = False
    left_groups: list[str] = []
    still_billed: bool = False
    errors: dict[str, list[str]] = {}


class FactsRecorded(Record, frozen=True, kw_only=True):
    """How many facts were recorded. ``results`` is empty unless the call asked for it."""

    message: str = ""
    recorded: int
    unchanged: int = 0
    refused: int = 0
    invalid: int = 0
    left_groups: list[str] = []
    results: list[FactOutcome] = []
    errors: dict[str, list[str]] = {}


class NamedUser(Record, frozen=True, kw_only=True):
    """A user of the console, and whether the user was removed since."""

    id: int
    name: str
    former: bool = False


class NearMissKey(Record, frozen=True, kw_only=True):
    """The API key that tried: its first characters and its label."""

    start: str
    label: str | None = None


class NearMiss(Record, frozen=True, kw_only=True):
    """Attempts of one key or user to add numbers again that had opted out."""

    key: NearMissKey | None = None
    user: NamedUser | None = None
    source: str
    import_id: int | None = None
    tries: int
    first_at: datetime
    last_at: datetime


class Reason(Record, frozen=True, kw_only=True):
    """Why a number may or may not be messaged: a code for programs, a sentence for people, and the fact, if any."""

    code: str
    text: str = ""
    fact: Fact | None = None


class Judgement(Record, frozen=True, kw_only=True):
    """Whether a number may be messaged. ``id`` is set when the question named the contact's id."""

    allowed: bool
    mobile: str | None = None
    id: int | str | None = None
    reasons: list[Reason] = []
    still_billed: bool = False


# ---- contacts and groups ----------------------------------------------------------------------------


class Contact(Record, frozen=True, kw_only=True):
    """One contact. ``groups``, ``consent`` and ``updated_at`` are ``None`` unless ``include`` asked for them.

    ``etag`` is the version of the contact, for ``if_match``. Only ``contacts.get`` sets it. ``suppressed`` is set only
    where contacts are asked for by ``ids``.
    """

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
    suppressed: bool = False
    etag: str | None = None


class ContactPage(NumberedPage, frozen=True, kw_only=True):
    """A page of contacts. ``seq`` is how far the feed was, on a page that was asked for by ``after_id``.

    ``missing`` are the ids that no contact has, of those that were asked for.
    """

    data: list[Contact]
    missing: list[int] = []
    seq: int | None = None


class FoundContacts(Record, frozen=True, kw_only=True):
    """Contacts that a search found. Pass ``next`` as ``after`` to get the following ones; it is ``None`` for the last.

    ``indexed_until`` is set while the search index is far behind: what was written before it is found.
    """

    contacts: list[Contact]
    next: str | None = None
    indexed_until: datetime | None = None


class RowOutcome(Record, frozen=True, kw_only=True):
    """The outcome of one row of a create: ``created``, ``updated``, ``unchanged``, ``duplicate`` or ``invalid``."""

    index: int
    outcome: str
    id: int | None = None
    mobile: str | None = None
    suppressed: bool = False
    kept_out: bool = False
    errors: dict[str, list[str]] = {}


class Created(Record, frozen=True, kw_only=True):
    """The counts of a create. A count is ``None`` when the service does not send it."""

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
    """The result of an update. ``suppressed`` or ``kept_out``: the fields changed, the contact did not join the group.

    ``etag`` is the version that the contact has now. ``kept_groups``: those that a move did not leave, since
    connections keep them in step.
    """

    message: str = ""
    suppressed: bool = False
    kept_out: bool = False
    kept_groups: list[str] = []
    etag: str | None = None


class Deleted(Record, frozen=True, kw_only=True):
    """The result of a delete."""

    message: str = ""


class GroupConnection(Record, frozen=True, kw_only=True):
    """A connection that fills a group. Every change there before ``complete_until`` is in the group."""

    id: int
    name: str
    kind: str | None = None
    keep: str | None = None
    state: str | None = None
    reason: str | None = None
    complete_until: datetime | None = None


class Freshness(Record, frozen=True, kw_only=True):
    """The oldest of some groups that connections fill. Every change before ``complete_until`` is in all of them."""

    group: str
    connection: str
    state: str | None = None
    reason: str | None = None
    complete_until: datetime | None = None


class Group(Record, frozen=True, kw_only=True):
    """A group and its number of contacts. ``connections`` fill it; they are read by ``list`` and ``get`` alone."""

    name: str
    contacts: int = 0
    created_at: datetime | None = None
    connections: list[GroupConnection] = []


class Joined(Record, frozen=True, kw_only=True):
    """How many contacts joined a group, and how many did not and why."""

    message: str = ""
    joined: int
    already: int = 0
    unknown: int = 0
    suppressed: int = 0
    kept_out: int = 0


class Left(Record, frozen=True, kw_only=True):
    """How many contacts left a group, and how many did not and why."""

    message: str = ""
    left: int
    already: int = 0
    unknown: int = 0


# ---- audiences --------------------------------------------------------------------------------------


class AudienceMember(Record, frozen=True, kw_only=True):
    """A number that may be messaged, and the id of its contact."""

    mobile: str
    id: int | None = None


class AudienceEnd(Record, frozen=True, kw_only=True):
    """How many numbers the audience has, and how many were left out, by reason."""

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
    freshness: Freshness | None = None


class NumberPage(NumberedPage, frozen=True, kw_only=True):
    """A page of the numbers of a frozen audience. Numbers that were blocked since are missing, so it may be short."""

    data: list[str]


class FrozenPage(Record, frozen=True, kw_only=True):
    """A frozen audience and a page of its numbers."""

    audience: Audience
    mobiles: NumberPage


class Blocked(Record, frozen=True, kw_only=True):
    """A number of a frozen audience that may no longer be messaged, and why."""

    mobile: str
    reasons: list[Reason] = []


class ComparisonCounts(Record, frozen=True, kw_only=True):
    """How many numbers are in both audiences, and how many in only one of them."""

    both: int
    only_in_this: int
    only_in_other: int


class Comparison(Record, frozen=True, kw_only=True):
    """The difference between two audiences: the counts, and up to 1,000 numbers that are in only one of them."""

    counts: ComparisonCounts
    only_in_this: list[str] = []
    only_in_other: list[str] = []


# ---- erasures, subject exports and reviews ----------------------------------------------------------


class Erased(Record, frozen=True, kw_only=True):
    """The result of an erasure. ``removed`` counts what was deleted, by kind."""

    message: str = ""
    id: int
    removed: dict[str, int] = {}


class Review(Record, frozen=True, kw_only=True):
    """An inbound message that a person should look at. ``settled_at`` is ``None`` until someone has."""

    id: int
    mobile: str | None = None
    at: datetime
    provider: str
    channel: str | None = None
    sender: str | None = None
    why: str
    text: str
    user_id: str | None = None
    settled_at: datetime | None = None
    settled_as: str | None = None


class ReviewPage(Page[Review], frozen=True, kw_only=True):
    """Part of the list of reviews. ``quarantined`` counts the inbound requests that were refused and kept."""

    quarantined: int | None = None


class Removal(Record, frozen=True, kw_only=True):
    """A delete of a contact that did not count as an opt-out."""

    at: datetime
    reason: str | None = None


class JournalEntry(Record, frozen=True, kw_only=True):
    """When something about a contact was written, and with which key or by which user."""

    at: datetime
    action: str
    key_id: int | None = None
    user_id: int | None = None


class Reply(Record, frozen=True, kw_only=True):
    """What a person wrote after a message."""

    at: datetime
    text: str


class Message(Record, frozen=True, kw_only=True):
    """One text to one number. ``state`` ``unknown``: it is not known whether the provider took it.

    ``mobile`` is ``None`` once the number was erased. ``campaign`` or ``trigger`` is the id of the one that it is of.
    """

    id: int
    state: str
    mobile: str | None = None
    sender: str | None = None
    channel: str | None = None
    origin: str | None = None
    campaign: int | None = None
    trigger: int | None = None
    key: str | None = None
    purpose: str | None = None
    reason: str | None = None
    code: str | None = None
    says: str | None = None
    attempt: int = 1
    text: str = ""
    parts: int = 0
    due_at: datetime | None = None
    until: datetime | None = None
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    provider_ids: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()


class KeptEvent(Record, frozen=True, kw_only=True):
    """What happened to a number. ``joins``: the group that it joined, where no program reported it."""

    name: str
    at: datetime
    received_at: datetime
    joins: str | None = None
    key: str = ""
    fields: dict[str, str | int | float | bool | None] = {}


class ExternalLink(Record, frozen=True, kw_only=True):
    """A record of a connected system that has a number."""

    connection: str
    id: str
    url: str | None = None
    state: str


class AnnouncedRecord(Record, frozen=True, kw_only=True):
    """What a connected system announced of a record and is not applied yet."""

    connection: str
    id: str
    fields: dict[str, str] = {}


class KeptCart(Record, frozen=True, kw_only=True):
    """A cart of a connected shop. ``at``: when it last changed there."""

    connection: str
    key: str
    state: str
    email: str | None = None
    customer: str | None = None
    began_at: datetime
    at: datetime
    fields: dict[str, str | int | float | bool | None] = {}


class KeptOrder(Record, frozen=True, kw_only=True):
    """An order of a connected shop."""

    connection: str
    id: str
    at: datetime


class NumberExport(Record, frozen=True, kw_only=True):
    """Everything that is stored about a number, for a subject access request."""

    mobile: str
    exported_at: datetime
    contact: Contact | None = None
    updated_at: datetime | None = None
    groups: list[str] = []
    consent: NumberConsent | None = None
    near_misses: list[NearMiss] = []
    removals: list[Removal] = []
    reviews: list[Review] = []
    whatsapp_users: list[str] = []
    messages: list[Message] = []
    events: list[KeptEvent] = []
    carts: list[KeptCart] = []
    cart_orders: list[KeptOrder] = []
    announced_records: list[AnnouncedRecord] = []
    external_links: list[ExternalLink] = []
    audiences: list[int] = []
    journal: list[JournalEntry] = []


# ---- the service ------------------------------------------------------------------------------------


class Health(Record, frozen=True, kw_only=True):
    """The state of the server and its database."""

    status: str
    version: str | None = None
