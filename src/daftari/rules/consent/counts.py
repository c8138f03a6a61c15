"""Counts the opt-outs that are in force by what they are about, and the contacts of whom less is known. No SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from daftari.model.consent import ANY, Scope
from daftari.rules.consent.state import ALL, OTHERS, State, decode_state, mask_of
from daftari.rules.consent.views import show_mask
from daftari.store import Tx, consent
from daftari.store.overview import get_overview

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


class Undecided(Struct, frozen=True):
    """Of how many contacts it depends on ``require_opt_in`` what they may be sent, and how many there are."""

    contacts: int
    undecided: int


def count_undecided(tx: Tx) -> Undecided | None:
    """How many contacts neither agreed to everything nor opted out of the rest; ``None`` where it is too much."""
    states = consent.count_contact_states(tx, limit=COUNTED_MAX + 1)
    if sum(numbers for _, numbers, _ in states) > COUNTED_MAX:
        return None
    contacts = get_overview(tx, reviews_max=1).contacts
    decided = sum(of_contacts for state, _, of_contacts in states if _is_decided(decode_state(state)))
    return Undecided(contacts, contacts - decided)


def _is_decided(state: State) -> bool:
    """Whether a number may be sent the same with and without ``require_opt_in``."""
    return bool(state.cells) and all(opted_in | blocked == ALL for blocked, opted_in in state.cells.values())


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
