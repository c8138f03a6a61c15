"""What a user may do in a project: one table of acts and roles, and how a role is looked up. No HTTP.

Routes, buttons and tests ask this table. Roles are read from the database for every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from daftari.model.projects import Actor, Project
from daftari.model.users import ROLES, Grant, Role, User
from daftari.rules.access.errors import ProjectNotYours, RoleRequired
from daftari.rules.access.sessions import SEEN_MICROSECONDS, SignedIn
from daftari.rules.events import Action
from daftari.store import Tx, projects, users


class Act(StrEnum):
    """What a user may be allowed to do."""

    LOOK = "look"
    """Read pages: contacts, groups, consent, imports, campaigns and their counts, the log."""
    SEARCH = "search"
    ASK = "ask"
    """Ask whether numbers may be messaged."""
    DOWNLOAD = "download"
    """Have numbers as a file: an export, an audience, everything about a person, rejects."""
    CHANGE_CONTACTS = "change_contacts"
    CHANGE_GROUPS = "change_groups"
    IMPORT = "import"
    RECORD_CONSENT = "record_consent"
    """Write down opt-outs and opt-ins, and settle what is to be reviewed."""
    DRAFT = "draft"
    """Write campaigns and triggers that are off, pause and cancel what runs, and delete them."""
    TEST_MESSAGE = "test_message"
    SEND = "send"
    """Start, resume and retry a campaign; send messages."""
    TURN_ON_TRIGGERS = "turn_on_triggers"
    ERASE = "erase"
    SENDERS = "senders"
    CONNECTIONS = "connections"
    WEBHOOKS = "webhooks"
    INBOUND = "inbound"
    KEYS = "keys"
    USERS = "users"
    PROJECT = "project"
    CONSENT_SETTINGS = "consent_settings"


Extra = Literal["may_send", "may_erase"]


class Needed(Struct, frozen=True):
    """The least role for an act, and what an owner can allow an editor in addition."""

    role: Role
    or_editor_who: Extra | None = None


NEEDED: Mapping[Act, Needed] = {
    Act.LOOK: Needed("viewer"),
    Act.SEARCH: Needed("viewer"),
    Act.ASK: Needed("viewer"),
    Act.DOWNLOAD: Needed("editor"),
    Act.CHANGE_CONTACTS: Needed("editor"),
    Act.CHANGE_GROUPS: Needed("editor"),
    Act.IMPORT: Needed("editor"),
    Act.RECORD_CONSENT: Needed("editor"),
    Act.DRAFT: Needed("editor"),
    Act.TEST_MESSAGE: Needed("editor"),
    Act.SEND: Needed("owner", or_editor_who="may_send"),
    Act.TURN_ON_TRIGGERS: Needed("owner", or_editor_who="may_send"),
    Act.ERASE: Needed("owner", or_editor_who="may_erase"),
    Act.SENDERS: Needed("owner"),
    Act.CONNECTIONS: Needed("owner"),
    Act.WEBHOOKS: Needed("owner"),
    Act.INBOUND: Needed("owner"),
    Act.KEYS: Needed("owner"),
    Act.USERS: Needed("owner"),
    Act.PROJECT: Needed("owner"),
    Act.CONSENT_SETTINGS: Needed("owner"),
}
"""Every act, and who may do it."""

UNDOING: Mapping[Action, Act] = {
    Action.CREATE_CONTACTS: Act.CHANGE_CONTACTS,
    Action.UPDATE_CONTACT: Act.CHANGE_CONTACTS,
    Action.DELETE_CONTACT: Act.CHANGE_CONTACTS,
    Action.DELETE_CONTACTS: Act.CHANGE_CONTACTS,
    Action.MOVE_CONTACTS: Act.CHANGE_GROUPS,
    Action.CREATE_GROUP: Act.CHANGE_GROUPS,
    Action.UPDATE_GROUP: Act.CHANGE_GROUPS,
    Action.DELETE_GROUP: Act.CHANGE_GROUPS,
    Action.JOIN_GROUP: Act.CHANGE_GROUPS,
    Action.LEAVE_GROUP: Act.CHANGE_GROUPS,
    Action.MERGE_GROUPS: Act.CHANGE_GROUPS,
    Action.RECORD_OPT_OUTS: Act.RECORD_CONSENT,
    Action.RECORD_OPT_INS: Act.RECORD_CONSENT,
    Action.APPLY_IMPORT: Act.IMPORT,
    Action.IMPORT_CONTACTS: Act.IMPORT,
    Action.IMPORT_CONSENT: Act.IMPORT,
    Action.FINISH_IMPORT: Act.IMPORT,
}
"""What undoing an act needs at the moment of the undo: what the act itself needs."""

_ALLOWED: Mapping[Extra, str] = {"may_send": "send", "may_erase": "erase"}
_WHO: Mapping[Role, str] = {"viewer": "a user of this project", "editor": "an editor or owner", "owner": "an owner"}


class UserAccess(Struct, frozen=True):
    """A signed-in user in a project, with the role that counts now."""

    signed_in: SignedIn
    project: Project
    grant: Grant

    @property
    def user(self) -> User:
        """The user."""
        return self.signed_in.user

    def is_stale(self, *, now: int) -> bool:
        """Whether it is time to save that the user uses the project."""
        last = self.grant.last_used_at
        return self.signed_in.is_stale(now=now) or last is None or now - last >= SEEN_MICROSECONDS

    def may(self, act: Act) -> bool:
        """Whether the user may do this."""
        return allows(self.grant, act)

    def require(self, act: Act) -> None:
        """Raise ``RoleRequired`` unless the user may do this."""
        if not self.may(act):
            raise RoleRequired(_refusal(act))

    def actor(self, request_id: str) -> Actor:
        """Who writes, for the journal."""
        return Actor(None, request_id, self.user.id)


def allows(grant: Grant, act: Act) -> bool:
    """Whether a role allows an act."""
    needed = NEEDED[act]
    if ROLES.index(grant.role) >= ROLES.index(needed.role):
        return True
    return grant.role == "editor" and needed.or_editor_who is not None and getattr(grant, needed.or_editor_who)


def counts_in(grant: Grant, signed_in: SignedIn) -> bool:
    """Whether a role counts in a session: from the next sign-in on, or at once if the user took it.

    So no one else makes a project appear in what a user is doing.
    """
    return grant.id < signed_in.session.id or grant.given_by == grant.user_id


def find_access(tx: Tx, *, signed_in: SignedIn, project_id: int) -> UserAccess:
    """The user in a project. Raises ``ProjectNotYours`` where there is no such project, or no role that counts."""
    grant = users.get_role(tx, project_id=project_id, user_id=signed_in.user.id)
    project = projects.get_project(tx, project_id=project_id)
    if grant is None or project is None or not counts_in(grant, signed_in):
        raise ProjectNotYours
    return UserAccess(signed_in, project, grant)


def require(tx: Tx, *, signed_in: SignedIn, project_id: int, act: Act) -> UserAccess:
    """The user in a project, where the user may do this. Raises ``ProjectNotYours`` and ``RoleRequired``."""
    access = find_access(tx, signed_in=signed_in, project_id=project_id)
    access.require(act)
    return access


def list_projects(tx: Tx, *, signed_in: SignedIn) -> list[Project]:
    """The projects that the user has a role in that counts, in order of creation."""
    grants = users.list_user_roles(tx, user_id=signed_in.user.id)
    ids = {grant.project_id for grant in grants if counts_in(grant, signed_in)}
    return [project for project in projects.list_projects(tx) if project.id in ids]


def list_access(tx: Tx, *, signed_in: SignedIn) -> list[UserAccess]:
    """The user in every project with a role that counts, in order of creation."""
    named = {project.id: project for project in projects.list_projects(tx)}
    return [
        UserAccess(signed_in, named[grant.project_id], grant)
        for grant in users.list_user_roles(tx, user_id=signed_in.user.id)
        if counts_in(grant, signed_in)
    ]


def list_owner_names(tx: Tx, *, project_id: int) -> list[str]:
    """How the owners of a project are called: for one who may not do what they may."""
    return [user.name for grant, user in users.list_project_roles(tx, project_id=project_id) if grant.role == "owner"]


def _refusal(act: Act) -> str:
    needed = NEEDED[act]
    who = _WHO[needed.role]
    if needed.or_editor_who is not None:
        who += f", or an editor who may {_ALLOWED[needed.or_editor_who]}"
    return f"Your role does not allow this; {who} may do it. An owner of the project can change your role."
