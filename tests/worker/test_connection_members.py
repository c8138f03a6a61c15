"""The members of a list, as a walk holds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daftari.worker.connections import Members

IDS = st.one_of(st.integers(0, 2**64).map(str), st.sampled_from(["0", "00", "007", "7", "", "-1", "²", "٣", "a1"]))


@given(st.sets(IDS), st.sets(IDS))
def test_members_are_those_that_were_read_and_no_others(inside: set[str], asked: set[str]) -> None:
    members = Members()
    members.update(inside)
    assert {one for one in inside | asked if one in members} == inside
