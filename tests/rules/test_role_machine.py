"""Random lives of users and their roles: what each call ends with, who may do what, and that an owner is always left.

Owners, others and the command line add, change and remove users of some projects. The plain model knows who has which
role, and since when. The database and the model agree after every step.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from daftari.errors import DaftariError, ProjectNotFound
from daftari.model.projects import Project
from daftari.model.users import ROLES, Role
from daftari.rules.access import members, roles, users
from daftari.rules.access.errors import HasRole, LastOwner, ProjectNotYours, RoleRequired, UserNotFound
from daftari.rules.access.projects import delete_project
from daftari.rules.access.roles import NEEDED, Act
from daftari.rules.access.sessions import SignedIn
from daftari.rules.access.users import NewRole
from daftari.store import Store
from tests.support import calls
from tests.support.users import Office, email, new

NAMES = ("Asha", "Baraka", "Chao", "Dalila")
PLACES = range(2)
Outcome = type[DaftariError] | None

who = st.sampled_from(NAMES)
where = st.sampled_from(PLACES)
asks = st.integers(0, 9)
rarely = st.integers(0, 9).map(lambda number: number == 9)
role = st.sampled_from(ROLES)
flag = st.booleans()
Held = tuple[Role, bool, bool]


class Roles(RuleBasedStateMachine):
    def __init__(self, store: Store, turns: Any) -> None:
        super().__init__()
        self.office = Office(store)
        self.turn = next(turns)
        self.projects: list[Project] = []
        self.held: list[dict[str, Held]] = [{} for _ in PLACES]
        self.deleted: set[int] = set()
        self.owned: set[int] = set()
        """The projects that ever had an owner."""
        self.there: set[str] = set()
        self.shown: dict[str, set[int]] = {}
        """The projects that a session has seen since they were given, for everyone who is signed in."""
        self.signed_in: dict[str, SignedIn] = {}

    @initialize()
    def begin(self) -> None:
        self.projects = [calls.create_project(self.office.store, f"P{self.turn}-{place}") for place in PLACES]
        for place, owner in ((0, "Asha"), (0, "Baraka"), (1, "Chao")):
            self.add_by_command(owner, place, "owner", False, False)
        for name in ("Asha", "Baraka", "Chao"):
            self.enter(name)

    def called(self, name: str) -> str:
        return f"{name}{self.turn}"

    def asker(self, asks: int, place: int) -> str | None:
        """Who asks: in most cases an owner who sees the project."""
        owners = [name for name in sorted(self.signed_in) if self.asked(name, place) is None]
        among = owners if owners and asks < 7 else sorted(self.signed_in)
        return among[asks % len(among)] if among else None

    def expect(self, expected: Outcome, work: Any, **values: Any) -> Any:
        ended: Outcome = None
        result = None
        try:
            result = work(**values)
        except DaftariError as error:
            ended = type(error)
        assert ended is expected, (ended, expected)
        return result

    def asked(self, by: str, place: int, act: Act = Act.USERS) -> Outcome:
        """What a signed-in user is refused with in a project."""
        held = self.held[place].get(by)
        if place in self.deleted or held is None or place not in self.shown[by]:
            return ProjectNotYours
        needed = NEEDED[act]
        extra = {"may_send": held[1], "may_erase": held[2], None: False}[needed.or_editor_who]
        allowed = ROLES.index(held[0]) >= ROLES.index(needed.role) or (held[0] == "editor" and extra)
        return None if allowed else RoleRequired

    def is_last(self, name: str, place: int) -> bool:
        owners = [other for other, held in self.held[place].items() if held[0] == "owner"]
        return place not in self.deleted and owners == [name]

    @rule(name=who, place=where, role=role, send=flag, erase=flag)
    def add_by_command(self, name: str, place: int, role: Role, send: bool, erase: bool) -> None:
        expected: Outcome = HasRole if name in self.held[place] else None
        expected = ProjectNotFound if place in self.deleted else expected
        added = self.expect(
            expected, self.office.write, rule=users.add_user, given=new(self.called(name)),
            role=NewRole(role, send, erase), project=self.projects[place].name, is_operator=False,
        )  # fmt: skip
        if expected is None:
            assert (added.link is None) == (name in self.there)
            self.gained(name, place, role, send, erase)

    @rule(asks=asks, name=who, place=where, role=role, send=flag, erase=flag)
    def add_by_user(self, asks: int, name: str, place: int, role: Role, send: bool, erase: bool) -> None:
        by = self.asker(asks, place)
        if by is None:
            return
        expected = self.asked(by, place) or (HasRole if name in self.held[place] else None)
        added = self.expect(
            expected, self.office.write, rule=members.add_member, signed_in=self.signed_in[by],
            project_id=self.projects[place].id, given=new(self.called(name)), role=NewRole(role, send, erase),
            request_id="r1",
        )  # fmt: skip
        if expected is None:
            assert (added.link is None) == (name in self.there)
            self.gained(name, place, role, send, erase)

    def gained(self, name: str, place: int, role: Role, send: bool, erase: bool) -> None:
        self.there.add(name)
        self.held[place][name] = (role, role == "editor" and send, role == "editor" and erase)

    @rule(asks=asks, name=who, place=where, role=role, send=flag, erase=flag)
    def change(self, asks: int, name: str, place: int, role: Role, send: bool, erase: bool) -> None:
        by = self.asker(asks, place)
        if by is None:
            return
        expected = self.asked(by, place)
        if expected is None:
            expected = None if name in self.held[place] else UserNotFound
        if expected is None and role != "owner" and self.is_last(name, place):
            expected = LastOwner
        self.expect(
            expected, self.office.write, rule=members.change_member, signed_in=self.signed_in[by],
            project_id=self.projects[place].id, user_id=self.id_of(name), role=NewRole(role, send, erase),
            request_id="r1",
        )  # fmt: skip
        if expected is None:
            self.gained(name, place, role, send, erase)

    @rule(asks=asks, name=who, place=where)
    def remove_by_user(self, asks: int, name: str, place: int) -> None:
        by = self.asker(asks, place)
        if by is None:
            return
        expected = self.asked(by, place)
        if expected is None:
            expected = None if name in self.held[place] else UserNotFound
        if expected is None and self.is_last(name, place):
            expected = LastOwner
        self.expect(
            expected, self.office.write, rule=members.remove_member, signed_in=self.signed_in[by],
            project_id=self.projects[place].id, user_id=self.id_of(name), request_id="r1",
        )  # fmt: skip
        if expected is None:
            self.lost(name, place)

    @rule(name=who, place=where)
    def remove_by_command(self, name: str, place: int) -> None:
        expected: Outcome = None
        if name not in self.there:
            expected = UserNotFound
        elif place in self.deleted:
            expected = ProjectNotFound
        elif name not in self.held[place]:
            expected = UserNotFound
        elif self.is_last(name, place):
            expected = LastOwner
        self.expect(
            expected, self.office.write, rule=users.remove_role, email=email(self.called(name)),
            project=self.projects[place].name,
        )  # fmt: skip
        if expected is None:
            self.lost(name, place)

    def lost(self, name: str, place: int) -> None:
        del self.held[place][name]
        if name in self.shown:
            self.shown[name].discard(place)

    @rule(name=who)
    def remove_everywhere(self, name: str) -> None:
        expected: Outcome = None if name in self.there else UserNotFound
        if any(self.is_last(name, place) for place in PLACES):
            expected = LastOwner
        self.expect(expected, self.office.write, rule=users.remove_user, email=email(self.called(name)))
        if expected is None:
            self.there.discard(name)
            self.signed_in.pop(name, None)
            self.shown.pop(name, None)
            for held in self.held:
                held.pop(name, None)

    @rule(name=who)
    def enter(self, name: str) -> None:
        if name in self.there:
            self.signed_in[name] = self.office.enter(self.called(name))
            self.shown[name] = {place for place in PLACES if name in self.held[place]}

    @rule(place=where, really=rarely)
    def delete(self, place: int, really: bool) -> None:
        if really and place not in self.deleted:
            self.office.write(delete_project, name=self.projects[place].name)
            self.deleted.add(place)

    def id_of(self, name: str) -> int:
        if name not in self.there:
            return 999_999
        return int(self.office.read(users.find_user, email=email(self.called(name))).id)

    @invariant()
    def everyone_may_do_what_the_model_says(self) -> None:
        for name, signed_in in self.signed_in.items():
            for place in PLACES:
                for act in (Act.LOOK, Act.IMPORT, Act.SEND, Act.ERASE, Act.USERS):
                    self.expect(
                        self.asked(name, place, act), self.office.read, rule=roles.require, signed_in=signed_in,
                        project_id=self.projects[place].id, act=act,
                    )  # fmt: skip

    @invariant()
    def the_roles_are_those_of_the_model(self) -> None:
        found: list[dict[str, Held]] = [{} for _ in PLACES]
        ids = {project.id: place for place, project in enumerate(self.projects)}
        for user, held in self.office.read(users.list_users):
            for project, grant in held:
                if project.id in ids:
                    name = user.name.removesuffix(str(self.turn))
                    found[ids[project.id]][name] = (grant.role, grant.may_send, grant.may_erase)
        kept = [{} if place in self.deleted else self.held[place] for place in PLACES]
        assert found == kept

    @invariant()
    def a_project_that_had_an_owner_has_one(self) -> None:
        for place in PLACES:
            has_owner = any(held[0] == "owner" for held in self.held[place].values())
            self.owned |= {place} if has_owner else set()
            assert place in self.deleted or has_owner or place not in self.owned


def test_no_project_loses_its_last_owner_and_everyone_may_do_what_the_role_says(store: Store, engine: str) -> None:
    turns = count(1)

    def machine() -> Roles:
        return Roles(store, turns)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(settings().max_examples // (1 if engine == "sqlite" else 3), 2),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
