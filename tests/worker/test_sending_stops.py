"""A STOP that races the claim: no number is claimed after the 200 that acknowledged it.

A worker in a process of its own sends a campaign, and people stop by the service's inbound address just ahead of it.
``make prove`` has ten thousand of them stop, on each engine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import settings

from daftari.model.time import current_time
from daftari.store import Store, messages
from daftari.store.campaigns import get_campaign
from tests.conftest import People
from tests.support import calls
from tests.support.builders import assert_sound
from tests.support.campaigns import Campaigns
from tests.support.clients import Client
from tests.support.fake_provider import FakeProvider, fake_provider
from tests.support.message_steps import Sending
from tests.support.waiting import wait_for
from tests.support.worker_processes import worker_process

IS_WHOLE = settings().max_examples > 1_000
STOPS = 10_000 if IS_WHOLE else 200
PEOPLE = 4 * STOPS
FIRST = 254_722_000_000
IN_FLIGHT = 5
SPEED = 300
AHEAD = 2 * IN_FLIGHT
"""How far behind the last claimed number a person stops at most: in the next few claims."""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as running:
        yield running


def test_no_number_is_claimed_after_the_200_of_its_stop(
    store: Store, database: str, people: People, client: Client, address: str, provider: FakeProvider
) -> None:
    provider.forget()
    for first in range(FIRST, FIRST + PEOPLE, 1_000):
        some = [{"mobile": str(number)} for number in range(first, min(first + 1_000, FIRST + PEOPLE))]
        calls.create_contacts(store, people.shopify, some)
    sending = Sending(
        store, people.shopify, now=current_time(), gateway="twilio", in_flight=IN_FLIGHT, parts_per_second=SPEED,
        settings={"account_sid": "AC1", "base_url": provider.url("twilio")}, credentials={"secret": "kikapu"},
    )  # fmt: skip
    campaign_id = Campaigns(sending).started(text="We open at nine.")
    moments, stopped = random.Random(13), dict[int, bool]()
    with worker_process(database, port=provider.port):
        while len(stopped) < STOPS and (place := find_place(sending, campaign_id)) < PEOPLE:
            number = FIRST + place + moments.randrange(AHEAD)
            if number not in stopped:
                answer = client.post(address, json={"messages": [{"from": f"+{number}", "to": "DUKA", "text": "STOP"}]})
                assert answer.status == 200
                stopped[number] = is_claimed(sending, number)
        last = min(PEOPLE, max(stopped) + 1 - FIRST)
        wait_for(lambda: find_place(sending, campaign_id) >= last)
    in_time = {number for number, was_claimed in stopped.items() if not was_claimed}
    print(f"{len(stopped)} stopped, {len(in_time)} of them before they were claimed")
    assert not in_time & {int(message.number) for message in provider.taken}
    reasons = {message.subject_id: (message.state, message.reason) for message in sending.messages(limit=PEOPLE)}
    assert {reasons[number] for number in in_time if number in reasons} <= {("skipped", "opted_out")}
    assert_sound(store, people.shopify)
    if IS_WHOLE:
        assert len(stopped) == STOPS
        assert STOPS // 10 < len(in_time) < STOPS


def find_place(sending: Sending, campaign_id: int) -> int:
    """How far the audience is claimed."""
    found = sending.store.read(sending.project, current_time(), get_campaign, campaign_id=campaign_id)
    assert found is not None
    return found.next_place


def is_claimed(sending: Sending, number: int) -> bool:
    read = sending.store.read
    found = read(sending.project, current_time(), messages.list_messages_of, mobile=number, after=0, limit=1)
    return any(message.claimed_at for message in found)
