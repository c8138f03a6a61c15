"""Previews of campaigns: counts, parts, cost, samples and the end, against what is then sent; and forecasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.errors import ValidationFailed
from daftari.model.messages import SenderDefinition
from daftari.model.projects import ConsentSettings, Project
from daftari.rules.campaigns.forecast import find_end
from daftari.rules.campaigns.preview import preview_draft
from daftari.rules.senders.hours import Hours
from daftari.rules.senders.meter import Meter
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.campaigns import Campaigns
from tests.support.message_steps import HOUR, SECOND, Sending
from tests.support.stores import NOW

PEOPLE: list[dict[str, Any]] = [
    {"mobile": "254722000001", "fname": "Wanjiku"},
    {"mobile": "254722000002", "fname": "Ng’ang’a"},
    {"mobile": "254722000003"},
    {"mobile": "254722000004", "fname": "Ada", "attributes": {"tier": "gold"}},
    {"mobile": "254722000005", "fname": "Otieno", "city": "Kisumu"},
    {"mobile": "254722000006", "fname": "Bo"},
    {"mobile": "254722000007", "fname": "Christopher-Alexander"},
]
Begin = Callable[..., Campaigns]


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE, group="VIP")
    return project


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    return lambda **sender: Campaigns(Sending(store, project, in_flight=100, **sender))


def test_everyone_is_counted_as_they_are_then_sent(begin: Begin, store: Store, project: Project) -> None:
    campaigns = begin(suffix=" STOP *456*9*5#", part_price="KES 0.80")
    consent_calls.record_given(store, project, ["0722000006"], common={}, kind="opt_out", now=NOW)
    campaign_id = campaigns.create(text=f"Hello {{{{ fname | there }}}} {'x' * 50}")
    shown = campaigns.preview(campaign_id)
    assert (shown.count, shown.excluded) == (6, {"opted_out": 1})
    assert shown.parts == {"1": 5, "2": 1}
    assert (shown.unicode.count, shown.unicode.because) == (1, ["’"])
    assert (shown.cost, shown.missing, shown.too_long) == ("KES 5.60", {}, 0)
    campaigns.start(campaign_id, expected=shown.count)
    sent = campaigns.sending.claimed()
    assert Counter(str(message.parts) for message in sent) == Counter(shown.parts)
    texts = {str(message.subject_id): (message.text, message.parts) for message in sent}
    assert all((sample.text, sample.parts) == texts[sample.mobile] for sample in shown.samples)


def test_a_preview_shows_the_dearest_text_where_that_is_not_the_longest(begin: Begin) -> None:
    campaigns = begin()
    longest = f"Hello {{{{ fname | there }}}} {'x' * 100}"
    shown = campaigns.preview(campaigns.create(text=longest))
    assert [(sample.why, sample.parts) for sample in shown.samples[:2]] == [("longest", 1), ("costliest", 2)]
    assert "Ng’ang’a" in (shown.samples[1].text or "")
    alike = campaigns.preview(campaigns.create(text="Hello {{ city | there }}"))
    assert "costliest" not in {sample.why for sample in alike.samples}


def test_what_is_typed_is_previewed_as_it_would_be_once_saved_and_nothing_is_saved(begin: Begin) -> None:
    campaigns = begin(suffix=" STOP", part_price="0.80")
    given = {"name": "Offer", "sender": "DUKA", "text": "Hello {{ fname }}", "groups": ["VIP"]}
    look = partial(campaigns.sending.store.read, campaigns.sending.project, campaigns.sending.now, preview_draft)
    new = look(campaign_id=None, given=given)
    assert not campaigns.ids()
    campaign_id = campaigns.create(**given)
    assert new.preview == campaigns.preview(campaign_id) == look(campaign_id=campaign_id, given={}).preview
    assert (new.definition.name, new.sender.name, new.sends.suffix) == ("Offer", "DUKA", "STOP")
    changed = look(campaign_id=campaign_id, given={"text": "Hi"})
    assert {sample.text for sample in changed.preview.samples} == {"Hi"}
    assert campaigns.show(campaign_id).text == "Hello {{ fname }}"
    with pytest.raises(ValidationFailed, match="no such"):
        look(campaign_id=campaign_id, given={"groups": ["no such"]})


def test_a_preview_shows_five_people_the_longest_the_shortest_and_one_without_the_field(begin: Begin) -> None:
    campaigns, campaign_id = _create(begin, text="Hi {{ fname | you all }}")
    shown = campaigns.preview(campaign_id)
    assert [(sample.why, sample.text) for sample in shown.samples][:3] == [
        ("longest", "Hi Christopher-Alexander"),
        ("shortest", "Hi Bo"),
        ("no_field", "Hi you all"),
    ]
    assert len({sample.mobile for sample in shown.samples}) == len(shown.samples) == 5


def _create(begin: Begin, **given: Any) -> tuple[Campaigns, int]:
    campaigns = begin()
    return campaigns, campaigns.create(**given)


def test_who_lacks_a_field_without_fallback_is_counted_by_field_and_gets_nothing(begin: Begin) -> None:
    campaigns, campaign_id = _create(begin, text="{{ fname }} of {{ city }}: {{ attributes.tier | no }} tier")
    shown = campaigns.preview(campaign_id)
    assert (shown.count, shown.missing, shown.parts) == (7, {"city": 6, "fname": 1}, {"1": 1})
    assert next(sample for sample in shown.samples if sample.why == "no_field").text is None
    campaigns.start(campaign_id)
    assert len(campaigns.sending.claimed()) == 1
    assert campaigns.assert_adds_up(campaign_id).reasons == {"no_field": 6}


def test_a_text_that_is_too_long_for_some_is_counted(begin: Begin) -> None:
    campaigns, campaign_id = _create(begin, text="{{ fname | a }}" + "x" * 1_520)
    shown = campaigns.preview(campaign_id)
    assert (shown.too_long, shown.parts) == (2, {"10": 5})


def test_one_text_for_all_is_counted_for_all(begin: Begin) -> None:
    campaigns, campaign_id = _create(begin, text="Karibu – today’s offer")
    shown = campaigns.preview(campaign_id)
    assert (shown.parts, shown.unicode.count, shown.unicode.because, shown.plain) == ({"1": 7}, 7, ["–", "’"], {})
    assert len(shown.samples) == 5
    campaigns.update(campaign_id, plain=True)
    shown = campaigns.preview(campaign_id)
    assert (shown.unicode.count, shown.plain, shown.samples[0].text) == (
        0,
        {"–": "-", "’": "'"},
        "Karibu - today's offer",
    )


def test_an_unknown_group_is_named(begin: Begin) -> None:
    campaigns, campaign_id = _create(begin, groups=["Gone"])
    with pytest.raises(ValidationFailed, match="no group called"):
        campaigns.preview(campaign_id)


def test_a_whatsapp_campaign_has_one_part_each_and_shows_its_params(begin: Begin) -> None:
    settings = {"gateway": "log", "channel": "whatsapp", "purpose": "transactional"}
    campaigns = begin(**settings)
    campaign_id = campaigns.create(
        text=None, template="order_ready", language="sw", params=["{{ fname | you }}", "{{ city }}"]
    )
    shown = campaigns.preview(campaign_id)
    assert (shown.parts, shown.missing, shown.samples[0].text) == ({"1": 1}, {"city": 6}, "Otieno\nKisumu")


@pytest.mark.parametrize("name", ["20880", "duka"])
def test_who_opted_out_of_any_name_of_the_sender_is_not_counted(
    begin: Begin, store: Store, project: Project, name: str
) -> None:
    campaigns = begin(answers_as=["20880"])
    consent_calls.record_given(store, project, ["0722000001"], common={"sender": name}, kind="opt_out", now=NOW)
    campaign_id = campaigns.create()
    assert campaigns.preview(campaign_id).excluded == {"opted_out": 1}
    assert campaigns.start(campaign_id).count == 6


# ---- the end ------------------------------------------------------------------------------------------

NAIROBI = "08:00-18:00 Africa/Nairobi"
MORNING = 1_700_024_400_000_000
"""08:00 in Nairobi."""


def end_of(messages: int, *, at: int = MORNING, meter: Meter | None = None, **sends: Any) -> int | None:
    definition = SenderDefinition(gateway="log", **sends)
    project = Project(1, "Shopify", "KE", "refuse", 0, (), ConsentSettings(quiet_hours="off"))
    hours = Hours(project, definition, now=at)
    return find_end(
        meter or Meter(), definition, hours, purpose="marketing", begins_at=at, messages=messages, parts=messages
    )


def test_the_speed_alone_decides_where_nothing_else_does() -> None:
    assert end_of(0) == MORNING
    assert end_of(36_000, parts_per_second=10) == MORNING + HOUR
    assert end_of(360_000, parts_per_second=10) == MORNING + 10 * HOUR


def test_what_is_not_sent_by_evening_goes_out_on_the_next_day() -> None:
    assert end_of(360_000, parts_per_second=10, hours=NAIROBI) == MORNING + 10 * HOUR
    assert end_of(396_000, parts_per_second=10, hours=NAIROBI) == MORNING + 25 * HOUR
    assert end_of(10, parts_per_second=10, hours=NAIROBI, at=MORNING - HOUR) == MORNING + SECOND


def test_the_daily_quota_counts_what_was_sent_before() -> None:
    assert end_of(1_000, parts_per_second=1_000, daily_max=1_000) == MORNING + SECOND
    sent = Meter(hours={MORNING // HOUR - 1: 600})
    ended = end_of(1_000, parts_per_second=1_000, daily_max=1_000, meter=sent)
    assert ended is not None and MORNING + 23 * HOUR < ended < MORNING + 25 * HOUR
    assert end_of(10_000_000, daily_max=250) is None


@given(
    messages=st.integers(1, 200_000),
    speed=st.integers(1, 500),
    quota=st.sampled_from([0, 5_000, 100_000]),
    hours=st.sampled_from(["off", NAIROBI, "22:00-02:00 Africa/Nairobi", "08:00-08:10 Europe/Berlin"]),
)
def test_more_people_or_a_slower_sender_never_end_sooner(messages: int, speed: int, quota: int, hours: str) -> None:
    sends: dict[str, Any] = {"parts_per_second": speed, "daily_max": quota, "hours": hours}
    first = end_of(messages, **sends)
    second = end_of(messages + 1_000, **sends)
    slower = end_of(messages, **{**sends, "parts_per_second": max(1, speed // 2)})
    for later in (second, slower):
        assert later is None or (first is not None and later >= first - SECOND)
    if first is not None:
        assert first >= MORNING + (messages * SECOND) // speed - SECOND


def test_marketing_waits_for_the_hours_of_the_project_too(begin: Begin, project: Project) -> None:
    kenya = replace(project, consent=ConsentSettings(quiet_hours=None))
    sends = SenderDefinition(gateway="log", hours="06:00-20:00 Africa/Nairobi")
    night = MORNING - 4 * HOUR
    assert Hours(kenya, sends, now=night).opens_at("marketing") == MORNING
    assert Hours(kenya, sends, now=night).opens_at("transactional") == MORNING - 2 * HOUR
