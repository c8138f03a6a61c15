"""A reader that follows WooCommerce's changes ends with what is true there, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.connectors.phones import find_end
from daftari.connectors.protocol import DeliveryProof, WebhookEvent
from daftari.connectors.woocommerce import WooCommerce, connector, read_delivery
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret
from tests.connectors.connections import woocommerce
from tests.support.fake_crm import Clock, FakeWooCommerce
from tests.support.fake_crm.faults import Fault
from tests.support.fake_crm.reader import Reader
from tests.support.fake_crm.woocommerce_truth import Order, WooTruth

FAULTS: tuple[Fault, ...] = ("limit", "bare_limit", "error", "gateway", "closed", "lost", "cut", "drip", "nonsense")
SECRET = Secret("kikapu")
URL = "https://book.example/v1/connections/1/hook/token"
BOUGHT = ("processing", "completed", "on-hold", "refunded", "dispatched")


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """So that a few customers and orders are many pages."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("PAGE", 7), ("CHANGED_PAGE", 6), ("NEW_PAGE", 3), ("BACK", 2)):
            patch.setattr(connector, name, size)
        patch.setattr(WooCommerce, "facts", replace(WooCommerce.facts, records_max=5))
        yield


class Shoppers:
    """What the people of a shop do, by chance."""

    def __init__(self, truth: WooTruth, random: Random) -> None:
        self.truth = truth
        self.random = random

    def act(self) -> None:
        truth, orders, users = self.truth, [*self.truth.orders], [*self.truth.users]
        acts = ["register", "order", "order", "edit", "meta", "status", "status", "delete", "trash", "restore", "drop"]
        what = self.random.choice(acts)
        if what == "register":
            number = self.random.randint(1, 12)
            made = truth.register("Amina", self.phone(number), email=f"p{number}@shop.example")
            truth.link_orders(made)
        elif what == "order" or not orders or not users:
            number = self.random.randint(1, 12)
            known = self.random.choice([0, 0, *users])
            email = truth.users[known].email if known else self.random.choice([f"p{number}@shop.example", ""])
            status = self.random.choice([*BOUGHT, "pending", "failed", "checkout-draft"])
            phone = self.random.choice([self.phone(number), self.phone(number), ""])
            truth.order(phone, email=email, first_name=f"G{number}", customer=known, status=status)
        elif what == "edit":
            truth.edit(self.random.choice(users), phone=self.phone(self.random.randint(1, 12)), city="Kisumu")
        elif what == "meta":
            truth.set_meta(truth.users[self.random.choice(users)], "sms_opt_in", self.random.choice(["yes", "no", ""]))
        elif what == "status":
            truth.change(self.random.choice(orders), status=self.random.choice([*BOUGHT, "failed", "cancelled"]))
        elif what == "delete":
            truth.delete_user(self.random.choice(users))
        elif what == "trash":
            truth.trash(self.random.choice(orders))
        elif what == "restore":
            truth.restore(self.random.choice(orders))
        else:
            truth.delete_order(self.random.choice(orders))

    def phone(self, number: int) -> str:
        return self.random.choice([f"0722 000 {number:03}", f"+254722000{number:03}"])


def values_of(phone: str, first_name: str, city: str, role: str, opt_in: object = "") -> dict[str, object]:
    given = {"phones": [phone] if phone else [], "first_name": first_name, "city": city, "role": role}
    return {name: value for name, value in {**given, "meta.sms_opt_in": opt_in}.items() if value}


def records_of(truth: WooTruth) -> dict[str, dict[str, object]]:
    """Every account, and every number that ordered as a guest and has none, by the newest order."""
    found: dict[str, dict[str, object]] = {}
    taken = set()
    for user in truth.users.values():
        opt_in = user.meta.get("sms_opt_in", (0, ""))[1]
        phone = user.billing.get("phone", "")
        found[f"customer:{user.id}"] = values_of(
            phone, user.first_name, user.billing.get("city", ""), user.role, opt_in
        )
        taken.add(find_end(phone))
    guests: dict[str, list[Order]] = {}
    for order in truth.orders.values():
        end = find_end(order.billing["phone"])
        if not order.customer and order.status in BOUGHT and end and end not in taken:
            guests.setdefault(end, []).append(order)
    for orders in guests.values():
        newest = orders[-1].billing
        found[f"guest:{orders[0].id}"] = values_of(
            newest["phone"], newest["first_name"], newest.get("city", ""), "guest"
        )
    return found


def assert_equal(reader: Reader, truth: WooTruth) -> None:
    kept = {id: dict(link.values) for id, link in reader.links.items() if link.gone is None}
    assert kept == records_of(truth)
    for id, link in reader.links.items():
        if link.gone == "merged":
            assert id.startswith("guest:") and link.merged_into.startswith("customer:")


def announced(fake: FakeWooCommerce) -> list[WebhookEvent]:
    """What the shop's webhooks say that came until now, some of them late, twice or never."""
    happened, fake.truth.happened = fake.truth.happened, []
    calls = [call for one in happened for _, call in fake.deliver(one)]
    events: list[WebhookEvent] = []
    for call in fake.faults.deliver(calls):
        request = InboundRequest(call.method, call.path, "", "application/json", call.headers, call.body)
        events += read_delivery(request, DeliveryProof(SECRET, "ziwa.example"))
    return events


@pytest.mark.parametrize("rate", [0.0, 0.2])
@given(seed=st.integers(0, 2**32))
def test_the_reader_ends_with_the_truth(rate: float, seed: int) -> None:
    """People shop, time passes, pages are read and webhooks come, in any order."""
    clock = Clock()
    fake = FakeWooCommerce(seed, clock)
    fake.counts = seed % 3 > 0
    shop = woocommerce(fake, clock)
    shop.require_webhook(URL, secret=SECRET)
    fake.faults.rate, fake.faults.kinds = rate, FAULTS
    shoppers = Shoppers(fake.truth, Random(seed))
    reader = Reader(shop, clock)
    random = shoppers.random
    for _ in range(15):
        for _ in range(random.randint(0, 6)):
            shoppers.act()
            clock.at += random.choice([0.0, 0.3, 1.0, 120.0])
        if random.random() < 0.1:
            reader.connector = woocommerce(fake, clock)  # Another worker.
        if random.random() < 0.7:
            reader.hear(announced(fake))
        for _ in range(random.randint(0, 8)):
            if not reader.step():
                break
    clock.at += 400.0
    reader.poll()
    reader.compare()
    reader.compare()
    assert_equal(reader, fake.truth)
