"""The HTTP of the fake WooCommerce: WordPress's index and the parts of the REST API v3 that are about people."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5, sha256
from typing import Any
from urllib.parse import urlsplit

from tests.support.fake_crm.exchange import Answer, Call, Clock
from tests.support.fake_crm.faults import Faults
from tests.support.fake_crm.woocommerce_truth import NAIROBI, Happening, Order, User, WooTruth, gmt, local

KEY = ("ck_kikapu", "cs_kikapu")
TOPICS = [f"{what}.{how}" for what in ("customer", "order") for how in ("created", "updated", "deleted", "restored")]
FAILURES_MAX = 5
BATCH_MAX = PER_PAGE_MAX = 100
ORDERBY = {"customers": ("id", "include", "name", "registered_date"), "orders": ("date", "id", "include", "modified")}


def problem(status: int, code: str, message: str) -> Answer:
    return Answer.of({"code": code, "message": message, "data": {"status": status}}, status)


def read_there(written: str) -> str:
    """A time of a query as WordPress takes it: one with a zone becomes the shop's own time, whatever it is for."""
    found = datetime.fromisoformat(written)
    return (found.astimezone(NAIROBI) if found.tzinfo else found).replace(tzinfo=None).isoformat()


@dataclass
class Webhook:
    id: int
    topic: str
    delivery_url: str
    secret: str
    name: str = ""
    status: str = "active"
    failures: int = 0

    def show(self) -> dict[str, object]:
        what, _, how = self.topic.partition(".")
        shown = {name: getattr(self, name) for name in ("id", "name", "status", "topic", "delivery_url")}
        return {**shown, "resource": what, "event": how, "hooks": []}


class FakeWooCommerce:
    """One shop, and how it behaves."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.truth = WooTruth(seed, clock)
        self.faults = Faults(seed)
        self.clock = clock
        self.key = KEY
        self.permissions = "read_write"
        self.user_role = "administrator"
        self.drops_header = False
        """Whether the web server keeps the header Authorization to itself."""
        self.hides_index = False
        self.is_active = True
        """Whether WooCommerce is there; else it is WordPress alone."""
        self.moved_to = ""
        self.counts = True
        """Whether answers have their totals; some hosts take these headers out."""
        self.lists_drafts = self.truth.random.random() < 0.5
        """Older versions list drafts of the checkout with all other orders, newer ones do not."""
        self.finds_phones = self.truth.random.random() < 0.5
        self.webhooks: dict[int, Webhook] = {}
        self.pings: list[Call] = []
        self.calls: list[tuple[str, str]] = []
        self._next_webhook = 30
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (method, re.compile(f"/wp-json/wc/v3/{path}"), do)
            for method, path, do in (
                ("GET", "customers", self._customers),
                ("POST", "customers", self._create_customer),
                ("POST", "customers/batch", self._batch),
                ("GET", r"customers/(\d+)", self._customer),
                ("PUT", r"customers/(\d+)", self._update_customer),
                ("GET", "orders", self._orders),
                ("GET", r"orders/(\d+)", self._order),
                ("GET", "webhooks", self._list_webhooks),
                ("POST", "webhooks", self._make_webhook),
                ("DELETE", r"webhooks/(\d+)", self._delete_webhook),
            )
        ]

    # ---- HTTP -------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        self.calls.append((call.method, call.path))
        return self.faults.treat(lambda: self._obey(call), self._limited)

    def _limited(self, has_headers: bool) -> Answer:
        return Answer.page(429, "<html>Too Many Requests</html>") if not has_headers else Answer.of(
            {"code": "too_many_requests", "message": "Too many requests."}, 429, {"retry-after": "3"}
        )  # fmt: skip

    def _obey(self, call: Call) -> Answer:
        folder = urlsplit(self.truth.home).path
        call = Call(call.method, call.path.removeprefix(folder), call.query, call.headers, call.body)
        if self.moved_to:
            return Answer(301, b"", {"location": f"{self.moved_to}{call.path}"})
        if call.path == "/wp-json/":
            return self._index(call)
        if not call.path.startswith("/wp-json/"):
            return Answer.page(404, "<html>Nothing found</html>")
        if not self.is_active:
            return problem(404, "rest_no_route", "No route was found matching the URL and request method.")
        refusal = self._refuse(call)
        if refusal is not None:
            return refusal
        for method, path, do in self._routes:
            if method == call.method and (found := path.fullmatch(call.path)):
                return self._show(call, do(call, *found.groups()))
        return problem(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _index(self, call: Call) -> Answer:
        if "authorization" in call.headers:
            return problem(401, "invalid_username", "Unknown username. Check again or try your email address.")
        if self.hides_index:
            return problem(401, "rest_not_logged_in", "You are not currently logged in.")
        shown = {"name": self.truth.name, "home": self.truth.home, "timezone_string": "Africa/Nairobi", "gmt_offset": 3}
        return self._show(call, Answer.of({**shown, "namespaces": ["wp/v2", "wc/v3"]}))

    def _refuse(self, call: Call) -> Answer | None:
        """Why a key gets nothing; one that is not known counts as none."""
        try:
            given = b64decode(call.headers.get("authorization", "").removeprefix("Basic ")).decode()
        except (Base64Error, UnicodeDecodeError):
            given = ""
        key, _, secret = given.partition(":")
        if self.drops_header or key != self.key[0]:
            return problem(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        if secret != self.key[1]:
            return problem(401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.")
        wanted = "read" if call.method == "GET" else "write"
        if wanted not in self.permissions:
            says = f"The API key provided does not have {wanted} permissions."
            return problem(401, "woocommerce_rest_authentication_error", says)
        if self.user_role not in ("administrator", "shop_manager"):
            return problem(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        return None

    def _show(self, call: Call, answer: Answer) -> Answer:
        """An answer with the members that are wanted alone."""
        headers = answer.headers if self.counts else {"content-type": answer.headers["content-type"]}
        if "_fields" not in call.query or answer.status >= 300:
            return Answer(answer.status, answer.body, headers)
        wanted = {"id", *call.query["_fields"].split(",")}
        found = json.loads(answer.body)
        if isinstance(found, list):
            found = [{name: one[name] for name in one if name in wanted} for one in found]
        else:
            found = {name: found[name] for name in found if name in wanted}
        return Answer(answer.status, json.dumps(found).encode(), headers)

    # ---- lists ------------------------------------------------------------------------------------------

    def _page(self, call: Call, what: str, rows: Iterable[User | Order], by: str) -> Answer:
        query = call.query
        try:
            per_page, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
            offset = int(query.get("offset", "0")) or (page - 1) * per_page
        except ValueError:
            return problem(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        by = query.get("orderby", by)
        if not 1 <= per_page <= PER_PAGE_MAX or by not in ORDERBY[what] or query.get("order", "asc") not in (
            "asc", "desc",
        ):  # fmt: skip
            return problem(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        if "include" in query:
            wanted = {int(one) for one in query["include"].split(",")}
            rows = [one for one in rows if one.id in wanted]
        keys: dict[str, Callable[[User | Order], tuple[int, int]]] = {
            "date": lambda one: (one.created, one.id),
            "registered_date": lambda one: (one.created, one.id),
            "modified": lambda one: (one.modified, one.id),
        }
        default = "asc" if what == "customers" else "desc"
        is_down = query.get("order", default) == "desc"
        found = sorted(rows, key=keys.get(by, lambda one: (one.id, 0)), reverse=is_down)
        pages = -(-len(found) // per_page)
        headers = {"x-wp-total": str(len(found)), "x-wp-totalpages": str(pages)}
        return Answer.of([one.show() for one in found[offset : offset + per_page]], 200, headers)

    def _customers(self, call: Call) -> Answer:
        query = call.query
        role, email = query.get("role", "customer"), query.get("email")
        rows = [
            one
            for one in self.truth.users.values()
            if (role == "all" or one.role == role) and (email is None or one.email.lower() == email.lower())
        ]
        return self._page(call, "customers", rows, "name")

    def _orders(self, call: Call) -> Answer:
        query = call.query
        wanted = query.get("status", "any").split(",")
        rows = [one for one in self.truth.orders.values() if self._has_status(one, wanted)]
        show = gmt if query.get("dates_are_gmt") == "true" else local
        for name, member, is_later in (
            ("after", "created", True), ("before", "created", False),
            ("modified_after", "modified", True), ("modified_before", "modified", False),
        ):  # fmt: skip
            if name in query:
                limit = read_there(query[name])
                rows = [one for one in rows if ((show(getattr(one, member)) or "") > limit) == is_later]
        if "customer" in query:
            rows = [one for one in rows if one.customer == int(query["customer"])]
        if "search" in query:
            rows = [one for one in rows if query["search"].lower() in self._words(one)]
        return self._page(call, "orders", rows, "date")

    def _has_status(self, order: Order, wanted: Sequence[str]) -> bool:
        if "any" not in wanted:
            return order.status in wanted
        return order.status != "trash" and (self.lists_drafts or order.status != "checkout-draft")

    def _words(self, order: Order) -> str:
        names = ("first_name", "last_name", "email", *(["phone"] if self.finds_phones else []))
        return " ".join(order.billing.get(name, "") for name in names).lower()

    # ---- one --------------------------------------------------------------------------------------------

    def _customer(self, call: Call, number: str) -> Answer:
        user = self.truth.users.get(int(number))
        return Answer.of(user.show()) if user else problem(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")

    def _order(self, call: Call, number: str) -> Answer:
        order = self.truth.orders.get(int(number))
        if order is None:
            return problem(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        return Answer.of(order.show())

    def _create_customer(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        if not asked.get("email"):
            return problem(400, "rest_missing_callback_param", "Missing parameter(s): email")
        phone = asked.get("billing", {}).get("phone", "")
        made = self.truth.register(asked.get("first_name", ""), phone, email=asked["email"])
        return Answer.of(self.truth.users[made].show(), 201)

    def _update_customer(self, call: Call, number: str) -> Answer:
        found = self._update({**call.json(), "id": int(number)})
        if "error" in found:
            return problem(400, found["error"]["code"], found["error"]["message"])
        return Answer.of(found)

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        user = self.truth.users.get(int(asked["id"]))
        if user is None:
            error = {"code": "woocommerce_rest_invalid_id", "message": "Invalid resource ID.", "data": {"status": 400}}
            return {"id": asked["id"], "error": error}
        self.truth.save_meta(user.id, asked.get("meta_data", []))
        return user.show()

    def _batch(self, call: Call) -> Answer:
        wanted: Any = call.json().get("update") or []
        if len(wanted) > BATCH_MAX:
            says = f"Unable to accept more than {BATCH_MAX} items for this request."
            return problem(413, "woocommerce_rest_request_entity_too_large", says)
        # PHP shows a list where there is nothing.
        return Answer.of({"update": [self._update(one) for one in wanted]} if wanted else [])

    # ---- webhooks ---------------------------------------------------------------------------------------

    def _list_webhooks(self, call: Call) -> Answer:
        per_page, page = int(call.query.get("per_page", "10")), int(call.query.get("page", "1"))
        found = [one.show() for one in self.webhooks.values()]
        headers = {"x-wp-total": str(len(found)), "x-wp-totalpages": str(-(-len(found) // per_page))}
        return Answer.of(found[(page - 1) * per_page : page * per_page], 200, headers)

    def _make_webhook(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        if asked.get("topic") not in TOPICS:
            return problem(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required.")
        if not str(asked.get("delivery_url", "")).startswith(("http://", "https://")):
            return problem(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", "Webhook delivery URL is wrong.")
        given = {name: str(asked[name]) for name in ("topic", "delivery_url", "secret", "name") if name in asked}
        made = Webhook(self._next_webhook, **{"secret": "chosen", **given})
        self._next_webhook += 1
        self.webhooks[made.id] = made
        headers = {"content-type": "application/x-www-form-urlencoded"}
        self.pings.append(Call("POST", made.delivery_url, {}, headers, f"webhook_id={made.id}".encode()))
        return Answer.of(made.show(), 201)

    def _delete_webhook(self, call: Call, number: str) -> Answer:
        if call.query.get("force") != "true":
            return problem(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        if int(number) not in self.webhooks:
            return problem(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return Answer.of(self.webhooks.pop(int(number)).show())

    def deliver(self, happening: Happening) -> list[tuple[Webhook, Call]]:
        """What is sent of something that happened, by each webhook: what is so now, once, whatever comes of it."""
        found = [one for one in self.webhooks.values() if one.status == "active" and one.topic == happening.topic]
        bodies = [(one, self._payload(happening)) for one in found]
        return [(one, self._sign(one, body)) for one, body in bodies if body is not None]

    def _payload(self, happening: Happening) -> object | None:
        if happening.topic.endswith("deleted"):
            return {"id": happening.id}
        people = self.truth.users if happening.topic.startswith("customer") else self.truth.orders
        person = people.get(happening.id)
        return None if person is None else person.show()

    def _sign(self, webhook: Webhook, payload: object) -> Call:
        body = json.dumps(payload).encode()
        what, _, how = webhook.topic.partition(".")
        signature = b64encode(hmac.new(webhook.secret.encode(), body, sha256).digest()).decode()
        headers = {
            "content-type": "application/json",
            "x-wc-webhook-source": f"{self.truth.home}/",
            "x-wc-webhook-topic": webhook.topic,
            "x-wc-webhook-resource": what,
            "x-wc-webhook-event": how,
            "x-wc-webhook-signature": signature,
            "x-wc-webhook-id": str(webhook.id),
            "x-wc-webhook-delivery-id": md5(f"{webhook.id}{self.truth.now}".encode()).hexdigest(),
        }
        return Call("POST", webhook.delivery_url, {}, headers, body)

    def note_answer(self, webhook: Webhook, status: int) -> None:
        """What WooCommerce does after a delivery: nothing is sent again, and many failures end the webhook."""
        if 200 <= status < 303:
            webhook.failures = 0
        elif webhook.failures > FAILURES_MAX:
            webhook.status = "disabled"
        else:
            webhook.failures += 1
