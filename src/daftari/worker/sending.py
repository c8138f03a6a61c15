"""Sends for one sender: claims what may go out at once, calls the provider, records its answers.

A message is claimed before a byte leaves, and no transaction is open during a call. Another worker that takes the
sender over raises its fence; what this one still holds is then neither sent nor recorded. What is claimed, and what an
answer means, is ``rules/messages``'s. No SQL.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from daftari.errors import SealBroken, StoreBusy
from daftari.gateways import (
    SENDING_GATEWAYS,
    LogLine,
    OutgoingMessage,
    SendingAccount,
    SendingGateway,
    group_messages,
)
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.exchange import OutboundResponse, OutboundResult
from daftari.rules.access.projects import get_project
from daftari.rules.campaigns.lifecycle import find_due_start, start_due
from daftari.rules.messages.claim import Claim, claim_messages
from daftari.rules.messages.content import message_of, outgoing
from daftari.rules.messages.settle import Answer, holds_fence, record_answers, recover_messages, take_over
from daftari.rules.senders.addresses import ensure_addresses
from daftari.rules.senders.lifecycle import pause_unsealed
from daftari.rules.senders.model import account_of
from daftari.store import Store, WriteTx
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Provider

WINDOW_SECONDS = 1.0
"""How long one step sends before other jobs have their turn."""
LOOK_SECONDS_MAX = 5.0
"""How often a sender is looked at whose messages wait for their time."""
REFRESH_SECONDS = 1.0
"""How often a sender is looked at whose campaign waits for its lists."""
CLAIM_SECONDS_MAX = 5.0
"""A message is not sent so long after it was claimed: the person may have opted out since."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It counts the time that the machine, or this process, sleeps."""

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("daftari.messages")


class SendWork:
    """The messages of one sender; a step is up to a second of sending."""

    pause_seconds = 0.0
    has_requested = False

    def __init__(
        self, store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: Provider | None
    ) -> None:
        assert provider is not None, "a worker without a provider takes no job that sends"
        self._store = store
        self._project = project
        self._sender_id = int(subject)
        self._may_continue = may_continue
        self._provider = provider
        self._fence = 0
        self._threads: ThreadPoolExecutor | None = None
        self._in_flight = 0
        self._answers: list[Answer] = []
        """Of calls that were made and are not recorded yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown()

    def step(self) -> bool:
        """Send for a second at most. Returns whether there is more to send now."""
        # Its hours, caps and whether it requires an opt-in may have changed since the last step.
        self._project = (
            self._store.system_read(current_time(), get_project, project_id=self._project.id) or self._project
        )
        if not self._fence:
            ensure_addresses(self._store, self._project, now=current_time())
            self._fence = self._write(take_over, sender_id=self._sender_id)
            while self._write(recover_messages, sender_id=self._sender_id, fence=self._fence):
                pass
        if not self._record():
            return False
        is_refreshing = self._start_campaigns()
        ends_at = time.monotonic() + WINDOW_SECONDS
        self.pause_seconds = 0.0
        while time.monotonic() < ends_at and self._may_continue():
            claimed_at = time.clock_gettime(_CLOCK)
            claim = self._write(claim_messages, sender_id=self._sender_id, fence=self._fence)
            if claim is None:
                # Another worker has the sender.
                return False
            if claim.messages:
                self._answers = self._send(claim, claimed_at)
                if not self._record():
                    return False
            if claim.next_at is None:
                self.pause_seconds = REFRESH_SECONDS
                return is_refreshing
            wait_seconds = max(0.0, (claim.next_at - current_time()) / 1_000_000)
            if time.monotonic() + wait_seconds > ends_at:
                # Hours may change, and a person may pause or resume: the sender is looked at again soon.
                self.pause_seconds = min(wait_seconds, LOOK_SECONDS_MAX)
                return True
            time.sleep(wait_seconds)
        return True

    def _holds_fence(self) -> bool:
        """Whether the sender is still ours. Where the database cannot say so, nothing is sent."""
        try:
            return self._store.read_unisolated(
                self._project, current_time(), holds_fence, sender_id=self._sender_id, fence=self._fence
            )
        except StoreBusy:
            return False

    def _record(self) -> bool:
        """Record how calls ended. What a busy database does not take is recorded in the next step.

        Returns ``False`` when another worker has the sender.
        """
        if self._answers:
            if not self._write(record_answers, sender_id=self._sender_id, fence=self._fence, answers=self._answers):
                return False
            self._answers = []
        return True

    def _start_campaigns(self) -> bool:
        """Start one campaign whose time has come: found in a snapshot, then frozen. The next look starts the next.

        Returns whether one waits for its lists.
        """
        start = self._store.read(self._project, current_time(), find_due_start, sender_id=self._sender_id)
        if start is None or start.waits:
            return start is not None
        self._write(start_due, start=start)
        return start.reason == "refresh"

    def fail(self, error: str) -> bool:
        """Nothing can be ended: what was claimed is settled when the sender is taken over again."""
        self._fence, self._answers = 0, []
        return False

    def _send(self, claim: Claim, claimed_at: float) -> list[Answer]:
        """Send what was claimed, as many calls at a time as the sender may have under way."""
        try:
            account = self._store.read(
                self._project, current_time(), account_of, sender=claim.sender, public_url=self._provider.public_url
            )
        except SealBroken:
            self._write(pause_unsealed, sender_id=self._sender_id)
            return [Answer(message.id, None) for message in claim.messages]
        gateway = SENDING_GATEWAYS[claim.definition.gateway]
        now, closes_at, project_id = current_time(), claim.closes_at, self._project.id
        sent = [
            outgoing(
                message, sender=claim.sender, project_id=project_id, now=now, closes_at=closes_at.get(message.purpose)
            )
            for message in claim.messages
        ]
        calls = group_messages(sent, gateway, account)
        threads = self._open_threads(claim.definition.in_flight)
        return [*chain.from_iterable(threads.map(lambda call: self._call(call, account, gateway, claimed_at), calls))]

    def _open_threads(self, in_flight: int) -> ThreadPoolExecutor:
        """The threads of the calls: as many as the sender may have under way, which a person may change."""
        if self._threads is None or self._in_flight != in_flight:
            if self._threads is not None:
                self._threads.shutdown()
            self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="daftari-send")
            self._in_flight = in_flight
        return self._threads

    def _call(
        self, sent: Sequence[OutgoingMessage], account: SendingAccount, gateway: SendingGateway, claimed_at: float
    ) -> list[Answer]:
        """Make one call, unless the sender is another worker's by now, or the claim is too old."""
        is_old = time.clock_gettime(_CLOCK) - claimed_at > CLAIM_SECONDS_MAX
        if is_old or not self._holds_fence():
            return [Answer(message_of(one.id), None) for one in sent]
        request = gateway.compose(sent, account)
        result: OutboundResult | LogLine
        retry_after: float | None = None
        if isinstance(request, LogLine):
            result = request
            log.info("%s", f"{request.line}: {request.text}" if self._provider.log_text else request.line)
        else:
            result = self._provider.client.send(request)
            retry_after = result.retry_after_seconds if isinstance(result, OutboundResponse) else None
        return [
            Answer(message_of(outcome.message.id), outcome, retry_after)
            for outcome in gateway.outcomes(result, sent, account)
        ]

    def _write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.write(self._project, WORKER, current_time(), rule, *args, **kwargs)
