"""CRMs that are none: each has a truth that a test changes, and speaks its system's HTTP, well or badly.

They know nothing of Daftari: they are written from the systems' documentation, and compared with the official SDKs.
Everything random comes from one integer. A test asks one in its own process, on a clock of the test's, or over HTTP.
By hand: ``python -m tests.support.fake_crm hubspot --port 9001``.
"""

from __future__ import annotations

from tests.support.fake_crm.exchange import Answer, Call, Clock, Crm, directly, serve
from tests.support.fake_crm.faults import Fault, Faults
from tests.support.fake_crm.hubspot import FakeHubSpot
from tests.support.fake_crm.odoo import FakeOdoo
from tests.support.fake_crm.pipedrive import FakePipedrive
from tests.support.fake_crm.shopify import FakeShopify
from tests.support.fake_crm.woocommerce import FakeWooCommerce

__all__ = [
    "Answer",
    "Call",
    "Clock",
    "Crm",
    "FakeHubSpot",
    "FakeOdoo",
    "FakePipedrive",
    "FakeShopify",
    "FakeWooCommerce",
    "Fault",
    "Faults",
    "directly",
    "serve",
]
