"""The log: what was done in a project, which can be undone there and from the page that says what was done."""

from __future__ import annotations

from daftari.console.languages import format_mobile, format_moment, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.console.page import Page, Tone
from daftari.model.consent import Source
from daftari.model.limits import ID_MAX
from daftari.rules.access.roles import UNDOING, Act
from daftari.rules.bulk.jobs import Bulk, undo_any
from daftari.rules.undo.acts import Undone
from daftari.rules.undo.consent import StillOptedOut
from daftari.rules.undo.errors import ActNotFound
from daftari.web.responses import Response

PLACES = {Act.CHANGE_CONTACTS: "/contacts", Act.CHANGE_GROUPS: "/groups", Act.RECORD_CONSENT: "/consent"}
"""Where the answer to an undo is shown, by what was undone."""
NAMED_MAX = 3
"""People who are still opted out and are named; more are counted."""


def undo(page: Page, seq: str) -> Response:
    """``POST /p/{project}/log/{seq}/undo``. The role is that of the act, which the rule looks up."""
    assert page.access is not None, "the page belongs to no project"
    if not seq.isascii() or not seq.isdecimal() or int(seq[:20]) > ID_MAX:
        raise ActNotFound

    def respond(undone: Undone | Bulk) -> Response:
        if isinstance(undone, Bulk):
            return page.done(_find_place(page, Act.CHANGE_CONTACTS), _("The undo has begun and continues by itself."))
        tone: Tone = "warn" if undone.still_opted_out else "good"
        return page.done(_find_place(page, UNDOING[undone.action]), _say(undone), tone=tone)

    return page.write(undo_any, respond, access=page.access, seq=int(seq))


def _find_place(page: Page, act: Act) -> str:
    place = PLACES.get(act, "")
    return page.link(place if page.leads_to(place) else "")


def _say(undone: Undone) -> str:
    """What an undo did, in sentences."""
    said = [_("Undone.")]
    if undone.kept:
        said.append(
            ngettext(
                "%(num)s contact was left alone, since it was changed after that.",
                "%(num)s contacts were left alone, since they were changed after that.",
                undone.kept,
            )
        )
    if undone.groups_kept:
        said.append(
            ngettext(
                "%(num)s group was left alone, since it was changed after that.",
                "%(num)s groups were left alone, since they were changed after that.",
                undone.groups_kept,
            )
        )
    if undone.stayed_out:
        said.append(
            ngettext(
                "%(num)s stayed out of a group, by their own wish.",
                "%(num)s stayed out of groups, by their own wish.",
                undone.stayed_out,
            )
        )
    return " ".join([*said, *_say_still(undone)])


def _say_still(undone: Undone) -> list[str]:
    """Who is still opted out, and by which words."""
    last: dict[int, StillOptedOut] = {}
    for one in undone.still_opted_out:
        if one.mobile not in last or last[one.mobile].at < one.at:
            last[one.mobile] = one
    if len(last) > NAMED_MAX:
        return [
            ngettext(
                "%(num)s is still opted out, by other words.", "%(num)s are still opted out, by other words.", len(last)
            )
        ]
    return [
        _(
            "%(mobile)s is still opted out: %(words)s, %(moment)s.",
            mobile=isolated(format_mobile(mobile)),
            words=_name_words(one.source),
            moment=format_moment(one.at),
        )
        for mobile, one in last.items()
    ]


def _name_words(source: Source) -> str:
    """Whose words an opt-out is."""
    if source in ("inbound", "form"):
        return _("their own message")
    if source == "provider":
        return _("their provider said so")
    if source in ("console", "api"):
        return _("written down by the team")
    if source in ("import", "bulk", "sync"):
        return _("from a file or another system")
    return _("the contact was deleted")
