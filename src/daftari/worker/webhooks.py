"""Delivers the feed to one webhook: a call a step, recorded before the next one.

What is in a call, and what an answer means, is ``rules/webhooks``'s. No SQL.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.webhooks.calls import Answer, Attempt, compose_call, read_answer
from daftari.rules.webhooks.delivery import claim_batch, list_open_webhooks, record_attempt
from daftari.store import Store, WriteTx
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Provider, Steps

P = ParamSpec("P")
T = TypeVar("T")

CLAIM_SECONDS_MAX = 5.0
"""A call is not made so long after its batch was read: the process slept, and the lease may be over."""
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It counts the time that the machine, or this process, sleeps."""

log = logging.getLogger("daftari.webhooks")


class WebhookWork(Steps):
    """The deliveries to one webhook; a step is one call of up to 15 seconds."""

    def __init__(
        self, store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: Provider | None
    ) -> None:
        assert provider is not None, "a worker that makes no calls takes no job that delivers"
        self._store = store
        self._project = project
        self._subject = subject
        self._may_continue = may_continue
        self._client = provider.client
        self._made: tuple[Attempt, Answer] | None = None
        """A call that was made and is not recorded yet."""

    def step(self) -> bool:
        """Deliver one batch. Returns whether there may be more to deliver now."""
        self._record()
        if self._subject not in self._store.read(self._project, current_time(), list_open_webhooks):
            return False
        claimed_at = time.clock_gettime(CLOCK)
        claim = self._write(claim_batch, webhook_id=int(self._subject))
        self._log(claim.disabled)
        if claim.attempt is None:
            return claim.has_more
        if not self._may_continue() or time.clock_gettime(CLOCK) - claimed_at > CLAIM_SECONDS_MAX:
            # Another worker may be further by now.
            return True
        began = time.monotonic()
        result = self._client.send(compose_call(claim.attempt, now=current_time()))
        answer = read_answer(result, milliseconds=round((time.monotonic() - began) * 1_000))
        self._made = claim.attempt, answer
        self._record()
        return True

    def _record(self) -> None:
        """Record how a call ended. What a busy database does not take is recorded in the next step."""
        if self._made is not None:
            attempt, answer = self._made
            disabled = self._write(record_attempt, attempt=attempt, answer=answer, jitter=random.random())
            self._made = None
            self._log(disabled)

    def _log(self, disabled: str) -> None:
        if disabled:
            log.warning("the webhook %s of project %r is disabled: %s", self._subject, self._project.name, disabled)

    def _write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.write(self._project, WORKER, current_time(), rule, *args, **kwargs)
