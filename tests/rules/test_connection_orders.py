"""Random lives of a CRM, shown late, twice, in any order or not at all: the book is right after the next comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors import Record
from daftari.connectors.protocol import Gone
from daftari.model.connections import LINK_STATES, Link
from daftari.rules.connections.model import PROBLEMS
from daftari.store import Store
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.connection_steps import SECOND, Syncing, mobile
from tests.support.stores import open_store

RECORDS, NUMBERS = 8, 6
WORDS = ("subscribed", "unsubscribed", "", "NEVER_SUBSCRIBED")
STAGES = ("customer", "customer", "other")
OUT_AND_IN = ("opt_out", "remove")


@dataclass
class Person:
    """A record as it is there. ``number``: 0 for none, below 0 for one that cannot be read."""

    number: int
    stage: str
    sms: str
    name: str
    version: int
    gone: Gone | None = None
    into: int = 0


@dataclass
class Crm:
    """The truth, and what it has shown so far, each record as it was then."""

    random: Random
    people: dict[int, Person] = field(default_factory=dict)
    said: list[Record] = field(default_factory=list)
    clock: int = 0

    def record(self, number: int) -> Record:
        found = self.people[number]
        if found.gone:
            into = str(found.into) if found.into else ""
            return Record(str(number), found.version, gone=found.gone, merged_into=into)
        values: dict[str, object] = {"firstname": found.name, "stage": found.stage, "sms": found.sms}
        if found.number:
            values["mobilephone"] = f"+{mobile(found.number)}" if found.number > 0 else "12"
        return Record(str(number), found.version, {name: value for name, value in values.items() if value})

    def change(self) -> None:
        """One thing that a person does there."""
        random, number = self.random, self.random.randint(1, RECORDS)
        self.clock += random.randint(0, 1)
        found = self.people.get(number)
        if found is None or (found.gone and found.gone != "merged"):
            number_now = random.randint(-1, NUMBERS)
            self.people[number] = Person(
                number_now, random.choice(STAGES), random.choice(WORDS), random.choice("abc"), self.clock
            )
        elif found.gone:
            return
        else:
            self._edit(number, found)
        self.said.append(self.record(number))

    def _edit(self, number: int, found: Person) -> None:
        random = self.random
        found.version = self.clock
        match random.randint(0, 6):
            case 0:
                found.number = random.randint(-1, NUMBERS)
            case 1:
                found.stage = random.choice(STAGES)
            case 2:
                found.sms = random.choice(WORDS)
            case 3:
                found.gone = "deleted"
            case 4:
                winner = random.randint(1, RECORDS)
                if winner != number and winner in self.people and not self.people[winner].gone:
                    found.gone, found.into = "merged", winner
            case _:
                found.name = random.choice("abcdef")

    def show(self) -> list[Record]:
        """Some of what it was: late, twice, in no order, or never."""
        some = [one for one in self.said if self.random.random() < 0.6]
        self.random.shuffle(some)
        return some + [one for one in some if self.random.random() < 0.2]

    def live(self) -> dict[int, Person]:
        return {number: found for number, found in self.people.items() if not found.gone}


def expected_members(crm: Crm) -> set[int]:
    """The numbers of all who pass the filter."""
    return {mobile(found.number) for found in crm.live().values() if found.number > 0 and found.stage == "customer"}


def compare(syncing: Syncing, crm: Crm) -> None:
    """A reading of everything, and a question for each record that it did not show or that is not as it was."""
    live = [crm.record(number) for number in crm.live()]
    syncing.read(*live)
    known = {link.external_id for link in syncing.links().values()}
    asked = sorted(known | {record.id for record in live})
    there = {number for number, found in crm.people.items() if not found.gone or found.gone == "merged"}
    syncing.ask(asked, *(crm.record(int(one)) for one in asked if int(one) in there))
    while wanted := syncing.open().progress.wanted:
        syncing.ask(wanted, *(crm.record(int(one)) for one in wanted if int(one) in there))


def recount(syncing: Syncing) -> Counter[str]:
    counts: Counter[str] = Counter()
    for link in syncing.links().values():
        counts[LINK_STATES[link.state]] += 1
        counts.update(name for name, bit in PROBLEMS.items() if link.problems & bit)
    return counts


@pytest.fixture
def stores(new_database: NewDatabase) -> Iterator[list[Store]]:
    opened = [open_store(new_database(engine), threads=2) for engine in ("sqlite", "postgres")]
    yield opened
    for store in opened:
        store.close()


def live_through(syncing: Syncing, seed: int) -> None:
    random = Random(seed)
    crm = Crm(random)
    suppressed: set[int] = set()
    removed: set[int] = set()
    for _ in range(random.randint(3, 12)):
        for _ in range(random.randint(1, 6)):
            crm.change()
        syncing.read(*crm.show())
        syncing.wait(SECOND)
        book = sorted(syncing.book())
        if book and random.random() < 0.4:
            number = random.choice(book)
            if random.choice(OUT_AND_IN) == "opt_out":
                syncing.opt_out(number)
                suppressed.add(number)
            else:
                syncing.remove(number)
                removed.add(number)
        check_opt_outs(syncing, suppressed)
        if random.random() < 0.3:
            compare(syncing, crm)
    compare(syncing, crm)
    check_opt_outs(syncing, suppressed)
    check_members(syncing, crm, suppressed, removed)
    counts = syncing.open().progress.counts
    assert {name: counts.get(name, 0) for name in (*LINK_STATES, *PROBLEMS)} == {
        name: recount(syncing)[name] for name in (*LINK_STATES, *PROBLEMS)
    }
    # Who took a number over from another record is applied by the next comparison.
    compare(syncing, crm)
    before = syncing.links(), syncing.book()
    compare(syncing, crm)
    assert (syncing.links(), syncing.book()) == before


def check_opt_outs(syncing: Syncing, suppressed: set[int]) -> None:
    """No opt-out is lifted, and no one who opted out is in a group."""
    book = syncing.book()
    for number in suppressed & book.keys():
        assert book[number]["status"] == 2 and not book[number]["groups"]


def is_away(link: Link) -> bool:
    """Whether a record's contact was removed here."""
    return LINK_STATES[link.state] == "removed_locally"


def check_members(syncing: Syncing, crm: Crm, suppressed: set[int], removed: set[int]) -> None:
    """The group has all who belong to it, each once, and no one else."""
    wanted, book, links = expected_members(crm), syncing.book(), syncing.links()
    assert {link.mobile for link in links.values() if is_away(link)} <= removed
    members = syncing.members("crm")
    assert members <= wanted - suppressed
    # A contact that was removed here is known as such when its record changes; then the record stays away.
    away = {mobile(found.number) for number, found in crm.live().items() if is_away(links[str(number)])}
    missing = wanted - suppressed - members
    assert missing <= removed | away and not (missing - away) & book.keys()
    for number, found in crm.live().items():
        state = LINK_STATES[links[str(number)].state]
        if state == "removed_locally":
            continue
        if found.stage != "customer":
            assert state == "left"
        elif found.number > 0:
            assert state == "live" and links[str(number)].mobile == mobile(found.number)
        else:
            assert state == ("no_mobile" if found.number == 0 else "unreadable")
    for number, found in crm.people.items():
        if found.gone and str(number) in links:
            assert LINK_STATES[links[str(number)].state] in ("gone", "merged")
    owned = Counter(link.mobile for link in links.values() if link.state == 0 and link.flags & 1)
    assert {*owned.values()} <= {1} and owned.keys() == {link.mobile for link in links.values() if link.state == 0}


def test_whatever_is_shown_the_book_is_right_after_a_comparison(stores: list[Store]) -> None:
    seen: Counter[str] = Counter()

    @given(st.integers(0, 2**32))
    def lives(seed: int) -> None:
        for place, store in enumerate(stores):
            seen[str(place)] += 1
            project = calls.create_project(store, f"p{place}-{seen[str(place)]}")
            groups = [{"from": "all", "to": "crm"}]
            live_through(Syncing(store, project, groups=groups, filter={"stage": ["customer"]}), seed)

    lives()
