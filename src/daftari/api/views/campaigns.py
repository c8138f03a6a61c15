"""What the calls under ``/v1/campaigns`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import CAMPAIGNS_PER_PAGE_MAX, PER_PAGE_MAX, TEST_NUMBERS_MAX
from daftari.model.members import Cursor
from daftari.rules.campaigns.log import CampaignMessage
from daftari.rules.campaigns.preview import Preview
from daftari.rules.campaigns.testing import TestOutcome
from daftari.rules.campaigns.views import CampaignView


class CampaignList(Struct, frozen=True):
    campaigns: Annotated[list[CampaignView], Meta(max_length=CAMPAIGNS_PER_PAGE_MAX)]
    next: Cursor | None


class CampaignAnswer(Struct, frozen=True):
    campaign: CampaignView


class CampaignCreated(Struct, frozen=True, tag_field="message", tag="Campaign created successfully"):
    campaign: CampaignView


class CampaignUpdated(Struct, frozen=True, tag_field="message", tag="Campaign updated successfully"):
    campaign: CampaignView


class CampaignDeleted(Struct, frozen=True, tag_field="message", tag="Campaign deleted successfully"):
    pass


class CampaignPreviewed(Struct, frozen=True):
    preview: Preview


class CampaignTested(Struct, frozen=True):
    results: Annotated[list[TestOutcome], Meta(max_length=TEST_NUMBERS_MAX)]
    """One for each number, each once."""


class CampaignStarted(Struct, frozen=True, tag_field="message", tag="Campaign started successfully"):
    campaign: CampaignView


class CampaignPaused(Struct, frozen=True, tag_field="message", tag="Campaign paused successfully"):
    campaign: CampaignView


class CampaignResumed(Struct, frozen=True, tag_field="message", tag="Campaign resumed successfully"):
    campaign: CampaignView


class CampaignCancelled(Struct, frozen=True, tag_field="message", tag="Campaign cancelled successfully"):
    campaign: CampaignView


class CampaignRetried(Struct, frozen=True, tag_field="message", tag="Retry requested successfully"):
    campaign: CampaignView


class CampaignLog(Struct, frozen=True):
    messages: Annotated[list[CampaignMessage], Meta(max_length=PER_PAGE_MAX)]
    next: Cursor | None
    """What to send as `after` for the lines that follow; `null` when these are the last."""
