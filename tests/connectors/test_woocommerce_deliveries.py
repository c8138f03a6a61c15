"""Deliveries of WooCommerce's webhooks: their proof, their key, and which people, carts and orders they are about."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors.protocol import DeliveryProof, Order, WebhookEvent
from daftari.connectors.woocommerce import PROOF_HEADERS, read_delivery
from daftari.connectors.woocommerce.deliveries import sign
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret
from tests.connectors.connections import woocommerce
from tests.support.fake_crm import Call, Clock, FakeWooCommerce

SECRET = Secret("kikapu")
NOW = 1_795_168_801_000_000
SITE = "https://ziwa.example/"


@pytest.fixture
def fake() -> FakeWooCommerce:
    clock = Clock()
    fake = FakeWooCommerce(1, clock)
    woocommerce(fake, clock).require_webhook("https://book.example/hook/token", secret=SECRET)
    return fake


def read(call: Call, *, secret: Secret = SECRET, account: str = "ziwa.example") -> WebhookEvent | None:
    headers = {name: value for name, value in call.headers.items() if name in PROOF_HEADERS}
    request = InboundRequest("POST", call.path, "", call.headers["content-type"], headers, call.body)
    events = read_delivery(request, DeliveryProof(secret, account))
    return events[0] if events else None


def last(fake: FakeWooCommerce) -> Call:
    """The delivery of what happened last."""
    ((_, call),) = fake.deliver(fake.truth.happened[-1])
    return call


def heard(fake: FakeWooCommerce) -> WebhookEvent:
    event = read(last(fake))
    assert event is not None
    return event


def signed(topic: str, body: object, **headers: str) -> Call:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    given = {
        "content-type": "application/json",
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-source": SITE,
        "x-wc-webhook-signature": sign(encoded, SECRET),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Call("POST", "/hook", {}, given, encoded)


# ---- people -----------------------------------------------------------------------------------------


def test_a_delivery_says_which_account_changed(fake: FakeWooCommerce) -> None:
    amina = fake.truth.register("Amina", "0722 000 001")
    event = heard(fake)
    assert (event.topic, event.ids, event.at, event.cart) == ("customer.created", [f"customer:{amina}"], NOW, None)
    fake.truth.edit(amina, city="Kisumu")
    assert heard(fake).topic == "customer.updated"
    fake.truth.delete_user(amina)
    assert (heard(fake).topic, heard(fake).ids) == ("customer.deleted", [f"customer:{amina}"])


def test_an_order_names_the_account_or_the_guest(fake: FakeWooCommerce) -> None:
    amina = fake.truth.register("Amina", "0722 000 001", email="a@shop.example")
    fake.truth.order("0722 000 001", customer=amina)
    assert heard(fake).ids == [f"customer:{amina}"]
    order = fake.truth.order("0722 000 002", email="j@shop.example")
    assert heard(fake).ids == [f"guest:{order}"]
    assert heard(fake).order == Order(
        id=str(order),
        keys=[f"wc_order_{order:06}"],
        cart_id=str(order),
        at=NOW,
        phones=["0722 000 002"],
        customer_id="",
        email="j@shop.example",
        country="KE",
    )


# ---- carts ------------------------------------------------------------------------------------------


def test_an_order_whose_payment_failed_is_a_cart(fake: FakeWooCommerce) -> None:
    order = fake.truth.order("0722 000 002", email="j@shop.example", first_name="Juma", status="failed")
    fake.truth.orders[order].items = ("Kikoy", "Kanga")
    cart = heard(fake).cart
    assert cart is not None and heard(fake).order is None
    assert (cart.key, cart.id, cart.state, cart.at, cart.began_at) == (
        f"wc_order_{order:06}",
        str(order),
        "open",
        NOW,
        NOW,
    )
    assert (cart.phones, cart.country, cart.email, cart.accepted) == (["0722 000 002"], "KE", "j@shop.example", False)
    assert cart.fields == {
        "fname": "Juma",
        "total": "2450.00",
        "currency": "KES",
        "items": "Kikoy, Kanga",
        "item_count": 2,
        "url": f"https://ziwa.example/checkout/order-pay/{order}/?pay_for_order=true&key=wc_order_{order:06}",
    }
    assert heard(fake).ids == [], "no guest has bought"


@pytest.mark.parametrize(
    ("status", "given", "cart", "is_order"),
    [
        ("checkout-draft", {"via": "store-api", "method": ""}, "open", False),
        ("failed", {}, "open", False),
        ("failed", {"via": "store-api"}, "open", False),
        ("failed", {"via": "subscription"}, None, False),
        ("pending", {"method": "mpesa"}, "closed", False),
        ("pending", {"method": "pesapal"}, "closed", False),
        ("pending", {"method": ""}, "closed", False),
        ("pending", {"method": "stripe_cc"}, "open", False),
        ("pending", {"method": "ppcp-gateway", "via": "store-api"}, "open", False),
        ("pending", {"method": "stripe", "via": "admin"}, "closed", False),
        ("on-hold", {"method": "bacs"}, None, True),
        ("processing", {}, None, True),
        ("completed", {}, None, True),
        ("refunded", {}, None, True),
        ("dispatched", {}, None, True),
        ("cancelled", {}, "closed", False),
        ("auto-draft", {}, None, False),
    ],
)
def test_what_each_status_is(
    fake: FakeWooCommerce, status: str, given: dict[str, str], cart: str | None, is_order: bool
) -> None:
    fake.truth.order("0722 000 002", email="j@shop.example", status=status, **given)
    event = heard(fake)
    assert (None if event.cart is None else event.cart.state, event.order is not None) == (cart, is_order)


def test_a_payment_that_fails_after_a_while_opens_the_cart_again(fake: FakeWooCommerce) -> None:
    order = fake.truth.order("0722 000 002", status="pending", method="mpesa")
    closed = heard(fake).cart
    fake.clock.at += 90.0
    fake.truth.change(order, status="failed")
    opened = heard(fake).cart
    assert closed is not None and opened is not None and closed.key == opened.key
    assert (closed.state, opened.state) == ("closed", "open") and (opened.at or 0) > (closed.at or 0)


def test_an_order_in_the_bin_closes_its_cart_by_its_number(fake: FakeWooCommerce) -> None:
    order = fake.truth.order("0722 000 002", status="failed")
    fake.truth.trash(order)
    event = heard(fake)
    assert event.topic == "order.deleted" and event.ids == [f"guest:{order}"]
    assert event.cart is not None and (event.cart.key, event.cart.id, event.cart.state) == ("", str(order), "closed")
    fake.truth.restore(order, "failed")
    restored = heard(fake)
    assert restored.topic == "order.restored" and restored.cart is not None and restored.cart.state == "open"


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("daftari_accepts_sms", "1", True),
        ("_daftari_accepts_sms", "yes", True),
        ("_wc_other/daftari/accepts-sms", True, True),
        ("daftari_accepts_sms", "no", False),
        ("daftari_accepts_sms", "", False),
        ("accepts_sms", "1", False),
    ],
)
def test_a_shop_that_asks_says_whether_the_buyer_agreed(
    fake: FakeWooCommerce, key: str, value: object, accepted: bool
) -> None:
    order = fake.truth.order("0722 000 002", status="failed")
    fake.truth.set_meta(fake.truth.orders[order], key, value)
    cart = heard(fake).cart
    assert cart is not None and cart.accepted is accepted


def test_a_draft_has_the_shop_itself_as_its_link(fake: FakeWooCommerce) -> None:
    fake.truth.order("0722 000 002", status="checkout-draft", via="store-api")
    cart = heard(fake).cart
    assert cart is not None and cart.fields["url"] == SITE


# ---- proof ------------------------------------------------------------------------------------------


def test_the_ping_of_a_new_webhook_is_nothing_and_anything_like_it_is_forged(fake: FakeWooCommerce) -> None:
    ping = fake.pings[0]
    assert read(ping) is None
    for body in (b"webhook_id=", b"webhook_id=7&x=1", b" webhook_id=7", b"webhook_id=7\n", b"{}", b""):
        with pytest.raises(Forged):
            read(Call("POST", ping.path, {}, ping.headers, body))
    with pytest.raises(Forged):
        read(Call("POST", ping.path, {}, {**ping.headers, "x-wc-webhook-signature": "x"}, ping.body))


def test_a_repeated_delivery_has_the_same_key_and_another_of_that_second_has_not(fake: FakeWooCommerce) -> None:
    one, other = fake.truth.register("A", "0722 000 001"), fake.truth.register("B", "0722 000 002")
    calls = [call for happening in fake.truth.happened for _, call in fake.deliver(happening)]
    assert len({call.headers["x-wc-webhook-delivery-id"] for call in calls}) == 1
    events = [read(call) for call in (*calls, *calls)]
    assert [event.ids for event in events if event] == [[f"customer:{one}"], [f"customer:{other}"]] * 2
    assert len({event.key for event in events if event}) == 2


def test_a_copy_of_the_shop_elsewhere_is_refused(fake: FakeWooCommerce) -> None:
    fake.truth.register("Amina", "0722 000 001")
    call = last(fake)
    assert read(call, account="ziwa.example") is not None
    fake.truth.home = "https://staging.ziwa.example"
    with pytest.raises(Forged, match=r'from the shop "https://staging\.ziwa\.example/", the connection is to ziwa'):
        heard(fake)


def test_a_shop_in_a_folder_is_known_by_its_path(fake: FakeWooCommerce) -> None:
    fake.truth.home = "https://Ziwa.example/duka"
    fake.truth.register("Amina", "0722 000 001")
    assert read(last(fake), account="ziwa.example/duka") is not None
    with pytest.raises(Forged):
        read(last(fake))


def test_without_a_secret_nothing_is_proved() -> None:
    body = msgspec.json.encode({"id": 7})
    call = signed("customer.deleted", body, x_wc_webhook_signature=sign(body, Secret("")))
    with pytest.raises(Forged):
        read(call, secret=Secret(""))


def test_no_mutation_of_a_delivery_passes(fake: FakeWooCommerce) -> None:
    fake.truth.order("0722 000 002", email="j@shop.example")
    call, random = last(fake), Random(1)
    refused = 0
    for _ in range(10_000):
        body, signature = bytearray(call.body), bytearray(call.headers["x-wc-webhook-signature"].encode())
        which = random.choice([body, signature])
        place = random.randrange(len(which))
        match random.randrange(3):
            case 0:
                which[place] ^= 1 << random.randrange(7)
            case 1:
                del which[place]
            case _:
                which.insert(place, random.randrange(32, 127))
        if (bytes(body), bytes(signature)) == (call.body, call.headers["x-wc-webhook-signature"].encode()):
            refused += 1  # Nothing changed.
            continue
        headers = {**call.headers, "x-wc-webhook-signature": signature.decode(errors="replace")}
        with pytest.raises(Forged):
            read(Call("POST", call.path, {}, headers, bytes(body)))
        refused += 1
    assert refused == 10_000


@given(st.text(max_size=60))
def test_no_other_signature_passes(signature: str) -> None:
    with pytest.raises(Forged):
        read(signed("customer.deleted", {"id": 7}, x_wc_webhook_signature=signature))


# ---- what cannot be read ----------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["product.updated", "action.woocommerce_add_to_cart", "coupon.created", ""])
def test_a_delivery_about_anything_else_is_none_of_ours(topic: str) -> None:
    assert read(signed(topic, {"id": 7})) is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b"{}", b'{"id": "x"}', b'{"code": "woocommerce_rest"}'])
@pytest.mark.parametrize("topic", ["customer.updated", "order.created", "order.deleted"])
def test_what_is_no_account_and_no_order_says_so(topic: str, body: bytes) -> None:
    with pytest.raises(Malformed, match=r"is no (customer|order) of WooCommerce's REST API v3"):
        read(signed(topic, body))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda one: (
            st.lists(one)
            | st.dictionaries(
                st.sampled_from(["id", "status", "billing", "phone", "meta_data", "line_items", "x"]), one
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_signed_body_has_is_read_or_refused(body: object) -> None:
    for topic in ("customer.updated", "order.updated", "order.deleted"):
        try:
            read(signed(topic, body))
        except Malformed:
            continue
