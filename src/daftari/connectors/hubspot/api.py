"""The calls that HubSpot takes, their limits, and what its statuses mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from daftari.connectors.calls import (
    CALL_SECONDS,
    RESPONSE_BYTES_MAX,
    Bucket,
    Budget,
    Caller,
    TryAgain,
    decode,
    is_page,
    read_number,
    require_response,
    unavailable,
    without_secrets,
)
from daftari.connectors.hubspot import answers
from daftari.connectors.protocol import Connection, ConnectorFailed
from daftari.connectors.times import show_clock
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

TITLE = "HubSpot"
URL = "https://api.hubapi.com"
VERSION = "2026-09"
CONTACTS = f"/crm/objects/{VERSION}/contacts"
PROPERTIES = f"/crm/properties/{VERSION}/contacts"
LISTS = f"/crm/lists/{VERSION}"
DETAILS = f"/account-info/{VERSION}/details"
CONTACT_TYPE = "0-1"

READ_CONTACTS = "crm.objects.contacts.read"
WRITE_CONTACTS = "crm.objects.contacts.write"
READ_LISTS = "crm.lists.read"
READ_SCHEMAS = "crm.schemas.contacts.read"
WRITE_SCHEMAS = "crm.schemas.contacts.write"
_VERBS = {
    READ_CONTACTS: "read contacts",
    READ_LISTS: "read lists",
    WRITE_CONTACTS: "write contacts",
    READ_SCHEMAS: "list contact properties",
    WRITE_SCHEMAS: "make contact properties",
}

DAILY_CALLS = 250_000
"""Of the smallest account, until a response names the number."""
MOVED_SECONDS = 600.0
"""The pause while an account moves to another data centre, where the response names none."""
PAGE_SECONDS = 10.0
"""The pause after a page for people."""


class Api:
    """The calls of one key."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._caller = caller
        self._url = (connection.settings.get("base_url") or URL).rstrip("/")
        self._budget = Budget(caller.usage, zone=connection.time_zone)
        caller.usage.allowed = caller.usage.allowed or DAILY_CALLS
        self._calls = Bucket(100, 10.0)
        self._searches = Bucket(5, 1.0)

    def search(
        self,
        filters: Sequence[Mapping[str, str]],
        *,
        properties: Sequence[str],
        limit: int,
        newest_first: bool = False,
    ) -> answers.Contacts:
        """Contacts that meet all of these filters, by id, or those first that changed last."""
        newest = {"propertyName": "lastmodifieddate", "direction": "DESCENDING"}
        by_id = {"propertyName": "hs_object_id", "direction": "ASCENDING"}
        wanted = {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [newest if newest_first else by_id],
            "properties": properties,
            "limit": limit,
        }
        body = self.call("POST", f"{CONTACTS}/search", body=wanted, bucket=self._searches).body
        return decode(body, answers.Contacts, title=TITLE)

    def list(self, path: str, query: Mapping[str, str], *, list_id: str = "") -> answers.Contacts:
        """A page of contacts, or of the members of a list."""
        response = self.call("GET", f"{path}?{urlencode(query)}", accepts=(404,) if list_id else ())
        if response.status == 404:
            raise ConnectorFailed(
                "broken", "group_gone", f"HubSpot has no list {list_id} now: choose another one for the group."
            )
        return decode(response.body, answers.Contacts, title=TITLE)

    def get(self, path: str, *, accepts: tuple[int, ...] = ()) -> OutboundResponse:
        return self.call("GET", path, accepts=accepts)

    def post(
        self, path: str, body: object, *, accepts: tuple[int, ...] = (), is_reading: bool = True
    ) -> OutboundResponse:
        return self.call("POST", path, body=body, accepts=accepts, is_reading=is_reading)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        accepts: tuple[int, ...] = (),
        bucket: Bucket | None = None,
        is_reading: bool = True,
    ) -> OutboundResponse:
        """A response of status 2xx or one that is accepted. Every call may be repeated: it reads, or sets a state."""
        key = self._connection.credentials.get("key", "")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {key}"}
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
        used = bucket or self._calls

        def charge() -> None:
            now = self._caller.now()
            if not self._budget.charge(1, now=now, in_share=is_reading):
                raise self._budget.spent(TITLE, "calls", now=now)

        return self._caller.call(
            request, bucket=used, judge=lambda result: self._judge(result, accepts, used), charge=charge
        )

    def quote(self, says: str) -> str:
        """HubSpot's own words, without the key."""
        return without_secrets(says, self._connection.credentials)

    def _judge(self, result: OutboundResult, accepts: tuple[int, ...], bucket: Bucket) -> OutboundResponse:
        response = require_response(result, title=TITLE)
        self._learn(response)
        status = response.status
        if is_page(response) and status < 477:
            raise TryAgain(unavailable(TITLE, f"it answers with a page for people ({status})"), seconds=PAGE_SECONDS)
        if 200 <= status <= 299 or status in accepts:
            return response
        raise self._failure(response, bucket)

    def _failure(self, response: OutboundResponse, bucket: Bucket) -> Exception:
        status = response.status
        if status == 429:
            return self._limited(response, bucket)
        if status == 477:
            until = self._caller.after(response.retry_after_seconds or MOVED_SECONDS)
            clock = show_clock(until, self._budget.zone)
            says = f"HubSpot is moving this account to another data centre. It continues at {clock} its time."
            return ConnectorFailed("limited", "moving", says, until=until)
        if status == 423 or status >= 500:
            seconds = response.retry_after_seconds
            again_at = None if seconds is None else self._caller.after(seconds)
            return TryAgain(unavailable(TITLE, f"it answers {status}", until=again_at), seconds=seconds)
        if status == 401:
            says = (
                "HubSpot refused the key (401). Make a new service key and give it with "
                f'"daftari connection key {self._connection.name}"; nothing is lost, the sync continues where it '
                "stopped."
            )
            return ConnectorFailed("broken", "key_refused", says)
        error = answers.read_error(response.body)
        if status == 403:
            return self._forbidden(error)
        return ConnectorFailed("again", "refused", f"HubSpot refused a call ({status}): {self.quote(error.says)}")

    def _limited(self, response: OutboundResponse, bucket: Bucket) -> Exception:
        """What a 429 means: a day that is used up, or too many calls at once."""
        policy = answers.read_error(response.body).policy
        if policy == "DAILY":
            return self._budget.spent(TITLE, "calls", now=self._caller.now())
        bucket.leave(0)
        seconds = response.retry_after_seconds
        if seconds is None:
            seconds = 1.0 if policy == "SECONDLY" else 10.0
        says = "HubSpot takes no more calls for a moment: another program uses the same limit."
        failure = ConnectorFailed("limited", "rate_limit", says, until=self._caller.after(seconds))
        return TryAgain(failure, seconds=seconds, taken=False)

    def _forbidden(self, error: answers.Error) -> ConnectorFailed:
        if not error.scopes:
            says = f"HubSpot refuses this key a call (403): {self.quote(error.says)}"
            return ConnectorFailed("broken", "forbidden", says)
        may_not = _VERBS.get(error.scopes[0], "do this")
        scopes = "scope" if len(error.scopes) == 1 else "scopes"
        return ConnectorFailed(
            "broken", "scope_missing", f"The key may not {may_not}: add the {scopes} {', '.join(error.scopes)}."
        )

    def _learn(self, response: OutboundResponse) -> None:
        """Take over the limits that a response names. A search names none: it has a limit of its own."""
        most = read_number(response.headers, "x-hubspot-ratelimit-max")
        interval = read_number(response.headers, "x-hubspot-ratelimit-interval-milliseconds")
        if most and interval:
            self._calls.allow(most, interval / 1_000)
        remaining = read_number(response.headers, "x-hubspot-ratelimit-remaining")
        if remaining is not None:
            self._calls.leave(remaining)
        if daily := read_number(response.headers, "x-hubspot-ratelimit-daily"):
            self._budget.usage.allowed = daily
