"""A reader that follows HubSpot's changes ends with what is true there, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.connectors.hubspot import HubSpot, connector
from tests.connectors.connections import FIELDS, hubspot
from tests.support.fake_crm import Clock, FakeHubSpot
from tests.support.fake_crm.hubspot_truth import HubSpotTruth
from tests.support.fake_crm.reader import Reader


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """So that a few contacts are many pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "PAGE", 5)
        patch.setattr(connector, "SEARCH_PAGE", 7)
        patch.setattr(HubSpot, "facts", replace(HubSpot.facts, records_max=5))
        yield


class People:
    """People who work in the CRM, by chance."""

    def __init__(self, truth: HubSpotTruth, random: Random) -> None:
        self.truth = truth
        self.random = random

    def act(self) -> None:
        live, deleted = [*self.truth.live()], self.deleted()
        what = self.random.choice(
            ["create", "create", "edit", "edit", "edit", "all", "delete", "merge", "back", "erase"]
        )
        if what == "create" or len(live) < 5:
            self.truth.create(firstname=self.word(), mobilephone=self.word())
        elif what == "edit":
            self.truth.edit(self.random.choice(live), **{self.random.choice(FIELDS): self.word()})
        elif what == "all":
            self.truth.edit_all(self.random.sample(live, len(live) // 2), city=self.word())
        elif what == "delete":
            self.truth.delete(self.random.choice(live))
        elif what == "merge":
            self.truth.merge(*self.random.sample(live, 2), makes_new=self.random.random() < 0.5)
        elif what == "back" and deleted:
            self.truth.restore(self.random.choice(deleted))
        elif what == "erase":
            self.truth.erase(self.random.choice(live))

    def deleted(self) -> list[int]:
        return [one.id for one in self.truth.contacts.values() if one.archived_at and one.merged_into is None]

    def word(self) -> str:
        return self.random.choice(["", "Amina", "Kisumu", "0722 000 001", str(self.random.random())])


def values_of(truth: HubSpotTruth, id: int) -> dict[str, str]:
    properties = truth.contacts[id].all_properties()
    return {name: properties[name] for name in FIELDS if properties.get(name)}


def assert_equal(reader: Reader, truth: HubSpotTruth) -> None:
    live = {str(id) for id in truth.live()}
    assert {id for id, link in reader.links.items() if link.gone is None} == live
    assert {id: reader.links[id].values for id in live} == {str(id): values_of(truth, id) for id in truth.live()}
    for id, link in reader.links.items():
        if id not in live and (winner := truth.winner(int(id))) is not None:
            assert (link.gone, reader.find_winner(id)) == ("merged", str(winner.id))


def work(reader: Reader, people: People, clock: Clock, *, rounds: int) -> None:
    """People act, time passes, and pages are read, in any order."""
    random = people.random
    for _ in range(rounds):
        for _ in range(random.randint(0, 6)):
            people.act()
            clock.at += random.choice([0.0, 0.001, 0.5, 20.0, 700.0])
            if random.random() < 0.5:
                reader.step()
        if random.random() < 0.3:
            reader.poll()
        if random.random() < 0.1:
            reader.compare()


@pytest.mark.parametrize("rate", [0.0, 0.2])
@given(seed=st.integers(0, 2**32))
def test_the_reader_ends_with_the_truth(rate: float, seed: int) -> None:
    clock = Clock()
    fake = FakeHubSpot(seed, clock)
    fake.faults.rate = rate
    people = People(fake.truth, Random(seed))
    reader = Reader(hubspot(fake, clock), clock)
    work(reader, people, clock, rounds=15)
    clock.at += 60.0
    reader.poll()
    reader.compare()
    assert_equal(reader, fake.truth)
    assert reader.complete_until <= clock.moment


@given(seed=st.integers(0, 2**32))
def test_changes_alone_bring_every_edit_and_every_merge(seed: int) -> None:
    """A comparison of all is needed for erasures, and for a restore that HubSpot does not count as a change."""
    clock = Clock()
    fake = FakeHubSpot(seed, clock, lag_seconds=25.0)
    fake.truth.restore_is_change = True
    people = People(fake.truth, Random(seed))
    reader = Reader(hubspot(fake, clock), clock)
    reader.poll()
    for _ in range(60):
        people.act()
        clock.at += people.random.choice([0.5, 20.0, 700.0])
        if people.random.random() < 0.3:
            reader.poll()
    clock.at += 3_700.0
    reader.poll()
    live = fake.truth.live()
    assert {id: reader.links[str(id)].values for id in live} == {id: values_of(fake.truth, id) for id in live}
    assert not [one for one in live if reader.links[str(one)].gone]
    deleted = [id for id in people.deleted() if str(id) in reader.links]
    assert all(reader.links[str(id)].gone == "deleted" for id in deleted)
