"""Which rows of an import join which groups. No HTTP, no SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.errors import quote
from daftari.model.contacts import ContactRow
from daftari.rules.contacts.groups import mirror_of, use_group
from daftari.rules.contacts.merge import Joining, Merge, NamedGroup
from daftari.rules.events import GroupCreated
from daftari.rules.fields import fold_name
from daftari.rules.imports.batch import Batch
from daftari.rules.imports.model import (
    KEPT_OUT,
)
from daftari.store import WriteTx, groups


def list_named_groups(batch: Batch, rows: list[ContactRow]) -> list[NamedGroup]:
    """The import's own group, and those that these rows name."""
    group = batch.work.settings.group
    named = [] if group is None else [NamedGroup(group)]
    if batch.namings:
        numbers = {row.index: row.mobile for row in rows}
        for naming in batch.namings.values():
            mobiles = {numbers[record] for record in naming.records if record in numbers}
            if mobiles:
                named.append(NamedGroup(naming.name, mobiles))
    return named


def refuse_mirrored_groups(tx: WriteTx, batch: Batch) -> None:
    """Refuse the records that name a group which a connection keeps in step. Their opt-outs count all the same."""
    if not batch.namings:
        return
    refused: set[int] = set()
    for group in groups.list_mirrored_groups(tx):
        if group.mirrored_by == batch.work.settings.connection_id or group.folded not in batch.namings:
            continue
        naming = batch.namings.pop(group.folded)
        why = f"The groups field names a group that the connection {quote(mirror_of(tx, group))} keeps in step; "
        for record in naming.records.keys() - refused:
            batch.refuse(record, f"{why}leave it out.", cell=quote(naming.name))
        refused.update(naming.records)
    if refused:
        batch.chunks = [
            replace(
                chunk,
                rows=[row for row in chunk.rows if row.index not in refused],
                facts=[fact for fact in chunk.facts if fact.kind == "opt_out" or fact.index not in refused],
            )
            for chunk in batch.chunks
        ]


def make_groups(tx: WriteTx, batch: Batch, rows: list[ContactRow]) -> None:
    """Groups are made in the order in which records name them, whatever the batch is; the import's own one first."""
    first_group = tx.book.next_group_id
    group = batch.work.settings.group
    if group is not None and rows:
        use_group(tx, name=group, folded=fold_name(group), connection_id=batch.work.settings.connection_id)
    numbers = {row.index for row in rows} if batch.namings else set()
    firsts = {folded: [one for one in naming.records if one in numbers] for folded, naming in batch.namings.items()}
    for folded in sorted((folded for folded, found in firsts.items() if found), key=lambda folded: firsts[folded][0]):
        use_group(tx, name=batch.namings[folded].name, folded=folded, connection_id=batch.work.settings.connection_id)
    batch.events += [GroupCreated(group_id) for group_id in range(first_group, tx.book.next_group_id)]


def find_joins(batch: Batch, merge: Merge, rows: list[ContactRow]) -> tuple[list[dict[int, int]], dict[int, int]]:
    """For each group the numbers that join it, with the record by which; and the flags of other records.

    A plan lets no contact join: one that a record before names for a group would be in it by then.
    """
    is_plan = batch.is_plan
    joins: list[dict[int, int]] = []
    flags: dict[int, int] = {}
    by_index = {row.index: row for row in rows} if batch.namings else {}
    for joining in merge.joinings:
        naming = None if joining.group.mobiles is None else batch.namings[joining.folded]
        known = batch.repeats if naming is None else naming.repeats
        records = rows if naming is None else [by_index[one] for one in naming.records if one in by_index]
        waiting = _joining_mobiles(merge, joining)
        by: dict[int, int] = {}
        for row in records:
            if row.mobile in joining.kept_out:
                flags[row.index] = KEPT_OUT
            if row.mobile in waiting and not (is_plan and row.index in known):
                by.setdefault(row.mobile, row.index)
        joins.append(by)
    return joins, flags


def _joining_mobiles(merge: Merge, joining: Joining) -> set[int]:
    """The numbers that would join a group."""
    wanted = joining.group.mobiles
    ids = set(joining.existing)
    existing = merge.existing
    asked = existing.keys() if wanted is None else existing.keys() & wanted
    mobiles = {mobile for mobile in asked if existing[mobile].id in ids}
    if wanted is None:
        return mobiles | {row.mobile for row in merge.new if row.mobile not in joining.excluded}
    return mobiles | (wanted - existing.keys() - joining.excluded)
