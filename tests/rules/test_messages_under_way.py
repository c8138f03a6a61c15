"""Messages under way when something else happens: an erasure, a pause, odd names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daftari.errors import SenderBusy
from daftari.model.inbound import DeliveryReport
from daftari.model.messages import StoredMessage
from daftari.model.projects import Project
from daftari.rules.erasure.erase import erase_number
from daftari.rules.messages import campaigns as message_campaigns
from daftari.rules.messages.claim import RESTORED, list_busy_senders
from daftari.rules.messages.parts import count_parts
from daftari.rules.senders import lifecycle
from daftari.store import Store
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.campaigns import Campaigns
from tests.support.message_steps import HOUR, MINUTE, SECOND, Sending

ONE, TWO = 254_722_000_001, 254_722_000_002
Begin = Callable[..., Sending]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    return lambda **sender: Sending(store, project, **sender)


def report(state: Any, **members: Any) -> DeliveryReport:
    return DeliveryReport(state=state, **members)


def own_id(sending: Sending, message: StoredMessage) -> str:
    return f"{sending.project.id}-{message.id}-{message.attempt}"


def test_a_number_that_is_erased_while_it_is_sent_to_leaves_its_state_and_nothing_of_itself(
    begin: Begin, database: str
) -> None:
    sending = begin()
    sending.create([{"mobile": mobile, "key": f"order-{mobile}"} for mobile in (ONE, TWO, ONE + 5, ONE + 6)])
    accepted, refused, lost, unknown = sending.claimed()
    sending.answer([unknown], "unknown")
    for mobile in (ONE, TWO, ONE + 5, ONE + 6):
        sending.write(erase_number, mobile=mobile)
    assert [state for state, _ in sending.states()] == ["sending", "sending", "sending", "unknown"]
    sending.answer([accepted], "accepted", provider_id=lambda message: f"for-{ONE}")
    sending.answer([refused], "refused", says=f"{TWO} is no mobile")
    sending.take_over()
    ids = [own_id(sending, message) for message in (accepted, lost, unknown)]
    sending.report(*[report("delivered", own_id=one, provider_id=f"for-{ONE}", says=str(ONE)) for one in ids])
    assert sending.states() == [("delivered", ""), ("failed", "refused"), ("delivered", ""), ("delivered", "")]
    kept = [rows_of(database, f"SELECT * FROM {table}") for table in ("message", "message_attempt", "report")]
    assert not [mobile for mobile in (ONE, TWO, ONE + 5, ONE + 6) if str(mobile) in str(kept)]


def test_a_paused_sender_is_looked_at_while_a_dead_worker_left_something(
    begin: Begin, store: Store, project: Project
) -> None:
    sending = begin()
    sending.create([ONE, TWO])
    sending.claimed()
    sending.write(lifecycle.pause_sender, sender_id=sending.sender_id)
    assert store.read(project, sending.now, list_busy_senders) == [str(sending.sender_id)]
    with pytest.raises(SenderBusy):
        sending.write(lifecycle.delete_sender, sender_id=sending.sender_id)
    sending.fence = sending.take_over()
    assert sending.states() == [("unknown", ""), ("unknown", "")]
    assert store.read(project, sending.now, list_busy_senders) == []
    sending.write(lifecycle.delete_sender, sender_id=sending.sender_id)


def test_a_paused_sender_is_looked_at_while_what_was_cancelled_has_not_ended(
    begin: Begin, store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_campaigns, "ENDED_PER_STEP", 2)
    calls.create_contacts(store, project, [{"mobile": ONE + place} for place in range(5)])
    sending = begin()
    campaigns = Campaigns(sending)
    number = campaigns.started()
    sending.answer(sending.claimed(), "again")
    sending.write(lifecycle.pause_sender, sender_id=sending.sender_id)
    campaigns.cancel(number)
    steps = 0
    while store.read(project, sending.now, list_busy_senders):
        sending.claim()
        steps += 1
    assert steps == 2
    assert campaigns.assert_adds_up(number).states == {"cancelled": 5}


def test_a_campaign_continues_when_the_clock_is_set_back_ten_minutes(
    begin: Begin, store: Store, project: Project
) -> None:
    calls.create_contacts(store, project, [{"mobile": ONE + place} for place in range(4)])
    sending = begin(in_flight=2)
    campaigns = Campaigns(sending)
    number = campaigns.started()
    sending.answer(sending.claimed(), "refused")
    sending.wait(-10 * MINUTE)
    sending.fence = sending.take_over()
    sending.wait(SECOND)
    sent = sending.claimed()
    sending.answer(sent, "accepted")
    sending.report(*[report("delivered", provider_id=f"p{message.id}-1") for message in sent])
    shown = campaigns.assert_adds_up(number)
    assert (shown.state, shown.states) == ("finished", {"delivered": 2, "failed": 2})


def test_a_campaign_of_yesterdays_file_sends_nothing_before_a_person_says_so(
    begin: Begin, store: Store, project: Project
) -> None:
    calls.create_contacts(store, project, [{"mobile": ONE + place} for place in range(4)])
    sending = begin(in_flight=2)
    campaigns = Campaigns(sending)
    number = campaigns.started()
    sending.claimed()
    sending.wait(24 * HOUR)
    sending.fence = sending.take_over()
    sending.wait(SECOND)
    assert sending.claimed() == []
    shown = campaigns.assert_adds_up(number)
    assert (shown.state, shown.reason, shown.states) == ("paused", "late", {"unknown": 2, "waiting": 2})
    campaigns.resume(number)
    assert len(sending.claimed()) == 2


def test_a_restored_or_copied_book_sends_nothing_before_a_person_resumes_the_sender(
    begin: Begin, store: Store, project: Project, change: Callable[[str], None]
) -> None:
    calls.create_contacts(store, project, [{"mobile": ONE + place} for place in range(2)])
    sending = begin()
    number = Campaigns(sending).started()
    sending.create([{"mobile": ONE}])
    change('UPDATE sender SET meter = replace(meter, \'"epoch":"\', \'"epoch":"f\')')
    assert sending.claimed() == []
    assert sending.sender().paused == RESTORED
    assert Campaigns(sending).assert_adds_up(number).states == {"waiting": 2}
    sending.write(lifecycle.resume_sender, sender_id=sending.sender().id)
    assert len(sending.claimed()) == 3


def test_what_failed_is_tried_again_when_the_clock_was_set_back_since(
    begin: Begin, store: Store, project: Project
) -> None:
    calls.create_contacts(store, project, [{"mobile": ONE}])
    sending = begin()
    campaigns = Campaigns(sending)
    number = campaigns.started()
    sending.answer(sending.claimed(), "refused")
    sending.wait(-10 * MINUTE)
    campaigns.retry(number, "failed")
    sending.fence = sending.take_over()
    sending.wait(SECOND)
    sending.answer(sending.claimed(), "accepted")
    assert campaigns.assert_adds_up(number).states == {"accepted": 1}


NAMES = {
    "of 300 characters": ("Wanjiku" * 43)[:300],
    "of emoji": "👩🏾‍🌾🇰🇪" * 20,
    "from right to left": "\u202eמרים אל-זהראء",
    "of one mark": "é̂̃",
    "with a line break and a brace": "Wan\n{{ lname }}",
}


def test_a_name_of_any_kind_leaves_everyone_a_text_and_is_counted_for_that_person_alone(
    begin: Begin, store: Store, project: Project
) -> None:
    people = [{"mobile": ONE + place, "attributes": {"nick": name}} for place, name in enumerate(NAMES.values())]
    calls.create_contacts(store, project, [*people, {"mobile": ONE + 9, "attributes": {"nick": "Amina"}}])
    sending = begin()
    number = Campaigns(sending).started(text="Hujambo {{ attributes.nick | rafiki }}, duka lina ofa leo.")
    texts: dict[int, str] = {}
    while claimed := sending.claimed():
        for message in claimed:
            texts[message.subject_id] = message.text
            assert message.parts == count_parts(message.text).parts
        sending.answer(claimed, "accepted")
    assert texts[ONE + 9] == "Hujambo Amina, duka lina ofa leo."
    assert len(texts) == len(NAMES) + 1
    assert len(texts[ONE]) < 100
    assert "\n" not in "".join(texts.values()) and "\u202e" not in "".join(texts.values())
    assert "{{ lname }}" in texts[ONE + 4]
    assert Campaigns(sending).assert_adds_up(number).states == {"accepted": len(texts)}
