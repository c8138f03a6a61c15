"""Pipedrive's webhooks lost, doubled, late and reordered: after a reading and a comparison the book is right.

No one is lost, no one is there twice, and no opt-out is lifted. ``make prove`` has 100,000 changes, ``make test`` few.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from daftari.rules.connections import lifecycle
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question, is_blocked
from daftari.store import Store, Tx, contacts, groups
from tests.support.connection_steps import mobile
from tests.support.fake_crm.pipedrive_truth import Event, Person
from tests.support.pipedrive_sync import FIELDS, PipedriveSync

IS_WHOLE = settings().max_examples > 1_000
PERSONS, CHANGES, MERGES, DELETES, STOPS = (50_000, 100_000, 2_000, 5_000, 1_000) if IS_WHOLE else (160, 400, 8, 20, 12)
ROUNDS = 50 if IS_WHOLE else 10
VIP = 4
LATE_ROUNDS = 4
"""By how many rounds a late event comes after its time, at the most."""


class Company:
    """What people do in Pipedrive; everything random comes from one integer. Each number is one person's."""

    def __init__(self, sync: PipedriveSync, seed: int) -> None:
        self.truth = sync.fake.truth
        self.random = Random(seed)
        self.consent = self.truth.make_field("SMS consent", "enum", ["yes", "no"])
        self.yes = min(self.consent.options)
        self.live: list[int] = []
        self._numbers = 0
        for _ in range(PERSONS):
            self.create()

    def create(self) -> None:
        labels = [VIP] if self.random.random() < 0.3 else []
        person = self.truth.create(f"F{self._numbers} L", self._number(), labels=labels)
        self.live.append(person)

    def change(self) -> None:
        person = self.random.choice(self.live)
        match self.random.choice(("name", "name", "number", "label", "label", "consent", "create")):
            case "name":
                self.truth.edit(person, name=f"N{self.random.randrange(10**6)} L")
            case "number":
                self.truth.edit(person, phones=[{"value": self._number(), "primary": True, "label": "mobile"}])
            case "label":
                self.truth.edit(person, labels=[] if self.truth.persons[person].labels else [VIP])
            case "consent":
                self.truth.edit(person, custom={self.consent.key: self.yes})
            case _:
                self.create()

    def delete(self) -> None:
        self.truth.delete(self._take())

    def merge(self) -> None:
        loser = self._take()
        self.truth.merge(self.random.choice(self.live), loser)

    def _take(self) -> int:
        place = self.random.randrange(len(self.live))
        self.live[place], self.live[-1] = self.live[-1], self.live[place]
        return self.live.pop()

    def _number(self) -> str:
        self._numbers += 1
        return f"+{mobile(self._numbers)}"


def number_of(person: Person) -> int:
    """The number that counts: the first mobile one, else the first."""
    in_order = sorted(person.phones, key=lambda phone: (phone["label"] != "mobile", not phone["primary"]))
    return int(str(in_order[0]["value"]))


def read_book(tx: Tx) -> list[tuple[int, str, set[str]]]:
    """Every contact: number, first name and groups."""
    found, first = [], 1
    while some := contacts.find_contacts(tx, ids=list(range(first, first + 1_000))):
        names = groups.list_group_names(tx, ids=[contact.id for contact in some])
        for contact in some:
            card = msgspec.json.decode(contact.card)
            found.append((contact.mobile, card.get("fname") or "", {*names[contact.id]}))
        first += 1_000
    return found


def find_lifted(tx: Tx, *, stopped: set[int]) -> list[int]:
    """Who opted out and may be messaged."""
    states = ledger.find_states(tx, mobiles=sorted(stopped))
    asked = Question("sms", purpose="marketing")
    return [number for number in stopped if number not in states or not is_blocked(states[number], asked)]


class Post:
    """Events on their way: some lost, some twice, some later than others."""

    def __init__(self, random: Random, *, drop: float, repeat: float, late: float) -> None:
        self.random, self.drop, self.repeat, self.late = random, drop, repeat, late
        self._rounds: deque[list[Event]] = deque([] for _ in range(LATE_ROUNDS + 1))

    def carry(self, events: list[Event]) -> list[Event]:
        """What arrives in this round."""
        for event in events:
            if self.random.random() < self.drop:
                continue
            times = 2 if self.random.random() < self.repeat else 1
            later = self.random.randint(1, LATE_ROUNDS) if self.random.random() < self.late else 0
            for _ in range(times):
                self._rounds[later].append(event)
        arriving = self._rounds.popleft()
        self._rounds.append([])
        self.random.shuffle(arriving)
        return arriving


@pytest.mark.parametrize(("drop", "seed"), [(0.1, 1), (0.1, 2), (1.0, 3)])
def test_the_book_is_what_is_true_there(store: Store, people: Any, drop: float, seed: int) -> None:
    sync = PipedriveSync(store, people.shopify, seed=seed)
    company = Company(sync, seed)
    definition = {
        "fields": {**FIELDS, company.consent.key: "accepts.sms.any"},
        "groups": [{"from": "all", "to": "crm"}, {"from": f"label:{VIP}", "to": "vip"}],
    }
    sync.change(definition)
    company.truth.take_events()
    sync.pass_time(60.0)
    sync.start()
    sync.run()
    post = Post(company.random, drop=drop, repeat=0.05, late=0.1)
    acts = [company.merge] * MERGES + [company.delete] * DELETES + [company.change] * (CHANGES - MERGES - DELETES)
    company.random.shuffle(acts)
    stopped: set[int] = set()
    for place in range(ROUNDS):
        for act in acts[place::ROUNDS]:
            act()
            sync.clock.at += 0.01
        sync.announce(post.carry(company.truth.take_events()))
        for person in company.random.sample(company.live, STOPS // ROUNDS):
            stopped.add(number_of(company.truth.persons[person]))
            sync.opt_out(number_of(company.truth.persons[person]))
        sync.pass_time(company.random.choice([5.0, 400.0, 1_200.0]))
        run(sync)
    for _ in range(LATE_ROUNDS):
        sync.announce(post.carry([]))
    sync.pass_time(400.0)
    run(sync)
    sync.write(lifecycle.compare_connection, connection_id=sync.id)
    run(sync)
    assert_true(sync, company, stopped)


def run(sync: PipedriveSync) -> None:
    """A worker does what is due; a person confirms what the mass guard asks."""
    sync.run()
    while sync.open().stored.state == "needs_confirmation":
        sync.write(lifecycle.confirm_connection, connection_id=sync.id)
        sync.run()


def assert_true(sync: PipedriveSync, company: Company, stopped: set[int]) -> None:
    """The book has everyone who is there, once, in the right groups, and no one who opted out."""
    assert sync.open().stored.state == "live"
    book = sync.store.read(sync.project, sync.now, read_book)
    by_number = {number: (fname, inside) for number, fname, inside in book}
    assert len(by_number) == len(book)
    live = company.truth.live()
    wanted = {number_of(person): person for person in live.values()}
    assert len(wanted) == len(live)
    lost = wanted.keys() - by_number.keys() - stopped
    assert not lost
    for group, members in (
        ("crm", wanted.keys()),
        ("vip", {number for number, person in wanted.items() if VIP in person.labels}),
    ):
        inside = {number for number, (_, groups_in) in by_number.items() if group in groups_in}
        assert inside == members - stopped, group
    for number, person in wanted.items():
        if number in by_number:
            assert by_number[number][0] == person.name.partition(" ")[0], number
    assert sync.store.read(sync.project, sync.now, find_lifted, stopped=stopped) == []
    states = sync.states()
    assert {int(one) for one, state in states.items() if state == "live"} == live.keys()
