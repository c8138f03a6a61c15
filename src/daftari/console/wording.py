"""Errors of the rules in the words of the console, where their own are for programs; and in the reader's language.

The rules say what is wrong in English, for callers of the API. What is not here is shown as they say it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup

from daftari.console import account_wording, connection_reasons, set_up_wording
from daftari.console.durations import span
from daftari.console.languages import current_language, isolated, ngettext
from daftari.console.languages import format_number as n
from daftari.console.languages import gettext as _
from daftari.console.number_words import explain_number
from daftari.errors import DaftariError
from daftari.model.contacts import Card
from daftari.model.projects import KeyKind
from daftari.model.users import Role

Found = re.Match[str]

FIELD_EXAMPLE = "{{ fname | rafiki }}"

_FIELD = re.compile(r"The \S+ field (.*)", re.DOTALL)

FIELDS: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (r"is required(?! again).*", lambda found: _("This is needed.")),
    (
        r"must not be longer than ([\d,]+) characters\.( It is .*)?",
        lambda found: _("This is longer than %(most)s characters.", most=_whole(found[1])),
    ),
    (
        r"must be an e-mail address.*",
        lambda found: _("This is no e-mail address. One is written like asha@example.com."),
    ),
    (
        r"must have at least (\d+) characters.*",
        lambda found: _(
            "This is shorter than %(least)s characters. A few words are easy to remember.", least=_whole(found[1])
        ),
    ),
    (r"must not repeat one character\.", lambda found: _("This is one character again and again.")),
    (r"must not be the e-mail address\.", lambda found: _("The e-mail address is no password.")),
    (r"is not the present one\.", lambda found: _("This is not your present password.")),
    (r"must be two capital letters of a country.*", lambda found: _("Choose a country.")),
    (r"must be a time zone.*", lambda found: _("Choose a time zone.")),
    (r"must be one of: .*", lambda found: _("Choose one of these.")),
    (
        r"must be longer: (\d+) characters at least\.",
        lambda found: _("Write a little more: at least %(least)s characters.", least=_whole(found[1])),
    ),
    (
        r"must be a time that there is: .*",
        lambda found: _("On that day the clocks skip this time. Choose another one."),
    ),
    (r"must be a time.*", lambda found: _("This is no time.")),
    (r"must be a day.*", lambda found: _("This is no day.")),
    (r"must not be in the past\.", lambda found: _("This day is over.")),
    (r"must not be in the future\.", lambda found: _("This time is still to come.")),
    (r"is not a telephone number: .*", lambda found: explain_number(found[0])),
    (r"(must be|is not) a telephone number.*", lambda found: _("This is no telephone number.")),
    (r"belongs to another contact already\.", lambda found: _("This number belongs to another contact already.")),
    (r"is not the number of this contact\.", lambda found: _("This is not the number of this contact.")),
    (r"must be another group\.", lambda found: _("This is the same group.")),
    (
        r"must not have more than ([\d,]+) items\.",
        lambda found: _("At most %(most)s at a time.", most=_whole(found[1])),
    ),
    (
        r"must not be retract: nothing was recorded of this message\.",
        lambda found: _("The opt-out was taken back already."),
    ),
    (r"names no group\.", lambda found: _("There is no group of this name.")),
    (
        r"can take ([\d,]+) contacts at a time\.",
        lambda found: _(
            "At most %(most)s contacts are merged at a time. Move some of them to that group first.",
            most=_whole(found[1]),
        ),
    ),
    (r"must be one line without control characters\.", lambda found: _("This is more than one line.")),
    (
        r"must be, for (.+?), .*",
        lambda found: _("Something of the key is missing."),
    ),
    (
        r"names .+, which is no record with the problem erasure_pending\.",
        lambda found: _("Someone decided about this meanwhile."),
    ),
    (r"names no column that is the mobile\.", lambda found: _("Say which column holds the number.")),
    (
        r"names no group called '(.*)'\.",
        lambda found: _("There is no group %(group)s.", group=isolated(found[1])),
    ),
    (
        r"names the field '(.*?)', which is not known(?:; write (.+?))?\. Known are .*",
        lambda found: (
            _(
                "The text fills in %(name)s, which no contact has. Did you mean %(other)s?",
                name=isolated(found[1]),
                other=isolated(found[2]),
            )
            if found[2]
            else _("The text fills in %(name)s, which no contact has.", name=isolated(found[1]))
        ),
    ),
    (
        r"has '(.*)' without a fallback; .*",
        lambda found: _("Write a word after the line in %(field)s, or leave out the line.", field=isolated(found[1])),
    ),
    (
        r"has '(.*)', which names no field; .*",
        lambda found: _(
            "%(field)s does not say what is to be filled in. Write it like %(example)s.",
            field=isolated(found[1]),
            example=FIELD_EXAMPLE,
        ),
    ),
    (
        r"has '(.*)'; there are no filters and no quotation marks: .*",
        lambda found: _(
            "In %(field)s the word after the line would be sent as it is. Write it like %(example)s.",
            field=isolated(found[1]),
            example=FIELD_EXAMPLE,
        ),
    ),
    (
        r"has a brace left over at '(.*)'; .*",
        lambda found: _(
            "There is a brace too many at %(place)s. What is filled in is written like %(example)s.",
            place=isolated(found[1]),
            example=FIELD_EXAMPLE,
        ),
    ),
    (r"must not contain the control character .*", lambda found: _("There is a character in it that cannot be sent.")),
    (
        r"is '(.*)'; the name of an approved template has .*",
        lambda found: _("A template is called by small letters, digits and _, such as order_ready."),
    ),
    (r"is '(.*)'; write the code of the approved template, .*", lambda found: _("Write sw, en or en_US, for example.")),
    (
        r"has .*, which WhatsApp refuses in a param; .*",
        lambda found: _("WhatsApp takes no line break, no tab and no row of spaces here."),
    ),
    (
        r"must be after the time at which the campaign starts\.",
        lambda found: _("This is before it begins, or in the past."),
    ),
    (
        r"must not have more than (\d+) items.*",
        lambda found: _("There are more than %(most)s, which is too many.", most=_whole(found[1])),
    ),
    (r"must be a number of people\.", lambda found: _("This is no number of people.")),
    (
        r"is \w+, and .* is for \w+ messages alone: use another sender\.",
        lambda found: _("This sender is for messages of another kind."),
    ),
    (
        r"may be \+(\d+) or \+(\d+): write it with a plus\.",
        lambda found: _(
            "This may be %(one)s or %(other)s. Write it with a plus.", one="+" + found[1], other="+" + found[2]
        ),
    ),
    (
        r"must be true for unknown: .*",
        lambda found: _("Some of these people may get it twice: say that this is right."),
    ),
    (
        r"must be (?:an integer between|a whole number from) ([\d,]+) (?:and|to) ([\d,]+)\..*",
        lambda found: _(
            "This is no whole number from %(least)s to %(most)s.", least=_whole(found[1]), most=_whole(found[2])
        ),
    ),
    (
        r".*; write a number with its unit \(s, m, h or d\).*",
        lambda found: _("Write a whole number."),
    ),
    (
        r".*; it must be from (\w+) to (\w+)[.;].*",
        lambda found: _("It is from %(least)s to %(most)s.", least=span(found[1]), most=span(found[2])),
    ),
    (r"names .+, and there is no such group; .*", lambda found: _("There is no group of this name.")),
    (
        r".*, which the trigger is on: nothing would ever be sent\.",
        lambda found: _("The trigger is on this itself, so nothing would ever be sent."),
    ),
    (r"needs a group\.", lambda found: _("Choose a group, or everyone.")),
    (r"needs a kind and a name in each line\.", lambda found: _("In a line either what or the name is missing.")),
    (r"must not be greater than (\d+)\.", lambda found: _("This is more than %(most)s.", most=_whole(found[1]))),
    (r"must be such as '08:00.*", lambda found: _("Give a first and a last hour, such as 08:00 and 18:00.")),
    (r"must not have more than (\d+) words; .*", lambda found: _("At most %(most)s words.", most=_whole(found[1]))),
    (
        r"has '(.*)'; a word has at most (\d+) characters\.",
        lambda found: _("A word has at most %(most)s characters.", most=_whole(found[2])),
    ),
    (
        r"must not have '(.*)', which is a word that opts out\.",
        lambda found: _("%(word)s is a word that opts out, and that counts first.", word=isolated(found[1])),
    ),
    (
        r"must not name more than (\d+) attributes; .*",
        lambda found: _("At most %(most)s attributes.", most=_whole(found[1])),
    ),
    (
        r"names '(.*)'; a name has at most (\d+) characters\.",
        lambda found: _("A name has at most %(most)s characters.", most=_whole(found[2])),
    ),
    (
        r"must not have more than (\d+) attributes\.",
        lambda found: _("A contact has at most %(most)s of these.", most=_whole(found[1])),
    ),
    *account_wording.FIELDS,
    *set_up_wording.FIELDS,
)
"""What the rules say about a field, after its name, and what the console says."""
MESSAGES: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (r"The e-mail address or the password is wrong\.", lambda found: _("The e-mail or the password is wrong.")),
    (
        r"There were too many attempts to sign in; try again in (\d+) s\.",
        lambda found: ngettext(
            "There were too many attempts. Try again in %(num)s second.",
            "There were too many attempts. Try again in %(num)s seconds.",
            int(found[1]),
        ),
    ),
    (
        r"There were too many attempts to sign in; try again in (\d+) minutes\.",
        lambda found: ngettext(
            "There were too many attempts. Try again in %(num)s minute.",
            "There were too many attempts. Try again in %(num)s minutes.",
            int(found[1]),
        ),
    ),
    (
        r"Your role does not allow this; (.+) may do it\. An owner of the project can change your role\.",
        lambda found: _need_role(found[1]),
    ),
    (
        r"Only an operator makes projects;.*",
        lambda found: _("Only an operator makes projects. Ask the one who runs this service."),
    ),
    (
        r"(.+) is the only owner of .+\. Make another user an owner first\.",
        lambda found: _("The only owner stays. Make another user an owner first."),
    ),
    (r"(.+) is an? \w+ of this project already\.", lambda found: _("This user is in the project already.")),
    (
        r"The project has (\d+) users already;.*",
        lambda found: _(
            "There are %(most)s users here, and there cannot be more. Remove one first.", most=n(int(found[1]))
        ),
    ),
    (
        r"Someone changed these settings meanwhile; .*",
        lambda found: _("Someone changed these settings meanwhile. Open the page again, then change them."),
    ),
    (
        r"There is a key called .* already; .*",
        lambda found: _("There is a key of this name already. If you did not see it, revoke it, and make another."),
    ),
    (r"This project has users already;.*", lambda found: _("This project has users already. An owner can add you.")),
    (r"This path answers to .*", lambda found: _("Nothing can be sent to this address.")),
    (
        r"The (body|file) is larger than the \d{10,} bytes.*",
        lambda found: _("This file is larger than 1 GB, which is too much here."),
    ),
    (
        r"The \w+ is larger than the (\d+) bytes.*",
        lambda found: _("This is larger than %(most)s bytes, which is too much here.", most=_whole(found[1])),
    ),
    (
        r"Passwords are taken over https only.*",
        lambda found: _("Passwords are taken over https only, and on the machine that the service runs on."),
    ),
    (
        r"Too many people sign in at this moment; try again\.",
        lambda found: _("Too many people are signing in just now. Try again."),
    ),
    (
        r"This was undone before, by number (\d+) in the log\.",
        lambda found: _("This was undone already: number %(seq)s in the log.", seq=found[1]),
    ),
    (r"An import is undone on its own page\.", lambda found: _("An import is undone on its own page.")),
    (
        r"The contact opted out by this; only a later opt-in lifts that\.",
        lambda found: _("They opted out by this. Only their agreeing again lifts that."),
    ),
    (
        r"A retraction and the undo of a job cannot be undone: .*",
        lambda found: _("This cannot be undone. Do it again, or write it down again."),
    ),
    (r"An act of this kind cannot be undone\.", lambda found: _("This kind of change cannot be undone.")),
    (
        r"Only what a user did in the console can be undone\.",
        lambda found: _("Only what was done in these pages can be undone."),
    ),
    (
        r"This can no longer be undone; .*",
        lambda found: _("This can no longer be undone. What was done is kept for 90 days."),
    ),
    (
        r"([\d,]+) contacts match now, and ([\d,]+) were expected\. .*",
        lambda found: _(
            "Meanwhile it is %(count)s contacts, not %(expected)s. Look at the number once more.",
            count=_whole(found[1]),
            expected=_whole(found[2]),
        ),
    ),
    (
        r"More than ([\d,]+) contacts match; .*",
        lambda found: _(
            "More than %(most)s contacts match. Search or filter for fewer, and do it again with the rest.",
            most=_whole(found[1]),
        ),
    ),
    (r"No contact matches; .*", lambda found: _("No one fits now.")),
    (
        r"(\d+) jobs have not ended yet; .*",
        lambda found: _("%(count)s such changes are not done yet. Wait for one of them.", count=_whole(found[1])),
    ),
    (
        r"The group '(.*)' is being merged; .*",
        lambda found: _("%(group)s is being merged just now. Wait for that, or undo it.", group=isolated(found[1])),
    ),
    (
        r"The job is (\w+); one that is running, done or stopped can be undone\.",
        lambda found: _("This was undone already, or is being undone."),
    ),
    (
        r"This was settled already, as .*",
        lambda found: _("Someone reviewed this meanwhile, and decided otherwise."),
    ),
    (
        r"There is a project called .* already\.",
        lambda found: _("There is a project of this name already. Choose another name."),
    ),
    (r"There is no sender called .*", lambda found: _("This sender is gone. Choose another one.")),
    (r"There is no sender with this id.*|This sender does not exist.*", lambda found: _("This sender is gone.")),
    (
        r"The campaign would reach ([\d,]+) people, and ([\d,]+) were expected\. .*",
        lambda found: _(
            "It would reach %(count)s people, and you said %(expected)s. Look at the number once more.",
            count=_whole(found[1]),
            expected=_whole(found[2]),
        ),
    ),
    (
        r"Someone changed this trigger meanwhile; .*",
        lambda found: _("Someone changed the trigger meanwhile. Look at it once more, then turn it on."),
    ),
    (
        r"The campaign is being changed; .*",
        lambda found: _("Someone changed the draft meanwhile. Look at it once more, then send it."),
    ),
    (
        r"The campaign is .*; to .* it, it must be .*",
        lambda found: _("This cannot be done now: the campaign is in another state by now."),
    ),
    (
        r"The campaign is to end at .*|The campaign ended at .*",
        lambda found: _("The time after which nothing is sent is over. Write another one for those it did not reach."),
    ),
    (r"There is no group called .*", lambda found: _("There is no group of this name.")),
    (
        r"There is a group called .* already\.",
        lambda found: _("There is a group of this name already. Choose another name."),
    ),
    (
        r"The connection '?(.*?)'? keeps the group .* in step.*",
        lambda found: _("A connection alone decides who is in this group. Change it there."),
    ),
    (
        r"The connection .* cannot be \w+(?: \w+)*: it has no app, .*",
        lambda found: _("A shop without an app cannot be asked for anything: it says itself what changes."),
    ),
    (
        r"The connection .* \(\w+\) cannot be .*",
        lambda found: _("This cannot be done now: the state of the connection is another one."),
    ),
    (
        r"\d+ records were erased in .+ and their numbers are still here: .*",
        lambda found: _("Decide first about those who were erased there."),
    ),
    (r"The file is empty\.", lambda found: _("This file is empty.")),
    (r"The workbook is empty\.", lambda found: _("There is nothing in this workbook.")),
    (
        r"The file is a picture, .*",
        lambda found: _("This is a picture; a table or an address book would be right."),
    ),
    (
        r"The file is (.+), not a table or an address book; .*|The file is not text, .*",
        lambda found: _("This is no table and no address book. Save it as CSV, Excel or vCard."),
    ),
    (r"The file is in the old Excel format; .*", lambda found: _("This is an old Excel file. Save it as XLSX or CSV.")),
    (
        r"The workbook is protected with a password; .*",
        lambda found: _("This workbook is protected with a password. Save it without one."),
    ),
    (
        r"The workbook is damaged.*|The file cannot be read: it is damaged, .*",
        lambda found: _("This file is damaged, or not whole. Save it again, or as CSV."),
    ),
    (
        r"The workbook (is too large to be opened safely|has more than|holds more than).*|The file takes too long .*",
        lambda found: _("This workbook is too large. Save it as CSV."),
    ),
    (r"The workbook has no sheet .*", lambda found: _("There is nothing on this sheet. Choose another one.")),
    (
        r"The column .* holds the numbers of people who opted out\. .*",
        lambda found: _("A column holds the numbers of people who opted out. Choose: people who asked to stop."),
    ),
    (
        r"Two columns are mapped to .*",
        lambda found: _("Another column becomes the same. Choose one of them."),
    ),
    (
        r"This import \(.+\) cannot be .*",
        lambda found: _("This cannot be done now: the state of the file is another one by now."),
    ),
    (r"The group was deleted\.", lambda found: _("The group was deleted.")),
    (
        r"The \S+ field must be a cursor that an answer gave as next\.",
        lambda found: _("This address is not complete. Go back and follow the link again."),
    ),
    (
        r"This import was planned again since; look at the new plan\.",
        lambda found: _("The columns were changed and the plan was made again meanwhile. This is the new plan."),
    ),
    (
        r"The files of (\d+) imports of this project wait already; .*",
        lambda found: _("%(num)s files wait already. Apply or throw away some of them first.", num=_whole(found[1])),
    ),
    (
        r"A number was erased while this file waited, .*",
        lambda found: _("Someone was erased while this file waited, and may be in it. Bring the file again."),
    ),
    (
        r"It held a number that was erased; .*",
        lambda found: _("Someone was erased who was in this file. Make it again."),
    ),
    (
        r"A vCard has no place for consent; .*",
        lambda found: _("An address book has no place for consent. Choose another format."),
    ),
    (
        r"The project keeps (\d+) exports already; .*",
        lambda found: _("There are %(num)s files already. Delete one first.", num=_whole(found[1])),
    ),
    (
        r"The project has (\d+) triggers already; .*",
        lambda found: _("There are %(num)s triggers already. Delete one first.", num=_whole(found[1])),
    ),
    (r"There is no sender called .*", lambda found: _("This sender is gone. Choose another one.")),
    (
        r"Someone changed this contact meanwhile\.",
        lambda found: _("Someone changed this contact meanwhile. Look at it once more, then save."),
    ),
    *account_wording.MESSAGES,
    *set_up_wording.MESSAGES,
    *connection_reasons.REASONS,
)
"""What the rules say, and what the console says."""


def explain(error: DaftariError) -> str:
    """An error in a sentence for people."""
    return _reword(error.message, MESSAGES)


def reword(said: str) -> str:
    """Why something is as it is, which the rules keep as a sentence, in a sentence for people."""
    return _reword(said, MESSAGES)


def reword_plainly(said: str) -> str:
    """The same for a text that is no HTML. What has no words here is as another service said it."""
    return _find_words(said, MESSAGES) or isolated(said)


def explain_field(sentence: str) -> str:
    """What is wrong with a field, in a sentence that stands next to it."""
    found = _FIELD.fullmatch(sentence)
    return _reword(sentence, MESSAGES) if found is None else _reword(found[1], FIELDS, otherwise=sentence)


def role_name(role: Role) -> str:
    """A role as people call it."""
    return {"viewer": _("Viewer"), "editor": _("Editor"), "owner": _("Owner")}[role]


def kind_name(kind: KeyKind) -> str:
    """What a key may do, in a few words."""
    return {"read": _("read only"), "write": _("read and write"), "manage": _("manage everything")}[kind]


def browser_name(written: str) -> str:
    """A browser in a few words, from what it calls itself."""
    browser = next((name for mark, name in _BROWSERS if mark in written), "")
    system = next((name for mark, name in _SYSTEMS if mark in written), "")
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or written.partition("/")[0][:_BROWSER_MAX] or _("A browser")


_BROWSER_MAX = 30
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Opera Mini", "Opera Mini"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def name_of(card: Card) -> str:
    """What a contact is called; blank for one without a name."""
    return " ".join(part for part in (card.fname, card.mname, card.lname) if part)


def _reword(said: str, table: tuple[tuple[str, Callable[[Found], str]], ...], *, otherwise: str | None = None) -> str:
    found = _find_words(said, table)
    if found is not None:
        return found
    rest = otherwise or said
    return rest if current_language() == "en" else Markup('<span lang="en">{}</span>').format(rest)


def _find_words(said: str, table: tuple[tuple[str, Callable[[Found], str]], ...]) -> str | None:
    for pattern, reword in table:
        found = re.fullmatch(pattern, said, re.DOTALL)
        if found is not None:
            return reword(found)
    return None


def _need_role(who: str) -> str:
    """Who may do something, from how the rules say it."""
    if who == "an owner":
        return _("Your role does not allow this. It needs an owner.")
    if who == "an owner, or an editor who may send":
        return _("Your role does not allow this. It needs an owner, or an editor who may send.")
    if who == "an owner, or an editor who may erase":
        return _("Your role does not allow this. It needs an owner, or an editor who may erase.")
    return _("Your role does not allow this. It needs an editor or an owner.")


def _whole(written: str) -> str:
    return n(int(written.replace(",", "")))
