"""One batch of an import: some thousands of records in one transaction, with what became of each and how far it is.

The batch and its progress are written together, so that whoever works on an import may be killed at any moment, and
whoever goes on begins where the last batch ended. A plan goes the same way and writes nothing but what it foresaw.
This room must not know how records were read, nor who asks for a batch.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model import ContactRow, NewFact
from daftari.rules import ledger
from daftari.rules.import_rows import ReadChunk, reject
from daftari.rules.imports import JOINED, KEPT_OUT, OUTCOMES, SUPPRESSED, Import, Progress, get_import, save_progress
from daftari.rules.merges import Joining, Merge, Merged, NamedGroup, find_merge, write_merge
from daftari.rules.rows import TOO_MANY_ATTRIBUTES, merge_duplicates
from daftari.rules.texts import fold_name
from daftari.store import Tx, WriteTx, consent, contacts, erasures, imports, journal
from daftari.store.imports import CHUNK_RECORDS, Chunk, Reject

SEEN_BYTES = 8
"""What a plan keeps of what it saw of a record's contact."""
NOT_SEEN = bytes(SEEN_BYTES)
CHANGED = "was not applied: its contact has changed since the plan was made."
ERASED = "belongs to somebody who was erased after this file came."
ID_TAKEN = "has an id that another contact has already."

CODE = {name: place for place, name in enumerate(OUTCOMES)}
CREATED, UPDATED, UNCHANGED, DUPLICATE = (CODE[name] for name in ("created", "updated", "unchanged", "duplicate"))


class _Batch(Struct):
    """A batch while it is worked on: what became of each record, by its place in the batch."""

    work: Import
    chunks: Sequence[ReadChunk]
    first: int
    outcomes: bytearray
    ids: array[int]
    seen: bytearray
    rejects: list[Reject]
    suppressed: int = 0
    joined: int = 0
    facts: int = 0
    groups: tuple[int, ...] = ()
    fact_ranges: tuple[tuple[int, int], ...] = ()

    @property
    def is_plan(self) -> bool:
        return self.work.stored.phase == "plan"

    def set(self, number: int, code: int, contact_id: int = 0) -> None:
        """What became of a record, and of which contact."""
        self.outcomes[number - self.first] = code
        self.ids[number - self.first] = contact_id

    def refuse(self, number: int, why: str, *, outcome: str = "invalid", erased: bool = False) -> None:
        """A record that cannot be taken after all; one of somebody who was erased is not kept."""
        self.set(number, CODE[outcome])
        self.rejects.append(reject(number, why, "null" if erased else self._record(number)))

    def _record(self, number: int) -> str:
        chunk = self.chunks[(number - self.first) // CHUNK_RECORDS]
        values: list[Any] = msgspec.msgpack.decode(chunk.values)
        return msgspec.json.encode(values[number - chunk.first]).decode()


class Taken(Struct, frozen=True):
    """Whether to go on: not when the import was paused or cancelled, or another worker has it. And who waits."""

    goes_on: bool
    is_awaited: bool = False


def take_chunks(
    tx: WriteTx, *, import_id: int, phase: str, chunks: Sequence[ReadChunk], now: int, seconds: float
) -> Taken:
    """Take a batch of chunks, unless it is not the import's next one.

    ``phase``: what the import was doing when the chunks were read. ``seconds``: of work since the last batch.
    """
    work = get_import(tx, import_id=import_id)
    if not work.is_work or work.stored.phase != phase or chunks[0].number != work.progress.next_chunk:
        return Taken(False)
    records = sum(chunk.count for chunk in chunks)
    batch = _Batch(
        work, chunks, chunks[0].first, bytearray(records), array("q", bytes(8 * records)),
        bytearray(SEEN_BYTES * records), [],
    )  # fmt: skip
    for chunk in chunks:
        for one in chunk.rejects:
            batch.set(one.number, CODE["invalid"])
            batch.rejects.append(one)
    erased = _erased(tx, batch)
    if work.settings.reading.kind == "contacts":
        _take_contacts(tx, batch, erased, now)
    else:
        _take_lists(tx, batch, erased, now)
    _keep_batch(tx, batch, now)
    save_progress(tx, found=work, progress=_moved_on(batch, now, seconds))
    return Taken(True, tx.is_awaited())


def _erased(tx: Tx, batch: _Batch) -> set[int]:
    """Numbers in the batch of people who were erased after the file came; their records are refused."""
    subjects = erasures.list_subjects_after(tx, erasure_id=batch.work.stored.erasure_id)
    if not subjects:
        return set()
    mobiles = {row.mobile for chunk in batch.chunks for row in chunk.rows}
    mobiles |= {fact.mobile for chunk in batch.chunks for fact in chunk.facts}
    erased = {mobile for mobile in mobiles if consent.erased_subject(tx, mobile=mobile) in subjects}
    numbers = {row.index for chunk in batch.chunks for row in chunk.rows if row.mobile in erased}
    numbers |= {fact.index for chunk in batch.chunks for fact in chunk.facts if fact.mobile in erased}
    for number in sorted(numbers):
        batch.refuse(number, f"The number {ERASED}", erased=True)
    return erased


# ---- contacts ---------------------------------------------------------------------------------------


def _take_contacts(tx: WriteTx, batch: _Batch, erased: set[int], now: int) -> None:
    rows = [row for chunk in batch.chunks for row in chunk.rows]
    if erased:
        rows = [row for row in rows if row.mobile not in erased]
    unique, duplicates, refused = merge_duplicates(rows)
    ids = {mobile: number for chunk in batch.chunks for mobile, number in chunk.ids.items()} or None
    if ids:
        unique = _without_taken_ids(tx, batch, unique, ids)
    named = _named_groups(batch)
    merge = find_merge(tx, rows=unique, named=named)
    repeats = {number for chunk in batch.chunks for number in chunk.repeats}
    seen = _seen(merge, batch)
    changed = _changed_since_plan(tx, batch, unique, seen)
    if changed:
        unique = [row for row in unique if row.mobile not in changed]
        merge = find_merge(tx, rows=unique, named=named)
    for index in (*refused, *merge.refused):
        batch.refuse(index, f"The attributes field {TOO_MANY_ATTRIBUTES}")
    before = {number: contact.card for contact in merge.there.values() if (number := contact.id) in merge.changed}
    merged = Merged([], {}) if batch.is_plan else write_merge(tx, merge=merge, now=now, ids=ids)
    _keep_before(tx, batch, merge, merged, before, now)
    _tell_rows(batch, merge, merged, unique, repeats)
    _tell_duplicates(batch, merge, merged, duplicates, changed)
    for index, digest in seen.items():
        place = SEEN_BYTES * (index - batch.first)
        batch.seen[place : place + SEEN_BYTES] = digest
    _take_consent(tx, batch, erased | changed, now)


def _without_taken_ids(tx: WriteTx, batch: _Batch, rows: list[ContactRow], ids: dict[int, int]) -> list[ContactRow]:
    """The rows whose ids are free: no other contact has them, and no row before."""
    wanted = sorted(ids.values())
    taken = {contact.id: contact.mobile for contact in contacts.find_contact_numbers(tx, ids=wanted)}
    free = []
    for row in rows:
        number = ids.get(row.mobile)
        if number is not None and taken.setdefault(number, row.mobile) != row.mobile:
            batch.refuse(row.index, f"The record {ID_TAKEN}")
        else:
            free.append(row)
    return free


def _named_groups(batch: _Batch) -> list[NamedGroup]:
    """The import's own group, and those that records name: one a folded name, in its first spelling."""
    group = batch.work.settings.group
    named = {} if group is None else {fold_name(group): NamedGroup(group)}
    found: dict[str, tuple[str, set[int]]] = {}
    for chunk in batch.chunks:
        for name, mobiles in chunk.groups.items():
            found.setdefault(fold_name(name), (name, set()))[1].update(mobiles)
    return list(({folded: NamedGroup(*one) for folded, one in found.items()} | named).values())


def _seen(merge: Merge, batch: _Batch) -> dict[int, bytes]:
    """What the outcome of each record rests on, by number of the record: the contact as it is, and what it may join.

    The same whatever the batch is: groups count that are named in the record's own chunk.
    """
    if not batch.work.settings.planned:
        return {}
    joinings = {joining.folded: joining for joining in merge.joinings}
    everybody = [joining for joining in merge.joinings if joining.group.mobiles is None]
    seen = {}
    for chunk in batch.chunks:
        named: dict[int, list[Joining]] = {}
        for name, mobiles in chunk.groups.items():
            for mobile in mobiles:
                named.setdefault(mobile, []).append(joinings[fold_name(name)])
        repeats = set(chunk.repeats)
        for row in chunk.rows:
            if row.index not in repeats:
                seen[row.index] = _digest(merge, row, (*everybody, *named.get(row.mobile, ())))
    return seen


def _digest(merge: Merge, row: ContactRow, joinings: Iterable[Joining]) -> bytes:
    found, state = merge.there.get(row.mobile), merge.known.get(row.mobile)
    joins = "".join(
        "01"[(found.id in joining.there) if found is not None else joining.takes(row.mobile)] for joining in joinings
    )
    told = f"{'' if found is None else found.card}|{state is not None and state.is_suppressed}|{joins}"
    return blake2b(told.encode(), digest_size=SEEN_BYTES).digest()


def _changed_since_plan(tx: WriteTx, batch: _Batch, rows: list[ContactRow], seen: Mapping[int, bytes]) -> set[int]:
    """Numbers whose contacts are no more what the plan saw; their records are named and left alone.

    A number that is repeated in the file goes the way of its first record, which may be in a batch before.
    """
    if batch.is_plan or not batch.work.settings.planned:
        return set()
    planned = _planned(tx, batch)
    repeated = [row.mobile for row in rows if row.index not in seen]
    left_alone = imports.find_left_alone(tx, import_id=batch.work.id, mobiles=repeated)
    changed = set()
    for row in rows:
        place = SEEN_BYTES * (row.index - batch.first)
        same = planned[place : place + SEEN_BYTES] == seen[row.index] if row.index in seen else True
        if not same or row.mobile in left_alone:
            changed.add(row.mobile)
            batch.refuse(row.index, f"The record {CHANGED}", outcome="changed")
    imports.leave_alone(tx, import_id=batch.work.id, mobiles=sorted(changed - left_alone))
    return changed


def _planned(tx: Tx, batch: _Batch) -> bytes:
    chunks = imports.list_chunks(tx, import_id=batch.work.id, first=batch.chunks[0].number, limit=len(batch.chunks))
    return b"".join(chunk.seen for chunk in chunks)


def _keep_before(tx: WriteTx, batch: _Batch, merge: Merge, merged: Merged, before: dict[int, str], now: int) -> None:
    """What an undo needs: cards as they were, and who of those that were there joined what."""
    if batch.is_plan:
        return
    imports.keep_changes(tx, import_id=batch.work.id, cards=sorted(before.items()), now=now)
    new = {card.id for card in merged.new}
    there = {group: [number for number in ids if number not in new] for group, ids in merged.joined.items()}
    imports.insert_joins(tx, import_id=batch.work.id, chunk=batch.chunks[0].number, joined=there)
    joined = merged.joined_ids
    batch.groups = tuple(group for group, ids in merged.joined.items() if ids)
    touched = new | joined | merge.changed.keys()
    if touched:
        group_id = batch.groups[0] if len(batch.groups) == 1 else None
        journal.insert_journal(tx, action="import_contacts", contacts=touched, group_id=group_id, now=now)
    barred = len(merge.suppressed) + len(merge.kept_out)
    ledger.note_near_misses(tx, source="import", tries=barred, now=now, import_id=batch.work.id)


def _joining_mobiles(merge: Merge) -> set[int]:
    """The numbers that would join some group."""
    ids = {number for joining in merge.joinings for number in joining.there}
    mobiles = {mobile for mobile, contact in merge.there.items() if contact.id in ids}
    for joining in merge.joinings:
        mobiles.update(row.mobile for row in merge.new if joining.takes(row.mobile))
    return mobiles


def _tell_rows(batch: _Batch, merge: Merge, merged: Merged, rows: list[ContactRow], repeats: set[int]) -> None:
    """An outcome and an id for each row."""
    flags = _flags(merge)
    new_ids = {card.mobile: card.id for card in merged.new}
    joining = _joining_mobiles(merge)
    if batch.is_plan:
        # A number that came before in the file would have joined by then.
        joining -= {row.mobile for row in rows if row.index in repeats}
    batch.joined = len(joining)
    there, changed = merge.there, merge.changed
    for row in rows:
        mobile = row.mobile
        if row.index in merge.refused:
            continue
        found = there.get(mobile)
        if found is None:
            code, contact_id = CREATED, new_ids.get(mobile, 0)
        else:
            contact_id = found.id
            code = UPDATED if contact_id in changed or mobile in joining else UNCHANGED
        if row.index in repeats:
            code = DUPLICATE
        code |= flags.get(mobile, 0) | (JOINED if mobile in joining else 0)
        batch.suppressed += bool(code & SUPPRESSED)
        batch.set(row.index, code, contact_id)


def _flags(merge: Merge) -> dict[int, int]:
    flags = dict.fromkeys(merge.suppressed, SUPPRESSED)
    for mobile in merge.kept_out:
        flags[mobile] = flags.get(mobile, 0) | KEPT_OUT
    return flags


def _tell_duplicates(
    batch: _Batch, merge: Merge, merged: Merged, duplicates: list[tuple[int, int]], changed: set[int]
) -> None:
    """Rows that were merged into an earlier one of the batch."""
    flags = _flags(merge) if duplicates else {}
    ids = {card.mobile: card.id for card in merged.new} if duplicates else {}
    for index, mobile in duplicates:
        if mobile in changed:
            batch.refuse(index, f"The record {CHANGED}", outcome="changed")
            continue
        found = merge.there.get(mobile)
        code = DUPLICATE | flags.get(mobile, 0)
        batch.suppressed += bool(code & SUPPRESSED)
        batch.set(index, code, found.id if found is not None else ids.get(mobile, 0))


def _take_consent(tx: WriteTx, batch: _Batch, without: set[int], now: int) -> None:
    """What the records of our own exports say of their numbers, contacts or not."""
    ranges = []
    for chunk in batch.chunks:
        facts = [fact for fact in chunk.facts if fact.mobile not in without]
        names, first_last = _record(tx, batch, facts, now)
        ranges.append(first_last)
        for fact, name in zip(facts, names, strict=True):
            place = fact.index - batch.first
            # Nothing yet: the number is no contact, and its row says no more.
            batch.outcomes[place] = batch.outcomes[place] or UNCHANGED
            if name == "recorded" and batch.outcomes[place] & 0x0F == UNCHANGED:
                batch.outcomes[place] += UPDATED - UNCHANGED
    batch.fact_ranges = tuple(ranges)


# ---- lists of opt-outs and opt-ins ------------------------------------------------------------------


def _take_lists(tx: WriteTx, batch: _Batch, erased: set[int], now: int) -> None:
    """Facts, an outcome a record; one that was in the file before is a duplicate."""
    ranges = []
    for chunk in batch.chunks:
        repeats = set(chunk.repeats)
        facts = [fact for fact in chunk.facts if fact.mobile not in erased]
        names, first_last = _record(tx, batch, facts, now)
        ranges.append(first_last)
        for fact, name in zip(facts, names, strict=True):
            batch.set(fact.index, DUPLICATE if fact.index in repeats else CODE[name])
    batch.fact_ranges = tuple(ranges)


def _record(tx: WriteTx, batch: _Batch, facts: list[NewFact], now: int) -> tuple[Sequence[str], tuple[int, int]]:
    """Record facts, or foresee what would become of them; outcomes, and the numbers of the first and last one."""
    if not facts:
        return [], (0, -1)
    if batch.is_plan:
        return ledger.foresee_facts(tx, facts=facts, now=now), (0, -1)
    first = tx.book.next_fact
    recorded = ledger.record_facts(tx, facts=facts, now=now)
    names = [outcome.outcome for outcome in recorded.outcomes]
    batch.facts += names.count("recorded")
    if tx.book.next_fact > first:
        journal.insert_journal(tx, action="import_consent", contacts=recorded.contacts, group_id=None, now=now)
    return names, (first, tx.book.next_fact - 1)


# ---- kept -------------------------------------------------------------------------------------------


def _keep_batch(tx: WriteTx, batch: _Batch, now: int) -> None:
    work = batch.work
    for chunk, (first_fact, last_fact) in zip(batch.chunks, batch.fact_ranges, strict=True):
        start = chunk.first - batch.first
        end = start + chunk.count
        imports.save_chunk(
            tx,
            import_id=work.id,
            chunk=Chunk(
                number=chunk.number,
                at=now,
                phase=work.stored.phase,
                outcomes=bytes(batch.outcomes[start:end]),
                ids=batch.ids[start:end],
                seen=bytes(batch.seen[SEEN_BYTES * start : SEEN_BYTES * end]) if batch.is_plan else b"",
                first_fact=first_fact,
                last_fact=last_fact,
            ),
        )
    last = batch.first + len(batch.outcomes) - 1
    rejects = {one.number: one for one in batch.rejects}
    imports.save_rejects(
        tx, import_id=work.id, first=batch.first, last=last, rejects=[rejects[number] for number in sorted(rejects)]
    )


def _moved_on(batch: _Batch, now: int, seconds: float) -> Progress:
    progress = batch.work.progress
    counted = Counter(code & 0x0F for code in batch.outcomes)
    counts = dict(progress.counts)
    for code, many in counted.items():
        counts[OUTCOMES[code]] = counts.get(OUTCOMES[code], 0) + many
    return replace(
        progress,
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
