"""Records of the people who use the console: users, their roles, sessions and links. No rules, no SQL, no HTTP."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from daftari.model.members import Number, Text

Role = Literal["viewer", "editor", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may also do what those before it may."""
Language = Literal["en", "sw"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class User(Struct, frozen=True):
    """A person who may sign in to the console. ``email`` is empty for a removed one, of whom the name is kept."""

    id: int
    email: str
    name: str
    language: Language
    is_operator: bool
    """Whether the user may make projects."""
    has_password: bool
    created_at: int
    removed_at: int | None

    @property
    def is_former(self) -> bool:
        """Whether the user was removed."""
        return self.removed_at is not None


class NamedUser(Struct, frozen=True):
    """A user of the console."""

    id: Number
    name: Text
    """What the user is called now."""
    former: bool
    """Whether the user was removed since."""


class Grant(Struct, frozen=True):
    """What a user may do in a project. ``may_send`` and ``may_erase`` say what an editor may do in addition.

    ``id`` is larger than those of the sessions that were begun before. ``given_by``: a user; ``None`` for a command.
    """

    project_id: int
    user_id: int
    id: int
    role: Role
    may_send: bool
    may_erase: bool
    given_at: int
    given_by: int | None
    last_used_at: int | None


class Session(Struct, frozen=True):
    """Where a user is signed in."""

    id: int
    user_id: int
    address: str
    """The address that the user signed in from."""
    browser: str
    """What the browser calls itself."""
    created_at: int
    expires_at: int
    last_seen_at: int
    """The last use, to about 15 minutes."""


class Link(Struct, frozen=True):
    """A link with which a password is set, once. ``user_id`` is ``None`` for the link that makes the first user."""

    id: int
    user_id: int | None
    by_owner: bool
    """Whether an owner of a project made it, and no command."""
    created_at: int
    expires_at: int
