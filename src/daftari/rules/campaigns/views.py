"""A campaign as callers see it, with counts that add up to its audience. No HTTP, no SQL."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct
from msgspec import field as member

from daftari.model.audiences import Match
from daftari.model.consent import Channel
from daftari.model.limits import SENDER_MAX
from daftari.model.members import Count, Number, Text, Time
from daftari.model.messages import CampaignState, MessagePurpose, MessageState, StoredCampaign
from daftari.model.time import format_time
from daftari.rules.audiences import Groups
from daftari.rules.campaigns.preview import find_cost
from daftari.rules.campaigns.refresh import show_campaign_freshness
from daftari.rules.connections.freshness import Freshness
from daftari.rules.messages.campaigns import REPORT_MICROSECONDS, TEMPLATE
from daftari.rules.messages.progress import CampaignProgress, Retry, read_definition, read_progress
from daftari.rules.senders.model import decode_definition
from daftari.store import Tx, senders

PauseReason = Literal["person", "late", "count_changed", "no_group", "template", "refreshing", "not_fresh"]
StateCounts = Annotated[
    dict[str, Count],
    Meta(
        description="How many people are in each state. They add up to `count`.",
        extra_json_schema={"propertyNames": {"enum": sorted(get_args(MessageState))}},
    ),
]
ReasonCounts = Annotated[
    dict[str, Count],
    Meta(description="Why some were skipped, failed or expired, and how many for each reason."),
]


class RetryView(Struct, frozen=True):
    """The latest new attempts."""

    states: list[Literal["failed", "unknown"]]
    """Of which messages."""
    may_repeat: bool
    """Whether those may get one that people may have received."""
    retried: Count
    """How many were given a new attempt so far."""
    too_early: Count
    """How many were left as they are, since they may still be delivered."""
    done: bool
    """Whether all were looked at."""


class CampaignView(Struct, frozen=True, kw_only=True):
    """A campaign: what it says, to whom, and how far it is."""

    id: Number
    name: Text
    """What you call it; the people who are messaged do not see it."""
    state: CampaignState
    reason: PauseReason | None
    """Why it is paused: by a `person`; `late`, because the service did not run in its time; `count_changed`, because it
    would reach another number of people than expected; `no_group`, because a group of it is gone; `not_fresh`, because
    a connection that fills a group of it could not be read in time; `template`, because the provider refuses its
    template. Of one that is scheduled, `refreshing`: the connections that fill its groups are being read."""
    freshness: Freshness | None
    """Its oldest group, and why, where it is `refreshing` or `not_fresh`."""
    provider_says: str | None
    """The provider's code and words, where it refuses the template."""
    sender: Annotated[str, Meta(min_length=1, max_length=SENDER_MAX)]
    """What people see the messages come from."""
    channel: Channel
    purpose: MessagePurpose
    text: str | None
    """What is said, with its fields; `null` on WhatsApp."""
    plain: bool
    """Whether typographic characters are replaced, so that more fits into a part."""
    template: str | None
    """The approved WhatsApp template."""
    language: str | None
    params: list[str]
    everyone: bool
    """Whether the whole book is meant."""
    groups: Groups
    """The groups that are meant."""
    match: Match
    not_: Groups = member(name="not")
    """The groups whose members are left out."""
    at: Time | None
    """When it is or was to start; `null` for as soon as a person starts it."""
    until: Time | None
    """Nothing is sent after it."""
    audience: Number | None
    """The frozen audience; `null` until it starts."""
    count: Count | None
    """How many people it is for; `null` until it starts."""
    expected: Count | None
    """How many the caller expected."""
    found: Count | None
    """How many it would reach, where it is paused because of that."""
    states: StateCounts
    reasons: ReasonCounts
    parts: Count
    """How many parts were handed to the provider, or perhaps were."""
    cost: str | None
    """What these cost at the sender's present `part_price`."""
    sender_paused: str | None
    """Why the sender sends nothing at present; `null` while it sends."""
    resumes_at: Time | None
    """Until when it waits for sending hours or the sender's daily quota; `null` while it does not."""
    reports_may_follow: bool
    """Whether delivery reports may still change the counts."""
    retry: RetryView | None
    """The latest retry."""
    key_id: Number | None
    """The key that made it; `null` for a command."""
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


def show_campaign(tx: Tx, campaign: StoredCampaign) -> CampaignView:
    """A campaign as callers see it."""
    definition, progress = read_definition(campaign.definition), read_progress(campaign.progress)
    sender = senders.get_sender(tx, sender_id=campaign.sender_id)
    assert sender is not None, "a sender's row stays after its deletion"
    content, is_started = definition.content, campaign.audience_id > 0
    return CampaignView(
        id=campaign.id,
        name=definition.name,
        state=campaign.state,
        reason=_reason_of(campaign),
        freshness=show_campaign_freshness(tx, campaign) if campaign.reason in ("refreshing", "not_fresh") else None,
        provider_says=progress.provider_says if campaign.reason == TEMPLATE else None,
        sender=sender.name,
        channel=sender.channel,
        purpose=definition.purpose,
        text=None if content.template else content.text,
        plain=content.plain,
        template=content.template or None,
        language=content.language or None,
        params=[*content.params],
        everyone=definition.everyone,
        groups=definition.groups,
        match=definition.match,
        not_=definition.without,
        at=_time(definition.at),
        until=_time(definition.until),
        audience=campaign.audience_id or None,
        count=progress.count if is_started else None,
        expected=progress.expected,
        found=progress.found,
        states=count_states(campaign, progress),
        reasons={reason: many for reason, many in sorted(progress.reasons.items()) if many},
        parts=progress.parts,
        cost=find_cost(decode_definition(sender.definition).part_price, progress.parts),
        sender_paused=sender.paused or None,
        resumes_at=_time(progress.resumes_at) if campaign.state == "running" else None,
        reports_may_follow=_may_change(progress, now=tx.now),
        retry=None if progress.retry is None else _show_retry(progress.retry),
        key_id=campaign.key_id,
        created_at=format_time(campaign.created_at),
        started_at=_time(progress.started_at),
        finished_at=_time(progress.finished_at),
    )


def count_states(campaign: StoredCampaign, progress: CampaignProgress) -> dict[str, int]:
    """How many people are in each state, those behind the cursor included."""
    states: dict[str, int] = {state: many for state, many in progress.states.items() if many}
    if not progress.rest and campaign.next_place < progress.count:
        states["waiting"] = states.get("waiting", 0) + progress.count - campaign.next_place
    return {state: states[state] for state in sorted(states)}


def _reason_of(campaign: StoredCampaign) -> PauseReason | None:
    match campaign.reason:
        case "person" | "late" | "count_changed" | "no_group" | "template" | "refreshing" | "not_fresh" as reason:
            return reason
        case _:
            return None


def _may_change(progress: CampaignProgress, *, now: int) -> bool:
    """Whether a report may still come: the provider took a message, or may have, in the last 72 hours."""
    open_states: tuple[MessageState, ...] = ("sending", "unknown", "accepted")
    if not any(progress.states.get(state) for state in open_states):
        return False
    return not progress.finished_at or now < progress.finished_at + REPORT_MICROSECONDS


def _show_retry(retry: Retry) -> RetryView:
    return RetryView([*retry.states], retry.may_repeat, retry.retried, retry.too_early, not retry.is_open)


def _time(microseconds: int) -> str | None:
    return format_time(microseconds) if microseconds else None
