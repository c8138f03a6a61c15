"""Rows about a shop's carts: how soon the event of a delivery is durable, and the triggers on it have fired.

The connection has the webhooks of the shop's own page alone, so that no shop is called; this process signs and sends
the deliveries. An answer of 200 says that the event is committed, and the message of the trigger with it.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.datasets import Datasets, Engine
from bench.deliveries import Post, share, time_posts
from bench.provider import measured
from bench.ratios import Line, remark
from bench.server import Server, free_port, run_server, serve_command
from bench.settings import BenchFailed, Settings

SECRET = "shpss_kikapu"
SHOP = "ziwa"
RATE, SECONDS, QUICK_SECONDS = 100, 60, 10
P99_SECONDS = 1.0
ORDERED = 4
"""After so many carts, one delivery is an order."""
EARLIER = 5 * RATE + 1
"""So many deliveries before an order its cart came: one that comes after its order raises no event."""


def carts_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """From a delivery about a cart to its durable event, SQLite."""
    return _measure(settings, datasets, "SQLite")


def carts_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """From a delivery about a cart to its durable event, PostgreSQL."""
    return _measure(settings, datasets, "PostgreSQL")


def _measure(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    count = RATE * (QUICK_SECONDS if settings.quick else SECONDS)
    dataset = datasets.copy(datasets.get(engine, rows=0), to="carts")
    port = free_port()
    command = serve_command(database=dataset.database, port=port)
    extra = {"DAFTARI_PUBLIC_URL": f"https://127.0.0.1:{port}"}
    with run_server(
        name="daftari", command=command, port=port, key=dataset.key, path="/v1/health", extra=extra
    ) as server:
        path, trigger = _connect(server)
        posts = [_write_post(path, number) for number in range(count)]
        with measured(server.process.pid) as spent:
            times = time_posts(port, posts, rate=RATE)
        waiting = _ask(server, "GET", trigger)["trigger"]["states"]["waiting"]
    carts = sum(not _is_order(number) for number in range(count))
    if waiting != carts:
        raise BenchFailed(f"Of {carts:,} carts, {waiting:,} have a message that waits.")
    p99 = share(times, 0.99)
    return [
        Line(
            what=f"from a delivery about a cart to its durable event, {RATE} a second, {engine}",
            goal=f"p99 ≤ {P99_SECONDS:g} s",
            measured=f"p50 {share(times, 0.5) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, longest "
            f"{max(times) * 1000:.0f} ms ({count:,} deliveries, {count - carts:,} of them orders)",
            met=p99 <= P99_SECONDS,
        ),
        remark("processor time of the server for one", f"{spent[0].cpu / count * 1000:.2f} ms"),
    ]


def _connect(server: Server) -> tuple[str, str]:
    """A connection to a shop, a trigger on its carts: where deliveries go, and the trigger's path."""
    values = {
        "name": "shop",
        "kind": "shopify",
        "credentials": {"webhook_secret": SECRET},
        "settings": {"shop": SHOP},
        "groups": [{"from": "all", "to": "customers"}],
    }
    path = f"/v1/connections/{_ask(server, 'POST', '/v1/connections', values)['connection']['id']}"
    check = _ask(server, "POST", f"{path}/check")["check"]
    if not check["works"]:
        raise BenchFailed(f"The connection does not work: {check['says']}")
    _ask(server, "POST", f"{path}/start")
    hook = urlsplit(_ask(server, "GET", path)["connection"]["webhook"]["url"]).path
    _ask(server, "POST", "/v1/senders", {"name": "DUKA", "channel": "sms", "gateway": "log", "purpose": "marketing"})
    given = {"name": "Cart reminder", "on": {"event": "checkout"}, "wait": "1h", "sender": "DUKA", "text": "Your cart"}
    trigger = _ask(server, "POST", "/v1/triggers", given)["trigger"]
    return hook, f"/v1/triggers/{trigger['id']}"


def _is_order(number: int) -> bool:
    return number % (ORDERED + 1) == ORDERED


def _write_post(path: str, number: int) -> Post:
    """A cart of a number of its own, or an order of an earlier cart."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    person = {"phone": f"+2547{number:08d}", "email": f"p{number}@shop.example", "customer": {"id": number + 1}}
    body = {"id": number + 1, "created_at": at, **person}
    if _is_order(number):
        topic = "orders/create"
        body |= {"checkout_token": f"c{number - EARLIER}", "cart_token": f"ca{number - EARLIER}"}
    else:
        topic = "checkouts/update"
        body |= {"token": f"c{number}", "cart_token": f"ca{number}", "updated_at": at, "currency": "KES"}
        body |= {"buyer_accepts_sms_marketing": True, "total_price": "2450.00", "line_items": [{"title": "Kikoy"}]}
    written = json.dumps(body)
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": b64encode(hmac.new(SECRET.encode(), written.encode(), sha256).digest()).decode(),
        "X-Shopify-Shop-Domain": f"{SHOP}.myshopify.com",
        "X-Shopify-Webhook-Id": f"w{number}",
        "X-Shopify-Triggered-At": at,
    }
    return Post(path, headers, written)


def _ask(server: Server, method: str, path: str, body: object = None) -> Any:
    return msgspec.json.decode(server.call(method, path, body))
