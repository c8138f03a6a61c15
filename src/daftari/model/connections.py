"""Records of connections, which the store and the rules share. No rules, no SQL, no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from msgspec import Struct, field

ConnectionState = Literal[
    "new",
    "checked",
    "importing",
    "live",
    "behind",
    "limited",
    "paused",
    "needs_confirmation",
    "broken",
    "removed",
]
"""``importing``: the first reading is under way. ``limited``: the other system takes no more calls for a time.
``removed``: its links are being deleted; it is not shown."""
WORKING: tuple[ConnectionState, ...] = ("importing", "live", "behind", "limited")
"""The states in which a worker reads by itself."""
LinkState = Literal["live", "no_mobile", "unreadable", "refused", "left", "gone", "merged", "removed_locally", "erased"]
"""``refused``: the book does not take the record. ``left``: the filter leaves it out. ``removed_locally``: its contact
was removed here, and is not made again. ``erased``: its number was erased here."""
LINK_STATES: tuple[LinkState, ...] = get_args(LinkState)
"""By the number that is stored."""
WebhookEventState = Literal["waiting", "settled"]
"""``settled``: its records were read since it came, or that failed too often."""
CartsNeed = Literal["accepted", "number"]
"""What a cart needs so that it may be followed up: that the buyer agreed to messages, or a number alone."""
Keeping = Literal["in_step", "add_only"]
"""``in_step``: the connection alone decides who is in the group. ``add_only``: it adds, and never takes out."""


class GroupMapping(Struct, frozen=True, omit_defaults=True):
    """Which records are in which group. ``source``: ``all``, the value of a field, or a list, label or filter."""

    source: str = field(name="from")
    group: str = field(name="to")
    keep: Keeping = "in_step"
    group_id: int = 0
    """The group that had the name when the connection first needed it; 0 before."""


class ConnectionDefinition(Struct, frozen=True, omit_defaults=True):
    """What people set of a connection.

    ``fields``: what each field of a record is used for, in the order in which numbers are looked for. ``filter``: the
    values that a field must have, one of them. ``settings``: those of the kind.
    """

    fields: Mapping[str, str]
    filter: Mapping[str, tuple[str, ...]] = {}
    groups: tuple[GroupMapping, ...] = ()
    write_back: bool = False
    write_back_opt_ins: bool = False
    fire_triggers: bool = False
    carts_need: CartsNeed = "accepted"
    carts_group: str = ""
    """The group of those who left a cart; blank for none."""
    carts_group_id: int = 0
    """The group that had the name when the connection first needed it; 0 before."""
    poll_seconds: int = 0
    """0 for what suits the system."""
    when_deleted: Literal["leave_groups"] = "leave_groups"
    region: str = ""
    """Blank for the project's."""
    zone: str = ""
    """Of times without one; blank for the account's."""
    settings: Mapping[str, Any] = {}
    credentials: tuple[str, ...] = ()
    """The names of those that it has, where its kind has several ways to connect."""
    push_only: bool = False
    """Whether its system is never called, by its credentials: its deliveries say what there is to know."""


class Run(Struct, frozen=True, omit_defaults=True):
    """What one run has done so far to what was there: the mass guard judges by it. A run is an hour."""

    left: Mapping[str, int] = {}
    """Members that left, by the id of the group."""
    gone: int = 0
    unreadable: int = 0
    opted_out: int = 0
    confirmed_until: int = 0
    """Until when it may do what it asks about."""


class Comparison(Struct, frozen=True, omit_defaults=True):
    """A comparison of all records with all links. ``cursor``: of its own reading. ``after``: the last link."""

    number: int
    started_at: int
    stage: Literal["reading", "asking"] = "reading"
    cursor: str = ""
    after: str = ""


class RecordCount(Struct, frozen=True, omit_defaults=True):
    """The last count of the records there. ``is_due``: it is to be asked for now.

    ``fewer``: by how many they were fewer than those that are known here. ``unexplained``: by how many they still are
    after everything was compared, since the system counts otherwise than it lists.
    """

    is_due: bool = False
    at: int = 0
    found: int = 0
    fewer: int = 0
    unexplained: int = 0


class PlanCounts(Struct, frozen=True, omit_defaults=True):
    """A whole dry run: how far it is, and what the first reading would do."""

    started_at: int
    finished_at: int = 0
    cursor: str = ""
    error: str = ""
    counts: Mapping[str, int] = {}


class OfferedField(Struct, frozen=True, array_like=True):
    """A field of a record there, for the mapping."""

    name: str
    title: str
    kind: str


class OfferedGroup(Struct, frozen=True, array_like=True):
    """A list, label or filter there. ``size``: its members, where the system says."""

    source: str
    title: str
    size: int | None


class Offers(Struct, frozen=True, omit_defaults=True):
    """What the last check found there while the connection was being set up; no record is in it.

    ``count``: how many records there are, where the system says so. ``missing``: the rights that the credentials lack.
    """

    at: int
    count: int | None = None
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    fields: tuple[OfferedField, ...] = ()
    groups: tuple[OfferedGroup, ...] = ()


class WebhookProgress(Struct, frozen=True, omit_defaults=True):
    """The webhook that a system calls: when it was made there, and what came by it.

    ``looked_at``: when it was last looked whether it is still there; 0 where that is to be done now. ``note``: what was
    found, a sentence for people; blank when all is well. ``day``, ``today``, ``before``: the day that is counted, since
    1970, what came on it, and on the one before it that had any. ``removed_tries``: how often removing it failed.
    """

    made_at: int = 0
    looked_at: int = 0
    look_again_at: int = 0
    note: str = ""
    silence: str = ""
    """That nothing came for long, a sentence for people."""
    last_at: int = 0
    """When an event came last."""
    read_at: int = 0
    """When the records of events were read last."""
    day: int = 0
    today: int = 0
    before: int = 0
    removal_tries: int = 0
    refused_at: int = 0
    """When a delivery was refused last."""
    refused: str = ""
    """Why it was, a sentence for people."""


class ConnectionProgress(Struct, frozen=True, omit_defaults=True):
    """How far a connection is. ``counts``: links by state and by problem, and records by what was done with them."""

    counts: Mapping[str, int] = {}
    account_name: str = ""
    time_zone: str = "UTC"
    import_id: int = 0
    """The import that rows are written to now."""
    import_hour: int = 0
    """The hour that it is of, since 1970; 0 for the first reading's."""
    shown_state: ConnectionState | Literal[""] = ""
    """The state that the feed showed last."""
    run: Run = Run()
    run_hour: int = 0
    day: str = ""
    used: int = 0
    allowed: int = 0
    """The calls of a day, as the connector counts them."""
    verifies: bool = False
    """Whether the account has to be looked at first, since the credentials are other ones."""
    epoch: str = ""
    """Of the database in which it was started: a copy reads nothing by itself."""
    tries: int = 0
    """How often reading failed since it last succeeded."""
    heard: bool = False
    """Whether the system has said, since the last reading began, that something changed, or a person asked for it."""
    unheard: str = ""
    """Why the system cannot say so, where it is to."""
    read_at: int = 0
    """When everything there was had been read last."""
    caught_up_at: int = 0
    """The same, also where a person asked since for another reading."""
    fired: int = 0
    unfired: int = 0
    """Joins of the run that fired triggers, and those that did not because they were too many."""
    is_changed: bool = False
    """Whether it was set otherwise since all records were last compared."""
    warnings: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    """Records that are to be read by id."""
    again: tuple[str, ...] = ()
    """The same for those that are to be applied although nothing changed, because a person asked for it."""
    groups_at: Mapping[str, int] = {}
    """When each list had changed last, as the system says, when it was walked."""
    walks: Mapping[str, int] = {}
    """The lists that are to be walked, and when they changed."""
    silent_walks: tuple[str, ...] = ()
    """Those of which who joins by them fires no trigger."""
    walks_all_silently: bool = False
    """The same for the records of ``walks_all``."""
    walks_all: bool = False
    """Whether records came that may be in lists which have not changed since."""
    heard_lists: Mapping[str, int] = {}
    """The lists of which the system said that someone joined or left, and from when on they are walked."""
    walked_at: int = 0
    """When all lists were walked last because of that."""
    groups_read_at: int = 0
    """When it was asked last which lists changed."""
    lists_at: int = 0
    """Up to when records were read before it was asked which lists changed, of which some are being walked."""
    lists_until: int = 0
    """Up to when who is in its lists is known here."""
    records_until: int = 0
    """The same for its records: up to ``complete_until``, once nothing is left that has to be read by id."""
    restored_at: int = 0
    """When it was started again after the database was restored or copied, since when some deliveries are missing."""
    away_until: int = 0
    """When it was looked at again after no worker had looked for some time: deliveries may have found no one."""
    seen_until: int = 0
    """Up to when what was there to see was read, of which other changes may follow that are dated earlier."""
    records_seen: int = 0
    """The same once nothing is left that has to be read by id; never before ``records_until``."""
    refills: bool = False
    """Whether a comparison is to fill groups by another definition; until then none of them is complete."""
    former: Mapping[str, int] = {}
    """Groups with members from before they were in step, who leave unless a record has them; and who was looked at."""
    pushed_until: int = 0
    """Up to when records were known by deliveries alone. What is read of them is newer, whatever the versions say."""
    refresh_to: int = 0
    """A campaign waits until everything before this moment is here."""
    comparisons: int = 0
    compared_at: int = 0
    compares: bool = False
    """Whether a comparison is wanted now."""
    comparison: Comparison | None = None
    count: RecordCount = RecordCount()
    plan: PlanCounts | None = None
    offers: Offers | None = None
    """What its definition may be made of, until it is started."""
    erasures: Mapping[str, int] = {}
    """Records that were erased there, and when their numbers are erased here if no one else put them in the book."""
    erased_at: tuple[int, ...] = ()
    """When the last records were erased there, as many as the mass guard asks about."""
    webhook: WebhookProgress = WebhookProgress()
    write_backs: Mapping[str, int] = {}
    """How many records have which mark, by channel and outcome."""
    write_back_tries: int = 0
    """How often writing back failed since it last succeeded."""
    write_back_error: str = ""
    """Why nothing could be written back last; blank where it could."""
    wrote_last: bool = False
    """Whether the last step wrote back, so that the next one reads, if that is due."""
    asked_links: str | None = None
    """The last link whose mark was asked for, after writing back was switched on."""
    leaves_groups: bool = False
    """Of a removed connection: whether its contacts leave the groups that it put them in."""


class StoredConnection(Struct, frozen=True):
    """A row of the table; the schema says what its columns are."""

    id: int
    name: str
    kind: str
    account: str
    definition: str
    credentials: bytes
    address: bytes
    state: ConnectionState
    reason: str
    cursor: str
    complete_until: int
    progress: str
    due_at: int
    fence: int
    write_back_from: int
    created_at: int


class StoredWebhookEvent(Struct, frozen=True):
    """What a delivery announced; the schema says what its columns are."""

    connection_id: int
    key: str
    topic: str
    record_ids: str
    merged: str
    lists: str
    record: str
    at: int
    received_at: int
    state: WebhookEventState
    tries: int


class Link(Struct, frozen=True, gc=False):
    """A record of a connection; the schema says what its columns are."""

    connection_id: int
    external_id: str
    mobile: int
    version: int
    digest: int
    state: int
    group_ids: str
    seen_in: int
    flags: int
    problems: int
    why: str


Word = Literal["out", "in"]
WriteBackState = Literal["waiting", "written", "refused", "gone"]
"""``waiting``: it was not tried since it was asked for. ``refused``: the other system's own rules refuse it."""


class WriteBack(Struct, frozen=True, gc=False):
    """The mark of a record: what is written back of its number's consent; the schema says what its columns are."""

    connection_id: int
    external_id: str
    channel: str
    word: Word
    at: int
    state: WriteBackState
    tries: int
    due_at: int
    why: str
    written: Literal["", "out", "in"]
    written_at: int
    repeated_at: int
