"""The calls that a shop with WooCommerce takes, and what its statuses mean."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from daftari.connectors.calls import (
    CALL_SECONDS,
    RESPONSE_BYTES_MAX,
    Bucket,
    Caller,
    TryAgain,
    decode,
    is_page,
    require_response,
    unavailable,
    without_secrets,
)
from daftari.connectors.protocol import Connection, ConnectorFailed
from daftari.connectors.woocommerce import answers
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

TITLE = "WooCommerce"
INDEX = "/wp-json/"
CUSTOMERS = "/wp-json/wc/v3/customers"
ORDERS = "/wp-json/wc/v3/orders"
WEBHOOKS = "/wp-json/wc/v3/webhooks"

CALLS_PER_SECOND = 5
"""A shop is often on a small machine that it shares with others."""
LIMITED_SECONDS, BLOCKED_SECONDS = 5.0, 900.0
"""The pauses after a refusal that names none, and after a guard in front of the shop refuses calls."""
_SITE = re.compile(r"(https)://([a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?)((?:/[A-Za-z0-9._~-]+)*)/?", re.IGNORECASE)


class Api:
    """The calls of one key."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._caller = caller
        self.site = read_site(connection)
        self._url = (connection.settings.get("base_url") or self.site).rstrip("/")
        given = connection.credentials
        pair = f"{given.get('consumer_key', '')}:{given.get('consumer_secret', '')}"
        self._proof = f"Basic {b64encode(pair.encode()).decode()}"
        self._bucket = Bucket(CALLS_PER_SECOND, 1.0)

    def read_index(self) -> answers.Index | None:
        """How the site describes itself; ``None`` where a plugin hides it from who is not signed in.

        Asked without the key: WordPress takes it there for the password of a user, and refuses it.
        """
        query = {"_fields": "name,home,timezone_string,gmt_offset"}
        response = self._call("GET", f"{INDEX}?{urlencode(query)}", {}, accepts=(401, 403))
        return decode(response.body, answers.Index, title=TITLE) if response.status == 200 else None

    def get(self, path: str, query: Mapping[str, object], *, accepts: tuple[int, ...] = ()) -> OutboundResponse:
        return self.call("GET", f"{path}?{urlencode(query)}", accepts=accepts)

    def call(
        self, method: str, path: str, *, body: object = None, accepts: tuple[int, ...] = (), repeats: bool = True
    ) -> OutboundResponse:
        """A response of status 2xx or one that is accepted."""
        return self._call(method, path, {"Authorization": self._proof}, body=body, accepts=accepts, repeats=repeats)

    def quote(self, says: str) -> str:
        """WooCommerce's own words, without a secret."""
        return without_secrets(says, self._connection.credentials)

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: object = None,
        accepts: tuple[int, ...] = (),
        repeats: bool = True,
    ) -> OutboundResponse:
        known = {"Accept": "application/json", "Cache-Control": "no-cache", **headers}
        request = OutboundRequest(
            method=method,
            url=self._url + path,
            headers=known if body is None else {**known, "Content-Type": "application/json"},
            body=b"" if body is None else msgspec.json.encode(body),
            total_seconds=CALL_SECONDS,
            response_bytes_max=RESPONSE_BYTES_MAX,
        )
        return self._caller.call(
            request,
            bucket=self._bucket,
            judge=lambda result: self._judge(result, accepts, is_reading=method == "GET"),
            charge=lambda: None,
            repeats=repeats,
        )

    def _judge(self, result: OutboundResult, accepts: tuple[int, ...], *, is_reading: bool) -> OutboundResponse:
        response = require_response(result, title=TITLE)
        status, is_html = response.status, is_page(response)
        code = str(answers.read_error(response.body).code) if status >= 400 and not is_html else ""
        if status == 404 and (is_html or code == "rest_no_route"):
            raise ConnectorFailed("broken", "no_api", self._say_no_api())
        if status in (301, 302, 303, 307, 308):
            elsewhere = response.headers.get("location", "").split("/wp-json")[0][:200]
            says = f'The shop is not at {self._url}: it sends its callers to "{elsewhere}". Give that as url.'
            raise ConnectorFailed("broken", "moved", says)
        if status == 403 and is_html:
            raise self._blocked()
        if is_html and status < 500 and status != 429:
            raise TryAgain(unavailable(TITLE, f"it answers with a page for people ({status})"))
        if 200 <= status <= 299 or status in accepts:
            return response
        raise self._failure(response, code, is_reading=is_reading)

    def _failure(self, response: OutboundResponse, code: str, *, is_reading: bool) -> Exception:
        status, seconds = response.status, response.retry_after_seconds
        if status == 429:
            says = "The shop takes no more calls for a moment: its host counts them."
            failure = ConnectorFailed("limited", "rate_limit", says, until=self._caller.after(seconds or 60.0))
            return TryAgain(failure, seconds=seconds or LIMITED_SECONDS, taken=False)
        if status >= 500:
            again_at = None if seconds is None else self._caller.after(seconds)
            return TryAgain(unavailable(TITLE, f"it answers {status}", until=again_at), seconds=seconds)
        says = self.quote(answers.read_error(response.body).message or "no reason given")
        if status == 401:
            return ConnectorFailed("broken", "key_refused", self._say_refused(code, says, is_reading=is_reading))
        if status == 403:
            says = (
                f"WooCommerce refuses this key a call (403: {says}). Make the key for an administrator or a shop "
                "manager."
            )
            return ConnectorFailed("broken", "forbidden", says)
        return ConnectorFailed("again", "refused", f"WooCommerce refused a call ({status}): {says}")

    def _say_refused(self, code: str, says: str, *, is_reading: bool) -> str:
        give = f'give it with "daftari connection key {self._connection.name}"'
        if code != "woocommerce_rest_authentication_error":
            # A key that is not known is no error there: the call counts as one without a key.
            return (
                f"WooCommerce does not know the key, or does not see it (401: {says}). Copy both parts again and "
                f"{give}. If they are right, the shop's web server drops the header Authorization: have its host pass "
                "it on."
            )
        if not is_reading:
            return (
                f"The key may not write (401: {says}). Make one with the permission Read/Write and {give}; nothing is "
                "lost."
            )
        return (
            f"WooCommerce refused the key (401: {says}). Make one under WooCommerce, Settings, Advanced, REST API, "
            f"with the permission Read/Write, and {give}; nothing is lost, the sync continues where it stopped."
        )

    def _say_no_api(self) -> str:
        return (
            f"There is no WooCommerce API at {self._url}/wp-json/wc/v3 (404). Look whether url is the address of the "
            "shop, whether WooCommerce is active, and whether Settings, Permalinks is anything but Plain."
        )

    def _blocked(self) -> ConnectorFailed:
        says = (
            "A guard in front of the shop, such as its host's or a security plugin, refuses our calls (403). Have it "
            "allow /wp-json/wc/v3 for this service; it is tried again every 15 minutes."
        )
        return ConnectorFailed("limited", "blocked", says, until=self._caller.after(BLOCKED_SECONDS))


def read_site(connection: Connection) -> str:
    """The address of the shop, without a slash at its end. Raises ``ConnectorFailed``."""
    written = str(connection.settings.get("url", "")).strip()
    found = _SITE.fullmatch(written)
    if found is not None:
        return f"https://{found[2].lower()}{found[3]}"
    if written.lower().startswith("http://"):
        says = (
            f'"{written[:100]}" is not https: everyone on the way could read the key and the customers, and '
            "WooCommerce takes a key as it is over https alone. Have the host make a certificate, which is free, and "
            "give the https address."
        )
        raise ConnectorFailed("broken", "not_https", says)
    says = f'"{written[:100]}" is no address of a shop; write it as in "https://ziwa.example".'
    raise ConnectorFailed("broken", "url_unknown", says)


def name_shop(url: str) -> str:
    """A shop as it is known here: the host and the path of its address."""
    host, slash, path = url.partition("://")[2].rstrip("/").partition("/")
    return f"{host.lower()}{slash}{path}"
