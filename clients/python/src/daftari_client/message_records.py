"""What the calls about senders, messages, campaigns and triggers return, as ``records``."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from daftari_client.records import Freshness, Record

# ---- senders ----------------------------------------------------------------------------------------


class Sender(Record, frozen=True, kw_only=True):
    """What people see messages come from. ``credentials`` are the names of those that are stored.

    ``paused`` and ``waits_for`` say why it sends nothing. ``reports_url`` is the address to give the provider, which
    only a key of kind ``manage`` sees.
    """

    id: int
    name: str
    channel: str
    gateway: str
    settings: dict[str, str] = field(default_factory=dict)
    credentials: list[str] = field(default_factory=list)
    purpose: str | None = None
    parts_per_second: int | None = None
    daily_max: int = 0
    in_flight: int | None = None
    hours: str | None = None
    suffix: str = ""
    part_price: str = ""
    on_unknown: str | None = None
    keyword: str = ""
    answers_as: list[str] = field(default_factory=list)
    paused: str | None = None
    waits_for: str | None = None
    sent_today: int = 0
    reports_url: str | None = None
    verify_token: str | None = None
    reports_note: str | None = None
    created_at: datetime | None = None


class SenderCheck(Record, frozen=True, kw_only=True):
    """What a check found. ``works`` is ``None`` where the provider has no such call."""

    works: bool | None = None
    says: str
    balance: str | None = None


# ---- messages ---------------------------------------------------------------------------------------


class MessageOutcome(Record, frozen=True, kw_only=True):
    """The outcome of one item: ``waiting``, ``duplicate`` or ``invalid``."""

    index: int
    outcome: str
    id: int | None = None
    mobile: str | None = None
    warning: str | None = None
    errors: dict[str, list[str]] | None = None


class MessagesCreated(Record, frozen=True, kw_only=True):
    """What a call did. ``ids`` are those of the messages that wait."""

    waiting: int
    duplicate: int = 0
    invalid: int = 0
    ids: tuple[int, ...] = ()
    results: tuple[MessageOutcome, ...] = ()
    errors: dict[str, list[str]] = field(default_factory=dict)


# ---- campaigns --------------------------------------------------------------------------------------


class CampaignRetry(Record, frozen=True, kw_only=True):
    """New attempts that were asked for. ``too_early``: messages that may still be delivered, and were left."""

    states: tuple[str, ...] = ()
    may_repeat: bool = False
    retried: int = 0
    too_early: int = 0
    done: bool = False


class Campaign(Record, frozen=True, kw_only=True):
    """One text to an audience. ``states`` adds up to ``count``; both are there once it has started.

    ``reason`` says why it is paused, ``resumes_at`` until when it waits for sending hours. ``freshness`` is its oldest
    group, while that is being read or could not be read in time.
    """

    id: int
    name: str
    state: str
    reason: str | None = None
    freshness: Freshness | None = None
    provider_says: str | None = None
    sender: str | None = None
    channel: str | None = None
    purpose: str | None = None
    text: str | None = None
    plain: bool = False
    template: str | None = None
    language: str | None = None
    params: tuple[str, ...] = ()
    everyone: bool = False
    groups: tuple[str, ...] = ()
    match: str | None = None
    not_: tuple[str, ...] = field(default=(), name="not")
    at: datetime | None = None
    until: datetime | None = None
    audience: int | None = None
    count: int | None = None
    expected: int | None = None
    found: int | None = None
    states: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    parts: int = 0
    cost: str | None = None
    sender_paused: str | None = None
    resumes_at: datetime | None = None
    reports_may_follow: bool = False
    retry: CampaignRetry | None = None
    key_id: int | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class CampaignUnicode(Record, frozen=True, kw_only=True):
    """Messages of which a part holds 70 characters and not 160, and the characters that make them so."""

    count: int = 0
    because: tuple[str, ...] = ()


class CampaignSample(Record, frozen=True, kw_only=True):
    """What one recipient would get.

    ``why``: the ``longest``, the ``costliest``, the ``shortest``, one with ``no_field``, or any ``other``.
    """

    mobile: str
    why: str | None = None
    text: str | None = None
    parts: int = 0


class CampaignPreview(Record, frozen=True, kw_only=True):
    """What a campaign would send. ``parts``: how many people would get so many; ``missing``: who lacks a field."""

    count: int
    excluded: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    unicode: CampaignUnicode = CampaignUnicode()
    cost: str | None = None
    missing: dict[str, int] = field(default_factory=dict)
    too_long: int = 0
    plain: dict[str, str] = field(default_factory=dict)
    finishes_at: datetime | None = None
    samples: tuple[CampaignSample, ...] = ()
    freshness: Freshness | None = None


class CampaignTest(Record, frozen=True, kw_only=True):
    """The outcome of a test to one number: ``waiting``, or ``refused`` with the reason."""

    mobile: str
    outcome: str
    reason: str | None = None
    id: int | None = None


class CampaignMessage(Record, frozen=True, kw_only=True):
    """One person of a campaign. ``id`` is that of the message, ``None`` before its turn."""

    mobile: str | None = None
    state: str
    reason: str | None = None
    code: str | None = None
    attempt: int = 0
    parts: int = 0
    id: int | None = None
    due_at: datetime | None = None
    claimed_at: datetime | None = None
    settled_at: datetime | None = None


# ---- triggers and events ------------------------------------------------------------------------------


class TriggerOn(Record, frozen=True, kw_only=True):
    """What a trigger is on: an ``event`` by its name, or that a contact ``joins`` a group."""

    event: str | None = None
    joins: str | None = None


class TriggerCondition(Record, frozen=True, kw_only=True):
    """What stops a message: an ``event``, or that the person is ``in_`` a group, or ``leaves`` one."""

    event: str | None = None
    in_: str | None = field(default=None, name="in")
    leaves: str | None = None


class Trigger(Record, frozen=True, kw_only=True):
    """What is sent after an event. ``states`` and ``reasons`` count its messages.

    ``wait``, ``late`` and ``again`` are written such as ``1h30m``; ``again`` is also ``always`` or ``once``.
    """

    id: int
    name: str
    state: str
    on: TriggerOn | None = None
    wait: str | None = None
    unless: tuple[TriggerCondition, ...] = ()
    again: str | None = None
    late: str | None = None
    sender: str | None = None
    channel: str | None = None
    purpose: str | None = None
    text: str | None = None
    plain: bool = False
    template: str | None = None
    language: str | None = None
    params: tuple[str, ...] = ()
    warning: str | None = None
    sender_paused: str | None = None
    states: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    parts: int = 0
    key_id: int | None = None
    created_at: datetime | None = None


class EventOutcome(Record, frozen=True, kw_only=True):
    """The outcome of one event. ``messages``: the waiting messages that it made or moved."""

    index: int
    outcome: str
    mobile: str | None = None
    messages: tuple[int, ...] = ()
    errors: dict[str, list[str]] = field(default_factory=dict)


class EventsRecorded(Record, frozen=True, kw_only=True):
    """What a call with events did. ``messages``: the waiting messages that they made or moved."""

    message: str
    recorded: int = 0
    duplicate: int = 0
    invalid: int = 0
    messages: tuple[int, ...] = ()
    results: tuple[EventOutcome, ...] = ()
    errors: dict[str, list[str]] = field(default_factory=dict)
