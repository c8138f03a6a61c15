"""What the calls under ``/v1/webhooks`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import DELIVERIES_PER_PAGE_MAX, WEBHOOKS_MAX
from daftari.model.members import Text
from daftari.rules.webhooks.lifecycle import WebhookView
from daftari.rules.webhooks.log import DeliveryView
from daftari.rules.webhooks.testing import WebhookTest


class WebhookList(Struct, frozen=True):
    webhooks: Annotated[list[WebhookView], Meta(max_length=WEBHOOKS_MAX)]


class WebhookAnswer(Struct, frozen=True):
    webhook: WebhookView


class WebhookCreated(Struct, frozen=True, tag_field="message", tag="Webhook created successfully"):
    webhook: WebhookView
    secret: Text | None
    """What signs each call, `whsec_` and base64. It is shown once. `null` when it is no longer one that signs."""


class WebhookUpdated(Struct, frozen=True, tag_field="message", tag="Webhook updated successfully"):
    webhook: WebhookView


class WebhookRotated(Struct, frozen=True, tag_field="message", tag="Webhook secret rotated successfully"):
    webhook: WebhookView
    secret: Text | None
    """The new secret. It is shown once. `null` when it is no longer one that signs."""


class WebhookDeleted(Struct, frozen=True, tag_field="message", tag="Webhook deleted successfully"):
    pass


class WebhookTested(Struct, frozen=True):
    test: WebhookTest


class DeliveryList(Struct, frozen=True):
    deliveries: Annotated[list[DeliveryView], Meta(max_length=DELIVERIES_PER_PAGE_MAX)]
    """The newest first."""
    next: Text | None
    """What to send as `after` for the ones before these; `null` at the end."""
