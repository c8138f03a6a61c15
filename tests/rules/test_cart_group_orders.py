"""Carts, orders, joins by hand and opt-outs in random orders: the group and the figures are those of a plain model.

The model has the outcome of each cart, and for each number whether it is in the group and by what.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import settings

from daftari.connectors import Cart, Order
from daftari.model.projects import Project
from daftari.rules.contacts import groups
from daftari.store import Store, contacts
from tests.support import calls
from tests.support.connection_steps import SECOND, mobile
from tests.support.shop_carts import Shop

MINUTE = 60 * SECOND
LIVES, STEPS, CARTS, NUMBERS = settings().max_examples // 4 or 1, 40, 5, 2


@dataclass
class Known:
    """A cart as the model knows it."""

    state: str = "open"
    number: int = 0
    accepted: bool = True
    changed_at: int = 0
    holds: bool = False
    counted: set[str] = field(default_factory=set)


class Model:
    """Which numbers are in the group, and what was counted."""

    def __init__(self) -> None:
        self.carts: dict[str, Known] = {}
        self.inside: set[int] = set()
        self.opted_out: set[int] = set()

    def count(self, cart: Known, name: str) -> None:
        cart.counted.add(name)

    def change(self, key: str, now: int, *, number: int, accepted: bool) -> None:
        cart = self.carts.setdefault(key, Known())
        if cart.state != "bought":
            self._come_back(cart)
            cart.state, cart.number, cart.accepted, cart.changed_at = "open", number, accepted, now

    def end(self, key: str, state: str) -> None:
        cart = self.carts.get(key)
        if cart is None or cart.state == "bought":
            return
        self._come_back(cart)
        cart.state = state
        if state == "bought" and "asked" in cart.counted:
            self.count(cart, "came_back")
        elif state == "bought" and "abandoned" in cart.counted:
            self.count(cart, "bought_in_time")

    def _come_back(self, cart: Known) -> None:
        others = [one for one in self.carts.values() if one is not cart and one.holds and one.number == cart.number]
        if cart.holds and not others:
            self.inside.discard(cart.number)
        cart.holds = False

    def work(self, now: int) -> None:
        idle = [one for one in self.carts.values() if one.state == "open" and one.changed_at + 10 * MINUTE <= now]
        held = {one.number for one in self.carts.values() if one.holds}
        before = set(self.inside)
        for cart in idle:
            cart.state = "abandoned"
            self.count(cart, "abandoned")
            if not cart.number or not cart.accepted:
                self.count(cart, "not_accepted" if cart.number else "no_number")
            elif cart.number not in self.opted_out:
                self.inside.add(cart.number)
                cart.holds = cart.number not in before or cart.number in held

    def take(self, key: str) -> None:
        if key in self.carts and self.carts[key].number:
            self.count(self.carts[key], "asked")

    def figures(self) -> dict[str, int]:
        return dict(Counter(name for cart in self.carts.values() for name in cart.counted))


class Life:
    """A shop and the model of it."""

    def __init__(self, store: Store, project: Project, seed: int) -> None:
        self.random, self.seed, self.model = Random(seed), seed, Model()
        self.shop = Shop(store, project, name=f"shop {seed}", carts_group=f"left {seed}")
        self.order_ids = 0

    def number(self) -> int:
        return mobile(1_000 * (self.seed + 1) + self.random.randrange(NUMBERS))

    def key(self) -> str:
        return f"c{self.random.randrange(CARTS)}"

    def step(self) -> None:
        self.shop.wait(self.random.choice([1, 3, 11]) * MINUTE)
        often, seldom = (self.change, self.work), (self.close, self.order, self.join, self.leave, self.stop, self.take)
        self.random.choice((*often * 3, *seldom))()

    def change(self) -> None:
        key, number, accepted = self.key(), self.random.choice([0, *[self.number()] * 6]), self.random.random() < 0.9
        self.shop.hear(cart_of(key, self.shop.now, number=number, accepted=accepted))
        self.model.change(key, self.shop.now, number=number, accepted=accepted)

    def close(self) -> None:
        key = self.key()
        if key in self.model.carts:
            self.shop.hear(cart_of(key, self.shop.now, state="closed"))
            self.model.end(key, "closed")

    def order(self) -> None:
        key = self.key()
        if key in self.model.carts and self.model.carts[key].state != "closed":
            self.order_ids += 1
            order = Order(
                id=str(self.order_ids), keys=[key], cart_id="", at=self.shop.now, phones=[], customer_id="", email=""
            )
            self.shop.hear(*[order] * self.random.choice([1, 2]))
            self.model.end(key, "bought")

    def join(self) -> None:
        number = self.number()
        calls.create_contacts(
            self.shop.store, self.shop.project, [{"mobile": number}], group=f"left {self.seed}", now=self.shop.now
        )
        if number not in self.model.opted_out:
            self.model.inside.add(number)

    def leave(self) -> None:
        number = self.number()
        found = self.shop.store.read(
            self.shop.project, self.shop.now, contacts.find_contacts_by_mobile, mobiles=[number]
        )
        ids = [contact.id for contact in found]
        if ids and self.model.inside:
            self.shop.write(groups.leave_group, name=f"left {self.seed}", ids=ids, mobiles=[])
            self.model.inside.discard(number)

    def stop(self) -> None:
        if self.random.random() < 0.2:
            number = self.number()
            self.shop.opt_out(number)
            self.model.opted_out.add(number)
            self.model.inside.discard(number)

    def work(self) -> None:
        self.shop.follow()
        self.model.work(self.shop.now)

    def take(self) -> None:
        key = self.key()
        if key in self.model.carts:
            self.shop.take(key)
            self.model.take(key)

    def members(self) -> set[int]:
        return self.shop.members(f"left {self.seed}")


def cart_of(key: str, at: int, *, number: int = 0, accepted: bool = True, state: Any = "open") -> Cart:
    return Cart(
        key=key, id="", state=state, at=at, began_at=at, completed_at=None, phones=[f"+{number}"] if number else [],
        country="", accepted=accepted, customer_id="", email="", cart_token="", fields={},
    )  # fmt: skip


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def test_the_group_and_the_figures_are_those_of_a_plain_model(store: Store, project: Project) -> None:
    seen: Counter[str] = Counter()
    for seed in range(LIVES):
        life = Life(store, project, seed)
        for place in range(STEPS):
            life.step()
            assert life.members() == life.model.inside, (seed, place)
        assert life.shop.figures() == life.model.figures(), seed
        seen.update(life.model.figures())
    assert len(seen) == 6, "every figure was counted"
