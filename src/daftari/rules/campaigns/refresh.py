"""The lists of a campaign that connections fill are read before it starts, or a person decides. No HTTP, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from daftari.model.messages import StoredCampaign
from daftari.rules.connections.freshness import Feed, Freshness, find_feeds, refresh_connections, show_freshness
from daftari.rules.messages.progress import CampaignProgress, read_definition, read_progress, written
from daftari.store import Tx, WriteTx

WAIT_MICROSECONDS = 60_000_000
"""How long a campaign waits for its lists."""

Step = Literal["", "refresh", "refreshing", "not_fresh"]


def find_campaign_feeds(tx: Tx, campaign: StoredCampaign) -> list[Feed]:
    """The connections that fill groups of a campaign, those that it leaves out among them."""
    definition = read_definition(campaign.definition)
    names = (*definition.groups, *definition.without)
    return find_feeds(tx, names=names) if names else []


def show_campaign_freshness(tx: Tx, campaign: StoredCampaign) -> Freshness | None:
    """The oldest group of a campaign; ``None`` where no connection fills one."""
    definition = read_definition(campaign.definition)
    names = (*definition.groups, *definition.without)
    return show_freshness(tx, names=names) if names else None


def find_step(tx: Tx, campaign: StoredCampaign) -> Step:
    """What is next for a campaign that is due.

    Blank: it starts. ``refresh``: its lists are asked for. ``refreshing``: it waits for them. ``not_fresh``: it pauses.
    """
    progress = read_progress(campaign.progress)
    if not progress.fresh:
        return ""
    since = progress.refreshing_since
    feeds = find_campaign_feeds(tx, campaign)
    if not since:
        return "refresh" if feeds else ""
    missing = [feed for feed in feeds if feed.seen_until < since and not feed.is_pushed]
    if not missing:
        return ""
    is_over = tx.now >= since + WAIT_MICROSECONDS or any(feed.is_stopped for feed in missing)
    return "not_fresh" if is_over else "refreshing"


def begin_refresh(tx: WriteTx, campaign: StoredCampaign, progress: CampaignProgress) -> StoredCampaign:
    """Ask for the lists of a campaign, which the caller saves."""
    refresh_connections(tx, feeds=find_campaign_feeds(tx, campaign), until=tx.now)
    progress.refreshing_since = tx.now
    return replace(campaign, state="scheduled", reason="refreshing", progress=written(progress))
