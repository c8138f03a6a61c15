"""Whom an audience is for, who is left out of it and why, in words. Knows no page."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from daftari.console import consent_words
from daftari.console.import_words import purpose
from daftari.console.languages import format_number, isolated
from daftari.console.languages import gettext as _
from daftari.model.consent import ANY, Scope
from daftari.model.limits import AUDIENCE_GROUPS_MAX
from daftari.rules.audiences import AudienceView, BlockedNumber, ComparedCounts, Counted
from daftari.rules.consent.views import CHANNEL_NAMES

COLOURS = {"opted_out": "cb", "no_opt_in": "c3", "not_subscribed": "c2", "in_not_group": "c4"}
NAMED_MAX = 3
"""Groups that a list names of an audience."""
GAP = 0.25
"""Per cent of a bar between two parts."""


class Slice(Struct, frozen=True):
    """A part of a bar, in per cent."""

    tone: str
    start: str
    width: str


def whom(view: AudienceView) -> str:
    """Whom an audience is for: ``customers or farmers, but not staff; marketing by SMS from DUKA``."""
    return _whom(view, AUDIENCE_GROUPS_MAX)


def whom_briefly(view: AudienceView) -> str:
    """The same with a few of the groups: for a list."""
    return _whom(view, NAMED_MAX)


def _whom(view: AudienceView, most: int) -> str:
    joint = _(" and ") if view.match == "all" else _(" or ")
    meant = _("everyone in the book") if view.everyone else _name(view.groups, joint, most)
    if view.not_:
        meant = _("%(meant)s, but not %(without)s", meant=meant, without=_name(view.not_, _(" or "), most))
    return f"{meant}; {question(view)}"


def _name(groups: Sequence[str], joint: str, most: int) -> str:
    names = [isolated(name) for name in groups[:most]]
    if len(groups) > most:
        names.append(_("%(count)s more", count=format_number(len(groups) - most)))
    return joint.join(names)


def question(view: AudienceView) -> str:
    """What they may be sent, and how."""
    return consent_words.about(Scope(view.channel, view.sender or ANY, view.purpose or ANY))


def blocked(one: BlockedNumber) -> str:
    """Why a number may no longer be messaged."""
    reason = one.reasons[0]
    if reason.fact is not None and reason.code == "opted_out":
        fact = reason.fact
        about = consent_words.about(Scope(fact.channel or ANY, fact.sender or ANY, fact.purpose or ANY))
        return _("Opted out of %(what)s.", what=about)
    return _("without the paid service") if reason.code == "not_subscribed" else _("had not agreed")


def colour(counted: Counted) -> list[tuple[str, int]]:
    """Who may be messaged, and who is left out for each reason, each with its colour."""
    return [("c1", counted.count), *((COLOURS[name], many) for name, many in counted.excluded.items())]


def bar(parts: Sequence[tuple[str, int]]) -> list[Slice]:
    """Counts, each with its colour, as parts of a bar."""
    total = sum(count for _tone, count in parts)
    slices, at = [], 0.0
    for tone, count in parts:
        if count:
            width = 100 * count / total
            slices.append(Slice(tone, f"{at:.2f}%", f"{max(width - GAP, GAP):.2f}%"))
            at += width
    return slices


def compared(counts: ComparedCounts, *, one: int, other: int) -> list[tuple[str, str, int]]:
    """The colour, the words and the size of each part of two audiences."""
    return [
        ("c1", _("In both"), counts.both),
        ("c2", _("Only in %(number)s", number=one), counts.only_in_this),
        ("c3", _("Only in %(number)s", number=other), counts.only_in_other),
    ]


def channels() -> list[tuple[str, str]]:
    """The ways of messaging, to choose one."""
    return [*CHANNEL_NAMES.items()]


def purposes() -> list[tuple[str, str]]:
    """What messages are for, to choose one."""
    return [("marketing", purpose("marketing")), ("transactional", purpose("transactional")), ("", _("anything"))]
