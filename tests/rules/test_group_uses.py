"""What the end of a group means for the triggers, campaigns and connections that use it, before it ends."""

from __future__ import annotations

import pytest

from daftari.errors import GroupNotFound, ValidationFailed
from daftari.model.projects import Project
from daftari.rules.campaigns.group_uses import GroupUses, find_group_uses
from daftari.store import Store
from tests.support import calls
from tests.support.campaigns import Campaigns
from tests.support.connection_steps import Syncing, person
from tests.support.message_steps import HOUR, Sending
from tests.support.shopify_sync import ShopifySync
from tests.support.triggers import Triggers

ONE = 254_722_000_001


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    calls.create_contacts(store, project, [{"mobile": str(ONE)}], group="VIP")
    calls.create_group(store, project, "Staff")
    return project


@pytest.fixture
def sending(store: Store, project: Project) -> Sending:
    return Sending(store, project, in_flight=100)


def uses_of(sending: Sending, name: str) -> GroupUses:
    return sending.store.read(sending.project, sending.now, find_group_uses, name=name)


def effects(sending: Sending, name: str) -> list[tuple[str, str]]:
    return [(one.name, one.effect) for one in uses_of(sending, name).uses]


def test_a_trigger_is_named_by_what_it_uses_the_group_for(sending: Sending) -> None:
    triggers = Triggers(sending)
    triggers.add(name="Welcome", on={"joins": "VIP"}, unless=[])
    triggers.add(name="Cart", unless=[{"in": "vip"}])
    triggers.add(name="Reward", unless=[{"leaves": "VIP"}, {"in": "Staff"}])
    gone = triggers.add(name="Gone", on={"joins": "VIP"})
    triggers.delete(gone)
    assert effects(sending, " vip ") == [
        ("Welcome", "fires_no_more"),
        ("Cart", "stops_no_more"),
        ("Reward", "sends_no_more"),
    ]
    assert effects(sending, "Staff") == [("Reward", "stops_no_more")]
    with pytest.raises(GroupNotFound):
        uses_of(sending, "None")


def test_a_campaign_is_named_until_it_ends_and_its_frozen_audience_stays(sending: Sending) -> None:
    campaigns = Campaigns(sending)
    campaigns.create(name="Everyone")
    draft = campaigns.create(name="Draft", groups=["vip"])
    later = campaigns.create(name="Later", groups=["Staff"], **{"not": ["VIP"]})
    campaigns.start(later, at=sending.now + HOUR)
    running = campaigns.started(name="Now", groups=["VIP"], **{"not": ["Staff"]})
    cancelled = campaigns.started(name="Cancelled", groups=["VIP"])
    campaigns.cancel(cancelled)
    assert effects(sending, "VIP") == [("Draft", "cannot_start"), ("Later", "pauses"), ("Now", "skips_members")]
    assert effects(sending, "Staff") == [("Later", "pauses"), ("Now", "leaves_no_one_out")]
    assert (uses_of(sending, "VIP").frozen, uses_of(sending, "Staff").frozen) == (2, 1)
    calls.delete_group(sending.store, sending.project, "VIP")
    with pytest.raises(ValidationFailed):
        campaigns.find_start(draft)
    sending.wait(HOUR)
    campaigns.start_due()
    assert (campaigns.show(later).state, campaigns.show(later).reason) == ("paused", "no_group")
    assert sending.claimed() == []
    assert campaigns.show(running).reasons == {"left_group": 1}


def test_a_connection_makes_the_group_again(store: Store, project: Project, sending: Sending) -> None:
    added = {"from": "all", "to": "VIP", "keep": "add_only"}
    crm = Syncing(store, project, groups=[added])
    ShopifySync(store, project, name="shop", carts_group="vip")
    assert effects(sending, "VIP") == [("crm", "makes_it_again"), ("shop", "puts_carts_in_again")]
    calls.delete_group(store, project, "VIP")
    crm.read(person(2))
    assert calls.get_group(store, project, "VIP").contacts == 1
