"""Calls to providers: how messages are divided among them, and how a request is written. No provider's format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from daftari.gateways.protocol import AccountField, OutgoingMessage, SendingAccount, SendingGateway
from daftari.outbound.exchange import OutboundRequest

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def group_messages(
    messages: Iterable[OutgoingMessage], gateway: SendingGateway, account: SendingAccount
) -> list[list[OutgoingMessage]]:
    """Messages divided into calls, in their order: as full as may be, and no number twice in a call.

    Where a call has one text for all, only messages that differ in nothing but their number share one.
    """
    most = gateway.call_max(account)
    calls: list[list[OutgoingMessage]] = []
    current: dict[object, tuple[list[OutgoingMessage], set[int]]] = {}
    for message in messages:
        key = None if gateway.personal else _shared(message)
        call, mobiles = current.get(key, ([], {message.mobile}))
        if message.mobile in mobiles or len(call) >= most:
            call, mobiles = [], set()
            calls.append(call)
            current[key] = call, mobiles
        call.append(message)
        mobiles.add(message.mobile)
    return calls


def _shared(message: OutgoingMessage) -> object:
    return (
        *(message.text, message.template, message.language, message.params),
        *(message.valid_seconds, message.link_id),
    )


def require_one_text(messages: Sequence[OutgoingMessage]) -> OutgoingMessage:
    """The first of messages that differ in their number alone. Raises ``ValueError`` for others."""
    if len({_shared(message) for message in messages}) != 1 or len({one.mobile for one in messages}) != len(messages):
        raise ValueError("A call of this provider carries one text, to each number once; divide with group_messages.")
    return messages[0]


def require_one(messages: Sequence[OutgoingMessage]) -> OutgoingMessage:
    """The only message. Raises ``ValueError`` for more."""
    if len(messages) != 1:
        raise ValueError("A call of this provider carries one message; divide with group_messages.")
    return messages[0]


# ---- requests ---------------------------------------------------------------------------------------


def base_url(default: str) -> AccountField:
    """The setting of the address at which the provider is called."""
    return AccountField("base_url", "Where the provider is called; only for a proxy or a test.", default=default)


def post_json(url: str, record: object, *, headers: Mapping[str, str]) -> OutboundRequest:
    return OutboundRequest(
        method="POST",
        url=url,
        headers={"Accept": JSON, "Content-Type": JSON, **headers},
        body=msgspec.json.encode(record),
    )


def post_form(url: str, fields: Mapping[str, str], *, headers: Mapping[str, str]) -> OutboundRequest:
    """A form; blank fields are left out."""
    return OutboundRequest(
        method="POST",
        url=url,
        headers={"Accept": JSON, "Content-Type": FORM, **headers},
        body=urlencode({name: value for name, value in fields.items() if value}).encode(),
    )


def get_json(url: str, *, headers: Mapping[str, str]) -> OutboundRequest:
    return OutboundRequest(method="GET", url=url, headers={"Accept": JSON, **headers})


def with_query(url: str, fields: Mapping[str, str]) -> str:
    """The URL with more fields in its query; a blank URL stays blank."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}" if url else ""


def write_template(message: OutgoingMessage) -> dict[str, object]:
    """An approved template of WhatsApp with its parameters, as Meta's API has it."""
    template: dict[str, object] = {"name": message.template, "language": {"code": message.language}}
    if message.params:
        parameters = [{"type": "text", "text": param} for param in message.params]
        template["components"] = [{"type": "body", "parameters": parameters}]
    return template
