"""Triggers against every order of arrival: what is sent depends on what happened, not on what was reported first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.store import Store
from tests.support import calls
from tests.support.message_steps import HOUR, MINUTE, Sending
from tests.support.triggers import Triggers

FIRST = 254_722_000_000
WAIT = 10 * MINUTE
"""All is reported so long after the first event, which is after the last one."""

Happened = tuple[str, str, int]
"""The name of an event, its key, and when it was: minutes after the first one."""

EVENTS = st.lists(
    st.tuples(st.sampled_from(["cart", "cart", "order"]), st.sampled_from(["", "c1", "c2"]), st.integers(0, 9)),
    min_size=1,
    max_size=7,
)


class World:
    """A trigger on carts, and numbers to which the same things happen in other orders."""

    def __init__(self, store: Store) -> None:
        project = calls.create_project(store)
        self.triggers = Triggers(Sending(store, project, in_flight=100))
        self.triggers.add(text="{{ event.minute }}")
        self.numbers = 0

    def play(self, orders: Sequence[Sequence[Happened]]) -> list[dict[str, str]]:
        """The outcome of the carts of a number for each order: the text by key, or the reason why there is none."""
        triggers, sending = self.triggers, self.triggers.sending
        began = sending.now
        sending.wait(WAIT)
        mobiles = range(FIRST + self.numbers, FIRST + self.numbers + len(orders))
        self.numbers += len(orders)
        for mobile, order in zip(mobiles, orders, strict=True):
            for name, key, minute in order:
                triggers.record(name, mobile, key, at=began + minute * MINUTE, minute=minute)
        sending.wait(2 * HOUR)
        triggers.sent()
        outcomes: list[dict[str, str]] = []
        for mobile in mobiles:
            mine = [view for view in triggers.views() if view.mobile == str(mobile)]
            outcomes.append({view.key: view.text or str(view.reason) for view in mine})
            assert len(mine) == len(outcomes[-1]), "a cart has one message"
        return outcomes


def expected(events: Sequence[Happened]) -> dict[str, str]:
    """The same by the rule's own words, where all is received after the last event happened."""
    carts: dict[str, int] = {}
    for name, key, minute in events:
        if name == "cart":
            carts[key] = max(minute, carts.get(key, 0))
    orders = {key for name, key, _ in events if name == "order"}

    def is_stopped(key: str) -> bool:
        return "" in orders or (key in orders if key else bool(orders))

    return {key: "ordered" if is_stopped(key) else str(minute) for key, minute in carts.items()}


def test_any_order_of_arrival_has_the_same_outcome(store: Store) -> None:
    world = World(store)

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data(), events=EVENTS)
    def check(data: Any, events: list[Happened]) -> None:
        orders = [events, data.draw(st.permutations(events))]
        assert world.play(orders) == [expected(events)] * 2

    check()
