"""The calls that Odoo takes, and what its statuses mean. A call is a model, a method and named arguments."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

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
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

TITLE = "Odoo"
PARTNER, BLACKLIST, TAG = "res.partner", "phone.blacklist", "res.partner.category"
ALL: Mapping[str, object] = {"active_test": False}
"""The context in which what is archived is found too."""

LIMIT_SECONDS = 10.0
"""The pause after too many calls, where the response names none."""
CALLS_PER_MINUTE = 600
CLOUD, CLOUD_CALLS_PER_MINUTE = ".odoo.com", 60
"""Odoo's own servers, which are for no more than a call a second."""

Row = dict[str, Any]
"""A record by the names of its fields; what is blank is false."""
T = TypeVar("T")


class _Error(Struct):
    name: str = ""
    message: str = ""


class Api:
    """The calls of one key."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._caller = caller
        self.url = read_url(connection)
        self.account = read_account(connection)
        is_cloud = (urlsplit(self.url).hostname or "").endswith(CLOUD)
        self._bucket = Bucket(CLOUD_CALLS_PER_MINUTE if is_cloud else CALLS_PER_MINUTE, 60.0)
        self.clock_ahead = 0.0
        """By how many seconds Odoo's clock was ahead of ours in the last answer."""

    def ask(self, model: str, method: str, kind: type[T], **arguments: object) -> T:
        """What a method returns."""
        return decode(self.call(model, method, arguments).body, kind, title=TITLE)

    def call(
        self, model: str, method: str, arguments: Mapping[str, object], *, accepts: tuple[int, ...] = ()
    ) -> OutboundResponse:
        """A response of status 2xx or one that is accepted. Every call may be repeated: it reads, or sets a state."""
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self._connection.credentials.get('key', '')}",
            "Content-Type": "application/json; charset=utf-8",
        }
        if database := self._connection.settings.get("database"):
            headers["X-Odoo-Database"] = database
        request = OutboundRequest(
            method="POST",
            url=f"{self.url}/json/2/{model}/{method}",
            headers=headers,
            body=msgspec.json.encode(arguments),
            total_seconds=CALL_SECONDS,
            response_bytes_max=RESPONSE_BYTES_MAX,
        )
        return self._caller.call(
            request, bucket=self._bucket, judge=lambda result: self._judge(result, accepts), charge=lambda: None
        )

    def read_error(self, response: OutboundResponse) -> str:
        """Odoo's own words, in a line and without the key."""
        try:
            error = msgspec.json.decode(response.body, type=_Error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            error = _Error()
        says = " ".join((error.message or error.name or "no reason given").split())
        return without_secrets(says, self._connection.credentials)

    def _judge(self, result: OutboundResult, accepts: tuple[int, ...]) -> OutboundResponse:
        response = require_response(result, title=TITLE)
        self._note_clock(response.headers.get("date", ""))
        status, page = response.status, is_page(response)
        if page and status == 404:
            # Odoo answers so for a path that it does not have, and where it does not know which database is meant.
            raise self._no_api(f"answers with a page ({status})")
        if 300 <= status <= 399:
            raise self._no_api(f"leads to {response.headers.get('location', 'another address')[:200]}")
        if (200 <= status <= 299 or status in accepts) and not page:
            return response
        raise self._failure(response)

    def _failure(self, response: OutboundResponse) -> Exception:
        status, seconds = response.status, response.retry_after_seconds
        if status == 429:
            seconds = seconds or LIMIT_SECONDS
            says = "Odoo takes no more calls for a moment: too many programs call it."
            failure = ConnectorFailed("limited", "rate_limit", says, until=self._caller.after(seconds))
            return TryAgain(failure, seconds=seconds, taken=False)
        if status == 401:
            says = (
                "Odoo refused the key (401). A key ends after three months at the latest: make another one for the "
                f'same user and give it with "daftari connection key {self._connection.name}"; nothing is lost, the '
                "sync continues where it stopped."
            )
            return ConnectorFailed("broken", "key_refused", says)
        says = self.read_error(response)
        if status == 403 and not is_page(response):
            says = f"Odoo does not let the user of this key do this (403): {says}"
            return ConnectorFailed("broken", "forbidden", says)
        if status in (403, 409) or status >= 500:
            until = None if seconds is None else self._caller.after(seconds)
            return TryAgain(unavailable(TITLE, f"it answers {status} ({says})", until=until), seconds=seconds)
        return ConnectorFailed("again", "refused", f"Odoo refused a call ({status}): {says}")

    def _no_api(self, why: str) -> ConnectorFailed:
        says = (
            f"There is no API of Odoo 19 at {self.url}, which {why}. Write the address as in a browser, without a "
            "path; if the server has several databases, give the one as database."
        )
        return ConnectorFailed("broken", "no_api", says)

    def _note_clock(self, written: str) -> None:
        try:
            self.clock_ahead = parsedate_to_datetime(written).timestamp() - self._caller.now()
        except ValueError:
            self.clock_ahead = 0.0


def read_url(connection: Connection) -> str:
    """The address of the server, without a path."""
    written = str(connection.settings.get("url", "")).strip()
    try:
        parts = urlsplit(written if "://" in written else f"https://{written}")
        if parts.scheme in ("http", "https") and parts.hostname and not parts.username:
            return f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        pass
    raise ConnectorFailed(
        "broken",
        "url_unknown",
        f'"{written[:200]}" is no address of Odoo; write it as in a browser, such as https://ziwa.odoo.com.',
    )


def read_account(connection: Connection) -> str:
    """What names a database: its server, and its name where that is set."""
    host, database = urlsplit(read_url(connection)).netloc, connection.settings.get("database")
    return f"{host}/{database}" if database else host
