"""The HTTP of the fake Shopify. It executes GraphQL on the official schema, so it answers only what exists."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from graphql.execution import ExecutionResult

from tests.support.fake_crm.exchange import Answer, Call, Clock
from tests.support.fake_crm.faults import Faults
from tests.support.fake_crm.shopify_cost import Points, count_points
from tests.support.fake_crm.shopify_search import read_query
from tests.support.fake_crm.shopify_truth import Checkout, Consent, Customer, Happening, Order, ShopifyTruth, gid, iso

SCHEMA = Path(__file__).with_name("shopify_admin_2026_10.graphql")
VERSION = "2026-10"
CLIENT_ID, CLIENT_SECRET = "kikapu-app", "shpss_kikapu"
TOKEN = "shpat_kikapu"
WEBHOOK_SECRET = "5f1d0c0e6b7a4f"
SCOPES = ("read_customers", "write_customers", "read_orders")
TOKEN_SECONDS = 86_399
LISTED_MAX = 25_000
POINTS_MAX = 1_000
_WORD = {"sms": "smsMarketingConsent", "whatsapp": "whatsAppMarketingConsent"}
_NEEDED = {
    **dict.fromkeys(
        ("customers", "customersCount", "customer", "nodes", "segments", "customerSegmentMembers"), "read_customers"
    ),
    **dict.fromkeys(("orders", "abandonedCheckouts"), "read_orders"),
    "customerSmsMarketingConsentUpdate": "write_customers",
    "customerWhatsAppMarketingConsentUpdate": "write_customers",
}
"""The scope that a field needs."""
PERSONAL = ("firstName", "lastName", "defaultPhoneNumber", "defaultEmailAddress", "defaultAddress", "phone", "email")


@cache
def read_schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text())


@cache
def read_document(text: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """A document with what is wrong in it."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(read_schema(), document))


class Refused(Exception):
    """A field that is refused, with the code of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FakeShopify:
    """One shop with one app, and how they behave."""

    def __init__(self, seed: int, clock: Clock, *, lag_seconds: float = 20.0) -> None:
        self.truth = ShopifyTruth(seed, clock, lag_seconds=lag_seconds)
        self.faults = Faults(seed)
        self.clock = clock
        self.client = (CLIENT_ID, CLIENT_SECRET)
        self.tokens: dict[str, float] = {TOKEN: float("inf")}
        """Until when each is good."""
        self.scopes = list(SCOPES)
        self.hides = False
        """Whether personal data is null, without a word: the shop's plan does not have it."""
        self.denies = False
        """The same, with an error."""
        self.version = VERSION
        self.points = Points(clock, most=2_000.0, per_second=100.0)
        self.points_max = POINTS_MAX
        self.webhooks: dict[int, tuple[str, str]] = {}
        self.silent_topics: set[str] = set()
        """Topics of which no webhook is made, although nothing is said."""
        self.calls: list[str] = []
        """The operations that were asked, by name."""

    # ---- HTTP -------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        return self.faults.treat(lambda: self._obey(call), self._limited)

    def _obey(self, call: Call) -> Answer:
        if call.path == "/admin/oauth/access_token":
            return self._give_token(call)
        if not (call.path.startswith("/admin/api/") and call.path.endswith("/graphql.json")):
            return Answer.of({"errors": "Not Found"}, 404)
        if self.tokens.get(call.headers.get("x-shopify-access-token", ""), 0.0) <= self.clock.now():
            says = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return Answer.of({"errors": says}, 401)
        wanted = call.json()
        text = str(wanted["query"])
        self.calls.append(str(wanted.get("operationName") or ""))
        variables = wanted.get("variables") or {}
        assert isinstance(variables, dict)
        return self._execute(text, variables)

    def _give_token(self, call: Call) -> Answer:
        given = call.json() if call.body.startswith(b"{") else dict(parse_qsl(call.body.decode()))
        if given.get("grant_type") != "client_credentials":
            return Answer.of({"error": "unsupported_grant_type"}, 400)
        if (given.get("client_id"), given.get("client_secret")) != self.client:
            return Answer.of({"error": "application_cannot_be_found", "error_description": "No such app."}, 400)
        token = f"shpat_{len(self.tokens)}"
        self.tokens[token] = self.clock.now() + TOKEN_SECONDS
        return Answer.of({"access_token": token, "scope": ",".join(self.scopes), "expires_in": TOKEN_SECONDS})

    def _execute(self, text: str, variables: dict[str, Any]) -> Answer:
        document, problems = read_document(text)
        if document is None or problems:
            faults = [{"message": str(one.message), "extensions": {"code": "undefinedField"}} for one in problems]
            return self._say({"errors": faults})
        cost = count_points(read_schema(), document, variables)
        if cost > self.points_max:
            says = f"Query cost is {cost}, which exceeds the single query max cost limit ({self.points_max})."
            return self._say({"errors": [{"message": says, "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost}}]})
        if not self.points.take(cost):
            return self._limited(True, cost)
        done = execute_sync(read_schema(), document, root_value=self._root(), variable_values=variables)
        assert isinstance(done, ExecutionResult)
        actual = min(_count_objects(done.data), cost)
        self.points.give_back(cost - actual)
        errors = [_show_error(one) for one in done.errors or ()]
        said = {"data": done.data, **({"errors": errors} if errors else {})}
        return self._say({**said, "extensions": {"cost": self._show_cost(cost, actual)}})

    def _say(self, said: object) -> Answer:
        return Answer.of(said, 200, {"x-shopify-api-version": self.version})

    def _limited(self, has_headers: bool, cost: int = 752) -> Answer:
        if not has_headers:
            return Answer(429, b"Too Many Requests", {"content-type": "text/plain"})
        errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
        return self._say({"errors": errors, "extensions": {"cost": self._show_cost(cost, None)}})

    def _show_cost(self, cost: int, actual: int | None) -> object:
        return {
            "requestedQueryCost": cost,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": self.points.most,
                "currentlyAvailable": self.points.available,
                "restoreRate": self.points.per_second,
            },
        }

    # ---- webhooks ---------------------------------------------------------------------------------------

    def deliver(self, happening: Happening, *, secret: str = WEBHOOK_SECRET) -> Call:
        """A delivery as it is sent; the same one each time. That of another webhook has an id of its own."""
        body = json.dumps(happening.body).encode()
        event = sha256(f"{happening.topic}{happening.at}".encode() + body).hexdigest()
        key = sha256(f"{event}{secret}".encode()).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": happening.topic,
            "x-shopify-hmac-sha256": b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode(),
            "x-shopify-shop-domain": self.truth.domain,
            "x-shopify-api-version": self.version,
            "x-shopify-webhook-id": f"{key[:8]}-0000-4000-8000-{key[8:20]}",
            "x-shopify-event-id": f"{event[20:28]}-0000-4000-8000-{event[28:40]}",
            "x-shopify-triggered-at": iso(happening.at).replace("Z", ".000000000Z"),
        }
        return Call("POST", "/hook", {}, headers, body)

    # ---- GraphQL ----------------------------------------------------------------------------------------

    def _root(self) -> Mapping[str, Any]:
        fields: dict[str, Callable[..., Any]] = {
            "shop": self._shop,
            "currentAppInstallation": lambda info: {"accessScopes": [{"handle": one} for one in self.scopes]},
            "customers": self._customers,
            "customersCount": lambda info, **given: {"count": len(self.truth.live()), "precision": "EXACT"},
            "customer": lambda info, id: self._node(id),
            "nodes": self._nodes,
            "segments": self._segments,
            "customerSegmentMembers": self._members,
            "orders": self._orders,
            "abandonedCheckouts": self._checkouts,
            "webhookSubscriptions": self._list_webhooks,
            "customerSmsMarketingConsentUpdate": self._write_sms,
            "customerWhatsAppMarketingConsentUpdate": self._write_whatsapp,
            "webhookSubscriptionCreate": self._make_webhook,
            "webhookSubscriptionDelete": self._delete_webhook,
        }
        return {name: self._guarded(name, resolve) for name, resolve in fields.items()}

    def _guarded(self, name: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
        def guard(info: Any, **given: Any) -> Any:
            scope = _NEEDED.get(name, "")
            held = {*self.scopes, *(one.replace("write_", "read_") for one in self.scopes)}
            if scope and scope not in held:
                says = f"Access denied for {name} field. Required access: `{scope}` access scope."
                raise Refused("ACCESS_DENIED", says)
            if self.denies and name in ("customers", "nodes", "customer"):
                says = "This app is not approved to access the Customer object. See https://shopify.dev/docs/apps"
                raise Refused("ACCESS_DENIED", says)
            return resolve(info, **given)

        return guard

    def _shop(self, info: Any) -> object:
        def tags(info: Any, first: int) -> object:
            found = {tag: tag for one in self.truth.live().values() for tag in one.tags}
            return {"nodes": sorted(found)[:first], "edges": [], "pageInfo": {"hasNextPage": False}}

        return {
            "id": "gid://shopify/Shop/954889",
            "name": self.truth.name,
            "myshopifyDomain": self.truth.domain,
            "ianaTimezone": "Africa/Nairobi",
            "currencyCode": "KES",
            "customerTags": tags,
        }

    def _page(self, found: Sequence[Any], given: Mapping[str, Any], *, most: int = 250) -> dict[str, Any]:
        """A page of what is found; a cursor of ours is a place."""
        first, after = given.get("first"), int(given.get("after") or 0)
        if not isinstance(first, int) or not 0 < first <= most:
            raise Refused("BAD_REQUEST", f"first must be between 1 and {most}")
        if after + first > LISTED_MAX:
            raise Refused("BAD_REQUEST", f"A list has at most {LISTED_MAX} objects")
        shown = list(found[after : after + first])
        return {
            "nodes": shown,
            "edges": [{"node": one} for one in shown],
            "pageInfo": {"hasNextPage": len(found) > after + first, "endCursor": str(after + len(shown))},
        }

    def _customers(self, info: Any, **given: Any) -> object:
        """The index says who is found; the customers are shown as they are, and those that are gone by now are not."""
        passes = read_query(given.get("query"))
        found = [
            (customer, one)
            for customer, one in self.truth.search()
            if passes({"id": customer.id, "updated_at": one.updated, "tag": one.tags})
        ]
        if given.get("sortKey") == "UPDATED_AT":
            found.sort(key=lambda pair: (pair[1].updated, pair[0].id))
        if given.get("reverse"):
            found.reverse()
        page = self._page([customer for customer, _ in found], given)
        page["nodes"] = [self._show(one) for one in page["nodes"] if one.is_live]
        return page

    def _nodes(self, info: Any, ids: Sequence[str]) -> object:
        if len(ids) > 250:
            raise Refused("BAD_REQUEST", "At most 250 ids")
        return [self._node(one) for one in ids]

    def _node(self, node_id: str) -> object:
        customer = self.truth.customers.get(int(node_id.rpartition("/")[2]))
        return self._show(customer) if customer is not None and customer.is_live else None

    def _show(self, customer: Customer) -> dict[str, Any]:
        phone = {
            "phoneNumber": customer.phone,
            **{_WORD[channel]: _show_consent(one) for channel, one in customer.consents.items()},
        }
        address = {**customer.address, "countryCodeV2": customer.address.get("country_code")}
        shown = {
            "__typename": "Customer",
            "id": gid(customer.id),
            "legacyResourceId": str(customer.id),
            "updatedAt": iso(customer.updated),
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "tags": list(customer.tags),
            "defaultPhoneNumber": phone if customer.phone else None,
            "defaultEmailAddress": {"emailAddress": customer.email} if customer.email else None,
            "defaultAddress": address if customer.address else None,
        }
        return self._without_personal(shown)

    def _without_personal(self, shown: dict[str, Any]) -> dict[str, Any]:
        return {name: None if name in PERSONAL else value for name, value in shown.items()} if self.hides else shown

    def _segments(self, info: Any, **given: Any) -> object:
        found = [
            {"id": gid(one, "Segment"), "name": name, "query": ""} for one, (name, _) in self.truth.segments.items()
        ]
        return self._page(found, given)

    def _members(self, info: Any, **given: Any) -> object:
        segment = self.truth.segments.get(int(str(given["segmentId"]).rpartition("/")[2]))
        if segment is None:
            raise Refused("NOT_FOUND", "Segment not found")
        members = sorted(segment[1], key=lambda one: str(one)[::-1])  # In no order of ids.
        page = self._page([{"id": gid(one, "CustomerSegmentMember")} for one in members], given, most=1_000)
        return {**page, "totalCount": len(members)}

    def _orders(self, info: Any, **given: Any) -> object:
        passes, now = read_query(given.get("query")), self.clock.now()
        found = [one for one in self.truth.orders.values() if one.visible_at <= now and passes(_order_fields(one))]
        page = self._page(found, given)
        page["nodes"] = [self._show_order(one) for one in page["nodes"]]
        return page

    def _show_order(self, order: Order) -> dict[str, Any]:
        if self.denies and order.phone:
            # Protected fields are refused one by one: a query that leaves them out is answered.
            def refused(info: Any) -> object:
                raise Refused("ACCESS_DENIED", "This app is not approved to use the phone field.")
        else:

            def refused(info: Any) -> object:
                return None if self.hides else order.phone

        return {
            "id": gid(order.id, "Order"),
            "name": f"#{order.id % 10_000}",
            "createdAt": iso(order.created),
            "updatedAt": iso(order.updated),
            "cancelledAt": None if order.cancelled is None else iso(order.cancelled),
            "test": order.test,
            "phone": refused,
            "email": None if self.hides else order.email,
            "checkoutToken": order.checkout.token if order.checkout else None,
            "cartToken": order.checkout.cart_token if order.checkout else None,
            "customer": {"id": gid(order.customer)} if order.customer else None,
            "shippingAddress": None,
        }

    def _checkouts(self, info: Any, **given: Any) -> object:
        passes = read_query(given.get("query"))
        found = [one for one in self.truth.checkouts.values() if not one.deleted and passes({"id": one.id})]
        return self._page([_show_checkout(one, self.truth.domain) for one in found], given)

    # ---- what is written --------------------------------------------------------------------------------

    def _write_sms(self, info: Any, input: Mapping[str, Any]) -> object:
        said = input["smsMarketingConsent"]
        return self._write(input["customerId"], "sms", said["marketingState"], said.get("consentUpdatedAt"))

    def _write_whatsapp(self, info: Any, input: Mapping[str, Any]) -> object:
        said = input["whatsAppMarketingConsent"]
        return self._write(input["customerId"], "whatsapp", said["state"], said.get("updatedAt"))

    def _write(self, customer_gid: str, channel: str, state: str, written: str | None) -> object:
        customer = self.truth.customers.get(int(customer_gid.rpartition("/")[2]))
        problem = ""
        at = None if written is None else _read_time(written)
        if customer is None or not customer.is_live:
            problem = "Customer not found"
        elif not customer.phone:
            problem = "A phone number is required to set the SMS consent state."
        elif state not in ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING"):
            problem = f"{state} is not an acceptable value"
        elif at is not None and at > self.clock.now():
            problem = "consentUpdatedAt must not be in the future"
        if problem or customer is None:
            return {"userErrors": [{"field": ["input", "customerId"], "message": problem, "code": "INVALID"}]}
        self.truth.consent(customer.id, channel, state, at=at, source="OTHER")
        return {"customer": self._show(customer), "customerPhoneNumber": None, "userErrors": []}

    def _list_webhooks(self, info: Any, **given: Any) -> object:
        found = [
            {"id": gid(one, "WebhookSubscription"), "topic": topic, "uri": uri}
            for one, (topic, uri) in self.webhooks.items()
        ]
        return {"nodes": found[: given["first"]]}

    def _make_webhook(self, info: Any, topic: str, webhookSubscription: Mapping[str, Any]) -> object:
        uri = str(webhookSubscription["uri"])
        if (topic, uri) in self.webhooks.values():
            return {"userErrors": [{"field": None, "message": "Address for this topic has already been taken"}]}
        if topic not in self.silent_topics:
            self.webhooks[self.truth.new_id()] = (topic, uri)
        return {"webhookSubscription": None, "userErrors": []}

    def _delete_webhook(self, info: Any, id: str) -> object:
        is_there = self.webhooks.pop(int(id.rpartition("/")[2]), None) is not None
        errors = [] if is_there else [{"field": ["id"], "message": "Webhook subscription does not exist"}]
        return {"deletedWebhookSubscriptionId": id if is_there else None, "userErrors": errors}


def _show_error(error: GraphQLError) -> object:
    cause = error.original_error
    assert isinstance(cause, Refused), error
    return {"message": str(cause), "path": list(error.path or ()), "extensions": {"code": cause.code}}


def _show_consent(consent: Consent) -> dict[str, Any]:
    at = None if consent.at is None else iso(consent.at)
    return {"state": consent.state, "updatedAt": at, "collectedFrom": consent.source, "optInLevel": consent.level}


def _order_fields(order: Order) -> Mapping[str, Any]:
    return {
        "id": order.id,
        "checkout_token": order.checkout.token if order.checkout else None,
        "cart_token": order.checkout.cart_token if order.checkout else None,
        "customer_id": order.customer,
        "email": order.email,
        "created_at": order.created,
        "updated_at": order.updated,
    }


def _show_checkout(checkout: Checkout, domain: str) -> Mapping[str, Any]:
    return {
        "id": gid(checkout.id, "AbandonedCheckout"),
        "name": f"#{checkout.id % 10_000}",
        "createdAt": iso(checkout.created),
        "updatedAt": iso(checkout.updated),
        "completedAt": None if checkout.completed is None else iso(checkout.completed),
        "abandonedCheckoutUrl": f"https://{domain}/checkouts/ac/{checkout.token}/recover",
        "totalPriceSet": {"shopMoney": {"amount": checkout.total, "currencyCode": "KES"}},
    }


def _read_time(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def _count_objects(data: object) -> int:
    if isinstance(data, Mapping):
        return 1 + sum(_count_objects(value) for value in data.values())
    return sum(_count_objects(one) for one in data) if isinstance(data, list) else 0
