"""Which contacts that a connection brings get the welcome of a trigger: who signs up, not who was there before."""

from __future__ import annotations

from typing import Any

import pytest

from daftari.connectors import Usage
from daftari.connectors.protocol import Page, Record
from daftari.model.projects import Project
from daftari.rules.connections import firing, lifecycle, sync
from daftari.rules.connections.views import show_connection
from daftari.rules.imports.lifecycle import undo_import
from daftari.rules.imports.undo import undo_chunk
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import HOUR, SECOND, Syncing, gone, mobile, person
from tests.support.hubspot_sync import HubSpotSync
from tests.support.message_steps import Sending
from tests.support.triggers import Triggers

ALL = [{"from": "all", "to": "crm"}]
VIP = [{"from": "list:12", "to": "vip"}]


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    for name in ("crm", "vip"):
        calls.create_group(store, project, name)
    return project


@pytest.fixture
def sending(store: Store, project: Project) -> Sending:
    """A sender with a welcome for each group."""
    sending = Sending(store, project)
    for name in ("crm", "vip"):
        Triggers(sending).add(name=f"To {name}", on={"joins": name}, unless=[], text="Welcome")
    return sending


@pytest.fixture
def crm(store: Store, project: Project, sending: Sending) -> Syncing:
    return Syncing(store, project, groups=ALL, fire_triggers=True)


def welcomed(sending: Sending) -> set[int]:
    """The numbers that get one."""
    return {message.subject_id for message in sending.messages()}


def people(*numbers: int) -> set[int]:
    return {mobile(number) for number in numbers}


def compare(crm: Syncing, *records: Record) -> None:
    """Compare all records: these are all that there are."""
    named = {"connection_id": crm.id, "fence": crm.fence}
    crm.write(lifecycle.compare_connection, connection_id=crm.id)
    crm.read()
    assert crm.write(sync.claim_task, **named).task == "compare"
    pages = [Page(records, "", crm.now, False)]
    crm.write(sync.compare_pages, pages=pages, usage=Usage(), **named)
    while crm.open().progress.comparison is not None:
        crm.write(sync.ask_missing, count=0, **named)


def warnings(crm: Syncing) -> list[str]:
    return crm.store.read(crm.project, crm.now, show_connection, connection_id=crm.id).warnings


# ---- who signs up ---------------------------------------------------------------------------------------


def test_who_signs_up_after_the_first_reading_is_welcomed(store: Store, project: Project, sending: Sending) -> None:
    crm = Syncing(store, project, groups=ALL, fire_triggers=True, is_live=False)
    crm.read(person(1), person(2), has_more=True)
    crm.read(person(3))
    assert crm.members("crm") == people(1, 2, 3) and welcomed(sending) == set()
    crm.read(person(4))
    crm.read(person(1, version=2, firstname="Edited"), person(5))
    assert welcomed(sending) == people(4, 5)


def test_nothing_fires_unless_it_is_asked_for(store: Store, project: Project, sending: Sending) -> None:
    crm = Syncing(store, project, groups=ALL)
    crm.read(person(1))
    assert crm.members("crm") == people(1) and welcomed(sending) == set()
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"fire_triggers": True})
    assert not crm.open().progress.compares, "no record says anything else because of it"
    crm.read(person(1, version=2, firstname="Edited"), person(2))
    assert welcomed(sending) == people(2)


def test_who_passes_the_filter_from_now_on_is_welcomed(store: Store, project: Project, sending: Sending) -> None:
    crm = Syncing(store, project, groups=ALL, fire_triggers=True, filter={"stage": ["customer"]})
    crm.read(person(1, stage="lead"))
    assert welcomed(sending) == set()
    crm.read(person(1, version=2, stage="customer"))
    assert welcomed(sending) == people(1)


def test_who_opted_out_is_not_welcomed(crm: Syncing, sending: Sending) -> None:
    crm.opt_out(mobile(1))
    crm.read(person(1), person(2))
    assert crm.members("crm") == people(2) == welcomed(sending)


# ---- who was there before -------------------------------------------------------------------------------


def test_what_a_comparison_finds_fires_nothing(crm: Syncing, sending: Sending) -> None:
    crm.read(person(1))
    compare(crm, person(1), person(2))
    assert crm.members("crm") == people(1, 2) and welcomed(sending) == people(1)
    crm.read(person(3))
    assert welcomed(sending) == people(1, 3)


def test_a_retry_fires_nothing(crm: Syncing, sending: Sending) -> None:
    crm.read(person(1))
    crm.remove(mobile(1))
    crm.write(lifecycle.retry_records, connection_id=crm.id, ids=["1"])
    before = len(sending.messages())
    crm.ask(["1"], person(1, version=2))
    assert crm.members("crm") == people(1) and len(sending.messages()) == before


def test_another_number_of_a_person_and_one_who_is_back_fire_nothing(crm: Syncing, sending: Sending) -> None:
    crm.read(person(1), person(2))
    crm.read(person(1, version=2, mobilephone=f"+{mobile(77)}"), gone(2))
    crm.read(person(2, version=3))
    assert crm.members("crm") == people(77, 2)
    assert [message.subject_id for message in sending.messages()] == [mobile(1), mobile(2)]


def test_an_undo_fires_nothing(crm: Syncing, sending: Sending) -> None:
    crm.read(person(1))
    import_id = crm.open().progress.import_id
    crm.wait(HOUR)
    crm.write(sync.claim_task, connection_id=crm.id, fence=crm.fence)
    crm.write(undo_import, import_id=import_id, opt_outs=False, reason=None)
    while crm.write(undo_chunk, import_id=import_id):
        pass
    assert crm.members("crm") == set() and len(sending.messages()) == 1


def test_a_group_that_is_mapped_later_fires_nothing(crm: Syncing, sending: Sending) -> None:
    crm.read(person(1))
    before = len(sending.messages())
    groups = [*ALL, {"from": "all", "to": "vip"}]
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"groups": groups})
    crm.read(person(1, version=2, firstname="Edited"))
    compare(crm, person(1, version=2, firstname="Edited"))
    assert crm.members("vip") == people(1) and len(sending.messages()) == before
    crm.read(person(2))
    assert len(sending.messages()) == before + 2


def test_a_group_that_is_mapped_later_fires_nothing_where_all_is_read_each_time(crm: Syncing, sending: Sending) -> None:
    # A table without a column for the time of change leaves no cursor.
    crm.read(person(1), cursor="")
    before = len(sending.messages())
    groups = [*ALL, {"from": "all", "to": "vip"}]
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"groups": groups})
    crm.read(person(1), cursor="")
    assert crm.members("vip") == people(1) and len(sending.messages()) == before
    compare(crm, person(1))
    crm.read(person(1), person(2), cursor="")
    assert len(sending.messages()) == before + 2


# ---- what bounds it -------------------------------------------------------------------------------------


def test_many_at_once_fire_nothing_and_the_connection_says_so(
    crm: Syncing, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "FIRED_MAX", 3)
    crm.read(*[person(number) for number in range(1, 5)])
    assert len(crm.members("crm")) == 4 and welcomed(sending) == set()
    assert warnings(crm) == [
        "Many contacts joined groups within an hour: 0 fired triggers, and 4 did not, since no more than 3 may."
    ]
    crm.read(person(5), person(6), person(7))
    crm.read(person(8))
    assert welcomed(sending) == people(5, 6, 7)
    crm.wait(HOUR)
    crm.write(sync.claim_task, connection_id=crm.id, fence=crm.fence)
    crm.read(person(9))
    assert welcomed(sending) == people(5, 6, 7, 9) and warnings(crm) == []


@pytest.mark.parametrize(
    ("seconds", "poll_seconds", "fires"), [(3_500, 60, True), (3_700, 60, False), (9_000, 3_600, True)]
)
def test_what_was_changed_while_nothing_was_read_for_long_fires_nothing(
    crm: Syncing, sending: Sending, seconds: int, poll_seconds: int, fires: bool
) -> None:
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"poll_seconds": poll_seconds})
    crm.wait(seconds * SECOND)
    crm.read(person(1), has_more=True)
    crm.read(person(2))
    assert welcomed(sending) == (people(1, 2) if fires else set())
    crm.read(person(3))
    assert mobile(3) in welcomed(sending)


# ---- lists ----------------------------------------------------------------------------------------------


def list_sync(store: Store, project: Project, **given: Any) -> tuple[HubSpotSync, list[int]]:
    """A connection to a HubSpot that has ten people, three of them in the list 12."""
    crm = HubSpotSync(store, project, fire_triggers=True, **given)
    ids = [crm.fake.truth.create(mobilephone=f"+{mobile(number)}") for number in range(1, 11)]
    crm.fake.truth.make_list(12, "VIP", ids[:3])
    crm.pass_time(60)
    crm.start()
    crm.run()
    return crm, ids


def test_who_joins_a_list_is_welcomed_and_not_who_was_in_it(store: Store, project: Project, sending: Sending) -> None:
    crm, ids = list_sync(store, project, groups=VIP)
    assert crm.members("vip") == people(1, 2, 3) and welcomed(sending) == set()
    crm.fake.truth.join(12, ids[5])
    crm.poll()
    assert welcomed(sending) == people(6)
    new = crm.fake.truth.create(mobilephone=f"+{mobile(50)}")
    crm.fake.truth.join(12, new)
    crm.poll(400)
    crm.poll()
    assert crm.members("vip") == people(1, 2, 3, 6, 50) and welcomed(sending) == people(6, 50)


def test_a_list_that_is_mapped_later_fires_nothing(store: Store, project: Project, sending: Sending) -> None:
    crm, ids = list_sync(store, project)
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"groups": VIP})
    crm.poll()
    crm.poll()
    assert crm.members("vip") == people(1, 2, 3) and welcomed(sending) == set()
    crm.write(
        lifecycle.update_connection, connection_id=crm.id, values={"groups": [*VIP, {"from": "list:12", "to": "crm"}]}
    )
    crm.poll()
    crm.poll()
    assert crm.members("crm") == people(1, 2, 3) and welcomed(sending) == set()
    crm.fake.truth.join(12, ids[7])
    crm.poll()
    assert welcomed(sending) == people(8) and len(sending.messages()) == 2


def test_who_is_in_a_list_and_found_by_a_comparison_is_not_welcomed(
    store: Store, project: Project, sending: Sending
) -> None:
    crm, ids = list_sync(store, project, groups=VIP)
    crm.remove(mobile(1))
    crm.compare()
    crm.write(lifecycle.retry_records, connection_id=crm.id, ids=[str(ids[0])])
    crm.poll(400)
    crm.poll(400)
    assert crm.members("vip") == people(1, 2, 3) and welcomed(sending) == set()
