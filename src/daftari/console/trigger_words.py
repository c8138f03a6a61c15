"""What a trigger is on, when it sends, what stops it, and the outcome of its messages, in words. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from daftari.console.campaign_words import REASONS
from daftari.console.durations import span
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.model.messages import Content, MessageState
from daftari.rules.messages.campaigns import REPORTED
from daftari.rules.triggers.draft import ALWAYS, ONCE
from daftari.rules.triggers.views import ConditionView, OnView, TriggerView

AT_ONCE = "0s"
SENT: tuple[MessageState, ...] = ("delivered", "accepted", "unknown", "sending")
"""The states of what was sent, or perhaps was."""
STAYED: tuple[MessageState, ...] = ("failed", "expired", "skipped", "cancelled")
"""The states of what reached no one."""
SHOWN: tuple[MessageState, ...] = (*SENT, "waiting", *STAYED)


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


def content_of(view: TriggerView) -> Content:
    """What a trigger says."""
    if view.template is None:
        return Content(text=view.text or "", plain=view.plain)
    return Content(template=view.template, language=view.language or "", params=tuple(view.params))


# ---- the outcome of its messages ------------------------------------------------------------------------


class Row(Struct, frozen=True):
    """How many messages are in a state, and for which reasons."""

    state: MessageState
    count: int
    reasons: list[tuple[str, int]]


def rows(view: TriggerView) -> list[Row]:
    """The states of all messages, and their reasons, which add up to all of them."""
    found: dict[str, dict[str, int]] = {state: {} for state in SHOWN}
    for name, many in sorted(view.reasons.items(), key=lambda one: -one[1]):
        found[REASONS.get(name, ("skipped",))[0]][name] = many
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
