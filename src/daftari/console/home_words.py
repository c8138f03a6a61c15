"""What waits for someone in a sentence, and where it is settled. Knows no page."""

from __future__ import annotations

from markupsafe import Markup
from msgspec import Struct

from daftari.console.import_words import error
from daftari.console.languages import (
    current_language,
    format_age,
    format_day,
    format_moment,
    format_number,
    isolated,
    ngettext,
)
from daftari.console.languages import gettext as _
from daftari.model.consent import ANY
from daftari.rules.access.roles import NEEDED, Act
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.home.waiting import Waiting
from daftari.rules.overview import TO_REVIEW_MAX

ALL_CHANNELS = ANY


def channel(name: str) -> str:
    """A channel of a chart."""
    return _("by every way") if name == ALL_CHANNELS else CHANNEL_NAMES[name]


class Line(Struct, frozen=True):
    """A line of what waits. ``section``: the page that there must be; ``path``: where it is settled."""

    text: str
    link: str
    section: str
    path: str
    icon: str


def line(one: Waiting) -> Line:
    """The line of one thing that waits."""
    match one.kind:
        case "reviews" | "near_misses":
            return _of_consent(one)
        case "import_new" | "import_planned" | "import_paused" | "import_failed" | "export_failed":
            return _of_files(one)
        case "campaign_paused" | "campaign_unknown" | "trigger_stopped":
            return _of_sending(one)
        case "sender_paused" | "sender_waits" | "sender_silent" | "inbound_refused":
            return _of_senders(one)
        case "connection":
            section = "/connections"
            return Line(_connection(one), _("See why"), section, f"{section}/{one.id}", "connections")
        case "webhook_disabled" | "webhook_failing":
            return _of_webhooks(one)
        case "key_ends":
            said = _("The key %(name)s ends on %(day)s.", name=isolated(one.name), day=format_day(one.at))
            return Line(said, _("Make another"), "/settings/keys", "/settings/keys", "key")


def who(act: Act) -> str:
    """Who may settle it, for those who may not."""
    needed = NEEDED[act]
    if needed.or_editor_who is not None:
        return _("An owner can, or an editor who may send.")
    return _("An owner can.") if needed.role == "owner" else _("An editor or an owner can.")


def _of_consent(one: Waiting) -> Line:
    if one.kind == "reviews" and one.count > TO_REVIEW_MAX:
        many, age = format_number(TO_REVIEW_MAX), format_age(one.at)
        said = _("More than %(many)s messages may be opt-outs. The oldest came %(age)s.", many=many, age=age)
        return Line(said, _("Read them"), "/consent/review", "/consent/review", "consent")
    if one.kind == "reviews":
        said = ngettext(
            "%(num)s message may be an opt-out. It came %(age)s.",
            "%(num)s messages may be opt-outs. The oldest came %(age)s.",
            one.count,
            age=format_age(one.at),
        )
        return Line(said, _("Read them"), "/consent/review", "/consent/review", "consent")
    said = ngettext(
        "%(num)s program, person or file tried to bring back someone who opted out: %(moment)s.",
        "%(num)s programs, people or files tried to bring back someone who opted out, last %(moment)s.",
        one.count,
        moment=format_moment(one.at),
    )
    return Line(said, _("See who"), "/consent/near-misses", "/consent/near-misses", "consent")


def _of_files(one: Waiting) -> Line:
    path, name = f"/imports/{one.id}", isolated(one.name)
    match one.kind:
        case "import_new":
            said, link = (
                _("The file %(name)s waits for someone to say what is in its columns.", name=name),
                _("Continue"),
            )
        case "import_planned":
            said = _("The file %(name)s is planned, and waits for someone to apply it.", name=name)
            link = _("See the plan")
        case "import_paused":
            said, link = _("The import of %(name)s is paused.", name=name), _("Continue")
        case "import_failed":
            said = _with_why(_("The import of %(name)s failed.", name=name), error(one.why))
            link = _("See why")
        case _:
            said = _("An export that was begun %(moment)s failed.", moment=format_moment(one.at))
            return Line(said, _("See why"), "/exports", "/exports", "download")
    return Line(said, link, "/imports", path, "imports")


def _of_sending(one: Waiting) -> Line:
    name = isolated(one.name)
    if one.kind == "trigger_stopped":
        said = _("The trigger %(name)s is off: the provider refuses its template.", name=name)
        return Line(said, _("See why"), "/triggers", f"/triggers/{one.id}", "triggers")
    if one.kind == "campaign_unknown":
        said = ngettext(
            "Of one message of the campaign %(name)s it is not known whether it was sent.",
            "Of %(num)s messages of the campaign %(name)s it is not known whether they were sent.",
            one.count,
            name=name,
        )
    else:
        said = _paused(one.why, name)
    return Line(said, _("See it"), "/campaigns", f"/campaigns/{one.id}", "campaigns")


def _paused(why: str, name: str) -> str:
    match why:
        case "late":
            return _("The campaign %(name)s is paused: it did nothing for more than an hour.", name=name)
        case "count_changed":
            return _("The campaign %(name)s is paused: it would reach more or fewer people than expected.", name=name)
        case "no_group":
            return _("The campaign %(name)s is paused: one of its groups is gone.", name=name)
        case "template":
            return _("The campaign %(name)s is paused: the provider refuses its template.", name=name)
        case "refreshing" | "not_fresh":
            return _("The campaign %(name)s is paused: one of its groups is not up to date.", name=name)
        case _:
            return _("The campaign %(name)s is paused by someone.", name=name)


def _of_senders(one: Waiting) -> Line:
    name = isolated(one.name)
    if one.kind == "inbound_refused":
        said = _(
            "What came to the address %(name)s %(age)s was refused, perhaps a STOP too: its secret may be wrong.",
            name=name,
            age=format_age(one.at),
        )
        return Line(said, _("See why"), "/settings/inbound", f"/settings/inbound/{one.id}", "consent")
    if one.kind == "sender_silent":
        said = _("The sender %(name)s sends, but its provider reports nothing.", name=name)
        if one.at:
            moment = format_moment(one.at)
            said = _("The sender %(name)s sends, but its provider last reported %(moment)s.", name=name, moment=moment)
    elif one.kind == "sender_waits":
        said = _("The sender %(name)s sends nothing before someone names the numbers that it sends from.", name=name)
    elif one.tone == "bad":
        said = _with_why(_("The sender %(name)s stopped.", name=name), one.why)
    else:
        said = _("The sender %(name)s is paused by someone.", name=name)
    return Line(said, _("Fix it"), "/settings/senders", f"/settings/senders/{one.id}", "campaigns")


def _connection(one: Waiting) -> str:
    name = isolated(one.name)
    until = format_moment(one.at) if one.at else ""
    match one.why:
        case "broken":
            said = _("The connection %(name)s stopped.", name=name)
        case "needs_confirmation":
            said = _("The connection %(name)s needs your yes before it changes so much.", name=name)
        case "paused":
            said = _("The connection %(name)s is paused.", name=name)
        case "new" | "checked":
            said = _("The connection %(name)s is not set up yet: it waits for someone to start it.", name=name)
        case "limited":
            said = _("The connection %(name)s waits: the other system takes no more calls for now.", name=name)
        case _:
            said = _("The connection %(name)s is behind.", name=name)
    fresh = _("It is up to date as of %(moment)s.", moment=until)
    return f"{said} {fresh}" if until else said


def _of_webhooks(one: Waiting) -> Line:
    name = isolated(one.name)
    if one.kind == "webhook_disabled":
        said = _with_why(_("The webhook to %(name)s was turned off.", name=name), one.why)
    else:
        said = _("The webhook to %(name)s has taken nothing since %(moment)s.", name=name, moment=format_moment(one.at))
    return Line(said, _("Fix it"), "/settings/webhooks", f"/settings/webhooks/{one.id}", "connections")


def _with_why(said: str, why: str) -> str:
    """A sentence, and the reason in the words of a provider or of the rules."""
    if not why or isinstance(why, Markup):
        return Markup("{} {}").format(said, why)
    language = "" if current_language() == "en" else Markup(' lang="en"')
    return Markup("{} <bdi{}>{}</bdi>").format(said, language, f"{why[:1].upper()}{why[1:].rstrip('.')}.")
