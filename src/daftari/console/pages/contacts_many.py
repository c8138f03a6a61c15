"""What is done with contacts that are ticked, or with all that match: into a group, from one to another, out of it or
the book. Up to 1,000 at once, more by a job.
"""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from daftari.console.languages import format_number, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.contacts import offer_groups, read_search
from daftari.errors import ValidationFailed
from daftari.model.bulk import BulkAct
from daftari.model.contacts import MembershipOutcome
from daftari.model.limits import BULK_CONTACTS_MAX, PER_PAGE_MAX
from daftari.rules.bulk.jobs import Bulk, BulkSettings, act_on_all
from daftari.rules.contacts import contacts
from daftari.rules.people.listing import read_cards
from daftari.rules.people.matching import Filter, list_matching
from daftari.web.responses import Response

NAMED_MAX = 12
"""Contacts that are named; the others are counted."""
DEEDS: tuple[BulkAct, ...] = ("join", "move", "leave", "remove")
SCOPES = ("ticked", "all")
KEPT = ("q", "may", "page", "after", "n")
"""What the list was asked for, apart from the group."""


class Chosen(Struct, frozen=True):
    """The contacts with which something is to be done, in order of id. ``within``: the group that was shown."""

    ids: list[int]
    within: str | None
    is_all: bool
    indexed_until: str | None = None


def show(page: Page) -> Response:
    """``GET /p/{project}/contacts/many``: what is to be done."""
    do = page.params.choice("do", DEEDS, default=DEEDS[0])
    chosen = _choose(page)
    if do == "leave" and chosen.within is None:
        return page.done(_back(page), _("Choose a group first."), tone="warn")
    if len(chosen.ids) > BULK_CONTACTS_MAX:
        return page.done(_back(page), _say_too_many(), tone="warn")
    named = page.read(contacts.find_contacts, ids=chosen.ids[:NAMED_MAX], include=frozenset())
    if not named.count:
        said = _("No one fits now.") if chosen.is_all else _("Tick someone first.")
        return page.done(_back(page), said, tone="warn")
    offered = offer_groups(page)
    return page.show(
        "contacts_many.html",
        section="/contacts",
        do=do,
        form=page.form(group=""),
        chosen=chosen,
        count=len(chosen.ids),
        is_job=len(chosen.ids) > PER_PAGE_MAX,
        named=read_cards(named.cards),
        search=read_search(page, group=chosen.within),
        within=chosen.within,
        offered=[one.name for one in offered if not one.mirrored_by and one.name != chosen.within],
        kept={name: str(page.params.given(name) or "") for name in KEPT},
        back=_back(page),
    )


def join(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/join``."""
    name = _read_group(page)
    return _act(page, BulkSettings("join", group=name))


def move(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/move``."""
    name, out_of = _read_group(page), page.params.name("within")
    return _act(page, BulkSettings("move", group=name, out_of=out_of))


def leave(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/leave``."""
    name = page.params.name("within")
    if name is None:
        raise ValidationFailed({"within": ["The within field is required."]})
    return _act(page, BulkSettings("leave", group=name))


def remove(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/remove``."""
    return _act(page, BulkSettings("remove"))


def _act(page: Page, settings: BulkSettings) -> Response:
    """Do it, with the number of contacts that the page before showed."""
    expected = page.params.whole("expected", default=0)
    page.params.refuse_wrong()
    chosen = _choose(page)
    if not expected or not (chosen.ids or chosen.is_all):
        raise ValidationFailed({"ids": ["The ids field is required."]})
    respond = partial(_respond, page, settings)
    assert page.access is not None, "the page belongs to no project"
    return page.write(act_on_all, respond, access=page.access, settings=settings, ids=chosen.ids, expected=expected)


def _choose(page: Page) -> Chosen:
    """Who is chosen: those that are ticked, or all that the list shows on all its pages."""
    within = page.params.name("within")
    scope = page.params.choice("scope", SCOPES, default=SCOPES[0])
    ids = page.params.ids("ids")
    page.params.refuse_wrong()
    if scope == "ticked":
        if len(ids) > PER_PAGE_MAX:
            raise ValidationFailed({"ids": ["The ids field is required."]})
        found = page.read(contacts.find_contacts, ids=ids, include=frozenset()) if ids else None
        return Chosen([] if found is None else sorted({*ids}.difference(found.missing or ())), within, is_all=False)
    search = read_search(page, group=within)
    if search.error:
        return Chosen([], within, is_all=True)
    wanted = Filter(search.query, within, search.answer)
    found_all = page.read(list_matching, wanted=wanted, limit=BULK_CONTACTS_MAX + 1)
    return Chosen(found_all.ids, within, is_all=True, indexed_until=found_all.indexed_until)


def _respond(page: Page, settings: BulkSettings, outcome: MembershipOutcome | Bulk) -> Response:
    if isinstance(outcome, Bulk):
        return page.redirect(page.link(f"/bulk/{outcome.id}"))
    kept_out = say_kept_out(outcome)
    said = " ".join(filter(None, [*_say(settings, outcome), kept_out]))
    return page.done(_back(page), said, tone="warn" if kept_out else "good")


def _say(settings: BulkSettings, outcome: MembershipOutcome) -> list[str]:
    group, count = isolated(settings.group or ""), outcome.changed
    match settings.act:
        case "join" | "merge":
            return say_joined(outcome, group=settings.group or "")
        case "move":
            return [
                ngettext(
                    "%(num)s contact moved to %(group)s.", "%(num)s contacts moved to %(group)s.", count, group=group
                )
            ]
        case "leave":
            return [ngettext("%(num)s contact left %(group)s.", "%(num)s contacts left %(group)s.", count, group=group)]
        case "remove":
            return [
                ngettext(
                    "%(num)s contact is out of the book. It may be added again, and messaged.",
                    "%(num)s contacts are out of the book. They may be added again, and messaged.",
                    count,
                )
            ]


def _say_too_many() -> str:
    return _(
        "More than %(most)s contacts match. Search or filter for fewer, and do it again with the rest.",
        most=format_number(BULK_CONTACTS_MAX),
    )


def say_joined(outcome: MembershipOutcome, *, group: str) -> list[str]:
    """Who joined a group, in sentences."""
    said = ngettext(
        "%(num)s contact joined %(group)s.",
        "%(num)s contacts joined %(group)s.",
        outcome.changed,
        group=isolated(group),
    )
    already = _("%(count)s were in it already.", count=format_number(outcome.already)) if outcome.already else ""
    return [said, already]


def say_kept_out(outcome: MembershipOutcome) -> str:
    """Who stayed out of a group, and why; blank for no one."""
    said = []
    if outcome.suppressed:
        said.append(
            ngettext("%(num)s stayed out: they opted out.", "%(num)s stayed out: they opted out.", outcome.suppressed)
        )
    if outcome.kept_out:
        said.append(
            ngettext(
                "%(num)s stayed out: they left this group by their own word.",
                "%(num)s stayed out: they left this group by their own word.",
                outcome.kept_out,
            )
        )
    return " ".join(said)


def _read_group(page: Page) -> str:
    name = page.params.group_name("group")
    page.params.refuse_wrong()
    if name is None:
        raise ValidationFailed({"group": ["The group field is required."]})
    return name


def _back(page: Page) -> str:
    """The list from which one came, at the same place."""
    kept = {name: page.params.given(name) for name in KEPT}
    return page.link("/contacts", group=page.params.given("within"), **kept)
