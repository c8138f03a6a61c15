"""What a campaign is made of, and its counts, which always add up to its audience. No HTTP, no SQL."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from daftari.model.audiences import Match
from daftari.model.messages import Content, MessageCounts, MessagePurpose


class CampaignDefinition(Struct, frozen=True, omit_defaults=True):
    """What was asked for. ``group_ids``, ``not_ids``: of the groups, since the start.

    ``at``: when it is to start, and ``until``: nothing is sent after it, in microseconds; 0 for none.
    """

    name: str
    content: Content
    purpose: MessagePurpose
    everyone: bool = False
    groups: tuple[str, ...] = ()
    match: Match = "any"
    without: tuple[str, ...] = ()
    at: int = 0
    until: int = 0
    group_ids: tuple[int, ...] = ()
    not_ids: tuple[int, ...] = ()


class Retry(Struct, omit_defaults=True):
    """New attempts that were asked for, which are made some at a time, in order of the messages' ids.

    ``after``: the last message that was looked at. ``too_early``: those that may still be delivered, and were left.
    """

    states: tuple[Literal["failed", "unknown"], ...]
    may_repeat: bool
    asked_at: int
    after: int = 0
    retried: int = 0
    too_early: int = 0
    is_open: bool = True


class CampaignProgress(MessageCounts, omit_defaults=True):
    """The counts of a campaign. What has no row yet is not counted among its states."""

    count: int = 0
    """Numbers in the audience."""
    expected: int | None = None
    found: int | None = None
    """How many it would have reached when it was to start, if that is not what was expected."""
    fresh: bool = True
    """Whether connections that fill its groups are read before it starts."""
    refreshing_since: int = 0
    """When these were asked to be read; 0 where they were not."""
    started_at: int = 0
    finished_at: int = 0
    active_at: int = 0
    """When a worker last looked at it while it might be sent."""
    resumes_at: int = 0
    """When the hours begin that it waits for; 0 while they are open."""
    rest: Literal["", "expired", "cancelled"] = ""
    """The outcome of the numbers behind the cursor, once it no longer moves."""
    retry: Retry | None = None
    """The latest."""
    provider_says: str = ""
    """The provider's words when it last refused the template."""

    @property
    def is_retrying(self) -> bool:
        """Whether new attempts are still to be made."""
        return self.retry is not None and self.retry.is_open

    @property
    def is_busy(self) -> bool:
        """Whether a message waits or is being sent."""
        return bool(self.states.get("waiting", 0) or self.states.get("sending", 0))


read_definition = msgspec.json.Decoder(CampaignDefinition).decode
read_progress = msgspec.json.Decoder(CampaignProgress).decode


def written(record: CampaignDefinition | CampaignProgress) -> str:
    """A record as it is stored."""
    return msgspec.json.encode(record).decode()
