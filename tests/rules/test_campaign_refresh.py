"""Whether a campaign waits for its groups, starts or pauses, by what two connections have read."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.store import Store
from tests.support import calls
from tests.support.campaigns import Campaigns
from tests.support.connection_steps import SECOND, Syncing, gone, person
from tests.support.message_steps import Sending


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def crm(store: Store, project: Project) -> Syncing:
    return Syncing(store, project, name="crm", groups=[{"from": "all", "to": "CRM"}])


@pytest.fixture
def shop(store: Store, project: Project) -> Syncing:
    return Syncing(store, project, name="shop", groups=[{"from": "all", "to": "Shop"}])


@pytest.fixture
def campaigns(store: Store, project: Project, crm: Syncing, shop: Syncing) -> Campaigns:
    crm.read(person(1))
    shop.read(person(2))
    return Campaigns(Sending(store, project))


def look(campaigns: Campaigns, campaign_id: int, *, after: int = SECOND) -> str | None:
    """What the worker makes of a campaign after some time: why it does not run."""
    campaigns.sending.wait(after)
    campaigns.start_due()
    return campaigns.show(campaign_id).reason


def test_what_is_complete_up_to_just_before_the_start_is_not_enough(campaigns: Campaigns, crm: Syncing) -> None:
    campaign_id = campaigns.create(groups=["CRM"])
    campaigns.start(campaign_id)
    started_at = crm.now = campaigns.sending.now
    crm.read(until=started_at - 1)
    assert look(campaigns, campaign_id) == "refreshing"
    crm.read(until=started_at)
    assert look(campaigns, campaign_id) is None
    assert campaigns.show(campaign_id).state == "running"


def test_a_connection_that_was_read_in_time_and_then_paused_pauses_no_campaign(
    campaigns: Campaigns, crm: Syncing, shop: Syncing
) -> None:
    campaign_id = campaigns.create(groups=["CRM", "Shop"])
    campaigns.start(campaign_id)
    crm.now = shop.now = campaigns.sending.now
    crm.read()
    crm.write(lifecycle.pause_connection, connection_id=crm.id)
    assert look(campaigns, campaign_id) == "refreshing"
    shop.read()
    assert look(campaigns, campaign_id) is None
    assert campaigns.show(campaign_id).count == 2


def test_records_that_are_still_to_be_read_by_id_are_waited_for(campaigns: Campaigns, crm: Syncing) -> None:
    campaign_id = campaigns.create(groups=["CRM"])
    campaigns.start(campaign_id)
    crm.now = campaigns.sending.now
    crm.read(gone(1, kind="merged", into=9))
    asked = crm.open().progress.wanted
    assert asked == ("9",)
    assert look(campaigns, campaign_id) == "refreshing"
    crm.ask(asked, person(9))
    assert look(campaigns, campaign_id) is None
    assert campaigns.show(campaign_id).count == 1
