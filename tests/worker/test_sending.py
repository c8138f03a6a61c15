"""Sending as a worker does it: claimed, called over HTTP and recorded; whatever the provider and the machine do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import StoreBusy
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.rules.access import projects
from daftari.rules.messages.settle import record_answers
from daftari.store import Store, senders
from daftari.worker import Provider, run_worker
from daftari.worker import sending as worker_sending
from tests.support import calls, consent_calls
from tests.support.campaigns import Campaigns
from tests.support.fake_provider import FakeProvider, Rule, fake_provider
from tests.support.message_steps import Sending
from tests.support.waiting import wait_for

FIRST = 254_722_000_000
Begin = Callable[..., Sending]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as running:
        yield running


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def begin(store: Store, project: Project, provider: FakeProvider) -> Begin:
    """A sender at the fake provider, 100 numbers a call."""

    def begin(**sender: Any) -> Sending:
        provider.forget()
        account = {
            "gateway": "sozuri",
            "settings": {"project": "duka", "base_url": provider.url("sozuri")},
            "credentials": {"api_key": "kikapu"},
        }
        return Sending(store, project, now=current_time(), **{**account, **sender})

    return begin


@contextmanager
def working(store: Store, provider: FakeProvider) -> Iterator[None]:
    """A worker in a thread of this process."""
    stopping = Event()
    with OutboundClient(allowed_hosts=[f"127.0.0.1:{provider.port}"]) as client:
        thread = Thread(target=run_worker, args=(stopping.wait,), kwargs={"store": store, "provider": Provider(client)})
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def ask(sending: Sending, count: int, *, first: int = 0, **common: Any) -> None:
    sending.create([str(FIRST + place) for place in range(first, first + count)], **common)


def is_settled(sending: Sending) -> bool:
    return not {"waiting", "sending"} & {state for state, _ in sending.states()}


def states(sending: Sending) -> dict[str, int]:
    found: dict[str, int] = {}
    for state, _ in sending.states():
        found[state] = found.get(state, 0) + 1
    return found


def test_every_message_is_sent_once(store: Store, provider: FakeProvider, begin: Begin) -> None:
    sending = begin(parts_per_second=10_000)
    ask(sending, 250)
    with working(store, provider):
        wait_for(lambda: is_settled(sending))
    seen = provider.seen()
    assert (seen.taken, seen.numbers, seen.twice) == (250, 250, [])
    assert states(sending) == {"accepted": 250}


def test_what_comes_while_nothing_waits_is_sent_at_once(store: Store, provider: FakeProvider, begin: Begin) -> None:
    sending = begin()
    with working(store, provider):
        for place in range(3):
            ask(sending, 1, first=place)
            wait_for(lambda: is_settled(sending))
    assert provider.seen().taken == 3


def test_nothing_is_sent_twice_whatever_the_provider_answers(
    store: Store, provider: FakeProvider, begin: Begin
) -> None:
    sending = begin(parts_per_second=10_000, in_flight=1)
    provider.behave(
        Rule(calls=1, half=True),
        Rule(calls=1, lose=True),
        Rule(calls=1, html=True),
        Rule(calls=1, cut=True),
        Rule(calls=1, status=429, retry_after=1),
        Rule(calls=1, status=429, retry_after=1, retry_after_is_date=True),
    )
    ask(sending, 600)
    with working(store, provider):
        wait_for(lambda: is_settled(sending))
    seen = provider.seen()
    assert (seen.taken, seen.numbers, seen.twice) == (600, 600, [])
    found = states(sending)
    assert found["accepted"] + found["unknown"] == 600
    assert found["unknown"] <= 350


def test_a_storm_of_too_many_requests_slows_the_sender_and_loses_and_repeats_nothing(
    store: Store, provider: FakeProvider, begin: Begin
) -> None:
    sending = begin(
        name="+254711000000", gateway="twilio", in_flight=5, parts_per_second=1_000,
        settings={"account_sid": "AC1", "base_url": provider.url("twilio")}, credentials={"secret": "kikapu"},
    )  # fmt: skip
    provider.behave(
        Rule(calls=10, status=429, retry_after=1),
        Rule(calls=5, status=429, retry_after=1, retry_after_is_date=True),
    )
    sending.create([str(FIRST + place) for place in range(20)], sender="+254711000000")
    with working(store, provider):
        wait_for(lambda: is_settled(sending))
    seen = provider.seen()
    assert (seen.taken, seen.numbers, seen.twice) == (20, 20, [])
    assert states(sending) == {"accepted": 20}
    assert sending.sender().paused == ""
    assert provider.calls == 15 + 20


def test_an_answer_that_a_busy_database_does_not_take_is_recorded_later(
    store: Store, provider: FakeProvider, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, refusals = begin(), [StoreBusy(), StoreBusy()]

    def record_busily(*given: Any, **named: Any) -> bool:
        if refusals:
            raise refusals.pop()
        return record_answers(*given, **named)

    monkeypatch.setattr(worker_sending, "record_answers", record_busily)
    ask(sending, 3)
    with working(store, provider):
        wait_for(lambda: is_settled(sending))
    assert states(sending) == {"accepted": 3}
    assert provider.seen().taken == 3


def test_a_template_that_the_provider_refuses_stops_its_campaign_and_not_the_sender(
    store: Store, project: Project, provider: FakeProvider, begin: Begin
) -> None:
    calls.create_contacts(store, project, [{"mobile": FIRST + place} for place in range(3)])
    sending = begin(
        name="254700000009", channel="whatsapp", gateway="whatsapp",
        settings={"phone_number_id": "9", "base_url": provider.url("whatsapp")},
        credentials={"access_token": "kikapu", "app_secret": "kikapu"},
    )  # fmt: skip
    campaigns, content = Campaigns(sending), {"text": None, "template": "offer", "language": "sw"}
    refused = campaigns.started(sender="254700000009", **content)
    provider.behave(Rule(code="132001"))
    with working(store, provider):
        wait_for(lambda: campaigns.show(refused).state == "paused")
        wait_for(lambda: "sending" not in states(sending))
        shown = campaigns.show(refused)
        assert (shown.reason, "132001" in (shown.provider_says or "")) == ("template", True)
        assert (sending.sender().paused, shown.states) == ("", {"waiting": 3})
        provider.behave()
        campaigns.resume(refused)
        wait_for(lambda: campaigns.show(refused).state == "finished")
    assert provider.seen().twice == []
    assert campaigns.assert_adds_up(refused).states == {"accepted": 3}


def test_what_a_project_requires_holds_from_the_next_second_on(
    store: Store, provider: FakeProvider, begin: Begin
) -> None:
    sending = begin(parts_per_second=5)
    ask(sending, 40)
    with working(store, provider):
        wait_for(lambda: provider.seen().taken > 0)
        settings: dict[str, Any] = {"region": None, "on_error": None, "consent": {"require_opt_in": True}}
        store.system_write(current_time(), projects.set_project, name="Shopify", **settings)
        wait_for(lambda: ("skipped", "no_opt_in") in sending.states())
    assert provider.seen().taken < 40


def test_no_more_calls_are_under_way_than_the_sender_may_have(
    store: Store, provider: FakeProvider, begin: Begin
) -> None:
    sending = begin(parts_per_second=10_000, in_flight=2)
    provider.behave(Rule(hold=True))
    # Texts that differ: each is a call of its own.
    sending.create([{"mobile": str(FIRST + place), "text": f"Order {place}"} for place in range(20)])
    with working(store, provider):
        provider.wait_until_held(2)
        assert provider.calls == 2
        provider.behave()
        provider.release()
        wait_for(lambda: is_settled(sending))
    assert provider.seen().twice == []


def test_a_sender_whose_credentials_cannot_be_read_pauses_and_keeps_what_waits(
    store: Store, project: Project, provider: FakeProvider, begin: Begin
) -> None:
    sending = begin()
    broken = replace(sending.sender(), credentials=b"sealed with another secret")
    store.write(project, calls.WORKER, current_time(), senders.update_sender, sender=broken, folded="duka")
    ask(sending, 3)
    with working(store, provider):
        wait_for(lambda: "DAFTARI_SECRET" in sending.sender().paused)
        wait_for(lambda: states(sending) == {"waiting": 3})
    assert provider.calls == 0


def test_a_sender_without_money_pauses_and_keeps_what_waits(store: Store, provider: FakeProvider, begin: Begin) -> None:
    sending = begin(parts_per_second=10_000)
    provider.behave(Rule(code="22"))
    ask(sending, 150)
    with working(store, provider):
        wait_for(lambda: bool(sending.sender().paused))
    assert states(sending) == {"waiting": 150}
    assert provider.seen().taken == 0


def test_an_opt_out_that_was_answered_is_never_followed_by_a_message(
    store: Store, project: Project, provider: FakeProvider, begin: Begin
) -> None:
    twilio = {
        "settings": {"account_sid": "AC1", "base_url": provider.url("twilio")},
        "credentials": {"secret": "kikapu"},
    }
    sending = begin(parts_per_second=200, gateway="twilio", **twilio)
    ask(sending, 200)
    too_late: list[str] = []
    with working(store, provider):
        for place in range(199, 0, -7):
            number = str(FIRST + place)
            consent_calls.record_given(store, project, [number], common={}, kind="opt_out", now=current_time())
            claimed = {str(message.subject_id) for message in sending.messages() if message.claimed_at}
            if number not in claimed:
                too_late.append(number)
        wait_for(lambda: is_settled(sending))
    assert too_late
    assert not set(too_late) & {message.number for message in provider.taken}


@pytest.mark.parametrize("moment", ["held", "free"])
def test_a_worker_that_is_killed_leaves_nothing_that_is_sent_twice(
    store: Store, database: str, provider: FakeProvider, begin: Begin, moment: str
) -> None:
    sending = begin(parts_per_second=2_000, in_flight=2)
    if moment == "held":
        provider.behave(Rule(calls=1, hold=True))
    ask(sending, 600)
    environment = {**os.environ, "DAFTARI_OUTBOUND_HOSTS": f"127.0.0.1:{provider.port}"}
    command = [sys.executable, "-m", "daftari", "worker", "--database", database]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        if moment == "held":
            provider.wait_until_held()
        else:
            wait_for(lambda: provider.calls > 0)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    provider.release()
    with working(store, provider):
        wait_for(lambda: is_settled(sending))
    seen, found = provider.seen(), states(sending)
    assert seen.twice == []
    assert sum(found.values()) == 600
    assert found.get("unknown", 0) <= 200
    assert found["accepted"] <= seen.taken <= found["accepted"] + found.get("unknown", 0)
