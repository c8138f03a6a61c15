"""Random lives of triggers: what is due, moved, stopped or too late is what plain lists of events make of it.

Events come late, twice and in any order, with a key or without; people join groups, opt out and are erased; triggers
are edited, paused and deleted; the provider answers anything, and workers die.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from daftari.model.consent import NewFact, Scope
from daftari.model.messages import StoredMessage
from daftari.model.projects import ConsentSettings
from daftari.store import Store, triggers
from tests.oracles.sending import SendingBook, is_closed
from tests.oracles.triggers import DAY, JOINED, Happened, History, Plan
from tests.support import calls
from tests.support.message_steps import HOUR, MINUTE, SECOND
from tests.support.messaged_people import PEOPLE, MessagedPeople, consents, senders
from tests.support.triggers import Triggers

RUNS = {"sqlite": settings().max_examples // 2, "postgres": settings().max_examples // 6}
"""The rules are the same on both engines, and PostgreSQL takes longer."""
SENT = ("sending", "unknown", "accepted", "delivered")
TEXTS = ("Your cart waits", "Hi {{ fname }}")
WORDS = ("accepted", "accepted", "again", "refused", "unknown", "opt_out", None)
ROUNDS_MAX = 500
TIMES = {"0s": 0, "20m": 20 * MINUTE, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY, "always": 0, "once": None}

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)
lengths = st.sampled_from([-10 * MINUTE, MINUTE, 20 * MINUTE, 20 * MINUTE, HOUR, HOUR, 5 * HOUR, 3 * DAY])
happenings = st.tuples(
    st.sampled_from(PEOPLE[:3]),
    st.sampled_from(["cart", "cart", "cart", "order"]),
    st.sampled_from(["", "7", "7", "8"]),
    st.none() | st.sampled_from([0, 3 * MINUTE, 2 * HOUR, -HOUR]),
)
unless = st.lists(
    st.sampled_from([("event", "order"), ("event", "order"), ("in", "Coast"), ("leaves", "Farmers")]),
    max_size=2,
    unique=True,
)
waits = st.sampled_from(["0s", "20m", "1h", "4h"])
lates = st.sampled_from(["20m", "4h", "1d"])
agains = st.sampled_from(["always", "always", "once", "4h"])
Unless = list[tuple[str, str]]


class Reminders(MessagedPeople):
    """Three triggers of one sender."""

    def __init__(self, store: Store, turns: count[int]) -> None:
        super().__init__(store, turns)
        self.history = History()
        self.plans: dict[int, Plan] = {}
        self.rows: dict[int, StoredMessage] = {}
        self.open: list[StoredMessage] = []

    @initialize(
        consent=consents, sender=senders, knows_ids=st.booleans(),
        wait=waits, late=lates, again=agains, unless=unless, text=st.sampled_from(TEXTS),
        length=lengths, answers=words,
    )  # fmt: skip
    def begin(
        self, consent: ConsentSettings, sender: dict[str, Any], knows_ids: bool,
        wait: str, late: str, again: str, unless: Unless, text: str, length: int, answers: list[Any],
    ) -> None:  # fmt: skip
        self.begin_book(
            replace(consent, caps={}), {**sender, "parts_per_second": 1_000, "daily_max": 0}, knows_ids=knows_ids
        )
        self.create(PEOPLE[:4], "Coast", None)
        self.triggers = Triggers(self.sending)
        self.add("cart", wait, late, again, unless, text)
        self.add("cart", "1h", "4h", "always", [("event", "order")], TEXTS[0])
        self.add("Farmers", "20m", late, again, unless, TEXTS[0])
        self.everything_adds_up()
        self.shop([(PEOPLE[0], "cart", "7", None), (PEOPLE[1], "cart", "", None)], length, answers)

    def add(self, on: str, wait: str, late: str, again: str, unless: Unless, text: str) -> None:
        group = self.book.find_group(on)
        given: dict[str, Any] = {"joins": on} if group else {"event": on}
        number = self.triggers.add(
            name=f"Reminder {len(self.plans)}", on=given, purpose=self.purpose,
            **self.given(wait, late, again, unless, text),
        )  # fmt: skip
        name = f"{JOINED} {group}" if group else on
        self.plans[number] = Plan(
            number, name, TIMES[wait] or 0, TIMES[late] or 0, TIMES[again], self.read(unless), text
        )

    def given(self, wait: str, late: str, again: str, unless: Unless, text: str) -> dict[str, Any]:
        listed = [{kind: name} for kind, name in unless]
        return {"wait": wait, "late": late, "again": again, "unless": listed, "text": text}

    def read(self, unless: Unless) -> tuple[tuple[str, str | int], ...]:
        return tuple((kind, name if kind == "event" else self.book.named_group(name)) for kind, name in unless)

    # ---- what happens to people -----------------------------------------------------------------------

    def both(self, act: Callable[..., Any], *given: Any, expected: Callable[[SendingBook], Any], **named: Any) -> None:
        """People who join a group one at a time fire its triggers."""
        before = self.memberships()
        super().both(act, *given, expected=expected, **named)
        joined = self.memberships() - before
        is_one = act is not calls.create_contacts or len({one["mobile"] for one in given[0]}) == 1
        if is_one and self.plans:
            for group, number in sorted(joined):
                mobile = int(self.book.contacts[number]["mobile"])
                self.happen(Happened(mobile, JOINED, str(group), self.now, None, self.now, self.next_place(), True))

    def memberships(self) -> set[tuple[int, int]]:
        return {(group, number) for group, found in self.book.groups.items() for number in found.members}

    def next_place(self) -> int:
        self.history.reported += 1
        return self.history.reported

    def happen(self, event: Happened) -> None:
        """A join is an event only where a trigger is on it."""
        if any(plan.is_on(event) and plan.state != "deleted" for plan in self.plans.values()):
            self.history.events.append(event)
            self.step = "event"

    def note_erased(self, mobile: int) -> None:
        self.history.events = [event for event in self.history.events if event.mobile != mobile]

    @rule(some=st.lists(happenings, min_size=1, max_size=3), length=lengths, words=words)
    def shop(self, some: list[tuple[int, str, str, int | None]], length: int, words: list[Any]) -> None:
        """Carts are left and ordered; some time later the worker looks."""
        for event in some:
            self.report(event)
            self.everything_adds_up()
        self.sending.wait(length)
        self.work(words, False)

    @rule(event=happenings)
    def report(self, event: tuple[int, str, str, int | None]) -> None:
        mobile, name, key, ago = event
        self.step = "event"
        self.sending.wait(SECOND)
        given_at = None if ago is None else self.now - ago
        is_contact = self.book.by_mobile(mobile) is not None
        is_new, fires = self.history.report(mobile, name, key, given_at, self.now, is_contact=is_contact)
        outcome = self.triggers.record(name, mobile, key, at=given_at)
        fired = [plan for plan in self.plans.values() if fires and plan.is_on(fires) and plan.state != "deleted"]
        assert outcome.outcome == ("recorded" if is_new else "duplicate")
        assert len(outcome.messages) == len(fired)
        now = {row.id: row for row in self.sending.messages()}
        for row in [now[number] for number in outcome.messages]:
            plan = self.plans[row.origin_id]
            assert fires is not None and row.due_at == fires.at + plan.wait and row.state == "waiting"

    # ---- triggers -------------------------------------------------------------------------------------

    @rule(place=st.integers(0, 2), act=st.sampled_from(["pause", "resume", "resume", "delete"]), is_meant=st.booleans())
    def change(self, place: int, act: str, is_meant: bool) -> None:
        plan = [*self.plans.values()][place]
        if plan.state == "deleted" or (act == "delete" and not is_meant):
            return
        self.step = "change"
        getattr(self.triggers, act)(plan.id)
        plan.state = {"pause": "paused", "resume": "on", "delete": "deleted"}[act]

    @rule(place=st.integers(0, 2), wait=waits, late=lates, again=agains, unless=unless, text=st.sampled_from(TEXTS))
    def edit(self, place: int, wait: str, late: str, again: str, unless: Unless, text: str) -> None:
        plan = [*self.plans.values()][place]
        has_groups = all(kind == "event" or self.book.find_group(name) for kind, name in unless)
        if plan.state != "deleted" and has_groups:
            self.triggers.change(plan.id, **self.given(wait, late, again, unless, text))
            plan.wait, plan.late, plan.again = TIMES[wait] or 0, TIMES[late] or 0, TIMES[again]
            plan.unless, plan.text = self.read(unless), text

    # ---- the worker -----------------------------------------------------------------------------------

    @rule(length=lengths)
    def wait(self, length: int) -> None:
        self.sending.wait(length)

    @rule()
    def expire(self) -> None:
        """Events that are old and of which no message waits are forgotten, and no others."""
        self.triggers.expire()
        kept_for = max([DAY, *(plan.wait + max(DAY, plan.late) for plan in self.plans.values())])
        awaited = {row.subject_id for row in self.rows.values() if row.state in ("waiting", "sending")}
        for mobile in PEOPLE:
            kept = self.store.read(
                self.sending.project, self.now, triggers.list_events_of, mobile=mobile, after=0, limit=1_000
            )
            left = Counter((event.key, event.at, event.received_at) for event in kept)
            mine = [event for event in self.history.events if event.mobile == mobile]
            gone = [event for event in mine if not left[event.key, event.at, event.received_at]]
            assert not gone or mobile not in awaited
            assert all(event.received_at + kept_for <= self.now for event in gone)
            self.history.events = [event for event in self.history.events if event not in gone]

    @rule(words=words, dies=st.sampled_from([False, False, True]))
    def work(self, words: list[Any], dies: bool) -> None:
        """A claim, whose calls are answered one after the other until the worker dies."""
        self.claim()
        self.everything_adds_up()
        for word in words:
            self.answer(word, 2)
        if dies:
            self.step = "take over"
            self.sending.fence = self.sending.take_over()
            self.open = []

    def claim(self) -> None:
        self.step = "claim"
        self.sending.wait(SECOND)
        is_paused = bool(self.sending.sender().paused)
        claim = self.sending.claim()
        assert claim is not None
        rows = self.sending.messages()
        sent = [row for row in rows if row.state == "sending" and self.rows.get(row.id) != row]
        assert {row.id for row in sent} == {row.id for row in claim.messages}
        assert not sent or not is_paused
        for row in rows:
            if self.rows[row.id] != row:
                self.judge(self.rows[row.id], row, sent)
        self.open += sent

    def answer(self, word: Any, most: int) -> None:
        answered, self.open = self.open[:most], self.open[most:]
        if not answered:
            return
        self.step = "answer"
        self.sending.wait(SECOND)
        now = {row.id: row for row in self.sending.messages()}
        code = "EC 603" if self.knows_ids and word == "opt_out" else ""
        assert self.sending.answer([now[row.id] for row in answered], word, code=code)
        if word == "opt_out":
            scope = Scope("sms", self.book.names[0]) if code else Scope("sms")
            known = [now[row.id].subject_id for row in answered if now[row.id].subject_id > 0]
            self.book.record(
                [NewFact(place, mobile, "opt_out", scope, None, "provider") for place, mobile in enumerate(known)],
                self.now,
            )
        self.everything_adds_up()

    # ---- whether a claim was right --------------------------------------------------------------------

    def judge(self, before: StoredMessage, after: StoredMessage, sent: list[StoredMessage]) -> None:
        plan = self.plans[after.origin_id]
        if plan.state == "deleted":
            assert after.state == "cancelled"
            return
        assert plan.state == "on"
        if after.subject_id < 0:
            assert (after.state, after.reason) == ("skipped", "erased")
            return
        about = self.history.latest(after.subject_id, plan, after.key[:-7])
        assert about is not None
        due_at, until = about.at + plan.wait, about.at + plan.wait + plan.late
        whys = self.refusals(before, about, plan)
        if plan.again != 0 and any(
            row.id != after.id and row.origin_id == plan.id and row.subject_id == after.subject_id for row in sent
        ):
            whys.add("sent_before")
            assert after.state != "sending"
        opens_at = self.opens_at()
        match after.state:
            case "sending":
                assert not whys and due_at <= self.now < until and opens_at == self.now
            case "skipped":
                assert due_at <= self.now < until
                assert after.reason in whys or (after.reason == "quiet_hours" and self.now < until < opens_at)
            case "expired":
                assert after.reason == "too_late" and until <= self.now
            case _:
                assert after.state == "waiting"
                assert after.due_at == (due_at if after.due_at != opens_at else opens_at)
                assert due_at > self.now or self.now < opens_at <= until

    def refusals(self, row: StoredMessage, about: Happened, plan: Plan) -> set[str]:
        """Everything that speaks against a message that is due."""
        mobile = row.subject_id
        whys = self.book.refusals(mobile, self.purpose)
        number = self.book.by_mobile(mobile)
        mine = self.book.groups_of(number) if number is not None else frozenset[int]()
        for kind, name in plan.unless:
            if kind == "event" and self.history.has_stopped(str(name), about):
                whys.add("ordered")
            if kind == "in" and name in mine:
                whys.add("in_group")
            if kind == "leaves" and name not in mine:
                whys.add("left_group")
        if number is None and about.is_contact:
            whys.add("removed")
        if plan.text == TEXTS[1] and self.book.lacks_name(mobile) and not row.claimed_at:
            whys.add("no_field")
        others = [other for other in self.rows.values() if other.origin_id == plan.id and other.subject_id == mobile]
        sent_at = [other.claimed_at for other in others if other.claimed_at and other.state in SENT]
        if plan.again != 0 and any(plan.again is None or self.now < at + plan.again for at in sent_at):
            whys.add("sent_before")
        if row.claimed_at and any(other.key[:-7] == row.key[:-7] and other.key > row.key for other in others):
            whys.add("duplicate")
        return whys

    def opens_at(self) -> int:
        """When messages may be sent: now, or at 08:00 in Kenya."""
        at = self.now
        while self.is_closed(at):
            at = (at // MINUTE + 1) * MINUTE
        return at

    def is_closed(self, at: int) -> bool:
        own = is_closed(at, self.sender["hours"])
        return own or (self.purpose == "marketing" and is_closed(at, self.consent.quiet_hours or "off"))

    # ---- what always holds ----------------------------------------------------------------------------

    @invariant()
    def everything_adds_up(self) -> None:
        if not self.plans:
            return
        rows = {row.id: row for row in self.sending.messages()}
        assert rows.keys() >= self.rows.keys()
        for number, row in rows.items():
            before = self.rows.get(number)
            if before is None:
                assert self.step == "event" and row.state == "waiting"
            elif before.state != row.state:
                self.assert_may_follow(before, row)
        self.rows, self.step = rows, ""
        self.assert_one_waits()
        for plan in self.plans.values():
            if plan.state != "deleted":
                self.triggers.assert_adds_up(plan.id)

    def assert_may_follow(self, before: StoredMessage, after: StoredMessage) -> None:
        match self.step:
            case "claim":
                assert before.state == "waiting"
            case "answer" | "take over":
                assert before.state == "sending"
            case "change":
                assert (before.state, after.state) == ("waiting", "cancelled")
            case _:
                assert (before.state, after.state, after.reason) == ("waiting", "skipped", "erased")
        assert after.attempt == before.attempt or self.sender["on_unknown"] == "resend"

    def assert_one_waits(self) -> None:
        """Of a trigger, a number and a key one message waits for its event, but for one that is tried again."""
        waiting = Counter(
            (row.origin_id, row.subject_id, row.key[:-7])
            for row in self.rows.values()
            if row.state == "waiting" and not row.claimed_at and row.subject_id > 0
        )
        assert all(many == 1 for many in waiting.values())

    # ---- the end --------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Once triggers are on and the provider takes everything, nothing waits."""
        if not self.plans:
            return
        for place, plan in enumerate(self.plans.values()):
            if plan.state == "paused":
                self.change(place, "resume", True)
                self.everything_adds_up()
        for _ in range(ROUNDS_MAX):
            if not any(row.state in ("waiting", "sending") for row in self.rows.values()):
                break
            self.run_on()
        assert not any(row.state in ("waiting", "sending") for row in self.rows.values())
        assert calls.broken_in(self.store, self.sending.project) == []

    def run_on(self) -> None:
        if self.sending.sender().paused:
            self.pause_or_resume(False)
        self.claim()
        self.everything_adds_up()
        if self.open:
            self.answer("accepted", len(self.open))
        else:
            # What a dead worker left is settled by the one that comes after it.
            self.sending.wait(10 * MINUTE)
            self.everything_adds_up()


def test_triggers_do_what_the_events_say(store: Store, engine: str) -> None:
    turns = count(1)

    def machine() -> Reminders:
        return Reminders(store, turns)

    run_state_machine_as_test(
        cast(Any, machine), settings=settings(max_examples=RUNS[engine], suppress_health_check=list(HealthCheck))
    )
