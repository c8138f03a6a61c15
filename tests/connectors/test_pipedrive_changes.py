"""A reader that follows Pipedrive's changes ends with what is true there, with webhooks and without."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.connectors.pipedrive import Pipedrive, connector, read_delivery
from daftari.connectors.protocol import DeliveryProof, WebhookEvent
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret
from tests.connectors.connections import pipedrive
from tests.support.fake_crm import Clock, FakePipedrive
from tests.support.fake_crm.pipedrive_truth import PipedriveTruth
from tests.support.fake_crm.reader import Reader

URL = "https://book.example/v1/connections/1/hook/token"
PASSWORD = Secret("kikapu-kikubwa")


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """So that a few persons are many pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "PAGE", 5)
        patch.setattr(connector, "IDS_MAX", 4)
        patch.setattr(Pipedrive, "facts", replace(Pipedrive.facts, records_max=4))
        yield


class People:
    """People who work in the CRM, by chance."""

    def __init__(self, fake: FakePipedrive, random: Random) -> None:
        self.fake = fake
        self.truth: PipedriveTruth = fake.truth
        self.random = random

    def act(self) -> None:
        live = [*self.truth.live()]
        deleted = [one.id for one in self.truth.persons.values() if not one.is_live and one.merged_into is None]
        what = self.random.choice(["create", "create", "edit", "edit", "all", "delete", "merge", "back", "old"])
        if what == "create" or len(live) < 5:
            self.truth.create(self.word(), "020 2000000", self.word())
        elif what == "edit":
            self.truth.edit(self.random.choice(live), name=self.word())
        elif what == "all":
            self.truth.edit_all(self.random.sample(live, len(live) // 2), labels=[self.random.choice([4, 5])])
        elif what == "delete":
            self.truth.delete(self.random.choice(live))
        elif what == "merge":
            self.truth.merge(*self.random.sample(live, 2))
        elif what == "back" and deleted:
            self.truth.restore(self.random.choice(deleted))
        elif what == "old":
            self.fake.generation += 1

    def word(self) -> str:
        return self.random.choice(["Amina Otieno", "Juma", "0733-000-002", str(self.random.random())])


def assert_equal(reader: Reader, truth: PipedriveTruth) -> None:
    live = {str(id): person for id, person in truth.live().items()}
    assert {id for id, link in reader.links.items() if link.gone is None} == live.keys()
    for id, person in live.items():
        link = reader.links[id]
        assert link.values["name"] == person.name
        assert {*link.values["phones"]} == {phone["value"] for phone in person.phones}
        assert list(link.groups) == [f"label:{label}" for label in person.labels]


@pytest.mark.parametrize("rate", [0.0, 0.2])
@given(seed=st.integers(0, 2**32))
def test_the_reader_ends_with_the_truth(rate: float, seed: int) -> None:
    clock = Clock()
    fake = FakePipedrive(seed, clock, daily_tokens=10_000_000)
    fake.faults.rate = rate
    people = People(fake, Random(seed))
    reader = Reader(pipedrive(fake, clock, daily_tokens=10_000_000), clock)
    for _ in range(15):
        for _ in range(people.random.randint(0, 6)):
            people.act()
            clock.at += people.random.choice([0.0, 0.2, 20.0, 700.0])
            if people.random.random() < 0.5:
                reader.step()
        if people.random.random() < 0.3:
            reader.poll()
    clock.at += 60.0
    reader.poll()
    reader.compare()
    assert_equal(reader, fake.truth)


def deliver(fake: FakePipedrive) -> Iterator[WebhookEvent]:
    """What arrives of the events since the last time, and is read."""
    for event in fake.faults.deliver(fake.truth.take_events()):
        for _, headers, body in fake.deliver(event):
            request = InboundRequest("POST", URL, "", "application/json", headers, body)
            yield from read_delivery(request, DeliveryProof(PASSWORD, "100"))


@given(seed=st.integers(0, 2**32))
def test_deliveries_that_are_lost_doubled_or_late_change_nothing_in_the_end(seed: int) -> None:
    clock = Clock()
    fake = FakePipedrive(seed, clock, daily_tokens=10_000_000)
    people = People(fake, Random(seed))
    connection = pipedrive(fake, clock, daily_tokens=10_000_000)
    assert connection.require_webhook(URL, secret=PASSWORD)
    reader = Reader(connection, clock)
    merges: dict[str, str] = {}
    for _ in range(20):
        people.act()
        clock.at += people.random.choice([0.0, 0.2, 20.0, 700.0])
        heard = [*deliver(fake)]
        merges |= {loser: winner for event in heard for loser, winner in event.merged.items() if loser in reader.links}
        reader.hear(heard)
        if people.random.random() < 0.3:
            reader.poll()
    clock.at += 60.0
    reader.poll()
    reader.compare()
    assert_equal(reader, fake.truth)
    for loser, winner in merges.items():
        assert (reader.links[loser].gone, reader.links[loser].merged_into) == ("merged", winner)


@given(seed=st.integers(0, 2**32))
def test_webhooks_alone_are_enough_where_none_is_lost(seed: int) -> None:
    clock = Clock()
    fake = FakePipedrive(seed, clock, daily_tokens=10_000_000)
    people = People(fake, Random(seed))
    connection = pipedrive(fake, clock, daily_tokens=10_000_000)
    connection.require_webhook(URL, secret=PASSWORD)
    reader = Reader(connection, clock)
    for _ in range(25):
        people.act()
        clock.at += people.random.choice([0.0, 0.2, 20.0])
        events = fake.faults.deliver(fake.truth.take_events(), drop=0.0, repeat=0.3, late=0.3)
        for event in events:
            for _, headers, body in fake.deliver(event):
                request = InboundRequest("POST", URL, "", "application/json", headers, body)
                reader.hear(read_delivery(request, DeliveryProof(PASSWORD, "100")))
    assert_equal(reader, fake.truth)


@given(seed=st.integers(0, 2**32))
def test_changes_alone_bring_every_edit(seed: int) -> None:
    """Although people work while pages are read, and Pipedrive refuses its own cursors."""
    clock = Clock()
    fake = FakePipedrive(seed, clock, daily_tokens=10_000_000)
    people = People(fake, Random(seed))
    reader = Reader(pipedrive(fake, clock, daily_tokens=10_000_000), clock)
    for place in range(30):
        fake.truth.create(f"P{place}")
        clock.at += people.random.choice([0.0, 1.0, 90.0])
    for _ in range(60):
        people.act()
        clock.at += people.random.choice([0.0, 0.2, 20.0, 700.0])
        if people.random.random() < 0.7:
            reader.step()
        if people.random.random() < 0.3:
            fake.generation += 1
    reader.poll()
    clock.at += 60.0
    reader.poll()
    for id, person in fake.truth.live().items():
        assert reader.links[str(id)].values["name"] == person.name
        assert list(reader.links[str(id)].groups) == [f"label:{label}" for label in person.labels]
