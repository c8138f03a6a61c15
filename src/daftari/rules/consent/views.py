"""What is shown of facts, states and decisions: members for programs, sentences for people. No transaction."""

from __future__ import annotations

import msgspec

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Fact, Scope
from daftari.model.time import format_time
from daftari.rules.consent.decisions import Question, Verdict
from daftari.rules.consent.state import OTHERS, Mask, State, mask_of

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

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def write_evidence(**members: str | None) -> str | None:
    """Evidence as it is kept: a JSON object of what is there, or nothing."""
    existing = {name: text for name, text in members.items() if text}
    return _encode(existing).decode() if existing else None


def show_fact(fact: Fact) -> dict[str, object]:
    """A fact's members; a part of its scope that is any is null."""
    shown: dict[str, object] = {"id": fact.id, "kind": fact.kind, **show_scope(fact.scope)}
    if fact.keyword:
        shown["group" if fact.kind == "left_group" else "keyword"] = fact.keyword
    shown |= {"at": format_time(fact.at), "recorded_at": format_time(fact.recorded_at), "source": fact.source}
    if fact.override:
        shown["override"] = True
    if fact.retracts is not None:
        shown["retracts"] = fact.retracts
    return shown | {"evidence": None if fact.evidence is None else _decode(fact.evidence)}


def show_scope(scope: Scope) -> dict[str, str | None]:
    """A scope's parts; null is any."""
    parts = {"channel": scope.channel, "sender": scope.sender, "purpose": scope.purpose}
    return {name: None if part == ANY else part for name, part in parts.items()}


def show_state(state: State) -> dict[str, object]:
    """What is blocked and what was opted in to, for senders in general and for those of whom something else holds."""
    others = state.cells.get(OTHERS, (0, 0))
    named = [(sender, masks) for sender, masks in state.cells.items() if sender != OTHERS]
    return {
        "suppressed": state.is_suppressed,
        **_show_masks(others),
        "senders": [{"sender": sender, **_show_masks(masks)} for sender, masks in named],
        "left_groups": [name for _, name in state.left],
        "subscriptions": [
            {"sender": None if sender == ANY else sender, "keyword": keyword} for sender, keyword in state.subscribed
        ],
    }


def _show_masks(masks: tuple[Mask, Mask]) -> dict[str, object]:
    blocked, opted_in = masks
    return {"blocked": _show_mask(blocked), "opted_in": _show_mask(opted_in)}


def _show_mask(mask: Mask) -> list[dict[str, str | None]]:
    """The fewest channels and purposes that together are a mask; null is any."""
    if mask == mask_of(ANY, ANY):
        return [_show_cell(ANY, ANY)]
    found = []
    for purpose in PURPOSES:
        if mask & mask_of(ANY, purpose) == mask_of(ANY, purpose):
            found.append(_show_cell(ANY, purpose))
            mask &= ~mask_of(ANY, purpose)
    for channel in CHANNELS:
        if mask & mask_of(channel, ANY) == mask_of(channel, ANY):
            found.append(_show_cell(channel, ANY))
        else:
            found += [_show_cell(channel, purpose) for purpose in PURPOSES if mask & mask_of(channel, purpose)]
    return found


def _show_cell(channel: str, purpose: str) -> dict[str, str | None]:
    return {"channel": None if channel == ANY else channel, "purpose": None if purpose == ANY else purpose}


def show_reasons(verdict: Verdict) -> list[dict[str, object]]:
    """Why a number may or may not be messaged: a code and a sentence, one for each fact that it rests on."""
    if not verdict.facts:
        return [{"code": verdict.code, "text": SENTENCES[verdict.code]}]
    reasons: list[dict[str, object]] = []
    for fact in verdict.facts:
        code = "still_billed" if fact.kind == "activated" else verdict.code
        text = f"Still billed. {describe_fact(fact)}" if code == "still_billed" else describe_fact(fact)
        reasons.append({"code": code, "text": text, "fact": show_fact(fact)})
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


def show_question(question: Question) -> dict[str, str | None]:
    """What a question asks about; null is all of them."""
    scope = show_scope(Scope(question.channel, question.sender, question.purpose))
    return {**scope, "keyword": question.keyword or None}
