"""WooCommerce: its calls, its answers, its deliveries, and the connector that is made of them."""

from __future__ import annotations

from daftari.connectors.woocommerce.connector import WooCommerce
from daftari.connectors.woocommerce.deliveries import PROOF_HEADERS, read_delivery

__all__ = ["PROOF_HEADERS", "WooCommerce", "read_delivery"]
