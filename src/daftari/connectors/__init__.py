"""What CRMs and databases say; each system has its own module or package. No rules, and none of our tables."""

from __future__ import annotations

from daftari.connectors.calls import Caller, Usage
from daftari.connectors.protocol import (
    Account,
    AsksCarts,
    Cart,
    CartAnswer,
    CartQuestion,
    Connection,
    Connector,
    ConnectorFailed,
    CountsRecords,
    DeliveryProof,
    Doorbell,
    GroupSource,
    MakesWebhooks,
    Order,
    Page,
    Record,
    WebhookEvent,
)
from daftari.connectors.registry import CONNECTORS, ConnectorKind, Opening, Webhooks
from daftari.connectors.sql import Allowed

__all__ = [
    "CONNECTORS",
    "Account",
    "Allowed",
    "AsksCarts",
    "Caller",
    "Cart",
    "CartAnswer",
    "CartQuestion",
    "Connection",
    "Connector",
    "ConnectorFailed",
    "ConnectorKind",
    "CountsRecords",
    "DeliveryProof",
    "Doorbell",
    "GroupSource",
    "MakesWebhooks",
    "Opening",
    "Order",
    "Page",
    "Record",
    "Usage",
    "WebhookEvent",
    "Webhooks",
]
