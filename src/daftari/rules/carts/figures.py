"""What carts came to, by the day on which it happened: each cart is counted once for each thing. No HTTP, no SQL.

Bits on a cart say what it was counted as, so what changes a cart may have it counted as often as it is saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model.carts import CartFigures, StoredCart
from daftari.model.connections import ConnectionDefinition, StoredConnection
from daftari.model.messages import StoredMessage
from daftari.store import WriteTx, carts, connections

EPOCH = date(1970, 1, 1)
ABANDONED, BOUGHT_IN_TIME, ASKED, CAME_BACK, NO_NUMBER, NOT_ACCEPTED = (1 << place for place in range(6))
NAMES: dict[str, int] = {
    "abandoned": ABANDONED,
    "bought_in_time": BOUGHT_IN_TIME,
    "asked": ASKED,
    "came_back": CAME_BACK,
    "no_number": NO_NUMBER,
    "not_accepted": NOT_ACCEPTED,
}
"""What a cart was counted as, by the name of the figure."""
BOUGHT = BOUGHT_IN_TIME | CAME_BACK
"""A cart is bought before the first message or after it, and never both."""


class _Account(Struct, frozen=True):
    """What is used of a connection's progress."""

    time_zone: str = "UTC"


_read_definition = msgspec.json.Decoder(ConnectionDefinition).decode
_read_account = msgspec.json.Decoder(_Account).decode


def may_follow(definition: ConnectionDefinition, cart: StoredCart) -> bool:
    """Whether a cart may be followed up: it has a number, and its buyer agreed where that is needed."""
    return bool(cart.subject_id and (cart.accepted or definition.carts_need == "number"))


def find_day(definition: ConnectionDefinition, time_zone: str, *, now: int) -> int:
    """The day of a time where a shop is, in days since 1970. ``time_zone``: the account's."""
    zone = ZoneInfo(definition.zone or time_zone)
    return (datetime.fromtimestamp(now / 1_000_000, zone).date() - EPOCH).days


def count_carts(tx: WriteTx, *, connection_id: int, changed: Sequence[StoredCart]) -> list[StoredCart]:
    """Count what carts of a connection have come to that was not counted of them before.

    The caller saves the carts that are returned.
    """
    stored = connections.get_connection(tx, connection_id=connection_id)
    assert stored is not None, "a cart has a connection"
    definition = _read_definition(stored.definition)
    return _count(tx, stored, definition, [(cart, _find_kinds(definition, cart)) for cart in changed])


def count_asked(tx: WriteTx, *, taken: Sequence[StoredMessage]) -> None:
    """Count the carts that messages were about which a provider took."""
    ids = {message.id for message in taken}
    mobiles = sorted({message.subject_id for message in taken if message.subject_id > 0})
    asked: dict[int, list[tuple[StoredCart, int]]] = {}
    for cart in carts.find_carts_of_numbers(tx, mobiles=mobiles):
        if cart.message_id in ids and not cart.counted & ASKED:
            asked.setdefault(cart.connection_id, []).append((cart, ASKED))
    for connection_id, kinds in sorted(asked.items()):
        stored = connections.get_connection(tx, connection_id=connection_id)
        assert stored is not None, "a cart has a connection"
        carts.save_carts(tx, carts=_count(tx, stored, _read_definition(stored.definition), kinds))


def _count(
    tx: WriteTx,
    stored: StoredConnection,
    definition: ConnectionDefinition,
    kinds: Sequence[tuple[StoredCart, int]],
) -> list[StoredCart]:
    counts: Counter[str] = Counter()
    counted = []
    for cart, found in kinds:
        new = found & ~cart.counted
        counts.update(name for name, kind in NAMES.items() if new & kind)
        counted.append(replace(cart, counted=cart.counted | new) if new else cart)
    if counts:
        day = find_day(definition, _read_account(stored.progress).time_zone, now=tx.now)
        carts.add_figures(tx, connection_id=stored.id, figures=CartFigures(day, **counts))
    return counted


def _find_kinds(definition: ConnectionDefinition, cart: StoredCart) -> int:
    """All that a cart counts as by now, but for the message that it got."""
    if cart.state == "abandoned":
        if may_follow(definition, cart):
            return ABANDONED
        return ABANDONED | (NOT_ACCEPTED if cart.subject_id else NO_NUMBER)
    if cart.state == "bought" and not cart.counted & BOUGHT:
        if cart.counted & ASKED:
            return CAME_BACK
        return BOUGHT_IN_TIME if cart.counted & ABANDONED else 0
    return 0
