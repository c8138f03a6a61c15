"""The token of a Shopify app: asked for with the app's client id and secret, and renewed at half its life."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from daftari.connectors.calls import (
    CALL_SECONDS,
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
from daftari.connectors.shopify import answers
from daftari.connectors.shopify.operations import TITLE
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

LIFE_SECONDS = 86_399.0
"""Of a token, unless its answer says otherwise."""
AGAIN_SECONDS = 300.0
"""The pause before a renewal that failed is tried again, while the token of before is good."""


class Tokens:
    """The token that calls bear: one that was given, or those of an app, one after the other."""

    def __init__(self, connection: Connection, caller: Caller, url: str, *, shop: str) -> None:
        self._connection = connection
        self._caller = caller
        self._url = f"{url}/admin/oauth/access_token"
        self._shop = shop
        credentials = connection.credentials
        self._client = (credentials.get("client_id", ""), credentials.get("client_secret", ""))
        self._fixed = "" if all(self._client) else str(credentials.get("token", ""))
        self._bucket = Bucket(4, 1.0)
        self._renew_at = self._ends_at = 0.0
        self.value = self._fixed

    @property
    def is_given(self) -> bool:
        """Whether there is a token, or what one is made with."""
        return bool(self._fixed) or all(self._client)

    def current(self) -> str:
        """The token to use now. Raises ``ConnectorFailed``."""
        now = self._caller.now()
        if self._fixed or now < self._renew_at:
            return self.value
        if not self.is_given:
            says = (
                "This connection has no app: give the client id and secret of one with "
                f'"daftari connection key {self._connection.name}", or use the shop\'s own webhooks alone.'
            )
            raise ConnectorFailed("broken", "no_app", says)
        try:
            self._renew(now)
        except ConnectorFailed as failure:
            if failure.kind == "broken" or now >= self._ends_at:
                raise
            self._renew_at = now + AGAIN_SECONDS
        return self.value

    def forget(self) -> bool:
        """The token was refused. Returns whether another one can be asked for."""
        if self._fixed:
            return False
        self._renew_at = self._ends_at = 0.0
        self.value = ""
        return True

    def _renew(self, now: float) -> None:
        client_id, client_secret = self._client
        wanted = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": str(client_secret)}
        request = OutboundRequest(
            method="POST",
            url=self._url,
            headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(wanted).encode(),
            total_seconds=CALL_SECONDS,
        )
        response = self._caller.call(request, bucket=self._bucket, judge=self._judge, charge=lambda: None)
        token = decode(response.body, answers.Token, title=TITLE)
        life = token.expires_in if token.expires_in else LIFE_SECONDS
        self.value = token.access_token
        self._renew_at, self._ends_at = now + life / 2, now + life

    def _judge(self, result: OutboundResult) -> OutboundResponse:
        response = require_response(result, title=TITLE)
        status = response.status
        if 200 <= status <= 299 and not is_page(response):
            return response
        if status in (400, 401, 403, 404):
            raise ConnectorFailed("broken", "key_refused", self._refusal(response))
        failure = unavailable(TITLE, f"it answers {status} when a token is asked for")
        raise TryAgain(failure, seconds=response.retry_after_seconds, taken=status != 429)

    def _refusal(self, response: OutboundResponse) -> str:
        says = "no reason given"
        if not is_page(response):
            try:
                says = msgspec.json.decode(response.body, type=answers.OAuthError).says
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                says = "no reason given"
        says = without_secrets(says, self._connection.credentials)
        return (
            f"Shopify gives no token for the app's client id and secret ({response.status}: {says}). Look whether the "
            f"app is installed on {self._shop} and belongs to the same organisation, and give both with "
            f'"daftari connection key {self._connection.name}"; nothing is lost, the sync continues where it stopped.'
        )
