"""The feed has each end of every message once, in the transaction in which it happened, and when campaigns run."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from daftari.model.inbound import DeliveryReport
from daftari.model.messages import StoredMessage
from daftari.model.projects import Project
from daftari.rules import feed
from daftari.rules.feed import ChangeView
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.calls import NOW
from tests.support.campaigns import Campaigns
from tests.support.message_steps import HOUR, MINUTE, Sending

FIRST = 254_722_000_000
PEOPLE = 12
ENDS = {"delivered", "failed", "expired", "skipped", "cancelled"}
STEPS = 80
SEEDS = (1, 2, 3)
ONE_TRANSACTION = {"claim", "answer", "report", "report_early", "erase", "cancel"}

Said = set[tuple[int | None, int]]
"""Campaign and message of each end."""


class Follower:
    """A reader of the feed, which compares what it says with the messages themselves."""

    def __init__(self, sending: Sending) -> None:
        self.sending = sending
        self._states: dict[int, str] = {}
        self._seq = 0

    def read(self) -> list[ChangeView]:
        """The changes about sending since the last call."""
        page = self.sending.store.read(
            self.sending.project, self.sending.now, feed.read_changes, after=self._seq, limit=1_000
        )
        self._seq = page.next
        return [change for change in page.changes if change.type.startswith(("messages.", "campaign."))]

    def said(self, changes: list[ChangeView]) -> Said:
        """Campaign and message of every end; each is said once."""
        found = [
            (change.campaign, number)
            for change in changes
            for first, last in change.message_ids or ()
            for number in range(first, last + 1)
        ]
        assert len(found) == len(set(found)), "an end is there once"
        return set(found)

    def ended(self) -> Said:
        """What came to an end since the last call, as the messages' rows say."""
        messages = self.sending.messages()
        found = {
            (message.origin_id or None, message.id)
            for message in messages
            if message.state in ENDS and self._states.get(message.id) != message.state
        }
        self._states = {message.id: message.state for message in messages}
        return found


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    calls.create_contacts(store, project, [{"mobile": FIRST + place} for place in range(PEOPLE)])
    return project


@pytest.fixture
def sending(store: Store, project: Project) -> Sending:
    return Sending(store, project, in_flight=5)


def report(message: StoredMessage, state: str, code: str = "1") -> DeliveryReport:
    return DeliveryReport(provider_id=f"p{message.id}-{message.attempt}", state=state, code=code)


class Walk:
    """Random acts on two campaigns and on messages of calls."""

    def __init__(self, sending: Sending, seed: int) -> None:
        self.sending, self.campaigns, self.random = sending, Campaigns(sending), random.Random(seed)
        self.ids: list[int] = []
        self.acts: tuple[Callable[[], object], ...] = (
            *(self.start, self.start_until, self.ask, self.ask_until, self.cancel, self.retry, self.wait, self.opt_out),
            *[self.claim] * 4,
            *[self.answer] * 4,
            *(self.report, self.report, self.report_early, self.erase, self.take_over),
        )

    def start(self) -> None:
        if len(self.ids) < 4:
            self.ids.append(self.campaigns.started(name="Offer"))

    def start_until(self) -> None:
        if len(self.ids) < 4:
            self.ids.append(self.campaigns.started(name="Offer", until=(self.sending.now + MINUTE) // 1_000_000))

    def ask(self) -> None:
        self.sending.create([str(FIRST + self.random.randrange(PEOPLE + 3)) for _ in range(2)])

    def ask_until(self) -> None:
        self.sending.create([str(FIRST)], until=(self.sending.now + MINUTE) // 1_000_000)

    def cancel(self) -> None:
        found = [number for number in self.ids if self.campaigns.show(number).state in ("running", "paused")]
        if found and not self.random.randrange(3):
            self.campaigns.cancel(self.random.choice(found))

    def retry(self) -> None:
        found = [number for number in self.ids if self.campaigns.show(number).state == "finished"]
        if found and self.campaigns.show(found[0]).until is None:
            self.campaigns.retry(found[0], "failed", may_repeat=True)

    def wait(self) -> None:
        self.sending.wait(self.random.choice([10, MINUTE, 2 * MINUTE, 80 * HOUR]))
        for number in self.ids:
            if self.campaigns.show(number).state == "paused":
                self.campaigns.resume(number)

    def opt_out(self) -> None:
        mobile = FIRST + self.random.randrange(PEOPLE)
        consent_calls.record_given(
            self.sending.store, self.sending.project, [mobile],
            common={"source": "form", "at": self.sending.now / 1_000_000}, kind="opt_out", now=self.sending.now,
        )  # fmt: skip

    def claim(self) -> None:
        self.sending.wait(1_000_000)
        self.sending.claim()

    def answer(self) -> None:
        self.sending.answer(
            self._in("sending"), self.random.choice(["accepted", "accepted", "refused", "again", "unknown"])
        )

    def report(self) -> None:
        found = self._in("accepted", "unknown", "failed", "expired")
        states = ["accepted", "delivered", "failed", "expired"]
        chosen = self.random.sample(found, min(3, len(found)))
        self.sending.report(*[self.by_any_id(message, self.random.choice(states)) for message in (*chosen, *chosen)])

    def by_any_id(self, message: StoredMessage, state: str) -> DeliveryReport:
        if message.state != "unknown":
            return report(message, state)
        own_id = f"{self.sending.project.id}-{message.id}-{message.attempt}"
        return DeliveryReport(own_id=own_id, state=state, code="1")

    def report_early(self) -> None:
        found = self._in("sending")
        self.sending.report(*[report(message, self.random.choice(["delivered", "failed"])) for message in found])

    def erase(self) -> None:
        if not self.random.randrange(3):
            mobile = FIRST + self.random.randrange(PEOPLE)
            consent_calls.erase_number(self.sending.store, self.sending.project, mobile, now=self.sending.now)

    def take_over(self) -> None:
        self.sending.fence = self.sending.take_over()

    def _in(self, *states: str) -> list[StoredMessage]:
        return [message for message in self.sending.messages() if message.state in states]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_end_of_every_message_is_told_once_by_the_act_that_brings_it(sending: Sending, seed: int) -> None:
    walk, follower = Walk(sending, seed), Follower(sending)
    runs: dict[int | None, list[str]] = {}
    ends = 0
    for _ in range(STEPS):
        act = walk.random.choice(walk.acts)
        act()
        changes, ended = follower.read(), follower.ended()
        assert follower.said(changes) == ended, act.__name__
        settled = [change.campaign for change in changes if change.type == "messages.settled"]
        if act.__name__ in ONE_TRANSACTION:
            assert len(settled) == len(set(settled)), act.__name__
        ends += len(ended)
        for change in changes:
            if change.type.startswith("campaign."):
                runs.setdefault(change.campaign, []).append(change.type)
    assert ends > 0
    for number in walk.ids:
        has_ended = walk.campaigns.show(number).state in ("finished", "cancelled")
        said = ["campaign.started", "campaign.finished"] * len(runs[number])
        assert runs[number] == said[: len(runs[number])]
        assert (len(runs[number]) % 2 == 0) == has_ended


def test_what_the_worker_and_reports_bring_is_in_no_journal_row(sending: Sending, database: str) -> None:
    sending.create([str(FIRST), str(FIRST + 1)])
    rows = len(rows_of(database, "SELECT seq FROM journal"))
    sent = sending.claimed()
    sending.answer(sent[:1], "refused")
    sending.answer(sent[1:], "accepted")
    sending.report(report(sent[1], "delivered"))
    assert len(rows_of(database, "SELECT seq FROM journal")) == rows
    said = [change for change in Follower(sending).read() if change.message_ids]
    assert [change.message_ids for change in said] == [[[sent[0].id] * 2], [[sent[1].id] * 2]]
    assert [(change.by.key, change.by.source) for change in said] == [(None, "worker"), (None, "worker")]


def test_a_message_that_is_accepted_has_no_end_yet(sending: Sending) -> None:
    sending.create([str(FIRST)])
    sending.answer(sending.claimed(), "accepted")
    assert Follower(sending).read() == []


def test_a_change_without_a_journal_row_is_deleted_when_its_time_is_over(store: Store, sending: Sending) -> None:
    sending.create([str(FIRST)])
    sending.answer(sending.claimed(), "refused")
    assert Follower(sending).read() != []
    later = NOW + 91 * feed.DAY_MICROSECONDS
    assert store.read(sending.project, later, feed.has_expired_change)
    store.write(sending.project, calls.WORKER, later, feed.expire_changes)
    assert store.read(sending.project, later, feed.read_changes, after=None, limit=10).changes == []
