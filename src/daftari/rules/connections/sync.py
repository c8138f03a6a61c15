"""What a connection does next, and what follows from a page, from a failure, and from a comparison. No network, no SQL.

A page is read outside of any transaction. What it brings is written with the cursor behind it, under the fence that the
worker holds, so a killed worker repeats a page and never leaves one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import Account, ConnectorFailed, Page, Record, Usage
from daftari.model.carts import StoredCart
from daftari.model.connections import (
    WORKING,
    Comparison,
    ConnectionDefinition,
    ConnectionProgress,
    ConnectionState,
    RecordCount,
)
from daftari.model.jobs import JobKind
from daftari.rules.connections import guard
from daftari.rules.connections.abandoned import has_idle_carts
from daftari.rules.connections.apply import Applied, apply_records
from daftari.rules.connections.cart_questions import list_questions
from daftari.rules.connections.freshness import find_filled, interval_of, note_until
from daftari.rules.connections.marks import Marks, claim_marks, has_due_marks
from daftari.rules.connections.members import join_again
from daftari.rules.connections.model import ERASED, GONE, LIVE, MERGED, Opened, fields_of, get_connection, say_missing
from daftari.rules.connections.pending import is_erasure_due
from daftari.rules.connections.removal import mark_removed, remove_links
from daftari.rules.connections.rows import end_run, is_behind, is_run_over, kind_of
from daftari.rules.connections.saving import save_connection
from daftari.rules.connections.webhook_events import (
    DEBOUNCE_SECONDS,
    Announced,
    find_announced,
    find_next,
    note_absence,
    note_silence,
)
from daftari.store import Tx, WriteTx, connections, contacts
from daftari.store.jobs import hint_job

SECOND = 1_000_000
FAILURES_MAX = 5
"""After so many failures in a row a connection is behind and says so."""
PAUSE_SECONDS_MAX = 900
"""The longest pause after a failure."""
NIGHT_HOUR = 2
"""When all records are compared with all links, in the account's zone."""
COMPARE_MIN, COMPARE_MAX = 4 * 3_600 * SECOND, 36 * 3_600 * SECOND
"""How soon after a comparison the next one may begin, and how late it must."""
RESTORED = (
    "The database was restored or copied since, so that another one may read the same account. Start the connection "
    "where it is to be read from now on; all records are compared then."
)
LINKS_PER_STEP = 10_000
"""Links that a step of a comparison looks at."""
ANNOUNCED_MAX = 300
"""Records of events that a step reads."""
WANTED_MAX = 10_000
"""Records that wait to be read by id."""

LINGER_SECONDS = 3.0
"""A worker that has to wait no longer than this keeps the connection meanwhile."""

Task = Literal[
    "nothing",
    "erase",
    "verify",
    "webhook",
    "announced",
    "poll",
    "ask",
    "compare",
    "count",
    "groups",
    "walk",
    "leave",
    "plan",
    "remove",
    "ask_marks",
    "write_back",
    "idle_carts",
    "ask_carts",
]


class Claim(Struct, frozen=True):
    """What is to be read or written now. ``ids``: the records of ``ask``, or the list of ``walk``. ``group_id``: the
    group that members from before are to leave. ``announced``: the events whose records are to be read.
    ``wait_seconds``: after which there will be something, where that is soon. ``carts``: those to ask the shop about.
    """

    task: Task
    opened: Opened | None = None
    ids: tuple[str, ...] = ()
    group_id: int = 0
    announced: Announced | None = None
    wait_seconds: float = 0.0
    marks: Marks = Marks()
    carts: tuple[StoredCart, ...] = ()


class Done(Struct, frozen=True):
    """A step that is over: whether another one follows, at once or after ``wait_seconds``."""

    has_more: bool
    wait_seconds: float = 0.0


STOPPED = Done(False)


def list_open_connections(tx: Tx) -> list[str]:
    """The connections that a worker has to look at now."""
    return [str(connection_id) for connection_id in connections.list_due_connections(tx)]


def take_over(tx: WriteTx, *, connection_id: int) -> int:
    """Take a connection over. Returns the fence, which no other worker has."""
    return connections.take_over(tx, connection_id=connection_id)


def claim_task(tx: WriteTx, *, connection_id: int, fence: int, asked_last: bool = False) -> Claim:
    """What is to be done now by the worker that holds the fence.

    ``asked_last``: whether its last step asked about carts, so that whatever else is due has its turn.
    """
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence:
        return Claim("nothing")
    opened = get_connection(tx, connection_id=connection_id)
    progress, state = opened.progress, stored.state
    if state == "removed":
        return Claim("remove", opened)
    if progress.plan is not None and not progress.plan.finished_at and state not in WORKING:
        return Claim("plan", opened)
    is_due = state in WORKING and 0 < stored.due_at <= tx.now
    is_turn = not (progress.verifies or (progress.wrote_last and is_due))
    writes = is_turn and has_due_marks(tx, opened)
    has_idle = has_idle_carts(tx, opened)
    questions = () if asked_last and (is_due or writes or has_idle) else list_questions(tx, opened)
    if not is_due and not writes and not has_idle and not questions:
        waits = state in WORKING and stored.due_at > 0
        return Claim("nothing", wait_seconds=_soon(tx, stored.due_at) if waits else 0.0)
    if progress.epoch != tx.epoch():
        save_connection(tx, replace(opened, stored=replace(stored, state="paused", reason=RESTORED, due_at=0)))
        return Claim("nothing")
    if questions:
        return Claim("ask_carts", opened, carts=questions)
    if has_idle:
        return Claim("idle_carts", opened)
    if is_due and is_run_over(tx, opened):
        opened = end_run(tx, opened)
        save_connection(tx, opened)
        progress = opened.progress
    if is_due and is_erasure_due(tx, progress):
        return Claim("erase", opened)
    if is_due and progress.verifies:
        return Claim("verify", opened)
    if is_due and kind_of(opened).webhooks is not None and progress.webhook.look_again_at <= tx.now:
        return Claim("webhook", opened)
    if opened.definition.push_only:
        announced = _find_announced(tx, opened)
        return Claim("poll" if announced is None else "announced", opened, announced=announced)
    if writes:
        return Claim("write_back", opened, marks=claim_marks(tx, opened, most=kind_of(opened).facts.records_max))
    if progress.asked_links is not None:
        return Claim("ask_marks", opened)
    return _claim_reading(tx, opened)


def _claim_reading(tx: WriteTx, opened: Opened) -> Claim:
    """What is to be read now of a system that can be called."""
    progress = opened.progress
    is_first = opened.stored.state == "importing"
    is_read = not progress.heard and tx.now - progress.read_at < interval_of(opened) * SECOND
    announced = _find_announced(tx, opened)
    if announced is not None and _is_turn_of_announced(tx, opened, is_read=is_read):
        return Claim("announced", opened, announced=announced)
    if asked := (*progress.again, *progress.wanted)[: kind_of(opened).facts.records_max]:
        return Claim("ask", opened, tuple(dict.fromkeys(asked)))
    progress = _with_heard_lists(tx, progress)
    if progress.walks and not is_first:
        if progress is not opened.progress:
            opened = replace(opened, progress=progress)
            save_connection(tx, opened)
        return Claim("walk", opened, (next(iter(progress.walks)),))
    if is_read and not is_first and walked_sources(opened) and progress.groups_read_at < progress.read_at:
        return Claim("groups", opened)
    if progress.comparison is not None and is_read:
        return Claim("compare", opened)
    if not is_first and is_read and (progress.compares or _is_night(tx, opened)):
        opened = _begin_comparison(tx, opened)
        return Claim("compare", opened)
    if is_read and not is_first and progress.count.is_due:
        return Claim("count", opened)
    if is_read and not is_first and (group_id := find_filled(opened)):
        return Claim("leave", opened, group_id=group_id)
    if announced is not None and is_read and not is_first:
        return Claim("announced", opened, announced=announced)
    if progress.heard:
        # What is announced from here on may be too late for this reading.
        opened = replace(opened, progress=replace(progress, heard=False))
        save_connection(tx, opened)
    return Claim("poll", opened)


def _with_heard_lists(tx: Tx, progress: ConnectionProgress) -> ConnectionProgress:
    """Progress that has the lists walked of which it was heard long enough ago that someone joined or left."""
    due = {source for source, at in progress.heard_lists.items() if at <= tx.now}
    if not due:
        return progress
    waiting = {source: at for source, at in progress.heard_lists.items() if source not in due}
    # A walk for this changes nothing of when the list is walked because of its own time.
    walks = {source: progress.groups_at[source] for source in sorted(due & progress.groups_at.keys())}
    return replace(progress, heard_lists=waiting, walks={**walks, **progress.walks})


def _find_announced(tx: Tx, opened: Opened) -> Announced | None:
    if kind_of(opened).webhooks is None:
        return None
    return find_announced(tx, connection_id=opened.id, ids_max=ANNOUNCED_MAX)


def _is_turn_of_announced(tx: Tx, opened: Opened, *, is_read: bool) -> bool:
    """Whether what was announced comes first; not always, so that other readings continue meanwhile."""
    progress = opened.progress
    if progress.tries and not is_read:
        return False
    return tx.now - progress.webhook.read_at >= DEBOUNCE_SECONDS * SECOND


def _soon(tx: Tx, due_at: int) -> float:
    seconds = max(due_at - tx.now, 0) / SECOND
    return seconds if seconds <= LINGER_SECONDS else 0.0


def walked_sources(opened: Opened) -> list[str]:
    """The lists and filters that have to be walked for the connection's groups."""
    kinds = kind_of(opened).walked
    return [group.source for group in opened.definition.groups if group.source.partition(":")[0] in kinds]


def _is_night(tx: Tx, opened: Opened) -> bool:
    """Whether it is time for a comparison."""
    since = tx.now - (opened.progress.compared_at or opened.stored.created_at)
    hour = datetime.fromtimestamp(tx.now / SECOND, ZoneInfo(opened.progress.time_zone)).hour
    return since >= COMPARE_MAX or (hour == NIGHT_HOUR and since >= COMPARE_MIN)


# ---- what is read ---------------------------------------------------------------------------------------


def take_pages(
    tx: WriteTx,
    *,
    connection_id: int,
    fence: int,
    pages: Sequence[Page],
    usage: Usage,
    read_as: ConnectionDefinition | None = None,
) -> Done:
    """Apply pages of changes that follow one another, and save the cursor behind the last one.

    ``read_as``: how the connection was set when they were read.
    """
    opened = find_held(tx, connection_id, fence, read_as)
    if opened is None:
        return STOPPED
    applied = apply_records(tx, opened, [record for page in pages for record in page.records], fires=True)
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    last = pages[-1]
    untils = [page.complete_until for page in pages if page.complete_until is not None]
    seen_untils = [page.seen_until for page in pages if page.seen_until is not None]
    opened = with_wanted(applied)
    progress = replace(
        note_absence(opened, now=tx.now),
        tries=0,
        seen_until=max([opened.progress.seen_until, *seen_untils]),
        warnings=tuple(last.warnings),
        read_at=opened.progress.read_at if last.has_more else tx.now,
        caught_up_at=opened.progress.caught_up_at if last.has_more else tx.now,
        compared_at=opened.progress.compared_at or (0 if last.has_more else tx.now),
        day=usage.day,
        used=usage.used,
        allowed=usage.allowed,
        webhook=note_silence(opened.progress.webhook, now=tx.now),
        count=_count_after(opened, is_over=any(page.ends_deleted for page in pages)),
    )
    stored = replace(
        opened.stored,
        cursor=last.cursor,
        complete_until=max([opened.stored.complete_until, *untils]),
        state="importing" if opened.stored.state == "importing" and last.has_more else "live",
        reason="",
    )
    opened = replace(opened, stored=stored, progress=progress)
    if opened.definition.push_only and progress.webhook.silence:
        # It has no other way to know of changes.
        opened = replace(opened, stored=replace(stored, state="behind", reason=progress.webhook.silence))
    seen_until = max(stored.complete_until, progress.seen_until)
    if stored.state != "importing" and last.has_more and is_behind(opened, seen_until, now=tx.now):
        opened = replace(opened, stored=replace(stored, state="behind"))
    return save_step(tx, opened, has_more=last.has_more)


def _count_after(opened: Opened, *, is_over: bool) -> RecordCount:
    """Whether records are to be counted: when all that were deleted, or all there are, have been read."""
    count = opened.progress.count
    return replace(count, is_due=True) if is_over and kind_of(opened).facts.counts else count


def save_step(tx: WriteTx, opened: Opened, *, has_more: bool) -> Done:
    """Save a connection that has done its step, and when it is looked at next."""
    opened = note_until(opened, has_lists=bool(walked_sources(opened)))
    progress = replace(opened.progress, wrote_last=False)
    waits = progress.wanted or progress.again or progress.comparison or progress.compares or progress.walks
    asks_groups = walked_sources(opened) and progress.groups_read_at < progress.read_at
    asks = asks_groups or progress.count.is_due
    due_at = max(tx.now, progress.read_at + interval_of(opened) * SECOND)
    due_at = max(tx.now, min([due_at, *progress.heard_lists.values()]))
    announced_at = None if kind_of(opened).webhooks is None else find_next(tx, connection_id=opened.id)
    if announced_at is not None:
        due_at = max(tx.now, min(due_at, announced_at))
    is_filled = opened.stored.state != "importing" and find_filled(opened) > 0
    is_open = has_more or progress.heard or bool(waits or asks) or is_filled or due_at == tx.now
    if is_open:
        due_at = tx.now
    save_connection(tx, replace(opened, stored=replace(opened.stored, due_at=due_at), progress=progress))
    if not is_open:
        hint_job(tx, kind=JobKind.SYNC, subject=str(opened.id), due_at=due_at)
    wait_seconds = _soon(tx, due_at)
    return Done(is_open or wait_seconds > 0.0 or has_due_marks(tx, opened), wait_seconds)


def find_held(
    tx: WriteTx, connection_id: int, fence: int, read_as: ConnectionDefinition | None = None
) -> Opened | None:
    """The connection, if this worker still has it and it is still to be read.

    ``read_as``: how it was set when records were read. One that is set otherwise by now may want fields that they lack,
    which would look blank.
    """
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state not in WORKING:
        return None
    opened = get_connection(tx, connection_id=connection_id)
    return opened if read_as is None or _asks_alike(opened.definition, read_as) else None


def _asks_alike(one: ConnectionDefinition, other: ConnectionDefinition) -> bool:
    is_alike = one.settings == other.settings and one.push_only == other.push_only
    return is_alike and {*fields_of(one)} == {*fields_of(other)}


def with_wanted(applied: Applied) -> Opened:
    opened = applied.opened
    if not applied.wanted:
        return opened
    wanted = tuple(dict.fromkeys((*opened.progress.wanted, *applied.wanted)))[:WANTED_MAX]
    return replace(opened, progress=replace(opened.progress, wanted=wanted))


def ask_first(tx: WriteTx, opened: Opened, objection: str) -> Done:
    """Write nothing of it, and wait for a person."""
    stored = replace(opened.stored, state="needs_confirmation", reason=objection, due_at=0)
    save_connection(tx, replace(opened, stored=stored))
    return STOPPED


def take_records(
    tx: WriteTx,
    *,
    connection_id: int,
    fence: int,
    ids: Sequence[str],
    records: Sequence[Record],
    usage: Usage,
    read_as: ConnectionDefinition | None = None,
) -> Done:
    """Apply what records say that were asked for by id; those that are not there are gone."""
    opened = find_held(tx, connection_id, fence, read_as)
    if opened is None:
        return STOPPED
    found = {record.id for record in records}
    absent = [one for one in ids if one not in found]
    again = frozenset(opened.progress.again) & {*ids}
    applied = apply_records(tx, opened, records, absent=absent, is_sure=True, forced=again)
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    opened = with_wanted(applied)
    progress = opened.progress
    progress = replace(
        progress,
        tries=0,
        wanted=tuple(one for one in progress.wanted if one not in {*ids}),
        again=tuple(one for one in progress.again if one not in {*ids}),
        day=usage.day,
        used=usage.used,
        allowed=usage.allowed,
    )
    return save_step(tx, replace(opened, progress=progress), has_more=True)


def take_account(tx: WriteTx, *, connection_id: int, fence: int, account: Account) -> Done:
    """Continue with other credentials, unless they lack a right. Those of another account were refused before."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    if account.missing:
        reason = say_missing(opened, account.missing)
        save_connection(tx, replace(opened, stored=replace(opened.stored, state="broken", reason=reason, due_at=0)))
        return STOPPED
    progress = replace(opened.progress, verifies=False, account_name=account.name, time_zone=account.known_zone)
    return save_step(tx, replace(opened, progress=progress), has_more=True)


# ---- what fails -----------------------------------------------------------------------------------------


def take_failure(tx: WriteTx, *, connection_id: int, fence: int, failure: ConnectorFailed, usage: Usage) -> Done:
    """Wait, or stop until a person acts. How far the connection is stays as it is."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    progress = replace(opened.progress, day=usage.day, used=usage.used, allowed=usage.allowed)
    state: ConnectionState = opened.stored.state
    due_at = 0
    if failure.kind == "limited":
        state = state if state == "importing" else "limited"
        due_at = failure.until or tx.now + PAUSE_SECONDS_MAX * SECOND
    elif failure.kind == "again":
        progress = replace(progress, tries=progress.tries + 1)
        seconds = min(5 * 2 ** min(progress.tries - 1, 10), PAUSE_SECONDS_MAX)
        due_at = max(tx.now + seconds * SECOND, failure.until or 0)
        if state != "importing" and progress.tries >= FAILURES_MAX:
            state = "behind"
    else:
        state = "broken"
    stored = replace(opened.stored, state=state, reason=failure.message, due_at=due_at)
    save_connection(tx, replace(opened, stored=stored, progress=progress))
    return STOPPED


# ---- comparisons ----------------------------------------------------------------------------------------


def _begin_comparison(tx: WriteTx, opened: Opened) -> Opened:
    """Begin to read everything again. Each record that is seen is noted with the comparison's number."""
    number = opened.progress.comparisons + 1
    progress = replace(
        opened.progress,
        comparisons=number,
        compares=False,
        comparison=Comparison(number, tx.now),
    )
    opened = replace(opened, progress=progress)
    save_connection(tx, opened)
    return opened


def compare_pages(
    tx: WriteTx,
    *,
    connection_id: int,
    fence: int,
    pages: Sequence[Page],
    usage: Usage,
    read_as: ConnectionDefinition | None = None,
) -> Done:
    """Apply pages of a reading of everything. The cursor of the changes stays as it is."""
    opened = find_held(tx, connection_id, fence, read_as)
    if opened is None or opened.progress.comparison is None:
        return STOPPED
    applied = apply_records(tx, opened, [record for page in pages for record in page.records])
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    opened = with_wanted(applied)
    is_read = any(page.complete_until is not None for page in pages) or not pages[-1].has_more
    comparison = replace(
        opened.progress.comparison or Comparison(0, 0),
        cursor=pages[-1].cursor,
        stage="asking" if is_read else "reading",
    )
    progress = replace(
        opened.progress, comparison=comparison, tries=0, day=usage.day, used=usage.used, allowed=usage.allowed
    )
    return save_step(tx, replace(opened, progress=progress), has_more=True)


def count_missing(tx: Tx, *, connection_id: int, number: int) -> int:
    """The live links that a comparison did not see. Reads every link, so it is no part of a write."""
    count, after = 0, ""
    while links := connections.list_links(tx, connection_id=connection_id, after=after, limit=LINKS_PER_STEP):
        count += sum(link.seen_in < number and link.state == LIVE for link in links)
        after = links[-1].external_id
    return count


def ask_missing(tx: WriteTx, *, connection_id: int, fence: int, count: int) -> Done:
    """Have some records read by id that a comparison did not see. It ends behind the last link.

    ``count``: how many it did not see, which is judged before the first one is read.
    """
    opened = find_held(tx, connection_id, fence)
    if opened is None or opened.progress.comparison is None:
        return STOPPED
    comparison, progress = opened.progress.comparison, opened.progress
    if not comparison.after:
        objection = guard.find_missing_objection(
            count, links=progress.counts.get("live", 0), is_confirmed=progress.run.confirmed_until > tx.now
        )
        if objection:
            return ask_first(tx, opened, objection)
    links = connections.list_links(tx, connection_id=connection_id, after=comparison.after, limit=LINKS_PER_STEP)
    missing = [
        link.external_id
        for link in links
        if link.seen_in < comparison.number and link.state not in (GONE, MERGED, ERASED)
    ]
    mobiles = sorted({link.mobile for link in links if link.state == LIVE})
    there = {contact.mobile: contact.id for contact in contacts.find_contacts_by_mobile(tx, mobiles=mobiles)}
    opened = mark_removed(tx, opened, links, there)
    opened = join_again(tx, opened, links, there)
    progress = opened.progress
    if len(links) < LINKS_PER_STEP:
        progress = replace(progress, comparison=None, compared_at=tx.now, refills=False, is_changed=False)
        progress = replace(progress, count=_count_after(opened, is_over=True))
    else:
        progress = replace(progress, comparison=replace(comparison, after=links[-1].external_id))
    wanted = tuple(dict.fromkeys((*progress.wanted, *missing)))
    return save_step(tx, replace(opened, progress=replace(progress, wanted=wanted)), has_more=True)


# ---- removed --------------------------------------------------------------------------------------------


def remove_some(tx: WriteTx, *, connection_id: int, fence: int) -> Done:
    """Delete some links of a removed connection; contacts and what they said stay."""
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state != "removed":
        return STOPPED
    return Done(remove_links(tx, get_connection(tx, connection_id=connection_id)))
