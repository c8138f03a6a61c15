"""A sender and its messages, claimed and answered step by step without a network. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from daftari.gateways import Outcome, OutcomeWord
from daftari.model.inbound import DeliveryReport
from daftari.model.messages import StoredMessage, StoredSender
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.messages import claim, create, settle
from daftari.rules.messages.content import outgoing
from daftari.rules.senders import lifecycle
from daftari.rules.senders.model import decode_definition
from daftari.store import Store, WriteTx, messages, senders
from tests.support.calls import ACTOR, REGION, WORKER
from tests.support.stores import NOW

MINUTE = 60_000_000
HOUR = 60 * MINUTE
SECOND = 1_000_000

P = ParamSpec("P")
T = TypeVar("T")


class Sending:
    """One sender of a project, and a worker that has it. Time stands still until ``wait`` is called."""

    def __init__(self, store: Store, project: Project, *, now: int = NOW, **sender: Any) -> None:
        self.store, self.project, self.now = store, project, now
        given = {
            "name": "DUKA",
            "channel": "sms",
            "gateway": "log",
            "purpose": "transactional",
            "parts_per_second": 1_000,
        }
        read = lifecycle.read_sender({**given, **sender}, before=None)
        self.sender_id = self.write(lifecycle.create_sender, given=read, token=f"{read.name}: a token").id
        self.fence = self.take_over()
        self.wait(SECOND)

    def write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.store.write(self.project, WORKER, self.now, rule, *args, **kwargs)

    def wait(self, microseconds: int) -> None:
        self.now += microseconds

    def take_over(self) -> int:
        """Another worker takes the sender, and settles what the former one left."""
        fence = self.write(settle.take_over, sender_id=self.sender_id)
        while self.write(settle.recover_messages, sender_id=self.sender_id, fence=fence):
            pass
        return fence

    def create(self, items: Sequence[object], **common: Any) -> list[create.MessageOutcome]:
        """Messages that a call asks for."""
        members = {"sender": "DUKA", "text": "Hello", **common}
        given = create.read_messages(items, common=members, region=REGION, now=self.now)
        return self.store.write(self.project, ACTOR, self.now, create.create_messages, given=given)

    def claim(self, *, fence: int | None = None) -> claim.Claim | None:
        return self.write(claim.claim_messages, sender_id=self.sender_id, fence=self.fence if fence is None else fence)

    def claimed(self) -> list[StoredMessage]:
        """What goes out now."""
        found = self.claim()
        assert found is not None, "another worker has the sender"
        return [*found.messages]

    def answer(
        self,
        sent: Iterable[StoredMessage],
        word: OutcomeWord | None,
        *,
        fence: int | None = None,
        retry_after: float | None = None,
        provider_id: Callable[[StoredMessage], str] = lambda message: f"p{message.id}-{message.attempt}",
        **said: Any,
    ) -> bool:
        """What the provider reports for each; ``None`` when the call was not made."""
        answers = []
        for message in sent:
            outcome = None
            if word is not None:
                found = outgoing(
                    message, sender=self.sender(), project_id=self.project.id, now=self.now, closes_at=None
                )
                known = provider_id(message) if word == "accepted" else ""
                outcome = Outcome(message=found, word=word, provider_id=known, **said)
            answers.append(settle.Answer(message.id, outcome, retry_after))
        return self.write(
            settle.record_answers,
            sender_id=self.sender_id,
            fence=self.fence if fence is None else fence,
            answers=answers,
        )

    def report(self, *reports: DeliveryReport) -> None:
        provider = decode_definition(self.sender().definition).gateway
        self.write(settle.receive_reports, reports=reports, provider=provider, sender_id=self.sender_id)

    def sender(self) -> StoredSender:
        found = self.store.read(self.project, self.now, senders.get_sender, sender_id=self.sender_id)
        assert found is not None
        return found

    def messages(self, *, limit: int = 10_000) -> list[StoredMessage]:
        """All messages, in order of id."""
        return self.store.read(self.project, self.now, messages.list_messages, after=0, limit=limit)

    def states(self) -> list[tuple[str, str]]:
        """State and reason of each message."""
        return [(message.state, message.reason) for message in self.messages()]


class Worker(Sending):
    """A worker that takes over a sender that there is, now."""

    def __init__(self, store: Store, project: Project, sender_id: int) -> None:
        self.store, self.project, self.now, self.sender_id = store, project, current_time(), sender_id
        self.fence = self.take_over()
        self.wait(SECOND)
