"""The sum of what holds for a number, against the decision that each question gets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact, FactKind, Scope
from daftari.rules.consent.decisions import Question, judge
from daftari.rules.consent.state import derive_state
from daftari.rules.consent.summary import Named, sum_up, summarize

KINDS: tuple[FactKind, ...] = ("opt_out", "opt_in")
SENDERS = (ANY, "DUKA", "20414")
SCOPES = st.builds(
    Scope,
    st.sampled_from((*CHANNELS, ANY)),
    st.sampled_from(SENDERS),
    st.sampled_from((*PURPOSES, ANY)),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Opt-outs and opt-ins of the person, one after the other."""
    said = draw(st.lists(st.tuples(st.sampled_from(KINDS), SCOPES), max_size=5))
    return [Fact(place, kind, scope, place, place, "inbound") for place, (kind, scope) in enumerate(said, start=1)]


def is_allowed(facts: list[Fact], channel: str, sender: str, purpose: str, *, require_opt_in: bool) -> bool:
    return judge(facts, Question(channel, sender, purpose), require_opt_in=require_opt_in).allowed


@given(histories(), st.booleans())
def test_each_cell_says_what_the_question_about_it_is_answered(facts: list[Fact], require: bool) -> None:
    summary = summarize(facts, require_opt_in=require)
    found = {(way.channel, way.sender): way.purposes for way in summary.matrix}
    for channel in CHANNELS:
        for place, purpose in enumerate(PURPOSES):
            for sender in ("DUKA", "20414", "another"):
                cell = found.get((channel, sender), found[channel, None])[place]
                assert cell.allowed == is_allowed(facts, channel, sender, purpose, require_opt_in=require)


@given(histories(), st.booleans())
def test_the_word_is_yes_where_all_is_allowed_and_no_where_nothing_is(facts: list[Fact], require: bool) -> None:
    answers = {
        is_allowed(facts, channel, sender, purpose, require_opt_in=require)
        for channel in CHANNELS
        for purpose in PURPOSES
        for sender in ("DUKA", "20414", "another")
    }
    expected = "part" if len(answers) == 2 else "yes" if True in answers else "no"
    state = derive_state(facts)
    assert summarize(facts, require_opt_in=require).answer == expected
    assert sum_up(state, require_opt_in=require) == expected


@given(histories(), st.booleans())
def test_the_ways_that_are_named_say_the_same_as_the_cells(facts: list[Fact], require: bool) -> None:
    summary = summarize(facts, require_opt_in=require)

    def covers(way: Named, channel: str, sender: str, purpose: str) -> bool:
        return (
            way.cell.channel in (None, channel) and way.cell.purpose in (None, purpose) and way.sender in (None, sender)
        )

    for channel in CHANNELS:
        for purpose in PURPOSES:
            for sender in ("DUKA", "20414", "another"):
                named = any(covers(way, channel, sender, purpose) for way in summary.ways)
                also = any(covers(way, channel, sender, purpose) for way in summary.also)
                allowed = is_allowed(facts, channel, sender, purpose, require_opt_in=require)
                less = any(covers(way, channel, sender, purpose) for way in summary.less)
                assert allowed == (also or (named == summary.only and not less))
