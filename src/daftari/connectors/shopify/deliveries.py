"""Shopify's webhooks: their proof, and which customers, carts and orders they are about. Pure: no calls.

The same for those that the shop's owner makes on its admin page, which need no app, and for those of an app.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec

from daftari.connectors.protocol import Cart, DeliveryProof, Order, Record, WebhookEvent
from daftari.connectors.times import read_time
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret

SIGNATURE = "x-shopify-hmac-sha256"
PROOF_HEADERS = (
    SIGNATURE,
    *("x-shopify-topic", "x-shopify-shop-domain", "x-shopify-webhook-id", "x-shopify-triggered-at", "x-shopify-test"),
)
"""The headers of a delivery that are used; no other one needs to be kept."""
NAMING = frozenset({"phones", "first_name", "last_name", "email", "city", "company"})
"""What says who a customer is; one of whom nothing of it is left was redacted."""
TITLES_MAX = 3
"""Things in a cart that are named."""
TEXT_MAX = 200

Body = Mapping[str, object]


def sign(body: bytes, secret: Secret) -> str:
    """The signature of a body."""
    return b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


def read_delivery(request: InboundRequest, proof: DeliveryProof) -> Sequence[WebhookEvent]:
    """The event of a delivery; none when it is about nothing of ours. The same for the same delivery.

    The secret is the one that the shop's page of webhooks shows, or the app's; the account is the shop's domain at
    Shopify. Raises ``Forged`` unless the body is signed with the secret and the delivery is from this shop, and
    ``Malformed`` when it cannot be read.
    """
    given = request.headers.get(SIGNATURE, "")
    wanted = sign(request.body, proof.secret)
    if not proof.secret or not hmac.compare_digest(given.encode(errors="replace"), wanted.encode()):
        raise Forged("The signature is not that of the signing key, or client secret, which the connection has.")
    shop = request.headers.get("x-shopify-shop-domain", "")
    if shop.lower() != proof.account.lower():
        raise Forged(f'The delivery is from the shop "{shop[:100]}", the connection is to {proof.account}.')
    topic = request.headers.get("x-shopify-topic", "")
    read = _READERS.get(topic)
    if read is None:
        return ()
    try:
        body = msgspec.json.decode(request.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is no delivery of Shopify's: choose the format JSON for the webhook.") from None
    at = read_time(request.headers.get("x-shopify-triggered-at", ""))
    key = request.headers.get("x-shopify-webhook-id", "") or sha256(topic.encode() + request.body).hexdigest()
    is_test = request.headers.get("x-shopify-test", "").lower() == "true"
    if is_test and read is not _read_order:
        # It is about no one, and shows that address and key are right. Where an order is a test its buyer may be real.
        return (WebhookEvent(key, f"{topic} (test)", [], at),)
    return (read(WebhookEvent(key, topic, [], at), body),)


# ---- customers --------------------------------------------------------------------------------------


def _read_customer(event: WebhookEvent, body: Body) -> WebhookEvent:
    customer_id = _require_id(body, "id", "customer_id", "admin_graphql_api_customer_id", "admin_graphql_api_id")
    record = _as_record(customer_id, event, body)
    if not NAMING & record.values.keys():
        # Shopify keeps no other customer without a name, a number and an e-mail.
        record = Record(customer_id, record.version, gone="erased")
    return _with(event, ids=[customer_id], record=record)


def _read_consent(event: WebhookEvent, body: Body) -> WebhookEvent:
    """What a customer said about one channel, and hardly anything else of them."""
    customer_id = _require_id(body, "id", "customer_id", "admin_graphql_api_customer_id", "admin_graphql_api_id")
    record = _as_record(customer_id, event, body)
    return _with(event, ids=[customer_id], record=msgspec.structs.replace(record, is_partial=True))


def _read_touched(event: WebhookEvent, body: Body) -> WebhookEvent:
    """A tag or a segment of a customer: which customer, and which segment."""
    customer_id = _require_id(body, "customerId", "customer_id", "admin_graphql_api_customer_id", "id")
    segment = _find_id(body, "segmentId", "segment_id", "admin_graphql_api_segment_id")
    return _with(event, ids=[customer_id], groups=[f"segment:{segment}"] if segment else [])


def _read_deleted(event: WebhookEvent, body: Body) -> WebhookEvent:
    customer_id = _require_id(body, "id", "admin_graphql_api_id")
    return _with(event, ids=[customer_id], record=Record(customer_id, event.at or 0, gone="deleted"))


def _read_redacted(event: WebhookEvent, body: Body) -> WebhookEvent:
    customer_id = _require_id(_part(body, "customer"), "id")
    return _with(event, ids=[customer_id], record=Record(customer_id, event.at or 0, gone="erased"))


def _read_merged(event: WebhookEvent, body: Body) -> WebhookEvent:
    kept = _require_id(body, "admin_graphql_api_customer_kept_id")
    lost = _require_id(body, "admin_graphql_api_customer_deleted_id")
    if _text(body, "status") not in ("", "completed"):
        return event
    return _with(event, ids=[lost, kept], merged={lost: kept})


def _as_record(customer_id: str, event: WebhookEvent, body: Body) -> Record:
    """A customer as the delivery says, by the names of a reading's fields. Not every delivery has its tags."""
    address = _part(body, "default_address")
    values: dict[str, object] = {
        "phones": [*dict.fromkeys(filter(None, (_text(body, "phone"), _text(address, "phone"))))],
        **{name: _text(body, name) for name in ("first_name", "last_name", "email")},
        **{name: _text(address, name) for name in ("city", "company")},
        "country": _text(address, "country_code"),
    }
    moments = [event.at, read_time(_text(body, "updated_at"))]
    for channel, member in (("sms", "sms_marketing_consent"), ("whatsapp", "whats_app_marketing_consent")):
        said = _part(body, member)
        state = _text(said, "state").upper()
        written = _text(said, "consent_updated_at") or _text(said, "updated_at")
        values |= {f"{channel}_consent": state, f"{channel}_consent_at": written}
        moments.append(read_time(written))
    version = max((one for one in moments if one is not None), default=0)
    return Record(customer_id, version, {name: value for name, value in values.items() if value})


# ---- carts and orders -------------------------------------------------------------------------------


def _read_cart(event: WebhookEvent, body: Body) -> WebhookEvent:
    cart = read_cart(body)
    if not cart.key and not cart.id:
        raise Malformed("The checkout has neither a token nor an id.")
    cart = msgspec.structs.replace(cart, at=cart.at or event.at)
    if event.topic == "checkouts/delete":
        cart = msgspec.structs.replace(cart, state="closed")
    return _with(event, ids=_ids(cart.customer_id), cart=cart)


def read_cart(body: Body) -> Cart:
    """A checkout of a delivery. A blank address is a list without members there."""
    shipping, billing = _part(body, "shipping_address"), _part(body, "billing_address")
    customer = _part(body, "customer")
    default = _part(customer, "default_address")
    completed_at = read_time(_text(body, "completed_at"))
    is_closed = completed_at is None and bool(_text(body, "closed_at"))
    agrees = body.get("buyer_accepts_sms_marketing") is True
    subscribed = _text(_part(customer, "sms_marketing_consent"), "state").upper() == "SUBSCRIBED"
    # What the customer agreed to once is about their own number, also where the goods go to someone else.
    agreed = _text(customer, "phone") if subscribed and not agrees else ""
    items = _list(body, "line_items")
    titles = [title for item in items if (title := _text(item, "title"))]
    names = [_text(part, "first_name") for part in (shipping, customer, billing)]
    counts = [count for item in items if isinstance(count := item.get("quantity"), int)]
    currency = _text(body, "currency")
    # Of which of two currencies the total is, no documentation says.
    is_clear = _text(body, "presentment_currency") in ("", currency)
    fields: dict[str, object] = {
        "fname": next(filter(None, names), ""),
        "total": _text(body, "total_price") if is_clear else "",
        "currency": currency if is_clear else "",
        "items": ", ".join(titles[:TITLES_MAX])[:TEXT_MAX],
        "item_count": sum(counts),
        "url": _text(body, "abandoned_checkout_url"),
    }
    phones = (
        _text(body, "sms_marketing_phone"),
        agreed,
        _text(body, "phone"),
        *(_text(part, "phone") for part in (shipping, customer, default, billing)),
    )
    return Cart(
        key=_text(body, "token"),
        id=_find_id(body, "id"),
        state="bought" if completed_at is not None else "closed" if is_closed else "open",
        at=read_time(_text(body, "updated_at")),
        began_at=read_time(_text(body, "created_at")),
        completed_at=completed_at,
        phones=[*dict.fromkeys(filter(None, phones))],
        country=next(filter(None, (_text(part, "country_code") for part in (shipping, default, billing))), ""),
        accepted=agrees or subscribed,
        customer_id=_find_id(customer, "id"),
        email=_text(body, "email") or _text(customer, "email"),
        cart_token=_text(body, "cart_token"),
        fields={name: value for name, value in fields.items() if value},
    )


def _read_order(event: WebhookEvent, body: Body) -> WebhookEvent:
    """An order, whether it is paid, a draft, a test or cancelled: its buyer came back."""
    customer, shipping = _part(body, "customer"), _part(body, "shipping_address")
    default, billing = _part(customer, "default_address"), _part(body, "billing_address")
    phones = (_text(body, "phone"), *(_text(part, "phone") for part in (shipping, customer, default, billing)))
    order = Order(
        id=_require_id(body, "id", "admin_graphql_api_id"),
        keys=[*dict.fromkeys(filter(None, (_text(body, "checkout_token"), _text(body, "cart_token"))))],
        cart_id=_find_id(body, "checkout_id"),
        at=read_time(_text(body, "created_at")) or event.at,
        phones=[*dict.fromkeys(filter(None, phones))],
        customer_id=_find_id(customer, "id"),
        email=_text(body, "email") or _text(body, "contact_email") or _text(customer, "email"),
        country=next(filter(None, (_text(part, "country_code") for part in (shipping, default, billing))), ""),
    )
    return _with(event, ids=_ids(order.customer_id), order=order)


# ---- which delivery is read how ---------------------------------------------------------------------

_Reader = Callable[[WebhookEvent, Body], WebhookEvent]
_READERS: Mapping[str, _Reader] = {
    "customers/delete": _read_deleted,
    "customers/redact": _read_redacted,
    "customers/merge": _read_merged,
    **dict.fromkeys(("customers/create", "customers/update", "customers/enable", "customers/disable"), _read_customer),
    "customers_marketing_consent/update": _read_consent,
    "customers_whats_app_marketing_consent/update": _read_consent,
    **dict.fromkeys(("customer.tags_added", "customer.tags_removed"), _read_touched),
    **dict.fromkeys(("customer.joined_segment", "customer.left_segment"), _read_touched),
    **dict.fromkeys(("checkouts/create", "checkouts/update", "checkouts/delete"), _read_cart),
    **dict.fromkeys(
        (
            *("orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/fulfilled"),
            *("orders/edited", "orders/partially_fulfilled", "draft_orders/create", "draft_orders/update"),
        ),
        _read_order,
    ),
}


# ---- members of a body ------------------------------------------------------------------------------


def _with(event: WebhookEvent, **changes: object) -> WebhookEvent:
    return msgspec.structs.replace(event, **changes)


def _text(body: Body, name: str) -> str:
    """A member that is a text; blank for any other one, such as the list without members that stands for none."""
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""


def _part(body: Body, name: str) -> Body:
    """A member that is an object; one without members for any other."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _list(body: Body, name: str) -> list[Body]:
    value = body.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _find_id(body: Body, *names: str) -> str:
    """The first of these members that is a number, or a global id; blank where none is."""
    for name in names:
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return str(value)
        if isinstance(value, str) and (number := value.rpartition("/")[2]).isascii() and number.isdecimal():
            return number
    return ""


def _require_id(body: Body, *names: str) -> str:
    found = _find_id(body, *names)
    if not found:
        raise Malformed(f"The delivery has no {names[0]} that is a number.")
    return found


def _ids(*found: str) -> Sequence[str]:
    return [one for one in found if one]
