"""What the calls under ``/v1/connections`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import CONNECTIONS_MAX, RECORDS_PER_PAGE_MAX
from daftari.model.members import Count, Text
from daftari.rules.connections.cart_views import ConnectionCartView
from daftari.rules.connections.check import ConnectionCheck
from daftari.rules.connections.views import ConnectionView, RecordView
from daftari.rules.connections.webhook_events import WebhookEventView
from daftari.rules.imports.views import ImportView


class ConnectionList(Struct, frozen=True):
    connections: Annotated[list[ConnectionView], Meta(max_length=CONNECTIONS_MAX)]


class ConnectionAnswer(Struct, frozen=True):
    connection: ConnectionView


class ConnectionCreated(Struct, frozen=True, tag_field="message", tag="Connection created successfully"):
    connection: ConnectionView


class ConnectionUpdated(Struct, frozen=True, tag_field="message", tag="Connection updated successfully"):
    connection: ConnectionView


class ConnectionDeleted(Struct, frozen=True, tag_field="message", tag="Connection deleted successfully"):
    pass


class ConnectionChecked(Struct, frozen=True):
    check: ConnectionCheck


class RecordList(Struct, frozen=True):
    records: Annotated[list[RecordView], Meta(max_length=RECORDS_PER_PAGE_MAX)]
    """In the order of their ids."""
    next: Text | None
    """What to send as `after` for the ones after these; `null` at the end."""


class ConnectionCartList(Struct, frozen=True):
    carts: Annotated[list[ConnectionCartView], Meta(max_length=RECORDS_PER_PAGE_MAX)]
    """Those first that were heard of last."""
    next: Text | None
    """What to send as `after` for the ones before these; `null` at the end."""


class DeliveryReceived(Struct, frozen=True, tag_field="message", tag="Received"):
    pass


class WebhookEventList(Struct, frozen=True):
    events: Annotated[list[WebhookEventView], Meta(max_length=RECORDS_PER_PAGE_MAX)]
    """The newest first."""
    next: Text | None
    """What to send as `after` for the ones before these; `null` at the end."""


class WebhookEventsReplayed(Struct, frozen=True, tag_field="message", tag="Events replayed successfully"):
    replayed: Count
    """Events whose records are read again."""


class RunList(Struct, frozen=True):
    runs: Annotated[list[ImportView], Meta(max_length=RECORDS_PER_PAGE_MAX)]
    """The newest first."""
    next: Text | None
    """What to send as `after` for the ones before these; `null` at the end."""
