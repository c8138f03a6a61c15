"""Carts and orders of a shop as they are received: which state counts, whose number it is, which events are raised."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.connectors import Cart, Order, WebhookEvent
from daftari.model.carts import StoredCart
from daftari.model.projects import Project
from daftari.rules.connections.cart_expiry import expire_carts, expire_orders, has_expired_cart, has_expired_order
from daftari.rules.connections.carts import receive_sales
from daftari.rules.erasure.erase import erase_number
from daftari.rules.erasure.subject_export import export_number
from daftari.rules.integrity.check import check_project, repair_project
from daftari.rules.numbers import Reference
from daftari.store import Store, WriteTx, carts, triggers
from tests.support import calls
from tests.support.builders import assert_sound
from tests.support.cases import ON_SQLITE
from tests.support.connection_steps import HOUR, SECOND, Syncing
from tests.support.message_steps import Sending
from tests.support.triggers import Triggers

MINUTE, DAY = 60 * SECOND, 24 * HOUR
ONE, TWO = 254_722_000_001, 254_722_000_002
CART = Cart(
    key="c1",
    id="71",
    state="open",
    at=None,
    began_at=None,
    completed_at=None,
    phones=[f"+{ONE}"],
    country="",
    accepted=True,
    customer_id="",
    email="",
    cart_token="",
    fields={"url": "https://shop.example/c1"},
)
ORDER = Order(id="900", keys=["c1"], cart_id="71", at=None, phones=[], customer_id="", email="")


class Shop(Syncing):
    """A connection to a shop, which hears of carts and orders."""

    def __init__(self, store: Store, project: Project, **given: Any) -> None:
        super().__init__(
            store,
            project,
            name="shop",
            kind="shopify",
            credentials={"client_id": "i", "client_secret": "s"},
            settings={"shop": "ziwa"},
            fields={"phones": "mobile"},
            **given,
        )
        self.began = self.now

    def hear(self, *said: Cart | Order) -> None:
        """A delivery of each comes; all are received together."""
        events = [
            WebhookEvent(
                str(place),
                "checkouts/update",
                [],
                None,
                cart=one if isinstance(one, Cart) else None,
                order=one if isinstance(one, Order) else None,
            )
            for place, one in enumerate(said)
        ]
        self.write(receive_sales, connection_id=self.id, events=events)

    def cart(self, minutes: int = 0, **given: Any) -> Cart:
        """A cart as it was so many minutes after the beginning."""
        at = self.began + minutes * MINUTE
        return msgspec.structs.replace(CART, **{"at": at, "began_at": self.began, **given})

    def order(self, minutes: int = 0, **given: Any) -> Order:
        return msgspec.structs.replace(ORDER, **{"at": self.began + minutes * MINUTE, **given})

    def stored(self, key: str = "c1") -> StoredCart:
        (found,) = self._find(key)
        return found

    def _find(self, key: str) -> list[StoredCart]:
        return self.store.read(self.project, self.now, carts.find_carts, connection_id=self.id, keys=[key])

    def raised(self, number: int = ONE) -> list[tuple[str, str, int]]:
        """Name, key, and minutes since the beginning of each event of a number."""
        found = self.store.read(self.project, self.now, triggers.list_events_of, mobile=number, after=0, limit=1_000)
        assert {event.connection_id for event in found} <= {self.id}
        return [(event.name, event.key, (event.at - self.began) // MINUTE) for event in found]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def shop(store: Store, project: Project) -> Shop:
    shop = Shop(store, project)
    shop.wait(2 * HOUR)
    return shop


# ---- states -----------------------------------------------------------------------------------------------


def test_a_delivery_that_comes_twice_counts_once(shop: Shop) -> None:
    shop.hear(shop.cart(1))
    before = shop.stored()
    shop.wait(MINUTE)
    shop.hear(shop.cart(1), shop.cart(1))
    assert (shop.stored(), shop.raised()) == (before, [("checkout", "c1", 1)])


def test_an_earlier_delivery_that_comes_late_changes_nothing(shop: Shop) -> None:
    shop.hear(shop.cart(5, phones=[f"+{TWO}"]))
    shop.hear(shop.cart(1))
    assert (shop.stored().subject_id, shop.stored().at) == (TWO, shop.began + 5 * MINUTE)
    assert (shop.raised(ONE), shop.raised(TWO)) == ([], [("checkout", "c1", 5)])


def test_deliveries_that_come_together_leave_the_last_state_whatever_their_order(shop: Shop) -> None:
    shop.hear(shop.cart(3, email="c@shop.example"), shop.cart(1), shop.cart(2))
    assert (shop.stored().email, shop.raised()) == ("c@shop.example", [("checkout", "c1", 3)])


def test_a_cart_counts_as_idle_ten_minutes_after_its_last_change(shop: Shop) -> None:
    shop.hear(shop.cart(118))
    assert shop.stored().idle_at == shop.began + 128 * MINUTE


def test_what_was_bought_stays_bought(shop: Shop) -> None:
    shop.hear(shop.cart(2, state="bought", completed_at=shop.began))
    shop.hear(shop.cart(9), shop.cart(10, state="closed"))
    assert (shop.stored().state, shop.stored().idle_at, shop.raised()) == ("bought", 0, [])


def test_that_a_cart_was_bought_counts_also_when_it_comes_late(shop: Shop) -> None:
    shop.hear(shop.cart(9))
    shop.hear(shop.cart(2, state="bought", completed_at=shop.began))
    assert shop.stored().state == "bought"


def test_a_deletion_that_names_the_id_alone_closes_the_cart(shop: Shop) -> None:
    shop.hear(shop.cart(1))
    shop.hear(shop.cart(2, key="", state="closed", phones=[], fields={}))
    assert (shop.stored().state, shop.stored().subject_id) == ("closed", ONE)


def test_a_deletion_that_comes_before_its_cart_keeps_it_closed(shop: Shop) -> None:
    shop.hear(shop.cart(5, key="", state="closed", phones=[], fields={}))
    shop.hear(shop.cart(1))
    assert shop.raised() == []
    shop.hear(shop.cart(6))
    assert (shop.stored().state, shop.raised()) == ("open", [("checkout", "c1", 6)])


def test_of_a_change_and_a_deletion_of_one_moment_the_deletion_counts(shop: Shop) -> None:
    for first, second in (("open", "closed"), ("closed", "open")):
        shop.hear(shop.cart(1, key=first, id=first, state=first))
        shop.hear(shop.cart(1, key=first, id=first, state=second))
        assert shop.stored(first).state == "closed"


@ON_SQLITE
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_deliveries_come_to_the_same_in_any_order_and_however_often(shop: Shop, data: st.DataObject) -> None:
    states: list[Any] = data.draw(
        st.lists(st.sampled_from(["open", "open", "bought", "closed"]), min_size=1, max_size=5)
    )
    key = f"k{data.draw(st.integers(0, 10**9))}-{len(states)}-{shop.now}"
    shop.wait(SECOND)
    said: list[Cart | Order] = [
        shop.cart(minute, key=key, id=key, state=state, email=f"{minute}@shop.example", phones=[])
        for minute, state in enumerate(states)
    ]
    has_order = data.draw(st.booleans())
    if has_order:
        said.append(shop.order(2, id=key, keys=[key], cart_id=""))
    delivered = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=3))))
    size = data.draw(st.integers(1, len(delivered)))
    for first in range(0, len(delivered), size):
        shop.hear(*delivered[first : first + size])
    stored = shop.stored(key)
    if stored.state != "bought":
        # An order of a cart that was deleted last is known as well, should the cart open again.
        assert "bought" not in states
        assert (stored.state, stored.at) == (states[-1], shop.began + (len(states) - 1) * MINUTE)
        assert not has_order or stored.state == "closed"
    else:
        assert has_order or "bought" in states


# ---- orders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first", [True, False], ids=["before its cart", "after its cart"])
@pytest.mark.parametrize(
    ("cart", "order"),
    [
        ({}, {"cart_id": ""}),
        ({}, {"keys": []}),
        ({"cart_token": "t9"}, {"keys": ["t9"], "cart_id": ""}),
        ({"customer_id": "5"}, {"keys": [], "cart_id": "", "customer_id": "5"}),
        ({"email": "A@b.example"}, {"keys": [], "cart_id": "", "email": "a@B.example"}),
        ({}, {"keys": [], "cart_id": "", "phones": ["+256 700 000 001", "0722 000 001"]}),
    ],
    ids=["token", "id", "cart token", "customer", "email", "number"],
)
def test_an_order_is_known_by_each_of_its_names(
    shop: Shop, cart: dict[str, Any], order: dict[str, Any], is_first: bool
) -> None:
    said: list[Cart | Order] = [shop.cart(1, **cart), shop.order(4, **order)]
    for one in said[::-1] if is_first else said:
        shop.hear(one)
    assert shop.stored().state == "bought"
    shop.hear(shop.cart(2, **cart))
    assert shop.stored().state == "bought"


def test_an_order_is_known_by_a_short_number_that_is_written_without_its_country(
    store: Store, project: Project
) -> None:
    shop = Shop(store, project, region="DK")
    shop.wait(2 * HOUR)
    shop.hear(shop.cart(1, phones=["+45 20 12 34 56"]))
    shop.hear(shop.order(4, keys=[], cart_id="", phones=["20 12 34 56"]))
    assert shop.stored().state == "bought"


def test_the_numbers_of_an_order_are_read_where_it_is_from(shop: Shop) -> None:
    shop.hear(shop.cart(1, phones=["0772 123 456"], country="UG"))
    shop.hear(shop.order(4, keys=[], cart_id="", phones=["0772 123 456"], country="UG"))
    assert shop.stored().state == "bought"


def test_an_order_of_another_person_or_cart_buys_nothing(shop: Shop) -> None:
    shop.hear(shop.cart(1, customer_id="5", email="a@b.example"))
    shop.hear(shop.order(4, keys=["c2"], cart_id="72", customer_id="6", email="b@b.example", phones=[f"+{TWO}"]))
    assert shop.stored().state == "open"


def test_an_order_of_the_person_from_before_the_cart_buys_nothing(shop: Shop) -> None:
    shop.hear(shop.cart(20, began_at=shop.began + 10 * MINUTE, email="a@b.example"))
    shop.hear(shop.order(4, id="1", keys=[], cart_id="", email="a@b.example"))
    assert shop.stored().state == "open"
    shop.hear(shop.order(6, id="2", keys=[], cart_id="", email="a@b.example"))
    assert shop.stored().state == "bought"


def test_an_order_without_a_number_is_an_event_of_the_carts_number(shop: Shop) -> None:
    shop.hear(shop.cart(1))
    shop.hear(shop.order(4, keys=[]))
    shop.hear(shop.order(4, keys=[]))
    assert shop.raised() == [("checkout", "c1", 1), ("order", "c1", 4)]


def test_an_order_fires_the_triggers_that_are_on_orders(store: Store, project: Project) -> None:
    shop = Shop(store, project)
    things = Triggers(Sending(store, project, now=shop.now))
    things.add(on={"event": "order"}, unless=[], text="Thank you for {{ event.order_id }}", wait="0s")
    shop.wait(MINUTE)
    shop.hear(shop.order(0, phones=[f"+{TWO}"]))
    shop.hear(shop.order(0, phones=[f"+{TWO}"]))
    things.sending.now = shop.now
    assert [message.text for message in things.sent()] == ["Thank you for 900"]


# ---- numbers and words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phones", "country", "number"),
    [
        (["0722 000 001"], "", ONE),
        (["0772 123 456"], "UG", 256_772_123_456),
        (["0772 123 456"], "KE", 254_772_123_456),
        (["0722 000 001"], "GB", ONE),
        (["+256772123456"], "KE", 256_772_123_456),
        (["none", "12", "0722 000 002"], "??", TWO),
        ([], "KE", 0),
        (["none"], "KE", 0),
    ],
)  # fmt: skip
def test_the_first_number_that_can_be_read_counts(shop: Shop, phones: list[str], country: str, number: int) -> None:
    shop.hear(shop.cart(1, phones=phones, country=country))
    assert shop.stored().subject_id == number
    assert shop.raised(number) == ([("checkout", "c1", 1)] if number else [])


def test_numbers_are_read_in_the_region_of_the_connection(store: Store, project: Project) -> None:
    shop = Shop(store, project, region="UG")
    shop.hear(shop.cart(phones=["0772 123 456"]))
    assert shop.stored().subject_id == 256_772_123_456


def test_what_is_too_long_or_no_text_is_left_out(shop: Shop) -> None:
    fields = {"fname": "Am\0ina\ud800", "url": "x" * 501, "item_count": 3, "weight": 2**64, "what": ["a"], "blank": ""}
    shop.hear(shop.cart(1, key="k" * 200, email="a\0b@c.example", fields=fields))
    ((_, key, _),) = shop.raised()
    assert len(key) == 64
    stored = shop.stored(key)
    assert (stored.email, msgspec.json.decode(stored.fields)) == ("ab@c.example", {"fname": "Amina", "item_count": 3})


def test_who_did_not_agree_raises_nothing_unless_a_number_is_enough(shop: Shop, store: Store, project: Project) -> None:
    shop.hear(shop.cart(1, accepted=False))
    assert shop.raised() == []


def test_where_a_number_is_enough_every_cart_with_one_is_an_event(store: Store, project: Project) -> None:
    shop = Shop(store, project, carts_need="number")
    shop.hear(shop.cart(accepted=False))
    assert shop.raised() == [("checkout", "c1", 0)]


# ---- checked ---------------------------------------------------------------------------------------------


def test_a_check_finds_a_cart_with_an_order_that_does_not_count_as_bought(shop: Shop) -> None:
    shop.hear(shop.cart(1), shop.cart(1, key="c2", id="72"), shop.order(2))
    assert_sound(shop.store, shop.project)
    wrong = msgspec.structs.replace(shop.stored(), state="abandoned")

    def save(tx: WriteTx) -> None:
        carts.save_carts(tx, carts=[wrong])

    shop.write(save)
    (finding,) = shop.store.read(shop.project, shop.now, check_project)
    said = f"Cart 'c1' of connection {shop.id} has an order, and counts as abandoned."
    assert (finding.invariant, finding.sentence, finding.repairable) == ("cart", said, True)
    shop.write(repair_project)
    assert_sound(shop.store, shop.project)
    assert (shop.stored().state, shop.stored("c2").state) == ("bought", "open")


# ---- kept, and erased -------------------------------------------------------------------------------------


def forget(shop: Shop) -> tuple[int, int]:
    """What the worker deletes now. Returns how many carts, and how many names of orders, are left."""
    for has_expired, expire in ((has_expired_cart, expire_carts), (has_expired_order, expire_orders)):
        if shop.store.read(shop.project, shop.now, has_expired):
            shop.write(expire)
    left = len(shop._find("c1"))
    return left, len(shop.store.read(shop.project, shop.now, carts.find_orders, connection_id=shop.id, names=["id:71"]))


def test_carts_and_orders_are_kept_as_long_as_events(shop: Shop) -> None:
    shop.hear(shop.cart(1), shop.order(2))
    shop.wait(DAY - SECOND)
    assert forget(shop) == (1, 1)
    shop.wait(2 * SECOND)
    assert forget(shop) == (0, 0)


def test_carts_are_kept_while_a_message_waits_for_their_number(store: Store, project: Project) -> None:
    shop = Shop(store, project)
    things = Triggers(Sending(store, project, now=shop.now))
    trigger_id = things.add(on={"event": "checkout"}, unless=[], wait="3d", late="1h")
    shop.hear(shop.cart())
    things.change(trigger_id, wait="1h")
    shop.wait(30 * DAY)
    assert forget(shop)[0] == 1
    things.delete(trigger_id)
    things.sending.now = shop.now
    assert things.sent() == []
    shop.wait(2 * HOUR)
    assert forget(shop)[0] == 0


def test_an_erasure_takes_the_person_out_of_carts_and_orders(shop: Shop) -> None:
    person = {"email": "a@b.example", "customer_id": "5"}
    shop.hear(shop.cart(3, **person), shop.order(4, phones=[f"+{ONE}"], id="1"))
    shop.hear(shop.order(5, id="2", keys=[], cart_id="", email="a@b.example"))
    shown: Any = shop.store.read(shop.project, shop.now, export_number, reference=Reference(f"+{ONE}", "KE"))
    (cart,) = shown.carts
    assert (cart.connection, cart.key, cart.email, cart.fields) == ("shop", "c1", "a@b.example", CART.fields)
    assert [(order.connection, order.id) for order in shown.cart_orders] == [("shop", "1")]
    erased = shop.write(erase_number, mobile=ONE)
    assert msgspec.to_builtins(erased.removed)["carts"] == 3
    stored = shop.stored()
    assert (stored.subject_id, stored.email, stored.customer_id, stored.fields) == (0, "", "", "{}")
    shop.hear(shop.cart(1, **person))
    assert (shop.stored(), shop.raised()) == (stored, [])


def test_an_erasure_takes_the_second_number_of_an_order_out_of_it(shop: Shop) -> None:
    shop.hear(shop.order(4, phones=[f"+{TWO}", f"+{ONE}"]))
    erased = shop.write(erase_number, mobile=ONE)
    assert msgspec.to_builtins(erased.removed)["carts"] == 1
    names = [f"mobile:{str(one)[-9:]}" for one in (ONE, TWO)]
    left = shop.store.read(shop.project, shop.now, carts.find_orders, connection_id=shop.id, names=names)
    assert [order.name for order in left] == names[1:]


def test_a_connection_that_is_removed_leaves_no_cart(shop: Shop) -> None:
    shop.hear(shop.cart(1), shop.order(2))

    def remove(tx: WriteTx) -> int:
        return carts.delete_some_rows(tx, connection_id=shop.id, limit=100)

    assert shop.write(remove) == 3
    assert shop.write(remove) == 0
