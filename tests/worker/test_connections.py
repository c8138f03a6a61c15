"""A connection as a worker reads it: from a HubSpot that is none, on a clock that the test moves."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.rules.contacts import groups
from daftari.rules.imports.lifecycle import undo_import
from daftari.rules.imports.undo import undo_chunk
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import Syncing, mobile
from tests.support.hubspot_sync import HubSpotSync
from tests.support.schema import execute
from tests.support.webhook_steps import Delivering

ALL = [{"from": "all", "to": "crm"}]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def crm(store: Store, project: Project) -> HubSpotSync:
    return HubSpotSync(store, project, groups=ALL)


def fill(crm: HubSpotSync, count: int, *, first: int = 1) -> list[int]:
    made = [
        crm.fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}")
        for number in range(first, first + count)
    ]
    crm.pass_time(60)
    return made


def test_the_first_reading_brings_everybody_and_then_it_is_live(crm: HubSpotSync) -> None:
    fill(crm, 250)
    crm.start()
    crm.run()
    assert crm.open().stored.state == "live"
    assert {*crm.book()} == {mobile(number) for number in range(1, 251)} == crm.members("crm")
    assert crm.open().progress.counts["live"] == 250


def test_changes_deletions_and_merges_follow(crm: HubSpotSync) -> None:
    ids = fill(crm, 20)
    crm.start()
    crm.run()
    truth = crm.fake.truth
    truth.edit(ids[0], firstname="Edited")
    truth.edit(ids[1], mobilephone=f"+{mobile(901)}")
    truth.delete(ids[2])
    winner = truth.merge(ids[3], ids[4], makes_new=True)
    crm.poll()
    crm.poll(3_700)
    assert crm.book()[mobile(1)]["fname"] == "Edited"
    assert mobile(901) in crm.members("crm") and mobile(2) not in crm.members("crm")
    assert mobile(3) not in crm.members("crm")
    assert crm.states()[str(winner)] == "live"
    assert {crm.states()[str(ids[3])], crm.states()[str(ids[4])]} == {"merged"}


def test_a_comparison_finds_what_no_change_told(crm: HubSpotSync) -> None:
    ids = fill(crm, 30)
    crm.start()
    crm.run()
    crm.fake.truth.erase(ids[5])
    crm.poll()
    assert crm.states()[str(ids[5])] == "live"
    crm.compare()
    assert crm.states()[str(ids[5])] == "gone"
    assert mobile(6) not in crm.members("crm")
    assert crm.open().progress.comparison is None


def test_a_contact_that_hubspot_erased_is_found_by_a_comparison_and_erased_a_day_later(crm: HubSpotSync) -> None:
    ids = fill(crm, 30)
    crm.start()
    crm.run()
    crm.fake.truth.erase(ids[5])
    crm.fake.truth.delete(ids[6])
    crm.compare()
    waiting = crm.links()[str(ids[5])]
    assert waiting.mobile and crm.open().progress.counts["erasure_pending"] == 1
    crm.poll(23 * 3_600)
    assert mobile(6) in crm.book()
    crm.poll(3_600)
    assert crm.states()[str(ids[5])] == "erased" and mobile(6) not in crm.book()
    assert crm.states()[str(ids[6])] == "gone" and mobile(7) in crm.book()


def test_a_refused_key_stops_it_and_another_lets_it_continue(crm: HubSpotSync) -> None:
    fill(crm, 5)
    crm.start()
    crm.run()
    crm.fake.key = "another"
    fill(crm, 1, first=6)
    crm.poll()
    opened = crm.open()
    assert opened.stored.state == "broken" and "daftari connection key crm" in opened.stored.reason
    assert not crm.is_due()
    crm.write(lifecycle.change_key, connection_id=crm.id, credentials={"key": "another"})
    crm.run()
    assert crm.open().stored.state == "live" and mobile(6) in crm.book()


def test_a_webhook_says_that_the_key_is_refused_and_not_the_key(crm: HubSpotSync) -> None:
    hook = Delivering(crm.store, crm.project, now=crm.now, types=["connection.changed"])
    crm.start()
    crm.run()
    key, crm.fake.key = crm.fake.key, "another"
    crm.poll()
    hook.now = crm.now
    said = [change["connection"] for body in hook.deliver() for change in body["data"]["changes"]]
    assert [one["state"] for one in said] == ["importing", "live", "broken"]
    assert said[-1]["reason"] == crm.open().stored.reason
    assert len(key) > 5 and key not in repr(said)


def test_everybody_gone_at_once_is_asked_about_and_nothing_is_written(crm: HubSpotSync) -> None:
    ids = fill(crm, 60)
    crm.start()
    crm.run()
    for contact_id in ids[:40]:
        crm.fake.truth.erase(contact_id)
    crm.compare()
    opened = crm.open()
    assert opened.stored.state == "needs_confirmation"
    assert "40 of 60 records would be gone" in opened.stored.reason
    assert len(crm.members("crm")) == 60
    crm.write(lifecycle.confirm_connection, connection_id=crm.id)
    crm.poll()
    assert len(crm.members("crm")) == 20 and crm.open().stored.state == "live"


def test_a_plan_counts_and_writes_nothing(crm: HubSpotSync) -> None:
    fill(crm, 120)
    crm.fake.truth.create(firstname="Numberless")
    crm.fake.truth.create(mobilephone="12")
    crm.pass_time(60)
    crm.check()
    crm.write(lifecycle.plan_connection, connection_id=crm.id)
    crm.run()
    plan = crm.open().progress.plan
    assert plan is not None and plan.finished_at and not plan.error
    assert plan.counts == {
        "created": 120, "group:crm": 120, "live": 120, "no_mobile": 1, "records": 122, "unreadable": 1,
    }  # fmt: skip
    assert crm.book() == {} and crm.links() == {}


def test_a_plan_that_is_begun_again_counts_from_the_start(crm: HubSpotSync) -> None:
    fill(crm, 1_500)
    crm.fake.truth.create(mobilephone=f"+{mobile(1)}")
    calls.create_contacts(
        crm.store, crm.project, [{"mobile": f"+{mobile(2)}"}, {"mobile": f"+{mobile(3)}", "fname": "F3"}]
    )
    crm.pass_time(60)
    crm.check()
    crm.write(lifecycle.plan_connection, connection_id=crm.id)
    work = crm.work()
    assert work.step() and work.step()
    crm.pass_time(1)
    crm.write(lifecycle.plan_connection, connection_id=crm.id)
    while work.step():
        pass
    plan = crm.open().progress.plan
    assert plan is not None and plan.finished_at and plan.counts["records"] == 1_501
    assert (plan.counts["created"], plan.counts["shared_number"]) == (1_498, 1)
    assert plan.counts["group:crm"] == 1_500, "records of one number are one contact"
    assert (plan.counts["updated"], plan.counts["unchanged"]) == (1, 1)


LISTS = [{"from": "list:12", "to": "vip"}, {"from": "list:31", "to": "leads", "keep": "add_only"}]


def test_a_list_is_a_group_that_keeps_in_step(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project, groups=LISTS)
    ids = fill(crm, 10)
    truth = crm.fake.truth
    truth.make_list(12, "VIP", ids[:4])
    truth.make_list(31, "Leads", ids[4:6])
    crm.start()
    crm.run()
    assert crm.members("vip") == {mobile(number) for number in range(1, 5)}
    assert crm.members("leads") == {mobile(5), mobile(6)}
    truth.leave(12, ids[0])
    truth.join(12, ids[8])
    truth.leave(31, ids[4])
    crm.poll()
    assert crm.members("vip") == {mobile(number) for number in (2, 3, 4, 9)}
    assert crm.members("leads") == {mobile(5), mobile(6)}
    assert {*crm.book()} == {mobile(number) for number in range(1, 11)}


def test_a_record_that_was_in_a_list_before_it_was_read_joins_too(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project, groups=LISTS)
    ids = fill(crm, 3)
    crm.fake.truth.make_list(12, "VIP", ids)
    crm.fake.truth.make_list(31, "Leads")
    crm.start()
    crm.run()
    late = crm.fake.truth.create(firstname="Numberless")
    crm.fake.truth.join(12, late)
    crm.poll()
    crm.fake.truth.edit(late, mobilephone=f"+{mobile(77)}")
    crm.poll(400)
    assert crm.members("vip") == {mobile(number) for number in (1, 2, 3, 77)}


def test_a_list_that_was_emptied_is_asked_about(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project, groups=LISTS)
    ids = fill(crm, 80)
    crm.fake.truth.make_list(12, "VIP", ids)
    crm.fake.truth.make_list(31, "Leads")
    crm.start()
    crm.run()
    crm.fake.truth.leave(12, *ids[:60])
    crm.poll()
    assert crm.open().stored.state == "needs_confirmation"
    assert "60 of 80 members would leave vip" in crm.open().stored.reason
    assert len(crm.members("vip")) == 80
    crm.write(lifecycle.confirm_connection, connection_id=crm.id)
    crm.poll()
    assert len(crm.members("vip")) == 20


def test_a_list_that_was_emptied_by_mistake_is_corrected_and_looked_at_again(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project, groups=LISTS)
    ids = fill(crm, 80)
    crm.fake.truth.make_list(12, "VIP", ids)
    crm.fake.truth.make_list(31, "Leads")
    crm.start()
    crm.run()
    crm.fake.truth.leave(12, *ids[:60])
    crm.poll()
    assert "start the connection, which looks again" in crm.open().stored.reason
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.poll()
    assert crm.open().stored.state == "needs_confirmation", "nothing has changed there"
    crm.fake.truth.join(12, *ids[:60])
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.poll()
    assert crm.open().stored.state == "live" and len(crm.members("vip")) == 80


def test_a_contact_removed_here_is_known_as_such_after_a_comparison(crm: HubSpotSync) -> None:
    ids = fill(crm, 5)
    crm.start()
    crm.run()
    crm.remove(mobile(3))
    crm.compare()
    assert crm.states()[str(ids[2])] == "removed_locally" and mobile(3) not in crm.book()
    crm.write(lifecycle.retry_records, connection_id=crm.id, ids=[str(ids[2])])
    crm.run()
    assert crm.states()[str(ids[2])] == "live" and mobile(3) in crm.members("crm")


def test_a_removed_connection_forgets_its_links_and_leaves_its_groups_if_asked(crm: HubSpotSync) -> None:
    fill(crm, 5)
    crm.start()
    crm.run()
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=True)
    crm.run()
    assert crm.links() == {} and len(crm.book()) == 5 and crm.members("crm") == set()


def test_a_key_of_another_account_is_refused_before_anything_is_read(crm: HubSpotSync) -> None:
    fill(crm, 5)
    crm.start()
    crm.run()
    crm.fake.truth.portal = 4711
    crm.write(lifecycle.change_key, connection_id=crm.id, credentials={"key": crm.fake.key})
    fill(crm, 1, first=6)
    crm.poll()
    assert crm.open().stored.state == "broken"
    assert "account 4711" in crm.open().stored.reason and mobile(6) not in crm.book()
    crm.fake.truth.portal = 62_515
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.run()
    assert crm.open().stored.state == "live" and mobile(6) in crm.book()


def test_a_worker_that_is_killed_at_any_step_leaves_nothing_out_and_doubles_nothing(
    store: Store, project: Project
) -> None:
    crm = HubSpotSync(store, project, groups=LISTS)
    ids = fill(crm, 700)
    crm.fake.truth.make_list(12, "VIP", ids[:300])
    crm.fake.truth.make_list(31, "Leads")
    crm.start()
    for _ in range(40):
        # Each worker does one step and is gone.
        crm.run(steps_max=1)
    crm.run()
    assert {*crm.book()} == {mobile(number) for number in range(1, 701)}
    assert crm.members("vip") == {mobile(number) for number in range(1, 301)}
    assert crm.open().progress.counts["live"] == 700


def test_faults_of_the_other_system_delay_it_and_lose_nothing(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project, groups=ALL, seed=5)
    ids = fill(crm, 300)
    crm.start()
    crm.fake.faults.rate = 0.2
    for _ in range(40):
        crm.poll(300)
    crm.fake.truth.edit(ids[7], firstname="Edited")
    for _ in range(20):
        crm.poll(300)
    crm.fake.faults.rate = 0.0
    crm.poll(1_000)
    assert {*crm.book()} == {mobile(number) for number in range(1, 301)} == crm.members("crm")
    assert crm.book()[mobile(8)]["fname"] == "Edited" and crm.open().stored.state == "live"


def test_a_worker_that_lost_the_connection_to_another_one_writes_nothing(crm: HubSpotSync) -> None:
    fill(crm, 3)
    crm.start()
    slow = crm.work()
    slow.step()
    crm.run()
    before = crm.open(), crm.links(), crm.book()
    crm.pass_time(120)
    assert not slow.step()
    assert (crm.open(), crm.links(), crm.book()) == before


def test_an_undo_of_a_run_takes_its_contacts_out_and_they_do_not_come_back(crm: HubSpotSync) -> None:
    ids = fill(crm, 4)
    crm.start()
    crm.run()
    run = crm.open().progress.import_id
    crm.poll(4_000)
    crm.write(undo_import, import_id=run, opt_outs=False, reason=None)
    while crm.write(undo_chunk, import_id=run):
        pass
    assert crm.book() == {}
    crm.fake.truth.edit(ids[0], firstname="Edited")
    crm.poll()
    crm.compare()
    assert crm.book() == {} and {*crm.states().values()} == {"removed_locally"}


def test_a_copied_database_reads_nothing_before_a_person_starts_it_there(crm: HubSpotSync, database: str) -> None:
    fill(crm, 2)
    crm.start()
    crm.run()
    epoch = crm.open().progress.epoch
    execute(database, f"UPDATE connection SET progress = replace(progress, '{epoch}', 'another')")
    fill(crm, 1, first=3)
    crm.poll()
    assert crm.open().stored.state == "paused" and "restored or copied" in crm.open().stored.reason
    assert mobile(3) not in crm.book()
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.poll()
    assert crm.open().stored.state == "live" and mobile(3) in crm.book() and crm.open().progress.comparisons == 1


def test_it_stops_with_a_reason_when_the_name_of_its_deleted_group_is_kept_in_step_by_another(
    store: Store, project: Project
) -> None:
    crm = HubSpotSync(store, project, groups=[{"from": "all", "to": "crm", "keep": "add_only"}])
    fill(crm, 2)
    crm.start()
    crm.run()
    crm.write(groups.delete_group, name="crm")
    Syncing(store, project, name="shop", groups=ALL)
    fill(crm, 1, first=3)
    crm.poll()
    opened = crm.open()
    assert opened.stored.state == "broken" and "'shop' keeps the group 'crm' in step" in opened.stored.reason
    crm.change({"groups": [{"from": "all", "to": "crm 2", "keep": "add_only"}]})
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.run()
    assert crm.members("crm 2") == {mobile(1), mobile(2), mobile(3)} and not crm.members("crm")


@pytest.mark.parametrize(
    "given",
    [
        {"filter": {"company": ["Kenya"]}},
        {"groups": [{"from": "property:company=Kenya", "to": "crm"}]},
    ],
)
def test_what_was_read_before_the_connection_was_set_otherwise_is_not_written(
    crm: HubSpotSync, given: dict[str, object]
) -> None:
    ids = fill(crm, 60)
    for contact_id in ids:
        crm.fake.truth.edit(contact_id, company="Kenya")
    crm.start()
    crm.run()
    for contact_id in ids:
        crm.fake.truth.edit(contact_id, firstname="Edited")
    crm.pass_time(90)
    crm.change_while_reading(given)
    crm.run()
    crm.run()
    opened = crm.open()
    assert (opened.stored.state, opened.stored.reason) == ("live", "")
    assert len(crm.members("crm")) == 60 and crm.book()[mobile(1)]["fname"] == "Edited"
