"""Deliveries of Shopify's webhooks: their proof, their key, and which customers, carts and orders they are about.

The samples have the shape that Shopify's reference of webhooks shows; people and ids are invented.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors.protocol import DeliveryProof, Record, WebhookEvent
from daftari.connectors.shopify import read_delivery
from daftari.connectors.shopify.deliveries import PROOF_HEADERS, sign
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import WEBHOOK_SECRET

SHOP = "ziwa.myshopify.com"
AMINA = 706405506930370000
TRIGGERED_AT = 1_795_168_800_000_000
CHECKOUT: Mapping[str, Any] = {
    "id": 98123456789,
    "token": "c0ffee",
    "cart_token": "ca27",
    "email": None,
    "phone": None,
    "sms_marketing_phone": None,
    "buyer_accepts_marketing": False,
    "buyer_accepts_sms_marketing": False,
    "customer_locale": "en-KE",
    "created_at": "2026-11-20T12:58:00+03:00",
    "updated_at": "2026-11-20T13:00:00+03:00",
    "completed_at": None,
    "closed_at": None,
    "abandoned_checkout_url": "https://ziwa.example/checkouts/ac/c0ffee/recover",
    "currency": "KES",
    "total_price": "2450.00",
    "line_items": [{"title": "Kikoy", "quantity": 1}, {"title": "Kanga", "quantity": 2}],
    "shipping_address": {
        "first_name": "Amina",
        "last_name": "Otieno",
        "phone": "0722 000 001",
        "city": "Kisumu",
        "company": None,
        "country_code": "KE",
    },
    "billing_address": [],
    "customer": {
        "id": AMINA,
        "first_name": "Amina",
        "last_name": "Otieno",
        "email": None,
        "phone": None,
        "default_address": {"phone": "0722 000 001"},
    },
}
ORDER: Mapping[str, Any] = {
    "id": 820982911946154500,
    "checkout_id": 98123456789,
    "checkout_token": "c0ffee",
    "cart_token": "ca27",
    "created_at": "2026-11-20T13:20:00+03:00",
    "cancelled_at": None,
    "test": False,
    "email": None,
    "phone": "+254722000001",
    "customer": {"id": AMINA, "phone": "+254722000001"},
    "shipping_address": {"phone": "0722 000 001"},
    "financial_status": "pending",
}


def signed(topic: str, body: object, *, secret: str = WEBHOOK_SECRET, **changes: str) -> InboundRequest:
    """A delivery. ``changes``: of headers, whose names are without ``x-shopify-``; a blank one is left out."""
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": sign(encoded, Secret(secret)),
        "x-shopify-shop-domain": SHOP,
        "x-shopify-api-version": "2026-10",
        "x-shopify-webhook-id": "b54557e4-0000-4000-8000-000000000001",
        "x-shopify-event-id": "98880550-0000-4000-8000-000000000002",
        "x-shopify-triggered-at": "2026-11-20T10:00:00.000000000Z",
    }
    headers |= {f"x-shopify-{name.replace('_', '-')}": value for name, value in changes.items()}
    kept = {name: value for name, value in headers.items() if value}
    return InboundRequest("POST", "https://book.example/hook", "", "application/json", kept, encoded)


def read_request(request: InboundRequest, *, secret: str = WEBHOOK_SECRET) -> WebhookEvent | None:
    events = read_delivery(request, DeliveryProof(Secret(secret), SHOP))
    return events[0] if events else None


def read(topic: str, body: object, **changes: str) -> WebhookEvent:
    event = read_request(signed(topic, body, **changes))
    assert event is not None
    return event


# ---- proof ------------------------------------------------------------------------------------------


def test_of_10_000_changed_signatures_bodies_and_secrets_not_one_is_taken() -> None:
    random = Random(7)
    request = signed("checkouts/update", CHECKOUT)
    assert read_request(request) is not None
    refused = 0
    for place in range(10_000):
        headers, body, secret = dict(request.headers), request.body, WEBHOOK_SECRET
        signature = headers["x-shopify-hmac-sha256"]
        match place % 5:
            case 0:
                changed = _change(signature.encode(), random)
                headers["x-shopify-hmac-sha256"] = changed.decode("latin-1")
            case 1:
                body = _change(body, random)
            case 2:
                secret = _change(secret.encode(), random).decode("latin-1")
            case 3:
                headers["x-shopify-hmac-sha256"] = b64encode(
                    random.randbytes(random.choice([0, 16, 31, 32, 33]))
                ).decode()
            case _:
                spaces = [f" {signature}", f"{signature}=", signature.lower(), signature[:-1], f"{signature}\n", ""]
                headers["x-shopify-hmac-sha256"] = random.choice([one for one in spaces if one != signature])
        altered = msgspec.structs.replace(request, headers=headers, body=body)
        try:
            read_request(altered, secret=secret)
        except Forged:
            refused += 1
    assert refused == 10_000


def _change(given: bytes, random: Random) -> bytes:
    """The same with one byte more, less or other."""
    place = random.randrange(len(given))
    other = random.choice([one for one in range(33, 127) if one != given[place]])
    match random.randrange(3):
        case 0:
            return given[:place] + bytes([other]) + given[place + 1 :]
        case 1:
            return given[:place] + bytes([other]) + given[place:]
        case _:
            return given[:place] + given[place + 1 :]


@given(signature=st.text(max_size=60))
def test_no_other_signature_passes(signature: str) -> None:
    with pytest.raises(Forged):
        read_request(signed("checkouts/update", CHECKOUT, hmac_sha256=signature or " "))


def test_without_a_secret_nothing_is_proved() -> None:
    with pytest.raises(Forged):
        read_request(signed("checkouts/update", CHECKOUT, secret=""), secret="")


@pytest.mark.parametrize("shop", ["kikapu.myshopify.com", "ziwa.myshopify.com.evil.example", ""])
def test_a_delivery_of_another_shop_is_refused(shop: str) -> None:
    with pytest.raises(Forged, match="the connection is to ziwa"):
        read_request(signed("checkouts/update", CHECKOUT, shop_domain=shop))


def test_a_shops_domain_may_be_written_large() -> None:
    assert read("checkouts/update", CHECKOUT, shop_domain="Ziwa.myshopify.com").cart is not None


def test_the_headers_that_are_kept_prove_and_read_it_again() -> None:
    request = signed("checkouts/update", CHECKOUT)
    kept = {name: value for name, value in request.headers.items() if name in PROOF_HEADERS}
    assert read_request(msgspec.structs.replace(request, headers=kept)) == read_request(request)


@pytest.mark.parametrize("body", [b"<xml/>", b"[]", b"\xff", b"", b'{"id":'])
def test_what_is_no_delivery_says_so(body: bytes) -> None:
    with pytest.raises(Malformed, match="choose the format JSON"):
        read_request(signed("customers/update", body))


@pytest.mark.parametrize("id", [None, "x", True, 0, -7, 1.5, {"id": 7}])
def test_a_delivery_without_an_id_is_malformed(id: object) -> None:
    with pytest.raises(Malformed, match="has no id that is a number"):
        read_request(signed("customers/update", {"id": id}))


@given(
    topic=st.sampled_from(["checkouts/update", "orders/create", "customers/update", "customers/merge"]), data=st.data()
)
def test_a_body_of_any_shape_is_read_or_malformed(topic: str, data: st.DataObject) -> None:
    names = st.sampled_from([*CHECKOUT, *ORDER, "default_address", "state", "sms_marketing_consent"])
    scalars = st.none() | st.booleans() | st.integers(-3, 2**63) | st.text(max_size=8) | st.floats(allow_nan=False)
    values = st.recursive(scalars, lambda some: st.lists(some, max_size=3) | st.dictionaries(names, some, max_size=4))
    body = data.draw(st.dictionaries(names, values, max_size=8))
    with suppress(Malformed):
        read_request(signed(topic, body))


# ---- keys and topics --------------------------------------------------------------------------------


def test_a_repeated_delivery_has_the_same_key() -> None:
    first = read("customers/update", {"id": AMINA})
    again = read("customers/update", {"id": AMINA}, triggered_at="2026-11-20T10:00:00.000000000Z")
    assert first.key == again.key == "b54557e4-0000-4000-8000-000000000001"
    assert read("customers/update", {"id": AMINA}, webhook_id="").key == (
        read("customers/update", {"id": AMINA}, webhook_id="", triggered_at="").key
    )


@pytest.mark.parametrize("topic", ["products/update", "shop/update", "orders/delete", "", "CUSTOMERS/UPDATE"])
def test_a_delivery_about_anything_else_is_none_of_ours(topic: str) -> None:
    assert read_request(signed(topic, {"id": 1})) is None


def test_a_test_of_the_shops_page_is_kept_and_is_about_no_one() -> None:
    event = read_request(signed("checkouts/update", CHECKOUT, test="true"))
    assert event is not None and event.topic == "checkouts/update (test)"
    assert (event.ids, event.record, event.cart, event.order) == ([], None, None, None)


def test_an_order_that_is_a_test_is_an_order() -> None:
    event = read_request(signed("orders/create", ORDER, test="true"))
    assert event is not None and event.order is not None


# ---- customers --------------------------------------------------------------------------------------


def test_a_change_of_a_customer_names_it_and_says_what_it_says() -> None:
    body = {
        "id": AMINA,
        "updated_at": "2026-11-20T13:00:00+03:00",
        "first_name": "Amina",
        "last_name": None,
        "phone": "+254722000001",
        "email": "amina@example.co.ke",
        "sms_marketing_consent": {
            "state": "not_subscribed",
            "opt_in_level": "single_opt_in",
            "consent_updated_at": None,
        },
        "default_address": {"phone": "0733 000 001", "city": "Kisumu", "country_code": "KE"},
        "addresses": [],
    }
    event = read("customers/update", body)
    assert (event.topic, event.ids, event.at, event.merged) == ("customers/update", [str(AMINA)], TRIGGERED_AT, {})
    assert event.record == Record(
        id=str(AMINA),
        version=TRIGGERED_AT,
        values={
            "phones": ["+254722000001", "0733 000 001"],
            "first_name": "Amina",
            "email": "amina@example.co.ke",
            "city": "Kisumu",
            "country": "KE",
            "sms_consent": "NOT_SUBSCRIBED",
        },
    )


@pytest.mark.parametrize(
    ("topic", "member", "channel"),
    [
        ("customers_marketing_consent/update", "sms_marketing_consent", "sms"),
        ("customers_whats_app_marketing_consent/update", "whats_app_marketing_consent", "whatsapp"),
    ],
)
def test_a_consent_has_the_time_at_which_it_was_given(topic: str, member: str, channel: str) -> None:
    said = {"state": "unsubscribed", "consent_updated_at": "2026-11-20T12:30:00+03:00"}
    event = read(topic, {"id": AMINA, "phone": "+254722000001", member: said})
    assert event.ids == [str(AMINA)] and event.record is not None
    assert event.record.version == TRIGGERED_AT and event.record.is_partial
    assert event.record.values == {
        "phones": ["+254722000001"],
        f"{channel}_consent": "UNSUBSCRIBED",
        f"{channel}_consent_at": "2026-11-20T12:30:00+03:00",
    }


def test_a_deleted_customer_and_a_redacted_one_are_not_the_same() -> None:
    deleted = read("customers/delete", {"id": AMINA, "tax_exemptions": []})
    assert deleted.record == Record(str(AMINA), TRIGGERED_AT, gone="deleted")
    body = {
        "shop_id": 954889,
        "shop_domain": SHOP,
        "customer": {"id": 191167, "email": "a@example.com", "phone": "+254722000001"},
        "orders_to_redact": [1],
    }
    redacted = read("customers/redact", body)
    assert redacted.ids == ["191167"] and redacted.record == Record("191167", TRIGGERED_AT, gone="erased")


def test_a_customer_of_whom_nothing_is_said_was_redacted() -> None:
    body = {"id": AMINA, "first_name": None, "last_name": "", "phone": None, "email": None, "currency": "KES"}
    assert read("customers/update", body).record == Record(str(AMINA), TRIGGERED_AT, gone="erased")


def test_a_merge_names_the_winner() -> None:
    body = {
        "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
        "status": "completed",
    }
    event = read("customers/merge", body)
    assert event.merged == {"2": "1"} and {*event.ids} == {"1", "2"}
    assert not read("customers/merge", {**body, "status": "failed"}).merged


@pytest.mark.parametrize("id", [AMINA, str(AMINA), f"gid://shopify/Customer/{AMINA}"])
def test_a_segment_that_is_joined_or_left_is_named(id: object) -> None:
    """Which of two spellings these deliveries have is in no sample: both are read."""
    for customer, segment in (("customerId", "segmentId"), ("customer_id", "segment_id")):
        event = read("customer.joined_segment", {customer: id, segment: "gid://shopify/Segment/12"})
        assert (event.ids, event.groups, event.record) == ([str(AMINA)], ["segment:12"], None)
    tagged = read("customer.tags_added", {"customerId": id, "tags": ["vip"], "occurredAt": "2026-11-20T10:00:00Z"})
    assert (tagged.ids, tagged.groups) == ([str(AMINA)], [])


# ---- carts ------------------------------------------------------------------------------------------


def test_a_checkout_has_all_that_a_reminder_needs() -> None:
    event = read("checkouts/update", CHECKOUT)
    cart = event.cart
    assert event.ids == [str(AMINA)] and event.order is None and cart is not None
    assert (cart.key, cart.id, cart.cart_token, cart.state) == ("c0ffee", "98123456789", "ca27", "open")
    assert (cart.at, cart.began_at) == (TRIGGERED_AT, TRIGGERED_AT - 120_000_000)
    assert (cart.phones, cart.country, cart.accepted) == (["0722 000 001"], "KE", False)
    assert cart.fields == {
        "fname": "Amina",
        "total": "2450.00",
        "currency": "KES",
        "items": "Kikoy, Kanga",
        "item_count": 3,
        "url": "https://ziwa.example/checkouts/ac/c0ffee/recover",
    }


def test_numbers_are_tried_in_their_order() -> None:
    body = {
        "id": 1,
        "sms_marketing_phone": "1",
        "phone": "2",
        "shipping_address": {"phone": "3"},
        "customer": {"id": 7, "phone": "4", "default_address": {"phone": "5"}},
        "billing_address": {"phone": "6"},
    }
    cart = read("checkouts/create", body).cart
    assert cart is not None and cart.phones == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize(("agrees", "phones"), [(False, ["4", "2", "3"]), (True, ["2", "3", "4"])])
def test_what_a_customer_agreed_to_before_is_about_their_own_number(agrees: bool, phones: list[str]) -> None:
    body = {
        "id": 1,
        "buyer_accepts_sms_marketing": agrees,
        "phone": "2",
        "shipping_address": {"phone": "3"},
        "customer": {"id": 7, "phone": "4", "sms_marketing_consent": {"state": "subscribed"}},
    }
    cart = read("checkouts/create", body).cart
    assert cart is not None and (cart.phones, cart.accepted) == (phones, True)


@pytest.mark.parametrize("none", [None, [], "", {}, 0, False])
def test_an_empty_list_is_no_number_and_no_address(none: object) -> None:
    names = ("phone", "sms_marketing_phone", "shipping_address", "billing_address", "customer", "line_items")
    cart = read("checkouts/update", {**CHECKOUT, **dict.fromkeys(names, none)}).cart
    assert cart is not None and not cart.phones and not cart.customer_id and "items" not in cart.fields


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"buyer_accepts_sms_marketing": True}, True),
        ({"buyer_accepts_marketing": True}, False),
        ({"buyer_accepts_sms_marketing": "true"}, False),
        ({"customer": {"id": 7, "sms_marketing_consent": {"state": "subscribed"}}}, True),
        ({"customer": {"id": 7, "sms_marketing_consent": {"state": "pending"}}}, False),
        ({"customer": {"id": 7, "sms_marketing_consent": None}}, False),
    ],
)
def test_a_buyer_has_accepted_sms_and_no_other_marketing(changes: dict[str, object], accepted: bool) -> None:
    cart = read("checkouts/update", {**CHECKOUT, **changes}).cart
    assert cart is not None and cart.accepted is accepted


@pytest.mark.parametrize(
    ("topic", "changes", "state"),
    [
        ("checkouts/create", {}, "open"),
        ("checkouts/update", {"completed_at": "2026-11-20T13:01:00+03:00"}, "bought"),
        ("checkouts/update", {"closed_at": "2026-11-20T13:01:00+03:00"}, "closed"),
        ("checkouts/delete", {}, "closed"),
    ],
)
def test_the_state_of_a_cart(topic: str, changes: dict[str, object], state: str) -> None:
    cart = read(topic, {**CHECKOUT, **changes}).cart
    assert cart is not None and cart.state == state


def test_a_total_that_may_be_of_either_of_two_currencies_is_left_out() -> None:
    same = read("checkouts/update", {**CHECKOUT, "presentment_currency": "KES"}).cart
    other = read("checkouts/update", {**CHECKOUT, "presentment_currency": "USD"}).cart
    assert same is not None and (same.fields["total"], same.fields["currency"]) == ("2450.00", "KES")
    assert other is not None and not {"total", "currency"} & {*other.fields}


def test_a_deleted_checkout_may_say_its_id_alone() -> None:
    cart = read("checkouts/delete", {"id": 98123456789, "presentment_currency": "KES"}).cart
    assert cart is not None and (cart.key, cart.id, cart.state) == ("", "98123456789", "closed")
    assert cart.at == TRIGGERED_AT
    with pytest.raises(Malformed, match="neither a token nor an id"):
        read_request(signed("checkouts/delete", {}))


# ---- orders -----------------------------------------------------------------------------------------


def test_an_order_names_the_cart_that_it_was() -> None:
    event = read("orders/create", ORDER)
    order = event.order
    assert event.ids == [str(AMINA)] and event.cart is None and order is not None
    assert (order.keys, order.cart_id, order.customer_id) == (["c0ffee", "ca27"], "98123456789", str(AMINA))
    assert (order.phones, order.at) == (["+254722000001", "0722 000 001"], TRIGGERED_AT + 1_200_000_000)


def test_an_order_says_where_its_numbers_are_from() -> None:
    order = read("orders/create", {**ORDER, "shipping_address": {"phone": "0772 123 456", "country_code": "UG"}}).order
    assert order is not None and order.country == "UG"


@pytest.mark.parametrize("topic", ["orders/create", "orders/updated", "orders/paid", "orders/cancelled"])
@pytest.mark.parametrize("changes", [{"test": True}, {"financial_status": "pending"}, {"cancelled_at": "2026-11-20"}])
def test_an_order_counts_whatever_its_state(topic: str, changes: dict[str, object]) -> None:
    assert read(topic, {**ORDER, **changes}).order is not None


def test_a_draft_counts_by_its_person() -> None:
    order = read("draft_orders/create", {"id": 5, "email": "a@example.com", "customer": {"id": AMINA}}).order
    assert order is not None and (order.keys, order.email, order.customer_id) == ([], "a@example.com", str(AMINA))


def test_what_the_fake_shop_announces_is_read() -> None:
    fake = FakeShopify(1, Clock())
    customer = fake.truth.create("Amina", "+254722000001")
    cart = fake.truth.start_checkout(customer=customer, shipping_phone="0722 000 001", accepts=True)
    order = fake.truth.complete(cart)
    events = []
    for happening in fake.truth.happened:
        call = fake.deliver(happening)
        request = InboundRequest(call.method, call.path, "", "application/json", call.headers, call.body)
        events.append(read_request(request))
    created, started, ordered, completed = events
    assert created is not None and created.ids == [str(customer)]
    assert started is not None and started.cart is not None and started.cart.accepted
    assert ordered is not None and ordered.order is not None
    assert (ordered.order.id, started.cart.key in ordered.order.keys) == (str(order.id), True)
    assert completed is not None and completed.cart is not None and completed.cart.state == "bought"
