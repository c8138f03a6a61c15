"""What a connection is, does and asks, in words: states, records, problems, groups, carts. Knows no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from daftari.connectors import CONNECTORS
from daftari.console import campaign_words, history_words, import_words
from daftari.console.languages import format_moment, format_number, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.model.carts import CartState
from daftari.model.connections import LINK_STATES, ConnectionState
from daftari.rules.connections.cart_views import ConnectionCartView
from daftari.rules.connections.overview import Overview
from daftari.rules.connections.views import ConnectionGroupView, ConnectionView, RecordMarkView, WrittenBackView
from daftari.rules.consent.views import CHANNEL_NAMES

WORST_FIRST: tuple[ConnectionState, ...] = (
    *("broken", "needs_confirmation", "behind", "limited", "importing", "new", "checked", "live", "paused"),
)
SET_UP: tuple[ConnectionState, ...] = ("new", "checked")
STOPPED: tuple[ConnectionState, ...] = ("broken", "needs_confirmation", "paused")
"""States in which nothing is read before a person acts."""
NOT_TAKEN = ("unreadable", "refused")
"""States of records that are in the book for no reason of theirs: someone corrects them there."""
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def order(one: Overview) -> tuple[int, int, int]:
    """The place of a connection among all: the worst first."""
    return WORST_FIRST.index(one.state), -not_taken(one.view), one.opened.id


def title(kind: str) -> str:
    """What people call a system."""
    return CONNECTORS[kind].title


def state(one: Overview) -> tuple[str, str, str]:
    """The tone, the word and the icon of a state."""
    due_at = one.opened.stored.due_at
    until = _("Waiting until %(moment)s", moment=format_moment(due_at)) if due_at else _("Waiting")
    words: dict[ConnectionState, tuple[str, str, str]] = {
        "new": ("pen", _("Being set up"), "clock"),
        "checked": ("pen", _("Being set up"), "clock"),
        "importing": ("pen", _("First reading"), "imports"),
        "live": ("good", _("Up to date"), "good"),
        "behind": ("warn", _("Behind"), "clock"),
        "limited": ("warn", until, "clock"),
        "paused": ("", _("Paused"), "pause"),
        "needs_confirmation": ("bad", _("Needs your yes"), "question"),
        "broken": ("bad", _("Stopped"), "warn"),
    }
    return words[one.state]


def is_alarming(one: Overview) -> bool:
    """Whether a connection is said on top of the list: nothing comes before someone looks, or it is late."""
    return one.state in ("broken", "needs_confirmation") or (
        one.state in ("behind", "limited") and bool(one.view.reason)
    )


def todo(one: Overview) -> str:
    """The words of the link that leads from the list to what is to be done."""
    return {
        "broken": _("Put it right"),
        "needs_confirmation": _("Decide"),
        "paused": _("Let it continue"),
        "new": _("Set it up"),
        "checked": _("Set it up"),
    }.get(one.state, _("Look"))


def silent_since(one: Overview) -> str:
    """That a connection has brought nothing since a moment; of one that was never read, that it has brought nothing."""
    name, until = isolated(one.view.name), one.opened.stored.complete_until
    if not until:
        return _("%(name)s has brought nothing yet.", name=name)
    return _("Nothing of %(name)s is here since %(moment)s.", name=name, moment=format_moment(until))


def not_taken(view: ConnectionView) -> int:
    """Records that someone has to correct before they can be taken."""
    return sum(getattr(view.counts, name) for name in NOT_TAKEN)


def total(view: ConnectionView) -> int:
    """All records that are known."""
    return sum(getattr(view.counts, name) for name in LINK_STATES)


# ---- records --------------------------------------------------------------------------------------------


class Part(Struct, frozen=True):
    """A count of records: how it is called, and what it means."""

    name: str
    label: str
    count: int
    note: str = ""
    tone: str = ""


def records(view: ConnectionView) -> list[Part]:
    """The records by what they are here, which add up to all; those of which there are none are left out."""
    return [
        Part(name, record_state(name), getattr(view.counts, name), tone="bad" if name in NOT_TAKEN else "")
        for name in LINK_STATES
        if getattr(view.counts, name) or name == "live"
    ]


def record_state(name: str) -> str:
    """What a record is here."""
    return {
        "live": _("in the book"),
        "no_mobile": _("have no number"),
        "unreadable": _("have a number that cannot be read"),
        "refused": _("are refused by the book"),
        "left": _("are left out by the filter"),
        "gone": _("were deleted there"),
        "merged": _("were merged into others there"),
        "removed_locally": _("were removed here, and do not come back"),
        "erased": _("were erased here"),
    }[name]


def record_is(name: str) -> str:
    """What one record is here."""
    return {
        "live": _("In the book."),
        "no_mobile": _("It has no number."),
        "unreadable": _("Its number cannot be read."),
        "refused": _("The book refuses it."),
        "left": _("The filter leaves it out."),
        "gone": _("It was deleted there."),
        "merged": _("It was merged into another there."),
        "removed_locally": _("It was removed here, and does not come back."),
        "erased": _("It was erased here."),
    }[name]


def merged_into(record_id: str) -> str:
    """Into which record one was merged."""
    return _("into record %(id)s", id=record_id)


def problems(view: ConnectionView) -> list[Part]:
    """What a person should look at, with what it means and what to do."""
    system = title(view.kind)
    return [
        Part(name, problem(name), getattr(view.counts, name), about(system))
        for name, about in _PROBLEMS.items()
        if getattr(view.counts, name)
    ]


def problem(name: str) -> str:
    """What is wrong with records, as a heading."""
    return {
        "unreadable": _("The number cannot be read"),
        "refused": _("The book refuses the record"),
        "erasure_pending": _("Erased there, and still here"),
        "crm_says_in": _("Subscribed there, opted out here"),
        "crm_resubscribes": _("Subscribed there again and again"),
        "moved_from_opted_out": _("Another number, since the one before opted out"),
        "shared_number": _("Several records with one number"),
        "write_back_refused": _("The opt-out could not be written there"),
        "changes_to_and_fro": _("Changes to and fro"),
        "unusable": _("Not taken"),
    }.get(name, name)


_PROBLEMS: Mapping[str, Callable[[str], str]] = {
    "unreadable": lambda system: _("Correct the number in %(system)s: it is read again by itself.", system=system),
    "refused": lambda system: _("Correct it in %(system)s: it is read again by itself.", system=system),
    "erasure_pending": lambda system: _("Someone was erased in %(system)s. An owner decides here.", system=system),
    "crm_says_in": lambda system: _("Nothing is lifted by that: they are not messaged."),
    "crm_resubscribes": lambda system: _("Another program there does so. Look which one, and stop it."),
    "moved_from_opted_out": lambda system: _("Is it the same person? Then write down that they opted out."),
    "shared_number": lambda system: _("The names of the first one count. Merge them in %(system)s.", system=system),
    "write_back_refused": lambda system: _("A rule of %(system)s refuses it. Change the record there.", system=system),
    "changes_to_and_fro": lambda system: _("Two programs there undo each other's changes; left alone for a day."),
}


def listed(view: ConnectionView) -> list[Part]:
    """What records can be listed by: all, each state and each problem of which there are any."""
    return [
        Part("", _("all"), total(view)),
        *records(view),
        *(one for one in problems(view) if one.name not in NOT_TAKEN),
    ]


def mark(one: RecordMarkView) -> str:
    """What is written back of a person's consent."""
    channel = CHANNEL_NAMES.get(one.channel, one.channel)
    if one.state == "waiting":
        return _("%(channel)s: waits to be written there", channel=channel)
    if one.state == "refused":
        return _("%(channel)s: refused there", channel=channel)
    said = _("opted out") if one.word == "out" else _("agreed")
    return _("%(channel)s: %(said)s is written there", channel=channel, said=said)


def written_back(one: WrittenBackView) -> str:
    """How many opt-outs are written there, as a sentence."""
    channel = CHANNEL_NAMES.get(one.channel, one.channel)
    count = one.written + one.waiting + one.refused + one.gone
    if not count:
        return _("%(channel)s: no one opted out yet.", channel=channel)
    said = _(
        "%(channel)s: %(written)s of %(all)s are written there.",
        channel=channel,
        written=format_number(one.written),
        all=format_number(count),
    )
    more = [
        ngettext("%(num)s waits.", "%(num)s wait.", one.waiting) if one.waiting else "",
        ngettext("%(num)s is refused.", "%(num)s are refused.", one.refused) if one.refused else "",
        ngettext("%(num)s is no longer there.", "%(num)s are no longer there.", one.gone) if one.gone else "",
    ]
    return " ".join(filter(None, [said, *more]))


# ---- what it is set to ----------------------------------------------------------------------------------


def source(written: str) -> str:
    """Which records are meant, from how settings name them."""
    kind, _colon, name = written.partition(":")
    named = isolated(name)
    if written == "all":
        return _("everyone")
    words: Mapping[str, Callable[[], str]] = {
        "property": lambda: _("where %(field)s", field=isolated(name.replace("=", " = ", 1))),
        "list": lambda: _("list %(name)s", name=named),
        "label": lambda: _("label %(name)s", name=named),
        "filter": lambda: _("filter %(name)s", name=named),
        "category": lambda: _("tag %(name)s", name=named),
        "tag": lambda: _("tag %(name)s", name=named),
        "segment": lambda: _("segment %(name)s", name=named),
        "role": lambda: _("role %(name)s", name=named),
    }
    return words[kind]() if kind in words else isolated(written)


def keeps(group: ConnectionGroupView) -> str:
    """How a group is kept."""
    if group.keep == "in_step":
        return _("in step: it alone decides who is in it")
    return _("adds only: no one is taken out")


def field(target: str) -> str:
    """What a field of a record becomes."""
    if target == "opt_out_at" or target.startswith("opt_out_at."):
        return _("When they opted out")
    return import_words.field(target)


def every(seconds: int) -> str:
    """How often something is done."""
    if seconds % DAY == 0:
        return ngettext("every day", "every %(num)s days", seconds // DAY)
    if seconds % HOUR == 0:
        return ngettext("every hour", "every %(num)s hours", seconds // HOUR)
    if seconds % MINUTE == 0:
        return ngettext("every minute", "every %(num)s minutes", seconds // MINUTE)
    return ngettext("every second", "every %(num)s seconds", seconds)


# ---- carts ----------------------------------------------------------------------------------------------


def cart_state(name: CartState) -> tuple[str, str, str]:
    """The tone, the word and the icon of what a cart is by now."""
    words: dict[CartState, tuple[str, str, str]] = {
        "open": ("pen", _("Being filled"), "clock"),
        "abandoned": ("warn", _("Left"), "clock"),
        "bought": ("good", _("Bought"), "good"),
        "closed": ("", _("Deleted"), "bad"),
    }
    return words[name]


def cart_became(cart: ConnectionCartView) -> str:
    """The outcome of a cart: its message, or why none follows."""
    if cart.why is None:
        last = cart.messages[-1] if cart.messages else None
        return _("A message was sent.") if last is None else history_words.state(last.state)
    words: Mapping[str, Callable[[], str]] = {
        "ordered": lambda: _("No message: it was bought."),
        "cart_closed": lambda: _("No message: it was deleted in the shop."),
        "no_number": lambda: _("No message: there is no number that can be read."),
        "not_accepted": lambda: _("No message: the buyer did not agree to messages."),
        "no_trigger": lambda: _("No message: no trigger was set to follow."),
    }
    return words[cart.why]() if cart.why in words else _("No message: %(why)s.", why=campaign_words.reason(cart.why))
