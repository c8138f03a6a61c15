"""Accounts, messages and answers that tests of sending share."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from daftari.gateways import SENDING_GATEWAYS
from daftari.gateways.protocol import LogLine, Outcome, OutgoingMessage, SendingAccount
from daftari.model.secrets import Secret
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

AKINYI, WANJIRU, OTIENO = 254722000001, 254733000002, 254700000003
SECRET = Secret("kikapu-cha-siri")
REPORTS = "https://book.example/v1/inbound/provider/token"


def message(mobile: int = AKINYI, number: int = 1, **given: object) -> OutgoingMessage:
    fields: dict[str, object] = {"id": f"1-{number}-1", "mobile": mobile, "text": "Habari & karibu"}
    return OutgoingMessage(**(fields | given))


def account(
    gateway: str, *, channel: str = "sms", settings: Mapping[str, str] | None = None, **given: object
) -> SendingAccount:
    """An account with everything that the gateway needs."""
    fields: dict[str, object] = {
        "channel": channel,
        "name": "254700000009" if channel == "whatsapp" else "DUKA",
        "purpose": "marketing",
        "settings": SETTINGS.get(gateway, {}) | (settings or {}),
        "credentials": {field.name: SECRET for field in SENDING_GATEWAYS[gateway].credentials},
        "reports_url": REPORTS,
    }
    return SendingAccount(**(fields | given))


SETTINGS: dict[str, dict[str, str]] = {
    "sozuri": {"project": "Duka"},
    "africas_talking": {"username": "duka"},
    "twilio": {"account_sid": "AC1"},
    "infobip": {"base_url": "https://x1.api.infobip.com"},
    "whatsapp": {"phone_number_id": "106540352242922"},
    "generic": {
        "url": "https://sms.example/send",
        "headers": "Authorization: Bearer {{key}}",
        "body": '{"to": "{{to}}", "text": "{{text}}", "ref": "{{id}}"}',
        "id_pointer": "/id",
    },
}


def composed(gateway: str, *messages: OutgoingMessage, **given: object) -> OutboundRequest:
    request = SENDING_GATEWAYS[gateway].compose(messages, account(gateway, **given))
    assert isinstance(request, OutboundRequest)
    return request


def answer(body: object = b"", status: int = 200, *, retry_after: float | None = None) -> OutboundResponse:
    written = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return OutboundResponse(status=status, headers={}, body=written, incomplete=None, retry_after_seconds=retry_after)


def outcomes(
    gateway: str, result: OutboundResult | LogLine, *messages: OutgoingMessage, **given: object
) -> list[Outcome]:
    return SENDING_GATEWAYS[gateway].outcomes(result, messages, account(gateway, **given))


def words(gateway: str, result: OutboundResult | LogLine, *messages: OutgoingMessage, **given: object) -> list[str]:
    return [outcome.word for outcome in outcomes(gateway, result, *messages, **given)]
