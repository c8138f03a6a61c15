"""Finds refusals that are no keyword: other words, other languages, misspelt keywords. A person should read them.

A message that is found here leads to a review and to nothing else. No settings, no SQL.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import cache

from daftari.rules.consent.refusal_words import ALONE, BRIEF, CLEAR, FILLERS, LET, LIKE_STOP, MESSAGES, NEAR

WORDS_MAX = 2
"""Words of a message that says little more than a word of ``BRIEF``, fillers not counted."""
MISSPELT_WORDS_MAX = 6
"""Words of a message in which a misspelt STOP may stand anywhere; of a longer one it is the first."""
LIKENESS_MIN = 0.84
"""How much of a misspelt UNSUBSCRIBE must be right."""
STOP_SIGNS = frozenset("🛑⛔🚫")

_DIGITS_AS_LETTERS = str.maketrans("013457", "oleast")
_FILLERS, _LIKE_STOP = frozenset(FILLERS.split()), frozenset(LIKE_STOP.split())


def without_permission(plain: str) -> str:
    """Plain words without those that let someone do something: "acha nikuambie", "wacha tuone"."""
    return _words(LET).sub(" ", plain)


def find_refusal(plain: str, *, written: str) -> str:
    """Why a person should read a message, or blank. ``plain`` has the plain words of what was ``written``."""
    if not plain:
        return "is a sign that says stop" if STOP_SIGNS & set(written) else ""
    words = _without_marks(without_permission(plain))
    if _words(CLEAR).search(words) or _is_short_refusal(words):
        return "may be a refusal"
    return "may be a misspelt opt-out word" if _is_misspelt(words) else ""


def _is_short_refusal(words: str) -> bool:
    """Whether a word that has other uses stands alone, or almost, or next to a word for messages."""
    said = [word for word in words.split() if word not in _FILLERS]
    # Some that stand alone are made of words that say nothing elsewhere: "si mimi".
    for alone in (" ".join(said), words):
        if _words(ALONE).fullmatch(alone) or _words(NEAR).fullmatch(alone):
            return True
    names_messages = _words(MESSAGES).search(words) is not None
    if names_messages and _words(NEAR).search(words):
        return True
    return (names_messages or len(said) <= WORDS_MAX) and _words(BRIEF).search(words) is not None


def _is_misspelt(words: str) -> bool:
    """Whether a word is almost STOP or UNSUBSCRIBE: letters changed, left out, doubled, or written as digits."""
    apart = words.split()
    whole = words.replace(" ", "")
    candidates = [*apart, whole] if len(apart) <= MISSPELT_WORDS_MAX else apart[:1]
    return any(map(_is_almost_stop, candidates)) or any(map(_is_almost_unsubscribe, [*apart, whole]))


def _is_almost_stop(word: str) -> bool:
    letters = re.sub(r"(.)\1+", r"\1", word.translate(_DIGITS_AS_LETTERS))
    if word.isdecimal() or word in _LIKE_STOP or letters in _LIKE_STOP:
        return False
    return _almost_stop().fullmatch(letters) is not None


def _is_almost_unsubscribe(word: str) -> bool:
    if not word.startswith(("un", "us", "ub", "on")) or not 7 <= len(word) <= 15:
        return False
    likeness = SequenceMatcher(None, word.translate(_DIGITS_AS_LETTERS), "unsubscribe", autojunk=False)
    return likeness.ratio() >= LIKENESS_MIN


def _without_marks(plain: str) -> str:
    """Without accents, Arabic vowels and the forms of Alef: ``arrêt`` is ``arret``."""
    if plain.isascii():
        return plain
    parts = unicodedata.normalize("NFD", plain)
    bare = "".join(character for character in parts if unicodedata.category(character) != "Mn")
    return unicodedata.normalize("NFC", bare).replace("\u0640", "").replace("\u0649", "\u064a")


@cache
def _almost_stop() -> re.Pattern[str]:
    """STOP, and what differs from it by one letter or by two neighbours in the other order."""
    forms = {"stop"}
    for place in range(len("stop")):
        head, tail = "stop"[:place], "stop"[place:]
        forms |= {f"{head}.{tail}", f"{head}.?{tail[1:]}", f"{head}{tail[1:2]}{tail[0]}{tail[2:]}"}
    return re.compile("|".join(sorted(forms)))


@cache
def _words(patterns: str) -> re.Pattern[str]:
    """A table of whole words as one pattern, compiled when it is first needed."""
    lines = [line for line in _without_marks(patterns).splitlines() if line and not line.startswith("#")]
    return re.compile(rf"\b(?:{'|'.join(lines)})\b")
