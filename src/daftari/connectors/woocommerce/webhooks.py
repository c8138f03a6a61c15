"""The webhooks that a shop is to call: looked for, made, and made again where WooCommerce has switched one off.

WooCommerce switches one off after six failures in a row, and sends nothing twice. What came to nothing meanwhile is
found by the next reading.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from daftari.connectors.calls import decode, read_number
from daftari.connectors.woocommerce import answers
from daftari.connectors.woocommerce.api import TITLE, WEBHOOKS, Api
from daftari.model.secrets import Secret

TOPICS = (
    *("customer.created", "customer.updated", "customer.deleted"),
    *("order.created", "order.updated", "order.deleted", "order.restored"),
)
PAGE = 100


def require_webhooks(api: Api, url: str, *, secret: Secret) -> bool:
    """Have the shop call an address, and no former one with its token. Returns whether a webhook was made."""
    there: set[str] = set()
    for one in _find_webhooks(api, url):
        if one.delivery_url == url and one.status == "active" and one.topic in TOPICS and one.topic not in there:
            there.add(one.topic)
        else:
            _delete(api, one)
    lacking = [topic for topic in TOPICS if topic not in there]
    for topic in lacking:
        wanted = {"name": "Daftari", "topic": topic, "delivery_url": url, "secret": str(secret), "status": "active"}
        api.call("POST", WEBHOOKS, body=wanted, repeats=False)
    return bool(lacking)


def remove_webhooks(api: Api, url: str) -> None:
    """Have the shop no longer call an address with this token, which is its last part."""
    for one in _find_webhooks(api, url):
        _delete(api, one)


def _find_webhooks(api: Api, url: str) -> list[answers.Webhook]:
    """Those that call an address with the same token, at any host."""
    found: list[answers.Webhook] = []
    page, pages = 1, 1
    while page <= pages:
        query = {"per_page": PAGE, "page": page, "orderby": "id", "order": "asc"}
        response = api.get(WEBHOOKS, query)
        found += decode(response.body, list[answers.Webhook], title=TITLE)
        pages = read_number(response.headers, "x-wp-totalpages") or 1
        page += 1
    return [one for one in found if _token_of(one.delivery_url) == _token_of(url)]


def _delete(api: Api, webhook: answers.Webhook) -> None:
    api.call("DELETE", f"{WEBHOOKS}/{webhook.id}?force=true", accepts=(404,))


def _token_of(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]
