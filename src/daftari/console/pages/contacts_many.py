"""What is done with contacts that are ticked in a list: into a group, from one to another, out of it or the book."""

from __future__ import annotations

from functools import partial

from daftari.console.languages import format_number, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.contacts import offer_groups
from daftari.errors import ValidationFailed
from daftari.model.contacts import MembershipOutcome
from daftari.model.limits import PER_PAGE_MAX
from daftari.rules.contacts import contacts, groups, many
from daftari.rules.people.listing import read_cards
from daftari.web.responses import Response

NAMED_MAX = 12
"""Ticked contacts that are named; the others are counted."""
DEEDS = ("join", "move", "leave", "remove")
KEPT = ("q", "may", "page", "after", "n")
"""What the list was asked for, apart from the group."""


def show(page: Page) -> Response:
    """``GET /p/{project}/contacts/many``: what is to be done with the ticked ones."""
    ids, within = page.params.ids("ids"), page.params.name("within")
    do = page.params.choice("do", DEEDS, default=DEEDS[0])
    page.params.refuse_wrong()
    found = page.read(contacts.find_contacts, ids=ids[:PER_PAGE_MAX], include=frozenset()) if ids else None
    if do == "leave" and within is None:
        return page.done(_back(page), _("Choose a group first."), tone="warn")
    if found is None or not found.count:
        return page.done(_back(page), _("Tick someone first."), tone="warn")
    cards = read_cards(found.cards)
    offered = offer_groups(page)
    return page.show(
        "contacts_many.html",
        section="/contacts",
        do=do,
        form=page.form(group=""),
        cards=cards,
        named=cards[:NAMED_MAX],
        within=within,
        offered=[one.name for one in offered if not one.mirrored_by and one.name != within],
        kept={name: str(page.params.given(name) or "") for name in KEPT},
        back=_back(page),
    )


def join(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/join``."""
    ids, name = _read_ids(page), _read_group(page)
    return page.write(many.add_to_group, partial(_say_joined, page, name), ids=ids, name=name)


def move(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/move``."""
    ids, name = _read_ids(page), _read_group(page)
    out_of = page.params.name("within")
    page.params.refuse_wrong()
    return page.write(many.move_to_group, partial(_say_moved, page, name), ids=ids, name=name, out_of=out_of)


def leave(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/leave``."""
    ids, name = _read_ids(page), page.params.name("within")
    if name is None:
        raise ValidationFailed({"within": ["The within field is required."]})

    def respond(outcome: MembershipOutcome) -> Response:
        said = ngettext(
            "%(num)s contact left %(group)s.", "%(num)s contacts left %(group)s.", outcome.changed, group=isolated(name)
        )
        return page.done(_back(page), said)

    return page.write(groups.leave_group, respond, name=name, ids=ids, mobiles=())


def remove(page: Page) -> Response:
    """``POST /p/{project}/contacts/many/remove``."""

    def respond(count: int) -> Response:
        said = ngettext(
            "%(num)s contact is out of the book. It may be added again, and messaged.",
            "%(num)s contacts are out of the book. They may be added again, and messaged.",
            count,
        )
        return page.done(_back(page), said)

    return page.write(many.remove_contacts, respond, ids=_read_ids(page))


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


def _say_joined(page: Page, name: str, outcome: MembershipOutcome) -> Response:
    said = [
        ngettext(
            "%(num)s contact joined %(group)s.",
            "%(num)s contacts joined %(group)s.",
            outcome.changed,
            group=isolated(name),
        )
    ]
    if outcome.already:
        said.append(_("%(count)s were in it already.", count=format_number(outcome.already)))
    return _say(page, said, outcome)


def _say_moved(page: Page, name: str, outcome: MembershipOutcome) -> Response:
    said = [
        ngettext(
            "%(num)s contact moved to %(group)s.",
            "%(num)s contacts moved to %(group)s.",
            outcome.changed,
            group=isolated(name),
        )
    ]
    return _say(page, said, outcome)


def _say(page: Page, said: list[str], outcome: MembershipOutcome) -> Response:
    kept_out = say_kept_out(outcome)
    return page.done(_back(page), " ".join(filter(None, [*said, kept_out])), tone="warn" if kept_out else "good")


def _read_ids(page: Page) -> list[int]:
    ids = page.params.ids("ids")
    page.params.refuse_wrong()
    if not ids or len(ids) > PER_PAGE_MAX:
        raise ValidationFailed({"ids": ["The ids field is required."]})
    return ids


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
