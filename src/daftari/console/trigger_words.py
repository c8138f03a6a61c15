"""What a trigger is on, when it sends, what stops it, and the outcome of its messages, in words. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup, escape
from msgspec import Struct

from daftari.console.durations import span
from daftari.console.import_words import purpose
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.model.messages import Content, MessagePurpose, MessageState
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.messages.campaigns import REPORTED
from daftari.rules.messages.content import templates_of
from daftari.rules.messages.template import EVENT
from daftari.rules.senders.lifecycle import PAUSED
from daftari.rules.triggers.draft import ALWAYS, ONCE
from daftari.rules.triggers.views import ConditionView, OnView, TriggerView

_FILLED = Markup('<span class="fill"><bdi>{}</bdi></span>')
AT_ONCE = "0s"
SENT: tuple[MessageState, ...] = ("delivered", "accepted", "unknown", "sending")
"""The states of what was sent, or perhaps was."""
STAYED: tuple[MessageState, ...] = ("failed", "expired", "skipped", "cancelled")
"""The states of what reached no one."""
SHOWN: tuple[MessageState, ...] = (*SENT, "waiting", *STAYED)
TONES: Mapping[str, str] = {"delivered": "good", "failed": "bad", "unknown": "warn", "waiting": "pen", "sending": "pen"}
SIGNS: Mapping[str, str] = {"waiting": "clock", "sending": "clock", "unknown": "question", "accepted": "good"}


# ---- what it does ---------------------------------------------------------------------------------------


def on(what: OnView) -> str:
    """What it is on, as it ends a sentence."""
    if what.joins is not None:
        return _("someone joins %(group)s", group=isolated(what.joins))
    return _("a program reports %(event)s", event=isolated(what.event or ""))


def when(view: TriggerView) -> str:
    """When a message is sent."""
    if view.wait == AT_ONCE:
        return _("As soon as %(happens)s", happens=on(view.on))
    return _("%(span)s after %(happens)s", span=span(view.wait), happens=on(view.on))


def condition(what: ConditionView) -> str:
    """What stops a message."""
    if what.event is not None:
        return _("%(event)s was reported meanwhile", event=isolated(what.event))
    if what.in_ is not None:
        return _("they are in %(group)s", group=isolated(what.in_))
    return _("they are no longer in %(group)s", group=isolated(what.leaves or ""))


def unless(view: TriggerView) -> str:
    """What stops a message, in a line; blank for nothing."""
    return _(" or ").join(map(condition, view.unless))


def again(view: TriggerView) -> str:
    """How often a number may get it."""
    if view.again == ALWAYS:
        return _("each time")
    if view.again == ONCE:
        return _("once only")
    return _("at most once in %(span)s", span=span(view.again))


def sender(name: str, channel: str, purpose_of: MessagePurpose) -> str:
    """What people see it come from: ``DUKA, SMS, marketing``."""
    return f"{isolated(name)}, {CHANNEL_NAMES[channel]}, {purpose(purpose_of)}"


def sender_paused(why: str) -> str:
    """Why its sender sends nothing; blank where a person paused it."""
    return "" if why == PAUSED else isolated(why)


_GONE = r"The group ['\"](.+)['\"]"
_WARNINGS: Sequence[tuple[str, Callable[[str], str]]] = (
    (
        rf"{_GONE} was deleted, so that nothing fires .*",
        lambda name: _("The group %(name)s was deleted, so it no longer fires. Make another trigger.", name=name),
    ),
    (
        rf"{_GONE} of unless was deleted, so that no message is sent: .*",
        lambda name: _(
            "The group %(name)s was deleted, so everyone counts as having left it, and nothing is sent.", name=name
        ),
    ),
    (
        rf"{_GONE} of unless was deleted, .*",
        lambda name: _("The group %(name)s was deleted, so it no longer stops a message.", name=name),
    ),
    (
        r"Who leaves a cart joins this group and fires no trigger: .* event '(.+)'\.",
        lambda name: _(
            "Who leaves a cart joins this group and fires no trigger. For them make one on %(name)s.", name=name
        ),
    ),
)
"""What the rules say of a trigger, and what the console says."""


def warning(said: str) -> str:
    """What is wrong with a trigger. What the rules do not say are the provider's words about its template."""
    for pattern, reword in _WARNINGS:
        found = re.fullmatch(pattern, said, re.DOTALL)
        if found is not None:
            return reword(isolated(found[1]))
    return _("WhatsApp refuses the template: %(says)s", says=isolated(said))


def show_text(content: Content) -> Markup:
    """A text with what is filled in marked by its name; of a WhatsApp template its params, a line each."""
    lines = []
    for template in templates_of(content):
        said = escape(template.beginning)
        for place in template.places:
            said += Markup('<span class="fill"><bdi>{}</bdi></span>').format(_field(place.field)) + escape(
                place.literal
            )
        lines.append(said)
    return Markup("\n").join(lines)


def content_of(view: TriggerView) -> Content:
    """What a trigger says."""
    if view.template is None:
        return Content(text=view.text or "", plain=view.plain)
    return Content(template=view.template, language=view.language or "", params=tuple(view.params))


def _field(name: str) -> str:
    found = {
        "fname": lambda: _("First name"),
        "mname": lambda: _("Middle name"),
        "lname": lambda: _("Last name"),
        "mobile": lambda: _("Number"),
        "email": lambda: _("E-mail"),
        "city": lambda: _("Town"),
        "company": lambda: _("Company"),
    }.get(name)
    if found is not None:
        return found()
    return name if name.startswith(EVENT) else name.partition(".")[2] or name


# ---- the outcome of its messages ------------------------------------------------------------------------


class Row(Struct, frozen=True):
    """How many messages are in a state, and for which reasons."""

    state: MessageState
    count: int
    reasons: list[tuple[str, int]]


def state_name(name: str) -> str:
    """A state of a message."""
    return {
        "delivered": _("Delivered"),
        "accepted": _("Accepted"),
        "unknown": _("Not known"),
        "sending": _("Being sent"),
        "waiting": _("Waiting"),
        "failed": _("Failed"),
        "expired": _("Too late"),
        "skipped": _("Left out"),
        "cancelled": _("Cancelled"),
    }[name]


def state_note(name: str) -> str:
    """What a state means."""
    return {
        "delivered": _("the phone has it"),
        "accepted": _("the provider has it; no report yet"),
        "unknown": _("the line broke while it was sent: they may have it"),
        "sending": _("it is with the provider at this moment"),
        "waiting": _("their turn is still to come"),
        "failed": _("it did not arrive"),
        "expired": _("the time for it was over"),
        "skipped": _("they were not to get it"),
        "cancelled": _("it was ended before their turn"),
    }[name]


_REASONS: Mapping[str, tuple[MessageState, Callable[[], str]]] = {
    "ordered": ("skipped", lambda: _("stopped by what happened meanwhile, such as an order")),
    "sent_before": ("skipped", lambda: _("got it before, and not long enough ago")),
    "in_group": ("skipped", lambda: _("in a group that gets none")),
    "left_group": ("skipped", lambda: _("no longer in the group")),
    "opted_out": ("skipped", lambda: _("opted out")),
    "no_opt_in": ("skipped", lambda: _("had not agreed")),
    "not_subscribed": ("skipped", lambda: _("without the paid service")),
    "quiet_hours": ("skipped", lambda: _("outside the hours in which it may be sent")),
    "removed": ("skipped", lambda: _("no longer in the book")),
    "erased": ("skipped", lambda: _("erased, as they asked")),
    "no_field": ("skipped", lambda: _("without what the text fills in")),
    "too_long": ("skipped", lambda: _("whose text would be too long")),
    "too_often": ("skipped", lambda: _("messaged as often as you allow already")),
    "duplicate": ("skipped", lambda: _("a later message says the same")),
    "cart_closed": ("skipped", lambda: _("the cart was emptied or closed")),
    "superseded": ("skipped", lambda: _("there is a newer cart")),
    "not_accepted": ("skipped", lambda: _("the buyer no longer agrees")),
    "shop_silent": ("skipped", lambda: _("the shop does not answer about the cart")),
    "connection_removed": ("skipped", lambda: _("the connection was removed")),
    "refused": ("failed", lambda: _("refused by the provider")),
    "dead": ("failed", lambda: _("with a number that takes no messages")),
    "opt_out": ("failed", lambda: _("opted out at the provider")),
    "template": ("failed", lambda: _("refused for the template")),
    REPORTED: ("failed", lambda: _("reported as not delivered")),
    "too_late": ("expired", lambda: _("later than it may be")),
    "shop_unreachable": ("expired", lambda: _("the shop could not be asked about the cart in time")),
    "connection_behind": ("expired", lambda: _("what the shop reported was not read in time")),
}
"""Of which state a reason is, and how it is said."""


def reason(name: str) -> str:
    """Why a message reached no one."""
    return _REASONS[name][1]() if name in _REASONS else name.replace("_", " ")


def rows(view: TriggerView) -> list[Row]:
    """The states of all messages, and their reasons, which add up to all of them."""
    found: dict[str, dict[str, int]] = {state: {} for state in SHOWN}
    for name, many in sorted(view.reasons.items(), key=lambda one: -one[1]):
        found[_REASONS.get(name, ("skipped",))[0]][name] = many
    # Providers report both: that a message failed, and that it was too late for it.
    late = view.states.get("expired", 0) - sum(found["expired"].values())
    if late > 0 and REPORTED in found["failed"]:
        found["expired"][REPORTED] = late
        found["failed"][REPORTED] -= late
    return [
        Row(state, view.states[state], [(name, many) for name, many in found[state].items() if many])
        for state in SHOWN
        if state in view.states
    ]


def count(view: TriggerView, states: Sequence[str]) -> int:
    """How many messages are in some states."""
    return sum(view.states.get(state, 0) for state in states)
