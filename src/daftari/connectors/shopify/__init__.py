"""Shopify: its calls, its answers, its deliveries, and the connector that is made of them."""

from __future__ import annotations

from daftari.connectors.shopify.connector import Shopify
from daftari.connectors.shopify.deliveries import PROOF_HEADERS, read_delivery

__all__ = ["PROOF_HEADERS", "Shopify", "read_delivery"]
