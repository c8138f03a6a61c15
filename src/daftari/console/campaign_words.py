"""What a campaign is, whom it is for, and the outcome for each person, in words. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup, escape

from daftari.console.import_words import Part, purpose
from daftari.console.languages import format_moment, format_number, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.model.messages import Content
from daftari.model.time import read_rfc_3339
from daftari.rules.campaigns.preview import Preview, Sample, find_cost
from daftari.rules.campaigns.views import CampaignView
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.messages.campaigns import REPORTED
from daftari.rules.messages.content import templates_of
from daftari.rules.messages.parts import GSM7_UNITS, UCS2_UNITS, count_parts
from daftari.rules.messages.template import EVENT
from daftari.rules.senders.lifecycle import PAUSED, SenderView

BECAUSE_SHOWN = 5
"""Characters that are named where they make a text dearer."""

State = tuple[str, str, str]
"""Tone, word and icon."""


def state(view: CampaignView) -> State:
    """Where a campaign is."""
    return {
        "draft": ("", _("Draft"), "clock"),
        "scheduled": ("pen", _("Starts later") if view.reason is None else _("Starts soon"), "clock"),
        "running": ("pen", _("Running") if view.resumes_at is None else _("Waits"), "campaigns"),
        "paused": ("warn", _("Paused"), "pause"),
        "finished": ("good", _("Finished"), "good"),
        "cancelled": ("warn", _("Cancelled"), "bad"),
    }[view.state]


def moment(written: str) -> str:
    """A time of a record."""
    return format_moment(read_rfc_3339(written) or 0)


def sender(name: str, channel: str, purpose_of: str) -> str:
    """What people see it come from: ``DUKA, SMS, marketing``."""
    return f"{isolated(name)}, {CHANNEL_NAMES[channel]}, {purpose(purpose_of)}"


def sender_option(one: SenderView) -> str:
    """A sender in a list to choose from."""
    said = [one.name, CHANNEL_NAMES[one.channel], purpose(one.purpose)]
    if one.gateway == "log":
        said.append(_("a trial: nothing is delivered"))
    if one.paused:
        said.append(_("paused"))
    return " · ".join(said)


def audience(*, everyone: bool, groups: Sequence[str], match: str, without: Sequence[str]) -> str:
    """Whom it is for: ``customers, but not staff``."""
    named = [isolated(name) for name in groups]
    meant = _("everyone in the book") if everyone else (_(" and ") if match == "all" else _(" or ")).join(named)
    if not without:
        return meant
    return _("%(meant)s, but not %(without)s", meant=meant, without=_(" or ").join(map(isolated, without)))


def audience_of(view: CampaignView) -> str:
    """Whom a campaign is for."""
    return audience(everyone=view.everyone, groups=view.groups, match=view.match, without=view.not_)


def lead(view: CampaignView) -> str:
    """When what happened to it, below its name."""
    values = {
        "sender": sender(view.sender, view.channel, view.purpose),
        "audience": audience_of(view),
        "begin": moment(view.started_at or view.at or view.created_at),
        "end": moment(view.finished_at or view.created_at),
    }
    if view.state == "draft":
        return _("A draft. It is for %(audience)s, from %(sender)s.", **values)
    if view.state == "scheduled":
        return _("It starts %(begin)s, from %(sender)s, for %(audience)s.", **values)
    if view.started_at is None:
        return _("It was to start %(begin)s, from %(sender)s, for %(audience)s.", **values)
    if view.finished_at is None:
        return _("Begun %(begin)s, from %(sender)s, for %(audience)s.", **values)
    if values["begin"] == values["end"]:
        return _("Sent %(begin)s, from %(sender)s, for %(audience)s.", **values)
    return _("Sent from %(begin)s to %(end)s, from %(sender)s, for %(audience)s.", **values)


def paused(view: CampaignView) -> str:
    """Why it is paused, and what can be done."""
    match view.reason:
        case "late":
            return _(
                "It did nothing for more than an hour although it could have: the service was off, or a backup was "
                "brought back. See whether it is still right to send it before you let it continue."
            )
        case "count_changed":
            return _(
                "It would reach %(found)s people now, and %(expected)s were expected. Let it continue if that is "
                "right.",
                found=format_number(view.found or 0),
                expected=format_number(view.expected or 0),
            )
        case "no_group":
            return _("One of its groups is gone. Make that group again and let it continue, or end it.")
        case "template":
            return _("WhatsApp refuses the template: %(says)s", says=isolated(view.provider_says or ""))
        case "not_fresh":
            return _not_fresh(view)
        case _:
            return _("Who has not got it yet does not get it until someone lets it continue.")


def _not_fresh(view: CampaignView) -> str:
    oldest = view.freshness
    if oldest is None:
        return _("Its lists could not be read in time.")
    values = {"group": isolated(oldest.group), "connection": isolated(oldest.connection)}
    if oldest.complete_until is None:
        return _("%(group)s is not up to date: the connection %(connection)s has not been read yet.", **values)
    return _(
        "%(group)s is not up to date: the connection %(connection)s was read until %(moment)s.",
        **values,
        moment=moment(oldest.complete_until),
    )


def form_label(field: str) -> str:
    """How a field of the form is called on it."""
    labels = {
        "name": _("Name"),
        "sender": _("From"),
        "match": _("To"),
        "groups": _("Groups"),
        "not": _("Groups that are left out"),
        "text": _("Text"),
        "template": _("Name of the template"),
        "language": _("Language"),
        "params": _("What is filled into it"),
        "at": _("Begin"),
        "until": _("Not after"),
    }
    return labels.get(field.partition(".")[0], field)


def sender_paused(why: str) -> str:
    """Why its sender sends nothing; blank where a person paused it."""
    return "" if why == PAUSED else isolated(why)


# ---- the outcome for each ---------------------------------------------------------------------------------

STATES: Mapping[str, tuple[str, Callable[[], str], Callable[[], str]]] = {
    "delivered": ("c2", lambda: _("Delivered"), lambda: _("the phone has it")),
    "accepted": ("c1", lambda: _("Accepted"), lambda: _("the provider has it; no report yet")),
    "sending": ("", lambda: _("Being sent"), lambda: _("it is with the provider at this moment")),
    "waiting": ("", lambda: _("Waiting"), lambda: _("their turn is still to come")),
    "unknown": ("c3", lambda: _("Not known"), lambda: _("the line broke while it was sent: they may have it")),
    "failed": ("cb", lambda: _("Failed"), lambda: _("it did not arrive")),
    "expired": ("c4", lambda: _("Too late"), lambda: _("the time for it was over")),
    "skipped": ("c4", lambda: _("Left out"), lambda: _("they were not to get it")),
    "cancelled": ("c4", lambda: _("Cancelled"), lambda: _("it was ended before their turn")),
}
"""The colour, the word and the sentence of each state of a message, the good ones first."""
REASONS: Mapping[str, tuple[str, Callable[[], str]]] = {
    "opted_out": ("skipped", lambda: _("opted out before their turn")),
    "no_opt_in": ("skipped", lambda: _("had not agreed")),
    "not_subscribed": ("skipped", lambda: _("without the paid service")),
    "no_field": ("skipped", lambda: _("without what the text fills in")),
    "too_long": ("skipped", lambda: _("whose text would be too long")),
    "too_often": ("skipped", lambda: _("messaged as often as you allow already")),
    "removed": ("skipped", lambda: _("no longer in the book")),
    "left_group": ("skipped", lambda: _("no longer in the group, or in one that is left out")),
    "erased": ("skipped", lambda: _("erased, as they asked")),
    "refused": ("failed", lambda: _("refused by the provider")),
    "dead": ("failed", lambda: _("with a number that takes no messages")),
    "opt_out": ("failed", lambda: _("opted out at the provider")),
    "template": ("failed", lambda: _("refused for the template")),
    REPORTED: ("failed", lambda: _("reported as not delivered")),
    "too_late": ("expired", lambda: _("too late")),
    "quiet_hours": ("skipped", lambda: _("outside the sending hours")),
    "ordered": ("skipped", lambda: _("stopped by what happened meanwhile, such as an order")),
    "sent_before": ("skipped", lambda: _("who got it not long before")),
    "in_group": ("skipped", lambda: _("in a group that stops it")),
    "duplicate": ("skipped", lambda: _("who get it already")),
    "cart_closed": ("skipped", lambda: _("the cart was emptied or closed")),
    "superseded": ("skipped", lambda: _("there is a newer cart")),
    "not_accepted": ("skipped", lambda: _("the buyer no longer agrees")),
    "shop_silent": ("skipped", lambda: _("the shop does not answer about the cart")),
    "connection_removed": ("skipped", lambda: _("the connection was removed")),
    "shop_unreachable": ("expired", lambda: _("the shop could not be asked about the cart in time")),
    "connection_behind": ("expired", lambda: _("what the shop reported was not read in time")),
}
"""Of which state a reason is, and how it is said after a number of people. The last are of triggers alone."""


def parts(view: CampaignView) -> list[Part]:
    """How many people are in each state; they add up to everyone it is for."""
    return [
        Part(name, label(), view.states[name], tone, note())
        for name, (tone, label, note) in STATES.items()
        if name in view.states
    ]


def state_name(name: str) -> str:
    """A state of a message."""
    return STATES[name][1]()


def state_note(name: str) -> str:
    """What a state of a message means."""
    return STATES[name][2]()


def reasons(view: CampaignView, name: str) -> list[tuple[str, str]]:
    """Why people are in a state: each reason, and how many, in words."""
    return [
        (why, f"{format_number(count)} {reason(why)}")
        for why, count in view.reasons.items()
        if REASONS.get(why, ("skipped",))[0] == name
    ]


def reason(name: str) -> str:
    """Why someone did not get it, as it follows a number of people."""
    return REASONS[name][1]() if name in REASONS else name.replace("_", " ")


def why(name: str) -> str:
    """Why one person did not get it, in brackets; blank for what only a trigger has."""
    return f"({reason(name)})"


def test_reason(name: str) -> str:
    """Why a test is not sent."""
    return {
        "quiet_hours": _("it is outside the hours in which this sender sends"),
        "sender_paused": _("the sender is paused"),
        "no_field": _("the text fills in what is not known of this number"),
        "opted_out": _("they opted out"),
    }.get(name) or reason(name)


def excluded(name: str) -> str:
    """Why someone is left out before it starts."""
    return {
        "opted_out": _("opted out of it"),
        "no_opt_in": _("have not agreed to it"),
        "not_subscribed": _("do not have the paid service"),
        "in_not_group": _("in a group that is left out"),
    }[name]


def left_out(preview: Preview) -> str:
    """Who is left out, in a line."""
    said = [f"{format_number(count)} {excluded(name)}" for name, count in preview.excluded.items()]
    return ", ".join(said) or _("no one")


# ---- what it says -----------------------------------------------------------------------------------------

_FIELDS: Mapping[str, Callable[[], str]] = {
    "fname": lambda: _("First name"),
    "mname": lambda: _("Middle name"),
    "lname": lambda: _("Last name"),
    "mobile": lambda: _("Number"),
    "email": lambda: _("E-mail"),
    "city": lambda: _("Town"),
    "company": lambda: _("Company"),
}


def field(name: str) -> str:
    """What a text fills in."""
    if name in _FIELDS:
        return _FIELDS[name]()
    return name if name.startswith(EVENT) else name.partition(".")[2] or name


def show_text(content: Content) -> Markup:
    """A text with its fields by name; of a WhatsApp template its params, a line each."""
    lines = []
    for template in templates_of(content):
        said = escape(template.beginning)
        for place in template.places:
            said += _filled(field(place.field)) + escape(place.literal)
        lines.append(said)
    return Markup("\n").join(lines)


def show_sample(text: str, content: Content, suffix: str) -> Markup:
    """What one person gets, with what was filled in marked, and what the provider appends."""
    appended = Markup(' <span class="soft">{}</span>').format(suffix.strip()) if suffix.strip() else Markup("")
    if content.template:
        return Markup(escape(text))
    (template,) = templates_of(content)
    found = re.fullmatch("(.*?)".join(map(re.escape, template.literals)), text, re.DOTALL)
    if found is None:
        return escape(text) + appended
    said = escape(template.beginning)
    for value, place in zip(found.groups(), template.places, strict=True):
        said += _filled(value) + escape(place.literal)
    return said + appended


def _filled(value: str) -> Markup:
    return Markup('<span class="fill"><bdi>{}</bdi></span>').format(value)


def size(sample: Sample, suffix: str, *, channel: str, part_price: str) -> tuple[bool, str]:
    """Whether a text is dearer for its letters; how long it is, and what it costs."""
    cost = find_cost(part_price, sample.parts)
    priced = "" if cost is None else f", {money(cost)}"
    if sample.text is None or channel == "whatsapp":
        return False, _("1 message") + priced if sample.text is not None else ""
    counted = count_parts(sample.text, suffix=suffix)
    said = ngettext("%(num)s part", "%(num)s parts", counted.parts) + priced
    if counted.because:
        because = _("because of %(letters)s a part holds only 70 characters", letters=quote_letters(counted.because))
        return True, f"{said} · {because}"
    alone, each = UCS2_UNITS if counted.encoding == "ucs2" else GSM7_UNITS
    most = alone if counted.parts <= 1 else each * counted.parts
    used = _("%(used)s of %(most)s characters", used=format_number(counted.units), most=format_number(most))
    return False, f"{said} · {used}"


def quote_letters(letters: Sequence[str]) -> str:
    """The letters that make texts dearer, each in quotation marks, and no more than a few."""
    return ", ".join(f"“{isolated(one)}”" for one in letters[:BECAUSE_SHOWN])


def choose_samples(preview: Preview) -> list[Sample]:
    """At most three examples: a usual one, the dearest or longest, and one without a name."""
    by_why = {sample.why: sample for sample in reversed(preview.samples)}
    orders = (("other", "shortest"), ("costliest", "longest"), ("no_field",))
    found = (next((by_why[why] for why in order if why in by_why), None) for order in orders)
    return [sample for sample in found if sample is not None]


def why_shown(sample: Sample) -> str:
    """Which of the examples this is."""
    return {
        "longest": _("The longest"),
        "costliest": _("The dearest"),
        "shortest": _("The shortest"),
        "no_field": _("Without a name or another detail"),
        "other": _("A usual one"),
    }[sample.why]


def money(written: str) -> str:
    """An amount with its currency, with separators: ``KES 1,258.40``."""
    currency, _space, amount = written.rpartition(" ")
    whole, point, rest = amount.partition(".")
    return f"{currency} {format_number(int(whole))}{point}{rest}".strip()


def by_parts(preview: Preview) -> str:
    """How many people get how many parts."""
    return ", ".join(
        ngettext("%(num)s for %(people)s", "%(num)s for %(people)s", int(count), people=people(many))
        for count, many in preview.parts.items()
    )


def people(count: int) -> str:
    """A number of people."""
    return ngettext("%(num)s person", "%(num)s people", count)


def total_parts(preview: Preview) -> int:
    """All parts."""
    return sum(int(count) * many for count, many in preview.parts.items())
