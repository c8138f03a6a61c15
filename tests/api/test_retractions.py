"""Retractions: a fact that was none is taken back as if it had never been said, and nothing else with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daftari.model.consent import Fact, FactKind, Scope, Source
from daftari.rules.consent.decisions import Question, in_force, judge
from daftari.rules.consent.state import derive_state

TIMES = st.integers(1, 5)
SCOPES = st.builds(
    Scope,
    st.sampled_from(["*", "sms", "whatsapp"]),
    st.sampled_from(["*", "SHOP", "20880"]),
    st.sampled_from(["*", "marketing", "transactional"]),
)
KINDS: list[FactKind] = ["opt_out", "opt_in", "left_group", "activated", "deactivated"]
SOURCES: list[Source] = ["api", "inbound", "import"]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Some facts about one number."""
    count = draw(st.integers(1, 6))
    return [
        Fact(number, draw(st.sampled_from(KINDS)), draw(SCOPES), draw(TIMES), 9, draw(st.sampled_from(SOURCES)))
        for number in range(1, count + 1)
    ]


def take_back(fact: Fact) -> Fact:
    return Fact(fact.id + 100, "retraction", fact.scope, fact.at, 10, "console", retracts=fact.id)


@given(history=histories(), data=st.data())
def test_what_was_taken_back_was_never_said_wherever_the_retraction_stands(
    history: list[Fact], data: st.DataObject
) -> None:
    wrong = data.draw(st.lists(st.sampled_from(history), unique_by=lambda fact: fact.id))
    left = [fact for fact in history if fact not in wrong]
    whole = data.draw(st.permutations([*history, *map(take_back, wrong)]))
    question = Question("sms")
    assert derive_state(whole) == derive_state(left)
    assert {fact.id for fact in in_force(whole)} == {fact.id for fact in in_force(left)}
    assert judge(whole, question, require_opt_in=False).code == judge(left, question, require_opt_in=False).code


def test_an_earlier_opt_out_holds_again_when_the_opt_in_that_lifted_it_is_taken_back() -> None:
    opt_out = Fact(1, "opt_out", Scope(), 1, 1, "inbound")
    opt_in = Fact(2, "opt_in", Scope(), 2, 2, "console", override=True)
    assert not derive_state([opt_out, opt_in]).is_suppressed
    assert derive_state([opt_out, opt_in, take_back(opt_in)]).is_suppressed


def test_a_preference_of_before_outlives_a_message_that_was_no_stop() -> None:
    preference = Fact(1, "opt_out", Scope("whatsapp", "254700000001", "marketing"), 1, 1, "provider")
    misread = Fact(2, "opt_out", Scope(), 2, 2, "inbound")
    state = derive_state([preference, misread, take_back(misread)])
    assert state == derive_state([preference])
    assert not state.is_suppressed
