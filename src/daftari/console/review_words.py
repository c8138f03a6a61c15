"""What waits for a review, in words: whose it is, why a person should read it, what holds meanwhile, what to answer.

The rules say why in English, for programs. What is not here is shown as they say it. Knows no page.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup

from daftari.console import consent_words
from daftari.console.languages import current_language, isolated
from daftari.console.languages import format_number as n
from daftari.console.languages import gettext as _
from daftari.model.consent import ANY
from daftari.model.inbound import DAFTARI, Review, Settlement
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.people.reviews import Waiting

Found = re.Match[str]

WHY: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (
        r"comes from a WhatsApp user whose number is withheld",
        lambda found: _("WhatsApp withholds the number of this person."),
    ),
    (r"comes from a number that cannot be read", lambda found: _("Their number cannot be read.")),
    (r"names no number that can be read", lambda found: _("It names no number that can be read.")),
    (
        r"is longer than (\d+) characters",
        lambda found: _("It is longer than %(most)s characters.", most=n(int(found[1]))),
    ),
    (r"begins with an opt-out word", lambda found: _("It begins with an opt-out word and says more.")),
    (r"begins with the letters of an opt-out", lambda found: _("It begins with the letters of an opt-out word.")),
    (r"has an opt-out word in it", lambda found: _("It has an opt-out word in it.")),
    (r"is a sign that says stop", lambda found: _("It is a sign that says stop.")),
    (r"may be a refusal", lambda found: _("It may be a no in other words.")),
    (r"may be a misspelt opt-out word", lambda found: _("It may be a misspelt opt-out word.")),
    (r"begins with an opt-in word", lambda found: _("It begins with an opt-in word and says more.")),
    (
        r"is an edited message that may be",
        lambda found: _("They changed an earlier message into this, which may be an opt-out."),
    ),
    (
        r"is a button that stands for ['\"](.*?)['\"](?:;|\Z)",
        lambda found: _("They pressed a button that stands for %(words)s.", words=isolated(found[1])),
    ),
    (
        r"is the code (\S+) of the provider",
        lambda found: _("The provider reported the code %(code)s.", code=isolated(found[1].rstrip(",:"))),
    ),
    (r"which blocks the number", lambda found: _("That code means that the number is blocked.")),
    (r"the person blocked the sender", lambda found: _("That code means that they blocked the sender.")),
    (
        r"is a preference with the unknown value ['\"](.*?)['\"](?:;|\Z)",
        lambda found: _("They chose something that is not known: %(words)s.", words=isolated(found[1])),
    ),
    (r"has the id of a message and is in no known", lambda found: _("It looks like a message and cannot be read.")),
    (r"\Acannot be read", lambda found: _("It cannot be read as a message.")),
    (
        r"came in a refused request",
        lambda found: _("It came in a request that was refused, with the message of someone who was erased."),
    ),
    (
        r"may be meant by an opt-out of (\d+)",
        lambda found: _(
            "Someone opted out +%(mobile)s. The same digits may be this number, so it was opted out too.",
            mobile=found[1],
        ),
    ),
)
"""What the rules say, and what the console says; of several, each is said."""
_DETAILS = re.compile(r"; (number|user|message) ['\"]")
"""What the rules add where no number could be read: all that helps to find out whose message it is."""


def way(review: Review) -> str:
    """By which way and to which of our numbers it came; blank where neither is known."""
    channel = CHANNEL_NAMES.get(review.channel, "")
    if review.sender in ("", ANY):
        return channel
    if not channel:
        return _("to %(sender)s", sender=isolated(review.sender))
    return _("%(channel)s to %(sender)s", channel=channel, sender=isolated(review.sender))


def why(review: Review) -> str:
    """Why a person should read it, in sentences."""
    at = _DETAILS.search(review.reason) if review.mobile is None else None
    end = len(review.reason) if at is None else at.start()
    reason, details = review.reason[:end], review.reason[end + 2 :]
    found = ((reword, re.search(pattern, reason, re.DOTALL)) for pattern, reword in WHY)
    said = [reword(match) for reword, match in found if match is not None]
    if not said:
        said.append(_foreign(f"{reason[:1].upper()}{reason[1:]}."))
    if details:
        said.append(_("The provider says: %(details)s.", details=isolated(details)))
    return Markup(" ").join(said)


def meanwhile(one: Waiting) -> str:
    """What was done until a person decides, in a sentence."""
    if one.is_held:
        return _("It is kept, and opts them out as soon as their number is known.")
    if one.review.mobile is None:
        return _("Nothing is written down for it yet.")
    if one.still_out:
        what = consent_words.about(one.still_out[-1].scope)
        return _("To be safe they are opted out for now: %(what)s.", what=what)
    if one.is_suppressed:
        return _("They are opted out of everything already.")
    if one.recorded:
        return _("It was taken for an opt-out, and they agreed again since.")
    return _("Nothing is written down for it yet.")


def answers(one: Waiting) -> list[tuple[Settlement, str]]:
    """The buttons: what each settles it as, and its words. The likely answer comes first."""
    review = one.review
    if review.mobile is None:
        found: list[tuple[Settlement, str]] = [("opt_out", _("They ask to stop"))]
        if one.is_held:
            return [*found, ("dismiss", _("Wait for their number")), ("retract", _("Neither"))]
        return [*found, ("dismiss", _("Neither"))]
    if review.provider == DAFTARI:
        return [("dismiss", _("Leave them opted out")), ("retract", _("Take the opt-out back"))]
    if one.still_out:
        return [
            ("opt_out", _("Leave them opted out")),
            ("retract", _("Take the opt-out back")),
            ("dismiss", _("Neither")),
        ]
    stop: tuple[Settlement, str] = ("opt_out", _("They ask to stop"))
    agree: tuple[Settlement, str] = ("opt_in", _("They agree"))
    likely = (agree, stop) if "opt-in word" in review.reason else (stop, agree)
    return [*likely, ("dismiss", _("Neither"))]


def _foreign(text: str) -> str:
    return text if current_language() == "en" else Markup('<span lang="en">{}</span>').format(text)
