"""What CRMs and databases say; each system has its own module or package. No rules, and none of our tables."""

from __future__ import annotations

from daftari.connectors.calls import Caller, Usage
from daftari.connectors.protocol import (
    Account,
    Connection,
    Connector,
    ConnectorFailed,
    Doorbell,
    GroupSource,
    Page,
    Record,
)
from daftari.connectors.registry import CONNECTORS, ConnectorKind, Opening
from daftari.connectors.sql import Allowed

__all__ = [
    "CONNECTORS",
    "Account",
    "Allowed",
    "Caller",
    "Connection",
    "Connector",
    "ConnectorFailed",
    "ConnectorKind",
    "Doorbell",
    "GroupSource",
    "Opening",
    "Page",
    "Record",
    "Usage",
]
