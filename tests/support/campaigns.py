"""Campaigns of one sender, written, started and looked at as the calls do it. For tests of rules.

This module must not know what the right outcome is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from daftari.rules.campaigns import lifecycle, log, preview, testing
from daftari.rules.campaigns.lifecycle import Start
from daftari.rules.campaigns.log import CampaignMessage, Cursor, Wanted
from daftari.rules.campaigns.testing import TestOutcome as Tried
from daftari.rules.campaigns.views import CampaignView, show_campaign
from daftari.rules.numbers import WrittenNumber
from daftari.store import Tx
from tests.support.message_steps import Sending

DRAFT = {"name": "Offer", "sender": "DUKA", "text": "Hello", "everyone": True}
ANY = Wanted()
PAGES_MAX = 10_000

P = ParamSpec("P")
T = TypeVar("T")


class Campaigns:
    """The campaigns of a sender."""

    def __init__(self, sending: Sending) -> None:
        self.sending = sending

    def create(self, **given: Any) -> int:
        """A draft: of everyone, unless groups are named."""
        members = {**DRAFT, **given}
        if "groups" in given:
            del members["everyone"]
        return self.sending.write(lifecycle.create_campaign, given=members).id

    def update(self, campaign_id: int, **given: Any) -> CampaignView:
        self.sending.write(lifecycle.update_campaign, campaign_id=campaign_id, given=given)
        return self.show(campaign_id)

    def delete(self, campaign_id: int) -> None:
        self.sending.write(lifecycle.delete_campaign, campaign_id=campaign_id)

    def find_start(self, campaign_id: int, *, at: int | None = None, fresh: bool = True) -> Start:
        return self._read(lifecycle.find_start, campaign_id=campaign_id, at=at, fresh=fresh)

    def start(
        self, campaign_id: int, *, at: int | None = None, expected: int | None = None, fresh: bool = True
    ) -> CampaignView:
        start = self.find_start(campaign_id, at=at, fresh=fresh)
        self.sending.write(lifecycle.start_campaign, start=start, expected=expected)
        return self.show(campaign_id)

    def started(self, **given: Any) -> int:
        """A campaign that runs."""
        campaign_id = self.create(**given)
        self.start(campaign_id)
        return campaign_id

    def start_due(self) -> bool:
        """What the worker does before it claims. Returns whether there was one to start."""
        start = self._read(lifecycle.find_due_start, sender_id=self.sending.sender_id)
        if start is not None:
            self.sending.write(lifecycle.start_due, start=start)
        return start is not None

    def pause(self, campaign_id: int) -> CampaignView:
        self.sending.write(lifecycle.pause_campaign, campaign_id=campaign_id)
        return self.show(campaign_id)

    def resume(self, campaign_id: int, *, fresh: bool | None = None) -> CampaignView:
        self.sending.write(lifecycle.resume_campaign, campaign_id=campaign_id, fresh=fresh)
        return self.show(campaign_id)

    def cancel(self, campaign_id: int) -> CampaignView:
        self.sending.write(lifecycle.cancel_campaign, campaign_id=campaign_id)
        return self.show(campaign_id)

    def retry(self, campaign_id: int, *states: str, may_repeat: bool = False) -> CampaignView:
        self.sending.write(lifecycle.retry_campaign, campaign_id=campaign_id, states=states, may_repeat=may_repeat)
        return self.show(campaign_id)

    def test(self, campaign_id: int, *mobiles: int) -> list[Tried]:
        numbers = [WrittenNumber(mobile) for mobile in mobiles]
        return self.sending.write(testing.send_test, campaign_id=campaign_id, numbers=numbers)

    def preview(self, campaign_id: int) -> preview.Preview:
        return self._read(preview.preview_campaign, campaign_id=campaign_id)

    def show(self, campaign_id: int) -> CampaignView:
        return self._read(_show, campaign_id=campaign_id)

    def ids(self) -> list[int]:
        """The ids of all, the newest first."""
        return [campaign.id for campaign in self._read(lifecycle.list_campaigns, before=0, limit=100)]

    def lines(self, campaign_id: int, wanted: Wanted = ANY, *, limit: int = 1_000) -> list[CampaignMessage]:
        """The whole log, page by page."""
        found: list[CampaignMessage] = []
        after: Cursor | None = Cursor()
        for _ in range(PAGES_MAX):
            if after is None:
                return found
            some, after = self.page(campaign_id, after, wanted, limit=limit)
            found += some
        raise AssertionError("the log never ends")

    def page(
        self, campaign_id: int, after: Cursor, wanted: Wanted = ANY, *, limit: int = 1_000
    ) -> tuple[list[CampaignMessage], Cursor | None]:
        return self._read(log.list_lines, campaign_id=campaign_id, wanted=wanted, after=after, limit=limit)

    def stream(self, campaign_id: int, *, as_csv: bool = False, wanted: Wanted = ANY) -> bytes:
        pieces: list[bytes] = []
        self._read(
            log.write_log, campaign_id=campaign_id, wanted=wanted, after=Cursor(), write=pieces.append, as_csv=as_csv
        )
        return b"".join(pieces)

    def assert_adds_up(self, campaign_id: int) -> CampaignView:
        """The counts are those of the log, to the last line, and add up to the audience."""
        shown, lines = self.show(campaign_id), self.lines(campaign_id)
        assert Counter(line.state for line in lines) == Counter(shown.states)
        assert Counter(line.reason for line in lines if line.reason) == Counter(shown.reasons)
        assert len(lines) == (shown.count or 0)
        return shown

    def _read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.sending.store.read(self.sending.project, self.sending.now, rule, *args, **kwargs)


def _show(tx: Tx, *, campaign_id: int) -> CampaignView:
    return show_campaign(tx, lifecycle.get_campaign(tx, campaign_id=campaign_id))
