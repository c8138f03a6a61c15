"""Campaigns as people make, start and end them. Who is claimed is decided in ``claims``. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Literal, cast

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import (
    CampaignCountChanged,
    CampaignNotFound,
    ValidationFailed,
    WrongCampaignState,
)
from daftari.model.jobs import JobKind
from daftari.model.limits import EXPECTED_SHARE_MAX
from daftari.model.messages import CampaignState, StoredCampaign
from daftari.model.time import format_time
from daftari.rules import audiences
from daftari.rules.campaigns.draft import audience_of, read_campaign
from daftari.rules.campaigns.refresh import begin_refresh, find_campaign_feeds, find_step
from daftari.rules.events import Action, CampaignStarted, record
from daftari.rules.fields import fold_name
from daftari.rules.messages.campaigns import LATE_MICROSECONDS, OpenCampaign
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.progress import CampaignProgress, Retry, read_definition, read_progress, written
from daftari.rules.senders.lifecycle import get_sender
from daftari.rules.senders.meter import read_meter
from daftari.store import Tx, WriteTx, campaigns, groups, senders
from daftari.store.jobs import hint_job

RETRIED_STATES = ("failed", "unknown")
CHANGED = "being changed"
"""What a draft is that is another one than a moment ago."""


def create_campaign(tx: WriteTx, *, given: Mapping[str, object]) -> StoredCampaign:
    """A new draft. Raises ``ValidationFailed``."""
    sender, definition = read_campaign(tx, given, before=None)
    number = campaigns.insert_campaign(
        tx, sender_id=sender.id, definition=written(definition), progress=written(CampaignProgress())
    )
    record(tx, Action.CREATE_CAMPAIGN, detail={"campaign": number})
    return get_campaign(tx, campaign_id=number)


def update_campaign(tx: WriteTx, *, campaign_id: int, given: Mapping[str, object]) -> StoredCampaign:
    """Change a draft. Raises ``ValidationFailed`` and ``WrongCampaignState``."""
    before = _in_state(tx, campaign_id, ["draft"], verb="change")
    sender, definition = read_campaign(tx, given, before=before)
    changed = replace(before, sender_id=sender.id, definition=written(definition))
    campaigns.save_campaign(tx, campaign=changed)
    record(tx, Action.UPDATE_CAMPAIGN, detail={"campaign": campaign_id})
    return changed


def delete_campaign(tx: WriteTx, *, campaign_id: int) -> None:
    """Delete a draft. Raises ``WrongCampaignState``."""
    _in_state(tx, campaign_id, ["draft"], verb="delete")
    campaigns.delete_campaign(tx, campaign_id=campaign_id)
    record(tx, Action.DELETE_CAMPAIGN, detail={"campaign": campaign_id})


def get_campaign(tx: Tx, *, campaign_id: int) -> StoredCampaign:
    """One campaign. Raises ``CampaignNotFound``."""
    found = campaigns.get_campaign(tx, campaign_id=campaign_id)
    if found is None:
        raise CampaignNotFound
    return found


def list_campaigns(tx: Tx, *, before: int, limit: int) -> list[StoredCampaign]:
    """At most ``limit`` campaigns before an id, the newest first; 0 means from the newest on."""
    return campaigns.list_campaigns(tx, before=before, limit=limit)


# ---- started ----------------------------------------------------------------------------------------


class Start(Struct, frozen=True):
    """A campaign as it was when its recipients were found. ``found`` is ``None`` where it is not to start now:
    because that is later, or for a ``reason``. ``fresh``: whether connections that fill its groups are read first."""

    campaign: StoredCampaign
    at: int
    found: audiences.Found | None = None
    reason: str = ""
    fresh: bool = True

    @property
    def waits(self) -> bool:
        """Whether there is nothing to be done but to wait for its lists."""
        return self.reason == "refreshing"


def find_start(tx: Tx, *, campaign_id: int, at: int | None, fresh: bool = True) -> Start:
    """When a campaign is to start, and whom it reaches if that is now, to be frozen by ``start_campaign``.

    ``fresh``: read the connections that fill its groups first.
    """
    before = _in_state(tx, campaign_id, ["draft"], verb="start")
    definition = read_definition(before.definition)
    starts_at = max(tx.now, definition.at if at is None else at)
    if definition.until and definition.until <= starts_at:
        said = f"The campaign is to end at {format_time(definition.until)}, which is not after its start."
        raise ValidationFailed({"at": [said]})
    get_sender(tx, sender_id=before.sender_id)
    if starts_at > tx.now:
        return Start(before, starts_at, fresh=fresh)
    if fresh and find_campaign_feeds(tx, before):
        audiences.refuse_unknown_groups(tx, definition=audience_of(tx, before))
        return Start(before, starts_at, reason="refresh")
    return Start(before, starts_at, audiences.find_numbers(tx, definition=audience_of(tx, before)), fresh=fresh)


def version_of_draft(campaign: StoredCampaign) -> str:
    """What differs where the sender, the text, the audience or the times of a draft do."""
    written_down = f"{campaign.sender_id} {campaign.definition}"
    return blake2b(written_down.encode(), digest_size=8).hexdigest()


def refuse_other_draft(start: Start, version: str) -> None:
    """Raise ``WrongCampaignState`` where a draft is not the one that the caller saw."""
    if version != version_of_draft(start.campaign):
        raise WrongCampaignState(CHANGED, "start", ["draft"])


def count_recipients(tx: Tx, *, start: Start) -> int:
    """How many people a campaign reaches, or would reach now if it is to start later."""
    found = start.found or audiences.find_numbers(tx, definition=audience_of(tx, start.campaign))
    return found.counted.count


def start_campaign(tx: WriteTx, *, start: Start, expected: int | None) -> StoredCampaign:
    """Freeze the text, and the audience where it was found, and let the worker send.

    Where connections are to be read first, the worker freezes the audience afterwards. Raises ``CampaignCountChanged``,
    and then nothing has changed.
    """
    before = _in_state(tx, start.campaign.id, ["draft"], verb="start")
    if before != start.campaign:
        raise WrongCampaignState(CHANGED, "start", ["draft"])
    definition = read_definition(before.definition)
    starts_at = start.at if start.found is None else definition.at if definition.at <= tx.now else 0
    before = replace(before, definition=written(replace(definition, at=starts_at)))
    if start.found is not None:
        refuse_other_count(start.found.counted.count, expected)
        started = _freeze(tx, before, start.found, expected=expected)
        record(tx, Action.START_CAMPAIGN, CampaignStarted(started.id), detail={"campaign": started.id})
    else:
        progress = CampaignProgress(expected=expected, fresh=start.fresh)
        started = replace(before, state="scheduled", reason="", due_at=start.at, progress=written(progress))
        if start.reason:
            started = begin_refresh(tx, started, progress)
        campaigns.save_campaign(tx, campaign=started)
        _hint(tx, started)
        record(tx, Action.START_CAMPAIGN, detail={"campaign": started.id})
    return started


def refuse_other_count(count: int, expected: int | None) -> None:
    """Raise ``CampaignCountChanged`` when so many people are too far from what the caller expects."""
    if expected is not None and abs(count - expected) > expected * EXPECTED_SHARE_MAX:
        raise CampaignCountChanged(count, expected)


def _freeze(tx: WriteTx, before: StoredCampaign, found: audiences.Found, *, expected: int | None) -> StoredCampaign:
    frozen = audiences.freeze_audience(tx, definition=audience_of(tx, before), found=found)
    definition = read_definition(before.definition)
    definition = replace(
        definition, group_ids=_find_ids(tx, definition.groups), not_ids=_find_ids(tx, definition.without)
    )
    progress = CampaignProgress(count=frozen.count, expected=expected, started_at=tx.now, active_at=tx.now)
    started = replace(
        before,
        state="running",
        reason="",
        definition=written(definition),
        audience_id=frozen.id,
        progress=written(progress),
        due_at=tx.now,
    )
    campaigns.save_campaign(tx, campaign=started)
    _hint(tx, started)
    return started


def _find_ids(tx: Tx, names: Sequence[str]) -> tuple[int, ...]:
    found = [groups.find_group_id(tx, folded=fold_name(name)) for name in names]
    return tuple(group_id for group_id in found if group_id is not None)


# ---- started by the worker --------------------------------------------------------------------------


def find_due_start(tx: Tx, *, sender_id: int) -> Start | None:
    """The first campaign of a sender that is to start now, must be paused because it cannot, or waits for its lists."""
    waiting: Start | None = None
    sender = senders.get_sender(tx, sender_id=sender_id)
    resumed_at = 0 if sender is None else read_meter(sender.meter).resumed_at
    for campaign in campaigns.list_active_campaigns(tx, sender_id=sender_id):
        if campaign.state != "scheduled" or campaign.due_at > tx.now:
            continue
        if tx.now > max(campaign.due_at, read_progress(campaign.progress).active_at, resumed_at) + LATE_MICROSECONDS:
            return Start(campaign, tx.now, reason="late")
        step = find_step(tx, campaign)
        if step == "refreshing":
            waiting = waiting or Start(campaign, tx.now, reason=step)
            continue
        if step:
            return Start(campaign, tx.now, reason=step)
        try:
            return Start(campaign, tx.now, audiences.find_numbers(tx, definition=audience_of(tx, campaign)))
        except ValidationFailed:
            # A group that it names is gone.
            return Start(campaign, tx.now, reason="no_group")
    return waiting


def start_due(tx: WriteTx, *, start: Start) -> None:
    """Start a campaign whose time has come, or pause it, unless it was changed meanwhile."""
    before = campaigns.get_campaign(tx, campaign_id=start.campaign.id)
    if before is None or before != start.campaign or start.waits:
        return
    if start.reason == "refresh":
        begun = begin_refresh(tx, before, read_progress(before.progress))
        _change(tx, begun, begun.state, begun.reason)
        return
    if start.found is None:
        _change(tx, before, "paused", start.reason)
        return
    progress = read_progress(before.progress)
    try:
        refuse_other_count(start.found.counted.count, progress.expected)
    except CampaignCountChanged:
        progress.found = start.found.counted.count
        _change(tx, replace(before, progress=written(progress)), "paused", "count_changed")
        return
    _freeze(tx, before, start.found, expected=progress.expected)
    record(tx, Action.START_CAMPAIGN, CampaignStarted(before.id), detail={"campaign": before.id})


# ---- under way --------------------------------------------------------------------------------------


def pause_campaign(tx: WriteTx, *, campaign_id: int) -> StoredCampaign:
    """Claim nothing more until it is resumed; what is being sent is settled."""
    return _change(tx, _in_state(tx, campaign_id, ["running", "scheduled"], verb="pause"), "paused", "person")


def resume_campaign(tx: WriteTx, *, campaign_id: int, fresh: bool | None = None) -> StoredCampaign:
    """Continue where it was paused. One that would have reached another number than expected starts with that one.

    ``fresh``: of one that has not started, whether connections are read first; ``None`` for as it was started.
    """
    before = _in_state(tx, campaign_id, ["paused"], verb="resume")
    get_sender(tx, sender_id=before.sender_id)
    progress = read_progress(before.progress)
    progress.active_at, progress.resumes_at = tx.now, 0
    if progress.found is not None:
        progress.expected, progress.found = progress.found, None
    progress.refreshing_since = 0
    if fresh is not None:
        progress.fresh = fresh
    state: CampaignState = "running" if before.audience_id else "scheduled"
    return _change(tx, replace(before, progress=written(progress)), state, "")


def cancel_campaign(tx: WriteTx, *, campaign_id: int) -> StoredCampaign:
    """End it. What waits is cancelled, the last of many by the worker; what was or is being sent stays as it is."""
    before = _in_state(tx, campaign_id, ["scheduled", "running", "paused"], verb="cancel")
    ends = Ends()
    campaign = OpenCampaign(before, ends)
    campaign.end_rest("cancelled")
    campaign.end_waiting(tx)
    changed = campaign.saved(now=tx.now)
    campaigns.save_campaign(tx, campaign=changed)
    record(tx, Action.CANCEL_CAMPAIGN, *ends.as_events(), detail={"campaign": changed.id})
    return changed


def retry_campaign(tx: WriteTx, *, campaign_id: int, states: Sequence[str], may_repeat: bool) -> StoredCampaign:
    """Let the worker try again what failed, or what has an unknown end. Raises ``ValidationFailed``."""
    before = _in_state(tx, campaign_id, ["running", "paused", "finished"], verb="retry")
    definition, progress = read_definition(before.definition), read_progress(before.progress)
    chosen = _read_states(states, may_repeat=may_repeat)
    if progress.is_retrying:
        raise WrongCampaignState("being retried", "retry", ["running", "paused", "finished"])
    if definition.until and definition.until <= tx.now:
        said = f"The campaign ended at {format_time(definition.until)}: make another one for those it did not reach."
        raise ValidationFailed({"states": [said]})
    get_sender(tx, sender_id=before.sender_id)
    # What failed may be later than now, by a clock that was set back.
    asked_at = max(tx.now, progress.finished_at, progress.active_at)
    progress.retry = Retry(chosen, may_repeat, asked_at)
    progress.finished_at, progress.active_at = 0, tx.now
    state: CampaignState = "paused" if before.state == "paused" else "running"
    begins = [CampaignStarted(before.id)] if before.state == "finished" else []
    return _change(tx, replace(before, progress=written(progress)), state, before.reason, *begins)


def _read_states(states: Sequence[str], *, may_repeat: bool) -> tuple[Literal["failed", "unknown"], ...]:
    if not states or not set(states) <= {*RETRIED_STATES}:
        raise ValidationFailed({"states": ['The states field must be ["failed"], ["unknown"] or both.']})
    if "unknown" in states and not may_repeat:
        said = "The may_repeat field must be true for unknown: some of these people may get the message twice."
        raise ValidationFailed({"may_repeat": [said]})
    return cast(tuple[Literal["failed", "unknown"], ...], tuple(sorted({*states})))


def _change(
    tx: WriteTx, before: StoredCampaign, state: CampaignState, reason: str, *happened: CampaignStarted
) -> StoredCampaign:
    changed = replace(before, state=state, reason=reason)
    campaigns.save_campaign(tx, campaign=changed)
    _hint(tx, changed)
    record(tx, Action.UPDATE_CAMPAIGN, *happened, detail={"campaign": changed.id})
    return changed


def _hint(tx: WriteTx, campaign: StoredCampaign) -> None:
    """Have the sender's job look at once, or when the campaign is to start."""
    if campaign.state in ("scheduled", "running"):
        due_at = campaign.due_at if campaign.state == "scheduled" else None
        hint_job(tx, kind=JobKind.SEND, subject=str(campaign.sender_id), due_at=due_at)


def _in_state(tx: Tx, campaign_id: int, states: Sequence[CampaignState], *, verb: str) -> StoredCampaign:
    """A campaign in one of some states. Raises ``CampaignNotFound``, and ``WrongCampaignState`` in any other state."""
    found = get_campaign(tx, campaign_id=campaign_id)
    if found.state not in states:
        raise WrongCampaignState(found.state, verb, states)
    return found
