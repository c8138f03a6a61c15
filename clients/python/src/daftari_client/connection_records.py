"""What the calls about connections return, as ``records``."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from daftari_client.records import Record


class ConnectionGroup(Record, frozen=True, kw_only=True):
    """Which records are in a group: ``source`` is ``all``, or a list, label or filter such as ``list:12``."""

    source: str = field(name="from")
    group: str = field(name="to")
    keep: str = "in_step"


class ConnectionPlan(Record, frozen=True, kw_only=True):
    """A dry run of the first reading; ``counts`` has records by what would be done with them."""

    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


class ConnectionWebhook(Record, frozen=True, kw_only=True):
    """The webhook by which the other system announces changes; ``made_at``: when the service made it there.

    ``url``: where the system is to call, if people make webhooks on a page of it; ``note``: why there is no address.
    """

    url: str | None = None
    note: str | None = None
    made_at: datetime | None = None
    looked_at: datetime | None = None
    last_event_at: datetime | None = None


class WrittenBack(Record, frozen=True, kw_only=True):
    """How many records of the other system are marked, for one channel: ``written`` as opted out."""

    channel: str
    written: int = 0
    waiting: int = 0
    refused: int = 0
    gone: int = 0
    opt_ins: int = 0


class CartDay(Record, frozen=True, kw_only=True):
    """What carts came to on a day. ``bought_in_time``: before any message; ``came_back``: after one."""

    day: str
    abandoned: int = 0
    bought_in_time: int = 0
    asked: int = 0
    came_back: int = 0
    no_number: int = 0
    not_accepted: int = 0


class CartTotals(Record, frozen=True, kw_only=True):
    """What carts came to in the last 30 days; ``days`` has those on which anything happened."""

    since: str
    abandoned: int = 0
    bought_in_time: int = 0
    asked: int = 0
    came_back: int = 0
    no_number: int = 0
    not_accepted: int = 0
    days: list[CartDay] = field(default_factory=list)


class CartMessage(Record, frozen=True, kw_only=True):
    """The last message of a trigger about a cart."""

    id: int
    trigger: int
    state: str
    reason: str | None = None
    due_at: datetime | None = None


class ConnectionCart(Record, frozen=True, kw_only=True):
    """A cart of a connected shop. ``answer`` is what the shop said of it last; ``why`` says why no message follows."""

    key: str
    id: str | None = None
    state: str
    mobile: str | None = None
    accepted: bool = False
    began_at: datetime | None = None
    at: datetime | None = None
    received_at: datetime | None = None
    abandoned_at: datetime | None = None
    group: str | None = None
    answer: str | None = None
    asked_at: datetime | None = None
    sent_at: datetime | None = None
    messages: list[CartMessage] = field(default_factory=list)
    why: str | None = None


class Connection(Record, frozen=True, kw_only=True):
    """A CRM whose records become contacts. ``reason`` says why it is in its state, and what to do.

    Every change there before ``complete_until`` is here. ``counts`` has records by state and by problem.
    """

    id: int
    name: str
    kind: str
    account: str | None = None
    account_name: str | None = None
    state: str
    reason: str | None = None
    complete_until: datetime | None = None
    next_read_at: datetime | None = None
    compared_at: datetime | None = None
    comparing: bool = False
    counted_at: datetime | None = None
    records_there: int | None = None
    warnings: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    filter: dict[str, list[str]] = field(default_factory=dict)
    groups: list[ConnectionGroup] = field(default_factory=list)
    write_back: bool = False
    write_back_opt_ins: bool = False
    fire_triggers: bool = False
    carts_need: str | None = None
    carts_group: str | None = None
    cart_figures: CartTotals | None = None
    written_back: list[WrittenBack] = field(default_factory=list)
    write_back_error: str | None = None
    poll_seconds: int = 0
    when_deleted: str | None = None
    region: str | None = None
    zone: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    credentials: list[str] = field(default_factory=list)
    webhook: ConnectionWebhook | None = None
    counts: dict[str, int] = field(default_factory=dict)
    calls_today: int = 0
    calls_allowed: int | None = None
    plan: ConnectionPlan | None = None
    created_at: datetime | None = None


class OfferedField(Record, frozen=True, kw_only=True):
    """A field of a record there."""

    name: str
    title: str = ""
    kind: str = ""


class OfferedGroup(Record, frozen=True, kw_only=True):
    """A list, label or filter there."""

    source: str = field(name="from")
    title: str = ""
    size: int | None = None


class SampleRecord(Record, frozen=True, kw_only=True):
    """A record as it would be here; ``why`` says why no number could be read."""

    id: str
    url: str | None = None
    state: str
    mobile: str | None = None
    why: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    opts_out: bool = False
    suppressed: bool = False


class ConnectionCheck(Record, frozen=True, kw_only=True):
    """What a check found; ``says`` is what is wrong, and ``missing`` the rights that the key lacks."""

    works: bool
    says: str | None = None
    state: str
    account: str | None = None
    account_name: str | None = None
    time_zone: str | None = None
    records: int | None = None
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fields: list[OfferedField] = field(default_factory=list)
    groups: list[OfferedGroup] = field(default_factory=list)
    sample: list[SampleRecord] = field(default_factory=list)
    webhook_url: str | None = None
    webhook_note: str | None = None


class RecordMark(Record, frozen=True, kw_only=True):
    """The mark of a record for one channel. ``why`` is what the other system said when it refused."""

    channel: str
    word: str
    state: str
    written: str | None = None
    written_at: datetime | None = None
    next_try_at: datetime | None = None
    why: str | None = None


class ConnectionRecord(Record, frozen=True, kw_only=True):
    """A record of the other system as it is known here. ``problems`` are for a person to look at."""

    id: str
    url: str | None = None
    state: str
    mobile: str | None = None
    problems: list[str] = field(default_factory=list)
    why: str | None = None
    groups: list[str] = field(default_factory=list)
    marks: list[RecordMark] = field(default_factory=list)
    erases_at: datetime | None = None


class WebhookEvent(Record, frozen=True, kw_only=True):
    """What the other system announced: which records changed, and who was merged into whom.

    ``waiting`` in ``state``: the records were not read yet.
    """

    key: str
    topic: str = ""
    records: list[str] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    state: str
    happened_at: datetime | None = None
    received_at: datetime | None = None


class EventsReplayed(Record, frozen=True, kw_only=True):
    """How many events there are whose records are read again."""

    replayed: int = 0
