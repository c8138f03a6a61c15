"""Workers that are killed while they read a connection: the book is that of one that nothing disturbed.

The workers are processes of their own, the kills are kills, and the CRM is reached over HTTP. Each reading is killed at
random moments: the first one, that of changes, and the comparison. ``make prove`` kills two hundred times.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from daftari.connectors import Allowed
from daftari.model.connections import LINK_STATES
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.rules.connections import lifecycle
from daftari.rules.connections.check import ask_account, open_check, write_check
from daftari.rules.connections.loops import LOOP_BITS
from daftari.rules.connections.model import Opened
from daftari.rules.integrity.check import check_project
from daftari.store import Store, consent
from daftari.worker import Provider
from daftari.worker.connections import SyncWork
from tests.conftest import NewDatabase
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.connection_steps import Syncing, mobile
from tests.support.fake_crm import FakeHubSpot, serve
from tests.support.fake_crm.exchange import Answer, Call, RealClock
from tests.support.fake_crm.hubspot_truth import Property
from tests.support.stores import open_store
from tests.support.waiting import WAIT_SECONDS_MAX, wait_for
from tests.support.worker_processes import worker_process

IS_WHOLE = settings().max_examples > 1_000
KILLS = 200 if IS_WHOLE else 6
"""On each engine; there are more, until a round of readings is over."""
WRITING_KILLS = 50 if IS_WHOLE else 2
PEOPLE = 3_000 if IS_WHOLE else 900
LIFE_SECONDS_MAX = 0.6
TRIES = 30 if IS_WHOLE else 4
"""After so many kills of a reading the next workers live a second longer, so that it ends on a slow machine too."""
ANSWER_SECONDS = 0.02
AGE_SECONDS = 120.0
"""How long ago everything there happened: what is older than the index is late is read at once."""
FIELDS = {"mobilephone": "mobile", "firstname": "fname", "lastname": "lname", "sms": "status.sms.any"}
GROUPS = [{"from": "all", "to": "crm"}, {"from": "list:12", "to": "vip"}]


class AgedClock(RealClock):
    """The computer's own, set back."""

    def now(self) -> float:
        return super().now() - AGE_SECONDS


class SlowHubSpot(FakeHubSpot):
    """One that takes its time over each answer, and counts no calls."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, AgedClock(), lag_seconds=0.0, search_most=1_000_000)
        self.burst.most = self.day.most = 1_000_000
        self.truth.properties["sms"] = Property("sms", "string")
        self.is_slow = True
        self.port = 0
        self.holds, self.is_held, self.is_released = False, Event(), Event()

    def answer(self, call: Call) -> Answer:
        if self.holds:
            self.holds = False
            self.is_held.set()
            self.is_released.wait()
        if self.is_slow:
            time.sleep(ANSWER_SECONDS)
        return super().answer(call)


class Reading(Syncing):
    """A connection to the fake HubSpot over HTTP, in real time."""

    def __init__(self, store: Store, url: str, key: str, name: str, **given: Any) -> None:
        self.store, self.project, self.url = store, calls.create_project(store, name), url
        self.now = current_time()
        values: dict[str, Any] = {
            "name": "crm",
            "kind": "hubspot",
            "credentials": {"key": key},
            "settings": {"base_url": url},
            "fields": FIELDS,
            "groups": GROUPS,
            **given,
        }
        self.id = self.write(lifecycle.create_connection, values=values).id
        to_check = self.store.read(self.project, self.now, open_check, connection_id=self.id)
        found = ask_account(to_check, allowed_hosts=[self.host], databases=Allowed())
        self.write(write_check, connection_id=self.id, found=found, address=None)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def begin(self, rule: Callable[..., Opened]) -> None:
        """A person starts it, or asks for changes or a comparison."""
        self.now = current_time()
        self.write(rule, connection_id=self.id)

    def run(self) -> None:
        """Do what is due; nothing disturbs it."""
        with OutboundClient(allowed_hosts=[self.host]) as client:
            work = SyncWork(
                self.store, self.project, subject=str(self.id), may_continue=lambda: True, provider=Provider(client)
            )
            with work:
                while work.step():
                    pass

    def is_over(self) -> bool:
        opened = self.open()
        assert opened.stored.state in ("importing", "live", "behind"), opened.stored.reason
        return opened.stored.state == "live" and opened.stored.due_at > current_time()

    def known(self) -> dict[str, tuple[object, ...]]:
        """What is known of each record."""
        return {
            name: (link.mobile, link.state, link.version, link.flags & ~LOOP_BITS, link.problems, link.group_ids)
            for name, link in self.links().items()
        }

    def people(self, database: str) -> dict[int, tuple[object, ...]]:
        """The book by number: names, consent, groups, and what was said."""
        own = f"project_id = {self.project.id}"
        inside: dict[int, list[str]] = {}
        for contact_id, name in rows_of(
            database,
            f"SELECT m.contact_id, g.name FROM membership AS m JOIN contact_group AS g ON g.id = m.group_id "
            f"AND g.project_id = m.project_id WHERE m.{own} ORDER BY g.name",
        ):
            inside.setdefault(contact_id, []).append(name)
        found = {}
        for contact_id, number, text, status in rows_of(
            database, f"SELECT id, mobile, card, consent_status FROM contact WHERE {own}"
        ):
            card = msgspec.json.decode(text)
            found[number] = (card["fname"], card["lname"], status, inside.get(contact_id, []))
        facts = self.store.read(self.project, self.now, consent.find_facts, mobiles=sorted(found))
        return {number: (*one, [fact.kind for fact in facts.get(number, [])]) for number, one in found.items()}


class Kills:
    """How many kills there were, and how many of them before the end of each stage."""

    def __init__(self, moments: random.Random) -> None:
        self.random = moments
        self.count = 0
        self.hits: Counter[str] = Counter()


def kill_until(
    is_over: Callable[[], bool],
    fake: SlowHubSpot,
    database: str,
    kills: Kills,
    *,
    stage: str,
    look: Callable[[], None],
) -> None:
    """Kill one worker after another until a stage is over; the first one in a call, the others at random."""
    tries = 0
    while not is_over():
        before = len(fake.calls)
        fake.is_held.clear()
        fake.is_released.clear()
        fake.holds = not tries
        with worker_process(database, port=fake.port):
            if not tries:
                assert fake.is_held.wait(WAIT_SECONDS_MAX)
            elif kills.random.random() < 0.8:
                wait_for(partial(_has_called, fake, before, is_over))
            if tries:
                time.sleep(kills.random.uniform(0, LIFE_SECONDS_MAX) + tries // TRIES)
        fake.is_released.set()
        tries += 1
        kills.count += 1
        kills.hits[stage] += not is_over()
        look()


def _has_called(fake: SlowHubSpot, before: int, is_over: Callable[[], bool]) -> bool:
    return len(fake.calls) > before or is_over()


class Round:
    """A CRM, a connection whose workers are killed, and one in a database of its own that nothing disturbs."""

    def __init__(self, store: Store, database: str, calm: Store, calm_database: str, *, seed: int) -> None:
        self.random = random.Random(seed)
        self.fake = SlowHubSpot(seed)
        self.kills = Kills(self.random)
        self._numbers = iter(range(1, 10 * PEOPLE))
        self._stores = (store, database), (calm, calm_database)

    def __enter__(self) -> Round:
        self._served = serve(self.fake)
        url = self._served.__enter__()
        self.fake.port = int(url.rpartition(":")[2])
        self.fake.is_slow = False
        names = f"Killed {self.fake.port}", f"Calm {self.fake.port}"
        self.killed, self.calm = (
            Reading(store, url, self.fake.key, name) for (store, _), name in zip(self._stores, names, strict=True)
        )
        return self

    def __exit__(self, *failed: object) -> None:
        self._served.__exit__(None, None, None)

    def create(self) -> int:
        says = {"sms": "unsubscribed"} if self.random.random() < 0.1 else {}
        number = next(self._numbers)
        return self.fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}", **says)

    def change_all(self) -> None:
        """What people do there: edits, other numbers, opt-outs, deletions, merges, joins and leaves."""
        truth, some = self.fake.truth, self.random
        ids = sorted(truth.live())
        some.shuffle(ids)
        for place in range(PEOPLE // 10):
            truth.edit(ids.pop(), firstname=f"Edited{place}")
        for _ in range(PEOPLE // 150):
            truth.edit(ids.pop(), mobilephone=f"+{mobile(next(self._numbers))}")
            truth.edit(ids.pop(), mobilephone="")
            truth.edit(ids.pop(), sms="unsubscribed")
            truth.delete(ids.pop())
            truth.merge(ids.pop(), ids.pop(), makes_new=some.random() < 0.5)
            truth.leave(12, ids.pop())
            truth.join(12, ids.pop(), self.create())

    def read(self, stage: str, rule: Callable[..., Opened]) -> None:
        """Both read; one is killed over and over until it is done."""
        self.fake.is_slow = False
        self.calm.begin(rule)
        self.calm.run()
        assert self.calm.is_over()
        self.fake.is_slow = True
        self.killed.begin(rule)
        kill_until(
            self.killed.is_over, self.fake, self._stores[0][1], self.kills, stage=stage, look=self.assert_not_ahead
        )

    def assert_not_ahead(self) -> None:
        """No cursor is behind a record of which nothing is known."""
        opened, links = self.killed.open(), self.killed.links()
        comparison = opened.progress.comparison
        for written, number in (
            (opened.stored.cursor, 0),
            (comparison.cursor if comparison else "", opened.progress.comparisons),
        ):
            cursor = msgspec.json.decode(written) if written else {}
            reached = int(cursor["after"]) if cursor.get("after") else 0
            read = [str(one) for one in self.fake.truth.live() if one < reached]
            assert all(one in links and links[one].seen_in >= number for one in read)
            if last := int(cursor.get("last") or 0):
                changed = [one for one in self.fake.truth.live().values() if one.id <= last]
                assert all(links[str(one.id)].version >= one.modified * 1_000 for one in changed)

    def assert_same(self) -> None:
        """Both books are the same, and nothing in one of them contradicts itself."""
        assert self.killed.known() == self.calm.known()
        (_, killed), (_, calm) = self._stores
        assert self.killed.people(killed) == self.calm.people(calm)
        counts = self.killed.open().progress.counts
        expected = self.calm.open().progress.counts
        assert {name: counts.get(name) for name in LINK_STATES} == {name: expected.get(name) for name in LINK_STATES}
        assert self.killed.store.read(self.killed.project, current_time(), check_project) == []


@pytest.fixture
def calm_database(engine: str, new_database: NewDatabase) -> str:
    return new_database(engine)


@pytest.fixture
def calm(calm_database: str) -> Iterator[Store]:
    opened = open_store(calm_database, threads=4)
    yield opened
    opened.close()


def test_the_book_is_that_of_a_connection_whose_workers_live(
    store: Store, database: str, calm: Store, calm_database: str
) -> None:
    kills, hits, seed = 0, Counter[str](), 0
    while kills < KILLS:
        with Round(store, database, calm, calm_database, seed=seed) as one:
            ids = [one.create() for _ in range(PEOPLE)]
            one.fake.truth.make_list(12, "VIP", ids[: PEOPLE // 3])
            one.read("first reading", lifecycle.start_connection)
            one.assert_same()
            one.change_all()
            one.read("changes", lifecycle.sync_connection)
            one.change_all()
            one.read("comparison", lifecycle.compare_connection)
            one.assert_same()
            for reading in (one.killed, one.calm):
                reading.begin(lifecycle.pause_connection)
        kills, hits, seed = kills + one.kills.count, hits + one.kills.hits, seed + 1
    print(f"{kills} kills in {seed} rounds; of them before the end of a reading: {dict(hits)}")
    assert {*hits} == {"first reading", "changes", "comparison"}


def has_written(database: str, project_id: int) -> bool:
    """Whether no opt-out waits to be written back."""
    query = f"SELECT count(*) FROM write_back WHERE project_id = {project_id} AND state = 'waiting'"
    return rows_of(database, query) == [(0,)]


def test_no_opt_out_is_written_back_less_than_once(store: Store, database: str) -> None:
    kills, seed = Kills(random.Random(7)), 0
    while kills.count < WRITING_KILLS:
        fake = SlowHubSpot(seed)
        people = {fake.truth.create(mobilephone=f"+{mobile(number)}"): mobile(number) for number in range(PEOPLE)}
        with serve(fake) as url:
            fake.port, fake.is_slow = int(url.rpartition(":")[2]), False
            fake.truth.make_list(12, "VIP")
            crm = Reading(store, url, fake.key, f"Writing {fake.port}", write_back=True)
            crm.begin(lifecycle.start_connection)
            crm.run()
            said = {mobile for place, mobile in enumerate(people.values()) if place % 3 == 0}
            items = [{"mobile": f"+{number}"} for number in sorted(said)]
            common = {"source": "inbound", "channel": "sms"}
            consent_calls.record_given(store, crm.project, items, common=common, kind="opt_out", now=current_time())
            fake.is_slow = True
            is_over = partial(has_written, database, crm.project.id)
            kill_until(is_over, fake, database, kills, stage="writing", look=lambda: None)
            marked = {one.id for one in fake.truth.live().values() if one.properties.get("daftari_sms") == "out"}
            assert {people[one] for one in marked} == said
            crm.begin(lifecycle.pause_connection)
        seed += 1
    print(f"{kills.count} kills in {seed} rounds; {kills.hits['writing']} of them while opt-outs waited")
    assert kills.hits["writing"]
