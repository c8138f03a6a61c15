"""A shop's carts from the webhook to the group and the figures: who left one, who came back, who got a message."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from daftari.model.projects import Project
from daftari.rules.carts.figures import NAMES
from daftari.rules.connections.cart_views import ConnectionCartView, list_carts
from daftari.rules.connections.saving import save_connection
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.cart_shop import HOUR, MINUTE, CartShop
from tests.support.connection_steps import mobile
from tests.support.fake_crm.shopify import WEBHOOK_SECRET


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def shop(store: Store, project: Project) -> CartShop:
    shop = CartShop(store, project, carts_group="left")
    shop.remind()
    return shop


def idle(shop: CartShop) -> None:
    """Ten minutes pass, and the worker of the connection runs."""
    shop.pass_time(10 * MINUTE)
    shop.shop.run()


def left(shop: CartShop) -> set[int]:
    return shop.shop.members("left")


def figures(shop: CartShop) -> dict[str, int]:
    """Those that are not 0."""
    shop.shop.now = shop.now
    shown = shop.shop.view().cart_figures
    assert shown is not None, "a shop has carts"
    return {name: count for name in NAMES if (count := getattr(shown, name))}


def seen(shop: CartShop) -> ConnectionCartView:
    """The one cart, as a person sees it."""
    page = shop.shop.store.read(
        shop.shop.project, shop.now, list_carts, connection_id=shop.shop.id, state="", after="", limit=2
    )
    (cart,) = page.carts
    return cart


def test_who_buys_before_the_message_was_in_the_group_and_leaves_it_at_once(shop: CartShop) -> None:
    cart = shop.leave(shipping_phone=f"+{mobile(1)}")
    idle(shop)
    assert left(shop) == {mobile(1)} and figures(shop) == {"abandoned": 1}
    assert shop.shop.book()[mobile(1)]["fname"] == "Amina"
    shop.truth.complete(cart)
    shop.shop.announce()
    assert left(shop) == set() and mobile(1) in shop.shop.book()
    assert figures(shop) == {"abandoned": 1, "bought_in_time": 1}
    shop.pass_time(HOUR)
    assert shop.work() == [] and seen(shop).why == "ordered"
    assert [(one.state, one.reason) for one in seen(shop).messages] == [("skipped", "ordered")]


def test_who_buys_after_the_message_came_back(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1
    assert figures(shop) == {"abandoned": 1, "asked": 1}
    assert (seen(shop).why, seen(shop).answer) == (None, "open") and seen(shop).sent_at is not None
    assert left(shop) == {mobile(1)}
    shop.truth.complete(cart)
    shop.shop.announce()
    assert left(shop) == set() and figures(shop) == {"abandoned": 1, "asked": 1, "came_back": 1}


def test_what_no_provider_took_is_no_question(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.run()
    shop.triggers.sending.now = shop.now
    shop.triggers.sending.answer(shop.triggers.sending.claimed(), "refused")
    assert figures(shop) == {"abandoned": 1} and seen(shop).messages[0].state == "failed"
    assert seen(shop).sent_at is not None and seen(shop).why == seen(shop).messages[0].reason == "refused"
    shop.truth.complete(cart)
    shop.shop.announce()
    assert figures(shop) == {"abandoned": 1, "bought_in_time": 1}


def test_who_changes_the_cart_leaves_the_group_until_it_is_left_again(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.truth.change_checkout(cart, total="99.00")
    shop.shop.announce()
    assert left(shop) == set() and seen(shop).state == "open"
    idle(shop)
    assert left(shop) == {mobile(1)} and figures(shop) == {"abandoned": 1}


def test_another_number_of_the_cart_takes_the_place_of_the_first(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.truth.change_checkout(cart, phone=f"+{mobile(2)}")
    shop.shop.announce()
    idle(shop)
    assert left(shop) == {mobile(2)} and mobile(1) in shop.shop.book()


def test_a_cart_that_the_shop_deletes_leaves(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.truth.delete_checkout(cart)
    shop.shop.announce()
    assert left(shop) == set() and (seen(shop).state, seen(shop).why) == ("closed", "cart_closed")
    assert figures(shop) == {"abandoned": 1}


def test_an_order_that_only_the_shop_knows_takes_out_when_it_is_asked(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.truth.complete(cart)
    shop.truth.happened.clear()
    shop.pass_time(HOUR)
    assert shop.work() == []
    assert left(shop) == set() and figures(shop) == {"abandoned": 1, "bought_in_time": 1}
    assert (seen(shop).why, seen(shop).answer) == ("ordered", "bought")


def test_deliveries_that_come_twice_are_counted_once(shop: CartShop) -> None:
    cart = shop.leave()
    idle(shop)
    shop.truth.complete(cart)
    happened = [*shop.truth.happened]
    shop.shop.announce()
    for _ in range(2):
        shop.truth.happened.extend(happened)
        shop.shop.announce()
        idle(shop)
    assert left(shop) == set() and figures(shop) == {"abandoned": 1, "bought_in_time": 1}


def test_the_group_follows_carts_while_the_shop_takes_no_calls(shop: CartShop) -> None:
    shop.leave()
    shop.leave(2, accepts=False)
    opened = shop.shop.open()
    stored = replace(opened.stored, state="limited", due_at=shop.now + int(5 * HOUR) * 1_000_000)
    shop.shop.write(save_connection, replace(opened, stored=stored))
    before = len(shop.shop.fake.calls)
    shop.pass_time(10 * MINUTE)
    assert shop.shop.is_due()
    shop.shop.run()
    assert left(shop) == {mobile(1)} and len(shop.shop.fake.calls) == before
    assert figures(shop) == {"abandoned": 2, "not_accepted": 1}
    assert shop.shop.open().stored.state == "limited"


def test_a_shop_without_an_app_has_a_group_and_figures_too(store: Store, project: Project) -> None:
    shop = CartShop(store, project, carts_group="left", credentials={"webhook_secret": WEBHOOK_SECRET})
    cart = shop.truth.start_checkout(phone=f"+{mobile(1)}", accepts=True)
    shop.shop.announce_by_page()
    idle(shop)
    assert left(shop) == {mobile(1)}
    shop.truth.complete(cart)
    shop.shop.announce_by_page()
    assert left(shop) == set() and figures(shop) == {"abandoned": 1, "bought_in_time": 1}
    assert not shop.shop.fake.calls, "the shop is never called"


def test_a_worker_that_is_killed_before_its_commit_leaves_the_carts_to_the_next(
    shop: CartShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        shop.leave(number)
    shop.pass_time(10 * MINUTE)

    def fall(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("daftari.rules.connections.abandoned.save_connection", fall)
        with pytest.raises(RuntimeError, match="killed"):
            shop.shop.run()
    assert left(shop) == set() and figures(shop) == {}
    shop.shop.run()
    assert left(shop) == {mobile(number) for number in range(1, 6)} and figures(shop) == {"abandoned": 5}


def test_an_erased_person_is_in_no_cart_and_no_group(shop: CartShop) -> None:
    shop.leave()
    idle(shop)
    consent_calls.erase_number(shop.shop.store, shop.shop.project, mobile(1), now=shop.now)
    idle(shop)
    assert left(shop) == set() and mobile(1) not in shop.shop.book()
    assert (seen(shop).mobile, seen(shop).why) == (None, "cart_closed")
    assert figures(shop) == {"abandoned": 1}
