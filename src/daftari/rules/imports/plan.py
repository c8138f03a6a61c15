"""What a plan remembers of each row, and which rows have changed since it was made. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from daftari.model.contacts import ContactRow
from daftari.rules.contacts.merge import Joining, Merge, find_merge
from daftari.rules.imports.batch import PLAN_DIGEST_BYTES, Batch
from daftari.rules.imports.joins import list_named_groups
from daftari.store import Tx, WriteTx, contacts, imports

CHANGED = "was not applied: its contact has changed since the plan was made."
ID_TAKEN = "has an id that another contact has already."


def find_left_out(tx: WriteTx, batch: Batch, rows: list[ContactRow]) -> dict[int, str]:
    """Numbers whose records are named and left alone, and why; ``rows`` are the first ones of each number.

    A number that is repeated in the file goes the way of its first record, which may be in a batch before.
    """
    if not batch.work.settings.planned and not batch.work.settings.keep_ids:
        return {}
    seen = _seen(tx, batch, rows)
    out = dict.fromkeys(_with_taken_ids(tx, batch, rows), ID_TAKEN)
    if not batch.is_plan:
        repeated = [row.mobile for row in rows if row.index in batch.repeats]
        left_alone = imports.find_excluded_mobiles(tx, import_id=batch.work.id, mobiles=repeated)
        planned = _planned(tx, batch) if batch.work.settings.planned else b""
        for row in rows:
            place = PLAN_DIGEST_BYTES * (row.index - batch.first)
            same = row.index not in seen or planned[place : place + PLAN_DIGEST_BYTES] == seen[row.index]
            if not same or row.mobile in left_alone:
                out.setdefault(row.mobile, CHANGED)
        imports.exclude_mobiles(tx, import_id=batch.work.id, mobiles=sorted(out.keys() - left_alone))
    for row in rows:
        if row.mobile in out:
            batch.refuse(row.index, f"The record {out[row.mobile]}", outcome=outcome_of(out[row.mobile]))
    return out


def outcome_of(why: str) -> str:
    return "changed" if why == CHANGED else "invalid"


def _with_taken_ids(tx: WriteTx, batch: Batch, rows: list[ContactRow]) -> set[int]:
    """The numbers whose records bring an id that another contact has; none of another record has it."""
    ids = batch.ids_by_mobile
    if ids is None:
        return set()
    wanted = sorted({ids[row.mobile] for row in rows if row.mobile in ids})
    taken = {contact.id: contact.mobile for contact in contacts.find_contact_numbers(tx, ids=wanted)}
    return {row.mobile for row in rows if taken.get(ids.get(row.mobile, 0), row.mobile) != row.mobile}


def _seen(tx: Tx, batch: Batch, rows: list[ContactRow]) -> dict[int, bytes]:
    """What the outcome of each record rests on, by its number: the contact as it is, and what it may join.

    A record whose number came before in the file goes the way of that one.
    """
    if not batch.work.settings.planned:
        return {}
    connection_id = batch.work.settings.connection_id
    merge = find_merge(tx, rows=rows, named=list_named_groups(batch, rows), connection_id=connection_id)
    common = [joining for joining in merge.joinings if joining.group.mobiles is None]
    named: dict[int, list[Joining]] = {}
    for joining in merge.joinings:
        if joining.group.mobiles is not None:
            for record in batch.namings[joining.folded].records:
                named.setdefault(record, []).append(joining)
    seen = {
        row.index: _digest(merge, row, (*common, *named.get(row.index, ())))
        for row in rows
        if row.index not in batch.repeats
    }
    for index, digest in seen.items():
        place = PLAN_DIGEST_BYTES * (index - batch.first)
        batch.plan_digests[place : place + PLAN_DIGEST_BYTES] = digest
    return seen


def _digest(merge: Merge, row: ContactRow, joinings: Iterable[Joining]) -> bytes:
    found, state = merge.existing.get(row.mobile), merge.known.get(row.mobile)
    joins = "".join(
        "01"[(found.id in joining.existing) if found is not None else joining.takes(row.mobile)] for joining in joinings
    )
    seen = f"{'' if found is None else found.card}|{state is not None and state.is_suppressed}|{joins}"
    return blake2b(seen.encode(), digest_size=PLAN_DIGEST_BYTES).digest()


def _planned(tx: Tx, batch: Batch) -> bytes:
    chunks = imports.list_chunks(tx, import_id=batch.work.id, first=batch.chunks[0].number, limit=len(batch.chunks))
    return b"".join(chunk.plan_digests for chunk in chunks)
