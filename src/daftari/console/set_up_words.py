"""The words of setting up a connection: the systems, their fields and groups, and what a plan comes to.

Knows no page, and not how a connection is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from daftari.connectors import CONNECTORS
from daftari.console import import_words
from daftari.console.languages import format_number, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.console.number_words import explain_number
from daftari.model.connections import OfferedField, OfferedGroup
from daftari.rules.connections.plan import SampleRecord
from daftari.rules.consent.views import CHANNEL_NAMES

NAMES = ("name", "fname", "mname", "lname")
"""The fields of a record that are its name."""
CONSENT_USES = (
    *("opt_out.sms.marketing", "accepts.sms.marketing", "status.sms.marketing", "opt_out_at.sms"),
    *("opt_out.whatsapp.marketing", "accepts.whatsapp.marketing", "status.whatsapp.marketing", "opt_out_at.whatsapp"),
    *("opt_out.any.any", "accepts.any.any", "status.any.any", "opt_out_at"),
)
"""What a field about consent may be used for, as the page offers it."""


# ---- systems ----------------------------------------------------------------------------------------------


def title(kind: str) -> str:
    """What people call a system."""
    return _("MySQL or MariaDB") if kind == "mysql" else CONNECTORS[kind].title


def systems() -> list[tuple[str, list[tuple[str, str]]]]:
    """The kinds of systems: those of each, with a sentence."""
    table = _("A table or view with the people in it. Nothing is written there.")
    return [
        (
            _("Customers and sales"),
            [
                ("hubspot", _("Contacts, and lists as groups.")),
                ("pipedrive", _("Persons; labels and filters as groups.")),
                ("odoo", _("Contacts, tags as groups, and the phone blacklist.")),
            ],
        ),
        (
            _("Shops"),
            [
                ("shopify", _("Customers, tags and segments as groups, and carts that were left.")),
                ("woocommerce", _("Customers and guests who ordered, roles as groups, and orders not paid.")),
            ],
        ),
        (_("Your own database"), [("postgresql", table), ("mysql", table), ("sqlite", table)]),
    ]


# ---- fields and groups ------------------------------------------------------------------------------------


def field_options(offered: Sequence[OfferedField], used: Sequence[str]) -> list[tuple[str, str]]:
    """The fields of a system to choose from, by title; those too that are used and not offered."""
    titles = {one.name: one.title for one in offered}
    twice = {title for title in titles.values() if [*titles.values()].count(title) > 1}
    names = {name: f"{title} ({name})" if title in twice and title != name else title for name, title in titles.items()}
    names |= {name: name for name in used if name not in names}
    return sorted(names.items(), key=lambda pair: pair[1].casefold())


def consent_use(target: str) -> str:
    """What a field about consent says, and about what."""
    name, _dot, about = target.partition(".")
    channel, _dot, purpose = about.partition(".")
    said = {
        "opt_out": _("a yes is an opt-out"),
        "accepts": _("a no is an opt-out"),
        "status": _("a word such as unsubscribed is an opt-out"),
        "opt_out_at": _("when they opted out"),
    }[name]
    if name != "opt_out_at" and not about:
        channel, purpose = "sms", "marketing"
    of = _("Everything") if channel in ("", "any") else CHANNEL_NAMES[channel]
    if purpose in ("marketing", "service"):
        of = f"{of}, {import_words.purpose(purpose)}"
    return f"{of}: {said}"


def source_options(kind: str, offered: Sequence[OfferedGroup], used: Sequence[str]) -> list[tuple[str, str]]:
    """What a group may be made of: everyone, the lists and labels that the system has, and those in use."""
    found = [("all", _("everyone"))]
    found += [(one.source, _group_title(one)) for one in offered]
    known = {source for source, _title in found}
    return found + [(source, source) for source in used if source not in known]


def _group_title(one: OfferedGroup) -> str:
    kind = one.source.partition(":")[0]
    named: Mapping[str, str] = {
        "list": _("list"),
        "label": _("label"),
        "filter": _("filter"),
        "category": _("tag"),
        "tag": _("tag"),
        "segment": _("segment"),
        "role": _("role"),
    }
    size = "" if one.size is None else f" ({format_number(one.size)})"
    return f"{named.get(kind, kind)}: {one.title}{size}"


def keep_options() -> list[tuple[str, str]]:
    """How a group may be kept."""
    return [("in_step", _("in step: who leaves there leaves here")), ("add_only", _("adds only: no one leaves"))]


# ---- records and plans ------------------------------------------------------------------------------------


def outcome(record: SampleRecord) -> tuple[str, str, str]:
    """The outcome of a record: tone, words and icon."""
    if record.state == "left":
        return "", _("left out by the filter"), "bad"
    if record.state == "no_mobile":
        return "warn", _("has no number"), "warn"
    if record.state == "unreadable":
        return "bad", _("the number cannot be read"), "warn"
    if record.suppressed:
        return "bad", _("opted out here, and stays so"), "bad"
    if record.opts_out:
        return "warn", _("opted out there, and so here"), "bad"
    return "good", _("in the book"), "good"


def why(said: str) -> str:
    """Why a number cannot be read."""
    field, _blank, rest = said.removeprefix("The field ").partition(" ")
    return explain_number(rest) if rest.startswith("is not a telephone number") else f"{field}: {rest}"


def call_record(record: SampleRecord) -> str:
    """What the contact of a record would be called."""
    fields = record.fields
    names = [fields.get(name, "") for name in ("fname", "mname", "lname")]
    return fields.get("name") or " ".join(filter(None, names)) or fields.get("company") or fields.get("email") or ""


class Part(Struct, frozen=True):
    """A count of records of a plan: how it is called, and what it means."""

    name: str
    label: str
    count: int
    note: str = ""


def taken(counts: Mapping[str, int]) -> list[Part]:
    """The records that have a contact then, by what happens."""
    return [
        Part("created", _("new contacts"), counts.get("created", 0)),
        Part("updated", _("changed"), counts.get("updated", 0), _("what is mapped is overwritten")),
        Part("unchanged", _("there already"), counts.get("unchanged", 0), _("nothing changes")),
        Part(
            "shared_number", _("the same number again"), counts.get("shared_number", 0), _("one number is one contact")
        ),
    ]


def not_taken(counts: Mapping[str, int]) -> list[Part]:
    """The records that are not taken, by reason."""
    return [
        Part("no_mobile", _("have no number"), counts.get("no_mobile", 0)),
        Part("unreadable", _("have a number that cannot be read"), counts.get("unreadable", 0)),
        Part("left", _("are left out by the filter"), counts.get("left", 0)),
    ]


def sentence(counts: Mapping[str, int], system: str) -> str:
    """What a start would do, in one sentence with counts that add up."""
    live = sum(one.count for one in taken(counts))
    total = counts.get("records", 0)
    there = ngettext("%(num)s record", "%(num)s records", total)
    if not live:
        return _("Of %(records)s in %(system)s none is taken.", records=there, system=isolated(system))
    parts = [f"{format_number(one.count)} {one.label}" for one in taken(counts) if one.count]
    said = _(
        "Of %(records)s in %(system)s, %(live)s are taken: %(parts)s.",
        records=there,
        system=isolated(system),
        live=format_number(live),
        parts=", ".join(parts),
    )
    others = ngettext("%(num)s is not.", "%(num)s are not.", total - live)
    return f"{said} {others}" if total > live else said


def group_counts(counts: Mapping[str, int]) -> list[tuple[str, int | None, int | None]]:
    """The groups of a plan: who would be in each, and who is in it now; ``None`` where it is not known."""
    names = dict.fromkeys(name.partition(":")[2] for name in counts if name.startswith(("group:", "members:")))
    return [(name, counts.get(f"group:{name}"), counts.get(f"members:{name}")) for name in names]


def remarks(counts: Mapping[str, int], system: str) -> list[str]:
    """What a plan has about consent."""
    found = []
    if outs := counts.get("opt_outs", 0):
        found.append(
            ngettext(
                "%(num)s opted out there, and is opted out here.",
                "%(num)s opted out there, and are opted out here.",
                outs,
            )
        )
    if suppressed := counts.get("suppressed", 0):
        found.append(
            ngettext(
                "%(num)s opted out here before, and stays so.",
                "%(num)s opted out here before, and stay so.",
                suppressed,
            )
        )
    if ins := counts.get("crm_says_in", 0):
        said = ngettext(
            "%(num)s of them is subscribed in %(system)s: nothing is lifted by that.",
            "%(num)s of them are subscribed in %(system)s: nothing is lifted by that.",
            ins,
            system=isolated(system),
        )
        found.append(said)
    return found
