"""What carts came to, by the day on which it happened. Each cart is counted once for each thing. No network, no SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from daftari.model.carts import CartFigures, StoredCart
from daftari.model.members import Count
from daftari.rules.connections.model import Figures, Opened
from daftari.rules.connections.rows import kind_of
from daftari.store import Tx, WriteTx, carts

EPOCH = date(1970, 1, 1)
SHOWN_DAYS = 30
"""The days that are shown, today with them."""
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


# ---- counted --------------------------------------------------------------------------------------------


def may_follow(opened: Opened, cart: StoredCart) -> bool:
    """Whether a cart may be followed up: it has a number, and its buyer agreed where that is needed."""
    return bool(cart.subject_id and (cart.accepted or opened.definition.carts_need == "number"))


def count_carts(tx: WriteTx, opened: Opened, changed: Sequence[StoredCart]) -> list[StoredCart]:
    """Count what carts have come to that was not counted of them before. The caller saves those that are returned."""
    counts: Counter[str] = Counter()
    counted = []
    for cart in changed:
        new = _find_kinds(opened, cart) & ~cart.counted
        counts.update(name for name, kind in NAMES.items() if new & kind)
        counted.append(replace(cart, counted=cart.counted | new) if new else cart)
    if counts:
        carts.add_figures(tx, connection_id=opened.id, figures=CartFigures(_day_of(opened, tx.now), **counts))
    return counted


def _find_kinds(opened: Opened, cart: StoredCart) -> int:
    """All that a cart counts as by now."""
    kinds = ASKED if cart.sent_at else 0
    if cart.state == "abandoned":
        kinds |= ABANDONED
        if not may_follow(opened, cart):
            kinds |= NOT_ACCEPTED if cart.subject_id else NO_NUMBER
    if cart.state == "bought" and not cart.counted & BOUGHT:
        if cart.sent_at:
            kinds |= CAME_BACK
        elif cart.counted & ABANDONED:
            kinds |= BOUGHT_IN_TIME
    return kinds


def _day_of(opened: Opened, at: int) -> int:
    """The day of a time where the shop is, in days since 1970."""
    zone = ZoneInfo(opened.definition.zone or opened.progress.time_zone)
    return (datetime.fromtimestamp(at / 1_000_000, zone).date() - EPOCH).days


# ---- shown ----------------------------------------------------------------------------------------------

Day = Annotated[
    str, Meta(title="Day", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A day where the account is.")
]


class CartFiguresView(Struct, frozen=True, kw_only=True):
    """What carts came to. A cart is counted once for each thing, on the day on which it happened."""

    abandoned: Count
    """Carts that nothing came of for ten minutes."""
    bought_in_time: Count
    """Abandoned carts that were bought before any message."""
    asked: Count
    """Carts that got a message."""
    came_back: Count
    """Carts that were bought after a message."""
    no_number: Count
    """Abandoned carts without a number that can be read."""
    not_accepted: Count
    """Abandoned carts whose buyer did not agree to messages, where `carts_need` is `accepted`."""


class CartDayView(CartFiguresView, frozen=True, kw_only=True):
    """What carts came to on a day."""

    day: Day


class CartTotalsView(CartFiguresView, frozen=True, kw_only=True):
    """What carts came to in the last 30 days."""

    since: Day
    """The first of these days."""
    days: Annotated[list[CartDayView], Meta(max_length=SHOWN_DAYS)]
    """Those on which anything happened, the earliest first."""


def with_figures(tx: Tx, opened: Opened) -> Opened:
    """A connection with the figures of its carts, where people look at it."""
    if not kind_of(opened).carts:
        return opened
    since = _day_of(opened, tx.now) - SHOWN_DAYS + 1
    days = carts.list_figures(tx, connection_id=opened.id, since=since)
    return replace(opened, figures=Figures(since, tuple(days)))


def show_figures(opened: Opened) -> CartTotalsView | None:
    """The figures of a connection's carts; ``None`` where its system has none."""
    found = opened.figures
    if found is None:
        return None
    days = [CartDayView(**asdict(one) | {"day": _write_day(one.day)}) for one in found.days]
    totals = {name: sum(getattr(day, name) for day in days) for name in NAMES}
    return CartTotalsView(since=_write_day(found.since), days=days, **totals)


def _write_day(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()
