"""Campaigns: what was asked for, how far the audience was claimed, and the counts. The rules say what they mean."""

from __future__ import annotations

from collections.abc import Mapping

from daftari.model.limits import ID_MAX
from daftari.model.messages import StoredCampaign
from daftari.store.engine import Tx, WriteTx


def insert_campaign(tx: WriteTx, *, sender_id: int, definition: str, progress: str) -> int:
    """Insert a draft. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_campaign",
        id=number, sender_id=sender_id, definition=definition, progress=progress, now=tx.now, key_id=tx.actor.key_id,
    )  # fmt: skip
    return number


def get_campaign(tx: Tx, *, campaign_id: int) -> StoredCampaign | None:
    """One campaign."""
    return tx.fetch_one(StoredCampaign, "get_campaign", id=campaign_id)


def list_campaigns(tx: Tx, *, before: int, limit: int) -> list[StoredCampaign]:
    """At most ``limit`` campaigns before an id, the newest first; 0 means from the newest on."""
    return tx.fetch(StoredCampaign, "list_campaigns", before=before or ID_MAX, limit=limit)


def list_open_campaigns(tx: Tx) -> list[StoredCampaign]:
    """The campaigns that have not ended, in order of creation."""
    return tx.fetch(StoredCampaign, "list_open_campaigns")


def list_active_campaigns(tx: Tx, *, sender_id: int) -> list[StoredCampaign]:
    """The campaigns of a sender that run, or are to start, the longest due first."""
    return tx.fetch(StoredCampaign, "list_active_campaigns", sender_id=sender_id)


def save_campaign(tx: WriteTx, *, campaign: StoredCampaign) -> None:
    """Save a campaign that changed."""
    tx.run(
        "save_campaign",
        id=campaign.id, sender_id=campaign.sender_id, state=campaign.state, reason=campaign.reason,
        definition=campaign.definition, audience_id=campaign.audience_id, next_place=campaign.next_place,
        progress=campaign.progress, due_at=campaign.due_at,
    )  # fmt: skip


def delete_campaign(tx: WriteTx, *, campaign_id: int) -> None:
    """Delete a draft."""
    tx.run("delete_campaign", id=campaign_id)


def add_deliveries(tx: WriteTx, *, campaign_id: int, minutes: Mapping[int, int]) -> None:
    """Add the people to whom a message of a campaign was delivered, by minute."""
    if minutes:
        tx.run("add_campaign_deliveries", id=campaign_id, items=sorted(minutes.items()))


def list_deliveries(tx: Tx, *, campaign_id: int) -> list[tuple[int, int]]:
    """To how many people a message of a campaign was delivered in each minute since 1970, in order."""
    return tx.fetch(tuple[int, int], "list_campaign_deliveries", id=campaign_id)
