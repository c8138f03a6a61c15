"""What holds for a number, in words: answers, ways of messaging, facts and where they come from. Knows no page."""

from __future__ import annotations

import msgspec

from daftari.console.languages import format_moment, isolated
from daftari.console.languages import gettext as _
from daftari.console.number_words import explain_number
from daftari.model.consent import ANY, Fact, Scope
from daftari.rules.consent.decisions import Question
from daftari.rules.consent.summary import Answer, Named, Summary
from daftari.rules.consent.views import CHANNEL_NAMES, Evidence, Reason

TONES: dict[Answer, str] = {"yes": "good", "part": "warn", "no": "bad"}
SIGNS: dict[Answer, str] = {"yes": "good", "part": "part", "no": "bad"}

_read_evidence = msgspec.json.Decoder(Evidence).decode


def answer(may: Answer) -> str:
    """Yes, in part or no."""
    return {"yes": _("Yes"), "part": _("In part"), "no": _("No")}[may]


def verdict(summary: Summary) -> str:
    """Whether a number may be messaged, as a sentence."""
    if summary.answer == "yes":
        return _("Yes, by every way.")
    if summary.suppressed:
        return _("No. They opted out of everything, by every way and from any sender.")
    also = ", ".join(map(_name, summary.also))
    if summary.answer == "no":
        return _("No. They did not agree, and this project messages only who did.") if summary.only else _("No.")
    if summary.only:
        only = ", ".join(map(_name, [*summary.ways, *summary.also]))
        return _("Yes, but only %(ways)s.", ways=_(", and not ").join([only, *map(_name, summary.less)]))
    said = _("Yes, but not %(ways)s.", ways=_(", and not ").join(map(_name, [*summary.ways, *summary.less])))
    all_the_same = _("All the same %(ways)s.", ways=also)
    return f"{said} {all_the_same}" if also else said


def _name(way: Named) -> str:
    """A way of messaging, within a sentence: ``with marketing by SMS from DUKA``."""
    channel, purpose, sender = way.cell.channel, way.cell.purpose, way.sender
    said = []
    if purpose is not None:
        said.append(_("with marketing") if purpose == "marketing" else _("with service messages"))
    if channel is not None:
        said.append(_("by %(channel)s", channel=CHANNEL_NAMES[channel]))
    if sender is not None:
        said.append(_("from %(sender)s", sender=isolated(sender)))
    return " ".join(said) or _("at all")


def row_of(channel: str, sender: str | None, *, has_named: bool) -> str:
    """What a row of the table is about."""
    name = CHANNEL_NAMES[channel]
    if sender is not None:
        return _("%(channel)s from %(sender)s", channel=name, sender=isolated(sender))
    return _("%(channel)s from others", channel=name) if has_named else name


def about(scope: Scope) -> str:
    """What a fact is about: ``marketing by SMS from any sender``."""
    what = {"marketing": _("marketing"), "transactional": _("service messages")}.get(scope.purpose, _("everything"))
    channel = "" if scope.channel == ANY else CHANNEL_NAMES[scope.channel]
    if scope.sender == ANY:
        if not channel:
            return _("%(what)s, by every way and from any sender", what=what)
        return _("%(what)s by %(channel)s from any sender", what=what, channel=channel)
    sender = isolated(scope.sender)
    if not channel:
        return _("%(what)s by every way from %(sender)s", what=what, sender=sender)
    return _("%(what)s by %(channel)s from %(sender)s", what=what, channel=channel, sender=sender)


def heading(scope: Scope) -> str:
    """The same where it begins a line: ``Marketing by SMS``."""
    said = [{"marketing": _("Marketing"), "transactional": _("Service messages")}.get(scope.purpose, _("Everything"))]
    if scope.channel != ANY:
        said.append(_("by %(channel)s", channel=CHANNEL_NAMES[scope.channel]))
    if scope.sender != ANY:
        said.append(_("from %(sender)s", sender=isolated(scope.sender)))
    return " ".join(said)


def question(asked: Question, at: int | None) -> str:
    """What was asked: ``By SMS, from 20414, for marketing, now``."""
    from_whom = _("from any sender") if asked.sender == ANY else _("from %(sender)s", sender=isolated(asked.sender))
    for_what = {"marketing": _("for marketing"), "transactional": _("for service messages")}.get(asked.purpose)
    when = _("now") if at is None else format_moment(at)
    channel = CHANNEL_NAMES[asked.channel]
    return ", ".join([_("By %(channel)s", channel=channel), from_whom, for_what or _("for anything"), when])


def reason(one: Reason) -> str:
    """Why a number may or may not be messaged, where no fact says it."""
    if one.code == "unreadable_mobile":
        return explain_number(one.text)
    return {
        "no_opt_out": _("Nothing on record is against it."),
        "no_opt_in": _("They did not agree, and this project messages only who did."),
        "quiet_hours": _("It is outside the hours in which this project sends."),
    }.get(one.code, one.text)


def fact(one: Fact) -> str:
    """What was said, as a sentence."""
    match one.kind:
        case "opt_out":
            return _("Opted out of %(what)s.", what=about(one.scope))
        case "opt_in":
            return _("Agreed to %(what)s.", what=about(one.scope))
        case "left_group":
            return _("Left the group %(group)s.", group=isolated(one.keyword))
        case "activated":
            return _("The paid service %(keyword)s began.", keyword=isolated(one.keyword))
        case "deactivated":
            return _("The paid service %(keyword)s ended.", keyword=isolated(one.keyword))
        case "retraction":
            return _("Fact %(number)s was taken back.", number=one.retracts)


def tone(one: Fact) -> str:
    """The class of a fact in the ledger."""
    return {"opt_out": "no", "left_group": "no", "opt_in": "yes"}.get(one.kind, "")


def source(one: Fact) -> str:
    """Where a fact comes from."""
    return {
        "api": _("a program"),
        "inbound": _("their own message"),
        "provider": _("reported by the provider"),
        "import": _("a file"),
        "bulk": _("one of many"),
        "console": _("written down here"),
        "form": _("a form that they filled in"),
        "delete": _("the contact was deleted"),
        "erasure": _("they asked to be forgotten"),
        "sync": _("a connected system"),
    }[one.source]


def evidence(one: Fact) -> list[tuple[str, str]]:
    """What shows that it is so: what each part is, and its words."""
    if one.evidence is None:
        return []
    kept = _read_evidence(one.evidence)
    found = (
        ("", kept.text),
        ("", kept.note),
        (_("Form"), kept.form),
        (_("Provider"), kept.provider),
        (_("Message"), kept.message_id),
        (_("Code"), kept.code),
        (_("Address"), kept.address),
        (_("Source"), kept.source),
    )
    return [(label, text) for label, text in found if text]


def tried(source: str) -> str:
    """How someone tried to bring back those who opted out."""
    return {
        "create_contacts": _("adds or changes them as contacts"),
        "update_contact": _("gives a contact their number"),
        "join_group": _("puts them into a group"),
        "opt_in": _("writes down that they agreed, without proof enough"),
        "import": _("a file with their numbers"),
        "sync": _("has them among its people"),
    }.get(source, source)


def unnamed(source: str) -> str:
    """Who it was, where it was neither a key nor a user."""
    return _("A connected system") if source == "sync" else _("A command on the server")
