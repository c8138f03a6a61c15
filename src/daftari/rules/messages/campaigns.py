"""A running campaign as its next numbers are claimed: cursor, who is still meant, counts. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from daftari.model.messages import CampaignState, MessagePurpose, StoredCampaign, StoredMessage, StoredSender
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.progress import Retry, read_definition, read_progress, written
from daftari.store import Tx, WriteTx, audiences, campaigns, messages
from daftari.store.contacts import StoredContact

LATE_MICROSECONDS = 3_600_000_000
"""A campaign that did nothing for longer, though it might have, waits for a person: the machine was off, or yesterday's
file was restored."""
MINUTE_MICROSECONDS = 60_000_000
ENDED_PER_STEP = 1_000
RETRIED_PER_STEP = 1_000
REPORTED = "report"
"""The reason of a message that failed after the provider had taken it, by its report."""
TEMPLATE = "template"
"""Why a campaign pauses, or a message fails, whose WhatsApp template the provider refuses."""
REPORT_MICROSECONDS = 72 * 3_600_000_000
"""How long a provider may report on a message."""

Ending = Literal["expired", "cancelled"]
ENDING_REASONS: Mapping[Ending, str] = {"expired": "too_late", "cancelled": ""}
Memberships = Mapping[int, frozenset[int]]
"""The groups of contacts, by id."""


class OpenCampaign:
    """A campaign that runs. ``ends`` gets what comes to an end."""

    def __init__(self, stored: StoredCampaign, ends: Ends) -> None:
        self.stored = stored
        self._ends = ends
        self.definition = read_definition(stored.definition)
        self._progress = read_progress(stored.progress)
        self._place = stored.next_place
        self._state: CampaignState = stored.state
        self._reason = stored.reason
        self.delivered: dict[int, int] = {}
        """To how many people a message was delivered meanwhile, by minute since 1970."""

    @property
    def is_running(self) -> bool:
        """Whether its messages may be claimed."""
        return self._state == "running"

    @property
    def has_more(self) -> bool:
        """Whether a claim finds more, at the cursor or among those that are to be retried."""
        return self.is_running and (self._has_numbers or self._progress.is_retrying)

    @property
    def has_waiting(self) -> bool:
        """Whether some of its messages wait, due or not."""
        return self._progress.has_waiting

    @property
    def ending(self) -> Ending | None:
        """How its waiting messages end, where they do."""
        return self._progress.rest or None

    @property
    def _has_numbers(self) -> bool:
        return not self._progress.rest and self._place < self._progress.count

    def look(self, *, now: int, opens_at: int, resumed_at: int) -> None:
        """Decide whether the campaign continues now. One whose time is over ends; one that is late pauses."""
        if self.definition.until and now >= self.definition.until:
            self.end_rest("expired")
        elif now > max(self._progress.active_at, self._progress.resumes_at, resumed_at) + LATE_MICROSECONDS:
            self._state, self._reason = "paused", "late"
        self._progress.resumes_at = opens_at if opens_at > now else 0
        if self._state == "running" and not self._progress.resumes_at:
            self._progress.active_at = now

    def take(self, tx: WriteTx, most: int) -> list[StoredMessage]:
        """The messages to the next numbers, and moves the cursor behind them. An erased number is skipped."""
        if most <= 0 or not self.is_running or not self._has_numbers or self._progress.resumes_at:
            return []
        numbers = audiences.read_numbers(tx, audience_id=self.stored.audience_id, first=self._place, limit=most)
        self._place += len(numbers)
        ids = messages.take_message_ids(tx, count=len(numbers))
        found = [self._message(number, mobile) for number, mobile in zip(ids, numbers, strict=True)]
        erased = [
            replace(message, subject_id=-message.id, state="skipped", reason="erased", settled_at=tx.now)
            for message in found
            if not message.subject_id
        ]
        for message in erased:
            self.count(None, message)
        messages.insert_messages(tx, messages=erased)
        return [message for message in found if message.subject_id]

    def retry(self, tx: WriteTx) -> None:
        """Make some of the new attempts that were asked for wait, unless enough wait already."""
        retry = self._progress.retry
        waiting = self._progress.states.get("waiting", 0)
        if retry is None or not retry.is_open or not self.is_running or waiting >= RETRIED_PER_STEP:
            return
        found = messages.list_in_states(
            tx, origin_id=self.stored.id, states=retry.states, after=retry.after, limit=RETRIED_PER_STEP
        )
        changed = []
        for before in found:
            if not may_retry(before, retry):
                continue
            if is_too_early(before, now=tx.now):
                retry.too_early += 1
                continue
            after = replace(before, state="waiting", reason="", due_at=0, settled_at=0, attempt=before.attempt + 1)
            self.count(before, after)
            changed.append(after)
        messages.save_messages(tx, messages=changed)
        retry.retried += len(changed)
        retry.after = found[-1].id if found else retry.after
        retry.is_open = len(found) == RETRIED_PER_STEP

    def end_waiting(self, tx: WriteTx) -> bool:
        """End some of the messages that wait, due or not. Returns whether there may be more of them."""
        ending = self.ending
        if ending is None:
            return False
        found = messages.list_waiting_messages(
            tx, sender_id=self.stored.sender_id, origin_id=self.stored.id, limit=ENDED_PER_STEP
        )
        changed = [
            replace(message, state=ending, reason=ENDING_REASONS[ending], settled_at=tx.now) for message in found
        ]
        for before, after in zip(found, changed, strict=True):
            self.count(before, after)
        messages.save_messages(tx, messages=changed)
        return len(found) == ENDED_PER_STEP

    def _message(self, number: int, mobile: int) -> StoredMessage:
        return StoredMessage(
            id=number,
            sender_id=self.stored.sender_id,
            origin_id=self.stored.id,
            subject_id=mobile,
            key="",
            state="waiting",
            reason="",
            code="",
            purpose=self.definition.purpose,
            attempt=1,
            due_at=0,
            until=self.definition.until,
            claim=0,
            claimed_at=0,
            settled_at=0,
            parts=0,
            text="",
        )

    def refuse(self, person: StoredContact | None, groups: Memberships) -> str:
        """Why a number of the audience is no longer meant; empty for all others."""
        if person is None:
            return "removed"
        mine, definition = groups.get(person.id, frozenset()), self.definition
        wanted = frozenset(definition.group_ids)
        left = not wanted <= mine if definition.match == "all" else not wanted & mine
        return "left_group" if (wanted and left) or mine & frozenset(definition.not_ids) else ""

    def count(self, before: StoredMessage | None, after: StoredMessage) -> None:
        """Count a message that changed; ``before`` is ``None`` for one that has no row yet."""
        self._progress.move(before, after)
        if after.state == "delivered":
            minute = after.settled_at // MINUTE_MICROSECONDS
            self.delivered[minute] = self.delivered.get(minute, 0) + 1
        self._ends.add(before, after, campaign_id=self.stored.id)

    def end_rest(self, ending: Ending) -> None:
        """End what was not claimed yet; it has no rows, and the cursor says where it begins."""
        if not self._progress.rest:
            rest, reason = self._progress.count - self._place, ENDING_REASONS[ending]
            self._progress.states[ending] = self._progress.states.get(ending, 0) + rest
            if reason:
                self._progress.reasons[reason] = self._progress.reasons.get(reason, 0) + rest
            self._progress.rest = ending
        if ending == "cancelled":
            self._state, self._reason = "cancelled", ""

    def saved(self, *, now: int) -> StoredCampaign:
        """The campaign as it is to be stored; it is finished when nothing waits and nothing is being sent."""
        if self.is_running and not self.has_more and not self._progress.is_busy:
            self._state = "finished"
        if self._state in ("finished", "cancelled") and not self._progress.finished_at:
            self._progress.finished_at = now
            self._ends.finish(self.stored.id)
        return replace(
            self.stored,
            state=self._state,
            reason=self._reason,
            next_place=self._place,
            progress=written(self._progress),
        )


def may_retry(message: StoredMessage, retry: Retry) -> bool:
    """Whether new attempts were asked for that a message is meant by; one to an erased number is none of them.

    One that the provider took, before a report said that it failed, may have arrived all the same.
    """
    if message.subject_id < 0:
        return False
    if message.state == "unknown":
        return retry.may_repeat and message.claimed_at <= retry.asked_at
    return message.settled_at <= retry.asked_at and (retry.may_repeat or message.reason != REPORTED)


def is_too_early(message: StoredMessage, *, now: int) -> bool:
    """Whether a message that the provider took may still be delivered, though a report said that it failed."""
    return message.reason == REPORTED and now < max(message.until, message.claimed_at + REPORT_MICROSECONDS)


def open_campaigns(
    tx: Tx, *, sender: StoredSender, opens_at: Callable[[MessagePurpose], int], resumed_at: int, ends: Ends
) -> list[OpenCampaign]:
    """The campaigns of a sender that run, those that pause now among them. ``opens_at``: when a purpose may be sent."""
    found = [
        OpenCampaign(stored, ends)
        for stored in campaigns.list_active_campaigns(tx, sender_id=sender.id)
        if stored.state == "running"
    ]
    for campaign in found:
        campaign.look(now=tx.now, opens_at=opens_at(campaign.definition.purpose), resumed_at=resumed_at)
    return found


def end_cancelled(tx: WriteTx, *, campaign_ids: Iterable[int], ends: Ends) -> bool:
    """End some of the waiting messages of those that were cancelled. Returns whether there may be more of them."""
    has_more = False
    for campaign_id in campaign_ids:
        stored = campaigns.get_campaign(tx, campaign_id=campaign_id)
        if stored is not None and stored.state in ("cancelled", "finished"):
            campaign = OpenCampaign(stored, ends)
            has_more = campaign.end_waiting(tx) or has_more
            save_campaigns(tx, [campaign])
    return has_more


def pause_for_template(tx: WriteTx, *, campaign_id: int, says: str) -> None:
    """Pause a campaign whose template the provider refuses, in its words."""
    stored = campaigns.get_campaign(tx, campaign_id=campaign_id)
    if stored is not None and stored.state == "running":
        progress = read_progress(stored.progress)
        progress.provider_says = says
        changed = replace(stored, state="paused", reason=TEMPLATE, progress=written(progress))
        campaigns.save_campaign(tx, campaign=changed)


def save_campaigns(tx: WriteTx, found: Sequence[OpenCampaign]) -> None:
    """Save those that changed."""
    for campaign in found:
        changed = campaign.saved(now=tx.now)
        if changed != campaign.stored:
            campaigns.save_campaign(tx, campaign=changed)
            campaigns.add_deliveries(tx, campaign_id=changed.id, minutes=campaign.delivered)
