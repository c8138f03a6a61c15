"""The settings of a project in words: what each is called, its values, and what changed. Knows no page."""

from __future__ import annotations

from collections.abc import Iterable

from daftari.console.languages import gettext as _
from daftari.console.languages import isolated, ngettext, region_names
from daftari.model.projects import SettingChange


def name(setting: str) -> str:
    """What a setting is called."""
    return {
        "name": _("Name of the project"),
        "region": _("Country"),
        "zone": _("Time zone"),
        "on_error": _("What a program does with wrong rows"),
        "feed_days": _("How long programs can read what changed, in days"),
        "searchable": _("What else contacts are found by"),
        "stop_scope": _("What STOP means"),
        "on_delete": _("When a program deletes a contact"),
        "require_opt_in": _("Only who agreed"),
        "quiet_hours": _("When marketing may be sent"),
        "caps": _("How often one person may be sent something"),
        "opt_out_words": _("Words that opt out"),
        "opt_in_words": _("Words that agree"),
        "help_words": _("Words that ask for help"),
    }[setting]


def stop_scope(scope: str) -> str:
    """What a STOP is about."""
    return {
        "everything": _("everything"),
        "channel": _("the way they wrote by"),
        "sender": _("the sender they answered"),
        "marketing": _("marketing"),
    }[scope]


def on_delete(meaning: str) -> str:
    """What the delete of a program means."""
    return {"opt_out": _("they opted out"), "removal": _("they are removed, no more")}[meaning]


def value(setting: str, written: str) -> str:
    """The value of a setting, as it stands in a sentence."""
    match setting:
        case "stop_scope":
            return stop_scope(written)
        case "on_delete":
            return on_delete(written)
        case "require_opt_in":
            return _("yes") if written == "yes" else _("no")
        case "region":
            return region_names().get(written, written)
        case "zone":
            return isolated(written) if written else _("that of the country")
        case "quiet_hours":
            return {"": _("as is usual in the country"), "off": _("at any hour")}.get(written, written)
        case "caps":
            return _caps(written) if written else _("no limit")
        case "opt_out_words" | "opt_in_words" | "help_words":
            return isolated(written) if written else _("the usual words")
        case _:
            return isolated(written) if written else _("nothing")


def changed(changes: Iterable[SettingChange]) -> str:
    """What changed: ``What STOP means: everything → marketing. Name of the project.``"""
    return " ".join(f"{change_of(change)}." for change in changes)


def change_of(change: SettingChange) -> str:
    """One change. The name of a project is not repeated."""
    if change.name == "name":
        return name(change.name)
    before, after = value(change.name, change.before), value(change.name, change.after)
    return _("%(setting)s: %(before)s → %(after)s", setting=name(change.name), before=before, after=after)


def _caps(written: str) -> str:
    """``marketing=3/24`` in words."""
    said = []
    for part in written.split(", "):
        purpose, _sign, cap = part.partition("=")
        messages, _sign, hours = cap.partition("/")
        what = _("marketing") if purpose == "marketing" else _("service messages")
        said.append(
            ngettext(
                "%(what)s %(messages)s in %(num)s hour",
                "%(what)s %(messages)s in %(num)s hours",
                int(hours),
                what=what,
                messages=messages,
            )
        )
    return ", ".join(said)
