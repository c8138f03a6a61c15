"""Imports in sentences: how a file is read, how far its import is, and the outcomes of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from daftari.cli.imports.status import Column, ImportRow, ImportStatus, Reason
from daftari.cli.imports.target import ImportTarget, format_command
from daftari.cli.terminal.output import FAILED, INTERRUPTED, format_count, print_list, say, strip_controls
from daftari.cli.terminal.progress import Progress, format_seconds
from daftari.model.limits import REJECTS_KEPT_MAX

FOUND = " Found: "
"""What stands between a reason and the cell that it is about."""
KEPT_FIELDS = ("id", "created_at")
"""Fields that are read only with ``--keep-ids``."""
NOT_TAKEN = ("invalid", "refused", "changed")
"""Outcomes with which a command ends as failed."""
REASON_COLUMN = "why"
"""The column that a rejects file adds; it is never an attribute."""
COLUMNS_NAMED_MAX = 100
UNUSED_COLUMNS_NAMED_MAX = 20
RATED_ROWS_MIN = 1_000
"""An import of fewer rows is too short for a rate."""
REASONS_SHOWN_MAX = 5
"""Different reasons and warnings that are printed, the most frequent first."""
ROW_COLUMNS = ("row", "outcome", "id", "mobile", "suppressed", "joined", "kept_out", "why", "warning")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", "^": "carets"}
_FORMATS = {"csv": "CSV", "xlsx": "XLSX", "ods": "ODS", "vcard": "vCard", "ndjson": "NDJSON", "json": "JSON"}
_KINDS = {"contacts": "contacts", "opt_outs": "a list of opt-outs", "opt_ins": "a list of opt-ins"}


# ---- how the file is read -----------------------------------------------------------------------------


def say_layout(status: ImportStatus) -> None:
    """Prints how the file is read, column by column."""
    about = [_FORMATS.get(status.format, status.format)]
    if status.sheet:
        about.append(f"sheet {status.sheet!r}")
    elif status.encoding:
        about.append(status.encoding)
    if status.delimiter:
        about.append(f"separated by {_DELIMITERS.get(status.delimiter, repr(status.delimiter))}")
    if status.header is False:
        about.append("without column names")
    elif status.header_row is not None and status.header_row > 1:
        about.append(f"column names in row {status.header_row}")
    _say(f"{status.name}: {', '.join(about)}; read as {_KINDS[status.kind]}.")
    uses = [(column.name, _find_use(column, status)) for column in status.columns]
    used = [f"{name} → {use}" for name, use in uses if use is not None]
    unused = [name for name, use in uses if use is None]
    if used:
        _say(f"  {_join_names(used, COLUMNS_NAMED_MAX)}")
    if unused:
        _say(f"  not used: {_join_names(unused, UNUSED_COLUMNS_NAMED_MAX)}")


def _find_use(column: Column, status: ImportStatus) -> str | None:
    """What a column is read as, ``None`` for nothing."""
    if column.field is None:
        return "attribute" if status.attributes is True and column.name != REASON_COLUMN else None
    return None if column.field in KEPT_FIELDS and status.keep_ids is False else column.field


def _join_names(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# ---- how far it is ------------------------------------------------------------------------------------


def progress_of(status: ImportStatus) -> Progress:
    """The progress of an import, in bytes of its file; of an undo, in rows."""
    if status.phase == "undo":
        total = sum(status.counts.get(name, 0) for name in ("created", "updated", "recorded"))
        done = total if status.state == "done" else sum((status.undo or {}).values())
    else:
        total = status.bytes
        done = total if status.state == "done" else status.bytes_read
    text, detail = format_progress(status), format_counts(status.counts)
    return Progress(label=status.name, done=done, total=total, text=text, detail=detail)


def format_progress(status: ImportStatus) -> str:
    """``2,000 rows, 500/s, 8 s left``."""
    if status.phase == "undo":
        return format_undo(status)
    if status.state == "queued" and not status.rows:
        return "waiting for its turn"
    parts = [format_count(status.rows, "row")]
    if status.rate:
        parts.append(f"{status.rate:,.0f}/s")
    if status.seconds_left:
        parts.append(f"{format_seconds(status.seconds_left)} left")
    return ", ".join(parts)


def format_counts(counts: Mapping[str, int]) -> str:
    """``2,000 created, 3 invalid``: the outcomes that occurred."""
    return ", ".join(f"{many:,} {name}" for name, many in counts.items() if many)


def format_undo(status: ImportStatus) -> str:
    """What an undo has done so far."""
    undone = status.undo or {}
    counts = ", ".join(f"{undone.get(name, 0):,} {name}" for name in ("reversed", "kept", "failed"))
    return f"{counts}; {undone.get('retracted', 0):,} opt-ins and opt-outs retracted"


# ---- its result ---------------------------------------------------------------------------------------


def say_result(status: ImportStatus, *, target: ImportTarget) -> None:
    """Prints what an import came to, and the commands that are possible now."""
    name = f"Import {status.id} of {status.name}"
    if status.state == "paused":
        at = "" if status.phase == "undo" else f" at row {status.rows:,}"
        _say(f"Paused{at}. Resume it with: {format_command(target, 'resume', status.id)}")
        return
    if status.state == "failed":
        _say(f"daftari: {name} failed: {status.error}")
    elif status.state == "cancelled":
        _say(f"{name} was cancelled. What was written stays and can be undone.")
    if status.phase == "undo":
        _say(
            f"{name} is undone: {format_undo(status)}."
            if status.state == "done"
            else f"Undone so far: {format_undo(status)}."
        )
        return
    _say_unread_opt_outs(status)
    _say_counts(status)
    _say_rejects(status, target)
    _say_reasons("with a warning", status.warnings, status, target)
    if status.phase == "plan" and status.state == "done":
        _say(f"This is a plan; nothing was changed. Apply it with: {format_command(target, 'apply', status.id)}")


def _say_unread_opt_outs(status: ImportStatus) -> None:
    """First of all: people who said no, and still get messages."""
    if status.unread_opt_outs:
        rows = "row opts" if status.unread_opt_outs == 1 else "rows opt"
        many = f"{status.unread_opt_outs:,}"
        _say(f"NOT OPTED OUT: {many} {rows} out a number that cannot be read. Correct it and import it again.")


def _say_counts(status: ImportStatus) -> None:
    rate = f" ({status.rate:,.0f} rows a second)" if status.rate and status.rows >= RATED_ROWS_MIN else ""
    would = "would be " if status.phase == "plan" else ""
    counts = format_counts(status.counts)
    _say(f"{format_count(status.rows, 'row')} read{f': {would}{counts}' if counts else ''}.{rate}")
    also = []
    if status.suppressed:
        also.append(f"{status.suppressed:,} suppressed (opted out; they join no group)")
    if status.joined:
        also.append(f"{status.joined:,} joined {status.group or 'groups'}")
    if status.opt_outs:
        also.append(f"{format_count(status.opt_outs, 'opt-out')} {would}recorded, as the rows say")
    if status.facts > status.opt_outs and status.kind == "contacts":
        also.append(f"{status.facts:,} opt-outs and opt-ins recorded in all")
    if also:
        _say(f"Also: {'; '.join(also)}.")
    if status.sheets_not_read:
        names = _join_names([repr(name) for name in status.sheets_not_read], COLUMNS_NAMED_MAX)
        verb = "sheet was" if len(status.sheets_not_read) == 1 else "sheets were"
        _say(f"Only sheet {status.sheet!r} was read; this {verb} not read: {names}. Name one with --sheet.")


def _say_rejects(status: ImportStatus, target: ImportTarget) -> None:
    rejected = status.rejects
    if not rejected:
        return
    _say_reasons("not imported", status.reasons, status, target)
    verb = "would not be" if status.phase == "plan" else "was not" if rejected == 1 else "were not"
    sentence = f"{format_count(rejected, 'row')} {verb} imported; each with its reason"
    if isinstance(status.rejects_file, str):
        _say(f"{sentence} is in {status.rejects_file}: correct them there and import that file.")
    else:
        _say(f"{sentence}: {format_command(target, 'rejects', status.id)} > FILE")
    if rejected > REJECTS_KEPT_MAX:
        _say(f"Only the first {REJECTS_KEPT_MAX:,} are kept; correct the file itself.")


def _say_reasons(what: str, reasons: Sequence[Reason], status: ImportStatus, target: ImportTarget) -> None:
    """Prints how many rows have each reason, and what was found in the first of them."""
    shown = reasons[:REASONS_SHOWN_MAX]
    found = _find_rows({row for reason in shown for row in reason.rows}, status, target)
    for reason in shown:
        examples = []
        for number in reason.rows:
            row = found.get(number)
            said = "" if row is None else row.why or row.warning or ""
            cell = said.rpartition(FOUND)[2].removesuffix(".") if FOUND in said else ""
            examples.append(f"row {number:,}" + (f" {cell}" if cell else ""))
        _say(f"  {format_count(reason.count, 'row')} {what}: {reason.why} ({', '.join(examples)})")
    if len(reasons) > len(shown):
        _say(f"  and {format_count(len(reasons) - len(shown), 'other reason')}")


def _find_rows(numbers: set[int], status: ImportStatus, target: ImportTarget) -> dict[int, ImportRow]:
    """The rows with these numbers; those that follow one another are asked for at once."""
    found: dict[int, ImportRow] = {}
    for number in sorted(numbers):
        if number not in found:
            found |= {row.row: row for row in next(target.iterate_rows(status.id, after=number - 1), [])}
    return found


def print_rows(rows: Sequence[ImportRow]) -> None:
    """Prints rows of an import as a list."""
    print_list(ROW_COLUMNS, [[getattr(row, name) for name in ROW_COLUMNS] for row in rows], as_json=False)


def exit_code(imports: Iterable[ImportStatus]) -> int:
    """The exit code of a command after these imports."""
    codes = [_exit_code(status) for status in imports]
    return INTERRUPTED if INTERRUPTED in codes else max(codes, default=0)


def _exit_code(status: ImportStatus) -> int:
    if status.state == "paused":
        return INTERRUPTED
    if status.state != "done":
        return FAILED
    took_all = not status.unread_opt_outs and not any(status.counts.get(name) for name in NOT_TAKEN)
    return 0 if took_all or status.phase == "undo" else FAILED


def _say(sentence: str) -> None:
    """File and column names are foreign text."""
    say(strip_controls(sentence))
