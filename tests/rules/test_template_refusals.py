"""A WhatsApp template that the provider refuses: its campaign pauses, the sender does not, single messages fail."""

from __future__ import annotations

import pytest

from daftari.model.messages import StoredMessage
from daftari.model.projects import Project
from daftari.rules.messages.views import get_message
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.campaigns import Campaigns
from tests.support.message_steps import MINUTE, Sending

FIRST = 254_722_000_000
PEOPLE = 4
TEMPLATE = {"text": None, "template": "offer", "language": "sw"}
SAYS = "Template name does not exist in the translation"


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def sending(store: Store, project: Project) -> Sending:
    calls.create_contacts(store, project, [{"mobile": FIRST + place} for place in range(PEOPLE)])
    return Sending(
        store, project, channel="whatsapp", gateway="whatsapp", in_flight=2,
        settings={"phone_number_id": "9"}, credentials={"access_token": "k", "app_secret": "k"},
    )  # fmt: skip


def refuse(sending: Sending, sent: list[StoredMessage], *, code: str = "132001", says: str = SAYS) -> None:
    sending.answer(sent, "stop", code=code, says=says)
    sending.wait(MINUTE)


def test_the_campaign_pauses_in_the_provider_s_words_and_what_was_refused_waits(sending: Sending) -> None:
    campaigns = Campaigns(sending)
    refused, other = campaigns.started(**TEMPLATE), campaigns.started(**{**TEMPLATE, "template": "news"})
    mine = [message for message in sending.claimed() if message.origin_id == refused]
    refuse(sending, mine)
    shown = campaigns.assert_adds_up(refused)
    assert (shown.state, shown.reason) == ("paused", "template")
    assert shown.provider_says == f"The provider answered 132001: {SAYS}"
    assert shown.states == {"waiting": PEOPLE}
    assert sending.sender().paused == ""
    assert {message.origin_id for message in sending.claimed()} == {other}


def test_a_person_resumes_it_and_everyone_gets_the_message_once(sending: Sending) -> None:
    campaigns = Campaigns(sending)
    number = campaigns.started(**TEMPLATE)
    refuse(sending, sending.claimed())
    assert campaigns.resume(number).provider_says is None
    sent = []
    while claimed := sending.claimed():
        sent += claimed
        sending.answer(claimed, "accepted")
        sending.wait(MINUTE)
    assert sorted(message.subject_id for message in sent) == [FIRST + place for place in range(PEOPLE)]
    assert campaigns.assert_adds_up(number).states == {"accepted": PEOPLE}


def test_a_message_that_is_refused_again_in_the_same_words_fails_and_stops_no_other_one_for_ever(
    sending: Sending,
) -> None:
    campaigns = Campaigns(sending)
    number = campaigns.started(**TEMPLATE)
    refuse(sending, sending.claimed(), code="132005")
    campaigns.resume(number)
    bad, good = sending.claimed()
    refuse(sending, [bad], code="132005")
    sending.answer([good], "accepted")
    campaigns.resume(number)
    while claimed := sending.claimed():
        sending.answer(claimed, "accepted")
        sending.wait(MINUTE)
    shown = campaigns.assert_adds_up(number)
    assert (shown.state, shown.states) == ("finished", {"accepted": PEOPLE - 1, "failed": 1})
    assert shown.reasons == {"template": 1}
    campaigns.retry(number, "failed")
    sending.answer(sending.claimed(), "accepted")
    assert campaigns.assert_adds_up(number).states == {"accepted": PEOPLE}


def test_a_single_message_fails_with_the_provider_s_words(store: Store, sending: Sending) -> None:
    sending.create([str(FIRST + place) for place in range(PEOPLE)], channel="whatsapp", **TEMPLATE)
    for _ in range(2):
        refuse(sending, sending.claimed())
    assert sending.states() == [("failed", "template")] * PEOPLE
    assert sending.sender().paused == ""
    shown = store.read(sending.project, sending.now, get_message, message_id=sending.messages()[0].id)
    assert (shown.reason, shown.code, shown.says) == ("template", "132001", SAYS)


def test_what_is_about_the_account_still_pauses_the_sender(sending: Sending) -> None:
    campaigns = Campaigns(sending)
    number = campaigns.started(**TEMPLATE)
    for _ in range(2):
        refuse(sending, sending.claimed(), code="131042", says="Payment issue")
    assert "Payment issue" in sending.sender().paused
    assert campaigns.show(number).state == "running"


def test_the_provider_s_words_are_forgotten_with_the_number(store: Store, project: Project) -> None:
    sending = Sending(store, project)
    sending.create([str(FIRST)])
    sending.answer(sending.claimed(), "refused", says=f"{FIRST} is not a mobile")
    assert str(FIRST) in sending.messages()[0].says
    consent_calls.erase_number(store, project, FIRST, now=sending.now)
    assert sending.messages()[0].says == ""
