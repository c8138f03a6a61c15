"""Random lives of campaigns whose groups connections fill: each reaches everyone who was there when it was started.

Two systems get people, are read late, stop and continue, while campaigns are started, paused, resumed and
cancelled, and the worker looks at them. The plain model knows when each person was added and what was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from daftari.connectors import ConnectorFailed, Usage
from daftari.errors import WrongCampaignState
from daftari.rules.connections import lifecycle, sync
from daftari.store import Store
from tests.support import calls
from tests.support.campaigns import Campaigns
from tests.support.connection_steps import SECOND, Syncing, person
from tests.support.message_steps import Sending

RUNS = {"sqlite": settings().max_examples, "postgres": settings().max_examples // 3}
GROUPS = ("crm", "shop", "Own")
LAG_SECONDS = 30
WAIT_SECONDS = 60

which = st.sampled_from(["crm", "shop"])
places = st.integers(0, 5)
chosen = st.sampled_from([("crm",), ("shop",), ("crm", "shop"), ("crm", "Own"), ("Own",)])


@dataclass
class Source:
    """A system as the test knows it. ``until``: everyone who was added by then is here."""

    sync: Syncing
    added: list[int] = field(default_factory=list)
    """When each person was."""
    read: int = 0
    until: int = 0
    state: str = "live"


@dataclass
class Life:
    """A campaign as the test knows it. ``since``: when its groups were asked for."""

    id: int
    groups: tuple[str, ...]
    fresh: bool
    state: str
    due_at: int = 0
    since: int = 0


class Refreshes(RuleBasedStateMachine):
    """Campaigns of one sender, and two connections."""

    def __init__(self, store: Store, turns: count[int]) -> None:
        super().__init__()
        self.store, self.name = store, f"Shopify {next(turns)}"
        self.numbers = count(1)
        self.lives: list[Life] = []

    @initialize()
    def begin(self) -> None:
        project = calls.create_project(self.store, self.name)
        calls.create_contacts(self.store, project, [{"mobile": "0733000000"}], group="Own")
        self.sources = {
            name: Source(Syncing(self.store, project, name=name, groups=[{"from": "all", "to": name}], is_live=False))
            for name in ("crm", "shop")
        }
        self.campaigns = Campaigns(Sending(self.store, project))
        for name in self.sources:
            self.add(name)
            self.wait(LAG_SECONDS, False)
            self.read(name)

    @property
    def now(self) -> int:
        return self.campaigns.sending.now

    # ---- the systems ----------------------------------------------------------------------------------

    @rule(name=which)
    def add(self, name: str) -> None:
        self.sources[name].added.append(self.now)

    @rule(seconds=st.sampled_from([1, 1, 10, 29, 30, 31, 60, 61]), looks=st.sampled_from([True, True, False]))
    def wait(self, seconds: int, looks: bool) -> None:
        self.campaigns.sending.wait(seconds * SECOND)
        if looks:
            self.look()

    @rule(name=which)
    def read(self, name: str) -> None:
        """A reading, which sees what is older than the lag."""
        source = self.sources[name]
        source.sync.now = self.now
        if source.state not in ("live", "limited"):
            return
        until = max(source.until, self.now - LAG_SECONDS * SECOND)
        seen = sum(at < until for at in source.added)
        first = 1_000 if name == "shop" else 0
        people = [person(first + number) for number in range(source.read + 1, seen + 1)]
        source.sync.read(*people, until=until)
        source.read, source.until, source.state = seen, until, "live"

    @rule(seconds=st.sampled_from([29, 30, 31]), names=st.sampled_from([["crm"], ["shop"], ["crm", "shop"]]))
    def catch_up(self, seconds: int, names: list[str]) -> None:
        self.wait(seconds, False)
        for name in names:
            self.read(name)
        for _ in self.lives:
            self.look()

    @rule(name=which, kind=st.sampled_from(["broken", "limited", "paused", "", "", ""]))
    def stop(self, name: str, kind: Any) -> None:
        source = self.sources[name]
        if source.state != "live" or not kind:
            return
        source.sync.now = self.now
        if kind == "paused":
            source.sync.write(lifecycle.pause_connection, connection_id=source.sync.id)
        else:
            failure = ConnectorFailed(kind, "key", "It says no.", until=self.now + 10 * SECOND)
            held = {"connection_id": source.sync.id, "fence": source.sync.fence}
            source.sync.write(sync.take_failure, failure=failure, usage=Usage(), **held)
        source.state = kind

    @rule(name=which)
    def continue_reading(self, name: str) -> None:
        source = self.sources[name]
        if source.state in ("broken", "paused"):
            source.sync.now, source.state = self.now, "live"
            source.sync.write(lifecycle.start_connection, connection_id=source.sync.id)

    # ---- the campaigns --------------------------------------------------------------------------------

    @precondition(lambda self: len(self.lives) < 6)
    @rule(groups=chosen, fresh=st.sampled_from([True, True, False]), later=st.sampled_from([0, 0, 0, 20]))
    def start(self, groups: tuple[str, ...], fresh: bool, later: int) -> None:
        life = Life(self.campaigns.create(groups=[*groups]), groups, fresh, "scheduled", self.now + later * SECOND)
        at = life.due_at if later else None
        shown = self.campaigns.start(life.id, at=at, fresh=fresh)
        self.lives.append(life)
        if not later and fresh and self.feeds(life):
            life.since = self.now
        elif not later:
            self.begin_to_run(life)
        assert (shown.state, shown.reason) == (life.state, "refreshing" if life.since else None)

    @rule(place=places, act=st.sampled_from(["pause", "resume", "resume", "resume", "resume stale", "cancel"]))
    def change(self, place: int, act: str) -> None:
        if place >= len(self.lives):
            return
        life = self.lives[place]
        froms = {"pause": ("scheduled", "running"), "cancel": ("scheduled", "running", "paused")}
        if life.state not in froms.get(act, ("paused",)):
            with pytest.raises(WrongCampaignState):
                getattr(self.campaigns, act.split(maxsplit=1)[0])(life.id)
            return
        was_running = self.campaigns.show(life.id).audience is not None
        if act in ("pause", "cancel"):
            getattr(self.campaigns, act)(life.id)
            life.state = {"pause": "paused", "cancel": "cancelled"}[act]
            return
        self.campaigns.resume(life.id, fresh=False if act == "resume stale" else None)
        life.since, life.fresh = 0, life.fresh and act == "resume"
        life.state = "running" if was_running else "scheduled"

    @rule()
    def look(self) -> None:
        """The worker looks once: it does one thing, or nothing while all that is due waits."""
        due = [life for life in self.lives if life.state == "scheduled" and life.due_at <= self.now]
        before = {life.id: self.campaigns.show(life.id) for life in due}
        assert self.campaigns.start_due() is bool(due)
        changed = [life for life in due if self.campaigns.show(life.id) != before[life.id]]
        assert len(changed) <= 1
        if not changed:
            assert all(self.next_of(life) == "refreshing" for life in due)
        for life in changed:
            self.judge(life, self.next_of(life))

    def judge(self, life: Life, step: str) -> None:
        shown = self.campaigns.show(life.id)
        if step == "refresh":
            life.since = self.now
            assert (shown.state, shown.reason) == ("scheduled", "refreshing")
            assert all(one.sync.open().progress.refresh_to >= self.now for one in self.feeds(life) if self.reads(one))
        elif step == "not_fresh":
            life.state = "paused"
            assert (shown.state, shown.reason) == ("paused", "not_fresh") and shown.freshness is not None
        else:
            assert step == "", "a campaign that waits does not change"
            self.begin_to_run(life)

    def begin_to_run(self, life: Life) -> None:
        """It reaches what was read, and of each system everyone who was added before it was asked to start."""
        shown, life.state = self.campaigns.show(life.id), "running"
        assert shown.state == "running"
        assert shown.count == sum(source.read for source in self.feeds(life)) + ("Own" in life.groups)
        if life.since:
            assert all(source.read >= sum(at < life.since for at in source.added) for source in self.feeds(life))

    def next_of(self, life: Life) -> str:
        """What is to be done next with a campaign that is due."""
        feeds = self.feeds(life) if life.fresh else []
        if not life.since:
            return "refresh" if feeds else ""
        missing = [source for source in feeds if source.until < life.since]
        is_over = self.now >= life.since + WAIT_SECONDS * SECOND or any(one.state != "live" for one in missing)
        return ("not_fresh" if is_over else "refreshing") if missing else ""

    def feeds(self, life: Life) -> list[Source]:
        return [self.sources[name] for name in life.groups if name in self.sources]

    def reads(self, source: Source) -> bool:
        return source.state == "live"

    @invariant()
    def states_are_as_known(self) -> None:
        for life in self.lives:
            shown = self.campaigns.show(life.id)
            assert shown.state == life.state
            assert (shown.audience is None) or life.state in ("running", "paused", "cancelled")


def test_a_campaign_reaches_everyone_who_was_there_when_it_was_asked_to_start(store: Store, engine: str) -> None:
    turns = count(1)

    def machine() -> Refreshes:
        return Refreshes(store, turns)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(RUNS[engine], 2),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
