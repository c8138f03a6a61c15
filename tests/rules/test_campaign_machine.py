"""Random lives of campaigns: whatever people and providers do, the counts are those of the log, and it is everyone's.

Two campaigns share a sender. No number is claimed twice for an attempt, and none whose last fact is an opt-out.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from daftari.errors import ContactNotFound, ValidationFailed, WrongCampaignState
from daftari.model.inbound import DeliveryReport
from daftari.model.messages import StoredMessage
from daftari.rules.messages import campaigns as claims
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.campaigns import Campaigns
from tests.support.message_steps import HOUR, MINUTE, SECOND, Sending

PEOPLE = 14
RUNS = 25
WORDS = ("accepted", "again", "refused", "unknown", "opt_out", "slow", None)
numbers = st.integers(1, PEOPLE)


def mobile(number: int) -> int:
    return 254_722_000_000 + number


class CampaignMachine(RuleBasedStateMachine):
    """Two campaigns of one sender, one with an end."""

    def __init__(self, store: Store, turns: count[int]) -> None:
        super().__init__()
        self.store = store
        self.project = calls.create_project(store, f"Shopify {next(turns)}")
        people = [{"mobile": str(mobile(number)), "fname": f"Name{number}"} for number in range(1, PEOPLE + 1)]
        calls.create_contacts(store, self.project, people, group="VIP")
        self.campaigns = Campaigns(Sending(store, self.project, parts_per_second=4))
        self.sending = self.campaigns.sending
        until = (self.sending.now + 3 * SECOND) // SECOND
        self.started = [
            self.campaigns.started(groups=["VIP"], text="Hi {{ fname }}"),
            self.campaigns.started(name="Ends", until=until),
        ]
        self.open: list[StoredMessage] = []
        self.sent: set[tuple[int, int, int]] = set()
        self.taken: list[StoredMessage] = []
        self.out: set[int] = set()

    @rule()
    def claim(self) -> None:
        self.sending.wait(SECOND)
        for message in self.sending.claimed():
            claimed = (message.id, message.attempt, message.claimed_at)
            assert claimed not in self.sent
            self.sent.add(claimed)
            assert message.subject_id not in self.out
            self.open.append(message)

    @precondition(lambda self: self.open)
    @rule(word=st.sampled_from(WORDS), most=st.integers(1, 4))
    def answer(self, word: Any, most: int) -> None:
        answered, self.open = self.open[:most], self.open[most:]
        known = {message.id: message for message in self.sending.messages()}
        self.sending.answer(
            [known[message.id] for message in answered], word, code="30006" if word == "opt_out" else ""
        )
        if word == "accepted":
            self.taken += answered
        if word == "opt_out":
            self.out.update(message.subject_id for message in answered)

    @precondition(lambda self: self.taken)
    @rule(state=st.sampled_from(["delivered", "failed"]))
    def report(self, state: Any) -> None:
        message = self.taken.pop()
        name = f"p{message.id}-{message.attempt}"
        self.sending.report(DeliveryReport(provider_id=name, own_id="", number="", state=state, code="", at=None))

    @rule(number=numbers)
    def opt_out(self, number: int) -> None:
        consent_calls.record_given(
            self.store, self.project, [str(mobile(number))], common={}, kind="opt_out", now=self.sending.now
        )
        self.out.add(mobile(number))

    @rule(number=numbers)
    def delete_contact(self, number: int) -> None:
        with suppress(ContactNotFound):
            calls.delete_contact(self.store, self.project, str(mobile(number)), now=self.sending.now)
            self.out.add(mobile(number))

    @rule(number=numbers)
    def leave_group(self, number: int) -> None:
        calls.leave_group(self.store, self.project, "VIP", ids=[], mobiles=[mobile(number)], now=self.sending.now)

    @rule(number=numbers)
    def erase(self, number: int) -> None:
        consent_calls.erase_number(self.store, self.project, mobile(number), now=self.sending.now)
        self.out.add(mobile(number))

    @rule(place=st.integers(0, 1), act=st.sampled_from(["pause", "resume", "cancel"]))
    def change(self, place: int, act: str) -> None:
        with suppress(WrongCampaignState):
            getattr(self.campaigns, act)(self.started[place])

    @rule(place=st.integers(0, 1), states=st.sampled_from([["failed"], ["unknown"], ["failed", "unknown"]]))
    def retry(self, place: int, states: list[str]) -> None:
        with suppress(WrongCampaignState, ValidationFailed):
            self.campaigns.retry(self.started[place], *states, may_repeat=True)

    @rule(length=st.sampled_from([SECOND, MINUTE, HOUR]))
    def wait(self, length: int) -> None:
        self.sending.wait(length)

    @rule()
    def take_over(self) -> None:
        self.sending.fence = self.sending.take_over()
        self.open = []

    @invariant()
    def counts_are_those_of_the_log(self) -> None:
        for campaign_id in self.started:
            shown = self.campaigns.assert_adds_up(campaign_id)
            if shown.state == "finished":
                assert not shown.states.keys() & {"waiting", "sending"}


def test_the_counts_add_up_after_every_step(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RETRIED_PER_STEP", 3)
    monkeypatch.setattr(claims, "ENDED_PER_STEP", 2)
    turns = count(1)

    def machine() -> CampaignMachine:
        return CampaignMachine(store, turns)

    run_state_machine_as_test(
        cast(Any, machine), settings=settings(max_examples=RUNS, suppress_health_check=list(HealthCheck))
    )
