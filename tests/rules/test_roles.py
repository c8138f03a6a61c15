"""Roles: what each may do, who gives and takes them, and that no one sees or changes what is not theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import DaftariError, KeyNotFound, NotFound, ProjectTaken, Unauthenticated, ValidationFailed
from daftari.model.limits import USERS_PER_PROJECT_MAX
from daftari.model.projects import Key, Project
from daftari.model.users import ROLES, Grant, Role
from daftari.rules.access import keys, members, project_keys, roles, sessions, users
from daftari.rules.access.errors import (
    HasRole,
    LastOwner,
    OperatorRequired,
    ProjectHasUsers,
    ProjectNotYours,
    ProjectUsersFull,
    RoleRequired,
    UserNotFound,
)
from daftari.rules.access.projects import delete_project
from daftari.rules.access.roles import NEEDED, UNDOING, Act
from daftari.rules.access.sessions import SignedIn
from daftari.rules.access.users import NewRole
from daftari.rules.events import Action
from daftari.store import Store
from tests.support import calls
from tests.support.builders import assert_sound, rows_of
from tests.support.cases import each
from tests.support.stores import open_store
from tests.support.users import MINUTE, Office, email, new


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


@pytest.fixture
def duka(office: Office) -> Project:
    return calls.create_project(office.store, "Duka")


@pytest.fixture
def kalro(office: Office) -> Project:
    return calls.create_project(office.store, "Kalro")


@pytest.fixture
def asha(office: Office, duka: Project) -> SignedIn:
    """The owner of Duka."""
    return office.join("Asha", duka, "owner")


@pytest.fixture
def chao(office: Office, kalro: Project) -> SignedIn:
    """The owner of Kalro."""
    return office.join("Chao", kalro, "owner")


def outcome(work: Callable[..., object], *args: Any, **values: Any) -> type[DaftariError] | None:
    """The error that a call ends with, if any."""
    try:
        work(*args, **values)
    except DaftariError as error:
        return type(error)
    return None


# ---- the table ------------------------------------------------------------------------------------------

MAY: dict[Act, str] = {
    Act.LOOK: "v e o",
    Act.SEARCH: "v e o",
    Act.ASK: "v e o",
    Act.DOWNLOAD: "e o",
    Act.CHANGE_CONTACTS: "e o",
    Act.CHANGE_GROUPS: "e o",
    Act.IMPORT: "e o",
    Act.RECORD_CONSENT: "e o",
    Act.DRAFT: "e o",
    Act.TEST_MESSAGE: "e o",
    Act.SEND: "e+send o",
    Act.TURN_ON_TRIGGERS: "e+send o",
    Act.ERASE: "e+erase o",
    **dict.fromkeys((Act.SENDERS, Act.CONNECTIONS, Act.WEBHOOKS, Act.INBOUND), "o"),
    **dict.fromkeys((Act.KEYS, Act.USERS, Act.PROJECT, Act.CONSENT_SETTINGS), "o"),
}
"""Who may do what, written once more: viewer, editor, owner, and what an owner allowed an editor."""


def test_every_act_has_its_roles_and_no_other() -> None:
    assert NEEDED.keys() == MAY.keys() == {*Act}
    for act, may in MAY.items():
        for role in ROLES:
            for send in (False, True):
                for erase in (False, True):
                    grant = Grant(1, 2, 3, role, send, erase, 0, None, None)
                    words = {role[0], *(["e+send"] if role == "editor" and send else [])}
                    words |= {"e+erase"} if role == "editor" and erase else set()
                    assert roles.allows(grant, act) == bool(words & set(may.split())), (act, role, send, erase)


def test_what_is_undone_needs_what_the_act_needs() -> None:
    assert set(UNDOING) <= set(Action) and set(UNDOING.values()) <= set(Act)
    assert UNDOING[Action.RECORD_OPT_OUTS] == Act.RECORD_CONSENT
    assert UNDOING[Action.DELETE_CONTACTS] == Act.CHANGE_CONTACTS


def test_a_refusal_says_who_may(office: Office, duka: Project) -> None:
    juma = office.join("Juma", duka, "viewer")
    access = office.read(roles.find_access, signed_in=juma, project_id=duka.id)
    for act, who in ((Act.IMPORT, "an editor or owner"), (Act.KEYS, "an owner"), (Act.SEND, "an editor who may send")):
        with pytest.raises(RoleRequired, match=who):
            access.require(act)
    access.require(Act.LOOK)


def test_the_actor_of_a_user_is_no_key(office: Office, duka: Project, asha: SignedIn) -> None:
    access = office.read(roles.find_access, signed_in=asha, project_id=duka.id)
    assert access.actor("r1").key_id is None
    assert (access.actor("r1").user_id, access.actor("r1").request_id) == (asha.user.id, "r1")


# ---- a project's users ----------------------------------------------------------------------------------


def add(office: Office, by: SignedIn, project: Project, name: str, role: Role = "viewer", **extra: bool) -> users.Added:
    added: users.Added = office.write(
        members.add_member,
        signed_in=by,
        project_id=project.id,
        given=new(name),
        role=NewRole(role, **extra),
        request_id="r1",
    )
    return added


def test_an_owner_adds_a_new_user_who_gets_a_link(office: Office, duka: Project, asha: SignedIn) -> None:
    added = add(office, asha, duka, "Juma", "editor", may_send=True)
    assert added.link is not None
    signed_in = office.session(office.use(added.link).token)
    access = office.read(roles.find_access, signed_in=signed_in, project_id=duka.id)
    assert [act for act in (Act.IMPORT, Act.SEND, Act.ERASE, Act.USERS) if access.may(act)] == [Act.IMPORT, Act.SEND]
    shown = office.list_members(asha, duka)["Juma"]
    assert (shown.role, shown.may_send, shown.given_by, shown.has_signed_in) == ("editor", True, asha.user.id, True)


def test_a_user_who_is_there_gets_the_role_and_no_link_and_sees_it_after_the_next_sign_in(
    office: Office, duka: Project, kalro: Project, asha: SignedIn, chao: SignedIn
) -> None:
    before = office.session(office.write(sessions.begin_session, user_id=chao.user.id, address="", browser="")[0])
    added = add(office, asha, duka, "Chao", "editor")
    assert (added.link, added.user.id) == (None, chao.user.id)
    assert office.read(roles.list_projects, signed_in=before) == [replace(kalro, former_names=())]
    assert outcome(office.read, roles.find_access, signed_in=before, project_id=duka.id) is ProjectNotYours
    after = office.enter("Chao")
    assert [project.name for project in office.read(roles.list_projects, signed_in=after)] == ["Duka", "Kalro"]


def test_a_link_that_an_owner_made_opens_no_project_of_another_owner(
    office: Office, duka: Project, kalro: Project, asha: SignedIn, chao: SignedIn
) -> None:
    link = add(office, chao, kalro, "Juma", "viewer").link
    assert link is not None and office.is_open(link)
    add(office, asha, duka, "Juma", "owner")
    assert not office.is_open(link)
    by_command = office.link("Juma")
    add_again = outcome(add, office, asha, duka, "Juma")
    assert add_again is HasRole and office.is_open(by_command)


def test_a_link_that_an_owner_made_dies_with_any_later_role_even_if_the_first_was_taken(
    office: Office, duka: Project, kalro: Project, asha: SignedIn, chao: SignedIn
) -> None:
    added = add(office, chao, kalro, "Juma", "viewer")
    office.write(members.remove_member, signed_in=chao, project_id=kalro.id, user_id=added.user.id, request_id="r1")
    assert added.link is not None and office.is_open(added.link)
    add(office, asha, duka, "Juma", "viewer")
    assert not office.is_open(added.link)


def test_another_role_counts_at_once(office: Office, duka: Project, asha: SignedIn) -> None:
    juma = office.join("Juma", duka, "viewer")
    change = {"signed_in": asha, "project_id": duka.id, "user_id": juma.user.id, "request_id": "r1"}
    office.write(members.change_member, **change, role=NewRole("editor", may_erase=True))
    assert office.read(roles.find_access, signed_in=juma, project_id=duka.id).may(Act.ERASE)
    office.write(members.change_member, **change, role=NewRole("viewer", may_erase=True))
    access = office.read(roles.find_access, signed_in=juma, project_id=duka.id)
    assert not access.may(Act.IMPORT) and not access.grant.may_erase
    office.write(members.remove_member, **change)
    assert outcome(office.read, roles.find_access, signed_in=juma, project_id=duka.id) is ProjectNotYours
    assert office.read(users.find_user, email=email("Juma")).name == "Juma"


def test_an_owner_who_was_lowered_meanwhile_changes_nothing(office: Office, duka: Project, asha: SignedIn) -> None:
    juma = office.join("Juma", duka, "owner")
    lower = {
        "signed_in": juma,
        "project_id": duka.id,
        "user_id": asha.user.id,
        "role": NewRole("editor"),
        "request_id": "r1",
    }
    office.write(members.change_member, **lower)
    assert outcome(add, office, asha, duka, "Zawadi") is RoleRequired
    assert outcome(office.read, members.list_members, signed_in=asha, project_id=duka.id) is RoleRequired


@pytest.mark.parametrize("way", ["lowered", "removed", "removed by command", "removed everywhere"])
def test_the_last_owner_stays(office: Office, duka: Project, asha: SignedIn, way: str) -> None:
    own = {"signed_in": asha, "project_id": duka.id, "user_id": asha.user.id, "request_id": "r1"}
    ways: dict[str, Callable[[], object]] = {
        "lowered": lambda: office.write(members.change_member, **own, role=NewRole("editor")),
        "removed": lambda: office.write(members.remove_member, **own),
        "removed by command": lambda: office.write(users.remove_role, email=email("Asha"), project="Duka"),
        "removed everywhere": lambda: office.write(users.remove_user, email=email("Asha")),
    }
    with pytest.raises(LastOwner, match="only owner of 'Duka'"):
        ways[way]()
    assert office.list_members(asha, duka)["Asha"].role == "owner"
    office.join("Juma", duka, "owner")
    ways[way]()
    assert rows_of_owners(office, duka) == ["Juma"]


def test_of_two_owners_who_remove_each_other_at_once_one_stays(
    office: Office, database: str, duka: Project, asha: SignedIn
) -> None:
    juma = office.join("Juma", duka, "owner")
    stores = [open_store(database, threads=1) for _ in range(2)]
    ended: list[type[DaftariError] | None] = []
    together = threading.Barrier(2)

    def remove(store: Store, by: SignedIn, other: SignedIn) -> None:
        together.wait()
        values = {"signed_in": by, "project_id": duka.id, "user_id": other.user.id, "request_id": "r1"}
        ended.append(outcome(store.system_write, office.now, members.remove_member, **values))

    threads = [
        threading.Thread(target=remove, args=(stores[0], asha, juma)),
        threading.Thread(target=remove, args=(stores[1], juma, asha)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert sorted(ended, key=repr) == sorted([None, ProjectNotYours], key=repr)
    assert len(rows_of_owners(office, duka)) == 1


def rows_of_owners(office: Office, project: Project) -> list[str]:
    return [
        user.name
        for user, held in office.read(users.list_users)
        for named, grant in held
        if named.id == project.id and grant.role == "owner"
    ]


def test_the_only_owner_of_a_deleted_project_may_go(office: Office, duka: Project, asha: SignedIn) -> None:
    office.write(delete_project, name="Duka")
    assert outcome(office.read, roles.find_access, signed_in=asha, project_id=duka.id) is ProjectNotYours
    assert office.read(roles.list_projects, signed_in=asha) == []
    office.write(users.remove_user, email=email("Asha"))


def test_a_project_has_no_more_users_than_it_may(
    office: Office, duka: Project, asha: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert USERS_PER_PROJECT_MAX == 200
    monkeypatch.setattr(users, "USERS_PER_PROJECT_MAX", 2)
    add(office, asha, duka, "Juma")
    assert outcome(add, office, asha, duka, "Zawadi") is ProjectUsersFull
    assert outcome(office.read, users.find_user, email=email("Zawadi")) is UserNotFound


def test_the_last_use_is_that_of_the_project_and_is_saved_every_15_minutes(
    office: Office, duka: Project, kalro: Project, asha: SignedIn, chao: SignedIn
) -> None:
    add(office, asha, duka, "Chao")
    signed_in = office.enter("Chao")
    office.now += 1_000_000

    def is_stale(project: Project) -> bool:
        found: bool = office.read(roles.find_access, signed_in=signed_in, project_id=project.id).is_stale(
            now=office.now
        )
        return found

    assert is_stale(duka) and is_stale(kalro)
    office.write(sessions.save_use, signed_in=signed_in, project_id=kalro.id)
    assert office.list_members(asha, duka)["Chao"].last_used_at is None
    assert office.list_members(chao, kalro)["Chao"].last_used_at == office.now
    assert is_stale(duka) and not is_stale(kalro)
    office.now += 15 * MINUTE
    assert is_stale(kalro)


# ---- another project's owner ----------------------------------------------------------------------------

OF_MEMBERS: dict[str, Callable[[Office, SignedIn, Project, int], object]] = {
    "access": lambda office, by, project, _: office.read(roles.find_access, signed_in=by, project_id=project.id),
    "list": lambda office, by, project, _: office.read(members.list_members, signed_in=by, project_id=project.id),
    "add": lambda office, by, project, _: add(office, by, project, "Zawadi", "owner"),
    "add oneself": lambda office, by, project, _: add(office, by, project, by.user.name, "owner"),
    "change": lambda office, by, project, user_id: office.write(
        members.change_member,
        signed_in=by,
        project_id=project.id,
        user_id=user_id,
        role=NewRole("owner"),
        request_id="r1",
    ),
    "remove": lambda office, by, project, user_id: office.write(
        members.remove_member, signed_in=by, project_id=project.id, user_id=user_id, request_id="r1"
    ),
    "list keys": lambda office, by, project, _: office.read(
        project_keys.list_project_keys, signed_in=by, project_id=project.id
    ),
    "make a key": lambda office, by, project, _: make_key(office, by, project),
    "revoke a key": lambda office, by, project, _: office.write(
        project_keys.revoke_project_key,
        signed_in=by,
        project_id=project.id,
        start=next(key.start for key in office.read(keys.list_keys) if key.project_id == project.id),
        request_id="r1",
    ),
    "make a project": lambda office, by, project, _: office.write(
        members.create_project, signed_in=by, name="Mpya", region="KE", on_error="refuse", request_id="r1"
    ),
    "unclaimed": lambda office, by, project, _: office.read(members.list_unclaimed_projects, signed_in=by),
    "claim": lambda office, by, project, _: office.write(
        members.claim_project, signed_in=by, project_id=project.id, request_id="r1"
    ),
}
"""Every rule that is given who asks, and a project or user."""
OPERATORS = {"make a project", "unclaimed", "claim"}


def make_key(office: Office, by: SignedIn, project: Project, label: str = "crm") -> tuple[str, Key]:
    made: tuple[str, Key] = office.write(
        project_keys.create_project_key,
        signed_in=by,
        project_id=project.id,
        label=label,
        kind="manage",
        expires_at=None,
        request_id="r1",
    )
    return made


def everything(database: str) -> list[list[tuple[Any, ...]]]:
    tables = ("console_user", "user_role", "user_session", "user_link", "project", "key", "journal")
    return [sorted(rows_of(database, f"SELECT * FROM {table}"), key=repr) for table in tables]


@pytest.mark.parametrize("what", OF_MEMBERS)
def test_the_owner_of_another_project_reaches_no_user_and_no_project_of_this_one(
    office: Office, database: str, duka: Project, asha: SignedIn, chao: SignedIn, what: str
) -> None:
    juma = office.join("Juma", duka, "editor")
    make_key(office, asha, duka)
    before = everything(database)
    expected = OperatorRequired if what in OPERATORS else ProjectNotYours
    for user_id in (juma.user.id, asha.user.id, chao.user.id, 999):
        assert outcome(OF_MEMBERS[what], office, chao, duka, user_id) is expected
    assert everything(database) == before


@pytest.mark.parametrize("what", ["change", "remove"])
def test_an_owner_reaches_no_user_of_another_project_by_way_of_the_own_one(
    office: Office, database: str, kalro: Project, asha: SignedIn, chao: SignedIn, what: str
) -> None:
    before = everything(database)
    there, nowhere = (outcome(OF_MEMBERS[what], office, chao, kalro, user_id) for user_id in (asha.user.id, 999))
    assert there is nowhere is UserNotFound
    assert everything(database) == before


@pytest.mark.parametrize("what", [what for what in OF_MEMBERS if what not in OPERATORS])
@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_a_lesser_role_sees_and_changes_no_user(
    office: Office, database: str, duka: Project, asha: SignedIn, what: str, role: Role
) -> None:
    juma = office.join("Juma", duka, role, **({"may_send": True, "may_erase": True} if role == "editor" else {}))
    make_key(office, asha, duka)
    before = everything(database)
    expected = None if what == "access" else RoleRequired
    assert outcome(OF_MEMBERS[what], office, juma, duka, asha.user.id) is expected
    assert outcome(OF_MEMBERS[what], office, juma, duka, juma.user.id) is expected
    assert everything(database) == before


def test_a_project_that_is_not_there_is_refused_as_one_of_others_is(
    office: Office, duka: Project, chao: SignedIn
) -> None:
    for project in (duka, replace(duka, id=999), replace(duka, id=-1)):
        with pytest.raises(ProjectNotYours) as refusal:
            office.read(roles.find_access, signed_in=chao, project_id=project.id)
        assert isinstance(refusal.value, NotFound)


def test_an_owner_sees_of_a_user_nothing_of_other_projects(
    office: Office, duka: Project, kalro: Project, asha: SignedIn, chao: SignedIn
) -> None:
    add(office, asha, duka, "Chao", "viewer")
    office.write(sessions.save_use, signed_in=office.enter("Chao"), project_id=kalro.id)
    shown = office.list_members(asha, duka)["Chao"]
    assert (shown.role, shown.last_used_at) == ("viewer", None)
    assert set(shown.__struct_fields__) == {
        *("user_id", "email", "name", "has_signed_in", "role", "may_send", "may_erase"),
        *("given_at", "given_by", "last_used_at"),
    }


# ---- keys, and the journal ------------------------------------------------------------------------------


def test_an_owner_makes_lists_and_revokes_keys_of_the_project_alone(
    office: Office, duka: Project, kalro: Project, asha: SignedIn, chao: SignedIn
) -> None:
    text, key = make_key(office, asha, duka, " crm ")
    _, other = make_key(office, chao, kalro)
    assert (key.kind, key.label, office.read(keys.find_key, api_key=text).project.name) == ("manage", "crm", "Duka")
    assert office.read(project_keys.list_project_keys, signed_in=asha, project_id=duka.id) == [key]
    revoke = {"signed_in": asha, "project_id": duka.id, "request_id": "r1"}
    for start in (other.start, key.start[:8], "", "daf_nothing1"):
        assert outcome(office.write, project_keys.revoke_project_key, **revoke, start=start) is KeyNotFound
    office.write(project_keys.revoke_project_key, **revoke, start=key.start)
    assert outcome(office.read, keys.find_key, api_key=text) is Unauthenticated
    assert outcome(make_key, office, asha, duka, "x" * 101) is ValidationFailed


def test_the_journal_of_the_project_says_who_gave_and_took_what(
    office: Office, database: str, duka: Project, kalro: Project, asha: SignedIn
) -> None:
    seq = len(rows_of(database, f"SELECT seq FROM journal WHERE project_id = {duka.id}"))
    juma = add(office, asha, duka, "Juma", "editor", may_send=True).user
    member = {"signed_in": asha, "project_id": duka.id, "user_id": juma.id, "request_id": "r2"}
    office.write(members.change_member, **member, role=NewRole("viewer"))
    office.write(members.remove_member, **member)
    _, key = make_key(office, asha, duka)
    office.write(project_keys.revoke_project_key, signed_in=asha, project_id=duka.id, start=key.start, request_id="r3")
    office.add("Juma", duka, "viewer")
    office.write(users.remove_user, email=email("Juma"))
    columns = "user_id, request_id, action, detail"
    shown = rows_of(
        database, f"SELECT {columns} FROM journal WHERE project_id = {duka.id} AND seq > {seq} ORDER BY seq"
    )
    by = asha.user.id
    assert [(user_id, request_id, action, json.loads(detail)) for user_id, request_id, action, detail in shown] == [
        (by, "r1", "add_user", {"user": juma.id, "role": "editor", "may_send": True, "may_erase": False}),
        (by, "r2", "change_role", {"user": juma.id, "role": "viewer", "may_send": False, "may_erase": False}),
        (by, "r2", "remove_user", {"user": juma.id}),
        (by, "r1", "create_key", {"key": key.id, "kind": "manage"}),
        (by, "r3", "revoke_key", {"key": key.id}),
        (None, "user add", "add_user", {"user": juma.id, "role": "viewer", "may_send": False, "may_erase": False}),
        (None, "user remove", "remove_user", {"user": juma.id}),
    ]
    assert rows_of(database, f"SELECT seq FROM journal WHERE project_id = {kalro.id}") == []
    assert_sound(office.store, duka)


# ---- operators ------------------------------------------------------------------------------------------


def test_an_operator_makes_a_project_and_owns_it_at_once(office: Office, asha: SignedIn, duka: Project) -> None:
    office.add("Neema", is_operator=True)
    neema = office.enter("Neema")
    made = {"signed_in": neema, "region": "UG", "on_error": "skip", "request_id": "r1"}
    project = office.write(members.create_project, **made, name="Mpya")
    assert office.read(roles.find_access, signed_in=neema, project_id=project.id).may(Act.USERS)
    assert outcome(office.write, members.create_project, **made, name="duka") is ProjectTaken
    assert outcome(office.write, members.create_project, **{**made, "region": "x"}, name="X") is ValidationFailed
    assert outcome(office.read, roles.find_access, signed_in=neema, project_id=duka.id) is ProjectNotYours


def test_an_operator_claims_a_project_without_users_and_no_other(
    office: Office, duka: Project, kalro: Project, asha: SignedIn
) -> None:
    office.add("Neema", is_operator=True)
    neema = office.enter("Neema")
    assert [project.name for project in office.read(members.list_unclaimed_projects, signed_in=neema)] == ["Kalro"]
    assert (
        outcome(office.write, members.claim_project, signed_in=neema, project_id=duka.id, request_id="r1")
        is ProjectHasUsers
    )
    assert (
        outcome(office.write, members.claim_project, signed_in=neema, project_id=999, request_id="r1")
        is ProjectNotYours
    )
    office.write(members.claim_project, signed_in=neema, project_id=kalro.id, request_id="r1")
    assert rows_of_owners(office, kalro) == ["Neema"]
    assert office.read(members.list_unclaimed_projects, signed_in=neema) == []


def test_who_is_no_operator_any_more_makes_no_project(office: Office) -> None:
    office.add("Neema", is_operator=True)
    neema = office.enter("Neema")
    office.write(users.remove_user, email=email("Neema"))
    made = {"signed_in": neema, "name": "Mpya", "region": "KE", "on_error": "refuse", "request_id": "r1"}
    assert outcome(office.write, members.create_project, **made) is OperatorRequired


# ---- addresses and names --------------------------------------------------------------------------------


@each(
    "written",
    [
        *("", "asha", "@example.com", "asha@", "a b@example.com", "a@b@c", "<a@b>", "a\u200bb@example.com", "a\0@b"),
        *(7, None, "x" * 250 + "@b.ke"),
    ],
)
def test_what_is_no_e_mail_address_is_refused(written: object) -> None:
    with pytest.raises(ValidationFailed):
        users.read_new_user(email=written, name=None)


@each(
    "written, called, name",
    [
        (" Asha@Example.com ", None, "Asha"),
        ("asha@localhost", "  ", "asha"),
        ("asha@example.com", " Asha\n Wanjiru ", "Asha Wanjiru"),
        ("asha@example.com", "\u202eAsha", "Asha"),
        ("o'neil+x@example.com", None, "o'neil+x"),
        ("ás@mfano.co.ke", "Ás", "Ás"),
    ],
)
def test_a_name_is_kept_on_one_line_and_is_that_of_the_address_by_default(
    written: str, called: str | None, name: str
) -> None:
    assert users.read_new_user(email=written, name=called).name == name
