"""Jobs on all contacts that match: which ones is fixed at the start; a worker does them in parts of 1,000.

Each part is an act in the log, so that the job is undone as its parts are, the last one first. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from daftari.errors import GroupIsMirrored, GroupNotFound, ValidationFailed
from daftari.model.bulk import BulkAct, BulkState
from daftari.model.contacts import Group, MembershipOutcome
from daftari.model.jobs import JobKind
from daftari.model.limits import BULK_CONTACTS_MAX, BULKS_MAX, EXPECTED_SHARE_MAX, ID_MAX, UNDO_DAYS
from daftari.model.projects import Actor
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules import events
from daftari.rules.access.roles import Act, UserAccess
from daftari.rules.before import GroupsBefore, keep, mark_undone
from daftari.rules.bulk.errors import (
    BulkCountChanged,
    BulkEmpty,
    BulkNotFound,
    BulksFull,
    BulkTooLarge,
    GroupBeingMerged,
    WrongBulkState,
)
from daftari.rules.contacts import groups, many
from daftari.rules.events import Action
from daftari.rules.fields import fold_name
from daftari.rules.undo.acts import Undone, can_undo, get_act, undo, undo_part
from daftari.store import Tx, WriteTx, bulk
from daftari.store import groups as stored_groups
from daftari.store.bulk import StoredBulk
from daftari.store.jobs import hint_job
from daftari.store.purge import list_first_members

NEEDED: Mapping[BulkAct, Act] = {
    "join": Act.CHANGE_GROUPS,
    "move": Act.CHANGE_GROUPS,
    "leave": Act.CHANGE_GROUPS,
    "remove": Act.CHANGE_CONTACTS,
    "merge": Act.CHANGE_GROUPS,
}
"""What a job and its undo need."""


class BulkSettings(Struct, frozen=True, omit_defaults=True):
    """What a job does. ``group``: the one to join, or to take out of.

    ``out_of``: the only one that a move leaves, or the one that a merge ends. Names are the last that were known:
    a job follows its groups by their ids, once they are there.
    """

    act: BulkAct
    group: str | None = None
    out_of: str | None = None
    group_id: int | None = None
    out_of_id: int | None = None


class BulkProgress(Struct, frozen=True, omit_defaults=True):
    """How far a job is, and what came of the contacts that it had: ``changed`` and so on add up to ``done``."""

    total: int = 0
    seq: int = 0
    """The start, in the journal."""
    done: int = 0
    changed: int = 0
    already: int = 0
    unknown: int = 0
    """Contacts that were removed meanwhile."""
    suppressed: int = 0
    kept_out: int = 0
    error: str = ""
    """Why it stopped."""
    undo_before: int = ID_MAX
    """The part before which the undo continues."""
    reversed: int = 0
    """By the undo: contacts of which something was undone and nothing was left alone."""
    kept: int = 0
    stayed_out: int = 0
    groups_kept: int = 0
    """Groups that the undo left alone."""
    looked_to: int = 0
    """By a merge: the member up to which it looked for those who joined meanwhile."""


class Bulk(Struct, frozen=True):
    """A job as it is shown."""

    id: int
    created_at: int
    state: BulkState
    user_id: int | None
    settings: BulkSettings
    progress: BulkProgress


_read_settings = msgspec.json.Decoder(BulkSettings).decode
_read_progress = msgspec.json.Decoder(BulkProgress).decode


# ---- begun and undone -----------------------------------------------------------------------------------


def start_bulk(
    tx: WriteTx, *, access: UserAccess, settings: BulkSettings, ids: Sequence[int], expected: int | None
) -> Bulk:
    """Begin a job on contacts in ascending order, one more than it can take at the most.

    ``expected``: how many the user was shown.

    Raises ``RoleRequired``, ``GroupNotFound`` for a group to leave, ``GroupIsMirrored``, ``BulkCountChanged``,
    ``BulkTooLarge``, ``BulkEmpty`` and ``BulksFull``.
    """
    access.require(NEEDED[settings.act])
    _refuse_groups(tx, settings)
    if len(bulk.list_open_bulks(tx, limit=BULKS_MAX)) >= BULKS_MAX:
        raise BulksFull
    check_count(len(ids), expected)
    first = tx.book.next_item
    detail = {"bulk": first, "act": settings.act, "contacts": len(ids)}
    progress = BulkProgress(total=len(ids), seq=events.record(tx, Action.START_BULK, detail=detail))
    keep(tx, seq=progress.seq)
    written = _write(_with_ids(tx, settings))
    bulk_id = bulk.insert_bulk(tx, ids=ids, until=_until(tx), settings=written, progress=_write(progress))
    hint_job(tx, kind=JobKind.BULK)
    return get_bulk(tx, bulk_id=bulk_id)


def check_count(count: int, expected: int | None) -> None:
    """Raise ``BulkTooLarge``, ``BulkEmpty``, and ``BulkCountChanged`` where the user was shown another number."""
    if count > BULK_CONTACTS_MAX:
        raise BulkTooLarge
    if expected is not None and abs(count - expected) > expected * EXPECTED_SHARE_MAX:
        raise BulkCountChanged(count, expected)
    if not count:
        raise BulkEmpty


def _refuse_groups(tx: Tx, settings: BulkSettings) -> None:
    """Refuse before anything is changed what each part would refuse."""
    groups.refuse_mirrored_name(tx, settings.group)
    left = settings.group if settings.act == "leave" else settings.out_of
    if left is not None:
        groups.refuse_mirrored(tx, groups.get_group(tx, name=left))


def act_on_all(
    tx: WriteTx, *, access: UserAccess, settings: BulkSettings, ids: Sequence[int], expected: int | None
) -> MembershipOutcome | Bulk:
    """Change contacts in ascending order: up to 1,000 at once, as one act, and more by a job.

    Raises what ``start_bulk`` raises.
    """
    if len(ids) > bulk.IDS_PER_PART:
        return start_bulk(tx, access=access, settings=settings, ids=ids, expected=expected)
    access.require(NEEDED[settings.act])
    check_count(len(ids), expected)
    return _change(tx, settings, ids)


def merge_groups(
    tx: WriteTx, *, access: UserAccess, name: str, into: str, expected: int | None
) -> MembershipOutcome | Bulk:
    """The members of a group join another one, and the group is deleted: at once, or by a job if they are many.

    Raises ``GroupNotFound``, ``GroupIsMirrored``, ``ValidationFailed`` for a group with itself or one too large,
    ``GroupBeingMerged``, and what ``start_bulk`` raises.
    """
    access.require(NEEDED["merge"])
    group, other = groups.get_group(tx, name=name), groups.get_group(tx, name=into)
    many.refuse_same(group, other)
    _refuse_merging(tx, group, other)
    if group.contacts > BULK_CONTACTS_MAX:
        raise ValidationFailed({"into": [f"The into field can take {BULK_CONTACTS_MAX:,} contacts at a time."]})
    if group.contacts:
        check_count(group.contacts, expected)
    if group.contacts <= bulk.IDS_PER_PART:
        return many.merge_groups(tx, name=name, into=into)
    settings = BulkSettings("merge", group=other.name, out_of=group.name)
    ids = list_first_members(tx, group_id=group.id, limit=group.contacts)
    return start_bulk(tx, access=access, settings=settings, ids=ids, expected=expected)


def _refuse_merging(tx: Tx, group: Group, other: Group) -> None:
    """Refuse a merge while another one ends one of its groups, or brings contacts into the one that it would end."""
    for bulk_id in bulk.list_open_bulks(tx, limit=BULKS_MAX):
        found = get_bulk(tx, bulk_id=bulk_id)
        if found.state == "running" and found.settings.act == "merge":
            if found.settings.out_of_id in (group.id, other.id):
                raise GroupBeingMerged(found.settings.out_of or "")
            if found.settings.group_id == group.id:
                raise GroupBeingMerged(group.name)


def undo_bulk(tx: WriteTx, *, access: UserAccess, bulk_id: int) -> Bulk:
    """Begin the undo of a job; one that is running stops.

    Raises ``BulkNotFound``, ``RoleRequired`` and ``WrongBulkState``.
    """
    found = get_bulk(tx, bulk_id=bulk_id)
    access.require(NEEDED[found.settings.act])
    if found.state not in ("running", "done", "stopped"):
        raise WrongBulkState(found.state)
    seq = found.progress.seq
    detail = {"undoes": seq, "action": Action.START_BULK.value, "bulk": bulk_id}
    mark_undone(tx, seq=seq, groups=GroupsBefore(), by=events.record(tx, Action.UNDO, detail=detail))
    _save(tx, replace(found, state="undoing", user_id=tx.actor.user_id))
    hint_job(tx, kind=JobKind.BULK)
    return get_bulk(tx, bulk_id=bulk_id)


def undo_any(tx: WriteTx, *, access: UserAccess, seq: int) -> Undone | Bulk:
    """Undo an act by its number in the journal, at once or, where it began a job, by a job.

    Raises what ``undo`` and ``undo_bulk`` raise.
    """
    row = get_act(tx, seq=seq)
    if row.action == Action.START_BULK:
        return undo_bulk(tx, access=access, bulk_id=msgspec.json.decode(row.detail)["bulk"])
    return undo(tx, access=access, seq=seq)


# ---- shown ----------------------------------------------------------------------------------------------


def get_bulk(tx: Tx, *, bulk_id: int) -> Bulk:
    """One job. Raises ``BulkNotFound``."""
    stored = bulk.get_bulk(tx, bulk_id=bulk_id)
    if stored is None:
        raise BulkNotFound
    return show_bulk(stored)


def list_bulks(tx: Tx, *, before: int, limit: int) -> list[Bulk]:
    """Jobs before an id, the newest first; 0 means from the newest on."""
    return [show_bulk(stored) for stored in bulk.list_bulks(tx, before=before, limit=limit)]


def show_bulk(stored: StoredBulk) -> Bulk:
    """A stored job as it is shown."""
    settings, progress = _read_settings(stored.settings), _read_progress(stored.progress)
    return Bulk(stored.id, stored.created_at, stored.state, stored.user_id, settings, progress)


# ---- steps ----------------------------------------------------------------------------------------------


def find_open_bulk(tx: Tx) -> Bulk | None:
    """The first job that has work."""
    found = bulk.list_open_bulks(tx, limit=1)
    return get_bulk(tx, bulk_id=found[0]) if found else None


def has_open_bulk(tx: Tx) -> bool:
    """Whether a job has work."""
    return bool(bulk.list_open_bulks(tx, limit=1))


def actor_of(found: Bulk) -> Actor:
    """In whose name a worker does it."""
    return Actor(None, f"bulk-{found.id}", found.user_id)


def step_bulk(tx: WriteTx, *, bulk_id: int) -> None:
    """Do the next part of a job, or undo its last one."""
    found = get_bulk(tx, bulk_id=bulk_id)
    if found.state == "running":
        _do_part(tx, found)
    elif found.state == "undoing":
        _undo_part(tx, found)


def stop_bulk(tx: WriteTx, *, bulk_id: int, error: str) -> None:
    """End a job that cannot continue."""
    found = get_bulk(tx, bulk_id=bulk_id)
    if found.state in ("running", "undoing"):
        _save(tx, replace(found, state="stopped", progress=replace(found.progress, error=error)))


def _do_part(tx: WriteTx, found: Bulk) -> None:
    part = bulk.get_next_part(tx, bulk_id=found.id)
    first = tx.book.next_seq
    try:
        # Who deletes a group while the job is running wants no other of its name.
        settings = _follow_groups(tx, found.settings)
        if part is None:
            found = replace(found, settings=settings)
            _save(tx, _end_merge(tx, found) if settings.act == "merge" else replace(found, state="done"))
            return
        outcome = _change(tx, settings, part.ids.tolist())
    except (GroupNotFound, GroupIsMirrored) as error:
        stop_bulk(tx, bulk_id=found.id, error=error.message)
        return
    # A part that changed nothing has no row in the journal.
    bulk.finish_part(tx, bulk_id=found.id, number=part.number, seq=first if tx.book.next_seq > first else 0)
    before, counted = found.progress, asdict(outcome)
    counts = {name: getattr(before, name) + number for name, number in counted.items()}
    progress = replace(before, done=before.done + sum(counted.values()), **counts)
    # The first part made a new group.
    _save(tx, replace(found, settings=_with_ids(tx, settings), progress=progress))


def _with_ids(tx: Tx, settings: BulkSettings) -> BulkSettings:
    """The settings with the ids of their groups, as far as these are there."""

    def find(name: str | None) -> int | None:
        return None if name is None else stored_groups.find_group_id(tx, folded=fold_name(name))

    return replace(
        settings,
        group_id=settings.group_id or find(settings.group),
        out_of_id=settings.out_of_id or find(settings.out_of),
    )


def _follow_groups(tx: Tx, settings: BulkSettings) -> BulkSettings:
    """The settings with the names that their groups have now. Raises ``GroupNotFound`` for one that was deleted."""
    wanted = [number for number in (settings.group_id, settings.out_of_id) if number is not None]
    found = stored_groups.find_groups(tx, ids=wanted)
    if any(number not in found or found[number].folded is None for number in wanted):
        raise GroupNotFound
    names = {number: group.name for number, group in found.items()}
    return replace(
        settings,
        group=settings.group if settings.group_id is None else names[settings.group_id],
        out_of=settings.out_of if settings.out_of_id is None else names[settings.out_of_id],
    )


def _change(tx: WriteTx, settings: BulkSettings, ids: Sequence[int]) -> MembershipOutcome:
    group = settings.group or ""
    match settings.act:
        case "join" | "merge":
            return many.add_to_group(tx, ids=ids, name=group)
        case "move":
            return many.move_to_group(tx, ids=ids, name=group, out_of=settings.out_of)
        case "leave":
            return groups.leave_group(tx, name=group, ids=ids, mobiles=())
        case "remove":
            removed = many.remove_contacts(tx, ids=ids)
            return MembershipOutcome(changed=removed, already=0, unknown=len(ids) - removed)


def _end_merge(tx: WriteTx, found: Bulk) -> Bulk:
    """Have those join too who came into the group meanwhile, then delete it."""
    assert found.settings.group is not None and found.settings.out_of is not None, "a merge names both groups"
    group = groups.get_group(tx, name=found.settings.out_of)
    other = groups.get_group(tx, name=found.settings.group)
    last = bulk.get_last_part(tx, bulk_id=found.id, before=ID_MAX)
    number = 1 if last is None else last.number + 1
    progress = found.progress
    some = stored_groups.list_members_outside(
        tx, group_id=group.id, other_id=other.id, after=progress.looked_to, limit=bulk.IDS_PER_PART
    )
    if not some:
        seq = many.end_merged(tx, group=group, into=other)
        bulk.insert_part(tx, bulk_id=found.id, number=number, ids=(), seq=seq)
        return replace(found, state="done")
    coming = many.list_who_may_join(tx, ids=some, group=other)
    if coming:
        bulk.insert_part(tx, bulk_id=found.id, number=number, ids=coming, seq=None)
    return replace(found, progress=replace(progress, looked_to=some[-1], total=progress.total + len(coming)))


def _undo_part(tx: WriteTx, found: Bulk) -> None:
    before = found.progress
    part = bulk.get_last_part(tx, bulk_id=found.id, before=before.undo_before)
    if part is None:
        _save(tx, replace(found, state="undone"))
        return
    progress = replace(before, undo_before=part.number)
    if part.seq and can_undo(tx, seq=part.seq):
        done = undo_part(tx, seq=part.seq)
        progress = replace(
            progress,
            reversed=before.reversed + done.reversed,
            kept=before.kept + done.kept,
            stayed_out=before.stayed_out + done.stayed_out,
            groups_kept=before.groups_kept + done.groups_kept,
        )
    _save(tx, replace(found, progress=progress))


def _save(tx: WriteTx, found: Bulk) -> None:
    progress = _write(found.progress)
    stored = StoredBulk(
        found.id, found.created_at, _until(tx), found.state, found.user_id, _write(found.settings), progress
    )
    bulk.save_bulk(tx, bulk=stored)


def _until(tx: WriteTx) -> int:
    return tx.now + UNDO_DAYS * DAY_MICROSECONDS


def _write(one: BulkSettings | BulkProgress) -> str:
    return msgspec.json.encode(one).decode()


# ---- erased and expired ---------------------------------------------------------------------------------


def has_expired_bulk(tx: Tx) -> bool:
    """Whether a job is no longer kept."""
    return bulk.find_expired_bulk(tx) is not None


def expire_bulk(tx: WriteTx) -> None:
    """Delete a job that is no longer kept."""
    bulk_id = bulk.find_expired_bulk(tx)
    if bulk_id is not None:
        bulk.delete_bulk(tx, bulk_id=bulk_id)
