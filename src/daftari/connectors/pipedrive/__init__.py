"""Pipedrive: its calls, its answers, its deliveries, and the connector that is made of them."""

from __future__ import annotations

from daftari.connectors.pipedrive.connector import Pipedrive
from daftari.connectors.pipedrive.deliveries import read_delivery

__all__ = ["Pipedrive", "read_delivery"]
