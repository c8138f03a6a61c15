"""Odoo: its calls, its phone blacklist, and the connector that is made of them."""

from __future__ import annotations

from daftari.connectors.odoo.connector import Odoo

__all__ = ["Odoo"]
