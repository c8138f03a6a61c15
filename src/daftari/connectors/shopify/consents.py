"""Opt-outs written back to Shopify's own consents, and read back: another program may have said otherwise meanwhile.

Shopify keeps the newest consent by the time that it is given. So an opt-out bears the time at which the person said it,
and one that is older than a consent there loses, which is reported and not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daftari.connectors.protocol import ConnectorFailed, Mark, MarkOutcome
from daftari.connectors.shopify import answers
from daftari.connectors.shopify.api import Api
from daftari.connectors.shopify.operations import CONSENTS, SMS_CONSENT, WHATSAPP_CONSENT
from daftari.connectors.times import write_time

IDS_MAX = 100
CHANNELS = {"sms": "SMS", "whatsapp": "WhatsApp"}
"""The channels of which Shopify keeps a consent."""

Key = tuple[str, str]
"""A customer's id and a channel."""


def write_back(api: Api, marks: Sequence[Mark], *, opt_ins: bool, now: int) -> list[MarkOutcome]:
    """One outcome for each mark, in their order. Raises ``ConnectorFailed`` when nothing could be written."""
    latest: dict[Key, Mark] = {}
    for mark in sorted(marks, key=lambda one: (one.at, one.word == "out")):
        latest[mark.record_id, mark.channel] = mark
    outcomes: dict[Key, MarkOutcome] = {}
    written: dict[Key, Mark] = {}
    try:
        for key, mark in latest.items():
            outcome = _refuse(mark, opt_ins=opt_ins) or _write(api, mark, now=now)
            if outcome is None:
                written[key] = mark
            else:
                outcomes[key] = outcome
        outcomes |= _read_back(api, written, outcomes)
    except ConnectorFailed as failure:
        if not outcomes and not written:
            raise
        # What was written and not read back is written again: it is a state.
        again = {key: MarkOutcome(key[0], "again", failure.message) for key in latest if key not in outcomes}
        outcomes |= again
    return [outcomes[mark.record_id, mark.channel] for mark in marks]


def _refuse(mark: Mark, *, opt_ins: bool) -> MarkOutcome | None:
    """The outcome of a mark that is not for Shopify."""
    if not mark.record_id.isdecimal():
        return MarkOutcome(mark.record_id, "gone")
    if mark.channel not in CHANNELS:
        return MarkOutcome(mark.record_id, "refused", f"Shopify keeps no consent for {mark.channel}.")
    if mark.word == "in" and not opt_ins:
        return MarkOutcome(mark.record_id, "refused", "Opt-ins are not written to Shopify: write_back_opt_ins is off.")
    return None


def _write(api: Api, mark: Mark, *, now: int) -> MarkOutcome | None:
    """Write one; ``None`` when Shopify took it."""
    state = "SUBSCRIBED" if mark.word == "in" else "UNSUBSCRIBED"
    level = {"in": "SINGLE_OPT_IN"}.get(mark.word)
    at = write_time(min(mark.at, now))
    wanted: dict[str, object] = {"customerId": f"gid://shopify/Customer/{mark.record_id}"}
    if mark.channel == "sms":
        operation = SMS_CONSENT
        wanted["smsMarketingConsent"] = {"marketingState": state, "consentUpdatedAt": at} | (
            {"marketingOptInLevel": level} if level else {}
        )
    else:
        operation = WHATSAPP_CONSENT
        wanted["whatsAppMarketingConsent"] = {"state": state, "updatedAt": at} | (
            {"optInLevel": level} if level else {}
        )
    refusal = api.ask(operation, {"input": wanted}, answers.Written).refusal
    return MarkOutcome(mark.record_id, "refused", api.quote(refusal)) if refusal else None


def _read_back(api: Api, written: Mapping[Key, Mark], refused: Mapping[Key, MarkOutcome]) -> dict[Key, MarkOutcome]:
    """What Shopify has of those that were written, and whether those that it refused are there at all."""
    asked = [one for one in dict.fromkeys(key[0] for key in (*written, *refused)) if one.isdecimal()]
    outcomes: dict[Key, MarkOutcome] = {}
    for start in range(0, len(asked), IDS_MAX):
        ids = asked[start : start + IDS_MAX]
        wanted = [f"gid://shopify/Customer/{one}" for one in ids]
        found = {one.id: one for one in api.ask(CONSENTS, {"ids": wanted}, answers.Consents).nodes if one is not None}
        for record_id, channel in (*written, *refused):
            if record_id not in ids:
                continue
            if record_id not in found:
                outcomes[record_id, channel] = MarkOutcome(record_id, "gone", "Shopify has no such customer now.")
            elif mark := written.get((record_id, channel)):
                outcomes[record_id, channel] = _judge(mark, found[record_id].consent(channel))
    return outcomes


def _judge(mark: Mark, found: answers.Consent | None) -> MarkOutcome:
    """The outcome of a mark, by what Shopify has after it was written."""
    state = found.state if found else "REDACTED"
    if state == ("SUBSCRIBED" if mark.word == "in" else "UNSUBSCRIBED"):
        return MarkOutcome(mark.record_id, "written")
    if state == "REDACTED":
        return MarkOutcome(mark.record_id, "gone", "Shopify has no number of this customer now.")
    about = CHANNELS[mark.channel]
    at = found.at if found else None
    if at is not None and at > mark.at:
        says = (
            f"Shopify has a later word about {about}: {state} since {write_time(at, timespec='seconds')}. It keeps the "
            "later one; ask the customer, or change it there."
        )
        return MarkOutcome(mark.record_id, "refused", says)
    says = f"Shopify took the word about {about} and has {state} all the same: another program may have changed it."
    return MarkOutcome(mark.record_id, "overruled", says)
