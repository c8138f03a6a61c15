"""Classifies a message: an opt-out, an opt-in, a call for help, or one that a person should read.

The keywords are a project's setting, with defaults here. How wide a STOP is, is a setting too. No SQL, no providers.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

from msgspec import Struct

from daftari.model.consent import Scope
from daftari.model.limits import MESSAGE_READ_MAX
from daftari.model.projects import ConsentSettings
from daftari.rules.consent.refusals import find_refusal, without_permission

OPT_OUT_WORDS = (
    *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out", "unsub", "remove"),
    *("ondoka", "toka", "acha", "wacha"),
)
OPT_IN_WORDS = ("start", "unstop", "subscribe")
HELP_WORDS = ("help", "info", "msaada")
STOP = "stop"
"""The word that may be followed by the name of a group."""
LEADING_WORDS = frozenset({STOP, "stopall", "unsubscribe"})
"""Opt-out words that count at the beginning of a longer message too."""

Meaning = Literal["opt_out", "opt_in", "help", "review", "nothing"]


class Reading(Struct, frozen=True):
    """What a message was taken for. ``rest`` follows a leading STOP as it was written, perhaps the name of a group;
    ``why`` says what a person should look at."""

    meaning: Meaning
    rest: str = ""
    why: str = ""


def read_message(text: str, *, settings: ConsentSettings) -> Reading:
    """What a person's message says. A person reads one that is too long, unless it begins as a STOP."""
    reading = _read_beginning(text[:MESSAGE_READ_MAX], settings=settings)
    if len(text) > MESSAGE_READ_MAX and reading.meaning != "opt_out":
        return Reading("review", why=f"is longer than {MESSAGE_READ_MAX} characters")
    return reading


def _read_beginning(text: str, *, settings: ConsentSettings) -> Reading:
    plain = _join_unsubscribe(plain_words(text))
    # A project's own words are added to those that always count.
    opt_out_words = _known(settings.opt_out_words, OPT_OUT_WORDS) | LEADING_WORDS
    if _is_one_of(plain, opt_out_words):
        return Reading("opt_out")
    if _is_one_of(plain, _known(settings.opt_in_words, OPT_IN_WORDS)):
        return Reading("opt_in")
    if _is_one_of(plain, _known(settings.help_words, HELP_WORDS)):
        return Reading("help")
    first = plain.partition(" ")[0]
    if first in LEADING_WORDS:
        return Reading(
            "opt_out",
            rest=_rest(text, first=first) if first == STOP else "",
            why="begins with an opt-out word and says more",
        )
    if any(first.startswith(word) for word in LEADING_WORDS):
        return Reading("review", why="begins with the letters of an opt-out word")
    padded = f" {without_permission(plain)} "
    if any(f" {word} " in padded for word in opt_out_words):
        return Reading("review", why="has an opt-out word in it")
    if why := find_refusal(plain, written=text):
        return Reading("review", why=why)
    if first in _known(settings.opt_in_words, OPT_IN_WORDS):
        return Reading("review", why="begins with an opt-in word and says more")
    return Reading("nothing")


def find_shadowed_word(settings: ConsentSettings) -> str | None:
    """A word that a project chose to opt in or to ask for help, and that opts out, which is what counts."""
    opt_out_words = _known(settings.opt_out_words, OPT_OUT_WORDS) | LEADING_WORDS
    chosen = (*(settings.opt_in_words or ()), *(settings.help_words or ()))
    return next((word for word in map(plain_words, chosen) if _is_one_of(word, opt_out_words)), None)


def is_opt_out_payload(payload: str, *, settings: ConsentSettings) -> bool:
    """Whether a button stands for an opt-out: ``STOP``, ``stop_promotions``, ``btn-unsubscribe``."""
    reading = read_message(payload, settings=settings)
    joined = plain_words(payload).replace(" ", "")
    return reading.meaning == "opt_out" or any(word in joined for word in ("optout", "unsubscribe"))


def plain_words(text: str) -> str:
    """A text without case, punctuation and double spaces; letters that stand apart, ``S.T.O.P``, are one word."""
    # Signs that stand for whole sentences become much longer.
    folded = unicodedata.normalize("NFKC", text).casefold()[:MESSAGE_READ_MAX]
    kept = [character if _is_of_a_word(character) else " " for character in folded]
    words: list[str] = []
    was_letter = False
    for word in "".join(kept).split():
        if was_letter and len(word) == 1:
            words[-1] += word
        else:
            words.append(word)
        was_letter = len(word) == 1
    return " ".join(words)


def _is_of_a_word(character: str) -> bool:
    """Letters, digits and the marks on them."""
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _join_unsubscribe(plain: str) -> str:
    """The plain words with ``un subscribe`` as one word."""
    return f" {plain} ".replace(" un subscribe ", " unsubscribe ").strip()


def _rest(text: str, *, first: str) -> str:
    """What follows the first word, as it was written, without signs and spaces before it."""
    place = 0
    # The word may have been written in several pieces.
    while place < len(text) and len(plain_words(text[:place])) < len(first):
        place = _past(text, _past(text, place, is_word=False), is_word=True)
    return text[_past(text, place, is_word=False) :].strip()


def _past(text: str, place: int, *, is_word: bool) -> int:
    """The next place in a text that is not of a word, or the next one that is."""
    while place < len(text) and _is_of_a_word(text[place]) is is_word:
        place += 1
    return place


def _is_one_of(plain: str, words: frozenset[str]) -> bool:
    """Whether a message is one of the words, in one piece or in several: ``opt-out``, ``un subscribe``."""
    return plain in words or plain.replace(" ", "") in words


def _known(own: tuple[str, ...] | None, default: tuple[str, ...]) -> frozenset[str]:
    return frozenset(default if own is None else filter(None, map(plain_words, own)))


def stop_scope(settings: ConsentSettings, *, channel: str, sender: str) -> Scope:
    """What a plain STOP is about that came by a channel to a sender; a DELETE names neither."""
    match settings.stop_scope:
        case "everything":
            return Scope()
        case "channel":
            return Scope(channel=channel)
        case "sender":
            return Scope(channel=channel, sender=sender)
        case "marketing":
            return Scope(purpose="marketing")
