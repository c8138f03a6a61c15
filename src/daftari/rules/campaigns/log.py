"""The log of a campaign: a line for everyone of its audience, also for those that were not claimed. No HTTP, no SQL.

Messages come in the order in which they were claimed, then the numbers behind the cursor.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import get_args

import msgspec
from msgspec import Struct

from daftari.errors import ValidationFailed
from daftari.files.csv_injection import make_safe
from daftari.model.members import Count, Mobile, Number, Time
from daftari.model.messages import MessageState, StoredCampaign, StoredMessage
from daftari.model.time import format_time
from daftari.rules.campaigns.lifecycle import get_campaign
from daftari.rules.messages.campaigns import ENDING_REASONS
from daftari.rules.messages.progress import read_progress
from daftari.store import Tx, audiences, messages

LINES_PER_STEP = 1_000
COLUMNS = ("mobile", "state", "reason", "code", "attempt", "parts", "id", "due_at", "claimed_at", "settled_at")
STATES = get_args(MessageState)

_CURSOR = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)
_encode = msgspec.json.Encoder().encode


class CampaignMessage(Struct, frozen=True):
    """One person of a campaign."""

    mobile: Mobile | None
    """`null` once the number was erased."""
    state: MessageState
    reason: str | None
    """Why it was skipped, failed or expired."""
    code: str | None
    """The provider's code of its last answer or report."""
    attempt: Count
    """Which attempt this is of; 0 before the first."""
    parts: Count
    id: Number | None
    """The message's id; `null` before it is claimed."""
    due_at: Time | None
    """When it is tried next, while it waits; `null` for at once."""
    claimed_at: Time | None
    """When it was handed to the provider."""
    settled_at: Time | None
    """When it got the state in which it ended."""


class Cursor(Struct, frozen=True):
    """Where a walk is: behind this message, and at this place of the audience once there are no more messages."""

    message_id: int = 0
    place: int | None = None

    def __str__(self) -> str:
        return f"{self.message_id}" if self.place is None else f"{self.message_id}.{self.place}"


class Wanted(Struct, frozen=True):
    """Whom the lines are about: those in a state, with a reason, ``""`` for any; or who answered with an opt-out."""

    state: MessageState | str = ""
    reason: str = ""
    opted_out: bool = False


def read_log_cursor(value: object) -> Cursor:
    """A cursor as an answer gave it. Raises ``ValueError`` with the end of a sentence."""
    if value in (None, ""):
        return Cursor()
    found = _CURSOR.fullmatch(str(value))
    if found is None:
        raise ValueError("must be a cursor that an answer gave as next.")
    return Cursor(int(found[1]), None if found[2] is None else int(found[2]))


def list_lines(
    tx: Tx, *, campaign_id: int, wanted: Wanted, after: Cursor, limit: int
) -> tuple[list[CampaignMessage], Cursor | None]:
    """At most ``limit`` lines, and where the next ones begin; ``None`` at the end.

    Who is claimed between two pages is on a later one, and may be listed twice, never left out.
    """
    campaign = get_campaign(tx, campaign_id=campaign_id)
    found = _list_messages(tx, campaign, wanted, after.message_id, limit)
    lines = [_show(message) for message in found]
    cursor = Cursor(found[-1].id if found else after.message_id, after.place)
    if len(found) == limit:
        return lines, cursor
    rest = _rest_of(campaign, wanted)
    place = max(campaign.next_place, after.place or 0)
    while rest is not None and place < rest.count:
        if len(lines) == limit:
            return lines, Cursor(cursor.message_id, place)
        numbers = audiences.read_numbers(tx, audience_id=campaign.audience_id, first=place, limit=limit - len(lines))
        if not numbers:
            break
        lines += [rest.show(mobile) for mobile in numbers]
        place += len(numbers)
    return lines, None


def write_log(
    tx: Tx, *, campaign_id: int, wanted: Wanted, after: Cursor, write: Callable[[bytes], object], as_csv: bool
) -> None:
    """Write every line from a cursor on, as NDJSON or CSV, from one snapshot."""
    encode = _encode_csv if as_csv else _encode_ndjson
    if as_csv:
        write((",".join(COLUMNS) + "\r\n").encode())
    for lines in _walk(tx, campaign_id, wanted, after):
        write(encode(lines))


def _walk(tx: Tx, campaign_id: int, wanted: Wanted, after: Cursor) -> Iterator[list[CampaignMessage]]:
    cursor: Cursor | None = after
    while cursor is not None:
        lines, cursor = list_lines(tx, campaign_id=campaign_id, wanted=wanted, after=cursor, limit=LINES_PER_STEP)
        yield lines


def _encode_ndjson(lines: list[CampaignMessage]) -> bytes:
    return b"".join([_encode(line) + b"\n" for line in lines])


def _encode_csv(lines: list[CampaignMessage]) -> bytes:
    file = io.StringIO()
    # A code is what a provider says; no spreadsheet may run it.
    csv.writer(file, lineterminator="\r\n").writerows(
        [make_safe(line.code or "") if name == "code" else getattr(line, name) for name in COLUMNS] for line in lines
    )
    return file.getvalue().encode()


def refuse_unknown_state(state: str) -> None:
    """Raise ``ValidationFailed`` for a word that is no state."""
    if state and state not in STATES:
        raise ValidationFailed({"state": [f"The state field must be one of: {', '.join(STATES)}."]})


# ---- with a row -------------------------------------------------------------------------------------


def count_opted_out(tx: Tx, *, campaign_id: int) -> int:
    """How many people answered the campaign with an opt-out; those who were erased since are no longer known."""
    return messages.count_opted_out(tx, origin_id=campaign_id)


def _list_messages(tx: Tx, campaign: StoredCampaign, wanted: Wanted, after: int, limit: int) -> list[StoredMessage]:
    if wanted.opted_out:
        return messages.list_opted_out(tx, origin_id=campaign.id, after=after, limit=limit)
    if wanted.reason:
        return messages.list_with_reason(
            tx, origin_id=campaign.id, reason=wanted.reason, state=wanted.state, after=after, limit=limit
        )
    states = [state for state in STATES if wanted.state in ("", state)]
    return messages.list_in_states(tx, origin_id=campaign.id, states=states, after=after, limit=limit)


def _show(message: StoredMessage) -> CampaignMessage:
    return CampaignMessage(
        mobile=str(message.subject_id) if message.subject_id > 0 else None,
        state=message.state,
        reason=message.reason or None,
        code=message.code or None,
        attempt=message.attempt,
        parts=message.parts,
        id=message.id,
        due_at=format_time(message.due_at) if message.state == "waiting" and message.due_at else None,
        claimed_at=format_time(message.claimed_at) if message.claimed_at else None,
        settled_at=format_time(message.settled_at) if message.settled_at else None,
    )


# ---- behind the cursor ------------------------------------------------------------------------------


class _Rest(Struct, frozen=True):
    """Everyone behind the cursor, who are all alike. ``count``: of the whole audience."""

    count: int
    state: MessageState
    reason: str

    def show(self, mobile: int) -> CampaignMessage:
        """The line of one of them; an erased one has no number."""
        return CampaignMessage(
            str(mobile) if mobile else None, self.state, self.reason or None, None, 0, 0, None, None, None, None
        )


def _rest_of(campaign: StoredCampaign, wanted: Wanted) -> _Rest | None:
    progress = read_progress(campaign.progress)
    state: MessageState = progress.rest or "waiting"
    reason = ENDING_REASONS[progress.rest] if progress.rest else ""
    is_wanted = not wanted.opted_out and wanted.state in ("", state) and wanted.reason in ("", reason)
    return _Rest(progress.count, state, reason) if is_wanted and campaign.audience_id else None
