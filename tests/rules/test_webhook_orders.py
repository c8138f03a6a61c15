"""Whatever happens in whatever order, a webhook gets every change, in order, and one text under one id."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.rules.webhooks import delivery, lifecycle
from daftari.rules.webhooks.calls import Attempt
from daftari.rules.webhooks.model import write_secret
from daftari.store import Store
from tests.support import calls
from tests.support.stores import open_store
from tests.support.webhook_steps import DAY, HOUR, Delivering, body_of

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["take", "fail", "lose", "late", "gone"]), st.just(0)),
        st.tuples(st.sampled_from(["pause", "resume", "change", "rotate", "wait"]), st.just(0)),
        st.tuples(st.just("replay"), st.integers(0, 20)),
    ),
    max_size=30,
)
_names = itertools.count()


class Receiver:
    """What a server has, and what it makes of the next call."""

    def __init__(self) -> None:
        self.had = 0
        """The last change that it took since the last replay."""
        self.texts: dict[str, bytes] = {}

    def look(self, attempt: Attempt) -> None:
        """Every call continues where the last one that was taken ended, and never says something else under one id."""
        seqs = [change["seq"] for change in body_of(attempt)["data"]["changes"]]
        assert seqs == list(range(self.had + 1, self.had + 1 + len(seqs))) and seqs
        assert self.texts.setdefault(attempt.message_id, attempt.body) == attempt.body

    def take(self, attempt: Attempt) -> None:
        self.had = body_of(attempt)["data"]["changes"][-1]["seq"]


def act(hook: Delivering, receiver: Receiver, late: list[Attempt], step: str, number: int) -> None:
    match step:
        case "write":
            for _ in range(number):
                calls.create_group(hook.store, hook.project, f"G{next(_names)}", now=hook.now)
        case "replay":
            after = min(number, hook.show().after)
            hook.replay(after)
            receiver.had = after
        case "pause":
            hook.pause()
        case "resume":
            hook.resume()
        case "change":
            hook.update(url=f"https://crm.example/{next(_names)}")
        case "rotate":
            hook.write(lifecycle.rotate_secret, webhook_id=hook.id, secret=write_secret())
        case "wait":
            hook.wait(DAY)
        case _:
            attempt = hook.claim()
            if attempt is not None:
                receiver.look(attempt)
                answer(hook, receiver, late, step, attempt)


def answer(hook: Delivering, receiver: Receiver, late: list[Attempt], step: str, attempt: Attempt) -> None:
    if step == "take":
        receiver.take(attempt)
        hook.answer(attempt)
    elif step == "lose":
        late.append(attempt)
    elif step == "late":
        for old in late:
            # A worker that slept records its answer after others have made attempts.
            before = hook.show()
            hook.answer(old)
            assert hook.show() == before
    else:
        hook.answer(attempt, 500 if step == "fail" else 410)


@pytest.fixture(scope="module")
def store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all examples, each of which has a project of its own; batches are short."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("orders") / "orders.db")
    opened = open_store(str(path), threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "CHANGES_PER_DELIVERY_MAX", 3)
        yield opened
    opened.close()


@given(steps=STEPS)
def test_every_change_arrives_in_order_whatever_happens(store: Store, steps: list[tuple[str, int]]) -> None:
    project = calls.create_project(store, f"P{next(_names)}")
    hook, receiver, late = Delivering(store, project), Receiver(), list[Attempt]()
    for step, number in steps:
        act(hook, receiver, late, step, number)
    hook.resume()
    hook.wait(HOUR)
    while (attempt := hook.claim()) is not None:
        receiver.look(attempt)
        receiver.take(attempt)
        hook.answer(attempt)
    assert (receiver.had, hook.show().behind, hook.show().state) == (hook.show().after, 0, "enabled")
