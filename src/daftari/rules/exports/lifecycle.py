"""The life of an export: requested, written by the worker, downloaded, deleted, expired, removed by an erasure.

The worker writes a file in an attempt: it begins one, keeps the parts step by step, and finishes. Any change to the
export meanwhile, another attempt included, ends the attempt at its next step. No file formats, no SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import ExportFailed, ExportNotFound, ExportNotReady, ExportsFull
from daftari.model.contacts import ExportFormat
from daftari.model.erasures import Person, Removed
from daftari.model.exports import StoredExport
from daftari.model.jobs import JobKind
from daftari.model.limits import EXPORT_HOURS, EXPORTS_MAX
from daftari.model.members import Count, Number, Time
from daftari.model.time import format_time
from daftari.rules import events
from daftari.rules.events import Action
from daftari.rules.exports.snapshot import get_group_id
from daftari.store import Tx, WriteTx, exports
from daftari.store.file_parts import insert_parts
from daftari.store.jobs import hint_job

KEPT_MICROSECONDS = EXPORT_HOURS * 3_600_000_000
ERASED = "It held a number that was erased; export again."
TRIES_MAX = 10
"""How often an export is begun; without a limit it could kill one worker after another."""
BROKEN = (
    f"It was begun {TRIES_MAX} times, and the worker ended each time before the file was whole; its log may say why."
)

RETRY_SECONDS = 10
"""How long an export that met a full disk waits the first time; each further time twice as long."""
RETRY_SECONDS_MAX = 600

ShownState = Literal["queued", "running", "done", "failed"]


class ExportSettings(Struct, frozen=True):
    """What an export is to hold. ``group``: the name as it was when it was asked for."""

    format: ExportFormat
    group: str | None
    group_id: int | None
    consent: bool


class _Progress(Struct, frozen=True, omit_defaults=True):
    """How far an export is. ``rows``: of the file, without its header.

    ``erasures`` and ``postponed``: how many attempts were ended by them, and by a full disk or a busy database.
    """

    rows: int | None = None
    bytes: int | None = None
    error: str | None = None
    finished_at: int | None = None
    erasures: int = 0
    postponed: int = 0
    retry_at: int = 0


class Attempt(Struct, frozen=True):
    """One attempt to make an export's file."""

    export_id: int
    number: int
    settings: ExportSettings


_encode = msgspec.json.encode
_read_settings = msgspec.json.Decoder(ExportSettings).decode
_read_progress = msgspec.json.Decoder(_Progress).decode


# ---- asking and fetching ------------------------------------------------------------------------------


def create_export(tx: WriteTx, *, format: ExportFormat, group: str | None, consent: bool) -> StoredExport:
    """An export that the worker will make. Raises ``ValidationFailed`` for an unknown group, and ``ExportsFull``."""
    group_id = get_group_id(tx, name=group)
    if len(_list_shown(tx)) >= EXPORTS_MAX:
        raise ExportsFull(EXPORTS_MAX)
    settings = _encode(ExportSettings(format, group, group_id, consent)).decode()
    export = exports.insert_export(tx, settings=settings, until=tx.now + KEPT_MICROSECONDS)
    events.record(tx, Action.CREATE_EXPORT, group_id=group_id)
    hint_job(tx, kind=JobKind.EXPORT)
    return export


def list_exports(tx: Tx, *, after: int, limit: int) -> list[StoredExport]:
    """Exports in order of creation, from the one after ``after`` on."""
    return [export for export in _list_shown(tx) if export.id > after][:limit]


def get_export(tx: Tx, *, export_id: int) -> StoredExport:
    """One export. Raises ``ExportNotFound``."""
    export = exports.get_export(tx, export_id=export_id)
    if export is None or not _is_shown(export, tx.now):
        raise ExportNotFound
    return export


def read_file(tx: Tx, *, export_id: int, take: Callable[[bytes], None]) -> StoredExport:
    """Hand on the bytes of an export's file. Raises ``ExportNotFound``, ``ExportNotReady`` and ``ExportFailed``."""
    export = get_export(tx, export_id=export_id)
    if export.state == "failed":
        raise ExportFailed(f"The export has no file. {_read_progress(export.progress).error or ''}".rstrip())
    if export.state != "done":
        raise ExportNotReady
    for part in exports.walk_file(tx, export=export):
        take(part)
    return export


def delete_export(tx: WriteTx, *, export_id: int) -> None:
    """An export goes at once for everyone; the worker clears its file. Raises ``ExportNotFound``."""
    _remove(tx, get_export(tx, export_id=export_id))
    events.record(tx, Action.DELETE_EXPORT)


class ExportView(Struct, frozen=True, kw_only=True):
    """An export, and how far it is. `rows` and `bytes` are of its file."""

    id: Number
    state: ShownState
    format: ExportFormat
    group: str | None
    """The group's name when it was asked for; `null` is the whole book."""
    consent: bool
    rows: Count | None
    bytes: Count | None
    error: str | None
    """Why there is no file, or none yet, as a sentence."""
    created_at: Time
    finished_at: Time | None
    """When the file was ready, or could not be made; `null` before."""
    expires_at: Time


def show_export(export: StoredExport) -> ExportView:
    """An export as callers see it. A removed export is never shown."""
    assert export.state != "removed"
    settings, progress = _read_settings(export.settings), _read_progress(export.progress)
    return ExportView(
        id=export.id,
        state=export.state,
        format=settings.format,
        group=settings.group,
        consent=settings.consent,
        rows=progress.rows,
        bytes=progress.bytes,
        error=progress.error,
        created_at=format_time(export.created_at),
        finished_at=None if progress.finished_at is None else format_time(progress.finished_at),
        expires_at=format_time(export.expires_at),
    )


def format_of(export: StoredExport) -> ExportFormat:
    """What kind of file an export is."""
    return _read_settings(export.settings).format


def _list_shown(tx: Tx) -> list[StoredExport]:
    return [export for export in exports.list_exports(tx) if _is_shown(export, tx.now)]


def _is_shown(export: StoredExport, now: int) -> bool:
    return export.state != "removed" and export.expires_at > now


# ---- making -----------------------------------------------------------------------------------------------


def clear_exports(tx: WriteTx) -> bool:
    """One step of clearing files that can no longer be downloaded. Returns whether there was any."""
    for export in exports.list_exports(tx):
        if export.state == "running":
            # The worker that had it is gone, or was overtaken.
            export = replace(export, state="queued")
            exports.update_export(tx, export=export)
        if export.parts and export.state != "done":
            if not exports.clear_file(tx, export_id=export.id):
                _settle_cleared(tx, export)
            return True
    return False


def _settle_cleared(tx: WriteTx, export: StoredExport) -> None:
    if export.state == "removed":
        exports.delete_export(tx, export_id=export.id)
    else:
        exports.update_export(tx, export=replace(export, parts=0))


def has_open_export(tx: Tx) -> bool:
    """Whether a file is to be cleared, or an export's time has come to be made."""
    return any(
        (export.parts and export.state != "done")
        or export.state == "running"
        or (export.state == "queued" and _read_progress(export.progress).retry_at <= tx.now < export.expires_at)
        for export in exports.list_exports(tx)
    )


def begin_export(tx: WriteTx) -> Attempt | None:
    """Begin an attempt at the first export whose time it is; ``None`` if there is none, until the next one's time.

    One with too many attempts fails.
    """
    later: list[int] = []
    for export in exports.list_exports(tx):
        if export.state != "queued" or export.parts or export.expires_at <= tx.now:
            continue
        progress = _read_progress(export.progress)
        if progress.retry_at > tx.now:
            later.append(progress.retry_at)
        elif export.attempts - progress.erasures - progress.postponed >= TRIES_MAX:
            _update(tx, replace(export, state="failed"), _Progress(error=BROKEN, finished_at=tx.now))
        else:
            begun = replace(export, state="running", attempts=export.attempts + 1)
            _update(tx, begun, replace(progress, error=None))
            return Attempt(export.id, export.attempts + 1, _read_settings(export.settings))
    if later:
        hint_job(tx, kind=JobKind.EXPORT, due_at=min(later))
    return None


def keep_parts(tx: WriteTx, *, attempt: Attempt, first: int, parts: Sequence[bytes]) -> bool:
    """Keep further parts of a file; ``False`` when the attempt is over."""
    export = _find_attempted(tx, attempt)
    if export is not None:
        insert_parts(tx, file_id=export.id, first=first, parts=parts)
        exports.update_export(tx, export=replace(export, parts=first + len(parts)))
    return export is not None


def finish_export(tx: WriteTx, *, attempt: Attempt, rows: int, size: int) -> bool:
    """The file is whole and may be fetched; ``False`` when the attempt is over."""
    export = _find_attempted(tx, attempt)
    if export is not None:
        progress = _Progress(rows=rows, bytes=size, finished_at=tx.now)
        _update(tx, replace(export, state="done", expires_at=tx.now + KEPT_MICROSECONDS), progress)
    return export is not None


def postpone_export(tx: WriteTx, *, attempt: Attempt, error: str) -> None:
    """End an attempt that another one may succeed after. ``error`` is a sentence."""
    export = _find_attempted(tx, attempt)
    if export is None:
        return
    progress = _read_progress(export.progress)
    # More doublings than reach the maximum would make a number without end.
    pause_seconds = min(RETRY_SECONDS_MAX, RETRY_SECONDS << min(progress.postponed, 10))
    retry_at = tx.now + pause_seconds * 1_000_000
    said = f"{error} It is tried again at {format_time(retry_at)}."
    _update(
        tx,
        replace(export, state="queued"),
        replace(progress, error=said, postponed=progress.postponed + 1, retry_at=retry_at),
    )


def fail_export(tx: WriteTx, *, attempt: Attempt, error: str) -> None:
    """There will be no file. ``error`` is a sentence."""
    export = _find_attempted(tx, attempt)
    if export is not None:
        _update(tx, replace(export, state="failed"), _Progress(error=error, finished_at=tx.now))


def _find_attempted(tx: WriteTx, attempt: Attempt) -> StoredExport | None:
    export = exports.get_export(tx, export_id=attempt.export_id)
    if export is None or export.state != "running" or export.attempts != attempt.number:
        return None
    return export


def _update(tx: WriteTx, export: StoredExport, progress: _Progress) -> None:
    exports.update_export(tx, export=replace(export, progress=_encode(progress).decode()))


# ---- letting go -------------------------------------------------------------------------------------------


def erase_person(tx: WriteTx, person: Person) -> Removed:
    """Remove all finished files, since any may name the number, and begin the one that is being made again."""
    gone = 0
    for export in exports.list_exports(tx):
        if export.state == "done":
            _update(tx, replace(export, state="failed"), _Progress(error=ERASED, finished_at=tx.now))
            gone += 1
        elif export.state == "running":
            progress = _read_progress(export.progress)
            _update(tx, replace(export, state="queued"), replace(progress, erasures=progress.erasures + 1))
    if has_open_export(tx):
        hint_job(tx, kind=JobKind.EXPORT)
    return {"exports": gone}


def has_expired_export(tx: Tx) -> bool:
    """Whether the time of an export is over."""
    return _find_expired(tx) is not None


def expire_export(tx: WriteTx) -> bool:
    """Let go of one export whose time is over. Returns whether there was one."""
    export = _find_expired(tx)
    if export is not None:
        _remove(tx, export)
    return export is not None


def _find_expired(tx: Tx) -> StoredExport | None:
    kept = (export for export in exports.list_exports(tx) if export.state != "removed")
    return next((export for export in kept if export.expires_at <= tx.now), None)


def _remove(tx: WriteTx, export: StoredExport) -> None:
    if not export.parts:
        exports.delete_export(tx, export_id=export.id)
        return
    exports.update_export(tx, export=replace(export, state="removed"))
    hint_job(tx, kind=JobKind.EXPORT)
