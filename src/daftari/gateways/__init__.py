"""One module a messaging provider: it turns that provider's requests into inbound events, and sends through it.

``docs/inbound.md`` and ``docs/senders.md`` list what a new provider needs. The modules of providers never import each
other. No database, no rules, no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from daftari.gateways.africas_talking import AfricasTalking
from daftari.gateways.calls import group_messages
from daftari.gateways.generic import Generic
from daftari.gateways.infobip import Infobip
from daftari.gateways.log import Log
from daftari.gateways.protocol import (
    AccountField,
    Gateway,
    LogLine,
    Outcome,
    OutcomeWord,
    OutgoingMessage,
    Proof,
    SendingAccount,
    SendingGateway,
)
from daftari.gateways.sozuri import Sozuri
from daftari.gateways.twilio import Twilio
from daftari.gateways.whatsapp import WhatsApp

__all__ = [
    "GATEWAYS",
    "PROOF_HEADERS",
    "SENDING_GATEWAYS",
    "AccountField",
    "Gateway",
    "LogLine",
    "Outcome",
    "OutcomeWord",
    "OutgoingMessage",
    "Proof",
    "SendingAccount",
    "SendingGateway",
    "group_messages",
]

_ALL = (Sozuri(), AfricasTalking(), Twilio(), Infobip(), WhatsApp(), Generic())

GATEWAYS: Mapping[str, Gateway] = MappingProxyType({gateway.name: gateway for gateway in _ALL})
"""Every gateway that receives, by its name."""

SENDING_GATEWAYS: Mapping[str, SendingGateway] = MappingProxyType({gateway.name: gateway for gateway in (*_ALL, Log())})
"""Every gateway that sends, by its name."""

PROOF_HEADERS = frozenset(header for gateway in GATEWAYS.values() for header in gateway.proof_headers)
"""The headers that may hold a proof of origin; no other is read or stored."""
