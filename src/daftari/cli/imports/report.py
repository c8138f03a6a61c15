"""Imports in sentences: how a file is read, how far it is, and what became of its records.

This room must not know where an import is, nor how it is worked on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from daftari.cli.imports.source import SENDING, Place, Shown, command
from daftari.cli.terminal.output import FAILED, INTERRUPTED, plain, say
from daftari.rules.imports.rejects import WHY

CONTACTS = "contacts"
KEPT_FIELDS = ("id", "created_at")
"""What is read only to be kept."""
NOT_TAKEN = ("invalid", "refused", "changed")
"""The outcomes after which a command ends as failed."""
REJECTED = ("invalid", "changed")
"""Those whose records are in the rejects file."""
UNUSED_TOLD_MAX = 20
"""Columns without a use that are named."""
COLUMNS_TOLD_MAX = 100
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", "^": "carets"}
_FORMATS = {"csv": "CSV", "xlsx": "XLSX", "ods": "ODS", "vcard": "vCard", "ndjson": "NDJSON", "json": "JSON"}
_KINDS = {"contacts": "contacts", "opt_outs": "a list of opt-outs", "opt_ins": "a list of opt-ins"}


# ---- how it is read -----------------------------------------------------------------------------------


def say_reading(shown: Shown) -> None:
    """How a file is read, column by column."""
    about: list[str] = [_FORMATS.get(shown["format"], "")]
    if shown.get("sheet"):
        about.append(f"sheet {shown['sheet']!r}")
    elif shown.get("encoding"):
        about.append(shown["encoding"])
    if shown.get("delimiter"):
        about.append(f"cells between {_DELIMITERS.get(shown['delimiter'], repr(shown['delimiter']))}")
    if not shown.get("header", True):
        about.append("no names of columns")
    _say(f"{shown['name']}: {', '.join(about)}; read as {_KINDS[shown['kind']]}.")
    for line in _columns(shown):
        _say(f"  {line}")


def _columns(shown: Shown) -> list[str]:
    uses = [(str(column["name"]), _use(column, shown)) for column in shown["columns"]]
    used = [f"{name} → {use}" for name, use in uses if use is not None]
    unused = [name for name, use in uses if use is None]
    lines = [_listed(used, COLUMNS_TOLD_MAX)] if used else []
    return lines + ([f"not used: {_listed(unused, UNUSED_TOLD_MAX)}"] if unused else [])


def _use(column: Shown, shown: Shown) -> str | None:
    """What a column is read as; the reasons of an earlier rejects file never are."""
    field: str | None = column["field"]
    if field is None:
        return "attribute" if shown.get("attributes") and column["name"] != WHY else None
    return None if field in KEPT_FIELDS and not shown.get("keep_ids", True) else field


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# ---- how far it is ------------------------------------------------------------------------------------


def told_progress(shown: Shown) -> str:
    """How far it is, in one line without its name."""
    if shown["state"] == SENDING:
        return f"{shown['bytes_read']:,} of {shown['bytes']:,} bytes sent"
    if shown["phase"] == "undo":
        return told_undone(shown)
    if shown["state"] == "queued" and not shown["rows"]:
        return "waiting for its turn"
    parts = [f"{shown['rows']:,} rows"]
    if shown["rate"]:
        parts.append(f"{shown['rate']:,.0f}/s")
    if shown["seconds_left"]:
        parts.append(f"{told_seconds(shown['seconds_left'])} left")
    return ", ".join(parts)


def told_seconds(seconds: float) -> str:
    """A time as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def told_outcomes(counts: Mapping[str, int]) -> str:
    """What became of records: every outcome that there is."""
    return ", ".join(f"{many:,} {name}" for name, many in counts.items() if many)


def part_done(shown: Shown) -> tuple[int, int]:
    """How much of how much is done, in whatever can be counted."""
    if shown.get("phase") == "undo":
        counts = shown["counts"]
        whole = counts.get("created", 0) + counts.get("updated", 0) + counts.get("recorded", 0)
        undone = shown["undo"] or {}
        done = sum(undone.values()) if shown["state"] != "done" else whole
        return min(done, whole), max(whole, 1)
    done = shown["bytes"] if shown["state"] == "done" else min(shown["bytes_read"], shown["bytes"])
    return done, max(shown["bytes"], 1)


# ---- what became of it --------------------------------------------------------------------------------


def say_end(shown: Shown, *, place: Place, rejects_kept: str | None = None) -> None:
    """What an import came to, and what can be done now. ``rejects_kept``: where its rejects were written."""
    state, named = shown["state"], f"Import {shown['id']} of {shown['name']}"
    if state == "paused":
        at = "" if shown["phase"] == "undo" else f" at row {shown['rows']:,}"
        _say(f"Paused{at}. Go on with: {command(place, 'resume', shown['id'])}")
        return
    if state == "failed":
        _say(f"daftari: {named} failed: {shown['error']}")
    elif state == "cancelled":
        _say(f"{named} was cancelled; what was written stays, and can be undone.")
    if shown["phase"] == "undo":
        _say(f"{named} is undone: {told_undone(shown)}." if state == "done" else f"Undone: {told_undone(shown)}.")
        return
    _say_counts(shown)
    _say_rejects(shown, place, rejects_kept)
    if shown["phase"] == "plan" and state == "done":
        _say(f"This is a plan; nothing was changed. Apply it with: {command(place, 'apply', shown['id'])}")


def told_undone(shown: Shown) -> str:
    """What an undo has done so far."""
    undone = shown["undo"] or {}
    sentence = ", ".join(f"{undone.get(name, 0):,} {name}" for name in ("reversed", "kept", "failed"))
    return f"{sentence}; {undone.get('retracted', 0):,} opt-ins and opt-outs taken back"


def _say_counts(shown: Shown) -> None:
    speed = f" ({shown['rate']:,.0f} rows a second)" if shown["rate"] and shown["rows"] >= 1_000 else ""
    would = "would be " if shown["phase"] == "plan" else ""
    outcomes = told_outcomes(shown["counts"])
    rows = "1 row" if shown["rows"] == 1 else f"{shown['rows']:,} rows"
    _say(f"{rows} read{f': {would}{outcomes}' if outcomes else ''}.{speed}")
    beside = _beside(shown)
    if beside:
        _say(f"Beside them: {'; '.join(beside)}.")


def _beside(shown: Shown) -> list[str]:
    beside = []
    if shown["suppressed"]:
        beside.append(f"{shown['suppressed']:,} suppressed (opted out; they join nothing)")
    if shown["joined"]:
        beside.append(f"{shown['joined']:,} joined {shown['group'] or 'groups'}")
    if shown["facts"] and shown["kind"] == CONTACTS:
        beside.append(f"{shown['facts']:,} opt-outs and opt-ins recorded")
    return beside


def _say_rejects(shown: Shown, place: Place, kept: str | None) -> None:
    rejected = count_rejects(shown)
    if not rejected:
        return
    what = "1 row" if rejected == 1 else f"{rejected:,} rows"
    verb = "would not be" if shown["phase"] == "plan" else "was not" if rejected == 1 else "were not"
    if kept is None:
        where = f"{command(place, 'rejects', shown['id'])} > FILE"
        _say(f"{what} {verb} taken; each with its reason: {where}")
    else:
        _say(f"{what} {verb} taken; each with its reason is in {kept}: mend them there and import that.")


def count_rejects(shown: Shown) -> int:
    """How many records are in the rejects file."""
    return sum(shown["counts"].get(name, 0) for name in REJECTED)


def code_of(imports: Iterable[Shown]) -> int:
    """How a command ends after these."""
    codes = [_code(shown) for shown in imports]
    return INTERRUPTED if INTERRUPTED in codes else max(codes, default=0)


def _code(shown: Shown) -> int:
    if shown["state"] == "paused":
        return INTERRUPTED
    ended_well = shown["state"] == "done" and not any(shown["counts"].get(name) for name in NOT_TAKEN)
    return 0 if ended_well or (shown["phase"] == "undo" and shown["state"] == "done") else FAILED


def _say(sentence: str) -> None:
    """Names of files and of columns are a stranger's words."""
    say(plain(sentence))
