"""When facts count from: clocks that are wrong, and what was kept in quarantine, for review or in a file meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daftari.model.consent import NewFact, Scope
from daftari.model.inbound import InboundMessage, InboundRequest, InboundSubscription, InboundToken, StoredToken
from daftari.model.projects import Project
from daftari.model.time import format_time
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question
from daftari.rules.exports.rows import write_facts
from daftari.rules.inbound import quarantine
from daftari.rules.inbound.requests import read_events
from daftari.store import Store, consent, inbound
from tests.support import calls, consent_calls
from tests.support.calls import ACTOR, broken_in
from tests.support.imports import Office
from tests.support.stores import NOW

MOBILE = 254_722_000_001
MINUTE = 60_000_000
HOUR = 60 * MINUTE
ASK = Question("sms", "20880", "marketing")


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def is_allowed(store: Store, project: Project, **times: int) -> bool:
    (answer,) = store.read(project, NOW + 9 * HOUR, consent_calls.may_message, project, ASK, [MOBILE], **times)
    return bool(answer["allowed"])


def message(text: str, *, at: int | None = None, message_id: str | None = None) -> InboundMessage:
    return InboundMessage(f"+{MOBILE}", "sms", "20880", text, message_id, at)


def say(store: Store, project: Project, text: str, *, now: int, at: int | None = None) -> None:
    consent_calls.receive_events(store, project, [message(text, at=at)], now=now)


def times_of(store: Store, project: Project) -> list[int]:
    found = store.read(project, NOW, consent.find_facts, mobiles=[MOBILE])
    return [fact.at for fact in found.get(MOBILE, [])]


# ---- two clocks -----------------------------------------------------------------------------------------

EXAMPLES_MIN = 100
clocks = st.sampled_from([-HOUR // 2, 0, HOUR // 2]) | st.integers(-HOUR // 2, HOUR // 2)


def test_a_stop_holds_whatever_two_clocks_say_and_wherever_an_opt_in_waited(store: Store, project: Project) -> None:
    numbers = count(MOBILE)

    def play(
        way: str, opt_in_clock: int, stop_clock: int, later_clock: int, minutes: tuple[int, int], timed: bool, how: str
    ) -> None:
        """An opt-in comes to a server, then a STOP to another one, and then the opt-in is recorded by any."""
        assume(not (way == "review" and how == "erase"))  # It is gone then.
        mobile = next(numbers)
        come, stopped = NOW + opt_in_clock, NOW + minutes[0] * MINUTE + stop_clock
        record = begin_opt_in(store, project, way, mobile, now=come, at=come if timed else None)
        stop(store, project, how, mobile, now=stopped)
        record(NOW + (minutes[0] + minutes[1]) * MINUTE + later_clock)
        for times in ({}, {"at": stopped}, {"at": NOW + 9 * HOUR}):
            (answer,) = store.read(project, stopped, consent_calls.may_message, project, ASK, [mobile], **times)
            assert not answer["allowed"], times

    asked = given(
        way=st.sampled_from(["message", "call", "quarantine", "again", "review", "file"]),
        opt_in_clock=clocks,
        stop_clock=clocks,
        later_clock=clocks,
        minutes=st.tuples(st.sampled_from([0, 1, 4, 70]), st.sampled_from([0, 1, 70])),
        timed=st.booleans(),
        how=st.sampled_from(["message", "timed message", "call", "delete", "erase"]),
    )(play)
    settings(max_examples=max(EXAMPLES_MIN, settings().max_examples))(asked)()


def begin_opt_in(
    store: Store, project: Project, way: str, mobile: int, *, now: int, at: int | None
) -> Callable[[int], None]:
    """What comes first; returns what records it, at a time, unless it is recorded already."""
    start = InboundMessage(f"+{mobile}", "sms", "20880", "START", f"m{mobile}", at)
    match way:
        case "message":
            consent_calls.receive_events(store, project, [start], now=now)
        case "call":
            common = {"source": "api", "evidence": "by telephone", "at": None if at is None else at / 1_000_000}
            consent_calls.record_given(store, project, [f"+{mobile}"], common=common, kind="opt_in", now=now)
        case "quarantine":
            consent_calls.quarantine_events(store, project, body=f"request {mobile - MOBILE}", now=now)
            return lambda later: void(consent_calls.replay_events(store, project, 0, [start], now=later))
        case "again":
            request = consent_calls.quarantine_events(store, project, body=f"request {mobile - MOBILE}", now=now)
            return lambda later: consent_calls.redeliver_events(store, project, request, [start], now=later)
        case "review":
            doubtful = InboundMessage(f"+{mobile}", "sms", "20880", "START now", None, at)
            consent_calls.receive_events(store, project, [doubtful], now=now)
            review = consent_calls.list_reviews(store, project)[-1]
            return lambda later: void(
                consent_calls.settle_review(store, project, review.id, settled_as="opt_in", mobile=None, now=later)
            )
        case _:
            rows = [(f"+{mobile}", "" if at is None else format_time(at))]
            common = {"override": True, "evidence": "signatures"}
            file = consent_calls.begin_list(store, project, rows, kind="opt_ins", common=common, now=now)
            return lambda later: void(consent_calls.apply_list(store, project, file, now=later))
    return lambda later: None


def void(result: object) -> None:
    """Nothing of a result is needed."""


def stop(store: Store, project: Project, how: str, mobile: int, *, now: int) -> None:
    match how:
        case "message" | "timed message":
            at = now if how == "timed message" else None
            word = InboundMessage(f"+{mobile}", "sms", "20880", "STOP", f"s{mobile}", at)
            consent_calls.receive_events(store, project, [word], now=now)
        case "call":
            consent_calls.record_given(store, project, [f"+{mobile}"], common={}, kind="opt_out", now=now)
        case "delete":
            calls.delete_contact(store, project, f"+{mobile}", now=now)
        case _:
            consent_calls.erase_number(store, project, mobile, now=now)


# ---- paid services --------------------------------------------------------------------------------------


def change_service(*, active: bool, at: int | None = None) -> InboundSubscription:
    return InboundSubscription(f"+{MOBILE}", "20880", "tips", active, None, at)


def is_subscribed(store: Store, project: Project) -> bool:
    state = store.read(project, NOW, ledger.find_states, mobiles=[MOBILE])[MOBILE]
    return state.subscribed == (("20880", "tips"),)


def test_the_end_of_a_paid_service_holds_whatever_two_clocks_say(store: Store, project: Project) -> None:
    begin, end = change_service(active=True), change_service(active=False, at=NOW)
    consent_calls.receive_events(store, project, [begin], now=NOW + HOUR)
    consent_calls.receive_events(store, project, [end], now=NOW + MINUTE)
    assert not is_subscribed(store, project)
    consent_calls.receive_events(store, project, [begin], now=NOW + 2 * MINUTE)
    assert is_subscribed(store, project)


@pytest.mark.parametrize("at", [NOW, None])
def test_a_paid_service_whose_beginning_is_replayed_stays_ended(store: Store, project: Project, at: int | None) -> None:
    consent_calls.quarantine_events(store, project, body="begin", now=NOW)
    consent_calls.receive_events(store, project, [change_service(active=False)], now=NOW - HOUR)
    consent_calls.replay_events(store, project, 0, [change_service(active=True, at=at)], now=NOW + HOUR)
    assert not is_subscribed(store, project)


# ---- quarantine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", [0, HOUR, -HOUR])
@pytest.mark.parametrize("start_at", [None, NOW])
def test_a_start_that_is_replayed_undoes_no_stop_that_came_after_it(
    store: Store, project: Project, clock: int, start_at: int | None
) -> None:
    """``clock``: how far that of the server that got the STOP is from the other's."""
    consent_calls.quarantine_events(store, project, body="start", now=NOW)
    say(store, project, "STOP", now=NOW + MINUTE + clock)
    start = message("START", at=start_at)
    consent_calls.replay_events(store, project, 0, [start], now=NOW + 2 * HOUR)
    assert not is_allowed(store, project)


@pytest.mark.parametrize("at", [NOW, None])
def test_a_stop_that_is_replayed_undoes_no_start_that_came_after_it(
    store: Store, project: Project, at: int | None
) -> None:
    consent_calls.quarantine_events(store, project, body="stop", now=NOW)
    say(store, project, "START", now=NOW + 2 * MINUTE)
    consent_calls.replay_events(store, project, 0, [message("STOP", at=at)], now=NOW + HOUR)
    assert is_allowed(store, project)


def test_what_is_replayed_twice_at_once_is_received_once(store: Store, project: Project) -> None:
    consent_calls.quarantine_events(store, project, body="stop", now=NOW)
    (kept,) = store.read(project, NOW, quarantine.list_quarantine, after=0, limit=1)
    taken = consent_calls.replay_events(store, project, 0, [message("STOP")], now=NOW + HOUR)
    assert taken.recorded == 1
    stored = StoredToken(consent_calls.TOKEN, b"", None, None, project)
    events = read_events([message("STOP")], settings=project.consent)
    again = {"kept": kept, "stored": stored, "events": events}
    assert store.write(project, ACTOR, NOW + HOUR, quarantine.release_request, **again) is None
    (count,) = store.read(project, NOW + HOUR, inbound.list_counts)
    assert (count.received, len(times_of(store, project))) == (1, 1)


def test_a_stop_that_is_replayed_is_later_than_an_opt_in_of_a_clock_that_was_ahead(
    store: Store, project: Project
) -> None:
    say(store, project, "START", now=NOW + HOUR)
    consent_calls.quarantine_events(store, project, body="stop", now=NOW + MINUTE)
    consent_calls.replay_events(store, project, 0, [message("STOP", at=NOW)], now=NOW + 2 * MINUTE)
    assert not is_allowed(store, project)
    assert times_of(store, project)[-1] == NOW + HOUR + 1


def test_a_request_that_is_delivered_again_after_its_refusal_counts_from_the_first_time(
    store: Store, project: Project
) -> None:
    request = InboundRequest("POST", "", "", "application/json", {}, b"start")
    token = InboundToken(7, project.id, "generic", "", "abcdefghij", NOW, None)
    stored = StoredToken(token, b"", None, None, project)
    asked: dict[str, Any] = {"request": request, "stored": stored}
    store.write(project, ACTOR, NOW, quarantine.quarantine_request, reason="wrong", is_proved=False, **asked)
    say(store, project, "STOP", now=NOW + MINUTE)
    events = read_events([message("START")], settings=project.consent)
    store.write(project, ACTOR, NOW + HOUR, quarantine.receive_request, events=events, **asked)
    assert not is_allowed(store, project)
    assert times_of(store, project) == [NOW + MINUTE, NOW]


# ---- review ---------------------------------------------------------------------------------------------


def test_a_review_that_is_settled_as_an_opt_out_without_a_time_counts_from_now(store: Store, project: Project) -> None:
    say(store, project, "please stop", now=NOW)
    say(store, project, "START", now=NOW + HOUR)
    (review,) = consent_calls.list_reviews(store, project)
    consent_calls.settle_review(store, project, review.id, settled_as="opt_out", mobile=None, now=NOW + MINUTE)
    assert not is_allowed(store, project)
    assert times_of(store, project)[-1] == NOW + HOUR + 1


def test_a_review_that_is_settled_as_an_opt_in_is_never_later_than_a_stop_that_came_after_it(
    store: Store, project: Project
) -> None:
    say(store, project, "START please", now=NOW)
    say(store, project, "STOP", now=NOW - HOUR)
    (review,) = consent_calls.list_reviews(store, project)
    consent_calls.settle_review(store, project, review.id, settled_as="opt_in", mobile=None, now=NOW + HOUR)
    assert not is_allowed(store, project)


# ---- erasure --------------------------------------------------------------------------------------------


def test_an_erasure_is_later_than_all_that_is_known(store: Store, project: Project) -> None:
    say(store, project, "START", now=NOW + HOUR)
    consent_calls.erase_number(store, project, MOBILE, now=NOW)
    assert not is_allowed(store, project)
    assert times_of(store, project) == [NOW + HOUR, NOW + HOUR + 1]
    assert broken_in(store, project) == []


# ---- questions ------------------------------------------------------------------------------------------


def test_a_question_about_now_or_later_counts_every_fact_whatever_its_time(store: Store, project: Project) -> None:
    now = NOW + 9 * HOUR
    say(store, project, "STOP", now=now + HOUR)
    for at in (now - 5 * MINUTE, now, now + 9 * HOUR):
        assert not is_allowed(store, project, at=at)
    assert is_allowed(store, project, at=now - 5 * MINUTE - 1)
    assert is_allowed(store, project, at=now, known_at=now + HOUR)
    assert not is_allowed(store, project, known_at=now + HOUR)
    assert is_allowed(store, project, known_at=now)


# ---- files ----------------------------------------------------------------------------------------------


@pytest.fixture
def office(store: Store, database: str, project: Project) -> Office:
    return Office(store, database, project)


def fact(office: Office, kind: Any, *, source: Any = "api", at: int | None = None, now: int | None = None) -> None:
    said = NewFact(0, MOBILE, kind, Scope(), at, source)
    office.store.write(office.project, ACTOR, now or office.tick(), ledger.record_facts, facts=[said])


def queue(office: Office, kind: str, text: str) -> None:
    office.queue(text.encode(), office.settings(text.encode(), kind=kind))


def test_a_list_of_opt_outs_is_later_than_an_opt_in_of_a_clock_that_was_ahead(office: Office) -> None:
    fact(office, "opt_in", now=NOW + HOUR)
    office.bring(f"phone\n{MOBILE}\n", kind="opt_outs")
    assert not is_allowed(office.store, office.project)


def test_a_list_of_opt_outs_counts_from_when_the_file_came_and_not_from_when_it_was_applied(office: Office) -> None:
    queue(office, "opt_outs", f"phone\n{MOBILE}\n")
    fact(office, "opt_in", source="inbound")
    office.work()
    assert is_allowed(office.store, office.project)


@pytest.mark.parametrize("at", ["", "2998-01-01T00:00:00Z"])
def test_a_list_of_opt_ins_undoes_no_opt_out_that_came_after_the_file(office: Office, at: str) -> None:
    queue(office, "opt_ins", f"phone,at\n{MOBILE},{at}\n")
    fact(office, "opt_out", source="bulk", now=office.now - HOUR)
    office.work()
    assert not is_allowed(office.store, office.project)


def test_an_opt_out_of_a_file_that_is_dated_ahead_counts_from_when_the_file_came(office: Office) -> None:
    found = office.bring(f"phone,at\n{MOBILE},2998-01-01T00:00:00Z\n", kind="opt_outs")
    assert times_of(office.store, office.project) == [found.settings.created_at]
    fact(office, "opt_in", source="inbound")
    assert is_allowed(office.store, office.project)


def test_an_export_with_a_stop_and_a_start_within_a_minute_is_read_back_as_it_was(office: Office, store: Store) -> None:
    say(store, office.project, "STOP", now=office.tick(), at=NOW)
    say(store, office.project, "START", now=office.tick(), at=NOW + MINUTE)
    known = store.read(office.project, NOW, consent.find_facts, mobiles=[MOBILE])[MOBILE]
    written = json.loads(write_facts(known, group_names={}) or "")
    text = json.dumps({"mobile": str(MOBILE), "consent": written[::-1]})
    again = office.bring(text, name="a.ndjson")
    assert again.progress.facts == 0, "it is known already"
    other = Office(store, office.database, calls.create_project(store, "Kalro"))
    assert other.bring(text, name="a.ndjson").progress.facts == 2
    assert is_allowed(store, office.project)
    assert is_allowed(store, other.project)
    stopped = Office(store, office.database, calls.create_project(store, "Sokoni"))
    say(store, stopped.project, "STOP", now=NOW - HOUR)
    stopped.bring(text, name="a.ndjson")
    assert not is_allowed(store, stopped.project), "no file lifts what a person said to this book"
