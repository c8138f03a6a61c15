"""Pipedrive: its calls, its answers, its deliveries, and the connector that is made of them."""

from __future__ import annotations

from daftari.connectors.pipedrive.connector import Pipedrive
from daftari.connectors.pipedrive.deliveries import PROOF_HEADERS, read_delivery

__all__ = ["PROOF_HEADERS", "Pipedrive", "read_delivery"]
