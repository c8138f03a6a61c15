"""A connection to a fake CRM, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace

from daftari.connectors import Allowed, Caller
from daftari.connectors.calls import SHARE_PERCENT
from daftari.model.projects import Project
from daftari.outbound.exchange import OutboundRequest, OutboundResult
from daftari.rules.connections import lifecycle, sync
from daftari.rules.connections.model import get_connection, open_connector
from daftari.rules.connections.saving import save_connection
from daftari.rules.connections.views import ConnectionView, show_connection
from daftari.store import Store, WriteTx
from daftari.worker.connections import SyncClock, SyncWork
from daftari.worker.work import Provider
from tests.support.connection_steps import Syncing
from tests.support.fake_crm import Clock, Crm, directly


class Client:
    """What a worker calls with: the fake CRM itself, without a network."""

    def __init__(self, fake: Crm, clock: Clock) -> None:
        self.send = directly(fake, clock)


class CrmSync(Syncing):
    """A connection to a fake CRM. Nothing is read before ``run``."""

    def __init__(
        self,
        store: Store,
        project: Project,
        *,
        fake: Crm,
        clock: Clock,
        values: dict[str, Any],
        public_url: str | None = None,
    ) -> None:
        self.store, self.project, self.clock = store, project, clock
        self.provider = Provider(cast(Any, Client(fake, clock)), public_url=public_url)
        self.now = clock.moment
        self.id = self.write(lifecycle.create_connection, values=values).id
        self.stops = False

    def change(self, values: dict[str, Any]) -> None:
        """Change what is set of the connection."""
        self.write(lifecycle.update_connection, connection_id=self.id, values=values)

    def change_while_reading(self, values: dict[str, Any]) -> None:
        """Change what is set of the connection, once, when its system has answered the next call."""
        send, waiting = self.provider.client.send, [values]

        def answer(request: OutboundRequest) -> OutboundResult:
            answered = send(request)
            while waiting:
                self.change(waiting.pop())
            return answered

        cast(Any, self.provider.client).send = answer

    def check(self) -> None:
        caller = Caller(self.provider.client.send, self.clock)
        connector = self.store.read(
            self.project, self.now, open_connector, opened=self.open(), caller=caller, databases=Allowed()
        )
        account = connector.check()
        self.now = self.clock.moment
        self.write(lifecycle.take_check, connection_id=self.id, account=account)

    def start(self) -> None:
        self.check()
        self.write(lifecycle.start_connection, connection_id=self.id)

    def work(self) -> SyncWork:
        clock = cast(SyncClock, self.clock)
        return SyncWork(
            self.store,
            self.project,
            subject=str(self.id),
            may_continue=lambda: not self.stops,
            provider=self.provider,
            clock=clock,
        )

    def run(self, *, steps_max: int = 10_000) -> None:
        """A worker does all that is due now."""
        work = self.work()
        while steps_max and work.step():
            self.clock.at += work.pause_seconds
            steps_max -= 1
        self.now = self.clock.moment

    def pass_time(self, seconds: float) -> None:
        self.clock.at += seconds
        self.now = self.clock.moment

    def poll(self, seconds: float = 90.0) -> None:
        """Time passes until everything that was changed is in the index, and the connection is read."""
        self.pass_time(seconds)
        self.run()

    def compare(self) -> None:
        self.write(lifecycle.compare_connection, connection_id=self.id)
        self.poll()

    def spend_share(self) -> None:
        """Everything is used up of a day's calls that a connection may read with."""

        def spend(tx: WriteTx) -> None:
            opened = get_connection(tx, connection_id=self.id)
            progress = replace(opened.progress, used=opened.progress.allowed * SHARE_PERCENT // 100)
            save_connection(tx, replace(opened, progress=progress))

        self.write(spend)

    def view(self) -> ConnectionView:
        """The connection as callers see it."""
        return self.store.read(self.project, self.now, show_connection, connection_id=self.id)

    def is_due(self) -> bool:
        return str(self.id) in self.store.read(self.project, self.clock.moment, sync.list_open_connections)
