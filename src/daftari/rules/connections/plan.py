"""A dry run: what the first reading would do, counted. And a few records as they would be, for a check. No SQL.

Nothing is written but the counts. What a filter, a field or a group would change is seen by planning again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from pyroaring import BitMap64

from daftari.connectors import ConnectorFailed, Page, Record
from daftari.model.connections import PlanCounts
from daftari.model.contacts import ContactRow
from daftari.rules.connections.apply import region_of, says_in
from daftari.rules.connections.mapping import RecordReader, Said
from daftari.rules.connections.model import Opened, get_connection
from daftari.rules.connections.rows import is_in_records
from daftari.rules.connections.saving import save_connection
from daftari.rules.consent import ledger
from daftari.rules.contacts.merge import find_merge
from daftari.rules.contacts.parse import read_contacts
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, connections, contacts, groups

LOOKED_AT = 500
"""Records whose contacts are looked at together."""


class SampleRecord(Struct, frozen=True, kw_only=True):
    """A record as it would be here."""

    id: str
    url: str | None
    """Where a person sees it there."""
    state: str
    """`live`, `no_mobile`, `unreadable` or `left`: the filter leaves it out."""
    mobile: str | None
    why: str | None
    """Why no number could be read."""
    fields: dict[str, str]
    groups: list[str]
    opts_out: bool
    """Whether it would be opted out of something."""
    suppressed: bool
    """Whether its number opted out of everything here."""


def state_of(said: Said) -> str:
    """The state that the link of a record would have."""
    if not said.passes:
        return "left"
    if said.mobile:
        return "live"
    return "unreadable" if said.why else "no_mobile"


def show_sample(tx: Tx, opened: Opened, records: Sequence[Record]) -> list[SampleRecord]:
    """A few records as they would be."""
    reader = RecordReader(opened, region=region_of(tx, opened))
    read = [(record, reader.read(record)) for record in records]
    states = ledger.find_states(tx, mobiles=sorted({said.mobile for _, said in read if said.mobile}))
    shown = []
    for record, said in read:
        state = states.get(said.mobile)
        values = {name: value for name, value in said.values.items() if name not in ("mobile", "attributes")}
        attributes = {f"attributes.{name}": value for name, value in said.values.get("attributes", {}).items()}
        shown.append(
            SampleRecord(
                id=record.id,
                url=record.url or None,
                state=state_of(said),
                mobile=str(said.mobile) if said.mobile else None,
                why=said.why or None,
                fields={name: str(value) for name, value in (values | attributes).items()},
                groups=[group.group for group in said.in_groups] if state_of(said) == "live" else [],
                opts_out=bool(said.outs),
                suppressed=state is not None and state.is_suppressed,
            )
        )
    return shown


# ---- the whole ------------------------------------------------------------------------------------------


class Counted(Struct, frozen=True):
    """The numbers that a plan has counted so far, and those of each group: records of one number are one contact."""

    numbers: BitMap64 = field(default_factory=BitMap64)
    members: dict[str, BitMap64] = field(default_factory=dict)

    def clear(self) -> None:
        """Count from the start."""
        self.numbers.clear()
        self.members.clear()


def foresee_pages(tx: Tx, *, connection_id: int, fence: int, pages: Sequence[Page], seen: Counted) -> PlanCounts | None:
    """What some pages would do, with what was counted before; ``None`` when no one asks for it any longer.

    ``seen``: what was counted before. Looks at the contact of each record, so it is no part of a write.
    """
    opened = _held(tx, connection_id, fence)
    if opened is None or opened.progress.plan is None:
        return None
    counts = Counter(opened.progress.plan.counts)
    counts.update(_foresee(tx, opened, [record for page in pages for record in page.records], seen))
    # What changes meanwhile is for the reading itself.
    is_over = any(page.complete_until is not None for page in pages) or not pages[-1].has_more
    if is_over:
        counts.update(_count_members(tx, opened))
    return replace(
        opened.progress.plan,
        counts={name: count for name, count in sorted(counts.items()) if count},
        cursor="" if is_over else pages[-1].cursor,
        finished_at=tx.now if is_over else 0,
    )


def take_counts(tx: WriteTx, *, connection_id: int, fence: int, counted: PlanCounts) -> bool:
    """Keep what was counted. Returns whether more pages are to be read; not when the plan was begun again meanwhile."""
    opened = _held(tx, connection_id, fence)
    if opened is None or opened.progress.plan is None or opened.progress.plan.started_at != counted.started_at:
        return False
    return _save(tx, opened, counted)


def begin_plan(tx: WriteTx, *, connection_id: int, fence: int) -> bool:
    """Begin to count: a plan that was cut off begins again, since the numbers before are no longer known."""
    opened = _held(tx, connection_id, fence)
    if opened is None or opened.progress.plan is None:
        return False
    return _save(tx, opened, PlanCounts(opened.progress.plan.started_at))


def fail_plan(tx: WriteTx, *, connection_id: int, fence: int, failure: ConnectorFailed) -> None:
    """End a plan that could not be made; it says why, and can be made again."""
    opened = _held(tx, connection_id, fence)
    if opened is not None and opened.progress.plan is not None:
        _save(tx, opened, replace(opened.progress.plan, error=failure.message, finished_at=tx.now))


def _held(tx: Tx, connection_id: int, fence: int) -> Opened | None:
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state != "checked":
        return None
    return get_connection(tx, connection_id=connection_id)


def _save(tx: WriteTx, opened: Opened, plan: PlanCounts) -> bool:
    is_over = bool(plan.finished_at)
    stored = replace(opened.stored, due_at=0 if is_over else tx.now)
    save_connection(tx, replace(opened, stored=stored, progress=replace(opened.progress, plan=plan)))
    return not is_over


def _foresee(tx: Tx, opened: Opened, records: Sequence[Record], seen: Counted) -> Counter[str]:
    """What would be done with some records, counted by state and by outcome."""
    reader = RecordReader(opened, region=region_of(tx, opened))
    counts: Counter[str] = Counter(records=sum(record.gone is None for record in records))
    read = [reader.read(record) for record in records if record.gone is None]
    counts.update(state_of(said) for said in read)
    live = [said for said in read if state_of(said) == "live"]
    mobiles = sorted({said.mobile for said in live})
    states = ledger.find_states(tx, mobiles=mobiles) if mobiles else {}
    there = {contact.mobile for contact in contacts.find_contacts_by_mobile(tx, mobiles=mobiles)}
    firsts = {said.mobile: said for said in reversed(live) if said.mobile in there and said.mobile not in seen.numbers}
    changing = _find_changing(tx, [*firsts.values()], region_of(tx, opened))
    for said in live:
        state = states.get(said.mobile)
        if said.mobile in seen.numbers:
            counts["shared_number"] += 1
        elif said.mobile not in there:
            counts["created"] += 1
        else:
            counts["updated" if said.mobile in changing else "unchanged"] += 1
        seen.numbers.add(said.mobile)
        counts["opt_outs"] += bool(said.outs)
        if state is not None:
            counts["suppressed"] += state.is_suppressed
            counts["crm_says_in"] += says_in(said.ins, state)
    for group in opened.definition.groups:
        if is_in_records(opened, group.source):
            members = seen.members.setdefault(group.group, BitMap64())
            before = len(members)
            members.update(said.mobile for said in live if group in said.in_groups)
            counts[f"group:{group.group}"] += len(members) - before
    return counts


def _count_members(tx: Tx, opened: Opened) -> dict[str, int]:
    """Who is in the groups now that the connection would keep in step."""
    found = {}
    for mapping in opened.definition.groups:
        group = groups.get_group(tx, folded=fold_name(mapping.group)) if mapping.keep == "in_step" else None
        if group is not None:
            found[f"members:{mapping.group}"] = group.contacts
    return found


def _find_changing(tx: Tx, saids: Sequence[Said], region: str) -> set[int]:
    """The numbers, of records of different ones, whose contact would change."""
    found: set[int] = set()
    for start in range(0, len(saids), LOOKED_AT):
        rows: list[ContactRow] = read_contacts(
            msgspec.json.encode([_as_given(said) for said in saids[start : start + LOOKED_AT]]),
            field="records",
            region=region,
            now=tx.now,
        ).rows
        merge = find_merge(tx, rows=rows, named=())
        found.update(contact.mobile for contact in merge.existing.values() if contact.id in merge.changed)
    return found


def _as_given(said: Said) -> dict[str, object]:
    values = {name: value for name, value in said.values.items() if name != "name"}
    return values | {"mobile": f"+{said.mobile}"}
