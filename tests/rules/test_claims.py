"""Who is claimed, when a number was erased, a group deleted or a cap reached meanwhile."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daftari.gateways import OutcomeWord
from daftari.model.inbound import DeliveryReport
from daftari.model.projects import Cap, ConsentSettings
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.campaigns import Campaigns
from tests.support.message_steps import SECOND, Sending
from tests.support.messaged_people import INFOBIP

ONE, TWO = 254_722_000_001, 254_722_000_002


@pytest.fixture
def sending(store: Store) -> Sending:
    return Sending(store, calls.create_project(store))


@pytest.mark.parametrize("word", ["again", None])
def test_a_number_that_was_erased_during_a_call_is_not_sent_to_again(
    sending: Sending, word: OutcomeWord | None
) -> None:
    sending.create([ONE])
    sent = sending.claimed()
    consent_calls.erase_number(sending.store, sending.project, ONE, now=sending.now)
    sending.answer(sending.messages(), word)
    assert [message.subject_id for message in sending.messages()] == [-sent[0].id]
    sending.wait(10 * SECOND)
    assert sending.claimed() == []
    assert sending.states() == [("skipped", "erased")]


def test_an_erasure_during_a_call_leaves_the_parts_of_the_campaign_as_they_are(sending: Sending) -> None:
    calls.create_contacts(sending.store, sending.project, [{"mobile": str(ONE)}])
    campaigns = Campaigns(sending)
    number = campaigns.started()
    assert len(sending.claimed()) == 1
    consent_calls.erase_number(sending.store, sending.project, ONE, now=sending.now)
    assert campaigns.show(number).parts == 1


def test_members_of_a_group_that_is_deleted_are_not_claimed_by_its_campaign(sending: Sending) -> None:
    calls.create_contacts(sending.store, sending.project, [{"mobile": str(ONE)}], group="VIP")
    campaigns = Campaigns(sending)
    campaigns.started(groups=["VIP"])
    calls.delete_group(sending.store, sending.project, "VIP", now=sending.now)
    assert sending.claimed() == []
    assert sending.states() == [("skipped", "left_group")]


def test_a_message_that_is_not_sent_is_none_of_those_that_a_number_may_get(store: Store) -> None:
    consent = ConsentSettings(quiet_hours="off", caps={"transactional": Cap(messages=1, hours=24)})
    sending = Sending(store, replace(calls.create_project(store), consent=consent))
    sending.create([ONE], text="Hi {{ fname }}")
    sending.create([ONE, ONE])
    assert len(sending.claimed()) == 1
    assert sending.states() == [("skipped", "no_field"), ("sending", ""), ("skipped", "too_often")]


def test_a_retry_repeats_nothing_that_was_claimed_after_it_was_asked_for(sending: Sending) -> None:
    calls.create_contacts(sending.store, sending.project, [{"mobile": str(ONE)}, {"mobile": str(TWO)}])
    campaigns = Campaigns(sending)
    number = campaigns.started()
    campaigns.retry(number, "unknown", may_repeat=True)
    sending.wait(SECOND)
    sent = sending.claimed()
    sending.answer(sent, "unknown")
    sending.wait(SECOND)
    assert sending.claimed() == []
    assert sending.states() == [("unknown", "")] * 2


def test_a_retry_leaves_an_erased_number_as_it_ended(sending: Sending) -> None:
    calls.create_contacts(sending.store, sending.project, [{"mobile": str(ONE)}])
    campaigns = Campaigns(sending)
    number = campaigns.started()
    sending.answer(sending.claimed(), "refused")
    consent_calls.erase_number(sending.store, sending.project, ONE, now=sending.now)
    campaigns.retry(number, "failed")
    assert sending.claimed() == []
    assert sending.states() == [("failed", "refused")]
    assert campaigns.show(number).state == "finished"


def test_a_message_that_arrived_is_delivered_though_it_was_skipped_when_it_was_to_be_sent_again(store: Store) -> None:
    sending = Sending(store, calls.create_project(store), **INFOBIP)
    sending.create([ONE, TWO])
    first, second = sending.claimed()
    sending.fence = sending.take_over()
    consent_calls.record_given(store, sending.project, [str(ONE), str(TWO)], common={}, kind="opt_out", now=sending.now)
    sending.wait(SECOND)
    assert sending.claimed() == []
    for message, state in ((first, "delivered"), (second, "failed")):
        sending.report(DeliveryReport(own_id=f"{sending.project.id}-{message.id}-1", state=state))
    assert sending.states() == [("delivered", ""), ("skipped", "opted_out")]
