"""WooCommerce's webhooks: their proof, and which customers, guests, carts and orders they are about. Pure: no calls."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.protocol import Cart, DeliveryProof, WebhookEvent
from daftari.connectors.woocommerce import answers
from daftari.connectors.woocommerce.api import name_shop
from daftari.connectors.woocommerce.sales import as_cart, as_order
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret

SIGNATURE = "x-wc-webhook-signature"
PROOF_HEADERS = (SIGNATURE, "x-wc-webhook-topic", "x-wc-webhook-source", "x-wc-webhook-delivery-id")
"""The headers of a delivery that are used; no other one needs to be kept."""
CUSTOMER, GUEST = "customer:", "guest:"
"""How the ids of records begin: an account's, and that of who has none, by the number of the first order."""
_PING = re.compile(rb"webhook_id=[0-9]+")


class _Deleted(Struct):
    id: int


def sign(body: bytes, secret: Secret) -> str:
    """The signature of a body."""
    return b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


def read_delivery(request: InboundRequest, proof: DeliveryProof) -> Sequence[WebhookEvent]:
    """The event of a delivery; none when it is about nothing of ours. The same for the same delivery.

    Raises ``Forged`` unless the body is signed with the secret and the delivery is from this shop, and ``Malformed``
    when it cannot be read. A copy of the shop, made to try something out, has the same secret and another address.
    """
    given = request.headers.get(SIGNATURE, "")
    if not given and _PING.fullmatch(request.body):
        # What WooCommerce sends when a webhook is made. It is not signed, and nothing follows from it.
        return ()
    if not proof.secret or not hmac.compare_digest(
        given.encode(errors="replace"), sign(request.body, proof.secret).encode()
    ):
        raise Forged("The signature is not that of the webhook's secret.")
    source = request.headers.get("x-wc-webhook-source", "")
    if name_shop(source) != proof.account:
        raise Forged(f'The delivery is from the shop "{source[:100]}", the connection is to {proof.account}.')
    topic = request.headers.get("x-wc-webhook-topic", "")
    what, _, happened = topic.partition(".")
    # The number of a delivery is that of a second, which others of the same webhook have as well.
    number = request.headers.get("x-wc-webhook-delivery-id", "")
    key = sha256(f"{number}:{topic}:".encode(errors="replace") + request.body).hexdigest()
    event = WebhookEvent(key, topic, [], None)
    try:
        if what not in ("customer", "order"):
            return ()
        if happened == "deleted":
            return (_read_deleted(event, what, msgspec.json.decode(request.body, type=_Deleted).id),)
        if what == "customer":
            return (_read_customer(event, msgspec.json.decode(request.body, type=answers.Customer)),)
        return (_read_order(event, msgspec.json.decode(request.body, type=answers.Order), site=source),)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        says = f"The body is no {what} of WooCommerce's REST API v3 ({str(error)[:100]})."
        raise Malformed(says) from None


def _read_customer(event: WebhookEvent, customer: answers.Customer) -> WebhookEvent:
    return replace(event, ids=[f"{CUSTOMER}{customer.id}"], at=customer.modified_at)


def _read_order(event: WebhookEvent, order: answers.Order, *, site: str) -> WebhookEvent:
    """An order, and whose it is. A guest becomes known by an order that counts as bought."""
    ids: list[str] = []
    if order.customer_id:
        ids = [f"{CUSTOMER}{order.customer_id}"]
    elif order.judgement in ("bought", "closed"):
        ids = [f"{GUEST}{order.id}"]
    return replace(event, ids=ids, at=order.modified_at, cart=as_cart(order, site=site), order=as_order(order))


def _read_deleted(event: WebhookEvent, what: str, number: int) -> WebhookEvent:
    """A deletion has the number alone, and no time."""
    if what == "customer":
        return replace(event, ids=[f"{CUSTOMER}{number}"])
    cart = Cart(
        key="", id=str(number), state="closed", at=None, began_at=None, completed_at=None, phones=(), country="",
        accepted=False, customer_id="", email="", cart_token="", fields={},
    )  # fmt: skip
    return replace(event, ids=[f"{GUEST}{number}"], cart=cart)
