"""What a cart and an order of a shop are called here, and which orders are a cart's. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from msgspec.structs import replace

from daftari.model.carts import StoredCart, StoredOrder
from daftari.model.limits import EVENT_KEY_MAX

EARLIER_MICROSECONDS = 5 * 60_000_000
"""How long before a cart was begun an order of the same person still counts as one of it: clocks differ."""
AWAY_MICROSECONDS = 10 * 60_000_000
"""When no worker looked at a connection for so long, the service was perhaps away, and deliveries found no one."""
ENDING_DIGITS = 9
"""By so many last digits two spellings of a number are compared."""
PERSON = ("customer:", "email:", "mobile:")
"""How the names begin by which an order is of a person, and not of one cart."""


def as_word(written: str) -> str:
    """What a shop calls something, as it is stored: as it writes it, unless that is too long."""
    word = "".join(filter(str.isprintable, written)).strip()
    return word if len(word) <= EVENT_KEY_MAX else sha256(word.encode()).hexdigest()


def as_email(written: str) -> str:
    """An e-mail address as it is stored."""
    return as_word(written.casefold())


def name_token(token: str) -> str:
    """The name of orders that have a token of a cart; blank for none."""
    return f"token:{word}" if (word := as_word(token)) else ""


def name_id(cart_id: str) -> str:
    """The name of orders that have the id of a cart; blank for none."""
    return f"id:{word}" if (word := as_word(cart_id)) else ""


def name_person(*, customer_id: str, email: str, phones: Iterable[str]) -> list[str]:
    """The names of orders of a person. Numbers are compared by their ends, however they are written."""
    names = [f"customer:{word}" if (word := as_word(customer_id)) else "", f"email:{email}" if email else ""]
    ends = ("".join(filter(str.isdecimal, phone))[-ENDING_DIGITS:] for phone in phones)
    names += [f"mobile:{end}" for end in ends if len(end) == ENDING_DIGITS and end.isascii()]
    return [*dict.fromkeys(filter(None, names))]


def names_of(cart: StoredCart) -> list[str]:
    """Every name by which an order may be a cart's."""
    names = [name_token(cart.key), name_token(cart.cart_token), name_id(cart.cart_id)]
    phones = [str(cart.subject_id)] if cart.subject_id else []
    names += name_person(customer_id=cart.customer_id, email=cart.email, phones=phones)
    return [*dict.fromkeys(filter(None, names))]


def is_order_of(order: StoredOrder, cart: StoredCart) -> bool:
    """Whether an order that has one of a cart's names was made for it, or by its person since it was begun."""
    if not order.name.startswith(PERSON):
        return True
    return order.at >= cart.began_at - EARLIER_MICROSECONDS


def as_bought(cart: StoredCart) -> StoredCart:
    """A cart that was bought, which it stays."""
    return replace(cart, state="bought", idle_at=0, ask_at=0)


def was_away(*, looked_at: int, poll_seconds: int, now: int) -> bool:
    """Whether no worker has looked at a connection for long. ``poll_seconds``: how often it is set to be looked at."""
    return 0 < looked_at < now - poll_seconds * 1_000_000 - AWAY_MICROSECONDS
