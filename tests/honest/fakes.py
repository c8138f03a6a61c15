"""The fakes that the SDKs call: the same each time, so that what is sent is too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.support.fake_crm import (
    Answer,
    Call,
    Clock,
    Crm,
    FakeHubSpot,
    FakePipedrive,
    FakeShopify,
    FakeWooCommerce,
)
from tests.support.fake_crm.shopify import CLIENT_SECRET

PROOFS = ("authorization", "x-api-token", "x-shopify-access-token")
REQUESTS = Path(__file__).with_name("requests.json")


def hubspot() -> FakeHubSpot:
    fake = FakeHubSpot(7, Clock(), lag_seconds=0.0, search_most=100)
    for place in range(12):
        fake.truth.create(firstname=f"P{place}", mobilephone=f"07220{place:05}")
    fake.truth.make_list(12, "VIP", [*fake.truth.contacts][:3])
    return fake


def pipedrive() -> FakePipedrive:
    fake = FakePipedrive(2, Clock())
    fake.truth.make_field("Segment", "enum", ["Retail", "Farm"])
    for place in range(5):
        fake.truth.create(f"P{place} Otieno", f"073300000{place}")
    fake.truth.filters[7] = ("Kisumu", lambda _: True)
    return fake


class ShopifyWithDeliveries(FakeShopify):
    """A fake that shows what its webhooks would send, at an address that Shopify does not have."""

    def answer(self, call: Call) -> Answer:
        if call.path != "/deliveries":
            return super().answer(call)
        sent = [self.deliver(one, secret=CLIENT_SECRET) for one in self.truth.happened]
        return Answer.of([{"headers": one.headers, "body": one.body.decode()} for one in sent])


def shopify() -> FakeShopify:
    fake = ShopifyWithDeliveries(7, Clock(), lag_seconds=0.0)
    for place in range(5):
        fake.truth.create(f"P{place}", f"+25472200000{place}", tags=("vip",) if place < 2 else ())
    fake.truth.make_segment(5, "Kisumu", [*fake.truth.customers][:3])
    fake.truth.complete(fake.truth.start_checkout(phone="0722 000 001"))
    return fake


class WooWithDeliveries(FakeWooCommerce):
    """The same of WooCommerce."""

    def answer(self, call: Call) -> Answer:
        if call.path != "/deliveries":
            return super().answer(call)
        sent = [one for happening in self.truth.happened for _, one in self.deliver(happening)]
        return Answer.of([{"headers": one.headers, "body": one.body.decode()} for one in sent])


def woocommerce() -> FakeWooCommerce:
    fake = WooWithDeliveries(7, Clock())
    for place in range(5):
        fake.truth.register(f"P{place}", f"072200000{place}", email=f"p{place}@shop.example")
    order = fake.truth.order("0733 000 002", email="juma@shop.example", first_name="Juma", status="failed")
    fake.truth.change(order, status="processing")
    return fake


FAKES = {"hubspot": hubspot, "pipedrive": pipedrive, "shopify": shopify, "woocommerce": woocommerce}


class Recorded:
    """A fake that keeps what it was sent, and the status of its answer."""

    def __init__(self, fake: Crm) -> None:
        self.fake = fake
        self.kept: list[dict[str, object]] = []

    def answer(self, call: Call) -> Answer:
        answer = self.fake.answer(call)
        proofs = {name: call.headers[name] for name in PROOFS if name in call.headers}
        body = json.loads(call.body) if call.body else None
        self.kept.append(
            {
                "method": call.method,
                "path": call.path,
                "query": dict(sorted(call.query.items())),
                "headers": proofs,
                "body": body,
                "status": answer.status,
            }
        )
        return answer


def read_requests() -> Mapping[str, list[dict[str, object]]]:
    """What each SDK sent when it was last asked."""
    found: Mapping[str, list[dict[str, object]]] = json.loads(REQUESTS.read_text())
    return found
