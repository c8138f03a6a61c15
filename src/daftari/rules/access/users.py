"""Users: made, named and removed. A user is global and may have a role in each project. No HTTP, no passwords."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import asdict, replace

from daftari.model.limits import EMAIL_MAX, USER_NAME_MAX, USERS_PER_PROJECT_MAX
from daftari.model.projects import Actor, Project
from daftari.model.users import Grant, Language, Role, User
from daftari.rules.access.errors import HasRole, LastOwner, ProjectUsersFull, UserNotFound
from daftari.rules.access.links import create_link
from daftari.rules.access.log import note
from daftari.rules.access.projects import find_project
from daftari.rules.access.sessions import end_sessions
from daftari.rules.access.throttle import forget
from daftari.rules.events import Action
from daftari.rules.fields import Problems, fold_name, read_text, without_invisible
from daftari.store import SystemTx, Tx, projects, sessions, users
from daftari.store.users import StoredUser

_NOT_IN_EMAIL = r"@\s<>()\[\]\\,;:\"\x00-\x1f\x7f"
_EMAIL = re.compile(f"[^{_NOT_IN_EMAIL}]+@[^{_NOT_IN_EMAIL}]+")


class NewUser(Struct, frozen=True):
    """Who is to be added, and how the user is called if there is none yet."""

    email: str
    name: str
    language: Language = "en"


class NewRole(Struct, frozen=True):
    """A role that a user is to have. What an editor may do in addition is kept for editors alone."""

    role: Role
    may_send: bool = False
    may_erase: bool = False


class Added(Struct, frozen=True):
    """A user who was added. ``link``: the token of the new user's link; ``None`` for a user who was there."""

    user: User
    link: str | None


def read_new_user(*, email: object, name: object, language: Language = "en") -> NewUser:
    """Who is to be added. Without a name it is what stands before the @. Raises ``ValidationFailed``."""
    problems = Problems()
    address = problems.read("email", email, read_email)
    called = problems.read("name", name, read_user_name)
    kept = problems.require(address)
    return NewUser(kept, called or kept.partition("@")[0][:USER_NAME_MAX], language)


def read_email(value: object) -> str:
    """An e-mail address, which is where a user is found and is not written to."""
    text = read_text(value, most=EMAIL_MAX)
    if text is None:
        raise ValueError("is required.")
    if not _EMAIL.fullmatch(text) or without_invisible(text) != text:
        raise ValueError("must be an e-mail address such as asha@example.com.")
    return text


def read_user_name(value: object) -> str | None:
    """What a user is called; ``None`` for nothing."""
    text = read_text(value, most=USER_NAME_MAX)
    kept = None if text is None else without_invisible(unicodedata.normalize("NFC", text))
    return " ".join(kept.split()) or None if kept else None


# ---- made and found -------------------------------------------------------------------------------------


def add_user(tx: SystemTx, *, given: NewUser, role: NewRole | None, project: str | None, is_operator: bool) -> Added:
    """As the command line adds a user: a new one with a link, or a role for one who is there, without a link.

    Raises ``ProjectNotFound``, ``HasRole`` and ``ProjectUsersFull``.
    """
    found = None if project is None else find_project(tx, name=project)
    added = find_or_create(tx, given=given, by_owner=False, is_operator=is_operator)
    if is_operator and not added.user.is_operator:
        users.update_user(tx, user=replace(added.user, is_operator=True))
    if found is not None and role is not None:
        give_role(tx, project=found, user=added.user, given=role, actor=Actor(None, "user add"))
    return added


def find_or_create(tx: SystemTx, *, given: NewUser, by_owner: bool, is_operator: bool = False) -> Added:
    """The user with an e-mail address, or a new one with a link.

    What owners made as links for a user who is there no longer works: it was made for one project, and opens them all.
    """
    stored = look_up(tx, email=given.email)
    if stored is not None:
        sessions.delete_owners_links(tx, user_id=stored.user.id)
        return Added(stored.user, None)
    user = users.insert_user(
        tx,
        email=given.email,
        folded=fold_name(given.email),
        name=given.name,
        language=given.language,
        is_operator=is_operator,
    )
    return Added(user, create_link(tx, user_id=user.id, by_owner=by_owner))


def find_user(tx: Tx, *, email: str) -> User:
    """The user with an e-mail address, in any case. Raises ``UserNotFound``."""
    stored = look_up(tx, email=email)
    if stored is None:
        raise UserNotFound(email)
    return stored.user


def look_up(tx: Tx, *, email: str) -> StoredUser | None:
    """The user with what may be an e-mail address, and the user's password as it is stored."""
    try:
        return users.get_user_by_email(tx, folded=fold_name(read_email(email)))
    except ValueError:
        return None


def list_users(tx: Tx) -> list[tuple[User, list[tuple[Project, Grant]]]]:
    """All users with their roles, in order of their e-mail addresses."""
    named = {project.id: project for project in projects.list_projects(tx)}
    held: dict[int, list[tuple[Project, Grant]]] = {}
    for grant in users.list_roles(tx):
        held.setdefault(grant.user_id, []).append((named[grant.project_id], grant))
    return [(user, held.get(user.id, [])) for user in users.list_users(tx)]


def has_users(tx: Tx) -> bool:
    """Whether there is a user."""
    return users.has_users(tx)


# ---- changed --------------------------------------------------------------------------------------------


def give_role(tx: SystemTx, *, project: Project, user: User, given: NewRole, actor: Actor) -> Grant:
    """A role for a user who has none in the project. Raises ``HasRole`` and ``ProjectUsersFull``."""
    held = users.get_role(tx, project_id=project.id, user_id=user.id)
    if held is not None:
        raise HasRole(user.email, held.role)
    if len(users.list_project_roles(tx, project_id=project.id)) >= USERS_PER_PROJECT_MAX:
        raise ProjectUsersFull(USERS_PER_PROJECT_MAX)
    plain = plain_role(given)
    note(tx, project, actor, Action.ADD_USER, user=user.id, **asdict(plain))
    return users.insert_role(tx, project_id=project.id, user_id=user.id, given_by=actor.user_id, **asdict(plain))


def take_role(tx: SystemTx, *, project: Project, user: User, actor: Actor) -> None:
    """Take a user's role in a project. Ask ``refuse_last_owner`` first."""
    users.delete_role(tx, project_id=project.id, user_id=user.id)
    note(tx, project, actor, Action.REMOVE_USER, user=user.id)


def plain_role(given: NewRole) -> NewRole:
    """A role without what it does not need said: an owner may everything, and a viewer nothing more."""
    return given if given.role == "editor" else NewRole(given.role)


def update_user(tx: SystemTx, *, user_id: int, name: str | None, language: Language | None) -> User:
    """Another name or language; what is ``None`` stays. Raises ``UserNotFound``."""
    stored = users.get_user(tx, user_id=user_id)
    if stored is None or stored.user.is_former:
        raise UserNotFound
    changed = replace(stored.user, name=name or stored.user.name, language=language or stored.user.language)
    users.update_user(tx, user=changed)
    return changed


def create_link_by_email(tx: SystemTx, *, email: str) -> tuple[User, str]:
    """A new link for a user, whose sessions and earlier links end: its token. Raises ``UserNotFound``."""
    user = find_user(tx, email=email)
    end_sessions(tx, user_id=user.id)
    return user, create_link(tx, user_id=user.id, by_owner=False)


def end_sessions_by_email(tx: SystemTx, *, email: str) -> tuple[User, int]:
    """Sign a user out everywhere; returns where the user was signed in. Raises ``UserNotFound``."""
    user = find_user(tx, email=email)
    return user, end_sessions(tx, user_id=user.id)


def remove_role(tx: SystemTx, *, email: str, project: str) -> tuple[User, Project]:
    """Take a user's role in a project. Raises ``UserNotFound``, ``ProjectNotFound`` and ``LastOwner``."""
    user, found = find_user(tx, email=email), find_project(tx, name=project)
    held = users.get_role(tx, project_id=found.id, user_id=user.id)
    if held is None:
        raise UserNotFound(email, project=found.name)
    refuse_last_owner(tx, user, [held])
    take_role(tx, project=found, user=user, actor=Actor(None, "user remove"))
    return user, found


def remove_user(tx: SystemTx, *, email: str) -> User:
    """Remove a user from everywhere; the log keeps the name. Raises ``UserNotFound`` and ``LastOwner``."""
    user = find_user(tx, email=email)
    held = users.list_user_roles(tx, user_id=user.id)
    refuse_last_owner(tx, user, held)
    left = {grant.project_id for grant in held}
    for project in [project for project in projects.list_projects(tx) if project.id in left]:
        take_role(tx, project=project, user=user, actor=Actor(None, "user remove"))
    end_sessions(tx, user_id=user.id)
    sessions.delete_links(tx, user_id=user.id)
    forget(tx, email=user.email)
    users.remove_user(tx, user_id=user.id)
    return user


def refuse_last_owner(tx: Tx, user: User, held: Iterable[Grant]) -> None:
    """Raise ``LastOwner`` when one of these roles is that of a project's only owner."""
    alone = [
        grant.project_id
        for grant in held
        if grant.role == "owner" and not users.has_other_owner(tx, project_id=grant.project_id, user_id=user.id)
    ]
    if alone:
        raise LastOwner(user.name, [project.name for project in projects.list_projects(tx) if project.id in alone])
