"""One batch of an import: some thousands of records in one transaction, with their outcomes and the progress.

The batch and its progress are written together, so a worker may be killed at any moment and the next one begins where
the last batch ended. A plan goes the same way and writes only what it foresaw. No file formats, no SQL.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from daftari.mobile import E164_DIGITS_MAX, country_code
from daftari.model.consent import FactOutcomeName, FirstReceipt, NewFact
from daftari.model.contacts import ContactRow
from daftari.model.limits import REJECTS_KEPT_MAX
from daftari.model.time import format_time
from daftari.rules import events
from daftari.rules.consent import ledger
from daftari.rules.consent.others import record_others
from daftari.rules.consent.state import State
from daftari.rules.contacts.merge import Merge, Merged, find_merge, read_card, write_merge
from daftari.rules.contacts.parse import TOO_MANY_ATTRIBUTES, merge_duplicates
from daftari.rules.events import Action
from daftari.rules.fields import NATIONAL_DIGITS_MIN
from daftari.rules.imports.batch import PLAN_DIGEST_BYTES, Batch, settle_numbers
from daftari.rules.imports.groups import find_namings
from daftari.rules.imports.joins import find_joins, list_named_groups, make_groups, refuse_mirrored_groups
from daftari.rules.imports.lifecycle import CREATED, DUPLICATE, UNCHANGED, UPDATED, get_import, save_progress
from daftari.rules.imports.model import (
    CODE,
    JOINED,
    KEPT_OUT,
    OUTCOME_MASK,
    OUTCOMES,
    RECORDED,
    SUPPRESSED,
    Import,
    Progress,
    ReadChunk,
)
from daftari.rules.imports.plan import find_left_out, outcome_of
from daftari.rules.imports.reasons import count_reasons
from daftari.store import Tx, WriteTx, consent, erasures, imports
from daftari.store.imports import NAMED_ERASED, Chunk, Reject

ERASED = "was erased after this file came."
NAMED_DIGITS_MAX = 500
"""Digits of a rejected record that are searched for erased numbers; one with more is not kept."""
SAMPLES_MAX = 10
"""Changed contacts that a plan can show as they would be."""
TURNS_MAX = 5
"""How often a number that a batch says again and again, with attributes, is looked at singly."""


class Taken(Struct, frozen=True):
    """Whether to continue: not when the import was paused or cancelled, or another worker has it. And who waits."""

    continues: bool
    is_awaited: bool = False


def take_chunks(
    tx: WriteTx,
    *,
    import_id: int,
    phase: str,
    chunks: Sequence[ReadChunk],
    seconds: float,
    receipt: FirstReceipt | None = None,
    fires: bool | None = None,
) -> Taken:
    """Take a batch of chunks, unless it is not the import's next one.

    ``phase``: what the import was doing when the chunks were read. ``seconds``: of work since the last batch.
    ``receipt``: when these records came, where that is not when the import began. ``fires``: whether joins fire
    triggers, where that is not the same for the whole import.
    """
    work = get_import(tx, import_id=import_id)
    if not work.is_work or work.stored.phase != phase or chunks[0].number != work.progress.next_chunk:
        return Taken(False)
    # Facts count from their own chunk on, however many chunks a batch has.
    has_facts = work.settings.kind == "contacts" and any(chunk.facts or chunk.others for chunk in chunks)
    for some in [[chunk] for chunk in chunks] if has_facts else [chunks]:
        work, seconds = _take_batch(tx, work, some, seconds, receipt, fires), 0.0
    return Taken(True, tx.is_awaited())


def _take_batch(
    tx: WriteTx,
    work: Import,
    chunks: Sequence[ReadChunk],
    seconds: float,
    receipt: FirstReceipt | None,
    fires: bool | None,
) -> Import:
    records = sum(chunk.count for chunk in chunks)
    batch = Batch(
        work, chunks, chunks[0].first, bytearray(records), array("q", bytes(8 * records)),
        bytearray(PLAN_DIGEST_BYTES * records), [], [],
        repeats={number for chunk in chunks for number in chunk.repeats},
        ids_by_mobile={mobile: number for chunk in chunks for mobile, number in chunk.ids.items()} or None,
        namings=find_namings(work, chunks),
        receipt=receipt,
        fires=work.settings.fire_triggers if fires is None else fires,
        samples=list(work.progress.samples),
    )  # fmt: skip
    for chunk in chunks:
        for one in chunk.rejects:
            batch.set(one.number, CODE["invalid"])
            batch.rejects.append(one)
        batch.warnings += chunk.warnings
        batch.unread_opt_outs += len(chunk.unread_opt_outs)
    settle_numbers(tx, batch)
    refuse_mirrored_groups(tx, batch)
    subject_ids = erasures.list_subjects_after(tx, erasure_id=work.stored.erasure_id)
    erased = _erased(tx, batch, subject_ids) if subject_ids else set()
    if work.settings.kind == "contacts":
        _take_contacts(tx, batch, erased)
    else:
        _take_lists(tx, batch, erased)
    if subject_ids:
        batch.rejects = [_without_erased(tx, batch, one, subject_ids) for one in batch.rejects]
        batch.warnings = [_without_erased(tx, batch, one, subject_ids) for one in batch.warnings]
    if batch.others and not batch.is_plan:
        others = [fact for fact in batch.others if fact.mobile not in erased]
        happened = record_others(tx, others=others, received=batch.received)
        if happened:
            events.record(tx, Action.IMPORT_CONSENT, *happened, detail=work.named)
    _keep_batch(tx, batch)
    return save_progress(tx, found=work, progress=_advance(batch, tx.now, seconds))


def _erased(tx: Tx, batch: Batch, subject_ids: set[int]) -> set[int]:
    """Numbers in the batch of people who were erased after the file came; their records are refused."""
    mobiles = {row.mobile for chunk in batch.chunks for row in chunk.rows}
    mobiles |= {fact.mobile for chunk in batch.chunks for fact in chunk.facts}
    mobiles |= {fact.mobile for fact in batch.others}
    erased = {mobile for mobile in mobiles if consent.erased_subject_id(tx, mobile=mobile) in subject_ids}
    numbers = {row.index for chunk in batch.chunks for row in chunk.rows if row.mobile in erased}
    numbers |= {fact.index for chunk in batch.chunks for fact in chunk.facts if fact.mobile in erased}
    for number in sorted(numbers):
        batch.refuse(number, f"The number {ERASED}", erased=True)
    return erased


def _without_erased(tx: Tx, batch: Batch, given: Reject, subject_ids: set[int]) -> Reject:
    """A rejected record is not kept when it names a number that was erased after the file came."""
    digits = given.digits
    if len(digits) <= NAMED_DIGITS_MAX:
        prefixes = ("", country_code(batch.work.settings.region))
        named = (
            int(prefix + digits[first : first + length])
            for prefix in prefixes
            for length in range(NATIONAL_DIGITS_MIN, E164_DIGITS_MAX - len(prefix) + 1)
            for first in range(len(digits) - length + 1)
        )
        if not any(consent.erased_subject_id(tx, mobile=number) in subject_ids for number in named):
            return given
    return replace(given, reason=NAMED_ERASED, cell="", record="null", digits="")


# ---- contacts ---------------------------------------------------------------------------------------


def _take_contacts(tx: WriteTx, batch: Batch, erased: set[int]) -> None:
    """Rows become contacts: each number's first row of the batch, then the others.

    So a row's outcome does not depend on the size of the batch.
    """
    rows = [row for chunk in batch.chunks for row in chunk.rows]
    if erased:
        rows = [row for row in rows if row.mobile not in erased]
    first, later = _by_turn(rows, batch.repeats)
    left_out = find_left_out(tx, batch, first)
    for row in later:
        if row.mobile in left_out:
            batch.refuse(row.index, f"The record {left_out[row.mobile]}", outcome=outcome_of(left_out[row.mobile]))
    if left_out:
        first, later = ([row for row in turn if row.mobile not in left_out] for turn in (first, later))
    foreseen = _take_consent(tx, batch, erased, left_out=left_out.keys())
    if not batch.is_plan:
        make_groups(tx, batch, [*first, *later])
    _take_rows(tx, batch, first, foreseen)
    for turn in _turns(later):
        _take_rows(tx, batch, turn, foreseen)


def _turns(rows: list[ContactRow]) -> Iterator[list[ContactRow]]:
    """Rows that say a number again: one a number where it may be one attribute too many, the rest at once."""
    for _ in range(TURNS_MAX):
        if not any(row.attributes for row in rows):
            break
        turn, rows = _by_turn(rows, {row.index for row in rows})
        yield turn
    if rows:
        yield rows


def _by_turn(rows: list[ContactRow], repeats: set[int]) -> tuple[list[ContactRow], list[ContactRow]]:
    """The first row of each number in the batch, and the others."""
    if not repeats:
        return rows, []
    numbers: set[int] = set()
    first, later = [], []
    for row in rows:
        if row.index in repeats and row.mobile in numbers:
            later.append(row)
        else:
            numbers.add(row.mobile)
            first.append(row)
    return first, later


def _take_rows(tx: WriteTx, batch: Batch, rows: list[ContactRow], foreseen: Mapping[int, State]) -> None:
    """Merge rows into the book, or foresee it, and note each row's outcome."""
    unique, _, refused = merge_duplicates(rows)
    named, connection_id = list_named_groups(batch, rows), batch.work.settings.connection_id
    merge = find_merge(tx, rows=unique, named=named, foreseen=foreseen, connection_id=connection_id)
    if merge.refused:
        without = {row.mobile for row in unique if row.index in merge.refused}
        refused += [row.index for row in rows if row.mobile in without]
    for index in refused:
        batch.refuse(index, f"The attributes field {TOO_MANY_ATTRIBUTES}")
    if refused:
        rows = [row for row in rows if row.index not in set(refused)]
    before = {number: contact.card for contact in merge.existing.values() if (number := contact.id) in merge.changed}
    merged = Merged([], {}, [])
    if not batch.is_plan:
        merged = write_merge(tx, merge=merge, ids=batch.ids_by_mobile, fires=batch.fires)
    joins, flags = find_joins(batch, merge, rows)
    _note_outcomes(batch, merge, merged, rows, {record for by in joins for record in by.values()}, flags)
    if batch.is_plan:
        _keep_samples(tx, batch, merge, rows)
    else:
        imports.save_changes(tx, import_id=batch.work.id, cards=sorted(before.items()))
        _note_written(batch, merge, merged, joins)


def _keep_samples(tx: WriteTx, batch: Batch, merge: Merge, rows: list[ContactRow]) -> None:
    """Keep how the first contacts that a plan would change would be then, where an undo finds how they were before.

    One that the file names again would change twice, and is left out.
    """
    if not merge.changed:
        return
    samples = {contact_id: number for number, contact_id in batch.samples}
    found: list[int] = []
    for row in rows:
        contact = merge.existing.get(row.mobile)
        if contact is None or contact.id not in merge.changed:
            continue
        if row.index in batch.repeats:
            if samples.pop(contact.id, None) is not None:
                imports.delete_changes(tx, import_id=batch.work.id, ids=[contact.id])
        elif len(samples) < SAMPLES_MAX and contact.id not in samples:
            samples[contact.id] = row.index
            found.append(contact.id)
    cards = [(contact_id, merge.changed[contact_id].card) for contact_id in sorted(found) if contact_id in samples]
    imports.save_changes(tx, import_id=batch.work.id, cards=cards)
    batch.samples = [(number, contact_id) for contact_id, number in samples.items()]


# ---- outcomes ---------------------------------------------------------------------------------------


def _note_written(batch: Batch, merge: Merge, merged: Merged, joins: list[dict[int, int]]) -> None:
    """Who changed, and who of those that were there joined which group by a record of which chunk."""
    joining_existing = any(joining.existing for joining in merge.joinings)
    own = _made_before(batch, merge) if batch.repeats and joining_existing else set()
    mobiles = {contact.id: contact.mobile for contact in merge.existing.values()} if joining_existing else {}
    size = batch.work.settings.chunk_records
    for joining, group, by in zip(merge.joinings, merged.joined, joins, strict=True):
        for contact_id in joining.existing:
            if contact_id not in own:
                chunk = batch.chunks[0].number + (by[mobiles[contact_id]] - batch.first) // size
                batch.joins.setdefault(chunk, {}).setdefault(group, []).append(contact_id)
    batch.groups |= {group for group, ids in merged.joined.items() if ids}
    batch.events += merged.events


def _made_before(batch: Batch, merge: Merge) -> set[int]:
    """The contacts that this very import has made: it is their first row that an undo looks at."""
    settings = batch.work.settings
    if settings.keep_ids:
        return {contact.id for contact in merge.existing.values()}
    made = format_time(settings.created_at)
    return {contact.id for contact in merge.existing.values() if read_card(contact.card).created_at == made}


def _note_outcomes(
    batch: Batch, merge: Merge, merged: Merged, rows: list[ContactRow], joined: set[int], flags: dict[int, int]
) -> None:
    """An outcome and an id for each row."""
    suppressed, new_ids = merge.suppressed, {card.mobile: card.id for card in merged.new}
    batch.joined += len(joined)
    existing, changed, repeats, recorded = merge.existing, merge.changed, batch.repeats, batch.recorded
    is_plan, set_outcome = batch.is_plan, batch.set
    created: set[int] = set()
    for row in rows:
        mobile, index = row.mobile, row.index
        found = existing.get(mobile)
        code, contact_id = DUPLICATE, new_ids.get(mobile, 0)
        if found is not None:
            contact_id = found.id
            if index not in repeats:
                is_updated = contact_id in changed or index in joined or index in recorded
                code = UPDATED if is_updated else UNCHANGED
        elif mobile not in created and not (is_plan and index in repeats):
            # A record before that had this number may have been refused, or its contact deleted since.
            code = CREATED
            created.add(mobile)
        if index in joined:
            code |= JOINED
        if index in recorded:
            code |= RECORDED
        if index in flags:
            code |= flags[index]
        if mobile in suppressed:
            code |= SUPPRESSED
            batch.suppressed += 1
        if code & (SUPPRESSED | KEPT_OUT):
            batch.excluded.append(mobile)
        set_outcome(index, code, contact_id)


def _take_consent(
    tx: WriteTx, batch: Batch, erased: AbstractSet[int], *, left_out: AbstractSet[int]
) -> dict[int, State]:
    """Record the facts that records say, before any contact joins a group.

    Returns the states of their numbers, where they are foreseen.
    """
    ranges, foreseen = [], {}
    for chunk in batch.chunks:
        repeats = set(chunk.repeats)
        # A contact that is left alone, since it has changed, is no reason to lose an opt-out.
        facts = [
            fact
            for fact in chunk.facts
            if fact.mobile not in erased and (fact.kind == "opt_out" or fact.mobile not in left_out)
        ]
        recorded = _record(tx, batch, facts)
        ranges.append(recorded.first_last)
        batch.opt_outs += sum(
            fact.kind == "opt_out" and name == "recorded" for fact, name in zip(facts, recorded.names, strict=True)
        )
        foreseen.update(recorded.foreseen)
        batch.recorded.update(
            fact.index for fact, name in zip(facts, recorded.names, strict=True) if name == "recorded"
        )
        for number in chunk.others:
            if batch.outcomes[number - batch.first] == 0:
                code = DUPLICATE if number in repeats else UPDATED if number in batch.recorded else UNCHANGED
                batch.set(number, code | (RECORDED if number in batch.recorded else 0))
    batch.fact_ranges = tuple(ranges)
    return foreseen


# ---- lists of opt-outs and opt-ins ------------------------------------------------------------------


def _take_lists(tx: WriteTx, batch: Batch, erased: set[int]) -> None:
    """Facts, an outcome a record; one that was in the file before is a duplicate."""
    ranges = []
    for chunk in batch.chunks:
        repeats = set(chunk.repeats)
        facts = [fact for fact in chunk.facts if fact.mobile not in erased]
        recorded = _record(tx, batch, facts)
        ranges.append(recorded.first_last)
        outcomes: dict[int, set[str]] = {}
        for fact, name in zip(facts, recorded.names, strict=True):
            outcomes.setdefault(fact.index, set()).add(name)
        for number, names in outcomes.items():
            # A record may hold several numbers: the most important outcome counts.
            name = next(name for name in ("recorded", "refused", "unchanged") if name in names)
            batch.set(number, DUPLICATE if number in repeats else CODE[name])
    batch.fact_ranges = tuple(ranges)


class _Recorded(Struct):
    """The outcomes of facts, the numbers of the first and the last one, and states that are only foreseen."""

    names: Sequence[FactOutcomeName] = ()
    first_last: tuple[int, int] = (0, -1)
    foreseen: dict[int, State] = {}


def _record(tx: WriteTx, batch: Batch, facts: list[NewFact]) -> _Recorded:
    """Record facts, or foresee their outcomes."""
    if not facts:
        return _Recorded()
    if batch.is_plan:
        names, foreseen = ledger.foresee_facts(tx, facts=facts, received=batch.received)
        return _Recorded(names, foreseen=foreseen)
    first = tx.book.next_fact
    work = batch.work
    recorded = ledger.record_facts(
        tx, facts=facts, received=batch.received, import_id=work.id, connection_id=work.settings.connection_id
    )
    names = [outcome.outcome for outcome in recorded.outcomes]
    batch.facts += names.count("recorded")
    if tx.book.next_fact > first:
        events.record(tx, Action.IMPORT_CONSENT, *recorded.events, detail=work.named)
    return _Recorded(names, (first, tx.book.next_fact - 1))


# ---- kept -------------------------------------------------------------------------------------------


def _keep_batch(tx: WriteTx, batch: Batch) -> None:
    work = batch.work
    for number, joined in batch.joins.items():
        imports.insert_joins(tx, import_id=work.id, chunk=number, joined=joined)
    if batch.events:
        group_id = next(iter(batch.groups)) if len(batch.groups) == 1 else None
        events.record(tx, Action.IMPORT_CONTACTS, *batch.events, group_id=group_id, detail=work.named)
    if not batch.is_plan:
        ledger.note_near_misses(tx, source="import", mobiles=batch.excluded, import_id=work.id)
    for chunk, (first_fact, last_fact) in zip(batch.chunks, batch.fact_ranges, strict=True):
        start = chunk.first - batch.first
        end = start + chunk.count
        imports.save_chunk(
            tx,
            import_id=work.id,
            chunk=Chunk(
                number=chunk.number,
                at=tx.now,
                phase=work.stored.phase,
                outcomes=bytes(batch.outcomes[start:end]),
                ids=batch.ids[start:end],
                plan_digests=bytes(batch.plan_digests[PLAN_DIGEST_BYTES * start : PLAN_DIGEST_BYTES * end])
                if batch.is_plan
                else b"",
                first_fact=first_fact,
                last_fact=last_fact,
                first_row=chunk.first,
            ),
        )
    last = batch.first + len(batch.outcomes) - 1
    imports.save_rejects(tx, import_id=work.id, first=batch.first, last=last, rejects=_kept_notes(batch))


def _kept_notes(batch: Batch) -> list[Reject]:
    """The rejects, and the first warning of each record, as far as an import keeps them."""
    notes = {one.number: one for one in [*reversed(batch.warnings), *batch.rejects]}
    return [notes[number] for number in sorted(notes)][: max(REJECTS_KEPT_MAX - batch.work.progress.noted, 0)]


def _advance(batch: Batch, now: int, seconds: float) -> Progress:
    progress = batch.work.progress
    counted = Counter(code & OUTCOME_MASK for code in batch.outcomes)
    counts = dict(progress.counts)
    for code, many in counted.items():
        counts[OUTCOMES[code]] = counts.get(OUTCOMES[code], 0) + many
    rejects = {one.number: one for one in batch.rejects}.values()
    return replace(
        progress,
        opt_outs=progress.opt_outs + batch.opt_outs,
        unread_opt_outs=progress.unread_opt_outs + batch.unread_opt_outs,
        reasons=count_reasons(progress.reasons, rejects),
        warnings=count_reasons(progress.warnings, batch.warnings),
        rejects=progress.rejects + len(rejects),
        noted=progress.noted + len(_kept_notes(batch)),
        samples=tuple(batch.samples),
        next_chunk=batch.chunks[-1].number + 1,
        rows=progress.rows + len(batch.outcomes),
        bytes_read=batch.chunks[-1].bytes_read,
        counts=counts,
        suppressed=progress.suppressed + batch.suppressed,
        joined=progress.joined + batch.joined,
        facts=progress.facts + batch.facts,
        groups=tuple(sorted({*progress.groups, *batch.groups})),
        seconds=progress.seconds + seconds,
        started_at=progress.started_at or now,
        tries=0,
    )
