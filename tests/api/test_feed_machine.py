"""Random lives of a book while programs keep copies of it: one that follows the feed from any point ends with the book.

Contacts come by calls and by files, a chunk at a time, and go again by an undo; groups are renamed and deleted, numbers
opt out and are erased, and old changes are no longer kept. Meanwhile two copies are read, a page at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from daftari.model.inbound import InboundMessage
from daftari.model.limits import FEED_DAYS
from daftari.model.projects import Project
from daftari.rules import feed
from daftari.rules.erasure import clear, purge
from daftari.rules.imports import lifecycle
from daftari.rules.imports.undo import undo_chunk
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.builders import mobile
from tests.support.calls import WORKER
from tests.support.clients import Client
from tests.support.feed_readers import FeedReader
from tests.support.imports import Office

RUNS = {"sqlite": settings().max_examples // 3, "postgres": settings().max_examples // 6}
"""The rules are the same on both engines, and PostgreSQL takes longer."""
EXPIRED = FEED_DAYS * feed.DAY_MICROSECONDS + 1
numbers = st.integers(1, 8)
group_names = st.sampled_from(["Farmers", "FARMERS", " farmers", "Coast", "Straße"])
people = st.lists(numbers, min_size=1, max_size=5)
words = st.sampled_from(["STOP", "START", "STOP FARMERS", "STOP COAST"])
scopes: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    [{}, {}, {"channel": "sms"}, {"purpose": "marketing"}, {"sender": "DUKA"}, {"source": "form"}]
)


class FollowedBook(RuleBasedStateMachine):
    """One book, and two programs that follow it."""

    def __init__(self, store: Store, project: Project, client: Client) -> None:
        super().__init__()
        self.store, self.project, self.client = store, project, client
        self.office = Office(store, "", project, now=time.time_ns() // 1000)
        self.imports: list[int] = []
        self.readers = [FeedReader(client), FeedReader(client)]

    # ---- calls ----------------------------------------------------------------------------------------

    @rule(given=people, group=st.none() | group_names, fname=st.sampled_from([None, "Ana", "Zoë"]))
    def create(self, given: list[int], group: str | None, fname: str | None) -> None:
        contacts = [{"mobile": mobile(number), "fname": fname} for number in given]
        self.client.post("/v1/contacts", {"contacts": contacts, "group": group})

    @rule(number=numbers, other=st.none() | numbers, group=st.none() | group_names, city=st.sampled_from(["Kisii", ""]))
    def update(self, number: int, other: int | None, group: str | None, city: str) -> None:
        contact = {"city": city} | ({} if other is None else {"mobile": mobile(other)})
        self.client.put(f"/v1/contacts/{mobile(number)}", {"contact": contact, "group": group})

    @rule(number=numbers, reason=st.sampled_from(["STOP", "removal"]))
    def delete(self, number: int, reason: str) -> None:
        self.client.delete(f"/v1/contacts/{mobile(number)}", query={"reason": reason})

    @rule(number=numbers, is_meant=st.sampled_from([False, True]))
    def erase(self, number: int, is_meant: bool) -> None:
        """Not too often: little is left of erased people."""
        if is_meant:
            self.client.post("/v1/erasures", {"mobile": mobile(number)})

    @rule(act=st.sampled_from(["create", "rename", "rename", "delete"]), name=group_names, new_name=group_names)
    def change_group(self, act: str, name: str, new_name: str) -> None:
        match act:
            case "create":
                self.client.post("/v1/groups", {"name": name})
            case "rename":
                self.client.put(f"/v1/groups/{name}", {"name": new_name})
            case _:
                self.client.delete(f"/v1/groups/{name}")

    @rule(name=group_names, given=people, joins=st.booleans())
    def join_or_leave(self, name: str, given: list[int], joins: bool) -> None:
        mobiles = {"mobiles": [mobile(number) for number in given]}
        (self.client.post if joins else self.client.delete)(f"/v1/groups/{name}/contacts", mobiles)

    @rule(given=people, kind=st.sampled_from(["opt-outs", "opt-ins"]), scope=scopes)
    def record(self, given: list[int], kind: str, scope: dict[str, str]) -> None:
        self.client.post(f"/v1/{kind}", {"mobiles": [mobile(number) for number in given], **scope})

    @rule(number=numbers, text=words)
    def say(self, number: int, text: str) -> None:
        said = InboundMessage(mobile(number), "sms", "20880", text, None, None)
        consent_calls.receive_events(self.store, self.project, [said], now=self.office.tick())

    # ---- files ----------------------------------------------------------------------------------------

    @rule(given=people, kind=st.sampled_from(["contacts", "contacts", "opt_outs", "opt_ins"]), group=group_names)
    def bring_a_file(self, given: list[int], kind: str, group: str) -> None:
        lines = ["phone,first name,groups", *[f"{mobile(number)},Wanjiru,{group}" for number in given]]
        if kind != "contacts":
            lines = ["phone", *[mobile(number) for number in given]]
        data = "\n".join(lines).encode()
        settings = self.office.settings(data, kind=kind, chunk_records=2)
        self.imports.append(self.office.queue(data, settings))

    @precondition(lambda self: self.imports)
    @rule(place=st.integers(0, 9), opt_outs=st.booleans())
    def undo(self, place: int, opt_outs: bool) -> None:
        number = self.imports[place % len(self.imports)]
        if self.office.get(number).stored.state == "done":
            self.imports.remove(number)
            self.office.command(lifecycle.undo_import, number, opt_outs=opt_outs, reason="the wrong file")

    @precondition(lambda self: self.imports)
    @rule(steps=st.sampled_from([1, 2, 10]))
    def work_on_files(self, steps: int) -> None:
        """The worker takes some more chunks."""
        for _ in range(steps):
            self._take_chunk()

    @rule(given=people, group=group_names, kind=st.sampled_from(["contacts", "contacts", "opt_outs", "opt_ins"]))
    def bring_the_wrong_file(self, given: list[int], group: str, kind: str) -> None:
        """A file is taken whole, a copy has all of it, and it is undone."""
        self.bring_a_file(given, kind, group)
        self.work_on_files(10)
        self.readers[0].finish()
        self.undo(-1, opt_outs=True)
        self.work_on_files(10)

    def _take_chunk(self) -> None:
        work = self.store.read(self.project, self.office.now, lifecycle.find_work)
        if work is None:
            return
        if work.stored.phase == "undo":
            self._write(undo_chunk, import_id=work.id)
        elif chunks := list(self.office.chunks(work))[work.progress.next_chunk :]:
            self.office.take(work, chunks[:1])
        else:
            self._write(lifecycle.end_work, import_id=work.id, phase=work.stored.phase, state="done", error=None)

    def _write(self, act: Callable[..., Any], *, after: int = 0, **given: Any) -> Any:
        return self.store.write(self.project, WORKER, self.office.tick() + after, act, **given)

    # ---- what the worker clears -------------------------------------------------------------------------

    @rule(what=st.sampled_from(["groups", "erased", "feed", "feed"]), steps=st.sampled_from([1, 2, 20]))
    def clear(self, what: str, steps: int) -> None:
        for _ in range(steps):
            match what:
                case "groups":
                    calls.purge_group(self.store, self.project)
                case "erased":
                    self._write(clear.clear_erased)
                case _:
                    self._write(feed.expire_changes, after=EXPIRED)

    # ---- copies ---------------------------------------------------------------------------------------

    @rule(place=st.integers(0, 1), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
    def follow(self, place: int, sizes: list[int]) -> None:
        for size in sizes:
            self.readers[place].step(size=size)

    @rule()
    def begin_again(self) -> None:
        """The copy that is farthest is looked at, and another one begun."""
        self.readers[0].assert_is_the_book()
        self.readers = [self.readers[1], FeedReader(self.client)]

    def teardown(self) -> None:
        for reader in self.readers:
            reader.assert_is_the_book()
        assert calls.broken_in(self.store, self.project) == []


def test_a_program_that_follows_the_feed_from_any_point_ends_with_the_book(
    store: Store,
    database: str,
    engine: str,
    open_client: Callable[[str], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (feed, purge):
        monkeypatch.setattr(module, "ROWS_PER_STEP", 2)
    runs = count(1)

    def machine() -> FollowedBook:
        project = calls.create_project(store, f"Shopify {next(runs)}")
        key = calls.create_key(store, project, "manage")
        return FollowedBook(store, project, open_client(database).with_key(key))

    run_state_machine_as_test(
        cast(Any, machine), settings=settings(max_examples=RUNS[engine], suppress_health_check=list(HealthCheck))
    )
