"""The rule of consent: the contract's sentences one by one, and every state against the model cell by cell."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact, FactKind, Scope, Source
from daftari.rules.consent.decisions import Question, Verdict, in_force, is_blocked, is_refused, judge, judge_state
from daftari.rules.consent.state import NOTHING_KNOWN, decode_state, derive_state, encode_state, fold_sender
from tests.oracles import consent as model

OPT_OUT_SOURCES: tuple[Source, ...] = (
    *("api", "inbound", "provider", "import", "bulk", "console", "form", "delete", "erasure"),
)
OPT_IN_SOURCES: tuple[Source, ...] = ("api", "inbound", "provider", "import", "bulk", "console", "form")
OWN: tuple[Source, ...] = ("inbound", "provider", "form")
TIMES = range(1, 6)
SENDERS = ("SHOP", " shop ", "Shop", "20880", "+20880", "20-880")
KEYWORDS = ("news", "quiz")
GROUPS = ((7, "choir"), (8, "elders"))
UNNAMED = "Duka"
"""A sender that no fact of the examples names, unless it says so."""

EXAMPLES_MIN = 600
DEEP = settings(max_examples=max(EXAMPLES_MIN, settings().max_examples))
"""Plain functions are quick, so more is tried than of what needs a database."""


# ---- facts --------------------------------------------------------------------------------------------


def opt_out(
    at: int,
    source: Source = "inbound",
    *,
    channel: str = ANY,
    sender: str = ANY,
    purpose: str = ANY,
) -> Fact:
    return Fact(at, "opt_out", Scope(channel, sender, purpose), at, at, source)


def opt_in(
    at: int,
    source: Source = "inbound",
    *,
    channel: str = ANY,
    sender: str = ANY,
    purpose: str = ANY,
    override: bool = False,
) -> Fact:
    """``override``: it may lift a person's own opt-out, as one that the team writes down may with evidence."""
    return Fact(at, "opt_in", Scope(channel, sender, purpose), at, at, source, override=override)


def left_choir(at: int, *, channel: str = "sms") -> Fact:
    return Fact(at, "left_group", Scope(channel), at, at, "inbound", keyword="choir", group_id=7)


def service(at: int, kind: FactKind, *, sender: str = "20880", keyword: str = "news") -> Fact:
    return Fact(at, kind, Scope("premium_sms", sender), at, at, "provider", keyword=keyword)


def code(*facts: Fact, ask: Question, require_opt_in: bool = False) -> str:
    return judge_state(derive_state(facts), ask, require_opt_in=require_opt_in)


def blocks(*facts: Fact, channel: str = "sms", sender: str = UNNAMED, purpose: str = "marketing") -> bool:
    return is_blocked(derive_state(facts), Question(channel, sender, purpose))


times = st.sampled_from(TIMES)
scopes = st.builds(
    Scope,
    channel=st.sampled_from((ANY, *CHANNELS)),
    sender=st.sampled_from((ANY, ANY, *SENDERS)),
    purpose=st.sampled_from((ANY, *PURPOSES)),
)
near_scopes = st.sampled_from((Scope(), Scope("sms"), Scope(ANY, "SHOP"), Scope("sms", " shop ")))
"""A few that meet each other nearly always."""


def consents(
    scope: st.SearchStrategy[Scope], opt_outs: tuple[Source, ...], opt_ins: tuple[Source, ...]
) -> st.SearchStrategy[Fact]:
    ways: dict[str, st.SearchStrategy[bool | int]] = {
        "receipt": st.integers(1, 3),
        "from_file": st.sampled_from([False, False, True]),
    }
    return st.one_of(
        st.builds(
            Fact,
            *(st.just(0), st.just("opt_out"), scope, times, times, st.sampled_from(opt_outs)),
            single=st.booleans(),
            **ways,
        ),
        st.builds(
            Fact,
            *(st.just(0), st.just("opt_in"), scope, times, times, st.sampled_from(opt_ins)),
            override=st.booleans(),
            **ways,
        ),
    )


departures = st.builds(
    lambda channel, at, group: Fact(
        0, "left_group", Scope(channel), at, at, "inbound", keyword=group[1], group_id=group[0]
    ),
    st.sampled_from(CHANNELS),
    times,
    st.sampled_from(GROUPS),
)
services = st.builds(
    lambda kind, sender, at, keyword: Fact(0, kind, Scope("premium_sms", sender), at, at, "provider", keyword=keyword),
    st.sampled_from(("activated", "deactivated")),
    st.sampled_from(SENDERS),
    times,
    st.sampled_from(KEYWORDS),
)


def numbered(facts: list[Fact]) -> list[Fact]:
    """Facts with an id each, as the store gives them."""
    return [structs.replace(fact, id=place) for place, fact in enumerate(facts, 1)]


far_apart = st.one_of(consents(scopes, OPT_OUT_SOURCES, OPT_IN_SOURCES), departures, services)
close_by = st.one_of(consents(near_scopes, ("api", "inbound"), ("api", "inbound", "import")), departures)
histories = st.one_of(st.lists(far_apart, max_size=8), st.lists(close_by, min_size=2, max_size=5)).map(numbered)
questions = st.builds(
    Question,
    channel=st.sampled_from(CHANNELS),
    sender=st.sampled_from((ANY, *SENDERS, UNNAMED)),
    purpose=st.sampled_from((ANY, *PURPOSES)),
    keyword=st.sampled_from(("", "news", "News ", "quiz", "jokes")),
)


def asked_of_the_model(facts: list[Fact], ask: Question, *, require_opt_in: bool) -> tuple[bool, str]:
    return model.may_message(
        facts,
        ask.channel,
        sender=None if ask.sender == ANY else ask.sender,
        purpose=None if ask.purpose == ANY else ask.purpose,
        keyword=ask.keyword or None,
        require_opt_in=require_opt_in,
    )


# ---- against the model --------------------------------------------------------------------------------


@DEEP
@given(histories)
@example([])
def test_exactly_those_cells_are_blocked_that_the_contract_blocks(facts: list[Fact]) -> None:
    senders = model.named_senders(facts) | {model.folded(sender) for sender in SENDERS}
    state = derive_state(facts)
    found = {
        cell for cell in model.cells_of(senders) if is_blocked(state, Question(cell.channel, cell.sender, cell.purpose))
    }
    assert found == model.blocked_cells(facts, senders)


@DEEP
@given(histories)
@example([])
def test_a_number_is_suppressed_exactly_when_every_cell_is_blocked(facts: list[Fact]) -> None:
    assert derive_state(facts).is_suppressed == model.is_suppressed(facts)


@DEEP
@given(histories)
def test_groups_stay_left_and_services_stay_paid_as_the_contract_says(facts: list[Fact]) -> None:
    state = derive_state(facts)
    assert set(state.left) == model.left_groups(facts)
    assert set(state.subscribed) == model.subscriptions(facts)


@DEEP
@given(histories, questions, st.booleans())
def test_every_question_gets_the_answer_of_the_contract(facts: list[Fact], ask: Question, require: bool) -> None:
    allowed, expected = asked_of_the_model(facts, ask, require_opt_in=require)
    verdict = judge(facts, ask, require_opt_in=require)
    assert (verdict.allowed, verdict.code) == (allowed, expected)
    assert judge_state(derive_state(facts), ask, require_opt_in=require) == expected


@DEEP
@given(histories, questions)
def test_a_refusal_rests_on_exactly_the_opt_outs_that_block_it(facts: list[Fact], ask: Question) -> None:
    verdict = judge(facts, ask, require_opt_in=False)
    opt_ins = [fact for fact in facts if fact.kind == "opt_in"]
    resting = {
        fact.id
        for fact in facts
        if fact.kind == "opt_out"
        and asked_of_the_model([fact, *opt_ins], ask, require_opt_in=False) == (False, "opted_out")
    }
    assert {fact.id for fact in verdict.facts if fact.kind == "opt_out"} == resting


@DEEP
@given(histories)
def test_an_opt_out_is_in_force_while_it_blocks_any_cell_by_itself(facts: list[Fact]) -> None:
    opt_ins = [fact for fact in facts if fact.kind == "opt_in"]
    senders = model.named_senders(facts)
    holding = [fact for fact in facts if fact.kind == "opt_out" and model.blocked_cells([fact, *opt_ins], senders)]
    assert in_force(facts) == sorted(holding, key=lambda fact: (fact.at, fact.id))


@DEEP
@given(st.data(), histories)
def test_late_repeated_and_reordered_facts_lead_to_the_same_state(data: st.DataObject, facts: list[Fact]) -> None:
    repeated = facts + (data.draw(st.lists(st.sampled_from(facts), max_size=4)) if facts else [])
    shuffled = data.draw(st.permutations(repeated))
    assert derive_state(shuffled) == derive_state(facts)
    assert encode_state(derive_state(shuffled)) == encode_state(derive_state(facts))


@given(histories)
def test_a_state_that_was_kept_comes_back_as_it_was(facts: list[Fact]) -> None:
    state = derive_state(facts)
    assert decode_state(encode_state(state)) == state


# ---- what covers what ---------------------------------------------------------------------------------


def test_no_facts_block_nothing() -> None:
    assert derive_state([]) == NOTHING_KNOWN
    assert not NOTHING_KNOWN.is_suppressed
    assert code(ask=Question("sms")) == "no_opt_out"


def test_an_opt_out_of_everything_covers_every_cell() -> None:
    facts = [opt_out(1)]
    assert all(blocks(*facts, channel=channel, purpose=purpose) for channel in CHANNELS for purpose in PURPOSES)


def test_an_opt_out_covers_only_the_parts_that_it_names() -> None:
    only = opt_out(1, channel="sms", sender="SHOP", purpose="marketing")
    assert blocks(only, channel="sms", sender="SHOP", purpose="marketing")
    assert not blocks(only, channel="whatsapp", sender="SHOP", purpose="marketing")
    assert not blocks(only, channel="sms", sender="Duka", purpose="marketing")
    assert not blocks(only, channel="sms", sender="SHOP", purpose="transactional")


@pytest.mark.parametrize("spelling", [" shop ", "Shop", "sHoP"])
def test_senders_compare_trimmed_and_caselessly(spelling: str) -> None:
    assert blocks(opt_out(1, sender="SHOP"), sender=spelling)
    assert not blocks(opt_out(1, "api", sender="SHOP"), opt_in(2, "api", sender=spelling), sender="SHOP")


@pytest.mark.parametrize("spelling", ["+20880", "20-880", " 20 880 ", "(20)880"])
def test_numeric_senders_compare_as_digits(spelling: str) -> None:
    assert fold_sender(spelling) == "20880"
    assert blocks(opt_out(1, sender="20880"), sender=spelling)


def test_digits_within_a_name_stay_a_name() -> None:
    assert fold_sender("Shop24") != fold_sender("24")


def test_an_opt_out_from_one_sender_leaves_senders_that_no_fact_names() -> None:
    assert not blocks(opt_out(1, sender="SHOP"), sender="Duka")


def test_an_opt_out_from_any_sender_covers_senders_that_no_fact_names() -> None:
    assert blocks(opt_out(1), opt_in(2, sender="SHOP"), sender="Duka")


# ---- what lifts what ----------------------------------------------------------------------------------


def test_a_later_opt_in_that_covers_the_opt_out_lifts_it() -> None:
    assert not blocks(opt_out(1, "api", channel="sms"), opt_in(2, "api"), channel="sms")
    assert not blocks(opt_out(1, "api", channel="sms"), opt_in(2, "api", channel="sms"), channel="sms")


def test_later_means_later_in_event_time_and_not_in_recording() -> None:
    recorded_first = Fact(1, "opt_in", Scope(), 5, 10, "inbound")
    recorded_last = Fact(2, "opt_out", Scope(), 3, 20, "inbound")
    assert not blocks(recorded_first, recorded_last)


def test_an_earlier_opt_in_lifts_nothing() -> None:
    assert blocks(opt_in(1), opt_out(2))


def test_on_a_tie_the_opt_out_wins() -> None:
    assert blocks(opt_in(3), opt_out(3))
    assert blocks(opt_out(3), opt_in(3))


def test_facts_that_do_not_cover_each_other_never_cancel() -> None:
    sms, marketing = opt_out(1, "api", channel="sms"), opt_in(2, "api", purpose="marketing")
    assert blocks(sms, marketing, channel="sms", purpose="marketing")
    assert blocks(sms, marketing, channel="sms", purpose="transactional")


def test_an_opt_in_that_is_narrower_and_not_the_persons_own_lifts_nothing() -> None:
    assert blocks(opt_out(1, "api"), opt_in(2, "api", channel="sms"), channel="sms")
    assert blocks(opt_out(1, "console"), opt_in(2, "console", sender="SHOP"), sender="SHOP")


@pytest.mark.parametrize("source", OWN)
def test_the_persons_own_opt_in_lifts_what_it_covers_and_no_more(source: Source) -> None:
    facts = [opt_out(1), opt_in(2, source, channel="sms", sender="SHOP")]
    assert not blocks(*facts, channel="sms", sender="SHOP", purpose="marketing")
    assert not blocks(*facts, channel="sms", sender="SHOP", purpose="transactional")
    assert blocks(*facts, channel="sms", sender="Duka")
    assert blocks(*facts, channel="whatsapp", sender="SHOP")


def test_an_opt_in_lifts_one_opt_out_and_leaves_the_other() -> None:
    facts = [opt_out(1, "api", channel="sms"), opt_out(1, "api", purpose="marketing"), opt_in(2, "api", channel="sms")]
    assert not blocks(*facts, channel="sms", purpose="transactional")
    assert blocks(*facts, channel="sms", purpose="marketing")
    assert blocks(*facts, channel="whatsapp", purpose="marketing")


def test_an_opt_out_after_the_opt_in_blocks_again() -> None:
    assert blocks(opt_out(1), opt_in(2), opt_out(3))
    assert not blocks(opt_out(1), opt_in(2), opt_out(3), opt_in(4))


def test_a_later_opt_in_that_is_not_the_persons_own_does_not_hide_the_persons_own() -> None:
    assert not blocks(opt_out(1), opt_in(2, channel="sms"), opt_in(3, "api", channel="sms"), channel="sms")


# ---- what is given in bulk ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["inbound", "provider", "form", "delete", "erasure"])
@pytest.mark.parametrize("bulk", ["import", "bulk"])
def test_a_bulk_opt_in_never_lifts_a_persons_own_opt_out_unless_override(source: Source, bulk: Source) -> None:
    own = opt_out(1, source)
    assert blocks(own, opt_in(2, bulk))
    assert not blocks(own, opt_in(2, bulk, override=True))


@pytest.mark.parametrize("source", ["api", "import", "bulk"])
def test_a_bulk_opt_in_lifts_an_opt_out_that_came_in_bulk(source: Source) -> None:
    assert not blocks(opt_out(1, source), opt_in(2, "import"))


def test_a_bulk_opt_in_does_not_lift_what_staff_wrote_down_of_one_person() -> None:
    of_one = structs.replace(opt_out(1, "api"), single=True)
    for written_down in (of_one, opt_out(1, "console")):
        assert blocks(written_down, opt_in(2, "bulk"))
        assert is_refused(opt_in(2, "bulk"), [written_down])
        assert not blocks(written_down, opt_in(2, "bulk", override=True))
        assert not blocks(written_down, opt_in(2, "api"))


@pytest.mark.parametrize("own", ["inbound", "provider", "form", "delete", "erasure"])
@pytest.mark.parametrize("source", ["api", "console"])
def test_the_teams_opt_in_lifts_a_persons_own_opt_out_only_with_evidence(own: Source, source: Source) -> None:
    assert blocks(opt_out(1, own), opt_in(2, source))
    assert is_refused(opt_in(2, source), [opt_out(1, own)])
    assert not blocks(opt_out(1, own), opt_in(2, source, override=True))
    assert not is_refused(opt_in(2, source, override=True), [opt_out(1, own)])


def test_the_teams_opt_in_is_refused_where_it_is_narrower_or_earlier_than_a_persons_own_opt_out() -> None:
    assert is_refused(opt_in(2, "api", channel="sms", override=True), [opt_out(1)])
    assert is_refused(opt_in(1, "api", override=True), [opt_out(2)])
    assert not is_refused(opt_in(2, "api", channel="sms"), [opt_out(1, "console")])


def test_an_opt_in_of_a_file_is_in_bulk_but_to_the_opt_outs_of_the_same_file() -> None:
    start = structs.replace(opt_in(2), from_file=True, receipt=7)
    stop = structs.replace(opt_out(1), from_file=True, receipt=7)
    assert not blocks(stop, start)
    assert blocks(opt_out(1), start)
    assert blocks(structs.replace(stop, receipt=6), start)
    assert is_refused(start, [opt_out(1)])


def test_an_override_still_has_to_cover_and_to_be_later() -> None:
    assert blocks(opt_out(1), opt_in(2, "bulk", channel="sms", override=True))
    assert blocks(opt_out(2), opt_in(2, "bulk", override=True))


def test_a_bulk_opt_in_after_an_older_override_does_not_hide_it() -> None:
    assert not blocks(opt_out(1), opt_in(2, "bulk", override=True), opt_in(3, "bulk"))


def test_a_later_opt_out_of_someone_else_does_not_hide_the_persons_own() -> None:
    assert blocks(opt_out(1), opt_out(2, "api"), opt_in(3, "bulk"))
    assert not blocks(opt_out(1, "api"), opt_out(2, "api"), opt_in(3, "bulk"))


def test_a_bulk_opt_in_that_meets_a_persons_own_opt_out_is_refused() -> None:
    assert is_refused(opt_in(2, "import"), [opt_out(1)])
    assert is_refused(opt_in(2, "bulk", channel="sms"), [opt_out(1, "delete")])


def test_an_opt_in_is_not_refused_where_nothing_of_the_persons_own_holds_against_it() -> None:
    assert not is_refused(opt_in(2, "import"), [])
    assert not is_refused(opt_in(2, "import"), [opt_out(1, "api")])
    assert not is_refused(opt_in(2, "import", channel="sms"), [opt_out(1, channel="whatsapp")])
    assert not is_refused(opt_in(3, "import"), [opt_out(1), opt_in(2)])
    assert not is_refused(opt_in(2, "import", override=True), [opt_out(1)])
    # What the person opted in to again is all that the import asks for; the rest of the opt-out still holds.
    assert not is_refused(opt_in(3, "import", channel="sms"), [opt_out(1), opt_in(2, channel="sms")])
    assert is_refused(opt_in(3, "import"), [opt_out(1), opt_in(2, channel="sms")])


# ---- suppressed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        [opt_out(1)],
        [opt_out(at, channel=channel) for at, channel in enumerate(CHANNELS, 1)],
        [opt_out(at, purpose=purpose) for at, purpose in enumerate(PURPOSES, 1)],
        [
            opt_out(1, channel="sms"),
            *(opt_out(2, channel=channel, purpose=purpose) for channel in CHANNELS[1:] for purpose in PURPOSES),
        ],
        [opt_out(1), opt_in(2, sender="SHOP"), opt_out(3, sender="Shop ")],
        [opt_out(2), opt_in(1)],
    ],
    ids=["everything", "every channel", "every purpose", "every part of each", "taken back for the one", "late"],
)
def test_a_number_is_suppressed_however_it_was_reached(facts: list[Fact]) -> None:
    assert derive_state(facts).is_suppressed


def test_opt_outs_from_every_sender_that_is_named_do_not_suppress() -> None:
    assert not derive_state([opt_out(1, sender="SHOP"), opt_out(2, sender="20880")]).is_suppressed


def test_two_channels_of_three_do_not_suppress() -> None:
    assert not derive_state([opt_out(1, channel="sms"), opt_out(1, channel="whatsapp")]).is_suppressed


def test_an_opt_in_for_one_sender_ends_suppression_when_it_is_the_persons_own() -> None:
    assert not derive_state([opt_out(1), opt_in(2, sender="SHOP")]).is_suppressed
    assert derive_state([opt_out(1), opt_in(2, "api", sender="SHOP")]).is_suppressed


def test_an_opt_in_alone_does_not_suppress() -> None:
    assert not derive_state([opt_in(1)]).is_suppressed


# ---- questions ----------------------------------------------------------------------------------------


def test_an_absent_sender_asks_for_all_of_them() -> None:
    assert code(opt_out(1, sender="SHOP"), ask=Question("sms")) == "opted_out"
    assert code(opt_out(1, sender="SHOP"), ask=Question("sms", sender="Duka")) == "no_opt_out"


def test_an_absent_purpose_asks_for_all_of_them() -> None:
    assert code(opt_out(1, purpose="marketing"), ask=Question("sms")) == "opted_out"
    assert code(opt_out(1, purpose="marketing"), ask=Question("sms", purpose="transactional")) == "no_opt_out"


def test_a_project_that_requires_an_opt_in_messages_no_one_without_one() -> None:
    ask = Question("sms", "SHOP", "marketing")
    assert code(ask=ask, require_opt_in=True) == "no_opt_in"
    assert code(opt_in(1, channel="whatsapp"), ask=ask, require_opt_in=True) == "no_opt_in"
    assert code(opt_in(1, channel="sms"), ask=ask, require_opt_in=True) == "opted_in"


def test_a_required_opt_in_has_to_cover_all_that_is_asked() -> None:
    ask = Question("sms", "SHOP")
    marketing, transactional = (opt_in(1, sender="SHOP", purpose=purpose) for purpose in PURPOSES)
    assert code(marketing, ask=ask, require_opt_in=True) == "no_opt_in"
    assert code(marketing, transactional, ask=ask, require_opt_in=True) == "opted_in"
    assert code(marketing, transactional, ask=Question("sms"), require_opt_in=True) == "no_opt_in"


def test_an_opt_out_is_named_before_a_missing_opt_in_and_that_before_a_missing_subscription() -> None:
    ask = Question("premium_sms", "20880", keyword="news")
    assert code(opt_out(1), ask=ask, require_opt_in=True) == "opted_out"
    assert code(ask=ask, require_opt_in=True) == "no_opt_in"
    assert code(opt_in(1), ask=ask, require_opt_in=True) == "not_subscribed"


def test_an_answer_names_the_opt_outs_that_it_rests_on_in_order_of_time() -> None:
    early, late, elsewhere = opt_out(1), opt_out(4, channel="sms"), opt_out(2, channel="whatsapp")
    verdict = judge([late, elsewhere, early], Question("sms"), require_opt_in=False)
    assert verdict == Verdict(allowed=False, code="opted_out", facts=(early, late))


def test_an_answer_that_allows_names_the_last_opt_in() -> None:
    first, last = opt_in(1), opt_in(3, "api")
    verdict = judge([last, first], Question("sms"), require_opt_in=False)
    assert verdict == Verdict(allowed=True, code="opted_in", facts=(last,))


# ---- premium services ---------------------------------------------------------------------------------


def test_a_keyword_needs_an_active_subscription_of_that_sender() -> None:
    ask = Question("premium_sms", "20-880", keyword="News")
    assert code(ask=ask) == "not_subscribed"
    assert code(service(1, "activated"), ask=ask) == "no_opt_out"
    assert code(service(1, "activated", keyword="quiz"), ask=ask) == "not_subscribed"
    assert code(service(1, "activated", sender="SHOP"), ask=ask) == "not_subscribed"


def test_a_keyword_means_nothing_on_other_channels() -> None:
    assert code(ask=Question("sms", keyword="news")) == "no_opt_out"


def test_the_latest_word_about_a_service_counts() -> None:
    assert derive_state([service(2, "activated"), service(1, "deactivated")]).subscribed == (("20880", "news"),)
    assert derive_state([service(1, "activated"), service(2, "deactivated")]).subscribed == ()


def test_a_service_that_began_and_ended_at_once_has_ended() -> None:
    assert derive_state([service(1, "deactivated"), service(1, "activated")]).subscribed == ()
    assert derive_state([service(1, "activated"), service(1, "deactivated")]).subscribed == ()


def test_a_subscription_lifts_no_opt_out_and_an_opt_out_ends_no_subscription() -> None:
    paid = service(2, "activated")
    verdict = judge([opt_out(1), paid], Question("premium_sms", "20880", keyword="news"), require_opt_in=False)
    assert verdict == Verdict(allowed=False, code="opted_out", facts=(opt_out(1), paid), still_billed=True)


def test_no_one_is_still_billed_for_a_service_that_ended_or_on_another_channel() -> None:
    ended = [opt_out(1), service(2, "activated"), service(3, "deactivated")]
    assert not judge(ended, Question("premium_sms"), require_opt_in=False).still_billed
    assert not judge(ended[:2], Question("sms"), require_opt_in=False).still_billed


# ---- groups that were left ----------------------------------------------------------------------------


def test_a_group_stays_left_until_the_person_opts_in() -> None:
    assert derive_state([left_choir(2)]).has_left(7, "choir")
    assert derive_state([left_choir(2), opt_in(1)]).has_left(7, "choir")
    assert derive_state([left_choir(2), opt_in(2)]).has_left(7, "choir")
    assert not derive_state([left_choir(2), opt_in(3, channel="sms")]).has_left(7, "choir")


def test_a_group_stays_left_under_its_name_when_it_is_made_again() -> None:
    state = derive_state([left_choir(1)])
    assert state.has_left(9, "choir")
    assert state.has_left(7, "elders")
    assert not state.has_left(9, "elders")


def test_what_is_given_in_bulk_brings_no_one_back_into_a_group_unless_override() -> None:
    assert derive_state([left_choir(1), opt_in(2, "import")]).has_left(7, "choir")
    assert not derive_state([left_choir(1), opt_in(2, "import", override=True)]).has_left(7, "choir")


def test_leaving_a_group_blocks_no_message() -> None:
    assert not blocks(left_choir(1), channel="sms")
    assert not derive_state([left_choir(1)]).is_suppressed
