"""Random histories of consent: who may be messaged is the same for both engines and for the rule said plainly.

Facts come in bulk, from providers, from quarantine and by DELETE, early, late, at the same time and again; meanwhile
people are created, moved, renumbered and erased, and groups renamed and made again. Two servers take the calls, whose
clocks are up to an hour apart and are set back and forth. After each call every number is asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from daftari.model.consent import ANY, CHANNELS, FactKind, Scope
from daftari.model.inbound import InboundMessage, InboundSignal, InboundSubscription
from daftari.model.projects import ConsentSettings, Project
from daftari.model.time import format_time
from daftari.rules.consent.decisions import Question
from daftari.rules.erasure import journal, purge
from daftari.store import Store
from tests.conftest import NewDatabase
from tests.oracles.book import SPELLINGS
from tests.oracles.facts import TEXTS, Event, FactBook, File
from tests.support import calls, consent_calls
from tests.support.calls import NOW
from tests.support.clients import Client
from tests.support.consent_views import FEW, PEOPLE, QUESTIONS, UNKNOWN, Look, definitions
from tests.support.machine import (
    ROWS_PER_STEP,
    STEP_MICROSECONDS,
    Machine,
    Play,
    result_of_group,
    result_of_membership,
    result_of_update,
    run_machine,
    who,
)

RUNS = settings().max_examples // 2
"""Each costs more than other examples do: every number is asked about after every call."""

# ---- what callers send ------------------------------------------------------------------------------

books = st.sampled_from([0, 0, 0, 0, 0, 1])
numbers = st.sampled_from(FEW)
spellings = st.builds(
    lambda number, written: written.format(number), numbers, st.sampled_from(["+254{}", "0{}", "254{}"])
)
group_names = st.sampled_from(["Farmers", " farmers ", "FARMERS", "Coast"])
moments = st.tuples(
    st.sampled_from(["absent", "absent", "absent", "tie", "tie", "late", "ahead", "far ahead"]), st.integers(0, 30)
)
senders = st.sampled_from([ANY, ANY, "SHOP", " shop ", "20880", "+20880"])
given_senders: st.SearchStrategy[Any] = st.sampled_from([None, None, "SHOP", " shop ", "20880", 20880])
sources = st.sampled_from(["api", "inbound", "provider", "import", "bulk", "console", "form"])
members: dict[str, st.SearchStrategy[Any]] = {
    "channel": st.sampled_from([None, "", "any", "sms", "sms", "whatsapp", "premium_sms"]),
    "sender": given_senders,
    "purpose": st.sampled_from([None, None, "any", "marketing", "promotional", "transactional"]),
    "at": moments,
}
own_members = members | {
    "channel": members["channel"] | st.just("fax"),
    "source": sources | st.sampled_from(["", "delete", "pigeon"]),
    "override": st.booleans(),
    "evidence": st.sampled_from(
        [None, {"note": "on paper"}, {"message_id": "A1"}, {"message_id": "A2", "text": "call back"}]
    ),
}
items: st.SearchStrategy[Any] = st.one_of(
    spellings,
    spellings,
    st.fixed_dictionaries({"mobile": spellings}, optional=own_members),
    st.fixed_dictionaries({"mobile": spellings}, optional=own_members),
    st.sampled_from(["abc", "", None, True, {"mobile": "07"}, {}]),
)
commons = st.fixed_dictionaries({"source": sources}, optional=members)
inbound_numbers = st.one_of(spellings, spellings, spellings, st.just("abc"))
message_ids = st.sampled_from([None, None, "m1", "m2", "m3"])
means = st.sampled_from([None, None, None, "opt_out", "opt_in", "help"])
inbound_messages = st.builds(
    lambda number, channel, sender, text, message_id, at, means: (
        lambda when: InboundMessage(number, channel, sender, text, message_id, when, means),
        at,
    ),
    *(inbound_numbers, st.sampled_from(CHANNELS[:2]), senders, st.sampled_from([*TEXTS]), message_ids, moments, means),
)
signal_scopes = st.builds(Scope, st.sampled_from([ANY, *CHANNELS]), senders, st.sampled_from([ANY, "marketing"]))
signals = st.builds(
    lambda number, kind, scope, message_id, at: (
        lambda when: InboundSignal(number, kind, scope, "406", message_id, when),
        at,
    ),
    *(
        inbound_numbers | st.none(),
        st.sampled_from(["opt_out", "opt_out", "opt_in"]),
        signal_scopes,
        message_ids,
        moments,
    ),
)
subscriptions = st.builds(
    lambda number, sender, keyword, active, message_id, at: (
        lambda when: InboundSubscription(number, sender, keyword, active, message_id, when),
        at,
    ),
    inbound_numbers,
    st.sampled_from(["20880", "+20880", "SHOP"]),
    *(st.sampled_from(["NEWS", " news ", "quiz"]), st.booleans(), message_ids, moments),
)
events = st.one_of(inbound_messages, inbound_messages, signals, subscriptions, subscriptions)
Moment = tuple[str, int]
consent_settings = st.builds(
    ConsentSettings,
    stop_scope=st.sampled_from(["everything", "everything", "channel", "sender", "marketing"]),
    require_opt_in=st.sampled_from([False, False, True]),
    quiet_hours=st.just("off"),
)


HOUR = 3_600_000_000
clocks = st.sampled_from([-HOUR // 2, HOUR // 2, 0]) | st.integers(-HOUR // 2, HOUR // 2)
"""How far a server's clock is from the right time: two are at most an hour apart."""


class Histories(Machine[FactBook]):
    """Everything that changes who may be messaged."""

    new_book = FactBook

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.right_time = NOW
        self.clocks = [0, 0]
        self.server = 0
        self.kept: list[list[list[Event]]] = [[], []]
        self.waiting: list[list[tuple[list[int], File]]] = [[], []]
        self.applied: list[list[tuple[list[int], File]]] = [[], []]
        self.requests: list[tuple[int, Play, Callable[[FactBook], Any]]] = []
        self.steps = 0

    @initialize(
        consent=consent_settings,
        people=st.lists(numbers, min_size=3, max_size=4, unique=True),
        group=group_names,
        other_group=group_names,
        clocks=st.lists(clocks, min_size=2, max_size=2),
    )
    def begin(
        self, consent: ConsentSettings, people: list[int], group: str, other_group: str, clocks: list[int]
    ) -> None:
        """The same people in both books, each in one group or two."""
        self.clocks = clocks
        self.begin_books([1, 62], consent)
        given = [{"mobile": number} for number in people]
        for book in (1, 0):
            self.create(book, given, group)
            self.create(book, given[::2], other_group)

    # ---- time ---------------------------------------------------------------------------------------

    def tick(self) -> None:
        self.right_time += STEP_MICROSECONDS
        self.now = self.right_time + self.clocks[self.server]

    @rule(server=st.integers(0, 1), clock=clocks)
    def set_clock(self, server: int, clock: int) -> None:
        self.clocks[server] = clock

    @rule(server=st.integers(0, 1), minutes=st.sampled_from([0, 0, 1, 4, 6, 70]))
    def another_server_takes_the_calls(self, server: int, minutes: int) -> None:
        self.server = server
        self.right_time += minutes * 60_000_000

    def ask(self, book: int, call: Play, expected: Callable[[FactBook], Any]) -> None:
        """A call that may come again."""
        self.requests.append((book, call, expected))
        self.play(book, call, expected)

    def moment(self, book: int, moment: Moment) -> int | None:
        """A time that a caller gives: with ties, long ago, somewhat ahead, and too far ahead to be true."""
        kind, place = moment
        times = sorted(fact.at for known in self.books[book].ledger.facts.values() for fact in known) or [NOW]
        times_of_kind = {
            "tie": times[place % len(times)],
            "late": NOW - STEP_MICROSECONDS * (15 - place),
            "this": self.now,
            "ahead": self.now + 200_000_000,
            "far ahead": self.now + 4_000_000_000,
        }
        return times_of_kind.get(kind)

    def written(self, book: int, given: Any) -> Any:
        """Members with their time as people write it."""
        if not isinstance(given, dict) or "at" not in given:
            return given
        at = self.moment(book, given["at"])
        return {**given, "at": None if at is None else format_time(at)}

    # ---- contacts and groups ------------------------------------------------------------------------

    @rule(book=books, people=st.lists(numbers, min_size=1, max_size=6), group=st.none() | group_names)
    def create_contacts(self, book: int, people: list[int], group: str | None) -> None:
        self.create(book, [{"mobile": number, "city": "Kisii"} for number in people], group)

    @rule(
        book=books,
        number=who,
        spelling=st.none() | spellings,
        mobile=spellings,
        group=st.none() | group_names,
        move=st.booleans(),
    )
    def renumber_contact(
        self, book: int, number: int, spelling: str | None, mobile: str, group: str | None, move: bool
    ) -> None:
        self.update(book, self.reference(book, number, spelling), {"mobile": mobile}, group, move)

    @rule(book=books, group=group_names, move=st.booleans())
    def move_all(self, book: int, group: str, move: bool) -> None:
        for mobile in PEOPLE:
            self.update(book, f"+{mobile}", None, group, move)

    def update(self, book: int, reference: str, given: Any, group: str | None, move: bool) -> None:
        self.play(
            book,
            lambda store, project: result_of_update(
                calls.update_contact(store, project, reference, given, group=group, move=move, now=self.now)
            ),
            lambda model: model.update(reference, given, group, move, self.now),
        )

    @rule(
        book=books,
        spelling=spellings,
        reason=st.sampled_from([None, "STOP", "removal"]),
        purpose=st.sampled_from([None, "marketing"]),
        at=moments,
    )
    def delete_contact(self, book: int, spelling: str, reason: str | None, purpose: str | None, at: Moment) -> None:
        self.delete(book, spelling, self.moment(book, at), reason=reason, purpose=purpose)

    def delete(
        self, book: int, spelling: str, when: int | None, *, reason: str | None = None, purpose: str | None = None
    ) -> None:
        self.ask(
            book,
            lambda store, project: calls.delete_contact(
                store, project, spelling, reason=reason, purpose=purpose, at=when, now=self.now
            ),
            lambda model: model.delete(spelling, reason, purpose, when, self.now),
        )

    @rule(
        book=books,
        action=st.sampled_from(["create", "rename", "rename", "delete", "purge"]),
        name=group_names,
        new_name=st.sampled_from(["Farmers", "Coast", "Elders"]),
    )
    def change_group(self, book: int, action: str, name: str, new_name: str) -> None:
        def call(store: Store, project: Project) -> Any:
            match action:
                case "create":
                    return result_of_group(calls.create_group(store, project, name, now=self.now))
                case "rename":
                    return result_of_group(calls.update_group(store, project, name, new_name, now=self.now))
                case "delete":
                    return calls.delete_group(store, project, name, now=self.now)
                case _:
                    return calls.purge_group(store, project, now=self.now)

        def expected(model: FactBook) -> Any:
            match action:
                case "create":
                    return model.create_group(name, self.now)
                case "rename":
                    return model.update_group(name, new_name)
                case "delete":
                    return model.delete_group(name)
                case _:
                    return model.purge_group(ROWS_PER_STEP)

        self.play(book, call, expected)

    @rule(
        book=books, name=group_names, people=st.lists(who, max_size=6), does_join=st.sampled_from([True, True, False])
    )
    def join_or_leave_group(self, book: int, name: str, people: list[int], does_join: bool) -> None:
        ids = [self.id_of(book, number) for number in people]
        mobiles = [PEOPLE[number % len(PEOPLE)] for number in people[:2]]

        def call(store: Store, project: Project) -> Any:
            change = calls.join_group if does_join else calls.leave_group
            return result_of_membership(change(store, project, name, ids=ids, mobiles=mobiles, now=self.now))

        self.ask(book, call, lambda model: (model.join_group if does_join else model.leave_group)(name, ids, mobiles))

    # ---- facts --------------------------------------------------------------------------------------

    @rule(book=books, given=st.lists(items, min_size=1, max_size=4), common=commons)
    def record_opt_outs(self, book: int, given: list[Any], common: dict[str, Any]) -> None:
        self.record(book, "opt_out", given, common)

    @rule(book=books, given=st.lists(items, min_size=1, max_size=4), common=commons)
    def record_opt_ins(self, book: int, given: list[Any], common: dict[str, Any]) -> None:
        self.record(book, "opt_in", given, common)

    @rule(book=books, source=sources | st.just("import"), override=st.sampled_from([False, False, True]))
    def opt_all_in(self, book: int, source: str, override: bool) -> None:
        common = {"source": source, "override": override, "evidence": {"note": "a list of signatures"}}
        self.record(book, "opt_in", [f"+{mobile}" for mobile in PEOPLE], common)

    def record(self, book: int, kind: Any, given: list[Any], common: dict[str, Any]) -> None:
        sent = [self.written(book, item) for item in given]
        shared = self.written(book, common)

        def call(store: Store, project: Project) -> Any:
            outcome = consent_calls.record_given(store, project, sent, common=shared, kind=kind, now=self.now)
            rows = [
                (
                    *(row.index, row.outcome, row.mobile, sorted(row.errors or ())),
                    *(row.suppressed, row.left_groups, row.still_billed),
                )
                for row in outcome.rows
            ]
            return {"counts": outcome.counts, "rows": rows, "left_groups": sorted(outcome.left_groups)}

        fact_kind: FactKind = kind
        self.ask(book, call, lambda model: model.give(sent, shared, fact_kind, self.now))

    @rule(
        book=books,
        people=st.lists(spellings, min_size=1, max_size=2),
        text=st.sampled_from(["STOP", "START", "STOP FARMERS", "STOP FARMERS", "Stop coast."]),
        at=moments,
    )
    def say(self, book: int, people: list[str], text: str, at: Moment) -> None:
        when = self.moment(book, at)
        self.receive(book, [InboundMessage(spelling, "sms", "20880", text, None, when) for spelling in people])

    @rule(book=books, given=st.lists(events, min_size=1, max_size=3))
    def receive_events(self, book: int, given: list[tuple[Callable[[int | None], Event], Moment]]) -> None:
        self.receive(book, [event(self.moment(book, at)) for event, at in given])

    def receive(self, book: int, sent: list[Event]) -> None:
        def call(store: Store, project: Project) -> Any:
            taken = consent_calls.receive_events(store, project, sent, now=self.now)
            return taken.recorded, taken.reviews

        self.ask(book, call, lambda model: model.receive(sent, self.now))

    @rule(
        book=books,
        people=st.lists(spellings, min_size=1, max_size=2),
        text=st.sampled_from(["STOP", "START", "START", "STOP FARMERS"]),
        message=message_ids,
        at=moments,
    )
    def quarantine_words(self, book: int, people: list[str], text: str, message: str | None, at: Moment) -> None:
        """Their proof is wrong: a secret is to be set."""
        when = self.moment(book, at)
        self.quarantine(book, [InboundMessage(spelling, "sms", "20880", text, message, when) for spelling in people])

    def quarantine(self, book: int, sent: list[Event]) -> None:
        self.kept[book].append(sent)
        body = f"request {self.right_time}"

        def call(store: Store, project: Project) -> None:
            consent_calls.quarantine_events(store, project, body=body, now=self.now)

        self.play(book, call, lambda model: model.quarantine(sent, self.now))

    @precondition(lambda self: any(self.kept))
    @rule(book=books, place=st.integers(0, 9))
    def replay_words(self, book: int, place: int) -> None:
        """The secret is right now."""
        kept = self.kept[book]
        if not kept:
            return
        place %= len(kept)
        sent = kept.pop(place)

        def call(store: Store, project: Project) -> Any:
            taken = consent_calls.replay_events(store, project, place, sent, now=self.now)
            return taken.recorded, taken.reviews

        self.play(book, call, lambda model: model.replay(place, self.now))

    # ---- files --------------------------------------------------------------------------------------

    @rule(
        book=books,
        rows=st.lists(st.tuples(spellings, moments), min_size=1, max_size=4),
        kind=st.sampled_from(["opt_outs", "opt_ins", "opt_ins"]),
        override=st.booleans(),
    )
    def begin_list(self, book: int, rows: list[tuple[str, Moment]], kind: str, override: bool) -> None:
        """A file comes; the worker is busy with others."""
        times = [self.moment(book, at) for _, at in rows]
        written = [("" if at is None else format_time(at)) for at in times]
        self.begin_file(book, [(spelling, at) for (spelling, _), at in zip(rows, written, strict=True)], kind, override)

    def begin_file(self, book: int, rows: list[tuple[str, str]], kind: str, override: bool) -> None:
        common = {"override": True, "evidence": "signatures"} if override and kind == "opt_ins" else {}
        numbers: list[int] = []

        def call(store: Store, project: Project) -> None:
            numbers.append(consent_calls.begin_list(store, project, rows, kind=kind, common=common, now=self.now))

        fact_kind: FactKind = "opt_out" if kind == "opt_outs" else "opt_in"
        self.play(book, call, lambda model: model.begin_list(rows, fact_kind, common, self.now))
        self.waiting[book].append((numbers, self.books[book].files[-1]))

    @precondition(lambda self: any(self.waiting))
    @rule(book=books, place=st.integers(0, 9))
    def apply_list(self, book: int, place: int) -> None:
        if not self.waiting[book]:
            return
        numbers, file = self.waiting[book].pop(place % len(self.waiting[book]))
        of_side = dict(zip((side.store for side in self.sides), numbers, strict=True))
        self.play(
            book,
            lambda store, project: consent_calls.apply_list(store, project, of_side[store], now=self.now),
            lambda model: model.apply_list(file, self.now),
        )
        self.applied[book].append((numbers, file))

    @precondition(lambda self: any(self.applied))
    @rule(book=books, place=st.integers(0, 9))
    def undo_list(self, book: int, place: int) -> None:
        """It was the wrong file: exactly its facts are retracted."""
        if not self.applied[book]:
            return
        numbers, file = self.applied[book].pop(place % len(self.applied[book]))
        of_side = dict(zip((side.store for side in self.sides), numbers, strict=True))
        self.play(
            book,
            lambda store, project: consent_calls.undo_list(store, project, of_side[store], now=self.now),
            lambda model: model.undo_list(file, self.now),
        )

    # ---- a no is never void -------------------------------------------------------------------------

    @rule(
        book=books,
        spelling=spellings,
        way=st.sampled_from(["quarantine", "quarantine", "review", "file", "call"]),
        minutes=st.sampled_from([0, 1, 4, 70]),
        is_timed=st.booleans(),
        stop=st.sampled_from(["message", "call", "delete"]),
    )
    def stop_while_an_opt_in_waits(
        self, book: int, spelling: str, way: str, minutes: int, is_timed: bool, stop: str
    ) -> None:
        """An opt-in came to one server, and is recorded after the STOP that comes to the other one."""
        self.tick()
        when = self.now if is_timed else None
        start = InboundMessage(spelling, "sms", "20880", "START", None, when)
        match way:
            case "quarantine":
                self.quarantine(book, [start])
            case "review":
                doubtful = InboundMessage(spelling, "sms", "20880", "START now", f"word {self.right_time}", when)
                self.receive(book, [doubtful])
            case "file":
                self.begin_file(book, [(spelling, format_time(when) if when else "")], "opt_ins", True)
            case _:
                self.record(book, "opt_in", [spelling], {"source": "api", "evidence": {"note": "by telephone"}})
        self.another_server_takes_the_calls(1 - self.server, minutes)
        self.say_stop(book, spelling, None, stop)
        self.another_server_takes_the_calls(1 - self.server, minutes)
        match way:
            case "quarantine":
                self.replay_words(book, -1)
            case "review":
                self.settle_last(book, SPELLINGS[spelling])
            case "file":
                self.apply_list(book, -1)
        self.assert_stopped(book, spelling)

    def settle_last(self, book: int, mobile: int) -> None:
        place = len(self.books[book].list_reviews()) - 1
        if self.books[book].list_reviews()[place].mobile == mobile:
            self.settle_review(book, place, "opt_in", None)

    @rule(
        book=books,
        spelling=spellings,
        minutes=st.sampled_from([None, 0, 0, 4]),
        way=st.sampled_from(["message", "call", "delete"]),
    )
    def stop(self, book: int, spelling: str, minutes: int | None, way: str) -> None:
        """A no holds from the moment in which it was answered, whatever the clocks say and whatever came before."""
        self.say_stop(book, spelling, minutes, way)
        self.assert_stopped(book, spelling)

    def say_stop(self, book: int, spelling: str, minutes: int | None, way: str) -> None:
        self.tick()
        when = None if minutes is None else self.now - minutes * 60_000_000
        match way:
            case "message":
                self.receive(book, [InboundMessage(spelling, "sms", "20880", "STOP", None, when)])
            case "call":
                self.record(book, "opt_out", [spelling], {"at": ("this", 0)} if minutes == 0 else {})
            case _:
                self.delete(book, spelling, when)

    def assert_stopped(self, book: int, spelling: str) -> None:
        for side in self.sides:
            project = side.projects[book]
            asked = Question("sms", "20880", "marketing")
            mobile = SPELLINGS[spelling]
            for moment in (None, self.now, self.now + HOUR):
                (answer,) = side.store.read(
                    project, self.now, consent_calls.may_message, project, asked, [mobile], at=moment
                )
                assert not answer["allowed"], moment

    @precondition(lambda self: any(book.list_reviews() for book in self.books))
    @rule(
        book=books,
        place=st.integers(0, 9),
        settled_as=st.sampled_from(["opt_out", "opt_in", "retract", "dismiss"]),
        given=st.none() | st.sampled_from(PEOPLE),
    )
    def settle_review(self, book: int, place: int, settled_as: Any, given: int | None) -> None:
        waiting = len(self.books[book].list_reviews())
        if not waiting:
            return
        place %= waiting

        mobile = None if given is None else f"+{given}"

        def call(store: Store, project: Project) -> None:
            review = consent_calls.list_reviews(store, project)[place]
            consent_calls.settle_review(store, project, review.id, settled_as=settled_as, mobile=mobile, now=self.now)

        self.play(book, call, lambda model: model.settle_review(place, settled_as, given, self.now))

    @precondition(lambda self: self.requests)
    @rule(place=st.integers(0, 99))
    def replay(self, place: int) -> None:
        """What came before comes again, as it was."""
        self.play(*self.requests[place % len(self.requests)])

    @rule(book=books, mobile=st.sampled_from([*PEOPLE, UNKNOWN]), is_meant=st.sampled_from([False, False, True]))
    def erase_number(self, book: int, mobile: int, is_meant: bool) -> None:
        """Not too often: little is left to ask about erased numbers."""
        if not is_meant:
            return
        self.play(
            book,
            lambda store, project: consent_calls.erase_number(store, project, mobile, now=self.now),
            lambda model: model.erase(mobile, self.now),
        )
        self.play(book, consent_calls.clear_journal, lambda model: model.clear_journal())

    @rule(book=books, place=st.integers(0, 9), asked=st.sampled_from(QUESTIONS))
    def freeze_audience(self, book: int, place: int, asked: Question) -> None:
        possible = definitions(self.books[book], asked)
        definition = possible[place % len(possible)]

        def call(store: Store, project: Project) -> Any:
            frozen = consent_calls.freeze_audience(store, project, definition, now=self.now)
            return frozen.count, frozen.digest

        self.play(book, call, lambda model: model.freeze_audience(definition))

    # ---- what always holds --------------------------------------------------------------------------

    @invariant()
    def every_number_is_judged_as_the_rule_says(self) -> None:
        """In the book that was played on, from one snapshot."""
        self.steps += 1
        look = Look(self.books[self.played], self.steps, self.now)
        right = look.expected()
        for side in self.sides:
            project = side.projects[self.played]
            shown = side.store.read(project, self.now, look.shown, project)
            for what, answer in shown.items():
                assert answer == right[what], what
            assert shown.keys() == right.keys()


# ---- the test ---------------------------------------------------------------------------------------


def test_an_audience_is_everyone_whom_the_rule_permits_and_no_one_else(
    new_database: NewDatabase, open_client: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_STEP", ROWS_PER_STEP)
    monkeypatch.setattr(journal, "ROWS_PER_STEP", ROWS_PER_STEP)
    run_machine(Histories, new_database, open_client, runs=RUNS)


def test_one_who_left_a_group_is_in_no_other_that_takes_its_name(store: Store) -> None:
    project = calls.create_project(store)
    for group in ("Farmers", "Coast"):
        calls.create_contacts(store, project, [{"mobile": f"+{mobile}"} for mobile in PEOPLE], group=group)
    word = InboundMessage(f"+{PEOPLE[0]}", "sms", "20880", "STOP FARMERS", None, None)
    consent_calls.receive_events(store, project, [word], now=NOW + 1)
    calls.update_group(store, project, "Farmers", "Elders")
    renamed = calls.update_group(store, project, "Coast", "Farmers")
    assert renamed.contacts == len(PEOPLE) - 1
    assert calls.broken_in(store, project) == []
