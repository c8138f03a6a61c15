"""Campaigns: one text to everyone in some groups, or in the whole book, from draft to the last message. No HTTP."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, Iteration, iterate_pages, read_member, read_message, read_page
from daftari_client.message_records import Campaign, CampaignMessage, CampaignPreview, CampaignTest
from daftari_client.messages import MessageState
from daftari_client.records import Deleted, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import Channel, Mobile

CampaignPurpose = Literal["marketing", "promotional", "transactional"]
CampaignTests = builtins.list[CampaignTest]


class Campaigns(Resource[Mode]):
    """The campaigns of the project. To start, resume and retry one needs a key of kind ``manage``."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Campaign]]:
        """Part of the campaigns, the newest first."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Campaign]:
        """Every campaign, the newest first."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def create(
        self,
        name: str,
        *,
        sender: str | int,
        channel: Channel | None = None,
        text: str | None = None,
        plain: bool | None = None,
        template: str | None = None,
        language: str | None = None,
        params: Iterable[str] | None = None,
        groups: Iterable[str] = (),
        everyone: bool | None = None,
        match: Literal["any", "all"] | None = None,
        not_groups: Iterable[str] = (),
        purpose: CampaignPurpose | None = None,
        at: datetime | str | None = None,
        until: datetime | str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Campaign]:
        """Writes a draft; nothing is sent before ``start``. It has a ``text``, or on WhatsApp a ``template``."""
        body = {
            "name": name,
            "sender": sender,
            "channel": channel,
            "text": text,
            "plain": plain,
            "template": template,
            "language": language,
            "params": None if params is None else tuple(params),
            "groups": [*groups] or None,
            "everyone": everyone,
            "match": match,
            "not": [*not_groups] or None,
            "purpose": purpose,
            "at": at,
            "until": until,
        }
        return self._api.write("/campaigns", read_member("campaign", Campaign), body=body, **options)

    @call
    def get(self, number: int) -> Flow[Campaign]:
        """One campaign with its counts. Raises ``CampaignNotFound``."""
        return self._api.read(f"/campaigns/{number}", read_member("campaign", Campaign))

    @call
    def update(
        self,
        number: int,
        *,
        name: str | None = None,
        sender: str | int | None = None,
        channel: Channel | None = None,
        text: str | None = None,
        plain: bool | None = None,
        template: str | None = None,
        language: str | None = None,
        params: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
        everyone: bool | None = None,
        match: Literal["any", "all"] | None = None,
        not_groups: Iterable[str] | None = None,
        purpose: CampaignPurpose | None = None,
        at: datetime | str | None = None,
        until: datetime | str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Campaign]:
        """Changes a draft; what is not given stays, and ``""`` takes a field away. Raises ``WrongCampaignState``."""
        body = {
            "name": name,
            "sender": sender,
            "channel": channel,
            "text": text,
            "plain": plain,
            "template": template,
            "language": language,
            "params": None if params is None else tuple(params),
            "groups": None if groups is None else tuple(groups),
            "everyone": everyone,
            "match": match,
            "not": None if not_groups is None else tuple(not_groups),
            "purpose": purpose,
            "at": at,
            "until": until,
        }
        answer = read_member("campaign", Campaign)
        return self._api.write(f"/campaigns/{number}", answer, method="PUT", body=body, **options)

    @call
    def delete(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes a draft. Raises ``WrongCampaignState`` for one that was started."""
        return self._api.write(f"/campaigns/{number}", read_message(Deleted), method="DELETE", **options)

    @call
    def preview(self, number: int) -> Flow[CampaignPreview]:
        """What a campaign would send: every recipient counted. Nothing is sent."""
        return self._api.read(f"/campaigns/{number}/preview", read_member("preview", CampaignPreview), body={})

    @call
    def test(self, number: int, mobiles: Iterable[Mobile], **options: Unpack[WriteOptions]) -> Flow[CampaignTests]:
        """Sends the text to up to five numbers now, outside the counts. One that may not be messaged is refused."""
        answer = read_member("results", CampaignTests)
        return self._api.write(f"/campaigns/{number}/test", answer, body={"mobiles": [*mobiles]}, **options)

    @call
    def start(
        self,
        number: int,
        *,
        at: datetime | str | None = None,
        expected: int | None = None,
        fresh: bool | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Campaign]:
        """Fixes text and audience, and lets the server send; with ``at`` later.

        Connections that fill its groups are read first, unless ``fresh`` is false. Raises ``CampaignCountChanged`` when
        it would reach more than 5 % more or fewer people than ``expected``.
        """
        return self._step(number, "start", {"at": at, "expected": expected, "fresh": fresh}, options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Campaign]:
        """Pauses a campaign within a second."""
        return self._step(number, "pause", {}, options)

    @call
    def resume(self, number: int, *, fresh: bool | None = None, **options: Unpack[WriteOptions]) -> Flow[Campaign]:
        """Continues a campaign where it was paused; with ``fresh`` false it takes its groups as they are."""
        return self._step(number, "resume", {"fresh": fresh}, options)

    @call
    def cancel(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Campaign]:
        """Ends a campaign permanently; what was sent, or is being sent, stays."""
        return self._step(number, "cancel", {}, options)

    @call
    def retry(
        self,
        number: int,
        *,
        states: Iterable[Literal["failed", "unknown"]],
        may_repeat: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[Campaign]:
        """Has messages that failed, or whose end is unknown, tried again; a person may get the text twice only with
        ``may_repeat``."""
        return self._step(number, "retry", {"states": [*states], "may_repeat": may_repeat or None}, options)

    @call
    def messages(
        self,
        number: int,
        *,
        state: MessageState | None = None,
        reason: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Flow[Page[CampaignMessage]]:
        """Part of a campaign's log: a line for everyone of its audience, those not sent to yet included."""
        return self._log(number, after, state=state, reason=reason, limit=limit)

    @iteration
    def iterate_messages(
        self, number: int, *, state: MessageState | None = None, reason: str | None = None
    ) -> Iteration[CampaignMessage]:
        """A campaign's whole log. Who is claimed meanwhile may come twice, and is never left out."""
        return iterate_pages(lambda after: self._log(number, after, state=state, reason=reason))

    def _step(self, number: int, step: str, body: Mapping[str, object], options: WriteOptions) -> Flow[Campaign]:
        answer = read_member("campaign", Campaign)
        return self._api.write(f"/campaigns/{number}/{step}", answer, body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Campaign]]:
        return self._api.read("/campaigns", read_page("campaigns", Campaign), query={"after": after, "limit": limit})

    def _log(self, number: int, after: str | None, **filters: object) -> Flow[Page[CampaignMessage]]:
        answer = read_page("messages", CampaignMessage)
        return self._api.read(f"/campaigns/{number}/messages", answer, query={**filters, "after": after})
