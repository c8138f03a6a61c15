"""A reader that follows Shopify's changes ends with what is true there, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.connectors.protocol import DeliveryProof, WebhookEvent
from daftari.connectors.shopify import Shopify, connector, read_delivery
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret
from tests.connectors.connections import shopify
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.faults import Fault
from tests.support.fake_crm.reader import Reader
from tests.support.fake_crm.shopify import WEBHOOK_SECRET
from tests.support.fake_crm.shopify_truth import ShopifyTruth, iso

FAULTS: tuple[Fault, ...] = ("limit", "bare_limit", "error", "gateway", "closed", "lost", "cut", "drip", "nonsense")


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """So that a few customers are many pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "PAGE", 6)
        patch.setattr(Shopify, "facts", replace(Shopify.facts, records_max=5))
        yield


class People:
    """The people of a shop, by chance."""

    def __init__(self, truth: ShopifyTruth, random: Random) -> None:
        self.truth = truth
        self.random = random

    def act(self) -> None:
        live = [*self.truth.live()]
        what = self.random.choice(["create", "create", "edit", "edit", "all", "consent", "delete", "merge", "redact"])
        if what == "create" or len(live) < 5:
            self.truth.create(self.word() or "Amina", self.word(), tags=self.tags())
        elif what == "edit":
            self.truth.edit(self.random.choice(live), first_name="Juma", phone=self.word() or None)
        elif what == "all":
            self.truth.edit_all(self.random.sample(live, len(live) // 2), tags=self.tags())
        elif what == "consent":
            channel, state = self.random.choice(["sms", "whatsapp"]), self.random.choice(["SUBSCRIBED", "UNSUBSCRIBED"])
            at = self.truth.clock.now() - self.random.choice([0.0, 0.0, 500.0])
            self.truth.consent(self.random.choice(live), channel, state, at=at)
        elif what == "delete":
            self.truth.delete(self.random.choice(live))
        elif what == "merge":
            self.truth.merge(*self.random.sample(live, 2))
        elif what == "redact" and len(self.named()) > 5:
            self.truth.redact(self.random.choice(self.named()))

    def named(self) -> list[int]:
        return [one.id for one in self.truth.live().values() if not one.is_redacted]

    def word(self) -> str:
        return self.random.choice(["", "0722 000 001", f"07{self.random.randint(10_000_000, 99_999_999)}"])

    def tags(self) -> tuple[str, ...]:
        return tuple(self.random.sample(["vip", "farm", "retail"], self.random.randint(0, 2)))


def values_of(truth: ShopifyTruth, id: int) -> dict[str, object]:
    one = truth.customers[id]
    consents = one.consents if one.phone else {}
    values = {
        "phones": [one.phone] if one.phone else [],
        "first_name": one.first_name,
        **{f"{channel}_consent": said.state for channel, said in consents.items()},
        **{f"{channel}_consent_at": iso(said.at) for channel, said in consents.items() if said.at is not None},
    }
    return {name: value for name, value in values.items() if value}


def assert_equal(reader: Reader, truth: ShopifyTruth) -> None:
    named = {id: one for id, one in truth.live().items() if not one.is_redacted}
    kept = {id: link for id, link in reader.links.items() if link.gone is None}
    assert {*kept} == {str(id) for id in named}
    assert {id: link.values for id, link in kept.items()} == {str(id): values_of(truth, id) for id in named}
    assert {id: link.groups for id, link in kept.items()} == {
        str(id): tuple(f"tag:{tag}" for tag in one.tags) for id, one in named.items()
    }
    redacted = [one for one in truth.live().values() if one.is_redacted and str(one.id) in reader.links]
    assert all(reader.links[str(one.id)].gone == "erased" for one in redacted)


def announced(fake: FakeShopify) -> list[WebhookEvent]:
    """What the shop's webhooks say that came until now, some of them late, twice or never."""
    happened, fake.truth.happened = fake.truth.happened, []
    events: list[WebhookEvent] = []
    for call in fake.faults.deliver([fake.deliver(one) for one in happened]):
        request = InboundRequest(call.method, call.path, "", "application/json", call.headers, call.body)
        events += read_delivery(request, DeliveryProof(Secret(WEBHOOK_SECRET), fake.truth.domain))
    return events


@pytest.mark.parametrize("rate", [0.0, 0.2])
@given(seed=st.integers(0, 2**32))
def test_the_reader_ends_with_the_truth(rate: float, seed: int) -> None:
    """People act, time passes, pages are read and webhooks come, in any order."""
    clock = Clock()
    fake = FakeShopify(seed, clock)
    fake.faults.rate, fake.faults.kinds = rate, FAULTS
    people = People(fake.truth, Random(seed))
    reader = Reader(shopify(fake, clock), clock)
    random = people.random
    for _ in range(15):
        for _ in range(random.randint(0, 6)):
            people.act()
            clock.at += random.choice([0.0, 0.001, 0.5, 20.0, 700.0])
            if random.random() < 0.5:
                reader.step()
        if random.random() < 0.3:
            reader.poll()
        if random.random() < 0.3:
            reader.hear(announced(fake))
        if random.random() < 0.1:
            reader.compare()
    clock.at += 60.0
    reader.poll()
    reader.compare()
    assert_equal(reader, fake.truth)
    assert reader.complete_until <= clock.moment


@given(seed=st.integers(0, 2**32))
def test_changes_alone_bring_every_edit(seed: int) -> None:
    """Webhooks and comparisons are needed for deletions and merges, and for a consent that is no change there."""
    clock = Clock()
    fake = FakeShopify(seed, clock, lag_seconds=25.0)
    fake.truth.consent_is_change = True
    people = People(fake.truth, Random(seed))
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    for _ in range(60):
        people.act()
        clock.at += people.random.choice([0.5, 20.0, 700.0])
        if people.random.random() < 0.3:
            reader.poll()
    clock.at += 60.0
    reader.poll()
    named = people.named()
    assert {id: reader.links[str(id)].values for id in named} == {id: values_of(fake.truth, id) for id in named}


@given(seed=st.integers(0, 2**32))
def test_no_customer_comes_twice_in_one_reading_of_all(seed: int) -> None:
    """Pages are cut by id, so a customer that comes, changes or goes meanwhile moves no other to another page."""
    clock = Clock()
    fake = FakeShopify(seed, clock, lag_seconds=0.0)
    people = People(fake.truth, Random(seed))
    ids = {fake.truth.create("Amina", f"07220000{place:02}") for place in range(30)}
    seen: list[str] = []
    reading = shopify(fake, clock)
    cursor = ""
    while True:
        page = reading.read_changes(cursor, now=clock.moment)
        seen += [record.id for record in page.records]
        if page.complete_until is not None:
            break
        cursor = page.cursor
        people.act()
    assert len(seen) == len(set(seen))
    assert {str(id) for id in ids & fake.truth.live().keys()} <= {*seen}


def test_a_change_that_the_index_has_late_is_read_all_the_same() -> None:
    clock = Clock()
    fake = FakeShopify(1, clock, lag_seconds=0.0)
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    fake.truth.lag_seconds = 500.0
    late = [str(fake.truth.create("Amina", f"07220000{place:02}")) for place in range(20)]
    for _ in range(10):
        clock.at += 60.0
        reader.poll()
    assert {*reader.links} == {*late}


def test_what_changes_while_a_long_window_is_read_is_in_the_next_one() -> None:
    """A window ends where it ended when it began, however long its pages take."""
    clock = Clock()
    fake = FakeShopify(1, clock, lag_seconds=0.0)
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    ids = [fake.truth.create("Amina", f"07220000{place:02}") for place in range(20)]
    clock.at += 60.0
    assert reader.step()
    fake.truth.edit(ids[0], first_name="Juma")
    clock.at += 5_000.0
    reader.poll()
    clock.at += 60.0
    reader.poll()
    assert reader.links[str(ids[0])].values["first_name"] == "Juma"
