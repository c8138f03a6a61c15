"""What comes to its end in a transaction, as the feed says it: one change for each origin. No HTTP, no SQL."""

from __future__ import annotations

from daftari.model.messages import MessageState, StoredMessage
from daftari.rules.events import CampaignFinished, Event, MessagesSettled, record_changes
from daftari.store import WriteTx

ENDS: frozenset[MessageState] = frozenset({"delivered", "failed", "expired", "skipped", "cancelled"})
"""The states in which a message waits for nothing. A report or a new attempt may lead from one of them to another."""


class Ends:
    """The messages and campaigns that come to an end in a transaction."""

    def __init__(self) -> None:
        self._messages: dict[tuple[int, int], set[int]] = {}
        """By the ids of their campaign and of their trigger; 0 for none."""
        self._campaigns: list[int] = []

    def add(
        self, before: StoredMessage | None, after: StoredMessage, *, campaign_id: int = 0, trigger_id: int = 0
    ) -> None:
        """Note a message that changed, if that is its end; ``before`` is ``None`` for one that had no row."""
        if after.state in ENDS and (before is None or before.state != after.state):
            self._messages.setdefault((campaign_id, trigger_id), set()).add(after.id)

    def finish(self, campaign_id: int) -> None:
        """Note a campaign that has ended."""
        self._campaigns.append(campaign_id)

    def as_events(self) -> list[Event]:
        """What happened, the messages before their campaigns."""
        settled = sorted(self._messages.items())
        return [
            *(MessagesSettled(campaign or None, sorted(ids), trigger or None) for (campaign, trigger), ids in settled),
            *map(CampaignFinished, self._campaigns),
        ]

    def record(self, tx: WriteTx) -> None:
        """Write it into the feed, in the transaction in which it happened. The messages' rows say the rest."""
        record_changes(tx, *self.as_events())
