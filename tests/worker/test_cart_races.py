"""Carts, orders and STOPs in every order, with webhooks lost, doubled and late, and workers that stop and are killed.

No message goes to someone of whose order the shop or a delivery spoke, none after a STOP, and none twice in a day.
``make prove`` has 10,000 people, ``make test`` few. Everything random comes from one integer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import settings

from daftari.gateways import OutcomeWord
from daftari.model.messages import StoredMessage
from daftari.rules.connections import lifecycle, sync
from daftari.rules.firing import event_key_of
from daftari.store import Store
from tests.support import calls
from tests.support.cart_shop import HOUR, MINUTE, CartShop
from tests.support.connection_steps import mobile
from tests.support.fake_crm.faults import Fault
from tests.support.fake_crm.shopify import WEBHOOK_SECRET
from tests.support.fake_crm.shopify_truth import Checkout, Happening, Order

IS_WHOLE = settings().max_examples > 1_000
PEOPLE, CROWD = (10_000, 250) if IS_WHOLE else (60, 30)
DAY = 24 * HOUR
ANSWER_SECONDS = 60.0
"""How old an answer of the shop may be."""
WORDS: tuple[OutcomeWord, ...] = ("accepted", "accepted", "accepted", "unknown", "again")
"""How a provider answers."""
FAULTS: tuple[Fault, ...] = ("limit", "gateway", "error", "lost", "nonsense")


class Person:
    """Someone with a number, and what they did."""

    def __init__(self, number: int, random: Random) -> None:
        self.number = number
        self.email = f"p{number}@mail.example" if random.random() < 0.7 else None
        self.customer: int | None = None
        self.unsubscribed_at = float("inf")
        """When a delivery came that says so."""
        self.checkouts: list[Checkout] = []
        self.orders: list[Order] = []
        self.stopped_at = float("inf")
        self.sent: list[float] = []

    @property
    def mobile(self) -> int:
        return mobile(self.number)


class Race:
    """A shop and its people. Deliveries are lost, doubled and late; the workers of both jobs run when they like."""

    def __init__(self, shop: CartShop, seed: int, *, has_app: bool) -> None:
        self.shop, self.random, self.has_app = shop, Random(seed), has_app
        self.truth, self.clock = shop.truth, shop.shop.clock
        self.truth.lag_seconds = 0.0
        self.people: dict[int, Person] = {}
        self.customers: dict[int, Person] = {}
        self.heard_at: dict[int, float] = {}
        """When a delivery of each order came first."""
        self.acts: list[tuple[float, int, Callable[[], None]]] = []
        self.wrong: list[str] = []

    # ---- what people do ---------------------------------------------------------------------------------

    def plan(self, number: int) -> None:
        """What someone does within some hours."""
        random, person = self.random, Person(number, self.random)
        self.people[person.mobile] = person
        if random.random() < 0.3:
            person.customer = self.truth.create("Amina", f"+{person.mobile}")
            self.customers[person.customer] = person
        began = random.uniform(0, 30 * MINUTE)
        self._later(began, lambda: self._leave(person))
        if random.random() < 0.2:
            self._later(random.uniform(0, 3 * HOUR), lambda: self._leave(person))
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            self._later(began + random.uniform(0, 70 * MINUTE), lambda: self._change(person))
        if random.random() < 0.5:
            moment = random.choice((random.uniform(0, 100 * MINUTE), HOUR + random.gauss(0, 60)))
            self._later(began + max(moment, 0), lambda: self._order(person))
        if random.random() < 0.1:
            self._later(began + random.uniform(0, 70 * MINUTE), lambda: self._delete(person))
        if person.customer is not None and random.random() < 0.3:
            said = partial(self.truth.consent, person.customer, "sms", "UNSUBSCRIBED")
            self._later(began + random.uniform(0, 80 * MINUTE), said)
        if random.random() < 0.15:
            self._later(began + random.uniform(0, 80 * MINUTE), lambda: self._stop(person))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self.acts.append((self.clock.at + seconds, len(self.acts), act))

    def _leave(self, person: Person) -> None:
        accepts = self.random.random() < 0.9
        given = {"phone": f"+{person.mobile}", "email": person.email, "customer": person.customer}
        checkout = self.truth.start_checkout(accepts=accepts, **given)
        person.checkouts.append(checkout)

    def _change(self, person: Person) -> None:
        open_ones = [one for one in person.checkouts if not (one.completed or one.deleted)]
        if open_ones:
            self.truth.change_checkout(open_ones[-1], total=f"{self.random.randrange(9_000)}.00")

    def _order(self, person: Person) -> None:
        open_ones = [one for one in person.checkouts if not (one.completed or one.deleted)]
        if open_ones and self.random.random() < 0.7:
            person.orders.append(self.truth.complete(open_ones[-1]))
        else:
            # On another device: nothing names the cart.
            person.orders.append(
                self.truth.order(phone=f"+{person.mobile}", email=person.email, customer=person.customer)
            )

    def _delete(self, person: Person) -> None:
        if person.checkouts and not person.checkouts[-1].completed:
            self.truth.delete_checkout(person.checkouts[-1])

    def _stop(self, person: Person) -> None:
        self.shop.shop.now = self.shop.now
        self.shop.shop.opt_out(person.mobile)
        person.stopped_at = self.clock.at

    # ---- deliveries -------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        for one in self.shop.shop.take_happened():
            luck = self.random.random()
            times = 0 if luck < 0.08 else 2 if luck < 0.15 else 1
            for _ in range(times):
                late = self.random.random()
                seconds = 0.0 if late < 0.6 else self.random.uniform(0, 5 * MINUTE if late < 0.85 else 100 * MINUTE)
                self._later(seconds, partial(self._deliver, one))

    def _deliver(self, happening: Happening) -> None:
        shop = self.shop.shop
        (shop.announce if self.has_app else shop.announce_by_page)([happening])
        if happening.topic == "orders/create":
            self.heard_at.setdefault(happening.body["id"], self.clock.at)
        elif happening.topic == "customers_marketing_consent/update":
            person = self.customers[happening.body["id"]]
            person.unsubscribed_at = min(person.unsubscribed_at, self.clock.at)

    # ---- the service ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until nothing is left to do, and nothing waits."""
        ends_at = self.clock.at + 12 * HOUR
        while self.acts or self.clock.at < ends_at:
            self._tick()

    def _tick(self) -> None:
        random = self.random
        self.clock.at += 20 * MINUTE if random.random() < 0.01 else random.uniform(10, 150)
        due = sorted(act for act in self.acts if act[0] <= self.clock.at)
        self.acts = [act for act in self.acts if act[0] > self.clock.at]
        for _, _, act in due:
            act()
        self._schedule()
        if random.random() < 0.9:
            self._claim()
        if random.random() < 0.95:
            self._work()
        if random.random() < 0.9:
            self._claim()

    def _work(self) -> None:
        """The connection's job; now and then it is killed after a step, or the connection is paused for a while."""
        shop, random = self.shop.shop, self.random
        shop.fake.faults.rate, shop.fake.faults.kinds = random.choice(((0.0, FAULTS), (0.05, FAULTS)))
        state = shop.open().stored.state
        shop.now = self.shop.now
        if state == "paused" or random.random() < 0.004:
            rule = lifecycle.start_connection if state == "paused" else lifecycle.pause_connection
            shop.write(rule, connection_id=shop.id)
        if random.random() < 0.05:
            shop.write(sync.take_over, connection_id=shop.id)
        shop.run(steps_max=random.choice((1, 3, 1_000)))

    def _claim(self) -> None:
        """The sender's job; now and then another worker takes it over, or the provider does not take a message."""
        sending = self.shop.triggers.sending
        sending.now = self.shop.now
        if self.random.random() < 0.03:
            sending.fence = sending.take_over()
        for message in sending.claimed():
            word = self.random.choice(WORDS)
            self._judge(message)
            if word != "again":
                self.people[message.subject_id].sent.append(self.clock.at)
            sending.answer([message], word)

    # ---- what must not be -------------------------------------------------------------------------------

    def _judge(self, message: StoredMessage) -> None:
        person, at = self.people[message.subject_id], self.clock.at
        cart = self.truth.checkouts[event_key_of(message.key)]
        for order in person.orders:
            is_own = order.checkout is not None and order.checkout.token == cart.token
            if not is_own and order.created < cart.created - 300:
                continue
            is_askable = self.has_app and (is_own or order.email is not None or order.customer is not None)
            if self.heard_at.get(order.id, at + 1) <= at:
                self.wrong.append(f"{person.number}: the order {order.id} was delivered")
            elif is_askable and order.created <= at - ANSWER_SECONDS - 1:
                self.wrong.append(f"{person.number}: the shop had the order {order.id}")
        if person.stopped_at <= at:
            self.wrong.append(f"{person.number}: opted out")
        if person.unsubscribed_at <= at - ANSWER_SECONDS - 1:
            self.wrong.append(f"{person.number}: unsubscribed in the shop")
        if any(at - before < DAY for before in person.sent):
            self.wrong.append(f"{person.number}: twice in a day")
        if not cart.accepts:
            self.wrong.append(f"{person.number}: did not agree")


@pytest.mark.timeout(0 if IS_WHOLE else 300)
@pytest.mark.parametrize("has_app", [True, False], ids=["an app", "webhooks alone"])
def test_no_message_goes_to_a_buyer_whatever_comes_first(store: Store, has_app: bool) -> None:
    given = {} if has_app else {"credentials": {"webhook_secret": WEBHOOK_SECRET}}
    shop = CartShop(store, calls.create_project(store), **given)
    shop.remind()
    shop.remind(name="Soon", wait="20m", late="2h")
    race = Race(shop, seed=13, has_app=has_app)
    for first in range(1, PEOPLE + 1, CROWD):
        for number in range(first, first + CROWD):
            race.plan(number)
        race.run()
        assert race.wrong == []
    reasons = Counter(reason or state for state, reason in shop.reasons())
    assert {"accepted", "ordered", "sent_before", "opted_out"} <= reasons.keys()
    assert "waiting" not in reasons
    never = [
        one
        for one in race.people.values()
        if one.checkouts and not one.orders and one.stopped_at == one.unsubscribed_at == float("inf")
    ]
    assert sum(bool(one.sent) for one in never) > len(never) // 4
