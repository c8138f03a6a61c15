"""Which marks records are to have of the consent of their numbers, and which of them are due. No network, no SQL.

A mark is decided whenever it is looked at: ``out`` while the marketing on its channel is blocked here, ``in`` once
the person lifted that by their own word. So facts in any order, repeated and taken back, lead to the same mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CONNECTORS
from daftari.connectors.protocol import Mark
from daftari.model.connections import WORKING, ConnectionProgress, ConnectionState, Link, WriteBack
from daftari.model.consent import ANY, Fact, Scope
from daftari.model.jobs import JobKind
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.connections.decide import Change
from daftari.rules.connections.model import (
    ERASED,
    GONE,
    LEFT,
    LIVE,
    MERGED,
    NOT_WRITTEN,
    REMOVED_LOCALLY,
    RESUBSCRIBED,
    SAYS_IN,
    SCOPE_BITS,
    Opened,
    counted,
    with_counts,
)
from daftari.rules.connections.saving import save_connection
from daftari.rules.consent.decisions import Question, in_force, is_blocked, is_opted_in
from daftari.rules.consent.state import State, derive_state, is_own, mask_of, meets, without_retracted
from daftari.rules.write_back import MARK_CHANNELS, SYNCED_SECONDS
from daftari.store import Tx, WriteTx, connections, consent
from daftari.store.jobs import hint_job

WRITING: tuple[ConnectionState, ...] = (*WORKING, "needs_confirmation")
"""The states in which opt-outs are written back. What it asks about is what it reads."""
LOOKED_AT = 500
"""Rows that are looked at together."""
LOOKS_MAX = 20
UNWRITTEN_MAX = 10_000
"""Up to how many opt-outs that are still to be written are counted."""
MARKED = (LIVE, LEFT, REMOVED_LOCALLY)
"""The links whose records are there and have a number."""
OUT_BITS = {
    channel: sum(SCOPE_BITS[Scope(one, ANY, purpose)] for one in (channel, ANY) for purpose in ("marketing", ANY))
    for channel in MARK_CHANNELS
}
"""The scopes of which one says that a record is opted out of a channel's marketing."""
ECHO_SCOPES = {channel: [Scope(channel, ANY, "marketing"), Scope(channel, ANY, ANY)] for channel in MARK_CHANNELS}
"""What a field may be about into which a program there copies the mark of a channel."""

Key = tuple[str, str]
"""A record's id and a channel."""


class Marks(Struct, frozen=True):
    """What is due: the rows to write with their marks. ``has_more``: nothing of it, but there is more to look at."""

    rows: tuple[WriteBack, ...] = ()
    marks: tuple[Mark, ...] = ()
    has_more: bool = False


def key_of(row: WriteBack) -> Key:
    """What names a row within a connection."""
    return row.external_id, row.channel


def asks(channel: str) -> Question:
    """What a channel's mark is about."""
    return Question(channel, purpose="marketing")


def blocked_channels(state: State | None) -> tuple[str, ...]:
    """The channels on which a record of a number in this state is to be marked as opted out."""
    return () if state is None else tuple(one for one in MARK_CHANNELS if is_blocked(state, asks(one)))


# ---- decided --------------------------------------------------------------------------------------------


def decide_marks(tx: Tx, *, connection_id: int, rows: Sequence[WriteBack]) -> dict[Key, Mark]:
    """The mark that each of some rows should have; none where the record needs none, or is not there."""
    ids = sorted({row.external_id for row in rows})
    links = {link.external_id: link for link in connections.find_links(tx, connection_id=connection_id, ids=ids)}
    mobiles = sorted({link.mobile for link in links.values() if link.mobile})
    facts = consent.find_facts(tx, mobiles=mobiles) if mobiles else {}
    found = {}
    for row in rows:
        link = links.get(row.external_id)
        if link is None or link.state in (GONE, MERGED):
            continue
        if link.state == ERASED:
            # Nothing of the person is left but what the erasure asked for.
            found[key_of(row)] = Mark(row.external_id, "out", row.channel, row.at)
        elif mark := _decide_mark(row, link, facts.get(link.mobile, [])):
            found[key_of(row)] = mark
    return found


def _decide_mark(row: WriteBack, link: Link, facts: Sequence[Fact]) -> Mark | None:
    channel, state = row.channel, derive_state(facts)
    scope = Scope(channel, ANY, "marketing")
    if is_blocked(state, asks(channel)):
        standing = [fact for fact in in_force(facts) if meets(fact.scope, scope)]
        says_so = bool(link.flags & OUT_BITS[channel])
        if says_so and all(fact.source == "sync" for fact in standing):
            return None
        at = max((fact.at for fact in standing), default=row.at)
        return Mark(row.external_id, "out", channel, at, link.mobile)
    own = [
        fact.at
        for fact in without_retracted(facts)
        if fact.kind == "opt_in" and is_own(fact) and meets(fact.scope, scope)
    ]
    if own and is_opted_in(state, asks(channel)):
        return Mark(row.external_id, "in", channel, max(own), link.mobile)
    return None


def is_written(row: WriteBack, mark: Mark) -> bool:
    """Whether a record has its mark, and was not to be marked again or otherwise."""
    return row.state == "written" and row.written == row.word == mark.word


# ---- due ------------------------------------------------------------------------------------------------


def may_write(tx: Tx, opened: Opened) -> bool:
    """Whether anything may be written back now."""
    stored = opened.stored
    return stored.state in WRITING and 0 < stored.write_back_from <= tx.now


def has_due_marks(tx: Tx, opened: Opened) -> bool:
    """Whether a record is to be looked at now."""
    return may_write(tx, opened) and bool(connections.list_due_write_backs(tx, connection_id=opened.id, limit=1))


def claim_marks(tx: WriteTx, opened: Opened, *, most: int) -> Marks:
    """What is to be written now, of at most so many records. What needs no call is settled at once.

    What is returned stays due until its outcome is written, so that a worker that is killed leaves none out.
    """
    channels = CONNECTORS[opened.stored.kind].mark_channels
    leaves_ins = CONNECTORS[opened.stored.kind].facts.keeps_consent and not opened.definition.write_back_opt_ins
    for _ in range(LOOKS_MAX):
        rows = connections.list_due_write_backs(tx, connection_id=opened.id, limit=LOOKED_AT)
        wanted = decide_marks(tx, connection_id=opened.id, rows=rows)
        open_rows: list[WriteBack] = []
        settled: list[WriteBack] = []
        for row in rows:
            mark = wanted.get(key_of(row)) if row.channel in channels else None
            if mark is not None and mark.word == "in" and leaves_ins:
                # It is remembered, so that another opt-out is written again.
                settled.append(replace(row, word="in"))
            else:
                (settled if mark is None or is_written(row, mark) else open_rows).append(row)
        opened = _settle(tx, opened, settled)
        if open_rows:
            ids = frozenset([*dict.fromkeys(row.external_id for row in open_rows)][:most])
            chosen = tuple(row for row in open_rows if row.external_id in ids)
            return Marks(chosen, tuple(wanted[key_of(row)] for row in chosen), has_more=True)
        if len(rows) < LOOKED_AT:
            return Marks()
    return Marks(has_more=True)


def _settle(tx: WriteTx, opened: Opened, rows: Sequence[WriteBack]) -> Opened:
    """Let rows be looked at no more: those of records that have a mark keep it, the others go."""
    if not rows:
        return opened
    kept = [replace(row, due_at=0) for row in rows if row.state == "gone"]
    kept += [replace(row, state="written", due_at=0, why="") for row in rows if row.written and row.state != "gone"]
    after = {key_of(row): row for row in kept}
    connections.save_write_backs(tx, rows=kept)
    unmarked = [key_of(row) for row in rows if key_of(row) not in after]
    connections.delete_write_backs(tx, connection_id=opened.id, keys=unmarked)
    counts: Counter[str] = Counter()
    for row in rows:
        count_change(counts, row, after.get(key_of(row)))
    # What was refused once and is wanted no more is no problem.
    opened = note_refused(tx, opened, [row.external_id for row in rows if row.state == "refused"])
    if any(counts.values()):
        opened = replace(opened, progress=with_write_back_counts(opened.progress, counts))
        save_connection(tx, opened)
    return opened


def note_refused(tx: WriteTx, opened: Opened, ids: Iterable[str]) -> Opened:
    """Show by their links whose marks are refused, of some records. The caller saves the connection."""
    wanted = sorted({*ids})
    rows = connections.find_write_backs(tx, connection_id=opened.id, ids=wanted)
    refused = {row.external_id for row in rows if row.state == "refused"}
    return _note(tx, opened, wanted, lambda link: _with_bit(link, NOT_WRITTEN, link.external_id in refused))


def note_resubscribed(tx: WriteTx, opened: Opened, ids: Iterable[str]) -> Opened:
    """Show by their links whom another program there subscribes again and again. The caller saves the connection."""
    return _note(tx, opened, sorted({*ids}), lambda link: _with_bit(link, RESUBSCRIBED, True))


def _with_bit(link: Link, bit: int, is_set: bool) -> int:
    return link.problems & ~bit | (bit if is_set else 0)


def _note(tx: WriteTx, opened: Opened, ids: Sequence[str], find_problems: Callable[[Link], int]) -> Opened:
    """Save the problems of some records' links, where they are other ones, with the counts."""
    links = connections.find_links(tx, connection_id=opened.id, ids=ids) if ids else []
    saved: list[Link] = []
    counts: Counter[str] = Counter()
    for link in links:
        problems = find_problems(link)
        if problems != link.problems:
            changed = replace(link, problems=problems)
            counts.subtract(counted(link))
            counts.update(counted(changed))
            saved.append(changed)
    connections.save_links(tx, links=saved)
    return replace(opened, progress=with_counts(opened.progress, counts)) if saved else opened


def retry_marks(tx: WriteTx, *, connection_id: int, ids: Sequence[str]) -> None:
    """Have marks written again that were refused."""
    rows = connections.find_write_backs(tx, connection_id=connection_id, ids=sorted({*ids}))
    refused = [replace(row, due_at=tx.now, tries=0) for row in rows if row.state in ("refused", "gone")]
    connections.save_write_backs(tx, rows=refused)


# ---- erased ---------------------------------------------------------------------------------------------


def erase_marks(tx: WriteTx, opened: Opened, links: Sequence[Link]) -> None:
    """Have the records of an erased number marked as opted out, where opt-outs are written back. Other marks go.

    ``links``: as they were. No word of the other system is kept, since it may name the person.
    """
    ids = sorted(link.external_id for link in links)
    known = {key_of(row): row for row in connections.find_write_backs(tx, connection_id=opened.id, ids=ids)}
    writes = opened.definition.write_back and opened.stored.state != "removed"
    marked = [link.external_id for link in links if writes and link.state in MARKED]
    after: dict[Key, WriteBack] = {}
    for key in product(marked, MARK_CHANNELS):
        row = known.get(key)
        if row is not None and row.written == row.word == "out" and row.state == "written":
            after[key] = replace(row, at=tx.now, why="", due_at=0)
        else:
            after[key] = WriteBack(opened.id, *key, "out", tx.now, "waiting", 0, tx.now, "", "", 0, 0)
    counts: Counter[str] = Counter()
    for key in known.keys() | after.keys():
        count_change(counts, known.get(key), after.get(key))
    connections.delete_write_backs(tx, connection_id=opened.id, keys=[key for key in known if key not in after])
    connections.save_write_backs(tx, rows=[*after.values()])
    if any(counts.values()):
        save_connection(tx, replace(opened, progress=with_write_back_counts(opened.progress, counts)))
    if after:
        hint_job(tx, kind=JobKind.SYNC, subject=str(opened.id))


# ---- counted --------------------------------------------------------------------------------------------


def counted_as(row: WriteBack) -> str | None:
    """The count that a row is part of: by its channel and outcome. Rows that wait are counted when they are shown."""
    if row.state in ("refused", "gone"):
        return f"{row.channel}:{row.state}"
    return f"{row.channel}:{row.written}" if row.written else None


def count_change(counts: Counter[str], before: WriteBack | None, after: WriteBack | None) -> None:
    """Note in the counts that a row became another."""
    for row, by in ((before, -1), (after, 1)):
        if row is not None and (name := counted_as(row)):
            counts[name] += by


# ---- asked for by what records say ----------------------------------------------------------------------


class Asked(Struct):
    """What follows from some records: changes of the counts, and which records are subscribed there again and again."""

    counts: Counter[str]
    resubscribed: set[str]


def ask_for_changes(
    tx: WriteTx,
    opened: Opened,
    changes: Sequence[Change],
    *,
    others: Iterable[Link],
    before: Mapping[int, State],
    after: Mapping[int, State],
) -> Asked:
    """Have records marked that came with a number that is opted out here, or that say something else.

    ``others``: the other links of the changes' numbers. ``before``, ``after``: states of numbers, before and after what
    the changes said was recorded.
    """
    asked = Asked(Counter(), set())
    # What a record refused that is no longer there, or has no number now, is wanted no more.
    dropped = [change.after.external_id for change in changes if _drops_refused(change)]
    retry_marks(tx, connection_id=opened.id, ids=dropped)
    if not opened.definition.write_back:
        return asked
    links = [change.after for change in changes if change.after.state in MARKED]
    links += [link for link in others if link.connection_id == opened.id and link.state in MARKED]
    wanted = _find_wanted(tx, links, before=before, after=after)
    subscribed = {change.after.external_id for change in changes if _begins_to_say_in(change)}
    ask_for(tx, opened, wanted, subscribed=subscribed, asked=asked)
    return asked


def _drops_refused(change: Change) -> bool:
    was = change.before.problems if change.before is not None else 0
    return bool(was & NOT_WRITTEN) and change.after.state not in MARKED


def _begins_to_say_in(change: Change) -> bool:
    """Whether a record says that a person is subscribed who opted out here, and did not say so before."""
    was = change.before.problems if change.before is not None else 0
    return change.said is not None and bool(change.after.problems & ~was & SAYS_IN)


def _find_wanted(
    tx: Tx, links: Iterable[Link], *, before: Mapping[int, State], after: Mapping[int, State]
) -> dict[Key, int]:
    """The records that are to be marked as opted out, and from when on."""
    wanted = {}
    for link in links:
        was_blocked = blocked_channels(before.get(link.mobile))
        for channel in blocked_channels(after.get(link.mobile)):
            if channel in was_blocked:
                wanted[link.external_id, channel] = tx.now
            elif not link.flags & OUT_BITS[channel]:
                wanted[link.external_id, channel] = tx.now + SYNCED_SECONDS * 1_000_000
    return wanted


def ask_for(
    tx: WriteTx,
    opened: Opened,
    wanted: Mapping[Key, int],
    *,
    subscribed: Iterable[str] = (),
    asked: Asked,
) -> None:
    """Have records marked as opted out, unless they are; by id and channel, with the moment from which they may be.

    ``subscribed``: those that say that the person is subscribed. They are marked again, but not within a day.
    """
    ids = sorted({external_id for external_id, _ in wanted})
    rows = {key_of(row): row for row in connections.find_write_backs(tx, connection_id=opened.id, ids=ids)}
    again = frozenset(subscribed)
    saved = []
    for key, due_at in wanted.items():
        row = rows.get(key)
        if row is None:
            saved.append(WriteBack(opened.id, *key, "out", tx.now, "waiting", 0, due_at, "", "", 0, 0))
        elif row.state == "waiting" and row.repeated_at and row.tries and row.word == "out":
            # It was overruled, and has its own time.
            continue
        elif row.written != "out" or row.word != "out" or row.state in ("refused", "gone"):
            saved.append(replace(row, due_at=min(row.due_at or due_at, due_at), tries=0))
        elif key[0] in again:
            repeats_at = row.repeated_at + DAY_MICROSECONDS
            if repeats_at > tx.now:
                asked.resubscribed.add(key[0])
            saved.append(replace(row, state="waiting", due_at=max(repeats_at, tx.now)))
    for row in saved:
        count_change(asked.counts, rows.get(key_of(row)), row)
    connections.save_write_backs(tx, rows=saved)


# ---- echoes ---------------------------------------------------------------------------------------------


def find_echoes(tx: Tx, opened: Opened, changes: Sequence[Change], *, states: Mapping[int, State]) -> dict[str, int]:
    """The scopes, by record, in which it only says what was written back to it: a program there copied that."""
    if not opened.definition.write_back:
        return {}
    said = {change.after.external_id: change for change in changes if change.new_outs}
    found: dict[str, int] = {}
    for row in connections.find_write_backs(tx, connection_id=opened.id, ids=sorted(said)):
        change = said[row.external_id]
        state = states.get(change.after.mobile)
        # A mark whose outcome was lost may be there too; what adds nothing is no word of the person either way.
        is_lifted = row.written == "out" and row.channel not in blocked_channels(state)
        for scope in ECHO_SCOPES[row.channel]:
            bit = SCOPE_BITS[scope] & change.new_outs
            adds_nothing = state is not None and _is_all_blocked(state, scope)
            is_mark = is_lifted and (row.due_at > 0 or _is_as_old(row, change, scope))
            if bit and (adds_nothing or (is_mark and not change.moved)):
                found[row.external_id] = found.get(row.external_id, 0) | bit
    return found


def _is_as_old(row: WriteBack, change: Change, scope: Scope) -> bool:
    """Whether what a record says is from when it was marked, and an opt-in since then was not written to it."""
    at = change.said.at(scope) if change.said is not None else None
    return row.word == "in" and at is not None and at <= row.at


def _is_all_blocked(state: State, scope: Scope) -> bool:
    """Whether an opt-out of a scope would add nothing."""
    mask = mask_of(scope.channel, scope.purpose)
    return bool(state.cells) and all(blocked & mask == mask for blocked, _ in state.cells.values())


def count_echoes(tx: Tx, opened: Opened, changed_at: Mapping[str, int]) -> int:
    """How many records came again with nothing else that is new: what changed there is their mark.

    ``changed_at``: when each changed there.
    """
    if not changed_at or not opened.definition.write_back:
        return 0
    rows = connections.find_write_backs(tx, connection_id=opened.id, ids=sorted(changed_at))
    return len(
        {row.external_id for row in rows if abs(changed_at[row.external_id] - row.written_at) <= ECHO_MICROSECONDS}
    )


ECHO_MICROSECONDS = 300 * 1_000_000
"""How far apart the two clocks may be."""


def with_unwritten(tx: Tx, opened: Opened) -> Opened:
    """A connection with how many opt-outs are still to be written back."""
    if not opened.definition.write_back:
        return opened
    return replace(opened, unwritten=connections.count_unwritten(tx, connection_id=opened.id, most=UNWRITTEN_MAX))


def with_write_back_counts(progress: ConnectionProgress, counts: Mapping[str, int]) -> ConnectionProgress:
    """Progress with some counts of what was written back added."""
    added = Counter(progress.write_backs)
    added.update(counts)
    return replace(progress, write_backs={name: count for name, count in sorted(added.items()) if count})
