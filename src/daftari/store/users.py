"""Users and their roles: rows of the system. Knows neither who may change them nor how a password is compared."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from daftari.model.users import Grant, Language, NamedUser, Role, User
from daftari.store.engine import SystemTx, Tx


class StoredUser(Struct, frozen=True):
    """A user, and the password as argon2 writes it; ``None`` before one is set."""

    user: User
    password: str | None


def insert_user(tx: SystemTx, *, email: str, folded: str, name: str, language: Language, is_operator: bool) -> User:
    """Insert a user without a password."""
    user = User(tx.take_id(), email, name, language, is_operator, False, tx.now, None)
    tx.run(
        "insert_user",
        id=user.id, email=email, folded=folded, name=name, language=language, operator=int(is_operator), now=tx.now,
    )  # fmt: skip
    return user


def get_user(tx: Tx, *, user_id: int) -> StoredUser | None:
    """One user, who may be a removed one."""
    return next(iter(_fetch_users(tx, "get_user", user=user_id)), None)


def get_user_by_email(tx: Tx, *, folded: str) -> StoredUser | None:
    """The user with a folded e-mail address."""
    return next(iter(_fetch_users(tx, "get_user_by_email", folded=folded)), None)


def list_users(tx: Tx) -> list[User]:
    """All users that are not removed, in order of their e-mail addresses."""
    return [stored.user for stored in _fetch_users(tx, "list_users")]


def has_users(tx: Tx) -> bool:
    """Whether there is a user that is not removed."""
    return tx.one("has_users") is not None


def find_user_names(tx: Tx, *, ids: Sequence[int]) -> dict[int, NamedUser]:
    """Users by id, removed ones included, with the names that they have now."""
    if not ids:
        return {}
    rows = tx.fetch(tuple[int, str, int | None], "list_user_names", ids=ids)
    return {user_id: NamedUser(user_id, name, removed_at is not None) for user_id, name, removed_at in rows}


def update_user(tx: SystemTx, *, user: User) -> None:
    """Save a user's name, language, and whether it is an operator."""
    tx.run("update_user", user=user.id, name=user.name, language=user.language, operator=int(user.is_operator))


def save_password(tx: SystemTx, *, user_id: int, password: str) -> None:
    """Save a password as argon2 writes it."""
    tx.run("save_password", user=user_id, password=password)


def remove_user(tx: SystemTx, *, user_id: int) -> None:
    """Remove a user and all roles. The id and the name are kept."""
    tx.run("delete_user_roles", user=user_id)
    tx.run("remove_user", user=user_id, now=tx.now)


# ---- roles ----------------------------------------------------------------------------------------------


def insert_role(
    tx: SystemTx, *, project_id: int, user_id: int, role: Role, may_send: bool, may_erase: bool, given_by: int | None
) -> Grant:
    """Insert the role of a user who has none in the project."""
    grant = Grant(project_id, user_id, tx.take_id(), role, may_send, may_erase, tx.now, given_by, None)
    tx.run(
        "insert_role",
        id_of_project=project_id, user=user_id, id=grant.id, role=role, send=int(may_send), erase=int(may_erase),
        now=tx.now, giver=given_by,
    )  # fmt: skip
    return grant


def get_role(tx: Tx, *, project_id: int, user_id: int) -> Grant | None:
    """A user's role in a project; ``None`` where the project is deleted."""
    return next(iter(_fetch_grants(tx, "get_role", id_of_project=project_id, user=user_id)), None)


def list_project_roles(tx: Tx, *, project_id: int) -> list[tuple[Grant, User]]:
    """The roles in a project, with the users who have them, in order of their e-mail addresses."""
    rows = tx.fetch(
        tuple[
            int, int, int, Role, int, int, int, int | None, int | None,
            int, str, str, Language, int, int, int | None, str | None,
        ],
        "list_project_roles",
        id_of_project=project_id,
    )  # fmt: skip
    return [(_as_grant(*row[:9]), as_user(*row[9:])) for row in rows]


def list_user_roles(tx: Tx, *, user_id: int) -> list[Grant]:
    """The roles of a user, in order of the projects' creation."""
    return _fetch_grants(tx, "list_user_roles", user=user_id)


def list_roles(tx: Tx) -> list[Grant]:
    """All roles in all projects."""
    return _fetch_grants(tx, "list_roles")


def has_other_owner(tx: Tx, *, project_id: int, user_id: int) -> bool:
    """Whether another user than this one owns a project."""
    return tx.one("has_other_owner", id_of_project=project_id, user=user_id) is not None


def update_role(tx: SystemTx, *, grant: Grant) -> None:
    """Save another role of a user in a project."""
    tx.run(
        "update_role",
        id_of_project=grant.project_id, user=grant.user_id, role=grant.role, send=int(grant.may_send),
        erase=int(grant.may_erase),
    )  # fmt: skip


def touch_role(tx: SystemTx, *, project_id: int, user_id: int) -> None:
    """Save that a user uses a project now."""
    tx.run("touch_role", id_of_project=project_id, user=user_id, now=tx.now)


def delete_role(tx: SystemTx, *, project_id: int, user_id: int) -> None:
    """Delete a user's role in a project."""
    tx.run("delete_role", id_of_project=project_id, user=user_id)


# ---- rows -----------------------------------------------------------------------------------------------


def _fetch_users(tx: Tx, query: str, **values: int | str) -> list[StoredUser]:
    rows = tx.fetch(tuple[int, str, str, Language, int, int, int | None, str | None], query, **values)
    return [StoredUser(as_user(*row), row[7]) for row in rows]


def _fetch_grants(tx: Tx, query: str, **values: int) -> list[Grant]:
    rows = tx.fetch(tuple[int, int, int, Role, int, int, int, int | None, int | None], query, **values)
    return [_as_grant(*row) for row in rows]


def as_user(
    user_id: int,
    email: str,
    name: str,
    language: Language,
    is_operator: int,
    created_at: int,
    removed_at: int | None,
    password: str | None,
) -> User:
    """A user from the columns of a row."""
    return User(user_id, email, name, language, bool(is_operator), password is not None, created_at, removed_at)


def _as_grant(
    project_id: int,
    user_id: int,
    grant_id: int,
    role: Role,
    may_send: int,
    may_erase: int,
    given_at: int,
    given_by: int | None,
    last_used_at: int | None,
) -> Grant:
    return Grant(project_id, user_id, grant_id, role, bool(may_send), bool(may_erase), given_at, given_by, last_used_at)
