"""Campaigns as a worker runs them: started when their time comes, sent, paused within a second, cancelled, retried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.store import Store
from daftari.worker import Provider, run_worker
from tests.support import calls
from tests.support.campaigns import Campaigns
from tests.support.message_steps import SECOND, Sending
from tests.support.waiting import wait_for

PEOPLE = 30
FIRST = 254_722_000_000


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    people = [{"mobile": str(FIRST + place), "fname": f"Name{place}"} for place in range(PEOPLE)]
    calls.create_contacts(store, project, people, group="VIP")
    return project


@contextmanager
def working(store: Store) -> Iterator[None]:
    """A worker in a thread of this process."""
    stopping = Event()
    with OutboundClient() as client:
        thread = Thread(target=run_worker, args=(stopping.wait,), kwargs={"store": store, "provider": Provider(client)})
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def begin(store: Store, project: Project, *, speed: int = 1_000) -> Campaigns:
    return Campaigns(Sending(store, project, now=current_time(), parts_per_second=speed, in_flight=100))


def is_finished(campaigns: Campaigns, campaign_id: int) -> bool:
    return campaigns.show(campaign_id).state == "finished"


def test_a_scheduled_campaign_is_started_and_sent_when_its_time_comes(store: Store, project: Project) -> None:
    campaigns = begin(store, project)
    campaign_id = campaigns.create(groups=["VIP"], text="Hi {{ fname }}")
    campaigns.start(campaign_id, at=current_time() + 2 * SECOND, expected=PEOPLE)
    calls.leave_group(store, project, "VIP", ids=[], mobiles=[FIRST])
    with working(store):
        wait_for(lambda: is_finished(campaigns, campaign_id))
    shown = campaigns.assert_adds_up(campaign_id)
    assert shown.states == {"accepted": PEOPLE - 1}
    assert {message.text for message in campaigns.sending.messages()} == {f"Hi Name{one}" for one in range(1, PEOPLE)}


def test_a_running_campaign_is_paused_resumed_and_cancelled(store: Store, project: Project) -> None:
    campaigns = begin(store, project, speed=5)
    campaign_id = campaigns.create()
    with working(store):
        campaigns.sending.now = current_time()
        campaigns.start(campaign_id)
        wait_for(lambda: "accepted" in campaigns.show(campaign_id).states)
        campaigns.sending.now = current_time()
        assert campaigns.pause(campaign_id).state == "paused"
        wait_for(lambda: "sending" not in campaigns.show(campaign_id).states)
        sent = campaigns.show(campaign_id).states["accepted"]
        campaigns.sending.now = current_time()
        campaigns.resume(campaign_id)
        wait_for(lambda: campaigns.show(campaign_id).states["accepted"] > sent)
        campaigns.sending.now = current_time()
        campaigns.cancel(campaign_id)
        wait_for(lambda: "sending" not in campaigns.show(campaign_id).states)
    shown = campaigns.assert_adds_up(campaign_id)
    assert shown.state == "cancelled" and shown.states.keys() == {"accepted", "cancelled"}


def test_two_campaigns_of_a_sender_are_both_under_way(store: Store, project: Project) -> None:
    campaigns = begin(store, project, speed=5)
    campaigns.sending.now = current_time()
    both = [campaigns.started(name="A"), campaigns.started(name="B")]
    with working(store):
        wait_for(lambda: all("accepted" in campaigns.show(campaign_id).states for campaign_id in both))
    assert not any(is_finished(campaigns, campaign_id) for campaign_id in both)
