"""Words in and words out: what a message is taken for, how wide a STOP is, and how facts and states are shown."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact, FactKind, Scope, Source
from daftari.model.projects import ConsentSettings, StopScope
from daftari.rules.consent import views
from daftari.rules.consent.decisions import Verdict
from daftari.rules.consent.keywords import (
    HELP_WORDS,
    LEADING_WORDS,
    OPT_IN_WORDS,
    OPT_OUT_WORDS,
    Meaning,
    Reading,
    plain_words,
    read_message,
    stop_scope,
)
from daftari.rules.consent.state import NOTHING_KNOWN, OTHERS, State, derive_state, mask_of
from daftari.rules.consent.views import (
    SENTENCES,
    SOURCE_NAMES,
    describe_fact,
    tell_scope,
    write_evidence,
)

DEFAULTS = ConsentSettings()
EVERYTHING = Scope()
NOW = 1_711_004_797_000_000
WRITTEN = "2024-03-21T07:06:37.000000Z"


def meaning(text: str, settings: ConsentSettings = DEFAULTS) -> Meaning:
    return read_message(text, settings=settings).meaning


def fact(kind: FactKind, scope: Scope = EVERYTHING, *, source: Source = "inbound", keyword: str = "") -> Fact:
    return Fact(9, kind, scope, NOW, NOW, source, keyword=keyword)


# ---- opt-outs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", OPT_OUT_WORDS)
def test_each_opt_out_word_as_the_whole_message_is_an_opt_out(word: str) -> None:
    for text in (word, word.upper(), word.title(), f"  {word}\n"):
        assert read_message(text, settings=DEFAULTS) == Reading("opt_out")


@pytest.mark.parametrize("text", ["STOP.", "Stop!!!", '"STOP"', "(stop)", "*STOP*", "STOP 🙏", "¡stop!", "ＳＴＯＰ"])
def test_punctuation_around_a_word_is_nothing(text: str) -> None:
    assert read_message(text, settings=DEFAULTS) == Reading("opt_out")


@pytest.mark.parametrize("text", ["S.T.O.P", "s t o p", "S-T-O-P", "st\u200bop"])
def test_signs_within_a_word_are_nothing(text: str) -> None:
    assert meaning(text) == "opt_out"


@pytest.mark.parametrize("text", ["OPT-OUT", "opt out", "OptOut", "Opt_Out", "opt - out", "STOP ALL", "Stop-All"])
def test_opt_out_is_read_in_every_spelling(text: str) -> None:
    assert meaning(text) == "opt_out"


@pytest.mark.parametrize("text", ["ONDOKA", "Toka", "toka."])
def test_swahili_words_are_opt_outs(text: str) -> None:
    assert meaning(text) == "opt_out"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("STOP CHOIR", "CHOIR"),
        ("stop: choir practice", "choir practice"),
        ("STOPALL please", ""),
        ("Unsubscribe me, now!", ""),
        ("Stop - T-Shirts & Caps.", "T-Shirts & Caps."),
        ("STOP STOP", "STOP"),
        ("STOP «Coast»", "Coast»"),
        ("stop  C++ (evenings)", "C++ (evenings)"),
        ("S.T.O.P choir", "choir"),
        ("stop sending me this", "sending me this"),
    ],
)
def test_a_message_that_begins_with_stop_is_an_opt_out_that_says_more(text: str, rest: str) -> None:
    reading = read_message(text, settings=DEFAULTS)
    assert (reading.meaning, reading.rest) == ("opt_out", rest)
    assert reading.why


# ---- what a person should look at ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(
            "stopped",
            "STOP20880",
            "STOPP",
            "please stop",
            "Don't stop",
            "Which bus stop?",
            "tafadhali toka",
            "I want to opt out of this",
        ),
        *("CANCEL my order", "end of the month", "Quit it", "remove me", "I said STOP!"),
    ],
)
def test_an_opt_out_word_within_a_longer_message_is_listed_for_review(text: str) -> None:
    reading = read_message(text, settings=DEFAULTS)
    assert reading.meaning == "review"
    assert reading.why
    assert reading.rest == ""


@pytest.mark.parametrize("text", ["START now", "subscribe to news"])
def test_an_opt_in_that_says_more_is_listed_for_review(text: str) -> None:
    assert meaning(text) == "review"


def test_an_opt_out_word_next_to_an_opt_in_word_is_no_opt_in() -> None:
    assert meaning("start or stop") == "review"
    assert meaning("stop start") == "opt_out"


# ---- what is neither ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("YES", "yes please", "NO", "ok", "Thank you", "", "   ", "!!!", "🙏", "0722 503 129", "Where are you?"),
        *("nonstop", "ending", "weekend", "friend", "cancellation", "quite", "tokaido"),
    ],
)
def test_only_whole_words_count(text: str) -> None:
    assert read_message(text, settings=DEFAULTS) == Reading("nothing")


@pytest.mark.parametrize("word", OPT_IN_WORDS)
def test_each_opt_in_word_as_the_whole_message_is_an_opt_in(word: str) -> None:
    assert read_message(f" {word.upper()}! ", settings=DEFAULTS) == Reading("opt_in")


@pytest.mark.parametrize("word", HELP_WORDS)
def test_each_help_word_as_the_whole_message_asks_for_help(word: str) -> None:
    assert read_message(f"{word.upper()}?", settings=DEFAULTS) == Reading("help")
    assert meaning(f"{word} me") == "nothing"


@given(st.text())
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    reading = read_message(text, settings=DEFAULTS)
    assert reading.meaning == "opt_out" or not reading.rest
    assert reading.meaning in ("opt_out", "review") or not reading.why


# ---- a project's own words ----------------------------------------------------------------------------


def test_stop_stopall_and_unsubscribe_count_in_addition_to_whatever_words_a_project_has() -> None:
    for own in (ConsentSettings(opt_out_words=("Acha",)), ConsentSettings(opt_out_words=())):
        for word in LEADING_WORDS:
            assert meaning(word.upper(), own) == "opt_out"
            assert read_message(f"{word} choir", settings=own).rest == ("choir" if word == "stop" else "")


@pytest.mark.parametrize("blank", ["", "  ", "!!!", "🙏"])
def test_a_blank_word_of_a_project_is_no_word(blank: str) -> None:
    own = ConsentSettings(opt_out_words=(blank, "Acha"), opt_in_words=(blank,), help_words=(blank,))
    for text in ("", "?", "🙏", "hello there"):
        assert meaning(text, own) == "nothing"
    assert meaning("acha", own) == "opt_out"


def test_letters_that_stand_apart_are_one_word_and_the_next_word_is_another() -> None:
    assert plain_words("S.T.O.P choir") == "stop choir"
    assert plain_words("s t o p") == "stop"


def test_a_projects_own_words_stand_instead_of_the_defaults() -> None:
    own = ConsentSettings(opt_out_words=("STOP", "Acha!"), opt_in_words=("Anza",), help_words=("Saidia",))
    assert meaning("acha", own) == "opt_out"
    assert meaning("ANZA", own) == "opt_in"
    assert meaning("saidia", own) == "help"
    assert meaning("cancel", own) == "nothing"
    assert meaning("start", own) == "nothing"
    assert meaning("help", own) == "nothing"


def test_a_projects_own_word_does_not_count_at_the_beginning_of_a_longer_message() -> None:
    own = ConsentSettings(opt_out_words=("STOP", "Acha"))
    assert meaning("acha choir", own) == "review"
    assert read_message("stop choir", settings=own).rest == "choir"


def test_a_projects_own_words_may_be_several_words() -> None:
    own = ConsentSettings(opt_out_words=("No More",))
    assert meaning("no  more.", own) == "opt_out"
    assert meaning("there is no more sugar", own) == "review"


def test_a_word_that_is_both_an_opt_out_and_an_opt_in_is_an_opt_out() -> None:
    assert meaning("news", ConsentSettings(opt_out_words=("news",), opt_in_words=("news",))) == "opt_out"


# ---- how wide a STOP is -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "scope"),
    [
        ("everything", Scope(ANY, ANY, ANY)),
        ("channel", Scope("sms", ANY, ANY)),
        ("sender", Scope("sms", "SHOP", ANY)),
        ("marketing", Scope(ANY, ANY, "marketing")),
    ],
)
def test_a_stop_is_as_wide_as_the_project_says(setting: StopScope, scope: Scope) -> None:
    assert stop_scope(ConsentSettings(stop_scope=setting), channel="sms", sender="SHOP") == scope


@pytest.mark.parametrize("setting", ["everything", "channel", "sender"])
def test_a_stop_that_names_no_channel_and_no_sender_is_about_everything(setting: StopScope) -> None:
    assert stop_scope(ConsentSettings(stop_scope=setting), channel=ANY, sender=ANY) == Scope()


def test_a_stop_is_about_everything_unless_the_project_says_otherwise() -> None:
    assert stop_scope(DEFAULTS, channel="sms", sender="SHOP") == Scope()


# ---- states as they are shown -------------------------------------------------------------------------


def show_state(state: State) -> Any:
    return msgspec.to_builtins(views.show_state(state))


def show_fact(fact: Fact) -> Any:
    return msgspec.to_builtins(views.show_fact(fact))


def show_reasons(verdict: Verdict) -> Any:
    return msgspec.to_builtins(views.show_reasons(verdict))


def entry(channel: str | None = None, purpose: str | None = None) -> dict[str, str | None]:
    return {"channel": channel, "purpose": purpose}


def test_nothing_known_is_shown_as_nothing() -> None:
    nothing: list[object] = []
    assert show_state(NOTHING_KNOWN) == {
        "suppressed": False,
        "blocked": nothing,
        "opted_in": nothing,
        "senders": nothing,
        "left_groups": nothing,
        "subscriptions": nothing,
    }


def test_a_suppressed_number_is_shown_in_one_scope() -> None:
    shown = show_state(derive_state([fact("opt_out", Scope(channel)) for channel in CHANNELS]))
    assert shown["suppressed"] is True
    assert shown["blocked"] == [entry()]


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        (Scope(), entry()),
        (Scope("sms"), entry("sms")),
        (Scope(purpose="marketing"), entry(None, "marketing")),
        (Scope("sms", ANY, "transactional"), entry("sms", "transactional")),
    ],
)
def test_one_opt_out_is_shown_in_its_own_scope(scope: Scope, shown: dict[str, str | None]) -> None:
    state = show_state(derive_state([fact("opt_out", scope)]))
    assert (state["blocked"], state["senders"]) == ([shown], [])


@pytest.mark.parametrize(
    ("scope", "sender", "shown"),
    [
        (Scope("sms", "SHOP"), "shop", entry("sms")),
        (Scope(ANY, "20-880"), "20880", entry()),
        (Scope("sms", "SHOP", "transactional"), "shop", entry("sms", "transactional")),
    ],
)
def test_an_opt_out_from_one_sender_is_shown_for_that_sender_alone(
    scope: Scope, sender: str, shown: dict[str, str | None]
) -> None:
    state = show_state(derive_state([fact("opt_out", scope)]))
    assert (state["suppressed"], state["blocked"]) == (False, [])
    assert state["senders"] == [{"sender": sender, "blocked": [shown], "opted_in": []}]


def test_a_sender_with_a_state_of_its_own_is_shown_whole() -> None:
    """What is blocked for every sender is shown for that sender again, so that one entry says all of it."""
    out = fact("opt_out", Scope("sms", ANY, "marketing"))
    back = Fact(10, "opt_in", Scope("sms", "SHOP"), NOW + 1, NOW + 1, "form")
    other = fact("opt_out", Scope("whatsapp", "Club"))
    state = show_state(derive_state([out, back, other]))
    assert state["blocked"] == [entry("sms", "marketing")]
    assert state["senders"] == [
        {"sender": "club", "blocked": [entry("sms", "marketing"), entry("whatsapp")], "opted_in": []},
        {"sender": "shop", "blocked": [], "opted_in": [entry("sms")]},
    ]


def test_an_opt_in_is_shown_in_its_own_scope() -> None:
    shown = show_state(derive_state([fact("opt_in", Scope("whatsapp"))]))
    assert (shown["blocked"], shown["opted_in"]) == ([], [entry("whatsapp")])


def test_both_purposes_of_a_channel_are_shown_as_the_channel() -> None:
    facts = [fact("opt_out", Scope("sms", ANY, purpose)) for purpose in PURPOSES]
    assert show_state(derive_state(facts))["blocked"] == [entry("sms")]


def test_a_purpose_on_every_channel_is_shown_as_the_purpose() -> None:
    facts = [fact("opt_out", Scope(channel, ANY, "marketing")) for channel in CHANNELS]
    assert show_state(derive_state(facts))["blocked"] == [entry(None, "marketing")]


@given(st.integers(0, mask_of(ANY, ANY)), st.integers(0, mask_of(ANY, ANY)), st.sampled_from((OTHERS, "shop")))
def test_the_scopes_shown_are_together_what_is_blocked_and_what_was_opted_in_to(
    blocked: int, opted_in: int, sender: str
) -> None:
    shown = show_state(State(cells={OTHERS: (0, 0), sender: (blocked, opted_in)}))
    if sender != OTHERS:
        assert (shown["blocked"], shown["opted_in"]) == ([], [])
        assert isinstance(shown["senders"], list)
        (shown,) = shown["senders"]
        assert shown["sender"] == sender
    for member, mask in (("blocked", blocked), ("opted_in", opted_in)):
        scopes = shown[member]
        assert isinstance(scopes, list)
        together = 0
        for scope in scopes:
            together |= mask_of(scope["channel"] or ANY, scope["purpose"] or ANY)
        assert together == mask
        assert len(scopes) <= len(CHANNELS) + 1


def test_groups_that_were_left_and_services_that_are_paid_are_shown_by_name() -> None:
    left = Fact(1, "left_group", Scope("sms"), NOW, NOW, "inbound", keyword="choir", group_id=7)
    paid = fact("activated", Scope("premium_sms", "20-880"), source="provider", keyword="news")
    shown = show_state(derive_state([left, paid]))
    assert shown["left_groups"] == ["choir"]
    assert shown["subscriptions"] == [{"sender": "20880", "keyword": "news"}]


# ---- facts as they are shown --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (
            fact("opt_out"),
            f"Opted out of all messages on every channel from any sender at {WRITTEN}; "
            f"recorded {WRITTEN} from the person's own message, fact 9.",
        ),
        (
            fact("opt_in", Scope("sms", "SHOP", "marketing"), source="form"),
            f"Opted in to marketing messages by SMS from SHOP at {WRITTEN}; "
            f"recorded {WRITTEN} from a form that the person filled in, fact 9.",
        ),
        (
            fact("left_group", Scope("sms"), keyword="choir"),
            f"Left the group 'choir' at {WRITTEN}; recorded {WRITTEN} from the person's own message, fact 9.",
        ),
        (
            fact("activated", Scope("premium_sms", "20880"), source="provider", keyword="news"),
            f"The paid service 'news' of 20880 began at {WRITTEN}; "
            f"recorded {WRITTEN} from the messaging provider, fact 9.",
        ),
        (
            fact("deactivated", Scope("premium_sms", "20880"), source="provider", keyword="news"),
            f"The paid service 'news' of 20880 ended at {WRITTEN}; "
            f"recorded {WRITTEN} from the messaging provider, fact 9.",
        ),
    ],
    ids=lambda part: part.kind if isinstance(part, Fact) else "",
)
def test_each_kind_of_fact_has_its_sentence(known: Fact, sentence: str) -> None:
    assert describe_fact(known) == sentence


@pytest.mark.parametrize("source", SOURCE_NAMES)
def test_each_source_is_named_in_words(source: Source) -> None:
    assert f"from {SOURCE_NAMES[source]}," in describe_fact(fact("opt_out", source=source))


@pytest.mark.parametrize(
    ("channel", "words"), [("sms", "by SMS"), ("whatsapp", "by WhatsApp"), ("premium_sms", "by Premium SMS")]
)
def test_each_channel_is_named_in_words(channel: str, words: str) -> None:
    assert tell_scope(Scope(channel, ANY, "transactional")) == f"transactional messages {words} from any sender"


def test_a_fact_is_shown_with_nothing_for_any() -> None:
    assert show_fact(fact("opt_out", Scope("sms"))) == {
        "id": 9,
        "kind": "opt_out",
        **entry("sms"),
        "sender": None,
        "at": WRITTEN,
        "recorded_at": WRITTEN,
        "source": "inbound",
        "evidence": None,
    }


def test_a_fact_shows_its_group_its_keyword_its_override_and_its_evidence() -> None:
    assert show_fact(fact("left_group", keyword="choir"))["group"] == "choir"
    assert show_fact(fact("activated", keyword="news"))["keyword"] == "news"
    overridden = Fact(
        9, "opt_in", Scope(), NOW, NOW, "bulk", override=True, evidence=write_evidence(form="paper", page=None)
    )
    shown = show_fact(overridden)
    assert (shown["override"], shown["evidence"]) == (True, {"form": "paper"})
    assert write_evidence(form=None) is None


# ---- reasons ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", SENTENCES)
def test_each_reason_without_a_fact_has_its_sentence(code: str) -> None:
    (reason,) = show_reasons(Verdict(allowed=False, code=code))
    assert reason == {"code": code, "text": SENTENCES[code]}
    assert SENTENCES[code].endswith(".")


def test_a_refusal_names_each_fact_that_it_rests_on() -> None:
    out, paid = fact("opt_out"), fact("activated", Scope("premium_sms", "20880"), source="provider", keyword="news")
    reasons = show_reasons(Verdict(allowed=False, code="opted_out", facts=(out, paid), still_billed=True))
    assert [reason["code"] for reason in reasons] == ["opted_out", "still_billed"]
    assert [reason["text"] for reason in reasons] == [describe_fact(out), f"Still billed. {describe_fact(paid)}"]
    assert [reason["fact"] for reason in reasons] == [show_fact(out), show_fact(paid)]
