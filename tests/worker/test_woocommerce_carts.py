"""Unpaid orders of a WooCommerce shop are followed up by one message; none goes to someone who has paid or ordered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from daftari.model.carts import StoredCart
from daftari.model.projects import Project
from daftari.store import Store, Tx, carts
from tests.support import calls
from tests.support.cart_shop import HOUR, MINUTE, CartShop
from tests.support.connection_steps import mobile
from tests.support.woocommerce_sync import WooSync

Begin = Callable[..., "WooCarts"]
EMAIL = "p1@shop.example"


class WooCarts(CartShop):
    """A fake WooCommerce whose unpaid orders are followed up."""

    sync: ClassVar[Any] = WooSync

    def fail(self, number: int = 1, **given: Any) -> int:
        """Someone goes to pay, and the payment fails."""
        given = {"status": "failed", "email": f"p{number}@shop.example", **given}
        order = self.truth.order(f"0{mobile(number) % 10**9}", **given)
        self.shop.announce()
        return int(order)

    def change(self, order: int, **changes: Any) -> None:
        self.truth.change(order, **changes)
        self.shop.announce()

    def cart_of(self, order: int) -> StoredCart:
        found: list[StoredCart] = self._read(_find_carts, self.shop.id, order)
        return found[0]

    def questions(self) -> int:
        """How often the shop was asked about one order."""
        return sum(path.startswith("/wp-json/wc/v3/orders/") for _, path in self.shop.fake.calls)


def _find_carts(tx: Tx, connection_id: int, order: int) -> list[StoredCart]:
    return carts.find_carts_by_id(tx, connection_id=connection_id, cart_ids=[str(order)])


def link(order: int) -> str:
    key = f"wc_order_{order:06}"
    return f"Your cart waits: https://ziwa.example/checkout/order-pay/{order}/?pay_for_order=true&key={key}"


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    def begin(**given: Any) -> WooCarts:
        shop = WooCarts(store, project, carts_need="number", **given)
        shop.remind()
        return shop

    return begin


def test_an_order_whose_payment_failed_is_followed_by_one_message(begin: Begin) -> None:
    shop = begin(carts_group="abandoned-cart")
    order = shop.fail(first_name="Amina")
    shop.pass_time(11 * MINUTE)
    shop.shop.run()
    assert shop.shop.members("abandoned-cart") == {mobile(1)}
    shop.pass_time(49 * MINUTE)
    assert shop.work() == [link(order)]
    assert (shop.reasons(), shop.questions()) == ([("accepted", "")], 1)
    shop.pass_time(24 * HOUR)
    assert shop.work() == []


def test_an_m_pesa_payment_that_may_be_under_way_is_not_followed_up_until_it_fails(begin: Begin) -> None:
    shop = begin()
    order = shop.fail(status="pending", method="mpesa")
    shop.pass_time(2 * HOUR)
    assert (shop.work(), shop.cart_of(order).state) == ([], "closed")
    shop.change(order, status="failed")
    assert shop.cart_of(order).state == "open"
    shop.pass_time(59 * MINUTE)
    assert shop.work() == []
    shop.pass_time(MINUTE)
    assert shop.work() == [link(order)]


@pytest.mark.parametrize("status", ["processing", "on-hold", "dispatched"])
def test_who_pays_after_all_gets_no_message(begin: Begin, status: str) -> None:
    shop = begin()
    order = shop.fail()
    shop.pass_time(30 * MINUTE)
    shop.change(order, status=status)
    shop.pass_time(30 * MINUTE)
    assert (shop.work(), shop.reasons(), shop.questions()) == ([], [("skipped", "ordered")], 0)
    assert shop.cart_of(order).state == "bought"


@pytest.mark.parametrize("status", ["processing", "pending"])
def test_a_payment_of_which_no_delivery_came_is_known_by_asking(begin: Begin, status: str) -> None:
    """WooCommerce sends nothing twice."""
    shop = begin()
    order = shop.fail()
    shop.truth.change(order, status=status)
    shop.truth.happened.clear()
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons(), shop.questions()) == ([], [("skipped", "ordered")], 1)


@pytest.mark.parametrize("is_delivered", [True, False], ids=["delivered", "asked"])
@pytest.mark.parametrize("same", ["phone", "email"])
def test_another_order_of_the_person_is_known_by_number_and_by_email(
    begin: Begin, same: str, is_delivered: bool
) -> None:
    shop = begin()
    shop.fail()
    shop.pass_time(10 * MINUTE)
    other = f"+{mobile(1)}" if same == "phone" else f"+{mobile(2)}"
    shop.truth.order(other, email="" if same == "phone" else EMAIL.upper())
    if not is_delivered:
        shop.truth.happened.clear()
    shop.shop.announce()
    shop.pass_time(50 * MINUTE)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "ordered")])


def test_a_payment_of_another_order_that_may_be_under_way_stops_the_message(begin: Begin) -> None:
    shop = begin()
    shop.fail()
    shop.pass_time(10 * MINUTE)
    shop.fail(status="pending", method="mpesa")
    shop.pass_time(50 * MINUTE)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "ordered")])


def test_an_order_that_is_cancelled_or_in_the_bin_is_not_followed_up(begin: Begin) -> None:
    shop = begin()
    cancelled, trashed = shop.fail(1), shop.fail(2)
    shop.change(cancelled, status="cancelled")
    shop.truth.trash(trashed)
    shop.shop.announce()
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "cart_closed")] * 2)


def test_a_draft_of_the_checkout_is_followed_up_and_no_more_once_it_is_on_its_way(begin: Begin) -> None:
    shop = begin()
    left = shop.fail(1, status="checkout-draft", via="store-api", method="")
    placed = shop.fail(2, status="checkout-draft", via="store-api", method="")
    shop.pass_time(MINUTE)
    shop.change(placed, status="pending", method="mpesa")
    shop.pass_time(HOUR)
    assert shop.work() == ["Your cart waits: https://ziwa.example/"]
    assert (shop.cart_of(left).state, shop.cart_of(placed).state) == ("abandoned", "closed")


def test_a_shop_that_does_not_answer_gets_no_message_sent(begin: Begin) -> None:
    shop = begin()
    shop.fail()
    shop.pass_time(HOUR)
    for _ in range(4):
        shop.shop.fake.faults.next = ["error"] * 400
        assert shop.work() == []
        shop.shop.fake.faults.next.clear()
        shop.pass_time(5 * MINUTE)
        shop.claim()
    assert {state for state, _ in shop.reasons()} == {"expired"}


def test_who_agreed_at_the_checkout_is_asked_where_that_is_needed(store: Store, project: Project) -> None:
    shop = WooCarts(store, project)
    shop.remind()
    shop.fail(2)
    order = shop.truth.order(f"+{mobile(1)}", status="failed")
    shop.truth.set_meta(shop.truth.orders[order], "_wc_other/daftari/accepts-sms", "1")
    shop.shop.announce()
    shop.pass_time(HOUR)
    assert shop.work() == [link(order)]


def test_a_reading_of_everything_follows_nothing_up(begin: Begin) -> None:
    shop = begin(public_url=None)
    shop.fail()
    shop.pass_time(10 * MINUTE)
    shop.shop.run()
    shop.shop.compare()
    shop.pass_time(2 * HOUR)
    assert (shop.work(), shop.reasons()) == ([], [])
