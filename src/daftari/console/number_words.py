"""Why something is no telephone number, in the words of the console. Decides nothing; knows no page.

The rules say it in English, with an example.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from daftari.console.languages import format_number as n
from daftari.console.languages import gettext as _

Found = re.Match[str]

_SENTENCE = re.compile(r"(?:This )?is not a telephone number: (.*); write it like (\S+)\.", re.DOTALL)
_DIGITS = r"mobiles have ([\d or]+) digits after (\d+), and this has (\d+)"
WHY: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (r"has no digits", lambda found: _("it has no digits")),
    (r"is a date", lambda found: _("it is a date")),
    (r"is masked: .*", lambda found: _("some of its digits are hidden")),
    (r"was shortened by a spreadsheet: .*", lambda found: _("a spreadsheet lost its last digits")),
    (r"holds (?:two|\d+) numbers", lambda found: _("it is more than one number")),
    (r"holds letters", lambda found: _("it holds letters")),
    (r"holds signs that no number has", lambda found: _("it holds signs that no number has")),
    (r"begins with the code of no country", lambda found: _("it begins with the code of no country")),
    (r"is no number that is in use after (\d+)", lambda found: _("no number of +%(code)s is like that", code=found[1])),
    (rf"is too short: {_DIGITS}", lambda found: _("it is too short: %(counted)s", counted=_count(found))),
    (rf"is too long: {_DIGITS}", lambda found: _("it is too long: %(counted)s", counted=_count(found))),
    (rf"has a wrong number of digits: {_DIGITS}", lambda found: _count(found)),
    (
        r"it is longer than (\d+) characters",
        lambda found: _("it is longer than %(most)s characters", most=n(int(found[1]))),
    ),
    (
        r"it has a sign, a fraction or too many digits",
        lambda found: _("it has a sign, a fraction or too many digits"),
    ),
)
"""The end of what the rules say, and what the console says."""


def explain_number(sentence: str) -> str:
    """What is wrong with something that is no number, as a sentence."""
    said = _SENTENCE.fullmatch(sentence)
    for pattern, reword in WHY if said is not None else ():
        found = re.search(rf"(?:\A|(?<=\s)){pattern}\Z", said[1], re.DOTALL) if said is not None else None
        if found is not None:
            return _("This is no telephone number: %(why)s.", why=reword(found))
    return _("This is no telephone number.")


def _count(found: Found) -> str:
    """How many digits there should be, and how many there are."""
    right = _(" or ").join(found[1].split(" or "))
    return _(
        "mobiles have %(right)s digits after +%(code)s, and this has %(has)s", right=right, code=found[2], has=found[3]
    )
