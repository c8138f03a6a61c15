"""What is shown of imports and their rows. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from daftari.model.time import format_time
from daftari.rules.imports.lifecycle import get_import
from daftari.rules.imports.model import (
    JOINED,
    KEPT_OUT,
    OUTCOME_MASK,
    OUTCOMES,
    SUPPRESSED,
    UNDONE,
    Import,
    ImportSettings,
    outcome_names,
)
from daftari.store import Tx, contacts, imports


def show_import(found: Import) -> dict[str, Any]:
    """An import as callers see it."""
    settings, progress, stored = found.settings, found.progress, found.stored
    names = outcome_names(settings.kind)
    foreseen = names[:-1]
    rate = progress.rows / progress.seconds if progress.seconds else None
    return {
        "id": found.id,
        "state": "running" if stored.state == "streaming" else stored.state,
        "phase": stored.phase,
        "kind": settings.kind,
        "name": settings.name,
        "format": settings.layout.format,
        "group": settings.group,
        "columns": _show_columns(settings),
        "bytes": settings.bytes,
        "bytes_read": progress.bytes_read,
        "rows": progress.rows,
        "counts": _shown_counts(progress.counts, names if settings.planned else foreseen),
        "suppressed": progress.suppressed,
        "joined": progress.joined,
        "facts": progress.facts,
        "rate": None if rate is None else round(rate, 1),
        "seconds_left": _seconds_left(found),
        "error": progress.error,
        "plan": None if progress.plan is None else _shown_counts(progress.plan, foreseen),
        "undo": None if progress.undone is None else _shown_counts(progress.undone, UNDONE),
        "created_at": format_time(stored.created_at),
        "started_at": _shown_time(progress.started_at),
        "finished_at": _shown_time(progress.finished_at),
        "expires_at": format_time(stored.expires_at),
    }


def _shown_counts(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in names}


def _show_columns(settings: ImportSettings) -> list[dict[str, str | None]]:
    """The columns that the file was seen to have; an address book has none, and its cards what cards have."""
    seen = settings.layout.columns
    return [{"name": use.name, "field": use.field} for use in settings.uses if not seen or use.name in seen]


def _seconds_left(found: Import) -> float | None:
    progress = found.progress
    if found.stored.phase == "undo" or found.is_streamed or not found.is_work or not progress.bytes_read:
        return None
    left = max(found.settings.bytes - progress.bytes_read, 0)
    return round(progress.seconds * left / progress.bytes_read, 1)


def _shown_time(at: int | None) -> str | None:
    return None if at is None else format_time(at)


def list_rows(tx: Tx, *, import_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """The outcomes of records, from the one after ``after`` on, in their order."""
    get_import(tx, import_id=import_id)
    rows = list(islice(imports.walk_rows(tx, import_id=import_id, after=after), limit))
    if not rows:
        return []
    whys = {
        number: why
        for number, why, _ in imports.list_rejects(tx, import_id=import_id, first=rows[0][0], limit=limit)
        if number <= rows[-1][0]
    }
    ids = sorted({contact_id for _, _, contact_id in rows if contact_id})
    mobiles = {contact.id: contact.mobile for contact in contacts.find_contact_numbers(tx, ids=ids)} if ids else {}
    return [_show_row(number, code, contact_id, mobiles.get(contact_id), whys.get(number))
            for number, code, contact_id in rows]  # fmt: skip


def _show_row(number: int, code: int, contact_id: int, mobile: int | None, why: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "row": number,
        "outcome": OUTCOMES[code & OUTCOME_MASK],
        "id": contact_id or None,
        "mobile": None if mobile is None else str(mobile),
    }
    flags = (("suppressed", SUPPRESSED), ("joined", JOINED), ("kept_out", KEPT_OUT))
    row |= {name: True for name, flag in flags if code & flag}
    return row if why is None else row | {"why": why}
