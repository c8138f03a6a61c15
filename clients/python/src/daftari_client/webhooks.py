"""Webhooks: where the feed is delivered to. No HTTP."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Unpack

from daftari_client.api import WriteOptions
from daftari_client.changes import ChangeType
from daftari_client.flows import Flow, Iteration, iterate_pages, read_as, read_member, read_message, read_page
from daftari_client.records import Deleted, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.webhook_records import Delivery, Webhook, WebhookTest, WebhookWithSecret

WebhookList = builtins.list[Webhook]


def _listed(given: Iterable[str] | None) -> list[str] | None:
    """A list, which may be empty; ``None`` for what stays as it is."""
    return None if given is None else [*given]


class Webhooks(Resource[Mode]):
    """The webhooks of the project. Calls that change something, and ``test``, need a key of kind ``manage``."""

    @call
    def list(self) -> Flow[WebhookList]:
        """Every webhook, oldest first."""
        return self._api.read("/webhooks", read_member("webhooks", WebhookList))

    @call
    def create(
        self,
        url: str,
        *,
        types: Iterable[ChangeType | str] = (),
        groups: Iterable[str] = (),
        **options: Unpack[WriteOptions],
    ) -> Flow[WebhookWithSecret]:
        """Adds a webhook, which gets what changes from now on. Keep ``secret``: no other call returns it.

        Raises ``ValidationFailed`` or ``WebhooksFull``.
        """
        body = {"url": url, "types": [*types] or None, "groups": [*groups] or None}
        return self._api.write("/webhooks", read_as(WebhookWithSecret), body=body, **options)

    @call
    def get(self, number: int) -> Flow[Webhook]:
        """One webhook. Raises ``WebhookNotFound``."""
        return self._api.read(f"/webhooks/{number}", read_member("webhook", Webhook))

    @call
    def update(
        self,
        number: int,
        *,
        url: str | None = None,
        types: Iterable[ChangeType | str] | None = None,
        groups: Iterable[str] | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Webhook]:
        """Changes what is given; empty ``types`` or ``groups`` are all. What failed is tried again at once.

        Raises ``WebhookNotFound`` or ``ValidationFailed``.
        """
        body = {
            "url": url,
            "types": _listed(types),
            "groups": _listed(groups),
        }
        return self._api.write(
            f"/webhooks/{number}", read_member("webhook", Webhook), method="PUT", body=body, **options
        )

    @call
    def delete(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes a webhook and its secrets. Raises ``WebhookNotFound``."""
        return self._api.write(f"/webhooks/{number}", read_message(Deleted), method="DELETE", **options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Webhook]:
        """Delivers nothing more until it is resumed. Raises ``WebhookNotFound``."""
        return self._api.write(f"/webhooks/{number}/pause", read_member("webhook", Webhook), **options)

    @call
    def resume(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Webhook]:
        """Delivers again from where it was, also after the service disabled it. Raises ``WebhookNotFound``."""
        return self._api.write(f"/webhooks/{number}/resume", read_member("webhook", Webhook), **options)

    @call
    def replay(self, number: int, *, after: int, **options: Unpack[WriteOptions]) -> Flow[Webhook]:
        """Delivers everything after a change again.

        Raises ``WebhookNotFound``, ``ValidationFailed``, or ``FeedReset`` when the feed does not go back so far.
        """
        answer = read_member("webhook", Webhook)
        return self._api.write(f"/webhooks/{number}/replay", answer, body={"after": after}, **options)

    @call
    def rotate(self, number: int, **options: Unpack[WriteOptions]) -> Flow[WebhookWithSecret]:
        """Makes another secret; the one before signs too for 24 hours. Raises ``WebhookNotFound``."""
        return self._api.write(f"/webhooks/{number}/rotate", read_as(WebhookWithSecret), **options)

    @call
    def test(self, number: int, **options: Unpack[WriteOptions]) -> Flow[WebhookTest]:
        """Calls the webhook once, now, with a message that says nothing. Raises ``WebhookNotFound``."""
        return self._api.write(f"/webhooks/{number}/test", read_member("test", WebhookTest), **options)

    @call
    def deliveries(self, number: int, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Delivery]]:
        """Part of what was delivered, the newest first. Raises ``WebhookNotFound``."""
        return self._page(number, after, limit)

    @iteration
    def iterate_deliveries(self, number: int) -> Iteration[Delivery]:
        """Everything that was delivered and is still in the log, the newest first. Raises ``WebhookNotFound``."""
        return iterate_pages(lambda after: self._page(number, after, None))

    def _page(self, number: int, after: str | None, limit: int | None) -> Flow[Page[Delivery]]:
        query = {"after": after, "limit": limit}
        return self._api.read(f"/webhooks/{number}/deliveries", read_page("deliveries", Delivery), query=query)
