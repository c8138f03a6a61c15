"""What a run may do without a question: shares of what was there, over all of its batches."""

from __future__ import annotations

import pytest

from daftari.model.connections import Run
from daftari.rules.connections.guard import Group, Planned, add_to_run, find_missing_objection, find_objection
from tests.support.stores import NOW


def judge(planned: Planned, *, run: Run | None = None, members: int = 1_000, links: int = 1_000) -> str:
    before = run or Run()
    groups = {group_id: Group("vip", members) for group_id in planned.left}
    return find_objection(before, add_to_run(before, planned), groups=groups, links=links, now=NOW)


@pytest.mark.parametrize(
    ("planned", "is_asked"),
    [
        (Planned({7: 200}), False),
        (Planned({7: 201}), True),
        (Planned({}, gone=200), False),
        (Planned({}, gone=201), True),
        (Planned({}, unreadable=201), True),
        (Planned({}, opted_out=50), False),
        (Planned({}, opted_out=51), True),
    ],
)
def test_more_than_its_share_is_asked_about(planned: Planned, is_asked: bool) -> None:
    assert bool(judge(planned)) is is_asked


def test_a_few_are_never_asked_about() -> None:
    assert not judge(Planned({7: 50}), members=50)
    assert not judge(Planned({}, gone=10), links=10)
    assert not judge(Planned({}, opted_out=50), links=50)


def test_batches_of_one_run_add_up() -> None:
    run = add_to_run(Run(), Planned({7: 150}))
    assert judge(Planned({7: 51}), run=run, members=850)
    assert not judge(Planned({7: 50}), run=run, members=850)


def test_what_was_confirmed_is_not_asked_again() -> None:
    assert not judge(Planned({7: 900}, gone=900), run=Run(confirmed_until=NOW + 1))
    assert find_missing_objection(900, links=1_000, is_confirmed=False)
    assert not find_missing_objection(900, links=1_000, is_confirmed=True)


def test_the_sentence_says_what_would_happen() -> None:
    assert judge(Planned({7: 412}), members=430).startswith("412 of 430 members would leave vip")
