"""Look-ups: a message whose answer was lost is found at a provider that lists what it took, and is never sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daftari.gateways import SENDING_GATEWAYS
from daftari.model.inbound import DeliveryReport
from daftari.model.jobs import JobKind
from daftari.model.messages import StoredMessage
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.outbound.exchange import OutboundRequest
from daftari.rules.messages import lookups, settle
from daftari.rules.messages.content import outgoing
from daftari.rules.senders import lifecycle
from daftari.rules.senders.model import account_of
from daftari.store import Store, messages
from daftari.worker import Provider
from daftari.worker.jobs import JOBS
from daftari.worker.lookups import LookUpWork
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.fake_provider import FakeProvider, Rule, fake_provider
from tests.support.fake_provider.dialects import BAD_KEY
from tests.support.message_steps import HOUR, MINUTE, Sending

FIRST = 254_722_000_000
ACCOUNTS: dict[str, dict[str, dict[str, str]]] = {
    "twilio": {"settings": {"account_sid": "AC1"}, "credentials": {"secret": "kikapu"}},
    "infobip": {"settings": {}, "credentials": {"api_key": "kikapu"}},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as running:
        yield running


@pytest.fixture
def client(provider: FakeProvider) -> Iterator[OutboundClient]:
    provider.forget()
    with OutboundClient(allowed_hosts=[f"127.0.0.1:{provider.port}"]) as client:
        yield client


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


class Account(Sending):
    """A sender at the fake provider. Its messages are sent three minutes ago, and the answers are lost."""

    def __init__(
        self, store: Store, project: Project, provider: FakeProvider, client: OutboundClient, name: str
    ) -> None:
        given: dict[str, Any] = {**ACCOUNTS[name], "gateway": name}
        given["settings"] = {**given["settings"], "base_url": provider.url(name)}
        super().__init__(store, project, now=current_time() - 3 * MINUTE, **given)
        self.gateway, self.provider, self.client = SENDING_GATEWAYS[name], provider, client

    def send(self, *mobiles: int, is_taken: bool = True) -> list[StoredMessage]:
        """Messages whose answers were lost, taken or not."""
        self.create([str(mobile) for mobile in mobiles])
        sent = self.claimed()
        account = self.store.read(self.project, self.now, account_of, sender=self.sender(), public_url=None)
        for message in sent if is_taken else ():
            self.provider.behave(Rule(lose=True))
            found = outgoing(message, sender=self.sender(), project_id=self.project.id, now=self.now, closes_at=None)
            request = self.gateway.compose([found], account)
            assert isinstance(request, OutboundRequest)
            self.client.send(request)
        self.provider.behave()
        self.answer(sent, "unknown")
        return sent

    def look_up(self) -> bool:
        """What the worker does in one step. Returns whether there is more."""
        provider, subject = Provider(self.client), str(self.sender_id)
        with LookUpWork(
            self.store, self.project, subject=subject, may_continue=lambda: True, provider=provider
        ) as work:
            return work.step()

    def message(self, number: int) -> StoredMessage:
        return self.store.read(self.project, self.now, messages.find_messages, ids=[number])[number]

    def provider_ids(self, number: int) -> list[str]:
        return [
            one.provider_id for one in self.store.read(self.project, self.now, messages.list_attempts, ids=[number])
        ]


Begin = Callable[[str], Account]


@pytest.fixture
def begin(store: Store, project: Project, provider: FakeProvider, client: OutboundClient) -> Begin:
    return lambda name: Account(store, project, provider, client, name)


@pytest.mark.parametrize("name", ACCOUNTS)
def test_a_message_that_the_provider_took_is_found_and_a_report_of_its_own_id_counts(begin: Begin, name: str) -> None:
    account = begin(name)
    (sent,) = account.send(FIRST)
    assert account.message(sent.id).state == "unknown"
    assert not account.look_up()
    assert account.message(sent.id).state == "accepted"
    (known,) = account.provider_ids(sent.id)
    account.report(DeliveryReport(provider_id=known, state="delivered"))
    assert account.message(sent.id).state == "delivered"
    assert account.provider.seen().taken == 1


@pytest.mark.parametrize("name", ACCOUNTS)
def test_what_is_not_found_stays_unknown_and_is_looked_for_ever_less_often(
    begin: Begin, name: str, store: Store
) -> None:
    account = begin(name)
    (sent,) = account.send(FIRST, is_taken=False)
    looks = []
    while due := account.message(sent.id).due_at:
        looks.append((due - sent.claimed_at) // MINUTE)
        account.now = due
        found = account.store.read(account.project, account.now, lookups.find_lookups, sender_id=account.sender_id)
        assert found is not None and [one.sent.mobile for one in found.found] == [FIRST]
        nothing = [lookups.LookedUp(one.sent, None) for one in found.found]
        account.write(lookups.record_lookups, sender_id=account.sender_id, looked_up=nothing)
        assert account.message(sent.id).state == "unknown"
    assert looks == [2, 10, 60, 360, 1440, 2400]
    assert account.look_up() is False and account.provider.calls == 0


def test_a_look_up_that_fails_changes_nothing_and_no_further_one_is_made_now(begin: Begin) -> None:
    account = begin("twilio")
    first, second = account.send(FIRST, FIRST + 1)
    account.write(lifecycle.change_sender, sender_id=account.sender_id, values={"credentials": {"secret": BAD_KEY}})
    assert account.look_up()
    assert [account.message(sent.id).state for sent in (first, second)] == ["unknown", "unknown"]
    assert account.message(first.id).due_at > current_time() >= account.message(second.id).due_at


def test_what_is_found_takes_nothing_back(begin: Begin) -> None:
    account = begin("infobip")
    delivered, retried = account.send(FIRST, FIRST + 1)
    found = account.store.read(account.project, current_time(), lookups.find_lookups, sender_id=account.sender_id)
    assert found is not None
    account.report(DeliveryReport(own_id=found.found[0].sent.id, provider_id="x", state="delivered"))
    again = [account.message(retried.id)]
    account.write(
        messages.save_messages,
        messages=[lookups.replace(again[0], state="waiting", due_at=0, attempt=2)],
    )
    late = [lookups.LookedUp(one.sent, lookups.Outcome(message=one.sent, word="accepted", provider_id=f"y{place}"))
            for place, one in enumerate(found.found)]  # fmt: skip
    account.write(lookups.record_lookups, sender_id=account.sender_id, looked_up=late)
    assert account.message(delivered.id).state == "delivered"
    assert (account.message(retried.id).state, account.message(retried.id).attempt) == ("waiting", 2)


def test_a_report_that_came_before_its_message_was_found_counts(begin: Begin) -> None:
    account = begin("twilio")
    (sent,) = account.send(FIRST)
    account.report(DeliveryReport(provider_id=account.provider.taken[0].id, state="delivered"))
    assert account.message(sent.id).state == "unknown"
    account.look_up()
    assert account.message(sent.id).state == "delivered"


def test_a_message_to_an_erased_number_is_not_looked_for(begin: Begin) -> None:
    account = begin("infobip")
    before, during = account.send(FIRST, FIRST + 1)
    consent_calls.erase_number(account.store, account.project, FIRST, now=account.now)
    found = account.store.read(account.project, current_time(), lookups.find_lookups, sender_id=account.sender_id)
    assert found is not None
    assert [one.sent.mobile for one in found.found] == [FIRST + 1]
    assert (account.message(before.id).state, account.message(during.id).state) == ("unknown", "unknown")


def test_a_refusal_that_is_found_is_a_fact_about_the_number(begin: Begin) -> None:
    account = begin("twilio")
    (sent,) = account.send(FIRST, is_taken=False)
    found = account.store.read(account.project, current_time(), lookups.find_lookups, sender_id=account.sender_id)
    assert found is not None
    refused = lookups.Outcome(message=found.found[0].sent, word="opt_out", code="21610", provider_id="SM1")
    looked_up = [lookups.LookedUp(found.found[0].sent, refused)]
    account.write(lookups.record_lookups, sender_id=account.sender_id, looked_up=looked_up)
    assert (account.message(sent.id).state, account.message(sent.id).code) == ("failed", "21610")
    account.create([str(FIRST)])
    account.wait(HOUR)
    assert account.claimed() == []


def test_where_the_provider_lists_nothing_no_job_is_made(store: Store, project: Project, database: str) -> None:
    sending = Sending(store, project, gateway="log")
    sending.create([str(FIRST)])
    sending.answer(sending.claimed(), "unknown")
    sending.wait(HOUR)
    assert store.read(project, sending.now, lookups.list_lookup_senders) == []
    assert JobKind.LOOK_UP not in [kind for (kind,) in rows_of(database, "SELECT kind FROM job")]


def test_many_lost_answers_request_the_job_once(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(settle, "hint_job", lambda tx, *, kind, subject, due_at: asked.append(kind))
    account = begin("twilio")
    account.send(FIRST, FIRST + 1, FIRST + 2, is_taken=False)
    account.create([str(FIRST + 3), str(FIRST + 4)])
    account.wait(1_000_000)
    account.claimed()
    account.take_over()
    assert asked == [JobKind.LOOK_UP, JobKind.LOOK_UP]


def test_a_lost_answer_requests_the_job_which_is_found_without_its_hint_too(begin: Begin, database: str) -> None:
    account = begin("twilio")
    account.send(FIRST, is_taken=False)
    assert JobKind.LOOK_UP in [kind for (kind,) in rows_of(database, "SELECT kind FROM job")]
    list_subjects = JOBS[JobKind.LOOK_UP].list_subjects
    assert account.store.read(account.project, account.now, list_subjects) == []
    assert account.store.read(account.project, current_time(), list_subjects) == [str(account.sender_id)]


def test_after_a_crash_too_what_was_claimed_is_looked_for(begin: Begin) -> None:
    account = begin("twilio")
    account.create([str(FIRST)])
    (sent,) = account.claimed()
    account.take_over()
    assert (account.message(sent.id).state, account.message(sent.id).due_at > 0) == ("unknown", True)
