"""Messages from their call to their last report: who is claimed, what an answer means, what is not known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from daftari.errors import ValidationFailed
from daftari.gateways import OutcomeWord
from daftari.model.inbound import DeliveryReport
from daftari.model.projects import Project
from daftari.rules.access import projects
from daftari.rules.erasure.erase import erase_number
from daftari.rules.messages.content import outgoing
from daftari.rules.messages.create import MessageOutcome
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.message_steps import HOUR, MINUTE, SECOND, Sending
from tests.support.stores import NOW

ONE, TWO = 254_722_000_001, 254_722_000_002
Begin = Callable[..., Sending]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    return lambda **sender: Sending(store, project, **sender)


def opt_out(sending: Sending, mobile: int, **scope: Any) -> None:
    consent_calls.record_given(
        sending.store, sending.project, [str(mobile)], common=scope, kind="opt_out", now=sending.now
    )


def opt_in(sending: Sending, mobile: int, **scope: Any) -> None:
    common = {"source": "api", "evidence": "said so at the counter", **scope}
    consent_calls.record_given(
        sending.store, sending.project, [str(mobile)], common=common, kind="opt_in", now=sending.now
    )


def texts(sending: Sending) -> dict[int, str]:
    return {message.subject_id: message.text for message in sending.claimed()}


# ---- asked for ----------------------------------------------------------------------------------------


def test_a_message_waits_until_it_is_claimed_and_is_then_sent_once(begin: Begin) -> None:
    sending = begin()
    assert [one.outcome for one in sending.create([ONE, f"+{TWO}"])] == ["waiting", "waiting"]
    assert sending.states() == [("waiting", "")] * 2
    sent = sending.claimed()
    assert [message.subject_id for message in sent] == [ONE, TWO]
    assert sending.states() == [("sending", "")] * 2
    assert sending.claimed() == []
    sending.answer(sent, "accepted")
    assert sending.states() == [("accepted", "")] * 2
    sending.wait(HOUR)
    assert sending.claimed() == []


def test_a_row_that_cannot_be_read_stops_no_other(begin: Begin) -> None:
    outcomes = begin().create([ONE, "07", {"mobile": TWO, "text": "Hi {{ unknown }}"}])
    assert [(one.index, one.outcome) for one in outcomes] == [(0, "waiting"), (1, "invalid"), (2, "invalid")]
    assert [list(one.errors or {}) for one in outcomes[1:]] == [["mobile"], ["text"]]


def test_the_same_key_for_the_same_number_is_one_message(begin: Begin) -> None:
    sending = begin()

    def outcomes(items: list[object], **common: Any) -> list[str]:
        return [one.outcome for one in sending.create(items, **common)]

    assert outcomes([ONE, TWO], key="order-7") == ["waiting", "waiting"]
    assert outcomes([ONE, {"mobile": TWO, "key": "order-8"}], key="order-7") == ["duplicate", "waiting"]
    assert outcomes([ONE, ONE]) == ["waiting", "waiting"]
    assert outcomes([{"mobile": ONE, "key": "x"}, {"mobile": ONE, "key": "x"}]) == ["waiting", "duplicate"]


def test_a_text_is_filled_in_when_it_is_claimed(begin: Begin, store: Store, project: Project) -> None:
    sending = begin()
    calls.create_contacts(store, project, [{"mobile": str(ONE), "fname": "Wanjiku"}])
    sending.create([ONE, TWO], text="Hello {{ fname | there }}")
    calls.update_contact(store, project, str(ONE), {"fname": "{{ lname }}"})
    assert texts(sending) == {ONE: "Hello {{ lname }}", TWO: "Hello there"}


def test_a_text_that_was_sent_before_is_sent_again_as_it_was(begin: Begin, store: Store, project: Project) -> None:
    sending = begin()
    calls.create_contacts(store, project, [{"mobile": str(ONE), "fname": "{{ lname }}"}])
    sending.create([ONE], text="Hello {{ fname | there }}")
    sending.answer(sending.claimed(), "again")
    sending.wait(MINUTE)
    assert texts(sending) == {ONE: "Hello {{ lname }}"}


@pytest.mark.parametrize(
    ("text", "reason"), [("Hello {{ fname }}", "no_field"), ("Ŵ" * 700, "too_long")], ids=["no_field", "too_long"]
)
def test_who_has_no_text_is_skipped_and_it_is_said_why(begin: Begin, text: str, reason: str) -> None:
    sending = begin()
    sending.create([ONE], text=text)
    assert sending.claimed() == []
    assert sending.states() == [("skipped", reason)]


# ---- consent ------------------------------------------------------------------------------------------


def test_an_opt_out_before_the_claim_is_never_followed_by_a_message(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE, TWO])
    opt_out(sending, ONE)
    assert texts(sending) == {TWO: "Hello"}
    assert sending.states() == [("skipped", "opted_out"), ("sending", "")]


@pytest.mark.parametrize("name", ["20880", "+254 711 000 000", "duka"])
def test_a_no_to_any_name_of_the_sender_is_a_no(begin: Begin, name: str) -> None:
    sending = begin(answers_as=["20880", "254711000000"])
    sending.create([ONE, TWO])
    opt_out(sending, ONE, sender=name)
    opt_out(sending, TWO, sender="ANOTHER")
    assert texts(sending) == {TWO: "Hello"}


def test_what_is_known_ahead_of_the_clock_counts_for_a_claim(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE])
    consent_calls.record_given(
        sending.store, sending.project, [str(ONE)], common={}, kind="opt_out", now=sending.now + HOUR
    )
    assert sending.claimed() == []


def test_premium_is_sent_only_to_subscribers(begin: Begin) -> None:
    sending = begin(channel="premium_sms", keyword="NEWS", name="20880")
    sending.create([ONE], sender="20880", text="Today")
    assert sending.claimed() == []
    assert sending.states() == [("skipped", "not_subscribed")]


def test_a_number_is_messaged_no_more_often_than_the_project_says(store: Store, project: Project) -> None:
    def limit(caps: str) -> Project:
        return store.system_write(
            NOW, projects.set_project, name="Shopify", region=None, on_error=None, consent={"caps": caps}
        )

    sending = Sending(store, limit("transactional=2/24"))
    sending.create([ONE, ONE, ONE, TWO])
    sending.answer(sending.claimed(), "accepted")
    assert sending.states() == [("accepted", ""), ("accepted", ""), ("skipped", "too_often"), ("accepted", "")]
    sending.wait(24 * HOUR + 1)
    sending.create([ONE])
    assert len(sending.claimed()) == 1
    for wrong in ("marketing", "marketing=0/1", "fun=1/1", "marketing=1/1, marketing=2/1"):
        with pytest.raises(ValidationFailed, match="marketing=3/24"):
            limit(wrong)
    assert limit("").consent.caps == {}


# ---- when ---------------------------------------------------------------------------------------------


def test_a_message_is_not_sent_before_its_time_nor_after_its_end(begin: Begin) -> None:
    sending = begin()
    at, until = sending.now + HOUR, sending.now + 2 * HOUR
    sending.create([ONE], at=at // SECOND, until=until // SECOND)
    sending.create([TWO], at=at // SECOND)
    claim = sending.claim()
    assert (claim is not None and claim.messages == ()) or claim.messages == []
    assert claim.next_at == at // SECOND * SECOND
    sending.wait(2 * HOUR)
    assert texts(sending) == {TWO: "Hello"}
    assert sending.states() == [("expired", "too_late"), ("sending", "")]


def test_marketing_waits_for_the_hours_and_what_is_urgent_does_not(
    begin: Begin, store: Store, project: Project
) -> None:
    # 22:13 in Nairobi.
    sending = begin(purpose="marketing")
    urgent = Sending(store, project, name="ALERTS", purpose="transactional")
    sending.create([ONE])
    urgent.create([ONE], sender="ALERTS")
    claim = sending.claim()
    assert claim is not None and not claim.messages and claim.next_at is not None
    assert len(urgent.claimed()) == 1
    sending.wait(claim.next_at - sending.now - 1)
    assert sending.claimed() == []
    sending.wait(1)
    assert texts(sending) == {ONE: "Hello"}


def test_the_speed_is_in_parts_and_a_long_text_costs_more(begin: Begin) -> None:
    sending = begin(parts_per_second=10, in_flight=100)
    sending.create([{"mobile": ONE + place, "text": "x" * 300} for place in range(60)])
    gone = []
    for _ in range(8):
        sent = sending.claimed()
        gone.append(sum(message.parts for message in sent))
        sending.answer(sent, "accepted")
        sending.wait(SECOND)
    assert sum(gone) <= 8 * 10 + 20
    assert sum(gone[1:]) >= 7 * 10 - 10


def test_a_day_has_no_more_messages_than_the_provider_allows(begin: Begin) -> None:
    sending = begin(daily_max=3)
    sending.create([ONE + place for place in range(5)])
    sending.answer(sending.claimed(), "accepted")
    claim = sending.claim()
    assert claim is not None and not claim.messages and claim.next_at is not None
    assert sending.now + 23 * HOUR <= claim.next_at <= sending.now + 25 * HOUR
    sending.wait(25 * HOUR)
    assert len(sending.claimed()) == 2


def test_a_clock_that_is_set_back_sends_no_faster(begin: Begin) -> None:
    sending = begin(parts_per_second=5)
    sending.create([ONE + place for place in range(50)])
    sending.answer(sending.claimed(), "accepted")
    sending.wait(-10 * MINUTE)
    assert sending.claimed() == []
    sending.wait(SECOND)
    assert len(sending.claimed()) == 5


# ---- answers ------------------------------------------------------------------------------------------

AFTER: dict[OutcomeWord, tuple[str, str]] = {
    "accepted": ("accepted", ""),
    "slow": ("waiting", ""),
    "again": ("waiting", ""),
    "stop": ("waiting", ""),
    "refused": ("failed", "refused"),
    "dead": ("failed", "dead"),
    "opt_out": ("failed", "opt_out"),
    "unknown": ("unknown", ""),
}


@pytest.mark.parametrize("word", AFTER)
def test_each_answer_has_one_meaning(begin: Begin, word: OutcomeWord) -> None:
    sending = begin()
    sending.create([ONE])
    assert sending.answer(sending.claimed(), word, code="x")
    assert sending.states() == [AFTER[word]]


def test_what_was_not_called_waits_at_once(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE])
    sending.answer(sending.claimed(), None)
    assert len(sending.claimed()) == 1


def test_nothing_repeats_what_may_have_been_taken(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE])
    sending.answer(sending.claimed(), "unknown")
    for _ in range(3):
        sending.wait(24 * HOUR)
        assert sending.claimed() == []


def test_who_would_rather_send_twice_may_say_so(begin: Begin) -> None:
    sending = begin(on_unknown="resend")
    sending.create([ONE])
    sending.answer(sending.claimed(), "unknown")
    (again,) = sending.claimed()
    assert again.attempt == 2


@pytest.mark.parametrize("word", ["opt_out", "dead"])
def test_a_no_of_the_provider_is_a_fact_about_the_number(begin: Begin, word: OutcomeWord) -> None:
    sending = begin()
    sending.create([ONE])
    sending.answer(sending.claimed(), word, code="406")
    sending.create([ONE])
    assert sending.claimed() == []
    assert sending.states()[1] == ("skipped", "opted_out")


def test_a_no_to_one_name_leaves_the_other_senders_of_the_channel(begin: Begin, store: Store, project: Project) -> None:
    account = {"settings": {"base_url": "https://x.api.infobip.com"}, "credentials": {"api_key": "k"}}
    sending = begin(gateway="infobip", **account)
    sending.create([ONE])
    sending.answer(sending.claimed(), "opt_out", code="EC 603")
    other = Sending(store, project, name="OTHER")
    other.create([ONE], sender="OTHER")
    assert len(other.claimed()) == 1


def test_a_slow_answer_slows_the_whole_sender_for_as_long_as_the_provider_says(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE, TWO])
    first, second = sending.claimed()
    sending.answer([first], "slow", retry_after=30)
    sending.answer([second], "accepted")
    sending.create([ONE + 2])
    sending.wait(29 * SECOND)
    assert sending.claimed() == []
    sending.wait(SECOND)
    assert len(sending.claimed()) == 2


def test_a_sender_that_is_told_to_stop_pauses_in_the_provider_s_words(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE, TWO, ONE + 2])
    sending.answer(sending.claimed(), "stop", code="405", says="Insufficient balance.")
    assert sending.sender().paused == "The provider answered 405: Insufficient balance."
    sending.wait(HOUR)
    assert sending.claimed() == []
    assert sending.states() == [("waiting", "")] * 3


def test_a_sender_whose_messages_are_mostly_refused_pauses(begin: Begin) -> None:
    sending = begin(in_flight=100)
    sending.create([ONE + place for place in range(300)])
    while sent := sending.claimed():
        sending.answer(sent, "refused", code="403")
        sending.wait(SECOND)
    assert sending.sender().paused
    assert 200 <= len([state for state, _ in sending.states() if state == "failed"]) < 300


# ---- another worker -----------------------------------------------------------------------------------


def test_a_worker_that_lost_the_sender_neither_claims_nor_records(begin: Begin) -> None:
    sending = begin()
    sending.create([ONE, TWO])
    sent, old = sending.claimed(), sending.fence
    sending.fence = sending.take_over()
    assert sending.claim(fence=old) is None
    assert not sending.answer(sent, "accepted", fence=old)
    assert sending.states() == [("unknown", "")] * 2


def test_a_sender_that_would_rather_send_twice_does_so_after_a_crash_too(begin: Begin) -> None:
    sending = begin(on_unknown="resend")
    sending.create([ONE])
    sending.claimed()
    sending.fence = sending.take_over()
    sending.wait(SECOND)
    (again,) = sending.claimed()
    assert again.attempt == 2


def test_what_a_provider_knows_by_our_id_is_sent_again_under_the_same_id(begin: Begin) -> None:
    account = {"settings": {"base_url": "https://x.api.infobip.com"}, "credentials": {"api_key": "k"}}
    sending = begin(gateway="infobip", **account)
    sending.create([ONE])
    (first,) = sending.claimed()
    sending.fence = sending.take_over()
    assert sending.claimed() == [], "the bucket of a takeover is empty"
    sending.wait(SECOND)
    (again,) = sending.claimed()
    assert (again.id, again.attempt) == (first.id, first.attempt)
    sending.wait(25 * HOUR)
    sending.fence = sending.take_over()
    assert sending.states() == [("unknown", "")]


# ---- reports ------------------------------------------------------------------------------------------


def report(state: Any, *, provider_id: str = "p2-1", **members: Any) -> DeliveryReport:
    return DeliveryReport(
        **{"state": state, "provider_id": provider_id, "number": "", "code": "", "says": "", "at": None, **members}
    )


def sent_one(begin: Begin, **sender: Any) -> tuple[Sending, str]:
    """A message that the provider took, and its id there."""
    sending = begin(**sender)
    (made,) = sending.create([ONE])
    sending.answer(sending.claimed(), "accepted")
    return sending, f"p{made.id}-1"


@pytest.mark.parametrize("order", [*permutations(["accepted", "delivered", "failed"])], ids="-".join)
def test_reports_count_in_any_order_and_twice(begin: Begin, order: tuple[str, ...]) -> None:
    sending, known = sent_one(begin)
    for state in (*order, *order):
        sending.report(report(state, provider_id=known))
    assert sending.states() == [("delivered", "")]


def test_a_report_may_come_before_the_answer(begin: Begin) -> None:
    sending = begin()
    (made,) = sending.create([ONE])
    sent = sending.claimed()
    sending.report(report("delivered", provider_id=f"p{made.id}-1"))
    assert sending.states() == [("sending", "")]
    sending.answer(sent, "accepted")
    assert sending.states() == [("delivered", "")]


def test_an_early_report_is_found_by_an_erasure_and_does_not_show_the_number(
    begin: Begin, store: Store, project: Project, database: str
) -> None:
    sending = begin()
    sending.report(report("delivered", provider_id="early", number=f"+{ONE}"))
    assert str(ONE) not in str(rows_of(database, "SELECT report FROM report"))
    store.write(project, calls.ACTOR, sending.now, erase_number, mobile=ONE)
    assert rows_of(database, "SELECT * FROM report") == []


def test_a_report_with_our_own_id_settles_what_nobody_knew(begin: Begin) -> None:
    sending = begin()
    (made,) = sending.create([ONE])
    sending.answer(sending.claimed(), "unknown")
    sending.report(report("delivered", provider_id="SM1", own_id=f"{sending.project.id}-{made.id}-1"))
    assert sending.states() == [("delivered", "")]


def test_a_report_touches_only_messages_of_its_sender(begin: Begin, store: Store, project: Project) -> None:
    sending, known = sent_one(begin)
    other = Sending(store, project, name="OTHER")
    other.report(report("failed", provider_id=known))
    assert sending.states() == [("accepted", "")]


def test_all_parts_must_arrive(begin: Begin) -> None:
    sending = begin()
    (made,) = sending.create([ONE], text="x" * 300)
    sending.answer(sending.claimed(), "accepted")
    for part in (1, 1, 2):
        assert sending.states() == [("accepted", "")]
        sending.report(report("delivered", provider_id=f"p{made.id}-1", part=part))
    assert sending.states() == [("delivered", "")]


def test_one_part_that_fails_is_a_message_that_failed(begin: Begin) -> None:
    sending = begin()
    (made,) = sending.create([ONE], text="x" * 300)
    sending.answer(sending.claimed(), "accepted")
    sending.report(report("failed", provider_id=f"p{made.id}-1", part=2, code="30006"))
    sending.report(report("delivered", provider_id=f"p{made.id}-1", part=1))
    assert sending.states() == [("failed", "report")]


def test_a_report_that_says_no_is_a_fact_about_the_number(begin: Begin) -> None:
    sending, known = sent_one(begin, gateway="twilio", settings={"account_sid": "AC1"}, credentials={"secret": "t"})
    sending.report(report("failed", provider_id=known, code="21610"))
    sending.create([ONE])
    assert sending.claimed() == []


def test_outcomes_are_in_the_order_given(begin: Begin) -> None:
    outcomes: list[MessageOutcome] = begin().create([TWO, "x", ONE])
    assert [one.index for one in outcomes] == [0, 1, 2]


# ---- how long a provider may deliver it -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "until", "seconds"),
    [
        ("off", None, None),
        ("off", HOUR, 3_600),
        ("01:00-02:00 Africa/Nairobi", None, 2_799),
        ("01:00-02:00 Africa/Nairobi", HOUR, 2_799),
        ("01:00-02:00 Africa/Nairobi", MINUTE, 60),
        ("23:00-01:30 Africa/Nairobi", None, 999),
    ],
)
def test_a_provider_delivers_until_the_sending_hours_end_and_no_longer(
    begin: Begin, hours: str, until: int | None, seconds: int | None
) -> None:
    # It is 22:13:21 UTC, a quarter past one at night in Nairobi.
    sending = begin(hours=hours)
    sending.create([ONE], **({} if until is None else {"until": (sending.now + until) // SECOND}))
    claim = sending.claim()
    assert claim is not None
    (message,) = claim.messages
    sent = outgoing(
        message,
        sender=sending.sender(),
        project_id=sending.project.id,
        now=sending.now,
        closes_at=claim.closes_at.get(message.purpose),
    )
    assert sent.valid_seconds == seconds
