"""Carts and orders as a shop's deliveries say: kept, and raised as events, in the transaction that receives them.

So nothing of them waits to be read, and an order that came is known before any later claim. Only what changed raises an
event; an earlier delivery that comes late changes nothing. No network, no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import Cart, Order, WebhookEvent
from daftari.mobile import is_region
from daftari.model.carts import CHECKOUT, ORDER, StoredCart, StoredOrder
from daftari.model.limits import EVENT_DAYS, EVENT_FIELD_TEXT_MAX, EVENT_FIELDS_MAX, ID_MAX
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.carts.figures import count_carts, may_follow
from daftari.rules.carts.states import (
    PERSON,
    as_bought,
    as_email,
    as_word,
    is_order_of,
    name_id,
    name_person,
    name_token,
    names_of,
)
from daftari.rules.connections.abandoned import leave_groups
from daftari.rules.connections.apply import region_of
from daftari.rules.connections.model import Opened, get_connection
from daftari.rules.events import Action, record
from daftari.rules.numbers import WrittenNumber, find_known, read_number
from daftari.rules.triggers.events import Happened, raise_events
from daftari.store import Tx, WriteTx, carts

IDLE_MICROSECONDS = 10 * 60_000_000
"""A cart counts as abandoned when it did not change for so long."""
UNSTARTED = ("new", "checked")
"""The states of a connection that a person has not started: its carts are kept, and raise no event."""

_encode = msgspec.json.encode


class CartChange(Struct, frozen=True):
    """A cart before and after something came; ``before`` is ``None`` for one that was not known."""

    before: StoredCart | None
    after: StoredCart


class _Sale(Struct, frozen=True):
    """An order with the numbers that were read, and its names."""

    order: Order
    mobiles: tuple[int, ...]
    rows: Sequence[StoredOrder]


def receive_sales(tx: WriteTx, *, connection_id: int, events: Iterable[WebhookEvent]) -> None:
    """Keep the carts and orders that deliveries are about, and raise what is new as events."""
    said = [event for event in events if event.cart is not None or event.order is not None]
    if not said:
        return
    opened = get_connection(tx, connection_id=connection_id)
    orders = [event.order for event in said if event.order is not None]
    given = [event.cart for event in said if event.cart is not None]
    wanted = [*((cart.phones, cart.country) for cart in given), *((order.phones, order.country) for order in orders)]
    numbers = _read_numbers(tx, wanted, region=region_of(tx, opened))
    sales = [
        _as_sale(order, mobiles, connection_id=connection_id, now=tx.now)
        for order, mobiles in zip(orders, numbers[len(given) :], strict=True)
    ]
    carts.save_orders(tx, orders=[*{(row.name, row.order_id): row for sale in sales for row in sale.rows}.values()])
    sold = _find_sold(tx, opened, sales)
    first = [next(iter(mobiles), 0) for mobiles in numbers[: len(given)]]
    followed = _follow_carts(tx, opened, [*zip(given, first, strict=True)])
    changes = _follow_orders(tx, opened, sold, followed)
    save_changes(tx, opened, changes)
    _raise(tx, opened, changes=changes, sales=sales, sold=sold)


def save_changes(tx: WriteTx, opened: Opened, changes: Sequence[CartChange]) -> None:
    """Save carts of a connection that changed, each once. They are counted, and leave the group of abandoned ones."""
    came_back = [one.before for one in changes if one.before is not None and _comes_back(one)]
    after = [replace(one.after, group_id=0) if _comes_back(one) else one.after for one in changes]
    carts.save_carts(tx, carts=count_carts(tx, connection_id=opened.id, changed=after))
    leave_groups(tx, came_back)


def _comes_back(change: CartChange) -> bool:
    """Whether a cart put its number in a group, and is no longer abandoned, or has another number."""
    before, after = change.before, change.after
    if before is None or not before.group_id:
        return False
    return after.state != "abandoned" or after.subject_id != before.subject_id


# ---- numbers and words ------------------------------------------------------------------------------------


def _read_numbers(tx: Tx, wanted: Sequence[tuple[Sequence[str], str]], *, region: str) -> list[tuple[int, ...]]:
    """The numbers of each that can be read, and are one number only."""
    readings = [[*_read_phones(phones, country, region)] for phones, country in wanted]
    known = find_known(tx, (one.digits for found in readings for one in found))
    return [tuple(one.chosen(known) for one in found if one.other(known) is None) for found in readings]


def _read_phones(phones: Sequence[str], country: str, region: str) -> Iterable[WrittenNumber]:
    """What can be read: a national number as one of the country that it is from, then as one of the region."""
    for phone in phones:
        is_national = not phone.lstrip().startswith("+") and is_region(country)
        for one in (country, region) if is_national else (region,):
            try:
                yield read_number(phone, region=one)
            except ValueError:
                continue
            break


def _write_fields(fields: Mapping[str, object]) -> str:
    """The fields of a cart as an event has them, without what is too long for one."""
    kept: dict[str, object] = {}
    for name, value in fields.items():
        text = "".join(filter(str.isprintable, value)) if isinstance(value, str) else ""
        if text and len(text) <= EVENT_FIELD_TEXT_MAX:
            kept[name] = text
        elif isinstance(value, bool | int | float) and abs(value) <= ID_MAX:
            kept[name] = value
    return _encode(dict(islice(kept.items(), EVENT_FIELDS_MAX))).decode()


def _as_sale(order: Order, mobiles: tuple[int, ...], *, connection_id: int, now: int) -> _Sale:
    """An order with a row for each of its names."""
    names = [*map(name_token, order.keys), name_id(order.cart_id)]
    # A short number has the same end as its cart's only as it was read.
    phones = [*order.phones, *map(str, mobiles)]
    names += name_person(customer_id=order.customer_id, email=as_email(order.email), phones=phones)
    rows = [
        StoredOrder(
            connection_id=connection_id,
            name=name,
            order_id=as_word(order.id),
            at=order.at or now,
            received_at=now,
            subject_id=next(iter(mobiles), 0),
            expires_at=now + EVENT_DAYS * DAY_MICROSECONDS,
        )
        for name in dict.fromkeys(filter(None, names))
    ]
    return _Sale(order, mobiles, rows)


# ---- carts ------------------------------------------------------------------------------------------------


def _follow_carts(tx: Tx, opened: Opened, given: Sequence[tuple[Cart, int]]) -> dict[str, CartChange]:
    """What the carts of some deliveries change, by key; an order that came before its cart is known."""
    known = _find_carts(tx, opened, [cart for cart, _ in given])
    before: dict[str, StoredCart | None] = {}
    after: dict[str, StoredCart] = {}
    for cart, mobile in given:
        key, stored = _find_named(cart, {**known, **after})
        found = _follow(tx, opened, stored, key, cart, mobile)
        if found is not None and found is not stored:
            before.setdefault(key, known.get(key))
            after[key] = found
    bought = _find_bought(tx, opened, [*after.values()])
    return {key: CartChange(before[key], as_bought(cart) if key in bought else cart) for key, cart in after.items()}


def _find_carts(tx: Tx, opened: Opened, given: Sequence[Cart]) -> dict[str, StoredCart]:
    keys = sorted({word for cart in given if (word := as_word(cart.key))})
    ids = sorted({word for cart in given if (word := as_word(cart.id))})
    found = carts.find_carts_by_id(tx, connection_id=opened.id, cart_ids=ids)
    found += carts.find_carts(tx, connection_id=opened.id, keys=keys)
    return {cart.key: cart for cart in found}


def _find_named(cart: Cart, known: Mapping[str, StoredCart]) -> tuple[str, StoredCart | None]:
    """The key of a cart, and what is known of it. A shop may name one by its id alone when it deletes it."""
    key, cart_id = as_word(cart.key), as_word(cart.id)
    same = [one for one in known.values() if cart_id and one.cart_id == cart_id]
    if key:
        deleted = next((one for one in same if one.key == name_id(cart_id)), None)
        return key, known.get(key) or (None if deleted is None else replace(deleted, key=key))
    stored = next((one for one in same if one.key != name_id(cart_id)), next(iter(same), None))
    return (name_id(cart_id), None) if stored is None else (stored.key, stored)


def _follow(tx: Tx, opened: Opened, stored: StoredCart | None, key: str, cart: Cart, mobile: int) -> StoredCart | None:
    """A cart after a delivery; the same one where that changes nothing. One that was bought stays so."""
    at = cart.at or tx.now
    if stored is not None:
        is_older = at < stored.at or (at == stored.at and cart.state == "open" and stored.state == "closed")
        if stored.state == "bought" or (is_older and cart.state != "bought"):
            return stored
    base = stored or StoredCart(opened.id, key, began_at=at)
    base = replace(base, cart_id=as_word(cart.id) or base.cart_id, expires_at=tx.now + EVENT_DAYS * DAY_MICROSECONDS)
    if cart.state == "closed":
        closed = replace(base, state="closed", at=at, received_at=tx.now, idle_at=0, ask_at=0)
        return stored if stored is not None and (stored.state, stored.at) == ("closed", at) else closed
    # Another webhook of the same change may lack what its program may not see.
    is_bare = stored is not None and at == stored.at and not mobile and stored.subject_id > 0
    said = base if is_bare else _with_contents(base, cart, mobile)
    if cart.state == "bought":
        return as_bought(replace(said, at=max(at, base.at), received_at=tx.now))
    if stored is not None and at == stored.at and said == replace(base, began_at=said.began_at):
        return stored
    changed = replace(said, state="open", at=at, received_at=tx.now, idle_at=min(at, tx.now) + IDLE_MICROSECONDS)
    return replace(changed, answer="", asked_at=0, ask_at=0, tries=0, waits_from=0)


def _with_contents(base: StoredCart, cart: Cart, mobile: int) -> StoredCart:
    return replace(
        base,
        cart_token=as_word(cart.cart_token),
        subject_id=mobile,
        accepted=int(cart.accepted),
        customer_id=as_word(cart.customer_id),
        email=as_email(cart.email),
        fields=_write_fields(cart.fields),
        began_at=cart.began_at or base.began_at,
    )


def _find_bought(tx: Tx, opened: Opened, found: Sequence[StoredCart]) -> set[str]:
    """The keys of those carts that a known order is of."""
    names = {cart.key: names_of(cart) for cart in found if cart.state in ("open", "abandoned")}
    wanted = sorted({name for some in names.values() for name in some})
    orders: dict[str, list[StoredOrder]] = {}
    for order in carts.find_orders(tx, connection_id=opened.id, names=wanted):
        orders.setdefault(order.name, []).append(order)
    return {
        cart.key
        for cart in found
        if any(is_order_of(order, cart) for name in names.get(cart.key, ()) for order in orders.get(name, ()))
    }


# ---- orders -----------------------------------------------------------------------------------------------


def _follow_orders(
    tx: Tx, opened: Opened, sold: Sequence[StoredCart], changes: Mapping[str, CartChange]
) -> list[CartChange]:
    """The changes of carts, and of those that some orders are of. ``sold``: known carts that these may be of."""
    known = {cart.key: cart for cart in sold if cart.key not in changes}
    bought = _find_bought(tx, opened, [*known.values()])
    return [*changes.values(), *(CartChange(known[key], as_bought(known[key])) for key in sorted(bought))]


def _find_sold(tx: Tx, opened: Opened, sales: Sequence[_Sale]) -> list[StoredCart]:
    """Known carts that some orders may be of."""
    orders = [sale.order for sale in sales]
    tokens = sorted({as_word(key) for order in orders for key in order.keys} - {""})
    ids = sorted({as_word(order.cart_id) for order in orders} - {""})
    customers = sorted({as_word(order.customer_id) for order in orders} - {""})
    emails = sorted({as_email(order.email) for order in orders} - {""})
    numbers = carts.find_carts_of_numbers(tx, mobiles=sorted({one for sale in sales for one in sale.mobiles}))
    return [
        *carts.find_carts(tx, connection_id=opened.id, keys=tokens),
        *carts.find_carts_by_token(tx, connection_id=opened.id, cart_tokens=tokens),
        *carts.find_carts_by_id(tx, connection_id=opened.id, cart_ids=ids),
        *carts.find_carts_of_customers(tx, connection_id=opened.id, customer_ids=customers),
        *carts.find_carts_of_emails(tx, connection_id=opened.id, emails=emails),
        *(cart for cart in numbers if cart.connection_id == opened.id),
    ]


# ---- events -----------------------------------------------------------------------------------------------


def _raise(
    tx: WriteTx,
    opened: Opened,
    *,
    changes: Sequence[CartChange],
    sales: Sequence[_Sale],
    sold: Sequence[StoredCart],
) -> None:
    """Raise the event of each cart that is open now and may be followed up, and of each order with a number."""
    if opened.stored.state in UNSTARTED:
        return
    changed = [change.after for change in changes]
    wanted = [cart for cart in changed if cart.state == "open" and may_follow(opened.definition, cart)]
    found = [(cart.subject_id, CHECKOUT, cart.key, cart.at, cart.fields) for cart in wanted]
    found += [_as_event(sale, [*changed, *sold]) for sale in sales]
    happened = [Happened(place, *one) for place, one in enumerate(found) if one[0]]
    if happened and raise_events(tx, happened=happened, connection_id=opened.id):
        record(tx, Action.CREATE_EVENTS)


def _as_event(sale: _Sale, known: Sequence[StoredCart]) -> tuple[int, str, str, int, str]:
    """The event of an order, about the cart that it was, of whose number it is where it has none itself."""
    names = {row.name for row in sale.rows if not row.name.startswith(PERSON)}
    cart = next((one for one in known if names & {*names_of(one)}), None)
    token = next(filter(None, map(as_word, sale.order.keys)), "")
    mobile = next(iter(sale.mobiles), 0 if cart is None else cart.subject_id)
    key = token if cart is None else cart.key
    return mobile, ORDER, key, sale.order.at or 0, _write_fields({"order_id": sale.order.id})
