"""Counts the opt-outs that are in force by what they are about. No SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from daftari.model.consent import ANY, Scope
from daftari.rules.consent.state import OTHERS, State, decode_state, mask_of
from daftari.rules.consent.views import show_mask
from daftari.store import Tx, consent

COUNTED_MAX = 100_000
"""Numbers of which anything is known that are counted; a project with more has no counts."""


class Blocked(Struct, frozen=True):
    """What some numbers opted out of. The sender is folded.

    ``but_some``: of any sender, and some senders may send it all the same, since the person agreed to that.
    """

    scope: Scope
    but_some: bool = False


class OptOutCount(Struct, frozen=True):
    """How many numbers opted out of the same."""

    blocked: Blocked
    numbers: int


def count_opt_outs(tx: Tx) -> list[OptOutCount] | None:
    """How many numbers opted out of what, the most first; ``None`` where there are too many to count.

    A number is counted for each part that it opted out of. Erased ones are not.
    """
    states = consent.count_states(tx, limit=COUNTED_MAX + 1)
    if sum(numbers for _, numbers in states) > COUNTED_MAX:
        return None
    found: Counter[Blocked] = Counter()
    for state, numbers in states:
        for blocked in _list_blocked(decode_state(state)):
            found[blocked] += numbers
    return [OptOutCount(blocked, numbers) for blocked, numbers in found.most_common()]


def _list_blocked(state: State) -> Iterator[Blocked]:
    others, _ = state.cells.get(OTHERS, (0, 0))
    named = {sender: blocked for sender, (blocked, _) in state.cells.items() if sender != OTHERS}
    for cell in show_mask(others):
        channel, purpose = cell.channel or ANY, cell.purpose or ANY
        mask = mask_of(channel, purpose)
        but_some = any(blocked & mask != mask for blocked in named.values())
        yield Blocked(Scope(channel, ANY, purpose), but_some)
    for sender, blocked in named.items():
        for cell in show_mask(blocked & ~others):
            yield Blocked(Scope(cell.channel or ANY, sender, cell.purpose or ANY))
