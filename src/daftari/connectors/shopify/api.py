"""The calls that Shopify takes: its GraphQL API, the points that a query costs, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from daftari.connectors.calls import (
    CALL_SECONDS,
    RESPONSE_BYTES_MAX,
    SAYS_MAX,
    Caller,
    TryAgain,
    decode,
    is_page,
    require_response,
    unavailable,
    without_secrets,
)
from daftari.connectors.protocol import Connection, ConnectorFailed
from daftari.connectors.shopify import answers
from daftari.connectors.shopify.operations import TITLE, VERSION, Operation
from daftari.connectors.shopify.tokens import Tokens
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

DOMAIN = ".myshopify.com"
POINTS, POINTS_PER_SECOND = 1_000.0, 100.0
"""Of the smallest plan, until an answer has the numbers of the shop's."""
BLOCKED_SECONDS = 300.0
"""The pause after the network in front of Shopify refuses calls."""
LIMITED_SECONDS = 2.0
"""The pause after a refusal that names none."""

HIDDEN = (
    "Shopify hides names and phone numbers from this app: the shop's plan must be above Basic, or use the shop's own "
    "webhooks."
)
_SHOP = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SCOPE = re.compile(r"`?\b((?:read|write)_[a-z_]+)`?")
T = TypeVar("T")


class TooCostly(Exception):
    """A query costs more points than one query may."""


class TokenRefused(ConnectorFailed):
    """Shopify does not take the token."""


class Points:
    """The points that queries cost. The shop fills their bucket again, and each answer says how full it is."""

    def __init__(self) -> None:
        self.cost = 0.0
        """Of the next call, as far as it is known."""
        self._size, self._rate = POINTS, POINTS_PER_SECOND
        self._left = POINTS
        self._at = 0.0

    def take(self, now: float) -> float:
        """Returns how many seconds to wait before the next call, whose cost is counted now."""
        self._left = min(self._size, self._left + max(now - self._at, 0.0) * self._rate)
        self._at = now
        self._left -= self.cost
        return max(-self._left, 0.0) / self._rate

    def learn(self, status: answers.Throttle, *, now: float) -> None:
        """Take over what an answer has about the bucket."""
        self._size, self._rate = status.maximum_available, max(status.restore_rate, 1.0)
        self._left, self._at = status.currently_available, now

    def seconds_until(self, cost: float) -> float:
        """How long it takes until there are so many points."""
        return max(cost - self._left, 0.0) / self._rate + 0.1


class Api:
    """The calls of one app, or of one token."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._caller = caller
        self.shop = read_shop(connection)
        self._url = (connection.settings.get("base_url") or f"https://{self.shop}").rstrip("/")
        self._tokens = Tokens(connection, caller, self._url, shop=self.shop)
        self._points = Points()
        self._costs: dict[str, float] = {}
        self.version = VERSION
        """Of the API that answered last."""

    @property
    def has_app(self) -> bool:
        """Whether there is a way to call at all."""
        return self._tokens.is_given

    def ask(self, operation: Operation, variables: Mapping[str, object], kind: type[T]) -> T:
        """The data of an operation. Raises ``TooCostly`` and ``ConnectorFailed``."""
        try:
            return self._ask(operation, variables, kind)
        except TokenRefused:
            # A token may be refused before its time, when the secret was changed or the app installed again.
            if not self._tokens.forget():
                raise
            return self._ask(operation, variables, kind)

    def quote(self, says: str) -> str:
        """Shopify's own words, without a secret."""
        return without_secrets(says, {**self._connection.credentials, "access": self._tokens.value})

    def _ask(self, operation: Operation, variables: Mapping[str, object], kind: type[T]) -> T:
        token = self._tokens.current()
        wanted = {"query": operation.text, "operationName": operation.name, "variables": variables}
        request = OutboundRequest(
            method="POST",
            url=f"{self._url}/admin/api/{VERSION}/graphql.json",
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "X-Shopify-Access-Token": token,
            },
            body=msgspec.json.encode(wanted),
            total_seconds=CALL_SECONDS,
            response_bytes_max=RESPONSE_BYTES_MAX,
        )
        weight = f"{operation.name}:{variables.get('first', '')}"
        self._points.cost = self._costs.get(weight, 0.0)
        found = answers.Envelope()

        def judge(result: OutboundResult) -> OutboundResponse:
            nonlocal found
            response = self._judge(result)
            found = decode(response.body, answers.Envelope, title=TITLE)
            self._learn(found, weight)
            if found.faults:
                raise self._failure(found)
            return response

        self._caller.call(request, bucket=self._points, judge=judge, charge=_count_nothing, repeats=operation.repeats)
        return decode(bytes(found.data), kind, title=TITLE)

    # ---- what an answer means -----------------------------------------------------------------------

    def _learn(self, found: answers.Envelope, weight: str) -> None:
        cost = found.extensions.cost
        if cost is None:
            return
        if cost.requested_query_cost is not None:
            self._costs[weight] = self._points.cost = cost.requested_query_cost
        if cost.throttle_status is not None:
            self._points.learn(cost.throttle_status, now=self._caller.now())

    def _judge(self, result: OutboundResult) -> OutboundResponse:
        response = require_response(result, title=TITLE)
        status = response.status
        if status == 200 and not is_page(response):
            self.version = response.headers.get("x-shopify-api-version", VERSION)
            return response
        if status in (403, 430) and (status == 430 or is_page(response)):
            raise self._blocked()
        if status == 200 or (is_page(response) and status < 500 and status not in (401, 402, 404)):
            raise TryAgain(unavailable(TITLE, f"it answers with a page for people ({status})"))
        raise self._refusal(response)

    def _refusal(self, response: OutboundResponse) -> Exception:
        status, seconds = response.status, response.retry_after_seconds
        if status == 429:
            return self._limited(seconds or LIMITED_SECONDS)
        if status >= 500 or status == 423:
            until = None if seconds is None else self._caller.after(seconds)
            return TryAgain(unavailable(TITLE, f"it answers {status}", until=until), seconds=seconds)
        name = self._connection.name
        if status == 401:
            return TokenRefused(
                "broken",
                "key_refused",
                "Shopify refused the token (401): the app was removed from the shop, or its token was withdrawn. "
                f'Install the app again and give its client id and secret with "daftari connection key {name}"; '
                "nothing is lost, the sync continues where it stopped.",
            )
        if status == 402:
            says = f"The shop {self.shop} is frozen (402): its owner has to pay Shopify's bill first."
            return ConnectorFailed("broken", "frozen", says)
        if status == 404:
            says = (
                f"There is no shop {self.shop} (404), or it is closed; write what stands before {DOMAIN} in its "
                "address at Shopify."
            )
            return ConnectorFailed("broken", "shop_unknown", says)
        says = self.quote(_read_fault(response.body))
        if status == 403:
            return ConnectorFailed("broken", "forbidden", f"Shopify refuses this app a call (403): {says}")
        return ConnectorFailed("again", "refused", f"Shopify refused a call ({status}): {says}")

    def _failure(self, found: answers.Envelope) -> Exception:
        """What the errors of an answer of status 200 mean. Half an answer is none: what is missing would look blank."""
        by_code = {one.extensions.code: one.message for one in found.faults}
        if "THROTTLED" in by_code:
            return self._limited(self._points.seconds_until(self._points.cost))
        if "MAX_COST_EXCEEDED" in by_code:
            return TooCostly(by_code["MAX_COST_EXCEEDED"])
        says = self.quote(found.faults[0].message)
        if "ACCESS_DENIED" in by_code:
            return _denied(self.quote(by_code["ACCESS_DENIED"]))
        if "SHOP_INACTIVE" in by_code:
            return ConnectorFailed("broken", "frozen", f"The shop {self.shop} is closed: {says}")
        if by_code.keys() & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
            return TryAgain(unavailable(TITLE, f"it answers {says}"))
        return ConnectorFailed("again", "refused", f"Shopify refused a call: {says}")

    def _limited(self, seconds: float) -> Exception:
        says = "Shopify takes no more calls of this app for a moment."
        failure = ConnectorFailed("limited", "rate_limit", says, until=self._caller.after(seconds))
        return TryAgain(failure, seconds=seconds, taken=False)

    def _blocked(self) -> ConnectorFailed:
        says = "Shopify's network refuses our calls for a while, because too many came from here."
        return ConnectorFailed("limited", "blocked", says, until=self._caller.after(BLOCKED_SECONDS))


def read_shop(connection: Connection) -> str:
    """The shop's own domain at Shopify. Raises ``ConnectorFailed``."""
    given = str(connection.settings.get("shop", "")).strip().lower()
    name = given.removeprefix("https://").rstrip("/").removesuffix(DOMAIN)
    if not _SHOP.fullmatch(name):
        raise ConnectorFailed(
            "broken",
            "shop_unknown",
            f'"{given[:63]}" is no shop of Shopify; write what stands before {DOMAIN} in its address, as in "ziwa".',
        )
    return name + DOMAIN


def _denied(says: str) -> ConnectorFailed:
    """What is missing, when the app may not read something: a scope, or the right to personal data."""
    scopes: Sequence[str] = [*dict.fromkeys(_SCOPE.findall(says))]
    if scopes:
        many = "scope" if len(scopes) == 1 else "scopes"
        says = f"The app may not do this: add the {many} {', '.join(scopes)}, release it and install it again."
        return ConnectorFailed("broken", "scope_missing", says)
    if "not approved" in says or "protected" in says:
        return ConnectorFailed("broken", "protected_data", HIDDEN)
    return ConnectorFailed("broken", "forbidden", f"Shopify refuses this app a call: {says}")


def _read_fault(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=answers.OAuthError).says
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body[:SAYS_MAX].decode(errors="replace")


def _count_nothing() -> None:
    """A day's calls are not limited."""
