"""The groups, the largest first, and one of them: its contacts, another name, into another one, and its end."""

from __future__ import annotations

from functools import partial
from typing import Any

from daftari.console.forms import Form
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import Page
from daftari.console.pages.contacts import OFFERED_MAX, show_list
from daftari.console.pages.contacts_many import say_joined, say_kept_out
from daftari.console.templates import segment
from daftari.errors import GroupNotFound, ValidationFailed
from daftari.model.contacts import Group, MembershipOutcome
from daftari.model.limits import GROUPS_PER_PAGE_MAX
from daftari.rules.bulk.jobs import Bulk, merge_groups
from daftari.rules.campaigns.group_uses import find_group_uses
from daftari.rules.connections import freshness
from daftari.rules.connections.freshness import ShownGroup
from daftari.rules.contacts import groups, many
from daftari.rules.fields import fold_name, read_name
from daftari.web.responses import Response

ROWS = 100
READ_MAX = 20
"""How often groups are read for the page: what there is beyond is found by its name."""
PAGES = {"rename": "rename", "merge": "merge", "delete": "delete"}


def show(page: Page) -> Response:
    """``GET /p/{project}/groups``."""
    chosen = page.params.given("do")
    if chosen is not None:
        return _go(page, str(chosen), list(page.params.names("group")))
    text = str(page.params.given("q") or "")
    number = page.params.whole("page", default=1)
    page.params.refuse_wrong()
    found = _read_groups(page)
    fitting = [one for one in found if fold_name(text) in fold_name(one.group.name)] if text else found
    fitting.sort(key=lambda one: (-one.group.contacts, fold_name(one.group.name)))
    last = max(1, -(-len(fitting) // ROWS))
    number = min(number, last)
    return page.show(
        "groups.html",
        section="/groups",
        form=page.form(name=""),
        count=len(found),
        text=text,
        groups=fitting[(number - 1) * ROWS : number * ROWS],
        number=number,
        last=last,
        has_connections=any(one.connections for one in found),
        may_change=page.may("change_groups"),
    )


def create(page: Page) -> Response:
    """``POST /p/{project}/groups``."""
    name = _read_new(page, "name")

    def respond(group: Group) -> Response:
        return page.done(page.link("/groups"), _("There is a group %(group)s now.", group=isolated(group.name)))

    return page.write(groups.create_group, respond, name=name)


def show_group(page: Page, name: str) -> Response:
    """``GET /p/{project}/groups/{name}``: its contacts."""
    is_searched = bool(page.params.given("q") or page.params.given("may"))
    find = freshness.get_group if is_searched else freshness.get_listed_group
    found = page.read(find, name=_read_name(name))
    own = found.group.name
    return show_list(
        page, "group.html", section="/groups", path=_path(own), group=own, group_id=found.group.id, found=found
    )


def show_rename(page: Page, name: str) -> Response:
    """``GET /p/{project}/groups/{name}/rename``."""
    found = _find(page, name)
    return _show_one(page, "group_rename.html", found, page.form(name=found.group.name))


def rename(page: Page, name: str) -> Response:
    """``POST /p/{project}/groups/{name}/rename``."""
    new_name = _read_new(page, "name")

    def respond(group: Group) -> Response:
        return page.done(page.link(_path(group.name)), _("It is called %(group)s now.", group=isolated(group.name)))

    return page.write(groups.update_group, respond, name=_read_name(name), new_name=new_name)


def show_merge(page: Page, name: str) -> Response:
    """``GET /p/{project}/groups/{name}/merge``."""
    found = _find(page, name)
    others = [one.group.name for one in _read_groups(page) if one.group.id != found.group.id]
    form = page.form(into=page.params.name("into") or "")
    return _show_one(page, "group_merge.html", found, form, offered=tuple(others[:OFFERED_MAX]))


def merge(page: Page, name: str) -> Response:
    """``POST /p/{project}/groups/{name}/merge``."""
    into, expected = _read_new(page, "into"), page.params.whole("expected", default=0, least=0)
    page.params.refuse_wrong()

    def respond(outcome: MembershipOutcome | Bulk) -> Response:
        if isinstance(outcome, Bulk):
            return page.redirect(page.link(f"/bulk/{outcome.id}"))
        kept_out = say_kept_out(outcome)
        said = " ".join(filter(None, [*say_joined(outcome, group=into), kept_out]))
        return page.done(page.link(_path(into)), said, tone="warn" if kept_out else "good")

    own = _read_name(name)
    if not page.read(many.has_group, name=into):
        raise ValidationFailed({"into": ["The into field names no group."]})
    assert page.access is not None, "the page belongs to no project"
    return page.write(merge_groups, respond, access=page.access, name=own, into=into, expected=expected)


def show_delete(page: Page, name: str) -> Response:
    """``GET /p/{project}/groups/{name}/delete``."""
    found, uses = _find(page, name), page.read(partial(find_group_uses, name=_read_name(name)))
    return _show_one(page, "group_delete.html", found, page.form(), uses=uses)


def delete(page: Page, name: str) -> Response:
    """``POST /p/{project}/groups/{name}/delete``."""
    own = _find(page, name).group.name
    said = _("The group %(group)s is gone. Its contacts stay in the book.", group=isolated(own))
    return page.write(groups.delete_group, lambda _outcome: page.done(page.link("/groups"), said), name=own)


def _show_one(page: Page, template: str, found: ShownGroup, form: Form, **more: Any) -> Response:
    path = _path(found.group.name)
    return page.show(template, section="/groups", found=found, group=found.group, path=path, form=form, **more)


def _go(page: Page, chosen: str, names: list[str]) -> Response:
    """The page of what is to be done with the groups that are ticked."""
    wanted = 2 if chosen == "merge" else 1
    if chosen not in PAGES or len(names) != wanted:
        said = _("Tick two groups to merge them.") if chosen == "merge" else _("Tick one group.")
        return page.done(page.link("/groups"), said, tone="warn")
    into = names[1] if chosen == "merge" else ""
    return page.redirect(page.link(f"{_path(names[0])}/{PAGES[chosen]}", into=into))


def _read_groups(page: Page) -> list[ShownGroup]:
    found: list[ShownGroup] = []
    for _step in range(READ_MAX):
        after = found[-1].group.id if found else 0
        some = page.read(freshness.list_groups, after=after, limit=GROUPS_PER_PAGE_MAX)
        found += some
        if len(some) < GROUPS_PER_PAGE_MAX:
            break
    return found


def _find(page: Page, written: str) -> ShownGroup:
    return page.read(partial(freshness.get_group, name=_read_name(written)))


def _read_name(written: str) -> str:
    """The name in a path. Raises ``GroupNotFound`` for one that no group can have."""
    try:
        name = read_name(written)
    except ValueError:
        raise GroupNotFound from None
    if name is None:
        raise GroupNotFound
    return name


def _read_new(page: Page, field: str) -> str:
    name = page.params.group_name(field)
    page.params.refuse_wrong()
    if name is None:
        raise ValidationFailed({field: [f"The {field} field is required."]})
    return name


def _path(name: str) -> str:
    return f"/groups/{segment(name)}"
