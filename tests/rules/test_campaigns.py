"""Campaigns from draft to the last message: who gets one, what a person may change, and that all counts add up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import CampaignCountChanged, CampaignNotFound, ValidationFailed, WrongCampaignState
from daftari.model.inbound import DeliveryReport
from daftari.model.limits import AUDIENCE_DAYS
from daftari.model.projects import ConsentSettings, Project
from daftari.model.time import DAY_MICROSECONDS, format_time
from daftari.rules.audiences import expire_audience
from daftari.rules.campaigns import lifecycle
from daftari.rules.campaigns.log import Cursor, Wanted
from daftari.rules.messages import campaigns as claims
from daftari.rules.senders import lifecycle as senders
from daftari.store import Store, messages
from tests.support import calls, consent_calls
from tests.support.campaigns import Campaigns
from tests.support.cases import ON_SQLITE
from tests.support.message_steps import HOUR, MINUTE, SECOND, Sending

PEOPLE = 12
Begin = Callable[..., Campaigns]


def mobile(number: int) -> int:
    return 254_722_000_000 + number


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    people = [{"mobile": str(mobile(number)), "fname": f"Name{number}"} for number in range(1, PEOPLE + 1)]
    calls.create_contacts(store, project, people, group="VIP")
    return project


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    def begin(project: Project = project, **sender: Any) -> Campaigns:
        return Campaigns(Sending(store, project, in_flight=100, **sender))

    return begin


def opt_out(campaigns: Campaigns, number: int, **scope: Any) -> None:
    sending = campaigns.sending
    consent_calls.record_given(
        sending.store, sending.project, [str(mobile(number))], common=scope, kind="opt_out", now=sending.now
    )


def send_all(campaigns: Campaigns, word: Any = "accepted") -> list[int]:
    """Everything that goes out in a second; whom it went to."""
    reached = []
    while sent := campaigns.sending.claimed():
        campaigns.sending.answer(sent, word)
        reached += [message.subject_id - mobile(0) for message in sent]
    return reached


# ---- drafts -------------------------------------------------------------------------------------------


def test_a_draft_is_shown_changed_and_deleted(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.create(groups=["VIP"], **{"not": ["Staff"]}, text="Hi {{ fname | you }}")
    shown = campaigns.show(campaign_id)
    assert (shown.name, shown.state, shown.text, shown.groups) == ("Offer", "draft", "Hi {{ fname | you }}", ("VIP",))
    assert (shown.not_, shown.everyone, shown.count, shown.states) == (("Staff",), False, None, {})
    shown = campaigns.update(campaign_id, name="Sale", everyone=True)
    assert (shown.name, shown.everyone, shown.groups, shown.not_) == ("Sale", True, (), ("Staff",))
    assert shown.text == "Hi {{ fname | you }}"
    assert campaigns.ids() == [campaign_id]
    campaigns.delete(campaign_id)
    assert campaigns.ids() == []
    with pytest.raises(CampaignNotFound):
        campaigns.show(campaign_id)


@ON_SQLITE
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": None}, "name"),
        ({"sender": None}, "sender"),
        ({"sender": "NONE"}, "sender"),
        ({"text": ""}, "text"),
        ({"text": "Hi {{ fnam }}"}, "text"),
        ({"text": "Hi {{ fname }"}, "text"),
        ({"template": "order_ready"}, "template"),
        ({"everyone": False}, "groups"),
        ({"groups": ["VIP"], "everyone": True}, "everyone"),
        ({"match": "some"}, "match"),
        ({"purpose": "marketing"}, "purpose"),
        ({"until": "2001-01-01T00:00:00Z"}, "until"),
        ({"at": "tomorrow"}, "at"),
    ],
)
def test_what_is_wrong_with_a_draft_is_named(begin: Begin, given: dict[str, Any], field: str) -> None:
    campaigns = begin()
    members = {"name": "Offer", "sender": "DUKA", "text": "Hello", "everyone": True, **given}
    with pytest.raises(ValidationFailed) as refused:
        campaigns.sending.write(lifecycle.create_campaign, given=members)
    assert [*refused.value.errors] == [field]


def test_only_a_draft_is_changed_or_deleted(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.started()
    for act in (campaigns.delete, campaigns.update, campaigns.start, campaigns.resume):
        with pytest.raises(WrongCampaignState):
            act(campaign_id)


# ---- sent ---------------------------------------------------------------------------------------------


def test_everyone_in_the_audience_gets_the_text_once(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started(text="Hi {{ fname }}")
    assert campaigns.show(campaign_id).states == {"waiting": PEOPLE}
    reached: list[int] = []
    for _ in range(4):
        reached += send_all(campaigns)
        campaigns.assert_adds_up(campaign_id)
        campaigns.sending.wait(SECOND)
    assert sorted(reached) == [*range(1, PEOPLE + 1)]
    assert {message.text for message in campaigns.sending.messages()} == {f"Hi Name{one}" for one in reached}
    shown = campaigns.show(campaign_id)
    assert (shown.state, shown.states, shown.parts) == ("finished", {"accepted": PEOPLE}, PEOPLE)
    assert shown.reports_may_follow
    campaigns.sending.wait(73 * HOUR)
    assert not campaigns.show(campaign_id).reports_may_follow


def test_a_campaign_to_no_one_is_finished_at_once(begin: Begin, store: Store, project: Project) -> None:
    calls.create_group(store, project, "Empty")
    campaigns = begin()
    campaign_id = campaigns.started(groups=["Empty"])
    assert campaigns.sending.claimed() == []
    assert campaigns.show(campaign_id).state == "finished"


def test_the_text_of_a_started_campaign_stays_and_its_audience_too(
    begin: Begin, store: Store, project: Project
) -> None:
    campaigns = begin()
    campaigns.started(groups=["VIP"])
    calls.create_contacts(store, project, [{"mobile": str(mobile(99))}], group="VIP")
    assert 99 not in send_all(campaigns)


def test_who_left_or_was_removed_or_joined_a_group_that_is_left_out_gets_nothing(
    begin: Begin, store: Store, project: Project
) -> None:
    calls.create_group(store, project, "Staff")
    campaigns = begin()
    campaign_id = campaigns.started(groups=["VIP"], **{"not": ["Staff"]})
    calls.leave_group(store, project, "VIP", ids=[], mobiles=[mobile(1)])
    calls.join_group(store, project, "Staff", ids=[], mobiles=[mobile(2)])
    calls.delete_contact(store, replace(project, consent=ConsentSettings(on_delete="removal")), str(mobile(3)))
    opt_out(campaigns, 4)
    assert sorted(send_all(campaigns)) == [*range(5, PEOPLE + 1)]
    shown = campaigns.assert_adds_up(campaign_id)
    assert shown.reasons == {"left_group": 2, "opted_out": 1, "removed": 1}


def test_a_number_that_is_erased_before_its_turn_has_a_line_without_it(
    begin: Begin, store: Store, project: Project
) -> None:
    campaigns = begin()
    campaign_id = campaigns.started()
    consent_calls.erase_number(store, project, mobile(5), now=campaigns.sending.now)
    campaigns.assert_adds_up(campaign_id)
    send_all(campaigns)
    assert campaigns.assert_adds_up(campaign_id).reasons == {"erased": 1}
    (line,) = campaigns.lines(campaign_id, Wanted(reason="erased"))
    assert (line.mobile, line.state) == (None, "skipped")


def test_two_campaigns_of_a_sender_have_turns_where_one_message_at_a_time_goes_out(begin: Begin) -> None:
    campaigns = begin(parts_per_second=1)
    first, second = campaigns.started(name="A"), campaigns.started(name="B")
    origins = []
    for _ in range(8):
        sent = campaigns.sending.claimed()
        origins += [message.origin_id for message in sent]
        campaigns.sending.answer(sent, "accepted")
        campaigns.sending.wait(SECOND)
    assert origins in ([first, second] * 4, [second, first] * 4)


def test_messages_of_calls_come_before_campaigns(begin: Begin) -> None:
    campaigns = begin(parts_per_second=1)
    campaigns.started()
    campaigns.sending.create([mobile(77)])
    assert [message.subject_id for message in campaigns.sending.claimed()] == [mobile(77)]


# ---- expected, at, until ------------------------------------------------------------------------------


@pytest.mark.parametrize(("expected", "is_near"), [(12, True), (100, False), (0, False), (1, False), (None, True)])
def test_a_start_that_reaches_others_than_expected_is_refused(
    begin: Begin, expected: int | None, is_near: bool
) -> None:
    campaigns = begin()
    campaign_id = campaigns.create()
    if is_near:
        assert campaigns.start(campaign_id, expected=expected).count == PEOPLE
        return
    with pytest.raises(CampaignCountChanged, match="12 people"):
        campaigns.start(campaign_id, expected=expected)
    assert campaigns.show(campaign_id).state == "draft"


def test_a_scheduled_campaign_finds_its_audience_when_its_time_comes(
    begin: Begin, store: Store, project: Project
) -> None:
    campaigns = begin()
    campaign_id = campaigns.create(groups=["VIP"])
    at = campaigns.sending.now + HOUR
    shown = campaigns.start(campaign_id, at=at, expected=PEOPLE - 1)
    assert (shown.state, shown.at, shown.count) == ("scheduled", format_time(at), None)
    assert not campaigns.start_due() and campaigns.sending.claimed() == []
    calls.leave_group(store, project, "VIP", ids=[], mobiles=[mobile(1)])
    campaigns.sending.wait(HOUR)
    assert campaigns.start_due() and not campaigns.start_due()
    assert campaigns.show(campaign_id).count == PEOPLE - 1
    assert sorted(send_all(campaigns)) == [*range(2, PEOPLE + 1)]


def test_a_start_now_wins_over_the_time_of_the_draft_and_another_time_too(begin: Begin) -> None:
    campaigns = begin()
    later = campaigns.sending.now + HOUR
    now, other = (campaigns.create(at=format_time(later)) for _ in range(2))
    shown = campaigns.start(now, at=campaigns.sending.now)
    assert (shown.state, shown.at) == ("running", None)
    shown = campaigns.start(other, at=later + HOUR)
    assert (shown.state, shown.at) == ("scheduled", format_time(later + HOUR))
    campaigns.sending.wait(HOUR)
    assert not campaigns.start_due()


def test_a_draft_that_is_changed_while_its_recipients_are_found_does_not_start(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.create()
    start = campaigns.find_start(campaign_id)
    campaigns.update(campaign_id, text="Another text")
    with pytest.raises(WrongCampaignState, match="being changed"):
        campaigns.sending.write(lifecycle.start_campaign, start=start, expected=None)
    assert campaigns.show(campaign_id).state == "draft"


def test_a_scheduled_campaign_pauses_when_it_would_reach_others_than_expected(
    begin: Begin, store: Store, project: Project
) -> None:
    campaigns = begin()
    campaign_id = campaigns.create(groups=["VIP"])
    campaigns.start(campaign_id, at=campaigns.sending.now + HOUR, expected=PEOPLE)
    calls.create_contacts(store, project, [{"mobile": str(mobile(one))} for one in range(50, 60)], group="VIP")
    campaigns.sending.wait(HOUR)
    assert campaigns.start_due()
    shown = campaigns.show(campaign_id)
    assert (shown.state, shown.reason, shown.expected, shown.found) == ("paused", "count_changed", PEOPLE, 22)
    assert campaigns.sending.claimed() == []
    campaigns.resume(campaign_id)
    assert campaigns.start_due()
    assert len(send_all(campaigns)) == 22


def test_a_scheduled_campaign_whose_group_is_gone_pauses(begin: Begin, store: Store, project: Project) -> None:
    campaigns = begin()
    campaign_id = campaigns.create(groups=["VIP"])
    campaigns.start(campaign_id, at=campaigns.sending.now + HOUR)
    calls.delete_group(store, project, "VIP")
    campaigns.sending.wait(HOUR)
    assert campaigns.start_due()
    assert (campaigns.show(campaign_id).state, campaigns.show(campaign_id).reason) == ("paused", "no_group")


@pytest.mark.parametrize("is_scheduled", [True, False])
def test_one_that_is_an_hour_late_waits_for_a_person(begin: Begin, is_scheduled: bool) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.create()
    campaigns.start(campaign_id, at=campaigns.sending.now + HOUR if is_scheduled else None)
    if not is_scheduled:
        campaigns.sending.answer(campaigns.sending.claimed(), "again")
    campaigns.sending.wait(HOUR + HOUR + MINUTE)
    campaigns.start_due()
    assert campaigns.sending.claimed() == []
    shown = campaigns.show(campaign_id)
    assert (shown.state, shown.reason) == ("paused", "late")
    campaigns.resume(campaign_id)
    campaigns.start_due()
    assert campaigns.sending.claimed() != []


def test_after_its_time_nothing_is_sent_and_everyone_else_is_expired(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    until = campaigns.sending.now + MINUTE
    campaign_id = campaigns.started(until=format_time(until))
    first = campaigns.sending.claimed()
    campaigns.sending.answer(first[:1], "again", retry_after=7_200.0)
    campaigns.sending.wait(MINUTE)
    assert campaigns.sending.claimed() == []
    shown = campaigns.assert_adds_up(campaign_id)
    assert (shown.state, shown.states["sending"], shown.states["expired"]) == ("running", 4, PEOPLE - 4)
    assert campaigns.sending.claimed() == []
    campaigns.sending.answer(first[1:], "accepted")
    shown = campaigns.assert_adds_up(campaign_id)
    assert (shown.state, shown.reasons) == ("finished", {"too_late": PEOPLE - 4})


def test_overnight_a_campaign_runs_on_and_says_when_it_resumes(begin: Begin) -> None:
    # 2023-11-14 22:13 UTC is a quarter past one at night in Nairobi.
    campaigns = begin(hours="08:00-18:00 Africa/Nairobi")
    campaign_id = campaigns.started()
    assert campaigns.sending.claimed() == []
    shown = campaigns.assert_adds_up(campaign_id)
    assert (shown.state, shown.resumes_at) == ("running", "2023-11-15T05:00:00.000000Z")
    campaigns.sending.wait(7 * HOUR)
    assert len(send_all(campaigns)) == PEOPLE
    assert campaigns.show(campaign_id).resumes_at is None


def test_waiting_for_the_daily_quota_is_not_late(begin: Begin) -> None:
    campaigns = begin(daily_max=5)
    campaign_id = campaigns.started()
    assert len(send_all(campaigns)) == 5
    assert campaigns.show(campaign_id).resumes_at is not None
    campaigns.sending.wait(25 * HOUR)
    assert len(send_all(campaigns)) == 5
    assert campaigns.show(campaign_id).state == "running"


# ---- paused, cancelled --------------------------------------------------------------------------------


def test_a_paused_campaign_claims_nothing_until_it_is_resumed(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started()
    sent = campaigns.sending.claimed()
    shown = campaigns.pause(campaign_id)
    assert (shown.state, shown.reason) == ("paused", "person")
    campaigns.sending.wait(3 * HOUR)
    assert campaigns.sending.claimed() == []
    campaigns.sending.answer(sent, "accepted")
    campaigns.assert_adds_up(campaign_id)
    campaigns.resume(campaign_id)
    assert len(campaigns.sending.claimed()) == 5


def test_a_cancelled_campaign_keeps_what_was_sent_and_everyone_else_has_a_line(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started()
    first = campaigns.sending.claimed()
    campaigns.sending.answer(first[:2], "again")
    shown = campaigns.cancel(campaign_id)
    assert (shown.state, shown.states) == ("cancelled", {"cancelled": PEOPLE - 3, "sending": 3})
    campaigns.assert_adds_up(campaign_id)
    campaigns.sending.answer(first[2:4], "accepted")
    campaigns.sending.answer(first[4:], "again")
    campaigns.sending.wait(HOUR)
    assert campaigns.sending.claimed() == []
    shown = campaigns.assert_adds_up(campaign_id)
    assert shown.states == {"accepted": 2, "cancelled": PEOPLE - 2}
    assert {line.mobile for line in campaigns.lines(campaign_id)} == {str(mobile(one)) for one in range(1, 13)}


def test_a_scheduled_campaign_can_be_cancelled(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.create()
    campaigns.start(campaign_id, at=campaigns.sending.now + HOUR)
    assert campaigns.cancel(campaign_id).state == "cancelled"
    campaigns.sending.wait(HOUR)
    assert not campaigns.start_due()


# ---- retried ------------------------------------------------------------------------------------------


def test_what_failed_is_tried_again_once_a_person_asks(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.started()
    sent = campaigns.sending.claimed()
    campaigns.sending.answer(sent[:3], "refused", code="x")
    campaigns.sending.answer(sent[3:], "accepted")
    assert campaigns.assert_adds_up(campaign_id).state == "finished"
    opt_out(campaigns, sent[0].subject_id - mobile(0))
    assert campaigns.retry(campaign_id, "failed").state == "running"
    again = campaigns.sending.claimed()
    assert [(message.id, message.attempt) for message in again] == [(message.id, 2) for message in sent[1:3]]
    campaigns.sending.answer(again, "accepted")
    shown = campaigns.assert_adds_up(campaign_id)
    assert (shown.state, shown.reasons) == ("finished", {"opted_out": 1})
    assert shown.retry is not None and (shown.retry.retried, shown.retry.done) == (3, True)


def test_what_has_an_unknown_end_is_repeated_only_with_a_yes(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.started()
    campaigns.sending.answer(campaigns.sending.claimed(), "unknown")
    with pytest.raises(ValidationFailed):
        campaigns.retry(campaign_id, "unknown")
    campaigns.retry(campaign_id, "failed")
    assert campaigns.sending.claimed() == []
    campaigns.retry(campaign_id, "unknown", may_repeat=True)
    assert len(campaigns.sending.claimed()) == PEOPLE
    campaigns.assert_adds_up(campaign_id)


def test_what_the_provider_took_is_repeated_only_with_a_yes_and_not_while_it_may_arrive(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.started()
    sent = campaigns.sending.claimed()
    campaigns.sending.answer(sent, "accepted")
    campaigns.sending.report(
        DeliveryReport(provider_id=f"p{sent[0].id}-1", own_id="", number="", state="failed", code="1", at=None)
    )
    assert campaigns.assert_adds_up(campaign_id).states == {"accepted": PEOPLE - 1, "failed": 1}
    campaigns.retry(campaign_id, "failed")
    assert campaigns.sending.claimed() == []
    campaigns.retry(campaign_id, "failed", may_repeat=True)
    assert campaigns.sending.claimed() == []
    shown = campaigns.show(campaign_id)
    assert shown.retry is not None and shown.retry.too_early == 1
    campaigns.sending.wait(73 * HOUR)
    campaigns.retry(campaign_id, "failed", may_repeat=True)
    assert [message.id for message in campaigns.sending.claimed()] == [sent[0].id]
    campaigns.assert_adds_up(campaign_id)


def test_a_retry_needs_a_campaign_that_is_neither_a_draft_nor_over(begin: Begin) -> None:
    campaigns = begin()
    draft = campaigns.create()
    with pytest.raises(WrongCampaignState):
        campaigns.retry(draft, "failed")
    ended = campaigns.started(until=format_time(campaigns.sending.now + MINUTE))
    campaigns.sending.answer(campaigns.sending.claimed(), "refused", code="x")
    campaigns.sending.wait(MINUTE)
    with pytest.raises(ValidationFailed):
        campaigns.retry(ended, "failed")
    with pytest.raises(ValidationFailed):
        campaigns.retry(ended, "delivered")


# ---- the log ------------------------------------------------------------------------------------------


def test_everyone_has_a_line_on_pages_of_any_length(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started()
    opt_out(campaigns, 1)
    campaigns.sending.answer(campaigns.sending.claimed(), "accepted")
    whole = campaigns.lines(campaign_id)
    assert {line.state for line in whole} == {"accepted", "skipped", "waiting"}
    for limit in (1, 2, 5, 7):
        assert campaigns.lines(campaign_id, limit=limit) == whole
    for state in ("accepted", "skipped", "waiting", "failed"):
        found = [line for line in whole if line.state == state]
        assert campaigns.lines(campaign_id, Wanted(state), limit=2) == found
    assert campaigns.lines(campaign_id, Wanted(reason="opted_out"), limit=2) == [
        line for line in whole if line.reason == "opted_out"
    ]


def test_who_is_claimed_between_two_pages_is_not_left_out(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started()
    lines, after = campaigns.page(campaign_id, Cursor(), limit=2)
    found = [*lines]
    while after is not None:
        campaigns.sending.answer(campaigns.sending.claimed(), "accepted")
        campaigns.sending.wait(SECOND)
        lines, after = campaigns.page(campaign_id, after, limit=2)
        found += lines
    assert {line.mobile for line in found} == {str(mobile(one)) for one in range(1, PEOPLE + 1)}


def test_the_log_is_streamed_as_ndjson_and_csv(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started()
    campaigns.sending.answer(campaigns.sending.claimed(), "accepted")
    whole = campaigns.lines(campaign_id)
    lines = [json.loads(line) for line in campaigns.stream(campaign_id).splitlines()]
    assert [line["mobile"] for line in lines] == [line.mobile for line in whole]
    table = [*csv.DictReader(io.StringIO(campaigns.stream(campaign_id, as_csv=True).decode(), newline=""))]
    assert [(row["mobile"], row["state"]) for row in table] == [(line.mobile, line.state) for line in whole]
    waiting = campaigns.stream(campaign_id, wanted=Wanted("waiting")).splitlines()
    assert len(waiting) == PEOPLE - 5


def test_a_providers_code_is_no_formula_in_the_log(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.started()
    campaigns.sending.answer(campaigns.sending.claimed(), "refused", code="=1+1")
    table = csv.DictReader(io.StringIO(campaigns.stream(campaign_id, as_csv=True).decode(), newline=""))
    assert {row["code"] for row in table} == {"'=1+1"}


def test_the_audience_stays_while_someone_of_it_has_no_row(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    cancelled, whole = campaigns.started(), campaigns.started()
    campaigns.cancel(cancelled)
    for _ in range(3):
        send_all(campaigns)
        campaigns.sending.wait(SECOND)
    campaigns.sending.wait((AUDIENCE_DAYS + 1) * DAY_MICROSECONDS)
    assert [campaigns.sending.write(expire_audience) for _ in range(2)] == [True, False]
    assert len(campaigns.lines(cancelled)) == len(campaigns.lines(whole)) == PEOPLE


# ---- tests --------------------------------------------------------------------------------------------


def test_a_test_is_sent_now_outside_the_counts_to_those_who_may_get_one(begin: Begin) -> None:
    campaigns = begin()
    campaign_id = campaigns.create(text="Hi {{ fname }}")
    opt_out(campaigns, 2)
    results = campaigns.test(campaign_id, mobile(1), mobile(2), mobile(99), mobile(1))
    assert [(one.mobile, one.outcome, one.reason) for one in results] == [
        (str(mobile(1)), "waiting", None),
        (str(mobile(2)), "refused", "opted_out"),
        (str(mobile(99)), "refused", "no_field"),
    ]
    assert [(message.id, message.text) for message in campaigns.sending.claimed()] == [(results[0].id, "Hi Name1")]
    assert campaigns.show(campaign_id).states == {}
    campaigns.start(campaign_id)
    assert 1 in send_all(campaigns)


def test_a_test_that_cannot_be_sent_now_says_why(begin: Begin) -> None:
    campaigns = begin(hours="08:00-18:00 Africa/Nairobi")
    campaign_id = campaigns.create()
    assert [one.reason for one in campaigns.test(campaign_id, mobile(1))] == ["quiet_hours"]
    campaigns.sending.write(senders.pause_sender, sender_id=campaigns.sending.sender_id)
    assert [one.reason for one in campaigns.test(campaign_id, mobile(1))] == ["sender_paused"]


def test_a_test_that_was_not_sent_soon_is_not_sent(begin: Begin) -> None:
    campaigns = begin()
    campaigns.test(campaigns.create(), mobile(1))
    campaigns.sending.wait(HOUR)
    assert campaigns.sending.claimed() == []


# ---- and every person appears once --------------------------------------------------------------------


def test_a_retry_of_many_is_made_in_steps_and_cancelled_in_steps(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RETRIED_PER_STEP", 3)
    monkeypatch.setattr(claims, "ENDED_PER_STEP", 2)
    campaigns = begin(parts_per_second=100)
    campaign_id = campaigns.started()
    campaigns.sending.answer(campaigns.sending.claimed(), "refused", code="x")
    campaigns.retry(campaign_id, "failed")
    sizes = []
    while sent := campaigns.sending.claimed():
        sizes.append(len(sent))
        campaigns.sending.answer(sent, "again", retry_after=1.0)
        campaigns.assert_adds_up(campaign_id)
        if len(sizes) == 2:
            break
    assert sizes == [3]
    campaigns.cancel(campaign_id)
    for _ in range(6):
        assert campaigns.sending.claimed() == []
        campaigns.assert_adds_up(campaign_id)
    assert campaigns.show(campaign_id).states.get("waiting", 0) == 0


def test_a_number_is_in_a_campaign_once_whatever_happens(begin: Begin) -> None:
    campaigns = begin(parts_per_second=5)
    campaign_id = campaigns.started()
    sent = campaigns.sending.claimed()
    campaigns.sending.answer(sent, "unknown")
    campaigns.retry(campaign_id, "unknown", may_repeat=True)
    campaigns.sending.wait(SECOND)
    send_all(campaigns)
    campaigns.sending.wait(SECOND)
    send_all(campaigns)
    found = campaigns.sending.store.read(
        campaigns.sending.project, campaigns.sending.now, messages.list_messages, after=0, limit=1_000
    )
    assert len({message.subject_id for message in found}) == len(found)
