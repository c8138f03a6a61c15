"""What is shown of facts, states and decisions: records for programs, sentences for people. No transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from daftari.model.consent import (
    ANY,
    CHANNELS,
    PURPOSES,
    Channel,
    Fact,
    FactKind,
    Purpose,
    Scope,
    Sender,
    Source,
    StillBilled,
)
from daftari.model.limits import EVIDENCE_MAX, ID_MAX, SENDER_MAX
from daftari.model.members import Mobile, Number, Text, Time
from daftari.model.time import format_time
from daftari.rules.consent.decisions import Verdict
from daftari.rules.consent.state import OTHERS, TEAM_SOURCES, Mask, State, is_single, mask_of

CHANNEL_NAMES = {"sms": "SMS", "whatsapp": "WhatsApp", "premium_sms": "Premium SMS"}
SOURCE_NAMES = {
    "api": "the API",
    "inbound": "the person's own message",
    "provider": "the messaging provider",
    "import": "an import",
    "bulk": "a bulk call",
    "console": "a member of the team",
    "form": "a form that the person filled in",
    "delete": "the deletion of the contact",
    "erasure": "the person's erasure",
    "sync": "a connected system",
}
SENTENCES = {
    "no_opt_out": "No opt-out is on record that meets this.",
    "opted_in": "The person opted in, and no opt-out on record holds against it.",
    "no_opt_in": "No opt-in is on record, and this project messages no number without one.",
    "not_subscribed": "There is no active subscription to this premium service.",
    "quiet_hours": "It is outside the hours in which this project sends.",
    "unreadable_mobile": "This is not a telephone number.",
    "unknown_contact": "No contact has this id.",
}

FOLDED_MAX = 512
"""Characters of a group's name in small letters: a letter may become two."""

FactId = Annotated[int, Meta(ge=1, description="The fact's number in its project.")]
AnyChannel = Annotated[Channel, Meta(description="The channel; `null` is any.")]
AnySender = Annotated[Sender, Meta(description="The sender; `null` is any.")]
AnyPurpose = Annotated[Purpose, Meta(description="The purpose; `null` is any.")]
FactSource = Annotated[
    Source,
    Meta(
        description="Where it comes from. `inbound`, `provider`, `form`, `delete` and `erasure` are the person's own "
        "word."
    ),
]
FoldedGroup = Annotated[str, Meta(min_length=1, max_length=FOLDED_MAX)]
Keyword = Annotated[str, Meta(max_length=SENDER_MAX)]
EvidenceText = Annotated[str, Meta(min_length=1, max_length=EVIDENCE_MAX)]
Suppressed = Annotated[bool, Meta(description="Whether everything is blocked: every channel, any sender, any purpose.")]


class Cell(Struct, frozen=True):
    """A channel and a purpose; what is `null` is any."""

    channel: AnyChannel | None
    purpose: AnyPurpose | None


class SenderConsent(Struct, frozen=True):
    """What holds for one sender, in place of what holds for senders in general."""

    sender: Sender
    """The sender in small letters, a number as its digits."""
    blocked: list[Cell]
    """What this sender may not send, in as few channels and purposes as say it."""
    opted_in: list[Cell]
    """What the person opted in to from this sender."""


class Subscription(Struct, frozen=True):
    """A paid premium service that is active."""

    sender: Sender | None
    """The short code or name that the service is paid to."""
    keyword: Keyword
    """The service's keyword."""


Blocked = Annotated[
    list[Cell],
    Meta(
        description="What may not be sent, in as few channels and purposes as say it, by senders that are not named in "
        "`senders`."
    ),
]
OptedIn = Annotated[
    list[Cell],
    Meta(description="What the person opted in to, from senders that are not named in `senders`."),
]
OtherSenders = Annotated[list[SenderConsent], Meta(description="The senders for whom something else holds.")]
LeftGroups = Annotated[
    list[FoldedGroup],
    Meta(
        description="Groups that the person left by their own word, in small letters. Only an opt-in brings them back."
    ),
]
Subscriptions = Annotated[list[Subscription], Meta(description="Paid premium services that are active.")]


class Consent(Struct, frozen=True, kw_only=True):
    """What follows from everything that is known about a number."""

    suppressed: Suppressed
    blocked: Blocked
    opted_in: OptedIn
    senders: OtherSenders
    left_groups: LeftGroups
    subscriptions: Subscriptions


class Evidence(Struct, frozen=True, omit_defaults=True):
    """What shows that it is so."""

    provider: EvidenceText | None = None
    """The messaging provider that brought it."""
    message_id: EvidenceText | None = None
    """The provider's id of the message."""
    text: EvidenceText | None = None
    """What the person wrote."""
    code: EvidenceText | None = None
    """The provider's code."""
    form: EvidenceText | None = None
    """The form that the person filled in."""
    address: EvidenceText | None = None
    """The network address that it came from."""
    note: EvidenceText | None = None
    """A note by the one who recorded it."""
    source: EvidenceText | None = None
    """What the caller called the source, where it is recorded as another one."""
    at: Time | None = None
    """The time that came with it, where it counts from another one."""


class FactView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is known about a number. It is never changed once it is recorded."""

    id: FactId
    kind: FactKind
    """What happened. `left_group` is a person's word about one group, `activated` and `deactivated` are about a paid
    premium service, and a `retraction` takes another fact back, which was none."""
    channel: AnyChannel | None
    sender: AnySender | None
    purpose: AnyPurpose | None
    group: FoldedGroup | None = None
    """The group that was left, in small letters. Only with `left_group`."""
    keyword: Annotated[Keyword, Meta(min_length=1)] | None = None
    """The premium service's keyword, where it has one."""
    at: Time
    """When it counts from: when it happened, or else when it was received."""
    recorded_at: Time
    """When it was recorded."""
    source: FactSource
    single: bool = False
    """There when it was given for this number alone."""
    override: bool = False
    """There when it was to lift a person's own opt-out although it was given in bulk."""
    retracts: Number | None = None
    """The fact that is taken back. Only with `retraction`."""
    evidence: Evidence | None


class FactInWords(FactView, frozen=True, kw_only=True, omit_defaults=True):
    """A fact, and what it says in words."""

    text: Text
    """The fact as a sentence."""


class OptOut(Struct, frozen=True, kw_only=True):
    """An opt-out that is in force."""

    mobile: Mobile
    id: FactId
    kind: Literal["opt_out"]
    channel: AnyChannel | None
    sender: AnySender | None
    purpose: AnyPurpose | None
    at: Time
    """When it counts from: when it happened, or else when it was received."""
    recorded_at: Time
    """When it was recorded."""
    source: FactSource
    evidence: Evidence | None


class KnownConsent(Consent, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known about a number's consent."""

    still_billed: StillBilled = False
    facts: list[FactInWords]
    """Everything that is known, in the order in which it happened."""


class NumberConsent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known about a number's consent."""

    mobile: Mobile
    contact_id: Annotated[int, Meta(ge=1, le=ID_MAX)] | None
    """The contact that has the number; `null` when none has it."""
    suppressed: Suppressed
    blocked: Blocked
    opted_in: OptedIn
    senders: OtherSenders
    left_groups: LeftGroups
    subscriptions: Subscriptions
    still_billed: StillBilled = False
    facts: list[FactInWords]
    """Everything that is known, in the order in which it happened."""


class Reason(Struct, frozen=True, omit_defaults=True):
    """Why a number may or may not be messaged."""

    code: Annotated[str, Meta(extra_json_schema={"enum": ["opted_out", "still_billed", *SENTENCES]})]
    """Why, for programs. Allowed: `no_opt_out`, `opted_in`. Not allowed: `opted_out`, `no_opt_in`, `not_subscribed`,
    `quiet_hours`, `unreadable_mobile`, `unknown_contact`. `still_billed` comes with `opted_out`."""
    text: Text
    """Why, as a sentence."""
    fact: FactView | None = None
    """The fact that it rests on, where it rests on one."""


class Judgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer about one number."""

    id: Annotated[int, Meta(ge=0, le=ID_MAX)] | str | None = None
    """The id that was asked about, as a text if no contact can have it. Left out when a mobile was."""
    mobile: str | None
    """The number in E.164 digits; what was sent when it cannot be read, and `null` for an unknown id."""
    allowed: bool
    """Whether the number may be messaged."""
    reasons: Annotated[list[Reason], Meta(min_length=1)]
    """Why: one for each fact that the answer rests on."""
    still_billed: StillBilled = False


_read_evidence = msgspec.json.Decoder(Evidence).decode


def cut_evidence(text: str) -> str:
    """A text as evidence holds it: without NUL, and no longer than is kept."""
    return text.replace("\0", "")[:EVIDENCE_MAX]


def write_evidence(**members: str | None) -> str | None:
    """Evidence as it is kept: a JSON object of what is there, or nothing."""
    existing = {name: text for name, text in members.items() if text}
    return msgspec.json.encode(existing).decode() if existing else None


def read_evidence_members(kept: str) -> dict[str, str]:
    """The members of evidence as it is kept."""
    return msgspec.json.decode(kept, type=dict[str, str])


def add_evidence(kept: str | None, **members: str) -> str | None:
    """Evidence with further members."""
    return write_evidence(**({} if kept is None else read_evidence_members(kept)), **members)


def show_fact(fact: Fact) -> FactView:
    """A fact as callers see it."""
    return FactView(**_members_of(fact))


def show_history(facts: Iterable[Fact]) -> list[FactInWords]:
    """Facts in the order in which they happened, each with its sentence."""
    ordered = sorted(facts, key=lambda fact: (fact.at, fact.id))
    return [FactInWords(**_members_of(fact), text=describe_fact(fact)) for fact in ordered]


def _members_of(fact: Fact) -> dict[str, Any]:
    is_group = fact.kind == "left_group"
    return {
        "id": fact.id,
        "kind": fact.kind,
        "channel": _shown(fact.scope.channel),
        "sender": _shown(fact.scope.sender),
        "purpose": _shown(fact.scope.purpose),
        "group": fact.keyword or None if is_group else None,
        "keyword": None if is_group else fact.keyword or None,
        "at": format_time(fact.at),
        "recorded_at": format_time(fact.recorded_at),
        "source": fact.source,
        "single": is_single(fact),
        "override": fact.override and fact.source not in TEAM_SOURCES,
        "retracts": fact.retracts,
        "evidence": _show_evidence(fact),
    }


def show_opt_out(fact: Fact, *, mobile: int) -> OptOut:
    """An opt-out as callers see it."""
    return OptOut(
        mobile=str(mobile),
        id=fact.id,
        kind="opt_out",
        channel=_shown(fact.scope.channel),
        sender=_shown(fact.scope.sender),
        purpose=_shown(fact.scope.purpose),
        at=format_time(fact.at),
        recorded_at=format_time(fact.recorded_at),
        source=fact.source,
        evidence=_show_evidence(fact),
    )


def _shown(part: str) -> str | None:
    """A part of a scope; null is any."""
    return None if part == ANY else part


def _show_evidence(fact: Fact) -> Evidence | None:
    kept = None if fact.evidence is None else _read_evidence(fact.evidence)
    if fact.given_at is None or fact.given_at == fact.at:
        return kept
    return replace(kept or Evidence(), at=format_time(fact.given_at))


def show_state(state: State) -> Consent:
    """What is blocked and what was opted in to, for senders in general and for those of whom something else holds."""
    blocked, opted_in = state.cells.get(OTHERS, (0, 0))
    named = [(sender, masks) for sender, masks in state.cells.items() if sender != OTHERS]
    return Consent(
        suppressed=state.is_suppressed,
        blocked=show_mask(blocked),
        opted_in=show_mask(opted_in),
        senders=[SenderConsent(sender, *map(show_mask, masks)) for sender, masks in named],
        left_groups=[name for _, name in state.left],
        subscriptions=[Subscription(_shown(sender), keyword) for sender, keyword in state.subscribed],
    )


def show_mask(mask: Mask) -> list[Cell]:
    """The fewest channels and purposes that together are a mask; null is any."""
    if mask == mask_of(ANY, ANY):
        return [Cell(None, None)]
    found = []
    for purpose in PURPOSES:
        if mask & mask_of(ANY, purpose) == mask_of(ANY, purpose):
            found.append(Cell(None, purpose))
            mask &= ~mask_of(ANY, purpose)
    for channel in CHANNELS:
        if mask & mask_of(channel, ANY) == mask_of(channel, ANY):
            found.append(Cell(channel, None))
        else:
            found += [Cell(channel, purpose) for purpose in PURPOSES if mask & mask_of(channel, purpose)]
    return found


def show_verdict(verdict: Verdict) -> Judgement:
    """The answer about a number, which has yet to be named in it."""
    reasons = show_reasons(verdict)
    return Judgement(mobile=None, allowed=verdict.allowed, reasons=reasons, still_billed=verdict.still_billed)


def show_reasons(verdict: Verdict) -> list[Reason]:
    """Why a number may or may not be messaged: a code and a sentence, one for each fact that it rests on."""
    if not verdict.facts:
        return [Reason(verdict.code, SENTENCES[verdict.code])]
    reasons = []
    for fact in verdict.facts:
        is_billed = fact.kind == "activated"
        code, text = ("still_billed" if is_billed else verdict.code), describe_fact(fact)
        reasons.append(Reason(code, f"Still billed. {text}" if is_billed else text, show_fact(fact)))
    return reasons


def describe_fact(fact: Fact) -> str:
    """A fact as a sentence: what, since when, from where."""
    since = format_time(fact.at)
    where = f"recorded {format_time(fact.recorded_at)} from {SOURCE_NAMES[fact.source]}, fact {fact.id}"
    match fact.kind:
        case "opt_out":
            return f"Opted out of {tell_scope(fact.scope)} at {since}; {where}."
        case "opt_in":
            return f"Opted in to {tell_scope(fact.scope)} at {since}; {where}."
        case "left_group":
            return f"Left the group {fact.keyword!r} at {since}; {where}."
        case "activated":
            return f"The paid service {fact.keyword!r} of {fact.scope.sender} began at {since}; {where}."
        case "retraction":
            return f"Fact {fact.retracts} was no such thing and is taken back; {where}."
        case "deactivated":
            return f"The paid service {fact.keyword!r} of {fact.scope.sender} ended at {since}; {where}."


def tell_scope(scope: Scope) -> str:
    """A scope in words."""
    what = "all messages" if scope.purpose == ANY else f"{scope.purpose} messages"
    channel = "on every channel" if scope.channel == ANY else f"by {CHANNEL_NAMES[scope.channel]}"
    sender = "from any sender" if scope.sender == ANY else f"from {scope.sender}"
    return f"{what} {channel} {sender}"
