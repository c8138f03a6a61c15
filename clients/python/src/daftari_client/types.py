"""The types of the values that calls take."""

from __future__ import annotations

from typing import Literal

Mobile = int | str
"""A phone number in any spelling."""
Channel = Literal["sms", "whatsapp", "premium_sms"]
AnyChannel = Literal["sms", "whatsapp", "premium_sms", "any"]
Purpose = Literal["marketing", "promotional", "transactional", "any"]
MessagePurpose = Literal["marketing", "transactional"]
Gateway = Literal["sozuri", "africas_talking", "twilio", "infobip", "whatsapp", "generic", "log"]
OnUnknown = Literal["hold", "resend"]
Source = Literal["api", "inbound", "provider", "import", "bulk", "console", "form"]
