"""Connections and their records as callers see them. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, Connection
from daftari.errors import ValidationFailed, quote
from daftari.model.connections import (
    LINK_STATES,
    CartsNeed,
    ConnectionState,
    Keeping,
    Link,
    LinkState,
    Word,
    WriteBack,
    WriteBackState,
)
from daftari.model.members import Count, GroupName, Mobile, Number, Text, Time
from daftari.model.time import format_time
from daftari.rules.connections.addresses import ShownWebhookAddress
from daftari.rules.connections.cart_figures import CartTotalsView, show_figures
from daftari.rules.connections.firing import find_warning
from daftari.rules.connections.lifecycle import list_connections, look_at_connection
from daftari.rules.connections.model import (
    LOOPING,
    NOT_WRITTEN,
    PROBLEMS,
    RESUBSCRIBED,
    STATE,
    Opened,
    as_connector_sees,
    read_group_ids,
)
from daftari.rules.connections.refused import find_refusal
from daftari.rules.connections.rows import poll_seconds_of
from daftari.rules.imports.lifecycle import get_import
from daftari.rules.imports.views import ImportView, show_import
from daftari.store import Tx, connections, exports, imports

WANTED: tuple[str, ...] = ("problem", *LINK_STATES, *PROBLEMS)
ProblemName = Literal[
    "shared_number",
    "crm_says_in",
    "moved_from_opted_out",
    "unusable",
    "erasure_pending",
    "write_back_refused",
    "crm_resubscribes",
    "changes_to_and_fro",
]
SENTENCES = {
    RESUBSCRIBED: "Another program there keeps subscribing this person, who opted out here.",
    LOOPING: "Two programs there undo each other's changes; the record is left alone for a day.",
}
"""What is said of a problem that has no words of its own."""
LOOKED_AT = 1_000
"""Links that a search for live ones looks at together."""


class ConnectionGroupView(Struct, frozen=True, kw_only=True):
    """Which records are in a group."""

    source: Text = field(name="from")
    """`all`, the value of a field, such as `property:city=Kisumu`, or a list, label or filter as the other system names
    it, such as `list:12`."""
    group: GroupName = field(name="to")
    """The group."""
    keep: Keeping
    """`in_step`: the connection alone decides who is in it. `add_only`: it adds, and never takes out."""


class RecordCounts(Struct, frozen=True, kw_only=True):
    """Records by what they are now, and what was done with them."""

    live: Count
    """Records that have a contact here."""
    no_mobile: Count
    """Records without a number."""
    unreadable: Count
    """Records whose number cannot be read."""
    refused: Count
    """Records that the book does not take."""
    left: Count
    """Records that the filter leaves out."""
    gone: Count
    """Records that were deleted there."""
    merged: Count
    """Records that were merged into others there."""
    removed_locally: Count
    """Records whose contact was removed here; it is not made again."""
    erased: Count
    """Records whose number was erased here."""
    shared_number: Count
    """Records of one number: the names of the first one count."""
    crm_says_in: Count
    """Records that are subscribed there and opted out here. Nothing is lifted."""
    moved_from_opted_out: Count
    """Records that have another number since the one before opted out."""
    unusable: Count
    """Records that are `unreadable` or `refused`."""
    erasure_pending: Count
    """Records that were erased there, whose numbers wait here for a day or for a person."""
    write_back_refused: Count
    """Records that the other system's own rules do not let be written to."""
    crm_resubscribes: Count
    """Records that were subscribed there again within a day of being marked as opted out: another program
    there keeps doing so."""
    changes_to_and_fro: Count
    """Records that changed to and fro more than 6 times in an hour, and are left alone for a day."""
    changed: Count
    """How often a record changed something here, since the connection was made."""
    unchanged: Count
    """How often a record came again and said nothing new."""
    stale: Count
    """How often an older version of a record came after a newer one."""
    removed_locally_changed: Count
    """How often a record changed whose contact was removed here."""
    erased_there: Count
    """How often a record came whose number was erased here."""
    echo: Count
    """How often a record came because of what was written back to it."""
    to_and_fro: Count
    """How often a record came while it was left alone."""


class WrittenBackView(Struct, frozen=True, kw_only=True):
    """How many records of the other system are marked, for one channel."""

    channel: Text
    written: Count
    """Records that say there that the person opted out."""
    waiting: Count
    """Records that are still to be marked as opted out; counted up to 10,000."""
    refused: Count
    """Records that the other system's own rules do not let be written to."""
    gone: Count
    """Records that were no longer there when they were to be marked."""
    opt_ins: Count
    """Records that say there that the person opted in again."""


class ConnectionPlanView(Struct, frozen=True, kw_only=True):
    """A dry run of the first reading."""

    started_at: Time
    finished_at: Time | None
    """`null` while it is under way."""
    error: Text | None
    """Why it could not be made."""
    counts: dict[str, Count]
    """Records by what would be done with them; `group:NAME` is how many would be in a group,
    and `members:NAME` how many are in one now that would be in step."""


class ConnectionWebhookView(Struct, frozen=True, kw_only=True):
    """The webhook by which the other system announces changes."""

    url: Text | None
    """The address that the other system is to call, where people make webhooks on a page of it. `GET` of one connection
    and a check show it to keys of kind `manage`, if `public_url` is set."""
    note: Text | None
    """Why there is no address."""
    made_at: Time | None
    """When Daftari made it there; `null` where it made none."""
    looked_at: Time | None
    """When it was last looked whether it is there."""
    last_event_at: Time | None
    """When an event came last."""


class ConnectionView(Struct, frozen=True, kw_only=True):
    """A connection, without its credentials."""

    id: Number
    name: Text
    kind: Text
    """Of which system it is."""
    account: Text | None
    """The account that a check found."""
    account_name: Text | None
    state: ConnectionState
    """`new`: not checked. `checked`: not started. `importing`: everything is read for the first time. `behind`: what is
    here is older than it should be. `limited`: the other system takes no more calls for a time.
    `needs_confirmation`: it stopped before it took many out. `broken`: it stopped until a person acts."""
    reason: Text | None
    """Why it is in this state, and what to do."""
    complete_until: Time | None
    """Every change there before this moment is here."""
    next_read_at: Time | None
    """When it is read next."""
    compared_at: Time | None
    """When all records were compared last."""
    comparing: bool
    """Whether all records are being compared now."""
    counted_at: Time | None
    """When the other system was last asked how many records it has; `null` where it cannot say so in one call."""
    records_there: Count | None
    """How many it had then. When they are fewer than here, all records are compared."""
    warnings: list[Text]
    """What keeps the list from being complete."""
    fields: dict[str, str]
    """What each field of a record is used for."""
    filter: dict[str, list[str]]
    """The values of which a field must have one; of none, any value."""
    groups: list[ConnectionGroupView]
    write_back: bool
    write_back_opt_ins: bool
    fire_triggers: bool
    """Whether who joins a group by a change there fires triggers."""
    carts_need: CartsNeed | None
    """What a cart needs to be followed up: `accepted`, that the buyer agreed to messages, or a `number` alone; `null`
    where the other system has no carts."""
    carts_group: GroupName | None
    """The group of those who left a cart, until they come back."""
    cart_figures: CartTotalsView | None
    """What carts came to; `null` where the other system has none."""
    written_back: list[WrittenBackView]
    """How many records are marked, by channel."""
    write_back_error: Text | None
    """Why nothing can be written back now; it is tried again."""
    poll_seconds: Count
    """How often it is read."""
    when_deleted: Literal["leave_groups"]
    region: Text | None
    """The region of its numbers; `null` for the project's."""
    zone: Text | None
    """The zone of times without one; `null` for the account's."""
    settings: dict[str, str]
    """What the kind needs and is no secret; an object is shown as JSON."""
    credentials: list[Text]
    """The names of its secrets, which are never shown."""
    webhook: ConnectionWebhookView | None
    """`null` where the other system announces nothing."""
    counts: RecordCounts
    calls_today: Count
    """How many calls of the day it used, as the system counts them."""
    calls_allowed: Count | None
    """How many calls a day the system allows all programs together, where that is known."""
    plan: ConnectionPlanView | None
    created_at: Time


class RecordMarkView(Struct, frozen=True, kw_only=True):
    """The mark of a record for one channel: what is written back of the person's consent."""

    channel: Text
    word: Word
    """`out`: the person opted out; `in`: they opted in again."""
    state: WriteBackState
    """`waiting`: it is to be written. `refused`: the other system's own rules do not let it be written."""
    written: Word | None
    """The word that was written last."""
    written_at: Time | None
    next_try_at: Time | None
    """When it is tried next."""
    why: Text | None
    """What the other system said when it refused."""


class RecordView(Struct, frozen=True, kw_only=True):
    """A record of the other system, as it is known here."""

    id: Text
    url: Text | None
    """Where a person sees it there."""
    state: LinkState
    mobile: Mobile | None
    problems: list[ProblemName]
    """What a person has to look at."""
    why: Text | None
    """What is wrong with it, in the other system's own words where that refuses something; of a merged one, the record
    that it was merged into."""
    groups: list[GroupName]
    """The groups that it put the number in."""
    marks: list[RecordMarkView]
    """What is written back to it, where opt-outs are."""
    erases_at: Time | None
    """When the number is erased here too, if no one else put it in the book."""


class RecordPage(Struct, frozen=True):
    """Some records, and the cursor of the ones after them."""

    records: list[RecordView]
    following: str | None


# ---- connections ----------------------------------------------------------------------------------------


def show_connection(tx: Tx, *, connection_id: int) -> ConnectionView:
    """One connection. Raises ``ConnectionNotFound``."""
    return show(look_at_connection(tx, connection_id=connection_id))


def show_connections(tx: Tx) -> list[ConnectionView]:
    """All connections, in order of creation."""
    return [show(opened) for opened in list_connections(tx)]


def show(opened: Opened) -> ConnectionView:
    """A connection as callers see it."""
    stored, definition, progress = opened.stored, opened.definition, opened.progress
    known, kind = RecordCounts.__struct_fields__, CONNECTORS[stored.kind]
    plan = progress.plan
    channels = CONNECTORS[stored.kind].mark_channels if definition.write_back else ()
    return ConnectionView(
        id=stored.id,
        name=stored.name,
        kind=stored.kind,
        account=stored.account or None,
        account_name=progress.account_name or None,
        state=stored.state,
        reason=stored.reason or None,
        complete_until=_time(stored.complete_until),
        next_read_at=_time(stored.due_at),
        compared_at=_time(progress.compared_at),
        comparing=progress.comparison is not None,
        counted_at=_time(progress.count.at),
        records_there=progress.count.found if progress.count.at else None,
        warnings=[*progress.warnings, *filter(None, _list_warnings(opened))],
        fields=dict(definition.fields),
        filter={name: [*words] for name, words in definition.filter.items()},
        groups=[ConnectionGroupView(source=one.source, group=one.group, keep=one.keep) for one in definition.groups],
        write_back=definition.write_back,
        write_back_opt_ins=definition.write_back_opt_ins,
        fire_triggers=definition.fire_triggers,
        carts_need=definition.carts_need if CONNECTORS[stored.kind].carts else None,
        carts_group=definition.carts_group or None,
        cart_figures=show_figures(opened),
        written_back=[_show_written(opened, channel) for channel in channels],
        write_back_error=progress.write_back_error or None,
        poll_seconds=poll_seconds_of(opened),
        when_deleted=definition.when_deleted,
        region=definition.region or None,
        zone=definition.zone or None,
        settings={
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in definition.settings.items()
        },
        credentials=[*(definition.credentials if kind.ways else kind.credentials)],
        webhook=None if kind.webhooks is None else _show_webhook(opened),
        counts=RecordCounts(**{name: max(0, progress.counts.get(name, 0)) for name in known}),
        calls_today=progress.used,
        calls_allowed=progress.allowed or None,
        plan=None
        if plan is None
        else ConnectionPlanView(
            started_at=format_time(plan.started_at),
            finished_at=_time(plan.finished_at),
            error=plan.error or None,
            counts=dict(plan.counts),
        ),
        created_at=format_time(stored.created_at),
    )


def _list_warnings(opened: Opened) -> tuple[str, ...]:
    progress, webhook = opened.progress, opened.progress.webhook
    nothing = ""
    is_silent = not (webhook.last_at or webhook.refused_at or webhook.note)
    if opened.definition.push_only and webhook.looked_at and is_silent:
        nothing = f"No webhook has come yet: make them on the page of {opened.title}, with the address shown here."
    return (progress.unheard, find_warning(progress), webhook.note, webhook.silence, find_refusal(webhook), nothing)


def _show_webhook(opened: Opened) -> ConnectionWebhookView:
    webhook = opened.progress.webhook
    return ConnectionWebhookView(
        url=None,
        note=None,
        made_at=None if opened.definition.push_only else _time(webhook.made_at),
        looked_at=_time(webhook.looked_at),
        last_event_at=_time(webhook.last_at),
    )


def with_address(view: ConnectionView, address: ShownWebhookAddress | None) -> ConnectionView:
    """A connection with its address as it is given to the other system."""
    if view.webhook is None or address is None:
        return view
    return replace(view, webhook=replace(view.webhook, url=address.url, note=address.note))


def _show_written(opened: Opened, channel: str) -> WrittenBackView:
    counts = opened.progress.write_backs
    return WrittenBackView(
        channel=channel,
        written=counts.get(f"{channel}:out", 0),
        waiting=opened.unwritten.get(channel, 0),
        refused=counts.get(f"{channel}:refused", 0),
        gone=counts.get(f"{channel}:gone", 0),
        opt_ins=counts.get(f"{channel}:in", 0),
    )


def _time(at: int) -> str | None:
    return format_time(at) if at else None


# ---- records --------------------------------------------------------------------------------------------


def list_records(tx: Tx, *, connection_id: int, state: str, after: str, limit: int) -> RecordPage:
    """Records of a connection in a state or with a problem, or all of them, in the order of their ids.

    Raises ``ConnectionNotFound`` and ``ValidationFailed``.
    """
    opened = look_at_connection(tx, connection_id=connection_id)
    if state and state not in WANTED:
        said = f"is {quote(state)}; it must be one of: {', '.join(WANTED)}."
        raise ValidationFailed({"state": [f"The state field {said}"]})
    found = _find(tx, connection_id, state, after, limit + 1)
    shown = _show_links(tx, opened, found[:limit])
    return RecordPage(shown, shown[-1].id if len(found) > limit else None)


def find_records(tx: Tx, *, connection_id: int, ids: Sequence[str]) -> list[RecordView]:
    """Records of a connection by their ids; what is none is left out. Raises ``ConnectionNotFound``."""
    opened = look_at_connection(tx, connection_id=connection_id)
    found = connections.find_links(tx, connection_id=connection_id, ids=sorted(set(ids)))
    return _show_links(tx, opened, sorted(found, key=lambda link: link.external_id))


def _find(tx: Tx, connection_id: int, state: str, after: str, limit: int) -> list[Link]:
    if not state:
        return connections.list_links(tx, connection_id=connection_id, after=after, limit=limit)
    if state == "problem":
        return connections.list_problem_links(tx, connection_id=connection_id, after=after, limit=limit)
    if state in PROBLEMS:
        return _find_in_turns(
            lambda last: connections.list_problem_links(tx, connection_id=connection_id, after=last, limit=LOOKED_AT),
            lambda link: bool(link.problems & PROBLEMS[state]),
            after=after,
            limit=limit,
        )
    number = STATE[state]
    if number:
        return connections.list_links_in_state(tx, connection_id=connection_id, state=number, after=after, limit=limit)
    # Nearly all links are live, so these have no index.
    return _find_in_turns(
        lambda last: connections.list_links(tx, connection_id=connection_id, after=last, limit=LOOKED_AT),
        lambda link: link.state == number,
        after=after,
        limit=limit,
    )


def _find_in_turns(
    list_some: Callable[[str], list[Link]], is_wanted: Callable[[Link], bool], *, after: str, limit: int
) -> list[Link]:
    """Those of some links that are wanted, up to the limit; they are listed ``LOOKED_AT`` at a time."""
    found: list[Link] = []
    while len(found) < limit:
        some = list_some(after)
        found += filter(is_wanted, some)
        if len(some) < LOOKED_AT:
            break
        after = some[-1].external_id
    return found[:limit]


def _show_links(tx: Tx, opened: Opened, links: Sequence[Link]) -> list[RecordView]:
    ids = {group_id for link in links for group_id, is_ours in read_group_ids(link).items() if is_ours}
    names = exports.find_group_names(tx, ids=sorted(ids))
    marks: dict[str, list[RecordMarkView]] = {}
    for row in connections.find_write_backs(tx, connection_id=opened.id, ids=[link.external_id for link in links]):
        marks.setdefault(row.external_id, []).append(_show_mark(row))
    seen: Connection = as_connector_sees(opened, {})
    kind = CONNECTORS[opened.stored.kind]
    return [
        RecordView(
            id=link.external_id,
            url=kind.record_url(seen, link.external_id) or None,
            state=LINK_STATES[link.state],
            mobile=str(link.mobile) if link.mobile else None,
            problems=[name for name in get_args(ProblemName) if link.problems & PROBLEMS[name]],
            why=_show_why(link, marks.get(link.external_id, ())),
            groups=[
                names[group_id].name
                for group_id, is_ours in read_group_ids(link).items()
                if is_ours and group_id in names
            ],
            marks=sorted(marks.get(link.external_id, ()), key=lambda one: one.channel),
            erases_at=_time(opened.progress.erasures.get(link.external_id, 0)),
        )
        for link in links
    ]


def _show_why(link: Link, marks: Sequence[RecordMarkView]) -> str | None:
    """What is wrong with a record, in the other system's own words where it has some."""
    if link.why:
        return link.why
    refused = next((one.why for one in marks if one.state == "refused"), None)
    if link.problems & NOT_WRITTEN and refused:
        return refused
    return next((sentence for problem, sentence in SENTENCES.items() if link.problems & problem), None)


def _show_mark(row: WriteBack) -> RecordMarkView:
    return RecordMarkView(
        channel=row.channel,
        word=row.written if row.written and row.state == "written" and not row.due_at else row.word,
        state="waiting" if row.due_at and row.state == "written" else row.state,
        written=row.written or None,
        written_at=_time(row.written_at),
        next_try_at=_time(row.due_at),
        why=row.why or None,
    )


# ---- runs -----------------------------------------------------------------------------------------------


def list_runs(tx: Tx, *, connection_id: int, before: int, limit: int) -> tuple[list[ImportView], int | None]:
    """The imports of a connection, the newest first, and the cursor of those before. Raises ``ConnectionNotFound``."""
    look_at_connection(tx, connection_id=connection_id)
    found = imports.list_connection_imports(tx, connection_id=connection_id, before=before, limit=limit + 1)
    shown = [show_import(get_import(tx, import_id=one.id)) for one in found[:limit]]
    return shown, shown[-1].id if len(found) > limit else None
