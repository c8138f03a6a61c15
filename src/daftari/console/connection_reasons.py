"""Why a connection is in its state, in the words of the console: what the system said, and what to do on these pages.

The rules and connectors say it in English, with the commands of the terminal. What is not here is shown as they say it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup

from daftari.console.languages import current_language, format_moment, isolated, ngettext
from daftari.console.languages import format_number as n
from daftari.console.languages import gettext as _
from daftari.console.number_words import explain_number
from daftari.model.time import read_rfc_3339

Found = re.Match[str]
_FIELD = re.compile(r"The field (\S+) (is not a telephone number: .*)", re.DOTALL)
_STOPPED = r": stopped before that\. Confirm it .*"

REASONS: tuple[tuple[str, Callable[[Found], str]], ...] = (
    # ---- the key
    (
        r"HubSpot refused the key \((\d+)\)\. .*",
        lambda found: _refused("HubSpot", found[1], _("Make a new service key there, and give it here.")),
    ),
    (
        r"Pipedrive refused the token \((\d+)\)\. .*",
        lambda found: _refused(
            "Pipedrive", found[1], _("Copy the token again from Personal preferences, API, and give it here.")
        ),
    ),
    (
        r"Odoo refused the key \((\d+)\)\. .*",
        lambda found: _refused(
            "Odoo", found[1], _("A key ends after three months: make another for the same user, and give it here.")
        ),
    ),
    (
        r"WooCommerce (?:refused|does not know) the key.*? \((\d+): .*",
        lambda found: _refused(
            "WooCommerce",
            found[1],
            _(
                "Make a key under WooCommerce, Settings, Advanced, REST API, with the permission Read/Write, and give "
                "both its parts here."
            ),
        ),
    ),
    (
        r"The key may not write \((\d+): .*",
        lambda found: _refused(
            "WooCommerce", found[1], _("Make a key with the permission Read/Write, and give both its parts here.")
        ),
    ),
    (
        r"Shopify (?:refused the token|gives no token for the app's client id and secret) \((\d+).*",
        lambda found: _refused(
            "Shopify",
            found[1],
            _("Look whether the app is installed on the shop. Then give its client id and secret here."),
        ),
    ),
    (
        r"This connection has no app: .*|The connection has no credentials yet\. .*",
        lambda found: _("It has no key yet. Make it on the pages of the shop, and give it here."),
    ),
    (
        r"(\S+) at (.+?) refused the user (.+?): (.+)\. Give the right password .*",
        lambda found: _(
            "%(system)s refused the user %(user)s: %(said)s. Give the right password here.",
            system=found[1],
            user=isolated(found[3]),
            said=isolated(found[4]),
        ),
    ),
    (
        r"Its credentials cannot be read: .*|The credentials and the address cannot be read: .*",
        lambda found: _(
            "Its key cannot be read: Daftari has another secret than when it was given. Who runs this service gives "
            "the right secret; or give the key again here."
        ),
    ),
    (
        r"The key lacks the scopes? (.+?): add what it lacks in (.+?) and start .*",
        lambda found: _(
            "The key lacks %(rights)s. Add that in %(system)s and let it continue, or give another key.",
            rights=isolated(found[1]),
            system=found[2],
        ),
    ),
    (
        r"The key may not .+?: add the scopes? (.+)\.",
        lambda found: _("The key lacks %(rights)s. Add that there, and let it continue.", rights=isolated(found[1])),
    ),
    (
        r"(?:This key belongs to|This token belongs to|This is|The settings lead to|This app is installed on) "
        r"(.+?), the connection (?:is )?to (.+?)\. .*",
        lambda found: _(
            "The key is of another account, %(other)s; this connection is to %(account)s. Give a key of that account, "
            "or connect the other one by itself.",
            other=isolated(found[1]),
            account=isolated(found[2]),
        ),
    ),
    (
        r"Odoo has no phone blacklist to write opt-outs to: .*",
        lambda found: _(
            "Odoo has no phone blacklist to write opt-outs to. Install its module SMS, or connect it without writing "
            "opt-outs back."
        ),
    ),
    (
        r"The shop (.+) is frozen \(402\): .*",
        lambda found: _("The shop is frozen: its owner has to pay Shopify's bill first."),
    ),
    # ---- not now
    (
        r"(.+?) cannot be reached now: (.*) The next run tries again\.",
        lambda found: _(
            "%(system)s cannot be reached now: “%(said)s” It is tried again by itself.",
            system=found[1],
            said=isolated(found[2]),
        ),
    ),
    (
        r"(.+?) cannot be read now: it answers (\d+).*\. The next run tries again\.",
        lambda found: _(
            "%(system)s cannot be read now: it answers with the error %(code)s. It is tried again by itself.",
            system=found[1],
            code=found[2],
        ),
    ),
    (
        r"(.+?) cannot be read now: (.*)\. The next run tries again\.",
        lambda found: _(
            "%(system)s cannot be read now: “%(said)s” It is tried again by itself.",
            system=found[1],
            said=isolated(found[2]),
        ),
    ),
    (
        r"(.+?) cannot be called: (.*)",
        lambda found: _("%(system)s cannot be called: “%(said)s”", system=found[1], said=isolated(found[2])),
    ),
    (
        r"(.+?)'s (?:calls|tokens|points) for today are used up \(([\d,]+); ([\d,]+) by us[^)]*\)\. .*",
        lambda found: _(
            "What %(system)s allows in a day is used up: %(allowed)s calls, %(used)s of them by us. It continues by "
            "itself.",
            system=found[1],
            allowed=_whole(found[2]),
            used=_whole(found[3]),
        ),
    ),
    (
        r"(.+?) takes no more calls for a moment: .*",
        lambda found: _(
            "%(system)s takes no more calls for a moment. It continues by itself.",
            system=_("The shop") if found[1] == "The shop" else found[1],
        ),
    ),
    (
        r"HubSpot is moving this account to another data centre\. .*",
        lambda found: _("HubSpot is moving this account to another place. It continues by itself."),
    ),
    # ---- what is asked first
    (
        rf"([\d,]+) of ([\d,]+) members would leave (.+){_STOPPED}",
        lambda found: _(
            "%(num)s of %(all)s would leave %(group)s.",
            num=_whole(found[1]),
            all=_whole(found[2]),
            group=isolated(found[3]),
        ),
    ),
    (
        rf"([\d,]+) of ([\d,]+) records would be gone{_STOPPED}",
        lambda found: _("%(num)s of %(all)s records are no longer there.", num=_whole(found[1]), all=_whole(found[2])),
    ),
    (
        rf"The numbers of ([\d,]+) of ([\d,]+) records could no longer be read{_STOPPED}",
        lambda found: _(
            "The numbers of %(num)s of %(all)s records can no longer be read.",
            num=_whole(found[1]),
            all=_whole(found[2]),
        ),
    ),
    (
        rf"([\d,]+) of ([\d,]+) people would be opted out{_STOPPED}",
        lambda found: _("%(num)s of %(all)s people would be opted out.", num=_whole(found[1]), all=_whole(found[2])),
    ),
    (
        rf"([\d,]+) records would be erased within a day{_STOPPED}",
        lambda found: ngettext(
            "%(num)s record was erased there within a day.",
            "%(num)s records were erased there within a day.",
            _int(found[1]),
        ),
    ),
    # ---- webhooks, and what else keeps the list from being complete
    (
        r"No webhook for (\d+) h, (\d+) a day before: .*",
        lambda found: _(
            "Nothing was announced for %(hours)s hours; it was %(usual)s a day before. Is the address there still "
            "right?",
            hours=n(int(found[1])),
            usual=n(int(found[2])),
        ),
    ),
    (
        r"No public_url is set \(DAFTARI_PUBLIC_URL\), .*",
        lambda found: _(
            "The system cannot announce changes, because no public URL of this service is set. Who runs the service "
            "sets it; until then changes are looked for again and again."
        ),
    ),
    (
        r"The address is not known, because no public_url is set .*",
        lambda found: _("It is not known yet, because no public URL of this service is set. Who runs it sets that."),
    ),
    (
        r"No webhook has come yet: .*",
        lambda found: _("Nothing has come yet: make the webhooks on the pages of the shop, with the address below."),
    ),
    (
        r"The webhook was missing in (.+?), and was made again at (\S+)\.",
        lambda found: _(
            "The webhook was missing in %(system)s, and was made again %(moment)s.",
            system=found[1],
            moment=_moment(found[2]),
        ),
    ),
    (
        r"What came at (\S+) was refused: (.*?) It is kept: .*",
        lambda found: _(
            "What came %(moment)s was refused: “%(said)s” It is kept.",
            moment=_moment(found[1]),
            said=isolated(found[2]),
        ),
    ),
    (
        r"Many contacts joined groups within an hour: ([\d,]+) fired triggers, and ([\d,]+) did not, .*",
        lambda found: _("So many came within an hour that %(num)s of them set off no trigger.", num=_whole(found[2])),
    ),
    (
        r"The database was restored or copied since, .*",
        lambda found: _(
            "This book was restored or copied, and two of them may read the same account now. Let it continue in the "
            "one that is to read from now on."
        ),
    ),
    (
        r"The connection was made before its system could announce changes.*",
        lambda found: _(
            "It was made by an earlier version, to which its system can announce nothing. Connect it again."
        ),
    ),
    (
        r"The connection '?\"?(.*?)\"?'? (?:keeps|cannot keep) the group .* in step.*",
        lambda found: _("Another connection alone decides who is in one of its groups."),
    ),
    # ---- records
    (
        r"Another program there keeps subscribing this person, who opted out here\.",
        lambda found: _("Another program there keeps subscribing them, and they opted out here."),
    ),
    (
        r"Two programs there undo each other's changes; .*",
        lambda found: _("Two programs there undo each other's changes. It is left alone for a day."),
    ),
    # ---- erased there
    (
        r"The connection (.+) has the number too\.",
        lambda found: _("The connection %(name)s has the number too.", name=isolated(found[1])),
    ),
    (
        r"Another record, (.+), has the number too\.",
        lambda found: _("Another record, %(id)s, has the number too.", id=isolated(found[1])),
    ),
    (r"The person opted in here\.", lambda found: _("They agreed to messages here.")),
    (
        r"The contact was here before the record was\.",
        lambda found: _("The contact was here before."),
    ),
    (
        r"The contact is in the group (.+) too\.",
        lambda found: _("The contact is in the group %(group)s too.", group=isolated(found[1])),
    ),
    (r"A call has written the contact too\.", lambda found: _("Someone wrote the contact here too.")),
    (
        r"The import (.+) \(\d+\) has the number too\.",
        lambda found: _("The file %(name)s has the number too.", name=isolated(found[1])),
    ),
)
"""What the rules and connectors say, and what the console says."""


def reason(said: str) -> str:
    """Why a connection, a record or a webhook is as it is."""
    for pattern, reword in REASONS:
        found = re.fullmatch(pattern, said, re.DOTALL)
        if found is not None:
            return reword(found)
    number = _FIELD.fullmatch(said)
    if number is not None:
        return f"{isolated(number[1])}: {explain_number(number[2])}"
    return said if current_language() == "en" else Markup('<span lang="en" dir="auto">{}</span>').format(said)


def _refused(system: str, code: str, what_to_do: str) -> str:
    return _(
        "%(system)s refused the key (%(code)s). %(todo)s",
        system=system,
        code=code,
        todo=what_to_do,
    )


def _int(written: str) -> int:
    return int(written.replace(",", ""))


def _whole(written: str) -> str:
    return n(_int(written))


def _moment(written: str) -> str:
    at = read_rfc_3339(written)
    return written if at is None else format_moment(at)
