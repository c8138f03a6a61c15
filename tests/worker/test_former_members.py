"""Who was in a group before a connection kept it in step, and is in no record, leaves; many are asked about."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.rules.connections import former, lifecycle
from daftari.store import Store
from daftari.store.imports import StoredImport, list_connection_imports
from tests.support import calls
from tests.support.cases import each
from tests.support.connection_steps import mobile
from tests.support.hubspot_sync import HubSpotSync

PEOPLE = 10
OWN = 500


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def join(crm: HubSpotSync, name: str, *numbers: int) -> None:
    calls.create_contacts(crm.store, crm.project, [{"mobile": f"+{mobile(number)}"} for number in numbers], group=name)


def connect(store: Store, project: Project, keep: str = "in_step", source: str = "all") -> HubSpotSync:
    crm = HubSpotSync(store, project, groups=[{"from": source, "to": "VIP", "keep": keep}])
    ids = [
        crm.fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}")
        for number in range(1, PEOPLE + 1)
    ]
    crm.fake.truth.make_list(101, "VIP", ids[:5])
    crm.pass_time(60)
    return crm


def leave_list(crm: HubSpotSync, number: int) -> None:
    (record,) = [link.external_id for link in crm.links().values() if link.mobile == mobile(number)]
    crm.fake.truth.leave(101, int(record))


def expected(source: str) -> set[int]:
    return {mobile(number) for number in range(1, (PEOPLE if source == "all" else 5) + 1)}


def list_runs(crm: HubSpotSync) -> list[StoredImport]:
    return crm.store.read(crm.project, crm.now, list_connection_imports, connection_id=crm.id, before=0, limit=100)


@each("source", ["all", "list:101"])
def test_who_left_a_group_in_step_and_may_be_in_it_joins_again_after_a_comparison(store: Store, source: str) -> None:
    project = calls.create_project(store, source)
    crm = connect(store, project, source=source)
    crm.start()
    crm.run()
    crm.poll()
    for number in (1, 2):
        crm.say(mobile(number), "opt_out")
    crm.say(mobile(1), "opt_in")
    crm.poll()
    assert crm.members("VIP") == expected(source) - {mobile(1), mobile(2)}
    crm.compare()
    assert crm.members("VIP") == expected(source) - {mobile(2)}
    runs = list_runs(crm)
    crm.compare()
    assert list_runs(crm) == runs, "no one is missing, so nothing is written"


@each("source", ["all", "list:101"])
def test_who_is_in_no_record_leaves_and_stays_a_contact(store: Store, source: str) -> None:
    project = calls.create_project(store, source)
    crm = connect(store, project, source=source)
    join(crm, "vip", 1, 2, 8, OWN)
    crm.start()
    assert crm.members("vip") == {mobile(1), mobile(2), mobile(8), mobile(OWN)}, "no one leaves before all was read"
    crm.run()
    crm.poll()
    assert crm.members("vip") == expected(source)
    assert {mobile(OWN), mobile(8)} <= {*crm.book()}
    assert not crm.open().progress.former


def test_who_was_there_before_leaves_with_their_record(store: Store, project: Project) -> None:
    crm = connect(store, project, source="list:101")
    join(crm, "VIP", 1, 2)
    crm.start()
    crm.run()
    crm.poll()
    leave_list(crm, 1)
    crm.poll()
    assert crm.members("VIP") == expected("list:101") - {mobile(1)}


def test_many_are_asked_about_and_leave_once_a_person_confirmed_it(store: Store, project: Project) -> None:
    crm = connect(store, project)
    join(crm, "VIP", *range(OWN, OWN + 51))
    crm.start()
    crm.run()
    opened = crm.open()
    assert opened.stored.state == "needs_confirmation"
    assert "51 of 61 members would leave VIP" in opened.stored.reason
    assert len(crm.members("VIP")) == 61
    crm.write(lifecycle.confirm_connection, connection_id=crm.id)
    crm.run()
    assert crm.members("VIP") == expected("all") and crm.open().stored.state == "live"


def test_a_group_that_was_only_added_to_is_in_step_after_the_next_comparison(store: Store, project: Project) -> None:
    crm = connect(store, project, keep="add_only", source="list:101")
    join(crm, "VIP", 1, OWN)
    crm.start()
    crm.run()
    crm.poll()
    leave_list(crm, 2)
    crm.poll()
    assert crm.members("VIP") == expected("list:101") | {mobile(OWN)}
    in_step = [{"from": "list:101", "to": "VIP", "keep": "in_step"}]
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"groups": in_step})
    crm.run()
    crm.poll()
    assert crm.members("VIP") == expected("list:101") - {mobile(2)}
    leave_list(crm, 1)
    crm.poll()
    assert crm.members("VIP") == expected("list:101") - {mobile(1), mobile(2)}


def test_a_connection_that_is_made_again_keeps_whom_it_has(store: Store, project: Project) -> None:
    crm = connect(store, project)
    crm.start()
    crm.run()
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    crm.run()
    join(crm, "VIP", OWN)
    second = connect(store, project)
    second.start()
    second.run()
    assert second.members("VIP") == expected("all")


def test_a_worker_that_is_replaced_after_each_step_takes_out_the_same(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former, "MEMBERS_PER_STEP", 3)
    crm = connect(store, project)
    join(crm, "VIP", *range(OWN, OWN + 20))
    crm.start()
    for _ in range(100):
        with crm.work() as work:
            work.step()
    assert crm.members("VIP") == expected("all") and not crm.open().progress.former


def test_a_plan_says_how_many_are_in_the_group_now(store: Store, project: Project) -> None:
    crm = connect(store, project)
    join(crm, "VIP", 1, OWN)
    crm.check()
    crm.write(lifecycle.plan_connection, connection_id=crm.id)
    crm.run()
    plan = crm.open().progress.plan
    assert plan is not None and (plan.counts["group:VIP"], plan.counts["members:VIP"]) == (PEOPLE, 2)
