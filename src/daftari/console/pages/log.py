"""The log: who did what in a project, found by person, program, kind, day and whom it was about; and its undo."""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from daftari.console import log_file, log_words
from daftari.console.languages import format_mobile, format_moment, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.console.page import CSV, Page, Tone, name_file
from daftari.console.templates import segment
from daftari.model.consent import Source
from daftari.model.limits import ID_MAX
from daftari.rules.access.roles import UNDOING, Act
from daftari.rules.access.zones import read_day, zone_of
from daftari.rules.bulk.jobs import Bulk, undo_any
from daftari.rules.events import Action
from daftari.rules.log.kinds import KINDS
from daftari.rules.log.reading import SCANNED_MAX, Authors, Log, Sought, list_authors, list_log
from daftari.rules.log.subject import Subject, find_subject
from daftari.rules.undo.acts import Undone
from daftari.rules.undo.consent import StillOptedOut
from daftari.rules.undo.errors import ActNotFound
from daftari.store import Tx
from daftari.web.params import read_id
from daftari.web.responses import Response
from daftari.web.spool import ResponseSpool

PLACES = {Act.CHANGE_CONTACTS: "/contacts", Act.CHANGE_GROUPS: "/groups", Act.RECORD_CONSENT: "/consent"}
"""Where the answer to an undo is shown, by what was undone."""
TYPED_MAX = 255
"""Characters of a search that are read."""
LINES_MAX = 100_000
"""Acts in a file."""
LINES_AT_ONCE = 500
NAMED_MAX = 3
"""People who are still opted out and are named; more are counted."""


class Search(Struct, frozen=True):
    """What was typed into the search of the log. ``who``: ``user-3`` or ``key-5``."""

    text: str
    who: str
    kind: str
    day: str


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/log``."""
    search = _read_search(page)
    before = page.params.cursor("before")
    page.params.refuse_wrong()
    subject = page.read(find_subject, text=search.text) if search.text else None
    day_error, span = "", None
    try:
        span = read_day(search.day, zone=zone_of(page.require_project()))
    except ValueError:
        day_error = _("This is no day.")
    sought = _as_sought(search, subject, span)
    nothing = day_error or (subject is not None and subject.is_nothing)
    found = None if nothing else page.read(list_log, sought=sought, before=before)
    authors = page.read(list_authors)
    return page.show(
        "settings_log.html",
        section="/settings",
        search=search,
        query={"q": search.text, "who": search.who, "kind": search.kind, "day": search.day},
        is_search=any((search.text, search.who, search.kind, search.day)),
        subject=subject,
        day_error=day_error,
        found=found,
        before=before,
        people=_offer(authors, sought, found),
        place=partial(_link, page),
        kinds=[(kind, log_words.kind_name(kind)) for kind in KINDS],
        scanned_max=SCANNED_MAX,
        lines_max=LINES_MAX,
    )


def download(page: Page) -> Response:
    """``GET /p/{project}/settings/log/download``: the acts that are searched for, as a file."""
    search = _read_search(page)
    subject = page.read(find_subject, text=search.text) if search.text else None
    span = page.params.problems.read("day", search.day, lambda day: read_day(day, zone=zone_of(page.require_project())))
    page.params.refuse_wrong()
    sought = _as_sought(search, subject, span)
    is_nothing = subject is not None and subject.is_nothing

    def write(tx: Tx, spool: ResponseSpool) -> None:
        spool.write(log_file.HEADER)
        before, left = 0, 0 if is_nothing else LINES_MAX
        while left > 0:
            found = list_log(tx, sought=sought, before=before, limit=min(left, LINES_AT_ONCE))
            spool.write(log_file.write_lines(found.entries))
            left = 0 if found.earlier is None else left - len(found.entries)
            before = found.earlier or 0

    spool, _written = page.request.spool(write)
    return Response(200, spool, CSV, name_file("log.csv"))


def _read_search(page: Page) -> Search:
    return Search(*(str(page.params.given(name) or "")[:TYPED_MAX] for name in ("q", "who", "kind", "day")))


def _as_sought(search: Search, subject: Subject | None, span: tuple[int, int] | None) -> Sought:
    what, _, number = search.who.partition("-")
    number_id = min(int(number[:20]), ID_MAX) if number.isascii() and number.isdecimal() else None
    return Sought(
        subject=subject,
        user_id=number_id if what == "user" else None,
        key_id=number_id if what == "key" else None,
        kind=next((kind for kind in KINDS if kind == search.kind), None),
        span=span,
    )


def _offer(authors: Authors, sought: Sought, found: Log | None) -> list[tuple[str, str]]:
    """Who can be chosen: users, then keys that work, and the one that is chosen, who may be a former one.

    Of a former user only what the log of this project says is shown.
    """
    acted = [entry.user for entry in found.entries if entry.user is not None] if found and sought.user_id else []
    users = {user.id: user for user in (*acted, *authors.users)}
    keys = [key for key in authors.keys if not key.former or key.id == sought.key_id]
    return [
        *((f"user-{user.id}", log_words.user_name(user)) for user in users.values()),
        *((f"key-{key.id}", log_words.key_name(key)) for key in keys),
    ]


def _link(page: Page, section: str, name: object) -> str:
    """A link to what an act was about, if there are such pages for the user."""
    if section == "log":
        return page.link("/settings/log", before=int(str(name)) + 1)
    return page.link(f"/{section}/{segment(str(name))}") if page.leads_to(f"/{section}") else ""


def undo(page: Page, seq: str) -> Response:
    """``POST /p/{project}/settings/log/{seq}/undo``. The role is that of the act, which the rule looks up."""
    assert page.access is not None, "the page belongs to no project"
    number = read_id(seq, missing=ActNotFound)

    def respond(undone: Undone | Bulk) -> Response:
        if isinstance(undone, Bulk):
            return page.redirect(page.link(f"/bulk/{undone.id}"))
        tone: Tone = "warn" if undone.still_opted_out else "good"
        return page.done(_find_place(page, undone.action), _say(undone), tone=tone)

    return page.write(undo_any, respond, access=page.access, seq=number)


def _find_place(page: Page, action: Action) -> str:
    """Where one came from: the log, or a contact; else where such acts are done."""
    came_from = str(page.params.given("from") or "")
    if came_from.isascii() and came_from.isdecimal() and action != Action.CREATE_CONTACTS:
        return page.link(f"/contacts/{came_from[:20]}")
    place = "/settings/log" if came_from == "log" else PLACES.get(UNDOING[action], "")
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
