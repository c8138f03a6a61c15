"""What a provider's code or event means for consent: one table of signals. No parsing, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec.structs import replace

from daftari.model.consent import ANY, Scope
from daftari.model.inbound import InboundSignal

OPTED_OUT = "optout"
"""In the provider's own menu, which has no code."""
PREFERENCES = "user_preferences"
"""In the settings of a conversation."""
MARKETING_STOPPED = "7033"
CONTENT_BLOCKED = "603"
UNSUBSCRIBED = "573"
"""Infobip's codes of a WhatsApp user who stopped marketing, and of a person who left a sender, in two ways."""


def _sms_from_sender(sender: str) -> Scope:
    return Scope(channel="sms", sender=sender or ANY)


def _sms(_sender: str) -> Scope:
    return Scope(channel="sms")


def _whatsapp_marketing(sender: str) -> Scope:
    return Scope(channel="whatsapp", sender=sender or ANY, purpose="marketing")


SIGNALS: Mapping[tuple[str, str], Callable[[str], Scope]] = MappingProxyType(
    {
        ("africas_talking", "406"): _sms_from_sender,
        ("africas_talking", OPTED_OUT): _sms_from_sender,
        ("infobip", CONTENT_BLOCKED): _sms_from_sender,
        ("infobip", MARKETING_STOPPED): _whatsapp_marketing,
        ("infobip", UNSUBSCRIBED): _sms_from_sender,
        ("sozuri", "18"): _sms_from_sender,
        ("sozuri", "19"): _sms,
        ("twilio", "21610"): _sms_from_sender,
        ("whatsapp", "131050"): _whatsapp_marketing,
        ("whatsapp", PREFERENCES): _whatsapp_marketing,
    }
)
"""What a provider's code about consent is about, by provider and code, for a sender or the blank of an unknown one."""


def signal_of(
    provider: str,
    code: str,
    *,
    number: str,
    sender: str,
    message_id: str | None,
    at: int | None,
    kind: Literal["opt_out", "opt_in"] = "opt_out",
    user_id: str = "",
) -> InboundSignal:
    """The signal that a code of ``SIGNALS`` stands for."""
    scope = SIGNALS[provider, code](sender)
    return InboundSignal(number or None, kind, scope, code=code, message_id=message_id, at=at, user_id=user_id)


def find_scope(provider: str, code: str, *, sender: str, channel: str) -> Scope | None:
    """What an answer with this code to a message of this channel is about; ``None`` for a code about anything else."""
    find = SIGNALS.get((provider, code.removeprefix("EC ")))
    return None if find is None else replace(find(sender), channel=channel)
