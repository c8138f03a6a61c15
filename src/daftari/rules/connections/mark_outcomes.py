"""What follows when records were marked, or could not be: outcomes, failures, and the look through all links. No SQL.

Calls are made outside of any transaction; what came of them is written here, under the fence that the worker holds. If
the person said something else meanwhile, the record is marked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from daftari.connectors import ConnectorFailed, Usage
from daftari.connectors.protocol import Mark, MarkOutcome
from daftari.model.connections import WriteBack
from daftari.model.jobs import JobKind
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.connections.marks import (
    MARKED,
    WRITING,
    Asked,
    Marks,
    ask_for,
    blocked_channels,
    count_change,
    decide_marks,
    is_written,
    key_of,
    note_refused,
    note_resubscribed,
    with_write_back_counts,
)
from daftari.rules.connections.model import Opened, get_connection
from daftari.rules.connections.saving import save_connection
from daftari.rules.connections.sync import (
    PAUSE_SECONDS_MAX,
    SECOND,
    STOPPED,
    Done,
    find_held,
    save_step,
)
from daftari.rules.consent import ledger
from daftari.store import WriteTx, connections
from daftari.store.jobs import hint_job

RETRY_SECONDS = 30
"""The pause before a mark is written for the second time; each further one is twice as long."""
RETRY_SECONDS_MAX = 3_600
LINKS_PER_STEP = 5_000


def _find_writing(tx: WriteTx, connection_id: int, fence: int) -> Opened | None:
    """The connection, if this worker still has it and it is still written back to."""
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state not in WRITING or not stored.write_back_from:
        return None
    return get_connection(tx, connection_id=connection_id)


def take_outcomes(
    tx: WriteTx, *, connection_id: int, fence: int, marks: Marks, outcomes: Sequence[MarkOutcome], usage: Usage
) -> Done:
    """Write what came of some marks, one outcome for each."""
    opened = _find_writing(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    ids = sorted({row.external_id for row in marks.rows})
    known = {key_of(row): row for row in connections.find_write_backs(tx, connection_id=connection_id, ids=ids)}
    after = [
        _after(known[key_of(row)], mark, outcome, now=tx.now)
        for row, mark, outcome in zip(marks.rows, marks.marks, outcomes, strict=True)
        if key_of(row) in known
    ]
    wanted = decide_marks(tx, connection_id=connection_id, rows=after)
    saved = [_looked_at_again(row, wanted.get(key_of(row)), now=tx.now) for row in after]
    counts: Counter[str] = Counter()
    for row in saved:
        count_change(counts, known[key_of(row)], row)
    connections.save_write_backs(tx, rows=saved)
    opened = note_refused(tx, opened, [row.external_id for row in saved])
    overruled = {outcome.record_id for outcome in outcomes if outcome.outcome == "overruled"}
    again = [key[0] for key, row in known.items() if key[0] in overruled and row.tries]
    opened = note_resubscribed(tx, opened, again)
    absent = tuple(dict.fromkeys(row.external_id for row in saved if row.state == "gone"))
    progress = with_write_back_counts(opened.progress, counts)
    progress = replace(
        progress,
        wanted=tuple(dict.fromkeys((*progress.wanted, *absent))),
        write_back_tries=0,
        write_back_error="",
        wrote_last=True,
        day=usage.day,
        used=usage.used,
        allowed=usage.allowed,
    )
    due_at = tx.now if absent and opened.stored.due_at else opened.stored.due_at
    save_connection(tx, replace(opened, progress=progress, stored=replace(opened.stored, due_at=due_at)))
    later = [row.due_at for row in saved if row.due_at > tx.now]
    if later:
        hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id), due_at=min(later))
    return Done(True)


def _after(row: WriteBack, mark: Mark, outcome: MarkOutcome, *, now: int) -> WriteBack:
    says = outcome.says.replace("\0", " ")
    match outcome.outcome:
        case "written":
            is_repeated = row.state == "waiting" and row.written == mark.word
            return replace(
                row,
                word=mark.word, at=mark.at, state="written", tries=0, due_at=0, why="",
                written=mark.word, written_at=now, repeated_at=now if is_repeated else row.repeated_at,
            )  # fmt: skip
        case "again":
            pause = min(RETRY_SECONDS * 2 ** min(row.tries, 10), RETRY_SECONDS_MAX)
            return replace(row, word=mark.word, tries=row.tries + 1, due_at=now + pause * SECOND, why=says)
        case "overruled":
            # Once more soon, then once a day: two programs that undo each other's changes would never end.
            pause = DAY_MICROSECONDS if row.tries else RETRY_SECONDS * SECOND
            return replace(
                row,
                word=mark.word, at=mark.at, state="waiting", tries=row.tries + 1, due_at=now + pause, why=says,
                repeated_at=now,
            )  # fmt: skip
        case "refused" | "gone" as state:
            return replace(row, word=mark.word, at=mark.at, state=state, tries=0, due_at=0, why=says)


def _looked_at_again(row: WriteBack, mark: Mark | None, *, now: int) -> WriteBack:
    """A row that is due at once if its person said something else while it was written."""
    if row.due_at or mark is None or mark.word == row.word or is_written(row, mark):
        return row
    return replace(row, due_at=now)


def fail_marks(tx: WriteTx, *, connection_id: int, fence: int, failure: ConnectorFailed, usage: Usage) -> Done:
    """Wait before anything is written back again, or stop until a person acts. Nothing that is due is lost."""
    opened = _find_writing(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    progress = replace(
        opened.progress,
        write_back_tries=opened.progress.write_back_tries + 1,
        write_back_error=failure.message,
        day=usage.day,
        used=usage.used,
        allowed=usage.allowed,
    )
    stored = opened.stored
    if failure.kind == "broken":
        stored = replace(stored, state="broken", reason=failure.message, due_at=0)
    else:
        seconds = min(5 * 2 ** min(progress.write_back_tries - 1, 10), PAUSE_SECONDS_MAX)
        named = failure.until or (tx.now + PAUSE_SECONDS_MAX * SECOND if failure.kind == "limited" else 0)
        stored = replace(stored, write_back_from=max(tx.now + seconds * SECOND, named))
        hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id), due_at=stored.write_back_from)
    save_connection(tx, replace(opened, stored=stored, progress=progress))
    # Reading continues meanwhile.
    return Done(stored.state != "broken")


def ask_links(tx: WriteTx, *, connection_id: int, fence: int) -> Done:
    """Have some links looked at, in their order, when writing back begins.

    Those of numbers that had opted out, and those that were marked as such by an earlier writing back.
    """
    opened = find_held(tx, connection_id, fence)
    if opened is None or opened.progress.asked_links is None:
        return STOPPED
    after = opened.progress.asked_links
    links = connections.list_links(tx, connection_id=connection_id, after=after, limit=LINKS_PER_STEP)
    marked = [link for link in links if link.state in MARKED and link.mobile]
    states = ledger.find_states(tx, mobiles=sorted({link.mobile for link in marked})) if marked else {}
    wanted = {
        (link.external_id, channel): tx.now for link in marked for channel in blocked_channels(states.get(link.mobile))
    }
    asked = Asked(Counter(), set())
    ask_for(tx, opened, wanted, asked=asked)
    marks = connections.find_write_backs(tx, connection_id=connection_id, ids=[link.external_id for link in marked])
    outdated = [row for row in marks if row.written == "out" and key_of(row) not in wanted]
    connections.save_write_backs(tx, rows=[replace(row, due_at=tx.now) for row in outdated])
    is_over = len(links) < LINKS_PER_STEP
    progress = with_write_back_counts(opened.progress, asked.counts)
    progress = replace(progress, asked_links=None if is_over else links[-1].external_id)
    return save_step(tx, replace(opened, progress=progress), has_more=True)
