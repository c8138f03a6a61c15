"""The users of a project: who they are, a new one, another role, and the end of a role.

Of a user nothing of other projects is shown. Only one who is new gets a link, which is shown once.
"""

from __future__ import annotations

from daftari.console.languages import current_language, isolated
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.wording import role_name
from daftari.model.limits import ID_MAX
from daftari.model.users import ROLES
from daftari.rules.access import members
from daftari.rules.access.errors import UserNotFound
from daftari.rules.access.members import Member
from daftari.rules.access.users import Added, NewRole, read_new_user
from daftari.web.params import read_id
from daftari.web.responses import Response


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/users``."""
    return _show(page)


def add(page: Page) -> Response:
    """``POST /p/{project}/settings/users``. A link is in the answer alone, so with one it is no redirect."""
    role = _read_role(page)
    given = read_new_user(email=page.params.given("email"), name=page.params.given("name"), language=current_language())
    added = page.system_write(
        members.add_member,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        given=given,
        role=role,
        request_id=page.request_id,
    )
    if added.link is not None:
        return _show(page, added)
    said = _(
        "%(name)s is here now: %(role)s. There is an account already, so there is no link: the project shows after "
        "signing in the next time.",
        name=isolated(added.user.name),
        role=role_name(role.role),
    )
    return page.done(page.link("/settings/users"), said)


def show_user(page: Page, user: str) -> Response:
    """``GET /p/{project}/settings/users/{user}``."""
    member = _find(page, user)
    allowed = [name for name in ("may_send", "may_erase") if getattr(member, name)]
    form = page.form(role=member.role, **dict.fromkeys(allowed, "yes"))
    return page.show("settings_user.html", section="/settings", member=member, form=form)


def change(page: Page, user: str) -> Response:
    """``POST /p/{project}/settings/users/{user}``: another role."""
    changed = page.system_write(
        members.change_member,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        user_id=_find(page, user).user_id,
        role=_read_role(page),
        request_id=page.request_id,
    )
    place = "/settings/users" if changed.role == "owner" or not _is_me(page, changed) else ""
    said = _("%(name)s: %(role)s, from now on.", name=isolated(changed.name), role=role_name(changed.role))
    return page.done(page.link(place), said)


def show_remove(page: Page, user: str) -> Response:
    """``GET /p/{project}/settings/users/{user}/remove``."""
    member = _find(page, user)
    is_me = _is_me(page, member)
    return page.show("settings_user_remove.html", section="/settings", member=member, is_me=is_me, form=page.form())


def remove(page: Page, user: str) -> Response:
    """``POST /p/{project}/settings/users/{user}/remove``: the role ends here, and the account stays."""
    member = _find(page, user)
    page.system_write(
        members.remove_member,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        user_id=member.user_id,
        request_id=page.request_id,
    )
    place = page.url("/", all="yes") if _is_me(page, member) else page.link("/settings/users")
    return page.done(place, _("%(name)s no longer has a role here.", name=isolated(member.name)))


def _show(page: Page, added: Added | None = None) -> Response:
    return page.show(
        "settings_users.html",
        section="/settings",
        form=page.form(email="", name="", role="editor"),
        members=_list(page),
        added=None if added is None else added.user,
        link="" if added is None else f"{page.visit.caller.origin}{page.url(f'/link/{added.link}')}",
    )


def _list(page: Page) -> list[Member]:
    return page.system_read(members.list_members, signed_in=page.signed_in, project_id=page.require_project().id)


def _find(page: Page, written: str) -> Member:
    """A user of the project. Raises ``UserNotFound``, also for one of other projects."""
    user_id = min(read_id(written, missing=UserNotFound), ID_MAX)
    found = next((member for member in _list(page) if member.user_id == user_id), None)
    if found is None:
        raise UserNotFound
    return found


def _read_role(page: Page) -> NewRole:
    role = page.params.choice("role", ROLES, default=None)
    if page.params.given("role") is None:
        page.params.problems.add("role", "is required.")
    may_send, may_erase = page.params.flag("may_send"), page.params.flag("may_erase")
    return NewRole(page.params.problems.require(role), may_send, may_erase)


def _is_me(page: Page, member: Member) -> bool:
    return member.user_id == page.signed_in.user.id
