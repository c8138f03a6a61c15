"""The life of an import: created, planned, applied, paused, cancelled, undone, listed, and expired.

An import is a row of the database, and its worker may be killed at any moment. No file formats, no SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import ImportNotFound, ValidationFailed, WrongImportState
from daftari.files.columns import MOBILE
from daftari.model.imports import ImportPhase, ImportState
from daftari.model.jobs import JobKind
from daftari.model.limits import PARTS_PER_STEP, REASON_MAX
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules import events
from daftari.rules.contacts.groups import refuse_mirrored, refuse_mirrored_name
from daftari.rules.events import Action, ImportFinished, ImportUndone
from daftari.rules.fields import read_text
from daftari.rules.imports.model import CODE, Import, ImportSettings, Progress
from daftari.store import Tx, WriteTx, consent, contacts, erasures, file_parts, groups, imports, numbers
from daftari.store.imports import StoredImport
from daftari.store.jobs import hint_job

IMPORT_DAYS = 90
"""How long an import can be looked at and undone after it was made."""
RECEIVING_SECONDS_MAX = 6 * 3600
"""How long a file may take to arrive whole."""
IMPORTS_OPEN_MAX = 100
"""Imports of a project that may hold a file at a time."""
ROWS_PER_STEP = 1_000

MAY_NAME_ERASED = "A number was erased while this file waited, and may be in it; send it again."
"""The error of an import that an erasure has cancelled."""

CREATED, UPDATED, UNCHANGED, DUPLICATE = (CODE[name] for name in ("created", "updated", "unchanged", "duplicate"))


_read_settings = msgspec.json.Decoder(ImportSettings).decode
_read_progress = msgspec.json.Decoder(Progress).decode


def _write(record: Struct) -> str:
    return msgspec.json.encode(record).decode()


# ---- made -------------------------------------------------------------------------------------------


def begin_import(tx: WriteTx, *, settings: ImportSettings) -> int:
    """A new import, whose file is to follow in parts. Raises ``WrongImportState`` when too many wait already.

    Raises ``ValidationFailed`` when ids are to be kept and the book has contacts, and ``GroupIsMirrored``.
    """
    refuse_mirrored_name(tx, settings.group)
    if settings.keep_ids and contacts.has_contacts(tx):
        raise ValidationFailed({"keep_ids": ["The keep_ids field is for a project that has no contacts yet."]})
    if imports.count_imports_with_files(tx, limit=IMPORTS_OPEN_MAX) == IMPORTS_OPEN_MAX:
        raise WrongImportState(
            f"The files of {IMPORTS_OPEN_MAX} imports of this project wait already; "
            "apply or cancel the plans, resume or cancel what is paused, or wait for the others."
        )
    return imports.insert_import(
        tx,
        phase="plan" if settings.planned else "apply",
        erasure_id=erasures.get_last_erasure(tx),
        settings=_write(replace(settings, receipt=consent.next_receipt(tx), known=numbers.mark_now(tx))),
        progress="{}",
        until=tx.now + RECEIVING_SECONDS_MAX * 1_000_000,
    )


def add_parts(tx: WriteTx, *, import_id: int, first: int, parts: Sequence[bytes]) -> None:
    """Further parts of the file."""
    file_parts.insert_parts(tx, file_id=import_id, first=first, parts=parts)


def queue_import(tx: WriteTx, *, import_id: int) -> Import:
    """The file is here whole: the worker may begin."""
    found = get_import(tx, import_id=import_id)
    events.record(tx, Action.CREATE_IMPORT, detail=found.named)
    return _set(tx, found, state="queued", expires_at=tx.now + IMPORT_DAYS * DAY_MICROSECONDS)


def hold_import(tx: WriteTx, *, import_id: int) -> Import:
    """The file is here whole, and waits for someone to say what its columns are."""
    found = get_import(tx, import_id=import_id)
    events.record(tx, Action.CREATE_IMPORT, detail=found.named)
    return _set(tx, found, state="paused", expires_at=tx.now + IMPORT_DAYS * DAY_MICROSECONDS)


# ---- planned again ----------------------------------------------------------------------------------


def reopen_plan(tx: WriteTx, *, import_id: int) -> Import:
    """Forget what a plan foresaw, as ``clear_plan`` deletes it, so that columns can be chosen again.

    Raises ``WrongImportState`` where something was applied, or a plan is being made.
    """
    found = get_import(tx, import_id=import_id)
    if not found.may_be_planned:
        raise _wrong(found, "planned: only one that was not applied can be, while no plan is being made")
    return found if found.is_new else _set(tx, replace(found, progress=Progress()), state="paused")


def clear_plan(tx: WriteTx, *, import_id: int) -> bool:
    """One step of deleting what a plan foresaw. Returns whether there was something. Raises ``WrongImportState``."""
    reopen_plan(tx, import_id=import_id)
    return imports.clear_outcomes(tx, import_id=import_id)


def save_columns(tx: WriteTx, *, import_id: int, settings: ImportSettings, planned: bool) -> Import:
    """Save how a file is to be read, once the plan before is cleared; ``planned``: and plan it.

    Raises ``WrongImportState``, ``GroupIsMirrored``, and ``ValidationFailed`` when no column is the number.
    """
    found = replace(reopen_plan(tx, import_id=import_id), settings=settings)
    refuse_mirrored_name(tx, settings.group)
    if not any(use.field == MOBILE for use in settings.uses):
        raise ValidationFailed({"map": ["The map field names no column that is the mobile."]})
    if planned:
        imports.save_author(tx, import_id=import_id)
    return _set(tx, found, state="queued" if planned else "paused")


# ---- looked at --------------------------------------------------------------------------------------


def get_import(tx: Tx, *, import_id: int) -> Import:
    """One import. Raises ``ImportNotFound``."""
    found = imports.get_import(tx, import_id=import_id)
    if found is None:
        raise ImportNotFound
    return _read(found)


def look_at_import(tx: Tx, *, import_id: int) -> Import:
    """One import whose file has arrived whole; others are not shown. Raises ``ImportNotFound``."""
    found = get_import(tx, import_id=import_id)
    if found.stored.state == "receiving":
        raise ImportNotFound
    return found


def list_imports(tx: Tx, *, before: int, limit: int) -> list[Import]:
    """Imports, the newest first, from the one before a given one on; 0 for the newest."""
    return [_read(found) for found in imports.list_imports(tx, before=before, limit=limit)]


def _read(found: StoredImport) -> Import:
    return Import(found, _read_settings(found.settings), _read_progress(found.progress))


def walk_rejects(tx: Tx, *, import_id: int, take: Callable[[int, str, object], None]) -> int:
    """Call ``take`` with number, reason and record of every record that could not be taken; returns how many."""
    first, count = 0, 0
    while some := imports.list_rejects(tx, import_id=import_id, first=first, limit=ROWS_PER_STEP):
        for one in some:
            if not one.taken:
                take(one.number, one.why, msgspec.json.decode(one.record))
                count += 1
        first = some[-1].number + 1
    return count


# ---- commands ---------------------------------------------------------------------------------------


def apply_import(tx: WriteTx, *, import_id: int, planned_at: int | None = None) -> Import:
    """Do what was planned. ``planned_at``: when the plan was done that the user was shown.

    Raises ``WrongImportState`` when nothing is planned, or something else is, and ``GroupIsMirrored``.
    """
    found = get_import(tx, import_id=import_id)
    if found.stored.phase != "plan" or found.stored.state != "done":
        raise _wrong(found, "applied: only a plan that is done can be")
    if planned_at is not None and planned_at != found.progress.finished_at:
        raise WrongImportState("This import was planned again since; look at the new plan.")
    refuse_mirrored_name(tx, found.settings.group)
    fresh = Progress(plan=found.progress.counts)
    # What an undo needs is kept in their place.
    imports.delete_changes(tx, import_id=import_id, ids=[contact_id for _, contact_id in found.progress.samples])
    events.record(tx, Action.APPLY_IMPORT, detail=found.named)
    imports.save_author(tx, import_id=import_id)
    return _set(tx, replace(found, progress=fresh), state="queued", phase="apply")


def pause_import(tx: WriteTx, *, import_id: int) -> Import:
    """Stop after the running batch. Pausing what is paused changes nothing. Raises ``WrongImportState``."""
    found = get_import(tx, import_id=import_id)
    if found.stored.state == "paused":
        return found
    if not found.is_work:
        raise _wrong(found, "paused")
    return _set(tx, found, state="paused")


def resume_import(tx: WriteTx, *, import_id: int) -> Import:
    """Continue where it was. Resuming a running import changes nothing. Raises ``WrongImportState``."""
    found = get_import(tx, import_id=import_id)
    if found.is_work:
        return found
    if found.stored.state != "paused":
        raise _wrong(found, "resumed")
    if found.is_streamed:
        raise _wrong(found, f"resumed by itself: stream the rest to it, with resume={found.id}")
    return _set(tx, found, state="queued")


def cancel_import(tx: WriteTx, *, import_id: int) -> Import:
    """Stop permanently; what is written stays and can be undone. Raises ``WrongImportState`` once it has ended."""
    found = get_import(tx, import_id=import_id)
    if found.stored.state == "cancelled":
        return found
    planned = found.stored.phase == "plan" and found.stored.state == "done"
    if not (found.is_work or planned or found.stored.state == "paused"):
        raise _wrong(found, "cancelled")
    return end_import(tx, found=found, state="cancelled")


def cancel_waiting(tx: WriteTx) -> int:
    """Cancel the imports whose files wait, since they may hold an erased number; returns how many there were."""
    waiting = [get_import(tx, import_id=import_id) for import_id in imports.list_waiting_imports(tx)]
    with_files = [found for found in waiting if not found.is_streamed]
    for found in with_files:
        end_import(tx, found=found, state="cancelled", error=MAY_NAME_ERASED)
    return len(with_files)


def undo_import(tx: WriteTx, *, import_id: int, opt_outs: bool, reason: str | None) -> Import:
    """Undo what the import changed; its opt-outs only with ``opt_outs`` and a reason.

    Raises ``WrongImportState`` while it is running or when it wrote nothing, ``ValidationFailed`` without a reason, and
    ``GroupIsMirrored`` when it filled a group that a connection keeps in step, unless it is of this connection.
    """
    found = get_import(tx, import_id=import_id)
    said = read_reason(reason)
    if opt_outs and said is None:
        raise ValidationFailed({"reason": ["The reason field is required to take back opt-outs."]})
    ended = found.stored.state in ("done", "failed", "cancelled")
    if found.stored.phase == "plan" or not ended or (found.stored.phase == "undo" and found.stored.state == "done"):
        raise _wrong(found, "undone: only one that was applied and has ended can be, and once")
    for group in groups.list_mirrored_groups(tx):
        if group.id in found.progress.groups:
            refuse_mirrored(tx, group, connection_id=found.settings.connection_id)
    settings = replace(found.settings, retract_opt_outs=opt_outs, reason=said)
    progress = replace(found.progress, undone=found.progress.undone or {}, error=None, finished_at=None)
    events.record(tx, Action.UNDO_IMPORT, detail=found.named)
    imports.save_author(tx, import_id=import_id)
    return _set(tx, replace(found, settings=settings, progress=progress), state="queued", phase="undo")


def read_reason(reason: object) -> str | None:
    """A reason as it is kept. Raises ``ValidationFailed``."""
    try:
        return read_text(reason, most=REASON_MAX)
    except ValueError as error:
        raise ValidationFailed({"reason": [f"The reason field {error}"]}) from None


def _wrong(found: Import, what: str) -> WrongImportState:
    return WrongImportState(f"This import ({found.stored.phase}, {found.stored.state}) cannot be {what}.")


def _set(
    tx: WriteTx,
    found: Import,
    *,
    state: ImportState,
    phase: ImportPhase | None = None,
    expires_at: int | None = None,
    clearing: bool | None = None,
) -> Import:
    """Save an import's state, and request a job when there is work."""
    stored = replace(
        found.stored,
        state=state,
        phase=phase or found.stored.phase,
        expires_at=expires_at or found.stored.expires_at,
        clearing=found.stored.clearing if clearing is None else clearing,
        settings=_write(found.settings),
        progress=_write(found.progress),
    )
    imports.save_import(tx, given=stored)
    if state == "queued" or stored.clearing:
        hint_job(tx, kind=JobKind.IMPORT)
    return replace(found, stored=stored)


# ---- worked on --------------------------------------------------------------------------------------


def save_progress(tx: WriteTx, *, found: Import, progress: Progress) -> Import:
    """Save the progress of a running import."""
    return _set(tx, replace(found, progress=progress), state="streaming" if found.is_streamed else "running")


def let_stream(tx: WriteTx, *, found: Import) -> Import:
    """Let this request alone add rows from now on."""
    streamed = replace(found, progress=replace(found.progress, call=tx.actor.request_id))
    return _set(tx, streamed, state="streaming", expires_at=tx.now + IMPORT_DAYS * DAY_MICROSECONDS)


def end_import(tx: WriteTx, *, found: Import, state: ImportState, error: str | None = None) -> Import:
    """End an import. Deletes its file, unless it is a plan that may be applied."""
    if found.stored.phase == "apply":
        events.record(tx, Action.FINISH_IMPORT, ImportFinished(found.id, state), detail=found.named)
    elif found.stored.phase == "undo":
        events.record(tx, Action.FINISH_IMPORT, ImportUndone(found.id, state), detail=found.named)
    progress = replace(found.progress, finished_at=tx.now, error=error)
    clearing = not (found.is_streamed or (found.stored.phase == "plan" and state == "done"))
    return _set(tx, replace(found, progress=progress), state=state, clearing=clearing)


def end_work(tx: WriteTx, *, import_id: int, phase: ImportPhase, state: ImportState, error: str | None) -> None:
    """As ``end_import``, unless its state was changed meanwhile."""
    found = get_import(tx, import_id=import_id)
    if found.is_work and found.stored.phase == phase:
        end_import(tx, found=found, state=state, error=error)


def note_try(tx: WriteTx, *, import_id: int) -> int:
    """Its file broke off; returns how often it did since something was read."""
    found = get_import(tx, import_id=import_id)
    tries = found.progress.tries + 1
    if found.is_work:
        save_progress(tx, found=found, progress=replace(found.progress, tries=tries))
    return tries


def find_work(tx: Tx) -> Import | None:
    """The first import that is to be worked on."""
    number = imports.find_open_import(tx)
    return None if number is None else get_import(tx, import_id=number)


def has_open_import(tx: Tx) -> bool:
    """Whether an import is to be worked on, or a file is to be deleted."""
    return imports.find_open_import(tx) is not None or imports.find_clearing_import(tx) is not None


def clear_file(tx: WriteTx) -> bool:
    """One step of deleting a file that is no longer needed; returns whether there was one."""
    number = imports.find_clearing_import(tx)
    if number is None:
        return False
    if not file_parts.delete_parts(tx, file_id=number, limit=PARTS_PER_STEP):
        found = get_import(tx, import_id=number)
        imports.save_import(tx, given=replace(found.stored, clearing=False))
    return True


# ---- forgotten --------------------------------------------------------------------------------------


def has_expired_import(tx: Tx) -> bool:
    """Whether an import's time is over."""
    return imports.find_expired_import(tx) is not None


def expire_import(tx: WriteTx) -> None:
    """One turn of forgetting an import whose time is over."""
    number = imports.find_expired_import(tx)
    if number is not None:
        imports.forget_import(tx, import_id=number)
