"""The users of a project: added, changed and removed by its owners; and how an operator gets a project. No HTTP.

The role of the one who asks is read in the same transaction. A project that has an owner keeps one. Of another user an
owner sees the role and the last use in this project, and nothing of other projects.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from daftari.model.projects import Actor, OnError, Project
from daftari.model.users import Grant, Role, User
from daftari.rules.access import projects as access_projects
from daftari.rules.access.errors import OperatorRequired, ProjectHasUsers, ProjectNotYours, UserNotFound
from daftari.rules.access.log import note
from daftari.rules.access.roles import Act, require
from daftari.rules.access.sessions import SignedIn
from daftari.rules.access.users import (
    Added,
    NewRole,
    NewUser,
    find_or_create,
    give_role,
    plain_role,
    refuse_last_owner,
    take_role,
)
from daftari.rules.events import Action
from daftari.store import SystemTx, Tx, projects, users


class Member(Struct, frozen=True):
    """A user of a project, as its owners see one."""

    user_id: int
    email: str
    name: str
    has_signed_in: bool
    """Whether the user has set a password."""
    role: Role
    may_send: bool
    may_erase: bool
    given_at: int
    given_by: int | None
    last_used_at: int | None
    """When the user last used this project, to about 15 minutes."""


def list_members(tx: Tx, *, signed_in: SignedIn, project_id: int) -> list[Member]:
    """The users of a project, in order of their e-mail addresses. Raises what ``require`` raises."""
    require(tx, signed_in=signed_in, project_id=project_id, act=Act.USERS)
    return [_as_member(grant, user) for grant, user in users.list_project_roles(tx, project_id=project_id)]


def add_member(
    tx: SystemTx, *, signed_in: SignedIn, project_id: int, given: NewUser, role: NewRole, request_id: str
) -> Added:
    """Add a user to a project. Only one who is new gets a link; one who is there sees the project after signing in.

    Raises what ``require`` raises, ``HasRole`` and ``ProjectUsersFull``.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.USERS)
    added = find_or_create(tx, given=given, by_owner=True)
    give_role(tx, project=access.project, user=added.user, given=role, actor=access.actor(request_id))
    return added


def change_member(
    tx: SystemTx, *, signed_in: SignedIn, project_id: int, user_id: int, role: NewRole, request_id: str
) -> Member:
    """Give a user of a project another role. Raises what ``require`` raises, ``UserNotFound`` and ``LastOwner``."""
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.USERS)
    grant, user = _find(tx, project_id, user_id)
    given = plain_role(role)
    if given.role != "owner":
        refuse_last_owner(tx, user, [grant])
    changed = replace(grant, **asdict(given))
    users.update_role(tx, grant=changed)
    note(tx, access.project, access.actor(request_id), Action.CHANGE_ROLE, user=user.id, **asdict(given))
    return _as_member(changed, user)


def remove_member(tx: SystemTx, *, signed_in: SignedIn, project_id: int, user_id: int, request_id: str) -> User:
    """Take a user's role in a project; the user stays.

    Raises what ``require`` raises, ``UserNotFound`` and ``LastOwner``.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.USERS)
    grant, user = _find(tx, project_id, user_id)
    refuse_last_owner(tx, user, [grant])
    take_role(tx, project=access.project, user=user, actor=access.actor(request_id))
    return user


# ---- an operator's projects -----------------------------------------------------------------------------


def create_project(
    tx: SystemTx,
    *,
    signed_in: SignedIn,
    name: str,
    region: str,
    on_error: OnError,
    request_id: str,
    zone: str | None = None,
) -> Project:
    """A new project, which the operator owns.

    Raises ``OperatorRequired``, ``ProjectTaken`` and ``ValidationFailed``.
    """
    user = _require_operator(tx, signed_in)
    project = access_projects.create_project(tx, name=name, region=region, on_error=on_error, first_id=1, zone=zone)
    give_role(tx, project=project, user=user, given=NewRole("owner"), actor=Actor(None, request_id, user.id))
    return project


def list_unclaimed_projects(tx: Tx, *, signed_in: SignedIn) -> list[Project]:
    """The projects without any user, such as those that a command made. Raises ``OperatorRequired``."""
    _require_operator(tx, signed_in)
    claimed = {grant.project_id for grant in users.list_roles(tx)}
    return [project for project in projects.list_projects(tx) if project.id not in claimed]


def claim_project(tx: SystemTx, *, signed_in: SignedIn, project_id: int, request_id: str) -> Project:
    """Own a project without any user. Raises ``OperatorRequired``, ``ProjectNotYours`` and ``ProjectHasUsers``."""
    user = _require_operator(tx, signed_in)
    project = next((one for one in projects.list_projects(tx) if one.id == project_id), None)
    if project is None:
        raise ProjectNotYours
    if users.list_project_roles(tx, project_id=project_id):
        raise ProjectHasUsers
    give_role(tx, project=project, user=user, given=NewRole("owner"), actor=Actor(None, request_id, user.id))
    return project


def _require_operator(tx: Tx, signed_in: SignedIn) -> User:
    stored = users.get_user(tx, user_id=signed_in.user.id)
    if stored is None or not stored.user.is_operator:
        raise OperatorRequired
    return stored.user


def _find(tx: Tx, project_id: int, user_id: int) -> tuple[Grant, User]:
    """A user of a project and the role. Raises ``UserNotFound``, also for a user of other projects."""
    grant = users.get_role(tx, project_id=project_id, user_id=user_id)
    stored = users.get_user(tx, user_id=user_id)
    if grant is None or stored is None:
        raise UserNotFound
    return grant, stored.user


def _as_member(grant: Grant, user: User) -> Member:
    return Member(
        user_id=user.id,
        email=user.email,
        name=user.name,
        has_signed_in=user.has_password,
        role=grant.role,
        may_send=grant.may_send,
        may_erase=grant.may_erase,
        given_at=grant.given_at,
        given_by=grant.given_by,
        last_used_at=grant.last_used_at,
    )
