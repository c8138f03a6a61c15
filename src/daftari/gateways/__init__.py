"""The gateways: one room a provider, each turning what that provider sends into the model's inbound events.

The next provider is a room here with a class that verifies and reads, a line in ``GATEWAYS``, and, if its codes tell
of opt-outs, lines in ``SIGNALS``. Rooms here use ``gateway`` and never each other.
This floor must not know the store, the rules or the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from daftari.gateways.africas_talking import AfricasTalking
from daftari.gateways.generic import Generic
from daftari.gateways.infobip import Infobip
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signals import SIGNALS
from daftari.gateways.sozuri import Sozuri
from daftari.gateways.twilio import Twilio
from daftari.gateways.whatsapp import WhatsApp

__all__ = ["GATEWAYS", "SIGNALS", "Gateway", "Proof"]

_ALL: tuple[Gateway, ...] = (Sozuri(), AfricasTalking(), Twilio(), Infobip(), WhatsApp(), Generic())

GATEWAYS: Mapping[str, Gateway] = MappingProxyType({gateway.name: gateway for gateway in _ALL})
"""Every gateway by its name."""
