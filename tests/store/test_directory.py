"""The page directory: whatever ids a list has had, its total and the start of every page are those of a sorted list."""

from __future__ import annotations

from collections import Counter
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from daftari.model.projects import Actor, Project
from daftari.rules.access import projects
from daftari.store import Store, Tx, directory, integrity
from daftari.store.directory import BOOK, LEVEL_SHIFTS
from tests.support.stores import NOW

ACTOR = Actor(None, "test")
BORDERS = tuple(1 << shift for shift in LEVEL_SHIFTS.values())

near_borders = st.builds(
    lambda border, times, offset: border * times + offset,
    st.sampled_from(BORDERS),
    st.integers(min_value=1, max_value=70),
    st.integers(min_value=-3, max_value=3),
)
ids = st.one_of(near_borders, near_borders, st.integers(1, 500), st.integers(1, 2**62))
"""Ids near the borders of blocks at every level, close together, and anywhere."""
changes = st.lists(st.tuples(st.sets(ids, max_size=80), st.integers(1, 5)), min_size=1, max_size=4)
"""So many times: ids that join, and that every so manieth of those that are there leaves."""


def test_a_page_starts_where_a_slice_of_the_sorted_ids_does_and_totals_are_exact(store: Store) -> None:
    project, lists = _project(store), count(1)

    @given(changes)
    def check_one(changes: list[tuple[set[int], int]]) -> None:
        list_id = next(lists)
        members: set[int] = set()
        for joining, every in changes:
            joined = sorted(joining - members)
            left = sorted(members)[::every]
            _change(store, project, joined={list_id: joined}, left={list_id: left})
            members = members.union(joined).difference(left)
            assert store.read(project, NOW, directory.count_list, list_id=list_id) == len(members)
        assert store.read(project, NOW, _first_difference, list_id, sorted(members)) is None
        assert _blocks(store, project, list_id) == _counted(members)

    check_one()


def test_lists_that_change_together_do_not_mix(store: Store) -> None:
    project, lists = _project(store), count(BOOK)

    @given(st.sets(ids, max_size=60), st.sets(ids, max_size=60))
    def check_both(some: set[int], others: set[int]) -> None:
        one, other = next(lists), next(lists)
        _change(store, project, joined={one: some, other: others}, left={})
        _change(store, project, joined={one: others - some}, left={other: others & some})
        assert _blocks(store, project, one) == _counted(some | others)
        assert _blocks(store, project, other) == _counted(others - some)

    check_both()


def test_a_list_that_everyone_left_leaves_no_rows(store: Store) -> None:
    project = _project(store)
    everyone = range(1, 600_000, 37)
    _change(store, project, joined={BOOK: everyone}, left={})
    assert store.read(project, NOW, directory.count_list, list_id=BOOK) == len(everyone)
    _change(store, project, joined={}, left={BOOK: everyone})
    assert store.read(project, NOW, integrity.read_directory) == {}
    assert store.read(project, NOW, directory.find_page, list_id=BOOK, skip=1) == (0, None)


def test_no_page_skips_more_members_than_a_block_of_64_has(store: Store) -> None:
    project = _project(store)
    everyone = range(1, 300_000)
    _change(store, project, joined={BOOK: everyone}, left={})
    for skip in (0, 63, 64, 4_094, 4_095, 4_096, 262_142, 262_143, 262_144, 299_998):
        total, start = store.read(project, NOW, directory.find_page, list_id=BOOK, skip=skip)
        assert total == len(everyone) and start is not None and start.skip < 64
        assert max(start.first, 1) + start.skip == everyone[skip]
    for skip in (len(everyone), 2**63 - 1):
        assert store.read(project, NOW, directory.find_page, list_id=BOOK, skip=skip) == (len(everyone), None)


def _project(store: Store) -> Project:
    return store.system_write(1, projects.create_project, name="Shopify", region="KE", on_error="refuse", first_id=1)


def _change(store: Store, project: Project, **lists: dict[int, set[int] | list[int] | range]) -> None:
    store.write(project, ACTOR, NOW, directory.change_directory, **lists)


def _first_difference(tx: Tx, list_id: int, members: list[int]) -> int | None:
    """The first place whose page starts elsewhere than at that member of the sorted list."""
    for skip in range(len(members) + 2):
        total, start = directory.find_page(tx, list_id=list_id, skip=skip)
        rest = [number for number in members if start is not None and number >= start.first]
        found = rest[start.skip : start.skip + 1] if start is not None and start.skip < 64 else []
        if total != len(members) or found != members[skip : skip + 1]:
            return skip
    return None


def _blocks(store: Store, project: Project, list_id: int) -> Counter[tuple[int, int]]:
    found = store.read(project, NOW, integrity.read_directory)
    return Counter({(level, block): held for (list_, level, block), held in found.items() if list_ == list_id})


def _counted(members: set[int]) -> Counter[tuple[int, int]]:
    return Counter((level, number >> shift) for level, shift in LEVEL_SHIFTS.items() for number in members)
