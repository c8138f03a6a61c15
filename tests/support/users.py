"""Users of the console as tests make them, signed in as the rules sign them in. Knows no right answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from daftari.model.projects import Project
from daftari.model.users import Role
from daftari.rules.access import links, members, sign_in, users
from daftari.rules.access.sessions import SignedIn, begin_session, find_session
from daftari.rules.access.sign_in import Begun, Browser
from daftari.rules.access.users import Added, NewRole, NewUser
from daftari.store import Store
from tests.support.stores import NOW

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
PASSWORD = "habari ya asubuhi"
HOME = Browser("192.0.2.1", "Firefox")


class Office(Struct):
    """The users of a database, and a clock that tests move."""

    store: Store
    now: int = NOW

    def write(self, rule: Callable[..., Any], **values: Any) -> Any:
        return self.store.system_write(self.now, rule, **values)

    def read(self, rule: Callable[..., Any], **values: Any) -> Any:
        return self.store.system_read(self.now, rule, **values)

    def add(
        self,
        name: str,
        project: Project | None = None,
        role: Role = "viewer",
        *,
        is_operator: bool = False,
        **extra: bool,
    ) -> Added:
        """As the command line adds a user."""
        added: Added = self.write(
            users.add_user,
            given=new(name),
            role=None if project is None else NewRole(role, **extra),
            project=None if project is None else project.name,
            is_operator=is_operator,
        )
        return added

    def use(self, token: str, password: str = PASSWORD, browser: Browser = HOME) -> Begun:
        """Set a password by a link."""
        return sign_in.use_link(self.store, token=token, new=password, language="en", browser=browser, now=self.now)

    def sign_in(self, name: str, password: str = PASSWORD, browser: Browser = HOME) -> Begun:
        """With a password."""
        return sign_in.sign_in(self.store, email=email(name), password=password, browser=browser, now=self.now)

    def enter(self, name: str) -> SignedIn:
        """A session without a password, which costs time."""
        user = self.read(users.find_user, email=email(name))
        token, _ = self.write(begin_session, user_id=user.id, address="192.0.2.1", browser="Firefox")
        return self.session(token)

    def join(self, name: str, project: Project, role: Role, **extra: bool) -> SignedIn:
        """A user with a role, signed in since."""
        self.add(name, project, role, **extra)
        return self.enter(name)

    def session(self, token: str) -> SignedIn:
        found: SignedIn = self.read(find_session, token=token)
        return found

    def link(self, name: str) -> str:
        """As the command line makes a link."""
        _, token = self.write(users.create_link_by_email, email=email(name))
        return str(token)

    def is_open(self, token: str) -> bool:
        """Whether a link works."""
        try:
            self.read(links.find_link, token=token)
        except links.LinkSpent:
            return False
        return True

    def list_members(self, signed_in: SignedIn, project: Project) -> dict[str, members.Member]:
        found = self.read(members.list_members, signed_in=signed_in, project_id=project.id)
        return {member.name: member for member in found}


def email(name: str) -> str:
    return f"{name.lower()}@example.com"


def new(name: str) -> NewUser:
    return NewUser(email(name), name)
