"""Runs a fake CRM until its standard input ends; its port is printed."""

from __future__ import annotations

import argparse
import sys

from tests.support.fake_crm import FakeHubSpot, FakeOdoo, FakePipedrive, FakeShopify, FakeWooCommerce, serve
from tests.support.fake_crm.exchange import RealClock

UNLIMITED = 1_000_000_000
FAKES = {
    "hubspot": FakeHubSpot,
    "odoo": FakeOdoo,
    "pipedrive": FakePipedrive,
    "shopify": FakeShopify,
    "woocommerce": FakeWooCommerce,
}


class AgedClock(RealClock):
    """The computer's own, set back by some seconds while the records are made."""

    def __init__(self, age: float) -> None:
        super().__init__()
        self.age = age

    def now(self) -> float:
        return super().now() - self.age


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=FAKES)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unlimited", action="store_true", help="count no calls")
    parser.add_argument("--calls", type=int, help="how many it takes within ten seconds, if another number")
    parser.add_argument("--age", type=float, default=0.0, help="how many seconds ago the records were made")
    given = parser.parse_args()
    clock = AgedClock(given.age)
    fake = FAKES[given.kind](given.seed, clock)
    for place in range(given.records):
        if isinstance(fake, FakeHubSpot):
            fake.truth.create(firstname=f"P{place}", lastname="Otieno", mobilephone=f"07{place:08}", city="Kisumu")
        elif isinstance(fake, FakeWooCommerce):
            fake.truth.register(f"P{place}", f"07{place:08}", email=f"p{place}@shop.example")
        else:
            fake.truth.create(f"P{place} Otieno", f"07{place:08}")
    clock.age = 0.0
    if isinstance(fake, FakeShopify | FakeWooCommerce):
        if given.unlimited and isinstance(fake, FakeShopify):
            fake.points.most = fake.points.per_second = UNLIMITED
    elif given.unlimited:
        fake.burst.most = UNLIMITED
        if not isinstance(fake, FakeOdoo):
            fake.day.most = UNLIMITED
    elif given.calls:
        fake.burst.most = given.calls
    if given.unlimited and isinstance(fake, FakeHubSpot):
        fake.searches.most = UNLIMITED
    with serve(fake, port=given.port) as url:
        print(url.rpartition(":")[2], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
