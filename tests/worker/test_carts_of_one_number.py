"""A number with several carts gets no message about one while the shop has an order of another one."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.store import Store
from tests.support import calls
from tests.support.cart_shop import HOUR, MINUTE, CartShop


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.mark.parametrize("is_bought", [True, False], ids=["bought", "not bought"])
def test_the_shop_is_asked_about_the_other_carts_of_a_number_too(
    store: Store, project: Project, is_bought: bool
) -> None:
    shop = CartShop(store, project)
    shop.remind()
    first = shop.leave()
    shop.pass_time(30 * MINUTE)
    second = shop.leave()
    shop.pass_time(40 * MINUTE)
    if is_bought:
        shop.truth.complete(first)
        shop.truth.happened.clear()
    shop.pass_time(HOUR)
    assert len(shop.work()) == (0 if is_bought else 1)
    assert shop.reasons() == [("skipped", "superseded"), ("skipped", "ordered") if is_bought else ("accepted", "")]
    assert (shop.cart(second).state, shop.asked()) == ("bought" if is_bought else "abandoned", 2)
