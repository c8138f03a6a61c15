"""Undoes an act of a user, by its number in the log; an undo is an act too. No HTTP, no SQL.

What a program, an import or a command did is not kept here: an import has its own undo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from daftari.model.limits import UNDO_DAYS
from daftari.rules import events
from daftari.rules.access.roles import UNDOING, UserAccess
from daftari.rules.before import GroupsBefore, keep, mark_undone, read_groups
from daftari.rules.contacts.many import note_removals
from daftari.rules.events import Action
from daftari.rules.undo.consent import StillOptedOut, retract
from daftari.rules.undo.contacts import revert
from daftari.rules.undo.errors import ActNotFound, CannotUndo
from daftari.store import Tx, WriteTx, before, journal
from daftari.store.journal import JournalRow

T = TypeVar("T")

ROWS_PER_STEP = 1_000
"""Rows that one step of the expiry deletes."""
_IMPORTS = frozenset({
    *(Action.CREATE_IMPORT, Action.APPLY_IMPORT, Action.IMPORT_CONTACTS, Action.IMPORT_CONSENT, Action.FINISH_IMPORT),
    Action.UNDO_IMPORT,
})  # fmt: skip


class Undone(Struct, frozen=True, kw_only=True):
    """What an undo did."""

    seq: int
    """Its own number in the log."""
    action: Action
    """What was undone."""
    reversed: int = 0
    """Contacts of which something was undone and nothing was left alone."""
    kept: int = 0
    """Contacts of which something was left alone, since it was changed after the act or its place is taken."""
    stayed_out: int = 0
    """Contacts that did not come back to a group, since they opted out or left it by their own word."""
    groups_kept: int = 0
    """Groups that were left alone: they were changed since, or another group has the name."""
    retracted: int = 0
    """Opt-outs and opt-ins that were taken back."""
    facts_kept: int = 0
    """Those that were taken back before, or whose number was erased."""
    still_opted_out: tuple[StillOptedOut, ...] = ()
    """The opt-outs that hold all the same: of what was taken back, nothing else changed."""


def undo(tx: WriteTx, *, access: UserAccess, seq: int) -> Undone:
    """Undo an act by its number in the journal.

    ``access``: who undoes it, with the role that counts now; it has to allow what the act needs. Raises
    ``ActNotFound``, ``RoleRequired``, and ``CannotUndo`` with the reason.
    """
    access.require(UNDOING[_find_act(tx, seq).action])
    return undo_part(tx, seq=seq)


def undo_part(tx: WriteTx, *, seq: int) -> Undone:
    """Undo an act for which the role was asked before. Raises ``ActNotFound`` and ``CannotUndo``."""
    found = _find_act(tx, seq)
    row, action, of_groups = found.row, found.action, found.groups
    detail = {"undoes": row.seq, "action": action.value}
    # Who opted out by the act may be in their groups again once that is taken back.
    taken = None if row.first_fact is None else retract(tx, row=row)
    done = revert(tx, seq=row.seq, of_groups=of_groups)
    happened = [*(taken.events if taken else ()), *done.announced, *done.events]
    seq = events.record(tx, Action.UNDO, *happened, group_id=row.group_id, detail=detail)
    note_removals(tx, seq=seq, removed=done.removed)
    if taken is None:
        keep(tx, seq=seq, happened=done.events, cards=done.cards, groups=done.groups)
    else:
        done.reversed |= taken.rejoined.joined
        done.stayed_out |= taken.rejoined.stayed_out
    mark_undone(tx, seq=row.seq, groups=of_groups, by=seq)
    return Undone(
        seq=seq,
        action=action,
        reversed=len(done.reversed - done.kept),
        kept=len(done.kept),
        stayed_out=len(done.stayed_out),
        groups_kept=done.groups_kept,
        retracted=taken.facts if taken else 0,
        facts_kept=taken.kept if taken else 0,
        still_opted_out=tuple(taken.still_opted_out) if taken else (),
    )


class _Found(Struct, frozen=True):
    """An act that can be undone: its row, what was done in the end, and what it did to groups."""

    row: JournalRow
    action: Action
    groups: GroupsBefore


def _find_act(tx: Tx, seq: int) -> _Found:
    row = get_act(tx, seq=seq)
    of_groups = read_groups(tx, seq=seq)
    if of_groups is None or action_of(row) not in UNDOING:
        raise CannotUndo(_why_not(row))
    if of_groups.undone_by is not None:
        raise CannotUndo(f"This was undone before, by number {of_groups.undone_by} in the log.")
    return _Found(row, action_of(row), of_groups)


def get_act(tx: Tx, *, seq: int) -> JournalRow:
    """A row of the journal. Raises ``ActNotFound``."""
    rows = journal.list_journal(tx, first=seq, last=seq, limit=1)
    if not rows:
        raise ActNotFound
    return rows[0]


def action_of(row: JournalRow) -> Action:
    """What a row did; of an undo, what it undid."""
    if row.action != Action.UNDO:
        return Action(row.action)
    return Action(msgspec.json.decode(row.detail)["action"])


def can_undo(tx: Tx, *, seq: int) -> bool:
    """Whether there is something to undo of an act."""
    found = read_groups(tx, seq=seq)
    return found is not None and found.undone_by is None


def note_act(tx: WriteTx, rule: Callable[[WriteTx], T]) -> tuple[T, int | None]:
    """What a rule returns, and the number of the act that it was, if there is one to undo."""
    first = tx.book.next_seq
    result = rule(tx)
    last = tx.book.next_seq - 1
    return result, last if last >= first and can_undo(tx, seq=last) else None


def list_acts(tx: Tx, *, contact_id: int, before_seq: int, limit: int) -> list[JournalRow]:
    """The newest acts before one that changed a contact and are kept for an undo."""
    seqs = before.list_acts(tx, contact_id=contact_id, before=before_seq, limit=limit)
    return [get_act(tx, seq=seq) for seq in seqs]


def _why_not(row: JournalRow) -> str:
    if row.action in _IMPORTS:
        return "An import is undone on its own page."
    if row.action == Action.UNDO:
        return "A retraction and the undo of a job cannot be undone: write it down again, or do it again."
    if row.action == Action.DELETE_CONTACT and row.user_id is not None and row.first_fact is not None:
        return "The contact opted out by this; only a later opt-in lifts that."
    if row.action not in UNDOING:
        return "An act of this kind cannot be undone."
    if row.user_id is None:
        return "Only what a user did in the console can be undone."
    return f"This can no longer be undone; what a user did is kept for {UNDO_DAYS} days."


# ---- expiry ---------------------------------------------------------------------------------------------


def has_expired_before(tx: Tx) -> bool:
    """Whether something is no longer kept for an undo."""
    return before.has_expired_before(tx)


def expire_before(tx: WriteTx) -> None:
    """Delete some of what is no longer kept."""
    before.delete_expired_before(tx, limit=ROWS_PER_STEP)
