"""What an order is as a cart, and the question whether a cart was bought, asked of the shop itself."""

from __future__ import annotations

from collections.abc import Iterator

from daftari.connectors.calls import decode, read_number
from daftari.connectors.phones import may_be_same
from daftari.connectors.protocol import Cart, CartAnswer, CartQuestion, Order
from daftari.connectors.times import write_time
from daftari.connectors.woocommerce import answers
from daftari.connectors.woocommerce.api import ORDERS, TITLE, Api

PAGE, PAGES_MAX = 100, 3
"""Of the shop's newest orders, which are looked at for one of the same person."""


def write_time_there(moment: int) -> str:
    """A time for a query whose dates are GMT. With a zone WordPress would turn it into the shop's own time."""
    return write_time(max(moment, 0), timespec="seconds").removesuffix("Z")


def as_cart(order: answers.Order, *, site: str) -> Cart | None:
    """The cart that an order is; ``None`` where it is an order, or nothing to anyone.

    While a payment may be under way it is closed, not bought: a payment that fails opens it again.
    """
    if order.judgement in ("bought", "nothing"):
        return None
    billing, shipping = order.addresses
    fields: dict[str, object] = {
        "fname": billing.first_name or shipping.first_name,
        "total": order.total,
        "currency": order.currency,
        "items": order.items,
        "item_count": order.item_count,
        "url": order.payment_url if order.needs_payment and order.payment_url else site,
    }
    return Cart(
        key=order.order_key,
        id=str(order.id),
        state="open" if order.judgement == "cart" else "closed",
        at=order.modified_at,
        began_at=order.created_at,
        completed_at=None,
        phones=order.phones,
        country=order.country,
        accepted=order.accepts,
        customer_id=str(order.customer_id or ""),
        email=billing.email or "",
        cart_token="",
        fields={name: value for name, value in fields.items() if value},
    )


def as_order(order: answers.Order) -> Order | None:
    """The order that it is by now; ``None`` where it is none yet, or no more."""
    if order.judgement != "bought":
        return None
    return Order(
        id=str(order.id),
        keys=[order.order_key] if order.order_key else [],
        cart_id=str(order.id),
        at=order.created_at,
        phones=order.phones,
        customer_id=str(order.customer_id or ""),
        email=order.addresses[0].email or "",
        country=order.country,
    )


def ask_cart(api: Api, question: CartQuestion) -> CartAnswer:
    """Whether the cart was paid, or its buyer has ordered otherwise since. Raises ``ConnectorFailed``."""
    if not question.id.isdecimal():
        return CartAnswer("unknown", "", "The cart has no number by which the shop knows it.")
    response = api.get(f"{ORDERS}/{question.id}", {"_fields": answers.ORDER_FIELDS}, accepts=(404,))
    if response.status == 404:
        return CartAnswer("unknown", "", "The shop has no such order now.")
    cart = decode(response.body, answers.Order, title=TITLE)
    if str(cart.id) != question.id or (question.key and cart.order_key != question.key):
        return CartAnswer("unknown", "", "The shop answers another order than the one that was asked for.")
    if cart.judgement in ("bought", "pending"):
        return CartAnswer("bought", question.id, f"The order is {cart.status}.")
    if cart.judgement != "cart":
        return CartAnswer("unknown", "", f"The order is {cart.status}.")
    for order in _list_orders(api, question):
        if order.id != cart.id and order.judgement in ("bought", "pending") and _is_persons(order, question):
            return CartAnswer("bought", str(order.id), "The same person has ordered since.")
    return CartAnswer("open")


def _list_orders(api: Api, question: CartQuestion) -> Iterator[answers.Order]:
    """The newest orders since a cart was begun; where these are too many to look at, those of the person as well."""
    query: dict[str, object] = {
        "after": write_time_there(question.since),
        "dates_are_gmt": "true",
        "status": "any",
        "orderby": "id",
        "order": "desc",
        "per_page": PAGE,
        "_fields": answers.ORDER_FIELDS,
    }
    for page in range(1, PAGES_MAX + 1):
        response = api.get(ORDERS, {**query, "page": page})
        found = decode(response.body, list[answers.Order], title=TITLE)
        yield from found
        pages = read_number(response.headers, "x-wp-totalpages")
        if len(found) < PAGE if pages is None else page >= pages:
            return
    for name, value in (("customer", question.customer_id), ("search", question.email)):
        if value:
            yield from decode(api.get(ORDERS, {**query, name: value}).body, list[answers.Order], title=TITLE)


def _is_persons(order: answers.Order, question: CartQuestion) -> bool:
    """Whether an order is of the person of a cart, and not from before it."""
    if order.created_at is not None and order.created_at < question.since:
        return False
    if question.customer_id and str(order.customer_id) == question.customer_id:
        return True
    if question.email and (order.addresses[0].email or "").casefold() == question.email.casefold():
        return True
    return any(may_be_same(mine, theirs) for mine in question.phones for theirs in order.phones)
