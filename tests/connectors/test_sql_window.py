"""Windows over the times of rows, with transactions of any length, against a list of what was written."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from daftari.connectors.sql.timeline import SECOND
from daftari.connectors.sql.window import (
    MARGIN_OF_DATABASE,
    OVERLAP,
    OpenTransaction,
    Sight,
    State,
    close_window,
    find_warnings,
    open_window,
)

HOUR = 3600
START = 1_800_000_000


class Transaction(Struct, frozen=True):
    """Seconds after the start; ``wrote``: the time of its row."""

    begin: int
    wrote: int
    commit: int


def transactions(longest: int) -> st.SearchStrategy[list[Transaction]]:
    one = st.tuples(st.integers(0, 2 * HOUR), st.integers(0, longest), st.integers(0, longest))
    return st.lists(
        one.map(lambda drawn: Transaction(drawn[0], drawn[0] + min(drawn[1:]), drawn[0] + max(drawn[1:]))), max_size=12
    )


polls = st.lists(st.integers(0, 4 * HOUR), min_size=1, max_size=40).map(sorted)


def micro(seconds: int) -> int:
    return (START + seconds) * SECOND


def read(written: list[Transaction], state: State, at: int, *, overlap: int = 0) -> set[int]:
    """What a poll reads: the rows in its window that are committed by then."""
    shown = [] if overlap else [one for one in written if one.begin <= at < one.commit]
    sight = Sight(micro(at), [OpenTransaction(micro(one.begin)) for one in shown], overlap=overlap)
    filling = state.filling
    open_window(state, sight, margin=MARGIN_OF_DATABASE, now=micro(at))
    if state.until is None:
        return set()
    lower, until = 0 if filling else state.lower, state.until
    close_window(state)
    return {
        place
        for place, one in enumerate(written)
        if one.commit <= at and (filling or lower <= micro(one.wrote) < until)
    }


@given(transactions(3 * HOUR), polls)
def test_no_row_is_missed_and_what_is_called_complete_is(written: list[Transaction], at: list[int]) -> None:
    state = State()
    have: set[int] = set()
    for moment in [*at, 6 * HOUR, 6 * HOUR + 60]:
        have |= read(written, state, moment)
        for place, one in enumerate(written):
            assert place in have or micro(one.wrote) >= state.complete_until
    assert len(have) == len(written)


@given(transactions(OVERLAP // SECOND - 10), polls, st.randoms(use_true_random=False))
def test_where_transactions_are_not_shown_rows_of_fifteen_minutes_are_found_by_reading_again(
    written: list[Transaction], at: list[int], chance: object
) -> None:
    state = State()
    have: set[int] = set()
    blind = [chance.random() < 0.5 for _ in at]
    for moment, is_blind in zip([*at, 6 * HOUR, 6 * HOUR + 60], [*blind, True, True], strict=True):
        have |= read(written, state, moment, overlap=OVERLAP if is_blind else 0)
        for place, one in enumerate(written):
            assert place in have or micro(one.wrote) >= state.complete_until
    assert len(have) == len(written)


def test_a_row_is_read_once_while_transactions_are_short() -> None:
    written = [Transaction(second, second, second + second % 20) for second in range(600)]
    state = State(filling=False)
    times = [0] * len(written)
    for at in range(0, 700, 3):
        for place in read(written, state, at):
            times[place] += 1
    assert times == [1] * len(written)


def test_a_transaction_that_is_open_for_hours_holds_nothing_up_but_is_named() -> None:
    state = State(filling=False, since=micro(0))
    sight = Sight(micro(2 * HOUR), [OpenTransaction(micro(600), "app")])
    open_window(state, sight, margin=MARGIN_OF_DATABASE, now=micro(2 * HOUR))

    assert state.until == micro(2 * HOUR) - MARGIN_OF_DATABASE
    assert state.complete_until == micro(600) - MARGIN_OF_DATABASE
    (warning,) = find_warnings(sight, zone=ZoneInfo("Africa/Nairobi"))
    assert warning == "Waiting for a transaction of user app, open since 11:10 EAT; the list is complete until then."


def test_what_is_complete_is_given_on_our_clock() -> None:
    state = State()
    open_window(state, Sight(micro(1000)), margin=MARGIN_OF_DATABASE, now=micro(400))
    assert state.complete_until == micro(395)
