"""Looks for messages of one sender whose answers were lost, at the provider; a few calls a step. No SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.gateways import SENDING_GATEWAYS, Outcome
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.exchange import OutboundResponse
from daftari.rules.messages.lookups import LookedUp, Lookup, Lookups, find_lookups, record_lookups
from daftari.store import Store
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Provider, Steps

CALL_SECONDS = 10.0
"""How long a provider may take to answer."""
PAUSE_SECONDS = 10.0
"""Between two steps: no more than a call a second, of which providers allow two."""


class LookUpWork(Steps):
    """The look-ups of one sender."""

    def __init__(
        self, store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: Provider | None
    ) -> None:
        assert provider is not None, "a worker without a provider takes no job that calls one"
        self._store = store
        self._project = project
        self._sender_id = int(subject)
        self._may_continue = may_continue
        self._provider = provider

    def step(self) -> bool:
        """Look for a few messages. Returns whether there are more."""
        self.pause_seconds = PAUSE_SECONDS
        asked = self._store.read(self._project, current_time(), find_lookups, sender_id=self._sender_id)
        if asked is None:
            return False
        looked_up = self._look_up(asked)
        self._store.write(
            self._project,
            WORKER,
            current_time(),
            record_lookups,
            sender_id=self._sender_id,
            looked_up=looked_up,
        )
        return asked.has_more or len(looked_up) < len(asked.found)

    def _look_up(self, asked: Lookups) -> list[LookedUp]:
        """Ask for one after another, until the provider does not answer."""
        looked_up: list[LookedUp] = []
        for lookup in asked.found:
            if not self._may_continue():
                break
            outcome, is_answered = self._ask(asked, lookup)
            looked_up.append(LookedUp(lookup.sent, outcome))
            if not is_answered:
                break
        return looked_up

    def _ask(self, asked: Lookups, lookup: Lookup) -> tuple[Outcome | None, bool]:
        """The outcome of a message that was found, and whether the provider answered as it should."""
        gateway, sent_at = SENDING_GATEWAYS[asked.gateway], lookup.sent_at
        request = gateway.compose_lookup(lookup.sent, asked.account, sent_at=sent_at)
        if request is None:
            return None, True
        result = self._provider.client.send(replace(request, total_seconds=CALL_SECONDS))
        outcome = gateway.read_lookup(result, lookup.sent, asked.account, sent_at=sent_at, known=lookup.known)
        return outcome, isinstance(result, OutboundResponse) and result.status == 200
