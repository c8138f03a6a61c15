"""The carts of a shop as a person sees them who asks why someone got no message, and the figures of each day."""

from __future__ import annotations

from itertools import permutations

import pytest

from daftari.errors import ValidationFailed
from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.rules.connections.views import show_connection
from daftari.store import Store
from tests.support import calls
from tests.support.cases import ON_SQLITE
from tests.support.connection_steps import HOUR, SECOND, Syncing, mobile
from tests.support.message_steps import Sending
from tests.support.shop_carts import Shop
from tests.support.triggers import Triggers

DAY = 24 * HOUR


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def shop(store: Store, project: Project) -> Shop:
    return Shop(store, project, carts_group="left")


# ---- listed ---------------------------------------------------------------------------------------------


def test_carts_are_listed_from_the_one_that_was_heard_of_last(shop: Shop) -> None:
    for number in range(1, 6):
        shop.wait(SECOND)
        shop.put(f"c{number}", number=number, state="abandoned" if number % 2 else "bought")
    page = shop.list(limit=2)
    assert [cart.key for cart in page.carts] == ["c5", "c4"]
    page = shop.list(limit=2, after=page.following or "")
    assert [cart.key for cart in page.carts] == ["c3", "c2"]
    page = shop.list(limit=2, after=page.following or "")
    assert ([cart.key for cart in page.carts], page.following) == (["c1"], None)
    assert [cart.key for cart in shop.list(state="abandoned").carts] == ["c5", "c3", "c1"]
    page = shop.list(state="abandoned", limit=2)
    assert [cart.key for cart in shop.list(state="abandoned", after=page.following or "").carts] == ["c1"]


def test_carts_of_one_moment_are_each_listed_once(shop: Shop) -> None:
    for number in range(1, 8):
        shop.put(f"c{number}", number=number)
    seen, after = [], ""
    while True:
        page = shop.list(limit=2, after=after)
        seen += [cart.key for cart in page.carts]
        if page.following is None:
            break
        after = page.following
    assert sorted(seen) == [f"c{number}" for number in range(1, 8)]


def test_a_cart_says_what_is_known_of_it(shop: Shop) -> None:
    shop.put("c1", number=1, cart_id="11", answer="open", asked_at=shop.now, idle_at=shop.now + HOUR, began_at=1)
    (cart,) = shop.list().carts
    assert (cart.id, cart.mobile, cart.state, cart.answer) == ("11", str(mobile(1)), "open", "open")
    assert cart.asked_at == cart.at == cart.received_at and cart.abandoned_at is not None and cart.sent_at is None


def test_a_state_that_there_is_not_is_refused(shop: Shop) -> None:
    with pytest.raises(ValidationFailed, match="it must be one of: open, abandoned, bought, closed"):
        shop.list(state="left")
    with pytest.raises(ValidationFailed, match="must be a cursor"):
        shop.list(after="c1")


# ---- why no message follows -----------------------------------------------------------------------------


def whys(shop: Shop) -> dict[str, str | None]:
    return {cart.key: cart.why for cart in shop.list().carts}


def test_why_no_message_follows_is_said_of_each(store: Store, project: Project, shop: Shop) -> None:
    shop.put("bought", number=1, state="bought")
    shop.put("closed", number=2, state="closed")
    shop.put("without", state="abandoned")
    shop.put("unasked", number=3, state="abandoned", accepted=0)
    shop.put("alone", number=4, state="abandoned")
    shop.put("sent", number=5, state="bought", sent_at=shop.now)
    assert whys(shop) == {
        "bought": "ordered",
        "closed": "cart_closed",
        "without": "no_number",
        "unasked": "not_accepted",
        "alone": "no_trigger",
        "sent": None,
    }
    shop.write(lifecycle.update_connection, connection_id=shop.id, values={"carts_need": "number"})
    assert whys(shop)["unasked"] == "no_trigger"


def test_the_reason_of_its_message_is_said(store: Store, project: Project, shop: Shop) -> None:
    sending = Sending(store, project)
    triggers = Triggers(sending)
    trigger_id = triggers.add(on={"event": "checkout"})
    for number, key in ((1, "c1"), (2, "c2")):
        shop.put(key, number=number, state="abandoned")
        triggers.record("checkout", mobile(number), key=key)
    assert whys(shop) == {"c1": None, "c2": None}
    shop.opt_out(mobile(1))
    sending.wait(2 * HOUR)
    sending.answer(sending.claimed(), "accepted")
    assert whys(shop) == {"c1": "opted_out", "c2": None}
    shown = {cart.key: cart.messages for cart in shop.list().carts}
    assert [(one.trigger, one.state, one.reason) for one in shown["c1"]] == [(trigger_id, "skipped", "opted_out")]
    assert [(one.trigger, one.state, one.reason) for one in shown["c2"]] == [(trigger_id, "accepted", None)]


# ---- figures --------------------------------------------------------------------------------------------


def test_a_cart_is_counted_once_for_each_thing(shop: Shop) -> None:
    shop.put("c1", number=1)
    for _ in range(2):
        shop.count("c1", state="abandoned")
        shop.count("c1", state="open")
    shop.count("c1", state="abandoned")
    assert shop.figures() == {"abandoned": 1}
    for _ in range(2):
        shop.count("c1", state="bought")
    assert shop.figures() == {"abandoned": 1, "bought_in_time": 1}


def test_what_is_bought_after_a_message_came_back(shop: Shop) -> None:
    shop.put("c1", number=1)
    shop.count("c1", state="abandoned")
    shop.take("c1")
    shop.take("c1")
    shop.count("c1", state="open")
    shop.count("c1", state="bought")
    assert shop.figures() == {"abandoned": 1, "asked": 1, "came_back": 1}


def test_what_is_bought_at_once_was_never_abandoned(shop: Shop) -> None:
    shop.put("c1", number=1)
    shop.count("c1", state="bought")
    shop.put("c2", number=1)
    shop.count("c2", state="closed")
    assert shop.figures() == {}


def test_a_cart_that_cannot_be_followed_up_is_counted_with_the_reason(shop: Shop) -> None:
    shop.put("c1")
    shop.count("c1", state="abandoned")
    shop.put("c2", number=2, accepted=0)
    shop.count("c2", state="abandoned")
    assert shop.figures() == {"abandoned": 2, "no_number": 1, "not_accepted": 1}


@ON_SQLITE
def test_no_cart_is_bought_both_in_time_and_after_a_message(shop: Shop) -> None:
    for number, order in enumerate(permutations(("abandoned", "bought", "taken")), 1):
        before = shop.figures()
        shop.put(f"c{number}", number=number)
        for state in order:
            if state == "taken":
                shop.take(f"c{number}")
            else:
                shop.count(f"c{number}", state=state)
            shop.count(f"c{number}")
        after = shop.figures()
        bought = {name: after.get(name, 0) - before.get(name, 0) for name in ("bought_in_time", "came_back")}
        assert sum(bought.values()) <= 1, order


def test_a_day_is_the_shops(store: Store, project: Project) -> None:
    shop = Shop(store, project, time_zone="Africa/Nairobi")
    shop.now = shop.now // DAY * DAY + 20 * HOUR
    for key in ("c1", "c2", "c3"):
        shop.put(key, number=1)
        shop.count(key, state="abandoned")
        shop.wait(2 * HOUR)
    figures = shop.view().cart_figures
    assert figures is not None and [day.abandoned for day in figures.days] == [1, 2]
    first, second = (day.day for day in figures.days)
    assert first < second and figures.since < first
    shop.wait(29 * DAY)
    figures = shop.view().cart_figures
    assert figures is not None and (figures.abandoned, figures.since) == (2, second)
    shop.wait(DAY)
    figures = shop.view().cart_figures
    assert figures is not None and figures.abandoned == 0


def test_what_has_no_carts_has_no_figures(store: Store, project: Project) -> None:
    crm = Syncing(store, project)
    shown = store.read(project, crm.now, show_connection, connection_id=crm.id)
    assert (shown.cart_figures, shown.carts_need) == (None, None)
