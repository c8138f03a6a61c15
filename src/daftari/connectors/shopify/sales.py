"""The question whether a cart was bought, asked of the shop itself before a reminder is sent. Pure: no calls.

An order of the cart is found by its checkout's or cart's token, one from another device by customer or e-mail. Shopify
ignores what it does not understand in a query, so an order counts only if it says itself what was asked for.
"""

from __future__ import annotations

from daftari.connectors.phones import may_be_same
from daftari.connectors.protocol import CartAnswer, CartQuestion
from daftari.connectors.shopify import answers
from daftari.connectors.times import read_time, write_time

PERSON_ORDERS = 50
"""Orders of one person that an answer has at most."""


def write_question(question: CartQuestion, *, by_person: bool = True) -> dict[str, object]:
    """The variables of the operation ``SALES``. ``by_person``: whether orders of the same person are wanted too."""
    tokens = [
        f"{name}:{quote(token)}"
        for name, token in (("checkout_token", question.key), ("cart_token", question.cart_token))
        if token
    ]
    persons = [f"customer_id:{question.customer_id}"] if question.customer_id.isdecimal() else []
    persons += [f"email:{quote(question.email)}"] if question.email else []
    since = write_time(question.since, timespec="seconds")
    person = f"({' OR '.join(persons)}) AND created_at:>={quote(since)}" if persons else ""
    checkout = f"id:{question.id}" if question.id.isdecimal() else ""
    return {
        "cart": " OR ".join(tokens),
        "withCart": bool(tokens),
        "person": person,
        "withPerson": bool(person) and by_person,
        "checkout": checkout,
        "withCheckout": bool(checkout),
    }


def read_answer(question: CartQuestion, found: answers.Sales) -> CartAnswer:
    """What the shop's answer means for the cart."""
    of_cart = found.cart.nodes if found.cart else []
    of_person = found.person.nodes if found.person else []
    tokens = {one for one in (question.key, question.cart_token) if one}
    for sale in (*of_cart, *of_person):
        if tokens & {sale.checkout_token, sale.cart_token}:
            return CartAnswer("bought", answers.read_id(sale.id), "There is an order of this cart.")
    for sale in of_person:
        if _is_persons(sale, question):
            return CartAnswer("bought", answers.read_id(sale.id), "The same person has ordered since.")
    for checkout in found.checkouts.nodes if found.checkouts else []:
        if answers.read_id(checkout.id) == question.id and checkout.completed_at:
            return CartAnswer("bought", "", "The checkout is completed.")
    if of_cart:
        return CartAnswer("unknown", "", "The shop answers orders of other carts than the one that was asked for.")
    if len(of_person) >= PERSON_ORDERS:
        return CartAnswer("unknown", "", "The shop answers more orders than can be looked at.")
    if not tokens:
        return CartAnswer("unknown", "", "The cart has no token by which the shop knows it.")
    return CartAnswer("open")


def quote(word: str) -> str:
    """A word as one term of Shopify's search syntax."""
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _is_persons(sale: answers.Sale, question: CartQuestion) -> bool:
    """Whether an order is of the person of a cart, and not from before it."""
    at = read_time(sale.created_at)
    if at is not None and at < question.since:
        return False
    if question.customer_id and sale.customer is not None and sale.customer.id == question.customer_id:
        return True
    if question.email and (sale.email or "").casefold() == question.email.casefold():
        return True
    return any(may_be_same(mine, theirs) for mine in question.phones for theirs in sale.phones)
