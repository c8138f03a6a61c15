"""What an import is, is doing and did, in words: kinds, states, fields, outcomes and reasons. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

from markupsafe import Markup
from msgspec import Struct

from daftari.console.languages import current_language, format_moment, format_number, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.console.wording import explain_field
from daftari.files.columns import ATTRIBUTES
from daftari.files.consent_columns import read_consent_field
from daftari.model.contacts import ExportFormat
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.imports.mapping import NOTHING
from daftari.rules.imports.model import Import, ImportKind, ImportSettings

Stage = Literal["columns", "planning", "plan", "running", "paused", "done", "stopped", "failed", "undoing", "undone"]
"""Where an import is, for who looks at it."""
MINUTE = 60
NOT_TAKEN = ("invalid", "changed")
"""Outcomes of rows that were not taken."""


def stage_of(found: Import) -> Stage:
    """Where an import is."""
    phase, state = found.stored.phase, found.stored.state
    if found.is_new:
        return "columns"
    if state in ("failed", "paused"):
        return "failed" if state == "failed" else "paused"
    if state == "cancelled":
        return "stopped"
    if state == "done":
        stages: dict[str, Stage] = {"plan": "plan", "apply": "done", "undo": "undone"}
        return stages[phase]
    doing: dict[str, Stage] = {"plan": "planning", "apply": "running", "undo": "undoing"}
    return doing[phase]


def state(found: Import) -> tuple[str, str, str]:
    """The tone, the word and the icon of where an import is."""
    stage, phase = stage_of(found), found.stored.phase
    words: dict[Stage, tuple[str, str, str]] = {
        "columns": ("pen", _("Columns"), "clock"),
        "planning": ("pen", _("Planning"), "clock"),
        "plan": ("pen", _("Plan"), "clock"),
        "running": ("pen", _("Running"), "imports"),
        "paused": ("warn", _("Paused"), "pause"),
        "done": ("good", _("Done"), "good"),
        "stopped": ("warn", _("Thrown away") if phase == "plan" else _("Stopped"), "bad"),
        "failed": ("bad", _("Failed"), "warn"),
        "undoing": ("pen", _("Being undone"), "undo"),
        "undone": ("", _("Taken back"), "undo"),
    }
    return words[stage]


def field(name: str) -> str:
    """What a column becomes."""
    if name == NOTHING:
        return _("Do not use")
    if name.startswith(ATTRIBUTES):
        return _("Keep, as %(name)s", name=isolated(name.removeprefix(ATTRIBUTES).partition(":")[0]))
    consent = read_consent_field(name)
    if consent is not None:
        said = {
            "opt_out": _("Opted out, where it says yes"),
            "accepts": _("Opted out, where it says no"),
            "status": _("Opted out, where it says so"),
        }[consent.kind]
        about = [CHANNEL_NAMES[consent.channel]] if consent.channel else []
        about += [purpose(consent.purpose)] if consent.purpose else []
        return f"{said} ({', '.join(about)})" if about else said
    return _FIELDS[name]() if name in _FIELDS else name


_FIELDS: dict[str, Callable[[], str]] = {
    "mobile": lambda: _("Number"),
    "label": lambda: _("Kind of number"),
    "name": lambda: _("Name, first to last"),
    "fname": lambda: _("First name"),
    "mname": lambda: _("Middle name"),
    "lname": lambda: _("Last name"),
    "email": lambda: _("E-mail"),
    "city": lambda: _("Town"),
    "company": lambda: _("Company"),
    "group": lambda: _("Group"),
    "groups": lambda: _("Groups, several in a cell"),
    "attributes": lambda: _("Own fields, as an object"),
    "id": lambda: _("Daftari's own id"),
    "created_at": lambda: _("When the contact was made"),
    "consent": lambda: _("Consent, as exported here"),
    "channel": lambda: _("Channel"),
    "sender": lambda: _("Sender"),
    "purpose": lambda: _("Purpose"),
    "at": lambda: _("When they said it"),
    "note": lambda: _("How they said it"),
}


def purpose(name: str) -> str:
    """What messages are for."""
    return _("marketing") if name == "marketing" else _("service messages")


class Part(Struct, frozen=True):
    """A count of rows: how it is called, and its colour in the bar of all of them."""

    name: str
    label: str
    count: int
    tone: str
    note: str = ""


def parts(found: Import) -> list[Part]:
    """The counts of an import, which add up to its rows."""
    counts = found.progress.counts
    was_applied = found.stored.phase != "plan"
    as_is = _("as they were") if was_applied else _("as they are")
    if found.settings.kind == "contacts":
        shown = [
            Part("created", _("new contacts"), counts.get("created", 0), "c1"),
            Part("updated", _("changed"), counts.get("updated", 0), "c2"),
        ]
    else:
        called = _("opt-outs") if found.settings.kind == "opt_outs" else _("agreements")
        shown = [Part("recorded", called, counts.get("recorded", 0), "c1")]
    shown.append(Part("unchanged", as_is, counts.get("unchanged", 0), "c4", _("the file says nothing new")))
    if found.settings.kind == "opt_ins":
        refused = _("their own word stands")
        shown.append(Part("refused", refused, counts.get("refused", 0), "c2", _("they opted out themselves")))
    again = _("the same number again")
    shown.append(Part("duplicate", again, counts.get("duplicate", 0), "c3", _("merged into one contact")))
    not_taken = sum(counts.get(name, 0) for name in NOT_TAKEN)
    shown.append(Part("rejected", _("not taken") if was_applied else _("cannot be taken"), not_taken, "cb"))
    return shown


def short(name: str) -> str:
    """The same in a word."""
    return {
        "created": _("new"),
        "updated": _("changed"),
        "recorded": _("written down"),
        "unchanged": _("as they are"),
        "refused": _("their own word stands"),
        "duplicate": _("again"),
        "rejected": _("not taken"),
        "suppressed": _("opted out"),
        "joined": _("joined a group"),
    }[name]


def outcome(name: str) -> str:
    """The outcome of one row."""
    return {
        "nothing": _("Not looked at yet"),
        "created": _("New"),
        "updated": _("Changed"),
        "recorded": _("Written down"),
        "unchanged": _("As it was"),
        "refused": _("Their own word stands"),
        "duplicate": _("The same number again"),
        "invalid": _("Not taken"),
        "changed": _("Left alone"),
    }[name]


def do_it(found: Import) -> str:
    """The button that does what was planned."""
    counts = found.progress.counts
    if found.settings.kind == "opt_outs":
        return ngettext("Apply: %(num)s opt-out", "Apply: %(num)s opt-outs", counts.get("recorded", 0))
    if found.settings.kind == "opt_ins":
        return ngettext("Apply: %(num)s agreement", "Apply: %(num)s agreements", counts.get("recorded", 0))
    created, changed = counts.get("created", 0), counts.get("updated", 0)
    if created and changed:
        return ngettext(
            "Apply: %(num)s new, %(changed)s changed",
            "Apply: %(num)s new, %(changed)s changed",
            created,
            changed=format_number(changed),
        )
    if created:
        return ngettext("Apply: %(num)s new", "Apply: %(num)s new", created)
    return ngettext("Apply: %(num)s changed", "Apply: %(num)s changed", changed) if changed else _("Apply")


def kind(name: ImportKind) -> str:
    """What is in a file."""
    return {
        "contacts": _("Contacts"),
        "opt_outs": _("People who asked to stop"),
        "opt_ins": _("People who agreed, with evidence"),
    }[name]


def reason(why: str) -> str:
    """Why rows were not taken, or what was not understood of them."""
    for pattern, reword in _REASONS:
        found = re.fullmatch(pattern, why, re.DOTALL)
        if found is not None:
            return reword()
    return why if current_language() == "en" else Markup('<span lang="en">{}</span>').format(why)


def reason_of_row(why: str) -> str:
    """The same of one row, with what was found."""
    said, found, cell = why.partition(" Found: ")
    return Markup("{} <bdi>{}</bdi>").format(reason(said), cell.removesuffix(".")) if found else reason(why)


def error(message: str) -> str:
    """Why a file cannot be read, or an import cannot continue."""
    return explain_field(message)


def head(name: str) -> str:
    """A field over a column."""
    if name.startswith(ATTRIBUTES):
        return name.removeprefix(ATTRIBUTES)
    return {"groups": _("Groups"), "opt_out": _("Opts out")}.get(name) or field(name)


_FORMATS: dict[str, Callable[[], str]] = {
    "csv": lambda: _("A table."),
    "xlsx": lambda: _("An Excel workbook."),
    "ods": lambda: _("An OpenDocument workbook."),
    "vcard": lambda: _("An address book: names and numbers are where they belong."),
    "ndjson": lambda: _("JSON."),
    "json": lambda: _("JSON."),
}
_DELIMITERS: dict[str, Callable[[], str]] = {
    ",": lambda: _("commas between cells"),
    ";": lambda: _("semicolons between cells"),
    "\t": lambda: _("tabs between cells"),
}


def layout(settings: ImportSettings) -> str:
    """What a file is."""
    found = settings.layout
    columns = len(found.columns)
    if found.format == "csv" and found.delimiter in _DELIMITERS:
        return ngettext(
            "%(num)s column; %(delimiter)s.",
            "%(num)s columns; %(delimiter)s.",
            columns,
            delimiter=_DELIMITERS[found.delimiter](),
        )
    if found.sheet:
        return ngettext(
            "%(num)s column, on the sheet %(sheet)s.",
            "%(num)s columns, on the sheet %(sheet)s.",
            columns,
            sheet=isolated(found.sheet),
        )
    return _FORMATS[found.format]()


def format_of_export(name: ExportFormat) -> tuple[str, str]:
    """A format that contacts are exported in, and what it is for."""
    return {
        "csv": (_("CSV"), _("Opens in every spreadsheet.")),
        "xlsx": (_("Excel"), _("A workbook, for Excel and similar programs.")),
        "ndjson": (_("JSON"), _("A line for each contact, for programs.")),
        "vcard": (_("vCard"), _("An address book, for a phone.")),
    }[name]


def lead(found: Import, by: str) -> str:
    """What is happening, when and by whom, below the name of the file."""
    stage, progress = stage_of(found), found.progress
    if stage == "plan":
        return _("Nothing has changed yet. This is what would happen.")
    if stage in ("planning", "columns"):
        return _("Nothing has changed yet.")
    if stage == "undoing":
        return _("What it changed is being undone.")
    at = progress.finished_at or progress.started_at or found.stored.created_at
    values = {"moment": format_moment(at), "name": by}
    if stage == "done":
        said = _("Applied %(moment)s by %(name)s.", **values) if by else _("Applied %(moment)s.", **values)
        seconds = round(progress.seconds)
        took = ngettext("It took %(num)s second.", "It took %(num)s seconds.", seconds)
        return f"{said} {took}" if seconds else said
    if stage == "undone":
        return _("Undone %(moment)s by %(name)s.", **values) if by else _("Undone %(moment)s.", **values)
    if stage in ("running", "paused"):
        return _("Begun %(moment)s by %(name)s.", **values) if by else _("Begun %(moment)s.", **values)
    return _("Ended %(moment)s. It was begun by %(name)s.", **values) if by else _("Ended %(moment)s.", **values)


def left(seconds: float) -> str:
    """How long the rest takes."""
    if seconds < MINUTE:
        return ngettext("about %(num)s second left", "about %(num)s seconds left", max(round(seconds), 1))
    return ngettext("about %(num)s minute left", "about %(num)s minutes left", round(seconds / MINUTE))


def remarks(found: Import) -> str:
    """What else is to be said of an import than its counts."""
    progress, said = found.progress, []
    is_plan = found.stored.phase == "plan"
    group = found.settings.group
    if progress.suppressed and found.settings.kind == "contacts":
        said.append(
            ngettext(
                "%(num)s opted out. They join no group and cannot be messaged.",
                "%(num)s opted out. They join no group and cannot be messaged.",
                progress.suppressed,
            )
        )
    if progress.joined:
        if group is not None:
            said.append(
                ngettext("%(num)s joins %(group)s.", "%(num)s join %(group)s.", progress.joined, group=isolated(group))
                if is_plan
                else ngettext(
                    "%(num)s joined %(group)s.", "%(num)s joined %(group)s.", progress.joined, group=isolated(group)
                )
            )
        else:
            said.append(
                ngettext("%(num)s joins a group.", "%(num)s join groups.", progress.joined)
                if is_plan
                else ngettext("%(num)s joined a group.", "%(num)s joined groups.", progress.joined)
            )
    if progress.opt_outs:
        said.append(
            ngettext(
                "%(num)s opt-out stands in the rows, and counts.",
                "%(num)s opt-outs stand in the rows, and count.",
                progress.opt_outs,
            )
        )
    if progress.unread_opt_outs:
        said.append(
            ngettext(
                "%(num)s row says an opt-out whose number cannot be read: no one is opted out by it.",
                "%(num)s rows say an opt-out whose number cannot be read: no one is opted out by them.",
                progress.unread_opt_outs,
            )
        )
    if found.settings.kind == "opt_outs" and is_plan and progress.counts.get("recorded"):
        said.append(_("They are not messaged from then on, whatever groups they are in."))
    return " ".join(said)


def done(found: Import) -> str:
    """What an import did."""
    counts = found.progress.counts
    recorded = counts.get("recorded", 0)
    if found.settings.kind == "opt_outs":
        return ngettext("%(num)s opt-out was written down.", "%(num)s opt-outs were written down.", recorded)
    if found.settings.kind == "opt_ins":
        return ngettext("%(num)s agreement was written down.", "%(num)s agreements were written down.", recorded)
    created, changed = counts.get("created", 0), counts.get("updated", 0)
    if created and changed:
        return ngettext(
            "%(num)s contact is new, and %(changed)s changed.",
            "%(num)s contacts are new, and %(changed)s changed.",
            created,
            changed=format_number(changed),
        )
    if created:
        return ngettext("%(num)s contact is new.", "%(num)s contacts are new.", created)
    if changed:
        return ngettext("%(num)s contact changed.", "%(num)s contacts changed.", changed)
    return _("No contact is new, and none changed.")


def undo(found: Import) -> str:
    """What an undo would do."""
    counts = found.progress.counts
    if found.settings.kind == "opt_outs":
        return _("The opt-outs of this file are taken back. Who opted out in another way too stays opted out.")
    if found.settings.kind == "opt_ins":
        return _("The agreements of this file are taken back, and earlier opt-outs hold again.")
    said = [_("Undoing puts everything back.")]
    if created := counts.get("created", 0):
        said.append(ngettext("%(num)s new contact goes.", "%(num)s new contacts go.", created))
    if changed := counts.get("updated", 0):
        said.append(ngettext("%(num)s gets back what it was.", "%(num)s get back what they were.", changed))
    if found.settings.group is not None and found.progress.joined:
        said.append(_("Those who joined %(group)s leave it.", group=isolated(found.settings.group)))
    return " ".join(said)


def undone(counts: Mapping[str, int], is_list: bool) -> str:
    """What an undo did."""
    if is_list:
        number = counts.get("retracted", 0)
        return ngettext("%(num)s entry was taken back.", "%(num)s entries were taken back.", number)
    number = counts.get("reversed", 0)
    return ngettext("%(num)s contact is as it was before.", "%(num)s contacts are as they were before.", number)


def left_alone(counts: Mapping[str, int]) -> str:
    """What an undo could not restore."""
    said = []
    if kept := counts.get("kept", 0):
        said.append(
            ngettext(
                "%(num)s contact was left alone, since it was changed after that.",
                "%(num)s contacts were left alone, since they were changed after that.",
                kept,
            )
        )
    if failed := counts.get("failed", 0):
        said.append(
            ngettext(
                "How %(num)s contact was before is no longer known.",
                "How %(num)s contacts were before is no longer known.",
                failed,
            )
        )
    return " ".join(said)


_REASONS: tuple[tuple[str, Callable[[], str]], ...] = (
    (r".*: it has no digits; .*", lambda: _("There is no digit in the number")),
    (r".*: it is blank; .*", lambda: _("There is no number")),
    (r"The mobile field is required.*", lambda: _("There is no number")),
    (r".*: it is a date; .*", lambda: _("There is a date where the number should be")),
    (r".*: it is masked: .*", lambda: _("Some digits of the number are hidden")),
    (
        r".*: it was shortened by a spreadsheet: .*",
        lambda: _("A spreadsheet shortened the number; its last digits are lost"),
    ),
    (r".*: it holds (two|\d+) numbers; .*", lambda: _("There are several numbers in one cell")),
    (r".*: it holds (letters|signs .*); .*", lambda: _("The number holds letters or signs that none has")),
    (r".*: it begins with the code of no country; .*", lambda: _("The number begins with the code of no country")),
    (r".*: it is too short: .*", lambda: _("The number has too few digits")),
    (r".*: it is too long: .*", lambda: _("The number has too many digits")),
    (r".*: it has a wrong number of digits: .*", lambda: _("The number has too many or too few digits")),
    (r".*: it is no number that is in use .*", lambda: _("No such number is in use")),
    (r"The mobile field is ambiguous.*", lambda: _("It may be one of two numbers; write it with + and the country")),
    (
        r"The record was not applied: its contact has changed since the plan was made\.",
        lambda: _("Someone changed the contact after the plan was made; it was left alone"),
    ),
    (r"(.* )?is not an object\.?", lambda: _("The row holds no names with values")),
    (r"(.* )?is not JSON: .*", lambda: _("The row is no JSON")),
    (r"The (record|row|line) has \d+ cells .*", lambda: _("The row has more cells than the header")),
    (r"The email field must be an e-mail address.*", lambda: _("The e-mail is no address")),
    (r"The number was erased after this file came\.", lambda: _("The number was erased after this file came")),
    (r"The record named a number that is erased\.", lambda: _("The number was erased after this file came")),
    (
        r"A cell that is no telephone number was passed over; .*",
        lambda: _("One of two numbers cannot be read; the other one is taken"),
    ),
    (
        r"The name of a group reads like an opt-out: .*",
        lambda: _("The group is called like an opt-out; no one opts out by it"),
    ),
)
"""Why rows are not taken, as the rules say it to programs, and for people. What is not here is shown as it is."""
