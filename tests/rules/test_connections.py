"""What records of a connection become: contacts, groups and opt-outs, and what may never follow from them."""

from __future__ import annotations

from typing import Any

import pytest

from daftari.errors import ValidationFailed
from daftari.model.projects import Project
from daftari.rules.connections import sync
from daftari.rules.connections.model import as_connector_sees
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import HOUR, SECOND, Syncing, gone, mobile, person

ALL = [{"from": "all", "to": "crm"}]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def crm(store: Store, project: Project) -> Syncing:
    return Syncing(store, project, groups=ALL)


def test_a_record_becomes_a_contact_in_its_group(crm: Syncing) -> None:
    crm.read(person(1, lastname="Otieno", city="Kisumu"))
    book = crm.book()
    assert book[mobile(1)]["fname"] == "F1" and book[mobile(1)]["lname"] == "Otieno"
    assert book[mobile(1)]["attributes"] == {"city": "Kisumu"}
    assert crm.members("crm") == {mobile(1)}
    assert crm.states() == {"1": "live"}
    assert crm.open().progress.counts["live"] == 1


def test_a_group_of_a_value_has_who_has_it_now(store: Store, project: Project) -> None:
    lake = {"from": "property:district=Kisumu", "to": "lake"}
    ever = {"from": "property:district=Kisumu", "to": "ever", "keep": "add_only"}
    crm = Syncing(store, project, groups=[lake, ever])
    assert "district" in as_connector_sees(crm.open(), {}).fields
    crm.read(person(1, district="Kisumu"), person(2, district="Nairobi"), person(3))
    assert (crm.members("lake"), len(crm.book())) == ({mobile(1)}, 3)
    crm.read(person(1, version=2, district="Nairobi"), person(2, version=2, district="KISUMU"))
    assert (crm.members("lake"), crm.members("ever")) == ({mobile(2)}, {mobile(1), mobile(2)})


@pytest.mark.parametrize("source", ["property:city", "property:city=", "property:=Kisumu", "property"])
def test_a_group_of_a_value_names_the_field_and_the_value(store: Store, project: Project, source: str) -> None:
    with pytest.raises(ValidationFailed, match="property:city=Kisumu"):
        Syncing(store, project, groups=[{"from": source, "to": "lake"}])


@pytest.mark.parametrize(
    "given",
    [
        {"fields": {"phone": "mobile", "daftari_sms": "status"}},
        {"filter": {"daftari_sms": ["in"]}},
        {"groups": [{"from": "property:daftari_sms=in", "to": "in"}]},
    ],
)
def test_what_is_written_back_is_not_read(store: Store, project: Project, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed, match="is written by Daftari, and cannot be read"):
        Syncing(store, project, **given)


def test_a_record_that_comes_again_writes_nothing(crm: Syncing) -> None:
    crm.read(person(1))
    before = crm.links(), crm.book()
    crm.read(person(1))
    assert (crm.links(), crm.book()) == before
    assert crm.open().progress.counts["unchanged"] == 1


def test_an_older_version_of_a_record_is_stale(crm: Syncing) -> None:
    crm.read(person(1, version=5, firstname="New"))
    crm.read(person(1, version=4, firstname="Old"))
    assert crm.book()[mobile(1)]["fname"] == "New"
    assert crm.open().progress.counts["stale"] == 1


def test_a_change_there_wins_and_blank_never_erases(crm: Syncing) -> None:
    crm.read(person(1, lastname="Otieno"))
    calls.update_contact(crm.store, crm.project, str(mobile(1)), {"fname": "Edited here"})
    crm.read(person(1, lastname="Otieno"))
    assert crm.book()[mobile(1)]["fname"] == "Edited here"
    crm.read(person(1, version=2, lastname=None))
    assert crm.book()[mobile(1)]["fname"] == "F1" and crm.book()[mobile(1)]["lname"] == "Otieno"


def test_another_number_takes_over_the_groups_and_the_old_contact_stays(crm: Syncing) -> None:
    crm.read(person(1))
    crm.read(person(1, version=2, mobilephone=f"+{mobile(900)}"))
    assert crm.members("crm") == {mobile(900)}
    assert mobile(1) in crm.book()
    assert crm.links()["1"].mobile == mobile(900)


def test_a_number_that_opted_out_is_no_way_around_by_a_new_number(crm: Syncing) -> None:
    crm.read(person(1))
    crm.opt_out(mobile(1))
    crm.read(person(1, version=2, mobilephone=f"+{mobile(900)}"))
    assert crm.open().progress.counts["moved_from_opted_out"] == 1
    assert crm.book()[mobile(1)]["status"] == 2


def test_a_record_that_loses_its_number_leaves_its_groups(crm: Syncing) -> None:
    crm.read(person(1))
    crm.read(person(1, version=2, mobilephone=None))
    assert crm.states() == {"1": "no_mobile"} and crm.members("crm") == set()
    assert mobile(1) in crm.book()


def test_an_unreadable_number_is_a_problem_with_its_field(crm: Syncing) -> None:
    crm.read(person(1, mobilephone="12"))
    assert crm.states() == {"1": "unreadable"}
    assert "mobilephone" in crm.links()["1"].why
    assert crm.book() == {}
    crm.read(person(1, version=2))
    assert crm.states() == {"1": "live"} and crm.open().progress.counts == {"changed": 2, "live": 1}


def test_the_next_field_is_looked_at_for_a_number(crm: Syncing) -> None:
    crm.read(person(1, mobilephone="12", phone=f"0{mobile(7) % 10**9}"))
    assert crm.links()["1"].mobile == mobile(7)


@pytest.mark.parametrize("kind", ["deleted", "merged"])
def test_a_deleted_or_merged_record_leaves_its_groups_and_is_back_when_restored(crm: Syncing, kind: Any) -> None:
    crm.read(person(1), person(2))
    crm.read(gone(1, kind=kind, into=2 if kind == "merged" else None))
    assert crm.states() == {"1": "gone" if kind == "deleted" else "merged", "2": "live"}
    assert crm.members("crm") == {mobile(2)} and mobile(1) in crm.book()
    crm.ask(["1"], person(1, version=3))
    assert crm.states()["1"] == "live" and crm.members("crm") == {mobile(1), mobile(2)}


def test_a_merge_holds_whatever_comes_before_or_after_it(crm: Syncing) -> None:
    crm.read(person(1), person(2))
    crm.read(gone(1, version=9))
    crm.read(gone(1, version=5, kind="merged", into=2))
    crm.read(gone(1, version=12))
    assert crm.states()["1"] == "merged" and crm.links()["1"].why == "2"


def test_the_winner_of_a_merge_that_is_not_known_is_asked_for(crm: Syncing) -> None:
    crm.read(person(1))
    opened = crm.read(gone(1, kind="merged", into=77))
    assert opened.progress.wanted == ("77",)


def test_a_filter_lets_in_and_takes_out(store: Store, project: Project) -> None:
    crm = Syncing(store, project, groups=ALL, filter={"stage": ["customer", "lead"]})
    crm.read(person(1, stage="Customer"), person(2, stage="other"), person(3))
    assert crm.states() == {"1": "live", "2": "left", "3": "left"}
    assert crm.links()["2"].mobile == 0 and {*crm.book()} == {mobile(1)}
    crm.read(person(1, version=2, stage="other"))
    assert crm.members("crm") == set() and mobile(1) in crm.book()
    crm.read(person(1, version=3, stage="lead"))
    assert crm.members("crm") == {mobile(1)}


def test_an_opt_out_there_is_an_opt_out_here_once(crm: Syncing) -> None:
    crm.read(person(1, sms="unsubscribed"))
    facts = crm.facts(mobile(1))
    assert [(fact.kind, fact.source, fact.scope.channel) for fact in facts] == [("opt_out", "sync", "sms")]
    crm.read(person(1, version=2, sms="unsubscribed", firstname="Other"))
    assert len(crm.facts(mobile(1))) == 1


@pytest.mark.parametrize("said", ["subscribed", "NEVER_SUBSCRIBED", "no_consent", "", None])
def test_nothing_there_lifts_an_opt_out_here(crm: Syncing, said: str | None) -> None:
    crm.read(person(1))
    crm.opt_out(mobile(1))
    crm.read(person(1, version=2, sms=said))
    assert crm.book()[mobile(1)]["status"] == 2 and crm.members("crm") == set()
    assert crm.open().progress.counts.get("crm_says_in", 0) == (said == "subscribed")


def test_a_contact_removed_here_is_not_made_again_unless_asked(crm: Syncing) -> None:
    crm.read(person(1))
    crm.remove(mobile(1))
    crm.read(person(1, version=2, firstname="Back"))
    assert crm.states() == {"1": "removed_locally"} and crm.book() == {}
    opened = crm.read(person(1, version=3, firstname="Again"))
    assert crm.book() == {} and opened.progress.counts["removed_locally_changed"] == 2


def test_the_number_of_two_records_is_the_first_ones_until_it_lets_go(crm: Syncing) -> None:
    same: dict[str, Any] = {"mobilephone": f"+{mobile(50)}"}
    crm.read(person(1, **same), person(2, **same))
    assert crm.book()[mobile(50)]["fname"] == "F1"
    crm.read(person(2, version=2, firstname="Second", **same))
    assert crm.book()[mobile(50)]["fname"] == "F1"
    assert crm.open().progress.counts["shared_number"] == 2
    crm.read(gone(1, version=3))
    assert crm.members("crm") == {mobile(50)}
    assert "shared_number" not in crm.open().progress.counts
    crm.read(person(2, version=2, firstname="Second", **same))
    assert crm.book()[mobile(50)]["fname"] == "Second"


def test_of_two_connections_the_second_only_fills_in_what_is_blank(store: Store, project: Project) -> None:
    first = Syncing(store, project, groups=ALL)
    second = Syncing(store, project, name="shop", groups=[{"from": "all", "to": "shop"}])
    first.read(person(1))
    second.read(person(1, firstname="Other", lastname="Filled"))
    assert first.book()[mobile(1)]["fname"] == "F1" and first.book()[mobile(1)]["lname"] == "Filled"
    assert first.book()[mobile(1)]["groups"] == {"crm", "shop"}
    first.read(gone(1))
    assert first.book()[mobile(1)]["groups"] == {"shop"}
    second.read(person(1, firstname="Other", lastname="Filled"))
    assert first.book()[mobile(1)]["fname"] == "Other"


def test_rows_are_one_import_an_hour(crm: Syncing) -> None:
    crm.read(person(1))
    first = crm.open().progress.import_id
    crm.wait(60 * SECOND)
    crm.read(person(2))
    assert crm.open().progress.import_id == first


def test_an_hour_later_another_import_begins(crm: Syncing) -> None:
    crm.read(person(1))
    first = crm.open().progress.import_id
    crm.wait(HOUR)
    crm.read(person(2))
    assert crm.open().progress.import_id != first


def test_an_opt_out_of_a_refused_record_counts_for_the_number_that_it_has_next(crm: Syncing) -> None:
    crm.read(person(1, firstname="x" * 1_000, sms="unsubscribed"))
    assert crm.states() == {"1": "refused"} and len(crm.facts(mobile(1))) == 1
    crm.read(person(1, version=2, mobilephone=f"+{mobile(2)}", sms="unsubscribed"))
    assert crm.states() == {"1": "live"} and len(crm.facts(mobile(2))) == 1
    crm.read(person(1, version=3, mobilephone=f"+{mobile(2)}", firstname="Again", sms="unsubscribed"))
    assert len(crm.facts(mobile(2))) == 1


def test_an_account_in_a_zone_that_is_not_known_here_is_read_all_the_same(store: Store, project: Project) -> None:
    crm = Syncing(store, project, time_zone="Mars/Olympus")
    crm.read(person(1))
    claim = crm.write(sync.claim_task, connection_id=crm.id, fence=crm.fence)
    assert claim.task == "nothing" and crm.open().progress.time_zone == "UTC"
    assert mobile(1) in crm.book()
