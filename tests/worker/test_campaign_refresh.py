"""A campaign reads the connections that fill its groups before it starts, or waits for a person."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from daftari.model.projects import Project
from daftari.model.secrets import Secret
from daftari.model.time import current_time
from daftari.rules.campaigns.views import CampaignView
from daftari.rules.connections import lifecycle
from daftari.store import Store
from tests.support import calls
from tests.support.campaigns import Campaigns
from tests.support.connection_steps import SECOND, mobile
from tests.support.hubspot_sync import HubSpotSync
from tests.support.message_steps import Sending
from tests.support.waiting import wait_for
from tests.support.worker_processes import worker_process
from tests.worker.test_connection_databases import ShopSync

PEOPLE = 10
GROUPS = [{"from": "all", "to": "CRM"}, {"from": "list:101", "to": "VIP"}]
OWN = 254_733_000_000


class Shop:
    """A connection to a fake HubSpot and a sender, on one clock, and a worker that has both."""

    def __init__(self, store: Store, project: Project) -> None:
        self.crm = HubSpotSync(store, project, groups=GROUPS)
        self.ids = [self.add(number) for number in range(1, PEOPLE + 1)]
        self.crm.fake.truth.make_list(101, "VIP", self.ids[:3])
        calls.create_contacts(store, project, [{"mobile": str(OWN)}], group="Own")
        self.crm.pass_time(60)
        self.crm.start()
        self.crm.run()
        self.crm.poll()
        self.campaigns = Campaigns(Sending(store, project, now=self.crm.now))
        self.campaigns.sending.now = self.crm.now

    def add(self, number: int) -> int:
        return self.crm.fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}")

    def pass_time(self, seconds: float = 1.0, *, reads: bool = True) -> None:
        """Time passes, and a worker has its turns."""
        self.crm.pass_time(seconds)
        if reads:
            self.crm.run()
        self.campaigns.sending.now = self.crm.now
        self.campaigns.start_due()

    def wait_while(self, campaign_id: int, reason: str, *, reads: bool = True, seconds_max: int = 90) -> CampaignView:
        for _ in range(seconds_max):
            shown = self.campaigns.show(campaign_id)
            if shown.reason != reason:
                return shown
            self.pass_time(reads=reads)
        raise AssertionError(f"still {reason}")

    def count(self, campaign_id: int) -> int:
        found = self.campaigns.show(campaign_id).count
        assert found is not None
        return found


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def shop(store: Store, project: Project) -> Shop:
    return Shop(store, project)


def test_who_was_added_there_a_second_before_the_start_is_reached(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["crm"])
    shop.add(50)
    shop.pass_time(1)
    asked_at = shop.crm.now
    shown = shop.campaigns.start(campaign_id, expected=PEOPLE + 1)
    assert (shown.state, shown.reason, shown.count) == ("scheduled", "refreshing", None)
    assert shown.freshness is not None and (shown.freshness.group, shown.freshness.connection) == ("crm", "crm")
    assert shop.wait_while(campaign_id, "refreshing").state == "running"
    assert shop.count(campaign_id) == PEOPLE + 1
    assert shop.crm.now <= asked_at + 60 * SECOND
    shown = shop.campaigns.show(campaign_id)
    assert shown.freshness is None and shown.expected == PEOPLE + 1


def test_who_joined_a_list_there_a_second_before_the_start_is_reached(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["VIP"])
    new = shop.add(50)
    shop.crm.fake.truth.join(101, new, shop.ids[7])
    shop.crm.fake.truth.leave(101, shop.ids[0])
    shop.pass_time(1)
    shop.campaigns.start(campaign_id)
    assert shop.wait_while(campaign_id, "refreshing").state == "running"
    assert shop.count(campaign_id) == 4


def test_who_left_a_group_there_that_is_left_out_is_reached_and_who_joined_is_not(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"], **{"not": ["VIP"]})
    shop.crm.fake.truth.join(101, shop.ids[7], shop.ids[8])
    shop.pass_time(1)
    shop.campaigns.start(campaign_id)
    shop.wait_while(campaign_id, "refreshing")
    assert shop.count(campaign_id) == PEOPLE - 5


def test_a_refused_key_pauses_the_campaign_with_the_sentence_and_a_person_chooses(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    as_of = shop.crm.open().progress.records_until
    shop.add(50)
    shop.crm.fake.key = "another"
    shop.campaigns.start(campaign_id)
    shown = shop.wait_while(campaign_id, "refreshing", seconds_max=5)
    assert (shown.state, shown.reason, shown.count) == ("paused", "not_fresh", None)
    assert shown.freshness is not None and shown.freshness.state == "broken"
    assert "HubSpot refused the key" in (shown.freshness.reason or "")
    assert shown.freshness.complete_until is not None and as_of > 0
    shop.campaigns.sending.now = shop.crm.now
    assert shop.campaigns.resume(campaign_id, fresh=False).state == "scheduled"
    shop.pass_time()
    assert shop.campaigns.show(campaign_id).state == "running" and shop.count(campaign_id) == PEOPLE


def test_a_campaign_that_is_resumed_after_the_key_was_mended_reads_again(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shop.add(50)
    right, shop.crm.fake.key = shop.crm.fake.key, "another"
    shop.campaigns.start(campaign_id)
    shop.wait_while(campaign_id, "refreshing")
    shop.crm.fake.key = right
    shop.campaigns.resume(campaign_id)
    shop.pass_time()
    shop.pass_time()
    shown = shop.campaigns.show(campaign_id)
    assert (shown.state, shown.reason) == ("paused", "not_fresh"), "the key was not given again"
    shop.crm.write(lifecycle.change_key, connection_id=shop.crm.id, credentials={"key": Secret(right)})
    shop.campaigns.resume(campaign_id)
    shop.pass_time()
    assert shop.wait_while(campaign_id, "refreshing").state == "running"
    assert shop.count(campaign_id) == PEOPLE + 1


def test_a_connection_that_a_person_paused_pauses_the_campaign_at_once(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shop.crm.write(lifecycle.pause_connection, connection_id=shop.crm.id)
    assert shop.campaigns.start(campaign_id).reason == "refreshing"
    shop.pass_time()
    shown = shop.campaigns.show(campaign_id)
    assert shown.freshness is not None and (shown.reason, shown.freshness.state) == ("not_fresh", "paused")


def test_a_connection_that_is_not_read_within_a_minute_pauses_the_campaign(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shop.campaigns.start(campaign_id)
    shop.pass_time(59, reads=False)
    assert shop.campaigns.show(campaign_id).reason == "refreshing"
    shop.pass_time(1, reads=False)
    assert shop.campaigns.show(campaign_id).reason == "not_fresh"


def test_a_scheduled_campaign_reads_its_groups_when_its_time_comes(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shown = shop.campaigns.start(campaign_id, at=shop.crm.now + 300 * SECOND, expected=PEOPLE)
    assert (shown.state, shown.reason) == ("scheduled", None)
    shop.pass_time(299)
    assert shop.campaigns.show(campaign_id).reason is None
    for number in range(50, 55):
        shop.add(number)
    shop.pass_time(1)
    assert shop.campaigns.show(campaign_id).reason == "refreshing"
    shown = shop.wait_while(campaign_id, "refreshing")
    assert (shown.state, shown.reason, shown.found) == ("paused", "count_changed", PEOPLE + 5)


def test_a_campaign_without_such_groups_or_that_asks_for_none_starts_at_once(shop: Shop) -> None:
    assert shop.campaigns.start(shop.campaigns.create(groups=["Own"])).state == "running"
    assert shop.campaigns.start(shop.campaigns.create()).state == "running"
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shop.add(50)
    assert shop.campaigns.start(campaign_id, fresh=False).count == PEOPLE


def test_a_campaign_that_waits_for_its_groups_holds_up_no_other_one(shop: Shop) -> None:
    waiting = shop.campaigns.create(groups=["CRM"])
    shop.campaigns.start(waiting)
    later = shop.campaigns.create(groups=["Own"])
    shop.campaigns.start(later, at=shop.crm.now + 2 * SECOND)
    shop.pass_time(2, reads=False)
    assert shop.campaigns.show(later).state == "running"
    assert shop.campaigns.show(waiting).reason == "refreshing"


def test_a_campaign_that_waits_for_its_groups_can_be_paused_resumed_and_cancelled(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shop.campaigns.start(campaign_id)
    assert shop.campaigns.pause(campaign_id).reason == "person"
    shop.pass_time(40)
    assert shop.campaigns.show(campaign_id).state == "paused"
    asked_at = shop.crm.now
    assert shop.campaigns.resume(campaign_id).state == "scheduled"
    shop.add(50)
    shop.pass_time(1, reads=False)
    shop.wait_while(campaign_id, "refreshing")
    assert shop.count(campaign_id) == PEOPLE + 1 and shop.crm.now > asked_at + 10 * SECOND
    second = shop.campaigns.create(groups=["CRM"])
    shop.campaigns.start(second)
    assert shop.campaigns.cancel(second).state == "cancelled"
    shop.pass_time()
    assert shop.campaigns.show(second).state == "cancelled"


def test_a_connection_is_read_less_often_again_once_nobody_waits(shop: Shop) -> None:
    campaign_id = shop.campaigns.create(groups=["CRM"])
    shop.campaigns.start(campaign_id)
    assert shop.crm.open().stored.due_at <= shop.crm.now
    shop.wait_while(campaign_id, "refreshing")
    shop.pass_time()
    assert shop.crm.open().stored.due_at > shop.crm.now + 10 * SECOND


# ---- killed -------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_while_a_campaign_waits_for_its_groups_is_replaced_by_another(
    store: Store, project: Project, database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    sync = ShopSync(store, project, folder)
    sync.add(1, 2, 3)
    sync.check(databases=sync.allowed)
    sync.write(lifecycle.start_connection, connection_id=sync.id)
    sync.run()
    campaigns = Campaigns(Sending(store, project, now=current_time()))
    campaign_id = campaigns.create(groups=["shop"])
    sync.shop.execute("INSERT INTO customers (id, phone, name) VALUES (4, ?, 'F4')", (f"+{mobile(4)}",))
    holder = apsw.Connection(str(folder / "shop.db"))
    with worker_process(database, port=1, folders=[folder]) as worker:
        holder.execute("BEGIN EXCLUSIVE")
        campaigns.sending.now = current_time()
        assert campaigns.start(campaign_id).reason == "refreshing"
        wait_for(lambda: sync.open().progress.tries)
        worker.kill()
        assert campaigns.show(campaign_id).reason == "refreshing"
        holder.execute("COMMIT")
    with worker_process(database, port=1, folders=[folder]):
        wait_for(lambda: campaigns.show(campaign_id).state == "finished")
    assert campaigns.show(campaign_id).states == {"accepted": 4}
