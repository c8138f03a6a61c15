"""The calls that Pipedrive takes, what each costs, and what its statuses mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from daftari.connectors.calls import (
    CALL_SECONDS,
    RESPONSE_BYTES_MAX,
    Bucket,
    Budget,
    Caller,
    TryAgain,
    is_page,
    read_number,
    require_response,
    unavailable,
    without_secrets,
)
from daftari.connectors.pipedrive import answers
from daftari.connectors.protocol import Connection, ConnectorFailed
from daftari.connectors.times import show_clock
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

TITLE = "Pipedrive"
PERSONS = "/api/v2/persons"
ME = "/api/v1/users/me"
FIELDS = "/api/v1/personFields"
FILTERS = "/api/v1/filters"
RECENTS = "/api/v1/recents"
WEBHOOKS = "/api/v1/webhooks"

DAILY_TOKENS = 30_000
"""Of the smallest plan with one user; a setting names those of a larger one."""
BLOCKED_SECONDS = 900.0
"""The pause after the network in front of Pipedrive refuses calls."""
USED_UP_SECONDS = 3_600.0
"""The pause after the day's tokens were used up. It is not documented at what time a day there ends."""
WINDOW_SECONDS = 2.0

LIST, CHANGE, GET_V1, LIST_V1, MAKE_V1, DELETE_V1 = 10, 5, 2, 20, 10, 6
"""Tokens of a call."""

_COMPANY = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Api:
    """The calls of one token."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._caller = caller
        self._url = _find_url(connection)
        self._budget = Budget(caller.usage, zone="UTC")
        given = connection.settings.get("daily_tokens", "")
        caller.usage.allowed = int(given) if given.isdecimal() else DAILY_TOKENS
        self._bucket = Bucket(20, WINDOW_SECONDS)

    def get(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        cost: int,
        accepts: tuple[int, ...] = (),
        is_reading: bool = True,
    ) -> OutboundResponse:
        target = f"{path}?{urlencode(query)}" if query else path
        return self.call("GET", target, cost=cost, accepts=accepts, is_reading=is_reading)

    def call(
        self,
        method: str,
        path: str,
        *,
        cost: int,
        body: object = None,
        accepts: tuple[int, ...] = (),
        is_reading: bool = True,
        repeats: bool = True,
    ) -> OutboundResponse:
        """A response of status 2xx or one that is accepted."""
        headers = {"Accept": "application/json", "x-api-token": self._connection.credentials.get("token", "")}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = OutboundRequest(
            method=method,
            url=self._url + path,
            headers=headers,
            body=b"" if body is None else msgspec.json.encode(body),
            total_seconds=CALL_SECONDS,
            response_bytes_max=RESPONSE_BYTES_MAX,
        )

        def charge() -> None:
            if not self._budget.charge(cost, now=self._caller.now(), in_share=is_reading):
                raise self._spent()

        return self._caller.call(
            request,
            bucket=self._bucket,
            judge=lambda result: self._judge(result, accepts),
            charge=charge,
            repeats=repeats,
        )

    def quote(self, says: str) -> str:
        """Pipedrive's own words, without the token."""
        return without_secrets(says, self._connection.credentials)

    def _judge(self, result: OutboundResult, accepts: tuple[int, ...]) -> OutboundResponse:
        response = require_response(result, title=TITLE)
        limit = read_number(response.headers, "x-ratelimit-limit")
        if limit:
            self._bucket.allow(limit, WINDOW_SECONDS)
        status = response.status
        if status == 403 and is_page(response):
            raise self._blocked()
        if is_page(response) and status < 500 and status != 429:
            raise TryAgain(unavailable(TITLE, f"it answers with a page for people ({status})"))
        if 200 <= status <= 299 or status in accepts:
            return response
        raise self._failure(response)

    def _failure(self, response: OutboundResponse) -> Exception:
        status = response.status
        if status == 429:
            return self._limited(response)
        if status >= 500:
            seconds = response.retry_after_seconds
            again_at = None if seconds is None else self._caller.after(seconds)
            return TryAgain(unavailable(TITLE, f"it answers {status}", until=again_at), seconds=seconds)
        says = self.quote(answers.read_error(response.body).says)
        if status == 401:
            says = (
                "Pipedrive refused the token (401). A user has one token at a time: copy it again from Personal "
                f'preferences, API, and give it with "daftari connection key {self._connection.name}"; nothing is '
                "lost, the sync continues where it stopped."
            )
            return ConnectorFailed("broken", "key_refused", says)
        if status in (402, 403):
            says = (
                f"Pipedrive refuses this token a call ({status}: {says}). Give the token of a user with admin rights."
            )
            return ConnectorFailed("broken", "forbidden", says)
        return ConnectorFailed("again", "refused", f"Pipedrive refused a call ({status}): {says}")

    def _limited(self, response: OutboundResponse) -> Exception:
        """What a 429 means: with calls left in the window, it is the day's tokens that are used up."""
        if read_number(response.headers, "x-ratelimit-remaining"):
            usage = self._budget.usage
            says = (
                f"Pipedrive's tokens for today are used up ({usage.allowed:,}; {usage.used:,} by us, the rest by other "
                "programs). It tries again each hour; what webhooks announce waits until then."
            )
            return ConnectorFailed("limited", "daily_limit", says, until=self._caller.after(USED_UP_SECONDS))
        self._bucket.leave(0)
        seconds = read_number(response.headers, "x-ratelimit-reset") or response.retry_after_seconds or WINDOW_SECONDS
        says = "Pipedrive takes no more calls for a moment: another program uses the same token."
        failure = ConnectorFailed("limited", "rate_limit", says, until=self._caller.after(60.0))
        return TryAgain(failure, seconds=float(seconds), taken=False)

    def _blocked(self) -> ConnectorFailed:
        until = self._caller.after(BLOCKED_SECONDS)
        says = (
            "Pipedrive's network refuses our calls for a while, because too many came from here. "
            f"It continues at {show_clock(until, self._budget.zone)} UTC."
        )
        return ConnectorFailed("limited", "blocked", says, until=until)

    def _spent(self) -> ConnectorFailed:
        spent = self._budget.spent(TITLE, "tokens", now=self._caller.now())
        says = spent.message.removesuffix(".") + "; what webhooks announce waits until then."
        return ConnectorFailed(spent.kind, spent.code, says, until=spent.until)


def _find_url(connection: Connection) -> str:
    if given := connection.settings.get("base_url"):
        return str(given).rstrip("/")
    company = connection.settings.get("company", "").lower()
    if not _COMPANY.fullmatch(company):
        raise ConnectorFailed(
            "broken",
            "company_unknown",
            f'"{company[:63]}" is no company of Pipedrive; write what stands before ".pipedrive.com" in its address.',
        )
    return f"https://{company}.pipedrive.com"
