"""The question whether a cart of a WooCommerce shop was bought, asked before a reminder is sent."""

from __future__ import annotations

import pytest

from daftari.connectors.protocol import AsksCarts, CartAnswer, CartQuestion, ConnectorFailed, DeliveryProof
from daftari.connectors.woocommerce import read_delivery, sales
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret
from tests.connectors.connections import question_about, woocommerce
from tests.support.fake_crm import Clock, FakeWooCommerce

HOUR = 3_600.0
SECRET = Secret("kikapu")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeWooCommerce:
    fake = FakeWooCommerce(1, clock)
    woocommerce(fake, clock).require_webhook("https://book.example/hook/token", secret=SECRET)
    return fake


@pytest.fixture
def cart(fake: FakeWooCommerce) -> int:
    return fake.truth.order("0722 000 001", email="amina@shop.example", status="failed")


def question(fake: FakeWooCommerce, cart: int, **changes: object) -> CartQuestion:
    order = fake.truth.orders[cart]
    given: dict[str, object] = {
        "key": order.key,
        "id": str(cart),
        "customer_id": str(order.customer or ""),
        "email": order.billing["email"],
        "phones": [order.billing["phone"]],
        "began_at": order.created * 1_000_000,
    }
    return CartQuestion(**{**given, **changes})


def ask(fake: FakeWooCommerce, clock: Clock, wanted: CartQuestion) -> CartAnswer:
    return woocommerce(fake, clock).ask_cart(wanted)


def test_the_question_is_made_of_what_a_delivery_says(fake: FakeWooCommerce, clock: Clock, cart: int) -> None:
    ((_, call),) = fake.deliver(fake.truth.happened[-1])
    request = InboundRequest(call.method, call.path, "", "application/json", call.headers, call.body)
    (event,) = read_delivery(request, DeliveryProof(SECRET, "ziwa.example"))
    assert event.cart is not None
    asked = question_about(event.cart)
    assert asked == question(fake, cart)
    connector = woocommerce(fake, clock)
    assert isinstance(connector, AsksCarts) and connector.ask_cart(asked) == CartAnswer("open")


@pytest.mark.parametrize("status", ["processing", "completed", "on-hold", "refunded", "pending", "packed"])
def test_an_order_that_went_on_is_bought(fake: FakeWooCommerce, clock: Clock, cart: int, status: str) -> None:
    fake.truth.change(cart, status=status)
    assert ask(fake, clock, question(fake, cart)) == CartAnswer("bought", str(cart), f"The order is {status}.")


def test_one_that_is_cancelled_or_gone_or_another_one_says_nothing(
    fake: FakeWooCommerce, clock: Clock, cart: int
) -> None:
    wanted = question(fake, cart)
    assert ask(fake, clock, question(fake, cart, key="wc_order_x")).outcome == "unknown"
    assert ask(fake, clock, question(fake, cart, id="")).outcome == "unknown"
    fake.truth.change(cart, status="cancelled")
    assert ask(fake, clock, wanted) == CartAnswer("unknown", "", "The order is cancelled.")
    fake.truth.delete_order(cart)
    assert ask(fake, clock, wanted) == CartAnswer("unknown", "", "The shop has no such order now.")


def test_an_order_of_the_same_person_since_is_bought(fake: FakeWooCommerce, clock: Clock, cart: int) -> None:
    clock.at += HOUR
    fake.truth.order("0733 000 009", email="juma@shop.example")
    assert ask(fake, clock, question(fake, cart)).outcome == "open"
    fake.truth.order("+254722000001", email="")
    answer = ask(fake, clock, question(fake, cart))
    assert (answer.outcome, answer.why) == ("bought", "The same person has ordered since.")
    assert ask(fake, clock, question(fake, cart, phones=[])).outcome == "open"
    fake.truth.order("", email="AMINA@shop.example", status="pending", method="mpesa")
    assert ask(fake, clock, question(fake, cart, phones=[])).outcome == "bought"


def test_the_accounts_other_order_is_found(fake: FakeWooCommerce, clock: Clock) -> None:
    account = fake.truth.register("Amina", "0722 000 001")
    cart = fake.truth.order("0722 000 001", customer=account, status="failed")
    clock.at += HOUR
    other = fake.truth.order("0733 000 009", customer=account)
    asked = question(fake, cart, phones=[], email="")
    assert ask(fake, clock, asked).order_id == str(other)


@pytest.mark.parametrize("status", ["failed", "cancelled", "checkout-draft"])
def test_another_cart_of_the_person_is_no_order(fake: FakeWooCommerce, clock: Clock, cart: int, status: str) -> None:
    fake.truth.order("0722 000 001", email="amina@shop.example", status=status)
    assert ask(fake, clock, question(fake, cart)).outcome == "open"


@pytest.mark.parametrize(
    ("phone", "written", "is_same"),
    [
        ("+4520123456", "20 12 34 56", True),
        ("+6421123456", "021 123 456", True),
        ("+254722000001", "0722 000 001", True),
        ("+4520123456", "20 12 34 57", False),
        ("+4520123456", "3456", False),
    ],
)  # fmt: skip
def test_an_order_with_the_same_number_written_otherwise_is_the_persons(
    fake: FakeWooCommerce, clock: Clock, phone: str, written: str, is_same: bool
) -> None:
    cart = fake.truth.order(phone, email="amina@shop.example", status="failed")
    fake.truth.order(written, email="other@shop.example")
    said = ask(fake, clock, question(fake, cart, phones=[phone])).outcome
    assert said == ("bought" if is_same else "open")


def test_an_order_from_before_the_cart_is_none_of_it(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.truth.order("0722 000 001", email="amina@shop.example")
    clock.at += HOUR
    cart = fake.truth.order("0722 000 001", email="amina@shop.example", status="failed")
    assert ask(fake, clock, question(fake, cart)).outcome == "open"


@pytest.mark.parametrize("counts", [True, False])
def test_among_more_orders_than_can_be_looked_at_the_persons_are_asked_for(
    fake: FakeWooCommerce, clock: Clock, cart: int, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.counts = counts
    monkeypatch.setattr(sales, "PAGE", 4)
    other = fake.truth.order("0733 000 009", email="amina@shop.example")
    for number in range(20):
        fake.truth.order(f"0744 000 {number:03}", email=f"p{number}@shop.example")
    assert ask(fake, clock, question(fake, cart)).order_id == str(other)
    fake.calls.clear()
    assert ask(fake, clock, question(fake, cart, email="no@shop.example")).outcome == "open"
    assert len(fake.calls) == 5


def test_a_shop_that_does_not_answer_fails(fake: FakeWooCommerce, clock: Clock, cart: int) -> None:
    fake.faults.next = ["error"] * 3
    with pytest.raises(ConnectorFailed):
        ask(fake, clock, question(fake, cart))
