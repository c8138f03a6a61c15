"""What a job on many contacts does, and what came of them, in words. Knows no page."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.languages import isolated, ngettext
from daftari.model.bulk import BulkState
from daftari.rules.bulk.jobs import Bulk, BulkProgress

TONES: dict[BulkState, str] = {"running": "warn", "done": "good", "stopped": "bad", "undoing": "warn", "undone": "good"}
SIGNS: dict[BulkState, str] = {"running": "clock", "undoing": "clock", "undone": "undo"}


def title(job: Bulk) -> str:
    """What a job was asked to do."""
    settings, count = job.settings, job.progress.total
    group, other = isolated(settings.group or ""), isolated(settings.out_of or "")
    match settings.act:
        case "join":
            return ngettext("Add %(num)s contact to %(group)s", "Add %(num)s contacts to %(group)s", count, group=group)
        case "move":
            return ngettext(
                "Move %(num)s contact to %(group)s", "Move %(num)s contacts to %(group)s", count, group=group
            )
        case "leave":
            return ngettext(
                "Take %(num)s contact out of %(group)s", "Take %(num)s contacts out of %(group)s", count, group=group
            )
        case "remove":
            return ngettext("Remove %(num)s contact from the book", "Remove %(num)s contacts from the book", count)
        case "merge":
            return ngettext(
                "Merge %(other)s with %(num)s contact into %(group)s",
                "Merge %(other)s with %(num)s contacts into %(group)s",
                count,
                group=group,
                other=other,
            )


def state(job: Bulk) -> str:
    """How it stands."""
    return {
        "running": _("Running"),
        "done": _("Done"),
        "stopped": _("Stopped"),
        "undoing": _("Being undone"),
        "undone": _("Was undone"),
    }[job.state]


def outcomes(job: Bulk) -> list[tuple[str, int]]:
    """What came of the contacts, in words and numbers that add up to those that are done."""
    progress = job.progress
    found = [(_changed(job), progress.changed)]
    more = (
        (_already(job), progress.already),
        (_("opted out, so they stayed out"), progress.suppressed),
        (_("left the group by their own word, so they stayed out"), progress.kept_out),
        (_("removed from the book meanwhile"), progress.unknown),
        (_("erased meanwhile"), progress.total - progress.done if job.state == "done" else 0),
    )
    return found + [(words, number) for words, number in more if number]


def undone(progress: BulkProgress) -> list[tuple[str, int]]:
    """What came of them by the undo."""
    more = (
        (_("left alone, since they were changed after that"), progress.kept),
        (_("stayed out, by their own wish"), progress.stayed_out),
        (_("groups left alone, since they were changed after that"), progress.groups_kept),
    )
    return [(_("restored"), progress.reversed), *((words, number) for words, number in more if number)]


def share(job: Bulk) -> tuple[int, int]:
    """How many contacts are done, of how many; of an undo, how many are looked at, of those that were changed."""
    progress = job.progress
    if job.state != "undoing":
        return progress.done, progress.total
    return min(progress.reversed + progress.kept + progress.stayed_out, progress.changed), progress.changed


def why(job: Bulk) -> str:
    """Why it stopped."""
    if job.progress.error == "Group not found.":
        return _("A group is no longer there.")
    return job.progress.error


def _changed(job: Bulk) -> str:
    return {
        "join": _("joined"),
        "move": _("moved"),
        "leave": _("taken out"),
        "remove": _("removed"),
        "merge": _("joined"),
    }[job.settings.act]


def _already(job: Bulk) -> str:
    return {
        "join": _("were in it already"),
        "move": _("were there already"),
        "leave": _("were not in it"),
        "remove": _("were removed already"),
        "merge": _("were in it already"),
    }[job.settings.act]
