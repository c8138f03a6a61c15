"""HubSpot: its calls, its answers, and the connector that is made of them."""

from __future__ import annotations

from daftari.connectors.hubspot.connector import HubSpot

__all__ = ["HubSpot"]
