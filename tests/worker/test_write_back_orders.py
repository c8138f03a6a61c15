"""Random lives of people, a CRM, its faults and killed workers: who opted out here is marked so there in the end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.connections import LINK_STATES
from daftari.rules.connections import lifecycle, views
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question, is_blocked
from daftari.rules.consent.state import State
from daftari.store import Store, connections
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.connection_steps import mobile
from tests.support.fake_crm.hubspot_truth import Contact, Property
from tests.support.hubspot_sync import FIELDS, HubSpotSync
from tests.support.stores import open_store

NUMBERS = 5
STEPS = 14
DAY = 24 * 3_600.0
CHANNELS = ("sms", "whatsapp")
SOURCES: tuple[Any, ...] = ("inbound", "inbound", "provider", "api", "import", "bulk", "console")


class Killed(Exception):
    """The end of a worker, at the worst moment."""


class Life:
    """One account and its connection. What people said, and what a program there only copied, is noted."""

    def __init__(self, store: Store, name: str, seed: int) -> None:
        self.random = Random(seed)
        fields = {**FIELDS, "sms_consent": "status"}
        project = calls.create_project(store, name)
        self.crm = HubSpotSync(store, project, seed=seed, fields=fields, write_back=self.random.random() < 0.8)
        self.crm.fake.truth.properties["sms_consent"] = Property("sms_consent", "string")
        self.opt_ins = 0
        self.said_out_there: set[int] = set()
        for _ in range(3):
            self.create()
        self.crm.pass_time(60)
        self.crm.start()
        self.crm.run()

    def number(self) -> int:
        return self.random.randint(1, NUMBERS)

    def contact(self) -> Contact | None:
        live = [*self.crm.fake.truth.live().values()]
        return self.random.choice(live) if live else None

    def create(self) -> None:
        self.crm.fake.truth.create(mobilephone=f"+{mobile(self.number())}")

    # ---- what happens -------------------------------------------------------------------------------

    def step(self) -> None:
        """One thing happens, here or there."""
        self.random.choice([
            *[self.opt_out] * 4, *[self.opt_in] * 2, self.create, self.edit, *[self.answer] * 2, *[self.copy] * 2,
            self.delete_or_restore, self.reject, self.fail, *[self.kill] * 2, self.switch, self.pause, self.remove,
        ])()  # fmt: skip
        if self.random.random() < 0.7:
            self.crm.poll(self.random.choice([1.0, 61.0, 90.0, 700.0]))

    def opt_out(self) -> None:
        channel = self.random.choice(["*", *CHANNELS])
        self.crm.say(mobile(self.number()), "opt_out", channel=channel, source=self.random.choice(SOURCES))

    def opt_in(self) -> None:
        self.opt_ins += 1
        channel = self.random.choice(["*", *CHANNELS])
        self.crm.say(mobile(self.number()), "opt_in", channel=channel, source=self.random.choice(SOURCES))
        self.crm.pass_time(1)

    def edit(self) -> None:
        if found := self.contact():
            number = mobile(self.number())
            self.crm.fake.truth.edit(found.id, mobilephone=f"+{number}", firstname=f"F{self.random.randint(1, 99)}")
            if found.properties.get("sms_consent") == "unsubscribed":
                self.said_out_there.add(number)

    def answer(self) -> None:
        """Someone there says what the person wants."""
        if found := self.contact():
            word = self.random.choice(["subscribed", "subscribed", "unsubscribed", "unknown"])
            self.crm.fake.truth.edit(found.id, sms_consent=word)
            if word == "unsubscribed":
                self.said_out_there.add(int(found.properties["mobilephone"]))

    def copy(self) -> None:
        """A program there copies the mark into a field that is read; it is seen before the person says more."""
        found = self.contact()
        mark = "" if found is None else found.properties.get("daftari_sms", "")
        if found is None or not mark or self.crm.is_due() or self.state() != "live" or not self.is_on():
            return
        number = int(found.properties["mobilephone"])
        if number in self.said_out_there:
            return
        before = [fact.id for fact in self.crm.facts(number)]
        blocked = is_blocked(self.consent(number), Question("sms", purpose="marketing"))
        self.crm.fake.truth.edit(found.id, sms_consent="unsubscribed" if mark == "out" else "subscribed")
        self.crm.fake.faults.next.clear()
        self.crm.poll()
        if mark == "out" and not blocked:
            # The team lifted the opt-out since: as far as is known, someone there says otherwise.
            self.said_out_there.add(number)
        else:
            assert [fact.id for fact in self.crm.facts(number)] == before, "what was written back is no fact"
        self.crm.fake.truth.edit(found.id, sms_consent="unknown")
        self.crm.poll()

    def delete_or_restore(self) -> None:
        truth = self.crm.fake.truth
        gone = [one for one in truth.contacts.values() if one.archived_at is not None and one.merged_into is None]
        if gone and self.random.random() < 0.6:
            back = self.random.choice(gone)
            truth.restore(back.id)
            truth.edit(back.id, firstname="Back")
        elif found := self.contact():
            truth.delete(found.id)

    def reject(self) -> None:
        rejects = self.crm.fake.truth.rejects
        if rejects and self.random.random() < 0.5:
            rejects.clear()
        elif found := self.contact():
            rejects.add(found.id)

    def fail(self) -> None:
        kinds: list[Any] = ["closed", "error", "lost", "limit", "cut", None]
        self.crm.fake.faults.next = [self.random.choice(kinds) for _ in range(self.random.randint(1, 4))]

    def kill(self) -> None:
        """A worker does some steps and is gone, perhaps between a call and its outcome."""
        self.opt_out()
        work = self.crm.work()
        write = work._write
        calls_left = self.random.randint(0, 6)

        def until_killed(rule: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal calls_left
            calls_left -= 1
            if calls_left < 0 or (rule.__name__ == "take_outcomes" and self.random.random() < 0.7):
                raise Killed
            return write(rule, *args, **kwargs)

        vars(work)["_write"] = until_killed
        with suppress(Killed):
            while work.step():
                pass
        self.crm.now = self.crm.clock.moment

    def switch(self) -> None:
        values = {"write_back": not self.is_on()}
        self.crm.write(lifecycle.update_connection, connection_id=self.crm.id, values=values)

    def pause(self) -> None:
        if self.state() == "paused":
            self.crm.write(lifecycle.start_connection, connection_id=self.crm.id)
        elif self.random.random() < 0.5:
            self.crm.write(lifecycle.pause_connection, connection_id=self.crm.id)

    def remove(self) -> None:
        number = mobile(self.number())
        if number in self.crm.book():
            self.crm.remove(number)

    # ---- what is so ---------------------------------------------------------------------------------

    def is_on(self) -> bool:
        return self.crm.open().definition.write_back

    def state(self) -> str:
        return self.crm.open().stored.state

    def consent(self, number: int) -> State:
        found = self.crm.store.read(self.crm.project, self.crm.now, ledger.find_states, mobiles=[number])
        return found.get(number, State())

    def settle(self) -> None:
        """Everything works again, and there is time."""
        crm = self.crm
        crm.fake.faults.next.clear()
        crm.fake.truth.rejects.clear()
        if not self.is_on():
            self.switch()
        crm.write(lifecycle.start_connection, connection_id=crm.id)
        for seconds in (100.0, 700.0, 3_700.0, 2 * DAY):
            crm.poll(seconds)
        crm.compare()
        wanted: Any = {"connection_id": crm.id, "state": "write_back_refused", "after": "", "limit": 100}
        page = crm.store.read(crm.project, crm.now, views.list_records, **wanted)
        if page.records:
            crm.write(lifecycle.retry_records, connection_id=crm.id, ids=[record.id for record in page.records])
        crm.poll(100.0)

    def check(self) -> None:
        assert self.state() == "live"
        links = self.crm.links()
        for contact in self.crm.fake.truth.live().values():
            link = links[str(contact.id)]
            assert LINK_STATES[link.state] in ("live", "removed_locally"), link
            state = self.consent(link.mobile)
            for channel in CHANNELS:
                mark = contact.properties.get(f"daftari_{channel}")
                if not is_blocked(state, Question(channel, purpose="marketing")):
                    continue
                itself = channel == "sms" and contact.properties.get("sms_consent") == "unsubscribed"
                assert mark == "out" or itself, (channel, link)
        self.check_facts()
        self.check_rows()

    def check_facts(self) -> None:
        """No opt-out was lifted but by what was said here, and only what someone said there is a fact."""
        facts = [fact for number in range(1, NUMBERS + 1) for fact in self.crm.facts(mobile(number))]
        assert sum(fact.kind == "opt_in" for fact in facts) <= self.opt_ins
        for number in range(1, NUMBERS + 1):
            if mobile(number) not in self.said_out_there:
                assert all(fact.source != "sync" for fact in self.crm.facts(mobile(number)))

    def check_rows(self) -> None:
        """Nothing waits, and the figures are those of the rows."""
        crm = self.crm
        rows = crm.store.read(
            crm.project, crm.now, connections.find_write_backs, connection_id=crm.id, ids=[*crm.links()]
        )
        view = crm.store.read(crm.project, crm.now, views.show_connection, connection_id=crm.id)
        assert not any(0 < row.due_at <= crm.now for row in rows)
        for figures in view.written_back:
            mine = [row for row in rows if row.channel == figures.channel]
            ended = [row for row in mine if row.state in ("refused", "gone")]
            written = [row for row in mine if row not in ended]
            assert figures.written == sum(row.written == "out" for row in written)
            assert figures.opt_ins == sum(row.written == "in" for row in written)
            assert figures.refused == sum(row.state == "refused" for row in mine) == 0
            assert figures.gone == sum(row.state == "gone" for row in mine)
            assert figures.waiting == 0


@pytest.fixture
def stores(new_database: NewDatabase) -> Iterator[list[Store]]:
    opened = [open_store(new_database(engine), threads=2) for engine in ("sqlite", "postgres")]
    yield opened
    for store in opened:
        store.close()


def test_whatever_happens_who_opted_out_here_is_marked_there_in_the_end(stores: list[Store]) -> None:
    names = itertools.count()

    @given(st.integers(0, 2**32))
    def lives(seed: int) -> None:
        for store in stores:
            life = Life(store, f"p{next(names)}", seed)
            for _ in range(STEPS):
                life.step()
            life.settle()
            life.check()

    lives()
