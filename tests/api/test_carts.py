"""The carts of a shop over HTTP: listed in pages, chosen by state, with why no message follows."""

from __future__ import annotations

import pytest

from daftari.model.time import current_time
from daftari.store import Store
from tests.conftest import People
from tests.support.builders import refusal, wrong_fields
from tests.support.clients import Client
from tests.support.connection_steps import SECOND, mobile
from tests.support.shop_carts import Shop


@pytest.fixture
def shop(store: Store, people: People) -> Shop:
    """A shop with three carts, of which one was bought and one has no number."""
    shop = Shop(store, people.shopify, carts_group="left")
    shop.now = current_time()
    for number in (1, 2, 3):
        shop.wait(SECOND)
        shop.put(f"c{number}", number=number % 3, state="bought" if number == 1 else "abandoned")
    shop.count("c3")
    return shop


def test_carts_are_listed_in_pages_with_why(ana: Client, ben: Client, shop: Shop) -> None:
    path = f"/v1/connections/{shop.id}/carts"
    first = ben.get(path, query="limit=2").json()
    rest = ben.get(path, query=f"limit=2&after={first['next']}").json()
    found = [(cart["key"], cart["mobile"], cart["why"]) for cart in (*first["carts"], *rest["carts"])]
    assert found == [
        ("c3", None, "no_number"),
        ("c2", str(mobile(2)), "no_trigger"),
        ("c1", str(mobile(1)), "ordered"),
    ]
    assert rest["next"] is None
    assert [cart["key"] for cart in ana.get(path, query="state=abandoned").json()["carts"]] == ["c3", "c2"]


def test_what_is_asked_wrongly_is_refused(ana: Client, chao: Client, shop: Shop) -> None:
    path = f"/v1/connections/{shop.id}/carts"
    assert wrong_fields(ana.get(path, query="state=left")) == ["state"]
    assert wrong_fields(ana.get(path, query="after=x")) == ["after"]
    assert wrong_fields(ana.get(path, query=f"after={'1' * 251}")) == ["after"]
    assert refusal(chao.get(path)) == (404, "CONNECTION_NOT_FOUND")


def test_a_connection_shows_the_figures_of_its_carts(ana: Client, shop: Shop) -> None:
    figures = ana.get(f"/v1/connections/{shop.id}").json()["connection"]["cart_figures"]
    assert (figures["abandoned"], figures["no_number"], figures["asked"]) == (1, 1, 0)
    (day,) = figures["days"]
    assert figures["since"] < day["day"] and day["abandoned"] == 1
    (listed,) = ana.get("/v1/connections").json()["connections"]
    assert listed["cart_figures"] is not None
