"""The figures of a connection's carts as callers see them. No SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from daftari.model.members import Count
from daftari.rules.carts.figures import EPOCH, NAMES, find_day
from daftari.rules.connections.model import Figures, Opened
from daftari.rules.connections.rows import kind_of
from daftari.store import Tx, carts

SHOWN_DAYS = 30
"""The days that are shown, today with them."""

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
    since = find_day(opened.definition, opened.progress.time_zone, now=tx.now) - SHOWN_DAYS + 1
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
